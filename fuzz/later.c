/* later.c: see later.h. */
#include "later.h"

#include <errno.h>

#include "../injectors/log.h"
#include "cuts_disk.h"
#include "history.h"
#include "log_hash.h"
#include "reduce.h"

/* Memory is the same after a minute and after a day: what is full is emptied. */
#define TREES_MAX 4096u
#define BEGUN_MAX 65536u
/* There are many later runs, and what a power cut leaves of them is mostly the same. */
#define SETS_MAX 2048u

const struct torn_kill torn_later_any;

int torn_later_open(struct torn_later *later, struct torn_lab *lab, unsigned presets)
{
	later->lab = lab;
	torn_kills_open(&later->kills, lab, NULL);
	later->kills.tell = torn_sighting_add_kill;
	later->kills.context = &later->sighting;
	const int r = torn_cuts_open(&later->cuts, lab, NULL);
	later->cuts.presets = presets;
	later->cuts.sets_max = SETS_MAX;
	later->cuts.seed = 1;
	later->cuts.disk_states_max = TORN_SEARCHED_STATES_MAX;
	later->cuts.recordings_max = TORN_SEARCHED_RECORDINGS_MAX;
	later->cuts.tell = torn_sighting_add_cut;
	later->cuts.context = &later->sighting;
	return r;
}

void torn_later_close(struct torn_later *later)
{
	if (!later->lab)
		return;
	torn_kills_close(&later->kills);
	if (later->cuts.arena.base)
		torn_cuts_close(&later->cuts);
	torn_hashes_close(&later->begun);
}

void torn_later_forget(struct torn_later *later)
{
	torn_kills_forget(&later->kills);
	torn_cuts_forget(&later->cuts);
	torn_hashes_clear(&later->begun);
}

/* ---------------------------------------------------------------- choosing */

static struct torn_kill kill_at(const struct torn_op *op, uint64_t bytes)
{
	return (struct torn_kill){.op = op->number, .bytes = bytes, .call = op->call};
}

/*
 * How many kills there are from op `first` on, half-way through each write among them; and
 * the one that is wanted, counted from 0.
 */
static uint32_t find_kill(const struct torn_log *log, uint32_t first, uint32_t wanted,
			  struct torn_kill *ret_kill)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < log->count; i++) {
		const struct torn_op *op = &log->ops[i];
		if (op->number == 0 || op->number < first)
			continue;
		if (torn_op_is_divisible(op) && count++ == wanted)
			*ret_kill = kill_at(op, (uint64_t)op->result / 2);
		if (torn_op_changes(op) && count++ == wanted)
			*ret_kill = kill_at(op, 0);
	}
	return count;
}

static bool choose_any(const struct torn_log *log, uint32_t first, struct torn_kill *ret_kill)
{
	const uint32_t count = find_kill(log, first, UINT32_MAX, ret_kill);
	if (count == 0)
		return false;
	find_kill(log, first, (uint32_t)((torn_log_hash(log) >> 16) % count), ret_kill);
	return true;
}

/* With fewer faults, or in another old state, a run has the same calls at other places. */
static bool choose_nearest(const struct torn_log *log, uint32_t first,
			   const struct torn_kill *wanted, struct torn_kill *ret_kill)
{
	const struct torn_op *op = torn_log_nearest(log, wanted->call, wanted->op, first - 1);
	if (!op)
		return false;
	uint64_t bytes = torn_op_is_divisible(op) ? wanted->bytes : 0;
	if (bytes > 0 && bytes >= (uint64_t)op->result)
		bytes = (uint64_t)op->result / 2;
	*ret_kill = kill_at(op, bytes);
	return true;
}

/* Behind the last fault: no other one could have come. */
static bool choose(const struct torn_trial *run, const struct torn_kill *wanted,
		   struct torn_kill *ret_kill)
{
	const struct torn_plan *plan = run->plan;
	const uint32_t first = plan->faults_count ? plan->faults[plan->faults_count - 1].when.first : 1;
	return wanted->op ? choose_nearest(run->log, first, wanted, ret_kill)
			  : choose_any(run->log, first, ret_kill);
}

/* ---------------------------------------------------------------- going on */

struct torn_plan torn_later_plan(const struct torn_variant *variant, const struct torn_plan *ended)
{
	return (struct torn_plan){.seed = TORN_SEED_AFTER(1),
				  .before = ended,
				  .recovers = variant->recovery != NULL};
}

/* Trees that were judged are those of one world. */
static void take_tables(struct torn_later *later, const struct torn_later_first *first,
			struct torn_setup *next)
{
	const bool is_other = later->world != first->world;
	if (is_other || later->kills.trees.count > TREES_MAX)
		torn_kills_forget(&later->kills);
	if (is_other || later->cuts.trees.count > TREES_MAX)
		torn_cuts_forget(&later->cuts);
	later->world = later->cuts.world = first->world;
	later->kills.setup = later->cuts.setup = next;
	later->kills.rerun_of_new = later->cuts.rerun_of_new = first->kills->rerun_of_new;
	later->cuts.states = (struct torn_states){0};
}

/* Its end, its kills and its power cuts; their tables are those of the later run. */
static int judge(struct torn_later *later, struct torn_trial *run)
{
	struct torn_log log;
	torn_sighting_add_end(&later->sighting, run);
	int r = torn_log_copy(later->kills.setup->arena, run->log, &log);
	run->log = &log;
	if (r == 0)
		r = torn_kills_judge(&later->kills, run, 1, 0);
	if (r == 0)
		r = torn_cuts_judge(&later->cuts, run);
	return r;
}

/* Begin where a kill left the first run: `at_kill`. The caller gives back all that it takes. */
static int go_on_from(struct torn_later *later, const struct torn_later_first *first,
		      const struct torn_trial *at_kill, const struct torn_kill *kill, bool is_wanted,
		      struct torn_sighting *sighting)
{
	struct torn_plan ended = *first->run->plan;
	ended.faults[ended.faults_count++] = torn_kill_fault(kill);
	const struct torn_plan plan = torn_later_plan(first->setup->variant, &ended);
	struct torn_setup next;
	struct torn_trial run;
	int r = torn_setup_after(first->setup, at_kill, &next);
	if (r < 0)
		return r;
	struct torn_hash begin = torn_setup_hash(&next);
	begin.low += first->world;
	if (later->begun.count > BEGUN_MAX)
		torn_hashes_clear(&later->begun);
	if (!torn_hashes_add(&later->begun, begin) && !is_wanted)
		return 0;
	take_tables(later, first, &next);
	torn_sighting_begin_after(&later->sighting, sighting);
	later->runs++;
	r = torn_trial_run(later->lab, &next, &plan, TORN_TRIAL_PLAIN, &run);
	if (r == TORN_HELD)
		r = judge(later, &run);
	torn_lab_leave(later->lab, first->setup, r); /* `next` is gone when this returns */
	later->kills.setup = later->cuts.setup = NULL;
	torn_sighting_add_later(sighting, &later->sighting, kill);
	return r;
}

/* What breaks a promise was seen: nothing that follows from it is of interest. */
static bool is_broken(const struct torn_later_first *first, struct torn_hash tree)
{
	return torn_kills_is_violated(first->kills, tree) ||
	       torn_hashes_find(&first->cuts->broken, tree, NULL);
}

int torn_later_go_on(struct torn_later *later, const struct torn_later_first *first,
		     const struct torn_kill *wanted, struct torn_sighting *sighting)
{
	const struct torn_setup *setup = first->setup;
	const bool comes_after =
		(setup->target->promises & TORN_PROMISES_RETRY) || setup->variant->recovery;
	struct torn_trial at_kill = *first->run;
	struct torn_kill kill;
	if (!comes_after || first->run->plan->faults_count == TORN_FAULTS_MAX ||
	    !choose(first->run, wanted, &kill))
		return 0;
	const size_t mark = torn_arena_mark(setup->arena);
	int r = torn_trial_kill(later->lab, setup, &at_kill, kill.op, kill.bytes);
	if (r == 0 && !is_broken(first, at_kill.now->hash))
		r = go_on_from(later, first, &at_kill, &kill, wanted->op > 0, sighting);
	torn_arena_return(setup->arena, mark);
	return r;
}
