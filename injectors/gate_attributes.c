/*
 * gate_attributes.c: modes, owners, times and extended attributes. All but the
 * plain mode bits are kept in the tree only: an unprivileged process could not
 * set them, and old kernels have no user attributes on tmpfs.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "gate_files.h"

#define NS_PER_S INT64_C(1000000000)

static const struct torn_node *node_or_error(const struct torn_doing *doing, long *ret_error)
{
	const struct torn_op *op = doing->op;
	const struct torn_node *node = torn_view_node(torn_doing_view(doing), op->object);
	*ret_error = -ENOENT;
	const struct torn_description *description =
		op->fd >= 0 ? torn_view_fd(torn_doing_view(doing), op->fd) : NULL;
	if (!doing->request->has_path && description && (description->how & O_PATH)) {
		*ret_error = -EBADF; /* open(2), O_PATH */
		return NULL;
	}
	return node;
}

long torn_do_chmod(const struct torn_doing *doing)
{
	const struct torn_op *op = doing->op;
	long error;
	const struct torn_node *node = node_or_error(doing, &error);
	if (!node)
		return error;
	if (node->type == TORN_SYMLINK)
		return -EOPNOTSUPP;
	uint32_t mode = (op->mode & 0777) | (node->type == TORN_DIRECTORY ? 0700 : 0600);
	if (op->fd >= 0 && doing->request->has_path) {
		/* By its name below /proc: that works on O_PATH descriptors too (glibc's fchmodat). */
		char path[32];
		snprintf(path, sizeof path, "/proc/self/fd/%d", op->fd);
		return torn_raw(SYS_fchmodat, AT_FDCWD, path, mode);
	}
	if (op->fd >= 0)
		return torn_raw(SYS_fchmod, op->fd, mode);
	int dirfd = torn_doing_dirfd(doing);
	if (dirfd < 0)
		return dirfd;
	return torn_raw(SYS_fchmodat, dirfd, torn_doing_name(doing), mode);
}

long torn_do_chown(const struct torn_doing *doing)
{
	long error;
	return node_or_error(doing, &error) ? 0 : error;
}

static int64_t ns_of(struct timespec time)
{
	return (int64_t)time.tv_sec * NS_PER_S + time.tv_nsec;
}

static bool is_time(struct timespec time)
{
	return time.tv_nsec == UTIME_NOW || time.tv_nsec == UTIME_OMIT ||
	       (time.tv_nsec >= 0 && time.tv_nsec < NS_PER_S);
}

long torn_do_utime(const struct torn_doing *doing)
{
	struct torn_op *op = doing->op;
	const struct torn_request *request = doing->request;
	long error;
	if (!node_or_error(doing, &error))
		return error;
	int64_t now = torn_recorder_now(doing->gate->recorder);
	int64_t modified = now;
	const uint64_t times = request->buffer;
	if (times && request->call == TORN_CALL_utimensat) {
		if (!is_time(((const struct timespec *)torn_user(times))[0]) ||
		    !is_time(((const struct timespec *)torn_user(times))[1]))
			return -EINVAL;
		struct timespec spec = ((const struct timespec *)torn_user(times))[1];
		if (spec.tv_nsec == UTIME_OMIT)
			modified = torn_doing_view(doing)->fold.objects[op->object].modified_ns;
		else if (spec.tv_nsec != UTIME_NOW)
			modified = ns_of(spec);
	} else if (times && request->call == TORN_CALL_utime) {
		modified = ((const int64_t *)torn_user(times))[1] * NS_PER_S;
	} else if (times) {
		const int64_t *usec = (const int64_t *)torn_user(times) + 2;
		modified = usec[0] * NS_PER_S + usec[1] * 1000;
	}
	op->offset = (uint64_t)modified;
	return 0;
}

/* xattr_resolve_name(), fs/xattr.c */
static int check_namespace(struct torn_bytes name)
{
	static const char *const namespaces[] = {"user.", "trusted.", "security.", "system.posix_acl_"};
	for (size_t i = 0; i < sizeof namespaces / sizeof *namespaces; i++)
		if (name.size >= strlen(namespaces[i]) &&
		    memcmp(name.data, namespaces[i], strlen(namespaces[i])) == 0)
			return name.size == strlen(namespaces[i]) ? -EINVAL : 0;
	return -EOPNOTSUPP;
}

/* xattr(7): user attributes only on files and directories. */
static bool cannot_have(const struct torn_node *node, struct torn_bytes name)
{
	return name.size >= 5 && memcmp(name.data, "user.", 5) == 0 && node->type != TORN_FILE &&
	       node->type != TORN_DIRECTORY;
}

long torn_do_setxattr(const struct torn_doing *doing)
{
	struct torn_op *op = doing->op;
	const struct torn_request *request = doing->request;
	long error;
	const struct torn_node *node = node_or_error(doing, &error);
	if (!node)
		return error;
	if (cannot_have(node, op->xattr))
		return -EPERM;
	int r = check_namespace(op->xattr);
	if (r < 0)
		return r;
	bool there = torn_node_xattr(node, op->xattr) != NULL;
	if (!strchr(torn_call_row(request->call)->signature, 'b')) /* a removexattr */
		return there ? 0 : -ENODATA;
	if ((request->how & XATTR_CREATE) && there)
		return -EEXIST;
	if ((request->how & XATTR_REPLACE) && !there)
		return -ENODATA;
	op->data = torn_arena_copy(&doing->gate->recorder->arena, torn_user(request->buffer),
				   request->size);
	return 0;
}

static long give_bytes(const struct torn_request *request, struct torn_bytes bytes)
{
	if (request->size == 0)
		return (long)bytes.size;
	if (bytes.size > request->size)
		return -ERANGE;
	memcpy(torn_user(request->buffer), bytes.data, bytes.size);
	return (long)bytes.size;
}

long torn_do_getxattr(const struct torn_doing *doing)
{
	const struct torn_request *request = doing->request;
	const struct torn_op *op = doing->op;
	long error;
	const struct torn_node *node = node_or_error(doing, &error);
	if (!node)
		return error;
	if (request->xattr) {
		if (cannot_have(node, op->xattr))
			return -ENODATA;
		int r = check_namespace(op->xattr);
		if (r < 0)
			return r;
		const struct torn_xattr *xattr = torn_node_xattr(node, op->xattr);
		return xattr ? give_bytes(request, xattr->value) : -ENODATA;
	}
	size_t size = 0;
	for (uint32_t i = 0; i < node->xattrs_count; i++)
		size += node->xattrs[i].name.size + 1;
	uint8_t *names = torn_arena_take(&doing->gate->recorder->arena, size);
	if (!names)
		return -ENOMEM;
	size_t at = 0;
	for (uint32_t i = 0; i < node->xattrs_count; i++) {
		memcpy(names + at, node->xattrs[i].name.data, node->xattrs[i].name.size);
		at += node->xattrs[i].name.size + 1;
	}
	return give_bytes(request, (struct torn_bytes){names, size});
}
