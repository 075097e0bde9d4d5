/*
 * sweep.c: see sweep.h. The same sweep gives the same findings, wherever and
 * whenever it runs: nothing here looks at a clock, an address or a pid, but for the time that somebody gave it.
 */
#include "sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clean_run.h"
#include "log_hash.h"
#include "looking.h"
#include "memory.h"
#include "placing.h"
#include "setup.h"
#include "sweeping.h"

int torn_sweep_open(struct torn_sweep **ret_sweep)
{
	struct torn_arena arena;
	int r = torn_arena_open(&arena, 64u << 20);
	if (r < 0)
		return r;
	struct torn_sweep *sweep = torn_arena_take(&arena, sizeof *sweep);
	if (!sweep)
		return -ENOMEM;
	sweep->arena = arena;
	*ret_sweep = sweep;
	return 0;
}

void torn_sweep_close(struct torn_sweep *sweep)
{
	struct torn_arena arena = sweep->arena;
	torn_arena_close(&arena);
}

void torn_sweep_begin(struct torn_sweep *sweep, const struct torn_target *target,
		      const struct torn_variant *variant, const struct torn_sweep_how *how)
{
	struct torn_arena arena = sweep->arena;
	const struct torn_sweep_how as_told = *how; /* it may be the sweep's own */
	torn_arena_return(&arena, (sizeof *sweep + 15) & ~(size_t)15);
	memset(sweep, 0, sizeof *sweep);
	sweep->arena = arena;
	sweep->findings.arena = &sweep->arena;
	sweep->target = target;
	sweep->variant = variant;
	sweep->how = as_told;
}

/* ------------------------------------------------------------------- kills */

static void note_point(void *context, const struct torn_kill *kill)
{
	struct torn_sweeping *sweeping = context;
	if (sweeping->points_count == sweeping->points_room) {
		const size_t room = sweeping->points_room ? sweeping->points_room * 2 : 64;
		struct torn_kill *points =
			realloc(sweeping->points, room * sizeof *sweeping->points);
		if (!points)
			return;
		sweeping->points = points;
		sweeping->points_room = room;
	}
	sweeping->points[sweeping->points_count++] = *kill;
}

/* A sample of the folded kills, held against a child that a SIGKILL really ends. */
static int confirm_kills(struct torn_sweeping *sweeping)
{
	struct torn_sweep *sweep = sweeping->sweep;
	for (unsigned i = 0; i < TORN_KILLS_CONFIRMED && sweeping->points_count > 0; i++) {
		const size_t spread = sweeping->points_count * (2 * i + 1) / (2 * TORN_KILLS_CONFIRMED);
		const struct torn_kill *point =
			&sweeping->points[(spread + sweep->how.seed) % sweeping->points_count];
		const struct torn_plan plan = {
			.seed = 1, .faults_count = 1, .faults = {torn_kill_fault(point)}};
		struct torn_trial trial;
		/* What a program stores without a call is seen at its next one: nobody can be killed before that. */
		if (torn_setup_is_traced(sweeping->setup) && point->call == TORN_CALL_store)
			continue;
		int r = torn_trial_run(sweeping->lab, sweeping->setup, &plan,
				       TORN_TRIAL_KILL_FOR_REAL, &trial);
		if (r != TORN_HELD || trial.now->hash.low != point->hash.low ||
		    trial.now->hash.high != point->hash.high) {
			if (r >= 0)
				snprintf(sweeping->lab->failure, sizeof sweeping->lab->failure,
					 "a real SIGKILL after op %u leaves another tree than the log says",
					 point->op);
			return -EPROTO;
		}
		sweep->kills_confirmed++;
	}
	return 0;
}

int64_t torn_sweeping_kills(struct torn_sweeping *sweeping, const struct torn_trial *run)
{
	struct torn_kills *kills = sweeping->kills;
	const uint64_t before = kills->count;
	const struct torn_rerun *rerun_of_new = kills->rerun_of_new;
	kills->rerun_of_new = NULL;
	torn_kills_forget(kills);
	const int r = torn_kills_judge(kills, run, 1, 0);
	kills->rerun_of_new = rerun_of_new;
	return r < 0 ? r : (int64_t)(kills->count - before);
}

/* ------------------------------------------------------------------- plans */

void torn_sweeping_tables_close(struct tables *tables)
{
	if (!tables)
		return;
	torn_kills_close(&tables->kills);
	torn_cuts_close(&tables->cuts);
	for (size_t i = 0; i <= TORN_FAULTS_MAX; i++)
		torn_hashes_close(&tables->cut_at[i]);
	free(tables);
}

/* Of the states that power cuts of a program's runs leave: each costs a run. Those that lose least come first. */
#define PROGRAM_RERUNS_MAX 256u

/* NULL: there is no memory. */
struct tables *torn_sweeping_tables(struct torn_sweep *sweep, struct torn_lab *lab, struct torn_setup *setup)
{
	struct tables *tables = calloc(1, sizeof *tables);
	if (!tables)
		return NULL;
	if (torn_cuts_open(&tables->cuts, lab, setup) < 0) {
		free(tables);
		return NULL;
	}
	torn_kills_open(&tables->kills, lab, setup);
	tables->kills.tell = torn_sweeping_tell_kill;
	tables->cuts.tell = torn_sweeping_tell_cut;
	tables->cuts.presets = sweep->how.presets;
	tables->cuts.seed = sweep->how.seed;
	tables->cuts.reruns_max = torn_setup_is_traced(setup) ? PROGRAM_RERUNS_MAX : 0;
	return tables;
}

void torn_sweeping_use(struct torn_sweeping *sweeping, struct tables *tables)
{
	sweeping->tables_used = tables;
	sweeping->kills = &tables->kills;
	sweeping->cuts = &tables->cuts;
}

/* They are those of the run at hand. */
static void take_tables(struct torn_sweeping *sweeping)
{
	sweeping->kills->setup = sweeping->cuts->setup = sweeping->setup;
	sweeping->kills->context = sweeping->cuts->context = sweeping;
}

int torn_sweeping_open(struct torn_sweep *sweep, struct torn_lab *lab, struct torn_setup *setup,
		       struct torn_sweeping **ret_sweeping)
{
	struct torn_sweeping *sweeping = calloc(1, sizeof *sweeping);
	if (!sweeping)
		return -ENOMEM;
	*sweeping = (struct torn_sweeping){.sweep = sweep, .lab = lab, .setup = setup};
	sweeping->tables = torn_sweeping_tables(sweep, lab, setup);
	if (!sweeping->tables) {
		free(sweeping);
		return -ENOMEM;
	}
	torn_sweeping_use(sweeping, sweeping->tables);
	take_tables(sweeping);
	*ret_sweeping = sweeping;
	return 0;
}

void torn_sweeping_close(struct torn_sweeping *sweeping)
{
	torn_sweeping_tables_close(sweeping->tables);
	for (size_t i = 0; i < TORN_RUNS_MAX; i++)
		torn_sweeping_tables_close(sweeping->later_tables[i]);
	torn_hashes_close(&sweeping->behaviours);
	torn_hashes_close(&sweeping->noted);
	for (size_t i = 0; i <= TORN_FAULTS_MAX; i++) {
		torn_hashes_close(&sweeping->later_behaviours[i]);
		torn_hashes_close(&sweeping->later_begun[i]);
	}
	free(sweeping->points);
	free(sweeping);
}

static const struct torn_fault *last_fault(const struct torn_plan *plan)
{
	return &plan->faults[plan->faults_count - 1];
}

static uint32_t last_number(const struct torn_plan *plan)
{
	return plan->faults_count ? last_fault(plan)->when.first : 0;
}

int torn_sweeping_run(struct torn_sweeping *sweeping, struct torn_trial *ret_trial)
{
	struct torn_sweep *sweep = sweeping->sweep;
	const struct level *level = &sweeping->levels[sweeping->depth];
	int r = torn_lab_check_time(sweeping->lab);
	if (r < 0)
		return r;
	r = torn_memory_run(sweeping->lab, sweeping->setup, &level->plan, ret_trial);
	if (r == -EPROTO && level->plan.faults_count > 0) {
		char text[96];
		const size_t size = strlen(sweeping->lab->failure);
		torn_fault_print(last_fault(&level->plan), text, sizeof text);
		snprintf(sweeping->lab->failure + size, sizeof sweeping->lab->failure - size, ", fault \"%s\"", text);
	}
	if (r == TORN_INVALID) {
		char text[96];
		torn_fault_print(last_fault(&level->plan), text, sizeof text);
		snprintf(sweeping->lab->failure, sizeof sweeping->lab->failure,
			 "the fault \"%s\" did not fire: the target is not deterministic", text);
		/* Of a program that is not ours, not every run may be the same: what can be judged is. */
		return sweeping->setup->program || torn_plan_small_disk(&level->plan) ? -ENOTSUP : -EPROTO;
	}
	if (r == 0 && sweeping->hearing == HEARING_NOTES)
		return r; /* each part runs them */
	if (r == 0 && level->mine && sweeping->runs > 0) {
		sweep->later_runs++;
	} else if (r == 0 && level->mine) {
		sweep->trials++;
		sweep->ops += ret_trial->log->numbered;
	}
	return r;
}

/*
 * Were the cuts of a run judged that changed the same and ended the same? It may be one
 * with as many faults or fewer: so parts need not know of each other.
 */
static bool cuts_are_known(struct torn_sweeping *sweeping, const struct torn_trial *trial)
{
	struct torn_hashes *cut_at = sweeping->tables_used->cut_at;
	const uint32_t faults = torn_plan_faults(trial->plan);
	const struct torn_hash key = torn_cuts_run_key(sweeping->setup, trial);
	for (uint32_t i = 0; i < faults; i++)
		if (torn_hashes_find(&cut_at[i], key, NULL))
			return true;
	return !torn_hashes_add(&cut_at[faults], key);
}

static int judge_cuts(struct torn_sweeping *sweeping, const struct torn_trial *trial)
{
	struct torn_sweep *sweep = sweeping->sweep;
	struct torn_cuts *cuts = sweeping->cuts;
	if (!cuts->presets)
		return 0;
	const bool are_known = cuts_are_known(sweeping, trial);
	if (!sweeping->levels[sweeping->depth].mine || (are_known && !cuts->note))
		return 0;
	cuts->states = (struct torn_states){0};
	const int r = torn_cuts_judge(cuts, trial);
	if (sweeping->hearing != HEARING_NOTES)
		torn_states_add(&sweep->states, &cuts->states);
	return r;
}

static int judge_kills(struct torn_sweeping *sweeping, const struct torn_trial *trial)
{
	const struct level *level = &sweeping->levels[sweeping->depth];
	const uint64_t before = sweeping->kills->count;
	const uint32_t first = level->plan.faults_count ? last_number(&level->plan) : 1;
	const int r = torn_kills_judge(sweeping->kills, trial, first, sweeping->depth);
	if (level->mine && sweeping->runs == 0 && sweeping->hearing != HEARING_NOTES)
		sweeping->sweep->kills += sweeping->kills->count - before;
	return r;
}

static bool can_go_on(int r)
{
	return r == 0 || r == -ENOTSUP;
}

static int worse(int before, int now)
{
	return now == 0 ? before : now;
}

/* An error and then a power cut, of a program: of one that makes hundreds of calls there are thousands of runs. */
#define SPARED_SETS_MAX 256u
/* Of the states that it leaves, and of those of the clean run, where each is looked at by a process. */
#define SPARED_LOOKS_MAX 4u
#define CLEAN_LOOKS_MAX 512u

int torn_sweeping_judge(struct torn_sweeping *sweeping, const struct torn_trial *trial)
{
	struct torn_arena *arena = sweeping->setup->arena;
	const size_t mark = torn_arena_mark(arena);
	struct torn_trial run = *trial;
	struct torn_lefts *lefts = NULL;
	struct torn_log log;
	int r = torn_sweeping_judge_end(sweeping, trial);
	if (r < 0 || trial->killed)
		return r;
	take_tables(sweeping);
	if (torn_cuts_run_on(sweeping->cuts)) {
		r = torn_log_copy(arena, trial->log, &log);
		run.log = &log;
		if (r == 0)
			r = torn_sweeping_collect(sweeping, &run, &lefts);
	}
	const struct torn_rerun *rerun_of_new = sweeping->kills->rerun_of_new;
	const uint32_t sets_max = sweeping->cuts->sets_max;
	if (torn_plan_faults(trial->plan) > 0 && torn_sweeping_is_spared(sweeping)) {
		sweeping->kills->rerun_of_new = sweeping->cuts->rerun_of_new = NULL;
		sweeping->cuts->sets_max = SPARED_SETS_MAX;
	}
	sweeping->cuts->looks = 0;
	sweeping->cuts->looks_max = !torn_looks(sweeping->setup)     ? 0
				    : torn_plan_faults(trial->plan) == 0 ? CLEAN_LOOKS_MAX
									  : SPARED_LOOKS_MAX;
	/* What cannot be judged is no reason to leave out the rest. */
	if (r == 0)
		r = judge_cuts(sweeping, &run);
	if (can_go_on(r))
		r = worse(r, judge_kills(sweeping, &run));
	sweeping->kills->rerun_of_new = sweeping->cuts->rerun_of_new = rerun_of_new;
	sweeping->cuts->sets_max = sets_max;
	if (can_go_on(r) && lefts)
		r = worse(r, torn_sweeping_go_on(sweeping, &run, lefts));
	if (r == -ENOMEM) {
		snprintf(sweeping->lab->failure, sizeof sweeping->lab->failure,
			 "no room for what comes after a crash");
		r = -ENOTSUP;
	}
	torn_arena_return(arena, mark);
	return r;
}

int torn_sweeping_plan(struct torn_sweeping *sweeping, const struct torn_plan *plan)
{
	struct torn_trial trial;
	sweeping->depth = plan->faults_count;
	struct level *level = &sweeping->levels[sweeping->depth];
	level->plan = *plan;
	level->mine = true;
	level->order = (struct torn_order){.world = sweeping->world};
	int r = torn_sweeping_run(sweeping, &trial);
	return r < 0 ? r : torn_sweeping_judge(sweeping, &trial);
}

/* ---------------------------------------------------------- going into depth */

static int sweep_placed(struct torn_sweeping *sweeping, struct torn_placing *placing, bool mine);

/* So many faults may a run have that comes after others, which had some. */
static unsigned depth_of(const struct torn_sweeping *sweeping)
{
	const unsigned depth = sweeping->sweep->how.depth;
	const struct torn_plan *before = sweeping->levels[0].plan.before;
	const uint32_t used = before ? torn_plan_faults(before) : 0;
	return used < depth ? depth - used : 0;
}

/*
 * Is it still there when a further fault makes other calls run? A disk that
 * stays full is not like an error, even where nothing more took space so far; nor is
 * a file system that went away, or data that is lost.
 * What lasts for a kind of call is told apart only where all is tried.
 */
static bool stays(const struct torn_sweeping *sweeping, const struct torn_fault *fault)
{
	return fault->name == TORN_FAULT_FULL || fault->name == TORN_FAULT_FSYNC ||
	       (sweeping->sweep->how.all_errnos &&
		(fault->name == TORN_FAULT_STICKY || fault->name == TORN_FAULT_EINTR));
}

/* Was nobody gone on from that behaved like this? */
static bool is_new_behaviour(struct torn_sweeping *sweeping, const struct torn_trial *trial)
{
	struct torn_hash hash = {torn_log_behaviour(trial->log), 1};
	const struct torn_plan *plan = trial->plan;
	for (uint32_t i = 0; i < plan->faults_count; i++)
		if (stays(sweeping, &plan->faults[i]))
			hash.high = hash.high * 31 + plan->faults[i].name + 1;
	/* Compared within what follows from one first fault, so that parts need not know of each other. */
	if (sweeping->depth > 1)
		hash.high += (uint64_t)sweeping->levels[sweeping->depth].order.plans[0] << 32;
	return torn_hashes_add(&sweeping->behaviours, hash);
}

static bool is_my_share(struct torn_sweeping *sweeping)
{
	const struct torn_sweep_how *how = &sweeping->sweep->how;
	return sweeping->gone_on++ % how->parts == how->part;
}

/*
 * Run what stands at the current level, and whatever can be placed behind it.
 * `siblings` are the plans beside it: those that would run alike are marked.
 * `mine`: all that follows from the first fault is of this part, beyond depth 1.
 */
static int sweep_from(struct torn_sweeping *sweeping, struct torn_placing *siblings, size_t index,
		      bool mine)
{
	struct torn_sweep *sweep = sweeping->sweep;
	struct level *level = &sweeping->levels[sweeping->depth];
	struct torn_trial trial;
	int r = torn_sweeping_run(sweeping, &trial);
	if (r < 0)
		return r;
	torn_placing_mark_alike(siblings, index, trial.log);
	if (level->mine && sweeping->runs == 0)
		torn_partials_note(&sweep->partials, &sweeping->steps, &trial);
	/* Behind a crash or a hang nothing is left to go wrong: that is the finding. */
	const bool came_back = trial.end == TORN_RETURNED || trial.end == TORN_EXITED;
	bool goes_on = sweeping->depth < depth_of(sweeping) && came_back &&
		       is_new_behaviour(sweeping, &trial);
	/* All parts count alike what is gone on from, and each takes its share at depth 1. */
	if (sweeping->depth == 1 && sweeping->runs == 0)
		mine = goes_on && is_my_share(sweeping);
	goes_on = goes_on && mine;
	if (!level->mine && !goes_on)
		return 0;
	struct torn_placing placing = {0};
	if (goes_on) /* now: judging may end the recorder's run */
		r = torn_place(&level->plan, trial.log, last_number(&level->plan),
			       sweep->how.all_errnos ? TORN_LIST_FULL : TORN_LIST_BOUNDED,
			       sweep->how.presets != 0, &placing);
	if (r == 0)
		r = torn_sweeping_judge(sweeping, &trial);
	if (can_go_on(r))
		r = worse(r, sweep_placed(sweeping, &placing, mine));
	torn_placing_close(&placing);
	return r;
}

static int sweep_placed(struct torn_sweeping *sweeping, struct torn_placing *placing, bool mine)
{
	struct torn_sweep *sweep = sweeping->sweep;
	const unsigned depth = ++sweeping->depth;
	const bool is_shared = depth == 1 && sweeping->runs == 0;
	if (is_shared)
		sweep->progress.first_faults = (uint32_t)placing->count;
	struct level *level = &sweeping->levels[depth];
	int r = 0;
	for (size_t i = 0; r == 0 && i < placing->count && !sweep->failed; i++) {
		if (is_shared)
			sweep->progress.first_faults_done = (uint32_t)i;
		const struct torn_placed *placed = &placing->items[i];
		level->mine = is_shared ? placed->group % sweep->how.parts == sweep->how.part : mine;
		sweep->plans += level->mine && sweeping->runs == 0;
		level->plan = placed->plan;
		if (placed->run_alike)
			level->mine = false; /* it was told */
		/* What is not told here is run only to know how to go on. */
		if (!level->mine && (depth == depth_of(sweeping) ||
				     (placed->run_alike && !stays(sweeping, last_fault(&level->plan)))))
			continue;
		level->order = sweeping->levels[depth - 1].order;
		level->order.plans[depth - 1] = (uint32_t)i + 1;
		r = sweep_from(sweeping, placing, i, mine);
		sweeping->depth = depth;
		if (r != -ENOTSUP)
			continue;
		if (level->mine)
			torn_sweeping_note_unjudged(sweep, sweeping->setup, &level->plan, level->order,
				      sweeping->lab->failure);
		r = 0;
	}
	sweeping->depth = depth - 1;
	return r;
}

/* A run that comes after others: what it shows, and what follows from faults in it. */
int torn_sweeping_later(struct torn_sweeping *sweeping)
{
	struct level *level = &sweeping->levels[0];
	struct torn_placing placing = {0};
	struct torn_trial trial;
	sweeping->depth = 0;
	int r = torn_sweeping_run(sweeping, &trial);
	if (r < 0)
		return r;
	const bool came_back = trial.end == TORN_RETURNED || trial.end == TORN_EXITED;
	if (depth_of(sweeping) > 0 && came_back && torn_sweeping_is_new_later(sweeping, &trial))
		r = torn_place(&level->plan, trial.log, 0, TORN_LIST_BOUNDED,
			       sweeping->sweep->how.presets != 0, &placing);
	if (r == 0)
		r = torn_sweeping_judge(sweeping, &trial);
	if (can_go_on(r))
		r = worse(r, sweep_placed(sweeping, &placing, level->mine));
	torn_placing_close(&placing);
	return r;
}

/* ------------------------------------------------------------------ worlds */

static int sweep_world(struct torn_sweeping *sweeping)
{
	struct torn_sweep *sweep = sweeping->sweep;
	struct torn_lab *lab = sweeping->lab;
	struct torn_setup *setup = sweeping->setup;
	struct level *level = &sweeping->levels[0];
	struct torn_trial trial;
	int r = torn_clean_run(lab, setup, &trial);
	if (r == TORN_INVALID)
		return -EPROTO;
	if (r < 0)
		return r;
	if (sweep->how.full && torn_log_first_full(trial.log, trial.plan))
		return torn_lab_fail(lab, -ENOTSUP, "a small %s has no room for its clean run",
				     torn_full_disk_name(sweep->how.full));
	*level = (struct level){.plan = {.seed = 1},
				.order = {.world = sweeping->world},
				.mine = sweep->how.part == 0};
	sweep->trials += level->mine ? 2 : 0;
	/* The clean run makes the new tree; judged against it, it cannot fail for what it made. */
	r = torn_sweeping_judge_end(sweeping, &trial);
	if (r < 0)
		return r;
	if (!torn_clean_run_ended_as_meant(&trial))
		return 0;
	r = torn_clean_run_of_new(lab, setup, &sweeping->kills->rerun_of_new);
	if (r < 0)
		return r;
	/* One that makes a backup, or counts, makes something else of what it made: it is not asked to end in new. */
	if (setup->program && !torn_setup_ends_in_new(setup, sweeping->kills->rerun_of_new))
		sweeping->kills->rerun_of_new = NULL;
	sweeping->cuts->rerun_of_new = sweeping->kills->rerun_of_new;

	struct torn_placing placing;
	sweep->plans += level->mine;
	r = torn_sweeping_run(sweeping, &trial);
	if (r < 0)
		return r;
	if (sweep->how.full)
		return torn_sweeping_full(sweeping, &trial);
	if (torn_partials_begin(&sweep->partials, setup, &trial, &sweeping->steps) < 0)
		return -EPROTO;
	r = torn_place(&level->plan, trial.log, 0, TORN_LIST_FULL, sweep->how.presets != 0, &placing);
	sweeping->kills->note = note_point;
	if (r == 0)
		r = torn_sweeping_judge(sweeping, &trial);
	sweeping->kills->note = NULL;
	if (can_go_on(r) && level->mine)
		r = worse(r, confirm_kills(sweeping));
	if (can_go_on(r))
		r = worse(r, sweep_placed(sweeping, &placing, false));
	torn_placing_close(&placing);
	return r;
}

static void keep_trees(struct torn_sweep *sweep, const struct torn_hashes *trees, uint32_t world,
		       const struct torn_sweep_trees **list)
{
	struct torn_sweep_trees *kept = torn_arena_take(&sweep->arena, sizeof *kept);
	struct torn_hash *hashes = torn_arena_take(&sweep->arena, trees->count * sizeof *hashes);
	if (!kept || !hashes)
		return;
	size_t count = 0;
	for (size_t i = 0; i < trees->room; i++) {
		struct torn_hash hash = trees->slots[i].hash;
		if (hash.low == 0 && hash.high == 0)
			continue;
		hash.high ^= (world + 1) * UINT64_C(0x9e3779b97f4a7c15);
		hashes[count++] = hash;
	}
	*kept = (struct torn_sweep_trees){hashes, count, *list};
	*list = kept;
}

static void add_trees(struct torn_hashes *all, const struct torn_hashes *trees)
{
	for (size_t i = 0; i < trees->room; i++)
		if (trees->slots[i].hash.low || trees->slots[i].hash.high)
			torn_hashes_add(all, trees->slots[i].hash);
}

/* So that whoever has several parts can tell how many trees they are together. */
static void keep_all_trees(struct torn_sweeping *sweeping)
{
	struct torn_sweep *sweep = sweeping->sweep;
	const struct torn_hashes *killed = &sweeping->tables->kills.trees;
	struct torn_hashes cut = {0}, all = {0};
	add_trees(&cut, &sweeping->tables->cuts.trees);
	for (size_t i = 0; i < TORN_RUNS_MAX; i++)
		if (sweeping->later_tables[i])
			add_trees(&cut, &sweeping->later_tables[i]->cuts.trees);
	add_trees(&all, killed);
	add_trees(&all, &cut);
	sweep->trees += killed->count;
	sweep->states.distinct += all.count;
	keep_trees(sweep, killed, sweeping->world, &sweep->tree_hashes);
	keep_trees(sweep, &cut, sweeping->world, &sweep->state_hashes);
	torn_hashes_close(&cut);
	torn_hashes_close(&all);
}

static int set_up(const struct torn_sweep *sweep, struct torn_arena *arena, const struct torn_world *world,
		  struct torn_setup *ret_setup, char *ret_message, size_t size)
{
	static const struct torn_case_lines nowhere;
	struct torn_case_error error;
	if (!sweep->program_case)
		return torn_setup_world(arena, sweep->target, sweep->variant, world, ret_setup, ret_message,
					size);
	const int r = torn_setup_case(arena, sweep->program_case, &nowhere, ret_setup, &error);
	if (r < 0)
		snprintf(ret_message, size, "%s", error.message);
	return r;
}

#define ARENA_BYTES ((size_t)256 << 20)

void torn_sweep_run(struct torn_sweep *sweep, struct torn_lab *lab)
{
	struct torn_arena arena;
	if (torn_arena_open(&arena, sweep->program_case ? 4 * ARENA_BYTES : ARENA_BYTES) < 0) {
		torn_sweep_fail(sweep, NULL, "no memory for the old states");
		return;
	}
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	lab->time_s = sweep->how.time_s;
	lab->begun_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	for (const struct torn_world *world = sweep->target->worlds; world->name; world++)
		sweep->progress.worlds++;
	uint32_t number = 0;
	for (const struct torn_world *world = sweep->target->worlds; world->name && !sweep->failed;
	     world++) {
		struct torn_setup setup;
		char message[300] = "no room for the old state";
		torn_arena_return(&arena, 0);
		sweep->progress.world = number + 1;
		if (set_up(sweep, &arena, world, &setup, message, sizeof message) < 0) {
			torn_sweep_fail(sweep, NULL, message);
			break;
		}
		struct torn_sweeping *sweeping;
		if (torn_sweeping_open(sweep, lab, &setup, &sweeping) < 0) {
			torn_sweep_fail(sweep, &setup, "no memory for the trees seen");
			break;
		}
		sweeping->world = number;
		lab->on_disk = NULL;
		static const struct torn_plan nothing = {.seed = 1};
		const int r = sweep_world(sweeping);
		if (r == -ENOTSUP && sweep->how.part == 0)
			torn_sweeping_note_unjudged(sweep, &setup, &nothing, (struct torn_order){.world = number},
				      lab->failure);
		else if (r < 0 && r != -ENOTSUP)
			torn_sweep_fail(sweep, &setup, lab->failure);
		keep_all_trees(sweeping);
		number++;
		torn_sweeping_close(sweeping);
	}
	torn_arena_close(&arena);
	sweep->done = true;
}

