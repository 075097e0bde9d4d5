/*
 * atomic_replace.c: see banger.h.
 *
 * As published the old file is moved away before the new one is moved in. What
 * the sweep found in that, and `fixed` does in its place:
 *   - old-or-new, a kill after the rename to the backup's name, an errno at the
 *     rename back after the one to dst failed: no dst at all. Fixed: the backup
 *     is a hard link, so dst stays until the rename to it replaces it.
 *   - backup-kept, a kill after the unlink of the backup, an errno behind it,
 *     where an interrupted replace had left no dst: no copy of the last good
 *     version anywhere. retry-succeeds, a kill after the rename to the backup's
 *     name: a second try begins there. Fixed: a backup is only ever replaced, by
 *     the rename of a link that was made beside it; with nothing to back up it
 *     stays. What is removed is an empty directory in its place.
 *   - clean-run-succeeds, no fault: without a source (a second run after one
 *     that was done) the backup is removed before that is noticed. Fixed: the
 *     source is looked at first.
 *   - clean-run-succeeds, no fault: the backup itself as source is removed, dst is
 *     put back in its own place, and success is reported. Fixed: refused.
 *   - clean-run-succeeds, no fault: dst a directory is moved away, with all that
 *     is in it, where rename(2) itself would refuse. Fixed: so does the look at it.
 * and in the rollback:
 *   - old-or-new, a kill after the unlink of dst, an errno at the rename behind
 *     it: no dst at all. Fixed: that rename alone, which replaces dst.
 *   - clean-run-succeeds, no fault: with an empty suffix dst is its own backup
 *     and is removed. Fixed: refused, as the replace refuses it.
 *   - rollback-restores, no fault: a new file stays, as it has no backup. The same, a
 *     full directory in the backup's place, and old-or-new, an errno at the unlink of
 *     the backup: the replace never came to its own, and what is found there is
 *     installed. Fixed: the replace says what it did.
 *   - clean-run-succeeds, no fault: a directory in the backup's place is put in dst's.
 *     Fixed: refused.
 *   - rollback-restores, no fault: the same for dst a dangling symlink, which stat
 *     takes for no file. Fixed: lstat, here and of the backup.
 * and, by power cuts (torn check --power model):
 *   - backup-kept, no-litter, a cut after the rename of the source: where metadata may
 *     reach the disk in another order (posix) the new dst is there and the backup is not, or
 *     only under its temp's name. Fixed: fsync of the directory before that rename.
 *   - success-is-durable, rollback-is-durable, a cut after the end: the renames are
 *     not on the disk, and the binary that failed its check is back. Fixed: fsync of the
 *     directory before either is reported.
 *   - no-litter, retry-succeeds, a cut behind that fsync on btrfs: its log has dst's new name, and not that the source lost
 *     its own, so that a second try makes the new file its own backup. Fixed: fsync of the source's directory before.
 *   - old-or-new, a cut after the rename to dst on a real btrfs (torn check --power btrfs), once somebody synced any file: its
 *     log has lost dst's old name by that rename, and was not given the new one: no dst at all. Fixed: the source is
 *     in that log before (make_logged()).
 * torn fuzz found that the first `fixed` took directories, as source too, which a
 * rollback cannot take back; left the link's own name where an error hid that dst
 * and backup were one file; and wrote into a dst that was a directory.
 *
 * Still so in `fixed`: a replace that fails at its last rename takes the backup
 * of the version before with it. A source that is no file (a symlink) cannot be
 * synced: on btrfs that cut may still leave no dst.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "banger.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../go/go_os.h"

/* Tell what failed on which file. Returns -1. */
static int fail(const char *step, const char *path)
{
	fprintf(stderr, "banger: %s %s: %s\n", step, path, strerror(errno));
	return -1;
}

/* `path` with an ending, in PATH_MAX bytes. */
static int append(const char *path, const char *ending, char *ret_path)
{
	if (snprintf(ret_path, PATH_MAX, "%s%s", path, ending) < PATH_MAX)
		return 0;
	errno = ENAMETOOLONG;
	return -1;
}

/* -------------------------------------------------------------- published */

int banger_atomic_replace(const char *source, const char *dst, const char *suffix)
{
	char previous[PATH_MAX];
	struct stat status;

	if (suffix[0] == '\0') {
		errno = EINVAL;
		return fail("no suffix for the backup of", dst);
	}
	if (append(dst, suffix, previous) < 0)
		return fail("clear", dst);
	if (go_remove(previous) < 0 && errno != ENOENT)
		return fail("clear", previous);
	if (go_stat(dst, &status) == 0) {
		if (go_rename(dst, previous) < 0)
			return fail("backup", dst);
	} else if (errno != ENOENT) {
		return fail("stat", dst);
	}
	if (go_rename(source, dst) == 0)
		return 0;
	(void)fail("replace", dst);
	if (go_rename(previous, dst) < 0) /* tried also where there is none */
		return fail("and restore", dst);
	return -1;
}

int banger_atomic_replace_rollback(const char *dst, const char *suffix)
{
	char previous[PATH_MAX];
	struct stat status;

	if (append(dst, suffix, previous) < 0)
		return fail("stat", dst);
	if (go_stat(previous, &status) < 0)
		return errno == ENOENT ? 0 : fail("stat", previous);
	if (go_remove(dst) < 0 && errno != ENOENT)
		return fail("remove", dst);
	if (go_rename(previous, dst) < 0)
		return fail("restore", dst);
	return 0;
}

/* ------------------------------------------------------------------ fixed */

static int name_previous(const char *dst, const char *suffix, char *ret_previous)
{
	if (suffix[0] == '\0') {
		errno = EINVAL;
		return fail("no suffix for the backup of", dst);
	}
	return append(dst, suffix, ret_previous) < 0 ? fail("name the backup of", dst) : 0;
}

/* Where the backup belongs an empty directory may stand; all else is replaced or stays. */
static int clear_directory(const char *previous)
{
	if (TEMP_FAILURE_RETRY(rmdir(previous)) == 0 || errno == ENOENT || errno == ENOTDIR)
		return 0;
	return fail("clear", previous);
}

/*
 * Look at a file. Returns 1, 0 where there is none (errno says so), or -1; that
 * is a directory's, too, which neither is replaced nor replaces a file.
 */
static int look(const char *path, struct stat *ret_status)
{
	if (go_lstat(path, ret_status) < 0)
		return errno == ENOENT ? 0 : fail("stat", path);
	if (!S_ISDIR(ret_status->st_mode))
		return 1;
	errno = EISDIR;
	return fail("take for a file", path);
}

/* os.SameFile. A rename between two names of one file does nothing, and succeeds: rename(2). */
static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Give dst's file the backup's name too, in the place of an older one. */
static int link_previous(const char *dst, const struct stat *status, const char *previous)
{
	char temp[PATH_MAX];
	struct stat there;

	int has_backup = look(previous, &there);
	if (has_backup < 0)
		return -1;
	if (has_backup && is_same(status, &there))
		return 0; /* a killed run came so far */
	if (append(previous, ".tmp", temp) < 0)
		return fail("backup", dst);
	if (go_remove(temp) < 0 && errno != ENOENT) /* a killed run's */
		return fail("clear", temp);
	if (go_link(dst, temp) < 0)
		return fail("backup", dst);
	if (go_rename(temp, previous) < 0) {
		go_remove_quietly(temp);
		return fail("backup", dst);
	}
	return 0;
}

static int install(const char *source, const char *dst)
{
	return go_rename(source, dst) < 0 ? fail("replace", dst) : 0;
}

/*
 * btrfs gives a rename's new name to its log where the file is in there (btrfs_log_new_name()), and fsync puts
 * it there only if something was changed since the last commit: its times are set, to what they are.
 */
static int make_logged(const char *path)
{
	struct stat status;

	int file = go_open(path, O_RDONLY | O_NOFOLLOW, 0);
	if (file < 0)
		return -1;
	int result = go_fstat(file, &status);
	if (result == 0)
		result = TEMP_FAILURE_RETRY(futimens(file, (struct timespec[]){status.st_atim, status.st_mtim}));
	if (result == 0)
		result = go_sync(file);
	(void)close(file); /* only ever read */
	return result;
}

/* The backup is on the disk before it may be all that is left of the old file; the source is logged behind that. */
static int install_over(const char *source, mode_t source_mode, const char *dst, const struct stat *status,
			const char *previous, int parent)
{
	if (link_previous(dst, status, previous) < 0)
		return -1;
	int result = 0;
	if (go_sync(parent) < 0)
		result = fail("sync the directory of", dst);
	else if (S_ISREG(source_mode) && make_logged(source) < 0)
		result = fail("sync", source);
	else
		result = install(source, dst);
	if (result < 0)
		go_remove_quietly(previous); /* dst is still that file */
	return result;
}

int banger_atomic_replace_fixed(const char *source, const char *dst, const char *suffix,
				enum banger_replaced *ret_replaced)
{
	char previous[PATH_MAX];
	struct stat status, backup;

	*ret_replaced = BANGER_UNCHANGED;
	if (name_previous(dst, suffix, previous) < 0)
		return -1;
	int has_source = look(source, &status);
	if (has_source < 0)
		return -1;
	if (!has_source)
		return fail("look at", source);
	const mode_t source_mode = status.st_mode;
	if (go_lstat(previous, &backup) == 0) {
		if (is_same(&status, &backup)) {
			errno = EINVAL;
			return fail("install its own backup at", dst);
		}
	} else if (errno != ENOENT) {
		return fail("stat", previous);
	}
	int is_there = look(dst, &status);
	if (is_there < 0 || clear_directory(previous) < 0)
		return -1;
	int from = go_open_parent(source); /* after the rename an error would come too late */
	if (from < 0)
		return fail("open the directory of", source);
	int parent = go_open_parent(dst);
	if (parent < 0) {
		(void)close(from);
		return fail("open the directory of", dst);
	}
	int result = is_there ? install_over(source, source_mode, dst, &status, previous, parent)
			      : install(source, dst);
	if (result == 0) {
		*ret_replaced = is_there ? BANGER_REPLACED : BANGER_CREATED;
		if (go_sync(from) < 0) /* first: dst's alone leaves the file under both names on btrfs */
			result = fail("sync the directory of", source);
		else if (go_sync(parent) < 0)
			result = fail("sync the directory of", dst);
	}
	(void)close(from); /* only ever read */
	(void)close(parent);
	return result;
}

/* Put the backup back; where it may be missing, that is success. */
static int restore(const char *dst, const char *previous, bool may_miss)
{
	struct stat backup, there;

	int has_backup = look(previous, &backup);
	if (has_backup < 0)
		return -1;
	if (!has_backup)
		return may_miss ? 0 : fail("restore", dst);
	int is_there = look(dst, &there);
	if (is_there < 0)
		return -1;
	if (is_there && is_same(&backup, &there))
		return go_remove(previous) < 0 ? fail("remove", previous) : 0;
	return go_rename(previous, dst) < 0 ? fail("restore", dst) : 0;
}

static int take_back(const char *dst, const char *previous, enum banger_replaced replaced)
{
	if (replaced == BANGER_CREATED)
		return go_remove(dst) < 0 && errno != ENOENT ? fail("remove", dst) : 0;
	return restore(dst, previous, replaced == BANGER_UNKNOWN);
}

int banger_atomic_replace_rollback_fixed(const char *dst, const char *suffix,
					 enum banger_replaced replaced)
{
	char previous[PATH_MAX];

	if (name_previous(dst, suffix, previous) < 0)
		return -1;
	if (replaced == BANGER_UNCHANGED)
		return 0;
	int parent = go_open_parent(dst);
	if (parent < 0)
		return fail("open the directory of", dst);
	int result = take_back(dst, previous, replaced);
	/* also where nothing was to be done: a killed rollback may have done it */
	if (result == 0 && go_sync(parent) < 0)
		result = fail("sync the directory of", dst);
	(void)close(parent); /* only ever read */
	return result;
}
