/*
 * trace_call.c: a call on a file before the kernel performs it: taken in, located, numbered, asked about; and the
 * op that becomes of it: trace_internal.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "points.h"
#include "stack.h"
#include "trace_internal.h"
#include "writeback.h"

void torn_trace_enter_view(struct torn_tracer *tracer, struct torn_tracee *tracee)
{
	struct torn_view *view = &tracer->recorder->view;
	view->fds = &tracee->fds->fds;
	view->cwd = tracee->place->cwd;
	view->umask = tracee->place->umask;
}

/*
 * Find out whether a call is about the root, and have its paths begin there. Returns 1 where
 * it is, 0 where not, -errno.
 */
static int go_there(struct torn_tracer *tracer, struct torn_tracee *tracee, struct torn_strings *strings)
{
	struct torn_request *request = &tracee->request;
	struct torn_view *view = torn_trace_view(tracer);
	struct torn_reached reached = {.inside = true};
	if (request->has_path && strings->path.size > 0) {
		const int r = torn_trace_reach(tracer, tracee, request->dirfd, strings->path,
					       torn_request_follows(request), &reached);
		tracee->moved = reached.moved;
		if (r < 0 || !reached.inside)
			return r;
		strings->path = reached.path;
		request->dirfd = reached.dirfd;
	} else if (request->has_path) { /* the descriptor itself, or the working directory */
		const struct torn_description *description = torn_view_fd(view, request->dirfd);
		if (request->dirfd == AT_FDCWD ? view->cwd == 0 : !description)
			return 0;
	}
	if (!request->has_path_to)
		return 1;
	const int r = torn_trace_reach(tracer, tracee, request->dirfd_to, strings->path_to, false, &reached);
	if (r < 0 || !reached.inside)
		return r;
	strings->path_to = reached.path;
	request->dirfd_to = reached.dirfd;
	return 1;
}

/* The rest of the bytes is nobody's. */
static void keep_what_was_written(struct torn_recorder *recorder, struct torn_op *op)
{
	const size_t written = op->result > 0 ? (size_t)op->result : 0;
	if (op->kind == TORN_KIND_runtime && written > 0)
		return; /* it is what the kernel made of them, and no shorter for what it took */
	if (!op->data.data || written > op->data.size)
		return;
	torn_arena_shorten(&recorder->arena, op->data.data, op->data.size + 1, written + 1);
	op->data.size = written;
}

/* As in process: what an fsync that was refused leaves of the pages that were dirty. */
static void fail_writeback(struct torn_tracer *tracer, struct torn_tracee *tracee, enum torn_fsync manner)
{
	struct torn_recorder *recorder = tracer->recorder;
	struct torn_op *op = tracee->op;
	op->flags |= manner == TORN_FSYNC_KEPT ? TORN_OP_KEPT : TORN_OP_LOST;
	torn_writeback_report(&recorder->view, op, (int)-op->told);
	if (manner != TORN_FSYNC_REVERTED)
		return;
	op->flags &= ~(unsigned)TORN_OP_LOST; /* it is as dirty as it was */
	int r = torn_writeback_reverted(recorder, op->object, &op->data);
	op->flags |= TORN_OP_LOST;
	if (r == 0)
		r = torn_trace_write_into(tracee, op->fd, op->data, false);
	if (r < 0)
		torn_recorder_trouble(recorder, TORN_TROUBLE_INCOMPLETE,
				      "what fsync left of a file cannot be put back (%s)",
				      torn_errno_name(-r));
	else
		op->flags |= TORN_OP_REVERTED;
}

/* Signals that have a handler (SigCgt), are ignored or blocked: proc_pid_status(5). */
static void dispositions(const struct torn_tracee *tracee, uint64_t *ret_ignored, uint64_t *ret_caught)
{
	char text[4096];
	*ret_ignored = *ret_caught = 0;
	if (!torn_tracee_proc(tracee, "status", text, sizeof text))
		return;
	const char *ignored = strstr(text, "\nSigIgn:"), *caught = strstr(text, "\nSigCgt:");
	unsigned long long bits;
	if (ignored && sscanf(ignored, "\nSigIgn: %llx", &bits) == 1)
		*ret_ignored = bits << 1;
	if (caught && sscanf(caught, "\nSigCgt: %llx", &bits) == 1)
		*ret_caught = bits << 1;
}

/* A planned signal arrives as the call returns. One that nobody handles ends everything here. */
static void send_signal(struct torn_tracer *tracer, struct torn_tracee *tracee, int number)
{
	uint64_t ignored, caught;
	dispositions(tracee, &ignored, &caught);
	if (caught & (UINT64_C(1) << number)) {
		syscall(SYS_tgkill, tracee->tgid, tracee->tid, number);
	} else if (!(ignored & (UINT64_C(1) << number))) {
		tracee->op->flags |= TORN_OP_FATAL;
		torn_trace_end(tracer, TORN_ENDED_BY_PLAN, 0);
	}
}

/* The op is done: result and told are set. Returns what the program is told. */
long torn_trace_finish(struct torn_tracer *tracer, struct torn_tracee *tracee)
{
	struct torn_op *op = tracee->op;
	const struct torn_action *action = &tracee->action;
	if (op->result < 0 && (op->flags & TORN_OP_CREATES) && op->kind != TORN_KIND_link)
		op->object = 0;
	if (op->kind == TORN_KIND_write)
		keep_what_was_written(tracer->recorder, op);
	if (action->manner != TORN_FSYNC_NONE)
		fail_writeback(tracer, tracee, action->manner);
	if (action->act == TORN_ACT_LATE && op->result >= 0)
		op->told = -action->number;
	const long answer = (long)op->told;
	if (op->kind == TORN_KIND_map && answer > 0)
		op->result = op->told = 0; /* an address is another one in each process */
	torn_recorder_done(tracer->recorder, op);
	if (tracer->recorder->trouble == TORN_TROUBLE_BROKEN)
		torn_trace_end(tracer, TORN_RETURNED, 0);
	tracee->place->cwd = torn_trace_view(tracer)->cwd;
	if (tracer->run->kill_for_real &&
	    (action->ending == TORN_ENDING_KILL_AFTER || action->ending == TORN_ENDING_KILL_PART))
		torn_trace_end(tracer, TORN_ENDED_BY_PLAN, 0);
	else if (action->ending == TORN_ENDING_SIGNAL)
		send_signal(tracer, tracee, action->ending_number);
	return answer;
}

static bool may_wait(struct torn_tracer *tracer, const struct torn_tracee *tracee)
{
	const struct torn_request *request = &tracee->request;
	const struct torn_node *node = torn_view_node(torn_trace_view(tracer), tracee->op->object);
	const bool is_bytes = request->kind == TORN_KIND_open || request->kind == TORN_KIND_read ||
			      request->kind == TORN_KIND_write;
	if (tracer->tracing.whole && is_bytes && (!node || node->type != TORN_FIFO))
		return false; /* no program there has leases: fcntl(2) */
	return request->kind == TORN_KIND_lock || request->kind == TORN_KIND_open ||
	       request->kind == TORN_KIND_read || request->kind == TORN_KIND_write ||
	       request->call == TORN_CALL_fcntl || request->kind == TORN_KIND_copy;
}

/*
 * An access control list of three entries is a mode, and is kept as one: posix_acl_equiv_mode(), fs/posix_acl.c.
 * coreutils and sed set one on each copy that they make.
 */
static void take_acl(struct torn_tracer *tracer, struct torn_op *op)
{
	const struct entry {
		uint16_t tag, permissions;
		uint32_t id;
	} *entries = (const void *)(op->data.data + 4);
	if (!torn_bytes_equal(op->xattr, torn_bytes_of("system.posix_acl_access")) || op->data.size < 4)
		return;
	if (op->data.size != 4 + 3 * sizeof *entries) {
		torn_recorder_trouble(tracer->recorder, TORN_TROUBLE_INCOMPLETE,
				      "sets an access control list, which is not modelled");
		return;
	}
	const struct torn_node *node = torn_view_node(torn_trace_view(tracer), op->object);
	op->kind = TORN_KIND_chmod;
	op->mode = node ? node->mode & 07000 : 0;
	for (int i = 0; i < 3; i++)
		op->mode |= (entries[i].permissions & 7u) << (6 - 3 * i);
	if (node) {
		op->uid = node->uid;
		op->gid = node->gid;
	}
}

static void take_stack(struct torn_tracer *tracer, const struct torn_tracee *tracee)
{
	struct torn_stacks stacks = {.process = tracee->tgid};
	torn_stack_take(&stacks, tracee->tid, &tracer->recorder->arena, &tracer->stack);
	torn_stacks_close(&stacks);
}

/* What becomes of an op that is located: it gets its number. */
enum torn_course torn_trace_number(struct torn_tracer *tracer, struct torn_tracee *tracee, struct torn_op *draft)
{
	struct torn_recorder *recorder = tracer->recorder;
	const bool is_error = draft->result < 0;
	int broken = 0;
	if (torn_call_kind(draft->call) == TORN_KIND_write && !is_error)
		broken = torn_trace_take_bytes(tracer, tracee, draft->length, &draft->data);
	if (draft->kind == TORN_KIND_setxattr && !is_error && tracee->request.buffer) {
		tracee->request.length = tracee->request.size;
		broken = torn_trace_take_bytes(tracer, tracee, tracee->request.size, &draft->data);
		if (broken == 0)
			take_acl(tracer, draft);
	}
	if (draft->kind == TORN_KIND_utime && !is_error)
		draft->offset = (uint64_t)torn_trace_modified(tracer, tracee, draft->object);
	torn_trace_look_at_stores(tracer, draft->kind == TORN_KIND_sync || draft->kind == TORN_KIND_copy ||
						  draft->kind == TORN_KIND_clone ||
						  draft->kind == TORN_KIND_truncate ||
						  draft->kind == TORN_KIND_allocate);
	if (tracer->is_over)
		return TORN_COURSE_OVER;
	struct torn_op *op = torn_recorder_number(recorder, draft);
	if (!op) {
		torn_trace_end(tracer, TORN_HUNG, TORN_HANG_OPS);
		return TORN_COURSE_OVER;
	}
	tracee->op = op;
	tracee->action = (struct torn_action){0};
	if (broken < 0) {
		op->result = op->told = broken;
		torn_recorder_done(recorder, op);
		return torn_trace_tell(tracee, broken);
	}
	if (recorder->armed.plan->faults_count == 0) {
		uint64_t ignored, caught;
		dispositions(tracee, &ignored, &caught);
		tracer->handled |= caught;
		op->flags |= caught ? 0 : TORN_OP_UNINTERRUPTED;
	}
	recorder->log.handled = tracer->handled | TORN_HANDLED_ARE_ALL;
	if (tracer->run->stack_op == op->number)
		take_stack(tracer, tracee);
	const struct torn_action action = torn_points_ask(&recorder->armed, op);
	op->fault = (uint16_t)action.fault;
	tracee->action = action;
	if (tracer->run->kill_for_real && action.ending == TORN_ENDING_KILL_BEFORE) {
		torn_trace_end(tracer, TORN_ENDED_BY_PLAN, 0);
		return TORN_COURSE_OVER;
	}
	const int owed = torn_writeback_owed(&recorder->view, op);
	if (action.act == TORN_ACT_REFUSE || owed) {
		op->result = op->told = -(owed && action.act != TORN_ACT_REFUSE ? owed : action.number);
		return torn_trace_tell(tracee, torn_trace_finish(tracer, tracee));
	}
	op->flags |= TORN_OP_PERFORMED;
	/* The tree's mounts and owners are not the kernel's. */
	const long refused = !tracer->tracing.whole ? 0
			     : is_error		    ? (long)draft->result
						    : torn_trace_mounts_refuse(tracer, op);
	if (refused < 0) {
		op->result = op->told = refused;
		return torn_trace_tell(tracee, torn_trace_finish(tracer, tracee));
	}
	if ((op->flags & TORN_OP_RUNTIME) && torn_trace_serve(tracer, tracee, op))
		return torn_trace_tell(tracee, torn_trace_finish(tracer, tracee));
	if (torn_trace_is_emulated(tracer, op) && !is_error) {
		op->result = op->told = torn_trace_emulate(tracer, tracee, op);
		return torn_trace_tell(tracee, torn_trace_finish(tracer, tracee));
	}
	if (tracer->run->kill_for_real && action.ending == TORN_ENDING_KILL_PART)
		torn_trace_limit_bytes(tracee, action.ending_bytes);
	else if (action.act == TORN_ACT_SHORTEN)
		torn_trace_limit_bytes(tracee, action.bytes);
	return tracer->alive > 1 && may_wait(tracer, tracee) ? TORN_COURSE_WAIT : TORN_COURSE_EXIT;
}

/* What was taken since, it is not about the tree; paths that the view has kept lie there too. */
static void forget(struct torn_recorder *recorder, size_t mark)
{
	torn_view_moved(&recorder->view);
	torn_arena_return(&recorder->arena, mark);
}

static enum torn_course look_at_file(struct torn_tracer *tracer, struct torn_tracee *tracee)
{
	struct torn_recorder *recorder = tracer->recorder;
	struct torn_view *view = torn_trace_view(tracer);
	struct torn_request *request = &tracee->request;
	torn_trace_enter_view(tracer, tracee);
	tracee->op = NULL;
	tracee->where = TORN_WHERE_ROOT;
	if (request->call == TORN_CALL_close_range) {
		for (uint32_t fd = (uint32_t)request->arg[0];
		     fd <= (uint32_t)request->arg[1] && fd < TORN_FD_RESERVED; fd++) {
			if (request->how & 4 /* CLOSE_RANGE_CLOEXEC */)
				view->fds->is_closed_by_exec[fd] = true;
			else
				torn_view_close(view, (int)fd);
		}
		tracer->may_have_woken = true;
		return TORN_COURSE_PASS;
	}
	if (request->call == TORN_CALL_ioctl && request->how == FICLONE)
		request->kind = TORN_KIND_clone;
	if (request->call == TORN_CALL_creat)
		request->how = O_CREAT | O_WRONLY | O_TRUNC;
	const bool has_path = request->has_path || request->kind == TORN_KIND_symlink;
	if (!has_path && request->call != TORN_CALL_sync && request->call != TORN_CALL_msync) {
		const int fd = request->kind == TORN_KIND_copy ? request->fd_to : request->fd;
		const struct torn_description *description = torn_view_fd(view, fd);
		const struct torn_description *from = torn_view_fd(view, request->fd);
		if (request->kind == TORN_KIND_copy && (!description || description->class != TORN_FD_ROOT) &&
		    (!from || from->class != TORN_FD_ROOT) && !description)
			return torn_trace_pass(tracer);
		if (!description || description->class != TORN_FD_ROOT || tracer->run->unwatched)
			return torn_trace_pass_descriptor(tracer, tracee,
					       description ? description->class : TORN_FD_CLOSED);
	}
	if (tracer->run->unwatched)
		return torn_trace_pass(tracer);
	const size_t mark = torn_arena_mark(&recorder->arena);
	struct torn_strings strings;
	int r = torn_trace_take_open_how(tracee, request);
	if (r == 0)
		r = torn_trace_take_strings(tracer, tracee, &strings);
	if (r == 0 && has_path)
		r = go_there(tracer, tracee, &strings) - 1;
	if (r == -1 || r < -1) { /* outside, or the kernel says EFAULT */
		const enum torn_course course = r == -1 ? torn_trace_pass_path(tracer, tracee, &strings)
							: torn_trace_pass(tracer);
		forget(recorder, mark);
		return course;
	}
	if (tracer->yields) {
		forget(recorder, mark);
		return TORN_COURSE_YIELD;
	}
	if (request->kind == TORN_KIND_chown) { /* its own ids are those of everything in the tree */
		request->uid = request->uid == tracer->tracing.uid ? 0 : request->uid;
		request->gid = request->gid == tracer->tracing.gid ? 0 : request->gid;
	}
	const int refused = torn_request_check(request, strings.xattr);
	r = torn_trace_take_vector(tracee, request);
	struct torn_op op;
	if (request->call == TORN_CALL_sync || request->call == TORN_CALL_msync) {
		op = (struct torn_op){.call = request->call, .kind = request->kind, .fd = -1,
				      .how = request->how};
		tracee->where = TORN_WHERE_ROOT;
		if (request->call == TORN_CALL_msync && !torn_trace_locate_msync(tracer, tracee, &op))
			return TORN_COURSE_PASS;
	} else {
		tracee->where = torn_recorder_locate(recorder, request, &strings, &op);
	}
	if (tracee->where != TORN_WHERE_ROOT && tracee->where != TORN_WHERE_ERROR) {
		forget(recorder, mark);
		return torn_trace_pass(tracer);
	}
	if (refused < 0 || r < 0) {
		op.result = refused < 0 ? refused : r;
		tracee->where = TORN_WHERE_ERROR;
	}
	return torn_trace_number(tracer, tracee, &op);
}

enum torn_course torn_trace_file(struct torn_tracer *tracer, struct torn_tracee *tracee)
{
	tracee->moved = (struct torn_bytes){NULL, 0};
	const enum torn_course course = look_at_file(tracer, tracee);
	const bool is_performed = course == TORN_COURSE_PASS || course == TORN_COURSE_EXIT ||
				  course == TORN_COURSE_WAIT;
	if (!is_performed || !tracee->moved.data)
		return course;
	torn_trace_move_path(tracee, tracee->moved);
	return course == TORN_COURSE_PASS ? TORN_COURSE_EXIT : course; /* to put the registers back */
}
