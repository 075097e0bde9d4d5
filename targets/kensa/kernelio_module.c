/* kernelio_module.c: see kernelio_module.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "kernelio_module.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernelio_files.h"

int kernelio_delete_module(const char *name)
{
	if (name[0] == '\0') {
		errno = EINVAL;
		return -1;
	}
	return (int)syscall(SYS_delete_module, name, O_NONBLOCK);
}

bool kernelio_module_name(const char *name, char *ret_name, size_t size)
{
	const size_t length = strlen(name);

	if (length >= size)
		return false;
	for (size_t i = 0; i <= length; i++)
		ret_name[i] = name[i] == '-' ? '_' : name[i];
	return true;
}

/* proc_modules(5): the name is a line's first word. */
static bool has_line(const char *modules, const char *name)
{
	const size_t length = strlen(name);

	for (const char *line = modules; *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (strncmp(line, name, length) == 0 && line[length] == ' ')
			return true;
	return false;
}

int kernelio_module_is_loaded(const char *name, bool *ret_is_loaded)
{
	char kernel_name[NAME_MAX + 1];
	char *modules = NULL;
	size_t size = 0;

	if (!kernelio_module_name(name, kernel_name, sizeof(kernel_name))) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (kernelio_read_file("/proc/modules", &modules, &size) < 0)
		return -1;
	*ret_is_loaded = has_line(modules, kernel_name);
	free(modules);
	return 0;
}

/* "a/usb-storage.ko.xz" */
static bool is_path_of(char *path, const char *kernel_name)
{
	char name[NAME_MAX + 1];
	char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	char *end = strstr(base, ".ko");

	if (!end || (end[3] != '\0' && end[3] != '.'))
		return false;
	*end = '\0';
	return kernelio_module_name(base, name, sizeof(name)) && strcmp(name, kernel_name) == 0;
}

bool kernelio_module_is_in(const char *name, const char *path)
{
	char kernel_name[NAME_MAX + 1], link[sizeof("/proc/self/fd/") + 3 * sizeof(int)],
		real[PATH_MAX];
	struct stat status;

	if (!kernelio_module_name(name, kernel_name, sizeof(kernel_name)))
		return false;
	int file = open(path, O_PATH | O_CLOEXEC);
	if (file < 0)
		return false;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
	const ssize_t length = readlink(link, real, sizeof(real) - 1);
	const bool is_file = fstat(file, &status) == 0 && S_ISREG(status.st_mode);
	(void)close(file);
	if (length < 0 || !is_file)
		return false;
	real[length] = '\0';
	return is_path_of(real, kernel_name);
}
