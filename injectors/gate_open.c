/* gate_open.c: descriptors that a target opens, duplicates, locks and closes. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>

#include "gate_files.h"

/* ---------------------------------------------------------------- opening */

static long track(const struct torn_doing *doing, long fd)
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
	int r = torn_view_open(torn_doing_view(doing), (int)fd, &description);
	if (r < 0)
		torn_raw(SYS_close, fd);
	doing->op->fd = r < 0 ? -1 : (int)fd;
	return r < 0 ? r : fd;
}

static long wait_for_ever(const struct torn_doing *doing)
{
	if (!doing->interrupted)
		torn_gate_die(doing->gate, TORN_HUNG, 0);
	return -EINTR;
}

/* Nobody is there to open the other end of a FIFO: fifo(7). Refusals come first: ENOTDIR, EEXIST. */
static bool would_wait_for_ever(const struct torn_doing *doing)
{
	const uint32_t how = doing->op->how;
	const struct torn_node *node = torn_view_node(torn_doing_view(doing), doing->op->object);
	const bool is_refused = (how & O_DIRECTORY) || (how & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
	return node && node->type == TORN_FIFO && !is_refused && !(how & (O_NONBLOCK | O_PATH)) &&
	       (how & O_ACCMODE) != O_RDWR;
}

long torn_do_open(const struct torn_doing *doing)
{
	struct torn_op *op = doing->op;
	if (!torn_view_has_room(&doing->gate->recorder->view))
		return -EMFILE; /* before anything is made: open(2) */
	if (would_wait_for_ever(doing))
		return wait_for_ever(doing);
	if (!op->name.data && (op->flags & TORN_OP_CREATES) &&
	    torn_doing_lacks(doing, op->dir, TORN_LACKS_TMPFILE))
		return -EOPNOTSUPP; /* vfs_tmpfile() */
	if (op->flags & TORN_OP_CREATES)
		op->object = torn_doing_view(doing)->fold.count + 1;
	if (op->object && !op->name.data && op->fd >= 0) { /* by its name below /proc */
		char path[32];
		snprintf(path, sizeof path, "/proc/self/fd/%d", op->fd);
		return track(doing, torn_raw(SYS_openat, AT_FDCWD, path, op->how, 0));
	}
	int dirfd = torn_doing_dirfd(doing);
	if (dirfd < 0)
		return dirfd;
	const char *name = op->name.data ? torn_doing_name(doing) : "."; /* O_TMPFILE: the directory */
	long fd = torn_raw(SYS_openat, dirfd, name, op->how | (op->name.data ? O_NOFOLLOW : 0),
			   op->flags & TORN_OP_CREATES ? torn_doing_mode(doing) : 0);
	return track(doing, fd);
}

long torn_do_close(const struct torn_doing *doing)
{
	long r = torn_raw(SYS_close, doing->request->fd);
	torn_view_close(torn_doing_view(doing), doing->request->fd);
	return r;
}

static long duplicated(const struct torn_doing *doing, long fd)
{
	if (fd < 0)
		return fd;
	int r = torn_view_duplicate(torn_doing_view(doing), doing->request->fd, (int)fd);
	if (r < 0)
		torn_raw(SYS_close, fd);
	return r < 0 ? r : fd;
}

long torn_do_duplicate(const struct torn_doing *doing)
{
	const struct torn_request *request = doing->request;
	if (request->call == TORN_CALL_dup)
		return duplicated(doing, torn_raw(SYS_dup, request->fd));
	if (request->call == TORN_CALL_dup3 &&
	    (request->how & ~(uint32_t)O_CLOEXEC || request->fd == request->fd_to))
		return -EINVAL;
	if (request->fd_to < 0 || request->fd_to >= TORN_FD_RESERVED)
		return -EBADF;
	if (request->call == TORN_CALL_dup2)
		return duplicated(doing, torn_raw(SYS_dup2, request->fd, request->fd_to));
	return duplicated(doing, torn_raw(SYS_dup3, request->fd, request->fd_to, request->how));
}

long torn_do_fcntl(const struct torn_doing *doing)
{
	const struct torn_request *request = doing->request;
	struct torn_description *description = torn_view_fd(torn_doing_view(doing), request->fd);
	const uint64_t argument = request->arg[2];
	switch (request->how) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		if (argument >= TORN_FD_RESERVED)
			return -EINVAL;
		return duplicated(doing, torn_raw(SYS_fcntl, request->fd, request->how, argument));
	case F_GETFL:
		/* As passed: the gate itself adds O_NOFOLLOW for the kernel. */
		return (long)(description->how & ~(uint32_t)(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC |
							      O_CLOEXEC)) |
		       (description->how & O_PATH ? 0 : 0100000 /* O_LARGEFILE */);
	case F_SETOWN:
	case F_SETOWN_EX:
	case F_SETSIG:
	case F_NOTIFY:
	case F_SETLEASE:
		/* The kernel would signal any process of our user: fcntl(2), sigio_perm(). */
		return -EPERM;
	case F_SETFL: {
		if (argument & O_ASYNC)
			return -EPERM;
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
			return wait_for_ever(doing); /* held by itself */
		return r;
	}
	default:
		return torn_raw(SYS_fcntl, request->fd, request->how, argument);
	}
}

long torn_do_flock(const struct torn_doing *doing)
{
	const struct torn_request *request = doing->request;
	long r = torn_raw(SYS_flock, request->fd, request->how | LOCK_NB);
	if (r == -EWOULDBLOCK && !(request->how & LOCK_NB))
		return wait_for_ever(doing); /* only its own other descriptor can hold it */
	return r;
}
