/*
 * trace_whole.c: does a path lead into the tree, where that is all that the program sees as "/"?
 * trace_internal.h.
 *
 * The kernel resolves what the program says: it sees the tree too, by chroot(2). Only names in the root
 * where something else is mounted (/usr, /dev) lead out. Of /proc the tree may have files (/proc/modules), and
 * the kernel's own is mounted elsewhere: what a process finds of itself there, it is led to.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "trace_internal.h"

static bool begins_with(struct torn_bytes path, const char *lead)
{
	const size_t size = strlen(lead);
	return path.size >= size && memcmp(path.data, lead, size) == 0;
}

static int join(struct torn_arena *arena, struct torn_bytes a, struct torn_bytes b, struct torn_bytes *ret_path)
{
	uint8_t *path = torn_arena_take(arena, a.size + b.size + 1);
	if (!path)
		return -ENOMEM;
	memcpy(path, a.data, a.size);
	memcpy(path + a.size, b.data, b.size);
	path[a.size + b.size] = '\0';
	*ret_path = (struct torn_bytes){path, a.size + b.size};
	return 0;
}

/* Does it name a process ("/proc/self/fd/5", "/proc/100/maps")? Gives what is behind "/proc". */
static bool is_of_process(struct torn_bytes path, struct torn_bytes *ret_below)
{
	if (!begins_with(path, "/proc/"))
		return false;
	const struct torn_bytes below = {path.data + strlen("/proc"), path.size - strlen("/proc")};
	*ret_below = below;
	size_t digits = 1;
	while (digits < below.size && below.data[digits] >= '0' && below.data[digits] <= '9')
		digits++;
	return begins_with(below, "/self/") || begins_with(below, "/thread-self/") ||
	       (digits > 1 && (digits == below.size || below.data[digits] == '/'));
}

/* A descriptor of a file of the tree: what it is called below /proc, the view knows. */
static bool is_own_file(struct torn_view *view, struct torn_bytes path)
{
	struct torn_place place;
	return torn_view_resolve(view, AT_FDCWD, path, TORN_RESOLVE_FOLLOW, &place) == 0 && place.descriptor >= 0 &&
	       torn_view_fd(view, place.descriptor)->class == TORN_FD_ROOT;
}

/* Does a path begin in a directory that is not the tree's? */
static bool begins_outside(struct torn_view *view, int dirfd, struct torn_bytes path)
{
	if (path.data[0] == '/')
		return false;
	return dirfd == AT_FDCWD ? view->cwd == 0 : !torn_view_fd(view, dirfd);
}

/* The path of a directory outside, as the program has it: the tracer sees the root's own before it. */
static int from_outside(struct torn_tracer *tracer, const struct torn_tracee *tracee, int dirfd,
			struct torn_bytes *path)
{
	char name[64], text[TORN_PATH_MAX];
	if (dirfd == AT_FDCWD)
		snprintf(name, sizeof name, "/proc/%d/cwd", tracee->tid);
	else
		snprintf(name, sizeof name, "/proc/%d/fd/%d", tracee->tid, dirfd);
	const ssize_t size = readlink(name, text, sizeof text - 1);
	const size_t lead = tracer->root_path.size;
	if (size < (ssize_t)lead || memcmp(text, tracer->root_path.data, lead) != 0)
		return -ENOTDIR; /* a pipe or the like */
	text[size] = '/';
	return join(torn_trace_view(tracer)->fold.arena,
		    (struct torn_bytes){(const uint8_t *)text + lead, (size_t)size + 1 - lead}, *path, path);
}

int torn_trace_reach_whole(struct torn_tracer *tracer, const struct torn_tracee *tracee, int dirfd,
			   struct torn_bytes path, bool follows, struct torn_reached *ret_reached)
{
	struct torn_view *view = torn_trace_view(tracer);
	struct torn_bytes below;
	struct torn_place place;
	*ret_reached = (struct torn_reached){.dirfd = dirfd, .path = path};
	if (path.size == 0)
		return 0;
	if (begins_outside(view, dirfd, path)) {
		const int r = from_outside(tracer, tracee, dirfd, &path);
		if (r < 0)
			return r == -ENOMEM ? r : 0;
		ret_reached->path = path;
		ret_reached->dirfd = AT_FDCWD;
	}
	ret_reached->inside = is_own_file(view, path);
	int r = torn_view_resolve(view, dirfd, path, follows ? TORN_RESOLVE_FOLLOW : TORN_RESOLVE_SELF, &place);
	if (r == -ENOMEM)
		return r;
	const bool is_there = r == 0 && place.object != 0;
	if (!ret_reached->inside)
		ret_reached->inside = r != -EXDEV && (is_there || !is_of_process(path, &below));
	const bool is_kernels = !ret_reached->inside || (r == 0 && place.descriptor >= 0);
	if (r != -EXDEV && is_kernels && is_of_process(path, &below))
		return join(view->fold.arena, torn_bytes_of(tracer->tracing.whole->proc), below, &ret_reached->moved);
	return 0;
}

static bool lacks(const struct torn_view *view, torn_object object, enum torn_mount what)
{
	return torn_view_node(view, torn_fold_filesystem(&view->fold, object))->mount & (uint32_t)what;
}

static bool is_mounted_on(const struct torn_view *view, torn_object object)
{
	const struct torn_node *node = object ? torn_view_node(view, object) : NULL;
	return node && node->mount;
}

long torn_trace_mounts_refuse(struct torn_tracer *tracer, const struct torn_op *op)
{
	const struct torn_view *view = torn_trace_view(tracer);
	const bool both = op->object && op->object_to && op->object != op->object_to;
	switch (op->kind) {
	case TORN_KIND_rename:
		if (is_mounted_on(view, op->object) || is_mounted_on(view, op->object_to))
			return -EBUSY;
		return op->call == TORN_CALL_renameat2 && (op->how & RENAME_EXCHANGE) && both &&
				       lacks(view, op->dir, TORN_LACKS_EXCHANGE)
			       ? -EINVAL
			       : 0;
	case TORN_KIND_rmdir:
		return is_mounted_on(view, op->object) ? -EBUSY : 0;
	case TORN_KIND_link:
		if (op->object_to)
			return 0;
		if (torn_fold_filesystem(&view->fold, op->object) != torn_fold_filesystem(&view->fold, op->dir_to))
			return -EXDEV;
		return lacks(view, op->dir_to, TORN_LACKS_LINK) ? -EPERM : 0;
	case TORN_KIND_open:
		return !op->name.data && (op->flags & TORN_OP_CREATES) && lacks(view, op->dir, TORN_LACKS_TMPFILE)
			       ? -EOPNOTSUPP
			       : 0;
	default:
		return 0;
	}
}

void torn_trace_move_path(struct torn_tracee *tracee, struct torn_bytes path)
{
	struct user_regs_struct registers = tracee->registers;
	const struct torn_request *request = &tracee->request;
	const uint64_t at = torn_tracee_scratch(tracee, path.size + 1);
	if (!torn_tracee_write(tracee, at, path.data, path.size + 1))
		return;
	/* The path is the first argument, or stands behind a descriptor. */
	if (registers.rdi == request->path)
		registers.rdi = at;
	else
		registers.rsi = at;
	tracee->changed = true;
	torn_tracee_set(tracee, &registers);
}
