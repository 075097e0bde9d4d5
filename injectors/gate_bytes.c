/*
 * gate_bytes.c: bytes read, written, copied, cut off and made durable.
 *
 * Not modelled: O_DIRECT's alignment, RWF_ flags of pwritev2 but those about
 * durability.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <asm/sockios.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "gate_files.h"

#define ALLOCATION_MAX (UINT64_C(256) << 20)

static struct torn_bytes first_bytes(struct torn_bytes bytes, uint64_t size)
{
	return (struct torn_bytes){bytes.data, size < bytes.size ? (size_t)size : bytes.size};
}

int torn_doing_gather(struct torn_gate *gate, struct torn_request *request, struct torn_op *op)
{
	struct torn_arena *arena = &gate->recorder->arena;
	if (request->iov_count == 0) {
		if (request->size > 0 && torn_is_wild(request->buffer))
			return -EFAULT;
		op->data = torn_arena_copy(arena, torn_user(request->buffer), request->size);
	} else {
		const struct iovec *iov = torn_user(request->iov);
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
			      "the run is larger than what torn keeps of one (%zu MiB)",
			      arena->size >> 20);
	return -ENOMEM;
}

static bool at_own_offset(const struct torn_request *request)
{
	return !request->has_offset ||
	       ((request->call == TORN_CALL_preadv2 || request->call == TORN_CALL_pwritev2) &&
		request->offset == UINT64_MAX);
}

long torn_do_write(const struct torn_doing *doing)
{
	const struct torn_op *op = doing->op;
	const struct torn_request *request = doing->request;
	struct torn_description *description = torn_view_fd(torn_doing_view(doing), op->fd);
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

long torn_do_read(const struct torn_doing *doing)
{
	const struct torn_op *op = doing->op;
	const struct torn_request *request = doing->request;
	bool own = at_own_offset(request);
	long r;
	if (request->iov && doing->limit >= request->size) {
		r = own ? torn_raw(SYS_readv, op->fd, request->iov, request->iov_count)
			: torn_raw(SYS_preadv, op->fd, request->iov, request->iov_count,
				   request->offset, 0);
	} else if (!request->iov) {
		uint64_t size = request->size < doing->limit ? request->size : doing->limit;
		r = own ? torn_raw(SYS_read, op->fd, request->buffer, size)
			: torn_raw(SYS_pread64, op->fd, request->buffer, size, request->offset);
	} else {
		r = 0;
		const struct iovec *iov = torn_user(request->iov);
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
		torn_view_fd(torn_doing_view(doing), op->fd)->offset += (uint64_t)r;
	return r;
}

long torn_do_seek(const struct torn_doing *doing)
{
	const struct torn_request *request = doing->request;
	struct torn_description *description = torn_view_fd(torn_doing_view(doing), request->fd);
	const struct torn_node *node = torn_view_node(torn_doing_view(doing), description->object);
	if (node->type == TORN_DIRECTORY) {
		const uint64_t from = request->arg[2] == SEEK_CUR ? description->cursor : 0;
		if ((request->arg[2] != SEEK_SET && request->arg[2] != SEEK_CUR) ||
		    from + request->offset > INT32_MAX)
			return -EINVAL;
		description->cursor = (uint32_t)(from + request->offset);
		return (long)description->cursor;
	}
	long r = torn_recorder_is_runtime(doing->gate->recorder, description->object) &&
				 request->arg[2] == SEEK_END
			 ? torn_raw(SYS_lseek, request->fd, request->offset, SEEK_SET) /* stat(2): 0 bytes */
			 : torn_raw(SYS_lseek, request->fd, request->offset, request->arg[2]);
	if (r >= 0)
		description->offset = (uint64_t)r;
	return r;
}

/*
 * sendfile, copy_file_range, splice. From a file of the root the kernel does it
 * (with all its refusals) and the log takes the bytes from the tree; from a
 * pipe or a file of the host it is done as a read and a write.
 */
struct copy {
	int from, to;
	int64_t *from_offset, *to_offset;
};

static struct copy copy_of(const struct torn_request *request)
{
	if (request->call == TORN_CALL_sendfile)
		return (struct copy){request->fd, request->fd_to, torn_user(request->arg[2]), NULL};
	return (struct copy){request->fd, request->fd_to, torn_user(request->arg[1]),
			     torn_user(request->arg[3])};
}

/* As much as the kernel moves at once: 2 GiB; here as much as fits. */
#define COPY_BYTES_MAX (64u << 20)

static long copy_call(const struct torn_request *request, uint64_t size)
{
	const uint64_t *arg = request->arg;
	if (request->call == TORN_CALL_sendfile)
		return torn_raw(SYS_sendfile, arg[0], arg[1], arg[2], size);
	return torn_raw(torn_call_row(request->call)->number, arg[0], arg[1], arg[2], arg[3], size, arg[5]);
}

/* Both ends of a copy may share one description: the kernel knows where it stands. */
void torn_gate_follow_offset(struct torn_view *view, int fd)
{
	struct torn_description *description = torn_view_fd(view, fd);
	const long at = torn_raw(SYS_lseek, fd, 0, SEEK_CUR);
	if (description && at >= 0)
		description->offset = (uint64_t)at;
}

/* Between two files of the root. */
static long copy_inside(const struct torn_doing *doing, const struct copy *copy,
			const struct torn_description *from, uint64_t size)
{
	struct torn_op *op = doing->op;
	struct torn_view *view = torn_doing_view(doing);
	const struct torn_node *node = torn_view_node(view, from->object);
	const uint64_t at = copy->from_offset ? (uint64_t)*copy->from_offset : from->offset;
	const uint64_t there = node->size > at ? node->size - at : 0;
	const bool itself = from->object == op->object;
	const uint64_t kept = size < there || itself ? size : there;
	uint8_t *bytes = torn_arena_take(&doing->gate->recorder->arena, kept + 1);
	if (!bytes)
		return -ENOMEM;
	if (doing->request->call == TORN_CALL_copy_file_range &&
	    torn_doing_filesystem(doing, from->object) != torn_doing_filesystem(doing, op->object))
		return -EXDEV; /* generic_copy_file_checks(), fs/read_write.c, since Linux 5.19 */
	torn_node_read(node, at, bytes, kept);
	const long r = copy_call(doing->request, size);
	if (r <= 0)
		return r;
	if (itself) { /* sendfile over itself reads what it has written */
		char path[32];
		snprintf(path, sizeof path, "/proc/self/fd/%d", copy->to);
		const long fd = torn_raw(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			torn_raw(SYS_pread64, fd, bytes, r, op->offset);
		torn_raw(SYS_close, fd);
	}
	op->data = (struct torn_bytes){bytes, (size_t)r};
	torn_gate_follow_offset(view, copy->from);
	torn_gate_follow_offset(view, copy->to);
	return r;
}

static long copy_from_outside(const struct torn_doing *doing, const struct copy *copy, uint64_t size)
{
	struct torn_op *op = doing->op;
	uint8_t *bytes = torn_arena_take(&doing->gate->recorder->arena, size + 1);
	if (!bytes)
		return -ENOMEM;
	const long r = copy->from_offset
			       ? torn_raw(SYS_pread64, copy->from, bytes, size, *copy->from_offset)
			       : torn_raw(SYS_read, copy->from, bytes, size);
	if (r <= 0)
		return r;
	op->data = (struct torn_bytes){bytes, (size_t)r};
	const long written = copy->to_offset ? torn_raw(SYS_pwrite64, copy->to, bytes, r, op->offset)
					     : torn_raw(SYS_write, copy->to, bytes, r);
	if (written < r && !copy->from_offset)
		torn_raw(SYS_lseek, copy->from, (written < 0 ? 0 : written) - r, SEEK_CUR);
	if (written <= 0)
		return written;
	if (copy->from_offset)
		*copy->from_offset += written;
	if (copy->to_offset)
		*copy->to_offset += written;
	torn_gate_follow_offset(torn_doing_view(doing), copy->to);
	return written;
}

long torn_do_copy(const struct torn_doing *doing)
{
	const struct copy copy = copy_of(doing->request);
	struct torn_op *op = doing->op;
	if (doing->limit < op->length)
		op->length = doing->limit;
	if (copy.to_offset)
		op->offset = (uint64_t)*copy.to_offset;
	const uint64_t size = op->length < COPY_BYTES_MAX ? op->length : COPY_BYTES_MAX;
	const struct torn_description *from = torn_view_fd(torn_doing_view(doing), copy.from);
	if (copy.from >= TORN_FD_RESERVED)
		return -EBADF;
	if (!from || from->class == TORN_FD_ROOT)
		return from ? copy_inside(doing, &copy, from, size) : copy_call(doing->request, size);
	return copy_from_outside(doing, &copy, size);
}

static long rewrite(int fd, struct torn_bytes bytes)
{
	long r = torn_raw(SYS_ftruncate, fd, 0);
	if (r == 0)
		r = torn_raw(SYS_pwrite64, fd, bytes.data, bytes.size, 0);
	return r < 0 ? r : (size_t)r < bytes.size ? -ENOSPC : 0;
}

static long put_back(const struct torn_doing *doing, const struct torn_node *file)
{
	uint8_t *bytes = torn_arena_take(&doing->gate->recorder->arena, file->size + 1);
	if (!bytes)
		return -ENOMEM;
	return rewrite(doing->op->fd, (struct torn_bytes){bytes, torn_node_read(file, 0, bytes, file->size)});
}

/* ioctl_ficlone(2): tmpfs has none, so the gate gives what a file system with reflinks would. */
long torn_do_clone(const struct torn_doing *doing)
{
	struct torn_op *op = doing->op;
	struct torn_view *view = torn_doing_view(doing);
	const struct torn_description *to = torn_view_fd(view, op->fd);
	const struct torn_description *from = torn_view_fd(view, (int)doing->request->arg[2]);
	if (!from)
		return -EBADF;
	if (from->class != TORN_FD_ROOT ||
	    torn_doing_filesystem(doing, from->object) != torn_doing_filesystem(doing, to->object))
		return -EXDEV;
	op->object_to = from->object;
	const struct torn_node *source = torn_view_node(view, from->object);
	const struct torn_node *dest = torn_view_node(view, to->object);
	if (source->type == TORN_DIRECTORY || dest->type == TORN_DIRECTORY)
		return -EISDIR;
	if (source->type != TORN_FILE || dest->type != TORN_FILE)
		return -EINVAL;
	if ((to->how & O_ACCMODE) == O_RDONLY || (to->how & O_APPEND) || (from->how & O_ACCMODE) == O_WRONLY)
		return -EBADF;
	if (torn_doing_lacks(doing, to->object, TORN_LACKS_CLONE))
		return -EOPNOTSUPP; /* after the checks above: vfs_clone_file_range() */
	long r = torn_fold_cloned(&doing->gate->recorder->arena, &view->fold, from->object, to->object, &op->data);
	if (r < 0)
		return r;
	r = rewrite(op->fd, op->data);
	/* Half a copy is no clone: where a small disk has no room, nothing is cloned, and what was there is again. */
	if (r < 0 && put_back(doing, dest) < 0)
		torn_recorder_trouble(doing->gate->recorder, TORN_TROUBLE_INCOMPLETE,
				      "what a clone without room was to replace cannot be put back");
	return r;
}

bool torn_ioctl_signals(uint32_t command)
{
	return command == FIOASYNC || command == FIOSETOWN || command == SIOCSPGRP;
}

long torn_do_control(const struct torn_doing *doing)
{
	const struct torn_request *request = doing->request;
	if (request->call == TORN_CALL_fcntl)
		return torn_do_fcntl(doing);
	if (request->call != TORN_CALL_ioctl)
		return torn_raw(torn_call_row(request->call)->number, request->arg[0], request->arg[1],
				request->arg[2], request->arg[3]); /* advice: of no effect on tmpfs */
	if (torn_ioctl_signals(request->how))
		return -EPERM;
	switch (request->how) {
	case FS_IOC_GETFLAGS:
		*(int *)torn_user(request->arg[2]) = 0;
		return 0;
	case FS_IOC_SETFLAGS:
	case FICLONERANGE:
		return -EOPNOTSUPP;
	default:
		return torn_raw(SYS_ioctl, request->fd, request->how, request->arg[2]);
	}
}

long torn_do_truncate(const struct torn_doing *doing)
{
	const struct torn_op *op = doing->op;
	if (!doing->request->has_path)
		return torn_raw(SYS_ftruncate, op->fd, op->length);
	char magic[32];
	snprintf(magic, sizeof magic, "/proc/self/fd/%d", op->fd);
	int dirfd = op->fd >= 0 ? AT_FDCWD : torn_doing_dirfd(doing);
	if (dirfd < 0 && dirfd != AT_FDCWD)
		return dirfd;
	long fd = torn_raw(SYS_openat, dirfd, op->fd >= 0 ? magic : torn_doing_name(doing),
			   O_WRONLY | (op->fd >= 0 ? 0 : O_NOFOLLOW) | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return fd == -ENXIO ? -EINVAL : fd;
	long r = torn_raw(SYS_ftruncate, fd, op->length);
	torn_raw(SYS_close, fd);
	return r;
}

long torn_do_allocate(const struct torn_doing *doing)
{
	const struct torn_op *op = doing->op;
	/* tmpfs takes it from memory, now. */
	if (op->length > ALLOCATION_MAX) {
		torn_recorder_trouble(doing->gate->recorder, TORN_TROUBLE_INCOMPLETE,
				      "allocates %lu MiB at once, which torn does not give", op->length >> 20);
		return -ENOSPC;
	}
	return torn_raw(SYS_fallocate, op->fd, op->how, op->offset, op->length);
}

long torn_do_sync(const struct torn_doing *doing)
{
	const struct torn_request *request = doing->request;
	switch (request->call) {
	case TORN_CALL_fsync:
		return torn_raw(SYS_fsync, request->fd);
	case TORN_CALL_fdatasync:
		return torn_raw(SYS_fdatasync, request->fd);
	case TORN_CALL_msync:
		return torn_raw(SYS_msync, request->arg[0], request->arg[1], request->arg[2]);
	case TORN_CALL_sync_file_range:
		return torn_raw(SYS_sync_file_range, request->fd, request->offset, request->length,
				request->how);
	default:
		/* sync, syncfs: not for real, it would flush the host's disks. */
		return 0;
	}
}

long torn_do_revert(const struct torn_doing *doing)
{
	const struct torn_op *op = doing->op;
	char magic[32];
	snprintf(magic, sizeof magic, "/proc/self/fd/%d", op->fd);
	const long fd = torn_raw(SYS_openat, AT_FDCWD, magic, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return fd;
	const long r = torn_raw(SYS_pwrite64, fd, op->data.data, op->data.size, 0);
	torn_raw(SYS_close, fd);
	return r < 0 ? r : r == (long)op->data.size ? 0 : -EIO;
}
