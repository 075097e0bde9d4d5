/*
 * disk.h: trees on disk: made, held against what the log says, put back.
 *
 * Modes are as gate_files.c keeps them: the tree's, without the set-ID bits and
 * with the owner's own rights on top. Extended attributes are not on disk at all.
 * The caller's umask must be 0, or it takes rights away that the tree gives.
 *
 * An exact disk has the tree's twelve mode bits, also at the root, and its user.*
 * attributes (xattr(7): of files and directories only). Whoever keeps one needs
 * CAP_DAC_OVERRIDE over it where trees have modes that shut their owner out.
 * Owners are on disk in neither, and times are what they happen to be.
 */
#ifndef TORN_DISK_H
#define TORN_DISK_H

#include "../fuzz/torn.h"

/*
 * An inode as it was when it was last read: of a directory its names, on an exact
 * disk of all else all that there is to it. Where its ctime is still the same it
 * is so still, if that ctime was old enough then: a change within the same tick
 * of the kernel's clock would not show (as in git's index, racy-git).
 * utimensat(2) cannot set a ctime; a clock that is set back would have to come
 * to the same nanosecond again. What a ctime does not show are stores into a
 * shared mapping: see must_read.
 */
struct torn_disk_seen {
	int64_t changed_ns; /* its ctime; 0: not known */
	uint64_t inode;     /* its number: another inode may have come to the name */
	uint64_t what;      /* a directory's: a hash of names, types and objects; else the node's */
};

#define TORN_DISK_RACY_NS 50000000 /* five ticks of the slowest clock, CONFIG_HZ=100 */

struct torn_disk {
	int root_fd;
	bool exact;
	const char *const *others; /* names in the root that are mount points of somebody else's: left alone; NULL: none */
	struct torn_disk_seen *seen; /* by object; NULL: everything is read always */
	uint32_t seen_count;
	/*
	 * A descriptor of a directory by its object, kept by whoever gives it. NULL:
	 * each is opened by its name and closed again, for trees that have more
	 * directories than a process may have descriptors (RLIMIT_NOFILE).
	 */
	int (*dirfd)(void *context, torn_object dir);
	/*
	 * Of an exact disk: was this file mapped shared and writable since the last
	 * settle? On tmpfs such a store changes the ctime where it faults, and it does
	 * not where the page was read through the mapping before, nor after the first
	 * (seen on Linux 6.18). NULL: no file ever is.
	 */
	bool (*must_read)(void *context, torn_object file);
	void *context;
};

/*
 * Make room to remember objects below `objects`, and forget all. Without
 * memory for it nothing is remembered: everything is read always.
 */
void torn_disk_expect(struct torn_disk *disk, uint32_t objects);
/* Forget all: the objects may be others by now. */
void torn_disk_forget(struct torn_disk *disk);
/* Give back what torn_disk_expect() took. */
void torn_disk_close(struct torn_disk *disk);

/*
 * Make a tree in an empty directory; of `disk` only root_fd and exact are asked.
 * Returns 0 or -errno, -EOPNOTSUPP where the file system has no user.* attributes.
 */
int torn_disk_make(const struct torn_disk *disk, const struct torn_node *tree);
/* Say in words what such an error means. The text is static. */
const char *torn_disk_error(int error);
/* Remove everything below a directory. Returns 0 or -errno of the first that would not go. */
int torn_disk_clear(int root_fd);
/* The same for the root of a disk, but for what is somebody else's. */
int torn_disk_clear_root(const struct torn_disk *disk);

/*
 * Turn `from`, which is on disk, into `to`. Where both have the same
 * directories and no hard links, only what differs is written, and directories
 * stay the same inodes; otherwise all is made anew and `ret_anew` is set.
 * Returns 0 or -errno.
 */
int torn_disk_change(const struct torn_disk *disk, const struct torn_node *from,
		     const struct torn_node *to, bool *ret_anew);

/*
 * Turn `from`, which is on disk, into `to`, whose inodes may be numbered otherwise,
 * below `objects`. Only what differs is made, unless inodes have several names; what
 * is known of the rest stays known. Nobody has descriptors of directories. Returns 0
 * or -errno.
 */
int torn_disk_turn(struct torn_disk *disk, const struct torn_node *from, const struct torn_node *to,
		   uint32_t objects);

/*
 * After a trial: hold what is on disk against `now`, and turn it into `old` in
 * the same pass. Returns 0; -EUCLEAN where they differ (with what and where in
 * `ret_difference`), what was put back by then staying so; else -errno.
 * `ret_anew` as of torn_disk_change.
 */
int torn_disk_settle(const struct torn_disk *disk, const struct torn_node *now,
		     const struct torn_node *old, char *ret_difference, size_t size, bool *ret_anew);

#endif
