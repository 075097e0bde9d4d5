/*
 * sweep_after.c: what comes after a crash: the target's recovery or, where it has none, its
 * next run. It begins with what a kill or a power cut left, and may itself be
 * hit by faults, killed and cut off.
 *
 * After a kill nothing is durable yet that was not before: a power cut in the next run
 * may lose what the first one did. After a power cut all that is there is durable.
 */
#include "sweeping.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../injectors/tree.h"
#include "log_hash.h"

/* From so many states that one run may leave, at most, another one is begun. */
#define LEFTS_MAX 256u
/* There are many later runs, and what they leave is mostly the same. */
#define LATER_SETS_MAX 2048u

/* What a crash left. */
struct left {
	const struct torn_node *tree;
	struct torn_cut cut; /* preset NULL: it was a kill */
	uint32_t op;
	uint64_t bytes;
	enum torn_call call;
};

struct torn_lefts {
	struct torn_arena *arena;
	struct left items[LEFTS_MAX];
	uint32_t count;
	bool some_left_out, no_memory;
};

static struct left *add_left(struct torn_lefts *lefts, const struct torn_node *tree)
{
	if (lefts->count == LEFTS_MAX) {
		lefts->some_left_out = true;
		return NULL;
	}
	struct left *left = &lefts->items[lefts->count];
	*left = (struct left){.tree = torn_tree_copy(lefts->arena, tree)};
	if (!left->tree) {
		lefts->no_memory = true;
		return NULL;
	}
	lefts->count++;
	return left;
}

/* ------------------------------------------------------------------- kills */

static void add_kill(struct torn_lefts *lefts, const struct torn_fold *fold, const struct torn_op *op,
		     uint64_t bytes)
{
	struct left *left = add_left(lefts, torn_fold_tree(fold));
	if (!left)
		return;
	left->op = op->number;
	left->bytes = bytes;
	left->call = op->call;
}

/*
 * From op `first` on, and half-way through each write. A kill after an op that changes nothing, a sync
 * too, is no new one: what a power cut may lose after it, it may lose or keep before it.
 */
static int add_kills(struct torn_lefts *lefts, const struct torn_setup *setup, const struct torn_log *log,
		     uint32_t first)
{
	struct torn_fold fold;
	int r = torn_fold_begin(&fold, lefts->arena, &setup->base);
	for (uint32_t i = 0; r == 0 && i < log->count; i++) {
		const struct torn_op *op = &log->ops[i];
		const struct torn_node *before = torn_fold_tree(&fold);
		const bool is_asked = op->number >= first && op->number > 0;
		if (is_asked && torn_op_is_divisible(op)) {
			r = torn_fold_step_part(&fold, op, (uint64_t)op->result / 2);
			add_kill(lefts, &fold, op, (uint64_t)op->result / 2);
		}
		if (r == 0)
			r = torn_fold_step(&fold, op);
		if (is_asked && torn_fold_tree(&fold) != before)
			add_kill(lefts, &fold, op, 0);
	}
	return r;
}

/* -------------------------------------------------------------------- cuts */

static bool is_stronger(const struct torn_cut *a, const struct torn_cut *b)
{
	return torn_preset_named(torn_bytes_of(a->preset)) < torn_preset_named(torn_bytes_of(b->preset));
}

static void keep_cut(struct torn_lefts *lefts, struct left *left, const struct torn_cut *cut)
{
	const struct torn_bytes lost =
		torn_arena_copy(lefts->arena, cut->lost, cut->lost_count * sizeof *cut->lost);
	left->cut = *cut;
	left->cut.lost = (const struct torn_lost *)(const void *)lost.data;
	left->op = cut->op;
	lefts->no_memory |= !lost.data;
}

static bool same_tree(const struct torn_node *a, const struct torn_node *b)
{
	return a->hash.low == b->hash.low && a->hash.high == b->hash.high;
}

/* From cuts.c. Of a tree that several presets leave the strongest is told. */
static void note_cut(void *context, const struct torn_node *tree, const struct torn_cut *cut)
{
	struct torn_lefts *lefts = ((struct torn_sweeping *)context)->lefts;
	for (uint32_t i = 0; i < lefts->count; i++) {
		struct left *left = &lefts->items[i];
		if (!left->cut.preset || !same_tree(left->tree, tree))
			continue;
		if (is_stronger(cut, &left->cut))
			keep_cut(lefts, left, cut);
		return;
	}
	struct left *left = add_left(lefts, tree);
	if (left)
		keep_cut(lefts, left, cut);
}

/* ---------------------------------------------------------------- going on */

static struct torn_sweeping *first_of(struct torn_sweeping *sweeping)
{
	while (sweeping->before)
		sweeping = sweeping->before;
	return sweeping;
}

/*
 * Is it in none of these that took as few faults? So parts need not know of each other: what
 * comes first in the whole comes first in its part.
 */
static bool is_new(struct torn_hashes *by_faults, struct torn_hash key, uint32_t faults)
{
	for (uint32_t i = 0; i < faults; i++)
		if (torn_hashes_find(&by_faults[i], key, NULL))
			return false;
	return torn_hashes_add(&by_faults[faults], key);
}

bool torn_sweeping_is_new_later(struct torn_sweeping *sweeping, const struct torn_trial *trial)
{
	return is_new(first_of(sweeping)->later_behaviours,
		      (struct torn_hash){torn_log_behaviour(trial->log), 1}, torn_plan_faults(trial->plan));
}

/* The run's plan as it ended. NULL: there is no memory. */
static const struct torn_plan *plan_until(struct torn_lefts *lefts, const struct torn_plan *plan,
					  const struct left *left)
{
	struct torn_plan *ended = torn_arena_take(lefts->arena, sizeof *ended);
	if (!ended)
		return NULL;
	*ended = *plan;
	if (left->cut.preset)
		ended->cut = left->cut;
	else if (ended->faults_count < TORN_FAULTS_MAX)
		ended->faults[ended->faults_count++] = torn_kill_fault(
			&(struct torn_kill){.op = left->op, .bytes = left->bytes, .call = left->call});
	return ended;
}

bool torn_sweeping_is_spared(const struct torn_sweeping *sweeping)
{
	return sweeping->setup->program && sweeping->sweep->how.depth == 1;
}

/*
 * Later runs of a world share their tables: what one leaves another one may leave. But not
 * with those that come before them, which are not through yet.
 */
static struct tables *tables_for(struct torn_sweeping *sweeping, uint32_t runs)
{
	const struct torn_rerun *rerun_of_new = sweeping->kills->rerun_of_new;
	struct tables **later = &first_of(sweeping)->later_tables[runs];
	if (!*later)
		*later = torn_sweeping_tables(sweeping->sweep, sweeping->lab, sweeping->setup);
	if (*later) {
		/* What is durable after another run is asked, and not what yet another one makes of it. */
		(*later)->kills.rerun_of_new = (*later)->cuts.rerun_of_new =
			torn_sweeping_is_spared(sweeping) ? NULL : rerun_of_new;
		(*later)->cuts.sets_max = LATER_SETS_MAX;
	}
	return *later;
}

/* What breaks a promise was told: nothing that follows from it is of interest. */
static bool is_broken(const struct torn_sweeping *sweeping, const struct left *left)
{
	return torn_hashes_find(&sweeping->cuts->broken, left->tree->hash, NULL) ||
	       torn_kills_is_violated(sweeping->kills, left->tree->hash);
}

/* Was no run begun from there before? Not only what is there counts, but also what may yet be lost. */
static bool is_new_begin(struct torn_sweeping *sweeping, const struct torn_setup *next,
			 const struct torn_plan *before)
{
	const struct torn_hash key =
		sweeping->cuts->presets ? torn_setup_hash(next) : next->begin_tree->hash;
	return is_new(first_of(sweeping)->later_begun, key, torn_plan_faults(before));
}

static int go_on_from(struct torn_sweeping *sweeping, struct torn_lefts *lefts,
		      const struct torn_trial *run, const struct left *left)
{
	const struct torn_plan *ended = plan_until(lefts, run->plan, left);
	const struct level *level = &sweeping->levels[sweeping->depth];
	struct tables *tables = tables_for(sweeping, sweeping->runs + 1);
	struct torn_sweeping *later = calloc(1, sizeof *later);
	struct torn_trial at_end = *run;
	struct torn_setup next;
	at_end.now = left->tree;
	at_end.killed = true;
	at_end.kill_op = left->op;
	at_end.kill_bytes = left->bytes;
	at_end.cut = left->cut.preset ? &left->cut : NULL;
	int r = ended && tables && later ? 0 : -ENOMEM;
	if (r == 0)
		r = torn_setup_after(sweeping->setup, &at_end, &next);
	if (r == 0 && is_new_begin(sweeping, &next, ended)) {
		later->sweep = sweeping->sweep;
		later->lab = sweeping->lab;
		later->setup = &next;
		later->world = sweeping->world;
		later->before = sweeping;
		later->runs = sweeping->runs + 1;
		torn_sweeping_use(later, tables);
		later->levels[0] = (struct level){
			.plan = {.seed = TORN_SEED_AFTER(later->runs),
				 .before = ended,
				 .recovers = next.variant->recovery != NULL},
			.order = level->order,
			.mine = level->mine,
		};
		later->levels[0].order.plans[TORN_FAULTS_MAX - later->runs] =
			1 + (uint32_t)(left - lefts->items);
		r = torn_sweeping_later(later);
		torn_lab_leave(sweeping->lab, sweeping->setup, r); /* `next` is gone when this returns */
	}
	if (later)
		torn_sweeping_close(later);
	return r;
}

static bool is_run_on(const struct torn_sweeping *sweeping, const struct torn_trial *run)
{
	const unsigned depth = sweeping->sweep->how.depth;
	const uint32_t faults = torn_plan_faults(run->plan);
	if (faults > 0 && torn_sweeping_is_spared(sweeping))
		return false;
	if (sweeping->setup->program && !sweeping->kills->rerun_of_new && !sweeping->setup->variant->recovery)
		return false;
	const bool comes_after = (sweeping->setup->target->promises & TORN_PROMISES_RETRY) ||
				 sweeping->setup->variant->recovery;
	return comes_after && sweeping->levels[sweeping->depth].mine && sweeping->runs < depth &&
	       sweeping->runs + 1 < TORN_RUNS_MAX && faults + sweeping->runs <= depth &&
	       (faults < depth || depth == 1);
}

int torn_sweeping_collect(struct torn_sweeping *sweeping, const struct torn_trial *run,
			  struct torn_lefts **ret_lefts)
{
	struct torn_arena *arena = sweeping->setup->arena;
	const struct torn_plan *plan = run->plan;
	const uint32_t last = plan->faults_count ? plan->faults[plan->faults_count - 1].when.first : 1;
	*ret_lefts = NULL;
	sweeping->cuts->note = NULL;
	/* A disk's sizes are swept through for one run: what comes after it is another machine's. */
	if (sweeping->sweep->how.full || !is_run_on(sweeping, run))
		return 0;
	struct torn_lefts *lefts = torn_arena_take(arena, sizeof *lefts);
	if (!lefts)
		return -ENOMEM;
	lefts->arena = arena;
	*ret_lefts = sweeping->lefts = lefts;
	/* Of runs without a fault: what an error and then a power cut leave is judged, and not gone on from. */
	if (torn_plan_faults(plan) == 0 && !torn_sweeping_is_spared(sweeping))
		sweeping->cuts->note = note_cut;
	return add_kills(lefts, sweeping->setup, run->log, last);
}

int torn_sweeping_go_on(struct torn_sweeping *sweeping, const struct torn_trial *run,
			struct torn_lefts *lefts)
{
	struct torn_arena *arena = sweeping->setup->arena;
	int r = 0;
	bool unjudged = false;
	for (uint32_t i = 0; r == 0 && i < lefts->count; i++) {
		const size_t mark = torn_arena_mark(arena);
		if (is_broken(sweeping, &lefts->items[i]))
			continue;
		r = go_on_from(sweeping, lefts, run, &lefts->items[i]);
		torn_arena_return(arena, mark);
		if (r == -ENOTSUP) {
			unjudged = true;
			r = 0;
		}
	}
	sweeping->sweep->states.left_out |= lefts->some_left_out;
	if (r < 0)
		return r;
	return lefts->no_memory ? -ENOMEM : unjudged ? -ENOTSUP : 0;
}
