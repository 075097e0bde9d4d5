/* litmus_text_test.c: a litmus table made by hand, as people and programs are told it. */
#include <jansson.h>

#include "results_for_tests.h"

static struct torn_litmus_cell cells[2][3];
static struct torn_litmus_column columns[2];

/* Two file systems and three rows: one cell lacks something, one could not be done. */
static struct torn_litmus_table table_of(void)
{
	const struct torn_litmus_cell over = {.row = "rename over",
					      .path = "srv/f",
					      .left = "on",
					      .allowed = "n0o",
					      .cuts = 10,
					      .modelled = 5,
					      .trees = 3,
					      .shown = 3};
	const struct torn_litmus_cell unlink = {.row = "unlink",
						.path = "srv/f",
						.left = "oa",
						.allowed = "oa",
						.cuts = 4,
						.modelled = 2,
						.trees = 2,
						.shown = 2};
	const struct torn_litmus_cell skipped = {.row = "O_TMPFILE", .path = "g", .left_out = "it has none"};
	for (size_t i = 0; i < 2; i++) {
		cells[i][0] = over;
		cells[i][1] = unlink;
		cells[i][2] = skipped;
	}
	strcpy(cells[1][0].left, "onz");
	strcpy(cells[1][0].forbidden, "z");
	strcpy(cells[1][0].first, "7 writes given, 0 of them lost: srv/f is zeroes");
	cells[1][0].trees = 4;
	cells[1][0].lacking = 1;
	columns[0] = (struct torn_litmus_column){"xfs", "xfs", cells[0], 3, true};
	columns[1] = (struct torn_litmus_column){"ext4:data=journal", "ext4-journal", cells[1], 3, true};
	return (struct torn_litmus_table){"6.1", columns, 2, 1.5};
}

/* Return what the report writes; the caller frees it. */
static char *told(const char *name, const struct torn_litmus_table *table)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	assert_int_equal(report_named(name)->write_litmus(out, table), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void test_the_matrix_stands_in_columns(void **state)
{
	(void)state;
	const struct torn_litmus_table table = table_of();
	char *text = told("text", &table);
	assert_string_equal(
		text,
		"Linux 6.1: what a power cut after the run left; in brackets what the preset allows beside it; behind ! "
		"what it forbids at any moment\n"
		"a absent, 0 empty, o old, n new, z zeroes, x mixed, O N of another mode\n"
		"\n"
		"                    xfs    :data=journal\n"
		"rename over  srv/f  on(0)  onz(0)!z\n"
		"unlink       srv/f  oa     oa\n"
		"O_TMPFILE    g      -      -\n"
		"\n"
		"xfs against xfs: the disk left 5 trees, 0 of them forbidden, and 5 of 7 that the preset allows\n"
		"  SKIPPED: O_TMPFILE: it has none\n"
		"ext4:data=journal against ext4-journal: the disk left 6 trees, 1 of them forbidden, and 5 of 7 that the "
		"preset allows\n"
		"  forbidden: rename over: 7 writes given, 0 of them lost: srv/f is zeroes\n"
		"  SKIPPED: O_TMPFILE: it has none\n"
		"2 file systems, 3 rows, 28 power cuts: 1 cell with what the preset forbids, 1.50 s\n");
	free(text);
}

static void test_what_was_not_held_says_so(void **state)
{
	(void)state;
	const struct torn_litmus_table table = table_of();
	columns[1].is_held = false;
	char *text = told("text", &table);
	assert_non_null(strstr(text, "\next4:data=journal: not held\n"));
	assert_non_null(strstr(text, "\nrename over  srv/f  on(0)  -\n"));
	assert_null(strstr(text, "zeroes\n2 file"));
	free(text);
}

static const char *text_at(const json_t *object, const char *key, size_t number)
{
	return json_string_value(json_array_get(json_object_get(object, key), number));
}

static void test_programs_are_told_in_words(void **state)
{
	(void)state;
	const struct torn_litmus_table table = table_of();
	char *text = told("json", &table);
	json_error_t error;
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	assert_non_null(root);
	assert_string_equal(json_string_value(json_object_get(root, "kernel")), "6.1");
	const json_t *column = json_array_get(json_object_get(root, "file_systems"), 1);
	assert_string_equal(json_string_value(json_object_get(column, "preset")), "ext4-journal");
	assert_true(json_is_true(json_object_get(column, "held")));
	const json_t *cell = json_array_get(json_object_get(column, "rows"), 0);
	assert_string_equal(text_at(cell, "left", 2), "zeroes");
	assert_string_equal(text_at(cell, "allowed", 1), "empty");
	assert_string_equal(text_at(cell, "forbidden", 0), "zeroes");
	assert_string_equal(json_string_value(json_object_get(cell, "first")), cells[1][0].first);
	const json_t *trees = json_object_get(cell, "trees");
	assert_int_equal(json_integer_value(json_object_get(trees, "allowed")), 5);
	assert_int_equal(json_integer_value(json_object_get(trees, "left")), 4);
	assert_int_equal(json_integer_value(json_object_get(trees, "both")), 3);
	assert_int_equal(json_integer_value(json_object_get(trees, "forbidden")), 1);
	cell = json_array_get(json_object_get(column, "rows"), 2);
	assert_string_equal(json_string_value(json_object_get(cell, "skipped")), "it has none");
	json_decref(root);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_matrix_stands_in_columns),
		cmocka_unit_test(test_what_was_not_held_says_so),
		cmocka_unit_test(test_programs_are_told_in_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
