/*
 * small_disk.h: a real file system that can be filled until it has exactly so many blocks, or inodes, left: what
 * the kernel then refuses is its own ENOSPC.
 *
 * It is mounted in a mount namespace of this process's own, which has to be root for that and may give root up
 * behind it: trials have their root in a directory that belongs to whom the process becomes, and beside that lies
 * the ballast, a file for blocks and a directory of files for inodes, which is his, too. All goes away with the
 * last process in the namespace.
 *
 * Of ext4 free means free for an ordinary user (statfs(2), f_bavail): what it keeps for root and for its own late
 * allocations (ext4_calculate_resv_clusters()) is not handed out. An inode of tmpfs is also a name: each hard link
 * takes one (shmem_link()).
 */
#ifndef TORN_SMALL_DISK_H
#define TORN_SMALL_DISK_H

#include <sys/types.h>

#include "../fuzz/torn.h"

enum torn_small_disk_fd {
	TORN_SMALL_DISK_TOP,  /* of the file system: all that a trial may write lies below */
	TORN_SMALL_DISK_ROOT, /* of the trials */
	TORN_SMALL_DISK_FILE, /* the ballast of blocks */
	TORN_SMALL_DISK_LAST, /* the last few of them, where one more of that file would take two */
	TORN_SMALL_DISK_FILES, /* the ballast of inodes: a directory */
	TORN_SMALL_DISK_FDS
};

struct torn_small_disk {
	enum torn_full_disk type;
	int fds[TORN_SMALL_DISK_FDS]; /* whoever gives them other numbers puts these here */
	uint32_t files; /* in the ballast of inodes: named 0, 1, ... */
};

/*
 * Make and mount an empty one, whose root and ballast belong to `owner`. Once a process. Returns 0; with one
 * sentence in `ret_message` -EPERM, -ENOENT (something is missing here) or another -errno.
 */
int torn_small_disk_open(struct torn_small_disk *disk, enum torn_full_disk type, uid_t owner, char *ret_message,
			 size_t size);
/*
 * Say whether that can be done on this machine, by a process of its own that is gone again. Returns as
 * torn_small_disk_open().
 */
int torn_small_disk_try(enum torn_full_disk type, uid_t owner, char *ret_message, size_t size);

/*
 * Fill it until `left` of a unit are free, by what lies in its root now. Returns 0; -ENOSPC where fewer are free
 * without any ballast; -EAGAIN where the file system does not come to that number; another -errno.
 */
int torn_small_disk_fill(struct torn_small_disk *disk, enum torn_full_unit unit, uint32_t left);
/* Make room again. Returns 0 or -errno. */
int torn_small_disk_clear(struct torn_small_disk *disk);

#endif
