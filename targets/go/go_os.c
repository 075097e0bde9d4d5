/* go_os.c: see go_os.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "go_os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* ------------------------------------------------------------------ files */

int go_open(const char *path, int flags, mode_t perm)
{
	return TEMP_FAILURE_RETRY(open(path, flags | O_CLOEXEC, perm));
}

int go_open_parent(const char *path)
{
	const char *slash = strrchr(path, '/');
	int length = slash == path ? 1 : (int)(slash - path);
	char parent[PATH_MAX];

	if (snprintf(parent, sizeof(parent), "%.*s", length, path) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	return go_open(parent, O_RDONLY | O_DIRECTORY, 0);
}

int go_create_temp(const char *stem, const char *suffix, char *ret_temp)
{
	for (int try = 0; try < 10000; try++) {
		unsigned random = 0;
		if (getrandom(&random, sizeof(random), 0) < 0)
			random = 0;
		if (snprintf(ret_temp, PATH_MAX, "%s%u%s", stem, random, suffix) >= PATH_MAX) {
			errno = ENAMETOOLONG;
			return -1;
		}
		int file = go_open(ret_temp, O_RDWR | O_CREAT | O_EXCL, 0600);
		if (file >= 0 || errno != EEXIST)
			return file;
	}
	return -1;
}

int go_write(int file, struct torn_bytes data)
{
	size_t done = 0;

	for (;;) {
		ssize_t written =
			TEMP_FAILURE_RETRY(write(file, data.data + done, data.size - done));
		if (written < 0)
			return -1;
		done += (size_t)written;
		if (done == data.size)
			return 0;
		if (written == 0) {
			errno = EIO; /* io.ErrUnexpectedEOF */
			return -1;
		}
	}
}

int go_sync(int file)
{
	return TEMP_FAILURE_RETRY(fsync(file));
}

int go_chmod(int file, mode_t mode)
{
	return TEMP_FAILURE_RETRY(fchmod(file, mode));
}

int go_fstat(int file, struct stat *ret_status)
{
	return TEMP_FAILURE_RETRY(fstat(file, ret_status));
}

/* ------------------------------------------------------------------ names */

int go_stat(const char *path, struct stat *ret_status)
{
	return TEMP_FAILURE_RETRY(stat(path, ret_status));
}

int go_lstat(const char *path, struct stat *ret_status)
{
	return TEMP_FAILURE_RETRY(lstat(path, ret_status));
}

/* Where the old name is worse off than the new one, the error is the old one's. */
int go_rename(const char *from, const char *to)
{
	struct stat old, new;

	if (go_lstat(to, &new) == 0 && S_ISDIR(new.st_mode)) {
		if (go_lstat(from, &old) < 0)
			return -1;
		errno = EEXIST;
		return -1;
	}
	return TEMP_FAILURE_RETRY(renameat(AT_FDCWD, from, AT_FDCWD, to));
}

int go_link(const char *from, const char *to)
{
	return TEMP_FAILURE_RETRY(linkat(AT_FDCWD, from, AT_FDCWD, to, 0));
}

/* Fails with ENOTDIR where something else is there; a directory that came meanwhile will do. */
int go_mkdir_all(const char *path, mode_t perm)
{
	char parent[PATH_MAX];
	struct stat status;

	if (go_stat(path, &status) == 0) {
		if (S_ISDIR(status.st_mode))
			return 0;
		errno = ENOTDIR;
		return -1;
	}
	const char *slash = strrchr(path, '/');
	if (slash && slash > path) {
		if (snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path) >= PATH_MAX) {
			errno = ENAMETOOLONG;
			return -1;
		}
		if (go_mkdir_all(parent, perm) < 0)
			return -1;
	}
	if (TEMP_FAILURE_RETRY(mkdir(path, perm)) == 0)
		return 0;
	int number = errno;
	if (go_lstat(path, &status) == 0 && S_ISDIR(status.st_mode))
		return 0;
	errno = number;
	return -1;
}

int go_remove(const char *path)
{
	if (TEMP_FAILURE_RETRY(unlinkat(AT_FDCWD, path, 0)) == 0)
		return 0;
	int number = errno;
	if (TEMP_FAILURE_RETRY(unlinkat(AT_FDCWD, path, AT_REMOVEDIR)) == 0)
		return 0;
	if (errno == ENOTDIR)
		errno = number;
	return -1;
}

void go_remove_quietly(const char *path)
{
	int saved = errno;

	(void)go_remove(path);
	errno = saved;
}
