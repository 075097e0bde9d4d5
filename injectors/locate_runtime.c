/*
 * locate_runtime.c: calls on what the kernel keeps, for any gate: what procfs refuses, and what
 * a call that it takes makes of a file below the runtime mount (runtime.h). The op then says so: it
 * has kind `runtime`, and its data is the whole new content.
 *
 * What procfs says was measured on Linux 6.18 (gate_runtime_test.c has it).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#include "recorder.h"
#include "runtime.h"
#include "runtime_real.h"
#include "runtime_sysctl.h"

torn_object torn_recorder_runtime(const struct torn_recorder *recorder)
{
	const struct torn_node *root = torn_view_node(&recorder->view, TORN_FOLD_ROOT);
	for (uint32_t i = 0; i < root->entries_count; i++)
		if (root->entries[i].node->mount & TORN_RUNTIME)
			return root->entries[i].object;
	return 0;
}

bool torn_recorder_is_runtime(const struct torn_recorder *recorder, torn_object object)
{
	const struct torn_fold *fold = &recorder->view.fold;
	if (!object)
		return false;
	return fold->objects[torn_fold_filesystem(fold, object)].node->mount & TORN_RUNTIME;
}

static const struct torn_node *below(const struct torn_recorder *recorder, const char *path)
{
	const struct torn_node *mount =
		torn_view_node(&recorder->view, torn_recorder_runtime(recorder));
	return mount ? torn_tree_find(mount, torn_bytes_of(path)) : NULL;
}

struct torn_bytes torn_recorder_content(struct torn_recorder *recorder, const struct torn_node *file)
{
	uint8_t *to = torn_arena_take(&recorder->arena, file->size + 1);
	return to ? (struct torn_bytes){to, torn_node_read(file, 0, to, file->size)}
		  : (struct torn_bytes){NULL, 0};
}

/* Fill an op with a file of the runtime mount. Returns 0, -ENOSYS where the root has no such file, -ENOMEM. */
static int name_file(struct torn_recorder *recorder, const char *path, struct torn_op *op,
		     struct torn_bytes *ret_content)
{
	const torn_object mount = torn_recorder_runtime(recorder);
	const struct torn_node *node = torn_view_node(&recorder->view, mount);
	const struct torn_entry *entry = node ? torn_tree_entry(node, torn_bytes_of(path)) : NULL;
	if (!entry || entry->node->type != TORN_FILE)
		return -ENOSYS;
	op->object = entry->object;
	op->path = torn_view_object_path(&recorder->view, op->object);
	/* Not entry->node: the directories of a run's fold are brought up to date later (fold.h, lazy). */
	*ret_content = torn_recorder_content(recorder, torn_view_node(&recorder->view, op->object));
	return ret_content->data && (op->path.size == 0 || op->path.data) ? 0 : -ENOMEM;
}

/* ---------------------------------------------------------- what is a file */

/* The op's file (or its directory's) as a path below the mount: "sys/kernel/panic". */
static struct torn_bytes inside_of(struct torn_recorder *recorder, const struct torn_op *op)
{
	struct torn_view *view = &recorder->view;
	const torn_object mount = torn_recorder_runtime(recorder);
	const struct torn_bytes lead = torn_view_object_path(view, mount);
	const struct torn_bytes path =
		torn_view_object_path(view, op->object ? op->object : op->dir);
	const size_t skipped = path.size > lead.size ? lead.size + 1 : path.size;
	return (struct torn_bytes){path.data + skipped, path.size - skipped};
}

static int refuse_name(struct torn_recorder *recorder, const struct torn_op *op)
{
	if (op->object == torn_recorder_runtime(recorder))
		return 0; /* what is mounted cannot go: that is no matter of procfs */
	if (op->kind == TORN_KIND_rename && !op->object_to)
		return -ENOENT; /* no name is looked up there that is not there */
	if (op->kind == TORN_KIND_rename && op->object == op->object_to)
		return 0;
	return torn_runtime_is_sysctl(inside_of(recorder, op)) ? -EACCES : -EPERM;
}

/* sysctl_perm(), fs/proc/proc_sysctl.c: root too may do only what the mode lets it. */
static bool is_forbidden(const struct torn_node *node, uint32_t how)
{
	const bool reads = (how & O_ACCMODE) != O_WRONLY, writes = (how & O_ACCMODE) != O_RDONLY;
	return !(how & O_PATH) && ((reads && !(node->mode & 0400)) || (writes && !(node->mode & 0200)));
}

static int refuse_open(struct torn_recorder *recorder, struct torn_op *op, struct torn_bytes inside)
{
	if ((op->how & O_TMPFILE) == O_TMPFILE) /* of a directory, whose op has no object then */
		return torn_runtime_is_sysctl(inside) ? -EACCES : -EOPNOTSUPP;
	const struct torn_node *node = torn_view_node(&recorder->view, op->object);
	if (!node)
		return op->how & O_CREAT ? -ENOENT : 0;
	if ((op->how & O_CREAT) && (op->how & O_EXCL))
		return -EEXIST;
	if ((op->how & O_CREAT) && node->type == TORN_DIRECTORY)
		return -EISDIR;
	if (torn_runtime_is_sysctl(inside) && node->type == TORN_FILE && is_forbidden(node, op->how))
		return -EACCES;
	op->how &= ~(uint32_t)(O_TRUNC | O_CREAT); /* a sysctl has no size to cut */
	return 0;
}

/* A number is read whole, from its beginning: do_proc_dointvec(). Text can be read on. */
static bool reads_nothing(const struct torn_op *op, struct torn_bytes inside)
{
	if (!torn_runtime_is_sysctl(inside) || op->offset == 0)
		return false;
	const struct torn_sysctl *sysctl =
		torn_runtime_sysctl_find((struct torn_bytes){inside.data + 4, inside.size - 4});
	return !sysctl || sysctl->kind != TORN_SYSCTL_STRING;
}

/* What is copied is read and written in pieces of the kernel's own choice. */
static int refuse_copy(struct torn_recorder *recorder, const struct torn_op *op)
{
	if (op->call == TORN_CALL_copy_file_range)
		return -EXDEV;
	torn_recorder_trouble(recorder, TORN_TROUBLE_INCOMPLETE,
			      "%s into a file that the kernel keeps, which is not modelled",
			      torn_call_name(op->call));
	return -EINVAL;
}

/* proc_sys_setattr(); of most other files the mode can be set, which no handler has a use for. */
static int refuse_mode(struct torn_recorder *recorder, const struct torn_op *op, struct torn_bytes inside)
{
	if (!torn_runtime_is_sysctl(inside) && !(inside.size >= 5 && memcmp(inside.data, "self/", 5) == 0))
		torn_recorder_trouble(recorder, TORN_TROUBLE_INCOMPLETE,
				      "%s of /proc/%.*s, which is not modelled", torn_call_name(op->call),
				      (int)inside.size, (const char *)inside.data);
	return -EPERM;
}

static bool is_of_audit(struct torn_bytes inside)
{
	return inside.size >= 5 && memcmp(inside.data, "audit", 5) == 0 &&
	       (inside.size == 5 || inside.data[5] == '/');
}

int torn_recorder_refuse_runtime(struct torn_recorder *recorder, struct torn_op *op)
{
	const torn_object home = op->object ? op->object : op->dir;
	if (!torn_recorder_is_runtime(recorder, home) && !torn_recorder_is_runtime(recorder, op->dir_to))
		return 0;
	op->flags |= TORN_OP_RUNTIME;
	const struct torn_bytes inside = inside_of(recorder, op);
	const bool is_descriptors = op->fd >= 0;
	if (!is_descriptors && is_of_audit(inside))
		return -ENOENT; /* it is of no kernel: runtime.h */
	switch (op->kind) {
	case TORN_KIND_open:
		return refuse_open(recorder, op, inside);
	case TORN_KIND_mkdir:
	case TORN_KIND_mknod:
	case TORN_KIND_symlink:
		return -ENOENT;
	case TORN_KIND_link: /* the new name is looked up first: do_linkat() */
		return torn_recorder_is_runtime(recorder, op->dir_to) ? -ENOENT : -EXDEV;
	case TORN_KIND_rename:
	case TORN_KIND_unlink:
	case TORN_KIND_rmdir:
		return refuse_name(recorder, op);
	case TORN_KIND_chmod:
	case TORN_KIND_chown:
		return refuse_mode(recorder, op, inside);
	case TORN_KIND_setxattr:
	case TORN_KIND_clone:
	case TORN_KIND_allocate:
		return -EOPNOTSUPP;
	case TORN_KIND_getxattr:
		return op->xattr.size ? -EOPNOTSUPP : 0; /* but a list of none can be had */
	case TORN_KIND_control:
		return op->call == TORN_CALL_ioctl ? -ENOTTY : 0;
	case TORN_KIND_truncate: /* it is taken, and nothing is cut: proc_sys_setattr() */
		op->length = op->object ? torn_view_node(&recorder->view, op->object)->size : 0;
		return 0;
	case TORN_KIND_sync: /* there is no f_op->fsync; the others want none */
		return op->call == TORN_CALL_fsync || op->call == TORN_CALL_fdatasync ? -EINVAL : 0;
	case TORN_KIND_map:
		return -ENODEV;
	case TORN_KIND_copy:
		return refuse_copy(recorder, op);
	case TORN_KIND_read:
		if (reads_nothing(op, inside))
			op->length = 0;
		if (torn_runtime_is_sysctl(inside)) /* proc_sys_call_handler() copies what it printed in one piece */
			op->flags |= TORN_OP_AT_ONCE;
		return 0;
	case TORN_KIND_write:
		op->kind = TORN_KIND_runtime;
		return 0;
	default:
		return 0;
	}
}

int torn_recorder_write_runtime(struct torn_recorder *recorder, struct torn_op *op, bool *ret_moves)
{
	const struct torn_bytes inside = inside_of(recorder, op);
	const struct torn_bytes old =
		torn_recorder_content(recorder, torn_view_node(&recorder->view, op->object));
	if (!old.data)
		return -ENOMEM;
	if (!torn_runtime_is_sysctl(inside))
		return -EIO; /* proc_reg_write(): it has none */
	struct torn_sysctl_write write;
	const struct torn_bytes key = {inside.data + 4, inside.size - 4};
	const int r = torn_runtime_sysctl_write(&recorder->arena, key, old, op->data, op->offset, &write);
	if (r != -ENOMEM)
		torn_runtime_real_sysctl(key, old, op->data, op->offset, r, &write);
	if (r < 0 && r != -ENOMEM && !torn_bytes_equal(write.content, old))
		torn_recorder_trouble(recorder, TORN_TROUBLE_INCOMPLETE,
				      "a sysctl of several numbers was set in part and refused");
	if (r < 0)
		return r;
	op->data = write.content;
	*ret_moves = write.moves;
	return (int)write.taken;
}

/* -------------------------------------------------------- calls of its own */

static const char AUDIT_RULES[] = "audit/rules";

static int delete_module(struct torn_recorder *recorder, const struct torn_request *request,
			 const struct torn_strings *strings, struct torn_op *op)
{
	struct torn_bytes modules;
	int r = name_file(recorder, "modules", op, &modules);
	op->name_to = torn_arena_copy(&recorder->arena, strings->text.data, strings->text.size);
	if (r == 0)
		r = torn_runtime_module_delete(&recorder->arena, modules, strings->text, request->how,
					       &op->data);
	return r;
}

/* Of a file it is known which module is in it by its name: /lib/modules/dummy.ko. */
static int insert_module(struct torn_recorder *recorder, const struct torn_request *request,
			 struct torn_op *op)
{
	const struct torn_description *file = torn_view_fd(&recorder->view, request->fd);
	if (!file)
		return -EBADF;
	struct torn_bytes name = file->path;
	const uint8_t *slash = name.size ? memrchr(name.data, '/', name.size) : NULL;
	if (slash)
		name = (struct torn_bytes){slash + 1, name.size - (size_t)(slash + 1 - name.data)};
	if (file->class != TORN_FD_ROOT || name.size <= 3 || memcmp(name.data + name.size - 3, ".ko", 3) != 0)
		return -ENOEXEC;
	name.size -= 3;
	op->name_to = name;
	struct torn_bytes modules;
	const int r = name_file(recorder, "modules", op, &modules);
	return r < 0 ? r : torn_runtime_module_insert(&recorder->arena, modules, name, &op->data);
}

/* Where a path leads, as mountinfo has it. */
static int mount_point(struct torn_recorder *recorder, const struct torn_request *request,
		       struct torn_bytes path, struct torn_bytes *ret_at)
{
	struct torn_place place;
	int r = torn_view_resolve(&recorder->view, AT_FDCWD, path,
				  request->call == TORN_CALL_umount2 && (request->how & 8 /* UMOUNT_NOFOLLOW */)
					  ? TORN_RESOLVE_SELF
					  : TORN_RESOLVE_FOLLOW,
				  &place);
	if (r == 0 && !place.object)
		r = -ENOENT;
	if (r < 0)
		return r;
	const struct torn_bytes at = torn_view_object_path(&recorder->view, place.object);
	uint8_t *to = torn_arena_take(&recorder->arena, at.size + 2);
	if (!to)
		return -ENOMEM;
	to[0] = '/';
	memcpy(to + 1, at.data, at.size);
	*ret_at = (struct torn_bytes){to, at.size + 1};
	return 0;
}

static int change_mounts(struct torn_recorder *recorder, const struct torn_request *request,
			 const struct torn_strings *strings, struct torn_op *op)
{
	struct torn_bytes mountinfo, at;
	int r = name_file(recorder, "self/mountinfo", op, &mountinfo);
	if (r == 0)
		r = mount_point(recorder, request, strings->path, &at);
	if (r < 0)
		return r;
	op->name_to = at;
	if (request->call == TORN_CALL_umount2) {
		r = torn_runtime_umount(&recorder->arena, mountinfo, at, request->how, &op->data);
		if (r != -ENOMEM)
			torn_runtime_real_mount(mountinfo, NULL, at, request->how, r, op->data);
		return r;
	}
	const struct torn_runtime_mount mount = {.source = strings->text,
						 .at = at,
						 .type = strings->xattr,
						 .data = strings->path_to,
						 .flags = request->how};
	r = torn_runtime_mount(&recorder->arena, mountinfo, &mount, &op->data);
	if (r != -ENOMEM)
		torn_runtime_real_mount(mountinfo, &mount, at, 0, r, op->data);
	return r;
}

static int ask_audit(struct torn_recorder *recorder, struct torn_bytes request, struct torn_op *op)
{
	struct torn_op enabled_op = {0};
	struct torn_runtime_audit audit = {0};
	int r = name_file(recorder, "audit/enabled", &enabled_op, &audit.enabled);
	if (r == 0)
		r = name_file(recorder, AUDIT_RULES, op, &audit.rules);
	if (r < 0)
		return r;
	op->data = audit.rules; /* where it does not change */
	r = torn_runtime_audit(&recorder->arena, request, &audit);
	if (audit.replies.size)
		recorder->replies = audit.replies;
	if (r == -ENOMEM)
		return r;
	if (audit.changes_enabled) {
		op->object = enabled_op.object;
		op->path = enabled_op.path;
	}
	op->data = audit.changes_enabled ? audit.enabled : audit.rules;
	return (int)request.size; /* what is wrong with it is in the reply: netlink(7) */
}

static bool is_audit_socket(const struct torn_request *request)
{
	return request->arg[0] == AF_NETLINK && request->arg[2] == NETLINK_AUDIT;
}

/* Serves the target as far as the root says that there is such a kernel. */
static bool is_served(struct torn_recorder *recorder, const struct torn_request *request)
{
	const struct torn_description *description = torn_view_fd(&recorder->view, request->fd);
	switch (request->call) {
	case TORN_CALL_socket:
		return is_audit_socket(request) && below(recorder, AUDIT_RULES);
	case TORN_CALL_sendto:
	case TORN_CALL_recvfrom:
	case TORN_CALL_bind:
		return description && description->class == TORN_FD_AUDIT;
	case TORN_CALL_mount:
	case TORN_CALL_umount2:
		return below(recorder, "self/mountinfo");
	default:
		return below(recorder, "modules");
	}
}

enum torn_where torn_recorder_locate_runtime(struct torn_recorder *recorder,
					     const struct torn_request *request,
					     const struct torn_strings *strings, struct torn_op *op)
{
	if (!is_served(recorder, request))
		return TORN_WHERE_PASS;
	*op = (struct torn_op){.call = request->call,
			       .kind = request->kind,
			       .how = request->how,
			       .fd = request->fd,
			       .flags = TORN_OP_RUNTIME};
	int r = 0;
	switch (request->call) {
	case TORN_CALL_delete_module:
		r = delete_module(recorder, request, strings, op);
		break;
	case TORN_CALL_finit_module:
		r = insert_module(recorder, request, op);
		break;
	case TORN_CALL_mount:
	case TORN_CALL_umount2:
		r = change_mounts(recorder, request, strings, op);
		break;
	case TORN_CALL_sendto:
		r = ask_audit(recorder, strings->text, op);
		break;
	default: /* socket, bind, recvfrom: nothing changes */
		break;
	}
	op->result = r;
	if (r < 0)
		op->data = (struct torn_bytes){NULL, 0};
	return r < 0 ? TORN_WHERE_ERROR : TORN_WHERE_ROOT;
}
