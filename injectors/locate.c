/*
 * locate.c: from a decoded call to the objects that it names, for any gate.
 *
 * What is not modelled: permission checks. The target sees itself as root
 * (uid 0), whom no mode stops (capabilities(7), CAP_DAC_OVERRIDE).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "recorder.h"

/* ------------------------------------------------------------ host's files */

/*
 * What libc and the loader read on their own account: how often depends on
 * their caches, so that these calls are no ops. Only where the old tree has
 * no such path, and only to read.
 */
static bool is_host_path(struct torn_bytes path)
{
	static const char *const trees[] = {
		"/lib/",       "/lib64/",          "/usr/lib/",         "/usr/lib64/",
		"/usr/local/lib/", "/usr/share/locale/", "/usr/share/i18n/", "/etc/ld.so.",
		"/proc/self/maps",
	};
	/* Of the library folders only libraries, character sets and locales. */
	static const char *const parts[] = {".so", "/gconv/", "/locale/", "/proc/", "/i18n/"};
	bool is_libcs = false;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		is_libcs |= memmem(path.data, path.size, parts[i], strlen(parts[i])) != NULL;
	if (!is_libcs)
		return false;
	for (size_t i = 0; i < sizeof trees / sizeof *trees; i++) {
		size_t length = strlen(trees[i]);
		if (path.size >= length && memcmp(path.data, trees[i], length) == 0)
			return memmem(path.data, path.size, "/..", 3) == NULL;
	}
	return false;
}

/* Looked for by libc too, and left absent: the host's would make runs differ. */
bool torn_path_is_absent(struct torn_bytes path)
{
	static const char *const absent[] = {
		"/usr/share/zoneinfo/", "/etc/localtime", "/etc/nsswitch.conf", "/etc/passwd",
		"/etc/group",		"/sys/devices/system/cpu/",
	};
	for (size_t i = 0; i < sizeof absent / sizeof *absent; i++)
		if (path.size >= strlen(absent[i]) &&
		    memcmp(path.data, absent[i], strlen(absent[i])) == 0)
			return true;
	return false;
}

static bool is_device(struct torn_bytes path, const char *name)
{
	return path.size == strlen(name) && memcmp(path.data, name, path.size) == 0;
}

static bool only_reads(const struct torn_request *request)
{
	switch (request->kind) {
	case TORN_KIND_open:
		return (request->how & (O_ACCMODE | O_CREAT | O_TRUNC)) == O_RDONLY;
	case TORN_KIND_stat:
	case TORN_KIND_access:
	case TORN_KIND_readlink:
		return true;
	default:
		return false;
	}
}

static enum torn_where outside(const struct torn_request *request, struct torn_bytes path)
{
	if (path.size == 0 || path.data[0] != '/')
		return TORN_WHERE_ROOT;
	if (request->kind == TORN_KIND_open || request->kind == TORN_KIND_stat) {
		if (is_device(path, "/dev/null") || is_device(path, "/dev/zero"))
			return TORN_WHERE_PASS;
		if (request->kind == TORN_KIND_open &&
		    (is_device(path, "/dev/urandom") || is_device(path, "/dev/random")))
			return TORN_WHERE_RANDOM;
	}
	if (only_reads(request) && (is_host_path(path) || torn_path_is_absent(path)))
		return TORN_WHERE_HOST;
	return TORN_WHERE_ROOT;
}

/* ------------------------------------------------------------------ places */

/* Calls that end in AT_ flags: what they do with a symlink and with "" is asked for. */
static bool takes_at_flags(enum torn_call call)
{
	switch (call) {
	case TORN_CALL_newfstatat:
	case TORN_CALL_statx:
	case TORN_CALL_faccessat2:
	case TORN_CALL_fchownat:
	case TORN_CALL_fchmodat2:
	case TORN_CALL_utimensat:
		return true;
	default:
		return false;
	}
}

static bool takes_empty_path(const struct torn_request *request)
{
	return (takes_at_flags(request->call) || request->call == TORN_CALL_linkat) &&
	       (request->how & AT_EMPTY_PATH);
}

/* Calls that make, move or remove a name: their last component is never followed. */
static bool acts_on_name(enum torn_kind kind)
{
	switch (kind) {
	case TORN_KIND_rename:
	case TORN_KIND_unlink:
	case TORN_KIND_rmdir:
	case TORN_KIND_mkdir:
	case TORN_KIND_mknod:
	case TORN_KIND_symlink:
		return true;
	default:
		return false;
	}
}

/* Is a symlink at the end of the path followed? The old forms have no flag for it, but the l... */
bool torn_request_follows(const struct torn_request *request)
{
	if (takes_at_flags(request->call))
		return !(request->how & AT_SYMLINK_NOFOLLOW);
	switch (request->call) {
	case TORN_CALL_linkat:
		return request->how & AT_SYMLINK_FOLLOW;
	case TORN_CALL_lstat:
	case TORN_CALL_lchown:
	case TORN_CALL_lsetxattr:
	case TORN_CALL_lgetxattr:
	case TORN_CALL_llistxattr:
	case TORN_CALL_lremovexattr:
	case TORN_CALL_link:
		return false;
	default:
		break;
	}
	if (request->kind == TORN_KIND_open)
		return !(request->how & O_NOFOLLOW) &&
		       (request->how & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
	return !acts_on_name(request->kind) && request->kind != TORN_KIND_readlink;
}

static enum torn_resolve way_of(const struct torn_request *request)
{
	if (acts_on_name(request->kind))
		return TORN_RESOLVE_PARENT;
	const bool is_followed = torn_request_follows(request);
	if (request->kind == TORN_KIND_open && (request->how & O_CREAT))
		return is_followed ? TORN_RESOLVE_CREATE : TORN_RESOLVE_CREATE_SELF;
	return is_followed ? TORN_RESOLVE_FOLLOW : TORN_RESOLVE_SELF;
}

/* utimensat(fd, NULL, ...) and "" with AT_EMPTY_PATH act on the descriptor itself. */
static bool acts_on_descriptor(const struct torn_request *request, struct torn_bytes path)
{
	if (request->call == TORN_CALL_utimensat || request->call == TORN_CALL_futimesat)
		if (request->path == 0)
			return true;
	if (request->call == TORN_CALL_readlinkat && path.size == 0)
		return true; /* since Linux 2.6.39 on an O_PATH descriptor: readlink(2) */
	return path.size == 0 && takes_empty_path(request);
}

static int locate_path(struct torn_recorder *recorder, const struct torn_request *request,
		       struct torn_bytes path, struct torn_op *op, struct torn_place *ret_place)
{
	struct torn_view *view = &recorder->view;
	int r = torn_view_resolve(view, request->dirfd, path, way_of(request), ret_place);
	if (r < 0) {
		op->path = torn_arena_copy(&recorder->arena, path.data, path.size);
		return r;
	}
	op->object = ret_place->object;
	if (ret_place->descriptor >= 0 && way_of(request) == TORN_RESOLVE_PARENT) /* a name in /proc */
		return op->kind == TORN_KIND_rename	 ? -EXDEV
		       : op->kind == TORN_KIND_rmdir	 ? -ENOTDIR
		       : op->kind == TORN_KIND_unlink	 ? -EPERM
							 : -EEXIST;
	if (ret_place->descriptor >= 0) {
		op->fd = ret_place->descriptor;
		op->path = torn_view_object_path(view, op->object);
		return 0;
	}
	op->dir = ret_place->dir;
	return torn_view_path(view, op->dir, ret_place->name, &op->path, &op->name);
}

static int locate_second(struct torn_recorder *recorder, const struct torn_request *request,
			 struct torn_bytes path, struct torn_op *op, struct torn_place *ret_place)
{
	struct torn_view *view = &recorder->view;
	int r = torn_view_resolve(view, request->dirfd_to, path, TORN_RESOLVE_PARENT, ret_place);
	if (r == 0 && ret_place->descriptor >= 0)
		r = -EXDEV; /* a name below /proc: another file system */
	if (r < 0) {
		op->path_to = torn_arena_copy(&recorder->arena, path.data, path.size);
		return r;
	}
	op->dir_to = ret_place->dir;
	op->object_to = ret_place->object;
	return torn_view_path(view, op->dir_to, ret_place->name, &op->path_to, &op->name_to);
}

/* --------------------------------------------------------------- the rest */

static uint32_t kept_mode(const struct torn_recorder *recorder, uint32_t mode)
{
	return mode & 07777 & ~recorder->view.umask;
}

static void will_create(struct torn_recorder *recorder, struct torn_op *op, uint32_t mode)
{
	op->flags |= TORN_OP_CREATES;
	op->mode = kept_mode(recorder, mode);
	const struct torn_node *dir = torn_view_node(&recorder->view, op->dir);
	/* inode(7): below a set-group-ID directory the group is inherited, by directories the bit too. */
	if (dir && (dir->mode & S_ISGID)) {
		op->gid = dir->gid;
		if (op->kind == TORN_KIND_mkdir)
			op->mode |= S_ISGID;
	}
}

static void attributes_of(const struct torn_node *node, struct torn_op *op)
{
	op->mode = node->mode;
	op->uid = node->uid;
	op->gid = node->gid;
}

static void will_change_owner(const struct torn_request *request, const struct torn_node *node,
			      struct torn_op *op)
{
	attributes_of(node, op);
	if (request->uid != (uint32_t)-1)
		op->uid = request->uid;
	if (request->gid != (uint32_t)-1)
		op->gid = request->gid;
	/* chown_common(), fs/open.c: set-user-ID goes, set-group-ID where the group may execute. */
	if (node->type != TORN_DIRECTORY) {
		op->mode &= ~(uint32_t)S_ISUID;
		if (op->mode & S_IXGRP)
			op->mode &= ~(uint32_t)S_ISGID;
	}
}

static uint64_t iov_total(const struct torn_request *request)
{
	return request->size ? request->size : request->length;
}

/* Where bytes go: pwrite's offset, the descriptor's, or for O_APPEND the end. */
static uint64_t offset_of(const struct torn_recorder *recorder, const struct torn_request *request,
			  const struct torn_description *description)
{
	/* vfs_write() looks at no O_APPEND: file systems do, and procfs does not. */
	if (request->kind != TORN_KIND_read && (description->how & O_APPEND) &&
	    !torn_recorder_is_runtime(recorder, description->object)) {
		const struct torn_node *node =
			torn_view_node(&recorder->view, description->object);
		return node ? node->size : 0;
	}
	/* preadv2(2): an offset of -1 is the descriptor's own. */
	bool own = !request->has_offset ||
		   ((request->call == TORN_CALL_preadv2 || request->call == TORN_CALL_pwritev2) &&
		    request->offset == UINT64_MAX);
	return own ? description->offset : request->offset;
}

/* Is a write durable when it returns? generic_write_sync(), include/linux/fs.h. */
static unsigned synchronous(const struct torn_request *request, const struct torn_description *description)
{
	const unsigned full = TORN_OP_DSYNC | TORN_OP_FULL_SYNC;
	const uint32_t once = request->call == TORN_CALL_pwritev2 ? request->how : 0;
	if ((description->how & O_SYNC) == O_SYNC || (once & RWF_SYNC))
		return full;
	return (description->how & O_DSYNC) || (once & RWF_DSYNC) ? TORN_OP_DSYNC : 0;
}

static void fill(struct torn_recorder *recorder, const struct torn_request *request,
		 const struct torn_strings *strings, const struct torn_description *description,
		 struct torn_op *op)
{
	const struct torn_node *node = torn_view_node(&recorder->view, op->object);
	switch (op->kind) {
	case TORN_KIND_open:
		if ((op->how & O_TMPFILE) == O_TMPFILE && node && node->type == TORN_DIRECTORY) {
			op->dir = op->object;
			op->object = 0;
			op->name = (struct torn_bytes){NULL, 0};
			will_create(recorder, op, request->mode);
		} else if ((op->how & O_CREAT) && !node) {
			will_create(recorder, op, request->mode);
		}
		break;
	case TORN_KIND_close:
		op->how = description->how;
		break;
	case TORN_KIND_symlink:
		op->path_to = torn_arena_copy(&recorder->arena, strings->text.data,
					      strings->text.size);
		will_create(recorder, op, 0777);
		op->mode = 0777;
		break;
	case TORN_KIND_mkdir: /* vfs_mkdir() takes no set-ID bits */
	case TORN_KIND_mknod:
		will_create(recorder, op, request->mode & (op->kind == TORN_KIND_mkdir ? 01777 : 07777));
		op->how = request->mode & S_IFMT;
		break;
	case TORN_KIND_link:
		op->flags |= TORN_OP_CREATES;
		break;
	case TORN_KIND_sync:
		if (node && node->type == TORN_DIRECTORY)
			op->flags |= TORN_OP_DIRECTORY;
		if (op->call == TORN_CALL_sync_file_range) { /* a disk is asked for these bytes, and no others */
			op->offset = request->offset;
			op->length = request->length;
		}
		break;
	case TORN_KIND_rename:
		if (op->object_to)
			op->flags |= TORN_OP_REPLACES;
		break;
	case TORN_KIND_chmod:
		if (node) {
			attributes_of(node, op);
			op->mode = request->mode & 07777;
		}
		break;
	case TORN_KIND_chown:
		if (node)
			will_change_owner(request, node, op);
		break;
	case TORN_KIND_setxattr:
	case TORN_KIND_getxattr:
		op->xattr = torn_arena_copy(&recorder->arena, strings->xattr.data,
					    strings->xattr.size);
		break;
	case TORN_KIND_write:
		op->flags |= synchronous(request, description);
		/* fall through */
	case TORN_KIND_read:
		op->length = iov_total(request);
		op->offset = offset_of(recorder, request, description);
		break;
	case TORN_KIND_copy:
		op->flags |= synchronous(request, description);
		op->length = request->length;
		op->offset = description->offset;
		break;
	case TORN_KIND_truncate:
		op->length = request->length;
		break;
	case TORN_KIND_allocate:
		op->offset = request->offset;
		op->length = request->length;
		break;
	default:
		break;
	}
	uint64_t end = op->kind == TORN_KIND_truncate ? op->length : op->offset + op->length;
	if (node && node->type == TORN_FILE && end > node->size &&
	    (op->kind == TORN_KIND_truncate || op->kind == TORN_KIND_allocate ||
	     op->kind == TORN_KIND_write))
		op->flags |= TORN_OP_EXTENDS;
}

static enum torn_where where_of(const struct torn_description *description)
{
	switch (description->class) {
	case TORN_FD_ROOT:
		return TORN_WHERE_ROOT;
	case TORN_FD_OUTPUT:
		return TORN_WHERE_OUTPUT;
	case TORN_FD_RANDOM:
		return TORN_WHERE_RANDOM;
	default:
		return TORN_WHERE_PASS;
	}
}

/* open(2), O_PATH: what can be done with such a descriptor. */
static bool serves_path_only(const struct torn_request *request)
{
	return request->kind == TORN_KIND_close || request->kind == TORN_KIND_duplicate ||
	       request->kind == TORN_KIND_stat || request->kind == TORN_KIND_chdir ||
	       request->call == TORN_CALL_fcntl; /* the kernel knows which */
}

static enum torn_where error(struct torn_op *op, int r)
{
	op->result = r;
	return TORN_WHERE_ERROR;
}

static enum torn_where locate_descriptor(struct torn_recorder *recorder,
					 struct torn_request *request, int fd,
					 const struct torn_strings *strings, struct torn_op *op)
{
	const struct torn_description *description = torn_view_fd(&recorder->view, fd);
	if (!description)
		return TORN_WHERE_PASS;
	enum torn_where where = where_of(description);
	if (where != TORN_WHERE_ROOT)
		return where;
	op->fd = fd;
	op->object = description->object;
	op->path = description->path;
	if ((description->how & O_PATH) && !request->has_path && !serves_path_only(request))
		return error(op, -EBADF);
	fill(recorder, request, strings, description, op);
	const int r = torn_recorder_refuse_runtime(recorder, op);
	return r < 0 ? error(op, r) : TORN_WHERE_ROOT;
}

/* filename_create(), fs/namei.c: mkdir, mknod, symlink and the new name of a link. */
static int check_new_name(const struct torn_op *op, const struct torn_place *place)
{
	if (place->last == TORN_LAST_LONG)
		return -ENAMETOOLONG;
	if (place->last != TORN_LAST_NAME || place->object)
		return -EEXIST;
	return place->slash && op->kind != TORN_KIND_mkdir ? -ENOENT : 0;
}

/* do_unlinkat() and do_rmdir(), fs/namei.c; what is left the kernel finds. */
static int check_old_name(const struct torn_recorder *recorder, const struct torn_op *op,
			  const struct torn_place *place)
{
	const bool rmdir = op->kind == TORN_KIND_rmdir;
	switch (place->last) {
	case TORN_LAST_LONG:
		return -ENAMETOOLONG;
	case TORN_LAST_DOT:
		return rmdir ? -EINVAL : -EISDIR;
	case TORN_LAST_DOTDOT:
		return rmdir ? -ENOTEMPTY : -EISDIR;
	case TORN_LAST_ROOT:
		return rmdir ? -EBUSY : -EISDIR;
	case TORN_LAST_NAME:
		break;
	}
	if (!place->object)
		return -ENOENT;
	if (rmdir || !place->slash)
		return 0;
	return torn_view_node(&recorder->view, place->object)->type == TORN_DIRECTORY ? -EISDIR : -ENOTDIR;
}

/* do_renameat2(), fs/namei.c: after both directories were found. */
static int check_rename(const struct torn_recorder *recorder, const struct torn_op *op,
			const struct torn_place *from, const struct torn_place *to)
{
	const uint32_t how = op->call == TORN_CALL_renameat2 ? op->how : 0;
	if (torn_fold_filesystem(&recorder->view.fold, from->dir) !=
	    torn_fold_filesystem(&recorder->view.fold, to->dir))
		return -EXDEV; /* whether the names are there or not */
	if (from->last > TORN_LAST_LONG)
		return -EBUSY;
	if (to->last > TORN_LAST_LONG)
		return how & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	if (from->last == TORN_LAST_LONG)
		return -ENAMETOOLONG;
	const struct torn_node *source = torn_view_node(&recorder->view, from->object);
	if (!source)
		return -ENOENT;
	if (to->last == TORN_LAST_LONG)
		return -ENAMETOOLONG;
	const struct torn_node *there = torn_view_node(&recorder->view, to->object);
	if (there && (how & RENAME_NOREPLACE))
		return -EEXIST;
	if (how & RENAME_EXCHANGE) {
		if (!there)
			return -ENOENT;
		if (there->type != TORN_DIRECTORY && to->slash)
			return -ENOTDIR;
	}
	if (source->type != TORN_DIRECTORY && (from->slash || (!(how & RENAME_EXCHANGE) && to->slash)))
		return -ENOTDIR;
	return 0;
}

static int check_place(const struct torn_recorder *recorder, const struct torn_op *op,
		       const struct torn_place *place)
{
	switch (op->kind) {
	case TORN_KIND_rename:
		return 0;
	case TORN_KIND_unlink:
	case TORN_KIND_rmdir:
		return check_old_name(recorder, op, place);
	case TORN_KIND_mkdir:
	case TORN_KIND_mknod:
	case TORN_KIND_symlink:
		return check_new_name(op, place);
	case TORN_KIND_open:
		return 0;
	default:
		return place->object || place->descriptor >= 0 ? 0 : -ENOENT;
	}
}

enum torn_where torn_recorder_locate(struct torn_recorder *recorder, struct torn_request *request,
				     const struct torn_strings *strings, struct torn_op *op)
{
	*op = (struct torn_op){
		.call = request->call,
		.kind = request->kind,
		.how = request->how,
		.fd = -1,
	};
	if (request->call == TORN_CALL_creat)
		op->how = request->how = O_CREAT | O_WRONLY | O_TRUNC;
	if (request->call == TORN_CALL_unlinkat && (request->how & AT_REMOVEDIR))
		op->kind = TORN_KIND_rmdir;

	struct torn_bytes path = request->kind == TORN_KIND_symlink ? strings->path_to
								    : strings->path;
	if (request->kind == TORN_KIND_symlink)
		request->dirfd = request->dirfd_to;
	bool has_path = request->has_path || request->kind == TORN_KIND_symlink;
	if (request->kind == TORN_KIND_symlink &&
	    (strings->text.size == 0 || strings->text.size >= TORN_PATH_MAX))
		return error(op, strings->text.size == 0 ? -ENOENT : -ENAMETOOLONG);
	if (!has_path || (request->has_path && acts_on_descriptor(request, path))) {
		int fd = has_path ? request->dirfd : request->fd;
		if (request->kind == TORN_KIND_copy)
			fd = request->fd_to;
		if (!(has_path && fd == AT_FDCWD)) {
			enum torn_where where =
				locate_descriptor(recorder, request, fd, strings, op);
			if (where != TORN_WHERE_ROOT || !request->has_path_to)
				return where;
		} else {
			path = (struct torn_bytes){(const uint8_t *)".", 1};
		}
	}

	struct torn_place place = {.descriptor = -1};
	if (op->fd < 0) {
		int r = locate_path(recorder, request, path, op, &place);
		if ((r < 0 || place.object == 0) && !recorder->view.root_path.data) {
			enum torn_where where = outside(request, path);
			if (where != TORN_WHERE_ROOT)
				return where;
		}
		if (r < 0)
			return error(op, r);
		if (place.descriptor >= 0) {
			/* A pipe or a device by its /proc name: its own business. */
			const struct torn_description *description =
				torn_view_fd(&recorder->view, place.descriptor);
			if (description->class != TORN_FD_ROOT)
				return TORN_WHERE_PASS;
		}
		r = check_place(recorder, op, &place);
		if (r < 0)
			return error(op, r);
	}
	if (request->has_path_to && request->kind != TORN_KIND_symlink) {
		struct torn_place to;
		int r = locate_second(recorder, request, strings->path_to, op, &to);
		if (r == 0)
			r = op->kind == TORN_KIND_rename ? check_rename(recorder, op, &place, &to)
							 : check_new_name(op, &to);
		if (r < 0)
			return error(op, r);
	}
	const struct torn_description none = {0};
	fill(recorder, request, strings, &none, op);
	const int r = torn_recorder_refuse_runtime(recorder, op);
	return r < 0 ? error(op, r) : TORN_WHERE_ROOT;
}
