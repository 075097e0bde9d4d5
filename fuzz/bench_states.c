/*
 * bench_states.c: see bench_states.h.
 *
 * A state is what a power cut leaves of one legal set of effects. The bare thing
 * is what a tool does that keeps nothing from one state for the next: all
 * effects of the set are applied to the tree before the run.
 */
#include "bench_states.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../injectors/crash.h"
#include "../injectors/crash_count.h"
#include "clean_run.h"
#include "cuts.h"
#include "registry.h"
#include "rerun.h"
#include "setup.h"
#include "worker.h"

#define ROUNDS 11
#define JUDGED_AT_LEAST 20000u /* states in a round */
#define RECOVERIES 200
#define BARE_STATES 400u /* of those of a log, spread evenly */

/* ------------------------------------------------------------- bench.log */

/* Ten calls: a file is made, appended to, synced and renamed over the one before. */
static int replace_by_appending(int dir, int number)
{
	char line[] = "line 000 of the log\n";
	line[5] = (char)('0' + number / 100);
	line[6] = (char)('0' + number / 10 % 10);
	line[7] = (char)('0' + number % 10);
	const int fd = open("/srv/.log.tmp", O_WRONLY | O_CREAT | O_EXCL, 0644);
	int r = fd < 0 ? -1 : 0;
	for (int i = 0; r == 0 && i < 5; i++)
		r = write(fd, line, sizeof line - 1) == (ssize_t)sizeof line - 1 ? 0 : -1;
	if (r < 0 || fsync(fd) < 0 || close(fd) < 0 || rename("/srv/.log.tmp", "/srv/log") < 0)
		return -1;
	return fsync(dir);
}

static int replace_often(int times)
{
	const int dir = open("/srv", O_RDONLY | O_DIRECTORY);
	int r = dir < 0 ? -1 : 0;
	for (int i = 0; r == 0 && i < times; i++)
		r = replace_by_appending(dir, i);
	return r;
}

static int ops_10(const struct torn_run *run)
{
	(void)run;
	return replace_often(1);
}

static int ops_100(const struct torn_run *run)
{
	(void)run;
	return replace_often(10);
}

static int ops_1000(const struct torn_run *run)
{
	(void)run;
	return replace_often(100);
}

static const struct torn_target log_target = {
	.name = "bench.log",
	.summary = "a file replaced again and again, for figures",
	.variants = (const struct torn_variant[]){{"10", ops_10}, {"100", ops_100}, {"1000", ops_1000}, {0}},
	.worlds = (const struct torn_world[]){{"present", "old srv/log file \"the old log\\n\"\n", false}, {0}},
	.watch = (const char *const[]){"srv/log", NULL},
};
TORN_TARGET(log_target);

/* -------------------------------------------------------------- measuring */

enum figure { STATE, JUDGED_TREE, RECOVERY, RUN, SET, DISTINCT, COUNT, BARE, FIGURE_COUNT };

struct measured {
	struct torn_worker worker;
	struct torn_arena arena;
	const struct torn_target *target;
	struct torn_setup setup;
	double us[FIGURE_COUNT][ROUNDS]; /* microseconds for one */
	int round;
	uint32_t ops;
	uint64_t sets, distinct;
	bool failed;
};

static double now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec * 1e-3;
}

static void tell_nobody(void *context, const struct torn_plan *plan, const struct torn_invariant *invariant,
			const struct torn_judgement *judgement)
{
	(void)context;
	(void)plan;
	(void)invariant;
	(void)judgement;
}

/* Judge all cuts of one run time and again, as if each time were the first. */
static bool judge_cuts(struct measured *measured, struct torn_lab *lab, const struct torn_trial *run)
{
	struct torn_setup setup = measured->setup;
	const struct torn_variant alone = {.name = setup.variant->name, .operation = setup.variant->operation};
	struct torn_cuts cuts;
	uint64_t trees = 0;
	int r = torn_cuts_open(&cuts, lab, &setup);
	setup.variant = &alone; /* recovery is another figure */
	cuts.presets = TORN_PRESETS_USUAL;
	cuts.tell = tell_nobody;
	const double begun = now_us();
	while (r == 0 && cuts.states.seen < JUDGED_AT_LEAST) {
		torn_hashes_clear(&cuts.held);
		torn_hashes_clear(&cuts.broken);
		torn_hashes_clear(&cuts.trees);
		r = torn_cuts_judge(&cuts, run);
		trees += cuts.trees.count;
	}
	const double us = now_us() - begun;
	measured->us[STATE][measured->round] = us / (double)cuts.states.seen;
	measured->us[JUDGED_TREE][measured->round] = us / (double)trees;
	torn_cuts_close(&cuts);
	return r == 0;
}

/* Its recovery from what the run left, or where it has none the operation again; beside a plain run. */
static bool run_again(struct measured *measured, struct torn_lab *lab)
{
	static const struct torn_plan nothing = {.seed = 1};
	struct torn_arena *arena = measured->setup.arena;
	const size_t mark = torn_arena_mark(arena);
	struct torn_rerun rerun;
	struct torn_trial trial;
	double begun = now_us();
	for (int i = 0; i < RECOVERIES; i++) {
		const struct torn_node *left = measured->setup.old_tree;
		const int r = measured->setup.variant->recovery
				      ? torn_recover(lab, &measured->setup, left, 1, &rerun)
				      : torn_rerun(lab, &measured->setup, left, 1, &rerun);
		torn_arena_return(arena, mark);
		if (r != TORN_HELD)
			return false;
	}
	measured->us[RECOVERY][measured->round] = (now_us() - begun) / RECOVERIES;
	begun = now_us();
	for (int i = 0; i < RECOVERIES; i++)
		if (torn_trial_run(lab, &measured->setup, &nothing, TORN_TRIAL_PLAIN, &trial) != TORN_HELD)
			return false;
	measured->us[RUN][measured->round] = (now_us() - begun) / RECOVERIES;
	return true;
}

static void states_in_worker(void *context, struct torn_lab *lab)
{
	struct measured *measured = context;
	struct torn_trial trial;
	measured->failed = torn_clean_run(lab, &measured->setup, &trial) != TORN_HELD ||
			   !judge_cuts(measured, lab, &trial) || !run_again(measured, lab);
}

/* What is looked at of a log: the trees, and of some sets what is lost. */
struct looked {
	const struct torn_persistence *order;
	struct torn_hashes trees;
	bool *lost; /* so many times the number of effects */
	uint32_t *moments;
	uint64_t sets, every, kept;
};

static bool look(void *context, const struct torn_crash_state *state)
{
	struct looked *looked = context;
	torn_hashes_add(&looked->trees, state->tree->hash);
	if (looked->lost && looked->sets % looked->every == 0 && looked->kept < BARE_STATES) {
		for (uint32_t i = 0; i < looked->order->count; i++)
			looked->lost[looked->kept * looked->order->count + i] = !state->kept[i];
		looked->moments[looked->kept++] = state->first;
	}
	looked->sets++;
	return true;
}

/* From the tree before the run, one effect after the other. */
static bool make_bare(struct measured *measured, const struct torn_log *log,
		      const struct torn_effects *effects, const struct looked *looked)
{
	struct torn_arena *arena = &measured->arena;
	const size_t mark = torn_arena_mark(arena);
	const double begun = now_us();
	for (uint64_t i = 0; i < looked->kept; i++) {
		const struct torn_node *tree;
		uint32_t number;
		if (torn_crash_tree(arena, &measured->setup.base, log, effects, looked->order,
				    looked->lost + i * looked->order->count, looked->moments[i], &tree,
				    &number) < 0)
			return false;
		torn_arena_return(arena, mark);
	}
	measured->us[BARE][measured->round] = (now_us() - begun) / (double)looked->kept;
	return true;
}

static bool look_at_log(struct measured *measured, const struct torn_log *log)
{
	struct torn_arena *arena = &measured->arena;
	const size_t mark = torn_arena_mark(arena);
	const struct torn_crash_how how = {.sets_max = TORN_CRASH_SETS_MAX, .seed = 1};
	struct torn_effects effects;
	struct torn_persistence order;
	struct torn_crash_count count;
	struct looked looked = {.order = &order};
	uint64_t sets = 0;
	double begun = now_us();
	int r = torn_effects_of(arena, &measured->setup.base, log, false, &effects);
	if (r == 0)
		r = torn_preset_order(arena, TORN_PRESET_POSIX, &effects, log, &order);
	if (r == 0)
		r = torn_crash_states(arena, &measured->setup.base, log, &effects, &order, &how, look,
				      &looked, &count);
	const double us = now_us() - begun;
	measured->ops = log->numbered;
	measured->sets = looked.sets;
	measured->distinct = looked.trees.count;
	measured->us[SET][measured->round] = us / (double)looked.sets;
	measured->us[DISTINCT][measured->round] = us / (double)looked.trees.count;
	begun = now_us();
	if (r == 0)
		r = torn_crash_count_legal(arena, &effects, &order, 0, &sets);
	measured->us[COUNT][measured->round] = now_us() - begun;
	looked.every = looked.sets / BARE_STATES + 1;
	looked.sets = 0;
	looked.lost = calloc(BARE_STATES, r == 0 ? order.count : 1);
	looked.moments = calloc(BARE_STATES, sizeof *looked.moments);
	if (r == 0 && looked.lost && looked.moments)
		r = torn_crash_states(arena, &measured->setup.base, log, &effects, &order, &how, look,
				      &looked, &count);
	const bool made = r == 0 && sets == measured->sets && make_bare(measured, log, &effects, &looked);
	free(looked.lost);
	free(looked.moments);
	torn_hashes_close(&looked.trees);
	torn_arena_return(arena, mark);
	return made;
}

static void log_in_worker(void *context, struct torn_lab *lab)
{
	struct measured *measured = context;
	struct torn_trial trial;
	measured->failed = torn_clean_run(lab, &measured->setup, &trial) != TORN_HELD ||
			   !look_at_log(measured, trial.log);
}

/* --------------------------------------------------------------- printing */

static int by_value(const void *a, const void *b)
{
	const double left = *(const double *)a, right = *(const double *)b;
	return (left > right) - (left < right);
}

/* How often `per` goes into `of`, by rounds; the median. */
static double median(const struct measured *measured, enum figure of, const double *per, double *ret_low,
		     double *ret_high)
{
	double sorted[ROUNDS];
	for (int i = 0; i < ROUNDS; i++)
		sorted[i] = per ? per[i] / measured->us[of][i] : measured->us[of][i];
	qsort(sorted, ROUNDS, sizeof *sorted, by_value);
	*ret_low = sorted[0];
	*ret_high = sorted[ROUNDS - 1];
	return sorted[ROUNDS / 2];
}

static void print_figure(const char *what, const struct measured *measured, enum figure of,
			 const double *per, const char *unit)
{
	double low, high;
	const double middle = median(measured, of, per, &low, &high);
	printf("  %-58s %9.2f %s  (%.2f to %.2f)\n", what, middle, unit, low, high);
}

static void print_rate(const char *what, const struct measured *measured, enum figure of)
{
	double second[ROUNDS];
	for (int i = 0; i < ROUNDS; i++)
		second[i] = 1e6;
	print_figure(what, measured, of, second, "/s");
}

/* ------------------------------------------------------------------- main */

static void begin_again(void *context)
{
	(void)context;
}

/* Do a job in a worker in as many rounds. The caller closes what it is given. NULL: it failed. */
static struct measured *measure(const char *name, uint32_t variant, void (*job)(void *, struct torn_lab *))
{
	struct torn_arena arena;
	char message[256] = "no such target";
	if (torn_arena_open(&arena, 256u << 20) < 0)
		return NULL;
	struct measured *measured = torn_arena_take(&arena, sizeof *measured);
	measured->arena = arena;
	measured->target = torn_target_named(torn_bytes_of(name));
	measured->failed = !measured->target ||
			   torn_setup_world(&measured->arena, measured->target,
					    &measured->target->variants[variant],
					    &measured->target->worlds[0], &measured->setup, message,
					    sizeof message) < 0 ||
			   torn_worker_open(&measured->worker, 120, message, sizeof message) < 0;
	if (measured->failed) {
		fprintf(stderr, "torn-bench: %s: %s\n", name, message);
		return NULL;
	}
	snprintf(message, sizeof message, "failed");
	const struct torn_job what = {.job = job, .again = begin_again, .context = measured};
	while (measured->round < ROUNDS && !measured->failed) {
		if (torn_worker_do(&measured->worker, &what, message, sizeof message) < 0)
			measured->failed = true;
		measured->round++;
	}
	torn_worker_close(&measured->worker);
	if (!measured->failed)
		return measured;
	fprintf(stderr, "torn-bench: %s: %s\n", name, message);
	torn_arena_close(&arena);
	return NULL;
}

static void close_measured(struct measured *measured)
{
	struct torn_arena arena = measured->arena;
	torn_arena_close(&arena);
}

int torn_bench_states(const char *target)
{
	struct measured *measured = measure(target, 0, states_in_worker);
	if (!measured)
		return 1;
	printf("%s@%s under --power model, median of %d rounds (lowest to highest)\n", target,
	       measured->setup.variant->name, ROUNDS);
	print_rate("crash states of the clean run judged, wanted 200000", measured, STATE);
	print_rate("  the same, distinct trees", measured, JUDGED_TREE);
	print_rate(measured->setup.variant->recovery ? "its recovery run, from a tree made for it"
						     : "the operation run again, from a tree made for it",
		   measured, RECOVERY);
	print_figure("  against a plain run of the operation", measured, RECOVERY, measured->us[RUN], "  ");
	close_measured(measured);
	return 0;
}

int torn_bench_logs(void)
{
	printf("bench.log under posix: what a legal set costs, median of %d rounds (lowest to highest)\n",
	       ROUNDS);
	for (uint32_t i = 0; log_target.variants[i].name; i++) {
		struct measured *measured = measure(log_target.name, i, log_in_worker);
		if (!measured)
			return 1;
		printf(" %u ops, %lu legal sets, %lu distinct states\n", measured->ops, measured->sets,
		       measured->distinct);
		print_figure("a legal set made and looked at", measured, SET, NULL, "us");
		print_figure("  the same, for each distinct state", measured, DISTINCT, NULL, "us");
		print_figure("  a set made from scratch", measured, BARE, NULL, "us");
		print_figure("  so many times faster", measured, SET, measured->us[BARE], "  ");
		print_figure("legal sets counted without looking at them, all", measured, COUNT, NULL, "us");
		close_measured(measured);
	}
	return 0;
}
