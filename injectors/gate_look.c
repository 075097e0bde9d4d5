/*
 * gate_look.c: what a target sees: answered from the tree, which is the same on
 * every machine: owners, mode bits, times, inode numbers, the order of a
 * directory, the size of the file system.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "gate_files.h"

#define NS_PER_S INT64_C(1000000000)

static uint32_t type_bits(enum torn_type type)
{
	static const uint32_t bits[TORN_TYPE_COUNT] = {
		[TORN_FILE] = S_IFREG, [TORN_DIRECTORY] = S_IFDIR, [TORN_SYMLINK] = S_IFLNK,
		[TORN_FIFO] = S_IFIFO, [TORN_SOCKET] = S_IFSOCK,
	};
	return bits[type];
}

#define DEVICE_MAJOR 8 /* sda1: a disk, as far as a target can tell */

/* Its partitions are told apart by where they are mounted: the root is number 1. */
static uint32_t device_minor(const struct torn_doing *doing, torn_object number)
{
	return torn_doing_filesystem(doing, number);
}

static uint64_t blocks_of(const struct torn_node *node)
{
	return (node->size + TORN_BLOCK_SIZE - 1) / TORN_BLOCK_SIZE * (TORN_BLOCK_SIZE / 512);
}

static uint32_t links_of(const struct torn_node *node)
{
	if (node->type != TORN_DIRECTORY)
		return node->links;
	uint32_t links = 2;
	for (uint32_t i = 0; i < node->entries_count; i++)
		links += node->entries[i].node->type == TORN_DIRECTORY;
	return links;
}

static void fill_stat(const struct torn_fold_object *object, torn_object number, uint32_t minor,
		      struct stat *to)
{
	const struct torn_node *node = object->node;
	*to = (struct stat){
		.st_dev = makedev(DEVICE_MAJOR, minor),
		.st_ino = number,
		.st_nlink = object->links || number == TORN_FOLD_ROOT ? links_of(node) : 0,
		.st_mode = type_bits(node->type) | node->mode,
		.st_uid = node->uid,
		.st_gid = node->gid,
		.st_size = node->type == TORN_DIRECTORY ? TORN_BLOCK_SIZE : (off_t)node->size,
		.st_blksize = TORN_BLOCK_SIZE,
		.st_blocks = (blkcnt_t)blocks_of(node),
	};
	to->st_mtim = (struct timespec){object->modified_ns / NS_PER_S, object->modified_ns % NS_PER_S};
	to->st_atim = to->st_mtim;
	to->st_ctim = (struct timespec){object->changed_ns / NS_PER_S, object->changed_ns % NS_PER_S};
}

static struct statx_timestamp stamp(int64_t ns)
{
	return (struct statx_timestamp){.tv_sec = ns / NS_PER_S, .tv_nsec = (uint32_t)(ns % NS_PER_S)};
}

static void fill_statx(const struct torn_fold_object *object, torn_object number, uint32_t minor,
		       struct statx *to)
{
	struct stat plain;
	fill_stat(object, number, minor, &plain);
	*to = (struct statx){
		.stx_mask = STATX_BASIC_STATS,
		.stx_blksize = TORN_BLOCK_SIZE,
		.stx_nlink = (uint32_t)plain.st_nlink,
		.stx_uid = plain.st_uid,
		.stx_gid = plain.st_gid,
		.stx_mode = (uint16_t)plain.st_mode,
		.stx_ino = number,
		.stx_size = (uint64_t)plain.st_size,
		.stx_blocks = (uint64_t)plain.st_blocks,
		.stx_atime = stamp(object->modified_ns),
		.stx_mtime = stamp(object->modified_ns),
		.stx_ctime = stamp(object->changed_ns),
		.stx_dev_major = DEVICE_MAJOR,
		.stx_dev_minor = minor,
	};
}

static void fill_statfs(struct statfs *to)
{
	*to = (struct statfs){
		.f_type = 0xef53, /* ext4 */
		.f_bsize = TORN_BLOCK_SIZE,
		.f_blocks = 1 << 20,
		.f_bfree = 1 << 19,
		.f_bavail = 1 << 19,
		.f_files = 1 << 20,
		.f_ffree = 1 << 19,
		.f_namelen = 255,
		.f_frsize = TORN_BLOCK_SIZE,
	};
}

long torn_do_stat(const struct torn_doing *doing)
{
	const struct torn_request *request = doing->request;
	const struct torn_op *op = doing->op;
	const struct torn_fold_object *object = torn_fold_object(&torn_doing_view(doing)->fold, op->object);
	if (!object)
		return -ENOENT;
	if (torn_is_wild(request->buffer))
		return -EFAULT;
	if (request->call == TORN_CALL_statfs || request->call == TORN_CALL_fstatfs)
		fill_statfs(torn_user(request->buffer));
	else if (request->call == TORN_CALL_statx)
		fill_statx(object, op->object, device_minor(doing, op->object),
			   torn_user(request->buffer));
	else
		fill_stat(object, op->object, device_minor(doing, op->object),
			  torn_user(request->buffer));
	return 0;
}

long torn_do_access(const struct torn_doing *doing)
{
	const struct torn_node *node = torn_view_node(torn_doing_view(doing), doing->op->object);
	if (!node)
		return -ENOENT;
	/* access(2): root may execute a file only if somebody may. */
	bool may_execute = node->type == TORN_DIRECTORY || (node->mode & 0111);
	return (doing->request->mode & 1) && !may_execute ? -EACCES : 0;
}

long torn_do_readlink(const struct torn_doing *doing)
{
	const struct torn_op *op = doing->op;
	const struct torn_request *request = doing->request;
	struct torn_bytes text = {NULL, 0};
	char magic[TORN_PATH_MAX];
	const bool by_descriptor = *(const char *)torn_user(request->path) == '\0';
	if (!op->name.data && op->fd >= 0 && !by_descriptor) { /* /proc/self/fd/N */
		struct torn_bytes path = torn_view_object_path(torn_doing_view(doing), op->object);
		text.data = (const uint8_t *)magic;
		text.size = (size_t)snprintf(magic, sizeof magic, "/%.*s", (int)path.size,
					     (const char *)path.data);
	} else {
		const struct torn_node *node = torn_view_node(torn_doing_view(doing), op->object);
		if (!node)
			return -ENOENT;
		if (node->type != TORN_SYMLINK) /* do_readlinkat(), fs/stat.c: "" is no path of its own */
			return by_descriptor ? -ENOENT : -EINVAL;
		text = node->link;
	}
	if ((int64_t)request->size <= 0)
		return -EINVAL;
	size_t size = text.size < request->size ? text.size : request->size;
	memcpy(torn_user(request->buffer), text.data, size);
	return (long)size;
}

struct listed {
	uint64_t ino;
	int64_t offset;
	uint16_t size;
	uint8_t type;
	char name[];
};

static bool give_entry(uint8_t **to, const uint8_t *end, torn_object object, uint32_t type,
		       struct torn_bytes name, uint32_t next)
{
	size_t size = (offsetof(struct listed, name) + name.size + 1 + 7) & ~(size_t)7;
	if ((size_t)(end - *to) < size)
		return false;
	struct listed *entry = (struct listed *)(void *)*to;
	memset(entry, 0, size);
	*entry = (struct listed){
		.ino = object, .offset = next, .size = (uint16_t)size, .type = (uint8_t)(type >> 12)};
	memcpy(entry->name, name.data, name.size);
	*to += size;
	return true;
}

/* A directory is listed in the order of its names: the same everywhere. */
long torn_do_readdir(const struct torn_doing *doing)
{
	const struct torn_request *request = doing->request;
	struct torn_description *description = torn_view_fd(torn_doing_view(doing), request->fd);
	const struct torn_node *node = torn_view_node(torn_doing_view(doing), description->object);
	if (node->type != TORN_DIRECTORY)
		return -ENOTDIR;
	if (description->how & O_PATH)
		return -EBADF;
	if (description->object != TORN_FOLD_ROOT &&
	    !torn_doing_view(doing)->fold.objects[description->object].links)
		return -ENOENT; /* removed: IS_DEADDIR, fs/readdir.c */
	if (torn_is_wild(request->buffer))
		return -EFAULT;
	uint8_t *const start = torn_user(request->buffer);
	uint8_t *to = start;
	for (;; description->cursor++) {
		uint32_t at = description->cursor;
		bool given;
		if (at < 2) {
			given = give_entry(&to, start + request->size, description->object, S_IFDIR,
					   torn_bytes_of(at == 0 ? "." : ".."), at + 1);
		} else {
			if (at - 2 >= node->entries_count)
				break;
			const struct torn_entry *entry = &node->entries[at - 2];
			given = give_entry(&to, start + request->size, entry->object,
					   type_bits(entry->node->type), entry->name, at + 1);
		}
		if (!given)
			return to == start ? -EINVAL : to - start;
	}
	return to - start;
}

long torn_do_chdir(const struct torn_doing *doing)
{
	const struct torn_op *op = doing->op;
	const struct torn_node *node = torn_view_node(torn_doing_view(doing), op->object);
	if (!node)
		return -ENOENT;
	if (node->type != TORN_DIRECTORY)
		return -ENOTDIR;
	torn_doing_view(doing)->cwd = op->object;
	return 0;
}
