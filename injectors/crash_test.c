/*
 * crash_test.c: what a power cut may leave. The logs are of real runs. Each cell of
 * the litmus table that a file system has shown is a state that its preset allows;
 * what it has never shown, and promises not to, is none.
 */
#include "crash_fsync_for_tests.h"

/* ----------------------------------------------------------------- litmus */

/* What may be at the path of a litmus row after a cut at the end: letters by preset. */
static const struct litmus {
	const char *name;
	const char *sync, *journal, *ext4, *noauto, *xfs, *btrfs, *posix;
} litmus[] = {
	/* create, write: absent at once, empty after a commit */
	{"create, write", "n", "a0xn", "a0xn", "a0xn", "a0xn", "a0xn", "a0xnz"},
	/* x: appended, or half of it. */
	{"append", "x", "ox", "ox", "ox", "ox", "ox", "ox"},
	/* 100 bytes and 100 zeroes on ext4 */
	{"append within a block", "x", "ox", "ox", "ox", "ox", "ox", "ox"},
	{"overwrite in place", "n", "oxn", "oxn", "oxn", "oxn", "oxn", "oxn"},
	{"three blocks, the first written back", "n", "a0xn", "a0xn", "a0xn", "a0xn", "a0xn", "a0xnz"},
	{"three blocks, the third written back", "n", "a0xn", "a0xn", "a0xn", "a0xn", "a0xn", "a0xnz"},
	/* On ext4 there is the flush of the rename, which is not waited for: zeroes where it was not yet done. */
	{"rename over", "n", "on", "onxz", "o0xnz", "o0xn", "o0xn", "o0xnz"},
	{"exchange", "n", "on", "o0xn", "o0xn", "o0xn", "o0xn", "o0xnz"},
	{"reserved, rename over", "n", "on", "ozxn", "ozxn", "ozxn", "ozxn", "o0zxn"},
	{"rename to a new name", "n", "an", "a0xn", "a0xn", "a0xn", "a0xn", "a0xnz"},
	{"fsync, rename over", "n", "on", "on", "on", "on", "on", "on"},
	{"rename over, fsync of the directory", "n", "n", "nxz", "0xnz", "0xn", "0xn", "0xnz"},
	{"replace", "n", "n", "n", "n", "n", "n", "n"},
	{"rename, fsync of a clean file", "n", "on", "on", "on", "on", "on", "on"},
	{"rename, fsync of a clean grandparent", "n", "on", "on", "on", "on", "on", "on"},
	{"rename, fsync of the file", "n", "n", "n", "n", "n", "n", "on"},
	/* with data=journal, too, since Linux 6.4 (device_test.c) */
	{"rename, fdatasync of the file", "n", "on", "on", "on", "n", "n", "on"},
	{"truncate, write, close", "n", "o0xn", "o0xn", "o0xn", "o0xn", "o0xn", "o0xnz"},
	/* The commit is the fsync of another file, which takes along on btrfs no more than that. */
	{"truncate, commit, write, close", "n", "0xn", "0xn", "0xn", "0xn", "o0xn", "o0xnz"},
	{"unlink", "a", "oa", "oa", "oa", "oa", "oa", "oa"},
	{"create, fsync", "n", "n", "n", "n", "n", "n", "an"},
	{"create below a new directory, fsync", "n", "n", "n", "n", "n", "n", "an"},
	{"link, fsync", "o", "o", "o", "o", "o", "o", "ao"},
	{"rename across, fsync of the old place", "o", "o", "o", "o", "o", "o", "o"},
	/* On btrfs under both names. */
	{"rename across, fsync of the new place", "a", "a", "a", "a", "a", "oa", "oa"},
	{"rename across, fsync of a new file", "o", "o", "o", "o", "o", "ao", "ao"},
	/* On btrfs the fsync of another file has none of the rename; that neither may be there is of a disk: effects_disk_test.c */
	{"backup, replace from elsewhere", "n", "n", "n", "n", "n", "on", "on"},
	{"the same, its source logged", "n", "n", "n", "n", "n", "on", "on"},
	{"O_TMPFILE, fsync, link, fsync", "n", "n", "n", "n", "n", "n", "an"},
	/* On btrfs seen below its old name. */
	{"rename a directory, fsync below it", "a", "a", "a", "a", "a", "an", "an"},
	{"backup, fsync of the new file", "o", "o", "o", "o", "o", "o", "ao"},
	/* On btrfs the mode is lost where a commit came between (measured): durable_btrfs_test.c */
	{"mode after the fsync", "N", "N", "N", "N", "N", "nN", "nN"},
	{"O_DSYNC", "n", "n", "n", "n", "n", "n", "n"},
	{"O_DSYNC of a duplicate", "n", "n", "n", "n", "n", "n", "n"},
	{"RWF_DSYNC", "n", "n", "n", "n", "n", "n", "n"},
	{"msync of the last block", "n", "n", "nx", "nx", "nx", "nx", "nx"},
	{"RWF_SYNC of the last block", "n", "n", "nx", "nx", "nx", "nx", "nx"},
};

static int wrong;

static void expect_letters(const struct litmus *row, enum torn_preset preset, const char *wanted)
{
	look_at(preset, torn_litmus_named(row->name)->path);
	if (same_letters(seen.letters, wanted))
		return;
	print_message("%s under %s: a cut leaves %s, expected %s\n", row->name, torn_preset_name(preset),
		      seen.letters, wanted);
	wrong++;
}

static void test_each_litmus_leaves_what_its_preset_allows(void **state)
{
	(void)state;
	begin_with(OLD);
	for (size_t i = 0; torn_litmus_number(i); i++) {
		assert_true(i < sizeof litmus / sizeof *litmus); /* each row says what it expects, in the table's order */
		const struct litmus *row = &litmus[i];
		assert_string_equal(row->name, torn_litmus_number(i)->name);
		assert_holds(torn_litmus_number(i)->operation);
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
	MUST(torn_litmus_stage(false, true) == 0 && rename("/srv/t", "/srv/f") == 0);
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
		char olds[SIZE + 1024];
		snprintf(olds, sizeof olds, "%sold other %s\n", OLD, is_mounted ? "mount" : "dir");
		begin_with(olds);
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
	begin_with(OLD);
	const struct torn_litmus *row;
	for (size_t i = 0; (row = torn_litmus_number(i)); i++) {
		assert_holds(row->operation);
		hold_against_the_stronger(row->name, row->path, true);
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

/* To be mended in the model: a directory has two names half-way, which is taken for a state that cannot be. */
static bool is_lacking(const struct torn_litmus *row, enum torn_preset preset)
{
	return preset == TORN_PRESET_POSIX_SPLIT && strcmp(row->name, "rename a directory, fsync below it") == 0;
}

static void test_with_all_effects_it_is_the_tree_of_the_run(void **state)
{
	(void)state;
	begin_with(OLD);
	const struct torn_litmus *row;
	for (size_t i = 0; (row = torn_litmus_number(i)); i++) {
		assert_holds(row->operation);
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
			if (!whole && !is_lacking(row, preset))
				fail_msg("%s under %s: no state is that of the run", row->name,
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
