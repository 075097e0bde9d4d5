/* coverage_without_test.c: where nothing was compiled for coverage. See coverage.h. */
#include "coverage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_there_are_no_counters(void **state)
{
	(void)state;
	assert_int_equal(torn_coverage_counters().count, 0);
}

static void test_nothing_is_marked(void **state)
{
	(void)state;
	uint8_t seen[1] = {42};
	torn_coverage_take(seen);
	assert_int_equal(seen[0], 42);
}

static void test_that_is_told(void **state)
{
	(void)state;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	torn_coverage_print(out, NULL);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, "coverage: the target was compiled without it\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_are_no_counters),
		cmocka_unit_test(test_nothing_is_marked),
		cmocka_unit_test(test_that_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
