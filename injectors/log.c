/* log.c: see log.h. */
#include "log.h"

#include <errno.h>
#include <fcntl.h>

static bool copy_text(struct torn_arena *arena, struct torn_bytes *text)
{
	if (text->data)
		*text = torn_arena_copy(arena, text->data, text->size);
	return text->data || text->size == 0;
}

int torn_log_copy_ops(struct torn_arena *arena, const struct torn_op *ops, uint32_t count,
		      struct torn_op *ret_ops)
{
	for (uint32_t i = 0; i < count; i++) {
		struct torn_op *op = &ret_ops[i];
		*op = ops[i];
		if (!copy_text(arena, &op->path) || !copy_text(arena, &op->path_to) ||
		    !copy_text(arena, &op->name) || !copy_text(arena, &op->name_to) ||
		    !copy_text(arena, &op->xattr) || !copy_text(arena, &op->data))
			return -ENOMEM;
	}
	return 0;
}

int torn_log_copy(struct torn_arena *arena, const struct torn_log *log, struct torn_log *ret_copy)
{
	struct torn_op *ops = torn_arena_take_raw(arena, (log->count + 1) * sizeof *ops);
	if (!ops || torn_log_copy_ops(arena, log->ops, log->count, ops) < 0)
		return -ENOMEM;
	*ret_copy = *log;
	ret_copy->ops = ops;
	return 0;
}

bool torn_op_changes(const struct torn_op *op)
{
	if (op->result < 0 || !(op->flags & TORN_OP_PERFORMED))
		return false;
	switch (op->kind) {
	case TORN_KIND_open:
		return (op->flags & TORN_OP_CREATES) || (op->how & O_TRUNC);
	case TORN_KIND_write:
	case TORN_KIND_store:
	case TORN_KIND_copy:
	case TORN_KIND_clone:
	case TORN_KIND_runtime:
	case TORN_KIND_truncate:
	case TORN_KIND_allocate:
	case TORN_KIND_rename:
	case TORN_KIND_unlink:
	case TORN_KIND_rmdir:
	case TORN_KIND_link:
	case TORN_KIND_symlink:
	case TORN_KIND_mkdir:
	case TORN_KIND_mknod:
	case TORN_KIND_chmod:
	case TORN_KIND_chown:
	case TORN_KIND_setxattr:
		return true;
	default:
		return false;
	}
}
