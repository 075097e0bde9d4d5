/* modelled_test.c: what a disk left is held against what a preset allows, moment by moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "modelled.h"
#include "tree.h"

/* A state from the return of op 2 until that of op 4; moments as presets.h has them. */
#define FROM 5u
#define UNTIL 9u

static bool allows(uint32_t first, uint32_t end, uint64_t tree)
{
	struct torn_modelled_state states[] = {{.tree = {.low = 7}, .first = FROM, .end = UNTIL}};
	struct torn_modelled modelled = {.states = states, .count = 1, .is_all = true};
	const struct torn_node node = {.hash = {.low = tree}};
	const struct torn_device_state state = {.tree = &node, .first = first, .end = end};
	const bool is = torn_modelled_allows(&modelled, &state);
	uint64_t trees, shown;
	torn_modelled_counted(&modelled, &trees, &shown);
	assert_int_equal(trees, 1);
	assert_int_equal(shown, tree == 7);
	return is;
}

static void test_it_is_allowed_at_each_moment_or_not_at_all(void **state)
{
	(void)state;
	assert_true(allows(FROM, UNTIL - 1, 7));
	assert_false(allows(FROM, UNTIL, 7));
	assert_false(allows(FROM - 2, FROM, 7));
	assert_false(allows(FROM, FROM, 8));
}

static void test_what_an_op_leaves_may_be_there_while_it_is_at_work(void **state)
{
	(void)state;
	assert_true(allows(FROM - 1, FROM - 1, 7)); /* during op 2 */
	assert_true(allows(FROM - 1, UNTIL - 1, 7));
	assert_false(allows(FROM - 2, FROM - 2, 7)); /* before it */
	assert_false(allows(UNTIL, UNTIL, 7));
}

/* What only a disk may be left with is allowed, and none of the trees that torn's own cuts leave. */
static void test_what_is_finer_is_not_counted(void **state)
{
	struct torn_modelled_state states[] = {{.tree = {.low = 3}, .first = FROM, .end = UNTIL},
					       {.tree = {.low = 7}, .first = FROM, .end = UNTIL, .is_finer = true}};
	struct torn_modelled modelled = {.states = states, .count = 2, .is_all = true};
	const struct torn_node node = {.hash = {.low = 7}};
	const struct torn_device_state seen = {.tree = &node, .first = FROM, .end = FROM};
	uint64_t trees, shown;
	(void)state;
	assert_true(torn_modelled_allows(&modelled, &seen));
	torn_modelled_counted(&modelled, &trees, &shown);
	assert_int_equal(trees, 1);
	assert_int_equal(shown, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_allowed_at_each_moment_or_not_at_all),
		cmocka_unit_test(test_what_an_op_leaves_may_be_there_while_it_is_at_work),
		cmocka_unit_test(test_what_is_finer_is_not_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
