/*
 * trace_outside.c: calls on what is not below the root: passed on, and looked at only where they change what
 * descriptors mean, what the program says or draws, or the host, which they may not: trace_internal.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace_internal.h"

static bool is_random_device(struct torn_bytes path)
{
	return torn_bytes_equal(path, torn_bytes_of("/dev/urandom")) ||
	       torn_bytes_equal(path, torn_bytes_of("/dev/random"));
}

/* A path outside: what is tried there is worth knowing where it would have changed something. */
enum torn_course torn_trace_pass_path(struct torn_tracer *tracer, struct torn_tracee *tracee,
				  const struct torn_strings *strings)
{
	struct torn_request *request = &tracee->request;
	const struct torn_bytes path = request->kind == TORN_KIND_symlink ? strings->path_to : strings->path;
	bool is_told = false;
	switch (request->kind) {
	case TORN_KIND_open:
		if (torn_bytes_equal(path, torn_bytes_of("/dev/tty"))) {
			torn_trace_note(tracer, TORN_NOTE_TERMINAL, "/dev/tty");
			break;
		}
		if (is_random_device(path))
			is_told = true;
		if ((request->how & O_ACCMODE) != O_RDONLY || (request->how & (O_CREAT | O_TRUNC)))
			is_told = true;
		break;
	case TORN_KIND_chdir:
	case TORN_KIND_rename:
	case TORN_KIND_unlink:
	case TORN_KIND_rmdir:
	case TORN_KIND_link:
	case TORN_KIND_symlink:
	case TORN_KIND_mkdir:
	case TORN_KIND_mknod:
	case TORN_KIND_chmod:
	case TORN_KIND_chown:
	case TORN_KIND_truncate:
		is_told = true;
		break;
	default:
		break;
	}
	/* Beside a whole root there are files of the host's and devices that never have one wait: nobody looks. */
	const bool may_sleep = tracer->alive > 1 && !tracer->tracing.whole;
	if (!is_told)
		return may_sleep ? TORN_COURSE_WAIT : TORN_COURSE_PASS;
	tracee->where = TORN_WHERE_HOST;
	return may_sleep ? TORN_COURSE_WAIT : TORN_COURSE_EXIT;
}

static enum torn_course output(struct torn_tracer *tracer, struct torn_tracee *tracee)
{
	struct torn_bytes bytes;
	int r = torn_trace_take_vector(tracee, &tracee->request);
	if (r == 0)
		r = torn_trace_take_bytes(tracer, tracee, tracee->request.size, &bytes);
	if (r < 0)
		return torn_trace_tell(tracee, r);
	const int stream = torn_view_fd(torn_trace_view(tracer), tracee->request.fd)->stream; /* a copy has another number */
	torn_recorder_output(tracer->recorder, tracee->request.call, stream, bytes);
	return torn_trace_tell(tracee, (long)bytes.size);
}

static enum torn_course from_random(struct torn_tracer *tracer, struct torn_tracee *tracee)
{
	struct torn_request *request = &tracee->request;
	uint8_t bytes[4096];
	const size_t size = request->size < sizeof bytes ? request->size : sizeof bytes;
	torn_recorder_random(tracer->recorder, bytes, size);
	return torn_trace_tell(tracee, torn_tracee_write(tracee, request->buffer, bytes, size) ? (long)size : -EFAULT);
}

static bool is_file_outside(const struct torn_tracee *tracee, int fd)
{
	char name[64];
	struct stat status;
	snprintf(name, sizeof name, "/proc/%d/fd/%d", tracee->tid, fd);
	return stat(name, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
}

/* Only what is no file of a disk's has a reader wait. To find out is cheaper than to watch it. */
static bool never_sleeps(const struct torn_tracee *tracee)
{
	switch (tracee->request.kind) {
	case TORN_KIND_stat:
	case TORN_KIND_seek:
	case TORN_KIND_readdir:
		return true;
	case TORN_KIND_read:
		return is_file_outside(tracee, tracee->request.fd);
	default:
		return false;
	}
}

/* A descriptor that is not the root's. */
enum torn_course torn_trace_pass_descriptor(struct torn_tracer *tracer, struct torn_tracee *tracee,
					enum torn_fd_class class)
{
	struct torn_request *request = &tracee->request;
	struct torn_view *view = torn_trace_view(tracer);
	if (class == TORN_FD_OUTPUT && request->kind == TORN_KIND_write)
		return output(tracer, tracee);
	if (class == TORN_FD_RANDOM && request->kind == TORN_KIND_read && !request->iov)
		return from_random(tracer, tracee);
	switch (request->kind) {
	case TORN_KIND_close:
		if (class != TORN_FD_CLOSED)
			torn_view_close(view, request->fd); /* it is closed whatever the kernel says */
		tracer->may_have_woken = true;
		return TORN_COURSE_PASS;
	case TORN_KIND_duplicate:
		if (class == TORN_FD_CLOSED && !torn_view_fd(view, request->fd_to))
			return TORN_COURSE_PASS;
		tracee->where = TORN_WHERE_PASS;
		return TORN_COURSE_EXIT;
	case TORN_KIND_control:
		if (class == TORN_FD_CLOSED) {
			if (request->call == TORN_CALL_ioctl && request->how == TCGETS && request->fd <= 2)
				torn_trace_note(tracer, TORN_NOTE_TERMINAL, "standard input or output");
			return torn_trace_pass(tracer);
		}
		if (request->call == TORN_CALL_ioctl && request->how == TCGETS)
			torn_trace_note(tracer, TORN_NOTE_TERMINAL, "standard output");
		if (request->call != TORN_CALL_fcntl)
			return torn_trace_pass(tracer);
		tracee->where = TORN_WHERE_PASS;
		return TORN_COURSE_EXIT;
	case TORN_KIND_chdir: /* fchdir to a directory outside */
		tracee->where = TORN_WHERE_HOST;
		return TORN_COURSE_EXIT;
	case TORN_KIND_copy: /* to a pipe or an output; what is the root's moves on */
		tracee->where = TORN_WHERE_PASS;
		return TORN_COURSE_WAIT;
	case TORN_KIND_sync:
		/* Of another file system it would only take time. What cannot be synced, the kernel says. */
		return is_file_outside(tracee, request->fd) ? torn_trace_tell(tracee, 0) : torn_trace_pass(tracer);
	default:
		tracer->may_have_woken |= request->kind == TORN_KIND_write;
		if (tracer->tracing.whole && never_sleeps(tracee))
			return TORN_COURSE_PASS;
		return torn_trace_pass(tracer);
	}
}

/* /dev/stdout, /proc/self/fd/1 and what leads there is the program's output by another name. */
static void opened_output(struct torn_tracer *tracer, const struct torn_tracee *tracee, int fd)
{
	char name[64];
	struct stat opened, ours;
	snprintf(name, sizeof name, "/proc/%d/fd/%d", tracee->tid, fd);
	if (stat(name, &opened) != 0 || !S_ISFIFO(opened.st_mode))
		return;
	for (int i = 0; i < 2; i++) {
		const struct torn_description output = {
			.class = TORN_FD_OUTPUT, .how = O_WRONLY, .stream = i + 1};
		if (fstat(tracer->output_fds[i][0], &ours) == 0 && ours.st_ino == opened.st_ino &&
		    ours.st_dev == opened.st_dev)
			torn_view_open(torn_trace_view(tracer), fd, &output);
	}
}

static bool may_be_output(const char *path)
{
	return strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0;
}

/* A call that is no op, and that changed what descriptors or the working directory are. */
void torn_trace_take_passed(struct torn_tracer *tracer, struct torn_tracee *tracee, long result)
{
	const struct torn_request *request = &tracee->request;
	struct torn_view *view = torn_trace_view(tracer);
	if (tracee->where == TORN_WHERE_HOST) {
		char text[160] = "";
		if (request->has_path || request->kind == TORN_KIND_symlink)
			text[torn_tracee_read(tracee, request->kind == TORN_KIND_symlink ? request->path_to : request->path,
					      text, sizeof text - 1)] = '\0';
		if (request->kind == TORN_KIND_chdir && result == 0)
			tracee->place->cwd = 0;
		else if (request->kind == TORN_KIND_open && result >= 0 && is_random_device(torn_bytes_of(text)))
			torn_view_open(view, (int)result, &(struct torn_description){.class = TORN_FD_RANDOM});
		else if (request->kind == TORN_KIND_open && result >= 0 && may_be_output(text))
			opened_output(tracer, tracee, (int)result);
		else if (result == -EROFS || result == -EACCES || result == -EPERM)
			torn_trace_note(tracer, TORN_NOTE_OUTSIDE, text);
		return;
	}
	switch (request->kind) {
	case TORN_KIND_duplicate:
		if (result >= 0)
			torn_trace_duplicated(tracer, tracee, (int)result);
		break;
	case TORN_KIND_control:
		torn_trace_controlled(tracer, tracee, result);
		break;
	case TORN_KIND_copy:
		torn_trace_follow_offset(tracer, tracee, request->fd);
		torn_trace_drain(tracer);
		break;
	default:
		break;
	}
}

void torn_trace_drain(struct torn_tracer *tracer)
{
	for (int i = 0; i < 2; i++) {
		struct pollfd ready = {.fd = tracer->output_fds[i][0], .events = POLLIN};
		while (poll(&ready, 1, 0) == 1 && (ready.revents & POLLIN)) {
			uint8_t bytes[4096];
			const ssize_t size = read(ready.fd, bytes, sizeof bytes);
			if (size <= 0)
				break;
			torn_recorder_output(tracer->recorder, TORN_CALL_write, i + 1,
					     (struct torn_bytes){bytes, (size_t)size});
		}
	}
}
