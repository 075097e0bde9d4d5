/* disk_turn.c: from one tree to another whose inodes may be numbered otherwise: disk_parts.h. */
#include "disk_parts.h"

#include <stdlib.h>

/*
 * From one tree to another whose inodes may be numbered otherwise, so that names
 * alone tell what stays. Where an inode has several names they do not.
 */
bool torn_disk_has_links(const struct torn_node *dir)
{
	for (uint32_t i = 0; i < dir->entries_count; i++) {
		const struct torn_node *node = dir->entries[i].node;
		if (node->type == TORN_DIRECTORY ? torn_disk_has_links(node) : node->links > 1)
			return true;
	}
	return false;
}

struct turning {
	const struct torn_disk *disk;
	struct torn_disk_seen *seen; /* by the new number; NULL: the numbers stay */
	uint32_t seen_count;
	int dirfd;
};

static int turn_dir(const struct turning *turning, int dirfd, const struct torn_node *from,
		    const struct torn_node *to);

/* What is known of an inode goes along with it. */
static void take_along(const struct turning *turning, torn_object from, torn_object to)
{
	const struct torn_disk_seen *seen = torn_disk_seen_of(turning->disk, from);
	if (turning->seen && seen && to < turning->seen_count)
		turning->seen[to] = *seen;
}

static int turn_below(const struct turning *turning, const char *name, const struct torn_entry *from,
		      const struct torn_entry *to)
{
	const bool is_same = torn_tree_equal(from->node, to->node);
	const int how = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	if (is_same && !turning->seen)
		return 0;
	const long fd = is_same ? -1 : torn_raw(SYS_openat, turning->dirfd, name, how);
	if (!is_same && fd < 0)
		return (int)fd;
	int r = is_same ? 0 : torn_disk_change_attributes(turning->disk, (int)fd, from->node, to->node);
	if (r == 0)
		r = turn_dir(turning, (int)fd, from->node, to->node);
	if (!is_same)
		torn_raw(SYS_close, fd);
	return r;
}

static int turn_file(const struct turning *turning, const char *name, const struct torn_entry *from,
		     const struct torn_entry *to)
{
	const long fd = torn_raw(SYS_openat, turning->dirfd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return (int)fd;
	const int r = torn_disk_rewrite(turning->disk, (int)fd, from->node, to->node);
	torn_raw(SYS_close, fd);
	return r;
}

static int turn_entry(void *context, const struct torn_entry *from, const struct torn_entry *to)
{
	const struct turning *turning = context;
	char name[TORN_DISK_NAME_SIZE];
	torn_disk_name(name, from ? from->name : to->name);
	if (from && to && from->node->type == TORN_DIRECTORY && to->node->type == TORN_DIRECTORY)
		return turn_below(turning, name, from, to);
	if (from && to && torn_tree_equal(from->node, to->node)) {
		take_along(turning, from->object, to->object);
		return 0;
	}
	if (torn_disk_is_rewrite(from, to))
		return turn_file(turning, name, from, to);
	const int r = from ? torn_disk_remove(turning->dirfd, name, 0) : 0;
	if (r < 0 || !to)
		return r;
	return torn_disk_make_node(turning->disk, turning->dirfd, to);
}

/* Where nothing changes the directory is not opened: `dirfd` is -1 then. */
static int turn_dir(const struct turning *turning, int dirfd, const struct torn_node *from,
		    const struct torn_node *to)
{
	struct turning below = *turning;
	below.dirfd = dirfd;
	return torn_disk_each_pair(from, to, turn_entry, &below);
}

static int turn_root(const struct turning *turning, const struct torn_node *from,
		     const struct torn_node *to)
{
	const struct torn_disk *disk = turning->disk;
	const int r = disk->exact ? torn_disk_change_attributes(disk, disk->root_fd, from, to) : 0;
	return r < 0 ? r : turn_dir(turning, disk->root_fd, from, to);
}

int torn_disk_turn_alike(const struct torn_disk *disk, const struct torn_node *from, const struct torn_node *to)
{
	const struct turning turning = {.disk = disk};
	return turn_root(&turning, from, to);
}

int torn_disk_turn(struct torn_disk *disk, const struct torn_node *from, const struct torn_node *to,
		   uint32_t objects)
{
	struct torn_disk_seen *seen = torn_disk_has_links(from) || torn_disk_has_links(to)
					      ? NULL : calloc(objects, sizeof *seen);
	if (!seen) {
		torn_disk_expect(disk, objects);
		return torn_disk_make_anew(disk, to);
	}
	const struct turning turning = {.disk = disk, .seen = seen, .seen_count = objects};
	const int r = turn_root(&turning, from, to);
	torn_disk_close(disk);
	disk->seen = seen;
	disk->seen_count = objects;
	return r;
}
