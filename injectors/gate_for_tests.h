/*
 * gate_for_tests.h: what the tests of the in-process gate share. For tests only.
 *
 * An operation runs in a worker, in another process, so that it asserts nothing
 * itself: it returns the line of the first thing that was not as claimed, or 0,
 * and the test asserts that. What else it has to tell lies in `shared`.
 */
#ifndef TORN_GATE_FOR_TESTS_H
#define TORN_GATE_FOR_TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fuzz/run_for_tests.h"
#include "raw.h"

/* In an operation: what must be so. */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return __LINE__;                                                           \
	} while (0)
#define MUST_FAIL(call, number) MUST((errno = 0, (call)) == -1 && errno == (number))

/* Memory that operations and tests both see; zero at the beginning of each test. */
struct shared {
	int count, line, jobs;
	int pids[2];
	char text[2048];
	int64_t numbers[32];
};
static struct shared *shared;
static struct torn_test *test;

static inline int open_test(void **state)
{
	(void)state;
	if (!shared)
		shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			      -1, 0);
	if (shared == MAP_FAILED)
		return -1;
	*shared = (struct shared){0};
	test = torn_test_open("old srv/f file old\n");
	return 0;
}

static inline int close_test(void **state)
{
	(void)state;
	torn_test_close(test);
	test = NULL;
	return 0;
}

#define gate_test(function) cmocka_unit_test_setup_teardown(function, open_test, close_test)

/* The old tree of the runs to come. */
static inline void begin_with(const char *olds)
{
	test->worlds[0] = (struct torn_world){"test", olds, false};
}

static inline void run(int (*operation)(const struct torn_run *run), const char *faults)
{
	assert_int_equal(torn_test_run(test, operation, faults), 0);
}

/* Run, and find that it returned 0: all that it claims is so. */
#define assert_holds(operation) assert_holds_under(operation, "")
#define assert_holds_under(operation, faults)                                                      \
	do {                                                                                       \
		run(operation, faults);                                                            \
		if (test->result != TORN_HELD)                                                     \
			fail_msg("%s was not judged: %s", #operation, test->failure);              \
		if (test->trial.end != TORN_RETURNED || test->trial.code != 0)                     \
			fail_msg("%s ended by %d with code %d (a line, where it returned)",        \
				 #operation, test->trial.end, test->trial.code);                   \
	} while (0)

#define assert_ends(operation, how, with)                                                          \
	do {                                                                                       \
		run(operation, "");                                                                \
		assert_string_equal(test->failure, "");                                            \
		assert_int_equal(test->result, TORN_HELD);                                         \
		assert_int_equal(test->trial.end, how);                                            \
		assert_int_equal(test->trial.code, with);                                          \
	} while (0)

/* Run, and find that torn cannot judge it and says why. */
#define assert_not_judged(operation, why)                                                          \
	do {                                                                                       \
		run(operation, "");                                                                \
		assert_int_equal(test->result, -ENOTSUP);                                           \
		if (!strstr(test->failure, why))                                                   \
			fail_msg("expected \"%s\", found \"%s\"", why, test->failure);             \
	} while (0)

static inline const struct torn_op *op(uint32_t number)
{
	const struct torn_op *found = torn_log_op(test->trial.log, number);
	assert_non_null(found);
	return found;
}

/* Op `number` is `call`, the kernel answered `result` and the target was told `told`. */
#define assert_op(number, which, its_result, its_told)                                             \
	do {                                                                                       \
		assert_string_equal(torn_call_name(op(number)->call), which);                      \
		assert_int_equal(op(number)->result, its_result);                                  \
		assert_int_equal(op(number)->told, its_told);                                      \
	} while (0)

/* The bytes of a file of the tree that is judged; NULL where there is no such file. */
static inline const char *now(const char *path)
{
	static char bytes[65536];
	const struct torn_node *node = torn_tree_find(test->trial.now, torn_bytes_of(path));
	if (!node || node->type != TORN_FILE)
		return NULL;
	bytes[torn_node_read(node, 0, bytes, sizeof bytes - 1)] = '\0';
	return bytes;
}

/* All that was written to one of the standard descriptors. */
static inline const char *output_of(int fd)
{
	static char bytes[4096];
	size_t size = 0;
	for (uint32_t i = 0; i < test->trial.log->count; i++) {
		const struct torn_op *record = &test->trial.log->ops[i];
		if (!(record->flags & TORN_OP_OUTPUT) || record->fd != fd)
			continue;
		assert_int_equal(record->number, 0);
		assert_true(size + record->data.size < sizeof bytes);
		memcpy(bytes + size, record->data.data, record->data.size);
		size += record->data.size;
	}
	bytes[size] = '\0';
	return bytes;
}

/* Two runs after each other in one worker: the second shows what the first left behind. */
struct pair {
	struct torn_setup setups[2];
	struct torn_target targets[2];
	struct torn_variant variants[2][2];
	struct torn_plan plan;
	int results[2];
	struct torn_trial trials[2]; /* of the first only what is no pointer */
};

static inline void pair_in_worker(void *context, struct torn_lab *lab)
{
	struct pair *pair = context;
	shared->jobs++;
	for (int i = 0; i < 2; i++) {
		shared->pids[i] = (int)torn_raw(SYS_getpid);
		pair->results[i] = torn_trial_run(lab, &pair->setups[i], &pair->plan,
						  TORN_TRIAL_PLAIN, &pair->trials[i]);
		memcpy(test->failure, lab->failure, sizeof test->failure);
	}
}

static inline void set_up_pair(struct pair *pair, int i, int (*operation)(const struct torn_run *run))
{
	pair->variants[i][0] = (struct torn_variant){"test", operation};
	pair->targets[i] = (struct torn_target){.name = "test.operation",
						.variants = pair->variants[i],
						.worlds = test->worlds,
						.watch = test->watch};
	char message[256];
	assert_int_equal(torn_setup_world(&test->arena, &pair->targets[i], pair->variants[i],
					  &test->worlds[0], &pair->setups[i], message,
					  sizeof message),
			 0);
}

/* Run both in one worker, which must survive the first. test->trial is the second. */
static inline struct pair *run_two(int (*first)(const struct torn_run *run),
				   int (*second)(const struct torn_run *run))
{
	struct pair *pair = torn_arena_take(&test->arena, sizeof *pair);
	assert_non_null(pair);
	set_up_pair(pair, 0, first);
	set_up_pair(pair, 1, second);
	pair->plan = (struct torn_plan){.seed = 1};
	const struct torn_job job = {
		.job = pair_in_worker, .again = torn_test_again, .context = pair};
	char message[256] = "";
	test->failure[0] = '\0';
	if (torn_worker_do(&test->worker, &job, message, sizeof message) < 0)
		fail_msg("the worker failed: %s", message);
	assert_int_equal(shared->jobs, 1); /* or it died and was replaced */
	assert_int_equal(shared->pids[0], shared->pids[1]);
	test->result = pair->results[1];
	test->trial = pair->trials[1];
	return pair;
}

static inline void both_hold(const struct pair *pair)
{
	for (int i = 0; i < 2; i++)
		if (pair->results[i] != TORN_HELD || pair->trials[i].end != TORN_RETURNED ||
		    pair->trials[i].code != 0)
			fail_msg("run %d: result %d, end %d, code %d, %s", i + 1, pair->results[i],
				 pair->trials[i].end, pair->trials[i].code, test->failure);
}

#define assert_both_hold(first, second) both_hold(run_two(first, second))

static inline int nothing(const struct torn_run *torn_run)
{
	(void)torn_run;
	return 0;
}

/* Three ops: open, write, close. */
static inline int writes_new(const struct torn_run *torn_run)
{
	(void)torn_run;
	int fd = open("/srv/f", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	MUST(fd == 3);
	MUST(write(fd, "new", 3) == 3);
	MUST(close(fd) == 0);
	return 0;
}

#endif
