/*
 * gate_files.c: a call on a file, from its registers to what the target is told:
 * take it in, locate it, number it, ask the plan, perform it, log it.
 *
 * The kernel performs on tmpfs, below the trial's root, and is only ever given
 * (descriptor of a directory, one component). What an unprivileged process
 * cannot do, or what would differ between machines, the gate answers from the
 * tree instead.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <string.h>
#include <time.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "gate_files.h"
#include "gate_mapping.h"
#include "points.h"
#include "writeback.h"

/* --------------------------------------------------------------- all kinds */

static long pass_point(const struct torn_doing *doing)
{
	(void)doing;
	return 0;
}

static long (*const perform[TORN_KIND_COUNT])(const struct torn_doing *doing) = {
	[TORN_KIND_open] = torn_do_open,           [TORN_KIND_close] = torn_do_close,
	[TORN_KIND_read] = torn_do_read,           [TORN_KIND_write] = torn_do_write,
	[TORN_KIND_copy] = torn_do_copy,           [TORN_KIND_clone] = torn_do_clone,
	[TORN_KIND_truncate] = torn_do_truncate,   [TORN_KIND_allocate] = torn_do_allocate,
	[TORN_KIND_sync] = torn_do_sync,           [TORN_KIND_stat] = torn_do_stat,
	[TORN_KIND_access] = torn_do_access,       [TORN_KIND_seek] = torn_do_seek,
	[TORN_KIND_readdir] = torn_do_readdir,     [TORN_KIND_readlink] = torn_do_readlink,
	[TORN_KIND_rename] = torn_do_rename,       [TORN_KIND_unlink] = torn_do_unlink,
	[TORN_KIND_rmdir] = torn_do_unlink,        [TORN_KIND_link] = torn_do_link,
	[TORN_KIND_symlink] = torn_do_symlink,     [TORN_KIND_mkdir] = torn_do_mkdir,
	[TORN_KIND_mknod] = torn_do_mknod,         [TORN_KIND_chdir] = torn_do_chdir,
	[TORN_KIND_chmod] = torn_do_chmod,         [TORN_KIND_chown] = torn_do_chown,
	[TORN_KIND_utime] = torn_do_utime,         [TORN_KIND_setxattr] = torn_do_setxattr,
	[TORN_KIND_getxattr] = torn_do_getxattr,   [TORN_KIND_control] = torn_do_control,
	[TORN_KIND_duplicate] = torn_do_duplicate, [TORN_KIND_lock] = torn_do_flock,
	[TORN_KIND_map] = torn_do_map,             [TORN_KIND_runtime] = torn_do_runtime,
	[TORN_KIND_point] = pass_point,
};

/* ----------------------------------------------------- calls without a place */

static long close_several(struct torn_gate *gate, const struct torn_request *request)
{
	const uint32_t first = (uint32_t)request->arg[0], last = (uint32_t)request->arg[1];
	if (first > last || request->how & ~6u /* CLOSE_RANGE_UNSHARE, CLOSE_RANGE_CLOEXEC */)
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
	char *to = torn_user(request->buffer);
	to[0] = '/';
	memcpy(to + 1, path.data, path.size);
	to[path.size + 1] = '\0';
	return (long)path.size + 2;
}

/* --------------------------------------------------------------- the op */

/* Perform at most `limit` bytes of an op, or find out that its names lead nowhere. */
static void carry_out(const struct torn_doing *doing, enum torn_where where)
{
	struct torn_op *op = doing->op;
	op->flags |= TORN_OP_PERFORMED;
	if (where != TORN_WHERE_ERROR) {
		long (*function)(const struct torn_doing *) = perform[op->kind];
		op->result = function(doing);
	}
	if (op->result < 0 && (op->flags & TORN_OP_CREATES) && op->kind != TORN_KIND_link)
		op->object = 0;
	op->told = op->result;
}

/* What an fsync that was refused leaves of the pages that were dirty. */
static void fail_writeback(const struct torn_doing *doing, enum torn_fsync manner)
{
	struct torn_recorder *recorder = doing->gate->recorder;
	struct torn_op *op = doing->op;
	op->flags |= manner == TORN_FSYNC_KEPT ? TORN_OP_KEPT : TORN_OP_LOST;
	torn_writeback_report(&recorder->view, op, (int)-op->told);
	if (manner != TORN_FSYNC_REVERTED)
		return;
	op->flags &= ~(unsigned)TORN_OP_LOST; /* it is as dirty as it was */
	int r = torn_writeback_reverted(recorder, op->object, &op->data);
	op->flags |= TORN_OP_LOST;
	if (r == 0)
		r = (int)torn_do_revert(doing);
	if (r < 0)
		torn_recorder_trouble(recorder, TORN_TROUBLE_INCOMPLETE,
				      "what fsync left of a file cannot be put back (%s)",
				      torn_errno_name(-r));
	else
		op->flags |= TORN_OP_REVERTED;
}

/*
 * The rest of the bytes is nobody's: a target that writes 64 KiB byte by byte asks for
 * all that is left each time.
 */
static void keep_what_was_written(struct torn_recorder *recorder, struct torn_op *op)
{
	const size_t written = op->result > 0 ? (size_t)op->result : 0;
	if (op->kind == TORN_KIND_runtime && written > 0)
		return; /* it is what the kernel made of them, and no shorter for what it took */
	torn_arena_shorten(&recorder->arena, op->data.data, op->data.size + 1, written + 1);
	op->data.size = written;
}

static bool takes_bytes(const struct torn_op *op)
{
	return torn_call_kind(op->call) == TORN_KIND_write;
}

static long numbered(struct torn_gate *gate, struct torn_request *request, struct torn_op *draft,
		     enum torn_where where)
{
	struct torn_recorder *recorder = gate->recorder;
	int broken = 0;
	if (takes_bytes(draft) && where == TORN_WHERE_ROOT)
		broken = torn_doing_gather(gate, request, draft);
	torn_gate_look_at_stores(gate, torn_kind_wants_stores(draft->kind));
	struct torn_op *op = torn_recorder_number(recorder, draft);
	if (!op)
		torn_gate_die(gate, TORN_HUNG, TORN_HANG_OPS);
	if (broken < 0)
		return op->result = op->told = broken;

	const struct torn_action action = torn_points_ask(&recorder->armed, op);
	op->fault = (uint16_t)action.fault;
	if (gate->kill_for_real && action.ending == TORN_ENDING_KILL_BEFORE)
		torn_gate_kill(gate);
	const struct torn_doing doing = {
		.gate = gate,
		.request = request,
		.op = op,
		.limit = gate->kill_for_real && action.ending == TORN_ENDING_KILL_PART
				 ? action.ending_bytes
			 : action.act == TORN_ACT_SHORTEN ? action.bytes
							  : op->length,
		.interrupted = action.ending == TORN_ENDING_SIGNAL,
	};
	const int owed = torn_writeback_owed(&recorder->view, op);
	if (action.act == TORN_ACT_REFUSE)
		op->result = op->told = -action.number;
	else if (owed)
		op->result = op->told = -owed;
	else
		carry_out(&doing, where);
	if (op->kind == TORN_KIND_write && op->data.data)
		keep_what_was_written(recorder, op);
	if (action.manner != TORN_FSYNC_NONE)
		fail_writeback(&doing, action.manner);
	if (action.act == TORN_ACT_LATE && op->result >= 0)
		op->told = -action.number;
	const long answer = (long)op->told;
	if (op->kind == TORN_KIND_map && answer > 0)
		op->result = op->told = 0; /* an address is another one in each process */
	torn_recorder_done(recorder, op);
	if (gate->kill_for_real &&
	    (action.ending == TORN_ENDING_KILL_AFTER || action.ending == TORN_ENDING_KILL_PART))
		torn_gate_kill(gate);
	if (action.ending == TORN_ENDING_SIGNAL)
		torn_gate_signal(gate, op, action.ending_number);
	return answer;
}

static long sync_mapping(struct torn_gate *gate, struct torn_request *request)
{
	struct torn_op op;
	if (torn_gate_locate_msync(gate, request, &op))
		return numbered(gate, request, &op, TORN_WHERE_ROOT);
	return torn_raw(SYS_msync, request->arg[0], request->arg[1], request->arg[2]);
}

/* ---------------------------------------------------------- taking it in */

static int string_at(bool there, uint64_t address, struct torn_bytes *ret_string)
{
	*ret_string = (struct torn_bytes){NULL, 0};
	if (!there)
		return 0;
	if (torn_is_wild(address))
		return -EFAULT;
	const char *text = torn_user(address);
	size_t size = strnlen(text, TORN_PATH_MAX);
	/* A path too long is refused when its turn comes: torn_view_resolve(). */
	*ret_string = (struct torn_bytes){(const uint8_t *)text, size};
	return 0;
}

static int take_strings(const struct torn_request *request, struct torn_strings *ret_strings)
{
	/* utimensat(2) and futimesat(2) take no path for the descriptor itself. */
	const bool no_path = (request->call == TORN_CALL_utimensat ||
			      request->call == TORN_CALL_futimesat) &&
			     request->path == 0 && request->dirfd != AT_FDCWD;
	const bool may_lack = request->kind == TORN_KIND_runtime; /* mount(2): what a remount does not need */
	int r = string_at(request->has_path && !no_path, request->path, &ret_strings->path);
	if (r == 0)
		r = string_at(may_lack ? request->path_to != 0 : request->has_path_to, request->path_to,
			      &ret_strings->path_to);
	if (r == 0)
		r = string_at(may_lack ? request->text != 0 : request->kind == TORN_KIND_symlink, request->text,
			      &ret_strings->text);
	if (r == 0)
		r = string_at(request->xattr != 0, request->xattr, &ret_strings->xattr);
	return r;
}

static int take_vector(struct torn_request *request)
{
	if (!request->iov)
		return 0;
	if (torn_is_wild(request->iov))
		return -EFAULT;
	if (request->iov_count > UIO_MAXIOV)
		return -EINVAL;
	const struct iovec *iov = torn_user(request->iov);
	for (uint64_t i = 0; i < request->iov_count; i++) {
		/* readv(2): EINVAL; a sum that wraps would be gathered beyond its end. */
		if (iov[i].iov_len > (uint64_t)INT64_MAX - request->length)
			return -EINVAL;
		request->length += iov[i].iov_len;
	}
	request->size = request->length;
	return 0;
}

static int take_open_how(struct torn_request *request)
{
	if (request->call != TORN_CALL_openat2)
		return 0;
	if (torn_is_wild(request->arg[2]))
		return -EFAULT;
	if (request->arg[3] < sizeof(struct open_how))
		return -EINVAL;
	/*
	 * The RESOLVE_ flags only narrow what a path may cross, and nothing below
	 * the root can be crossed anyway; a target that needs them refused is not
	 * served: say so.
	 */
	const struct open_how *how = torn_user(request->arg[2]);
	request->how = (uint32_t)how->flags;
	request->mode = (uint32_t)how->mode;
	return how->resolve ? 1 : 0;
}

/* utimes(2), futimesat(2): microseconds are looked at before any path; utimensat's after. */
static int check_times(const struct torn_request *request)
{
	if ((request->call != TORN_CALL_utimes && request->call != TORN_CALL_futimesat) ||
	    request->buffer == 0)
		return 0;
	if (torn_is_wild(request->buffer))
		return -EFAULT;
	const int64_t *times = torn_user(request->buffer);
	return times[1] < 0 || times[1] >= 1000000 || times[3] < 0 || times[3] >= 1000000 ? -EINVAL : 0;
}

/* utimensat(2): with UTIME_OMIT twice nothing is looked at, not even the descriptor. */
static bool sets_nothing(const struct torn_request *request)
{
	if (request->call != TORN_CALL_utimensat || torn_is_wild(request->buffer))
		return false;
	const struct timespec *times = torn_user(request->buffer);
	return times[0].tv_nsec == UTIME_OMIT && times[1].tv_nsec == UTIME_OMIT;
}

long torn_gate_file(struct torn_gate *gate, struct torn_request *request)
{
	struct torn_recorder *recorder = gate->recorder;
	if (request->call == TORN_CALL_close_range)
		return close_several(gate, request);
	if (request->call == TORN_CALL_getcwd)
		return getcwd_virtual(gate, request);
	if (request->call == TORN_CALL_msync)
		return sync_mapping(gate, request);
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

	if (sets_nothing(request))
		return 0;
	int refused = torn_request_check(request, strings.xattr);
	if (refused == 0)
		refused = check_times(request);
	struct torn_op op;
	enum torn_where where = torn_recorder_locate(recorder, request, &strings, &op);
	if (refused < 0 && (where == TORN_WHERE_ROOT || where == TORN_WHERE_ERROR)) {
		op.result = refused;
		where = TORN_WHERE_ERROR;
	}
	if (request->call == TORN_CALL_sync)
		where = TORN_WHERE_ROOT;
	if (where == TORN_WHERE_ROOT || where == TORN_WHERE_ERROR)
		return numbered(gate, request, &op, where);
	return torn_gate_other(gate, request, where);
}

static int take_message(const struct torn_request *request, struct torn_strings *ret_strings)
{
	if (request->call != TORN_CALL_sendto)
		return 0;
	if (request->size > 0 && torn_is_wild(request->buffer))
		return -EFAULT;
	ret_strings->text = (struct torn_bytes){torn_user(request->buffer), request->size};
	return 0;
}

long torn_gate_runtime(struct torn_gate *gate, struct torn_request *request)
{
	struct torn_strings strings;
	struct torn_op op;
	int r = take_strings(request, &strings);
	if (r == 0)
		r = take_message(request, &strings);
	if (r < 0)
		return r;
	const enum torn_where where = torn_recorder_locate_runtime(gate->recorder, request, &strings, &op);
	return where == TORN_WHERE_PASS ? torn_gate_refuse(gate, request->call)
					: numbered(gate, request, &op, where);
}

long torn_gate_point(struct torn_gate *gate, const struct torn_request *request)
{
	struct torn_bytes name;
	int r = string_at(true, request->text, &name);
	if (r < 0)
		return r;
	struct torn_op op = {.call = request->call, .kind = request->kind, .fd = -1};
	op.name = op.path = torn_arena_copy(&gate->recorder->arena, name.data, name.size);
	return numbered(gate, NULL, &op, TORN_WHERE_ROOT);
}
