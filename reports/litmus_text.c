/* litmus_text.c: see litmus_text.h. A cell is so short that the file systems stand side by side. */
#include "litmus_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "phrase.h"

static int at_least(int width, int other)
{
	return width > other ? width : other;
}

static void print_part(FILE *out, const char *separator, uint64_t number, const char *noun)
{
	fprintf(out, "%s%" PRIu64 " %s%s", separator, number, noun, number == 1 ? "" : "s");
}

/* What stands over a column: the options of an ext4, as others may stand beside it. */
static const char *head_of(const struct torn_litmus_column *column)
{
	const char *colon = strchr(column->file_system, ':');
	return colon ? colon : column->file_system;
}

/* "on(0)!z": left; in brackets what is allowed beside it; behind ! what is not. */
static void tell_cell(struct torn_phrase *phrase, const struct torn_litmus_column *column, size_t row)
{
	const struct torn_litmus_cell *cell = &column->cells[row];
	torn_phrase_begin(phrase);
	if (!column->is_held || cell->left_out[0]) {
		torn_phrase_add(phrase, "-");
		return;
	}
	torn_phrase_add(phrase, "%s", cell->left);
	const char *separator = "(";
	for (const char *letter = cell->allowed; *letter; letter++) {
		if (strchr(cell->left, *letter))
			continue;
		torn_phrase_add(phrase, "%s%c", separator, *letter);
		separator = "";
	}
	if (!*separator)
		torn_phrase_add(phrase, ")");
	if (torn_litmus_cell_lacks(cell))
		torn_phrase_add(phrase, "!%s", cell->forbidden);
}

static int width_of(const struct torn_litmus_column *column)
{
	struct torn_phrase phrase;
	int width = (int)strlen(head_of(column));
	for (size_t i = 0; i < column->cells_count; i++) {
		tell_cell(&phrase, column, i);
		width = at_least(width, torn_phrase_columns(&phrase));
	}
	return width;
}

static void print_row(FILE *out, const struct torn_litmus_table *table, const int *widths, const int *names, size_t row)
{
	const struct torn_litmus_cell *cell = &table->columns[0].cells[row];
	struct torn_phrase phrase;
	fprintf(out, "%-*s  %-*s", names[0], cell->row, names[1], cell->path);
	for (size_t i = 0; i < table->columns_count; i++) {
		tell_cell(&phrase, &table->columns[i], row);
		fprintf(out, "  %-*s", i + 1 < table->columns_count ? widths[i] : 0, phrase.text);
	}
	putc('\n', out);
}

static void print_matrix(FILE *out, const struct torn_litmus_table *table, const int *widths)
{
	const struct torn_litmus_column *first = &table->columns[0];
	int names[2] = {0, 0};
	for (size_t i = 0; i < first->cells_count; i++) {
		names[0] = at_least(names[0], (int)strlen(first->cells[i].row));
		names[1] = at_least(names[1], (int)strlen(first->cells[i].path));
	}
	fprintf(out, "%-*s  %-*s", names[0], "", names[1], "");
	for (size_t i = 0; i < table->columns_count; i++)
		fprintf(out, "  %-*s", i + 1 < table->columns_count ? widths[i] : 0, head_of(&table->columns[i]));
	putc('\n', out);
	for (size_t i = 0; i < first->cells_count; i++)
		print_row(out, table, widths, names, i);
}

/* What the presets lack, and what could not be done, a line each. */
static void print_cells(FILE *out, const struct torn_litmus_column *column)
{
	for (size_t i = 0; i < column->cells_count; i++) {
		const struct torn_litmus_cell *cell = &column->cells[i];
		if (cell->left_out[0])
			fprintf(out, "  SKIPPED: %s: %s\n", cell->row, cell->left_out);
		else if (torn_litmus_cell_lacks(cell))
			fprintf(out, "  forbidden: %s: %s\n", cell->row, cell->first);
	}
}

/* Adds the column's counts to `sums`. */
static void print_column(FILE *out, const struct torn_litmus_column *column, struct torn_litmus_cell *sums)
{
	uint64_t modelled = 0, trees = 0, shown = 0, lacking = 0;
	if (!column->is_held) {
		fprintf(out, "%s: not held\n", column->file_system);
		return;
	}
	for (size_t i = 0; i < column->cells_count; i++) {
		const struct torn_litmus_cell *cell = &column->cells[i];
		modelled += cell->modelled;
		trees += cell->trees;
		shown += cell->shown;
		lacking += cell->lacking;
		sums->cuts += cell->cuts;
		sums->lacking += torn_litmus_cell_lacks(cell);
	}
	fprintf(out, "%s against %s: the disk left %" PRIu64 " trees, %" PRIu64 " of them forbidden, and %" PRIu64
		     " of %" PRIu64 " that the preset allows\n",
		column->file_system, column->preset, trees, lacking, shown, modelled);
	print_cells(out, column);
}

int torn_litmus_text(FILE *out, const struct torn_litmus_table *table)
{
	struct torn_litmus_cell sums = {0};
	int *widths = calloc(table->columns_count, sizeof *widths);
	if (!widths)
		return -ENOMEM;
	fprintf(out, "Linux %s: what a power cut after the run left; in brackets what the preset allows beside it; "
		     "behind ! what it forbids at any moment\n"
		     "a absent, 0 empty, o old, n new, z zeroes, x mixed, O N of another mode\n\n",
		table->kernel);
	for (size_t i = 0; i < table->columns_count; i++)
		widths[i] = width_of(&table->columns[i]);
	print_matrix(out, table, widths);
	free(widths);
	putc('\n', out);
	for (size_t i = 0; i < table->columns_count; i++)
		print_column(out, &table->columns[i], &sums);
	print_part(out, "", table->columns_count, "file system");
	print_part(out, ", ", table->columns[0].cells_count, "row");
	print_part(out, ", ", sums.cuts, "power cut");
	print_part(out, ": ", sums.lacking, "cell");
	fprintf(out, " with what the preset forbids, %.2f s\n", table->seconds);
	return 0;
}
