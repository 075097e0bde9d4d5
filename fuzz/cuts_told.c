/*
 * cuts_told.c: which of the states that break a promise are told, and with what. Many states show one
 * cause; the one told loses what plays a part in it, and no more.
 */
#include "cutting.h"

#include <stdlib.h>
#include <string.h>

#include "judgement.h"

/* What cutting->lost leaves at the moment of a violation, in the arena. NULL: no power cut leaves it. */
static const struct torn_node *tree_without(struct cutting *cutting,
					    const struct violation *violation)
{
	const struct torn_history *history = &cutting->history;
	const struct torn_node *tree;
	uint32_t number;
	if (torn_crash_tree(cutting->arena, history->base, history->log, cutting->effects,
			    cutting->persistence, cutting->lost, violation->moment, &tree,
			    &number) < 0)
		return NULL;
	return tree;
}

/* Does that break the same promise? */
static bool is_broken_so(struct cutting *cutting, const struct violation *violation,
			 const struct torn_node *tree, struct torn_judgement *ret_judgement)
{
	struct torn_setup *setup = cutting->cuts->setup;
	const size_t mark = torn_arena_mark(setup->arena);
	struct torn_aftermath aftermath;
	struct torn_trial trial;
	const int r = torn_cutting_trial_after(cutting, tree, violation->acknowledged,
					       &violation->cut, &aftermath, &trial);
	if (r == 0)
		torn_invariant_judge(violation->invariant, &trial, ret_judgement);
	torn_arena_return(setup->arena, mark);
	return r == 0 && ret_judgement->verdict == TORN_VIOLATED &&
	       strcmp(ret_judgement->role, violation->judgement.role) == 0;
}

/* Keep what need not be lost for the same tree. */
static bool keep_what_shows_not(struct cutting *cutting, const struct violation *violation)
{
	const size_t mark = torn_arena_mark(cutting->arena);
	const struct torn_node *whole = tree_without(cutting, violation);
	bool any = false;
	for (uint32_t i = 0; whole && i < cutting->effects->count; i++) {
		const size_t inner = torn_arena_mark(cutting->arena);
		if (!cutting->lost[i])
			continue;
		cutting->lost[i] = false;
		const struct torn_node *tree = tree_without(cutting, violation);
		cutting->lost[i] = !tree || !torn_tree_equal(tree, whole);
		any |= !cutting->lost[i];
		torn_arena_return(cutting->arena, inner);
	}
	torn_arena_return(cutting->arena, mark);
	return any;
}

/* And what need not be lost for the same violation. */
static bool keep_what_breaks_nothing(struct cutting *cutting, struct violation *violation)
{
	bool any = false;
	for (uint32_t i = 0; !violation->is_of_kill && i < cutting->effects->count; i++) {
		const size_t mark = torn_arena_mark(cutting->arena);
		struct torn_judgement judgement;
		if (!cutting->lost[i])
			continue;
		cutting->lost[i] = false;
		const struct torn_node *tree = tree_without(cutting, violation);
		cutting->lost[i] = !tree || !is_broken_so(cutting, violation, tree, &judgement);
		if (!cutting->lost[i]) {
			violation->judgement = judgement;
			violation->is_of_kill = torn_cutting_is_left_by_a_kill(
				cutting, tree, violation->acknowledged);
			any = true;
		}
		torn_arena_return(cutting->arena, mark);
	}
	return any;
}

/*
 * Take out of what was lost all that plays no part in it: of several sets that leave a tree one was seen
 * first, and where not all are looked at, the smallest of them may have much that only happens to be lost.
 * The first of it would be to blame.
 */
static int reduce(struct cutting *cutting, struct violation *violation)
{
	bool is_smaller = false;
	memset(cutting->lost, 0, cutting->effects->count * sizeof *cutting->lost);
	torn_lost_mark(&cutting->history, cutting->effects, &violation->cut, cutting->lost);
	while (keep_what_shows_not(cutting, violation))
		is_smaller = true;
	while (keep_what_breaks_nothing(cutting, violation))
		is_smaller = true;
	if (!is_smaller)
		return 0;
	free((void *)violation->cut.lost);
	const int r = torn_cutting_name_lost(cutting, &violation->cut);
	torn_cutting_blame(cutting, &violation->cut, violation->moment, &violation->judgement);
	return r;
}

static int by_lost(const void *a, const void *b)
{
	const struct torn_cut *left = &((const struct violation *)a)->cut;
	const struct torn_cut *right = &((const struct violation *)b)->cut;
	if (left->lost_count != right->lost_count)
		return left->lost_count < right->lost_count ? -1 : 1;
	if (left->op != right->op)
		return left->op < right->op ? -1 : 1;
	for (uint32_t i = 0; i < left->lost_count; i++) {
		const int order = memcmp(&left->lost[i], &right->lost[i], sizeof left->lost[i]);
		if (order != 0)
			return order;
	}
	return right->during - left->during;
}

/* Does a cut lose all that another one loses? Both are in program order. */
static bool loses_all_of(const struct torn_cut *more, const struct torn_cut *less)
{
	uint32_t next = 0;
	for (uint32_t i = 0; i < more->lost_count && next < less->lost_count; i++)
		next += memcmp(&more->lost[i], &less->lost[next], sizeof less->lost[next]) == 0;
	return next == less->lost_count;
}

static bool is_told_with_less(const struct cutting *cutting, const struct violation *violation)
{
	for (const struct violation *other = cutting->violations; other < violation; other++)
		if (other->is_told && other->invariant == violation->invariant &&
		    strcmp(other->judgement.role, violation->judgement.role) == 0 &&
		    loses_all_of(&violation->cut, &other->cut))
			return true;
	return false;
}

int torn_cutting_tell_smallest(struct cutting *cutting)
{
	const struct torn_cuts *cuts = cutting->cuts;
	int r = 0;
	if (cutting->violations_count > 0)
		qsort(cutting->violations, cutting->violations_count, sizeof *cutting->violations,
		      by_lost);
	for (size_t i = 0; r == 0 && i < cutting->violations_count; i++) {
		struct violation *violation = &cutting->violations[i];
		struct torn_plan plan = *cutting->run->plan;
		if (is_told_with_less(cutting, violation))
			continue;
		r = reduce(cutting, violation);
		if (r < 0 || violation->is_of_kill || is_told_with_less(cutting, violation) ||
		    (violation->is_anyhow && violation->cut.lost_count == 0))
			continue;
		violation->is_told = true;
		plan.cut = violation->cut;
		cuts->tell(cuts->context, &plan, violation->invariant, &violation->judgement);
	}
	return r;
}
