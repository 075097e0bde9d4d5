/*
 * engine_test.c: statuses of the transaction engine and the order of what it does, with handlers that
 * only note what they are asked for. Their states are strings, and their store a real directory.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "engine.h"

#include <dirent.h>
#include <fcntl.h>
#include <fiu-control.h>
#include <fiu.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* What the handlers were asked for, "capture a, apply a, ..."; what they keep; who fails. */
static struct {
	char text[1024];
	char value_a[16], value_b[16];
	const char *fails; /* "apply b" */
} noted;

static char store[] = "/dev/shm/kensa-engine-XXXXXX";

static char *value_of(const struct kensa_step *step)
{
	return strcmp(step->mechanism, "a") == 0 ? noted.value_a : noted.value_b;
}

static enum kensa_outcome note(const char *what, const struct kensa_step *step)
{
	char asked[64];

	snprintf(asked, sizeof(asked), "%s %s", what, step->mechanism);
	const size_t length = strlen(noted.text);
	snprintf(noted.text + length, sizeof(noted.text) - length, "%s%s", length ? ", " : "", asked);
	return noted.fails && strcmp(noted.fails, asked) == 0 ? KENSA_FAILED : KENSA_SUCCESS;
}

static enum kensa_outcome capture(const struct kensa_context *context, const struct kensa_step *step,
				  struct kensa_prestate *ret_state)
{
	(void)context;
	if (note("capture", step) != KENSA_SUCCESS)
		return KENSA_CAPTURE_INCOMPLETE;
	assert_int_equal(kensa_prestate_add(ret_state, "value", value_of(step), strlen(value_of(step))), 0);
	return KENSA_SUCCESS;
}

static enum kensa_outcome apply(const struct kensa_context *context, const struct kensa_step *step,
				const struct kensa_prestate *state)
{
	(void)context;
	(void)state;
	strcpy(value_of(step), (const char *)kensa_param(step, "value").data);
	return note("apply", step);
}

static enum kensa_outcome rollback(const struct kensa_context *context, const struct kensa_step *step,
				   const struct kensa_prestate *state)
{
	(void)context;
	enum kensa_outcome outcome = note("rollback", step);
	if (outcome == KENSA_SUCCESS)
		strcpy(value_of(step), kensa_prestate_fact(state, "value")->text);
	return outcome;
}

static const struct kensa_handler *handler_named(const char *mechanism)
{
	static const struct kensa_handler a = {"a", capture, apply, rollback};
	static const struct kensa_handler b = {"b", capture, apply, rollback};
	static const struct kensa_handler blind = {"blind", NULL, apply, NULL};

	return strcmp(mechanism, "a") == 0	 ? &a
	       : strcmp(mechanism, "b") == 0	 ? &b
	       : strcmp(mechanism, "blind") == 0 ? &blind
						 : NULL;
}

static struct kensa_engine engine_of(enum kensa_version version)
{
	return (struct kensa_engine){
		.context = {.version = version}, .handler_named = handler_named, .store = store};
}

static struct kensa_step step_of(const char *mechanism)
{
	return (struct kensa_step){
		.mechanism = mechanism,
		.params = {{"value", torn_bytes_of("new")}},
		.params_count = 1,
	};
}

static enum kensa_status run_checked(enum kensa_version version, const char *first, const char *second,
				     enum kensa_check check)
{
	const struct kensa_engine engine = engine_of(version);
	struct kensa_transaction transaction = {
		.steps = {step_of(first)}, .steps_count = 1, .check = check};

	if (second) {
		transaction.steps[1] = step_of(second);
		transaction.steps_count = 2;
	}
	return kensa_engine_run(&engine, &transaction);
}

static enum kensa_status run(enum kensa_version version)
{
	return run_checked(version, "a", "b", KENSA_CHECK_PASSES);
}

/* Names in the store, "1.prepared 2.committed"; each is removed where `clears`. */
static const char *entries(bool clears)
{
	static char text[256];
	struct dirent **names;

	text[0] = '\0';
	const int count = scandir(store, &names, NULL, alphasort);
	assert_true(count >= 2);
	for (int i = 0; i < count; i++) {
		const size_t length = strlen(text);
		if (names[i]->d_name[0] != '.') {
			snprintf(text + length, sizeof(text) - length, "%s%s", length ? " " : "",
				 names[i]->d_name + strspn(names[i]->d_name, "0"));
			char path[512];
			snprintf(path, sizeof(path), "%s/%s", store, names[i]->d_name);
			if (clears)
				assert_int_equal(unlink(path), 0);
		}
		free(names[i]);
	}
	free(names);
	return text;
}

static int set_up(void **state)
{
	(void)state;
	memset(&noted, 0, sizeof(noted));
	strcpy(noted.value_a, "old");
	strcpy(noted.value_b, "old");
	entries(true);
	return 0;
}

static int make_store(void **state)
{
	(void)state;
	return mkdtemp(store) && fiu_init(0) == 0 ? 0 : -1;
}

static int remove_store(void **state)
{
	(void)state;
	entries(true);
	return rmdir(store);
}

/* ------------------------------------------------------------------- order */

static void test_all_is_captured_before_anything_is_applied(void **state)
{
	(void)state;
	assert_int_equal(run(KENSA_PR115), KENSA_COMMITTED);
	assert_string_equal(noted.text, "capture a, capture b, apply a, apply b");
	assert_string_equal(entries(false), "1.committed");
}

static void test_a_commit_writes_down_what_it_left(void **state)
{
	struct kensa_journal journal;
	struct kensa_entry entry;

	(void)state;
	assert_int_equal(run(KENSA_HEAD), KENSA_COMMITTED);
	assert_string_equal(noted.text,
			    "capture a, capture b, apply a, apply b, capture a, capture b");
	assert_int_equal(kensa_journal_open(&journal, store, FSATOMIC_PUBLISHED, KENSA_SHARED), 0);
	assert_int_equal(kensa_journal_load(&journal, 1, true, &entry), 0);
	assert_string_equal(kensa_prestate_fact(&entry.before[1], "value")->text, "old");
	assert_string_equal(kensa_prestate_fact(&entry.after[1], "value")->text, "new");
	kensa_entry_free(&entry);
	kensa_journal_close(&journal);
}

static void test_rollback_is_in_reverse_order(void **state)
{
	(void)state;
	for (enum kensa_version version = KENSA_PRE115; version <= KENSA_FIXED; version++) {
		set_up(NULL);
		assert_int_equal(run_checked(version, "a", "b", KENSA_CHECK_FAILS), KENSA_ROLLED_BACK);
		assert_string_equal(
			noted.text, "capture a, capture b, apply a, apply b, rollback b, rollback a");
		assert_string_equal(noted.value_a, "old");
		assert_string_equal(entries(false), "");
	}
}

static void test_a_check_that_cannot_run_rolls_back(void **state)
{
	(void)state;
	assert_int_equal(run_checked(KENSA_FIXED, "a", NULL, KENSA_CHECK_ERROR), KENSA_ROLLED_BACK);
	assert_string_equal(noted.text, "capture a, apply a, rollback a");
}

static void test_nothing_is_applied_where_a_capture_fails(void **state)
{
	(void)state;
	noted.fails = "capture b";
	assert_int_equal(run(KENSA_HEAD), KENSA_ERRORED);
	assert_string_equal(noted.text, "capture a, capture b");
	assert_string_equal(entries(false), "");
}

static void test_an_unknown_mechanism_is_refused_before_capture(void **state)
{
	(void)state;
	assert_int_equal(run_checked(KENSA_HEAD, "a", "nobody's", KENSA_CHECK_PASSES), KENSA_ERRORED);
	assert_string_equal(noted.text, "");
}

/* ---------------------------------------------------- the step that failed */

static void test_published_engines_skip_the_step_that_failed(void **state)
{
	(void)state;
	for (enum kensa_version version = KENSA_PRE115; version <= KENSA_HEAD; version++) {
		set_up(NULL);
		noted.fails = "apply b";
		assert_int_equal(run(version), KENSA_ROLLED_BACK);
		assert_string_equal(noted.text,
				    "capture a, capture b, apply a, apply b, rollback a");
		assert_string_equal(noted.value_b, "new");
	}
}

static void test_fixed_rolls_back_the_step_that_failed(void **state)
{
	(void)state;
	noted.fails = "apply b";
	assert_int_equal(run(KENSA_FIXED), KENSA_ROLLED_BACK);
	assert_string_equal(noted.text,
			    "capture a, capture b, apply a, apply b, rollback b, rollback a");
	assert_string_equal(noted.value_b, "old");
}

static void test_head_takes_no_rollback_at_all_for_a_clean_one(void **state)
{
	(void)state;
	noted.fails = "apply a";
	assert_int_equal(run(KENSA_HEAD), KENSA_ROLLED_BACK);
	assert_string_equal(noted.text, "capture a, capture b, apply a");
	assert_string_equal(noted.value_a, "new");
}

static void test_heads_gate_behind_a_step_makes_it_one_that_failed(void **state)
{
	(void)state;
	assert_int_equal(fiu_enable("kensa/after_apply_step", 1, NULL, FIU_ONETIME), 0);
	assert_int_equal(run(KENSA_HEAD), KENSA_ROLLED_BACK);
	assert_string_equal(noted.text, "capture a, capture b, apply a");
}

/* --------------------------------------------------------- failed rollback */

static void test_a_step_whose_rollback_fails_stops_no_other(void **state)
{
	static const enum kensa_status wanted[] = {
		[KENSA_PRE115] = KENSA_ROLLED_BACK, /* whatever the results are */
		[KENSA_PR115] = KENSA_ROLLED_BACK,
		[KENSA_HEAD] = KENSA_ROLLBACK_FAILED,
		[KENSA_FIXED] = KENSA_ROLLBACK_FAILED,
	};

	(void)state;
	for (enum kensa_version version = KENSA_PRE115; version <= KENSA_FIXED; version++) {
		set_up(NULL);
		noted.fails = "rollback b";
		assert_int_equal(run_checked(version, "a", "b", KENSA_CHECK_FAILS), wanted[version]);
		assert_string_equal(
			noted.text, "capture a, capture b, apply a, apply b, rollback b, rollback a");
		assert_string_equal(entries(false), version == KENSA_FIXED ? "1.prepared" : "");
	}
}

static void test_a_step_without_capture_is_partially_applied(void **state)
{
	(void)state;
	assert_int_equal(run_checked(KENSA_HEAD, "blind", "a", KENSA_CHECK_FAILS),
			 KENSA_PARTIALLY_APPLIED);
	assert_string_equal(noted.text, "capture a, apply blind, apply a, rollback a");
}

static void test_a_transactional_one_must_be_captured_in_all(void **state)
{
	const struct kensa_engine engine = engine_of(KENSA_HEAD);
	const struct kensa_transaction transaction = {
		.steps = {step_of("blind")}, .steps_count = 1, .transactional = true};

	(void)state;
	assert_int_equal(kensa_engine_run(&engine, &transaction), KENSA_ERRORED);
	assert_string_equal(noted.text, "");
}

/* ---------------------------------------------------------------- recovery */

/* Write down a step that found `found`, and that nobody ended. */
static void leave_open(const char *mechanism, const char *found)
{
	struct kensa_journal journal;
	struct kensa_entry entry = {.steps = {step_of(mechanism)}, .steps_count = 1};
	uint32_t number;

	assert_int_equal(kensa_journal_open(&journal, store, FSATOMIC_PUBLISHED, KENSA_SHARED), 0);
	assert_int_equal(kensa_prestate_add(&entry.before[0], "value", found, strlen(found)), 0);
	assert_int_equal(kensa_journal_prepare(&journal, &entry, &number), 0);
	kensa_entry_free(&entry);
	kensa_journal_close(&journal);
}

static enum kensa_status recover(enum kensa_version version)
{
	const struct kensa_engine engine = engine_of(version);
	return kensa_engine_recover(&engine);
}

static void test_recovery_of_nothing_is_done(void **state)
{
	(void)state;
	assert_int_equal(recover(KENSA_HEAD), KENSA_RECOVERED);
	assert_string_equal(noted.text, "");
}

static void test_recovery_rolls_back_what_was_never_applied(void **state)
{
	(void)state;
	leave_open("a", "first");
	assert_int_equal(recover(KENSA_HEAD), KENSA_RECOVERED);
	assert_string_equal(noted.text, "rollback a");
	assert_string_equal(noted.value_a, "first");
	assert_string_equal(entries(false), "");
}

static void test_head_recovers_the_oldest_first_and_keeps_what_the_newest_saw(void **state)
{
	(void)state;
	leave_open("a", "first");
	leave_open("a", "half");
	assert_int_equal(recover(KENSA_HEAD), KENSA_RECOVERED);
	assert_string_equal(noted.value_a, "half");
}

static void test_fixed_recovers_the_newest_first(void **state)
{
	(void)state;
	leave_open("a", "first");
	leave_open("a", "half");
	assert_int_equal(recover(KENSA_FIXED), KENSA_RECOVERED);
	assert_string_equal(noted.value_a, "first");
	assert_string_equal(entries(false), "");
}

static void test_head_forgets_what_it_could_not_recover(void **state)
{
	(void)state;
	leave_open("a", "first");
	noted.fails = "rollback a";
	assert_int_equal(recover(KENSA_HEAD), KENSA_ROLLBACK_FAILED);
	assert_string_equal(entries(false), "");
}

static void test_fixed_keeps_what_it_could_not_recover(void **state)
{
	(void)state;
	leave_open("a", "first");
	noted.fails = "rollback a";
	assert_int_equal(recover(KENSA_FIXED), KENSA_ROLLBACK_FAILED);
	assert_string_equal(entries(false), "1.prepared");
	noted.fails = NULL;
	assert_int_equal(recover(KENSA_FIXED), KENSA_RECOVERED);
	assert_string_equal(noted.value_a, "first");
}

static void test_an_entry_left_behind_does_not_show_in_a_given_number(void **state)
{
	const struct kensa_engine engine = engine_of(KENSA_PR115);
	const struct kensa_transaction transaction = {
		.steps = {step_of("a")}, .steps_count = 1, .number_min = 2};

	(void)state;
	assert_int_equal(kensa_engine_run(&engine, &transaction), KENSA_COMMITTED);
	assert_string_equal(entries(false), "2.committed");
	set_up(NULL);
	leave_open("a", "first");
	assert_int_equal(kensa_engine_run(&engine, &transaction), KENSA_COMMITTED);
	assert_string_equal(entries(false), "1.prepared 2.committed");
	assert_int_equal(kensa_engine_run(&engine, &transaction), KENSA_COMMITTED);
	assert_string_equal(entries(false), "1.prepared 2.committed 3.committed");
}

static void test_fixed_runs_nothing_while_a_recovery_is_due(void **state)
{
	(void)state;
	leave_open("a", "first");
	assert_int_equal(run(KENSA_FIXED), KENSA_ERRORED);
	assert_string_equal(noted.text, "");
	assert_int_equal(run(KENSA_HEAD), KENSA_COMMITTED);
}

/* --------------------------------------------------------- manual rollback */

static enum kensa_status roll_back(enum kensa_version version, uint32_t number)
{
	const struct kensa_engine engine = engine_of(version);
	return kensa_engine_roll_back(&engine, number);
}

static void test_a_committed_one_is_rolled_back_in_reverse(void **state)
{
	(void)state;
	for (enum kensa_version version = KENSA_HEAD; version <= KENSA_FIXED; version++) {
		set_up(NULL);
		assert_int_equal(run(version), KENSA_COMMITTED);
		assert_int_equal(roll_back(version, 1), KENSA_ROLLED_BACK);
		assert_non_null(strstr(noted.text, "rollback b, rollback a"));
		assert_string_equal(noted.value_a, "old");
		assert_string_equal(entries(false), "");
	}
}

static void test_head_destroys_a_later_edit(void **state)
{
	(void)state;
	assert_int_equal(run(KENSA_HEAD), KENSA_COMMITTED);
	strcpy(noted.value_b, "edited");
	assert_int_equal(roll_back(KENSA_HEAD, 1), KENSA_ROLLED_BACK);
	assert_string_equal(noted.value_b, "old");
}

static void test_fixed_refuses_to_destroy_a_later_edit(void **state)
{
	(void)state;
	assert_int_equal(run(KENSA_FIXED), KENSA_COMMITTED);
	strcpy(noted.value_b, "edited");
	assert_int_equal(roll_back(KENSA_FIXED, 1), KENSA_ERRORED);
	assert_string_equal(noted.value_a, "new");
	assert_string_equal(noted.value_b, "edited");
	assert_string_equal(entries(false), "1.committed");
}

static void test_what_was_never_committed_cannot_be_rolled_back(void **state)
{
	(void)state;
	for (enum kensa_version version = KENSA_PRE115; version <= KENSA_FIXED; version++) {
		assert_int_equal(roll_back(version, 7), KENSA_ERRORED);
		assert_string_equal(noted.text, "");
	}
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_is_captured_before_anything_is_applied),
		TEST(test_a_commit_writes_down_what_it_left),
		TEST(test_rollback_is_in_reverse_order),
		TEST(test_a_check_that_cannot_run_rolls_back),
		TEST(test_nothing_is_applied_where_a_capture_fails),
		TEST(test_an_unknown_mechanism_is_refused_before_capture),
		TEST(test_published_engines_skip_the_step_that_failed),
		TEST(test_fixed_rolls_back_the_step_that_failed),
		TEST(test_head_takes_no_rollback_at_all_for_a_clean_one),
		TEST(test_heads_gate_behind_a_step_makes_it_one_that_failed),
		TEST(test_a_step_whose_rollback_fails_stops_no_other),
		TEST(test_a_step_without_capture_is_partially_applied),
		TEST(test_a_transactional_one_must_be_captured_in_all),
		TEST(test_recovery_of_nothing_is_done),
		TEST(test_recovery_rolls_back_what_was_never_applied),
		TEST(test_head_recovers_the_oldest_first_and_keeps_what_the_newest_saw),
		TEST(test_fixed_recovers_the_newest_first),
		TEST(test_head_forgets_what_it_could_not_recover),
		TEST(test_fixed_keeps_what_it_could_not_recover),
		TEST(test_fixed_runs_nothing_while_a_recovery_is_due),
		TEST(test_an_entry_left_behind_does_not_show_in_a_given_number),
		TEST(test_a_committed_one_is_rolled_back_in_reverse),
		TEST(test_head_destroys_a_later_edit),
		TEST(test_fixed_refuses_to_destroy_a_later_edit),
		TEST(test_what_was_never_committed_cannot_be_rolled_back),
	};
	return cmocka_run_group_tests(tests, make_store, remove_store);
}
