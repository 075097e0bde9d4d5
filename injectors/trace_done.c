/*
 * trace_done.c: a call on a file after the kernel performed it: what the view and the log take from it, and what
 * the program is told: trace_internal.h.
 *
 * What the kernel says is the truth: where the log's tree would have it otherwise, torn has failed. Only what
 * differs from machine to machine is told from the tree: inode numbers, times.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "look.h"
#include "trace_internal.h"

/* Where the kernel has a descriptor's offset: for those who moved it unseen. */
void torn_trace_follow_offset(struct torn_tracer *tracer, const struct torn_tracee *tracee, int fd)
{
	struct torn_description *description = torn_view_fd(torn_trace_view(tracer), fd);
	char file[32], text[256];
	unsigned long long offset;
	snprintf(file, sizeof file, "fdinfo/%d", fd);
	if (description && description->class == TORN_FD_ROOT &&
	    torn_tracee_proc(tracee, file, text, sizeof text) && sscanf(text, "pos: %llu", &offset) == 1)
		description->offset = offset;
}

/* What stands in a file now, as the kernel has it: for bytes that came from no memory of the program's. */
static int read_back(struct torn_tracer *tracer, const struct torn_tracee *tracee, int fd, uint64_t offset,
		     uint64_t size, struct torn_bytes *ret_bytes)
{
	char name[64];
	snprintf(name, sizeof name, "/proc/%d/fd/%d", tracee->tid, fd);
	uint8_t *bytes = torn_arena_take(&tracer->recorder->arena, size + 1);
	if (!bytes) {
		torn_trace_no_room(tracer);
		return -ENOMEM;
	}
	const int here = open(name, O_RDONLY | O_CLOEXEC);
	if (here < 0)
		return -errno;
	const ssize_t got = pread(here, bytes, size, (off_t)offset);
	close(here);
	*ret_bytes = (struct torn_bytes){bytes, got < 0 ? 0 : (size_t)got};
	return got == (ssize_t)size ? 0 : -EIO;
}

static void opened(struct torn_tracer *tracer, struct torn_tracee *tracee, int fd)
{
	struct torn_op *op = tracee->op;
	const struct torn_description description = {
		.class = TORN_FD_ROOT,
		.object = op->object,
		.how = op->how,
		.op = op->number,
		.path = op->path,
	};
	op->fd = fd;
	if (torn_view_open(torn_trace_view(tracer), fd, &description) < 0)
		torn_trace_no_room(tracer);
	else
		torn_trace_view(tracer)->fds->is_closed_by_exec[fd] = op->how & O_CLOEXEC;
}

void torn_trace_duplicated(struct torn_tracer *tracer, const struct torn_tracee *tracee, int fd)
{
	const struct torn_request *request = &tracee->request;
	struct torn_view *view = torn_trace_view(tracer);
	if (fd == request->fd)
		return;
	if (!torn_view_fd(view, request->fd))
		torn_view_close(view, fd); /* what was there is closed, and what is there now is not followed */
	else if (torn_view_duplicate(view, request->fd, fd) == 0)
		view->fds->is_closed_by_exec[fd] =
			(request->call == TORN_CALL_dup3 && (request->how & O_CLOEXEC)) ||
			(request->call == TORN_CALL_fcntl && request->how == F_DUPFD_CLOEXEC);
}

void torn_trace_controlled(struct torn_tracer *tracer, const struct torn_tracee *tracee, long result)
{
	const struct torn_request *request = &tracee->request;
	struct torn_view *view = torn_trace_view(tracer);
	if (request->call != TORN_CALL_fcntl || result < 0)
		return;
	switch (request->how) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		torn_trace_duplicated(tracer, tracee, (int)result);
		break;
	case F_SETFD:
		view->fds->is_closed_by_exec[request->fd] = request->arg[2] & FD_CLOEXEC;
		break;
	case F_SETFL: {
		const uint32_t settable = O_APPEND | O_NONBLOCK | O_NOATIME | O_DIRECT;
		struct torn_description *description = torn_view_fd(view, request->fd);
		if (!description)
			break; /* a pipe */
		description->how = (description->how & ~settable) | ((uint32_t)request->arg[2] & settable);
		break;
	}
	default:
		break;
	}
}

/* Inode numbers and times are other ones in each run. What the kernel knows better is left. */
static void retell_stat(struct torn_tracer *tracer, const struct torn_tracee *tracee, torn_object object)
{
	const struct torn_request *request = &tracee->request;
	struct torn_view *view = torn_trace_view(tracer);
	union {
		struct stat plain;
		struct statx extended;
		struct statfs system;
	} real, virtual;
	if (request->call == TORN_CALL_statfs || request->call == TORN_CALL_fstatfs) {
		torn_look_statfs(&virtual.system);
		torn_tracee_write(tracee, request->buffer, &virtual.system, sizeof virtual.system);
		return;
	}
	if (!torn_fold_object(&view->fold, object))
		return;
	const size_t size = request->call == TORN_CALL_statx ? sizeof real.extended : sizeof real.plain;
	if (torn_tracee_read(tracee, request->buffer, &real, size) != size)
		return;
	if (request->call == TORN_CALL_statx) {
		torn_look_statx(view, object, &virtual.extended);
		virtual.extended.stx_mask = real.extended.stx_mask & STATX_BASIC_STATS;
		virtual.extended.stx_mode = real.extended.stx_mode;
		if (!tracer->tracing.whole) {
			virtual.extended.stx_uid = real.extended.stx_uid;
			virtual.extended.stx_gid = real.extended.stx_gid;
		}
	} else {
		torn_look_stat(view, object, &virtual.plain);
		virtual.plain.st_mode = real.plain.st_mode;
		if (!tracer->tracing.whole) {
			virtual.plain.st_uid = real.plain.st_uid;
			virtual.plain.st_gid = real.plain.st_gid;
		}
	}
	torn_tracee_write(tracee, request->buffer, &virtual, size);
}

/* The kernel ended an op: let the view and the log have it. */
static void take_result(struct torn_tracer *tracer, struct torn_tracee *tracee, long result)
{
	struct torn_op *op = tracee->op;
	struct torn_view *view = torn_trace_view(tracer);
	const struct torn_request *request = &tracee->request;
	struct torn_description *description = torn_view_fd(view, request->fd);
	const bool own_offset = !request->has_offset ||
				((request->call == TORN_CALL_preadv2 || request->call == TORN_CALL_pwritev2) &&
				 request->offset == UINT64_MAX);
	switch (op->kind) {
	case TORN_KIND_open:
		if (result >= 0 && (op->flags & TORN_OP_CREATES))
			op->object = view->fold.count + 1;
		if (result >= 0)
			opened(tracer, tracee, (int)result);
		break;
	case TORN_KIND_runtime: /* socket(2): all others are told */
		op->fd = (int)result;
		if (result >= 0 && torn_view_open(view, (int)result,
						  &(struct torn_description){.class = TORN_FD_AUDIT, .how = O_RDWR}) < 0)
			torn_trace_no_room(tracer);
		break;
	case TORN_KIND_mkdir:
	case TORN_KIND_mknod:
	case TORN_KIND_symlink:
		if (result == 0)
			op->object = view->fold.count + 1;
		break;
	case TORN_KIND_close:
		if (result != -EBADF)
			torn_view_close(view, request->fd);
		break;
	case TORN_KIND_read:
		if (result > 0 && own_offset)
			description->offset += (uint64_t)result;
		break;
	case TORN_KIND_write:
		if (result > 0 && own_offset)
			description->offset = op->offset + (uint64_t)result;
		break;
	case TORN_KIND_seek:
		if (result >= 0)
			description->offset = (uint64_t)result;
		break;
	case TORN_KIND_copy:
		if (result > 0 && read_back(tracer, tracee, op->fd, op->offset, (uint64_t)result, &op->data) < 0)
			torn_recorder_trouble(tracer->recorder, TORN_TROUBLE_INCOMPLETE,
					      "the bytes that %s moved cannot be read back",
					      torn_call_name(op->call));
		torn_trace_follow_offset(tracer, tracee, request->fd);
		torn_trace_follow_offset(tracer, tracee, request->fd_to);
		break;
	case TORN_KIND_duplicate:
		if (result >= 0)
			torn_trace_duplicated(tracer, tracee, (int)result);
		break;
	case TORN_KIND_control:
		torn_trace_controlled(tracer, tracee, result);
		break;
	case TORN_KIND_chdir:
		if (result == 0)
			view->cwd = op->object;
		break;
	case TORN_KIND_stat:
		if (result == 0)
			retell_stat(tracer, tracee, op->object);
		break;
	case TORN_KIND_map:
		if (result >= 0 || result < -4095)
			torn_trace_map(tracer, tracee, op, (uint64_t)result);
		break;
	default:
		break;
	}
}

/* What the kernel and the log's tree do not agree on, torn has got wrong. */
static void check_agreement(struct torn_tracer *tracer, const struct torn_tracee *tracee, long result)
{
	const struct torn_op *op = tracee->op;
	if (tracee->where == TORN_WHERE_ERROR && result >= 0)
		torn_recorder_trouble(tracer->recorder, TORN_TROUBLE_BROKEN,
				      "op %u (%s /%.*s): the log says %s, the kernel did it", op->number,
				      torn_call_name(op->call), (int)op->path.size,
				      (const char *)op->path.data, torn_errno_name((int)-op->result));
}

void torn_trace_file_done(struct torn_tracer *tracer, struct torn_tracee *tracee,
			  struct user_regs_struct *registers)
{
	long result = (long)registers->rax;
	if (result <= -512 && result >= -516)
		result = -EINTR; /* ERESTARTSYS and its like: it is made again after the signal */
	torn_trace_enter_view(tracer, tracee);
	if (!tracee->op) {
		torn_trace_take_passed(tracer, tracee, result);
		return;
	}
	struct torn_op *op = tracee->op;
	check_agreement(tracer, tracee, result);
	if (result == -ENOSPC)
		torn_trace_note(tracer, TORN_NOTE_FULL, torn_call_name(op->call));
	take_result(tracer, tracee, result);
	op->result = op->told = result;
	const long answer = torn_trace_finish(tracer, tracee);
	if (answer != result)
		registers->rax = (unsigned long long)answer;
}
