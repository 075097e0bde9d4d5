/* writeback.c: see writeback.h. Runs in a signal handler: no malloc. */
#include "writeback.h"

#include <errno.h>
#include <string.h>

static bool syncs_one(const struct torn_op *op)
{
	return op->call == TORN_CALL_fsync || op->call == TORN_CALL_fdatasync;
}

/* After this op no page of the file is dirty. */
static bool cleans(const struct torn_op *op, torn_object file)
{
	if (op->kind != TORN_KIND_sync)
		return false;
	if (op->flags & (TORN_OP_LOST | TORN_OP_KEPT))
		return op->object == file;
	if (!(op->flags & TORN_OP_PERFORMED) || op->result < 0 || op->told < 0)
		return false;
	return op->call == TORN_CALL_sync || op->call == TORN_CALL_syncfs ||
	       ((syncs_one(op) || torn_op_syncs_pages(op)) && op->object == file);
}

static bool dirties(const struct torn_op *op, torn_object file)
{
	return op->object == file && (op->kind == TORN_KIND_write || op->kind == TORN_KIND_copy ||
				       op->kind == TORN_KIND_store);
}

/* The file without what was written since its pages were clean; what was cut off stays so. */
static int fold_clean(struct torn_recorder *recorder, torn_object file,
		      const struct torn_node **ret_node)
{
	const struct torn_log *log = &recorder->log;
	struct torn_fold fold;
	uint32_t clean = 0;
	int r = torn_fold_begin(&fold, &recorder->arena, recorder->base);
	fold.lazy = true;
	for (uint32_t i = 0; i < log->count; i++)
		if (cleans(&log->ops[i], file))
			clean = i;
	for (uint32_t i = 0; r == 0 && i < log->count; i++)
		if (i < clean || !dirties(&log->ops[i], file))
			r = torn_fold_step(&fold, &log->ops[i]);
	if (r == 0)
		*ret_node = torn_fold_object(&fold, file)->node;
	return r;
}

int torn_writeback_reverted(struct torn_recorder *recorder, torn_object file,
			    struct torn_bytes *ret_content)
{
	const struct torn_node *now = torn_view_node(&recorder->view, file), *clean = NULL;
	uint8_t *bytes = torn_arena_take(&recorder->arena, now->size + 1);
	int r = bytes ? fold_clean(recorder, file, &clean) : -ENOMEM;
	if (r < 0)
		return r;
	torn_node_read(clean, 0, bytes, now->size);
	*ret_content = (struct torn_bytes){bytes, now->size};
	return 0;
}

void torn_writeback_report(struct torn_view *view, const struct torn_op *sync, int number)
{
	const struct torn_description *told = torn_view_fd(view, sync->fd);
	for (uint32_t i = 1; i <= view->descriptions_count; i++) {
		struct torn_description *other = &view->descriptions[i];
		if (other != told && other->class == TORN_FD_ROOT && other->object == sync->object)
			other->owed = number;
	}
}

int torn_writeback_owed(struct torn_view *view, const struct torn_op *sync)
{
	struct torn_description *description = syncs_one(sync) ? torn_view_fd(view, sync->fd) : NULL;
	const int number = description ? description->owed : 0;
	if (description)
		description->owed = 0;
	return number;
}
