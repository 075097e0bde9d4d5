/*
 * history.c: see history.h. Each run numbers the inodes that it begins with anew; in a
 * history each has one number.
 */
#include "history.h"

#include <errno.h>
#include <string.h>

#include "../injectors/log.h"
#include "../injectors/tree.h"
#include "log_hash.h"

/* --------------------------------------------------------------- numbering */

/* How inodes of a run are called in its history. */
struct numbering {
	const torn_object *objects; /* NULL: as in the run */
	torn_object count, highest;
};

static struct numbering numbering_of(const struct torn_setup *setup)
{
	const struct torn_past *past = setup->past;
	return past ? (struct numbering){past->objects, setup->base.count, past->highest}
		    : (struct numbering){NULL, 0, 0};
}

static torn_object number(const struct numbering *numbering, torn_object object)
{
	if (!numbering->objects || object == 0)
		return object;
	return object <= numbering->count ? numbering->objects[object]
					  : numbering->highest + (object - numbering->count);
}

static void number_ops(const struct numbering *numbering, struct torn_op *ops, uint32_t count)
{
	for (uint32_t i = 0; numbering->objects && i < count; i++) {
		ops[i].object = number(numbering, ops[i].object);
		ops[i].object_to = number(numbering, ops[i].object_to);
		ops[i].dir = number(numbering, ops[i].dir);
		ops[i].dir_to = number(numbering, ops[i].dir_to);
	}
}

/* ----------------------------------------------------------------- history */

int torn_history_of(struct torn_arena *arena, const struct torn_setup *setup, const struct torn_log *log,
		    struct torn_history *ret_history)
{
	const struct torn_past *past = setup->past;
	*ret_history = (struct torn_history){&setup->base, log, 0, past};
	if (!past)
		return 0;
	const struct numbering numbering = numbering_of(setup);
	struct torn_log *all = torn_arena_take(arena, sizeof *all);
	const uint32_t count = past->log.count + log->count;
	struct torn_op *ops = torn_arena_take_raw(arena, (count + 1) * sizeof *ops);
	if (!all || !ops)
		return -ENOMEM;
	memcpy(ops, past->log.ops, past->log.count * sizeof *ops);
	memcpy(ops + past->log.count, log->ops, log->count * sizeof *ops);
	number_ops(&numbering, ops + past->log.count, log->count);
	*all = (struct torn_log){.ops = ops, .count = count, .numbered = log->numbered};
	*ret_history = (struct torn_history){&past->base, all, past->log.count, past};
	return 0;
}

uint32_t torn_history_run(const struct torn_history *history, uint32_t index)
{
	const struct torn_past *past = history->past;
	for (uint32_t i = 0; past && i < past->runs; i++)
		if (index < past->ends[i])
			return past->first_run + i;
	return 0;
}

/* ----------------------------------------------------------------- what next */

/* How many records of a log were there when the run ended, and its last op as it was then. */
static uint32_t records_until(const struct torn_trial *ended, struct torn_op *ret_last)
{
	const struct torn_log *log = ended->log;
	uint32_t count = log->count;
	if (ended->killed)
		for (count = 0; count < log->count && log->ops[count].number <= ended->kill_op;)
			if (log->ops[count++].number == ended->kill_op && ended->kill_op > 0)
				break; /* what was printed after it was not */
	if (count > 0) {
		*ret_last = log->ops[count - 1];
		if (ended->killed && ended->kill_bytes > 0) {
			ret_last->result = ret_last->told = (int64_t)ended->kill_bytes;
			ret_last->flags &= ~(unsigned)(TORN_OP_DSYNC | TORN_OP_FULL_SYNC); /* it did not get so far */
		}
	}
	return count;
}

/* What the inodes below a directory are called in the history; both trees are the same. */
static void note_objects(const struct torn_node *as_left, const struct torn_node *as_begun,
			 const struct numbering *numbering, torn_object *objects)
{
	for (uint32_t i = 0; i < as_left->entries_count; i++) {
		const struct torn_entry *left = &as_left->entries[i], *begun = &as_begun->entries[i];
		objects[begun->object] = number(numbering, left->object);
		note_objects(left->node, begun->node, numbering, objects);
	}
}

static torn_object highest_of(const struct torn_fold_base *base, const struct torn_log *log)
{
	torn_object highest = base->count;
	for (uint32_t i = 0; i < log->count; i++) {
		const struct torn_op *op = &log->ops[i];
		const torn_object of[] = {op->object, op->object_to, op->dir, op->dir_to};
		for (size_t j = 0; j < sizeof of / sizeof *of; j++)
			if (of[j] > highest)
				highest = of[j];
	}
	return highest;
}

/* Nobody lost anything: what was done is in effect, and may be pending. */
static int remember(const struct torn_setup *setup, const struct torn_trial *ended,
		    const struct torn_setup *next, struct torn_past **ret_past)
{
	struct torn_arena *arena = setup->arena;
	const struct torn_past *before = setup->past;
	const struct numbering numbering = numbering_of(setup);
	struct torn_op last;
	const uint32_t count = records_until(ended, &last), earlier = before ? before->log.count : 0;
	struct torn_past *past = torn_arena_take(arena, sizeof *past);
	struct torn_op *ops = torn_arena_take_raw(arena, (earlier + count + 1) * sizeof *ops);
	torn_object *objects = torn_arena_take(arena, (next->base.count + 1) * sizeof *objects);
	if (!past || !ops || !objects)
		return -ENOMEM;
	if (before) {
		*past = *before;
		memcpy(ops, before->log.ops, earlier * sizeof *ops);
	} else {
		*past = (struct torn_past){.base = setup->base,
					   .first_run = torn_plan_runs_before(ended->plan) + 1};
	}
	if (torn_log_copy_ops(arena, ended->log->ops, count, ops + earlier) < 0 ||
	    (count > 0 && torn_log_copy_ops(arena, &last, 1, ops + earlier + count - 1) < 0))
		return -ENOMEM;
	number_ops(&numbering, ops + earlier, count);
	past->log = (struct torn_log){.ops = ops, .count = earlier + count, .numbered = ended->kill_op};
	past->ends[past->runs++] = earlier + count;
	past->highest = highest_of(&past->base, &past->log);
	objects[TORN_FOLD_ROOT] = TORN_FOLD_ROOT;
	note_objects(ended->now, next->begin_tree, &numbering, objects);
	past->objects = objects;
	*ret_past = past;
	return 0;
}

int torn_setup_after(const struct torn_setup *setup, const struct torn_trial *ended,
		     struct torn_setup *ret_next)
{
	struct torn_setup next = *setup;
	struct torn_past *past = NULL;
	torn_object objects;
	next.begin_tree = torn_tree_copy_numbered(setup->arena, ended->now, &objects);
	if (!next.begin_tree ||
	    torn_fold_base_make(setup->arena, next.begin_tree, objects, &next.base) < 0)
		return -ENOMEM;
	if (!ended->cut && remember(setup, ended, &next, &past) < 0)
		return -ENOMEM;
	next.past = past;
	*ret_next = next;
	return 0;
}

struct torn_hash torn_setup_hash(const struct torn_setup *setup)
{
	const struct torn_past *past = setup->past;
	struct torn_hash hash = setup->begin_tree->hash;
	if (!past)
		return hash;
	const struct torn_hash at_boot = past->base.objects[TORN_FOLD_ROOT].node->hash;
	hash.low += at_boot.low * UINT64_C(0x9e3779b97f4a7c15);
	hash.high += at_boot.high + torn_log_changes(&past->log);
	return hash;
}
