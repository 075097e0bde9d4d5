/* disposable_test.c: whatever a run does to its process, the next one is as ever. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disposable.h"
#include "log_hash.h"
#include "memory.h"
#include "run_for_tests.h"

static int writes(const struct torn_run *run)
{
	(void)run;
	int fd = open("/srv/f", O_WRONLY | O_TRUNC);
	const bool ok = write(fd, "new", 3) == 3;
	return close(fd) == 0 && ok ? 0 : -1;
}

static int ends_by_exit(const struct torn_run *run)
{
	(void)!writes(run);
	exit(3);
}

static int ends_at_once(const struct torn_run *run)
{
	(void)run;
	_exit(4);
}

static int crashes(const struct torn_run *run)
{
	(void)!writes(run);
	volatile int *nothing = NULL;
	*nothing = 1;
	return 0;
}

static int aborts(const struct torn_run *run)
{
	(void)run;
	abort();
}

static int recurse(volatile char *above)
{
	volatile char here[4096];
	here[0] = *above;
	if (here[0] == 0) /* which it never is, and no compiler knows */
		return 0;
	return recurse(here) + here[0];
}

static int overflows_its_stack(const struct torn_run *run)
{
	(void)run;
	volatile char first = 1;
	return recurse(&first);
}

static int kills_itself(const struct torn_run *run)
{
	(void)run;
	return kill(getpid(), SIGKILL);
}

static int loops(const struct torn_run *run)
{
	(void)run;
	volatile bool goes_on = true;
	while (goes_on)
		;
	return 0;
}

static int waits(const struct torn_run *run)
{
	(void)run;
	return pause();
}

static char *volatile lost; /* or an optimiser sees that nobody needs it */

static int leaks_memory(const struct torn_run *run)
{
	lost = malloc(100000);
	memset(lost, 1, 100000);
	return writes(run);
}

static char *volatile cache;

static int fills_a_cache(const struct torn_run *run)
{
	if (!cache)
		cache = malloc(1000);
	return writes(run);
}

static int changes_its_process(const struct torn_run *run)
{
	signal(SIGUSR1, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	umask(077);
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (int fd = 0; fd < 64; fd++)
		close(fd);
	for (int i = 0; i < 20; i++)
		(void)!open("/srv/f", O_RDONLY);
	const struct rlimit few = {4, 4};
	setrlimit(RLIMIT_NOFILE, &few);
	return chdir("/srv") == 0 ? writes(run) : -1;
}

/* What is run, how it ends, and whether the process goes on. */
static const struct row {
	const char *name;
	int (*operation)(const struct torn_run *run);
	enum torn_end end;
	int code;
	bool stays;
} rows[] = {
	{"writes", writes, TORN_RETURNED, 0, true},
	{"exit", ends_by_exit, TORN_EXITED, 3, false},
	{"_exit", ends_at_once, TORN_EXITED, 4, false},
	{"crash", crashes, TORN_CRASHED, SIGSEGV, false},
	{"abort", aborts, TORN_CRASHED, SIGABRT, false},
	{"stack", overflows_its_stack, TORN_CRASHED, SIGSEGV, false},
	{"kill", kills_itself, TORN_CRASHED, SIGKILL, false},
	{"loop", loops, TORN_HUNG, TORN_HANG_TIME, false},
	{"wait", waits, TORN_HUNG, TORN_HANG_WAITS, false},
	{"leak", leaks_memory, TORN_RETURNED, 0, true},
};
#define ROWS (sizeof rows / sizeof *rows)

/* Shared with the worker. */
static struct seen {
	struct {
		int result, code;
		enum torn_end end;
		pid_t before, after;
		size_t bytes_grown;
	} rows[ROWS];
	uint64_t first, others[ROWS];
	pid_t pids[3];
	uint8_t counters[4];
	uint32_t leaks;
	bool done;
} *seen;
static struct torn_test *test;
static uint8_t counters[4];

static int counts(const struct torn_run *run)
{
	counters[0]++;
	counters[2] = 255;
	return writes(run);
}

static int run_one(struct torn_lab *lab, int (*operation)(const struct torn_run *run),
		   struct torn_trial *ret_trial)
{
	static const struct torn_plan nothing = {.seed = 1};
	test->variants[0].operation = operation;
	return torn_trial_run(lab, &test->setup, &nothing, TORN_TRIAL_PLAIN, ret_trial);
}

static void run_all(void *context, struct torn_lab *lab)
{
	(void)context;
	struct torn_trial trial;
	if (run_one(lab, writes, &trial) != TORN_HELD)
		return;
	seen->first = torn_log_hash(trial.log);
	for (size_t i = 0; i < ROWS; i++) {
		seen->rows[i].before = torn_disposable_pid(lab);
		seen->rows[i].result = run_one(lab, rows[i].operation, &trial);
		seen->rows[i].end = trial.end;
		seen->rows[i].code = trial.code;
		seen->rows[i].after = torn_disposable_pid(lab);
		seen->rows[i].bytes_grown = lab->shared->bytes_grown;
		if (run_one(lab, writes, &trial) == TORN_HELD)
			seen->others[i] = torn_log_hash(trial.log);
	}
	seen->done = true;
}

static void in_worker(void (*job)(void *context, struct torn_lab *lab))
{
	char message[256];
	const struct torn_job what = {.job = job, .again = torn_test_again, .isolated = true};
	if (torn_worker_do(&test->worker, &what, message, sizeof message) < 0)
		fail_msg("%s", message);
	assert_true(seen->done);
}

static int open_all(void **state)
{
	(void)state;
	seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	test = torn_test_open("old srv/f file old\n");
	test->worker.timeout_s = 1;
	return torn_test_run(test, writes, ""); /* fills the setup */
}

static int close_all(void **state)
{
	(void)state;
	torn_test_close(test);
	munmap(seen, sizeof *seen);
	return 0;
}

static void test_however_a_run_ends_it_is_told_and_the_next_one_is_as_ever(void **state)
{
	(void)state;
	in_worker(run_all);
	for (size_t i = 0; i < ROWS; i++) {
		if (seen->rows[i].result != TORN_HELD || seen->rows[i].end != rows[i].end ||
		    seen->rows[i].code != rows[i].code)
			fail_msg("%s: result %d, end %d, code %d", rows[i].name, seen->rows[i].result,
				 seen->rows[i].end, seen->rows[i].code);
		if (seen->others[i] != seen->first)
			fail_msg("after %s the next run is another one", rows[i].name);
		const bool stays = seen->rows[i].before == seen->rows[i].after;
		if (stays != rows[i].stays)
			fail_msg("%s: the process is %s", rows[i].name, stays ? "the same" : "replaced");
		const bool leaks = rows[i].operation == leaks_memory;
		if (rows[i].end == TORN_RETURNED && leaks != (seen->rows[i].bytes_grown >= 100000))
			fail_msg("%s: its heap grew by %zu bytes", rows[i].name, seen->rows[i].bytes_grown);
	}
}

static void change_process(void *context, struct torn_lab *lab)
{
	(void)context;
	struct torn_trial trial;
	if (run_one(lab, writes, &trial) != TORN_HELD)
		return;
	seen->first = torn_log_hash(trial.log);
	if (run_one(lab, changes_its_process, &trial) != TORN_HELD)
		return;
	seen->leaks = trial.leaks_count;
	if (run_one(lab, writes, &trial) != TORN_HELD)
		return;
	seen->others[0] = torn_log_hash(trial.log);
	seen->leaks += trial.leaks_count ? 1000 : 0;
	seen->done = true;
}

static void test_what_a_run_does_to_its_process_ends_with_it(void **state)
{
	(void)state;
	in_worker(change_process);
	assert_true(seen->leaks > 0 && seen->leaks < 1000);
	assert_true(seen->others[0] == seen->first);
}

static void count(void *context, struct torn_lab *lab)
{
	(void)context;
	struct torn_trial trial;
	lab->counters = counters;
	lab->counters_count = sizeof counters;
	counters[2] = 7;
	if (run_one(lab, counts, &trial) != TORN_HELD || run_one(lab, counts, &trial) != TORN_HELD)
		return;
	memcpy(seen->counters, counters, sizeof counters);
	seen->done = true;
}

static void test_counters_are_brought_back(void **state)
{
	(void)state;
	in_worker(count);
	assert_int_equal(seen->counters[0], 2);
	assert_int_equal(seen->counters[1], 0);
	assert_int_equal(seen->counters[2], 255); /* they do not wrap */
}

static void open_an_arena(void *context, struct torn_lab *lab)
{
	(void)context;
	struct torn_trial trial;
	struct torn_arena arena;
	if (run_one(lab, writes, &trial) != TORN_HELD)
		return;
	seen->pids[0] = torn_disposable_pid(lab);
	if (torn_arena_open(&arena, 4096) < 0 || run_one(lab, writes, &trial) != TORN_HELD)
		return;
	seen->pids[1] = torn_disposable_pid(lab);
	for (int i = 0; i < TORN_DISPOSABLE_RUNS; i++)
		if (run_one(lab, writes, &trial) != TORN_HELD)
			return;
	seen->pids[2] = torn_disposable_pid(lab);
	seen->done = true;
}

static void test_it_is_replaced_where_it_lacks_memory_or_has_run_enough(void **state)
{
	(void)state;
	in_worker(open_an_arena);
	assert_int_not_equal(seen->pids[0], seen->pids[1]);
	assert_int_not_equal(seen->pids[1], seen->pids[2]);
	for (int i = 0; i < 3; i++)
		assert_int_not_equal(seen->pids[i], 0);
}

static void watch_memory(void *context, struct torn_lab *lab)
{
	static const struct torn_plan nothing = {.seed = 1};
	static int (*const operations[])(const struct torn_run *run) = {fills_a_cache, leaks_memory};
	(void)context;
	for (size_t i = 0; i < 2; i++) {
		struct torn_trial trial;
		test->variants[0].operation = operations[i];
		if (torn_memory_run(lab, &test->setup, &nothing, &trial) != TORN_HELD)
			return;
		seen->others[i] = trial.leaks_count;
	}
	seen->done = true;
}

static void test_what_the_first_run_keeps_is_not_lost_and_what_each_keeps_is(void **state)
{
	(void)state;
	in_worker(watch_memory);
	assert_int_equal(seen->others[0], 0);
	assert_int_equal(seen->others[1], 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_however_a_run_ends_it_is_told_and_the_next_one_is_as_ever),
		TEST(test_what_a_run_does_to_its_process_ends_with_it),
		TEST(test_what_the_first_run_keeps_is_not_lost_and_what_each_keeps_is),
		TEST(test_counters_are_brought_back),
		TEST(test_it_is_replaced_where_it_lacks_memory_or_has_run_enough),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
