/* results_for_tests.h: results made by hand, and reports found by name. */
#ifndef TORN_RESULTS_FOR_TESTS_H
#define TORN_RESULTS_FOR_TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../fuzz/torn.h"

extern const struct torn_report *const __start_torn_reports[], *const __stop_torn_reports[];

static inline const struct torn_report *report_named(const char *name)
{
	for (const struct torn_report *const *report = __start_torn_reports;
	     report < __stop_torn_reports; report++) {
		if (strcmp((*report)->name, name) == 0)
			return *report;
	}
	fail_msg("no report \"%s\"", name);
	return NULL;
}

/* Return what the report writes; the caller frees it. */
static inline char *written(const char *name, const struct torn_result *results, size_t count)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	assert_int_equal(report_named(name)->write(out, results, count), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static const char *const faults_kill[] = {"2 write kill=20"};
static const char *const faults_errno[] = {"7 fsync errno=EIO"};

static inline struct torn_finding finding_kill(void)
{
	return (struct torn_finding){
		.id = "old-or-new",
		.target = "urunc.state_json",
		.variant = "before",
		.world = "existing",
		.op = 2,
		.call = "write",
		.path = "srv/state.json",
		.role = "watched",
		.fault = "kill",
		.faults = faults_kill,
		.faults_count = 1,
		.presets = {"kill"},
		.presets_count = 1,
		.summary = "/srv/state.json is neither old nor new",
		.case_file = "urunc.state_json-old-or-new-0123456789abcdef.case",
		.times = 12,
	};
}

static inline struct torn_finding label_errno(void)
{
	struct torn_finding label = finding_kill();
	label.id = "committed";
	label.is_label = true;
	label.op = 7;
	label.call = "fsync";
	label.fault = "errno";
	label.faults = faults_errno;
	label.presets_count = 0;
	label.summary = "failure reported, content new";
	label.case_file = NULL;
	return label;
}

static inline struct torn_result result_of(struct torn_finding *findings, size_t findings_count)
{
	return (struct torn_result){
		.target = "urunc.state_json",
		.variant = "before",
		.plans = 230,
		.trials = 214,
		.ops = 3200,
		.kills = 1680,
		.trees = 41,
		.kills_confirmed = 16,
		.seconds = 0.03,
		.findings = findings,
		.findings_count = findings_count,
	};
}

#endif
