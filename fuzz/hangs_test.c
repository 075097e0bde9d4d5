/* hangs_test.c: what hung is not run again; what may fare better is, ever more seldom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "hangs.h"

#define HERE UINT64_C(1)
#define ELSEWHERE UINT64_C(2)

static struct torn_hangs hangs;

static int forget(void **state)
{
	(void)state;
	memset(&hangs, 0, sizeof hangs);
	return 0;
}

static struct torn_fault at(uint32_t op, enum torn_call call, enum torn_fault_name name, int64_t value)
{
	return (struct torn_fault){.when = {op, op, 0}, .call = call, .name = name, .value = value};
}

static struct torn_plan plan_of(struct torn_fault fault)
{
	return (struct torn_plan){.faults = {fault}, .faults_count = 1, .seed = 1};
}

static struct torn_plan and_then(struct torn_plan plan, struct torn_fault fault)
{
	plan.faults[plan.faults_count++] = fault;
	return plan;
}

static void test_what_hung_is_known_where_it_hung(void **state)
{
	(void)state;
	const struct torn_plan plan = plan_of(at(2, TORN_CALL_dup, TORN_FAULT_ERRNO, EMFILE));
	assert_false(torn_hangs_expected(&hangs, HERE, &plan));
	torn_hangs_note(&hangs, HERE, &plan, 2);
	assert_true(torn_hangs_know(&hangs, HERE, &plan));
	assert_true(torn_hangs_expected(&hangs, HERE, &plan));
	assert_false(torn_hangs_know(&hangs, ELSEWHERE, &plan));
}

static void test_errnos_of_one_class_hang_alike(void **state)
{
	(void)state;
	const struct torn_plan noted = plan_of(at(3, TORN_CALL_write, TORN_FAULT_ERRNO, ENOSPC));
	torn_hangs_note(&hangs, HERE, &noted, 3);
	const struct {
		struct torn_fault fault;
		bool known;
	} others[] = {
		{at(3, TORN_CALL_write, TORN_FAULT_ERRNO, EDQUOT), true},
		{at(3, TORN_CALL_write, TORN_FAULT_ERRNO, EIO), false},
		{at(3, TORN_CALL_write, TORN_FAULT_ERRNO, EFBIG), false},
		{at(3, TORN_CALL_write, TORN_FAULT_STICKY, ENOSPC), false},
		{at(3, TORN_CALL_fsync, TORN_FAULT_ERRNO, ENOSPC), false},
		{at(4, TORN_CALL_write, TORN_FAULT_ERRNO, ENOSPC), false},
		{at(3, TORN_CALL_write, TORN_FAULT_SHORT, 1), false},
	};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		const struct torn_plan plan = plan_of(others[i].fault);
		assert_int_equal(torn_hangs_know(&hangs, HERE, &plan), others[i].known);
	}
	/* Again and again is another thing than once. */
	struct torn_plan again = noted;
	again.faults[0].when = (struct torn_when){3, UINT32_MAX, 1};
	assert_false(torn_hangs_know(&hangs, HERE, &again));
	/* Of those that have no class each is told apart; and lengths. */
	const struct torn_plan one = plan_of(at(3, TORN_CALL_write, TORN_FAULT_SHORT, 1)),
			       two = plan_of(at(3, TORN_CALL_write, TORN_FAULT_SHORT, 2));
	torn_hangs_note(&hangs, HERE, &one, 3);
	assert_true(torn_hangs_know(&hangs, HERE, &one));
	assert_false(torn_hangs_know(&hangs, HERE, &two));
}

static void test_a_fault_beyond_the_end_of_a_hang_changes_nothing(void **state)
{
	(void)state;
	const struct torn_plan noted = plan_of(at(2, TORN_CALL_dup, TORN_FAULT_ERRNO, EMFILE));
	torn_hangs_note(&hangs, HERE, &noted, 5);
	const struct torn_plan beyond = and_then(noted, at(6, TORN_CALL_close, TORN_FAULT_LATE, EIO)),
			       within = and_then(noted, at(5, TORN_CALL_close, TORN_FAULT_LATE, EIO)),
			       before = and_then(plan_of(at(1, TORN_CALL_openat, TORN_FAULT_EINTR, 0)),
						 noted.faults[0]);
	assert_true(torn_hangs_know(&hangs, HERE, &beyond));
	assert_false(torn_hangs_know(&hangs, HERE, &within));
	assert_false(torn_hangs_know(&hangs, HERE, &before));
}

/* How many of many worlds are skipped. */
static unsigned skipped(const struct torn_plan *plan, unsigned worlds)
{
	unsigned count = 0;
	for (unsigned i = 0; i < worlds; i++)
		count += torn_hangs_expected(&hangs, ELSEWHERE + i, plan);
	return count;
}

static void test_elsewhere_it_is_tried_half_as_often_after_each_hang(void **state)
{
	(void)state;
	const unsigned worlds = 1u << 16;
	const struct torn_plan plan = plan_of(at(2, TORN_CALL_dup, TORN_FAULT_ERRNO, EMFILE)),
			       later = plan_of(at(4, TORN_CALL_dup, TORN_FAULT_ERRNO, EMFILE)),
			       other = plan_of(at(2, TORN_CALL_openat, TORN_FAULT_ERRNO, EMFILE)),
			       both = and_then(other, later.faults[0]);
	assert_int_equal(skipped(&plan, worlds), 0);
	for (unsigned times = 1; times <= 8; times++) {
		torn_hangs_note(&hangs, HERE, &plan, 2);
		const unsigned tried[] = {worlds - skipped(&plan, worlds), worlds - skipped(&later, worlds),
					  worlds - skipped(&both, worlds)};
		const unsigned wanted = worlds >> times;
		for (size_t i = 0; i < 3; i++)
			assert_in_range(tried[i], wanted - wanted / 2, wanted + wanted / 2);
		assert_int_equal(skipped(&other, worlds), 0);
	}
}

static void test_more_hangs_than_are_kept_do_no_harm(void **state)
{
	(void)state;
	for (uint32_t i = 1; i < 4 * TORN_HANGS_SLOTS; i++) {
		const struct torn_plan plan = plan_of(at(i, TORN_CALL_write, TORN_FAULT_SHORT, i));
		torn_hangs_note(&hangs, HERE, &plan, i);
		assert_true(torn_hangs_know(&hangs, HERE, &plan));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_what_hung_is_known_where_it_hung, forget),
		cmocka_unit_test_setup(test_errnos_of_one_class_hang_alike, forget),
		cmocka_unit_test_setup(test_a_fault_beyond_the_end_of_a_hang_changes_nothing, forget),
		cmocka_unit_test_setup(test_elsewhere_it_is_tried_half_as_often_after_each_hang, forget),
		cmocka_unit_test_setup(test_more_hangs_than_are_kept_do_no_harm, forget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
