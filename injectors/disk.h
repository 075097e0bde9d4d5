/*
 * disk.h: trees on disk: made, held against what the log says, put back.
 *
 * Modes are as gate_files.c keeps them: the tree's, without the set-ID bits and
 * with the owner's own rights on top. Owners and extended attributes are not on
 * disk at all. The caller's umask must be 0, or it takes rights away that the tree gives.
 */
#ifndef TORN_DISK_H
#define TORN_DISK_H

#include "../fuzz/torn.h"

/*
 * A directory as it was when its names were last read. Where its ctime is still
 * the same its names are, if that ctime was old enough then: a change within
 * the same tick of the kernel's clock would not show (as in git's index,
 * racy-git). utimensat(2) cannot set a ctime.
 */
struct torn_disk_seen {
	int64_t changed_ns; /* its ctime; 0: not known */
	uint64_t names;     /* a hash of names, types and objects */
};

#define TORN_DISK_SEEN_MAX 256
#define TORN_DISK_RACY_NS 50000000 /* five ticks of the slowest clock, CONFIG_HZ=100 */

struct torn_disk {
	int root_fd;
	struct torn_disk_seen *seen; /* by object, TORN_DISK_SEEN_MAX of them; NULL: names are read always */
	/* A descriptor of a directory by its object, kept by whoever gives it. */
	int (*dirfd)(void *context, torn_object dir);
	void *context;
};

/* Make a tree in an empty directory. Returns 0 or -errno. */
int torn_disk_make(int root_fd, const struct torn_node *tree);
/* Remove everything below a directory. Returns 0 or -errno of the first that would not go. */
int torn_disk_clear(int root_fd);

/*
 * Turn `from`, which is on disk, into `to`. Where both have the same
 * directories and no hard links, only what differs is written, and directories
 * stay the same inodes; otherwise all is made anew and `ret_anew` is set.
 * Returns 0 or -errno.
 */
int torn_disk_change(const struct torn_disk *disk, const struct torn_node *from,
		     const struct torn_node *to, bool *ret_anew);

/*
 * After a trial: hold what is on disk against `now`, and turn it into `old` in
 * the same pass. Returns 0; -EUCLEAN where they differ (with what and where in
 * `ret_difference`), what was put back by then staying so; else -errno.
 * `ret_anew` as of torn_disk_change.
 */
int torn_disk_settle(const struct torn_disk *disk, const struct torn_node *now,
		     const struct torn_node *old, char *ret_difference, size_t size, bool *ret_anew);

#endif
