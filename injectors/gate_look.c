/* gate_look.c: what a target sees: answered from the tree, by look.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "gate_files.h"
#include "look.h"

long torn_do_stat(const struct torn_doing *doing)
{
	const struct torn_request *request = doing->request;
	const struct torn_op *op = doing->op;
	const struct torn_fold_object *object = torn_fold_object(&torn_doing_view(doing)->fold, op->object);
	if (!object)
		return -ENOENT;
	if (torn_is_wild(request->buffer))
		return -EFAULT;
	const struct torn_view *view = torn_doing_view(doing);
	if (request->call == TORN_CALL_statfs || request->call == TORN_CALL_fstatfs)
		torn_look_statfs(torn_user(request->buffer));
	else if (request->call == TORN_CALL_statx)
		torn_look_statx(view, op->object, torn_user(request->buffer));
	else
		torn_look_stat(view, op->object, torn_user(request->buffer));
	return 0;
}

long torn_do_access(const struct torn_doing *doing)
{
	const struct torn_node *node = torn_view_node(torn_doing_view(doing), doing->op->object);
	if (!node)
		return -ENOENT;
	/* access(2): root may execute a file only if somebody may. */
	bool may_execute = node->type == TORN_DIRECTORY || (node->mode & 0111);
	return (doing->request->mode & 1) && !may_execute ? -EACCES : 0;
}

long torn_do_readlink(const struct torn_doing *doing)
{
	const struct torn_op *op = doing->op;
	const struct torn_request *request = doing->request;
	struct torn_bytes text = {NULL, 0};
	char magic[TORN_PATH_MAX];
	const bool by_descriptor = *(const char *)torn_user(request->path) == '\0';
	if (!op->name.data && op->fd >= 0 && !by_descriptor) { /* /proc/self/fd/N */
		struct torn_bytes path = torn_view_object_path(torn_doing_view(doing), op->object);
		text.data = (const uint8_t *)magic;
		text.size = (size_t)snprintf(magic, sizeof magic, "/%.*s", (int)path.size,
					     (const char *)path.data);
	} else {
		const struct torn_node *node = torn_view_node(torn_doing_view(doing), op->object);
		if (!node)
			return -ENOENT;
		if (node->type != TORN_SYMLINK) /* do_readlinkat(), fs/stat.c: "" is no path of its own */
			return by_descriptor ? -ENOENT : -EINVAL;
		text = node->link;
	}
	if ((int64_t)request->size <= 0)
		return -EINVAL;
	size_t size = text.size < request->size ? text.size : request->size;
	memcpy(torn_user(request->buffer), text.data, size);
	return (long)size;
}

long torn_do_readdir(const struct torn_doing *doing)
{
	const struct torn_request *request = doing->request;
	struct torn_description *description = torn_view_fd(torn_doing_view(doing), request->fd);
	const struct torn_node *node = torn_view_node(torn_doing_view(doing), description->object);
	if (node->type != TORN_DIRECTORY)
		return -ENOTDIR;
	if (description->how & O_PATH)
		return -EBADF;
	if (description->object != TORN_FOLD_ROOT &&
	    !torn_doing_view(doing)->fold.objects[description->object].links)
		return -ENOENT; /* removed: IS_DEADDIR, fs/readdir.c */
	if (torn_is_wild(request->buffer))
		return -EFAULT;
	return torn_look_list(torn_doing_view(doing), description, torn_user(request->buffer), request->size);
}

long torn_do_chdir(const struct torn_doing *doing)
{
	const struct torn_op *op = doing->op;
	const struct torn_node *node = torn_view_node(torn_doing_view(doing), op->object);
	if (!node)
		return -ENOENT;
	if (node->type != TORN_DIRECTORY)
		return -ENOTDIR;
	torn_doing_view(doing)->cwd = op->object;
	return 0;
}
