/* device_fs_test.c: what may be called a disk, which preset it is held against, and what is refused with which words. */
#include "device_fs.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_a_disk_has_one_text_and_the_weakest_preset_of_its_options(void **state)
{
	(void)state;
	static const struct {
		const char *text, *canonical;
		enum torn_preset preset;
	} rows[] = {
		{"ext4", "ext4", TORN_PRESET_EXT4},
		{"xfs", "xfs", TORN_PRESET_XFS},
		{"btrfs", "btrfs", TORN_PRESET_BTRFS},
		{"ext4:noauto_da_alloc", "ext4:noauto_da_alloc", TORN_PRESET_EXT4_NOAUTO},
		{"ext4:data=journal", "ext4:data=journal", TORN_PRESET_EXT4_JOURNAL},
		{"ext4:data=ordered", "ext4:data=ordered", TORN_PRESET_EXT4},
		{"ext4:data=writeback", "ext4:data=writeback", TORN_PRESET_EXT4_WRITEBACK},
		{"ext4:noauto_da_alloc,data=ordered", "ext4:data=ordered,noauto_da_alloc", TORN_PRESET_EXT4_NOAUTO},
		{"ext4:data=ordered,noauto_da_alloc", "ext4:data=ordered,noauto_da_alloc", TORN_PRESET_EXT4_NOAUTO},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct torn_device_choice choice;
		char expected[160] = "", text[160];
		assert_int_equal(torn_device_choose(torn_bytes_of(rows[i].text), &choice, expected, sizeof expected), 0);
		assert_string_equal(torn_device_choice_text(&choice, text, sizeof text), rows[i].canonical);
		assert_int_equal(choice.preset, rows[i].preset);
	}
}

static void test_what_is_no_disk_is_refused_with_what_was_expected(void **state)
{
	(void)state;
	static const char file_system[] = "a file system: ext4, xfs, btrfs, or ext4:OPTIONS";
	static const char option[] =
		"options that have a preset: of ext4 noauto_da_alloc, data=journal, data=ordered, data=writeback";
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{"", file_system},
		{"ext3", file_system},
		{"ext", file_system},
		{"EXT4", file_system},
		{"ext4,noauto_da_alloc", file_system},
		{"ext4:", option},
		{"ext4:nobarrier", option},
		{"ext4:data=", option},
		{"ext4:noauto_da_alloc,", option},
		{"ext4:,noauto_da_alloc", option},
		{"xfs:noauto_da_alloc", option},
		{"ext4:noauto_da_alloc,noauto_da_alloc", "each option once"},
		{"ext4:data=journal,data=journal", "each option once"},
		{"ext4:data=journal,noauto_da_alloc,data=journal", "each option once"},
		{"ext4:data=journal,data=writeback", "one data= mode at most"},
		{"ext4:data=writeback,noauto_da_alloc,data=ordered", "one data= mode at most"},
		/* so long that a text of it would be cut off */
		{"ext4:data=writeback,data=writeback,data=writeback,data=writeback,data=writeback,data=writeback,"
		 "data=writeback,data=writeback,data=writeback,noauto_da_alloc", "each option once"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct torn_device_choice choice;
		char expected[160] = "";
		assert_int_equal(torn_device_choose(torn_bytes_of(rows[i].text), &choice, expected, sizeof expected),
				 -EINVAL);
		assert_string_equal(expected, rows[i].expected);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_disk_has_one_text_and_the_weakest_preset_of_its_options),
		cmocka_unit_test(test_what_is_no_disk_is_refused_with_what_was_expected),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
