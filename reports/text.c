/*
 * text.c: results for people, as `torn check` prints them.
 *
 * A line for each target@variant, two for each finding, one for each kind of
 * label, one with the totals.
 */
#include <inttypes.h>
#include <string.h>

#include "litmus_text.h"
#include "phrase.h"

/* The widest number of each column, so that the columns stand under each other. */
struct columns {
	int name, findings, plans, trials, kills, trees, id;
};

struct totals {
	size_t findings, labels, failures;
	uint64_t plans, trials, kills, confirmed, trees;
	struct torn_states states;
	double seconds;
};

static int at_least(int width, int other)
{
	return width > other ? width : other;
}

static int digits(uint64_t number)
{
	return snprintf(NULL, 0, "%" PRIu64, number);
}

static size_t count(const struct torn_result *result, bool labels)
{
	size_t counted = 0;
	for (size_t i = 0; i < result->findings_count; i++)
		counted += result->findings[i].is_label == labels;
	return counted;
}

static void measure(struct columns *columns, const struct torn_result *result)
{
	int name = (int)(strlen(result->target) + 1 + strlen(result->variant));
	columns->name = at_least(columns->name, name);
	columns->findings = at_least(columns->findings, digits(count(result, false)));
	columns->plans = at_least(columns->plans, digits(result->plans));
	columns->trials = at_least(columns->trials, digits(result->trials));
	columns->kills = at_least(columns->kills, digits(result->kills));
	columns->trees = at_least(columns->trees, digits(result->trees));
	for (size_t i = 0; i < result->findings_count; i++)
		columns->id = at_least(columns->id, (int)strlen(result->findings[i].id));
}

/* "  3 findings", and "  1 finding " so that what follows stays in its column. */
static void print_count(FILE *out, uint64_t number, int width, const char *noun)
{
	fprintf(out, "  %*" PRIu64 " %s%c", width, number, noun, number == 1 ? ' ' : 's');
}

static void print_part(FILE *out, const char *separator, uint64_t number, const char *noun)
{
	fprintf(out, "%s%" PRIu64 " %s%s", separator, number, noun, number == 1 ? "" : "s");
}

/* "65536 of 92160 crash states, 61 distinct"; of bounds only the order is of interest. */
static void print_states(FILE *out, const char *separator, const struct torn_states *states)
{
	if (states->legal == 0)
		return;
	fprintf(out, "%s%" PRIu64, separator, states->seen);
	if (states->is_bound)
		fprintf(out, " of at least 2^%d", 63 - __builtin_clzll(states->legal));
	else if (states->legal > states->seen)
		fprintf(out, " of %" PRIu64, states->legal);
	fprintf(out, " crash state%s, %" PRIu64 " distinct", states->seen == 1 ? "" : "s",
		states->distinct);
	if (states->modelled > 0)
		fprintf(out, "; a disk left %" PRIu64 " of %" PRIu64 " trees that the model has after these runs",
			states->shown, states->modelled);
	if (states->unchecked > 0)
		fprintf(out, ", and %" PRIu64 " state%s that nobody knows of: it has more trees than were looked at",
			states->unchecked, states->unchecked == 1 ? "" : "s");
}

static void print_result(FILE *out, const struct torn_result *result, const struct columns *columns)
{
	int printed = fprintf(out, "%s@%s", result->target, result->variant);
	fprintf(out, "%*s", columns->name > printed ? columns->name - printed : 0, "");
	if (result->failure) {
		struct torn_phrase phrase;
		torn_phrase_begin(&phrase);
		torn_phrase_add_text(&phrase, result->failure);
		fprintf(out, "  not judged: %s\n", phrase.text);
		return;
	}
	print_count(out, count(result, false), columns->findings, "finding");
	print_count(out, result->plans, columns->plans, "plan");
	print_count(out, result->trials, columns->trials, "trial");
	print_count(out, result->kills, columns->kills, "kill");
	print_count(out, result->trees, columns->trees, "tree");
	print_states(out, "  ", &result->states);
	fprintf(out, "  %.2f s\n", result->seconds);
	if (result->unjudged > 0) {
		struct torn_phrase phrase;
		torn_phrase_begin(&phrase);
		torn_phrase_add_text(&phrase, result->unjudged_why);
		fprintf(out, "  not judged: ");
		print_part(out, "", result->unjudged, "trial");
		fprintf(out, "; the first: %s\n", phrase.text);
	}
}

/* A line of the case: a fault without the op and the call where these are told already. */
static void add_fault(struct torn_phrase *phrase, const struct torn_finding *finding,
		      const char *fault)
{
	char where[64];
	if (strcmp(fault, "then run") == 0)
		fault = "run again";
	else if (strcmp(fault, "then recover") == 0)
		fault = "recovery";
	size_t size = (size_t)snprintf(where, sizeof where, "%" PRIu32 " %s ", finding->op,
				       finding->call);
	torn_phrase_add_text(phrase, strncmp(fault, where, size) == 0 ? fault + size : fault);
}

/* "at 2 write (kill)", "at 9 rename (errno=EIO, then kill)", "(no fault)". */
static void add_place(struct torn_phrase *phrase, const struct torn_finding *finding)
{
	const char *separator = "";
	const bool is_cut = strcmp(finding->fault, "cut") == 0;
	bool kill_told = finding->presets_count == 0 || strcmp(finding->fault, "kill") == 0;
	if (finding->op > 0 && finding->call[0])
		torn_phrase_add(phrase, "at %" PRIu32 " %s ", finding->op, finding->call);
	torn_phrase_add(phrase, "(");
	for (size_t i = 0; i < finding->faults_count; i++) {
		torn_phrase_add(phrase, "%s", separator);
		add_fault(phrase, finding, finding->faults[i]);
		separator = ", then ";
	}
	if (!kill_told)
		torn_phrase_add(phrase, "%s%s%s", separator, is_cut ? "power cut, " : "",
				finding->presets[0]);
	else if (finding->faults_count == 0)
		torn_phrase_add(phrase, "%s", finding->fault[0] ? finding->fault : "no fault");
	torn_phrase_add(phrase, ")");
}

/* "at openat, write, fsync" */
static void print_calls(FILE *out, const struct torn_partial *partial)
{
	const char *separator = " at ";
	for (unsigned call = TORN_CALL_NONE + 1; call < TORN_CALL_COUNT; call++) {
		if (!(partial->calls[call / 64] & UINT64_C(1) << call % 64))
			continue;
		fprintf(out, "%s%s", separator, torn_call_name((enum torn_call)call));
		separator = ", ";
	}
}

/* What was in place when a fault came, where more than one thing is changed. */
static void print_partials(FILE *out, const struct torn_result *result)
{
	if (result->partials_count < 2)
		return;
	fprintf(out, "  in place when the first fault came:\n");
	for (size_t i = 0; i < result->partials_count; i++) {
		const struct torn_partial *partial = &result->partials[i];
		fprintf(out, "    %s: ", partial->effects[0] ? partial->effects : "nothing");
		if (partial->trials == 0) {
			fprintf(out, "unreached\n");
			continue;
		}
		print_part(out, "", partial->trials, "trial");
		fprintf(out, " (%" PRIu64 " done, %" PRIu64 " rolled back, %" PRIu64 " rollback failed, %" PRIu64 " other)",
			partial->done, partial->rolled_back, partial->rollback_failed,
			partial->trials - partial->done - partial->rolled_back - partial->rollback_failed);
		print_calls(out, partial);
		putc('\n', out);
	}
}

static void print_case(FILE *out, const char *file)
{
	struct torn_phrase phrase;
	torn_phrase_begin(&phrase);
	torn_phrase_add_text(&phrase, file);
	fprintf(out, "      case: %s\n", phrase.text);
}

static void print_finding(FILE *out, const struct torn_finding *finding, int width)
{
	struct torn_phrase phrase;
	torn_phrase_begin(&phrase);
	add_place(&phrase, finding);
	torn_phrase_add(&phrase, ": ");
	torn_phrase_add_text(&phrase, finding->summary);
	fprintf(out, "  %-*s  %s\n", width, finding->id, phrase.text);
	print_case(out, finding->case_file ? finding->case_file : "not written");
}

static bool is_label_told(const struct torn_result *result, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (result->findings[i].is_label &&
		    strcmp(result->findings[i].id, result->findings[index].id) == 0)
			return true;
	}
	return false;
}

/* Of those by which torn or a disk is wrong. */
static void print_label_cases(FILE *out, const struct torn_result *result, const char *id)
{
	for (size_t i = 0; i < result->findings_count; i++) {
		const struct torn_finding *finding = &result->findings[i];
		if (finding->is_label && finding->case_file && strcmp(finding->id, id) == 0)
			print_case(out, finding->case_file);
	}
}

/* All places of one label in a line: "  label committed  at 7 fsync (errno=EIO); at ...". */
static void print_labels(FILE *out, const struct torn_result *result)
{
	for (size_t i = 0; i < result->findings_count; i++) {
		const struct torn_finding *first = &result->findings[i];
		if (!first->is_label || is_label_told(result, i))
			continue;
		fprintf(out, "  label %s  ", first->id);
		for (size_t j = i; j < result->findings_count; j++) {
			const struct torn_finding *other = &result->findings[j];
			if (!other->is_label || strcmp(other->id, first->id) != 0)
				continue;
			struct torn_phrase phrase;
			torn_phrase_begin(&phrase);
			add_place(&phrase, other);
			fprintf(out, "%s%s", j > i ? "; " : "", phrase.text);
		}
		fputc('\n', out);
		print_label_cases(out, result, first->id);
	}
}

static void add_totals(struct totals *totals, const struct torn_result *result)
{
	totals->findings += count(result, false);
	totals->labels += count(result, true);
	totals->failures += result->failure != NULL;
	totals->plans += result->plans;
	totals->trials += result->trials;
	totals->kills += result->kills;
	totals->confirmed += result->kills_confirmed;
	totals->trees += result->trees;
	torn_states_add(&totals->states, &result->states);
	totals->states.distinct += result->states.distinct;
	totals->seconds += result->seconds;
}

static void print_totals(FILE *out, const struct totals *totals, size_t results_count)
{
	print_part(out, "", results_count, "check");
	print_part(out, ": ", totals->findings, "finding");
	print_part(out, ", ", totals->labels, "label");
	if (totals->failures > 0)
		fprintf(out, ", %zu NOT JUDGED", totals->failures);
	print_part(out, "; ", totals->plans, "plan");
	print_part(out, ", ", totals->trials, "trial");
	print_part(out, ", ", totals->kills, "kill");
	if (totals->confirmed > 0)
		fprintf(out, " (%" PRIu64 " confirmed by a real SIGKILL)", totals->confirmed);
	print_part(out, ", ", totals->trees, "tree");
	print_states(out, ", ", &totals->states);
	fprintf(out, ", %.2f s\n", totals->seconds);
}

static int write_text(FILE *out, const struct torn_result *results, size_t results_count)
{
	struct columns columns = {0};
	struct totals totals = {0};
	for (size_t i = 0; i < results_count; i++)
		measure(&columns, &results[i]);
	for (size_t i = 0; i < results_count; i++) {
		print_result(out, &results[i], &columns);
		print_partials(out, &results[i]);
		for (size_t j = 0; j < results[i].findings_count; j++) {
			if (!results[i].findings[j].is_label)
				print_finding(out, &results[i].findings[j], columns.id);
		}
		print_labels(out, &results[i]);
		add_totals(&totals, &results[i]);
	}
	print_totals(out, &totals, results_count);
	return 0;
}

static const struct torn_report text = {.name = "text", .write = write_text, .write_litmus = torn_litmus_text};
TORN_REPORT(text);
