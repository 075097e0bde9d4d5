/*
 * crash_test.c: what a power cut may leave. The logs are of real runs. Each cell of
 * the litmus table that a file system has shown is a state that its preset allows;
 * what it has never shown, and promises not to, is none.
 */
#include "crash_fsync_for_tests.h"
#include "litmus_for_tests.h"

/* ----------------------------------------------------------------- litmus */

/* What may be at `path` after a cut at the end: letters by preset, "" for not asked. */
static const struct litmus {
	const char *name;
	int (*operation)(const struct torn_run *run);
	const char *path;
	const char *sync, *journal, *ext4, *noauto, *xfs, *btrfs, *posix;
} litmus[] = {
	/* create, write: absent at once, empty after a commit */
	{"create", creates, "srv/g", "n", "a0xn", "a0xn", "a0xn", "a0xn", "a0xn", "a0xnz"},
	{"overwrite in place", overwrites, "srv/f", "n", "oxn", "oxn", "oxn", "oxn", "oxn", "oxn"},
	/* 100 bytes and 100 zeroes on ext4 */
	{"append", appends_within_a_block, "srv/small", "x", "ox", "ox", "ox", "ox", "ox", "ox"},
	{"rename over", renames_over, "srv/f", "n", "on", "on", "o0xn", "o0xn", "o0xn", "o0xnz"},
	{"exchange", exchanges, "srv/f", "n", "on", "o0xn", "o0xn", "o0xn", "o0xn", "o0xnz"},
	{"reserved", renames_reserved_over, "srv/f", "n", "on", "ozxn", "ozxn", "ozxn", "ozxn", "o0zxn"},
	{"new name", renames_to_a_new_name, "srv/g", "n", "an", "a0xn", "a0xn", "a0xn", "a0xn", "a0xnz"},
	{"no directory fsync", replaces_without_the_directory, "srv/f", "n", "on", "on", "on", "on", "on",
	 "on"},
	/* only btrfs was measured: empty. On ext4 the flush of the rename is there. */
	{"no file fsync", replaces_without_the_file, "srv/f", "n", "n", "n", "0xn", "0xn", "0xn", "0xnz"},
	{"correct", replaces, "srv/f", "n", "n", "n", "n", "n", "n", "n"},
	{"clean grandparent", replaces_and_syncs_the_grandparent, "srv/f", "n", "on", "on", "on", "on",
	 "on", "on"},
	{"fsync of the renamed file", renames_and_syncs_the_file, "srv/f", "n", "n", "n", "n", "n", "n",
	 "on"},
	/* with data=journal, too, since Linux 6.4 (device_test.c) */
	{"fdatasync of it", renames_and_datasyncs_the_file, "srv/f", "n", "on", "on", "on", "n", "n", "on"},
	{"fsync of a clean file", renames_and_syncs_another, "srv/f", "n", "on", "on", "on", "on", "on",
	 "on"},
	{"truncate, write", truncates_and_writes, "srv/f", "n", "o0xn", "o0xn", "o0xn", "o0xn", "o0xn",
	 "o0xnz"},
	{"unlink", unlinks, "srv/f", "a", "oa", "oa", "oa", "oa", "oa", "oa"},
	{"create below a new directory, fsync", creates_and_syncs, "srv/d/g", "n", "n", "n", "n", "n", "n",
	 "an"},
	{"link, fsync", links_and_syncs, "srv/g", "o", "o", "o", "o", "o", "o", "ao"},
	{"rename across, fsync of the old place", renames_across_and_syncs_the_old_place, "mnt/f", "o",
	 "o", "o", "o", "o", "o", "o"},
	{"backup, fsync of the new file", keeps_a_backup_and_syncs, "srv/bak", "o", "o", "o", "o", "o",
	 "o", "ao"},
	{"rename across, fsync of a new file", renames_and_syncs_a_new_one, "mnt/f", "o", "o", "o", "o",
	 "o", "ao", "ao"},
	/* On btrfs the mode is lost where a commit came between (measured): durable_btrfs_test.c */
	{"mode after the fsync", exchanges_and_changes_the_mode, "srv/f", "N", "N", "N", "N", "N", "nN", "nN"},
	{"O_DSYNC", writes_through, "srv/f", "n", "n", "n", "n", "n", "n", "n"},
	{"O_DSYNC of a duplicate", writes_through_a_duplicate, "srv/f", "n", "n", "n", "n", "n", "n", "n"},
	{"RWF_DSYNC", writes_once_through, "srv/f", "n", "n", "n", "n", "n", "n", "n"},
	{"msync of the last block", stores_and_syncs_its_last_block, "srv/f", "n", "n", "nx", "nx", "nx",
	 "nx", "nx"},
	{"RWF_SYNC of the last block", writes_its_last_block_through, "srv/f", "n", "n", "nx", "nx", "nx",
	 "nx", "nx"},
};

static int wrong;

static void expect_letters(const struct litmus *row, enum torn_preset preset, const char *wanted)
{
	look_at(preset, row->path);
	if (same_letters(seen.letters, wanted))
		return;
	print_message("%s under %s: a cut leaves %s, expected %s\n", row->name, torn_preset_name(preset),
		      seen.letters, wanted);
	wrong++;
}

static void test_each_litmus_leaves_what_its_preset_allows(void **state)
{
	(void)state;
	begin_with(__extension__ OLD);
	for (size_t i = 0; i < sizeof litmus / sizeof *litmus; i++) {
		const struct litmus *row = &litmus[i];
		assert_holds(row->operation);
		expect_letters(row, TORN_PRESET_SYNC, row->sync);
		expect_letters(row, TORN_PRESET_EXT4_JOURNAL, row->journal);
		expect_letters(row, TORN_PRESET_EXT4, row->ext4);
		expect_letters(row, TORN_PRESET_EXT4_NOAUTO, row->noauto);
		expect_letters(row, TORN_PRESET_XFS, row->xfs);
		expect_letters(row, TORN_PRESET_BTRFS, row->btrfs);
		expect_letters(row, TORN_PRESET_POSIX, row->posix);
	}
	assert_int_equal(wrong, 0);
}

/* ------------------------------------------------------------ file systems */

static int sync_elsewhere(int (*sync)(int))
{
	MUST(stage(false, true) == 0 && rename("/srv/t", "/srv/f") == 0);
	int fd = open("/other/g", O_WRONLY | O_CREAT, 0644);
	MUST(fd >= 0 && write(fd, "x", 1) == 1 && sync(fd) == 0 && close(fd) == 0);
	return 0;
}

OPERATION(renames_and_syncs_elsewhere)
{
	return sync_elsewhere(fsync);
}

OPERATION(renames_and_syncs_all_elsewhere)
{
	return sync_elsewhere(syncfs);
}

static int sync_the_machine(int fd)
{
	(void)fd;
	sync();
	return 0;
}

OPERATION(renames_and_syncs_the_machine)
{
	return sync_elsewhere(sync_the_machine);
}

/* A sync of one file system says nothing of another, and neither does the order of its journal. */
static void test_what_is_mounted_has_a_journal_of_its_own(void **state)
{
	static const struct {
		int (*operation)(const struct torn_run *run);
		const char *apart, *together; /* ext4 and ext4-journal, with /other mounted and not */
	} rows[] = {
		{renames_and_syncs_elsewhere, "on", "n"},
		{renames_and_syncs_all_elsewhere, "on", "n"},
		{renames_and_syncs_the_machine, "n", "n"},
	};
	static const enum torn_preset presets[] = {TORN_PRESET_EXT4_JOURNAL, TORN_PRESET_EXT4, TORN_PRESET_XFS};
	(void)state;
	for (int is_mounted = 0; is_mounted < 2; is_mounted++) {
		begin_with(is_mounted ? __extension__ OLD "old other mount\n"
				      : __extension__ OLD "old other dir\n");
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
			assert_holds(rows[i].operation);
			for (size_t j = 0; j < sizeof presets / sizeof *presets; j++) {
				look_at(presets[j], "srv/f");
				if (!same_letters(seen.letters, is_mounted ? rows[i].apart : rows[i].together))
					fail_msg("row %zu under %s, mounted %d: %s", i,
						 torn_preset_name(presets[j]), is_mounted, seen.letters);
			}
		}
	}
}

/* ----------------------------------------------------------------- presets */

/*
 * What a stronger file system leaves, a weaker one leaves too: clean under posix is clean
 * anywhere.
 */
static void hold_against_the_stronger(const char *name, const char *path, bool sync)
{
	static const enum torn_preset pairs[][2] = {
		{TORN_PRESET_SYNC, TORN_PRESET_EXT4_JOURNAL},
		{TORN_PRESET_EXT4_JOURNAL, TORN_PRESET_EXT4},
		{TORN_PRESET_EXT4, TORN_PRESET_EXT4_NOAUTO},
		{TORN_PRESET_EXT4_NOAUTO, TORN_PRESET_EXT4_WRITEBACK},
		{TORN_PRESET_XFS, TORN_PRESET_POSIX},
		{TORN_PRESET_BTRFS, TORN_PRESET_POSIX},
		{TORN_PRESET_EXT4_WRITEBACK, TORN_PRESET_POSIX},
	};
	static struct seen weaker;
	for (size_t j = sync ? 0 : 1; j < sizeof pairs / sizeof *pairs; j++) {
		look_at(pairs[j][1], path);
		weaker = seen;
		look_at(pairs[j][0], path);
		for (size_t k = 0; k < seen.hashes_count; k++)
			add_hash(&weaker, seen.hashes[k]);
		const size_t before = weaker.hashes_count;
		look_at(pairs[j][1], path);
		if (before != seen.hashes_count)
			fail_msg("%s: %s has states that %s has not", name, torn_preset_name(pairs[j][0]),
				 torn_preset_name(pairs[j][1]));
	}
}

static void test_the_weaker_preset_has_all_states_of_the_stronger(void **state)
{
	(void)state;
	begin_with(__extension__ OLD);
	for (size_t i = 0; i < sizeof litmus / sizeof *litmus; i++) {
		assert_holds(litmus[i].operation);
		hold_against_the_stronger(litmus[i].name, litmus[i].path, true);
	}
	for (size_t i = 0; i < sizeof failed_syncs / sizeof *failed_syncs; i++) {
		char fault[64];
		snprintf(fault, sizeof fault, "fault 3 fsync %s\n", failed_syncs[i].fault);
		assert_holds_under(failed_syncs[i].operation, fault);
		/* On a synchronous mount there is nothing left to lose. */
		hold_against_the_stronger(failed_syncs[i].name, failed_syncs[i].path, false);
	}
}

/* The last state of all is that of the run: with every effect it is the tree on disk. */
static bool see_whole(void *context, const struct torn_crash_state *state)
{
	const struct torn_node **whole = context;
	if (torn_tree_equal(state->tree, test->trial.now))
		*whole = test->trial.now;
	return true;
}

static void test_with_all_effects_it_is_the_tree_of_the_run(void **state)
{
	(void)state;
	begin_with(__extension__ OLD);
	for (size_t i = 0; i < sizeof litmus / sizeof *litmus; i++) {
		assert_holds(litmus[i].operation);
		for (enum torn_preset preset = 0; preset < TORN_PRESET_COUNT; preset++) {
			const struct torn_node *whole = NULL;
			struct torn_effects effects;
			struct torn_persistence persistence;
			struct torn_crash_count count;
			const struct torn_log *log = test->trial.log;
			assert_int_equal(torn_effects_of(&test->arena, &test->setup.base, log,
					 torn_preset_splits(preset), &effects), 0);
			assert_int_equal(torn_preset_order(&test->arena, preset, &effects, log, &persistence), 0);
			assert_int_equal(torn_crash_states(&test->arena, &test->setup.base, log, &effects,
							   &persistence, &usual, see_whole,
							   &whole, &count),
					 0);
			if (!whole)
				fail_msg("%s under %s: no state is that of the run", litmus[i].name,
					 torn_preset_name(preset));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		gate_test(test_each_litmus_leaves_what_its_preset_allows),
		gate_test(test_what_is_mounted_has_a_journal_of_its_own),
		gate_test(test_the_weaker_preset_has_all_states_of_the_stronger),
		gate_test(test_with_all_effects_it_is_the_tree_of_the_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
