/* disk.c: see disk.h. Runs between trials, after each of them: it is made to be quick. */
#include "disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
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

static uint32_t mode_on_disk(const struct torn_disk *disk, const struct torn_node *node)
{
	if (disk->exact)
		return node->mode & 07777;
	return (node->mode & 0777) | (node->type == TORN_DIRECTORY ? 0700 : 0600);
}

/* ------------------------------------------------------------- attributes */

/* Linux has user.* attributes for files and directories only: xattr(7). */
static bool is_kept(const struct torn_disk *disk, const struct torn_node *node,
		    struct torn_bytes name)
{
	return disk->exact && (node->type == TORN_FILE || node->type == TORN_DIRECTORY) &&
	       name.size > 5 && memcmp(name.data, "user.", 5) == 0;
}

/* Give what is open, which has the attributes of `from` (NULL: none), those of `to`. */
static int xattrs_change(const struct torn_disk *disk, int fd, const struct torn_node *from,
			 const struct torn_node *to)
{
	char name[NAME_SIZE];
	for (uint32_t i = 0; from && i < from->xattrs_count; i++) {
		const struct torn_xattr *xattr = &from->xattrs[i];
		if (!is_kept(disk, from, xattr->name) || torn_node_xattr(to, xattr->name))
			continue;
		name_copy(name, xattr->name);
		const long r = torn_raw(SYS_fremovexattr, fd, name);
		if (r < 0)
			return (int)r;
	}
	for (uint32_t i = 0; i < to->xattrs_count; i++) {
		const struct torn_xattr *xattr = &to->xattrs[i];
		const struct torn_xattr *was = from ? torn_node_xattr(from, xattr->name) : NULL;
		if (!is_kept(disk, to, xattr->name) ||
		    (was && torn_bytes_equal(was->value, xattr->value)))
			continue;
		name_copy(name, xattr->name);
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
static int attributes_change(const struct torn_disk *disk, int fd, const struct torn_node *from,
			     const struct torn_node *to)
{
	const int r = xattrs_change(disk, fd, from, to);
	if (r < 0 || mode_on_disk(disk, from) == mode_on_disk(disk, to))
		return r;
	return (int)torn_raw(SYS_fchmod, fd, mode_on_disk(disk, to));
}

/* ----------------------------------------------------------------- making */

/* Does a file on disk that holds `from` (NULL: nothing) have block `i` of `file` already? */
static bool has_block(const struct torn_node *from, const struct torn_node *file, uint64_t i)
{
	return from && i < from->blocks_count && from->blocks[i].data == file->blocks[i].data &&
	       from->blocks[i].size == file->blocks[i].size;
}

static int file_fill(int fd, const struct torn_node *from, const struct torn_node *file)
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
	const uint32_t mode = mode_on_disk(disk, file);
	long fd = torn_raw(SYS_openat, dirfd, name,
			   O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_CREAT | O_EXCL, mode);
	if (fd < 0)
		return (int)fd;
	long r = file_fill((int)fd, NULL, file);
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
	const uint32_t mode = mode_on_disk(maker->disk, dir);
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
		const uint32_t mode = mode_on_disk(disk, node);
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
	char name[NAME_SIZE];
	name_copy(name, entry->name);
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
	return r < 0 ? r : (int)torn_raw(SYS_fchmod, disk->root_fd, mode_on_disk(disk, root));
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

const char *torn_disk_error(int error)
{
	return error == -EOPNOTSUPP ? "its file system has no user.* attributes (tmpfs has them "
				      "since Linux 6.6)"
				    : strerror(-error);
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
			/*
			 * Room left does not tell that there is no more: a signal that is
			 * pending, as a tracer's ticks are, ends the call early (filldir64()
			 * of fs/readdir.c). Only nothing at all does.
			 */
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

/* ------------------------------------------------------------ on the way down */

static int dir_open(const struct torn_disk *disk, int above, const char *name, torn_object object)
{
	return disk->dirfd ? disk->dirfd(disk->context, object)
			   : (int)torn_raw(SYS_openat, above, name,
					   O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static void dir_close(const struct torn_disk *disk, int fd)
{
	if (!disk->dirfd)
		torn_raw(SYS_close, fd);
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
static int rewrite(const struct torn_disk *disk, int fd, const struct torn_node *from,
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
		r = file_fill(fd, has_hole ? NULL : from, to);
	if (r == 0)
		r = attributes_change(disk, fd, from, to);
	/* A write drops set-ID bits: file_remove_privs(). */
	if (r == 0 && (mode_on_disk(disk, to) & 07000))
		r = torn_raw(SYS_fchmod, fd, mode_on_disk(disk, to));
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
		const int fd = dir_open(changing->disk, changing->dirfd, name, to->object);
		if (fd < 0)
			return fd;
		int r = attributes_change(changing->disk, fd, from->node, to->node);
		if (r == 0)
			r = change_dir(changing->disk, fd, from->node, to->node, changing->rewritten);
		dir_close(changing->disk, fd);
		return r;
	}
	if (is_rewrite(from, to)) {
		if (changing->rewritten)
			return 0;
		const long fd = torn_raw(SYS_openat, changing->dirfd, name,
					 O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
		const int r = fd < 0 ? (int)fd : rewrite(changing->disk, (int)fd, from->node, to->node);
		torn_raw(SYS_close, fd);
		return r;
	}
	const long r = from ? torn_raw(SYS_unlinkat, changing->dirfd, name, 0) : 0;
	if (r < 0 || !to)
		return (int)r;
	struct maker maker; /* no hard links here */
	maker.disk = changing->disk;
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
	return r < 0 ? r : torn_disk_make(disk, to);
}

/* The root is in no directory whose entries would show that it changes. */
static int change_root(const struct torn_disk *disk, const struct torn_node *from,
		       const struct torn_node *to, bool rewritten)
{
	if (from == to)
		return 0;
	const int r = disk->exact ? attributes_change(disk, disk->root_fd, from, to) : 0;
	return r < 0 ? r : change_dir(disk, disk->root_fd, from, to, rewritten);
}

int torn_disk_change(const struct torn_disk *disk, const struct torn_node *from,
		     const struct torn_node *to, bool *ret_anew)
{
	*ret_anew = from != to && each_pair(from, to, stop_unless_simple, NULL) != 0;
	return *ret_anew ? make_anew(disk, to) : change_root(disk, from, to, false);
}

/* -------------------------------------------------------------- comparing */

struct comparison {
	const struct torn_disk *disk;
	char *difference;
	size_t size;
	struct torn_bytes path; /* of the directory, for the message */
	int64_t newest_ns;      /* ctime of all that was looked at: it is as late as that, at least */
};

static int64_t ns_of(struct timespec time)
{
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* FNV-1a */
static uint64_t hash_byte(uint64_t hash, uint64_t byte)
{
	return (hash ^ byte) * UINT64_C(0x100000001b3);
}

static uint64_t hash_bytes(uint64_t hash, struct torn_bytes bytes)
{
	for (size_t at = 0; at < bytes.size; at++)
		hash = hash_byte(hash, bytes.data[at]);
	return hash_byte(hash, bytes.size);
}

static uint64_t names_hash(const struct torn_disk *disk, const struct torn_node *dir)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (uint32_t i = 0; i < dir->entries_count; i++) {
		const struct torn_entry *entry = &dir->entries[i];
		hash = hash_bytes(hash, entry->name);
		hash = hash_byte(hash, entry->node->type);
		hash = hash_byte(hash, entry->object);
	}
	for (uint32_t i = 0; disk->exact && i < dir->xattrs_count; i++)
		hash = hash_bytes(hash_bytes(hash, dir->xattrs[i].name), dir->xattrs[i].value);
	return hash;
}

static struct torn_disk_seen *seen_of(const struct torn_disk *disk, torn_object object)
{
	return disk->seen && object < disk->seen_count ? &disk->seen[object] : NULL;
}

void torn_disk_forget(struct torn_disk *disk)
{
	if (disk->seen)
		memset(disk->seen, 0, disk->seen_count * sizeof *disk->seen);
}

void torn_disk_expect(struct torn_disk *disk, uint32_t objects)
{
	if (objects <= disk->seen_count) {
		torn_disk_forget(disk);
		return;
	}
	torn_disk_close(disk);
	disk->seen = calloc(objects, sizeof *disk->seen);
	disk->seen_count = disk->seen ? objects : 0;
}

void torn_disk_close(struct torn_disk *disk)
{
	free(disk->seen);
	disk->seen = NULL;
	disk->seen_count = 0;
}

/* Is an inode the one that was seen, as it was then, and is that what is wanted? */
static bool is_as_seen(const struct torn_disk_seen *seen, const struct stat *status, uint64_t what)
{
	return seen && seen->changed_ns != 0 && seen->changed_ns == ns_of(status->st_ctim) &&
	       seen->inode == status->st_ino && seen->what == what;
}

/* It is now at least as late as `newest_ns`. */
static void remember(struct torn_disk_seen *seen, const struct stat *status, uint64_t what,
		     int64_t newest_ns)
{
	const int64_t changed_ns = ns_of(status->st_ctim);
	const bool is_old = changed_ns + TORN_DISK_RACY_NS < newest_ns;
	*seen = is_old ? (struct torn_disk_seen){changed_ns, status->st_ino, what}
		       : (struct torn_disk_seen){0};
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
		wanted += is_kept(disk, node, node->xattrs[i].name);
	const long size = torn_raw(SYS_flistxattr, fd, names, sizeof names);
	if (size < 0)
		return size == -EOPNOTSUPP ? wanted == 0 : (int)size;
	for (long at = 0; at < size; at += (long)strlen(names + at) + 1) {
		const struct torn_bytes name = torn_bytes_of(names + at);
		if (!is_kept(disk, node, name))
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
	else if (r == 0 && (status.st_mode & 07777) != mode_on_disk(comparison->disk, file))
		r = differs(comparison, name, "another mode than the log says");
	else if (r == 0 && status.st_nlink != file->links)
		r = differs(comparison, name, "another count of names than the log says");
	if (r == 0)
		r = compare_bytes(comparison, (int)fd, name, file);
	if (r == 0)
		r = compare_xattrs(comparison, (int)fd, name, file);
	if (r == 0 && rewrites)
		r = rewrite(comparison->disk, (int)fd, file, to->node);
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
	const int fd = dir_open(comparison->disk, dirfd, name, entry->object);
	if (fd < 0)
		return fd;
	struct torn_bytes above = comparison->path;
	comparison->path = entry->name;
	int r = compare_dir(comparison, fd, entry->object, entry->node, to ? to->node : NULL);
	comparison->path = above;
	dir_close(comparison->disk, fd);
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
	    (status->st_mode & 07777) != mode_on_disk(comparison->disk, node))
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
	note_time(comparison, ns_of(status.st_ctim));
	struct torn_disk_seen *seen = seen_of(disk, entry->object);
	const bool rewrites = is_rewrite(entry, to) && to->node != node;
	if (!rewrites && is_as_seen(seen, &status, node->hash.low) &&
	    !(disk->must_read && disk->must_read(disk->context, entry->object)))
		return 0;
	r = compare_inode(comparison, dirfd, name, entry, to);
	if (r < 0 || !seen)
		return r;
	if (rewrites)
		seen->changed_ns = 0;
	else
		remember(seen, &status, node->hash.low, comparison->newest_ns);
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
		char name[NAME_SIZE];
		name_copy(name, entry->name);
		const int r = compare_entry(comparison, dirfd, name, entry, entry_in(to, dir, i));
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
	if ((disk->exact || object != TORN_ROOT) && (status.st_mode & bits) != mode_on_disk(disk, dir))
		return MODE_DIFFERS;
	struct torn_disk_seen *seen = seen_of(disk, object);
	const uint64_t names = seen ? names_hash(disk, dir) : 0;
	note_time(comparison, ns_of(status.st_ctim));
	if (is_as_seen(seen, &status, names))
		return compare_known(comparison, dirfd, dir, to);
	const int has = disk->exact ? has_xattrs(disk, dirfd, dir) : 1;
	if (has <= 0)
		return has < 0 ? has : XATTRS_DIFFER;
	const int compared = compare_listed(comparison, dirfd, dir, to);
	if (compared == 0 && seen)
		remember(seen, &status, names, comparison->newest_ns);
	return compared;
}

/* ----------------------------------------------------------------- turning */

/*
 * From one tree to another whose inodes may be numbered otherwise, so that names
 * alone tell what stays. Where an inode has several names they do not.
 */
static bool has_links(const struct torn_node *dir)
{
	for (uint32_t i = 0; i < dir->entries_count; i++) {
		const struct torn_node *node = dir->entries[i].node;
		if (node->type == TORN_DIRECTORY ? has_links(node) : node->links > 1)
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
	const struct torn_disk_seen *seen = seen_of(turning->disk, from);
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
	int r = is_same ? 0 : attributes_change(turning->disk, (int)fd, from->node, to->node);
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
	const int r = rewrite(turning->disk, (int)fd, from->node, to->node);
	torn_raw(SYS_close, fd);
	return r;
}

static int turn_entry(void *context, const struct torn_entry *from, const struct torn_entry *to)
{
	const struct turning *turning = context;
	char name[NAME_SIZE];
	name_copy(name, from ? from->name : to->name);
	if (from && to && from->node->type == TORN_DIRECTORY && to->node->type == TORN_DIRECTORY)
		return turn_below(turning, name, from, to);
	if (from && to && torn_tree_equal(from->node, to->node)) {
		take_along(turning, from->object, to->object);
		return 0;
	}
	if (is_rewrite(from, to))
		return turn_file(turning, name, from, to);
	const int r = from ? remove_name(turning->dirfd, name, 0) : 0;
	if (r < 0 || !to)
		return r;
	struct maker maker; /* no hard links here */
	maker.disk = turning->disk;
	maker.count = maker.path_size = 0;
	return node_make(&maker, turning->dirfd, to);
}

/* Where nothing changes the directory is not opened: `dirfd` is -1 then. */
static int turn_dir(const struct turning *turning, int dirfd, const struct torn_node *from,
		    const struct torn_node *to)
{
	struct turning below = *turning;
	below.dirfd = dirfd;
	return each_pair(from, to, turn_entry, &below);
}

static int turn_root(const struct turning *turning, const struct torn_node *from,
		     const struct torn_node *to)
{
	const struct torn_disk *disk = turning->disk;
	const int r = disk->exact ? attributes_change(disk, disk->root_fd, from, to) : 0;
	return r < 0 ? r : turn_dir(turning, disk->root_fd, from, to);
}

int torn_disk_turn(struct torn_disk *disk, const struct torn_node *from, const struct torn_node *to,
		   uint32_t objects)
{
	struct torn_disk_seen *seen = has_links(from) || has_links(to)
					      ? NULL : calloc(objects, sizeof *seen);
	if (!seen) {
		torn_disk_expect(disk, objects);
		return make_anew(disk, to);
	}
	const struct turning turning = {.disk = disk, .seen = seen, .seen_count = objects};
	const int r = turn_root(&turning, from, to);
	torn_disk_close(disk);
	disk->seen = seen;
	disk->seen_count = objects;
	return r;
}

/* ---------------------------------------------------------------- settling */

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
	return ns_of(now);
}

int torn_disk_settle(const struct torn_disk *disk, const struct torn_node *now,
		     const struct torn_node *old, char *ret_difference, size_t size, bool *ret_anew)
{
	struct comparison comparison = {.disk = disk,
					.difference = ret_difference,
					.size = size,
					.newest_ns = newest_at_first(disk)};
	*ret_anew = now != old && each_pair(now, old, stop_unless_simple, NULL) != 0;
	int r = compare_dir(&comparison, disk->root_fd, TORN_ROOT, now, *ret_anew ? NULL : old);
	if (r != 0)
		return r > 0 ? dir_differs(&comparison, "", r) : r;
	if (!*ret_anew)
		return change_root(disk, now, old, true);
	/* A directory came, went or moved: with descriptors kept on them, all are to be new. */
	if (disk->dirfd || has_links(now) || has_links(old))
		return make_anew(disk, old);
	*ret_anew = false;
	const struct turning turning = {.disk = disk};
	return turn_root(&turning, now, old);
}
