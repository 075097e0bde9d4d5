/*
 * atomic_write_file.c: see urunc.h.
 *
 * `before` is what urunc does. `pr600` and `reviewed` are what was proposed:
 * a unique name for the temp (os.CreateTemp, so mode 0600, and no O_SYNC), the
 * temp removed when the rename fails, an error that names the target.
 *
 * `fixed` is `reviewed`, and what was found in that is changed:
 *   - metadata-kept, no fault: state.json and the pid file have CreateTemp's 0600.
 *     Fixed: fchmod to the mode that the caller gave, before the fsync, so that it
 *     is durable too.
 *   - success-is-durable, a power cut after the rename (torn check --power model):
 *     the old file is back, or none. Fixed: fsync of the directory.
 *   - success-is-durable of urunc.create, a power cut after the end, where an fsync of a
 *     file brings no directory along (posix): the container's directory is gone, and
 *     state.json with it. Fixed: fsync of the directories on the way.
 *   - no finding: the directory is opened before anything is made. Opened after the
 *     rename, an error there would be one after the fact (label `committed`), as
 *     only that of its fsync is now.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "urunc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "../go/go_os.h"

/* Tell what failed on which file. Returns -1. */
static int fail(const char *step, const char *path)
{
	fprintf(stderr, "urunc: %s %s: %s\n", step, path, strerror(errno));
	return -1;
}

/* ------------------------------------------------------------------ temps */

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

/* Short writes go on; the temp is O_SYNC, and nobody looks at close. */
int urunc_write_pid_file(const char *path, struct torn_bytes pid)
{
	char temp[PATH_MAX];

	if (beside(path, "", temp) < 0)
		return fail("open", path);
	int file = go_open(temp, O_RDWR | O_CREAT | O_EXCL | O_SYNC, 0666);
	if (file < 0)
		return fail("open", temp);
	int error = go_write(file, pid) < 0 ? errno : 0;
	(void)close(file);
	if (error != 0) {
		errno = error;
		return fail("write", temp); /* and the temp stays */
	}
	return go_rename(temp, path) < 0 ? fail("rename", temp) : 0; /* here too */
}

/* ------------------------------------------------------------------ pr600 */

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
	if (go_chmod(file, perm) < 0) {
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
	int parent = go_open_parent(path);
	if (parent < 0)
		return fail("open the directory of", path);

	int result = replace(path, data, perm);
	if (result == 0 && go_sync(parent) < 0)
		result = fail("sync the directory of", path);
	(void)close(parent); /* only ever read */
	return result;
}

int urunc_make_directory_fixed(const char *path)
{
	char made[PATH_MAX];

	if (go_mkdir_all(path, 0755) < 0)
		return -1;
	/* Also those that were there: one that a killed run made may not be on the disk yet. */
	if (snprintf(made, sizeof(made), "%s", path) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return fail("make", path);
	}
	for (char *slash = strrchr(made, '/'); slash; slash = strrchr(made, '/')) {
		int parent = go_open_parent(made);
		if (parent < 0)
			return fail("open the directory of", made);
		int result = go_sync(parent);
		if (result < 0)
			result = fail("sync the directory of", made);
		(void)close(parent); /* only ever read */
		if (result < 0)
			return result;
		*slash = '\0';
	}
	return 0;
}
