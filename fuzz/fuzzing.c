/*
 * fuzzing.c: see fuzzing.h. One seed gives one run of all this: no clock is
 * looked at but to tell how long a finding took.
 */
#include "fuzzing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "../injectors/tree.h"
#include "case.h"
#include "clean_run.h"
#include "coverage.h"
#include "cuts.h"
#include "hangs.h"
#include "history.h"
#include "kills.h"
#include "memory.h"
#include "mirror.h"
#include "mutate.h"
#include "judgement.h"
#include "registry.h"
#include "setup.h"

/* Memory is the same after a minute and after a day: what is full is emptied. */
#define WORLDS_MAX 256u
#define WORLDS_BYTES ((size_t)24 << 20)
#define WORLD_BYTES_SPARE ((size_t)8 << 20)
#define TREES_MAX 4096u
#define TOLD_SLOTS 8192u
#define SEEN_MAX 32u
#define INPUT_BYTES ((size_t)16 << 20)
/* There are many runs, and what a power cut leaves of them is mostly the same. */
#define SETS_MAX 2048u
#define LOST_MAX 48u

/* Something that a run showed. */
struct seen {
	const struct torn_invariant *invariant;
	struct torn_judgement judgement;
	bool killed;
	struct torn_kill kill;
	struct torn_cut cut; /* what it lost is in `lost` */
	struct torn_lost lost[LOST_MAX];
};

struct sighting {
	size_t count;
	struct seen items[SEEN_MAX];
};

/* What the clean run of an old state shows is not shown by a fault. */
struct known {
	size_t count;
	struct {
		const char *id;
		char role[64];
	} items[SEEN_MAX];
};

/* An old state with its arguments, ready to be run. */
struct world {
	uint64_t key; /* hash of the case without its faults; 0: free */
	bool usable;  /* its clean run ended as it should */
	struct torn_setup setup;
	struct torn_kills kills;
	struct known known;
};

/*
 * A run of more calls than this is judged, and looks like nothing new to libFuzzer: what
 * is done over and over shows after a few times, and a search that is built upon
 * such cases takes all its time and memory for them.
 */
#define OPS_TO_BUILD_ON 512u

struct torn_fuzzing {
	struct torn_fuzzed *fuzzed;
	struct torn_lab *lab;
	uint8_t *novelty;
	size_t novelty_size;
	struct torn_arena input;  /* of the case at hand */
	struct torn_arena others; /* of the case that is mutated or crossed */
	struct torn_arena scratch;
	struct torn_arena kept;   /* of all worlds */
	struct world worlds[WORLDS_MAX];
	size_t worlds_count;
	uint64_t told[TOLD_SLOTS];
	struct torn_hangs hangs;
	struct torn_cuts cuts;
	uint64_t cuts_key; /* of the world whose trees these know; 0: of none */
	struct torn_arena home_arena;
	struct torn_bytes home; /* the target's first old state, as a case, in home_arena */
	uint64_t last_text;     /* hash of the case whose log the recorder has; 0: of none */
	struct sighting sighting, found;
	const struct known *known; /* for seen_at_kill() */
};

/* ------------------------------------------------------------------- texts */

static uint64_t hash_of(struct torn_bytes text)
{
	const uint64_t hash = XXH3_64bits(text.data, text.size);
	return hash ? hash : 1;
}

/* Print a case into an arena; data NULL where there is no memory. */
static struct torn_bytes print(const struct torn_case *c, struct torn_arena *arena)
{
	struct torn_bytes copy = {NULL, 0};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return copy;
	const int r = torn_case_print(c, out);
	if (fclose(out) == 0 && r == 0)
		copy = torn_arena_copy(arena, text, size);
	free(text);
	return copy;
}

static struct torn_bytes print_without_faults(const struct torn_case *c, struct torn_arena *arena)
{
	struct torn_case bare = *c;
	bare.plan.faults_count = 0;
	bare.expect = TORN_EXPECT_NOTHING;
	return print(&bare, arena);
}

/*
 * Every run gives all its kills: one that a case asks for says nothing more. And no
 * run of a search comes after another one, or ends where a case says.
 */
static void drop_ends(struct torn_plan *plan)
{
	while (plan->before)
		*plan = *plan->before;
	plan->cut = (struct torn_cut){.preset = NULL};
	uint32_t kept = 0;
	for (uint32_t i = 0; i < plan->faults_count; i++)
		if (plan->faults[i].name != TORN_FAULT_KILL)
			plan->faults[kept++] = plan->faults[i];
	plan->faults_count = kept;
}

/* Read one into an arena, which is emptied first. Returns 0 or -EINVAL. */
static int read_case(const struct torn_fuzzing *fuzzing, struct torn_bytes text,
		     struct torn_arena *arena, struct torn_case *ret_case)
{
	struct torn_case_error error;
	torn_arena_return(arena, 0);
	if (torn_case_parse(NULL, text, arena, ret_case, &error) < 0 ||
	    !torn_bytes_equal(ret_case->target, torn_bytes_of(fuzzing->fuzzed->target->name)))
		return -EINVAL;
	/* What is of use for one variant may be so for another. */
	ret_case->variant = torn_bytes_of(fuzzing->fuzzed->variant->name);
	drop_ends(&ret_case->plan);
	return 0;
}

/* ----------------------------------------------------------------- failing */

static int fail(struct torn_fuzzing *fuzzing, const char *why)
{
	struct torn_fuzzed *fuzzed = fuzzing->fuzzed;
	snprintf(fuzzed->failure, sizeof fuzzed->failure, "%s", why);
	fuzzed->failed = true;
	return -EPROTO;
}

static void note_unjudged(struct torn_fuzzing *fuzzing, bool is_declared)
{
	torn_fuzzed_note_unjudged(fuzzing->fuzzed, 1, is_declared, fuzzing->lab->failure);
}

/* ------------------------------------------------------------ what is seen */

static bool is_known(const struct known *known, const char *id, const char *role)
{
	for (size_t i = 0; i < known->count; i++)
		if (strcmp(known->items[i].id, id) == 0 && strcmp(known->items[i].role, role) == 0)
			return true;
	return false;
}

static const struct seen *find_seen(const struct sighting *sighting, const char *id, const char *role)
{
	for (size_t i = 0; i < sighting->count; i++)
		if (strcmp(sighting->items[i].invariant->id, id) == 0 &&
		    strcmp(sighting->items[i].judgement.role, role) == 0)
			return &sighting->items[i];
	return NULL;
}

static void see_end(struct torn_fuzzing *fuzzing, const struct torn_trial *trial,
		    const struct known *known)
{
	struct sighting *sighting = &fuzzing->sighting;
	size_t count;
	const struct torn_invariant *const *invariants = torn_invariants(&count);
	for (size_t i = 0; i < count && sighting->count < SEEN_MAX; i++) {
		struct seen *seen = &sighting->items[sighting->count];
		*seen = (struct seen){.invariant = invariants[i], .killed = trial->killed};
		torn_invariant_judge(invariants[i], trial, &seen->judgement);
		if (seen->judgement.verdict == TORN_VIOLATED && !seen->judgement.is_label &&
		    !is_known(known, invariants[i]->id, seen->judgement.role))
			sighting->count++;
	}
}

/* From kills.c. What the end of the run shows too is told of the end. */
static void see_kill(void *context, const struct torn_kill *kill,
		     const struct torn_invariant *invariant, const struct torn_judgement *judgement)
{
	struct torn_fuzzing *fuzzing = context;
	struct sighting *sighting = &fuzzing->sighting;
	if (judgement->is_label || sighting->count == SEEN_MAX ||
	    is_known(fuzzing->known, invariant->id, judgement->role))
		return;
	const struct seen *before = find_seen(sighting, invariant->id, judgement->role);
	if (before && (!before->killed || before->kill.call == kill->call))
		return;
	sighting->items[sighting->count++] =
		(struct seen){.invariant = invariant, .judgement = *judgement, .killed = true, .kill = *kill};
}

static uint32_t weakness_of(const struct seen *seen)
{
	const struct torn_plan plan = {.cut = seen->cut};
	return torn_plan_weakness(&plan);
}

/* From cuts.c. What shows without a power cut is told of that, and one that loses much is hard to read. */
static void see_cut(void *context, const struct torn_plan *plan, const struct torn_invariant *invariant,
		    const struct torn_judgement *judgement)
{
	struct torn_fuzzing *fuzzing = context;
	struct sighting *sighting = &fuzzing->sighting;
	if (judgement->is_label || sighting->count == SEEN_MAX || plan->cut.lost_count > LOST_MAX ||
	    is_known(fuzzing->known, invariant->id, judgement->role))
		return;
	struct seen *seen = &sighting->items[sighting->count];
	for (size_t i = 0; i < sighting->count; i++) {
		struct seen *before = &sighting->items[i];
		if (before->invariant != invariant || strcmp(before->judgement.role, judgement->role) != 0)
			continue;
		if (!before->cut.preset)
			return;
		if (before->judgement.call == judgement->call)
			seen = before;
	}
	/* The strongest preset is told: the weakest one is looked at first, the others in order. */
	const bool is_first = seen == &sighting->items[sighting->count];
	if (!is_first && torn_plan_weakness(plan) >= weakness_of(seen))
		return;
	sighting->count += is_first;
	*seen = (struct seen){.invariant = invariant, .judgement = *judgement, .killed = true, .cut = plan->cut};
	memcpy(seen->lost, plan->cut.lost, plan->cut.lost_count * sizeof *seen->lost);
	seen->kill.call = judgement->call;
}

/* A pair of calls with what they were told, and how it ended: has that been seen? */
static void mark_novelty(struct torn_fuzzing *fuzzing, const struct torn_trial *trial)
{
	uint32_t last = (uint32_t)trial->end * 31 + (uint32_t)trial->code;
	for (uint32_t i = 0; i < trial->log->count; i++) {
		const struct torn_op *op = &trial->log->ops[i];
		if (op->number == 0)
			continue;
		const uint32_t told = op->told < 0 ? (uint32_t)-op->told : op->told == 0;
		const uint32_t word = (op->call * 1031u + told) * 2 + (op->fault != 0);
		const uint32_t slot = (last * 2654435761u ^ word * 40503u) >> 7;
		fuzzing->novelty[slot & (fuzzing->novelty_size - 1)] = 1;
		last = word;
	}
}

/*
 * Run a plan in a world. Of one that hangs, crashes or exits before all of its
 * faults could fire, those that did are left: that is what was run. Returns as
 * torn_trial_run() does.
 */
static int run_plan(struct torn_fuzzing *fuzzing, const struct world *world, struct torn_plan *plan,
		    bool watches_memory, struct torn_trial *ret_trial)
{
	struct torn_lab *lab = fuzzing->lab;
	fuzzing->last_text = 0;
	int r = watches_memory
			? torn_memory_run(lab, &world->setup, plan, ret_trial)
			: torn_trial_run(lab, &world->setup, plan, TORN_TRIAL_PLAIN, ret_trial);
	struct torn_plan fired;
	if (r == TORN_INVALID && torn_trial_cut_short(lab, ret_trial, &fired)) {
		*plan = fired;
		ret_trial->plan = plan;
		r = TORN_HELD;
	}
	/* One that is seen to wait for ever costs nothing. */
	if (r == TORN_HELD && plan->faults_count > 0 && ret_trial->end == TORN_HUNG &&
	    ret_trial->code != TORN_HANG_WAITS)
		torn_hangs_note(&fuzzing->hangs, world->key, plan, ret_trial->log->numbered);
	return r;
}

/* What a power cut may leave of a run. Ends the recorder's run, where something is run from there. */
static int judge_cuts(struct torn_fuzzing *fuzzing, struct world *world, const struct torn_trial *trial)
{
	struct torn_cuts *cuts = &fuzzing->cuts;
	if (fuzzing->cuts_key != world->key)
		torn_cuts_forget(cuts);
	fuzzing->cuts_key = world->key;
	cuts->setup = &world->setup;
	cuts->rerun_of_new = world->kills.rerun_of_new;
	cuts->states = (struct torn_states){0};
	const int r = torn_cuts_judge(cuts, trial);
	torn_states_add(&fuzzing->fuzzed->states, &cuts->states);
	return r;
}

/* All that a crash of the run may leave. */
static int judge_crashes(struct torn_fuzzing *fuzzing, struct world *world, const struct torn_trial *trial,
			 unsigned depth)
{
	struct torn_fuzzed *fuzzed = fuzzing->fuzzed;
	struct torn_kills *kills = &world->kills;
	struct torn_trial run = *trial;
	struct torn_log log;
	int r = 0;
	if (kills->trees.count > TREES_MAX)
		torn_kills_forget(kills);
	if (fuzzing->cuts.trees.count > TREES_MAX)
		torn_cuts_forget(&fuzzing->cuts);
	const uint64_t count = kills->count, trees = kills->trees.count;
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
		r = judge_cuts(fuzzing, world, &run);
	torn_arena_return(world->setup.arena, mark);
	return r;
}

/*
 * Run a plan in a world and collect what it shows that the world's clean run
 * does not: `depth` 0 is that clean run itself. Returns as torn_trial_run does,
 * and leaves of the plan what was run of it.
 */
static int observe(struct torn_fuzzing *fuzzing, struct world *world, struct torn_plan *plan,
		   unsigned depth)
{
	struct torn_fuzzed *fuzzed = fuzzing->fuzzed;
	struct torn_trial trial;
	fuzzing->sighting.count = 0;
	int r = run_plan(fuzzing, world, plan, true, &trial);
	torn_coverage_take(fuzzed->edges_seen);
	if (r != TORN_HELD)
		return r;
	fuzzed->trials++;
	fuzzed->ops += trial.log->numbered;
	/* How far a run came that was stopped by a clock is another number each time. */
	if (trial.log->numbered <= OPS_TO_BUILD_ON && trial.end != TORN_HUNG)
		mark_novelty(fuzzing, &trial);
	else if (fuzzing->lab->counters_count > 0)
		memset(fuzzing->lab->counters, 0, fuzzing->lab->counters_count);
	see_end(fuzzing, &trial, &world->known);
	if (trial.killed)
		return r;
	fuzzing->known = &world->known;
	return judge_crashes(fuzzing, world, &trial, depth);
}

/* ----------------------------------------------------------------- telling */

static double seconds_since(const struct torn_fuzzed *fuzzed)
{
	return (double)(torn_fuzzed_now_ns() - fuzzed->begun_ns) * 1e-9;
}

/* A finding's case is the shortest of those with the fewest faults. */
static struct torn_order order_of(struct torn_fuzzing *fuzzing, const struct world *world,
				  const struct torn_plan *plan, const char *invariant)
{
	struct torn_case c;
	struct torn_arena *arena = &fuzzing->scratch;
	torn_arena_return(arena, 0);
	torn_setup_to_case(&world->setup, plan, invariant, arena, &c);
	return (struct torn_order){.faults = plan->faults_count << 8 | torn_plan_weakness(plan),
				   .plans = {(uint32_t)print(&c, arena).size}};
}

static void tell(struct torn_fuzzing *fuzzing, const struct world *world,
		 const struct torn_plan *plan, const struct seen *seen)
{
	struct torn_plan with_kill = *plan;
	if (seen->kill.op > 0 && with_kill.faults_count < TORN_FAULTS_MAX)
		with_kill.faults[with_kill.faults_count++] = (struct torn_fault){
			.when = {seen->kill.op, seen->kill.op, 0},
			.call = seen->kill.call,
			.name = TORN_FAULT_KILL,
			.value = (int64_t)seen->kill.bytes,
		};
	if (seen->cut.preset) {
		with_kill.cut = seen->cut;
		with_kill.cut.lost = seen->lost;
	}
	const struct torn_shown shown = {
		.setup = &world->setup,
		.plan = &with_kill,
		.killed = seen->killed,
		.invariant = seen->invariant,
		.judgement = &seen->judgement,
		.order = order_of(fuzzing, world, &with_kill, seen->invariant->id),
		.seconds = seconds_since(fuzzing->fuzzed),
	};
	torn_findings_add(&fuzzing->fuzzed->findings, &shown);
}

/* Of what it says, never of where that lies: addresses are others in each run of the program. */
static uint64_t hash_more(uint64_t hash, const void *data, size_t size)
{
	return XXH3_64bits_withSeed(data, size, hash);
}

/* Was something like it told of this world? Then it is not looked into again. */
static bool was_told(struct torn_fuzzing *fuzzing, const struct world *world,
		     const struct torn_plan *plan, const struct seen *seen)
{
	const bool is_cut = seen->cut.preset != NULL;
	uint32_t places[TORN_FAULTS_MAX + 1] = {
		(uint32_t)seen->kill.call << 2 | (uint32_t)is_cut << 1 | seen->killed};
	for (uint32_t i = 0; i < plan->faults_count; i++)
		places[1 + i] = (uint32_t)plan->faults[i].call << 8 | plan->faults[i].name;
	const char *id = seen->invariant->id, *role = seen->judgement.role;
	uint64_t hash = hash_more(world->key, id, strlen(id));
	hash = hash_more(hash, role, strlen(role));
	hash = hash_more(hash, places, (1 + plan->faults_count) * sizeof *places);
	uint64_t *slot = &fuzzing->told[hash % TOLD_SLOTS];
	const bool told = *slot == hash;
	*slot = hash;
	return told;
}

/* The op of that call that is nearest to `number`, behind op `after`; NULL: there is none. */
static const struct torn_op *nearest(const struct torn_log *log, enum torn_call call, uint32_t number,
				     uint32_t after)
{
	const struct torn_op *best = NULL;
	for (uint32_t i = 0; i < log->count; i++) {
		const struct torn_op *op = &log->ops[i];
		if (op->number <= after || op->call != call)
			continue;
		if (!best || abs((int)op->number - (int)number) < abs((int)best->number - (int)number))
			best = op;
	}
	return best;
}

/*
 * The plan without one fault. Without it the run is another one: the faults
 * behind it are placed anew, at the nearest op of their call. Returns 1; 0
 * where there is none; -EPROTO.
 */
static int without(struct torn_fuzzing *fuzzing, struct world *world, const struct torn_plan *plan,
		   uint32_t index, struct torn_plan *ret_less)
{
	struct torn_plan less = *plan;
	less.faults_count = index;
	for (uint32_t i = index + 1; i < plan->faults_count; i++) {
		struct torn_trial trial;
		struct torn_plan run = less;
		const int r = run_plan(fuzzing, world, &run, false, &trial);
		if (r != TORN_HELD)
			return r == -EPROTO ? r : 0;
		struct torn_fault fault = plan->faults[i];
		const uint32_t after = less.faults_count
					       ? less.faults[less.faults_count - 1].when.first : 0;
		const struct torn_op *op = nearest(trial.log, fault.call, fault.when.first, after);
		if (!op)
			return 0;
		if (fault.when.last != UINT32_MAX)
			fault.when.last += op->number - fault.when.first;
		fault.when.first = op->number;
		less.faults[less.faults_count++] = fault;
	}
	*ret_less = less;
	return 1;
}

/* Once, and an error that comes once, is simpler than again and again. */
static struct torn_plan with_simpler(const struct torn_plan *plan, uint32_t index)
{
	struct torn_plan simpler = *plan;
	struct torn_fault *fault = &simpler.faults[index];
	fault->when = (struct torn_when){fault->when.first, fault->when.first, 0};
	if (fault->name == TORN_FAULT_STICKY)
		fault->name = TORN_FAULT_ERRNO;
	return simpler;
}

static bool is_simple(const struct torn_fault *fault)
{
	return fault->name != TORN_FAULT_STICKY && fault->when.first == fault->when.last;
}

/*
 * Does another plan show it too? Then plan and `seen` become that. Returns 1
 * where it does, 0 where not, -EPROTO.
 */
static int try_instead(struct torn_fuzzing *fuzzing, struct world *world,
		       const struct torn_plan *other, struct torn_plan *plan, struct seen *seen)
{
	struct torn_plan run = *other;
	const int r = observe(fuzzing, world, &run, 1);
	const struct seen *still =
		r == TORN_HELD
			? find_seen(&fuzzing->sighting, seen->invariant->id, seen->judgement.role)
			: NULL;
	if (!still)
		return r == -EPROTO ? r : 0;
	*seen = *still;
	*plan = run;
	return 1;
}

/* Leave out every fault that it takes none of, and make the others simple. */
static int reduce(struct torn_fuzzing *fuzzing, struct world *world, struct torn_plan *plan,
		  struct seen *seen)
{
	int r = 0;
	for (uint32_t i = 0; r >= 0 && plan->faults_count > 1 && i < plan->faults_count;) {
		struct torn_plan less;
		r = without(fuzzing, world, plan, i, &less);
		if (r > 0)
			r = try_instead(fuzzing, world, &less, plan, seen);
		i = r > 0 ? 0 : i + 1;
	}
	for (uint32_t i = 0; r >= 0 && i < plan->faults_count; i++) {
		if (is_simple(&plan->faults[i]))
			continue;
		const struct torn_plan simpler = with_simpler(plan, i);
		r = try_instead(fuzzing, world, &simpler, plan, seen);
	}
	return r < 0 ? r : 0;
}

static struct world *world_of(struct torn_fuzzing *fuzzing, struct torn_bytes text, int *ret_r);

/* Tell what the case showed, each as small as it is found to be. */
static int tell_found(struct torn_fuzzing *fuzzing, struct world *world, const struct torn_plan *plan)
{
	int r = 0;
	fuzzing->found = fuzzing->sighting;
	for (size_t i = 0; r >= 0 && i < fuzzing->found.count; i++) {
		struct seen seen = fuzzing->found.items[i];
		if (was_told(fuzzing, world, plan, &seen))
			continue;
		struct torn_plan smallest = *plan;
		r = reduce(fuzzing, world, &smallest, &seen);
		if (r < 0)
			break;
		struct world *home = world_of(fuzzing, fuzzing->home, &r);
		struct world *where = world;
		/* What hung there was told of there. */
		if (home && home != world && home->usable &&
		    !torn_hangs_know(&fuzzing->hangs, home->key, &smallest)) {
			const struct torn_plan same = smallest;
			r = try_instead(fuzzing, home, &same, &smallest, &seen);
			where = r > 0 ? home : world;
		}
		if (r >= 0)
			tell(fuzzing, where, &smallest, &seen);
	}
	return r < 0 ? r : 0;
}

/* ------------------------------------------------------------------ worlds */

static void forget_worlds(struct torn_fuzzing *fuzzing)
{
	for (size_t i = 0; i < WORLDS_MAX; i++)
		if (fuzzing->worlds[i].key)
			torn_kills_close(&fuzzing->worlds[i].kills);
	memset(fuzzing->worlds, 0, sizeof fuzzing->worlds);
	fuzzing->worlds_count = 0;
	fuzzing->lab->on_disk = NULL;
	torn_arena_return(&fuzzing->kept, 0);
}

static void know(struct known *known, const struct sighting *sighting)
{
	for (size_t i = 0; i < sighting->count && known->count < SEEN_MAX; i++) {
		if (sighting->items[i].kill.op > 0 || sighting->items[i].cut.preset) /* it is told again where another tree shows it */
			continue;
		known->items[known->count].id = sighting->items[i].invariant->id;
		snprintf(known->items[known->count++].role, sizeof known->items->role, "%s",
			 sighting->items[i].judgement.role);
	}
}

/* The clean runs, and the kills of one. Returns as torn_trial_run does. */
static int begin_world(struct torn_fuzzing *fuzzing, struct world *world)
{
	struct torn_plan nothing = {.seed = 1};
	struct torn_trial trial;
	torn_kills_open(&world->kills, fuzzing->lab, &world->setup);
	world->kills.tell = see_kill;
	world->kills.context = fuzzing;
	int r = torn_clean_run(fuzzing->lab, &world->setup, &trial);
	torn_coverage_take(fuzzing->fuzzed->edges_seen);
	if (r != TORN_HELD)
		return r == TORN_INVALID ? -EPROTO : r;
	fuzzing->fuzzed->trials += 2;
	fuzzing->sighting.count = 0;
	see_end(fuzzing, &trial, &world->known);
	for (size_t i = 0; i < fuzzing->sighting.count; i++)
		tell(fuzzing, world, &nothing, &fuzzing->sighting.items[i]);
	know(&world->known, &fuzzing->sighting);
	if (!torn_clean_run_ended_as_meant(&trial))
		return 0;
	world->usable = true;
	r = torn_clean_run_of_new(fuzzing->lab, &world->setup, &world->kills.rerun_of_new);
	if (r == TORN_HELD)
		r = observe(fuzzing, world, &nothing, 0);
	for (size_t i = 0; r == TORN_HELD && i < fuzzing->sighting.count; i++)
		tell(fuzzing, world, &nothing, &fuzzing->sighting.items[i]);
	know(&world->known, &fuzzing->sighting);
	return r;
}

/*
 * Return the world that a case without faults describes, made when it is new.
 * NULL with *ret_r -EINVAL where it can be none, -EPROTO where torn failed.
 */
static struct world *world_of(struct torn_fuzzing *fuzzing, struct torn_bytes text, int *ret_r)
{
	const uint64_t key = hash_of(text);
	size_t at = key % WORLDS_MAX;
	while (fuzzing->worlds[at].key && fuzzing->worlds[at].key != key)
		at = (at + 1) % WORLDS_MAX;
	struct world *world = &fuzzing->worlds[at];
	*ret_r = 0;
	if (world->key)
		return world;
	struct torn_case c;
	struct torn_case_error error;
	const size_t mark = torn_arena_mark(&fuzzing->kept);
	*ret_r = -EINVAL;
	if (torn_case_parse(NULL, text, &fuzzing->kept, &c, &error) < 0 ||
	    torn_setup_case(&fuzzing->kept, &c, &error.lines, &world->setup, &error) < 0) {
		torn_arena_return(&fuzzing->kept, mark);
		return NULL;
	}
	world->key = key;
	world->usable = false;
	world->known.count = 0;
	fuzzing->worlds_count++;
	const int r = begin_world(fuzzing, world);
	if (r == -ENOTSUP) {
		note_unjudged(fuzzing, world->setup.world != NULL);
		world->usable = false;
	}
	*ret_r = r == -EPROTO ? fail(fuzzing, fuzzing->lab->failure) : 0;
	return *ret_r < 0 ? NULL : world;
}

/* Only between two cases: within one, worlds stay where they are. */
static void make_room(struct torn_fuzzing *fuzzing)
{
	if (fuzzing->worlds_count + 2 > WORLDS_MAX / 2 ||
	    fuzzing->kept.used + WORLD_BYTES_SPARE > fuzzing->kept.size)
		forget_worlds(fuzzing);
}

/* ----------------------------------------------------------------- running */

static int run_case(struct torn_fuzzing *fuzzing, struct torn_bytes text)
{
	struct torn_case c;
	if (read_case(fuzzing, text, &fuzzing->input, &c) < 0)
		return -EINVAL;
	for (uint32_t i = 0; i < c.plan.faults_count; i++)
		if (torn_fault_objection(&c.plan.faults[i]))
			return -EINVAL;
	make_room(fuzzing);
	const struct torn_bytes bare = print_without_faults(&c, &fuzzing->input);
	int r = -EINVAL;
	struct world *world = bare.data ? world_of(fuzzing, bare, &r) : NULL;
	if (!world || !world->usable || c.plan.faults_count == 0)
		return r;
	if (torn_hangs_expected(&fuzzing->hangs, world->key, &c.plan))
		return -EINVAL;
	r = observe(fuzzing, world, &c.plan, 1);
	if (r == TORN_INVALID)
		return -EINVAL;
	if (r == -ENOTSUP) {
		note_unjudged(fuzzing, false);
		return 0;
	}
	if (r == TORN_HELD) {
		const bool runs_on = world->kills.rerun_of_new || world->setup.variant->recovery;
		const bool has_log = !runs_on && fuzzing->sighting.count == 0;
		r = tell_found(fuzzing, world, &c.plan);
		fuzzing->last_text = has_log ? hash_of(text) : 0;
	}
	return r == -EPROTO && !fuzzing->fuzzed->failed ? fail(fuzzing, fuzzing->lab->failure) : r;
}

static bool put_at_hand(struct torn_fuzzing *fuzzing, struct torn_bytes text)
{
	struct torn_fuzzed *fuzzed = fuzzing->fuzzed;
	if (text.size >= TORN_FUZZED_CASE_MAX)
		return false;
	memcpy(fuzzed->case_at_hand, text.data, text.size);
	fuzzed->case_at_hand[text.size] = '\0';
	return true;
}

int torn_fuzzing_run(struct torn_fuzzing *fuzzing, struct torn_bytes text)
{
	struct torn_fuzzed *fuzzed = fuzzing->fuzzed;
	if (!put_at_hand(fuzzing, text))
		return -EINVAL;
	fuzzed->cases++;
	const int r = run_case(fuzzing, text);
	fuzzed->refused += r == -EINVAL;
	return r;
}

/* ---------------------------------------------------------------- mutating */

/* The log of a case's run: the last one's, or one that is made now. NULL: there is none. */
static const struct torn_log *log_of(struct torn_fuzzing *fuzzing, struct torn_bytes text,
				     const struct torn_case *c)
{
	const struct torn_log *log = &fuzzing->lab->recorder->log;
	if (fuzzing->last_text == hash_of(text))
		return log;
	int r = 0;
	make_room(fuzzing);
	const struct torn_bytes bare = print_without_faults(c, &fuzzing->others);
	struct world *world = bare.data ? world_of(fuzzing, bare, &r) : NULL;
	if (!world || !world->usable)
		return NULL;
	struct torn_trial trial;
	struct torn_plan plan = c->plan;
	if (torn_hangs_expected(&fuzzing->hangs, world->key, &plan))
		return NULL;
	put_at_hand(fuzzing, text); /* should the process end of it */
	if (run_plan(fuzzing, world, &plan, false, &trial) != TORN_HELD)
		return NULL;
	fuzzing->last_text = hash_of(text);
	return log;
}

/* The seed of a mutation decides all of it. */
static struct torn_bytes mutated(struct torn_fuzzing *fuzzing, struct torn_bytes before,
				 struct torn_case *c, uint64_t seed)
{
	struct torn_mutation mutation = {.target = fuzzing->fuzzed->target,
					 .log = log_of(fuzzing, before, c),
					 .arena = &fuzzing->others,
					 .dice = {seed}};
	if (torn_mutate(&mutation, c) < 0)
		return fuzzing->home;
	return print(c, &fuzzing->others);
}

static size_t give(struct torn_bytes text, uint8_t *out, size_t max)
{
	if (!text.data || text.size > max)
		return 0;
	memcpy(out, text.data, text.size);
	return text.size;
}

size_t torn_fuzzing_mutate(struct torn_fuzzing *fuzzing, uint8_t *text, size_t size, size_t max,
			   uint64_t seed)
{
	struct torn_case c;
	const struct torn_bytes before = {text, size};
	if (read_case(fuzzing, before, &fuzzing->others, &c) < 0)
		return give(fuzzing->home, text, max);
	return give(mutated(fuzzing, before, &c, seed), text, max);
}

size_t torn_fuzzing_cross(struct torn_fuzzing *fuzzing, struct torn_bytes a, struct torn_bytes b,
			  uint8_t *out, size_t max, uint64_t seed)
{
	struct torn_case left, right;
	struct torn_mutation mutation = {
		.target = fuzzing->fuzzed->target, .arena = &fuzzing->others, .dice = {seed}};
	if (read_case(fuzzing, a, &fuzzing->others, &left) < 0)
		return give(b, out, max);
	if (read_case(fuzzing, b, &fuzzing->input, &right) < 0 ||
	    torn_mutate_cross(&mutation, &left, &right) < 0)
		return give(a, out, max);
	return give(print(&left, &fuzzing->others), out, max);
}

/* ----------------------------------------------------------------- opening */

/* One of the target's old states, with its default arguments, as the text of a case. */
static struct torn_bytes case_of_world(const struct torn_target *target,
				       const struct torn_variant *variant,
				       const struct torn_world *world, struct torn_arena *arena)
{
	static const struct torn_plan nothing = {.seed = 1};
	struct torn_setup setup;
	struct torn_case c;
	char message[256];
	if (torn_setup_world(arena, target, variant, world, &setup, message, sizeof message) < 0)
		return (struct torn_bytes){NULL, 0};
	torn_setup_to_case(&setup, &nothing, NULL, arena, &c);
	return print(&c, arena);
}

int torn_fuzzing_seed(const struct torn_target *target, const struct torn_variant *variant,
		      int folder_fd)
{
	struct torn_arena arena;
	int r = torn_arena_open(&arena, INPUT_BYTES);
	if (r < 0)
		return r;
	unsigned number = 1;
	for (const struct torn_world *world = target->worlds; r == 0 && world->name; world++) {
		char name[32];
		snprintf(name, sizeof name, "old-state-%u.case", number++);
		torn_arena_return(&arena, 0);
		const struct torn_bytes text = case_of_world(target, variant, world, &arena);
		r = text.data ? torn_mirror_write(folder_fd, name, text) : -ENOMEM;
	}
	torn_arena_close(&arena);
	return r;
}

int torn_fuzzing_open(struct torn_fuzzed *fuzzed, struct torn_lab *lab, uint8_t *novelty,
		      size_t novelty_size, struct torn_fuzzing **ret_fuzzing)
{
	struct torn_fuzzing *fuzzing = calloc(1, sizeof *fuzzing);
	if (!fuzzing)
		return -ENOMEM;
	fuzzing->fuzzed = fuzzed;
	fuzzing->lab = lab;
	fuzzing->novelty = novelty;
	fuzzing->novelty_size = novelty_size;
	int r = torn_arena_open(&fuzzing->input, INPUT_BYTES);
	if (r == 0)
		r = torn_arena_open(&fuzzing->others, INPUT_BYTES);
	if (r == 0)
		r = torn_arena_open(&fuzzing->scratch, INPUT_BYTES);
	if (r == 0)
		r = torn_arena_open(&fuzzing->home_arena, INPUT_BYTES);
	if (r == 0)
		r = torn_arena_open(&fuzzing->kept, WORLDS_BYTES);
	if (r == 0)
		r = torn_cuts_open(&fuzzing->cuts, lab, NULL);
	fuzzing->cuts.presets = fuzzed->presets;
	fuzzing->cuts.sets_max = SETS_MAX;
	fuzzing->cuts.seed = 1;
	fuzzing->cuts.tell = see_cut;
	fuzzing->cuts.context = fuzzing;
	if (r == 0)
		fuzzing->home = case_of_world(fuzzed->target, fuzzed->variant,
					      &fuzzed->target->worlds[0], &fuzzing->home_arena);
	if (r == 0 && !fuzzing->home.data)
		r = -ENOMEM;
	if (r < 0)
		torn_fuzzing_close(fuzzing);
	else
		*ret_fuzzing = fuzzing;
	return r;
}

void torn_fuzzing_close(struct torn_fuzzing *fuzzing)
{
	struct torn_arena *const arenas[] = {&fuzzing->input, &fuzzing->others, &fuzzing->scratch,
					     &fuzzing->home_arena, &fuzzing->kept};
	if (fuzzing->kept.base)
		forget_worlds(fuzzing);
	if (fuzzing->cuts.arena.base)
		torn_cuts_close(&fuzzing->cuts);
	for (size_t i = 0; i < sizeof arenas / sizeof *arenas; i++)
		if (arenas[i]->base)
			torn_arena_close(arenas[i]);
	free(fuzzing);
}

const struct torn_fuzzed *torn_fuzzing_fuzzed(const struct torn_fuzzing *fuzzing)
{
	return fuzzing->fuzzed;
}

bool torn_fuzzing_confirm(struct torn_fuzzing *fuzzing, const struct torn_finding *finding)
{
	struct torn_findings *findings = &fuzzing->fuzzed->findings;
	const struct torn_finding wanted = *finding; /* its texts stay in the arena */
	forget_worlds(fuzzing);
	memset(fuzzing->told, 0, sizeof fuzzing->told);
	memset(&fuzzing->hangs, 0, sizeof fuzzing->hangs);
	findings->count = 0;
	torn_fuzzing_run(fuzzing, torn_bytes_of(wanted.case_text));
	for (uint32_t i = 0; i < findings->count; i++)
		if (strcmp(findings->items[i].id, wanted.id) == 0 &&
		    strcmp(findings->items[i].role, wanted.role) == 0)
			return true;
	return false;
}
