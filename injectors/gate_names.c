/* gate_names.c: names made, moved and removed: by the kernel, in directories of the root. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>

#include "gate_files.h"

static bool is_mounted_on(const struct torn_doing *doing, torn_object object)
{
	const struct torn_node *node = torn_view_node(torn_doing_view(doing), object);
	return node && node->mount;
}

/* What the kernel would refuse if the mounts were real: vfs_rename(), fs/namei.c. */
static long refuse_rename(const struct torn_doing *doing, uint32_t flags)
{
	const struct torn_op *op = doing->op;
	if (is_mounted_on(doing, op->object) || is_mounted_on(doing, op->object_to))
		return -EBUSY;
	const bool both = op->object && op->object_to && op->object != op->object_to;
	if ((flags & RENAME_EXCHANGE) && both && torn_doing_lacks(doing, op->dir, TORN_LACKS_EXCHANGE))
		return -EINVAL;
	return 0;
}

long torn_do_rename(const struct torn_doing *doing)
{
	const struct torn_op *op = doing->op;
	if (doing->request->call == TORN_CALL_renameat2 && (op->how & RENAME_WHITEOUT))
		return -EINVAL; /* makes a device: not for the unprivileged */
	int from = torn_doing_dirfd(doing);
	int to = torn_directories_fd(doing->gate->directories, op->dir_to);
	if (from < 0 || to < 0)
		return from < 0 ? from : to;
	uint32_t flags = doing->request->call == TORN_CALL_renameat2 ? op->how : 0;
	const long refused = refuse_rename(doing, flags);
	if (refused < 0)
		return refused;
	return torn_raw(SYS_renameat2, from, torn_doing_name(doing), to, op->name_to.data, flags);
}

long torn_do_unlink(const struct torn_doing *doing)
{
	int dirfd = torn_doing_dirfd(doing);
	if (dirfd < 0)
		return dirfd;
	if (doing->op->kind == TORN_KIND_rmdir && is_mounted_on(doing, doing->op->object))
		return -EBUSY; /* vfs_rmdir() */
	return torn_raw(SYS_unlinkat, dirfd, torn_doing_name(doing),
			doing->op->kind == TORN_KIND_rmdir ? AT_REMOVEDIR : 0);
}

long torn_do_link(const struct torn_doing *doing)
{
	const struct torn_op *op = doing->op;
	int to = torn_directories_fd(doing->gate->directories, op->dir_to);
	if (to < 0)
		return to;
	if (!op->object_to) { /* a name that is taken is EEXIST before: do_linkat() */
		if (torn_doing_filesystem(doing, op->object) != torn_doing_filesystem(doing, op->dir_to))
			return -EXDEV;
		if (torn_doing_lacks(doing, op->dir_to, TORN_LACKS_LINK))
			return -EPERM; /* vfs_link() */
	}
	if (op->fd >= 0 && !(op->how & (AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)))
		return -EXDEV; /* the name itself is procfs' */
	const struct torn_node *node = torn_view_node(torn_doing_view(doing), op->object);
	if (node && node->type == TORN_DIRECTORY)
		return -EPERM; /* vfs_link(); Landlock would say EXDEV before it */
	if (op->fd >= 0) { /* from /proc/self/fd/N, or "" with AT_EMPTY_PATH */
		char path[32];
		snprintf(path, sizeof path, "/proc/self/fd/%d", op->fd);
		return torn_raw(SYS_linkat, AT_FDCWD, path, to, op->name_to.data, AT_SYMLINK_FOLLOW);
	}
	int from = torn_doing_dirfd(doing);
	if (from < 0)
		return from;
	return torn_raw(SYS_linkat, from, torn_doing_name(doing), to, op->name_to.data, 0);
}

long torn_do_symlink(const struct torn_doing *doing)
{
	struct torn_op *op = doing->op;
	int dirfd = torn_doing_dirfd(doing);
	if (dirfd < 0)
		return dirfd;
	op->object = torn_doing_view(doing)->fold.count + 1;
	return torn_raw(SYS_symlinkat, op->path_to.data, dirfd, torn_doing_name(doing));
}

long torn_do_mkdir(const struct torn_doing *doing)
{
	struct torn_op *op = doing->op;
	int dirfd = torn_doing_dirfd(doing);
	if (dirfd < 0)
		return dirfd;
	op->object = torn_doing_view(doing)->fold.count + 1;
	return torn_raw(SYS_mkdirat, dirfd, torn_doing_name(doing), torn_doing_mode(doing));
}

long torn_do_mknod(const struct torn_doing *doing)
{
	struct torn_op *op = doing->op;
	uint32_t type = op->how;
	if (S_ISCHR(type) || S_ISBLK(type))
		return -EPERM;
	int dirfd = torn_doing_dirfd(doing);
	if (dirfd < 0)
		return dirfd;
	op->object = torn_doing_view(doing)->fold.count + 1;
	return torn_raw(SYS_mknodat, dirfd, torn_doing_name(doing), type | torn_doing_mode(doing), 0);
}
