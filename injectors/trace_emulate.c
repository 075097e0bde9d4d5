/*
 * trace_emulate.c: calls that the kernel is not asked, since tmpfs has not got them, or since they would be
 * other ones on each machine, or would reach beyond the directory: trace_internal.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "look.h"
#include "trace_internal.h"

#define NS_PER_S INT64_C(1000000000)

/* Write a file's content as torn's own doing; `whole`: it has no other bytes. */
int torn_trace_write_into(const struct torn_tracee *tracee, int fd, struct torn_bytes bytes, bool whole)
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
	struct torn_view *view = torn_trace_view(tracer);
	const struct torn_description *to = torn_view_fd(view, op->fd);
	const struct torn_description *from = torn_view_fd(view, (int)tracee->request.arg[2]);
	if (!from)
		return -EBADF;
	if (from->class != TORN_FD_ROOT)
		return -EXDEV;
	op->object_to = from->object;
	if (torn_view_node(view, from->object)->type != TORN_FILE || torn_view_node(view, to->object)->type != TORN_FILE)
		return -EINVAL;
	if ((to->how & O_ACCMODE) == O_RDONLY || (to->how & O_APPEND) || (from->how & O_ACCMODE) == O_WRONLY)
		return -EBADF;
	const int r = torn_fold_cloned(&tracer->recorder->arena, &view->fold, from->object, to->object, &op->data);
	return r < 0 ? r : torn_trace_write_into(tracee, op->fd, op->data, true);
}

/* As the gate in process, from the tree. */
static long list(struct torn_tracer *tracer, const struct torn_tracee *tracee)
{
	struct torn_view *view = torn_trace_view(tracer);
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
	struct torn_description *description = torn_view_fd(torn_trace_view(tracer), tracee->request.fd);
	const uint64_t whence = tracee->request.arg[2];
	const uint64_t from = whence == SEEK_CUR ? description->cursor : 0;
	if ((whence != SEEK_SET && whence != SEEK_CUR) || from + tracee->request.offset > INT32_MAX)
		return -EINVAL;
	return description->cursor = (uint32_t)(from + tracee->request.offset);
}

/* utime(2) and its like: when the file says it was modified. */
int64_t torn_trace_modified(struct torn_tracer *tracer, const struct torn_tracee *tracee, torn_object object)
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
		const struct torn_fold_object *there = torn_fold_object(&torn_trace_view(tracer)->fold, object);
		return there ? there->modified_ns : now;
	}
	return raw[2] * NS_PER_S + raw[3];
}

/* What the kernel is not asked: it is told from the tree, or would reach beyond the directory. */
bool torn_trace_is_emulated(const struct torn_tracer *tracer, const struct torn_op *op)
{
	if (op->call == TORN_CALL_sync || op->call == TORN_CALL_syncfs || op->kind == TORN_KIND_clone ||
	    op->kind == TORN_KIND_readdir)
		return true;
	if (op->kind == TORN_KIND_point)
		return true;
	if (op->kind == TORN_KIND_chown && tracer->tracing.whole)
		return true; /* there is nobody else in the user namespace: user_namespaces(7) */
	const struct torn_node *node = op->kind == TORN_KIND_seek
					       ? torn_view_node(&tracer->recorder->view, op->object)
					       : NULL;
	return node && node->type == TORN_DIRECTORY;
}

long torn_trace_emulate(struct torn_tracer *tracer, struct torn_tracee *tracee, struct torn_op *op)
{
	switch (op->kind) {
	case TORN_KIND_clone:
		return clone_file(tracer, tracee, op);
	case TORN_KIND_readdir:
		return list(tracer, tracee);
	case TORN_KIND_seek:
		return seek_directory(tracer, tracee);
	default: /* points; chown; sync, syncfs: not for real, it would flush the host's disks */
		return 0;
	}
}
