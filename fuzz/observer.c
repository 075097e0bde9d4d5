/* observer.c: see observer.h. */
#include "observer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "coverage.h"
#include "cuts_disk.h"
#include "memory.h"

/* Memory is the same after a minute and after a day: what is full is emptied. */
#define TREES_MAX 4096u
/* Told apart only to be counted: what is forgotten is counted again. */
#define STATES_MAX (UINT64_C(1) << 17)
/* There are many runs, and what a power cut leaves of them is mostly the same. */
#define SETS_MAX 2048u
/*
 * A run of more calls than this is judged, and looks like nothing new to libFuzzer: what
 * is done over and over shows after a few times, and a search that is built upon
 * such cases takes all its time and memory for them.
 */
#define OPS_TO_BUILD_ON 512u

int torn_observer_open(struct torn_observer *observer, struct torn_fuzzed *fuzzed,
		       struct torn_lab *lab, uint8_t *novelty, size_t novelty_size)
{
	observer->fuzzed = fuzzed;
	observer->lab = lab;
	observer->novelty = novelty;
	observer->novelty_size = novelty_size;
	int r = torn_cuts_open(&observer->cuts, lab, NULL);
	observer->cuts.presets = fuzzed->presets;
	observer->cuts.sets_max = SETS_MAX;
	observer->cuts.seed = 1;
	observer->cuts.disk_states_max = TORN_SEARCHED_STATES_MAX;
	observer->cuts.recordings_max = TORN_SEARCHED_RECORDINGS_MAX;
	observer->cuts.tell = torn_sighting_add_cut;
	observer->cuts.context = &observer->sighting;
	if (r == 0)
		r = torn_later_open(&observer->later, lab, fuzzed->presets);
	observer->cuts.of_all = observer->later.cuts.of_all = &observer->states;
	return r;
}

void torn_observer_close(struct torn_observer *observer)
{
	if (observer->cuts.arena.base)
		torn_cuts_close(&observer->cuts);
	torn_later_close(&observer->later);
	torn_hashes_close(&observer->states);
}

int torn_observer_fail(struct torn_observer *observer)
{
	struct torn_fuzzed *fuzzed = observer->fuzzed;
	snprintf(fuzzed->failure, sizeof fuzzed->failure, "%s", observer->lab->failure);
	fuzzed->failed = true;
	return -EPROTO;
}

void torn_observer_note_unjudged(struct torn_observer *observer, bool is_declared)
{
	torn_fuzzed_note_unjudged(observer->fuzzed, 1, is_declared, observer->lab->failure);
}

/* ----------------------------------------------------------------- running */

int torn_observer_run(struct torn_observer *observer, const struct torn_observed_world *world,
		      struct torn_plan *plan, bool watches_memory, struct torn_trial *ret_trial)
{
	struct torn_lab *lab = observer->lab;
	int r = watches_memory
			? torn_memory_run(lab, &world->setup, plan, ret_trial)
			: torn_trial_run(lab, &world->setup, plan, TORN_TRIAL_PLAIN, ret_trial);
	observer->log_case = 0;
	observer->log_trial = lab->shared->trials;
	struct torn_plan fired;
	if (r == TORN_INVALID && torn_trial_cut_short(lab, ret_trial, &fired)) {
		*plan = fired;
		ret_trial->plan = plan;
		r = TORN_HELD;
	}
	/* One that is seen to wait for ever costs nothing. */
	if (r == TORN_HELD && plan->faults_count > 0 && ret_trial->end == TORN_HUNG &&
	    ret_trial->code != TORN_HANG_WAITS)
		torn_hangs_note(&observer->hangs, world->key, plan, ret_trial->log->numbered);
	return r;
}

void torn_observer_name_log(struct torn_observer *observer, uint64_t key)
{
	observer->log_case = key;
}

const struct torn_log *torn_observer_log_of(const struct torn_observer *observer, uint64_t key)
{
	const struct torn_lab *lab = observer->lab;
	return observer->log_case == key && observer->log_trial == lab->shared->trials
		       ? &lab->recorder->log : NULL;
}

/* ------------------------------------------------------------------ seeing */

/* A pair of calls with what they were told, and how it ended: has that been seen? */
static void mark_novelty(struct torn_observer *observer, const struct torn_trial *trial)
{
	uint32_t last = (uint32_t)trial->end * 31 + (uint32_t)trial->code;
	for (uint32_t i = 0; i < trial->log->count; i++) {
		const struct torn_op *op = &trial->log->ops[i];
		if (op->number == 0)
			continue;
		const uint32_t told = op->told < 0 ? (uint32_t)-op->told : op->told == 0;
		const uint32_t word = (op->call * 1031u + told) * 2 + (op->fault != 0);
		const uint32_t slot = (last * 2654435761u ^ word * 40503u) >> 7;
		observer->novelty[slot & (observer->novelty_size - 1)] = 1;
		last = word;
	}
}

/* What a power cut may leave of a run. Ends the recorder's run where anything is run from there. */
static int judge_cuts(struct torn_observer *observer, struct torn_observed_world *world,
		      const struct torn_trial *trial)
{
	struct torn_cuts *cuts = &observer->cuts;
	if (observer->cuts_key != world->key)
		torn_cuts_forget(cuts);
	observer->cuts_key = world->key;
	cuts->setup = &world->setup;
	cuts->rerun_of_new = world->kills.rerun_of_new;
	cuts->states = (struct torn_states){0};
	cuts->world = world->key;
	const int r = torn_cuts_judge(cuts, trial);
	torn_states_add(&observer->fuzzed->states, &cuts->states);
	return r;
}

/*
 * What comes after one of its kills. Where there is no room for it, or torn cannot judge it, the
 * run itself was judged all the same. Which kill that is says nothing of the case: what is reached
 * from there is told, and makes no case look new.
 */
static int go_on(struct torn_observer *observer, struct torn_observed_world *world,
		 const struct torn_trial *run, const struct torn_kill *wanted)
{
	struct torn_fuzzed *fuzzed = observer->fuzzed;
	struct torn_later *later = &observer->later;
	const struct torn_later_first first = {.world = world->key,
					       .setup = &world->setup,
					       .run = run,
					       .kills = &world->kills,
					       .cuts = &observer->cuts};
	const uint64_t runs = later->runs;
	struct torn_lab *lab = observer->lab;
	const struct torn_bytes reached =
		torn_arena_copy(world->setup.arena, lab->counters, lab->counters_count);
	if (!reached.data) {
		fuzzed->states.left_out = true;
		return 0;
	}
	const int r = torn_later_go_on(later, &first, wanted, &observer->sighting);
	torn_coverage_take(fuzzed->edges_seen);
	if (lab->counters_count > 0)
		memcpy(lab->counters, reached.data, reached.size);
	fuzzed->later_runs += later->runs - runs;
	if (later->runs > runs)
		torn_states_add(&fuzzed->states, &later->cuts.states);
	fuzzed->states.left_out |= r == -ENOMEM;
	if (r == -ENOTSUP)
		torn_observer_note_unjudged(observer, false);
	return r == -EPROTO ? r : 0;
}

/* All that a crash of the run may leave. */
static int judge_crashes(struct torn_observer *observer, struct torn_observed_world *world,
			 const struct torn_trial *trial, const struct torn_kill *wanted)
{
	const unsigned depth = trial->plan->faults_count > 0;
	struct torn_fuzzed *fuzzed = observer->fuzzed;
	struct torn_kills *kills = &world->kills;
	struct torn_trial run = *trial;
	struct torn_log log;
	int r = 0;
	if (kills->trees.count > TREES_MAX)
		torn_kills_forget(kills);
	if (observer->cuts.trees.count > TREES_MAX)
		torn_cuts_forget(&observer->cuts);
	if (observer->states.count > STATES_MAX)
		torn_hashes_clear(&observer->states);
	const uint64_t count = kills->count, trees = kills->trees.count;
	const uint64_t states = observer->states.count;
	const size_t mark = torn_arena_mark(world->setup.arena);
	if (fuzzed->presets) {
		r = torn_log_copy(world->setup.arena, trial->log, &log) < 0 ? -ENOTSUP : 0;
		run.log = &log;
	}
	if (r == 0)
		r = torn_kills_judge(kills, &run, depth ? trial->plan->faults[0].when.first : 1, depth);
	fuzzed->kills += kills->count - count;
	fuzzed->trees += kills->trees.count - trees;
	if (r == 0 && fuzzed->presets)
		r = judge_cuts(observer, world, &run);
	if (r == 0 && fuzzed->presets && wanted)
		r = go_on(observer, world, &run, wanted);
	fuzzed->states.distinct += observer->states.count - states;
	torn_arena_return(world->setup.arena, mark);
	return r;
}

int torn_observer_see(struct torn_observer *observer, struct torn_observed_world *world,
		      struct torn_plan *plan, const struct torn_kill *wanted)
{
	struct torn_fuzzed *fuzzed = observer->fuzzed;
	struct torn_trial trial;
	torn_sighting_begin(&observer->sighting, &world->known);
	int r = torn_observer_run(observer, world, plan, true, &trial);
	torn_coverage_take(fuzzed->edges_seen);
	if (r != TORN_HELD)
		return r;
	fuzzed->trials++;
	fuzzed->ops += trial.log->numbered;
	/* How far a run came that was stopped by a clock is another number each time. */
	if (trial.log->numbered <= OPS_TO_BUILD_ON && trial.end != TORN_HUNG)
		mark_novelty(observer, &trial);
	else if (observer->lab->counters_count > 0)
		memset(observer->lab->counters, 0, observer->lab->counters_count);
	torn_sighting_add_end(&observer->sighting, &trial);
	if (trial.killed)
		return r;
	return judge_crashes(observer, world, &trial, wanted);
}
