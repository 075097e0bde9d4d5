/*
 * disk_parts.h: what the files behind disk.h share: disk_make.c and disk_clear.c (inodes come and go),
 * disk_change.c and disk_turn.c (one tree becomes another), disk_compare.c and disk_seen.c (is the disk as a
 * tree says?), disk.c (all of it, after a trial). All return 0 or -errno but where it is said.
 */
#ifndef TORN_DISK_PARTS_H
#define TORN_DISK_PARTS_H

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "disk.h"
#include "raw.h"
#include "tree.h"

#define TORN_DISK_ROOT 1u /* the root's object: fold.h */
#define TORN_DISK_NAME_SIZE 256

static inline void torn_disk_name(char to[TORN_DISK_NAME_SIZE], struct torn_bytes name)
{
	memcpy(to, name.data, name.size);
	to[name.size] = '\0';
}

static inline uint32_t torn_disk_mode(const struct torn_disk *disk, const struct torn_node *node)
{
	if (disk->exact)
		return node->mode & 07777;
	return (node->mode & 0777) | (node->type == TORN_DIRECTORY ? 0700 : 0600);
}

/* Linux has user.* attributes for files and directories only: xattr(7). */
static inline bool torn_disk_keeps_xattr(const struct torn_disk *disk, const struct torn_node *node,
					 struct torn_bytes name)
{
	return disk->exact && (node->type == TORN_FILE || node->type == TORN_DIRECTORY) &&
	       name.size > 5 && memcmp(name.data, "user.", 5) == 0;
}

static inline int64_t torn_disk_ns(struct timespec time)
{
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* A directory on the way down: one that is kept, or opened here. */
static inline int torn_disk_open_dir(const struct torn_disk *disk, int above, const char *name,
				     torn_object object)
{
	return disk->dirfd ? disk->dirfd(disk->context, object)
			   : (int)torn_raw(SYS_openat, above, name,
					   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static inline void torn_disk_close_dir(const struct torn_disk *disk, int fd)
{
	if (!disk->dirfd)
		torn_raw(SYS_close, fd);
}

/* ------------------------------------------------------------- disk_make.c */

/* Give what is open, which has attributes and mode of `from`, those of `to`. */
int torn_disk_change_attributes(const struct torn_disk *disk, int fd, const struct torn_node *from,
				const struct torn_node *to);
/* Write an open file, which holds the blocks of `from` (NULL: none), but for holes that it must not have. */
int torn_disk_fill_file(int fd, const struct torn_node *from, const struct torn_node *file);
/* Make an inode that has one name, and all below it. */
int torn_disk_make_node(const struct torn_disk *disk, int dirfd, const struct torn_entry *entry);

/* ------------------------------------------------------------ disk_clear.c */

/* Remove a name, and all below it; `depth` is how far down it is. */
int torn_disk_remove(int dirfd, const char *name, unsigned depth);

struct torn_disk_listing {
	uint8_t bytes[8192];
	long size, at;
	const char *const *others; /* names that are passed over; NULL: none */
};

/* The next name of a directory but "." and ".."; NULL at the end or on an error (in size). */
struct dirent64 *torn_disk_list_next(struct torn_disk_listing *listing, int dirfd);

/* ----------------------------------------------------------- disk_change.c */

/* Walk two directories at once; stops where `each` does not return 0, and returns that. */
int torn_disk_each_pair(const struct torn_node *from, const struct torn_node *to,
			int (*each)(void *context, const struct torn_entry *from,
				    const struct torn_entry *to),
			void *context);
/* Do all entries change, if at all, in a way that takes no more than writing and unlinking files? */
bool torn_disk_is_simple_change(const struct torn_node *from, const struct torn_node *to);

static inline bool torn_disk_is_rewrite(const struct torn_entry *from, const struct torn_entry *to)
{
	return from && to && from->node->type == TORN_FILE && to->node->type == TORN_FILE;
}

/* Give an open file, which holds `from`, the bytes and the mode of `to`. */
int torn_disk_rewrite(const struct torn_disk *disk, int fd, const struct torn_node *from,
		      const struct torn_node *to);
int torn_disk_make_anew(const struct torn_disk *disk, const struct torn_node *to);
/* By a simple change; `rewritten`: files that only changed were dealt with. */
int torn_disk_change_root(const struct torn_disk *disk, const struct torn_node *from,
			  const struct torn_node *to, bool rewritten);

/* ------------------------------------------------------------- disk_turn.c */

bool torn_disk_has_links(const struct torn_node *dir);
/* As torn_disk_turn(), where the numbers stay. */
int torn_disk_turn_alike(const struct torn_disk *disk, const struct torn_node *from,
			 const struct torn_node *to);

/* ------------------------------------------------------------- disk_seen.c */

static inline struct torn_disk_seen *torn_disk_seen_of(const struct torn_disk *disk, torn_object object)
{
	return disk->seen && object < disk->seen_count ? &disk->seen[object] : NULL;
}

/* Is an inode the one that was seen, as it was then, and is that what is wanted? */
bool torn_disk_is_as_seen(const struct torn_disk_seen *seen, const struct stat *status, uint64_t what);
/* Note one that was looked at. It is now at least as late as `newest_ns`. */
void torn_disk_remember(struct torn_disk_seen *seen, const struct stat *status, uint64_t what,
			int64_t newest_ns);
/* What is known of a directory: its names, and of what type and who they are. */
uint64_t torn_disk_names_hash(const struct torn_disk *disk, const struct torn_node *dir);

/* ---------------------------------------------------------- disk_compare.c */

/*
 * Hold a disk against a tree; files that are others in `to` (NULL: nothing is) become these while they
 * are open. Returns 0; -EUCLEAN with what differs in words; -errno.
 */
int torn_disk_compare(const struct torn_disk *disk, const struct torn_node *tree, const struct torn_node *to,
		      char *ret_difference, size_t size);

#endif
