/*
 * trace_call.c: a call on a file, before and after the kernel performs it:
 * taken in, located, numbered, asked about, and logged as the kernel ended it.
 *
 * What the kernel says is the truth: where the log's tree would have it otherwise,
 * torn has failed. Only what differs from machine to machine is told from the tree:
 * inode numbers, times, the order of a directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "look.h"
#include "points.h"
#include "stack.h"
#include "trace_filter.h"
#include "trace_internal.h"
#include "writeback.h"

#define IOV_MAX_TAKEN UIO_MAXIOV

void torn_trace_enter_view(struct torn_tracer *tracer, struct torn_tracee *tracee)
{
	struct torn_view *view = &tracer->recorder->view;
	view->fds = &tracee->fds->fds;
	view->cwd = tracee->place->cwd;
	view->umask = tracee->place->umask;
}

static struct torn_view *view_of(struct torn_tracer *tracer)
{
	return &tracer->recorder->view;
}

static void no_room(struct torn_tracer *tracer)
{
	torn_recorder_trouble(tracer->recorder, TORN_TROUBLE_INCOMPLETE,
			      "the run is larger than what torn keeps of one (%zu MiB)",
			      tracer->recorder->arena.size >> 20);
}

/* --------------------------------------------------------------- taking in */

static struct iovec taken[IOV_MAX_TAKEN];

static int take_vector(const struct torn_tracee *tracee, struct torn_request *request)
{
	if (!request->iov)
		return 0;
	if (request->iov_count > UIO_MAXIOV)
		return -EINVAL;
	const size_t size = request->iov_count * sizeof *taken;
	if (torn_tracee_read(tracee, request->iov, taken, size) != size)
		return -EFAULT;
	request->length = 0;
	for (uint64_t i = 0; i < request->iov_count; i++) {
		if (taken[i].iov_len > (uint64_t)INT64_MAX - request->length)
			return -EINVAL;
		request->length += taken[i].iov_len;
	}
	request->size = request->length;
	return 0;
}

/* The bytes of a write, which the log keeps. Returns 0; -EFAULT; -ENOMEM. */
static int take_bytes(struct torn_tracer *tracer, const struct torn_tracee *tracee, uint64_t size,
		      struct torn_bytes *ret_bytes)
{
	const struct torn_request *request = &tracee->request;
	uint8_t *to = torn_arena_take(&tracer->recorder->arena, size + 1);
	if (!to) {
		no_room(tracer);
		return -ENOMEM;
	}
	size_t got = 0;
	if (!request->iov)
		got = size ? torn_tracee_read(tracee, request->buffer, to, size) : 0;
	for (uint64_t i = 0; request->iov && i < request->iov_count && got < size; i++) {
		const size_t part = taken[i].iov_len < size - got ? taken[i].iov_len : size - got;
		if (torn_tracee_read(tracee, (uint64_t)(uintptr_t)taken[i].iov_base, to + got, part) != part)
			break;
		got += part;
	}
	*ret_bytes = (struct torn_bytes){to, got};
	return got == size ? 0 : -EFAULT;
}

static int take_open_how(const struct torn_tracee *tracee, struct torn_request *request)
{
	struct open_how how;
	if (request->call != TORN_CALL_openat2)
		return 0;
	if (torn_tracee_read(tracee, request->arg[2], &how, sizeof how) != sizeof how)
		return -EFAULT;
	request->how = (uint32_t)how.flags;
	request->mode = (uint32_t)how.mode;
	return 0;
}

static int take_string(struct torn_tracer *tracer, const struct torn_tracee *tracee, bool there,
		       uint64_t address, struct torn_bytes *ret_string)
{
	*ret_string = (struct torn_bytes){(const uint8_t *)"", 0};
	return there ? torn_tracee_string(tracee, address, &tracer->recorder->arena, ret_string) : 0;
}

static int take_strings(struct torn_tracer *tracer, const struct torn_tracee *tracee,
			struct torn_strings *ret_strings)
{
	const struct torn_request *request = &tracee->request;
	const bool no_path = (request->call == TORN_CALL_utimensat ||
			      request->call == TORN_CALL_futimesat) && request->path == 0;
	int r = take_string(tracer, tracee, request->has_path && !no_path, request->path,
			    &ret_strings->path);
	if (r == 0)
		r = take_string(tracer, tracee, request->has_path_to, request->path_to,
				&ret_strings->path_to);
	if (r == 0)
		r = take_string(tracer, tracee, request->kind == TORN_KIND_symlink, request->text,
				&ret_strings->text);
	if (r == 0)
		r = take_string(tracer, tracee, request->xattr != 0, request->xattr, &ret_strings->xattr);
	return r;
}

/* --------------------------------------------------------------- going there */

/* A symlink at the end is followed by what opens or looks, not by what acts on the name. */
static bool follows_last(const struct torn_request *request)
{
	switch (request->kind) {
	case TORN_KIND_rename:
	case TORN_KIND_unlink:
	case TORN_KIND_rmdir:
	case TORN_KIND_mkdir:
	case TORN_KIND_mknod:
	case TORN_KIND_symlink:
	case TORN_KIND_readlink:
		return false;
	case TORN_KIND_link:
		return request->call == TORN_CALL_linkat && (request->how & AT_SYMLINK_FOLLOW);
	case TORN_KIND_open:
		return !(request->how & O_NOFOLLOW) &&
		       (request->how & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
	default:
		break;
	}
	switch (request->call) {
	case TORN_CALL_lstat:
	case TORN_CALL_lchown:
	case TORN_CALL_lsetxattr:
	case TORN_CALL_lgetxattr:
	case TORN_CALL_llistxattr:
	case TORN_CALL_lremovexattr:
		return false;
	case TORN_CALL_newfstatat:
	case TORN_CALL_statx:
	case TORN_CALL_faccessat2:
	case TORN_CALL_fchownat:
	case TORN_CALL_fchmodat2:
	case TORN_CALL_utimensat:
		return !(request->how & AT_SYMLINK_NOFOLLOW);
	default:
		return true;
	}
}

/*
 * Find out whether a call is about the root, and have its paths begin there. Returns 1 where
 * it is, 0 where not, -errno.
 */
static int go_there(struct torn_tracer *tracer, struct torn_tracee *tracee, struct torn_strings *strings)
{
	struct torn_request *request = &tracee->request;
	struct torn_view *view = view_of(tracer);
	struct torn_reached reached = {.inside = true};
	if (request->has_path && strings->path.size > 0) {
		const int r = torn_trace_reach(tracer, tracee, request->dirfd, strings->path,
					       follows_last(request), &reached);
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

/* ------------------------------------------------------------ not the root's */

static enum torn_course pass(const struct torn_tracer *tracer, const struct torn_tracee *tracee)
{
	(void)tracee;
	return tracer->alive > 1 ? TORN_COURSE_WAIT : TORN_COURSE_PASS;
}

static enum torn_course told(struct torn_tracee *tracee, long answer)
{
	torn_tracee_skip(tracee, answer);
	return TORN_COURSE_TOLD;
}

static bool is_random_device(struct torn_bytes path)
{
	return torn_bytes_equal(path, torn_bytes_of("/dev/urandom")) ||
	       torn_bytes_equal(path, torn_bytes_of("/dev/random"));
}

/* A path outside: what is tried there is worth knowing where it would have changed something. */
static enum torn_course pass_path(struct torn_tracer *tracer, struct torn_tracee *tracee,
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
	if (!is_told)
		return pass(tracer, tracee);
	tracee->where = TORN_WHERE_HOST;
	return tracer->alive > 1 ? TORN_COURSE_WAIT : TORN_COURSE_EXIT;
}

static enum torn_course output(struct torn_tracer *tracer, struct torn_tracee *tracee)
{
	struct torn_bytes bytes;
	int r = take_vector(tracee, &tracee->request);
	if (r == 0)
		r = take_bytes(tracer, tracee, tracee->request.size, &bytes);
	if (r < 0)
		return told(tracee, r);
	const int stream = torn_view_fd(view_of(tracer), tracee->request.fd)->stream; /* a copy has another number */
	torn_recorder_output(tracer->recorder, tracee->request.call, stream, bytes);
	return told(tracee, (long)bytes.size);
}

static enum torn_course from_random(struct torn_tracer *tracer, struct torn_tracee *tracee)
{
	struct torn_request *request = &tracee->request;
	uint8_t bytes[4096];
	const size_t size = request->size < sizeof bytes ? request->size : sizeof bytes;
	torn_recorder_random(tracer->recorder, bytes, size);
	return told(tracee, torn_tracee_write(tracee, request->buffer, bytes, size) ? (long)size : -EFAULT);
}

static bool is_file_outside(const struct torn_tracee *tracee, int fd)
{
	char name[64];
	struct stat status;
	snprintf(name, sizeof name, "/proc/%d/fd/%d", tracee->tid, fd);
	return stat(name, &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
}

/* A descriptor that is not the root's. */
static enum torn_course pass_descriptor(struct torn_tracer *tracer, struct torn_tracee *tracee,
					enum torn_fd_class class)
{
	struct torn_request *request = &tracee->request;
	struct torn_view *view = view_of(tracer);
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
			return pass(tracer, tracee);
		}
		if (request->call == TORN_CALL_ioctl && request->how == TCGETS)
			torn_trace_note(tracer, TORN_NOTE_TERMINAL, "standard output");
		if (request->call != TORN_CALL_fcntl)
			return pass(tracer, tracee);
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
		return is_file_outside(tracee, request->fd) ? told(tracee, 0) : pass(tracer, tracee);
	default:
		tracer->may_have_woken |= request->kind == TORN_KIND_write;
		return pass(tracer, tracee);
	}
}

/* ------------------------------------------------------------------- the op */

/* Where the kernel has a descriptor's offset: for those who moved it unseen. */
static void follow_offset(struct torn_tracer *tracer, const struct torn_tracee *tracee, int fd)
{
	struct torn_description *description = torn_view_fd(view_of(tracer), fd);
	char name[64], text[256];
	snprintf(name, sizeof name, "/proc/%d/fdinfo/%d", tracee->tid, fd);
	if (!description || description->class != TORN_FD_ROOT)
		return;
	const int info = open(name, O_RDONLY | O_CLOEXEC);
	const ssize_t size = info < 0 ? -1 : read(info, text, sizeof text - 1);
	if (info >= 0)
		close(info);
	if (size <= 0)
		return;
	text[size] = '\0';
	unsigned long long offset;
	if (sscanf(text, "pos: %llu", &offset) == 1)
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
		no_room(tracer);
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

/* Write a file's content as torn's own doing; `whole`: it has no other bytes. */
static int write_into(const struct torn_tracee *tracee, int fd, struct torn_bytes bytes, bool whole)
{
	char name[64];
	snprintf(name, sizeof name, "/proc/%d/fd/%d", tracee->tid, fd);
	const int here = open(name, O_WRONLY | O_CLOEXEC);
	if (here < 0)
		return -errno;
	int r = whole && ftruncate(here, 0) < 0 ? -errno : 0;
	for (size_t done = 0; r == 0 && done < bytes.size;) {
		const ssize_t part = pwrite(here, bytes.data + done, bytes.size - done, (off_t)done);
		if (part <= 0)
			r = part < 0 ? -errno : -EIO;
		else
			done += (size_t)part;
	}
	close(here);
	return r;
}

/* ioctl_ficlone(2): tmpfs has none, so it is given as a file system with reflinks would. */
static long clone_file(struct torn_tracer *tracer, const struct torn_tracee *tracee, struct torn_op *op)
{
	struct torn_view *view = view_of(tracer);
	const struct torn_description *to = torn_view_fd(view, op->fd);
	const struct torn_description *from = torn_view_fd(view, (int)tracee->request.arg[2]);
	if (!from || from->class != TORN_FD_ROOT)
		return -EXDEV;
	const struct torn_node *source = torn_view_node(view, from->object);
	if (source->type != TORN_FILE || torn_view_node(view, to->object)->type != TORN_FILE)
		return -EINVAL;
	if ((to->how & O_ACCMODE) == O_RDONLY || (from->how & O_ACCMODE) == O_WRONLY)
		return -EBADF;
	uint8_t *bytes = torn_arena_take(&tracer->recorder->arena, source->size + 1);
	if (!bytes)
		return -ENOMEM;
	op->data = (struct torn_bytes){bytes, torn_node_read(source, 0, bytes, source->size)};
	return write_into(tracee, op->fd, op->data, true);
}

/* As the gate in process, from the tree. */
static long list(struct torn_tracer *tracer, const struct torn_tracee *tracee)
{
	struct torn_view *view = view_of(tracer);
	struct torn_description *description = torn_view_fd(view, tracee->request.fd);
	const struct torn_fold_object *object = torn_fold_object(&view->fold, description->object);
	uint8_t entries[32768];
	if (object->node->type != TORN_DIRECTORY)
		return -ENOTDIR;
	if (description->object != TORN_FOLD_ROOT && !object->links)
		return -ENOENT;
	const size_t size = tracee->request.size < sizeof entries ? tracee->request.size : sizeof entries;
	const long given = torn_look_list(view, description, entries, size);
	if (given > 0 && !torn_tracee_write(tracee, tracee->request.buffer, entries, (size_t)given))
		return -EFAULT;
	return given;
}

static long seek_directory(struct torn_tracer *tracer, const struct torn_tracee *tracee)
{
	struct torn_description *description = torn_view_fd(view_of(tracer), tracee->request.fd);
	const uint64_t whence = tracee->request.arg[2];
	const uint64_t from = whence == SEEK_CUR ? description->cursor : 0;
	if ((whence != SEEK_SET && whence != SEEK_CUR) || from + tracee->request.offset > INT32_MAX)
		return -EINVAL;
	return description->cursor = (uint32_t)(from + tracee->request.offset);
}

#define NS_PER_S INT64_C(1000000000)

/* utime(2) and its like: when the file says it was modified. */
static int64_t modified(struct torn_tracer *tracer, const struct torn_tracee *tracee, torn_object object)
{
	const struct torn_request *request = &tracee->request;
	const int64_t now = torn_recorder_now(tracer->recorder);
	int64_t raw[4];
	const size_t wanted = request->call == TORN_CALL_utime ? 16 : 32;
	if (!request->buffer || torn_tracee_read(tracee, request->buffer, raw, wanted) != wanted)
		return now;
	if (request->call == TORN_CALL_utime)
		return raw[1] * NS_PER_S;
	if (request->call != TORN_CALL_utimensat)
		return raw[2] * NS_PER_S + raw[3] * 1000;
	if (raw[3] == UTIME_NOW)
		return now;
	if (raw[3] == UTIME_OMIT) {
		const struct torn_fold_object *there = torn_fold_object(&view_of(tracer)->fold, object);
		return there ? there->modified_ns : now;
	}
	return raw[2] * NS_PER_S + raw[3];
}

/* What the kernel is not asked: it is told from the tree, or would reach beyond the directory. */
static bool is_emulated(const struct torn_tracer *tracer, const struct torn_op *op)
{
	if (op->call == TORN_CALL_sync || op->call == TORN_CALL_syncfs || op->kind == TORN_KIND_clone ||
	    op->kind == TORN_KIND_readdir)
		return true;
	const struct torn_node *node = op->kind == TORN_KIND_seek
					       ? torn_view_node(&tracer->recorder->view, op->object)
					       : NULL;
	return node && node->type == TORN_DIRECTORY;
}

static long emulate(struct torn_tracer *tracer, struct torn_tracee *tracee, struct torn_op *op)
{
	switch (op->kind) {
	case TORN_KIND_clone:
		return clone_file(tracer, tracee, op);
	case TORN_KIND_readdir:
		return list(tracer, tracee);
	case TORN_KIND_seek:
		return seek_directory(tracer, tracee);
	default: /* sync, syncfs: not for real, it would flush the host's disks */
		return 0;
	}
}

/* Have the kernel move at most `limit` bytes. */
static void limit_bytes(struct torn_tracee *tracee, uint64_t limit)
{
	struct user_regs_struct registers = tracee->registers;
	const struct torn_request *request = &tracee->request;
	if (request->iov) {
		const uint64_t at = torn_tracee_scratch(tracee, sizeof taken);
		uint64_t left = limit, count = 0;
		for (; count < request->iov_count && left > 0; count++) {
			if (taken[count].iov_len > left)
				taken[count].iov_len = left;
			left -= taken[count].iov_len;
		}
		if (!torn_tracee_write(tracee, at, taken, count * sizeof *taken))
			return;
		registers.rsi = at;
		registers.rdx = count;
	} else if (request->call == TORN_CALL_sendfile) {
		registers.r10 = limit;
	} else if (request->kind == TORN_KIND_copy) {
		registers.r8 = limit;
	} else {
		registers.rdx = limit;
	}
	tracee->changed = true;
	torn_tracee_set(tracee, &registers);
}

/* The rest of the bytes is nobody's. */
static void keep_what_was_written(struct torn_recorder *recorder, struct torn_op *op)
{
	const size_t written = op->result > 0 ? (size_t)op->result : 0;
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
		r = write_into(tracee, op->fd, op->data, false);
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
	char name[48], text[4096];
	*ret_ignored = *ret_caught = 0;
	snprintf(name, sizeof name, "/proc/%d/status", tracee->tid);
	const int fd = open(name, O_RDONLY | O_CLOEXEC);
	const ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (fd >= 0)
		close(fd);
	if (size <= 0)
		return;
	text[size] = '\0';
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
static long finish(struct torn_tracer *tracer, struct torn_tracee *tracee)
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
	tracee->place->cwd = view_of(tracer)->cwd;
	if (tracer->run->kill_for_real &&
	    (action->ending == TORN_ENDING_KILL_AFTER || action->ending == TORN_ENDING_KILL_PART))
		torn_trace_end(tracer, TORN_ENDED_BY_PLAN, 0);
	else if (action->ending == TORN_ENDING_SIGNAL)
		send_signal(tracer, tracee, action->ending_number);
	return answer;
}

static bool may_wait(const struct torn_tracee *tracee)
{
	const struct torn_request *request = &tracee->request;
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
	const struct torn_node *node = torn_view_node(view_of(tracer), op->object);
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

static enum torn_course numbered(struct torn_tracer *tracer, struct torn_tracee *tracee,
				 struct torn_op *draft)
{
	struct torn_recorder *recorder = tracer->recorder;
	const bool is_error = draft->result < 0;
	int broken = 0;
	if (draft->kind == TORN_KIND_write && !is_error)
		broken = take_bytes(tracer, tracee, draft->length, &draft->data);
	if (draft->kind == TORN_KIND_setxattr && !is_error && tracee->request.buffer) {
		tracee->request.length = tracee->request.size;
		broken = take_bytes(tracer, tracee, tracee->request.size, &draft->data);
		if (broken == 0)
			take_acl(tracer, draft);
	}
	if (draft->kind == TORN_KIND_utime && !is_error)
		draft->offset = (uint64_t)modified(tracer, tracee, draft->object);
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
		return told(tracee, broken);
	}
	if (recorder->armed.plan->faults_count == 0) {
		uint64_t ignored, caught;
		dispositions(tracee, &ignored, &caught);
		tracer->handled |= caught;
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
		return told(tracee, finish(tracer, tracee));
	}
	op->flags |= TORN_OP_PERFORMED;
	if (is_emulated(tracer, op) && !is_error) {
		op->result = op->told = emulate(tracer, tracee, op);
		return told(tracee, finish(tracer, tracee));
	}
	if (tracer->run->kill_for_real && action.ending == TORN_ENDING_KILL_PART)
		limit_bytes(tracee, action.ending_bytes);
	else if (action.act == TORN_ACT_SHORTEN)
		limit_bytes(tracee, action.bytes);
	return tracer->alive > 1 && may_wait(tracee) ? TORN_COURSE_WAIT : TORN_COURSE_EXIT;
}

enum torn_course torn_trace_file(struct torn_tracer *tracer, struct torn_tracee *tracee)
{
	struct torn_recorder *recorder = tracer->recorder;
	struct torn_view *view = view_of(tracer);
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
			return pass(tracer, tracee);
		if (!description || description->class != TORN_FD_ROOT || tracer->run->unwatched)
			return pass_descriptor(tracer, tracee,
					       description ? description->class : TORN_FD_CLOSED);
	}
	if (tracer->run->unwatched)
		return pass(tracer, tracee);
	const size_t mark = torn_arena_mark(&recorder->arena);
	struct torn_strings strings;
	int r = take_open_how(tracee, request);
	if (r == 0)
		r = take_strings(tracer, tracee, &strings);
	if (r == 0 && has_path)
		r = go_there(tracer, tracee, &strings) - 1;
	if (r == -1 || r < -1) { /* outside, or the kernel says EFAULT */
		const enum torn_course course = r == -1 ? pass_path(tracer, tracee, &strings)
							: pass(tracer, tracee);
		torn_arena_return(&recorder->arena, mark);
		return course;
	}
	if (tracer->yields) {
		torn_arena_return(&recorder->arena, mark);
		return TORN_COURSE_YIELD;
	}
	if (request->kind == TORN_KIND_chown) { /* its own ids are those of everything in the tree */
		request->uid = request->uid == tracer->tracing.uid ? 0 : request->uid;
		request->gid = request->gid == tracer->tracing.gid ? 0 : request->gid;
	}
	const int refused = torn_request_check(request, strings.xattr);
	r = take_vector(tracee, request);
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
		torn_arena_return(&recorder->arena, mark);
		return pass(tracer, tracee);
	}
	if (refused < 0 || r < 0) {
		op.result = refused < 0 ? refused : r;
		tracee->where = TORN_WHERE_ERROR;
	}
	return numbered(tracer, tracee, &op);
}

/* ---------------------------------------------------------------- afterwards */

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
	if (torn_view_open(view_of(tracer), fd, &description) < 0)
		no_room(tracer);
	else
		view_of(tracer)->fds->is_closed_by_exec[fd] = op->how & O_CLOEXEC;
}

static void duplicated(struct torn_tracer *tracer, const struct torn_tracee *tracee, int fd)
{
	const struct torn_request *request = &tracee->request;
	struct torn_view *view = view_of(tracer);
	if (fd == request->fd)
		return;
	if (!torn_view_fd(view, request->fd))
		torn_view_close(view, fd); /* what was there is closed, and what is there now is not followed */
	else if (torn_view_duplicate(view, request->fd, fd) == 0)
		view->fds->is_closed_by_exec[fd] =
			(request->call == TORN_CALL_dup3 && (request->how & O_CLOEXEC)) ||
			(request->call == TORN_CALL_fcntl && request->how == F_DUPFD_CLOEXEC);
}

static void controlled(struct torn_tracer *tracer, const struct torn_tracee *tracee, long result)
{
	const struct torn_request *request = &tracee->request;
	struct torn_view *view = view_of(tracer);
	if (request->call != TORN_CALL_fcntl || result < 0)
		return;
	switch (request->how) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		duplicated(tracer, tracee, (int)result);
		break;
	case F_SETFD:
		view->fds->is_closed_by_exec[request->fd] = request->arg[2] & FD_CLOEXEC;
		break;
	case F_SETFL: {
		const uint32_t settable = O_APPEND | O_NONBLOCK | O_NOATIME | O_DIRECT;
		struct torn_description *description = torn_view_fd(view, request->fd);
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
	struct torn_view *view = view_of(tracer);
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
		virtual.extended.stx_uid = real.extended.stx_uid;
		virtual.extended.stx_gid = real.extended.stx_gid;
	} else {
		torn_look_stat(view, object, &virtual.plain);
		virtual.plain.st_mode = real.plain.st_mode;
		virtual.plain.st_uid = real.plain.st_uid;
		virtual.plain.st_gid = real.plain.st_gid;
	}
	torn_tracee_write(tracee, request->buffer, &virtual, size);
}

/* The kernel ended an op: let the view and the log have it. */
static void take_result(struct torn_tracer *tracer, struct torn_tracee *tracee, long result)
{
	struct torn_op *op = tracee->op;
	struct torn_view *view = view_of(tracer);
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
		follow_offset(tracer, tracee, request->fd);
		follow_offset(tracer, tracee, request->fd_to);
		break;
	case TORN_KIND_duplicate:
		if (result >= 0)
			duplicated(tracer, tracee, (int)result);
		break;
	case TORN_KIND_control:
		controlled(tracer, tracee, result);
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
			torn_view_open(view_of(tracer), fd, &output);
	}
}

static bool may_be_output(const char *path)
{
	return strncmp(path, "/dev/", 5) == 0 || strncmp(path, "/proc/", 6) == 0;
}

/* A call that is no op, and that changed what descriptors or the working directory are. */
static void take_passed(struct torn_tracer *tracer, struct torn_tracee *tracee, long result)
{
	const struct torn_request *request = &tracee->request;
	struct torn_view *view = view_of(tracer);
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
			duplicated(tracer, tracee, (int)result);
		break;
	case TORN_KIND_control:
		controlled(tracer, tracee, result);
		break;
	case TORN_KIND_copy:
		follow_offset(tracer, tracee, request->fd);
		torn_trace_drain(tracer);
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
		take_passed(tracer, tracee, result);
		return;
	}
	struct torn_op *op = tracee->op;
	check_agreement(tracer, tracee, result);
	if (result == -ENOSPC)
		torn_trace_note(tracer, TORN_NOTE_FULL, torn_call_name(op->call));
	take_result(tracer, tracee, result);
	op->result = op->told = result;
	const long answer = finish(tracer, tracee);
	if (answer != result)
		registers->rax = (unsigned long long)answer;
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
