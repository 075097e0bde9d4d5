/*
 * gate_files.c: performing calls on files for the in-process gate.
 *
 * The kernel performs on tmpfs, below the trial's root, and is only ever given
 * (descriptor of a directory, one component). What an unprivileged process
 * cannot do, or what would differ between machines, the gate answers from the
 * tree instead: owners, all of the mode bits, extended attributes, times,
 * inode numbers, the order of a directory, a file system's size.
 *
 * On disk a file's mode is what the tree says, without the set-ID bits and with
 * the owner's own rights on top (the target is root, whom no mode stops).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#include "gate_internal.h"
#include "points.h"

#define NS_PER_S INT64_C(1000000000)

/* What a perform function is given; it returns a value or -errno. */
struct doing {
	struct torn_gate *gate;
	struct torn_request *request;
	struct torn_op *op;
	uint64_t limit; /* bytes to move at most */
};

static struct torn_view *view_of(const struct doing *doing)
{
	return &doing->gate->recorder->view;
}

static void *user(uint64_t address)
{
	return (void *)(uintptr_t)address; /* NOLINT: an address that the target passed */
}

static bool is_wild(uint64_t address)
{
	return address < 4096 || address >= UINT64_C(1) << 47;
}

static uint32_t disk_mode(const struct torn_op *op)
{
	return (op->mode & 0777) | (op->kind == TORN_KIND_mkdir ? 0700 : 0600);
}

/* ------------------------------------------------------------ directories */

static void remember_dirfd(struct torn_gate *gate, torn_object dir, int fd)
{
	gate->dirfds[dir] = fd;
	if (gate->dirs_count < sizeof gate->dirs_open / sizeof *gate->dirs_open)
		gate->dirs_open[gate->dirs_count++] = dir;
	else
		gate->dirs_overflow = true;
}

int torn_gate_dirfd(struct torn_gate *gate, torn_object dir)
{
	if (dir == TORN_FOLD_ROOT)
		return gate->root_fd;
	if (dir >= TORN_DIRECTORIES_MAX)
		return -ENOMEM;
	if (gate->dirfds[dir])
		return gate->dirfds[dir];
	const struct torn_fold_object *object = torn_fold_object(&gate->recorder->view.fold, dir);
	if (!object || !object->links)
		return -ENOENT;
	int above = torn_gate_dirfd(gate, object->links->dir);
	if (above < 0)
		return above;
	char name[256];
	memcpy(name, object->links->name.data, object->links->name.size);
	name[object->links->name.size] = '\0';
	long low = torn_raw(SYS_openat, above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (low < 0)
		return (int)low;
	long fd = torn_raw(SYS_fcntl, low, F_DUPFD_CLOEXEC, TORN_FD_RESERVED);
	torn_raw(SYS_close, low);
	if (fd >= 0)
		remember_dirfd(gate, dir, (int)fd);
	return (int)fd;
}

void torn_gate_forget(struct torn_gate *gate)
{
	for (uint32_t i = 0; i < gate->dirs_count; i++) {
		torn_raw(SYS_close, gate->dirfds[gate->dirs_open[i]]);
		gate->dirfds[gate->dirs_open[i]] = 0;
	}
	gate->dirs_count = 0;
	for (uint32_t i = 0; gate->dirs_overflow && i < TORN_DIRECTORIES_MAX; i++) {
		if (gate->dirfds[i] == 0)
			continue;
		torn_raw(SYS_close, gate->dirfds[i]);
		gate->dirfds[i] = 0;
	}
	gate->dirs_overflow = false;
}

static int dirfd_of(const struct doing *doing)
{
	return torn_gate_dirfd(doing->gate, doing->op->dir);
}

static const char *name_of(const struct doing *doing)
{
	return (const char *)doing->op->name.data;
}

/* ---------------------------------------------------------------- opening */

static long track(const struct doing *doing, long fd)
{
	if (fd < 0)
		return fd;
	const struct torn_op *op = doing->op;
	const struct torn_description description = {
		.class = TORN_FD_ROOT,
		.object = op->object,
		.how = op->how,
		.op = op->number,
		.path = op->path,
	};
	int r = torn_view_open(view_of(doing), (int)fd, &description);
	if (r < 0)
		torn_raw(SYS_close, fd);
	doing->op->fd = r < 0 ? -1 : (int)fd;
	return r < 0 ? r : fd;
}

/* Nobody is there to open the other end of a FIFO: fifo(7). */
static bool would_wait_for_ever(const struct doing *doing)
{
	const struct torn_node *node = torn_view_node(view_of(doing), doing->op->object);
	return node && node->type == TORN_FIFO && !(doing->op->how & (O_NONBLOCK | O_PATH)) &&
	       (doing->op->how & O_ACCMODE) != O_RDWR;
}

static long do_open(const struct doing *doing)
{
	struct torn_op *op = doing->op;
	if (would_wait_for_ever(doing))
		torn_gate_die(doing->gate, TORN_HUNG, 0);
	if (op->flags & TORN_OP_CREATES)
		op->object = view_of(doing)->fold.count + 1;
	if (op->object && !op->name.data && op->fd >= 0) { /* by its name below /proc */
		char path[32];
		snprintf(path, sizeof path, "/proc/self/fd/%d", op->fd);
		return track(doing, torn_raw(SYS_openat, AT_FDCWD, path, op->how, 0));
	}
	int dirfd = dirfd_of(doing);
	if (dirfd < 0)
		return dirfd;
	const char *name = op->name.data ? name_of(doing) : "."; /* O_TMPFILE: the directory */
	long fd = torn_raw(SYS_openat, dirfd, name, op->how | (op->name.data ? O_NOFOLLOW : 0),
			   op->flags & TORN_OP_CREATES ? disk_mode(op) : 0);
	return track(doing, fd);
}

static long do_close(const struct doing *doing)
{
	long r = torn_raw(SYS_close, doing->request->fd);
	torn_view_close(view_of(doing), doing->request->fd);
	return r;
}

static long duplicated(const struct doing *doing, long fd)
{
	if (fd < 0)
		return fd;
	int r = torn_view_duplicate(view_of(doing), doing->request->fd, (int)fd);
	if (r < 0)
		torn_raw(SYS_close, fd);
	return r < 0 ? r : fd;
}

static long do_duplicate(const struct doing *doing)
{
	const struct torn_request *request = doing->request;
	if (request->call == TORN_CALL_dup)
		return duplicated(doing, torn_raw(SYS_dup, request->fd));
	if (request->fd_to < 0 || request->fd_to >= TORN_FD_RESERVED)
		return -EBADF;
	if (request->call == TORN_CALL_dup2)
		return duplicated(doing, torn_raw(SYS_dup2, request->fd, request->fd_to));
	return duplicated(doing, torn_raw(SYS_dup3, request->fd, request->fd_to, request->how));
}

static long do_fcntl(const struct doing *doing)
{
	const struct torn_request *request = doing->request;
	struct torn_description *description = torn_view_fd(view_of(doing), request->fd);
	const uint64_t argument = request->arg[2];
	switch (request->how) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		if (argument >= TORN_FD_RESERVED)
			return -EINVAL;
		return duplicated(doing, torn_raw(SYS_fcntl, request->fd, request->how, argument));
	case F_GETFL:
		/* Without the O_NOFOLLOW that the gate added. */
		return (long)(description->how & ~(uint32_t)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC |
							      O_CLOEXEC | O_NOFOLLOW)) |
		       (description->how & O_PATH ? 0 : 0100000 /* O_LARGEFILE */);
	case F_SETFL: {
		long r = torn_raw(SYS_fcntl, request->fd, F_SETFL, argument);
		const uint32_t settable = O_APPEND | O_NONBLOCK | O_NOATIME | O_DIRECT;
		if (r == 0)
			description->how =
				(description->how & ~settable) | ((uint32_t)argument & settable);
		return r;
	}
	case F_SETLKW:
	case F_OFD_SETLKW: {
		long r = torn_raw(SYS_fcntl, request->fd,
				  request->how == F_SETLKW ? F_SETLK : F_OFD_SETLK, argument);
		if (r == -EAGAIN || r == -EACCES)
			torn_gate_die(doing->gate, TORN_HUNG, 0); /* held by itself */
		return r;
	}
	default:
		return torn_raw(SYS_fcntl, request->fd, request->how, argument);
	}
}

static long do_flock(const struct doing *doing)
{
	const struct torn_request *request = doing->request;
	long r = torn_raw(SYS_flock, request->fd, request->how | LOCK_NB);
	if (r == -EWOULDBLOCK && !(request->how & LOCK_NB))
		torn_gate_die(doing->gate, TORN_HUNG, 0); /* only its own other descriptor can hold it */
	return r;
}

/* ------------------------------------------------------------------ bytes */

static struct torn_bytes first_bytes(struct torn_bytes bytes, uint64_t size)
{
	return (struct torn_bytes){bytes.data, size < bytes.size ? (size_t)size : bytes.size};
}

/* Put all that a write was given into one piece, which the log keeps. */
static int gather(struct torn_gate *gate, struct torn_request *request, struct torn_op *op)
{
	struct torn_arena *arena = &gate->recorder->arena;
	if (request->iov_count == 0) {
		if (request->size > 0 && is_wild(request->buffer))
			return -EFAULT;
		op->data = torn_arena_copy(arena, user(request->buffer), request->size);
	} else {
		const struct iovec *iov = user(request->iov);
		uint8_t *to = torn_arena_take(arena, op->length + 1);
		op->data = (struct torn_bytes){to, op->length};
		for (uint64_t i = 0; to && i < request->iov_count; i++) {
			memcpy(to, iov[i].iov_base, iov[i].iov_len);
			to += iov[i].iov_len;
		}
	}
	if (op->data.data)
		return 0;
	op->data.size = 0;
	torn_recorder_trouble(gate->recorder, TORN_TROUBLE_INCOMPLETE,
			      "the run wrote more than torn keeps of one (%zu MiB)",
			      arena->size >> 20);
	return -ENOMEM;
}

static bool at_own_offset(const struct torn_request *request)
{
	return !request->has_offset ||
	       ((request->call == TORN_CALL_preadv2 || request->call == TORN_CALL_pwritev2) &&
		request->offset == UINT64_MAX);
}

static long do_write(const struct doing *doing)
{
	const struct torn_op *op = doing->op;
	const struct torn_request *request = doing->request;
	struct torn_description *description = torn_view_fd(view_of(doing), op->fd);
	struct torn_bytes bytes = first_bytes(op->data, doing->limit);
	bool own = at_own_offset(request);
	if (request->call == TORN_CALL_pwritev2 && request->how & ~(uint32_t)(RWF_DSYNC | RWF_SYNC)) {
		torn_recorder_trouble(doing->gate->recorder, TORN_TROUBLE_INCOMPLETE,
				      "pwritev2 with flags 0x%x", request->how);
		return -EOPNOTSUPP;
	}
	long r = own ? torn_raw(SYS_write, op->fd, bytes.data, bytes.size)
		     : torn_raw(SYS_pwrite64, op->fd, bytes.data, bytes.size, request->offset);
	if (r > 0 && own)
		description->offset = op->offset + (uint64_t)r;
	return r;
}

static long do_read(const struct doing *doing)
{
	const struct torn_op *op = doing->op;
	const struct torn_request *request = doing->request;
	bool own = at_own_offset(request);
	long r;
	if (request->iov_count == 0) {
		uint64_t size = request->size < doing->limit ? request->size : doing->limit;
		r = own ? torn_raw(SYS_read, op->fd, request->buffer, size)
			: torn_raw(SYS_pread64, op->fd, request->buffer, size, request->offset);
	} else {
		r = 0;
		const struct iovec *iov = user(request->iov);
		uint64_t left = doing->limit;
		for (uint64_t i = 0; i < request->iov_count && left > 0; i++) {
			uint64_t size = iov[i].iov_len < left ? iov[i].iov_len : left;
			long part = torn_raw(SYS_pread64, op->fd, iov[i].iov_base, size,
					     op->offset + (uint64_t)r);
			if (part < 0)
				return r > 0 ? r : part;
			r += part;
			left -= (uint64_t)part;
			if ((uint64_t)part < size)
				break;
		}
		if (own && r > 0)
			torn_raw(SYS_lseek, op->fd, op->offset + (uint64_t)r, SEEK_SET);
	}
	if (r > 0 && own)
		torn_view_fd(view_of(doing), op->fd)->offset += (uint64_t)r;
	return r;
}

static long do_seek(const struct doing *doing)
{
	const struct torn_request *request = doing->request;
	struct torn_description *description = torn_view_fd(view_of(doing), request->fd);
	const struct torn_node *node = torn_view_node(view_of(doing), description->object);
	if (node->type == TORN_DIRECTORY) {
		if (request->arg[2] != SEEK_SET || request->offset > UINT32_MAX)
			return -EINVAL;
		description->cursor = (uint32_t)request->offset;
		return (long)request->offset;
	}
	long r = torn_raw(SYS_lseek, request->fd, request->offset, request->arg[2]);
	if (r >= 0)
		description->offset = (uint64_t)r;
	return r;
}

/*
 * sendfile, copy_file_range, splice between a file of the root and anything:
 * done as a read and a write, so that the log has the bytes.
 */
struct copy {
	int from, to;
	int64_t *from_offset, *to_offset;
};

static struct copy copy_of(const struct torn_request *request)
{
	if (request->call == TORN_CALL_sendfile)
		return (struct copy){request->fd, request->fd_to, user(request->arg[2]), NULL};
	return (struct copy){request->fd, request->fd_to, user(request->arg[1]),
			     user(request->arg[3])};
}

static long copy_read(struct torn_gate *gate, const struct copy *copy, uint64_t length,
		      struct torn_op *op)
{
	/* As much as the kernel moves at once: 2 GiB; here as much as fits. */
	const uint64_t at_most = 64u << 20;
	uint64_t size = length < at_most ? length : at_most;
	const struct torn_description *description =
		torn_view_fd(&gate->recorder->view, copy->from);
	if (description && description->class == TORN_FD_ROOT) {
		const struct torn_node *node =
			torn_view_node(&gate->recorder->view, description->object);
		uint64_t at = copy->from_offset ? (uint64_t)*copy->from_offset
						: description->offset;
		uint64_t there = node->size > at ? node->size - at : 0;
		size = size < there ? size : there;
	}
	uint8_t *bytes = torn_arena_take(&gate->recorder->arena, size + 1);
	if (!bytes)
		return -ENOMEM;
	long r = copy->from_offset
			 ? torn_raw(SYS_pread64, copy->from, bytes, size, *copy->from_offset)
			 : torn_raw(SYS_read, copy->from, bytes, size);
	if (r >= 0)
		op->data = (struct torn_bytes){bytes, (size_t)r};
	return r;
}

static void copy_advance(struct torn_view *view, int fd, int64_t *offset, long moved)
{
	struct torn_description *description = torn_view_fd(view, fd);
	if (offset)
		*offset += moved;
	else if (description)
		description->offset += (uint64_t)moved;
}

static long do_copy(const struct doing *doing)
{
	const struct copy copy = copy_of(doing->request);
	struct torn_op *op = doing->op;
	struct torn_view *view = view_of(doing);
	if (doing->limit < op->length)
		op->length = doing->limit;
	if (copy.to_offset)
		op->offset = (uint64_t)*copy.to_offset;
	if (doing->request->call == TORN_CALL_copy_file_range &&
	    (torn_view_fd(view, copy.to)->how & O_APPEND))
		return -EBADF; /* copy_file_range(2) */
	long r = copy_read(doing->gate, &copy, op->length, op);
	if (r <= 0)
		return r;
	long written = copy.to_offset
			       ? torn_raw(SYS_pwrite64, copy.to, op->data.data, r, op->offset)
			       : torn_raw(SYS_write, copy.to, op->data.data, r);
	if (written < r && !copy.from_offset)
		torn_raw(SYS_lseek, copy.from, (written < 0 ? 0 : written) - r, SEEK_CUR);
	if (written <= 0)
		return written;
	copy_advance(view, copy.from, copy.from_offset, written);
	copy_advance(view, copy.to, copy.to_offset, written);
	return written;
}

/* ioctl_ficlone(2): tmpfs has none, so the gate gives what a file system with reflinks would. */
static long do_clone(const struct doing *doing)
{
	struct torn_op *op = doing->op;
	struct torn_view *view = view_of(doing);
	const struct torn_description *to = torn_view_fd(view, op->fd);
	const struct torn_description *from = torn_view_fd(view, (int)doing->request->arg[2]);
	if (!from)
		return -EBADF;
	if (from->class != TORN_FD_ROOT)
		return -EXDEV;
	const struct torn_node *source = torn_view_node(view, from->object);
	const struct torn_node *dest = torn_view_node(view, to->object);
	if (source->type == TORN_DIRECTORY || dest->type == TORN_DIRECTORY)
		return -EISDIR;
	if (source->type != TORN_FILE || dest->type != TORN_FILE)
		return -EINVAL;
	if ((to->how & O_ACCMODE) == O_RDONLY || (from->how & O_ACCMODE) == O_WRONLY)
		return -EBADF;
	uint8_t *bytes = torn_arena_take(&doing->gate->recorder->arena, source->size + 1);
	if (!bytes)
		return -ENOMEM;
	op->data = (struct torn_bytes){bytes, torn_node_read(source, 0, bytes, source->size)};
	long r = torn_raw(SYS_ftruncate, op->fd, 0);
	if (r == 0)
		r = torn_raw(SYS_pwrite64, op->fd, bytes, op->data.size, 0);
	return r < 0 ? r : 0;
}

static long do_control(const struct doing *doing)
{
	const struct torn_request *request = doing->request;
	if (request->call == TORN_CALL_fcntl)
		return do_fcntl(doing);
	if (request->call != TORN_CALL_ioctl)
		return 0; /* fadvise64, readahead: advice */
	switch (request->how) {
	case FS_IOC_GETFLAGS:
		*(int *)user(request->arg[2]) = 0;
		return 0;
	case FS_IOC_SETFLAGS:
	case FICLONERANGE:
		return -EOPNOTSUPP;
	default:
		return torn_raw(SYS_ioctl, request->fd, request->how, request->arg[2]);
	}
}

static long do_truncate(const struct doing *doing)
{
	const struct torn_op *op = doing->op;
	if (op->fd >= 0)
		return torn_raw(SYS_ftruncate, op->fd, op->length);
	int dirfd = dirfd_of(doing);
	if (dirfd < 0)
		return dirfd;
	long fd = torn_raw(SYS_openat, dirfd, name_of(doing), O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fd == -ENXIO ? -EINVAL : fd;
	long r = torn_raw(SYS_ftruncate, fd, op->length);
	torn_raw(SYS_close, fd);
	return r;
}

static long do_allocate(const struct doing *doing)
{
	const struct torn_op *op = doing->op;
	return torn_raw(SYS_fallocate, op->fd, op->how, op->offset, op->length);
}

static long do_sync(const struct doing *doing)
{
	const struct torn_request *request = doing->request;
	switch (request->call) {
	case TORN_CALL_fsync:
		return torn_raw(SYS_fsync, request->fd);
	case TORN_CALL_fdatasync:
		return torn_raw(SYS_fdatasync, request->fd);
	case TORN_CALL_sync_file_range:
		return torn_raw(SYS_sync_file_range, request->fd, request->offset, request->length,
				request->how);
	default:
		/* sync, syncfs: not for real, it would flush the host's disks. */
		return 0;
	}
}

static long do_map(const struct doing *doing)
{
	const struct torn_request *request = doing->request;
	const struct torn_description *description = torn_view_fd(view_of(doing), request->fd);
	if ((request->arg[3] & MAP_TYPE) != MAP_PRIVATE && (description->how & O_ACCMODE) == O_RDWR)
		torn_recorder_trouble(doing->gate->recorder, TORN_TROUBLE_INCOMPLETE,
				      "maps a file shared and writable, which is not modelled yet");
	return torn_raw(SYS_mmap, request->arg[0], request->arg[1], request->arg[2],
			request->arg[3], request->fd, request->arg[5]);
}

/* ---------------------------------------------------------------- looking */

static uint32_t type_bits(enum torn_type type)
{
	static const uint32_t bits[TORN_TYPE_COUNT] = {
		[TORN_FILE] = S_IFREG, [TORN_DIRECTORY] = S_IFDIR, [TORN_SYMLINK] = S_IFLNK,
		[TORN_FIFO] = S_IFIFO, [TORN_SOCKET] = S_IFSOCK,
	};
	return bits[type];
}

#define DEVICE_MAJOR 8 /* sda1: a disk, as far as a target can tell */
#define DEVICE_MINOR 1

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

static void fill_stat(const struct torn_fold_object *object, torn_object number, struct stat *to)
{
	const struct torn_node *node = object->node;
	*to = (struct stat){
		.st_dev = makedev(DEVICE_MAJOR, DEVICE_MINOR),
		.st_ino = number,
		.st_nlink = links_of(node),
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

static void fill_statx(const struct torn_fold_object *object, torn_object number, struct statx *to)
{
	struct stat plain;
	fill_stat(object, number, &plain);
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
		.stx_dev_minor = DEVICE_MINOR,
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

static long do_stat(const struct doing *doing)
{
	const struct torn_request *request = doing->request;
	const struct torn_op *op = doing->op;
	const struct torn_fold_object *object = torn_fold_object(&view_of(doing)->fold, op->object);
	if (!object)
		return -ENOENT;
	if (is_wild(request->buffer))
		return -EFAULT;
	if (request->call == TORN_CALL_statfs || request->call == TORN_CALL_fstatfs)
		fill_statfs(user(request->buffer));
	else if (request->call == TORN_CALL_statx)
		fill_statx(object, op->object, user(request->buffer));
	else
		fill_stat(object, op->object, user(request->buffer));
	return 0;
}

static long do_access(const struct doing *doing)
{
	const struct torn_node *node = torn_view_node(view_of(doing), doing->op->object);
	if (!node)
		return -ENOENT;
	/* access(2): root may execute a file only if somebody may. */
	bool may_execute = node->type == TORN_DIRECTORY || (node->mode & 0111);
	return (doing->request->mode & 1) && !may_execute ? -EACCES : 0;
}

static long do_readlink(const struct doing *doing)
{
	const struct torn_op *op = doing->op;
	const struct torn_request *request = doing->request;
	struct torn_bytes text = {NULL, 0};
	char magic[TORN_PATH_MAX];
	if (!op->name.data && op->fd >= 0) { /* /proc/self/fd/N */
		struct torn_bytes path = torn_view_object_path(view_of(doing), op->object);
		text.data = (const uint8_t *)magic;
		text.size = (size_t)snprintf(magic, sizeof magic, "/%.*s", (int)path.size,
					     (const char *)path.data);
	} else {
		const struct torn_node *node = torn_view_node(view_of(doing), op->object);
		if (!node)
			return -ENOENT;
		if (node->type != TORN_SYMLINK)
			return -EINVAL;
		text = node->link;
	}
	if ((int64_t)request->size <= 0)
		return -EINVAL;
	size_t size = text.size < request->size ? text.size : request->size;
	memcpy(user(request->buffer), text.data, size);
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
static long do_readdir(const struct doing *doing)
{
	const struct torn_request *request = doing->request;
	struct torn_description *description = torn_view_fd(view_of(doing), request->fd);
	const struct torn_node *node = torn_view_node(view_of(doing), description->object);
	if (node->type != TORN_DIRECTORY)
		return -ENOTDIR;
	if (description->how & O_PATH)
		return -EBADF;
	if (is_wild(request->buffer))
		return -EFAULT;
	uint8_t *const start = user(request->buffer);
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

static long do_chdir(const struct doing *doing)
{
	const struct torn_op *op = doing->op;
	const struct torn_node *node = torn_view_node(view_of(doing), op->object);
	if (!node)
		return -ENOENT;
	if (node->type != TORN_DIRECTORY)
		return -ENOTDIR;
	view_of(doing)->cwd = op->object;
	return 0;
}

/* ------------------------------------------------------------------ names */

static long do_rename(const struct doing *doing)
{
	const struct torn_op *op = doing->op;
	if (doing->request->call == TORN_CALL_renameat2 && (op->how & RENAME_WHITEOUT))
		return -EINVAL; /* makes a device: not for the unprivileged */
	int from = dirfd_of(doing);
	int to = torn_gate_dirfd(doing->gate, op->dir_to);
	if (from < 0 || to < 0)
		return from < 0 ? from : to;
	uint32_t flags = doing->request->call == TORN_CALL_renameat2 ? op->how : 0;
	return torn_raw(SYS_renameat2, from, name_of(doing), to, op->name_to.data, flags);
}

static long do_unlink(const struct doing *doing)
{
	int dirfd = dirfd_of(doing);
	if (dirfd < 0)
		return dirfd;
	return torn_raw(SYS_unlinkat, dirfd, name_of(doing),
			doing->op->kind == TORN_KIND_rmdir ? AT_REMOVEDIR : 0);
}

static long do_link(const struct doing *doing)
{
	const struct torn_op *op = doing->op;
	int to = torn_gate_dirfd(doing->gate, op->dir_to);
	if (to < 0)
		return to;
	if (op->fd >= 0) { /* from /proc/self/fd/N, or "" with AT_EMPTY_PATH */
		char path[32];
		snprintf(path, sizeof path, "/proc/self/fd/%d", op->fd);
		return torn_raw(SYS_linkat, AT_FDCWD, path, to, op->name_to.data, AT_SYMLINK_FOLLOW);
	}
	int from = dirfd_of(doing);
	if (from < 0)
		return from;
	return torn_raw(SYS_linkat, from, name_of(doing), to, op->name_to.data, 0);
}

static long do_symlink(const struct doing *doing)
{
	struct torn_op *op = doing->op;
	int dirfd = dirfd_of(doing);
	if (dirfd < 0)
		return dirfd;
	op->object = view_of(doing)->fold.count + 1;
	return torn_raw(SYS_symlinkat, op->path_to.data, dirfd, name_of(doing));
}

static long do_mkdir(const struct doing *doing)
{
	struct torn_op *op = doing->op;
	int dirfd = dirfd_of(doing);
	if (dirfd < 0)
		return dirfd;
	op->object = view_of(doing)->fold.count + 1;
	return torn_raw(SYS_mkdirat, dirfd, name_of(doing), disk_mode(op));
}

static long do_mknod(const struct doing *doing)
{
	struct torn_op *op = doing->op;
	uint32_t type = op->how;
	if (S_ISCHR(type) || S_ISBLK(type))
		return -EPERM;
	int dirfd = dirfd_of(doing);
	if (dirfd < 0)
		return dirfd;
	op->object = view_of(doing)->fold.count + 1;
	return torn_raw(SYS_mknodat, dirfd, name_of(doing), type | disk_mode(op), 0);
}

/* ------------------------------------------------------------- attributes */

static const struct torn_node *node_or_error(const struct doing *doing, long *ret_error)
{
	const struct torn_op *op = doing->op;
	const struct torn_node *node = torn_view_node(view_of(doing), op->object);
	*ret_error = -ENOENT;
	const struct torn_description *description =
		op->fd >= 0 ? torn_view_fd(view_of(doing), op->fd) : NULL;
	if (!doing->request->has_path && description && (description->how & O_PATH)) {
		*ret_error = -EBADF; /* open(2), O_PATH */
		return NULL;
	}
	return node;
}

static long do_chmod(const struct doing *doing)
{
	const struct torn_op *op = doing->op;
	long error;
	const struct torn_node *node = node_or_error(doing, &error);
	if (!node)
		return error;
	if (node->type == TORN_SYMLINK)
		return -EOPNOTSUPP;
	uint32_t mode = (op->mode & 0777) | (node->type == TORN_DIRECTORY ? 0700 : 0600);
	if (op->fd >= 0 && !op->name.data)
		return torn_raw(SYS_fchmod, op->fd, mode);
	int dirfd = dirfd_of(doing);
	if (dirfd < 0)
		return dirfd;
	return torn_raw(SYS_fchmodat, dirfd, name_of(doing), mode);
}

static long do_chown(const struct doing *doing)
{
	long error;
	return node_or_error(doing, &error) ? 0 : error;
}

static int64_t ns_of(struct timespec time)
{
	return (int64_t)time.tv_sec * NS_PER_S + time.tv_nsec;
}

static long do_utime(const struct doing *doing)
{
	struct torn_op *op = doing->op;
	const struct torn_request *request = doing->request;
	long error;
	if (!node_or_error(doing, &error))
		return error;
	int64_t now = torn_recorder_now(doing->gate->recorder);
	int64_t modified = now;
	const uint64_t times = request->buffer;
	if (times && request->call == TORN_CALL_utimensat) {
		struct timespec spec = ((const struct timespec *)user(times))[1];
		if (spec.tv_nsec == UTIME_OMIT)
			modified = view_of(doing)->fold.objects[op->object].modified_ns;
		else if (spec.tv_nsec != UTIME_NOW)
			modified = ns_of(spec);
	} else if (times && request->call == TORN_CALL_utime) {
		modified = ((const int64_t *)user(times))[1] * NS_PER_S;
	} else if (times) {
		const int64_t *usec = (const int64_t *)user(times) + 2;
		modified = usec[0] * NS_PER_S + usec[1] * 1000;
	}
	op->offset = (uint64_t)modified;
	return 0;
}

static bool is_known_namespace(struct torn_bytes name)
{
	static const char *const namespaces[] = {"user.", "trusted.", "security.", "system.posix_acl_"};
	for (size_t i = 0; i < sizeof namespaces / sizeof *namespaces; i++)
		if (name.size > strlen(namespaces[i]) &&
		    memcmp(name.data, namespaces[i], strlen(namespaces[i])) == 0)
			return true;
	return false;
}

static long do_setxattr(const struct doing *doing)
{
	struct torn_op *op = doing->op;
	const struct torn_request *request = doing->request;
	long error;
	const struct torn_node *node = node_or_error(doing, &error);
	if (!node)
		return error;
	if (!is_known_namespace(op->xattr))
		return -EOPNOTSUPP;
	if (op->xattr.size > 255)
		return -ERANGE;
	bool there = torn_node_xattr(node, op->xattr) != NULL;
	if (!strchr(torn_call_row(request->call)->signature, 'b')) /* a removexattr */
		return there ? 0 : -ENODATA;
	/* xattr(7): user attributes only on files and directories. */
	if (memcmp(op->xattr.data, "user.", 5) == 0 && node->type != TORN_FILE &&
	    node->type != TORN_DIRECTORY)
		return -EPERM;
	if (request->size > 65536)
		return -E2BIG;
	if ((request->how & XATTR_CREATE) && there)
		return -EEXIST;
	if ((request->how & XATTR_REPLACE) && !there)
		return -ENODATA;
	op->data = torn_arena_copy(&doing->gate->recorder->arena, user(request->buffer),
				   request->size);
	return 0;
}

static long give_bytes(const struct torn_request *request, struct torn_bytes bytes)
{
	if (request->size == 0)
		return (long)bytes.size;
	if (bytes.size > request->size)
		return -ERANGE;
	memcpy(user(request->buffer), bytes.data, bytes.size);
	return (long)bytes.size;
}

static long do_getxattr(const struct doing *doing)
{
	const struct torn_request *request = doing->request;
	const struct torn_op *op = doing->op;
	long error;
	const struct torn_node *node = node_or_error(doing, &error);
	if (!node)
		return error;
	if (request->xattr) {
		const struct torn_xattr *xattr = torn_node_xattr(node, op->xattr);
		return xattr ? give_bytes(request, xattr->value) : -ENODATA;
	}
	size_t size = 0;
	for (uint32_t i = 0; i < node->xattrs_count; i++)
		size += node->xattrs[i].name.size + 1;
	uint8_t *names = torn_arena_take(&doing->gate->recorder->arena, size);
	if (!names)
		return -ENOMEM;
	size_t at = 0;
	for (uint32_t i = 0; i < node->xattrs_count; i++) {
		memcpy(names + at, node->xattrs[i].name.data, node->xattrs[i].name.size);
		at += node->xattrs[i].name.size + 1;
	}
	return give_bytes(request, (struct torn_bytes){names, size});
}

/* --------------------------------------------------------------- all kinds */

static long (*const perform[TORN_KIND_COUNT])(const struct doing *doing) = {
	[TORN_KIND_open] = do_open,           [TORN_KIND_close] = do_close,
	[TORN_KIND_read] = do_read,           [TORN_KIND_write] = do_write,
	[TORN_KIND_copy] = do_copy,           [TORN_KIND_clone] = do_clone,
	[TORN_KIND_truncate] = do_truncate,   [TORN_KIND_allocate] = do_allocate,
	[TORN_KIND_sync] = do_sync,           [TORN_KIND_stat] = do_stat,
	[TORN_KIND_access] = do_access,       [TORN_KIND_seek] = do_seek,
	[TORN_KIND_readdir] = do_readdir,     [TORN_KIND_readlink] = do_readlink,
	[TORN_KIND_rename] = do_rename,       [TORN_KIND_unlink] = do_unlink,
	[TORN_KIND_rmdir] = do_unlink,        [TORN_KIND_link] = do_link,
	[TORN_KIND_symlink] = do_symlink,     [TORN_KIND_mkdir] = do_mkdir,
	[TORN_KIND_mknod] = do_mknod,         [TORN_KIND_chdir] = do_chdir,
	[TORN_KIND_chmod] = do_chmod,         [TORN_KIND_chown] = do_chown,
	[TORN_KIND_utime] = do_utime,         [TORN_KIND_setxattr] = do_setxattr,
	[TORN_KIND_getxattr] = do_getxattr,   [TORN_KIND_control] = do_control,
	[TORN_KIND_duplicate] = do_duplicate, [TORN_KIND_lock] = do_flock,
	[TORN_KIND_map] = do_map,
};

/* ----------------------------------------------- descriptors not of the root */

static long pass(const struct torn_request *request)
{
	return torn_raw6(torn_call_row(request->call)->number, (long)request->arg[0],
			 (long)request->arg[1], (long)request->arg[2], (long)request->arg[3],
			 (long)request->arg[4], (long)request->arg[5]);
}

static bool is_reserved(int fd)
{
	return fd >= TORN_FD_RESERVED;
}

/* stdin, pipes, /dev/null, the loader's files: performed as it is, descriptors kept track of. */
static long other(struct torn_gate *gate, struct torn_request *request, enum torn_fd_class class)
{
	struct torn_view *view = &gate->recorder->view;
	const struct doing doing = {.gate = gate, .request = request};
	if (is_reserved(request->fd) || is_reserved(request->fd_to))
		return -EBADF; /* torn's own: not there for the target */
	switch (request->kind) {
	case TORN_KIND_open: {
		/* The descriptor is a plain one even for /dev/urandom: reads are answered here. */
		long fd = torn_raw(SYS_openat, AT_FDCWD,
				   class == TORN_FD_RANDOM ? (uint64_t)(uintptr_t) "/dev/null"
							   : request->path,
				   request->how & ~(uint32_t)(O_CREAT | O_TRUNC | O_EXCL));
		const struct torn_description description = {.class = class, .how = request->how};
		return fd < 0 ? fd : torn_view_open(view, (int)fd, &description) < 0 ? -EMFILE : fd;
	}
	case TORN_KIND_close:
		return do_close(&doing);
	case TORN_KIND_duplicate:
		return do_duplicate(&doing);
	case TORN_KIND_control:
		if (request->call == TORN_CALL_fcntl && torn_view_fd(view, request->fd))
			return do_fcntl(&doing);
		return pass(request);
	case TORN_KIND_sync:
		return request->call == TORN_CALL_syncfs ? 0 : pass(request);
	default:
		return pass(request);
	}
}

/* A file that libc looks for on its own account. The zone of the host is left absent. */
static long host_file(struct torn_gate *gate, struct torn_request *request)
{
	const char *path = user(request->path);
	if (strncmp(path, "/usr/share/zoneinfo", 19) == 0 || strcmp(path, "/etc/localtime") == 0)
		return -ENOENT;
	return other(gate, request, TORN_FD_OTHER);
}

static long output(struct torn_gate *gate, struct torn_request *request)
{
	if (request->kind != TORN_KIND_write)
		return other(gate, request, TORN_FD_OUTPUT);
	struct torn_op op = {.length = request->size};
	int r = gather(gate, request, &op);
	if (r < 0)
		return r;
	torn_recorder_output(gate->recorder, request->call, request->fd, op.data);
	return (long)op.data.size;
}

static long from_random(struct torn_gate *gate, struct torn_request *request)
{
	if (request->kind != TORN_KIND_read || request->iov_count)
		return other(gate, request, TORN_FD_RANDOM);
	torn_recorder_random(gate->recorder, user(request->buffer), request->size);
	return (long)request->size;
}

static long close_several(struct torn_gate *gate, const struct torn_request *request)
{
	const uint32_t first = (uint32_t)request->arg[0], last = (uint32_t)request->arg[1];
	if (first > last)
		return -EINVAL;
	for (uint32_t fd = first; fd <= last && fd < TORN_FD_RESERVED; fd++) {
		if (!torn_view_fd(&gate->recorder->view, (int)fd))
			continue;
		if (request->how & 4 /* CLOSE_RANGE_CLOEXEC */) {
			torn_raw(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
			continue;
		}
		torn_raw(SYS_close, fd);
		torn_view_close(&gate->recorder->view, (int)fd);
	}
	return 0;
}

static long getcwd_virtual(struct torn_gate *gate, const struct torn_request *request)
{
	struct torn_view *view = &gate->recorder->view;
	struct torn_bytes path = torn_view_object_path(view, view->cwd);
	if (view->cwd != TORN_FOLD_ROOT && path.size == 0)
		return -ENOENT;
	if (request->size < path.size + 2)
		return -ERANGE;
	char *to = user(request->buffer);
	to[0] = '/';
	memcpy(to + 1, path.data, path.size);
	to[path.size + 1] = '\0';
	return (long)path.size + 2;
}

/* --------------------------------------------------------------- the op */

static _Noreturn void die_by_kill(struct torn_gate *gate)
{
	gate->recorder->end = TORN_ENDED_BY_PLAN;
	gate->recorder->running = false;
	for (;;)
		torn_raw(SYS_kill, gate->host_pid, SIGKILL);
}

/* Perform at most `limit` bytes of an op, or find out that its names lead nowhere. */
static void carry_out(const struct doing *doing, enum torn_where where)
{
	struct torn_op *op = doing->op;
	op->flags |= TORN_OP_PERFORMED;
	if (where != TORN_WHERE_ERROR) {
		long (*function)(const struct doing *) = perform[op->kind];
		op->result = function(doing);
	}
	if (op->result < 0 && (op->flags & TORN_OP_CREATES) && op->kind != TORN_KIND_link)
		op->object = 0;
	op->told = op->result;
}

static long numbered(struct torn_gate *gate, struct torn_request *request, struct torn_op *draft,
		     enum torn_where where)
{
	struct torn_recorder *recorder = gate->recorder;
	int broken = 0;
	if (draft->kind == TORN_KIND_write && where == TORN_WHERE_ROOT)
		broken = gather(gate, request, draft);
	struct torn_op *op = torn_recorder_number(recorder, draft);
	if (!op)
		torn_gate_die(gate, TORN_HUNG, 0);
	if (broken < 0)
		return op->result = op->told = broken;

	const struct torn_action action = torn_points_ask(&recorder->armed, op);
	op->fault = (uint16_t)action.fault;
	if (gate->kill_for_real && action.ending == TORN_ENDING_KILL_BEFORE)
		die_by_kill(gate);
	const struct doing doing = {
		.gate = gate,
		.request = request,
		.op = op,
		.limit = gate->kill_for_real && action.ending == TORN_ENDING_KILL_PART
				 ? action.ending_bytes
			 : action.act == TORN_ACT_SHORTEN ? action.bytes
							  : op->length,
	};
	if (action.act == TORN_ACT_REFUSE)
		op->result = op->told = -action.number;
	else
		carry_out(&doing, where);
	if (action.act == TORN_ACT_LATE && op->result >= 0)
		op->told = -action.number;
	torn_recorder_done(recorder, op);
	if (gate->kill_for_real &&
	    (action.ending == TORN_ENDING_KILL_AFTER || action.ending == TORN_ENDING_KILL_PART))
		die_by_kill(gate);
	if (action.ending == TORN_ENDING_SIGNAL)
		torn_gate_signal(gate, op, action.ending_number);
	return (long)op->told;
}

/* ---------------------------------------------------------- taking it in */

static int string_at(uint64_t address, struct torn_bytes *ret_string)
{
	if (address == 0) {
		*ret_string = (struct torn_bytes){NULL, 0};
		return 0;
	}
	if (is_wild(address))
		return -EFAULT;
	const char *text = user(address);
	size_t size = strnlen(text, TORN_PATH_MAX);
	if (size == TORN_PATH_MAX)
		return -ENAMETOOLONG;
	*ret_string = (struct torn_bytes){(const uint8_t *)text, size};
	return 0;
}

static int take_strings(const struct torn_request *request, struct torn_strings *ret_strings)
{
	int r = string_at(request->path, &ret_strings->path);
	if (r == 0)
		r = string_at(request->path_to, &ret_strings->path_to);
	if (r == 0)
		r = string_at(request->text, &ret_strings->text);
	if (r == 0)
		r = string_at(request->xattr, &ret_strings->xattr);
	return r;
}

static int take_vector(struct torn_request *request)
{
	if (!request->iov)
		return 0;
	if (is_wild(request->iov))
		return -EFAULT;
	if (request->iov_count > UIO_MAXIOV)
		return -EINVAL;
	const struct iovec *iov = user(request->iov);
	for (uint64_t i = 0; i < request->iov_count; i++)
		request->length += iov[i].iov_len;
	request->size = request->length;
	return 0;
}

static int take_open_how(struct torn_request *request)
{
	if (request->call != TORN_CALL_openat2)
		return 0;
	if (is_wild(request->arg[2]))
		return -EFAULT;
	if (request->arg[3] < sizeof(struct open_how))
		return -EINVAL;
	/*
	 * The RESOLVE_ flags only narrow what a path may cross, and nothing below
	 * the root can be crossed anyway; a target that needs them refused is not
	 * served: say so.
	 */
	const struct open_how *how = user(request->arg[2]);
	request->how = (uint32_t)how->flags;
	request->mode = (uint32_t)how->mode;
	return how->resolve ? 1 : 0;
}

long torn_gate_file(struct torn_gate *gate, struct torn_request *request)
{
	struct torn_recorder *recorder = gate->recorder;
	if (request->call == TORN_CALL_close_range)
		return close_several(gate, request);
	if (request->call == TORN_CALL_getcwd)
		return getcwd_virtual(gate, request);
	if (request->call == TORN_CALL_ioctl && request->how == FICLONE)
		request->kind = TORN_KIND_clone;
	struct torn_strings strings;
	int r = take_strings(request, &strings);
	if (r == 0)
		r = take_vector(request);
	if (r == 0)
		r = take_open_how(request);
	if (r < 0)
		return r;
	if (r > 0)
		torn_recorder_trouble(recorder, TORN_TROUBLE_INCOMPLETE,
				      "openat2 with RESOLVE_ flags, which are not modelled yet");

	struct torn_op op;
	enum torn_where where = torn_recorder_locate(recorder, request, &strings, &op);
	if (request->call == TORN_CALL_sync)
		where = TORN_WHERE_ROOT;
	switch (where) {
	case TORN_WHERE_ROOT:
	case TORN_WHERE_ERROR:
		return numbered(gate, request, &op, where);
	case TORN_WHERE_OUTPUT:
		return output(gate, request);
	case TORN_WHERE_RANDOM:
		return from_random(gate, request);
	case TORN_WHERE_HOST:
		return host_file(gate, request);
	case TORN_WHERE_PASS:
		break;
	}
	return other(gate, request, TORN_FD_OTHER);
}
