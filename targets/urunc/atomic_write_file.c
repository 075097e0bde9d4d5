/*
 * atomic_write_file.c: see urunc.h.
 *
 * `before` is what urunc does. `pr600` and `reviewed` are what was proposed:
 * a unique name for the temp (os.CreateTemp, so mode 0600, and no O_SYNC), the
 * temp removed when the rename fails, an error that names the target.
 *
 * `fixed` is `reviewed` and three things more. No sweep of errors and kills
 * asked for them; the promises for which it was made do:
 *   - fchmod to the mode that the caller gave, which CreateTemp's 0600 had
 *     lost (metadata-kept), and before the fsync, so that it is durable too;
 *   - fsync of the directory after the rename (success-is-durable);
 *   - the directory opened before anything is made, so that failing to open it
 *     is no error after the fact.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "urunc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* Tell what failed on which file. Returns -1. */
static int fail(const char *step, const char *path)
{
	fprintf(stderr, "urunc: %s %s: %s\n", step, path, strerror(errno));
	return -1;
}

/* -------------------------------------------------------------- Go's os */

static int go_open(const char *path, int flags, mode_t perm)
{
	return TEMP_FAILURE_RETRY(open(path, flags | O_CLOEXEC, perm));
}

/* Short writes go on, a write of nothing is an error. */
static int go_write(int file, struct torn_bytes data)
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

static int go_sync(int file)
{
	return TEMP_FAILURE_RETRY(fsync(file));
}

static int go_lstat(const char *path, struct stat *ret_status)
{
	return TEMP_FAILURE_RETRY(lstat(path, ret_status));
}

/* A directory at the new name is EEXIST without a rename, unless the old name is worse off. */
static int go_rename(const char *from, const char *to)
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

/* As a file, then as a directory; the error is that of the more telling try. */
static int go_remove(const char *path)
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

/* Remove a temp after an error that is worth more than this one's. */
static void go_remove_quietly(const char *path)
{
	int saved = errno;

	(void)go_remove(path);
	errno = saved;
}

/* os.CreateTemp(dir, "PREFIX*SUFFIX"): `stem` is dir and prefix, `temp` has PATH_MAX bytes. */
static int go_create_temp(const char *stem, const char *suffix, char *temp)
{
	for (int try = 0; try < 10000; try++) {
		unsigned random = 0;
		if (getrandom(&random, sizeof(random), 0) < 0)
			random = 0;
		if (snprintf(temp, PATH_MAX, "%s%u%s", stem, random, suffix) >= PATH_MAX) {
			errno = ENAMETOOLONG;
			return -1;
		}
		int file = go_open(temp, O_RDWR | O_CREAT | O_EXCL, 0600);
		if (file >= 0 || errno != EEXIST)
			return file;
	}
	return -1;
}

/* ----------------------------------------------------------------- before */

int urunc_write_file(const char *path, struct torn_bytes data, mode_t perm)
{
	int file = go_open(path, O_WRONLY | O_CREAT | O_TRUNC, perm);
	if (file < 0)
		return fail("open", path);

	int error = go_write(file, data) < 0 ? errno : 0;
	if (close(file) < 0 && error == 0)
		error = errno;
	if (error == 0)
		return 0;
	errno = error;
	return fail("write", path);
}

/* ------------------------------------------------------------------ pr600 */

/* "<dir>/.<base>" and an ending; `ret_path` has PATH_MAX bytes. */
static int beside(const char *path, const char *ending, char *ret_path)
{
	const char *base = strrchr(path, '/') + 1;

	if (snprintf(ret_path, PATH_MAX, "%.*s.%s%s", (int)(base - path), path, base, ending) <
	    PATH_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

/*
 * Write, sync and close a temp: each of the three is done whatever became of
 * the ones before, and the first error counts. After one the temp is removed.
 */
static int finish_temp(int file, const char *temp, struct torn_bytes data)
{
	int error = go_write(file, data) < 0 ? errno : 0;

	if (go_sync(file) < 0 && error == 0)
		error = errno;
	if (close(file) < 0 && error == 0)
		error = errno;
	if (error == 0)
		return 0;
	errno = error;
	go_remove_quietly(temp);
	return -1;
}

int urunc_atomic_write_file(const char *path, struct torn_bytes data, mode_t perm)
{
	char temp[PATH_MAX];

	if (beside(path, ".tmp", temp) < 0)
		return fail("open", path);
	/* no O_EXCL: two writers share it; no O_NOFOLLOW */
	int file = go_open(temp, O_RDWR | O_CREAT | O_TRUNC | O_SYNC, perm);
	if (file < 0)
		return fail("open", temp);
	if (finish_temp(file, temp, data) < 0)
		return fail("write", temp);
	if (go_rename(temp, path) < 0)
		return fail("rename", temp); /* and the temp stays */
	return 0;
}

/* --------------------------------------------------------------- reviewed */

int urunc_atomic_write_file_reviewed(const char *path, struct torn_bytes data, mode_t perm)
{
	char stem[PATH_MAX], temp[PATH_MAX];

	(void)perm; /* CreateTemp takes none */
	if (beside(path, ".", stem) < 0)
		return fail("create temp for", path);
	int file = go_create_temp(stem, ".tmp", temp);
	if (file < 0)
		return fail("create temp for", path);
	if (finish_temp(file, temp, data) < 0)
		return fail("write temp for", path);
	if (go_rename(temp, path) < 0) {
		go_remove_quietly(temp);
		return fail("rename temp to", path);
	}
	return 0;
}

/* ------------------------------------------------------------------ fixed */

/* Open the directory that holds `path`. */
static int open_parent(const char *path)
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

/* Drop a temp that got no further than being open. */
static void discard_temp(int file, const char *temp)
{
	int saved = errno;

	(void)close(file);
	errno = saved;
	go_remove_quietly(temp);
}

/* Make the temp with its mode, bring it to the disk and give it the name. */
static int replace(const char *path, struct torn_bytes data, mode_t perm)
{
	char stem[PATH_MAX], temp[PATH_MAX];

	if (beside(path, ".", stem) < 0)
		return fail("create temp for", path);
	int file = go_create_temp(stem, ".tmp", temp);
	if (file < 0)
		return fail("create temp for", path);
	if (TEMP_FAILURE_RETRY(fchmod(file, perm)) < 0) {
		discard_temp(file, temp);
		return fail("chmod temp for", path);
	}
	if (finish_temp(file, temp, data) < 0)
		return fail("write temp for", path);
	if (go_rename(temp, path) < 0) {
		go_remove_quietly(temp);
		return fail("rename temp to", path);
	}
	return 0;
}

int urunc_atomic_write_file_fixed(const char *path, struct torn_bytes data, mode_t perm)
{
	int parent = open_parent(path);
	if (parent < 0)
		return fail("open the directory of", path);

	int result = replace(path, data, perm);
	if (result == 0 && go_sync(parent) < 0)
		result = fail("sync the directory of", path);
	(void)close(parent); /* only ever read */
	return result;
}
