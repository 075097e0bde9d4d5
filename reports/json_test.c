/* json_test.c: the document, read back by libjansson, and its exact text once. */
#include <jansson.h>

#include "results_for_tests.h"

static json_t *loaded(const struct torn_result *results, size_t count)
{
	char *text = written("json", results, count);
	json_error_t error;
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		fail_msg("%s in:\n%s", error.text, text);
	free(text);
	return root;
}

static const char *finding_text(json_t *root, const char *key)
{
	json_t *finding = json_array_get(json_object_get(root, "findings"), 0);
	return json_string_value(json_object_get(finding, key));
}

static void test_one_result_is_the_object_of_the_design(void **state)
{
	(void)state;
	struct torn_finding findings[] = {finding_kill(), label_errno()};
	struct torn_result result = result_of(findings, 2);
	char *text = written("json", &result, 1);
	assert_string_equal(
		text, "{\n"
		      "  \"torn\": \"" TORN_VERSION "\",\n"
		      "  \"target\": \"urunc.state_json\",\n"
		      "  \"variant\": \"before\",\n"
		      "  \"plans\": 230,\n"
		      "  \"trials\": 214,\n"
		      "  \"ops\": 3200,\n"
		      "  \"kills\": 1680,\n"
		      "  \"states\": {\n"
		      "    \"legal\": 41,\n"
		      "    \"seen\": 41,\n"
		      "    \"distinct\": 41,\n"
		      "    \"exact\": true,\n"
		      "    \"all\": true\n"
		      "  },\n"
		      "  \"seconds\": 0.03,\n"
		      "  \"findings\": [\n"
		      "    {\n"
		      "      \"invariant\": \"old-or-new\",\n"
		      "      \"target\": \"urunc.state_json\",\n"
		      "      \"variant\": \"before\",\n"
		      "      \"op\": 2,\n"
		      "      \"call\": \"write\",\n"
		      "      \"path\": \"srv/state.json\",\n"
		      "      \"faults\": [\n"
		      "        \"2 write kill=20\"\n"
		      "      ],\n"
		      "      \"presets\": [\n"
		      "        \"kill\"\n"
		      "      ],\n"
		      "      \"summary\": \"/srv/state.json is neither old nor new\",\n"
		      "      \"case\": \"urunc.state_json-old-or-new-0123456789abcdef.case\"\n"
		      "    }\n"
		      "  ],\n"
		      "  \"labels\": [\n"
		      "    {\n"
		      "      \"label\": \"committed\",\n"
		      "      \"target\": \"urunc.state_json\",\n"
		      "      \"variant\": \"before\",\n"
		      "      \"op\": 7,\n"
		      "      \"call\": \"fsync\",\n"
		      "      \"path\": \"srv/state.json\",\n"
		      "      \"faults\": [\n"
		      "        \"7 fsync errno=EIO\"\n"
		      "      ],\n"
		      "      \"presets\": [],\n"
		      "      \"summary\": \"failure reported, content new\",\n"
		      "      \"case\": null\n"
		      "    }\n"
		      "  ]\n"
		      "}\n");
	free(text);
}

static void test_several_results_are_objects_in_checks(void **state)
{
	(void)state;
	struct torn_result results[] = {result_of(NULL, 0), result_of(NULL, 0)};
	results[1].variant = "fixed";
	json_t *root = loaded(results, 2);
	json_t *checks = json_object_get(root, "checks");
	assert_int_equal(json_object_size(root), 2);
	assert_int_equal(json_array_size(checks), 2);
	json_t *alone = loaded(&results[1], 1);
	assert_true(json_equal(json_array_get(checks, 1), alone));
	json_decref(alone);
	json_decref(root);
}

static void test_no_result_is_no_check(void **state)
{
	(void)state;
	json_t *root = loaded(NULL, 0);
	assert_int_equal(json_array_size(json_object_get(root, "checks")), 0);
	json_decref(root);
}

static void expect_states(const struct torn_states *states, const char *expected)
{
	struct torn_result result = result_of(NULL, 0);
	result.states = *states;
	json_t *root = loaded(&result, 1);
	char *text = json_dumps(json_object_get(root, "states"), JSON_COMPACT);
	assert_string_equal(text, expected);
	free(text);
	json_decref(root);
}

static void test_states_of_power_cuts_are_told_beside_those_of_kills(void **state)
{
	(void)state;
	expect_states(&(struct torn_states){.legal = 9, .seen = 9, .distinct = 45},
		      "{\"legal\":50,\"seen\":50,\"distinct\":45,\"exact\":true,\"all\":true}");
	expect_states(&(struct torn_states){.legal = 109, .seen = 9, .distinct = 45, .left_out = true},
		      "{\"legal\":150,\"seen\":50,\"distinct\":45,\"exact\":true,\"all\":false}");
	expect_states(&(struct torn_states){.legal = 109, .seen = 9, .distinct = 45, .is_bound = true,
					    .left_out = true},
		      "{\"legal\":150,\"seen\":50,\"distinct\":45,\"exact\":false,\"all\":false}");
}

static void test_what_a_real_disk_left_of_the_model_is_told_where_there_is_one(void **state)
{
	(void)state;
	struct torn_result result = result_of(NULL, 0);
	json_t *root = loaded(&result, 1);
	assert_null(json_object_get(root, "disk"));
	json_decref(root);
	result.states = (struct torn_states){.modelled = 9, .shown = 4, .unchecked = 2};
	root = loaded(&result, 1);
	char *text = json_dumps(json_object_get(root, "disk"), JSON_COMPACT);
	assert_string_equal(text, "{\"modelled\":9,\"shown\":4,\"unchecked\":2}");
	free(text);
	json_decref(root);
}

static void test_failure_is_told_and_not_all_was_seen(void **state)
{
	(void)state;
	struct torn_result result = result_of(NULL, 0);
	result.failure = "two clean runs gave different logs";
	json_t *root = loaded(&result, 1);
	assert_string_equal(json_string_value(json_object_get(root, "failure")), result.failure);
	json_t *all = json_object_get(json_object_get(root, "states"), "all");
	assert_true(json_is_false(all));
	json_decref(root);
}

static void test_what_was_not_judged_among_others_is_told(void **state)
{
	(void)state;
	struct torn_result result = result_of(NULL, 0);
	json_t *root = loaded(&result, 1);
	assert_null(json_object_get(root, "unjudged"));
	json_decref(root);
	result.unjudged = 3;
	result.unjudged_why = "it starts a process";
	root = loaded(&result, 1);
	assert_int_equal(json_integer_value(json_object_get(root, "unjudged")), 3);
	assert_string_equal(json_string_value(json_object_get(root, "unjudged_why")),
			    "it starts a process");
	assert_null(json_object_get(root, "failure"));
	json_decref(root);
}

static void test_bytes_that_are_not_utf8_are_escaped(void **state)
{
	(void)state;
	static const struct {
		const char *path, *told;
	} rows[] = {
		{"srv/a", "srv/a"},
		{"", ""},
		{"srv/\xc3\xa9", "srv/\xc3\xa9"},
		{"srv/\xff\xfe", "srv/\\xff\\xfe"},
		{"srv/\\xff", "srv/\\\\xff"},
		{"cut\xe2\x82", "cut\\xe2\\x82"},
		{"overlong\xc0\xaf", "overlong\\xc0\\xaf"},
		{"surrogate\xed\xa0\x80", "surrogate\\xed\\xa0\\x80"},
		{"beyond\xf4\x90\x80\x80", "beyond\\xf4\\x90\\x80\\x80"},
		{"last\xf4\x8f\xbf\xbf", "last\xf4\x8f\xbf\xbf"},
		{"line\nend\"\x01", "line\nend\"\x01"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct torn_finding finding = finding_kill();
		finding.path = rows[i].path;
		struct torn_result result = result_of(&finding, 1);
		json_t *root = loaded(&result, 1);
		assert_string_equal(finding_text(root, "path"), rows[i].told);
		json_decref(root);
	}
}

static void test_summary_keeps_its_backslashes(void **state)
{
	(void)state;
	struct torn_finding finding = finding_kill();
	finding.summary = "a\\b \xff";
	struct torn_result result = result_of(&finding, 1);
	json_t *root = loaded(&result, 1);
	assert_string_equal(finding_text(root, "summary"), "a\\b \\xff");
	json_decref(root);
}

static void test_full_device_is_an_error(void **state)
{
	(void)state;
	struct torn_result result = result_of(NULL, 0);
	FILE *out = fopen("/dev/full", "w");
	if (!out)
		skip();
	setvbuf(out, NULL, _IONBF, 0);
	int r = report_named("json")->write(out, &result, 1);
	fclose(out);
	assert_int_equal(r, -28); /* ENOSPC */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_result_is_the_object_of_the_design),
		cmocka_unit_test(test_several_results_are_objects_in_checks),
		cmocka_unit_test(test_no_result_is_no_check),
		cmocka_unit_test(test_states_of_power_cuts_are_told_beside_those_of_kills),
		cmocka_unit_test(test_what_a_real_disk_left_of_the_model_is_told_where_there_is_one),
		cmocka_unit_test(test_failure_is_told_and_not_all_was_seen),
		cmocka_unit_test(test_what_was_not_judged_among_others_is_told),
		cmocka_unit_test(test_bytes_that_are_not_utf8_are_escaped),
		cmocka_unit_test(test_summary_keeps_its_backslashes),
		cmocka_unit_test(test_full_device_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
