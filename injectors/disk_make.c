/* disk_make.c: inodes on disk, made as a tree has them: disk_parts.h. */
#include "disk_parts.h"

#include <errno.h>
#include <stdlib.h>

/* ------------------------------------------------------------- attributes */

/* Give what is open, which has the attributes of `from` (NULL: none), those of `to`. */
static int xattrs_change(const struct torn_disk *disk, int fd, const struct torn_node *from,
			 const struct torn_node *to)
{
	char name[TORN_DISK_NAME_SIZE];
	for (uint32_t i = 0; from && i < from->xattrs_count; i++) {
		const struct torn_xattr *xattr = &from->xattrs[i];
		if (!torn_disk_keeps_xattr(disk, from, xattr->name) || torn_node_xattr(to, xattr->name))
			continue;
		torn_disk_name(name, xattr->name);
		const long r = torn_raw(SYS_fremovexattr, fd, name);
		if (r < 0)
			return (int)r;
	}
	for (uint32_t i = 0; i < to->xattrs_count; i++) {
		const struct torn_xattr *xattr = &to->xattrs[i];
		const struct torn_xattr *was = from ? torn_node_xattr(from, xattr->name) : NULL;
		if (!torn_disk_keeps_xattr(disk, to, xattr->name) ||
		    (was && torn_bytes_equal(was->value, xattr->value)))
			continue;
		torn_disk_name(name, xattr->name);
		const long r = torn_raw(SYS_fsetxattr, fd, name, xattr->value.data,
					xattr->value.size, 0);
		if (r < 0)
			return (int)r;
	}
	return 0;
}

/* Take off all that are there, of whichever tree they were. */
static int xattrs_clear(int fd)
{
	static char names[64 * 1024]; /* XATTR_LIST_MAX */
	const long size = torn_raw(SYS_flistxattr, fd, names, sizeof names);
	if (size < 0)
		return size == -EOPNOTSUPP ? 0 : (int)size;
	for (long at = 0; at < size; at += (long)strlen(names + at) + 1) {
		if (strncmp(names + at, "user.", 5) != 0)
			continue;
		const long r = torn_raw(SYS_fremovexattr, fd, names + at);
		if (r < 0)
			return (int)r;
	}
	return 0;
}

/* The same for attributes and mode. */
int torn_disk_change_attributes(const struct torn_disk *disk, int fd, const struct torn_node *from,
				const struct torn_node *to)
{
	const int r = xattrs_change(disk, fd, from, to);
	if (r < 0 || torn_disk_mode(disk, from) == torn_disk_mode(disk, to))
		return r;
	return (int)torn_raw(SYS_fchmod, fd, torn_disk_mode(disk, to));
}

/* ----------------------------------------------------------------- making */

/* Does a file on disk that holds `from` (NULL: nothing) have block `i` of `file` already? */
static bool has_block(const struct torn_node *from, const struct torn_node *file, uint64_t i)
{
	return from && i < from->blocks_count && from->blocks[i].data == file->blocks[i].data &&
	       from->blocks[i].size == file->blocks[i].size;
}

int torn_disk_fill_file(int fd, const struct torn_node *from, const struct torn_node *file)
{
	for (uint64_t i = 0; i < file->blocks_count; i++) {
		const struct torn_block *block = &file->blocks[i];
		if (block->size == 0 || has_block(from, file, i))
			continue;
		long r = torn_raw(SYS_pwrite64, fd, block->data, block->size, i * TORN_BLOCK_SIZE);
		if (r != (long)block->size)
			return r < 0 ? (int)r : -EIO;
	}
	/* What the last block does not store is zero. */
	uint64_t end = file->blocks_count == 0 ? 0
		       : (file->blocks_count - 1) * TORN_BLOCK_SIZE +
				 file->blocks[file->blocks_count - 1].size;
	return end < file->size ? (int)torn_raw(SYS_ftruncate, fd, file->size) : 0;
}

/* The place at which an inode with several names was made first. */
struct made {
	torn_object object;
	char *path;
};

/* A tree in the making, and how far it is. */
struct maker {
	const struct torn_disk *disk;
	struct made *made;
	size_t count, room;
	char path[4096]; /* of the directory at hand, below the root: "a/b/" */
	size_t path_size;
};

static int file_make(const struct torn_disk *disk, int dirfd, const char *name,
		     const struct torn_node *file)
{
	const uint32_t mode = torn_disk_mode(disk, file);
	long fd = torn_raw(SYS_openat, dirfd, name,
			   O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_CREAT | O_EXCL, mode);
	if (fd < 0)
		return (int)fd;
	long r = torn_disk_fill_file((int)fd, NULL, file);
	if (r == 0)
		r = xattrs_change(disk, (int)fd, NULL, file);
	/* open(2) may drop set-ID bits and a write does: file_remove_privs(). */
	if (r == 0 && (mode & 07000))
		r = torn_raw(SYS_fchmod, fd, mode);
	torn_raw(SYS_close, fd);
	return (int)r;
}

static int dir_fill(struct maker *maker, int dirfd, const struct torn_node *dir);

/* Fill a directory that is a component further down. */
static int dir_fill_below(struct maker *maker, int dirfd, struct torn_bytes name,
			  const struct torn_node *dir)
{
	const size_t above = maker->path_size;
	if (name.size + 1 > sizeof maker->path - above)
		return -ENAMETOOLONG;
	memcpy(maker->path + above, name.data, name.size);
	maker->path[above + name.size] = '/';
	maker->path_size = above + name.size + 1;
	const int r = dir_fill(maker, dirfd, dir);
	maker->path_size = above;
	return r;
}

static int dir_make(struct maker *maker, int dirfd, const char *name, struct torn_bytes bytes,
		    const struct torn_node *dir)
{
	const bool exact = maker->disk->exact;
	const uint32_t mode = torn_disk_mode(maker->disk, dir);
	long r = torn_raw(SYS_mkdirat, dirfd, name, mode | 0700);
	if (r < 0)
		return (int)r;
	long fd = torn_raw(SYS_openat, dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return (int)fd;
	r = dir_fill_below(maker, (int)fd, bytes, dir);
	if (r == 0)
		r = xattrs_change(maker->disk, (int)fd, NULL, dir);
	/* mkdir(2) takes no set-ID bits, and gives the set-group-ID bit of the directory above. */
	if (r == 0 && exact)
		r = torn_raw(SYS_fchmod, fd, mode);
	torn_raw(SYS_close, fd);
	return (int)r;
}

/* Make what is no directory. */
static int inode_make(const struct torn_disk *disk, int dirfd, const char *name,
		      const struct torn_node *node)
{
	switch (node->type) {
	case TORN_SYMLINK: {
		char text[4096];
		memcpy(text, node->link.data, node->link.size);
		text[node->link.size] = '\0';
		return (int)torn_raw(SYS_symlinkat, text, dirfd, name);
	}
	case TORN_FIFO:
	case TORN_SOCKET: {
		const uint32_t mode = torn_disk_mode(disk, node);
		const long r = torn_raw(SYS_mknodat, dirfd, name,
					(node->type == TORN_FIFO ? S_IFIFO : S_IFSOCK) | mode, 0);
		return r == 0 && (mode & 07000) ? (int)torn_raw(SYS_fchmodat, dirfd, name, mode)
						: (int)r;
	}
	default:
		return file_make(disk, dirfd, name, node);
	}
}

/* Note where an inode is of which more names will come. */
static int made_add(struct maker *maker, torn_object object, const char *name)
{
	if (maker->count == maker->room) {
		const size_t room = maker->room ? 2 * maker->room : 16;
		struct made *made = realloc(maker->made, room * sizeof *made);
		if (!made)
			return -ENOMEM;
		maker->made = made;
		maker->room = room;
	}
	const size_t size = strlen(name) + 1;
	char *path = malloc(maker->path_size + size);
	if (!path)
		return -ENOMEM;
	memcpy(path, maker->path, maker->path_size);
	memcpy(path + maker->path_size, name, size);
	maker->made[maker->count++] = (struct made){object, path};
	return 0;
}

/*
 * Symlinks and FIFOs have second names too: rename(2) does nothing between two
 * names of one inode, whatever that is.
 */
static int node_make(struct maker *maker, int dirfd, const struct torn_entry *entry)
{
	const struct torn_node *node = entry->node;
	char name[TORN_DISK_NAME_SIZE];
	torn_disk_name(name, entry->name);
	if (node->type == TORN_DIRECTORY)
		return dir_make(maker, dirfd, name, entry->name, node);
	for (size_t i = 0; node->links > 1 && i < maker->count; i++)
		if (maker->made[i].object == entry->object)
			return (int)torn_raw(SYS_linkat, maker->disk->root_fd, maker->made[i].path,
					     dirfd, name, 0);
	const int r = inode_make(maker->disk, dirfd, name, node);
	return r < 0 || node->links <= 1 ? r : made_add(maker, entry->object, name);
}

static int dir_fill(struct maker *maker, int dirfd, const struct torn_node *dir)
{
	for (uint32_t i = 0; i < dir->entries_count; i++) {
		int r = node_make(maker, dirfd, &dir->entries[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The root is there already, with whatever attributes. */
static int root_attributes_make(const struct torn_disk *disk, const struct torn_node *root)
{
	int r = xattrs_clear(disk->root_fd);
	if (r == 0)
		r = xattrs_change(disk, disk->root_fd, NULL, root);
	return r < 0 ? r : (int)torn_raw(SYS_fchmod, disk->root_fd, torn_disk_mode(disk, root));
}

int torn_disk_make(const struct torn_disk *disk, const struct torn_node *tree)
{
	struct maker maker;
	maker.disk = disk;
	maker.made = NULL;
	maker.count = maker.room = maker.path_size = 0;
	int r = dir_fill(&maker, disk->root_fd, tree);
	if (r == 0 && disk->exact)
		r = root_attributes_make(disk, tree);
	for (size_t i = 0; i < maker.count; i++)
		free(maker.made[i].path);
	free(maker.made);
	return r;
}

int torn_disk_make_node(const struct torn_disk *disk, int dirfd, const struct torn_entry *entry)
{
	struct maker maker; /* its path stays empty: there is no second name to link */
	maker.disk = disk;
	maker.count = maker.path_size = 0;
	return node_make(&maker, dirfd, entry);
}

const char *torn_disk_error(int error)
{
	return error == -EOPNOTSUPP ? "its file system has no user.* attributes (tmpfs has them "
				      "since Linux 6.6)"
				    : strerror(-error);
}
