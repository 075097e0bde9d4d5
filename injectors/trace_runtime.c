/*
 * trace_runtime.c: calls on what the kernel keeps, answered from the tree as gate_runtime.c does it: trace_internal.h.
 * Only where the root is whole: else the kernel is the machine's.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "points.h"
#include "trace_internal.h"

/* Put an op's data in the place of a file's whole content. Returns 0 or -errno. */
static long put_content(struct torn_tracer *tracer, const struct torn_op *op)
{
	const struct torn_bytes path = torn_view_object_path(torn_trace_view(tracer), op->object);
	char name[TORN_PATH_MAX + 256];
	snprintf(name, sizeof name, "%s/%.*s", tracer->tracing.root_path, (int)path.size, (const char *)path.data);
	const int fd = open(name, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	const ssize_t written = pwrite(fd, op->data.data, op->data.size, 0);
	const long r = written < 0 ? -errno : written == (ssize_t)op->data.size ? 0 : -EIO;
	close(fd);
	return r;
}

/* The write that moves a descriptor's offset was not performed: pidfd_getfd(2) gives the same description. */
static void move_on(const struct torn_tracee *tracee, int fd, uint64_t offset)
{
	const int process = (int)syscall(SYS_pidfd_open, tracee->tgid, 0);
	const int here = process < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, process, fd, 0);
	if (here >= 0) {
		lseek(here, (off_t)offset, SEEK_SET);
		close(here);
	}
	if (process >= 0)
		close(process);
}

/* By a descriptor of a file. What is told is what was asked for: the kernel takes it whole. */
static long write_content(struct torn_tracer *tracer, const struct torn_tracee *tracee, struct torn_op *op)
{
	struct torn_description *description = torn_view_fd(torn_trace_view(tracer), op->fd);
	if ((description->how & O_ACCMODE) == O_RDONLY)
		return -EBADF;
	bool moves = false;
	const long told = torn_recorder_write_runtime(tracer->recorder, op, &moves);
	if (told < 0)
		return told;
	const long r = put_content(tracer, op);
	if (r < 0)
		return r;
	if (moves && !tracee->request.has_offset) {
		description->offset += (uint64_t)told;
		move_on(tracee, op->fd, description->offset);
	}
	return told;
}

/* One message a call, what does not fit is dropped: netlink(7), recv(2) MSG_TRUNC, MSG_PEEK. */
static long receive(struct torn_tracer *tracer, const struct torn_tracee *tracee)
{
	const struct torn_request *request = &tracee->request;
	struct torn_bytes *replies = &tracer->recorder->replies;
	struct nlmsghdr header;
	if (replies->size == 0) {
		if (!(request->how & MSG_DONTWAIT))
			torn_trace_end(tracer, TORN_HUNG, TORN_HANG_WAITS);
		return -EAGAIN;
	}
	memcpy(&header, replies->data, sizeof header);
	const size_t part = request->size < header.nlmsg_len ? request->size : header.nlmsg_len;
	if (!torn_tracee_write(tracee, request->buffer, replies->data, part))
		return -EFAULT;
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	socklen_t size = 0;
	if (request->arg[4] && torn_tracee_read(tracee, request->arg[5], &size, sizeof size) == sizeof size) {
		torn_tracee_write(tracee, request->arg[4], &kernel, size < sizeof kernel ? size : sizeof kernel);
		size = sizeof kernel;
		torn_tracee_write(tracee, request->arg[5], &size, sizeof size);
	}
	if (!(request->how & MSG_PEEK)) {
		const size_t whole = NLMSG_ALIGN(header.nlmsg_len);
		const size_t gone = whole < replies->size ? whole : replies->size;
		*replies = (struct torn_bytes){replies->data + gone, replies->size - gone};
	}
	return request->how & MSG_TRUNC ? (long)header.nlmsg_len : (long)part;
}

/* No socket of the kernel's: one that nobody else has, for its number. */
static void make_local(struct torn_tracee *tracee)
{
	struct user_regs_struct registers = tracee->registers;
	registers.rdi = AF_UNIX;
	registers.rsi = SOCK_DGRAM | (registers.rsi & (SOCK_CLOEXEC | SOCK_NONBLOCK));
	registers.rdx = 0;
	tracee->changed = true;
	torn_tracee_set(tracee, &registers);
}

/* A sysctl has no size to cut, and none is made: the op's flags say so, the file on disk would have them. */
static void open_harmlessly(struct torn_tracee *tracee, const struct torn_op *op)
{
	struct user_regs_struct registers = tracee->registers;
	switch (op->call) {
	case TORN_CALL_open:
		registers.rsi = op->how;
		break;
	case TORN_CALL_creat: /* the same as open(2) with these flags */
		registers.orig_rax = (unsigned long long)torn_call_row(TORN_CALL_open)->number;
		registers.rsi = op->how;
		registers.rdx = 0;
		break;
	case TORN_CALL_openat:
		registers.rdx = op->how;
		break;
	default:
		return;
	}
	tracee->changed = true;
	torn_tracee_set(tracee, &registers);
}

static bool is_own_call(const struct torn_op *op)
{
	return torn_call_row(op->call)->class == TORN_CLASS_RUNTIME;
}

static long answer(struct torn_tracer *tracer, const struct torn_tracee *tracee, struct torn_op *op)
{
	switch (op->call) {
	case TORN_CALL_bind:
		return 0;
	case TORN_CALL_recvfrom:
		return receive(tracer, tracee);
	case TORN_CALL_sendto: {
		const long r = put_content(tracer, op);
		return r < 0 ? r : (long)tracee->request.size;
	}
	default:
		return is_own_call(op) ? put_content(tracer, op) : write_content(tracer, tracee, op);
	}
}

bool torn_trace_serve(struct torn_tracer *tracer, struct torn_tracee *tracee, struct torn_op *op)
{
	if (op->kind == TORN_KIND_open) {
		open_harmlessly(tracee, op);
		return false;
	}
	if (op->call == TORN_CALL_socket) {
		make_local(tracee);
		return false;
	}
	if (op->kind == TORN_KIND_truncate) { /* it has the size that it had */
		op->result = op->told = 0;
		return true;
	}
	if (op->kind == TORN_KIND_read && op->length == 0) { /* a number is read whole */
		op->result = op->told = 0;
		return true;
	}
	if (op->kind != TORN_KIND_runtime)
		return false;
	op->result = op->told = answer(tracer, tracee, op);
	return true;
}

static int take_message(struct torn_tracer *tracer, const struct torn_tracee *tracee, struct torn_strings *strings)
{
	const struct torn_request *request = &tracee->request;
	if (request->call != TORN_CALL_sendto)
		return 0;
	if (request->size > TORN_PATH_MAX * 4)
		return -EMSGSIZE;
	uint8_t *bytes = torn_arena_take(&tracer->recorder->arena, request->size + 1);
	if (!bytes)
		return -ENOMEM;
	strings->text = (struct torn_bytes){bytes, request->size};
	return torn_tracee_read(tracee, request->buffer, bytes, request->size) == request->size ? 0 : -EFAULT;
}

bool torn_trace_runtime(struct torn_tracer *tracer, struct torn_tracee *tracee, enum torn_course *ret_course)
{
	struct torn_strings strings;
	struct torn_op op;
	if (!tracer->tracing.whole || tracer->run->unwatched)
		return false;
	const size_t mark = torn_arena_mark(&tracer->recorder->arena);
	torn_trace_enter_view(tracer, tracee);
	int r = torn_trace_take_strings(tracer, tracee, &strings);
	if (r == 0)
		r = take_message(tracer, tracee, &strings);
	if (r < 0) {
		*ret_course = torn_trace_tell(tracee, r);
		return true;
	}
	if (torn_recorder_locate_runtime(tracer->recorder, &tracee->request, &strings, &op) == TORN_WHERE_PASS) {
		torn_view_moved(torn_trace_view(tracer));
		torn_arena_return(&tracer->recorder->arena, mark);
		return false;
	}
	tracee->where = op.result < 0 ? TORN_WHERE_ERROR : TORN_WHERE_ROOT;
	*ret_course = tracer->yields ? TORN_COURSE_YIELD : torn_trace_number(tracer, tracee, &op);
	return true;
}

static enum torn_course number_point(struct torn_tracer *tracer, struct torn_tracee *tracee, struct torn_bytes name)
{
	struct torn_op op = {.call = TORN_CALL_point, .kind = TORN_KIND_point, .fd = -1, .name = name, .path = name};
	return tracer->yields ? TORN_COURSE_YIELD : torn_trace_number(tracer, tracee, &op);
}

enum torn_course torn_trace_point(struct torn_tracer *tracer, struct torn_tracee *tracee)
{
	struct torn_bytes name;
	torn_trace_enter_view(tracer, tracee);
	const int r = torn_tracee_string(tracee, tracee->request.text, &tracer->recorder->arena, &name);
	if (r == 0 && torn_bytes_equal(name, torn_bytes_of(TORN_POINT_RETURNED)))
		torn_trace_settle(tracer, tracee);
	else if (r == 0 && !tracer->run->unwatched)
		return number_point(tracer, tracee, name);
	return torn_trace_tell(tracee, r);
}
