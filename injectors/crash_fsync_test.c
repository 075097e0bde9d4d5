/* crash_fsync_test.c: an fsync that fails, and what a power cut leaves of what it lost. */
#include "crash_fsync_for_tests.h"

/* What was durable before is not lost. */
OPERATION(syncs_before)
{
	int fd = torn_litmus_write("/srv/small", 0, 'n', 100);
	MUST(fd >= 0 && fdatasync(fd) == 0 && pwrite(fd, "x", 1, 0) == 1);
	MUST_FAIL(fsync(fd), EIO);
	MUST(close(fd) == 0);
	return 0;
}

static void test_what_a_failed_fsync_lost_is_in_no_later_state(void **state)
{
	(void)state;
	static const enum torn_preset presets[] = {TORN_PRESET_SYNC,  TORN_PRESET_EXT4_JOURNAL,
						   TORN_PRESET_EXT4,  TORN_PRESET_XFS,
						   TORN_PRESET_BTRFS, TORN_PRESET_POSIX};
	begin_with(OLD);
	int wrong = 0;
	for (size_t i = 0; i < sizeof failed_syncs / sizeof *failed_syncs; i++) {
		const char *const *expected = &failed_syncs[i].sync;
		char fault[64];
		snprintf(fault, sizeof fault, "fault 3 fsync %s\n", failed_syncs[i].fault);
		assert_holds_under(failed_syncs[i].operation, fault);
		for (size_t j = 0; j < sizeof presets / sizeof *presets; j++) {
			look_at(presets[j], failed_syncs[i].path);
			if (same_letters(seen.letters, expected[j]))
				continue;
			print_message("%s under %s: '%s', expected '%s'\n", failed_syncs[i].name,
				      torn_preset_name(presets[j]), seen.letters, expected[j]);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

static void test_what_an_earlier_fsync_made_durable_a_failed_one_does_not_lose(void **state)
{
	(void)state;
	begin_with(OLD);
	assert_holds_under(syncs_before, "fault 5 fsync fsync=lost\n");
	for (enum torn_preset preset = 0; preset < TORN_PRESET_COUNT; preset++) {
		look_at(preset, "srv/small");
		assert_string_equal(seen.letters, preset == TORN_PRESET_SYNC ? "x" : "n");
	}
}

/* A case that says that lost data survived is no case: no cut leaves that. */
static void test_no_cut_after_the_fsync_leaves_what_it_lost(void **state)
{
	(void)state;
	struct torn_effects effects;
	struct torn_persistence order;
	const struct torn_node *tree;
	const bool nothing_lost[8] = {false}, data_lost[8] = {true};
	uint32_t number = 99;
	begin_with(OLD);
	assert_holds_under(overwrites_and_fails_to_sync, "fault 3 fsync fsync=lost\n");
	const struct torn_log *log = test->trial.log;
	assert_int_equal(torn_effects_of(&test->arena, &test->setup.base, log, false, &effects), 0);
	assert_int_equal(torn_preset_order(&test->arena, TORN_PRESET_EXT4, &effects, log, &order), 0);
	const uint32_t before = 2 * 2, after = before + 1; /* the third op */
	assert_int_equal(torn_crash_tree(&test->arena, &test->setup.base, log, &effects, &order,
					 nothing_lost, after, &tree, &number), -EPERM);
	assert_int_equal(number, 0);
	assert_int_equal(torn_crash_tree(&test->arena, &test->setup.base, log, &effects, &order,
					 nothing_lost, before, &tree, &number), 0);
	assert_int_equal(torn_litmus_letter(torn_tree_find(tree, torn_bytes_of("srv/small"))), 'n');
	assert_int_equal(torn_crash_tree(&test->arena, &test->setup.base, log, &effects, &order,
					 data_lost, after, &tree, &number), 0);
	assert_int_equal(torn_litmus_letter(torn_tree_find(tree, torn_bytes_of("srv/small"))), 'o');
}

/* A cut before it, or while it is done, may still find the data on disk. */
static void test_lost_data_may_be_there_until_the_fsync_that_lost_it(void **state)
{
	(void)state;
	begin_with(OLD);
	assert_holds_under(overwrites_and_fails_to_sync, "fault 3 fsync fsync=lost\n");
	look_at(TORN_PRESET_POSIX, "srv/small");
	assert_int_equal(seen.sets, 4); /* {} d t dt: t is the size that shows alone */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		gate_test(test_what_a_failed_fsync_lost_is_in_no_later_state),
		gate_test(test_what_an_earlier_fsync_made_durable_a_failed_one_does_not_lose),
		gate_test(test_no_cut_after_the_fsync_leaves_what_it_lost),
		gate_test(test_lost_data_may_be_there_until_the_fsync_that_lost_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
