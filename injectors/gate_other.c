/*
 * gate_other.c: calls on what is no file of the root: stdin, stdout and stderr,
 * pipes, rings, /dev/null, virtual randomness, and the files that libc and the loader
 * read on their own account. None of them is numbered.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>

#include "gate_files.h"
#include "gate_mapping.h"
#include "gate_uring.h"

static long pass(const struct torn_request *request)
{
	return torn_raw6(torn_call_row(request->call)->number, (long)request->arg[0],
			 (long)request->arg[1], (long)request->arg[2], (long)request->arg[3],
			 (long)request->arg[4], (long)request->arg[5]);
}

/* By a jump no signal waits: SIGPIPE's handler would run while the gate is open. */
static long pass_without_sigpipe(struct torn_gate *gate, const struct torn_request *request)
{
	const uint64_t pipe = UINT64_C(1) << (SIGPIPE - 1);
	const struct timespec now = {0, 0};
	uint64_t before;
	torn_raw(SYS_rt_sigprocmask, SIG_BLOCK, &pipe, &before, sizeof pipe);
	const long r = pass(request);
	if (r == -EPIPE && !(before & pipe) &&
	    torn_raw(SYS_rt_sigtimedwait, &pipe, NULL, &now, sizeof pipe) == SIGPIPE)
		gate->signal_pending = SIGPIPE;
	torn_raw(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, sizeof before);
	return r;
}

/*
 * torn's own descriptors are not there for the target, and none is below 0 (the
 * f... calls take AT_FDCWD for the working directory since Linux 6.13, which
 * here is torn's): the kernel is asked about -1 and says what it says.
 */
static void hide_reserved(struct torn_request *request)
{
	const char *signature = torn_call_row(request->call)->signature;
	for (int i = 0; signature[i]; i++) {
		const int fd = (int)request->arg[i];
		if (strchr("fgdD", signature[i]) && (fd >= TORN_FD_RESERVED || fd < 0))
			request->arg[i] = (uint64_t)-1;
	}
	if (request->fd >= TORN_FD_RESERVED)
		request->fd = -1;
	if (request->dirfd >= TORN_FD_RESERVED)
		request->dirfd = -1;
}

/* Then the kernel may be asked: it says EBADF, or what it finds wrong before that. */
static bool is_closed(struct torn_view *view, const struct torn_request *request)
{
	if (request->path && *(const char *)torn_user(request->path) != '\0')
		return false; /* a name below /proc */
	return !torn_view_fd(view, request->has_path ? request->dirfd : request->fd);
}

/*
 * /dev/null is opened for the target by duplicating torn's own (Landlock lets
 * nobody write to the host's), and stands in for /dev/urandom, whose reads are
 * answered here.
 */
static long open_other(struct torn_view *view, const struct torn_request *request,
		       enum torn_fd_class class)
{
	const bool is_null = class == TORN_FD_RANDOM ||
			     strcmp(torn_user(request->path), "/dev/null") == 0;
	const long fd = is_null ? torn_raw(SYS_fcntl, TORN_FD_NULL,
					   request->how & O_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD, 0)
				: torn_raw(SYS_openat, AT_FDCWD, request->path,
					   request->how & ~(uint32_t)(O_CREAT | O_TRUNC | O_EXCL));
	const struct torn_description description = {.class = class, .how = request->how};
	if (fd >= 0 && torn_view_open(view, (int)fd, &description) < 0) {
		torn_raw(SYS_close, fd);
		return -EMFILE;
	}
	return fd;
}

/* There is no socket behind it: what is not answered in gate_runtime.c would be told nonsense. */
static bool is_lost_on_audit(struct torn_view *view, const struct torn_request *request)
{
	const struct torn_description *from = torn_view_fd(view, request->fd);
	const struct torn_description *to = torn_view_fd(view, request->fd_to);
	const bool is_audit = (from && from->class == TORN_FD_AUDIT) ||
			      (to && to->class == TORN_FD_AUDIT && request->kind == TORN_KIND_copy);
	return is_audit && request->kind != TORN_KIND_close && request->kind != TORN_KIND_duplicate &&
	       request->call != TORN_CALL_fcntl;
}

/* stdin, pipes, /dev/null, the loader's files: performed as it is, descriptors kept track of. */
static long other(struct torn_gate *gate, struct torn_request *request, enum torn_fd_class class)
{
	struct torn_view *view = &gate->recorder->view;
	const struct torn_doing doing = {.gate = gate, .request = request};
	hide_reserved(request);
	long told;
	if (torn_uring_file(gate, request, &told))
		return told;
	if (is_lost_on_audit(view, request)) {
		torn_recorder_trouble(gate->recorder, TORN_TROUBLE_INCOMPLETE,
				      "%s on a socket of the kernel's audit, which is not modelled",
				      torn_call_name(request->call));
		return -EOPNOTSUPP;
	}
	/*
	 * By a descriptor or a /proc name of something that is not the root's, these
	 * would reach the host: a name in its directories, the mode or owner of a file
	 * that libc opened. Landlock stops some of them, and none of the last four.
	 */
	switch (request->kind) {
	case TORN_KIND_rename:
	case TORN_KIND_link:
		return is_closed(view, request) ? pass(request) : -EXDEV;
	case TORN_KIND_chmod:
	case TORN_KIND_chown:
	case TORN_KIND_utime:
	case TORN_KIND_setxattr:
		return is_closed(view, request) ? pass(request) : -EPERM;
	default:
		break;
	}
	switch (request->kind) {
	case TORN_KIND_map:
		return torn_gate_map_other(gate, request);
	case TORN_KIND_open:
		return open_other(view, request, class);
	case TORN_KIND_copy: { /* from a file of the root to a pipe or an output */
		const long r = gate->by_jump ? pass_without_sigpipe(gate, request) : pass(request);
		torn_gate_follow_offset(view, request->fd);
		return r;
	}
	case TORN_KIND_close:
		return torn_do_close(&doing);
	case TORN_KIND_duplicate:
		return torn_do_duplicate(&doing);
	case TORN_KIND_control:
		if (request->call == TORN_CALL_fcntl && torn_view_fd(view, request->fd))
			return torn_do_fcntl(&doing);
		if (request->call == TORN_CALL_ioctl && torn_ioctl_signals(request->how))
			return -EPERM;
		return pass(request);
	case TORN_KIND_sync:
		if (request->call != TORN_CALL_syncfs)
			return pass(request);
		return torn_view_fd(view, request->fd) ? 0 : -EBADF;
	case TORN_KIND_write:
		return gate->by_jump ? pass_without_sigpipe(gate, request) : pass(request);
	default:
		return pass(request);
	}
}

/* A file that libc looks for on its own account. What would differ by host is left absent. */
static long host_file(struct torn_gate *gate, struct torn_request *request)
{
	if (torn_path_is_absent(torn_bytes_of(torn_user(request->path))))
		return -ENOENT;
	return other(gate, request, TORN_FD_OTHER);
}

static long output(struct torn_gate *gate, struct torn_request *request)
{
	if (request->kind != TORN_KIND_write)
		return other(gate, request, TORN_FD_OUTPUT);
	struct torn_op op = {.length = request->size};
	int r = torn_doing_gather(gate, request, &op);
	if (r < 0)
		return r;
	torn_recorder_output(gate->recorder, request->call, request->fd, op.data);
	return (long)op.data.size;
}

static long from_random(struct torn_gate *gate, struct torn_request *request)
{
	if (request->kind != TORN_KIND_read || request->iov_count)
		return other(gate, request, TORN_FD_RANDOM);
	torn_recorder_random(gate->recorder, torn_user(request->buffer), request->size);
	return (long)request->size;
}

long torn_gate_other(struct torn_gate *gate, struct torn_request *request, enum torn_where where)
{
	switch (where) {
	case TORN_WHERE_OUTPUT:
		return output(gate, request);
	case TORN_WHERE_RANDOM:
		return from_random(gate, request);
	case TORN_WHERE_HOST:
		return host_file(gate, request);
	default:
		return other(gate, request, TORN_FD_OTHER);
	}
}
