/* command_check.c: torn check TARGET[@VARIANT]... */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case_files.h"
#include "commands.h"
#include "output.h"
#include "registry.h"

static void say_step(void *context, const struct torn_checked *item,
		     const struct torn_options *options)
{
	(void)context;
	if (options->quiet)
		return;
	size_t findings = 0;
	for (size_t i = 0; i < item->result.findings_count; i++)
		findings += !item->result.findings[i].is_label;
	fprintf(stderr, "checked %s@%s: %zu finding%s, %lu plans, %lu trials, %lu distinct trees, "
			"%.1f s\n", item->result.target,
		item->result.variant, findings, findings == 1 ? "" : "s", item->result.plans,
		item->result.trials, item->result.trees, item->result.seconds);
}

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

static bool writes_to_stdout(const struct torn_options *options)
{
	for (size_t i = 0; i < TORN_REPORT_FILES_MAX; i++)
		if (options->report_files[i] && strcmp(options->report_files[i], "-") == 0)
			return true;
	return false;
}

static int verdict(const struct torn_check *check, const struct torn_options *options)
{
	bool failed = false, findings = false;
	for (size_t i = 0; i < check->count; i++) {
		const struct torn_result *result = &check->items[i].result;
		failed |= result->failure != NULL;
		for (size_t f = 0; f < result->findings_count; f++)
			findings |= !result->findings[f].is_label &&
				    !(options->allow && strcmp(result->findings[f].id, options->allow) == 0);
	}
	if (check->interrupted)
		return TORN_EXIT_INTERRUPTED;
	return failed ? TORN_EXIT_FAILED : findings ? TORN_EXIT_FINDINGS : TORN_EXIT_CLEAN;
}

static int tell(struct torn_check *check, const struct torn_options *options)
{
	struct torn_result *results = calloc(check->count + 1, sizeof *results);
	if (!results)
		return -ENOMEM;
	/* What cannot be written is told once; what was found is told all the same. */
	int r = 0;
	for (size_t i = 0; i < check->count; i++) {
		char path[4096];
		results[i] = check->items[i].result;
		if (r == 0)
			r = torn_case_files_write(&results[i], options->cases, path, sizeof path);
		if (r < 0 && results[i].findings_count > 0 && path[0])
			fprintf(stderr, "torn: %s: %s\n", path, strerror(-r));
		if (r < 0)
			break;
	}
	for (size_t i = 0; i < check->count; i++)
		if (!results[i].target)
			results[i] = check->items[i].result;
	const int reported = write_reports(options, results, check->count);
	r = r < 0 ? r : reported;
	if (!writes_to_stdout(options)) {
		const struct reporting text = {torn_report_named("text"), results, check->count};
		const int printed = torn_output_write("-", write_report, &text);
		if (printed < 0)
			fprintf(stderr, "torn: stdout: %s\n", strerror(-printed));
		r = r < 0 ? r : printed;
	}
	for (size_t i = 0; i < check->count; i++)
		torn_case_files_free(&results[i]);
	free(results);
	return r;
}

int torn_command_check(int argc, char **argv)
{
	const struct torn_options options =
		torn_options_parse(argc, argv, "seed depth all-errnos jobs shard cases allow timeout quiet reports",
				   "[TARGET[@VARIANT]...]",
				   "Try every fault at every op, a second one at every op behind it, and every "
				   "kill of every run; without a name, all targets.");
	struct torn_check check = {.finished = isatty(STDERR_FILENO) ? NULL : say_step};
	int r = torn_check_choose(&check, &options);
	int status = r < 0 ? TORN_EXIT_USAGE : TORN_EXIT_FAILED;
	if (r == 0)
		r = torn_check_run(&check, &options);
	if (r == 0)
		r = tell(&check, &options);
	if (r == 0)
		status = verdict(&check, &options);
	torn_check_free(&check);
	return status;
}
