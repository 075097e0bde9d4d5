/*
 * bench_exec.c: see bench_exec.h. A fault trial is the whole thing: the program started behind its
 * walls, one rename refused, the log held against the disk, every invariant asked, the directory put back.
 */
#include "bench_exec.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clean_run.h"
#include "cuts.h"
#include "judgement.h"
#include "registry.h"
#include "setup.h"
#include "snapshot.h"
#include "worker.h"

#define ROUNDS 9
#define RUNS 200
#define JUDGED_AT_LEAST 200000u
#define WORKERS 2

extern char **environ;

struct exec_bench {
	struct torn_arena arena;
	struct torn_case c;
	struct torn_setup setup;
	double seconds[WORKERS]; /* of the trials of the round at hand; shared, as all of this */
	double states;           /* judged a second */
	bool measures_states, failed;
	char why[256];
};

/* What a worker does: one of WORKERS. */
struct share {
	struct exec_bench *bench;
	unsigned which;
};

static double now_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void tell_nobody(void *context, const struct torn_plan *plan, const struct torn_invariant *invariant,
			const struct torn_judgement *judgement)
{
	(void)context;
	(void)plan;
	(void)invariant;
	(void)judgement;
}

/* ---------------------------------------------------------------- in a worker */

static uint32_t rename_of(const struct torn_log *log, enum torn_call *ret_call)
{
	for (uint32_t i = 0; i < log->count; i++)
		if (log->ops[i].kind == TORN_KIND_rename) {
			*ret_call = log->ops[i].call;
			return log->ops[i].number;
		}
	return 0;
}

static bool judge_all(const struct torn_trial *trial)
{
	size_t count;
	const struct torn_invariant *const *invariants = torn_invariants(&count);
	struct torn_judgement judgement;
	for (size_t i = 0; i < count; i++)
		torn_invariant_judge(invariants[i], trial, &judgement);
	return count > 0;
}

static bool run_trials(struct exec_bench *bench, struct torn_lab *lab, struct torn_setup *setup,
		       const struct torn_plan *plan, double *ret_seconds)
{
	const double begun = now_s();
	for (int i = 0; i < RUNS; i++) {
		struct torn_trial trial;
		if (torn_trial_run(lab, setup, plan, TORN_TRIAL_PLAIN, &trial) != TORN_HELD || !judge_all(&trial)) {
			snprintf(bench->why, sizeof bench->why, "%s", lab->failure);
			return false;
		}
	}
	*ret_seconds = now_s() - begun;
	return true;
}

static bool judge_states(struct exec_bench *bench, struct torn_lab *lab, struct torn_setup *setup,
			 const struct torn_trial *run)
{
	struct torn_cuts cuts;
	int r = torn_cuts_open(&cuts, lab, setup);
	cuts.presets = TORN_PRESETS_USUAL;
	cuts.tell = tell_nobody;
	const double begun = now_s();
	while (r == 0 && cuts.states.seen < JUDGED_AT_LEAST) {
		torn_hashes_clear(&cuts.held);
		torn_hashes_clear(&cuts.broken);
		torn_hashes_clear(&cuts.trees);
		r = torn_cuts_judge(&cuts, run);
	}
	bench->states = (double)cuts.states.seen / (now_s() - begun);
	torn_cuts_close(&cuts);
	return r == 0;
}

static void in_worker(void *context, struct torn_lab *lab)
{
	static const struct torn_case_lines nowhere;
	struct share *share = context;
	struct exec_bench *bench = share->bench;
	struct torn_arena arena;
	struct torn_setup setup;
	struct torn_case_error error;
	struct torn_trial trial;
	bench->failed = true;
	if (torn_arena_open(&arena, (size_t)512 << 20) < 0 ||
	    torn_setup_case(&arena, &bench->c, &nowhere, &setup, &error) < 0 ||
	    torn_clean_run(lab, &setup, &trial) != TORN_HELD) {
		snprintf(bench->why, sizeof bench->why, "%s", lab->failure);
		return;
	}
	enum torn_call call = TORN_CALL_NONE;
	const uint32_t op = rename_of(trial.log, &call);
	const struct torn_plan plan = {
		.seed = 1,
		.faults_count = 1,
		.faults = {{.when = {op, op, 0}, .call = call, .name = TORN_FAULT_ERRNO, .value = 5 /* EIO */}}};
	if (bench->measures_states)
		bench->failed = !judge_states(bench, lab, &setup, &trial);
	else
		bench->failed = op == 0 || !run_trials(bench, lab, &setup, &plan, &bench->seconds[share->which]);
}

static void begin_again(void *context)
{
	(void)context;
}

static bool work(struct exec_bench *bench, struct torn_worker *workers, unsigned count)
{
	struct torn_job jobs[WORKERS];
	struct share shares[WORKERS];
	char message[256];
	for (unsigned i = 0; i < count; i++) {
		shares[i] = (struct share){bench, i};
		jobs[i] = (struct torn_job){.job = in_worker, .again = begin_again, .context = &shares[i]};
	}
	if (torn_workers_do(workers, jobs, count, message, sizeof message) == 0 && !bench->failed)
		return true;
	fprintf(stderr, "torn-bench: exec: %s\n", bench->why[0] ? bench->why : message);
	return false;
}

/* -------------------------------------------------------------------- alone */

/* Put the files back that the command changes. */
static bool put_back(const struct exec_bench *bench)
{
	for (size_t i = 0; i < bench->c.olds_count; i++) {
		const struct torn_old *old = &bench->c.olds[i];
		const int fd = open((const char *)old->path.data, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		const bool ok = fd >= 0 && write(fd, old->text.data, old->text.size) == (ssize_t)old->text.size;
		if (fd < 0 || close(fd) != 0 || !ok)
			return false;
	}
	return true;
}

/* The command started so often, in its real directory. Returns seconds; 0: it failed. */
static double run_alone(const struct exec_bench *bench, char **command)
{
	const double begun = now_s();
	for (int i = 0; i < RUNS; i++) {
		pid_t pid;
		int status = 1;
		if (!put_back(bench) ||
		    posix_spawn(&pid, bench->setup.program->path, NULL, NULL, command, environ) != 0 ||
		    waitpid(pid, &status, 0) != pid || status != 0)
			return 0;
	}
	return now_s() - begun;
}

static int by_value(const void *a, const void *b)
{
	const double left = *(const double *)a, right = *(const double *)b;
	return (left > right) - (left < right);
}

static void print(const char *what, double *values, const char *unit)
{
	qsort(values, ROUNDS, sizeof *values, by_value);
	printf("  %-58s %9.2f %s  (%.2f to %.2f)\n", what, values[ROUNDS / 2], unit, values[0], values[ROUNDS - 1]);
}

/* --------------------------------------------------------------------- main */

static bool read_case(struct exec_bench *bench, const char *dir, char **command)
{
	const struct torn_snapshot_limits limits = {1 << 20, 100};
	static const struct torn_case_lines nowhere;
	struct torn_case_error error = {.message = ""};
	struct torn_case *c = &bench->c;
	uint32_t mode;
	size_t words = 0;
	while (command[words])
		words++;
	const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	c->target = torn_bytes_of("exec");
	c->plan.seed = 1;
	c->command = torn_arena_take(&bench->arena, words * sizeof *c->command);
	c->args = torn_arena_take(&bench->arena, sizeof *c->args);
	c->args[0] = (struct torn_case_arg){torn_bytes_of("dir"), torn_bytes_of(dir)};
	c->args_count = 1;
	for (size_t i = 0; i < words; i++)
		c->command[i] = torn_bytes_of(command[i]);
	c->command_count = words;
	if (torn_snapshot_read(fd, &limits, &bench->arena, &c->olds, &c->olds_count, &mode, bench->why,
			       sizeof bench->why) == 0 &&
	    torn_setup_case(&bench->arena, c, &nowhere, &bench->setup, &error) == 0)
		return true;
	fprintf(stderr, "torn-bench: exec: %s\n", error.message[0] ? error.message : bench->why);
	return false;
}

static bool measure(struct exec_bench *bench, struct torn_worker *workers, char **command)
{
	double bare[ROUNDS], one[ROUNDS], two[ROUNDS], states[ROUNDS], against[ROUNDS], twice[ROUNDS];
	for (int i = 0; i < ROUNDS; i++) {
		const double alone = run_alone(bench, command);
		bench->measures_states = false;
		if (alone == 0 || !work(bench, workers, 1))
			return false;
		bare[i] = RUNS / alone;
		one[i] = RUNS / bench->seconds[0];
		if (!work(bench, workers, 2))
			return false;
		const double longest = bench->seconds[0] > bench->seconds[1] ? bench->seconds[0] : bench->seconds[1];
		two[i] = 2 * RUNS / longest;
		against[i] = one[i] / bare[i];
		twice[i] = two[i] / one[i];
		bench->measures_states = true;
		if (!work(bench, workers, 1))
			return false;
		states[i] = bench->states;
	}
	printf("torn exec, %s, median of %d rounds of %d (lowest to highest)\n", command[0], ROUNDS, RUNS);
	print("the program alone", bare, "/s");
	print("fault trials, one worker", one, "/s");
	print("  against the program alone, wanted 0.4", against, "  ");
	print("fault trials, two workers", two, "/s");
	print("  against one, wanted 1.6", twice, "  ");
	print("crash states judged, wanted 100000", states, "/s");
	return true;
}

int torn_bench_exec(const char *dir, char **command)
{
	struct torn_worker workers[WORKERS];
	char message[256];
	struct torn_arena arena;
	if (chdir(dir) != 0 || torn_arena_open(&arena, 64u << 20) < 0)
		return 1;
	struct exec_bench *bench = torn_arena_take(&arena, sizeof *bench); /* mapped shared */
	memset(bench, 0, sizeof *bench);
	bench->arena = arena;
	if (!read_case(bench, dir, command))
		return 1;
	for (unsigned i = 0; i < WORKERS; i++) {
		if (torn_worker_open(&workers[i], 60, message, sizeof message) < 0) {
			fprintf(stderr, "torn-bench: exec: %s\n", message);
			return 1;
		}
		workers[i].program = bench->setup.program;
	}
	const bool done = measure(bench, workers, command);
	for (unsigned i = 0; i < WORKERS; i++)
		torn_worker_close(&workers[i]);
	return done ? 0 : 1;
}
