/*
 * litmus_test.c: rows of the litmus table held against presets, without a disk: what another preset allows stands for
 * what a disk leaves.
 */
#include "../injectors/crash_for_tests.h"
#include "litmus_cell.h"

/* A file system whose power cuts leave all that a preset allows, each state at all of its moments. */
static bool leave(void *context, const struct torn_crash_state *state)
{
	static const struct torn_device_cut cut = {.given = 3};
	const uint32_t last = torn_device_last_moment(test->trial.log->count);
	const struct torn_device_state left = {.tree = state->tree,
					       .why = "",
					       .cut = &cut,
					       .first = state->first,
					       .end = state->end > last ? last : state->end - 1};
	return torn_litmus_see(context, &left);
}

/* Hold the states of `disk` against `preset`, after a run of that row. */
static void fill(struct torn_litmus_cell *cell, const char *name, enum torn_preset disk, enum torn_preset preset)
{
	const struct torn_litmus *row = torn_litmus_named(name);
	struct torn_litmus_filling filling;
	struct torn_modelled states;
	assert_non_null(row);
	begin_with(OLD);
	assert_holds(row->operation);
	*cell = (struct torn_litmus_cell){.row = row->name, .path = row->path};
	assert_int_equal(
		torn_litmus_begin(&filling, cell, &test->arena, preset, &test->setup.base, test->trial.log), 0);
	assert_int_equal(torn_modelled_find(&states, &test->arena, disk, &test->setup.base, test->trial.log, &usual,
					    leave, &filling),
			 0);
	torn_litmus_end(&filling);
	torn_modelled_close(&states);
}

static void test_a_file_system_is_what_its_preset_says(void **state)
{
	static const char *const names[] = {"rename over", "truncate, write, close", "unlink"};
	struct torn_litmus_cell cell;
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		fill(&cell, names[i], TORN_PRESET_EXT4, TORN_PRESET_EXT4);
		assert_false(torn_litmus_cell_lacks(&cell));
		assert_string_equal(cell.first, "");
		assert_string_equal(cell.forbidden, "");
		assert_true(same_letters(cell.left, cell.allowed));
		assert_true(cell.modelled > 1);
		assert_int_equal(cell.shown, cell.modelled);
		assert_int_equal(cell.trees, cell.modelled);
	}
}

static void test_a_preset_that_is_too_strict_is_caught(void **state)
{
	struct torn_litmus_cell cell;
	(void)state;
	fill(&cell, "rename over", TORN_PRESET_EXT4_NOAUTO, TORN_PRESET_EXT4);
	assert_true(torn_litmus_cell_lacks(&cell));
	assert_true(same_letters(cell.allowed, "onxz"));
	assert_true(same_letters(cell.left, "o0xnz"));
	assert_true(strchr(cell.forbidden, '0') != NULL);
	assert_int_equal(cell.shown, cell.modelled);
	assert_int_equal(cell.trees, cell.modelled + cell.lacking);
	assert_non_null(strstr(cell.first, "3 writes given, 0 of them lost: srv/f is "));
}

static void test_what_a_disk_never_shows_is_counted(void **state)
{
	struct torn_litmus_cell cell;
	(void)state;
	fill(&cell, "rename over", TORN_PRESET_EXT4, TORN_PRESET_EXT4_NOAUTO);
	assert_false(torn_litmus_cell_lacks(&cell));
	assert_true(cell.shown > 0 && cell.shown < cell.modelled);
	assert_int_equal(cell.trees, cell.shown);
}

/* What `tree` comes to, where the power goes at one moment of a correct replace. */
static void fill_with(struct torn_litmus_cell *cell, bool is_old, bool is_at_end)
{
	struct torn_litmus_filling filling;
	static const struct torn_device_cut cut;
	begin_with(OLD);
	assert_holds(torn_litmus_named("replace")->operation);
	*cell = (struct torn_litmus_cell){.row = "replace", .path = "srv/f"};
	assert_int_equal(torn_litmus_begin(&filling, cell, &test->arena, TORN_PRESET_EXT4, &test->setup.base,
					   test->trial.log),
			 0);
	const uint32_t moment = is_at_end ? torn_device_last_moment(test->trial.log->count) : 0;
	const struct torn_device_state left = {.tree = is_old ? test->setup.old_tree : test->trial.now,
					       .why = "",
					       .cut = &cut,
					       .first = moment,
					       .end = moment};
	torn_litmus_see(&filling, &left);
	torn_litmus_end(&filling);
}

static void test_a_state_is_allowed_at_its_own_moments_alone(void **state)
{
	struct torn_litmus_cell cell;
	(void)state;
	fill_with(&cell, true, false);
	assert_false(torn_litmus_cell_lacks(&cell));
	assert_string_equal(cell.left, ""); /* as the run has not ended */
	fill_with(&cell, false, true);
	assert_false(torn_litmus_cell_lacks(&cell));
	assert_string_equal(cell.left, "n");
	assert_string_equal(cell.allowed, "n");
	fill_with(&cell, true, true); /* it was made durable */
	assert_string_equal(cell.forbidden, "o");
	fill_with(&cell, false, false); /* it was not begun */
	assert_string_equal(cell.forbidden, "n");
}

static void test_a_file_system_that_is_lost_is_told(void **state)
{
	struct torn_litmus_cell cell = {.row = "replace", .path = "srv/f"};
	struct torn_litmus_filling filling = {.cell = &cell, .commit = 4};
	static const struct torn_device_cut cut = {.given = 7, .losses_count = 1};
	static const struct torn_device_state lost = {.why = "mount: EUCLEAN", .cut = &cut};
	(void)state;
	torn_litmus_see(&filling, &lost);
	torn_litmus_end(&filling);
	assert_int_equal(cell.unmountable, 1);
	assert_true(torn_litmus_cell_lacks(&cell));
	assert_string_equal(cell.first, "commit behind op 4, 7 writes given, 1 of them lost: srv/f is lost: the file "
					"system cannot be mounted");
}

/* The disk is asked to write these bytes back and no others: once it was the whole file. */
static void test_the_range_that_is_written_back_is_in_the_log(void **state)
{
	(void)state;
	begin_with(OLD);
	assert_holds(torn_litmus_named("three blocks, the third written back")->operation);
	assert_op(5, "sync_file_range", 0, 0);
	assert_int_equal(op(5)->offset, 8192);
	assert_int_equal(op(5)->length, 4096);
}

static void test_each_row_has_a_name_of_its_own(void **state)
{
	(void)state;
	const struct torn_litmus *row;
	size_t telling = 0;
	for (size_t i = 0; (row = torn_litmus_number(i)); i++) {
		assert_ptr_equal(torn_litmus_named(row->name), row);
		telling += row->is_telling;
	}
	assert_true(telling >= 8);
	assert_null(torn_litmus_named("rename"));
}

static void test_each_letter_has_a_word_of_its_own(void **state)
{
	static const char letters[] = "ad0onzONx";
	(void)state;
	for (size_t i = 0; letters[i]; i++)
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(torn_litmus_word(letters[i]), torn_litmus_word(letters[j]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		gate_test(test_a_file_system_is_what_its_preset_says),
		gate_test(test_a_preset_that_is_too_strict_is_caught),
		gate_test(test_what_a_disk_never_shows_is_counted),
		gate_test(test_a_state_is_allowed_at_its_own_moments_alone),
		cmocka_unit_test(test_a_file_system_that_is_lost_is_told),
		gate_test(test_the_range_that_is_written_back_is_in_the_log),
		cmocka_unit_test(test_each_row_has_a_name_of_its_own),
		cmocka_unit_test(test_each_letter_has_a_word_of_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
