/* kernelio_sysctl.c: see kernelio_sysctl.h. */
#include "kernelio_sysctl.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "../go/go_os.h"
#include "kernelio_files.h"

#define LEAD "/proc/sys"

/*
 * filepath.Clean of "/proc/sys" and the key. As "/" is refused, no part of it can be "..": what is
 * left to clean are empty parts, of which a key of nothing but dots consists.
 */
int kernelio_sysctl_path(struct torn_bytes key, char *ret_path, size_t size)
{
	if (key.size == 0 || memchr(key.data, '/', key.size) || memchr(key.data, '\0', key.size)) {
		errno = EINVAL;
		return -1;
	}
	if (sizeof(LEAD "/") + key.size > size) {
		errno = ENAMETOOLONG;
		return -1;
	}
	char *end = stpcpy(ret_path, LEAD);
	for (size_t i = 0; i < key.size; i++) {
		if (key.data[i] == '.')
			continue;
		if (i == 0 || key.data[i - 1] == '.')
			*end++ = '/';
		*end++ = (char)key.data[i];
	}
	*end = '\0';
	if (strcmp(ret_path, LEAD) != 0)
		return 0;
	errno = EINVAL;
	return -1;
}

int kernelio_sysctl_read(struct torn_bytes key, char **ret_value, size_t *ret_size)
{
	char path[PATH_MAX];
	char *text = NULL;
	size_t size = 0, start = 0;

	if (kernelio_sysctl_path(key, path, sizeof(path)) < 0 || kernelio_read_file(path, &text, &size) < 0)
		return -1;
	while (size > 0 && isspace((unsigned char)text[size - 1]))
		size--;
	while (start < size && isspace((unsigned char)text[start]))
		start++;
	memmove(text, text + start, size - start);
	text[size - start] = '\0';
	*ret_value = text;
	*ret_size = size - start;
	return 0;
}

/* os.File.Write goes on after a short write; the kernel's sysctls take all or nothing. */
int kernelio_sysctl_write(struct torn_bytes key, struct torn_bytes value)
{
	char path[PATH_MAX];

	if (kernelio_sysctl_path(key, path, sizeof(path)) < 0)
		return -1;
	char *line = malloc(value.size + 1);
	if (!line)
		return -1;
	memcpy(line, value.data, value.size);
	line[value.size] = '\n';

	int result = -1;
	int file = go_open(path, O_WRONLY, 0);
	if (file >= 0) {
		result = go_write(file, (struct torn_bytes){(const uint8_t *)line, value.size + 1});
		int number = errno;
		(void)close(file);
		errno = number;
	}
	free(line);
	return result;
}
