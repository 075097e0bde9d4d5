/*
 * coverage_test.c: see coverage.h. No compiler makes counters here: the test
 * puts some where a compiler would, beside functions that are real.
 */
#include "coverage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EDGES 5

static __attribute__((noinline, used)) int called(int number)
{
	return number + 1;
}

static __attribute__((noinline, used)) int never_called_at_all(int number)
{
	return number - 1;
}

/* In the sections whose bounds the linker gives: an edge each, and where it is. */
static uint8_t counters[EDGES] __attribute__((section("__sancov_cntrs"), used, retain));
static const struct {
	int (*address)(int number);
	uintptr_t flags; /* 1: the entry of a function */
} places[EDGES] __attribute__((section("__sancov_pcs"), used, retain)) = {
	{called, 1}, {called, 0}, {called, 0}, {never_called_at_all, 1}, {never_called_at_all, 0},
};

static char *text_of(const uint8_t *seen)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	torn_coverage_print(out, seen);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void test_each_edge_has_a_counter(void **state)
{
	(void)state;
	const struct torn_counters found = torn_coverage_counters();
	assert_ptr_equal(found.first, counters);
	assert_int_equal(found.count, EDGES);
}

static void test_what_ran_is_marked_and_stays_marked(void **state)
{
	(void)state;
	uint8_t seen[EDGES] = {0};
	const uint8_t first[EDGES] = {1, 0, 1, 0, 0}, both[EDGES] = {1, 0, 1, 0, 1};
	memset(counters, 0, sizeof counters);
	counters[0] = 1;
	counters[2] = 255; /* however often */
	torn_coverage_take(seen);
	assert_memory_equal(seen, first, EDGES);
	memset(counters, 0, sizeof counters);
	counters[4] = 7;
	torn_coverage_take(seen);
	assert_memory_equal(seen, both, EDGES);
	assert_int_equal(counters[4], 7); /* whose they are zeroes them */
}

static void test_edges_and_functions_are_counted(void **state)
{
	(void)state;
	const uint8_t seen[EDGES] = {1, 1, 0, 0, 0};
	char *text = text_of(seen);
	assert_non_null(strstr(text, "2 of 5 edges, 1 of 2 functions\n"));
	free(text);
}

static void test_where_all_ran_there_is_no_more_to_tell(void **state)
{
	(void)state;
	const uint8_t seen[EDGES] = {1, 1, 1, 1, 1};
	if (system("addr2line --version >/dev/null 2>&1") != 0)
		skip();
	char *text = text_of(seen);
	assert_string_equal(text, "coverage of the target's code: "
				  "5 of 5 edges, 2 of 2 functions\n"
				  "  fuzz/coverage_test.c: 5 of 5 edges\n");
	free(text);
}

static void test_edges_are_counted_by_file(void **state)
{
	(void)state;
	if (system("addr2line --version >/dev/null 2>&1") != 0)
		skip();
	const uint8_t seen[EDGES] = {1, 1, 0, 0, 1};
	struct torn_arena arena;
	const struct torn_covered *files;
	assert_int_equal(torn_arena_open(&arena, 1 << 16), 0);
	assert_int_equal(torn_coverage_files(seen, &arena, &files), 1);
	assert_string_equal(files[0].file, "fuzz/coverage_test.c");
	assert_int_equal(files[0].edges, EDGES);
	assert_int_equal(files[0].seen, 3);
	torn_arena_close(&arena);
}

static void test_what_never_ran_is_told_by_function(void **state)
{
	(void)state;
	if (system("addr2line --version >/dev/null 2>&1") != 0)
		skip();
	const uint8_t seen[EDGES] = {1, 0, 0, 0, 0};
	char *text = text_of(seen);
	const char *never =
		strstr(text, "  never_called_at_all (fuzz/coverage_test.c): never called\n");
	const char *lines = strstr(text, "  called (fuzz/coverage_test.c): never reached line ");
	assert_non_null(never);
	assert_non_null(lines);
	assert_true(lines < never);
	/* Two edges on one line are one line. */
	assert_null(strchr(strstr(lines, "line "), ','));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_edge_has_a_counter),
		cmocka_unit_test(test_what_ran_is_marked_and_stays_marked),
		cmocka_unit_test(test_edges_and_functions_are_counted),
		cmocka_unit_test(test_where_all_ran_there_is_no_more_to_tell),
		cmocka_unit_test(test_edges_are_counted_by_file),
		cmocka_unit_test(test_what_never_ran_is_told_by_function),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
