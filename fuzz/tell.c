/* tell.c: see tell.h. */
#include "tell.h"

#include <errno.h>
#include <string.h>

#include "case_files.h"
#include "output.h"
#include "registry.h"

struct reporting {
	const struct torn_report *report;
	const struct torn_result *results;
	size_t count;
	const struct torn_litmus_table *table; /* in place of results; NULL: it is they */
};

static int write_report(FILE *out, const void *context)
{
	const struct reporting *reporting = context;
	return reporting->table ? reporting->report->write_litmus(out, reporting->table)
				: reporting->report->write(out, reporting->results, reporting->count);
}

/* `what` but for the report. */
static int write_reports(const struct torn_options *options, const struct reporting *what)
{
	size_t count;
	const struct torn_report *const *reports = torn_reports(&count);
	for (size_t i = 0; i < count; i++) {
		if (!options->report_files[i])
			continue;
		struct reporting reporting = *what;
		reporting.report = reports[i];
		int r = torn_output_write(options->report_files[i], write_report, &reporting);
		if (r < 0) {
			fprintf(stderr, "torn: %s: %s\n",
				strcmp(options->report_files[i], "-") == 0 ? "stdout"
									    : options->report_files[i],
				strerror(-r));
			return r;
		}
	}
	return 0;
}

bool torn_tells_on_stdout(const struct torn_options *options)
{
	for (size_t i = 0; i < TORN_REPORT_FILES_MAX; i++)
		if (options->report_files[i] && strcmp(options->report_files[i], "-") == 0)
			return true;
	return false;
}

int torn_verdict(const struct torn_result *results, size_t count, bool interrupted,
		 const struct torn_options *options)
{
	bool failed = false, findings = false;
	for (size_t i = 0; i < count; i++) {
		const struct torn_result *result = &results[i];
		failed |= result->failure != NULL;
		for (size_t f = 0; f < result->findings_count; f++)
			findings |= !result->findings[f].is_label &&
				    !(options->allow && strcmp(result->findings[f].id, options->allow) == 0);
	}
	if (interrupted)
		return TORN_EXIT_INTERRUPTED;
	return failed ? TORN_EXIT_FAILED : findings ? TORN_EXIT_FINDINGS : TORN_EXIT_CLEAN;
}

/* The text where it is not asked for too, unless a report goes to stdout. */
static int write_text(const struct torn_options *options, const struct reporting *what)
{
	struct reporting text = *what;
	if (torn_tells_on_stdout(options))
		return 0;
	text.report = torn_report_named("text");
	const int printed = torn_output_write("-", write_report, &text);
	if (printed < 0)
		fprintf(stderr, "torn: stdout: %s\n", strerror(-printed));
	return printed;
}

int torn_tell_litmus(const struct torn_litmus_table *table, const struct torn_options *options)
{
	const struct reporting what = {.table = table};
	const int reported = write_reports(options, &what), printed = write_text(options, &what);
	return reported < 0 ? reported : printed;
}

int torn_tell(struct torn_result *results, size_t count, const struct torn_options *options)
{
	/* What cannot be written is told once; what was found is told all the same. */
	int r = 0;
	for (size_t i = 0; i < count; i++) {
		char path[4096] = "";
		if (r == 0)
			r = torn_case_files_write(&results[i], options->cases, path, sizeof path);
		if (r < 0 && results[i].findings_count > 0 && path[0])
			fprintf(stderr, "torn: %s: %s\n", path, strerror(-r));
		if (r < 0)
			break;
	}
	const struct reporting what = {.results = results, .count = count};
	const int reported = write_reports(options, &what), printed = write_text(options, &what);
	r = r < 0 ? r : reported < 0 ? reported : printed;
	for (size_t i = 0; i < count; i++)
		torn_case_files_free(&results[i]);
	return r;
}
