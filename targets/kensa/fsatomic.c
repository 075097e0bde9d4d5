/*
 * fsatomic.c: kensa's atomic file primitives, call by call (seeds/kensa.md;
 * the code is the same from PRE to HEAD).
 *
 * EINTR: Go's os.File retries write and fsync, golang.org/x/sys/unix retries
 * nothing, and nobody retries close. kensa hands the temp to an os.File for
 * its bytes and calls unix.* for all else, so here too: write and fsync of the
 * temp are retried; open, stat, fchmod, link, rename, unlink and the fsync of
 * the directory are not.
 *
 * Not modelled: the context, which is asked once, before any call; fcntl(F_GETFL)
 * by os.NewFile, whose answer changes nothing here; the texts of the errors;
 * paths of PATH_MAX and more, which Go would hand to the kernel.
 *
 * FSATOMIC_FIXED differs in five places, each marked there. The first three are
 * findings, the others are labels and excused leftovers:
 *   - clean-run-succeeds, on a file system without RENAME_EXCHANGE: the probe
 *     takes ENOENT for a yes (see probe_exchange), so that every replace fails
 *     with EINVAL; and where both names are there it exchanges somebody's
 *     files (rollback-restores, of a world with those names, which are drawn
 *     out of 2^64: `torn fuzz`). Fixed: no probe. An exchange that is refused
 *     as the probe may be (ENOSYS, EINVAL, EOPNOTSUPP) settles that this file
 *     system has none, and the temp is renamed into place.
 *   - rollback-completes, in a world where the temp's name is taken in apply and
 *     again in rollback (`torn fuzz`). Fixed: another name is drawn.
 *   - metadata-kept, of a mode that the umask takes from, where only what POSIX
 *     promises is there after a power cut: fchmod comes behind the fsync. (ext4,
 *     XFS and btrfs keep it: measured.) Fixed: the mode, then the sync.
 *   - `eintr` at the last fsync, of the directory, in all three: a signal
 *     turned a done change into a reported failure (label `committed`).
 *     Fixed: the sync is asked for again.
 *   - an errno at unlinkat after the exchange, in replace: the old bytes stay
 *     under the temp's name (no-litter, excused), and the new ones are
 *     published but never synced. Fixed: unlink is tried once more, and the
 *     directory is synced whatever came of it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "fsatomic_walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fsatomic_state fsatomic_state;

/* ".<base>.fsatomic.<16 hex>" */
#define TEMP_SIZE (PATH_MAX + sizeof("..fsatomic.0123456789abcdef"))

static void unlink_keeping_errno(int dir, const char *name)
{
	int saved = errno;

	(void)unlinkat(dir, name, 0);
	errno = saved;
}

/* ------------------------------------------------------------------ bytes */

/* os.File.Write: EINTR and short writes go on, a write of nothing is an error. */
static int write_whole(int file, struct torn_bytes content)
{
	size_t done = 0;

	for (;;) {
		ssize_t written =
			TEMP_FAILURE_RETRY(write(file, content.data + done, content.size - done));
		if (written < 0)
			return -1;
		done += (size_t)written;
		if (done == content.size)
			return 0;
		if (written == 0) {
			errno = EIO; /* io.ErrUnexpectedEOF */
			return -1;
		}
	}
}

/* Bytes, sync, mode, in this order. The mode again, since the umask took from the first one. */
static int fill(enum fsatomic_variant variant, int file, mode_t mode, struct torn_bytes content)
{
	const bool mode_first = variant == FSATOMIC_FIXED; /* so that it is synced: see above */

	if (write_whole(file, content) < 0)
		return -1;
	if (mode_first && fchmod(file, mode & 07777) < 0)
		return -1;
	if (TEMP_FAILURE_RETRY(fsync(file)) < 0)
		return -1;
	return mode_first ? 0 : fchmod(file, mode & 07777);
}

static int sync_parent(enum fsatomic_variant variant, const struct fsatomic_place *place)
{
	if (variant == FSATOMIC_FIXED) /* `eintr` here: see above */
		return TEMP_FAILURE_RETRY(fsync(place->parent));
	return fsync(place->parent);
}

/* ------------------------------------------------------------------ write */

/* Give the nameless temp its name. There is no way back to a named temp where /proc is absent. */
static enum fsatomic_error link_temp(int file, const struct fsatomic_place *place)
{
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(file)];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	if (linkat(AT_FDCWD, path, place->parent, place->base, AT_SYMLINK_FOLLOW) == 0)
		return FSATOMIC_OK;
	return errno == EEXIST ? FSATOMIC_ALREADY_EXISTS : FSATOMIC_OTHER;
}

static enum fsatomic_error publish_nameless(enum fsatomic_variant variant,
					    const struct fsatomic_place *place, int file, mode_t mode,
					    struct torn_bytes content)
{
	if (fill(variant, file, mode, content) < 0)
		return FSATOMIC_OTHER;
	enum fsatomic_error error = link_temp(file, place);
	if (error)
		return error;
	return sync_parent(variant, place) < 0 ? FSATOMIC_OTHER : FSATOMIC_OK;
}

static enum fsatomic_error write_at(enum fsatomic_variant variant, const struct fsatomic_place *place,
				    mode_t mode, struct torn_bytes content)
{
	struct stat status;

	if (fstatat(place->parent, place->base, &status, AT_SYMLINK_NOFOLLOW) == 0)
		return FSATOMIC_ALREADY_EXISTS; /* also for a symlink, dangling or not */
	if (errno != ENOENT)
		return FSATOMIC_OTHER;
	int file = openat(place->parent, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, mode);
	if (file < 0)
		return FSATOMIC_OTHER;

	enum fsatomic_error error = publish_nameless(variant, place, file, mode, content);
	fsatomic_close(file);
	return error;
}

/* filepath.Base(name) == name: ".", ".." and "/" pass, and the walk cleans them away. */
static bool is_bare(const char *name)
{
	return name[0] != '\0' && (strchr(name, '/') == NULL || strcmp(name, "/") == 0);
}

enum fsatomic_error fsatomic_write(enum fsatomic_variant variant, const char *dir, const char *name,
				   mode_t mode, struct torn_bytes content)
{
	struct fsatomic_place place;
	char path[PATH_MAX];

	if (!is_bare(name) || dir[0] != '/')
		return fsatomic_other(EINVAL);
	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path))
		return fsatomic_other(ENAMETOOLONG);
	enum fsatomic_error error = fsatomic_walk(path, &place);
	if (error)
		return error;
	error = write_at(variant, &place, mode, content);
	fsatomic_close(place.parent);
	return error;
}

/* ---------------------------------------------------------------- replace */

/* Make the temp, whole and closed, or leave nothing of it. */
static int stage(enum fsatomic_variant variant, const struct fsatomic_place *place, const char *temp,
		 mode_t mode, struct torn_bytes content)
{
	int file = openat(place->parent, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			  mode);
	if (file < 0)
		return -1;

	int result = fill(variant, file, mode, content);
	if (result < 0)
		fsatomic_close(file);
	else
		result = close(file);
	if (result < 0)
		unlink_keeping_errno(place->parent, temp);
	return result;
}

static void warn_once(void)
{
	if (fsatomic_state.warned)
		return;
	fsatomic_state.warned = true;
	fputs("kensa: fsatomic: RENAME_EXCHANGE unsupported on at least one mounted filesystem;"
	      " using rename-into-place fallback\n",
	      stderr);
}

/* Errors that say that there is no RENAME_EXCHANGE: the probe's list. */
static bool lacks_exchange(int number)
{
	return number == ENOSYS || number == EINVAL || number == EOPNOTSUPP;
}

/*
 * Exchange two names that do not exist; ENOENT is taken to show that the file
 * system knows how. It shows less: the kernel misses the names before it asks
 * the file system (do_renameat2), so one that cannot exchange passes for one
 * that can, and every replace on it fails with EINVAL, old and unharmed.
 */
static bool probe_exchange(int dir)
{
	char suffix[FSATOMIC_SUFFIX_SIZE], a[64], b[64];

	fsatomic_random_suffix(suffix);
	snprintf(a, sizeof(a), ".fsatomic.probe.a.%s", suffix);
	fsatomic_random_suffix(suffix);
	snprintf(b, sizeof(b), ".fsatomic.probe.b.%s", suffix);
	if (renameat2(dir, a, dir, b, RENAME_EXCHANGE) == 0)
		return true;
	if (!lacks_exchange(errno))
		return true; /* ENOENT; all else is taken for a yes, and cached as one */
	warn_once();
	return false;
}

static void remember(dev_t device, bool exchanges)
{
	struct fsatomic_state *state = &fsatomic_state;

	if (state->probed_count == FSATOMIC_DEVICES_MAX)
		return;
	state->probed[state->probed_count].device = device;
	state->probed[state->probed_count].exchanges = exchanges;
	state->probed_count++;
}

/* One probe a file system, kept for the process's life. FIXED: none, so only a no is ever kept. */
static bool can_exchange(enum fsatomic_variant variant, int dir)
{
	const struct fsatomic_state *state = &fsatomic_state;
	struct stat status;

	if (fstat(dir, &status) < 0)
		return true; /* and not cached */
	for (size_t i = 0; i < state->probed_count; i++)
		if (state->probed[i].device == status.st_dev)
			return state->probed[i].exchanges;

	if (variant == FSATOMIC_FIXED)
		return true;
	bool exchanges = probe_exchange(dir);
	remember(status.st_dev, exchanges);
	return exchanges;
}

/* After the exchange the temp's name holds the old bytes. Returns 0, or -1: the caller stops. */
static int remove_old(enum fsatomic_variant variant, const struct fsatomic_place *place, const char *temp)
{
	if (unlinkat(place->parent, temp, 0) == 0)
		return 0;
	if (variant == FSATOMIC_PUBLISHED)
		return -1; /* "old bytes left at <temp>", and the directory is not synced */

	/* an errno at this unlinkat: see above */
	if (unlinkat(place->parent, temp, 0) == 0)
		return 0;
	int number = errno;
	(void)sync_parent(variant, place);
	errno = number;
	return -1;
}

/* The file system of a directory cannot exchange after all. */
static void learn_no_exchange(int dir)
{
	struct stat status;

	if (fstat(dir, &status) == 0)
		remember(status.st_dev, false);
	warn_once();
}

static int move_into_place(const struct fsatomic_place *place, const char *temp, bool exchange)
{
	if (exchange)
		return renameat2(place->parent, temp, place->parent, place->base, RENAME_EXCHANGE);
	return renameat(place->parent, temp, place->parent, place->base);
}

/* Put the temp in the old file's place. A failed exchange does not fall back to a plain rename. */
static int publish(enum fsatomic_variant variant, const struct fsatomic_place *place, const char *temp)
{
	bool exchange = can_exchange(variant, place->parent);
	int result = move_into_place(place, temp, exchange);

	/* without RENAME_EXCHANGE: see above */
	if (variant == FSATOMIC_FIXED && result < 0 && exchange && lacks_exchange(errno)) {
		learn_no_exchange(place->parent);
		exchange = false;
		result = move_into_place(place, temp, exchange);
	}
	if (result < 0) {
		unlink_keeping_errno(place->parent, temp);
		return -1;
	}
	if (exchange && remove_old(variant, place, temp) < 0)
		return -1;
	return sync_parent(variant, place);
}

static enum fsatomic_error replace_at(enum fsatomic_variant variant, const struct fsatomic_place *place,
				      mode_t mode, struct torn_bytes content)
{
	struct stat status;
	char suffix[FSATOMIC_SUFFIX_SIZE], temp[TEMP_SIZE];

	enum fsatomic_error error = fsatomic_look(place, &status);
	if (error)
		return error;
	if (!S_ISREG(status.st_mode))
		return fsatomic_other(EINVAL);

	/* a name that is taken: see above */
	unsigned tries = variant == FSATOMIC_FIXED ? FSATOMIC_TEMP_TRIES : 1;
	int staged;
	do {
		fsatomic_random_suffix(suffix);
		snprintf(temp, sizeof(temp), ".%s.fsatomic.%s", place->base, suffix);
		staged = stage(variant, place, temp, mode, content);
	} while (staged < 0 && errno == EEXIST && --tries > 0);
	if (staged < 0)
		return FSATOMIC_OTHER;
	return publish(variant, place, temp) < 0 ? FSATOMIC_OTHER : FSATOMIC_OK;
}

enum fsatomic_error fsatomic_replace(enum fsatomic_variant variant, const char *path, mode_t mode,
				     struct torn_bytes content)
{
	struct fsatomic_place place;

	enum fsatomic_error error = fsatomic_walk(path, &place);
	if (error)
		return error;
	error = replace_at(variant, &place, mode, content);
	fsatomic_close(place.parent);
	return error;
}

/* ----------------------------------------------------------------- remove */

/* No look at the type but for a symlink: a directory is left to unlinkat, which says EISDIR. */
static enum fsatomic_error remove_at(enum fsatomic_variant variant, const struct fsatomic_place *place)
{
	struct stat status;

	enum fsatomic_error error = fsatomic_look(place, &status);
	if (error)
		return error;
	if (unlinkat(place->parent, place->base, 0) < 0 || sync_parent(variant, place) < 0)
		return FSATOMIC_OTHER;
	return FSATOMIC_OK;
}

enum fsatomic_error fsatomic_remove(enum fsatomic_variant variant, const char *path)
{
	struct fsatomic_place place;

	enum fsatomic_error error = fsatomic_walk(path, &place);
	if (error)
		return error;
	error = remove_at(variant, &place);
	fsatomic_close(place.parent);
	return error;
}
