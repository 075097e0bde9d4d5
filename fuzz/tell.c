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
};

static int write_report(FILE *out, const void *context)
{
	const struct reporting *reporting = context;
	return reporting->report->write(out, reporting->results, reporting->count);
}

static int write_reports(const struct torn_options *options, const struct torn_result *results,
			 size_t results_count)
{
	size_t count;
	const struct torn_report *const *reports = torn_reports(&count);
	for (size_t i = 0; i < count; i++) {
		if (!options->report_files[i])
			continue;
		const struct reporting reporting = {reports[i], results, results_count};
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
	const int reported = write_reports(options, results, count);
	r = r < 0 ? r : reported;
	if (!torn_tells_on_stdout(options)) {
		const struct reporting text = {torn_report_named("text"), results, count};
		const int printed = torn_output_write("-", write_report, &text);
		if (printed < 0)
			fprintf(stderr, "torn: stdout: %s\n", strerror(-printed));
		r = r < 0 ? r : printed;
	}
	for (size_t i = 0; i < count; i++)
		torn_case_files_free(&results[i]);
	return r;
}
