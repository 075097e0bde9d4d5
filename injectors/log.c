/* log.c: see log.h. */
#include "log.h"

#include <errno.h>

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
