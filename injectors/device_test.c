/*
 * device_test.c: real file systems against the model: what the kernel recovers after a power cut is a state
 * that the preset of that file system allows. The runs are the litmus operations; a commit is forced behind each of
 * their ops in turn. Needs root, FUSE and loop devices.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

#include "../fuzz/litmus_table.h"
#include "../fuzz/options.h"
#include "device.h"
#include "device_for_tests.h"

static struct torn_arena arena;

/* A table with this column alone. */
static struct torn_litmus_column *column_of(const char *name)
{
	char message[256];
	char *const names[] = {(char *)name};
	struct torn_litmus_table table;
	size_t wrong;
	assert_int_equal(torn_litmus_table_make(&arena, names, 1, &table, &wrong, message, sizeof message), 0);
	return &table.columns[0];
}

static void hold(struct torn_litmus_column *column)
{
	const struct torn_litmus_how how = {
		.jobs = torn_jobs_default(), .timeout_s = 10, .seed = 1, .is_brief = true};
	char message[256];
	if (torn_litmus_table_hold(column, &how, message, sizeof message) < 0)
		fail_msg("%s: %s", column->file_system, message);
	assert_true(column->is_held);
}

/* All that the disk shows is allowed; and it did show something. */
static void hold_all(const char *name)
{
	struct torn_litmus_column *column = column_of(name);
	unsigned wrong = 0, looked = 0;
	hold(column);
	for (size_t i = 0; i < column->cells_count; i++) {
		const struct torn_litmus_cell *cell = &column->cells[i];
		looked += cell->cuts > 0;
		if (!torn_litmus_cell_lacks(cell))
			continue;
		print_message("  %s: %s\n", cell->row, cell->first);
		wrong++;
	}
	print_message("%s: %u rows\n", name, looked);
	assert_true(looked >= 8);
	assert_int_equal(wrong, 0);
}

#define HOLDS(name, text)                                                                          \
	static void name(void **state)                                                             \
	{                                                                                          \
		(void)state;                                                                       \
		hold_all(text);                                                                    \
	}
HOLDS(test_ext4_leaves_what_its_preset_allows, "ext4")
HOLDS(test_ext4_noauto_leaves_what_its_preset_allows, "ext4:noauto_da_alloc")
HOLDS(test_ext4_journal_leaves_what_its_preset_allows, "ext4:data=journal")
HOLDS(test_ext4_writeback_leaves_what_its_preset_allows, "ext4:data=writeback")
HOLDS(test_xfs_leaves_what_its_preset_allows, "xfs")
HOLDS(test_btrfs_leaves_what_its_preset_allows, "btrfs")

static const struct torn_litmus_cell *cell_of(const struct torn_litmus_column *column, const char *row)
{
	for (size_t i = 0; i < column->cells_count; i++)
		if (strcmp(column->cells[i].row, row) == 0)
			return &column->cells[i];
	fail_msg("there is no row %s", row);
	return NULL;
}

/* ext4 with data=journal, which shows a prefix of each run and no more, held against a mount that loses nothing. */
static void test_a_preset_that_is_too_strict_is_caught(void **state)
{
	(void)state;
	struct torn_litmus_column *column = column_of("ext4:data=journal");
	column->preset = "sync";
	hold(column);
	const struct torn_litmus_cell *cell = cell_of(column, "unlink");
	assert_true(torn_litmus_cell_lacks(cell));
	assert_string_equal(cell->forbidden, "o");
	assert_string_not_equal(cell->first, "");
}

static int open_arena(void **state)
{
	(void)state;
	return torn_arena_open(&arena, (size_t)16 << 20);
}

static int close_arena(void **state)
{
	(void)state;
	torn_arena_close(&arena);
	return 0;
}

#define disk_test(function) cmocka_unit_test_setup_teardown(function, open_arena, close_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
		disk_test(test_ext4_leaves_what_its_preset_allows),
		disk_test(test_ext4_noauto_leaves_what_its_preset_allows),
		disk_test(test_ext4_journal_leaves_what_its_preset_allows),
		disk_test(test_ext4_writeback_leaves_what_its_preset_allows),
		disk_test(test_xfs_leaves_what_its_preset_allows),
		disk_test(test_btrfs_leaves_what_its_preset_allows),
		disk_test(test_a_preset_that_is_too_strict_is_caught),
	};
	if (!has_disks())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
