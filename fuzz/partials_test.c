/*
 * partials_test.c: how far a change had come when a fault met it: found from a real clean run, and noted
 * of runs that are made up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "partials.h"
#include "run_for_tests.h"

#define KEPT "proc/sys/kernel/k"
#define OLDS "old srv/f file old\nold proc runtime\nold " KEPT " file \"0\\n\"\n"

static struct torn_test *test;
static struct torn_partials partials;
static struct torn_steps steps;
static const struct torn_bytes watch[] = {
	{(const uint8_t *)"srv/f", 5}, {(const uint8_t *)KEPT, sizeof KEPT - 1}, {(const uint8_t *)"srv/new", 7}};

static int begin(void **state)
{
	(void)state;
	partials = (struct torn_partials){.count = 0};
	test = torn_test_open(OLDS);
	return 0;
}

static int end(void **state)
{
	(void)state;
	torn_test_close(test);
	return 0;
}

#define partials_test(function) cmocka_unit_test_setup_teardown(function, begin, end)

/* --------------------------------------------------------------- operations */

static int put(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CREAT, 0644);
	const bool is_put = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	return close(fd) == 0 && is_put ? 0 : 1;
}

enum { OPEN_KEPT = 1, SET_KEPT, CLOSE_KEPT, OPEN_F, SET_F, CLOSE_F, OPEN_NEW, SET_NEW, CLOSE_NEW };

static int sets_all(const struct torn_run *run)
{
	(void)run;
	return put("/" KEPT, "1\n") | put("/srv/f", "new") | put("/srv/new", "x");
}

/* The first change is taken back by the last: what stays is what counts. */
static int goes_to_and_fro(const struct torn_run *run)
{
	(void)run;
	return put("/srv/f", "new") | put("/" KEPT, "1\n") | put("/srv/f", "old") | put("/srv/f", "new");
}

static int fails(const struct torn_run *run)
{
	(void)run;
	return put("/" KEPT, "1\n") | 1;
}

static void run_clean(int (*operation)(const struct torn_run *run), unsigned promises)
{
	assert_int_equal(torn_test_run(test, operation, ""), 0);
	assert_int_equal(test->result, TORN_HELD);
	test->target.promises = promises;
	test->setup.promised.watch = watch;
	test->setup.promised.watch_count = 3;
	assert_int_equal(torn_partials_begin(&partials, &test->setup, &test->trial, &steps), 0);
}

/* A run that `op` of the clean one did not get through, and what it came to. */
static void note(struct torn_partials *to, uint32_t op, enum torn_call call, int code)
{
	struct torn_plan plan = {.faults_count = 1};
	plan.faults[0].when.first = op;
	plan.faults[0].call = call;
	const struct torn_trial trial = {.plan = &plan, .end = TORN_RETURNED, .code = code};
	torn_partials_note(to, &steps, &trial);
}

static bool was_at(const struct torn_partial *partial, enum torn_call call)
{
	return partial->calls[call / 64] >> call % 64 & 1;
}

/* ---------------------------------------------------------------------- tests */

static void test_each_state_on_the_way_is_to_be_reached(void **state)
{
	(void)state;
	run_clean(sets_all, TORN_PROMISES_ROLLBACK);
	static const char *const effects[] = {"", "/" KEPT, "/srv/f, /" KEPT, "/srv/f, /" KEPT ", /srv/new"};
	static const uint32_t in_place[] = {0, 2, 3, 7};
	assert_int_equal(partials.count, 4);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(partials.items[i].in_place, in_place[i]);
		assert_string_equal(partials.items[i].effects, effects[i]);
		assert_int_equal(partials.items[i].trials, 0);
	}
	assert_int_equal(steps.ops[0], SET_F);
	assert_int_equal(steps.ops[1], SET_KEPT);
	assert_int_equal(steps.ops[2], OPEN_NEW); /* it is there as soon as it is made */
	assert_int_equal(steps.last, CLOSE_NEW);
}

static void test_a_path_is_in_place_from_the_last_time_that_it_was_changed(void **state)
{
	(void)state;
	run_clean(goes_to_and_fro, TORN_PROMISES_ROLLBACK);
	assert_int_equal(steps.ops[0], 11);
	assert_int_equal(steps.ops[1], 5);
	assert_int_equal(steps.ops[2], 0); /* it was never made */
	assert_int_equal(partials.count, 3);
	assert_int_equal(partials.items[2].in_place, 3);
}

static void test_a_target_without_a_rollback_or_that_fails_has_none(void **state)
{
	(void)state;
	run_clean(sets_all, 0);
	assert_int_equal(partials.count, 0);
	note(&partials, SET_F, TORN_CALL_write, TORN_ROLLED_BACK);
	assert_int_equal(partials.count, 0);
	run_clean(fails, TORN_PROMISES_ROLLBACK);
	assert_int_equal(partials.count, 0);
}

static void test_a_fault_is_counted_where_it_found_the_change(void **state)
{
	(void)state;
	run_clean(sets_all, TORN_PROMISES_ROLLBACK);
	note(&partials, OPEN_KEPT, TORN_CALL_openat, 1);
	note(&partials, SET_KEPT, TORN_CALL_write, 1); /* refused: it is not in place */
	note(&partials, CLOSE_KEPT, TORN_CALL_close, TORN_ROLLED_BACK);
	note(&partials, SET_F, TORN_CALL_write, TORN_ROLLBACK_FAILED);
	note(&partials, OPEN_NEW, TORN_CALL_openat, TORN_ROLLED_BACK);
	note(&partials, CLOSE_NEW, TORN_CALL_close, 0);
	static const uint64_t trials[] = {2, 2, 1, 1}, rolled_back[] = {0, 1, 1, 0}, failed[] = {0, 1, 0, 0},
			      done[] = {0, 0, 0, 1};
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(partials.items[i].trials, trials[i]);
		assert_int_equal(partials.items[i].rolled_back, rolled_back[i]);
		assert_int_equal(partials.items[i].rollback_failed, failed[i]);
		assert_int_equal(partials.items[i].done, done[i]);
	}
	assert_true(was_at(&partials.items[1], TORN_CALL_close) && was_at(&partials.items[1], TORN_CALL_write));
	assert_false(was_at(&partials.items[1], TORN_CALL_openat));
}

static void test_a_state_that_no_fault_found_stays_unreached(void **state)
{
	(void)state;
	run_clean(sets_all, TORN_PROMISES_ROLLBACK);
	note(&partials, OPEN_KEPT, TORN_CALL_openat, 1);
	note(&partials, CLOSE_NEW, TORN_CALL_close, 0);
	assert_int_equal(partials.items[1].trials, 0);
	assert_int_equal(partials.items[2].trials, 0);
	assert_int_not_equal(partials.items[3].trials, 0);
	assert_int_equal(partials.count, 4);
}

/* A kill reports nothing, and a clean run met no fault. */
static void test_what_came_to_no_status_is_not_counted(void **state)
{
	(void)state;
	run_clean(sets_all, TORN_PROMISES_ROLLBACK);
	struct torn_plan plan = {.faults_count = 1};
	plan.faults[0].when.first = SET_F;
	struct torn_trial trial = {.plan = &plan, .end = TORN_ENDED_BY_PLAN, .killed = true};
	torn_partials_note(&partials, &steps, &trial);
	plan.faults_count = 0;
	trial = (struct torn_trial){.plan = &plan, .end = TORN_RETURNED};
	torn_partials_note(&partials, &steps, &trial);
	for (size_t i = 0; i < partials.count; i++)
		assert_int_equal(partials.items[i].trials, 0);
}

/* A handler that hangs, crashes or exits there was met there, whatever it would have told. */
static void test_what_hung_or_crashed_was_reached_and_told_nothing(void **state)
{
	(void)state;
	static const enum torn_end ends[] = {TORN_HUNG, TORN_CRASHED};
	run_clean(sets_all, TORN_PROMISES_ROLLBACK);
	for (size_t e = 0; e < sizeof ends / sizeof *ends; e++) {
		struct torn_plan plan = {.faults_count = 1};
		plan.faults[0].when.first = SET_F;
		struct torn_trial trial = {.plan = &plan, .end = ends[e], .code = 0};
		torn_partials_note(&partials, &steps, &trial);
	}
	uint64_t trials = 0;
	for (size_t i = 0; i < partials.count; i++) {
		trials += partials.items[i].trials;
		assert_int_equal(partials.items[i].done, 0);
	}
	assert_int_equal(trials, 2);
}

/* Parts of a sweep take each a share of its plans, in any order. */
static void test_parts_come_to_what_one_sweep_does(void **state)
{
	(void)state;
	static struct torn_partials parts[3];
	static const int codes[] = {0, 1, TORN_ROLLED_BACK, TORN_ROLLBACK_FAILED};
	run_clean(sets_all, TORN_PROMISES_ROLLBACK);
	parts[0] = parts[1] = partials;
	parts[2] = (struct torn_partials){.count = 0}; /* it had not begun */
	for (uint32_t op = OPEN_KEPT; op <= CLOSE_NEW; op++) {
		const enum torn_call call = op % 3 == 1 ? TORN_CALL_openat : op % 3 == 2 ? TORN_CALL_write : TORN_CALL_close;
		note(&partials, op, call, codes[op % 4]);
		note(&parts[op * 7 % 2], op, call, codes[op % 4]);
	}
	torn_partials_merge(&parts[2], &parts[1]);
	torn_partials_merge(&parts[2], &parts[0]);
	assert_int_equal(parts[2].count, partials.count);
	for (size_t i = 0; i < partials.count; i++) {
		const struct torn_partial *one = &partials.items[i], *sum = &parts[2].items[i];
		assert_int_equal(sum->in_place, one->in_place);
		assert_string_equal(sum->effects, one->effects);
		assert_int_equal(sum->trials, one->trials);
		assert_int_equal(sum->done, one->done);
		assert_int_equal(sum->rolled_back, one->rolled_back);
		assert_int_equal(sum->rollback_failed, one->rollback_failed);
		assert_memory_equal(sum->calls, one->calls, sizeof sum->calls);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		partials_test(test_each_state_on_the_way_is_to_be_reached),
		partials_test(test_a_path_is_in_place_from_the_last_time_that_it_was_changed),
		partials_test(test_a_target_without_a_rollback_or_that_fails_has_none),
		partials_test(test_a_fault_is_counted_where_it_found_the_change),
		partials_test(test_a_state_that_no_fault_found_stays_unreached),
		partials_test(test_what_came_to_no_status_is_not_counted),
		partials_test(test_what_hung_or_crashed_was_reached_and_told_nothing),
		partials_test(test_parts_come_to_what_one_sweep_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
