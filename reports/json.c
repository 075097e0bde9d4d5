/*
 * json.c: results for programs.
 *
 * One check gives the object of design section 9; several give that same object
 * for each of them in "checks". Keys come in a fixed order and "seconds" is the
 * only thing in it that a second run may change. Bytes that are not UTF-8, which
 * file names may hold, come out as \xNN, a backslash of the name as two.
 */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"

/* libjansson takes NULL for a value that could not be made and answers -1. */
static int set(json_t *object, const char *key, json_t *value)
{
	return json_object_set_new(object, key, value) < 0 ? -ENOMEM : 0;
}

static json_t *escaped(const char *text, unsigned what)
{
	struct torn_bytes bytes = {(const uint8_t *)text, strlen(text)};
	size_t size = torn_escape_copy(NULL, 0, bytes, what);
	char *buffer = malloc(size + 1);
	if (!buffer)
		return NULL;
	torn_escape_copy(buffer, size + 1, bytes, what);
	json_t *string = json_stringn(buffer, size);
	free(buffer);
	return string;
}

static json_t *text_or_null(const char *text)
{
	return text ? escaped(text, 0) : json_null();
}

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *texts(const char *const *items, size_t count)
{
	json_t *array = json_array();
	for (size_t i = 0; array && i < count; i++) {
		if (json_array_append_new(array, escaped(items[i], 0)) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *finding_object(const struct torn_finding *finding)
{
	json_t *object = json_object();
	int r = 0;
	if (!object)
		return NULL;
	r |= set(object, finding->is_label ? "label" : "invariant", escaped(finding->id, 0));
	r |= set(object, "target", escaped(finding->target, 0));
	r |= set(object, "variant", escaped(finding->variant, 0));
	r |= set(object, "op", number(finding->op));
	r |= set(object, "call", escaped(finding->call, 0));
	r |= set(object, "path", escaped(finding->path, TORN_ESCAPE_BACKSLASH));
	r |= set(object, "faults", texts(finding->faults, finding->faults_count));
	r |= set(object, "presets", texts(finding->presets, finding->presets_count));
	r |= set(object, "summary", escaped(finding->summary, 0));
	r |= set(object, "case", text_or_null(finding->case_file));
	if (finding->seconds > 0) /* of fuzzing */
		r |= set(object, "found_after", json_real(finding->seconds));
	if (r != 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static json_t *findings_array(const struct torn_result *result, bool labels)
{
	json_t *array = json_array();
	for (size_t i = 0; array && i < result->findings_count; i++) {
		if (result->findings[i].is_label != labels)
			continue;
		if (json_array_append_new(array, finding_object(&result->findings[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

/*
 * Every state that a kill can leave is looked at, so all of them were seen. Of those
 * that a power cut can leave more may be legal; where "exact" is false, more than "legal" too.
 */
static json_t *states_object(const struct torn_result *result)
{
	const struct torn_states *states = &result->states;
	const uint64_t distinct = states->distinct > result->trees ? states->distinct : result->trees;
	return json_pack("{s:I, s:I, s:I, s:b, s:b}", "legal", (json_int_t)(result->trees + states->legal),
			 "seen", (json_int_t)(result->trees + states->seen), "distinct",
			 (json_int_t)distinct, "exact", !states->is_bound, "all",
			 !result->is_part && !states->left_out && result->failure == NULL);
}

/* Of a real disk: trees that the model allows after each run, those of them that it left, states held against part of them. */
static json_t *disk_object(const struct torn_states *states)
{
	return json_pack("{s:I, s:I, s:I}", "modelled", (json_int_t)states->modelled, "shown", (json_int_t)states->shown,
			 "unchecked", (json_int_t)states->unchecked);
}

/* Of each source file of the target: how many of its edges were reached while it was fuzzed. */
static json_t *covered_array(const struct torn_result *result)
{
	json_t *array = json_array();
	for (size_t i = 0; array && i < result->covered_count; i++) {
		const struct torn_covered *file = &result->covered[i];
		json_t *object = json_pack("{s:o, s:I, s:I}", "file", escaped(file->file, 0), "edges",
					   (json_int_t)file->edges, "seen", (json_int_t)file->seen);
		if (json_array_append_new(array, object) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *result_object(const struct torn_result *result)
{
	json_t *object = json_object();
	int r = 0;
	if (!object)
		return NULL;
	r |= set(object, "torn", json_string(TORN_VERSION));
	r |= set(object, "target", escaped(result->target, 0));
	r |= set(object, "variant", escaped(result->variant, 0));
	r |= set(object, "plans", number(result->plans));
	r |= set(object, "trials", number(result->trials));
	r |= set(object, "ops", number(result->ops));
	r |= set(object, "kills", number(result->kills));
	r |= set(object, "states", states_object(result));
	if (result->states.modelled + result->states.unchecked > 0)
		r |= set(object, "disk", disk_object(&result->states));
	r |= set(object, "seconds", json_real(result->seconds));
	r |= set(object, "findings", findings_array(result, false));
	r |= set(object, "labels", findings_array(result, true));
	if (result->covered_count > 0)
		r |= set(object, "coverage", covered_array(result));
	if (result->unjudged > 0) {
		r |= set(object, "unjudged", number(result->unjudged));
		r |= set(object, "unjudged_why", escaped(result->unjudged_why, 0));
	}
	if (result->failure)
		r |= set(object, "failure", escaped(result->failure, 0));
	if (r != 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static json_t *checks_object(const struct torn_result *results, size_t results_count)
{
	json_t *checks = json_array();
	for (size_t i = 0; checks && i < results_count; i++) {
		if (json_array_append_new(checks, result_object(&results[i])) < 0) {
			json_decref(checks);
			return NULL;
		}
	}
	return json_pack("{s:s, s:o}", "torn", TORN_VERSION, "checks", checks);
}

/* Takes over `root`; NULL: it could not be made. */
static int dump(FILE *out, json_t *root)
{
	if (!root)
		return -ENOMEM;
	errno = 0;
	int r = json_dumpf(root, out, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) < 0 ||
				fputc('\n', out) == EOF
			? -(errno ? errno : EIO)
			: 0;
	json_decref(root);
	return r;
}

static int write_json(FILE *out, const struct torn_result *results, size_t results_count)
{
	return dump(out, results_count == 1 ? result_object(&results[0]) : checks_object(results, results_count));
}

/* ------------------------------------------------------------------ litmus */

static json_t *words(const char *letters)
{
	json_t *array = json_array();
	for (; array && *letters; letters++) {
		if (json_array_append_new(array, json_string(torn_litmus_word(*letters))) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

static json_t *cell_object(const struct torn_litmus_cell *cell)
{
	json_t *object = json_object();
	int r = 0;
	if (!object)
		return NULL;
	r |= set(object, "row", json_string(cell->row));
	r |= set(object, "path", json_string(cell->path));
	if (cell->left_out[0]) {
		r |= set(object, "skipped", escaped(cell->left_out, 0));
	} else {
		r |= set(object, "left", words(cell->left));
		r |= set(object, "allowed", words(cell->allowed));
		r |= set(object, "forbidden", words(cell->forbidden));
		r |= set(object, "cuts", number(cell->cuts));
		r |= set(object, "unmountable", number(cell->unmountable));
		r |= set(object, "trees", json_pack("{s:I, s:I, s:I, s:I}", "allowed", (json_int_t)cell->modelled,
						    "left", (json_int_t)cell->trees, "both", (json_int_t)cell->shown,
						    "forbidden", (json_int_t)cell->lacking));
		if (torn_litmus_cell_lacks(cell))
			r |= set(object, "first", escaped(cell->first, 0));
	}
	if (r != 0) {
		json_decref(object);
		return NULL;
	}
	return object;
}

static json_t *column_object(const struct torn_litmus_column *column)
{
	json_t *rows = json_array();
	for (size_t i = 0; rows && column->is_held && i < column->cells_count; i++) {
		if (json_array_append_new(rows, cell_object(&column->cells[i])) < 0) {
			json_decref(rows);
			return NULL;
		}
	}
	return json_pack("{s:o, s:s, s:b, s:o}", "file_system", escaped(column->file_system, 0), "preset", column->preset,
			 "held", column->is_held, "rows", rows);
}

static int write_litmus(FILE *out, const struct torn_litmus_table *table)
{
	json_t *columns = json_array();
	for (size_t i = 0; columns && i < table->columns_count; i++) {
		if (json_array_append_new(columns, column_object(&table->columns[i])) < 0) {
			json_decref(columns);
			return -ENOMEM;
		}
	}
	return dump(out, json_pack("{s:s, s:s, s:f, s:o}", "torn", TORN_VERSION, "kernel", table->kernel, "seconds",
				   table->seconds, "file_systems", columns));
}

static const struct torn_report json = {.name = "json", .write = write_json, .write_litmus = write_litmus};
TORN_REPORT(json);
