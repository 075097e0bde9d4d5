/* kernelio_fstab_test.c: tables of fstab lines, and what kensa's helpers make of them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernelio_fstab.h"

static void expect_text(int result, char *text, size_t size, const char *wanted)
{
	assert_int_equal(result, 0);
	assert_int_equal(size, strlen(wanted));
	assert_memory_equal(text, wanted, size);
	free(text);
}

static void expect_added(const char *fstab, const char *mount_point, const char *options,
			 const char *wanted)
{
	char *text = NULL;
	size_t size = 0;
	int result = kernelio_fstab_add_options(torn_bytes_of(fstab), torn_bytes_of(mount_point),
						torn_bytes_of(options), &text, &size);
	if (wanted) {
		expect_text(result, text, size, wanted);
		return;
	}
	assert_int_equal(result, -ENOENT);
	assert_null(text);
}

static void test_the_first_line_of_a_mount_point_is_found_verbatim(void **state)
{
	(void)state;
	static const struct {
		const char *fstab, *mount_point, *line;
	} rows[] = {
		{"/dev/a / ext4 rw 0 1\n/dev/b\t/tmp\text4\trw\t0 2\n", "/tmp", "/dev/b\t/tmp\text4\trw\t0 2"},
		{"# /dev/a /tmp ext4 rw\n  #/dev/a /tmp ext4\n/dev/c  /tmp", "/tmp", "/dev/c  /tmp"},
		{"/dev/a /tmp x rw\n/dev/b /tmp y rw\n", "/tmp", "/dev/a /tmp x rw"},
		{" /dev/a /tmp ext4 rw\r\n", "/tmp", " /dev/a /tmp ext4 rw\r"},
		{"/dev/a none swap sw\n", "none", "/dev/a none swap sw"},
		{"/dev/a /tmp/ ext4 rw\n", "/tmp", NULL},
		{"/dev/a\n\n\n", "/tmp", NULL},
		{"", "/tmp", NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct torn_bytes line = kernelio_fstab_find_line(torn_bytes_of(rows[i].fstab),
									torn_bytes_of(rows[i].mount_point));
		assert_true(rows[i].line ? line.data && torn_bytes_equal(line, torn_bytes_of(rows[i].line))
					 : !line.data);
	}
}

static void test_options_are_added_to_every_line_and_blanks_become_one(void **state)
{
	(void)state;
	expect_added("/dev/a\t/tmp\text4\tdefaults\t0\t2\n", "/tmp", "nodev",
		     "/dev/a /tmp ext4 defaults,nodev 0 2\n");
	expect_added("/dev/a /tmp ext4 nodev 0 2", "/tmp", "nodev,nosuid", "/dev/a /tmp ext4 nodev,nosuid 0 2");
	expect_added("/dev/a\t/tmp ext4 nodev\n#x\n", "/tmp", "nodev", "/dev/a /tmp ext4 nodev\n#x\n");
	expect_added("a /tmp x rw\n\nb /tmp y ro\n", "/tmp", "nodev", "a /tmp x rw,nodev\n\nb /tmp y ro,nodev\n");
	expect_added("a /tmp x rw\n", "/tmp", "nodev,nodev,,", "a /tmp x rw,nodev\n");
	/* "dev" is no part of "nodev" */
	expect_added("a /tmp x nodev\n", "/tmp", "dev", "a /tmp x nodev,dev\n");
}

static void test_a_line_without_options_is_left_and_counts_as_one(void **state)
{
	(void)state;
	expect_added("a\t/tmp x\n", "/tmp", "nodev", "a\t/tmp x\n");
	expect_added("# a /tmp x rw\n", "/tmp", "nodev", NULL);
	expect_added("a / x rw\n", "/tmp", "nodev", NULL);
}

static void test_one_line_takes_the_place_of_every_line(void **state)
{
	(void)state;
	char *text = NULL;
	size_t size = 0;
	int result = kernelio_fstab_replace_line(torn_bytes_of("a /tmp x rw\n#\nb /tmp y ro"),
						 torn_bytes_of("/tmp"), torn_bytes_of("z"), &text, &size);
	expect_text(result, text, size, "z\n#\nz");
}

static void test_lines_are_put_back_in_order_among_what_others_wrote(void **state)
{
	(void)state;
	static const char prior[] = "a\t/tmp x rw\nb /tmp y ro\n";
	char *text = NULL;
	size_t size = 0;
	int result = kernelio_fstab_put_back(
		torn_bytes_of("new / ext4 rw\na /tmp x rw,nodev\nb /tmp y ro,nodev\n"), torn_bytes_of("/tmp"),
		torn_bytes_of(prior), &text, &size);
	expect_text(result, text, size, "new / ext4 rw\na\t/tmp x rw\nb /tmp y ro\n");
	assert_int_equal(kernelio_fstab_put_back(torn_bytes_of("a /tmp x rw\n"), torn_bytes_of("/tmp"),
						 torn_bytes_of(prior), &text, &size),
			 -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_first_line_of_a_mount_point_is_found_verbatim),
		cmocka_unit_test(test_options_are_added_to_every_line_and_blanks_become_one),
		cmocka_unit_test(test_a_line_without_options_is_left_and_counts_as_one),
		cmocka_unit_test(test_one_line_takes_the_place_of_every_line),
		cmocka_unit_test(test_lines_are_put_back_in_order_among_what_others_wrote),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
