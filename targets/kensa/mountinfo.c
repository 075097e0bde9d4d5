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

static bool is_writable(const char *options)
{
	return kernelio_fstab_has_option(torn_bytes_of(options), torn_bytes_of("rw"));
}

/* Each option but ro and rw, with a comma before it. */
static void put_others(FILE *stream, const char *options)
{
	while (*options) {
		const size_t length = strcspn(options, ",");
		const bool is_access = length == 2 && (strncmp(options, "ro", 2) == 0 || strncmp(options, "rw", 2) == 0);
		if (length > 0 && !is_access)
			fprintf(stream, ",%.*s", (int)length, options);
		options += length + (options[length] == ',');
	}
}

/* "rw,nosuid" and "ro,size=4k": "ro,nosuid,size=4k". It is rw where both are (util-linux 2.38, tried out). */
static char *joined(const char *of_mount, const char *of_filesystem)
{
	char *text = NULL;
	size_t size = 0;

	FILE *stream = open_memstream(&text, &size);
	if (!stream)
		return NULL;
	fputs(is_writable(of_mount) && is_writable(of_filesystem) ? "rw" : "ro", stream);
	put_others(stream, of_mount);
	put_others(stream, of_filesystem);
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
	info->of_mount = strdup(words[5]);
	info->of_filesystem = strdup(dash + 3 < count ? words[dash + 3] : "");
	info->options = info->of_mount && info->of_filesystem ? joined(info->of_mount, info->of_filesystem) : NULL;
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
	struct mountinfo info = {NULL, NULL, NULL, NULL};
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
	free(info->of_mount);
	free(info->of_filesystem);
	free(info->options);
	*info = (struct mountinfo){NULL, NULL, NULL, NULL};
}
