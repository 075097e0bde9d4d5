/* handling_test.c: a capture whose context is cancelled is none, and keeps nothing. */
#include "handling.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fiu-control.h>
#include <fiu.h>

static int begin_points(void **state)
{
	(void)state;
	return fiu_init(0);
}

static void test_a_capture_that_is_cancelled_is_incomplete(void **state)
{
	struct kensa_prestate before = {.facts_count = 0};

	(void)state;
	assert_int_equal(kensa_prestate_add(&before, "value", "1", 1), 0);
	assert_int_equal(kensa_captured(KENSA_SUCCESS, &before), KENSA_SUCCESS);
	assert_int_equal(before.facts_count, 1);
	assert_int_equal(fiu_enable("kensa/after_capture", 1, NULL, 0), 0);
	assert_int_equal(kensa_captured(KENSA_SUCCESS, &before), KENSA_CAPTURE_INCOMPLETE);
	assert_int_equal(before.facts_count, 0);
	assert_int_equal(fiu_disable("kensa/after_capture"), 0);
}

static void test_a_capture_that_failed_keeps_its_outcome(void **state)
{
	struct kensa_prestate before = {.facts_count = 0};

	(void)state;
	assert_int_equal(kensa_prestate_add(&before, "value", "1", 1), 0);
	assert_int_equal(kensa_captured(KENSA_ERROR, &before), KENSA_ERROR);
	assert_int_equal(before.facts_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_capture_that_is_cancelled_is_incomplete),
		cmocka_unit_test(test_a_capture_that_failed_keeps_its_outcome),
	};
	return cmocka_run_group_tests(tests, begin_points, NULL);
}
