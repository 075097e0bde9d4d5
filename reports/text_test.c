/* text_test.c: what `torn check` prints for people. */
#include "results_for_tests.h"

static const char *const faults_two[] = {"3 write errno=EIO", "5 unlinkat errno=EROFS"};

static void assert_written(const struct torn_result *results, size_t count, const char *expected)
{
	char *text = written("text", results, count);
	assert_string_equal(text, expected);
	free(text);
}

static void test_findings_and_labels_stand_under_their_target(void **state)
{
	(void)state;
	struct torn_finding findings[] = {finding_kill(), label_errno(), label_errno()};
	findings[2].op = 9;
	findings[2].call = "close";
	findings[2].fault = "late";
	findings[2].faults = (const char *const[]){"9 close late=EIO"};
	findings[2].case_file = "one.case"; /* where torn or a disk is wrong */
	struct torn_result results[] = {result_of(findings, 3), result_of(NULL, 0)};
	results[1].variant = "fixed";
	results[1].trials = 1;
	assert_written(
		results, 2,
		"urunc.state_json@before  1 finding   230 plans  214 trials  1680 kills  41 trees  0.03 s\n"
		"  old-or-new  at 2 write (kill=20): /srv/state.json is neither old nor new\n"
		"      case: urunc.state_json-old-or-new-0123456789abcdef.case\n"
		"  label committed  at 7 fsync (errno=EIO); at 9 close (late=EIO)\n"
		"      case: one.case\n"
		"urunc.state_json@fixed   0 findings  230 plans    1 trial   1680 kills  41 trees  0.03 s\n"
		"2 checks: 1 finding, 2 labels; 460 plans, 215 trials, 3360 kills "
		"(32 confirmed by a real SIGKILL), 82 trees, 0.06 s\n");
}

static void test_places_are_told(void **state)
{
	(void)state;
	struct torn_finding base = finding_kill();
	base.presets_count = 0;
	base.fault = "errno";
	base.faults = faults_errno;
	struct torn_finding other_op = base;
	other_op.op = 9;
	other_op.call = "rename";
	struct torn_finding two = base;
	two.faults = faults_two;
	two.faults_count = 2;
	two.op = 5;
	two.call = "unlinkat";
	struct torn_finding then_kill = base;
	then_kill.op = 7;
	then_kill.call = "fsync";
	then_kill.presets[0] = "kill";
	then_kill.presets_count = 1;
	struct torn_finding clean = base;
	clean.op = 0;
	clean.call = "";
	clean.fault = "";
	clean.faults_count = 0;
	struct torn_finding folded = clean;
	folded.op = 2;
	folded.call = "write";
	folded.presets[0] = "kill";
	folded.presets_count = 1;
	const struct {
		struct torn_finding finding;
		const char *place;
	} rows[] = {
		{other_op, "  at 9 rename (7 fsync errno=EIO): "},
		{two, "  at 5 unlinkat (3 write errno=EIO, then errno=EROFS): "},
		{then_kill, "  at 7 fsync (errno=EIO, then kill): "},
		{clean, "  (no fault): "},
		{folded, "  at 2 write (kill): "},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct torn_finding finding = rows[i].finding;
		struct torn_result result = result_of(&finding, 1);
		char *text = written("text", &result, 1);
		if (!strstr(text, rows[i].place))
			fail_msg("no \"%s\" in:\n%s", rows[i].place, text);
		free(text);
	}
}

static void test_failure_is_said_plainly(void **state)
{
	(void)state;
	struct torn_result result = result_of(NULL, 0);
	result.failure = "two clean runs gave different logs";
	result.kills_confirmed = 0;
	assert_written(&result, 1,
		       "urunc.state_json@before  not judged: two clean runs gave different logs\n"
		       "1 check: 0 findings, 0 labels, 1 NOT JUDGED; 230 plans, 214 trials, 1680 kills, "
		       "41 trees, 0.03 s\n");
}

static void test_what_was_not_judged_among_others_is_told(void **state)
{
	(void)state;
	struct torn_result result = result_of(NULL, 0);
	result.unjudged = 1;
	result.unjudged_why = "it starts a \nprocess";
	result.kills_confirmed = 0;
	char *text = written("text", &result, 1);
	assert_non_null(strstr(text, "  not judged: 1 trial; the first: it starts a \\x0aprocess\n"));
	assert_non_null(strstr(text, "1 check: 0 findings, 0 labels; 230 plans"));
	free(text);
}

static void test_states_of_power_cuts_are_told_with_how_many_there_are(void **state)
{
	(void)state;
	static const struct {
		struct torn_states states;
		const char *part, *total;
	} rows[] = {
		{{.legal = 900, .seen = 900, .distinct = 70},
		 "41 trees  900 crash states, 70 distinct  0.03 s", "41 trees, 900 crash states, 70 distinct, 0."},
		{{.legal = 92160, .seen = 65536, .distinct = 70, .left_out = true},
		 "41 trees  65536 of 92160 crash states, 70 distinct  0.03 s", "trees, 65536 of 92160 crash"},
		{{.legal = 1048577, .seen = 1, .distinct = 42, .is_bound = true, .left_out = true},
		 "41 trees  1 of at least 2^20 crash state, 42 distinct  0.03 s", "trees, 1 of at least 2^20 crash"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct torn_result result = result_of(NULL, 0);
		result.states = rows[i].states;
		result.kills_confirmed = 0;
		char *text = written("text", &result, 1);
		if (!strstr(text, rows[i].part) || !strstr(text, rows[i].total))
			fail_msg("no \"%s\" or \"%s\" in:\n%s", rows[i].part, rows[i].total, text);
		free(text);
	}
}

static void test_control_characters_do_not_reach_the_terminal(void **state)
{
	(void)state;
	struct torn_finding finding = finding_kill();
	finding.summary = "/srv/\x1b[2J is torn";
	finding.case_file = "a\nb.case";
	struct torn_result result = result_of(&finding, 1);
	char *text = written("text", &result, 1);
	assert_null(strchr(text, '\x1b'));
	assert_non_null(strstr(text, "/srv/\\x1b[2J is torn"));
	assert_non_null(strstr(text, "a\\x0ab.case"));
	free(text);
}

static void test_finding_without_a_file_says_so(void **state)
{
	(void)state;
	struct torn_finding finding = finding_kill();
	finding.case_file = NULL;
	struct torn_result result = result_of(&finding, 1);
	char *text = written("text", &result, 1);
	assert_non_null(strstr(text, "      case: not written\n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_findings_and_labels_stand_under_their_target),
		cmocka_unit_test(test_places_are_told),
		cmocka_unit_test(test_failure_is_said_plainly),
		cmocka_unit_test(test_what_was_not_judged_among_others_is_told),
		cmocka_unit_test(test_states_of_power_cuts_are_told_with_how_many_there_are),
		cmocka_unit_test(test_control_characters_do_not_reach_the_terminal),
		cmocka_unit_test(test_finding_without_a_file_says_so),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
