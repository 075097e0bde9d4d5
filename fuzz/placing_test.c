/*
 * placing_test.c: which plans follow from a run, and that those which are
 * skipped as alike really run alike, each of them run to see it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "log_hash.h"
#include "operations_for_tests.h"
#include "placing.h"
#include "registry.h"
#include "run_for_tests.h"

static struct torn_test *test;

static int open_test(void **state)
{
	(void)state;
	torn_registry_begin();
	test = torn_test_open("old srv/f file old\n");
	return 0;
}

static int close_test(void **state)
{
	(void)state;
	torn_test_close(test);
	return 0;
}

static void run(int (*operation)(const struct torn_run *run), const char *faults)
{
	assert_int_equal(torn_test_run(test, operation, faults), 0);
	if (test->result != TORN_HELD)
		fail_msg("not judged: %s", test->failure);
}

static const struct torn_fault *last(const struct torn_placed *placed)
{
	return &placed->plan.faults[placed->plan.faults_count - 1];
}

static struct torn_placing place(uint32_t after, enum torn_list list)
{
	struct torn_placing placing;
	assert_int_equal(torn_place(&test->plan, test->trial.log, after, list, true, &placing), 0);
	assert_false(placing.lost);
	return placing;
}

/* The values that a fault has at an op, in their order: "ENOSPC EIO" or "1 2 3". */
static const char *values_at(const struct torn_placing *placing, uint32_t number,
			     enum torn_fault_name name)
{
	static char text[1024];
	text[0] = '\0';
	for (size_t i = 0; i < placing->count; i++) {
		const struct torn_fault *fault = last(&placing->items[i]);
		if (fault->when.first != number || fault->name != name)
			continue;
		const size_t length = strlen(text);
		const bool is_errno = name == TORN_FAULT_ERRNO || name == TORN_FAULT_STICKY ||
				      name == TORN_FAULT_LATE;
		if (is_errno)
			snprintf(text + length, sizeof text - length, "%s%s", length ? " " : "",
				 torn_errno_name((int)fault->value));
		else
			snprintf(text + length, sizeof text - length, "%s%ld", length ? " " : "",
				 fault->value);
	}
	return text;
}

/* make_temp and rename: 1 open, 2 write, 3 fsync, 4 close, 5 rename. */
static int replaces(const struct torn_run *of)
{
	return panics_in_cleanup(of);
}

static void test_the_full_list_has_every_value(void **state)
{
	(void)state;
	run(replaces, "");
	assert_int_equal(test->trial.log->numbered, 5);
	struct torn_placing placing = place(0, TORN_LIST_FULL);
	assert_string_equal(values_at(&placing, 2, TORN_FAULT_ERRNO),
			    "EIO ENOSPC EDQUOT ENOMEM EPERM EROFS");
	assert_string_equal(values_at(&placing, 2, TORN_FAULT_STICKY),
			    "EIO ENOSPC EDQUOT ENOMEM EPERM EROFS");
	assert_string_equal(values_at(&placing, 2, TORN_FAULT_FULL), "0");
	assert_string_equal(values_at(&placing, 2, TORN_FAULT_SHORT), "1 2 3");
	assert_string_equal(values_at(&placing, 2, TORN_FAULT_EINTR), "1 3");
	assert_string_equal(values_at(&placing, 2, TORN_FAULT_LATE), "");
	assert_string_equal(values_at(&placing, 2, TORN_FAULT_SIGNAL), ""); /* none is handled */
	assert_string_equal(values_at(&placing, 2, TORN_FAULT_KILL), "");   /* every run has its own */
	assert_string_equal(values_at(&placing, 3, TORN_FAULT_ERRNO), "EIO ENOSPC EDQUOT EROFS");
	assert_string_equal(values_at(&placing, 3, TORN_FAULT_FULL), "");
	char lost[64];
	snprintf(lost, sizeof lost, "%ld %ld %ld", TORN_FSYNC_VALUE(TORN_FSYNC_LOST, EIO),
		 TORN_FSYNC_VALUE(TORN_FSYNC_LOST, ENOSPC), TORN_FSYNC_VALUE(TORN_FSYNC_REVERTED, EIO));
	assert_string_equal(values_at(&placing, 3, TORN_FAULT_FSYNC), lost);
	assert_string_equal(values_at(&placing, 2, TORN_FAULT_FSYNC), "");
	assert_string_equal(values_at(&placing, 4, TORN_FAULT_ERRNO), "");
	assert_true(strlen(values_at(&placing, 4, TORN_FAULT_LATE)) > strlen("EIO"));
	torn_placing_close(&placing);
	assert_null(placing.items);
}

static void test_what_only_a_cut_shows_is_placed_where_the_power_is_cut(void **state)
{
	(void)state;
	run(replaces, "");
	struct torn_placing placing;
	char reverted[32];
	snprintf(reverted, sizeof reverted, "%ld", TORN_FSYNC_VALUE(TORN_FSYNC_REVERTED, EIO));
	for (enum torn_list list = TORN_LIST_FULL; list <= TORN_LIST_BOUNDED; list++) {
		assert_int_equal(torn_place(&test->plan, test->trial.log, 0, list, false, &placing), 0);
		assert_string_equal(values_at(&placing, 3, TORN_FAULT_FSYNC), reverted);
		torn_placing_close(&placing);
	}
}

static void test_the_bounded_list_has_one_of_each_class(void **state)
{
	(void)state;
	run(replaces, "");
	struct torn_placing placing = place(0, TORN_LIST_BOUNDED);
	assert_string_equal(values_at(&placing, 1, TORN_FAULT_ERRNO), "EACCES EIO ENOSPC");
	assert_string_equal(values_at(&placing, 2, TORN_FAULT_ERRNO), "EIO ENOSPC EPERM");
	assert_string_equal(values_at(&placing, 3, TORN_FAULT_ERRNO), "EIO ENOSPC EROFS");
	assert_string_equal(values_at(&placing, 5, TORN_FAULT_ERRNO), "EACCES EIO ENOSPC");
	assert_string_equal(values_at(&placing, 1, TORN_FAULT_FULL), "0");
	assert_string_equal(values_at(&placing, 2, TORN_FAULT_FULL), "0");
	assert_string_equal(values_at(&placing, 2, TORN_FAULT_SHORT), "2");
	assert_string_equal(values_at(&placing, 4, TORN_FAULT_LATE), "EIO");
	for (uint32_t number = 1; number <= 5; number++) {
		assert_string_equal(values_at(&placing, number, TORN_FAULT_STICKY), "");
		assert_string_equal(values_at(&placing, number, TORN_FAULT_EINTR), "");
	}
	torn_placing_close(&placing);
}

static void test_the_bounded_list_is_part_of_the_full_one(void **state)
{
	(void)state;
	int (*const operations[])(const struct torn_run *) = {
		panics_in_cleanup, retries, falls_back, rolls_back, makes_folders, heeds_signals};
	for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
		run(operations[i], "");
		struct torn_placing full = place(0, TORN_LIST_FULL);
		struct torn_placing bounded = place(0, TORN_LIST_BOUNDED);
		assert_true(bounded.count > 0 && bounded.count < full.count);
		for (size_t j = 0; j < bounded.count; j++) {
			size_t times = 0;
			for (size_t k = 0; k < full.count; k++)
				times += memcmp(&bounded.items[j].plan, &full.items[k].plan,
						sizeof(struct torn_plan)) == 0;
			assert_int_equal(times, 1);
		}
		torn_placing_close(&full);
		torn_placing_close(&bounded);
	}
}

static int writes_one_and_three(const struct torn_run *of)
{
	(void)of;
	const int fd = open("/srv/f", O_WRONLY);
	(void)!write(fd, "x", 1);
	(void)!write(fd, "xyz", 3);
	(void)!write(fd, "0123456789", 10);
	close(fd);
	return 0;
}

static void test_what_is_too_small_is_not_shortened(void **state)
{
	(void)state;
	run(writes_one_and_three, "");
	struct torn_placing full = place(0, TORN_LIST_FULL), bounded = place(0, TORN_LIST_BOUNDED);
	assert_string_equal(values_at(&full, 2, TORN_FAULT_SHORT), "");
	assert_string_equal(values_at(&bounded, 2, TORN_FAULT_SHORT), "");
	assert_string_equal(values_at(&full, 3, TORN_FAULT_SHORT), "1 2");
	assert_string_equal(values_at(&full, 4, TORN_FAULT_SHORT), "1 5 9");
	assert_string_equal(values_at(&bounded, 4, TORN_FAULT_SHORT), "5");
	torn_placing_close(&full);
	torn_placing_close(&bounded);
}

/* Every call, as an op of it would be without anything more to it. */
static void test_an_op_that_fails_in_ways_of_no_class_fails_in_its_first(void **state)
{
	(void)state;
	struct torn_op op = {.number = 1};
	const struct torn_log log = {.ops = &op, .count = 1, .numbered = 1};
	static const struct torn_plan nothing = {.seed = 1};
	size_t judged = 0;
	for (unsigned call = 1; call < TORN_CALL_COUNT; call++) {
		op.call = (uint16_t)call;
		op.kind = (uint16_t)torn_call_kind(call);
		struct torn_placing full, bounded;
		assert_int_equal(torn_place(&nothing, &log, 0, TORN_LIST_FULL, true, &full), 0);
		assert_int_equal(torn_place(&nothing, &log, 0, TORN_LIST_BOUNDED, true, &bounded), 0);
		bool classes[TORN_ERRNO_CLASS_COUNT] = {false};
		const struct torn_fault *first = NULL;
		for (size_t i = 0; i < full.count; i++)
			if (last(&full.items[i])->name == TORN_FAULT_ERRNO) {
				first = first ? first : last(&full.items[i]);
				classes[torn_errno_class((int)last(&full.items[i])->value)] = true;
			}
		const size_t known = classes[TORN_ERRNO_SPACE] + classes[TORN_ERRNO_IO] +
				     classes[TORN_ERRNO_PERMISSION];
		size_t errnos = 0;
		for (size_t i = 0; i < bounded.count; i++)
			errnos += last(&bounded.items[i])->name == TORN_FAULT_ERRNO;
		assert_int_equal(errnos, known > 0 ? known : first != NULL);
		if (known == 0 && first) {
			judged++;
			assert_int_equal(last(&bounded.items[0])->value, first->value);
		}
		torn_placing_close(&full);
		torn_placing_close(&bounded);
	}
	assert_true(judged > 0); /* there is such a call */
}

static void test_signals_are_those_that_are_handled_and_one_where_bounded(void **state)
{
	(void)state;
	run(heeds_signals, "");
	struct torn_log log = *test->trial.log;
	assert_int_equal(log.handled, UINT64_C(1) << SIGTERM);
	log.handled |= UINT64_C(1) << SIGHUP | UINT64_C(1) << SIGUSR1;
	struct torn_placing full, bounded;
	torn_place(&test->plan, &log, 0, TORN_LIST_FULL, true, &full);
	torn_place(&test->plan, &log, 0, TORN_LIST_BOUNDED, true, &bounded);
	assert_string_equal(values_at(&full, 2, TORN_FAULT_SIGNAL), "15 1");
	assert_string_equal(values_at(&bounded, 2, TORN_FAULT_SIGNAL), "15");
	torn_placing_close(&full);
	torn_placing_close(&bounded);
}

static void test_nothing_is_placed_before_the_last_fault_nor_where_one_acted(void **state)
{
	(void)state;
	run(replaces, "fault 2 write full\n");
	/* Half of the write, then ENOSPC for the rest: op 3 is a write on which the fault acted too. */
	assert_int_equal(torn_log_op(test->trial.log, 3)->fault, 1);
	for (unsigned list = TORN_LIST_FULL; list <= TORN_LIST_BOUNDED; list++) {
		struct torn_placing placing = place(2, list);
		assert_true(placing.count > 0);
		for (size_t i = 0; i < placing.count; i++) {
			const struct torn_plan *plan = &placing.items[i].plan;
			assert_int_equal(plan->faults_count, 2);
			assert_memory_equal(&plan->faults[0], &test->plan.faults[0],
					    sizeof plan->faults[0]);
			assert_int_equal(plan->seed, test->plan.seed);
			assert_true(last(&placing.items[i])->when.first > 3);
			assert_int_equal(last(&placing.items[i])->when.last,
					 last(&placing.items[i])->when.first);
			assert_int_equal(last(&placing.items[i])->call,
					 torn_log_op(test->trial.log,
						     last(&placing.items[i])->when.first)->call);
		}
		torn_placing_close(&placing);
		/* "After" is told apart from "acted on". */
		placing = place(0, list);
		assert_int_equal(last(&placing.items[0])->when.first, 1);
		torn_placing_close(&placing);
		placing = place(test->trial.log->numbered, list);
		assert_int_equal(placing.count, 0);
		torn_placing_close(&placing);
	}
}

static void test_a_plan_that_is_full_gets_no_more(void **state)
{
	(void)state;
	run(replaces, "");
	struct torn_plan plan = test->plan;
	struct torn_placing placing;
	plan.faults_count = TORN_FAULTS_MAX;
	assert_int_equal(torn_place(&plan, test->trial.log, 0, TORN_LIST_FULL, true, &placing), 0);
	assert_int_equal(placing.count, 0);
	torn_placing_close(&placing);
}

/* Of one op, and told the same first: these and no others are a group. */
static void test_groups_are_of_one_op_and_one_answer(void **state)
{
	(void)state;
	run(retries, "");
	struct torn_placing placing = place(0, TORN_LIST_FULL);
	uint32_t highest = 0;
	for (size_t i = 0; i < placing.count; i++) {
		assert_true(placing.items[i].group <= highest + (i > 0)); /* without gaps */
		highest = placing.items[i].group > highest ? placing.items[i].group : highest;
		for (size_t j = 0; j < i; j++) {
			const struct torn_fault *a = last(&placing.items[i]), *b = last(&placing.items[j]);
			const bool same = placing.items[i].group == placing.items[j].group;
			const int answers[] = {
				a->name == TORN_FAULT_FULL ? ENOSPC : a->name == TORN_FAULT_EINTR ? EINTR
				: a->name <= TORN_FAULT_STICKY ? (int)a->value : 0,
				b->name == TORN_FAULT_FULL ? ENOSPC : b->name == TORN_FAULT_EINTR ? EINTR
				: b->name <= TORN_FAULT_STICKY ? (int)b->value : 0,
			};
			assert_int_equal(same, a->when.first == b->when.first && answers[0] > 0 &&
						       answers[0] == answers[1]);
		}
	}
	assert_int_equal(placing.groups, highest + 1);
	torn_placing_close(&placing);
}

/* ------------------------------------------------------------------- alike */

/* What each plan of a list came to, each really run. */
#define PLANS_MAX 1024
struct all_runs {
	struct torn_setup *setup;
	struct torn_plan prefix;
	uint32_t after;
	enum torn_list list;
	struct torn_fault lasts[PLANS_MAX];
	uint64_t hashes[PLANS_MAX];
	bool marked[PLANS_MAX];     /* by one that was run before */
	uint32_t marked_by[PLANS_MAX];
	size_t count;
	int result;
};
static struct all_runs *all;

static void run_all_in_worker(void *context, struct torn_lab *lab)
{
	struct all_runs *runs = context;
	struct torn_trial trial;
	struct torn_placing placing;
	runs->result = torn_trial_run(lab, runs->setup, &runs->prefix, TORN_TRIAL_PLAIN, &trial);
	if (runs->result != TORN_HELD)
		return;
	torn_place(&runs->prefix, trial.log, runs->after, runs->list, true, &placing);
	runs->count = placing.count;
	for (size_t i = 0; i < placing.count && i < PLANS_MAX; i++) {
		runs->result = torn_trial_run(lab, runs->setup, &placing.items[i].plan,
					      TORN_TRIAL_PLAIN, &trial);
		if (runs->result != TORN_HELD)
			return;
		runs->lasts[i] = *last(&placing.items[i]);
		runs->hashes[i] = torn_log_hash(trial.log);
		runs->marked[i] = placing.items[i].run_alike;
		if (runs->marked[i])
			continue;
		torn_placing_mark_alike(&placing, i, trial.log);
		for (size_t j = i + 1; j < placing.count && j < PLANS_MAX; j++)
			if (placing.items[j].run_alike && runs->marked_by[j] == 0)
				runs->marked_by[j] = (uint32_t)i + 1;
	}
	torn_placing_close(&placing);
}

static void died(void *context)
{
	((struct all_runs *)context)->result = -1;
}

/* After run(): every plan that can follow it. Returns how many were marked. */
static size_t run_all(enum torn_list list)
{
	all = torn_arena_take(&test->arena, sizeof *all);
	assert_non_null(all);
	memset(all, 0, sizeof *all);
	all->setup = &test->setup;
	all->prefix = test->plan;
	all->list = list;
	all->after = test->plan.faults_count
			     ? test->plan.faults[test->plan.faults_count - 1].when.first : 0;
	const struct torn_job job = {.job = run_all_in_worker, .again = died, .context = all};
	char message[256];
	assert_int_equal(torn_worker_do(&test->worker, &job, message, sizeof message), 0);
	assert_int_equal(all->result, TORN_HELD);
	assert_true(all->count > 0 && all->count <= PLANS_MAX);
	size_t marked = 0;
	for (size_t i = 0; i < all->count; i++)
		marked += all->marked[i];
	return marked;
}

static void test_what_is_marked_alike_runs_alike(void **state)
{
	(void)state;
	int (*const operations[])(const struct torn_run *) = {
		panics_in_cleanup, panics_in_cleanup_of_cleanup, syncs_again, retries, falls_back,
		rolls_back, makes_folders, heeds_signals, leaves_a_lock};
	static const char *const prefixes[] = {"", "fault 3 fsync errno=EIO\n", "fault 2 write full\n",
					       "fault 2 write short=1\n"};
	size_t marked = 0, runs = 0;
	for (size_t i = 0; i < sizeof operations / sizeof *operations; i++)
		for (size_t j = 0; j < (i < 4 ? 4 : 1); j++) {
			run(operations[i], prefixes[j]);
			marked += run_all(TORN_LIST_FULL);
			runs += all->count;
			for (size_t k = 0; k < all->count; k++) {
				if (!all->marked[k])
					continue;
				assert_true(all->marked_by[k] > 0 && all->marked_by[k] <= k);
				assert_true(all->hashes[k] == all->hashes[all->marked_by[k] - 1]);
			}
		}
	assert_true(marked > runs / 8); /* it is worth its while */
}

/* Of what is told the same at its op, all that runs alike is found to. */
static void test_what_is_not_marked_alike_in_its_group_runs_otherwise(void **state)
{
	(void)state;
	int (*const operations[])(const struct torn_run *) = {panics_in_cleanup, retries, falls_back};
	for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
		run(operations[i], "");
		struct torn_placing placing = place(0, TORN_LIST_FULL);
		run_all(TORN_LIST_FULL);
		assert_int_equal(placing.count, all->count);
		for (size_t j = 0; j < all->count; j++)
			for (size_t k = 0; k < j; k++)
				if (placing.items[j].group == placing.items[k].group &&
				    !all->marked[j] && !all->marked[k])
					assert_true(all->hashes[j] != all->hashes[k]);
		torn_placing_close(&placing);
	}
}

/* Was the plan with this last fault marked? */
static bool is_marked(uint32_t number, enum torn_fault_name name, int64_t value)
{
	size_t i = 0;
	while (i < all->count && (all->lasts[i].when.first != number || all->lasts[i].name != name ||
				  all->lasts[i].value != value))
		i++;
	assert_true(i < all->count);
	return all->marked[i];
}

static void test_what_lasts_is_alike_where_nothing_of_its_kind_comes_after(void **state)
{
	(void)state;
	/* 1 open, 2 write, 3 fsync, 4 close, 5 rename; retries of a failed fsync and rename. */
	run(retries, "");
	run_all(TORN_LIST_FULL);
	assert_false(is_marked(2, TORN_FAULT_ERRNO, EIO)); /* the first of them is run */
	assert_true(is_marked(2, TORN_FAULT_STICKY, EIO)); /* no write after it */
	assert_false(is_marked(3, TORN_FAULT_STICKY, EIO)); /* synced again */
	assert_false(is_marked(5, TORN_FAULT_STICKY, EACCES));
	assert_false(is_marked(2, TORN_FAULT_FULL, 0)); /* half of it is written */
	assert_false(is_marked(2, TORN_FAULT_EINTR, 3)); /* it is written again */
	assert_false(is_marked(1, TORN_FAULT_STICKY, ENOSPC)); /* another name is tried */
	assert_true(is_marked(1, TORN_FAULT_FULL, 0)); /* as when every open fails so */
	run(panics_in_cleanup, "");
	run_all(TORN_LIST_FULL);
	assert_true(is_marked(1, TORN_FAULT_FULL, 0)); /* told ENOSPC, and nothing else takes space */
	assert_true(is_marked(1, TORN_FAULT_EINTR, 3));
	assert_true(is_marked(5, TORN_FAULT_STICKY, EACCES));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_test, close_test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_full_list_has_every_value),
		TEST(test_what_only_a_cut_shows_is_placed_where_the_power_is_cut),
		TEST(test_the_bounded_list_has_one_of_each_class),
		TEST(test_the_bounded_list_is_part_of_the_full_one),
		TEST(test_what_is_too_small_is_not_shortened),
		TEST(test_an_op_that_fails_in_ways_of_no_class_fails_in_its_first),
		TEST(test_signals_are_those_that_are_handled_and_one_where_bounded),
		TEST(test_nothing_is_placed_before_the_last_fault_nor_where_one_acted),
		TEST(test_a_plan_that_is_full_gets_no_more),
		TEST(test_groups_are_of_one_op_and_one_answer),
		TEST(test_what_is_marked_alike_runs_alike),
		TEST(test_what_is_not_marked_alike_in_its_group_runs_otherwise),
		TEST(test_what_lasts_is_alike_where_nothing_of_its_kind_comes_after),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
