/*
 * run_for_tests.h: run any function as an operation, under a plan, in a worker,
 * and look at what came of it. For tests only.
 *
 *   struct torn_test *test = torn_test_open("old srv/f file old\n");
 *   torn_test_run(test, operation, "fault 2 write errno=ENOSPC\n");
 *   assert_int_equal(test->result, TORN_HELD);
 *   ... test->trial.log, test->trial.now, test->failure ...
 *   torn_test_close(test);
 *
 * Logs and trees lie in memory shared with the worker: they live until the next
 * run. The operation runs in another process: what it wants to tell, it tells
 * through files of the root, its return value, or memory that the test shared
 * with mmap(2) before.
 */
#ifndef TORN_RUN_FOR_TESTS_H
#define TORN_RUN_FOR_TESTS_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "clean_run.h"
#include "setup.h"
#include "sweep.h"
#include "worker.h"

struct torn_test {
	struct torn_worker worker;
	struct torn_arena arena;
	struct torn_target target;
	struct torn_variant variants[2];
	struct torn_world worlds[2];
	const char *watch[2];
	struct torn_setup setup;
	struct torn_plan plan;
	enum torn_trial_how how;
	bool clean_first; /* so that trial.new_tree is there */
	bool isolated;
	/* what came of it */
	int result; /* of torn_trial_run */
	struct torn_trial trial;
	char failure[256];
};

static inline struct torn_test *torn_test_open(const char *olds)
{
	struct torn_arena arena;
	int r = torn_arena_open(&arena, 256u << 20);
	assert(r == 0);
	struct torn_test *test = torn_arena_take(&arena, sizeof *test);
	test->arena = arena;
	char message[256];
	r = torn_worker_open(&test->worker, 2, message, sizeof message);
	if (r < 0)
		fprintf(stderr, "%s\n", message);
	assert(r == 0);
	test->worlds[0] = (struct torn_world){"test", olds, false};
	test->watch[0] = "srv/f";
	return test;
}

static inline void torn_test_in_worker(void *context, struct torn_lab *lab)
{
	struct torn_test *test = context;
	struct torn_trial clean;
	test->result = TORN_HELD;
	if (test->clean_first)
		test->result = torn_clean_run(lab, &test->setup, &clean);
	if (test->result == TORN_HELD)
		test->result = torn_trial_run(lab, &test->setup, &test->plan, test->how, &test->trial);
	memcpy(test->failure, lab->failure, sizeof test->failure);
}

static inline void torn_test_again(void *context)
{
	(void)context;
}

/* `faults`: lines of a case, or "". Returns what torn_worker_do does. */
static inline int torn_test_run(struct torn_test *test, int (*operation)(const struct torn_run *run),
				const char *faults)
{
	test->variants[0] = (struct torn_variant){"test", operation};
	test->target = (struct torn_target){
		.name = "test.operation",
		.variants = test->variants,
		.worlds = test->worlds,
		.watch = test->watch,
	};
	char message[256];
	int r = torn_setup_world(&test->arena, &test->target, &test->variants[0], &test->worlds[0],
				 &test->setup, message, sizeof message);
	if (r < 0)
		fprintf(stderr, "%s\n", message);
	assert(r == 0);
	char text[4096];
	snprintf(text, sizeof text, "torn-case 1\ntarget test.operation\n%s", faults);
	struct torn_case c;
	struct torn_case_error error;
	r = torn_case_parse("test", torn_bytes_of(text), &test->arena, &c, &error);
	if (r < 0)
		fprintf(stderr, "line %u: %s\n", error.line, error.message);
	assert(r == 0);
	test->plan = c.plan;
	test->failure[0] = '\0';
	test->result = -1;
	const struct torn_job job = {.job = torn_test_in_worker,
				     .again = torn_test_again,
				     .context = test,
				     .isolated = test->isolated};
	r = torn_worker_do(&test->worker, &job, message, sizeof message);
	if (r < 0)
		snprintf(test->failure, sizeof test->failure, "%s", message);
	return r;
}

static inline void torn_test_close(struct torn_test *test)
{
	torn_worker_close(&test->worker);
	struct torn_arena arena = test->arena;
	torn_arena_close(&arena);
}

#endif
