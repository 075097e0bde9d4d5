/* audit_lines_test.c: rules that share a file with others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "audit_lines.h"

static void test_only_what_is_missing_is_appended(void **state)
{
	(void)state;
	static const struct {
		const char *file, *rules, *merged, *added;
	} rows[] = {
		{"", "-w /a", "# Managed by Kensa.\n-w /a\n", "-w /a\n"},
		{" \n\n", "-w /a\n# no\n\n-w /b\n", "# Managed by Kensa.\n-w /a\n-w /b\n", "-w /a\n-w /b\n"},
		{"-w /a\n", "-w /b", "-w /a\n-w /b\n", "-w /b\n"},
		{"-w /a", " -w /a ", "-w /a\n", ""},
		{"# x\n\n  -w /a\n\n", "-w /a\n-w /b\n-w /b", "# x\n\n  -w /a\n-w /b\n", "-w /b\n"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *merged = NULL, *added = NULL;
		size_t size = 0;
		assert_int_equal(audit_lines_merge(torn_bytes_of(rows[i].file), torn_bytes_of(rows[i].rules),
						   &merged, &size, &added),
				 0);
		assert_string_equal(merged, rows[i].merged);
		assert_int_equal(size, strlen(rows[i].merged));
		assert_string_equal(added, rows[i].added);
		free(merged);
		free(added);
	}
}

static void test_lines_go_and_whether_a_rule_is_left_is_told(void **state)
{
	(void)state;
	static const struct {
		const char *file, *rules, *reduced;
		bool remains;
	} rows[] = {
		{"# Managed by Kensa.\n-w /a\n", "-w /a\n", "# Managed by Kensa.\n", false},
		{"-w /a\n-w /b", "-w /a", "-w /b\n", true},
		{"-w /a\n # -w /b\n", " -w /a", " # -w /b\n", false},
		{"-w /a\n\n-w /b\n\n\n", "-w /c", "-w /a\n\n-w /b\n", true},
		{"# no newline", "", "# no newline", false},
		{"", "-w /a", "\n", false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *reduced = NULL;
		size_t size = 0;
		bool remains = !rows[i].remains;
		assert_int_equal(audit_lines_remove(torn_bytes_of(rows[i].file),
						    torn_bytes_of(rows[i].rules), &reduced, &size,
						    &remains),
				 0);
		assert_string_equal(reduced, rows[i].reduced);
		assert_int_equal(size, strlen(rows[i].reduced));
		assert_int_equal(remains, rows[i].remains);
		free(reduced);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_what_is_missing_is_appended),
		cmocka_unit_test(test_lines_go_and_whether_a_rule_is_left_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
