/* mountinfo.c: see mountinfo.h. */
#include "mountinfo.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernelio_files.h"
#include "kernelio_fstab.h"

#define WORDS_MAX 32

/* The kernel writes white space and backslashes of a path in octal. */
static char *escaped(const char *path)
{
	char *text = malloc(4 * strlen(path) + 1);
	char *end = text;

	if (!text)
		return NULL;
	for (; *path; path++) {
		if (strchr(" \t\n\\", *path))
			end += sprintf(end, "\\%03o", (unsigned char)*path);
		else
			*end++ = *path;
	}
	*end = '\0';
	return text;
}

/* "rw,nosuid" and "rw,size=4k": "rw,nosuid,size=4k". */
static char *merged(const char *of_mount, const char *of_filesystem)
{
	char *text = NULL;
	size_t size = 0;

	FILE *stream = open_memstream(&text, &size);
	if (!stream)
		return NULL;
	fputs(of_mount, stream);
	for (const char *option = of_filesystem; *option;) {
		const size_t length = strcspn(option, ",");
		const struct torn_bytes bytes = {(const uint8_t *)option, length};
		if (length > 0 && !kernelio_fstab_has_option(torn_bytes_of(of_mount), bytes))
			fprintf(stream, ",%.*s", (int)length, option);
		option += length + (option[length] == ',');
	}
	if (fclose(stream) == 0)
		return text;
	free(text);
	return NULL;
}

/*
 * 36 35 98:0 /root /mount/point rw,noatime shared:1 - ext3 /dev/sda1 rw,errors=continue
 * The line is cut apart. Returns 0; 1 where it is about another directory; -1: no memory.
 */
static int take_line(char *line, const char *mount_point, struct mountinfo *info)
{
	char *words[WORDS_MAX];
	char *rest = NULL;
	size_t count = 0, dash = 6;

	for (char *word = strtok_r(line, " ", &rest); word && count < WORDS_MAX;
	     word = strtok_r(NULL, " ", &rest))
		words[count++] = word;
	while (dash < count && strcmp(words[dash], "-") != 0)
		dash++;
	if (dash + 2 >= count || strcmp(words[4], mount_point) != 0)
		return 1;
	mountinfo_free(info); /* of what this one is mounted over */
	info->source = strdup(words[dash + 2]);
	info->options = merged(words[5], dash + 3 < count ? words[dash + 3] : "");
	return info->source && info->options ? 0 : -1;
}

static int take_lines(char *text, const char *mount_point, struct mountinfo *info)
{
	int result = 1;

	for (char *line; (line = strsep(&text, "\n"));) {
		int taken = take_line(line, mount_point, info);
		if (taken < 0)
			return -1;
		if (taken == 0)
			result = 0;
	}
	if (result == 0)
		return 0;
	errno = ENOENT;
	return -1;
}

int mountinfo_read(const char *mount_point, struct mountinfo *ret_info)
{
	struct mountinfo info = {NULL, NULL};
	char *text = NULL;
	size_t size = 0;

	if (kernelio_read_file("/proc/self/mountinfo", &text, &size) < 0) {
		if (errno == ENOENT)
			errno = EIO; /* not: nothing is mounted there */
		return -1;
	}
	char *wanted = escaped(mount_point);
	int result = wanted ? take_lines(text, wanted, &info) : -1;
	int number = errno;
	free(wanted);
	free(text);
	if (result < 0) {
		mountinfo_free(&info);
		errno = number;
		return -1;
	}
	*ret_info = info;
	return 0;
}

void mountinfo_free(struct mountinfo *info)
{
	free(info->source);
	free(info->options);
	*info = (struct mountinfo){NULL, NULL};
}
