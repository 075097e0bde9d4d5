/* fsatomic_walk.c: see fsatomic_walk.h. The calls of kensa's primitives, EINTR and all: fsatomic.c. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "fsatomic_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

void fsatomic_close(int fd)
{
	int saved = errno;

	(void)close(fd);
	errno = saved;
}

enum fsatomic_error fsatomic_other(int number)
{
	errno = number;
	return FSATOMIC_OTHER;
}

/*
 * filepath.Clean of an absolute path, without its leading slash: "" is the
 * root. `cleaned` has room for the path. No part of it is ".", ".." or empty.
 */
static void clean(const char *path, char *cleaned)
{
	size_t length = 0;

	while (*path) {
		size_t size = strcspn(path, "/");
		if (size == 2 && memcmp(path, "..", 2) == 0) {
			while (length > 0 && cleaned[--length] != '/')
				;
		} else if (size > 0 && !(size == 1 && path[0] == '.')) {
			if (length > 0)
				cleaned[length++] = '/';
			memcpy(cleaned + length, path, size);
			length += size;
		}
		path += size + strspn(path + size, "/");
	}
	cleaned[length] = '\0';
}

/*
 * Say why a directory of the path would not open. Asked first is whether it is
 * a symlink: O_DIRECTORY with O_NOFOLLOW gives ENOTDIR for one, not ELOOP.
 */
static enum fsatomic_error classify(int dir, const char *component)
{
	int number = errno;
	struct stat status;

	if (fstatat(dir, component, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode))
		return FSATOMIC_SYMLINK_IN_PATH;
	if (number == ELOOP)
		return FSATOMIC_SYMLINK_IN_PATH;
	if (number == ENOENT)
		return FSATOMIC_PARENT_DIR_MISSING;
	return fsatomic_other(number); /* ENOTDIR is untyped, like the rest */
}

/* Go from a directory to one in it; `dir` is closed on either way. */
static enum fsatomic_error descend(int *dir, const char *component)
{
	enum fsatomic_error error = FSATOMIC_OK;

	int next = openat(*dir, component, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (next < 0)
		error = classify(*dir, component);
	fsatomic_close(*dir);
	*dir = next;
	return error;
}

/* On success the caller closes ret_place->parent. */
enum fsatomic_error fsatomic_walk(const char *path, struct fsatomic_place *ret_place)
{
	if (path[0] != '/')
		return fsatomic_other(EINVAL);
	if (strlen(path) >= sizeof(ret_place->path))
		return fsatomic_other(ENAMETOOLONG);
	clean(path, ret_place->path);
	if (ret_place->path[0] == '\0')
		return fsatomic_other(EINVAL); /* the root; a base of "." or ".." was cleaned away */

	ret_place->parent = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret_place->parent < 0)
		return FSATOMIC_OTHER;

	char *component = ret_place->path;
	for (char *slash; (slash = strchr(component, '/')); component = slash + 1) {
		*slash = '\0';
		enum fsatomic_error error = descend(&ret_place->parent, component);
		if (error)
			return error;
	}
	ret_place->base = component;
	return FSATOMIC_OK;
}

/* Look at the name itself, which replace and remove want there and no symlink. */
enum fsatomic_error fsatomic_look(const struct fsatomic_place *place, struct stat *ret_status)
{
	if (fstatat(place->parent, place->base, ret_status, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? FSATOMIC_NOT_EXIST : FSATOMIC_OTHER;
	return S_ISLNK(ret_status->st_mode) ? FSATOMIC_SYMLINK_IN_PATH : FSATOMIC_OK;
}

/* Errors of the random source are ignored: the suffix is then all zeroes. */
void fsatomic_random_suffix(char suffix[static FSATOMIC_SUFFIX_SIZE])
{
	uint8_t bytes[8] = {0};

	if (getrandom(bytes, sizeof(bytes), 0) < 0)
		memset(bytes, 0, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(suffix + 2 * i, 3, "%02x", bytes[i]);
}
