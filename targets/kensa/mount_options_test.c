/* mount_options_test.c: what a remount brings back, as measured: mount -o remount with and without each word. */
#include "mount_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void add(struct kensa_prestate *state, const char *name, const char *value)
{
	assert_int_equal(kensa_prestate_add(state, name, value, strlen(value)), 0);
}

static void test_what_no_remount_brings_back_is_not_begun(void **state)
{
	static const struct {
		const char *of_mount, *of_filesystem, *live, *added, *in_table;
		bool can;
	} rows[] = {
		{"rw,relatime", "rw", "rw,relatime", "nodev", "defaults", true},
		/* one superblock for both */
		{"ro,relatime", "rw", "ro,relatime", "nodev", "defaults", false},
		{"ro,relatime", "ro", "ro,relatime", "nodev", "defaults", true},
		/* no word stands for strictatime, and a remount without any leaves what was set since */
		{"rw", "rw", "rw", "nodev", "defaults", true},
		{"rw", "rw", "rw", "noatime", "defaults", false},
		{"rw", "rw", "rw", "nodev", "rw,relatime", false},
		{"rw,relatime", "rw", "rw,relatime", "noatime", "defaults", true},
		/* what a file system keeps for itself comes back with its former value, or not */
		{"rw,relatime", "rw,size=1m", "rw,relatime,size=1m", "size=2m", "defaults", true},
		{"rw,relatime", "rw", "rw,relatime", "size=2m", "defaults", false},
		{"rw,relatime", "rw", "rw,relatime", "nodev", "errors=remount-ro", false},
		{"rw,relatime", "rw", "rw,relatime", "nodev", "x-systemd.automount", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct kensa_prestate before = {.facts_count = 0};
		char line[128];
		snprintf(line, sizeof(line), "/dev/sda3 /tmp ext4 %s 0 2", rows[i].in_table);
		add(&before, "prior_line", line);
		add(&before, "option", rows[i].added);
		add(&before, "mounted_options", rows[i].live);
		add(&before, "mounted_options.of_mount", rows[i].of_mount);
		add(&before, "mounted_options.of_filesystem", rows[i].of_filesystem);
		if (mount_options_can_come_back(&before) != rows[i].can)
			fail_msg("row %zu: %s on %s", i, rows[i].added, rows[i].live);
		kensa_prestate_free(&before);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_no_remount_brings_back_is_not_begun),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
