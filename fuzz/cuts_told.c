/*
 * cuts_told.c: which of the states that break a promise are told, and with what. Many states show one
 * cause; the one told loses what plays a part in it, and no more.
 */
#include "cutting.h"

#include <errno.h>
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

static bool is_about_the_same(const struct torn_judgement *a, const struct torn_judgement *b)
{
	return strcmp(a->role, b->role) == 0 && strcmp(a->path, b->path) == 0;
}

/* Does a tree break the same promise? */
static bool run_and_judge(struct cutting *cutting, const struct violation *violation,
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
	       is_about_the_same(ret_judgement, &violation->judgement);
}

/* Is it among those that one tree breaks? */
static bool is_one_of(const struct cutting *cutting, uint32_t first,
		      const struct violation *violation)
{
	for (uint32_t i = first; i < cutting->violations_count; i++) {
		const struct violation *other = &cutting->violations[i];
		if (other->first != first)
			break;
		if (other->invariant == violation->invariant &&
		    is_about_the_same(&other->judgement, &violation->judgement))
			return true;
	}
	return false;
}

static struct torn_hash add_text(struct torn_hash hash, const char *text)
{
	for (; *text; text++)
		hash.low = (hash.low ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	return hash;
}

/* The same; but most trees were looked at before, and those that kills leave come again and again. */
static bool is_broken_so(struct cutting *cutting, const struct violation *violation,
			 const struct torn_node *tree)
{
	struct torn_cuts *cuts = cutting->cuts;
	const struct torn_hash key =
		torn_cutting_key(cutting, tree->hash, violation->acknowledged);
	struct torn_judgement judgement;
	uint32_t before;
	if (torn_hashes_find(&cuts->held, key, NULL))
		return false;
	if (torn_hashes_find(&cutting->told, key, &before))
		return before > 0 && is_one_of(cutting, before - 1, violation);
	const char *const names[] = {violation->invariant->id, "\n", violation->judgement.role, "\n",
				     violation->judgement.path};
	struct torn_hash promise = key;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		promise = add_text(promise, names[i]);
	if (torn_hashes_find(&cuts->promises, promise, &before))
		return before;
	before = run_and_judge(cutting, violation, tree, &judgement);
	torn_hashes_put(&cuts->promises, promise, before);
	return before;
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

/* That success was reported makes it worse; that a failure was, does not. */
static bool takes_a_report(const struct cutting *cutting, const struct violation *violation)
{
	return violation->acknowledged &&
	       !(violation->is_anyhow && cutting->acknowledged.code != 0);
}

/* What a kill in place of the cut leaves: nothing is lost by that, whatever a failed fsync lost. NULL: no kill does. */
static const struct torn_node *tree_of_kill(const struct cutting *cutting, const struct violation *violation)
{
	const uint32_t done = (violation->moment + 1) / 2; /* ops of the history */
	const uint32_t first = cutting->history.first, count = cutting->run->log->count;
	if (done < first)
		return NULL;
	return cutting->kill_trees[done - first < count ? done - first : count];
}

/* Does a kill break the same? One that leaves this very tree, or one in place of the cut. */
static bool is_of_kill(struct cutting *cutting, const struct violation *violation)
{
	const size_t mark = torn_arena_mark(cutting->arena);
	const struct torn_node *killed = tree_of_kill(cutting, violation);
	if (takes_a_report(cutting, violation) || !killed)
		return false;
	const struct torn_node *tree = tree_without(cutting, violation);
	const bool is_left = tree && torn_cutting_is_left_by_a_kill(cutting, tree, false);
	torn_arena_return(cutting->arena, mark);
	if (is_left)
		return true;
	return is_broken_so(cutting, violation, killed);
}

/* And what need not be lost for the same violation. */
static bool keep_what_breaks_nothing(struct cutting *cutting, struct violation *violation)
{
	bool any = false;
	for (uint32_t i = 0; !violation->is_of_kill && i < cutting->effects->count; i++) {
		const size_t mark = torn_arena_mark(cutting->arena);
		if (!cutting->lost[i])
			continue;
		cutting->lost[i] = false;
		const struct torn_node *tree = tree_without(cutting, violation);
		cutting->lost[i] = !tree || !is_broken_so(cutting, violation, tree);
		if (!cutting->lost[i]) {
			violation->is_of_kill = torn_cutting_is_left_by_a_kill(
				cutting, tree, takes_a_report(cutting, violation));
			any = true;
		}
		torn_arena_return(cutting->arena, mark);
	}
	return any;
}

/* Tell it as what cutting->lost makes of it. */
static int tell_anew(struct cutting *cutting, struct violation *violation)
{
	const size_t mark = torn_arena_mark(cutting->arena);
	const struct torn_node *tree = tree_without(cutting, violation);
	if (tree)
		run_and_judge(cutting, violation, tree, &violation->judgement);
	torn_arena_return(cutting->arena, mark);
	free((void *)violation->cut.lost);
	const int r = torn_cutting_name_lost(cutting, &violation->cut);
	torn_cutting_blame(cutting, &violation->cut, violation->moment, &violation->judgement);
	return r;
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
	violation->is_of_kill = is_of_kill(cutting, violation);
	if (violation->is_of_kill)
		return 0;
	while (keep_what_shows_not(cutting, violation))
		is_smaller = true;
	while (keep_what_breaks_nothing(cutting, violation))
		is_smaller = true;
	return is_smaller && !violation->is_of_kill ? tell_anew(cutting, violation) : 0;
}

/* In the order of the search where a cut breaks several promises. */
static int by_lost(const void *a, const void *b)
{
	const struct violation *one = *(const struct violation *const *)a;
	const struct violation *other = *(const struct violation *const *)b;
	const struct torn_cut *left = &one->cut, *right = &other->cut;
	if (left->lost_count != right->lost_count)
		return left->lost_count < right->lost_count ? -1 : 1;
	if (left->op != right->op)
		return left->op < right->op ? -1 : 1;
	for (uint32_t i = 0; i < left->lost_count; i++) {
		const int order = memcmp(&left->lost[i], &right->lost[i], sizeof left->lost[i]);
		if (order != 0)
			return order;
	}
	if (left->during != right->during)
		return right->during - left->during;
	return one < other ? -1 : one > other;
}

/* Does a cut lose all that another one loses? Both are in program order. */
static bool loses_all_of(const struct torn_cut *more, const struct torn_cut *less)
{
	uint32_t next = 0;
	for (uint32_t i = 0; i < more->lost_count && next < less->lost_count; i++)
		next += memcmp(&more->lost[i], &less->lost[next], sizeof less->lost[next]) == 0;
	return next == less->lost_count;
}

static bool is_told_with_less(struct violation *const *told, size_t count,
			      const struct violation *violation)
{
	for (size_t i = 0; i < count; i++)
		if (told[i]->invariant == violation->invariant &&
		    is_about_the_same(&told[i]->judgement, &violation->judgement) &&
		    loses_all_of(&violation->cut, &told[i]->cut))
			return true;
	return false;
}

/*
 * Is it right as the run left it, and the recovery takes back what was reported? An error of the run itself
 * is told of it without a power cut; of this nobody else tells.
 */
static bool is_of_recovery(const struct cutting *cutting, const struct violation *violation)
{
	const struct torn_node *tree = tree_of_kill(cutting, violation);
	struct torn_judgement judgement;
	struct torn_trial trial = *cutting->run;
	if (!violation->acknowledged || violation->is_anyhow || !tree ||
	    !cutting->cuts->setup->variant->recovery)
		return false;
	trial.now = tree;
	trial.killed = true;
	trial.cut = &violation->cut;
	trial.acknowledged = true;
	trial.code = cutting->acknowledged.code;
	torn_invariant_judge(violation->invariant, &trial, &judgement);
	return judgement.verdict == TORN_HELD;
}

/* What was done when it was told is not all, or does not last. */
static bool is_of_report(const struct cutting *cutting, const struct violation *violation)
{
	return (violation->acknowledged && !violation->is_anyhow && cutting->run->target->ack) ||
	       is_of_recovery(cutting, violation);
}

/*
 * What a failed fsync had lost before is lost by any cut. Where it is as wrong with that kept it plays no
 * part, and the end of the run, which left it to the recovery, is to blame.
 */
static void blame_end(struct cutting *cutting, struct violation *violation)
{
	const struct torn_node *tree = tree_of_kill(cutting, violation);
	if (!is_of_recovery(cutting, violation) || !is_broken_so(cutting, violation, tree))
		return;
	const struct torn_op *op = torn_log_op(cutting->run->log, violation->cut.op);
	violation->judgement.call = op ? op->call : TORN_CALL_NONE;
	violation->judgement.op = violation->cut.op;
}

static void tell(const struct cutting *cutting, const struct violation *violation)
{
	const struct torn_cuts *cuts = cutting->cuts;
	struct torn_plan plan = *cutting->run->plan;
	plan.cut = violation->cut;
	cuts->tell(cuts->context, &plan, violation->invariant, &violation->judgement);
}

int torn_cutting_tell_smallest(struct cutting *cutting)
{
	const size_t count = cutting->violations_count;
	/* Where each stands among all is what cutting->told knows: they keep their places. */
	struct violation **order = calloc(count + 1, sizeof *order);
	size_t told = 0; /* the first of `order`, from when they are */
	int r = order ? 0 : -ENOMEM;
	for (size_t i = 0; r == 0 && i < count; i++)
		order[i] = &cutting->violations[i];
	if (r == 0)
		qsort(order, count, sizeof *order, by_lost);
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct violation *violation = order[i];
		if (is_told_with_less(order, told, violation))
			continue;
		r = reduce(cutting, violation);
		if (r < 0 || violation->is_of_kill || is_told_with_less(order, told, violation) ||
		    (violation->cut.lost_count == 0 && !is_of_report(cutting, violation)))
			continue;
		blame_end(cutting, violation);
		order[told++] = violation;
		tell(cutting, violation);
	}
	free(order);
	return r;
}
