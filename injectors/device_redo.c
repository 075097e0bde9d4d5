/* device_redo.c: see device_redo.h. */
#include "device_redo.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "device_names.h"

/* A descriptor of the target's. */
struct instance {
	uint16_t actor;
	int32_t number; /* to the target */
	int fd;         /* here */
	torn_object object;
};

struct torn_device_redo {
	const struct torn_fold_base *base;
	int *places; /* by object: a descriptor that only says where it is (O_PATH); -1 */
	uint32_t places_room;
	struct instance *instances;
	uint32_t instances_count, instances_room;
};

/* ------------------------------------------------------------------ places */

static int places_grow(struct torn_device_redo *redo, torn_object object)
{
	if (object < redo->places_room)
		return 0;
	const uint32_t room = 2 * object + 16;
	int *places = realloc(redo->places, room * sizeof *places);
	if (!places)
		return -ENOMEM;
	for (uint32_t i = redo->places_room; i < room; i++)
		places[i] = -1;
	redo->places = places;
	redo->places_room = room;
	return 0;
}

static int open_place(int dir_fd, struct torn_bytes name)
{
	char buffer[TORN_DEVICE_NAME_ROOM];
	const int fd = openat(dir_fd, torn_device_name(name, buffer), O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/*
 * Where an inode is. All of the tree that the run began with are looked up before its first op, so that each is
 * found under the name that it had then.
 */
static int place_of(const struct torn_device_redo *redo, torn_object object)
{
	const int fd = object < redo->places_room ? redo->places[object] : -1;
	return fd < 0 ? -ENOENT : fd;
}

static int take_place(struct torn_device_redo *redo, torn_object object, int dir_fd, struct torn_bytes name)
{
	int r = places_grow(redo, object);
	const int fd = r < 0 ? r : open_place(dir_fd, name);
	if (fd >= 0)
		redo->places[object] = fd;
	return fd < 0 ? fd : 0;
}

static int find_places(struct torn_device_redo *redo, torn_object dir)
{
	const struct torn_node *node = redo->base->objects[dir].node;
	int r = 0;
	for (uint32_t i = 0; r == 0 && i < node->entries_count; i++) {
		const struct torn_entry *entry = &node->entries[i];
		if (entry->node->mount & TORN_RUNTIME || place_of(redo, entry->object) >= 0)
			continue;
		r = take_place(redo, entry->object, redo->places[dir], entry->name);
		if (r == 0 && entry->node->type == TORN_DIRECTORY)
			r = find_places(redo, entry->object);
	}
	return r;
}

int torn_device_redo_begin(struct torn_device_redo **ret_redo, int root_fd, const struct torn_fold_base *base)
{
	struct torn_device_redo *redo = calloc(1, sizeof *redo);
	if (!redo)
		return -ENOMEM;
	redo->base = base;
	int r = places_grow(redo, base->count + 1);
	if (r == 0) {
		redo->places[TORN_FOLD_ROOT] = fcntl(root_fd, F_DUPFD_CLOEXEC, 0);
		r = redo->places[TORN_FOLD_ROOT] < 0 ? -errno : find_places(redo, TORN_FOLD_ROOT);
	}
	if (r < 0)
		torn_device_redo_end(redo);
	else
		*ret_redo = redo;
	return r;
}

/* --------------------------------------------------------------- instances */

static struct instance *instance_of(const struct torn_device_redo *redo, const struct torn_op *op)
{
	for (uint32_t i = 0; i < redo->instances_count; i++)
		if (redo->instances[i].number == op->fd && redo->instances[i].actor == op->actor)
			return &redo->instances[i];
	return NULL;
}

static void instance_close(struct torn_device_redo *redo, struct instance *instance)
{
	close(instance->fd);
	*instance = redo->instances[--redo->instances_count];
}

/* Takes over `fd`. */
static int instance_add(struct torn_device_redo *redo, const struct torn_op *op, int32_t number, int fd)
{
	const struct torn_op like = {.fd = number, .actor = op->actor};
	struct instance *before = instance_of(redo, &like);
	if (before) /* dup2(2), or a close that is not in the log */
		instance_close(redo, before);
	if (redo->instances_count == redo->instances_room) {
		const uint32_t room = redo->instances_room ? 2 * redo->instances_room : 16;
		struct instance *instances = realloc(redo->instances, room * sizeof *instances);
		if (!instances) {
			close(fd);
			return -ENOMEM;
		}
		redo->instances = instances;
		redo->instances_room = room;
	}
	redo->instances[redo->instances_count++] =
		(struct instance){.actor = op->actor, .number = number, .fd = fd, .object = op->object};
	return 0;
}

void torn_device_redo_end(struct torn_device_redo *redo)
{
	while (redo->instances_count > 0)
		instance_close(redo, &redo->instances[0]);
	for (uint32_t i = 0; i < redo->places_room; i++)
		if (redo->places[i] >= 0)
			close(redo->places[i]);
	free(redo->instances);
	free(redo->places);
	free(redo);
}

/*
 * A descriptor of the op's inode: the one that the target used or, where it used a path or one that it had from
 * somebody else, a new one, which the caller closes (*ret_is_own).
 */
static int file_of(const struct torn_device_redo *redo, const struct torn_op *op, int flags, bool *ret_is_own)
{
	char self[TORN_DEVICE_SELF_ROOM];
	const struct instance *instance = op->fd >= 0 ? instance_of(redo, op) : NULL;
	*ret_is_own = false;
	if (instance && instance->object == op->object)
		return instance->fd;
	const int place = place_of(redo, op->object);
	if (place < 0)
		return place;
	const int fd = open(torn_device_self(place, self), flags | O_CLOEXEC | O_NONBLOCK);
	*ret_is_own = fd >= 0;
	return fd < 0 ? -errno : fd;
}

/* ---------------------------------------------------------------- one call */

/* What open(2) knows of how it was opened; where and whether it was made is done by identity. */
#define KEPT_FLAGS (O_ACCMODE | O_SYNC | O_DSYNC | O_DIRECTORY | O_NOATIME | O_NOFOLLOW)

static int chown_made(const struct torn_op *op, int place)
{
	if (op->uid == 0 && op->gid == 0)
		return 0;
	return fchownat(place, "", op->uid, op->gid, AT_EMPTY_PATH) == 0 ? 0 : -errno;
}

static int make_file(struct torn_device_redo *redo, const struct torn_op *op, int dir_fd)
{
	char name[TORN_DEVICE_NAME_ROOM], self[TORN_DEVICE_SELF_ROOM];
	const int flags = (int)(op->how & KEPT_FLAGS & ~(uint32_t)O_DIRECTORY) | O_CLOEXEC;
	const int fd = op->name.size > 0
			       ? openat(dir_fd, torn_device_name(op->name, name), flags | O_CREAT | O_EXCL, op->mode & 07777)
			       : openat(dir_fd, ".", flags | O_TMPFILE | (int)(op->how & O_EXCL), op->mode & 07777);
	if (fd < 0)
		return -errno;
	int r = places_grow(redo, op->object);
	if (r == 0) {
		redo->places[op->object] = open(torn_device_self(fd, self), O_PATH | O_CLOEXEC);
		r = redo->places[op->object] < 0 ? -errno : chown_made(op, redo->places[op->object]);
	}
	if (r < 0)
		close(fd);
	return r < 0 ? r : instance_add(redo, op, (int32_t)op->result, fd);
}

static int open_file(struct torn_device_redo *redo, const struct torn_op *op)
{
	char self[TORN_DEVICE_SELF_ROOM];
	if (op->how & O_PATH || op->object == 0)
		return 0;
	const int place = place_of(redo, op->flags & TORN_OP_CREATES ? op->dir : op->object);
	if (place < 0)
		return place;
	if (op->flags & TORN_OP_CREATES)
		return make_file(redo, op, place);
	const int fd = open(torn_device_self(place, self), (int)(op->how & (KEPT_FLAGS | O_TRUNC) & ~(uint32_t)O_NOFOLLOW) |
							  O_CLOEXEC | O_NONBLOCK);
	/* a FIFO or a socket has nothing that a power cut could lose */
	if (fd < 0)
		return errno == ENXIO ? 0 : -errno;
	return instance_add(redo, op, (int32_t)op->result, fd);
}

static int make_entry(struct torn_device_redo *redo, const struct torn_op *op)
{
	char name[TORN_DEVICE_NAME_ROOM], text[4096];
	const int dir_fd = place_of(redo, op->dir);
	int r;
	if (dir_fd < 0)
		return dir_fd;
	torn_device_name(op->name, name);
	if (op->kind == TORN_KIND_mkdir) {
		r = mkdirat(dir_fd, name, op->mode & 07777);
	} else if (op->kind == TORN_KIND_symlink) {
		if (op->path_to.size >= sizeof text)
			return -ENAMETOOLONG;
		memcpy(text, op->path_to.data, op->path_to.size);
		text[op->path_to.size] = '\0';
		r = symlinkat(text, dir_fd, name);
	} else {
		const uint32_t type = S_ISFIFO(op->how) ? S_IFIFO : S_ISSOCK(op->how) ? S_IFSOCK : S_IFREG;
		r = mknodat(dir_fd, name, type | (op->mode & 07777), makedev(0, 0));
	}
	if (r != 0)
		return -errno;
	r = take_place(redo, op->object, dir_fd, op->name);
	return r < 0 ? r : chown_made(op, redo->places[op->object]);
}

static int write_bytes(const struct torn_op *op, int fd)
{
	const struct iovec bytes = {(void *)op->data.data, (size_t)op->result};
	const int flags = op->flags & TORN_OP_FULL_SYNC ? RWF_SYNC : op->flags & TORN_OP_DSYNC ? RWF_DSYNC : 0;
	const ssize_t done = pwritev2(fd, &bytes, 1, (off_t)op->offset, flags);
	return done == op->result ? 0 : done < 0 ? -errno : -EIO;
}

/* A store through a mapping, by one: its pages are written back otherwise than a write's. */
static int store_bytes(const struct torn_op *op, int fd)
{
	const uint64_t begin = op->offset & ~(uint64_t)(TORN_BLOCK_SIZE - 1);
	const size_t size = (size_t)(op->offset - begin + (uint64_t)op->result);
	uint8_t *mapped = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)begin);
	if (mapped == MAP_FAILED)
		return -errno;
	memcpy(mapped + (op->offset - begin), op->data.data, (size_t)op->result);
	munmap(mapped, size);
	return 0;
}

static int clone_bytes(const struct torn_device_redo *redo, const struct torn_op *op, int fd)
{
	bool is_own;
	const struct torn_op source = {.fd = -1, .object = op->object_to, .actor = op->actor};
	const int from = file_of(redo, &source, O_RDONLY, &is_own);
	if (from < 0)
		return from;
	const int r = ioctl(fd, FICLONE, from) == 0 ? 0 : -errno;
	if (is_own)
		close(from);
	return r;
}

static int sync_file(const struct torn_op *op, int fd)
{
	int r;
	switch (op->call) {
	case TORN_CALL_fdatasync:
	case TORN_CALL_msync: /* of the whole file: vfs_fsync_range(..., 1) of the range that was mapped */
		r = op->call == TORN_CALL_msync && !torn_op_syncs_pages(op) ? 0 : fdatasync(fd);
		break;
	case TORN_CALL_syncfs:
	case TORN_CALL_sync:
		r = syncfs(fd);
		break;
	case TORN_CALL_sync_file_range:
		r = sync_file_range(fd, (off_t)op->offset, (off_t)op->length, op->how);
		break;
	default:
		r = fsync(fd);
	}
	return r == 0 ? 0 : -errno;
}

static int act_on_file(struct torn_device_redo *redo, const struct torn_op *op, int fd)
{
	switch (op->kind) {
	case TORN_KIND_write:
	case TORN_KIND_copy:
		return op->result > 0 ? write_bytes(op, fd) : 0;
	case TORN_KIND_store:
		return op->result > 0 ? store_bytes(op, fd) : 0;
	case TORN_KIND_clone:
		return clone_bytes(redo, op, fd);
	case TORN_KIND_truncate:
		return ftruncate(fd, (off_t)op->length) == 0 ? 0 : -errno;
	case TORN_KIND_allocate:
		return fallocate(fd, (int)op->how, (off_t)op->offset, (off_t)op->length) == 0 ? 0 : -errno;
	case TORN_KIND_sync:
		return sync_file(op, fd);
	default:
		return -EINVAL;
	}
}

static int with_file(struct torn_device_redo *redo, const struct torn_op *op, int flags)
{
	bool is_own;
	const int fd = file_of(redo, op, flags, &is_own);
	if (fd < 0)
		return fd == -ENXIO ? 0 : fd; /* of a FIFO there is nothing to lose */
	const int r = act_on_file(redo, op, fd);
	if (is_own)
		close(fd);
	return r;
}

/* By its place: an inode that cannot be opened has an owner and attributes, too. */
static int with_place(struct torn_device_redo *redo, const struct torn_op *op)
{
	char self[TORN_DEVICE_SELF_ROOM], name[TORN_DEVICE_NAME_ROOM];
	const int place = place_of(redo, op->object);
	if (place < 0)
		return place;
	torn_device_self(place, self);
	if (op->kind == TORN_KIND_chown) {
		if (fchownat(place, "", op->uid, op->gid, AT_EMPTY_PATH) != 0)
			return -errno;
		return chmod(self, op->mode & 07777) == 0 || errno == ENOTSUP ? 0 : -errno; /* of a symlink: it has none */
	}
	if (op->kind == TORN_KIND_chmod)
		return chmod(self, op->mode & 07777) == 0 ? 0 : -errno;
	if (op->kind == TORN_KIND_utime) {
		const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT},
						  {(time_t)(op->offset / 1000000000u), (long)(op->offset % 1000000000u)}};
		return utimensat(AT_FDCWD, self, times, 0) == 0 ? 0 : -errno;
	}
	torn_device_name(op->xattr, name);
	const int r = torn_op_removes_xattr(op) ? removexattr(self, name)
						: setxattr(self, name, op->data.data, op->data.size, 0);
	return r == 0 ? 0 : -errno;
}

static int act_on_names(struct torn_device_redo *redo, const struct torn_op *op)
{
	char name[TORN_DEVICE_NAME_ROOM], name_to[TORN_DEVICE_NAME_ROOM];
	const int dir = op->kind == TORN_KIND_link ? 0 : place_of(redo, op->dir);
	const bool has_two = op->kind == TORN_KIND_rename || op->kind == TORN_KIND_link;
	const int dir_to = has_two ? place_of(redo, op->dir_to) : 0;
	int r;
	if (dir < 0 || dir_to < 0)
		return -ENOENT;
	torn_device_name(op->name, name);
	torn_device_name(op->name_to, name_to);
	switch (op->kind) {
	case TORN_KIND_rename:
		r = renameat2(dir, name, dir_to, name_to, op->how);
		break;
	case TORN_KIND_link:
		r = place_of(redo, op->object) < 0
			    ? -1
			    : linkat(place_of(redo, op->object), "", dir_to, name_to, AT_EMPTY_PATH);
		break;
	default:
		r = unlinkat(dir, name, op->kind == TORN_KIND_rmdir ? AT_REMOVEDIR : 0);
	}
	return r == 0 ? 0 : -errno;
}

static int act_on_descriptors(struct torn_device_redo *redo, const struct torn_op *op)
{
	struct instance *instance = instance_of(redo, op);
	if (op->kind == TORN_KIND_exit) {
		for (uint32_t i = redo->instances_count; i-- > 0;)
			if (redo->instances[i].actor == op->actor)
				instance_close(redo, &redo->instances[i]);
		return 0;
	}
	if (!instance)
		return 0;
	if (op->kind == TORN_KIND_close) {
		instance_close(redo, instance);
		return 0;
	}
	const int fd = fcntl(instance->fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 ? -errno : instance_add(redo, op, (int32_t)op->result, fd);
}

static int act(struct torn_device_redo *redo, const struct torn_op *op)
{
	switch (op->kind) {
	case TORN_KIND_open:
		return open_file(redo, op);
	case TORN_KIND_mkdir:
	case TORN_KIND_symlink:
	case TORN_KIND_mknod:
		return make_entry(redo, op);
	case TORN_KIND_write:
	case TORN_KIND_copy:
	case TORN_KIND_clone:
	case TORN_KIND_truncate:
	case TORN_KIND_allocate:
		return with_file(redo, op, O_WRONLY);
	case TORN_KIND_store:
		return with_file(redo, op, O_RDWR);
	case TORN_KIND_sync: {
		struct torn_op whole = *op;
		if (op->object == 0) /* sync(2) */
			whole.object = TORN_FOLD_ROOT;
		return with_file(redo, &whole, O_RDONLY);
	}
	case TORN_KIND_rename:
	case TORN_KIND_unlink:
	case TORN_KIND_rmdir:
	case TORN_KIND_link:
		return act_on_names(redo, op);
	case TORN_KIND_chmod:
	case TORN_KIND_chown:
	case TORN_KIND_utime:
	case TORN_KIND_setxattr:
		return with_place(redo, op);
	case TORN_KIND_close:
	case TORN_KIND_duplicate:
	case TORN_KIND_exit:
		return act_on_descriptors(redo, op);
	default:
		if (op->call == TORN_CALL_fcntl && (op->how == F_DUPFD || op->how == F_DUPFD_CLOEXEC))
			return act_on_descriptors(redo, op);
		return 0;
	}
}

/*
 * The log is written where the target runs, which may have written there, too: as root nothing is done by a name that leads
 * elsewhere, or with bytes that it does not have.
 */
static bool is_sound(const struct torn_op *op)
{
	const bool has_bytes = op->kind == TORN_KIND_write || op->kind == TORN_KIND_copy || op->kind == TORN_KIND_store;
	const bool has_names = (op->flags & TORN_OP_CREATES) || op->kind == TORN_KIND_rename || op->kind == TORN_KIND_link ||
			       op->kind == TORN_KIND_unlink || op->kind == TORN_KIND_rmdir;
	const uint64_t objects_max = TORN_DEVICE_OBJECTS_MAX;
	return (!has_names || (torn_device_is_name(op->name) && torn_device_is_name(op->name_to))) &&
	       op->object <= objects_max && op->object_to <= objects_max && op->dir <= objects_max && op->dir_to <= objects_max &&
	       (!has_bytes || (uint64_t)op->result <= op->data.size);
}

int torn_device_redo_op(struct torn_device_redo *redo, const struct torn_op *op, char *ret_message, size_t size)
{
	if (op->flags & (TORN_OP_LOST | TORN_OP_REVERTED | TORN_OP_KEPT)) {
		snprintf(ret_message, size, "a sync fails by a fault: what becomes of its data only a model says");
		return -ENOTSUP;
	}
	if (!(op->flags & TORN_OP_PERFORMED) || op->result < 0 || op->flags & TORN_OP_RUNTIME)
		return 0;
	if (!is_sound(op))
		return -EBADMSG;
	const int r = act(redo, op);
	if (r == 0)
		return 0;
	if (r == -ENOMEM)
		return r;
	const char *name = torn_errno_name(-r);
	snprintf(ret_message, size, "op %u, %s, succeeded in the run and is %s on this file system", op->number,
		 torn_call_name(op->call), name ? name : "refused");
	return -ENOTSUP;
}
