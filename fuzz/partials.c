/* partials.c: see partials.h. */
#include "partials.h"

#include <errno.h>
#include <string.h>

#include "judgement.h"

/* Where less is in place comes first. */
static struct torn_partial *place_of(struct torn_partials *partials, uint32_t in_place)
{
	const int had = __builtin_popcount(in_place);
	size_t at = 0;
	for (; at < partials->count; at++) {
		if (partials->items[at].in_place == in_place)
			return &partials->items[at];
		const int has = __builtin_popcount(partials->items[at].in_place);
		if (has > had || (has == had && partials->items[at].in_place > in_place))
			break;
	}
	if (partials->count == TORN_PARTIALS_MAX)
		return NULL;
	memmove(&partials->items[at + 1], &partials->items[at],
		(partials->count - at) * sizeof *partials->items);
	partials->count++;
	partials->items[at] = (struct torn_partial){.in_place = in_place};
	return &partials->items[at];
}

static uint32_t in_place_before(const struct torn_steps *steps, uint32_t op)
{
	uint32_t in_place = 0;
	for (size_t i = 0; i < steps->count; i++)
		if (steps->ops[i] > 0 && steps->ops[i] < op)
			in_place |= UINT32_C(1) << i;
	return in_place;
}

static void name_effects(const struct torn_setup *setup, struct torn_partial *partial)
{
	size_t size = 0;
	for (size_t i = 0; i < setup->promised.watch_count && i < TORN_WATCHED_STEPS_MAX; i++) {
		const struct torn_bytes path = setup->promised.watch[i];
		if (partial->in_place & UINT32_C(1) << i && size < sizeof partial->effects)
			size += (size_t)snprintf(partial->effects + size, sizeof partial->effects - size,
						 "%s/%.*s", size ? ", " : "", TORN_PATH(path));
	}
}

int torn_partials_begin(struct torn_partials *partials, const struct torn_setup *setup,
			const struct torn_trial *clean, struct torn_steps *ret_steps)
{
	struct torn_steps *steps = ret_steps;
	*steps = (struct torn_steps){.last = clean->log->numbered};
	if (!(setup->target->promises & TORN_PROMISES_ROLLBACK) || clean->code != 0)
		return 0;
	const size_t mark = torn_arena_mark(setup->arena);
	struct torn_fold fold;
	int r = torn_fold_begin(&fold, setup->arena, &setup->base);
	steps->count = setup->promised.watch_count < TORN_WATCHED_STEPS_MAX ? setup->promised.watch_count
									     : TORN_WATCHED_STEPS_MAX;
	for (uint32_t i = 0; r == 0 && i < clean->log->count; i++) {
		const struct torn_op *op = &clean->log->ops[i];
		r = torn_fold_step(&fold, op);
		for (size_t j = 0; r == 0 && j < steps->count; j++) {
			const struct torn_bytes path = setup->promised.watch[j];
			const struct torn_node *now = torn_tree_find(torn_fold_tree(&fold), path);
			const bool is_old = torn_tree_same_content(now, torn_tree_find(setup->old_tree, path));
			if (is_old)
				steps->ops[j] = 0;
			else if (steps->ops[j] == 0)
				steps->ops[j] = op->number;
		}
	}
	torn_arena_return(setup->arena, mark);
	/* Also the state in which all is in place, where calls come behind it that may fail. */
	for (uint32_t op = 1; r == 0 && op <= steps->last; op++) {
		struct torn_partial *partial = place_of(partials, in_place_before(steps, op));
		if (partial && !partial->effects[0])
			name_effects(setup, partial);
	}
	return r;
}

void torn_partials_note(struct torn_partials *partials, const struct torn_steps *steps,
			const struct torn_trial *trial)
{
	if (steps->count == 0 || trial->plan->faults_count == 0 || trial->killed || trial->end == TORN_ENDED_BY_PLAN)
		return; /* but one that crashed or hung has met the fault there */
	const struct torn_fault *first = &trial->plan->faults[0];
	struct torn_partial *partial = place_of(partials, in_place_before(steps, first->when.first));
	if (!partial)
		return;
	partial->trials++;
	partial->calls[first->call / 64] |= UINT64_C(1) << first->call % 64;
	if (!torn_trial_ended_by_itself(trial))
		return;
	partial->done += trial->code == 0;
	partial->rolled_back += trial->code == TORN_ROLLED_BACK;
	partial->rollback_failed += trial->code == TORN_ROLLBACK_FAILED;
}

void torn_partials_merge(struct torn_partials *partials, const struct torn_partials *part)
{
	for (size_t i = 0; i < part->count; i++) {
		const struct torn_partial *from = &part->items[i];
		struct torn_partial *to = place_of(partials, from->in_place);
		if (!to)
			return;
		if (!to->effects[0])
			snprintf(to->effects, sizeof to->effects, "%s", from->effects);
		to->trials += from->trials;
		to->done += from->done;
		to->rolled_back += from->rolled_back;
		to->rollback_failed += from->rollback_failed;
		for (size_t j = 0; j < sizeof to->calls / sizeof *to->calls; j++)
			to->calls[j] |= from->calls[j];
	}
}
