/* disk_compare.c: a disk held against a tree: disk_parts.h. */
#include "disk_parts.h"

#include <errno.h>
#include <stdio.h>

struct comparison {
	const struct torn_disk *disk;
	char *difference;
	size_t size;
	struct torn_bytes path; /* of the directory, for the message */
	int64_t newest_ns;      /* ctime of all that was looked at: it is as late as that, at least */
};

static void note_time(struct comparison *comparison, int64_t changed_ns)
{
	if (changed_ns > comparison->newest_ns)
		comparison->newest_ns = changed_ns;
}

static int differs(const struct comparison *comparison, const char *name, const char *how)
{
	snprintf(comparison->difference, comparison->size, "%.*s/%s: %s",
		 (int)comparison->path.size, (const char *)comparison->path.data, name, how);
	return -EUCLEAN;
}

/* What differs of a directory itself: its parent knows its name. */
enum { MODE_DIFFERS = 1, XATTRS_DIFFER };

static int dir_differs(const struct comparison *comparison, const char *name, int which)
{
	return differs(comparison, name,
		       which == MODE_DIFFERS ? "another mode than the log says"
					     : "other attributes than the log says");
}

/* Are the attributes of what is open those of its node? Returns 1, 0 or -errno. */
static int has_xattrs(const struct torn_disk *disk, int fd, const struct torn_node *node)
{
	static char names[64 * 1024];    /* XATTR_LIST_MAX */
	static uint8_t value[64 * 1024]; /* XATTR_SIZE_MAX */
	uint32_t wanted = 0, found = 0;
	for (uint32_t i = 0; i < node->xattrs_count; i++)
		wanted += torn_disk_keeps_xattr(disk, node, node->xattrs[i].name);
	const long size = torn_raw(SYS_flistxattr, fd, names, sizeof names);
	if (size < 0)
		return size == -EOPNOTSUPP ? wanted == 0 : (int)size;
	for (long at = 0; at < size; at += (long)strlen(names + at) + 1) {
		const struct torn_bytes name = torn_bytes_of(names + at);
		if (!torn_disk_keeps_xattr(disk, node, name))
			continue;
		const struct torn_xattr *xattr = torn_node_xattr(node, name);
		const long r = torn_raw(SYS_fgetxattr, fd, names + at, value, sizeof value);
		if (r < 0)
			return (int)r;
		if (!xattr || (size_t)r != xattr->value.size ||
		    (r > 0 && memcmp(value, xattr->value.data, (size_t)r) != 0))
			return 0;
		found++;
	}
	return found == wanted;
}

static int compare_xattrs(const struct comparison *comparison, int fd, const char *name,
			  const struct torn_node *file)
{
	const int r = comparison->disk->exact ? has_xattrs(comparison->disk, fd, file) : 1;
	return r == 0 ? dir_differs(comparison, name, XATTRS_DIFFER) : r < 0 ? r : 0;
}

static int compare_bytes(const struct comparison *comparison, int fd, const char *name,
			 const struct torn_node *file)
{
	static uint8_t on_disk[64 * 1024], wanted[64 * 1024];
	for (uint64_t at = 0; at < file->size;) {
		long r = torn_raw(SYS_pread64, fd, on_disk, sizeof on_disk, at);
		if (r <= 0)
			return r < 0 ? (int)r : differs(comparison, name, "shorter than the log says");
		size_t there = torn_node_read(file, at, wanted, (size_t)r);
		if (memcmp(on_disk, wanted, there) != 0)
			return differs(comparison, name, "other bytes than the log says");
		at += there;
	}
	return 0;
}

/* Compare a file; where it is going to be another (`to`), make it that while it is open. */
static int compare_file(struct comparison *comparison, int dirfd, const char *name,
			const struct torn_entry *entry, const struct torn_entry *to)
{
	const struct torn_node *file = entry->node;
	const bool rewrites = torn_disk_is_rewrite(entry, to) && to->node != file;
	long fd = torn_raw(SYS_openat, dirfd, name,
			   (rewrites ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return (int)fd;
	struct stat status;
	long r = torn_raw(SYS_fstat, fd, &status);
	if (r == 0)
		note_time(comparison, torn_disk_ns(status.st_ctim));
	if (r == 0 && (uint64_t)status.st_size != file->size)
		r = differs(comparison, name, "another size than the log says");
	else if (r == 0 && (status.st_mode & 07777) != torn_disk_mode(comparison->disk, file))
		r = differs(comparison, name, "another mode than the log says");
	else if (r == 0 && status.st_nlink != file->links)
		r = differs(comparison, name, "another count of names than the log says");
	if (r == 0)
		r = compare_bytes(comparison, (int)fd, name, file);
	if (r == 0)
		r = compare_xattrs(comparison, (int)fd, name, file);
	if (r == 0 && rewrites)
		r = torn_disk_rewrite(comparison->disk, (int)fd, file, to->node);
	torn_raw(SYS_close, fd);
	return (int)r;
}

static int compare_link(const struct comparison *comparison, int dirfd, const char *name,
			const struct torn_node *link)
{
	char text[4097];
	long r = torn_raw(SYS_readlinkat, dirfd, name, text, sizeof text);
	if (r < 0)
		return (int)r;
	if ((size_t)r != link->link.size || memcmp(text, link->link.data, (size_t)r) != 0)
		return differs(comparison, name, "leads elsewhere than the log says");
	return 0;
}

/* Find the entry that `dir` has at `i` in another directory, which mostly has it at the same place. */
static const struct torn_entry *entry_in(const struct torn_node *to, const struct torn_node *dir,
					 uint32_t i)
{
	const struct torn_entry *entry = &dir->entries[i];
	if (!to || i >= to->entries_count)
		return to ? torn_node_entry(to, entry->name) : NULL;
	const struct torn_entry *there = &to->entries[i];
	const bool is_there = there->name.data == entry->name.data &&
			      there->name.size == entry->name.size;
	return is_there ? there : torn_node_entry(to, entry->name);
}

static int compare_dir(struct comparison *comparison, int dirfd, torn_object object,
		       const struct torn_node *dir, const struct torn_node *to);

static int compare_below(struct comparison *comparison, int dirfd, const struct torn_entry *entry,
			 const struct torn_entry *to, const char *name)
{
	const int fd = torn_disk_open_dir(comparison->disk, dirfd, name, entry->object);
	if (fd < 0)
		return fd;
	struct torn_bytes above = comparison->path;
	comparison->path = entry->name;
	int r = compare_dir(comparison, fd, entry->object, entry->node, to ? to->node : NULL);
	comparison->path = above;
	torn_disk_close_dir(comparison->disk, fd);
	return r > 0 ? dir_differs(comparison, name, r) : r;
}

static enum torn_type type_of(uint8_t type)
{
	switch (type) {
	case DT_DIR:
		return TORN_DIRECTORY;
	case DT_LNK:
		return TORN_SYMLINK;
	case DT_FIFO:
		return TORN_FIFO;
	case DT_SOCK:
		return TORN_SOCKET;
	case DT_REG:
		return TORN_FILE;
	default:
		return TORN_TYPE_COUNT;
	}
}

static int compare_inode(struct comparison *comparison, int dirfd, const char *name,
			 const struct torn_entry *entry, const struct torn_entry *to)
{
	switch (entry->node->type) {
	case TORN_SYMLINK:
		return compare_link(comparison, dirfd, name, entry->node);
	case TORN_FILE:
		return compare_file(comparison, dirfd, name, entry, to);
	default:
		return 0;
	}
}

static const mode_t formats[TORN_TYPE_COUNT] = {
	[TORN_FILE] = S_IFREG,	[TORN_DIRECTORY] = S_IFDIR, [TORN_SYMLINK] = S_IFLNK,
	[TORN_FIFO] = S_IFIFO,	[TORN_SOCKET] = S_IFSOCK,
};

/* What a look at the inode shows without opening it. */
static int compare_status(const struct comparison *comparison, const char *name,
			  const struct stat *status, const struct torn_node *node)
{
	if ((status->st_mode & S_IFMT) != formats[node->type])
		return differs(comparison, name, "another type than the log says");
	if (node->type != TORN_SYMLINK &&
	    (status->st_mode & 07777) != torn_disk_mode(comparison->disk, node))
		return differs(comparison, name, "another mode than the log says");
	if (status->st_nlink != node->links)
		return differs(comparison, name, "another count of names than the log says");
	return 0;
}

/* On an exact disk: what was seen and did not change since is not opened. */
static int compare_seen(struct comparison *comparison, int dirfd, const char *name,
			const struct torn_entry *entry, const struct torn_entry *to)
{
	const struct torn_disk *disk = comparison->disk;
	const struct torn_node *node = entry->node;
	struct stat status;
	int r = (int)torn_raw(SYS_newfstatat, dirfd, name, &status, AT_SYMLINK_NOFOLLOW);
	if (r == 0)
		r = compare_status(comparison, name, &status, node);
	if (r < 0)
		return r;
	note_time(comparison, torn_disk_ns(status.st_ctim));
	struct torn_disk_seen *seen = torn_disk_seen_of(disk, entry->object);
	const bool rewrites = torn_disk_is_rewrite(entry, to) && to->node != node;
	if (!rewrites && torn_disk_is_as_seen(seen, &status, node->hash.low) &&
	    !(disk->must_read && disk->must_read(disk->context, entry->object)))
		return 0;
	r = compare_inode(comparison, dirfd, name, entry, to);
	if (r < 0 || !seen)
		return r;
	if (rewrites)
		seen->changed_ns = 0;
	else
		torn_disk_remember(seen, &status, node->hash.low, comparison->newest_ns);
	return 0;
}

static int compare_entry(struct comparison *comparison, int dirfd, const char *name,
			 const struct torn_entry *entry, const struct torn_entry *to)
{
	if (entry->node->type == TORN_DIRECTORY)
		return compare_below(comparison, dirfd, entry, to, name);
	return comparison->disk->exact ? compare_seen(comparison, dirfd, name, entry, to)
				       : compare_inode(comparison, dirfd, name, entry, to);
}

/* The names of a directory are known: only what they name is looked at. */
static int compare_known(struct comparison *comparison, int dirfd, const struct torn_node *dir,
			 const struct torn_node *to)
{
	for (uint32_t i = 0; i < dir->entries_count; i++) {
		const struct torn_entry *entry = &dir->entries[i];
		char name[TORN_DISK_NAME_SIZE];
		torn_disk_name(name, entry->name);
		const int r = compare_entry(comparison, dirfd, name, entry, entry_in(to, dir, i));
		if (r < 0)
			return r;
	}
	return 0;
}

static int compare_listed(struct comparison *comparison, int dirfd, const struct torn_node *dir,
			  const struct torn_node *to)
{
	struct torn_disk_listing listing;
	listing.size = listing.at = 0;
	listing.others = dirfd == comparison->disk->root_fd ? comparison->disk->others : NULL;
	torn_raw(SYS_lseek, dirfd, 0, SEEK_SET);
	uint32_t seen = 0;
	for (struct dirent64 *found; (found = torn_disk_list_next(&listing, dirfd)); seen++) {
		const struct torn_bytes name = torn_bytes_of(found->d_name);
		const struct torn_entry *entry = torn_node_entry(dir, name);
		if (!entry)
			return differs(comparison, found->d_name, "there, and the log has no such name");
		if (type_of(found->d_type) != entry->node->type)
			return differs(comparison, found->d_name, "another type than the log says");
		int r = compare_entry(comparison, dirfd, found->d_name, entry,
				      entry_in(to, dir, (uint32_t)(entry - dir->entries)));
		if (r < 0)
			return r;
	}
	if (listing.size < 0)
		return (int)listing.size;
	if (seen != dir->entries_count)
		return differs(comparison, "", "fewer names than the log says");
	return 0;
}

static int compare_dir(struct comparison *comparison, int dirfd, torn_object object,
		       const struct torn_node *dir, const struct torn_node *to)
{
	struct stat status;
	const long r = torn_raw(SYS_fstat, dirfd, &status);
	if (r < 0)
		return (int)r;
	const struct torn_disk *disk = comparison->disk;
	const uint32_t bits = disk->exact ? 07777 : 0777;
	if ((disk->exact || object != TORN_DISK_ROOT) && (status.st_mode & bits) != torn_disk_mode(disk, dir))
		return MODE_DIFFERS;
	struct torn_disk_seen *seen = torn_disk_seen_of(disk, object);
	const uint64_t names = seen ? torn_disk_names_hash(disk, dir) : 0;
	note_time(comparison, torn_disk_ns(status.st_ctim));
	if (torn_disk_is_as_seen(seen, &status, names))
		return compare_known(comparison, dirfd, dir, to);
	const int has = disk->exact ? has_xattrs(disk, dirfd, dir) : 1;
	if (has <= 0)
		return has < 0 ? has : XATTRS_DIFFER;
	const int compared = compare_listed(comparison, dirfd, dir, to);
	if (compared == 0 && seen)
		torn_disk_remember(seen, &status, names, comparison->newest_ns);
	return compared;
}

/*
 * What an exact disk has much of is old soon, whether or not a run changes
 * anything: by the clock that ctimes are taken from, clock_gettime(2). It decides
 * what is read, never what is found.
 */
static int64_t newest_at_first(const struct torn_disk *disk)
{
	struct timespec now = {0};
	if (disk->exact && disk->seen)
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return torn_disk_ns(now);
}

int torn_disk_compare(const struct torn_disk *disk, const struct torn_node *tree, const struct torn_node *to,
		      char *ret_difference, size_t size)
{
	struct comparison comparison = {.disk = disk,
					.difference = ret_difference,
					.size = size,
					.newest_ns = newest_at_first(disk)};
	const int r = compare_dir(&comparison, disk->root_fd, TORN_DISK_ROOT, tree, to);
	return r > 0 ? dir_differs(&comparison, "", r) : r;
}
