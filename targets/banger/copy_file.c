/*
 * copy_file.c: see banger.h.
 *
 * As published dst is made under its name and then filled. What the sweep found
 * in that, and `fixed` does in its place:
 *   - old-or-new, a kill after openat, an error of a write: dst is there, empty
 *     or a part of the source, and nobody removes it. Fixed: the copy is made
 *     under a temp's name, removed after an error, and renamed to a dst that
 *     does not exist.
 *   - retry-succeeds, a kill after openat: the next run is refused by what the
 *     first one left. The same repair.
 *   - clean-run-succeeds, no fault: of a directory an empty file is made before
 *     the copy fails. The same repair. And a FIFO is waited for, for ever. Fixed:
 *     O_NONBLOCK, so that the copy fails at lseek.
 *   - metadata-kept, no fault: a clone gets its mode from openat, less the umask,
 *     and only a copy byte by byte gets it by fchmod, once it is whole. Fixed:
 *     fchmod after either, before dst has its name.
 * and, by power cuts (torn check --power model):
 *   - old-or-new, retry-succeeds, a cut after ioctl: a clone is never synced, and dst
 *     is there without its bytes; metadata-kept, a cut after fchmod: nor is the mode, which
 *     comes after the sync of a copy. Fixed: one fsync, after the clone or the bytes and
 *     after fchmod, before dst has its name.
 *   - success-is-durable, a cut after the end: the name of dst is in no synced
 *     directory. Fixed: fsync of it.
 *
 * A file system that knows no RENAME_NOREPLACE (NFS, 9p, FUSE where its daemon has
 * no rename2: EINVAL) is refused by `fixed`.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "banger.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../go/go_os.h"

/* Tell what failed on which file. Returns -1. */
static int fail(const char *step, const char *path)
{
	fprintf(stderr, "banger: %s %s: %s\n", step, path, strerror(errno));
	return -1;
}

/* Open what is to be copied. Returns a descriptor, or -1. */
static int open_source(const char *source, int flags, mode_t *ret_perm)
{
	struct stat status;

	int from = go_open(source, O_RDONLY | flags, 0);
	if (from < 0)
		return fail("open", source);
	if (go_fstat(from, &status) < 0) {
		(void)fail("stat", source);
		(void)close(from);
		return -1;
	}
	*ret_perm = status.st_mode & 0777; /* FileMode.Perm() */
	return from;
}

static int rewind_both(int to, int from)
{
	return lseek(from, 0, SEEK_SET) < 0 || lseek(to, 0, SEEK_SET) < 0 ? -1 : 0;
}

/* -------------------------------------------------------------- published */

/* unix.IoctlFileClone retries nothing; whatever it says, bytes are tried next. */
static int fill(int to, int from, mode_t perm)
{
	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	if (rewind_both(to, from) < 0 || go_copy(to, from) < 0 || go_sync(to) < 0)
		return -1;
	return go_chmod(to, perm);
}

int banger_copy_file_prefer_clone(const char *source, const char *dst)
{
	mode_t perm;

	int from = open_source(source, 0, &perm);
	if (from < 0)
		return -1;
	int to = go_open(dst, O_WRONLY | O_CREAT | O_EXCL, perm);
	int result = to < 0 ? fail("create", dst) : 0;
	if (to >= 0 && fill(to, from, perm) < 0)
		result = fail("copy to", dst); /* and dst stays */
	if (to >= 0)
		(void)close(to);
	(void)close(from);
	return result;
}

/* ------------------------------------------------------------------ fixed */

static int fill_fixed(int to, int from, mode_t perm)
{
	if (ioctl(to, FICLONE, from) < 0 && (rewind_both(to, from) < 0 || go_copy(to, from) < 0))
		return -1;
	return go_chmod(to, perm) < 0 || go_sync(to) < 0 ? -1 : 0;
}

/* Refuse a name that is taken before gigabytes were copied for it; the rename refuses it too. */
static int refuse_existing(const char *dst)
{
	struct stat status;

	if (go_lstat(dst, &status) == 0)
		errno = EEXIST;
	return errno == ENOENT ? 0 : fail("create", dst);
}

/* Fill a temp and give it its name, or leave nothing of it. */
static int publish(const char *dst, int from, mode_t perm)
{
	char stem[PATH_MAX], temp[PATH_MAX];

	if (snprintf(stem, sizeof(stem), "%s.", dst) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return fail("create", dst);
	}
	int to = go_create_temp(stem, ".tmp", temp);
	if (to < 0)
		return fail("create a temp for", dst);
	int result = fill_fixed(to, from, perm) < 0 ? fail("copy to", temp) : 0;
	(void)close(to);
	if (result == 0 && TEMP_FAILURE_RETRY(renameat2(AT_FDCWD, temp, AT_FDCWD, dst,
							RENAME_NOREPLACE)) < 0)
		result = fail("rename a temp to", dst);
	if (result < 0)
		go_remove_quietly(temp);
	return result;
}

/* The directory is opened before anything is made: after the rename an error would come too late. */
static int publish_durably(const char *dst, int from, mode_t perm)
{
	int parent = go_open_parent(dst);
	if (parent < 0)
		return fail("open the directory of", dst);
	int result = publish(dst, from, perm);
	if (result == 0 && go_sync(parent) < 0)
		result = fail("sync the directory of", dst);
	(void)close(parent); /* only ever read */
	return result;
}

int banger_copy_file_prefer_clone_fixed(const char *source, const char *dst)
{
	mode_t perm;

	int from = open_source(source, O_NONBLOCK, &perm);
	if (from < 0)
		return -1;
	int result = refuse_existing(dst) < 0 ? -1 : publish_durably(dst, from, perm);
	(void)close(from);
	return result;
}
