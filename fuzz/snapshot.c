/*
 * snapshot.c: see snapshot.h.
 *
 * The directory is in use by whoever it belongs to, and may change at any time:
 * everything is opened by its name in an open directory and without following
 * symlinks, and what is not the same after it was read as before is refused.
 * Whatever happens there, no name leads out of it.
 */
#include "snapshot.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "old_text.h"
#include "sort.h"
#include "words.h"

/* A file with more names than one, read at the first that was met. */
struct inode {
	uint64_t number;
	struct torn_bytes path; /* of the first name in order; data NULL until that is known */
	struct torn_old old;
};

struct item {
	struct torn_old old; /* first: torn_sort wants its path there */
	size_t inode;        /* 1 + index into inodes; 0: it has one name */
};

_Static_assert(offsetof(struct torn_old, path) == 0, "torn_sort wants the key first");
_Static_assert(offsetof(struct torn_xattr, name) == 0, "torn_sort wants the key first");

struct reading {
	const struct torn_snapshot_limits *limits;
	struct torn_arena *arena;
	struct item *items; /* malloc'ed: how many there are is known at the end */
	size_t count, room;
	struct inode *inodes; /* malloc'ed */
	size_t inodes_count, inodes_room;
	uint64_t bytes;
	uint64_t device; /* of the directory that is read */
	char *message;
	size_t size;
};

/* ---------------------------------------------------------------- refusing */

/* Say what is wrong with a path. printf-like; returns `error`. */
__attribute__((format(printf, 4, 5))) static int refuse(const struct reading *reading, int error,
							struct torn_bytes path, const char *format, ...)
{
	char shown[160] = "", what[256];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(what, sizeof what, format, arguments);
	va_end(arguments);
	FILE *out = fmemopen(shown, sizeof shown, "w");
	if (out) {
		torn_word_print_escaped(path, out);
		fclose(out);
	}
	shown[sizeof shown - 1] = '\0';
	snprintf(reading->message, reading->size, "%s %s", path.size ? shown : "the directory", what);
	return error;
}

static int refuse_unreadable(const struct reading *reading, int error, struct torn_bytes path)
{
	const bool is_permission = error == EACCES || error == EPERM;
	return refuse(reading, -error, path, "cannot be read: %s%s", strerror(error),
		      is_permission ? "; give --dir a directory that is yours" : "");
}

static int refuse_changed(const struct reading *reading, struct torn_bytes path)
{
	return refuse(reading, -EAGAIN, path,
		      "changed while it was read; stop what writes there, or give --dir a copy");
}

static int count_bytes(struct reading *reading, uint64_t bytes)
{
	const struct torn_bytes all = {NULL, 0};
	reading->bytes = bytes > UINT64_MAX - reading->bytes ? UINT64_MAX : reading->bytes + bytes;
	if (reading->bytes <= reading->limits->bytes)
		return 0;
	return refuse(reading, -EFBIG, all,
		      "holds %" PRIu64 " bytes at least, and torn takes %" PRIu64
		      "; give --dir a smaller directory",
		      reading->bytes, reading->limits->bytes);
}

/* --------------------------------------------------------------- collecting */

/* Return `items` with room for one more than `count`; NULL: no memory, and they stay as they are. */
static void *with_room(void *items, size_t count, size_t *room, size_t item_size)
{
	if (count < *room)
		return items;
	const size_t more = *room ? 2 * *room : 64;
	void *grown = realloc(items, more * item_size);
	if (grown)
		*room = more;
	return grown;
}

static int add(struct reading *reading, const struct item *item)
{
	const struct torn_bytes all = {NULL, 0};
	if (reading->count == reading->limits->files)
		return refuse(reading, -EFBIG, all,
			      "holds %zu files at least, and torn takes %zu; give --dir a smaller "
			      "directory",
			      reading->count + 1, reading->limits->files);
	struct item *items = with_room(reading->items, reading->count, &reading->room, sizeof *items);
	if (!items)
		return -ENOMEM;
	reading->items = items;
	items[reading->count++] = *item;
	return 0;
}

/* Find the inode of a file; 0: it was not met yet. */
static size_t inode_known(const struct reading *reading, uint64_t number)
{
	for (size_t i = 0; i < reading->inodes_count; i++)
		if (reading->inodes[i].number == number)
			return i + 1;
	return 0;
}

static int inode_add(struct reading *reading, struct item *item, uint64_t number)
{
	struct inode *inodes = with_room(reading->inodes, reading->inodes_count,
					 &reading->inodes_room, sizeof *inodes);
	if (!inodes)
		return -ENOMEM;
	reading->inodes = inodes;
	inodes[reading->inodes_count++] = (struct inode){.number = number, .old = item->old};
	item->inode = reading->inodes_count;
	return 0;
}

/* ------------------------------------------------------------------- a file */

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mode == b->st_mode && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
	       a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static int read_bytes(struct reading *reading, int fd, struct torn_bytes path, uint64_t size,
		      struct torn_bytes *ret_bytes)
{
	uint8_t *bytes = torn_arena_take_raw(reading->arena, size + 1);
	if (!bytes)
		return -ENOMEM;
	for (uint64_t at = 0; at < size;) {
		const ssize_t got = pread(fd, bytes + at, size - at, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? refuse_unreadable(reading, errno, path)
				       : refuse_changed(reading, path);
		at += (uint64_t)got;
	}
	bytes[size] = '\0';
	*ret_bytes = (struct torn_bytes){bytes, size};
	return 0;
}

static int read_xattr(struct reading *reading, int fd, struct torn_bytes path, const char *name,
		      struct torn_xattr *ret_xattr)
{
	static uint8_t value[TORN_XATTR_SIZE_MAX];
	const ssize_t got = fgetxattr(fd, name, value, sizeof value);
	if (got < 0)
		return errno == ENODATA ? refuse_changed(reading, path)
					: refuse_unreadable(reading, errno, path);
	ret_xattr->name = torn_arena_copy(reading->arena, name, strlen(name));
	ret_xattr->value = torn_arena_copy(reading->arena, value, (size_t)got);
	if (!ret_xattr->name.data || !ret_xattr->value.data)
		return -ENOMEM;
	return count_bytes(reading, (uint64_t)got);
}

static bool is_taken(const char *xattr)
{
	return strncmp(xattr, "user.", 5) == 0 && xattr[5] != '\0';
}

static int read_xattrs(struct reading *reading, int fd, struct torn_old *old)
{
	static char names[TORN_XATTR_SIZE_MAX]; /* XATTR_LIST_MAX is the same */
	const ssize_t size = flistxattr(fd, names, sizeof names);
	if (size < 0)
		return errno == EOPNOTSUPP ? 0 : refuse_unreadable(reading, errno, old->path);
	uint32_t count = 0;
	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(names + at) + 1)
		count += is_taken(names + at);
	if (count == 0)
		return 0;
	struct torn_xattr *xattrs = torn_arena_take(reading->arena, count * sizeof *xattrs);
	if (!xattrs)
		return -ENOMEM;
	uint32_t read = 0;
	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(names + at) + 1) {
		if (!is_taken(names + at))
			continue;
		const int r = read_xattr(reading, fd, old->path, names + at, &xattrs[read++]);
		if (r < 0)
			return r;
	}
	torn_sort(xattrs, count, sizeof *xattrs, NULL);
	old->xattrs = xattrs;
	old->xattrs_count = count;
	return 0;
}

static int read_open_file(struct reading *reading, int fd, const struct stat *met,
			  struct torn_old *old)
{
	struct stat before, after;
	if (fstat(fd, &before) < 0)
		return refuse_unreadable(reading, errno, old->path);
	if (!is_same(met, &before))
		return refuse_changed(reading, old->path);
	int r = count_bytes(reading, (uint64_t)before.st_size);
	if (r == 0)
		r = read_bytes(reading, fd, old->path, (uint64_t)before.st_size, &old->text);
	if (r == 0)
		r = read_xattrs(reading, fd, old);
	if (r == 0 && (fstat(fd, &after) < 0 || !is_same(&before, &after)))
		r = refuse_changed(reading, old->path);
	return r;
}

/* A name that is there no more, or another by now, was there when it was listed. */
static int refuse_open(const struct reading *reading, int error, struct torn_bytes path)
{
	return error == ENOENT || error == ELOOP || error == ENOTDIR || error == ENXIO
		       ? refuse_changed(reading, path)
		       : refuse_unreadable(reading, error, path);
}

static int read_file(struct reading *reading, int dirfd, const char *name, const struct stat *met,
		     struct item *item)
{
	if (met->st_nlink > 1 && (item->inode = inode_known(reading, met->st_ino)) != 0)
		return 0;
	/* O_NONBLOCK: it may be a FIFO by now. */
	const int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return refuse_open(reading, errno, item->old.path);
	const int r = read_open_file(reading, fd, met, &item->old);
	close(fd);
	return r == 0 && met->st_nlink > 1 ? inode_add(reading, item, met->st_ino) : r;
}

static int read_symlink(struct reading *reading, int dirfd, const char *name, struct torn_old *old)
{
	char text[TORN_PATH_SIZE_MAX + 1];
	const ssize_t size = readlinkat(dirfd, name, text, sizeof text);
	if (size < 0)
		return errno == EINVAL ? refuse_changed(reading, old->path)
				       : refuse_open(reading, errno, old->path);
	old->text = torn_arena_copy(reading->arena, text, (size_t)size);
	old->mode = 0777;
	return old->text.data ? 0 : -ENOMEM;
}

/* -------------------------------------------------------------- a directory */

static int read_dir(struct reading *reading, int fd, struct torn_bytes path);

static int read_below(struct reading *reading, int dirfd, const char *name,
		      const struct stat *met, struct torn_bytes path)
{
	const int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return refuse_open(reading, errno, path);
	struct stat opened;
	if (fstat(fd, &opened) < 0 || opened.st_ino != met->st_ino || opened.st_dev != met->st_dev) {
		close(fd);
		return refuse_changed(reading, path);
	}
	return read_dir(reading, fd, path);
}

/* Another file system's, or this one's once more: rename(2) does not reach across either (EXDEV). */
static bool is_mount(const struct reading *reading, int dirfd, const char *name,
		     const struct stat *status)
{
	struct statx more;
	/* Overlays give files that are no directories devices of their own: stat(2) is asked of these. */
	if (S_ISDIR(status->st_mode) && status->st_dev != reading->device)
		return true;
	return statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &more) == 0 &&
	       (more.stx_attributes & more.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT);
}

/* Read one name of a directory, and all below it. */
static int read_name(struct reading *reading, int dirfd, const char *name, struct torn_bytes path)
{
	struct stat status;
	if (fstatat(dirfd, name, &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) < 0)
		return refuse_open(reading, errno, path);
	if (is_mount(reading, dirfd, name, &status))
		return refuse(reading, -EXDEV, path,
			      "is a mount point, and torn copies one file system; give --dir a "
			      "directory without one");
	struct item item = {.old = {.path = path, .mode = status.st_mode & 07777}};
	int r = 0;
	switch (status.st_mode & S_IFMT) {
	case S_IFREG:
		item.old.type = TORN_FILE;
		r = read_file(reading, dirfd, name, &status, &item);
		break;
	case S_IFDIR:
		item.old.type = TORN_DIRECTORY;
		break;
	case S_IFLNK:
		item.old.type = TORN_SYMLINK;
		r = read_symlink(reading, dirfd, name, &item.old);
		break;
	case S_IFIFO:
		item.old.type = TORN_FIFO;
		break;
	case S_IFSOCK:
		item.old.type = TORN_SOCKET;
		break;
	default:
		return refuse(reading, -ENODEV, path,
			      "is a device, which torn does not copy; give --dir a directory without one");
	}
	if (r == 0)
		r = add(reading, &item);
	return r == 0 && item.old.type == TORN_DIRECTORY
		       ? read_below(reading, dirfd, name, &status, path) : r;
}

/* Return "DIR/NAME" in the arena; data NULL where it is full. */
static struct torn_bytes path_below(struct torn_arena *arena, struct torn_bytes dir, const char *name)
{
	const size_t size = strlen(name), before = dir.size ? dir.size + 1 : 0;
	uint8_t *path = torn_arena_take_raw(arena, before + size + 1);
	if (!path)
		return (struct torn_bytes){NULL, 0};
	if (before) {
		memcpy(path, dir.data, dir.size);
		path[dir.size] = '/';
	}
	memcpy(path + before, name, size + 1);
	return (struct torn_bytes){path, before + size};
}

static int read_names(struct reading *reading, DIR *dir, struct torn_bytes path)
{
	for (;;) {
		errno = 0;
		const struct dirent *entry = readdir(dir);
		if (!entry)
			return errno ? refuse_unreadable(reading, errno, path) : 0;
		const char *name = entry->d_name;
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
			continue;
		const struct torn_bytes below = path_below(reading->arena, path, name);
		if (!below.data)
			return -ENOMEM;
		if (below.size > TORN_PATH_SIZE_MAX)
			return refuse(reading, -ENAMETOOLONG, path, "has a path below it of more than %u bytes",
				      TORN_PATH_SIZE_MAX);
		const int r = read_name(reading, dirfd(dir), name, below);
		if (r < 0)
			return r;
	}
}

/* Read all below a directory; `fd` is taken. */
static int read_dir(struct reading *reading, int fd, struct torn_bytes path)
{
	struct stat before, after;
	DIR *dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	if (fstat(fd, &before) < 0) {
		const int error = errno;
		closedir(dir);
		return refuse_unreadable(reading, error, path);
	}
	int r = read_names(reading, dir, path);
	if (r == 0 && (fstat(fd, &after) < 0 || !is_same(&before, &after)))
		r = refuse_changed(reading, path);
	closedir(dir);
	return r;
}

/* ------------------------------------------------------------------ in order */

/* The first path of a file is the file, whichever of them it was read by. */
static void put_links(struct reading *reading)
{
	for (size_t i = 0; i < reading->count; i++) {
		struct item *item = &reading->items[i];
		if (item->inode == 0)
			continue;
		struct inode *inode = &reading->inodes[item->inode - 1];
		const struct torn_bytes path = item->old.path;
		if (!inode->path.data) {
			inode->path = path;
			item->old = inode->old;
			item->old.path = path;
		} else {
			item->old = (struct torn_old){.path = path, .is_link = true, .text = inode->path};
		}
	}
}

static int give(struct reading *reading, struct torn_old **ret_olds, size_t *ret_count)
{
	torn_sort(reading->items, reading->count, sizeof *reading->items, NULL);
	put_links(reading);
	struct torn_old *olds = torn_arena_take(reading->arena, (reading->count + 1) * sizeof *olds);
	if (!olds)
		return -ENOMEM;
	for (size_t i = 0; i < reading->count; i++)
		olds[i] = reading->items[i].old;
	*ret_olds = olds;
	*ret_count = reading->count;
	return 0;
}

int torn_snapshot_read(int dir_fd, const struct torn_snapshot_limits *limits,
		       struct torn_arena *arena, struct torn_old **ret_olds, size_t *ret_count,
		       uint32_t *ret_root_mode, char *ret_message, size_t size)
{
	const struct torn_bytes root = {(const uint8_t *)"", 0};
	struct reading reading = {
		.limits = limits, .arena = arena, .message = ret_message, .size = size};
	struct stat status;
	if (fstat(dir_fd, &status) < 0)
		return refuse_unreadable(&reading, errno, root);
	reading.device = status.st_dev;
	/* With an offset of its own: the caller's is left alone. */
	const int own = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (own < 0)
		return refuse_unreadable(&reading, errno, root);
	int r = read_dir(&reading, own, root);
	if (r == 0)
		r = give(&reading, ret_olds, ret_count);
	if (r == 0)
		*ret_root_mode = status.st_mode & 07777;
	if (r == -ENOMEM)
		snprintf(ret_message, size, "there is no memory to hold the directory; give --dir a smaller one");
	free(reading.items);
	free(reading.inodes);
	return r;
}
