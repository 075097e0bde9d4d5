/*
 * look.c: see look.h. Times, inode numbers, the order of a directory, the size of
 * the file system: the same on every machine.
 */
#include "look.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/sysmacros.h>

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
static uint32_t device_minor(const struct torn_view *view, torn_object number)
{
	return torn_fold_filesystem(&view->fold, number);
}

/* procfs knows no size before it is read: proc_sys_make_inode(). */
static uint64_t size_of(const struct torn_view *view, torn_object number)
{
	const struct torn_node *node = torn_view_node(view, number);
	if (node->type == TORN_DIRECTORY)
		return TORN_BLOCK_SIZE;
	const bool is_runtime =
		torn_view_node(view, torn_fold_filesystem(&view->fold, number))->mount & TORN_RUNTIME;
	return is_runtime && node->type == TORN_FILE ? 0 : node->size;
}

static uint64_t blocks_of(const struct torn_view *view, torn_object number)
{
	const bool is_directory = torn_view_node(view, number)->type == TORN_DIRECTORY;
	return is_directory ? 0
			    : (size_of(view, number) + TORN_BLOCK_SIZE - 1) / TORN_BLOCK_SIZE * (TORN_BLOCK_SIZE / 512);
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

void torn_look_stat(const struct torn_view *view, torn_object number, struct stat *to)
{
	const struct torn_fold_object *object = torn_fold_object(&view->fold, number);
	const struct torn_node *node = object->node;
	*to = (struct stat){
		.st_dev = makedev(DEVICE_MAJOR, device_minor(view, number)),
		.st_ino = number,
		.st_nlink = object->links || number == TORN_FOLD_ROOT ? links_of(node) : 0,
		.st_mode = type_bits(node->type) | node->mode,
		.st_uid = node->uid,
		.st_gid = node->gid,
		.st_size = (off_t)size_of(view, number),
		.st_blksize = TORN_BLOCK_SIZE,
		.st_blocks = (blkcnt_t)blocks_of(view, number),
	};
	to->st_mtim = (struct timespec){object->modified_ns / NS_PER_S, object->modified_ns % NS_PER_S};
	to->st_atim = to->st_mtim;
	to->st_ctim = (struct timespec){object->changed_ns / NS_PER_S, object->changed_ns % NS_PER_S};
}

static struct statx_timestamp stamp(int64_t ns)
{
	return (struct statx_timestamp){.tv_sec = ns / NS_PER_S, .tv_nsec = (uint32_t)(ns % NS_PER_S)};
}

void torn_look_statx(const struct torn_view *view, torn_object number, struct statx *to)
{
	const struct torn_fold_object *object = torn_fold_object(&view->fold, number);
	struct stat plain;
	torn_look_stat(view, number, &plain);
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
		.stx_dev_minor = device_minor(view, number),
	};
}

void torn_look_statfs(struct statfs *to)
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
long torn_look_list(const struct torn_view *view, struct torn_description *description, uint8_t *start,
		    size_t size)
{
	const struct torn_node *node = torn_view_node(view, description->object);
	uint8_t *to = start;
	for (;; description->cursor++) {
		uint32_t at = description->cursor;
		bool given;
		if (at < 2) {
			given = give_entry(&to, start + size, description->object, S_IFDIR,
					   torn_bytes_of(at == 0 ? "." : ".."), at + 1);
		} else {
			if (at - 2 >= node->entries_count)
				break;
			const struct torn_entry *entry = &node->entries[at - 2];
			given = give_entry(&to, start + size, entry->object,
					   type_bits(entry->node->type), entry->name, at + 1);
		}
		if (!given)
			return to == start ? -EINVAL : to - start;
	}
	return to - start;
}
