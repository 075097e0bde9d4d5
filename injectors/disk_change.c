/* disk_change.c: from one tree to another of the same inodes: disk_parts.h. */
#include "disk_parts.h"

/* Does an entry change, and in a way that takes more than writing or unlinking a file? */
static bool is_simple_entry(const struct torn_entry *from, const struct torn_entry *to);

int torn_disk_each_pair(const struct torn_node *from, const struct torn_node *to,
			int (*each)(void *context, const struct torn_entry *from,
				    const struct torn_entry *to),
			void *context)
{
	uint32_t i = 0, j = 0;
	while (i < from->entries_count || j < to->entries_count) {
		const int order = i == from->entries_count ? 1
				: j == to->entries_count   ? -1
							   : torn_bytes_compare(from->entries[i].name,
										to->entries[j].name);
		const struct torn_entry *left = order <= 0 ? &from->entries[i++] : NULL;
		const struct torn_entry *right = order >= 0 ? &to->entries[j++] : NULL;
		const int r = each(context, left, right);
		if (r != 0)
			return r;
	}
	return 0;
}

static int stop_unless_simple(void *context, const struct torn_entry *from,
			      const struct torn_entry *to)
{
	(void)context;
	return is_simple_entry(from, to) ? 0 : 1;
}

static bool is_simple_entry(const struct torn_entry *from, const struct torn_entry *to)
{
	if (from && to && from->node == to->node)
		return true;
	if ((from && from->node->links > 1) || (to && to->node->links > 1))
		return false;
	const bool was_dir = from && from->node->type == TORN_DIRECTORY;
	const bool is_dir = to && to->node->type == TORN_DIRECTORY;
	if (!was_dir && !is_dir)
		return true;
	return was_dir && is_dir && from->object == to->object &&
	       torn_disk_each_pair(from->node, to->node, stop_unless_simple, NULL) == 0;
}

int torn_disk_rewrite(const struct torn_disk *disk, int fd, const struct torn_node *from,
		      const struct torn_node *to)
{
	bool has_hole = false;
	for (uint64_t i = 0; i < to->blocks_count; i++) {
		const uint64_t rest = to->size - i * TORN_BLOCK_SIZE;
		has_hole |= to->blocks[i].size < (rest < TORN_BLOCK_SIZE ? rest : TORN_BLOCK_SIZE);
	}
	/* Holes, and zeroes at a block's end, are not written: what was there has to go first. */
	long r = has_hole || from->size > to->size
			 ? torn_raw(SYS_ftruncate, fd, has_hole ? 0 : to->size) : 0;
	if (r == 0)
		r = torn_disk_fill_file(fd, has_hole ? NULL : from, to);
	if (r == 0)
		r = torn_disk_change_attributes(disk, fd, from, to);
	/* A write drops set-ID bits: file_remove_privs(). */
	if (r == 0 && (torn_disk_mode(disk, to) & 07000))
		r = torn_raw(SYS_fchmod, fd, torn_disk_mode(disk, to));
	return (int)r;
}

struct changing {
	const struct torn_disk *disk;
	int dirfd;
	bool rewritten; /* files that only changed were dealt with */
};

static int change_dir(const struct torn_disk *disk, int dirfd, const struct torn_node *from,
		      const struct torn_node *to, bool rewritten);

static int change_entry(void *context, const struct torn_entry *from, const struct torn_entry *to)
{
	const struct changing *changing = context;
	if (from && to && from->node == to->node)
		return 0;
	char name[TORN_DISK_NAME_SIZE];
	torn_disk_name(name, from ? from->name : to->name);
	if (to && to->node->type == TORN_DIRECTORY) {
		const int fd = torn_disk_open_dir(changing->disk, changing->dirfd, name, to->object);
		if (fd < 0)
			return fd;
		int r = torn_disk_change_attributes(changing->disk, fd, from->node, to->node);
		if (r == 0)
			r = change_dir(changing->disk, fd, from->node, to->node, changing->rewritten);
		torn_disk_close_dir(changing->disk, fd);
		return r;
	}
	if (torn_disk_is_rewrite(from, to)) {
		if (changing->rewritten)
			return 0;
		const long fd = torn_raw(SYS_openat, changing->dirfd, name,
					 O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
		const int r = fd < 0 ? (int)fd : torn_disk_rewrite(changing->disk, (int)fd, from->node, to->node);
		torn_raw(SYS_close, fd);
		return r;
	}
	const long r = from ? torn_raw(SYS_unlinkat, changing->dirfd, name, 0) : 0;
	if (r < 0 || !to)
		return (int)r;
	return torn_disk_make_node(changing->disk, changing->dirfd, to);
}

static int change_dir(const struct torn_disk *disk, int dirfd, const struct torn_node *from,
		      const struct torn_node *to, bool rewritten)
{
	struct changing changing = {disk, dirfd, rewritten};
	return torn_disk_each_pair(from, to, change_entry, &changing);
}

int torn_disk_make_anew(const struct torn_disk *disk, const struct torn_node *to)
{
	const int r = torn_disk_clear_root(disk);
	return r < 0 ? r : torn_disk_make(disk, to);
}

/* The root is in no directory whose entries would show that it changes. */
int torn_disk_change_root(const struct torn_disk *disk, const struct torn_node *from,
			  const struct torn_node *to, bool rewritten)
{
	if (from == to)
		return 0;
	const int r = disk->exact ? torn_disk_change_attributes(disk, disk->root_fd, from, to) : 0;
	return r < 0 ? r : change_dir(disk, disk->root_fd, from, to, rewritten);
}

bool torn_disk_is_simple_change(const struct torn_node *from, const struct torn_node *to)
{
	return torn_disk_each_pair(from, to, stop_unless_simple, NULL) == 0;
}

int torn_disk_change(const struct torn_disk *disk, const struct torn_node *from,
		     const struct torn_node *to, bool *ret_anew)
{
	*ret_anew = from != to && !torn_disk_is_simple_change(from, to);
	return *ret_anew ? torn_disk_make_anew(disk, to) : torn_disk_change_root(disk, from, to, false);
}
