/* disk.c: see disk.h. Runs between trials, after each of them: it is made to be quick. */
#include "disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "raw.h"
#include "tree.h"

#define NAME_SIZE 256

static void name_copy(char to[NAME_SIZE], struct torn_bytes name)
{
	memcpy(to, name.data, name.size);
	to[name.size] = '\0';
}

static uint32_t mode_on_disk(const struct torn_node *node)
{
	return (node->mode & 0777) | (node->type == TORN_DIRECTORY ? 0700 : 0600);
}

/* ----------------------------------------------------------------- making */

static int file_fill(int fd, const struct torn_node *file)
{
	for (uint64_t i = 0; i < file->blocks_count; i++) {
		const struct torn_block *block = &file->blocks[i];
		if (block->size == 0)
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

static int file_make(int dirfd, const char *name, const struct torn_node *file, int how)
{
	long fd = torn_raw(SYS_openat, dirfd, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC | how,
			   mode_on_disk(file));
	if (fd < 0)
		return (int)fd;
	int r = file_fill((int)fd, file);
	torn_raw(SYS_close, fd);
	return r;
}

/* One place at which an inode with several names was made already. */
struct made {
	torn_object object;
	int dirfd;
	char name[NAME_SIZE];
};

struct maker {
	struct made made[64];
	size_t count;
};

static int dir_fill(struct maker *maker, int dirfd, const struct torn_node *dir);

static int dir_make(struct maker *maker, int dirfd, const char *name, const struct torn_node *dir)
{
	long r = torn_raw(SYS_mkdirat, dirfd, name, mode_on_disk(dir));
	if (r < 0)
		return (int)r;
	long fd = torn_raw(SYS_openat, dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return (int)fd;
	r = dir_fill(maker, (int)fd, dir);
	torn_raw(SYS_close, fd);
	return (int)r;
}

/* Make what is no directory. */
static int inode_make(int dirfd, const char *name, const struct torn_node *node)
{
	switch (node->type) {
	case TORN_SYMLINK: {
		char text[4096];
		memcpy(text, node->link.data, node->link.size);
		text[node->link.size] = '\0';
		return (int)torn_raw(SYS_symlinkat, text, dirfd, name);
	}
	case TORN_FIFO:
	case TORN_SOCKET:
		return (int)torn_raw(SYS_mknodat, dirfd, name,
				     (node->type == TORN_FIFO ? S_IFIFO : S_IFSOCK) |
					     mode_on_disk(node), 0);
	default:
		return file_make(dirfd, name, node, O_CREAT | O_EXCL);
	}
}

/*
 * Symlinks and FIFOs have second names too: rename(2) does nothing between two
 * names of one inode, whatever that is.
 */
static int node_make(struct maker *maker, int dirfd, const struct torn_entry *entry)
{
	const struct torn_node *node = entry->node;
	char name[NAME_SIZE];
	name_copy(name, entry->name);
	if (node->type == TORN_DIRECTORY)
		return dir_make(maker, dirfd, name, node);
	for (size_t i = 0; node->links > 1 && i < maker->count; i++)
		if (maker->made[i].object == entry->object)
			return (int)torn_raw(SYS_linkat, maker->made[i].dirfd, maker->made[i].name,
					     dirfd, name, 0);
	int r = inode_make(dirfd, name, node);
	if (r < 0 || node->links <= 1)
		return r;
	if (maker->count == sizeof maker->made / sizeof *maker->made)
		return -EMLINK;
	struct made *made = &maker->made[maker->count++];
	made->object = entry->object;
	made->dirfd = (int)torn_raw(SYS_fcntl, dirfd, F_DUPFD_CLOEXEC, 0);
	memcpy(made->name, name, sizeof name);
	return made->dirfd < 0 ? made->dirfd : 0;
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

int torn_disk_make(int root_fd, const struct torn_node *tree)
{
	struct maker maker = {.count = 0};
	int r = dir_fill(&maker, root_fd, tree);
	for (size_t i = 0; i < maker.count; i++)
		torn_raw(SYS_close, maker.made[i].dirfd);
	return r;
}

/* --------------------------------------------------------------- removing */

static int clear(int dirfd, unsigned depth);

static int remove_name(int dirfd, const char *name, unsigned depth)
{
	long r = torn_raw(SYS_unlinkat, dirfd, name, 0);
	if (r != -EISDIR && r != -EPERM)
		return (int)r;
	const int how = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	long fd = torn_raw(SYS_openat, dirfd, name, how);
	/* Its owner may have been left without rights to it: take them back. */
	if (fd == -EACCES && torn_raw(SYS_fchmodat, dirfd, name, 0700) == 0)
		fd = torn_raw(SYS_openat, dirfd, name, how);
	if (fd < 0)
		return (int)fd;
	torn_raw(SYS_fchmod, fd, 0700); /* also where it can be read and not written */
	r = depth > 200 ? -ELOOP : clear((int)fd, depth + 1);
	torn_raw(SYS_close, fd);
	return r < 0 ? (int)r : (int)torn_raw(SYS_unlinkat, dirfd, name, AT_REMOVEDIR);
}

struct listing {
	uint8_t bytes[8192];
	long size, at;
};

/* The next name of a directory but "." and ".."; NULL at the end or on an error (in size). */
static struct dirent64 *list_next(struct listing *listing, int dirfd)
{
	for (;;) {
		if (listing->at >= listing->size) {
			/* tmpfs fills the buffer: much room left means that there is no more. */
			bool whole = listing->size > 0 &&
				     sizeof listing->bytes - (size_t)listing->size > 512;
			if (whole)
				return NULL;
			listing->size = torn_raw(SYS_getdents64, dirfd, listing->bytes,
						 sizeof listing->bytes);
			listing->at = 0;
			if (listing->size <= 0)
				return NULL;
		}
		struct dirent64 *entry = (void *)(listing->bytes + listing->at);
		listing->at += entry->d_reclen;
		const char *name = entry->d_name;
		if (name[0] != '.' || (name[1] != '\0' && (name[1] != '.' || name[2] != '\0')))
			return entry;
	}
}

static int clear(int dirfd, unsigned depth)
{
	/* Removing while listing may skip names: begin again until none is left. */
	for (bool any = true; any;) {
		struct listing listing = {.size = 0};
		torn_raw(SYS_lseek, dirfd, 0, SEEK_SET);
		any = false;
		for (struct dirent64 *entry; (entry = list_next(&listing, dirfd));) {
			int r = remove_name(dirfd, entry->d_name, depth);
			if (r < 0)
				return r;
			any = true;
		}
		if (listing.size < 0)
			return (int)listing.size;
	}
	return 0;
}

int torn_disk_clear(int root_fd)
{
	return clear(root_fd, 0);
}

/* ---------------------------------------------------------------- changing */

/* Does an entry change, and in a way that takes more than writing or unlinking a file? */
static bool is_simple_entry(const struct torn_entry *from, const struct torn_entry *to);

/* Walk two directories at once; stops where `each` does not return 0. */
static int each_pair(const struct torn_node *from, const struct torn_node *to,
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
	       each_pair(from->node, to->node, stop_unless_simple, NULL) == 0;
}

static bool is_rewrite(const struct torn_entry *from, const struct torn_entry *to)
{
	return from && to && from->node->type == TORN_FILE && to->node->type == TORN_FILE;
}

/* Give an open file, which holds `from`, the bytes and the mode of `to`. */
static int rewrite(int fd, const struct torn_node *from, const struct torn_node *to)
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
		r = file_fill(fd, to);
	if (r == 0 && mode_on_disk(from) != mode_on_disk(to))
		r = torn_raw(SYS_fchmod, fd, mode_on_disk(to));
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
	char name[NAME_SIZE];
	name_copy(name, from ? from->name : to->name);
	if (to && to->node->type == TORN_DIRECTORY) {
		const int fd = changing->disk->dirfd(changing->disk->context, to->object);
		if (fd < 0)
			return fd;
		const long r = mode_on_disk(from->node) == mode_on_disk(to->node)
				       ? 0 : torn_raw(SYS_fchmod, fd, mode_on_disk(to->node));
		return r < 0 ? (int)r
			     : change_dir(changing->disk, fd, from->node, to->node,
					  changing->rewritten);
	}
	if (is_rewrite(from, to)) {
		if (changing->rewritten)
			return 0;
		const long fd = torn_raw(SYS_openat, changing->dirfd, name,
					 O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
		const int r = fd < 0 ? (int)fd : rewrite((int)fd, from->node, to->node);
		torn_raw(SYS_close, fd);
		return r;
	}
	const long r = from ? torn_raw(SYS_unlinkat, changing->dirfd, name, 0) : 0;
	if (r < 0 || !to)
		return (int)r;
	struct maker maker;
	maker.count = 0;
	return node_make(&maker, changing->dirfd, to);
}

static int change_dir(const struct torn_disk *disk, int dirfd, const struct torn_node *from,
		      const struct torn_node *to, bool rewritten)
{
	struct changing changing = {disk, dirfd, rewritten};
	return each_pair(from, to, change_entry, &changing);
}

static int make_anew(const struct torn_disk *disk, const struct torn_node *to)
{
	const int r = torn_disk_clear(disk->root_fd);
	return r < 0 ? r : torn_disk_make(disk->root_fd, to);
}

int torn_disk_change(const struct torn_disk *disk, const struct torn_node *from,
		     const struct torn_node *to, bool *ret_anew)
{
	*ret_anew = each_pair(from, to, stop_unless_simple, NULL) != 0;
	return *ret_anew ? make_anew(disk, to) : change_dir(disk, disk->root_fd, from, to, false);
}

/* -------------------------------------------------------------- comparing */

struct comparison {
	const struct torn_disk *disk;
	char *difference;
	size_t size;
	struct torn_bytes path; /* of the directory, for the message */
	int64_t newest_ns;      /* ctime of all that was looked at */
};

static int64_t ns_of(struct timespec time)
{
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static uint64_t names_hash(const struct torn_node *dir)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */
	for (uint32_t i = 0; i < dir->entries_count; i++) {
		const struct torn_entry *entry = &dir->entries[i];
		for (size_t at = 0; at < entry->name.size; at++)
			hash = (hash ^ entry->name.data[at]) * UINT64_C(0x100000001b3);
		hash = (hash ^ entry->node->type) * UINT64_C(0x100000001b3);
		hash = (hash ^ entry->object) * UINT64_C(0x100000001b3);
	}
	return hash;
}

static struct torn_disk_seen *seen_of(const struct torn_disk *disk, torn_object dir)
{
	return disk->seen && dir < TORN_DISK_SEEN_MAX ? &disk->seen[dir] : NULL;
}

/* It is now at least as late as the newest ctime that was seen: no clock is asked. */
static void remember(struct torn_disk_seen *seen, const struct torn_node *dir, int64_t changed_ns,
		     int64_t newest_ns)
{
	const bool is_old = changed_ns + TORN_DISK_RACY_NS < newest_ns;
	seen->changed_ns = is_old ? changed_ns : 0;
	if (is_old)
		seen->names = names_hash(dir);
}

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

#define TORN_ROOT 1u     /* the root's object: fold.h */
#define MODE_DIFFERS 1 /* of the directory itself: its parent knows its name */

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
	const bool rewrites = is_rewrite(entry, to) && to->node != file;
	long fd = torn_raw(SYS_openat, dirfd, name,
			   (rewrites ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return (int)fd;
	struct stat status;
	long r = torn_raw(SYS_fstat, fd, &status);
	if (r == 0)
		note_time(comparison, ns_of(status.st_ctim));
	if (r == 0 && (uint64_t)status.st_size != file->size)
		r = differs(comparison, name, "another size than the log says");
	else if (r == 0 && (status.st_mode & 07777) != mode_on_disk(file))
		r = differs(comparison, name, "another mode than the log says");
	else if (r == 0 && status.st_nlink != file->links)
		r = differs(comparison, name, "another count of names than the log says");
	if (r == 0)
		r = compare_bytes(comparison, (int)fd, name, file);
	if (r == 0 && rewrites)
		r = rewrite((int)fd, file, to->node);
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

static int compare_dir(struct comparison *comparison, int dirfd, torn_object object,
		       const struct torn_node *dir, const struct torn_node *to);

static int compare_below(struct comparison *comparison, const struct torn_entry *entry,
			 const struct torn_entry *to, const char *name)
{
	int fd = comparison->disk->dirfd(comparison->disk->context, entry->object);
	if (fd < 0)
		return fd;
	struct torn_bytes above = comparison->path;
	comparison->path = entry->name;
	int r = compare_dir(comparison, fd, entry->object, entry->node, to ? to->node : NULL);
	comparison->path = above;
	return r == MODE_DIFFERS ? differs(comparison, name, "another mode than the log says") : r;
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

static int compare_entry(struct comparison *comparison, int dirfd, const char *name,
			 const struct torn_entry *entry, const struct torn_entry *to)
{
	switch (entry->node->type) {
	case TORN_DIRECTORY:
		return compare_below(comparison, entry, to, name);
	case TORN_SYMLINK:
		return compare_link(comparison, dirfd, name, entry->node);
	case TORN_FILE:
		return compare_file(comparison, dirfd, name, entry, to);
	default:
		return 0;
	}
}

/* The names of a directory are known: only what they name is looked at. */
static int compare_known(struct comparison *comparison, int dirfd, const struct torn_node *dir,
			 const struct torn_node *to)
{
	for (uint32_t i = 0; i < dir->entries_count; i++) {
		const struct torn_entry *entry = &dir->entries[i];
		char name[NAME_SIZE];
		name_copy(name, entry->name);
		const int r = compare_entry(comparison, dirfd, name, entry,
					    to ? torn_node_entry(to, entry->name) : NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static int compare_listed(struct comparison *comparison, int dirfd, const struct torn_node *dir,
			  const struct torn_node *to)
{
	struct listing listing;
	listing.size = listing.at = 0;
	torn_raw(SYS_lseek, dirfd, 0, SEEK_SET);
	uint32_t seen = 0;
	for (struct dirent64 *found; (found = list_next(&listing, dirfd)); seen++) {
		const struct torn_bytes name = torn_bytes_of(found->d_name);
		const struct torn_entry *entry = torn_node_entry(dir, name);
		if (!entry)
			return differs(comparison, found->d_name, "there, and the log has no such name");
		if (type_of(found->d_type) != entry->node->type)
			return differs(comparison, found->d_name, "another type than the log says");
		int r = compare_entry(comparison, dirfd, found->d_name, entry,
				      to ? torn_node_entry(to, name) : NULL);
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
	if (object != TORN_ROOT && (status.st_mode & 0777) != mode_on_disk(dir))
		return MODE_DIFFERS;
	struct torn_disk_seen *seen = seen_of(comparison->disk, object);
	const int64_t changed_ns = ns_of(status.st_ctim);
	note_time(comparison, changed_ns);
	if (seen && seen->changed_ns == changed_ns && seen->names == names_hash(dir))
		return compare_known(comparison, dirfd, dir, to);
	const int compared = compare_listed(comparison, dirfd, dir, to);
	if (compared == 0 && seen)
		remember(seen, dir, changed_ns, comparison->newest_ns);
	return compared;
}

int torn_disk_settle(const struct torn_disk *disk, const struct torn_node *now,
		     const struct torn_node *old, char *ret_difference, size_t size, bool *ret_anew)
{
	struct comparison comparison = {
		.disk = disk, .difference = ret_difference, .size = size};
	*ret_anew = each_pair(now, old, stop_unless_simple, NULL) != 0;
	int r = compare_dir(&comparison, disk->root_fd, TORN_ROOT, now, *ret_anew ? NULL : old);
	if (r < 0)
		return r;
	return *ret_anew ? make_anew(disk, old) : change_dir(disk, disk->root_fd, now, old, true);
}
