/*
 * effects_disk_test.c: what a disk may be left with beside what torn's own cuts leave, by rows: each was seen on Linux 6.18
 * (ci/cross-check), and next to it stands what the preset goes on forbidding.
 */
#include "crash.h"
#include "gate_for_tests.h"

#define OPERATION(name) static int name(__attribute__((unused)) const struct torn_run *torn_run)
#define OLD                                                                                        \
	"old srv/f file 123456789\nold srv/empty file \"\"\n"                                      \
	"old mnt dir\nold mnt/new file 2\n"

static int write_at(const char *path, int how, off_t offset, const char *bytes)
{
	const int fd = open(path, O_WRONLY | how, 0644);
	const ssize_t size = (ssize_t)strlen(bytes);
	return fd < 0 || pwrite(fd, bytes, (size_t)size, offset) != size || close(fd) < 0 ? -1 : 0;
}

static int sync_path(const char *path)
{
	const int fd = open(path, O_RDONLY);
	return fd < 0 || fsync(fd) < 0 || close(fd) < 0 ? -1 : 0;
}

OPERATION(overwrites_and_grows)
{
	MUST(write_at("/srv/f", 0, 0, "abcdefghijklmn") == 0);
	return 0;
}

OPERATION(grows_then_overwrites)
{
	MUST(truncate("/srv/f", 12) == 0 && write_at("/srv/f", 0, 6, "abcdef") == 0);
	return 0;
}

OPERATION(cuts)
{
	MUST(truncate("/srv/f", 5) == 0);
	return 0;
}

OPERATION(cuts_and_overwrites)
{
	MUST(truncate("/srv/f", 5) == 0 && write_at("/srv/f", 0, 0, "abc") == 0);
	return 0;
}

OPERATION(empties_and_writes)
{
	MUST(write_at("/srv/f", O_TRUNC, 0, "abcdefghijklmn") == 0);
	return 0;
}

OPERATION(empties_and_writes_less)
{
	MUST(write_at("/srv/f", O_TRUNC, 0, "abc") == 0);
	return 0;
}

OPERATION(appends)
{
	MUST(write_at("/srv/f", 0, 9, "abc") == 0);
	return 0;
}

OPERATION(writes_a_new_file)
{
	MUST(write_at("/srv/g", O_CREAT, 0, "abc") == 0 && rename("/srv/g", "/srv/f") == 0);
	return 0;
}

OPERATION(renames_over_a_logged_name)
{
	MUST(link("/srv/f", "/srv/p") == 0 && sync_path("/srv") == 0 && rename("/mnt/new", "/srv/f") == 0);
	return 0;
}

OPERATION(renames_over_a_name_of_a_logged_file)
{
	MUST(link("/srv/f", "/srv/p") == 0 && sync_path("/srv/f") == 0 && rename("/mnt/new", "/srv/f") == 0);
	return 0;
}

OPERATION(renames_over_a_name_that_is_not_new)
{
	MUST(sync_path("/srv") == 0 && sync_path("/srv/f") == 0 && rename("/mnt/new", "/srv/f") == 0);
	return 0;
}

OPERATION(takes_back_in_a_logged_directory)
{
	MUST(link("/srv/f", "/srv/p") == 0 && sync_path("/srv") == 0 && rename("/mnt/new", "/srv/f") == 0);
	MUST(rename("/srv/p", "/srv/f") == 0);
	return 0;
}

/* What nothing was changed of is not logged by an fsync. */
OPERATION(renames_what_was_synced_clean)
{
	MUST(link("/srv/f", "/srv/p") == 0 && sync_path("/srv") == 0);
	MUST(sync_path("/mnt") == 0 && sync_path("/mnt/new") == 0 && rename("/mnt/new", "/srv/f") == 0);
	return 0;
}

OPERATION(renames_from_a_logged_directory_too)
{
	MUST(link("/srv/f", "/srv/p") == 0 && sync_path("/srv") == 0);
	MUST(write_at("/mnt/x", O_CREAT, 0, "abc") == 0);
	MUST(sync_path("/mnt") == 0 && rename("/mnt/new", "/srv/f") == 0);
	return 0;
}

OPERATION(renames_a_logged_file)
{
	MUST(link("/srv/f", "/srv/p") == 0 && sync_path("/srv") == 0);
	MUST(utimensat(AT_FDCWD, "/mnt/new", NULL, 0) == 0);
	MUST(sync_path("/mnt/new") == 0 && rename("/mnt/new", "/srv/f") == 0);
	return 0;
}

/* A commit may come before the link: there the log begins anew. */
OPERATION(renames_what_was_logged_before)
{
	MUST(write_at("/mnt/new", 0, 0, "abc") == 0 && sync_path("/mnt/new") == 0);
	MUST(link("/srv/f", "/srv/p") == 0 && sync_path("/srv") == 0 && rename("/mnt/new", "/srv/f") == 0);
	return 0;
}

OPERATION(renames_before_the_directory_is_logged)
{
	MUST(link("/srv/f", "/srv/p") == 0 && rename("/mnt/new", "/srv/f") == 0 && sync_path("/srv") == 0);
	return 0;
}

/* ------------------------------------------------------------------- states */

/* At the run's end: neither the spare name nor what was moved here, which is back where it was. */
static bool see_taken_back(void *context, const struct torn_crash_state *state)
{
	bool *is_there = context;
	*is_there |= state->end > 2 * test->trial.log->count && !torn_tree_find(state->tree, torn_bytes_of("srv/p")) &&
		     torn_tree_find(state->tree, torn_bytes_of("mnt/new"));
	return true;
}

struct looking {
	const char *wanted; /* content of srv/f, with . for a zero; NULL: it is absent */
	bool is_there;
};

static bool see(void *context, const struct torn_crash_state *state)
{
	struct looking *looking = context;
	char text[32] = "";
	const struct torn_node *file = torn_tree_find(state->tree, torn_bytes_of("srv/f"));
	const uint64_t size = file ? torn_node_read(file, 0, (uint8_t *)text, sizeof text - 1) : 0;
	for (uint64_t i = 0; i < size; i++)
		text[i] = text[i] ? text[i] : '.';
	looking->is_there |= file && looking->wanted ? strcmp(text, looking->wanted) == 0 : !file && !looking->wanted;
	return true;
}

/* May a disk of that preset be left with it at some moment? `own`: do torn's cuts leave it? */
static bool leaves(enum torn_preset preset, bool own, const char *wanted)
{
	static const struct torn_crash_how all = {.sets_max = TORN_CRASH_SETS_MAX, .seed = 1};
	struct looking looking = {.wanted = wanted};
	struct torn_effects effects;
	struct torn_persistence order;
	struct torn_crash_count count;
	const struct torn_log *log = test->trial.log;
	assert_int_equal(own ? torn_effects_of(&test->arena, &test->setup.base, log, false, &effects)
			     : torn_effects_of_disk(&test->arena, &test->setup.base, log, &effects), 0);
	assert_int_equal(torn_preset_order(&test->arena, preset, &effects, log, &order), 0);
	assert_int_equal(torn_crash_states(&test->arena, &test->setup.base, log, &effects, &order, &all, see, &looking,
					   &count), 0);
	assert_true(count.all);
	return looking.is_there;
}

#define IN_PLACE                                                                                   \
	(TORN_PRESET_BIT(TORN_PRESET_EXT4) | TORN_PRESET_BIT(TORN_PRESET_EXT4_NOAUTO) |            \
	 TORN_PRESET_BIT(TORN_PRESET_EXT4_WRITEBACK) | TORN_PRESET_BIT(TORN_PRESET_XFS))
#define WRITEBACK TORN_PRESET_BIT(TORN_PRESET_EXT4_WRITEBACK)
#define BTRFS TORN_PRESET_BIT(TORN_PRESET_BTRFS)

static const struct row {
	int (*operation)(const struct torn_run *);
	const char *wanted;
	unsigned presets; /* that allow it of a disk, and it is none of torn's own cuts; no others do */
} rows[] = {
	{overwrites_and_grows, "abcdefghi", IN_PLACE},
	{overwrites_and_grows, "abcdefg89", 0},
	{grows_then_overwrites, "123456abc", IN_PLACE},
	{cuts, "12345....", IN_PLACE},
	{cuts, "12345...9", 0},
	{cuts_and_overwrites, "abc45....", IN_PLACE},
	{cuts_and_overwrites, "abc456789", 0}, /* the page had lost its end before */
	{empties_and_writes, "abcdefghi", WRITEBACK},
	{empties_and_writes_less, "abc......", WRITEBACK},
	{empties_and_writes_less, "abc456789", 0},
	{appends, "123456789a", 0},
	{writes_a_new_file, "abc456789", 0},
	{writes_a_new_file, "a", 0},
	{renames_over_a_logged_name, NULL, BTRFS},
	{renames_over_a_name_of_a_logged_file, NULL, BTRFS},
	{renames_over_a_name_that_is_not_new, NULL, 0},
	{renames_what_was_synced_clean, NULL, BTRFS},
	{renames_what_was_logged_before, NULL, BTRFS},
	{renames_from_a_logged_directory_too, NULL, 0},
	{renames_a_logged_file, NULL, 0},
	{renames_before_the_directory_is_logged, NULL, 0},
};

static void test_a_disk_may_be_left_with_what_was_seen_and_no_more(void **state)
{
	static const enum torn_preset disks[] = {TORN_PRESET_EXT4_JOURNAL, TORN_PRESET_EXT4, TORN_PRESET_EXT4_NOAUTO,
						 TORN_PRESET_EXT4_WRITEBACK, TORN_PRESET_XFS, TORN_PRESET_BTRFS};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		begin_with(OLD);
		assert_holds(rows[i].operation);
		for (size_t j = 0; j < sizeof disks / sizeof *disks; j++) {
			const bool is_allowed = rows[i].presets & TORN_PRESET_BIT(disks[j]);
			if (leaves(disks[j], false, rows[i].wanted) != is_allowed || leaves(disks[j], true, rows[i].wanted))
				fail_msg("row %zu, \"%s\", %s", i, rows[i].wanted ? rows[i].wanted : "absent",
					 torn_preset_name(disks[j]));
		}
	}
}

/*
 * Blocks are marked as written when they are (dioread_nolock), and the size is set before: at a close that flushes, and amid
 * an fsync where somebody else's commit comes.
 */
static void test_what_ext4_is_amid_writing_may_read_as_zeroes(void **state)
{
	(void)state;
	begin_with(OLD);
	assert_holds(empties_and_writes);
	assert_true(leaves(TORN_PRESET_EXT4, false, ".............."));
	assert_false(leaves(TORN_PRESET_EXT4, true, ".............."));
	assert_false(leaves(TORN_PRESET_EXT4, false, "123456789....."));
	assert_false(leaves(TORN_PRESET_EXT4_JOURNAL, false, ".............."));
	assert_false(leaves(TORN_PRESET_XFS, false, ".............."));
	assert_holds(writes_a_new_file);
	assert_true(leaves(TORN_PRESET_EXT4_NOAUTO, false, "..."));
	assert_false(leaves(TORN_PRESET_XFS, false, "..."));
}

/* Somebody else's fsync writes a log that has what was done last, and not what was done before. */
static void test_a_logged_name_comes_alone(void **state)
{
	static const struct torn_crash_how all = {.sets_max = TORN_CRASH_SETS_MAX, .seed = 1};
	static const struct {
		enum torn_preset preset;
		bool is_there;
	} disks[] = {{TORN_PRESET_BTRFS, true}, {TORN_PRESET_EXT4, false}, {TORN_PRESET_XFS, false}};
	(void)state;
	begin_with(OLD);
	assert_holds(takes_back_in_a_logged_directory);
	for (size_t i = 0; i < sizeof disks / sizeof *disks; i++) {
		const struct torn_log *log = test->trial.log;
		struct torn_effects effects;
		struct torn_persistence order;
		struct torn_crash_count count;
		bool is_there = false;
		assert_int_equal(torn_effects_of_disk(&test->arena, &test->setup.base, log, &effects), 0);
		assert_int_equal(torn_preset_order(&test->arena, disks[i].preset, &effects, log, &order), 0);
		assert_int_equal(torn_crash_states(&test->arena, &test->setup.base, log, &effects, &order, &all,
						   see_taken_back, &is_there, &count), 0);
		assert_int_equal(is_there, disks[i].is_there);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		gate_test(test_a_disk_may_be_left_with_what_was_seen_and_no_more),
		gate_test(test_a_logged_name_comes_alone),
		gate_test(test_what_ext4_is_amid_writing_may_read_as_zeroes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
