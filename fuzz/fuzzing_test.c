/* fuzzing_test.c: what one case shows, as small as it can be told; in bounded memory. */
#include "cuts.h"
#include "fuzzing_for_tests.h"
#include "operations_for_tests.h"

/* ----------------------------------------------------------------- targets */

static int replace_without_sync(void)
{
	return make_temp("/srv/.t") == 0 && rename("/srv/.t", "/srv/f") == 0 ? 0 : -1;
}

static int aborts_on_a_folder(const struct torn_run *run)
{
	(void)run;
	if (open("/srv/f", O_RDONLY | O_DIRECTORY) >= 0)
		abort();
	return replace_without_sync();
}
TARGET(aborting, "test.aborting", aborts_on_a_folder, NULL, 0);

/* ------------------------------------------------------------- few faults */

#define PR600                                                                                      \
	"torn-case 1\n"                                                                            \
	"target urunc.state_json@pr600\n"                                                          \
	"old run/urunc/c1 dir\n"                                                                   \
	"old run/urunc/c1/state.json file old\n"

static void test_a_finding_is_told_with_the_fewest_of_its_faults(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_fuzz("urunc.state_json", "pr600");
	/* Only the last one breaks a promise: the file that it could not rename stays. */
	fuzz->texts[0] = PR600 "fault 2 write short=1\nfault 7 renameat sticky=EACCES\n";
	run(fuzz, run_texts);
	assert_int_equal(fuzz->results[0], 0);
	assert_int_equal(fuzz->fuzzed->findings.count, 1);
	const struct torn_finding *litter = finding(fuzz, "no-litter", "renameat", "errno");
	assert_non_null(litter);
	assert_int_equal(litter->faults_count, 1);
	assert_string_equal(litter->faults[0], "6 renameat errno=EACCES");
	/* And from the target's own first old state, with its own arguments. */
	assert_non_null(strstr(litter->case_text, "\\\"creating\\\""));
	close_fuzz(fuzz);
}

static void run_again(struct fuzz *fuzz, struct torn_fuzzing *fuzzing)
{
	run_texts(fuzz, fuzzing);
	fuzz->first = fuzz->fuzzed->trials;
	run_texts(fuzz, fuzzing);
	fuzz->second = fuzz->fuzzed->trials;
}

static void test_the_same_thing_is_looked_into_once(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_fuzz("urunc.state_json", "pr600");
	fuzz->texts[0] = PR600 "fault 2 write short=1\nfault 7 renameat sticky=EACCES\n";
	run(fuzz, run_again);
	assert_int_equal(fuzz->fuzzed->findings.count, 1);
	assert_true(fuzz->first > 5); /* clean runs here and at home, and what made it smaller */
	assert_int_equal(fuzz->second, fuzz->first + 1);
	close_fuzz(fuzz);
}

static void test_a_finding_says_nothing_of_a_power_cut_that_was_not_made(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_fuzz("urunc.state_json", "pr600");
	fuzz->texts[0] = PR600 "fault 6 renameat errno=EACCES\ncut 6 preset=ext4 lost=2.data[0]\n";
	run(fuzz, run_texts);
	assert_int_equal(fuzz->results[0], 0);
	const struct torn_finding *litter = finding(fuzz, "no-litter", "renameat", "errno");
	assert_non_null(litter);
	assert_non_null(strstr(litter->case_text, "fault 6 renameat errno=EACCES\nexpect "));
	close_fuzz(fuzz);
}

static void test_what_the_clean_run_shows_is_told_of_no_fault(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_fuzz("urunc.state_json", "before");
	fuzz->texts[0] = "torn-case 1\ntarget urunc.state_json@before\n"
			 "old run/urunc/c1/state.json file old\nfault 3 close late=EIO\n";
	run(fuzz, run_texts);
	/* Killed behind the truncation, killed in the write: by the clean run's kills alone. */
	assert_int_equal(fuzz->fuzzed->findings.count, 2);
	const struct torn_finding *truncated = finding(fuzz, "old-or-new", "openat", "kill");
	assert_non_null(truncated);
	assert_string_equal(truncated->presets[0], "kill");
	assert_int_equal(truncated->faults_count, 1);
	assert_string_equal(truncated->faults[0], "1 openat kill=after");
	assert_non_null(finding(fuzz, "old-or-new", "write", "kill"));
	close_fuzz(fuzz);
}

static void test_what_an_old_state_shows_anyway_is_no_fault_s_doing(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_fuzz("urunc.state_json", "pr600");
	/* The rename onto a folder fails, and the temp stays, whatever else goes wrong. */
	fuzz->texts[0] = "torn-case 1\ntarget urunc.state_json@pr600\n"
			 "old run/urunc/c1/state.json dir\nfault 2 write short=1\n";
	run(fuzz, run_texts);
	assert_int_equal(fuzz->fuzzed->findings.count, 1);
	assert_non_null(finding(fuzz, "no-litter", "", ""));
	close_fuzz(fuzz);
}

static void test_a_shorter_case_takes_the_place_of_a_longer_one(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_fuzz("urunc.state_json", "before");
	fuzz->texts[0] = "torn-case 1\ntarget urunc.state_json@before\n"
			 "old run/urunc/c1/state.json file \"a rather long old state, longer than need be\"\n";
	fuzz->texts[1] = "torn-case 1\ntarget urunc.state_json@before\n"
			 "arg content 12\nold run/urunc/c1/state.json file o\n";
	fuzz->texts[2] = fuzz->texts[0];
	run(fuzz, run_texts);
	const struct torn_finding *truncated = finding(fuzz, "old-or-new", "openat", "kill");
	assert_non_null(truncated);
	assert_non_null(strstr(truncated->case_text, "old run/urunc/c1/state.json file o\n"));
	assert_true(truncated->seconds > 0);
	close_fuzz(fuzz);
}

static void test_what_this_target_cannot_run_is_refused(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_fuzz("urunc.state_json", "pr600");
	fuzz->texts[0] = "no case";
	fuzz->texts[1] = "torn-case 1\ntarget example.replace@correct\n";
	fuzz->texts[2] = PR600 "fault 9 renameat errno=EACCES\n"; /* never comes so far */
	fuzz->texts[3] = PR600 "fault 1 openat kill=after\n";      /* every kill is judged anyway */
	run(fuzz, run_texts);
	assert_int_equal(fuzz->results[0], -EINVAL);
	assert_int_equal(fuzz->results[1], -EINVAL);
	assert_int_equal(fuzz->results[2], -EINVAL);
	assert_int_equal(fuzz->results[3], 0);
	assert_int_equal(fuzz->fuzzed->cases, 4);
	assert_int_equal(fuzz->fuzzed->refused, 3);
	assert_int_equal(fuzz->fuzzed->findings.count, 0);
	assert_true(fuzz->fuzzed->kills > 0);
	close_fuzz(fuzz);
}

static void test_a_run_that_behaves_otherwise_is_novel(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_fuzz("urunc.state_json", "pr600");
	fuzz->texts[0] = PR600;
	run(fuzz, run_texts);
	uint8_t clean[NOVELTY];
	memcpy(clean, fuzz->novelty, sizeof clean);
	size_t marked = 0, more = 0;
	for (size_t i = 0; i < NOVELTY; i++)
		marked += clean[i];
	assert_true(marked >= 4); /* it makes more calls than that */
	fuzz->texts[0] = PR600 "fault 2 write errno=EIO\n";
	run(fuzz, run_texts);
	for (size_t i = 0; i < NOVELTY; i++)
		more += fuzz->novelty[i] && !clean[i];
	assert_true(more > 0);
	close_fuzz(fuzz);
}

/* ------------------------------------------------- runs that do not come back */

#define REPLACE(target) "torn-case 1\ntarget " target "\nold srv/f file \"old\\n\"\n"

/* The last fault cannot fire: the run is over before. */
static void test_a_crash_before_a_later_fault_is_told_with_those_that_fired(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_fuzz("planted.no_crash", "planted");
	fuzz->isolated = true;
	fuzz->texts[0] = REPLACE("planted.no_crash")
		"fault 2 write short=1\nfault 6 renameat errno=EACCES\nfault 9 fsync errno=EIO\n";
	run(fuzz, run_texts);
	assert_int_equal(fuzz->results[0], 0);
	assert_int_equal(fuzz->fuzzed->refused, 0);
	const struct torn_finding *crash = finding(fuzz, "no-crash", "renameat", "errno");
	assert_non_null(crash);
	assert_int_equal(crash->faults_count, 1);
	assert_null(strstr(crash->case_text, "fsync"));
	close_fuzz(fuzz);
}

static void test_a_hang_before_a_later_fault_is_told_and_costs_its_time_once(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_fuzz("planted.no_hang", "planted");
	fuzz->isolated = true;
	fuzz->worker.timeout_s = 1;
	fuzz->texts[0] = REPLACE("planted.no_hang") "arg content \"new content\\n\"\n"
			 "fault 2 dup errno=EMFILE\nfault 2 dup errno=EMFILE\n";
	/* The first of its faults is enough. */
	fuzz->texts[1] = REPLACE("planted.no_hang") "arg content \"new content\\n\"\n"
			 "fault 2 dup errno=EMFILE\nfault 5 close late=EIO\n";
	run(fuzz, run_texts);
	assert_int_equal(fuzz->results[0], 0);
	assert_int_equal(fuzz->fuzzed->findings.count, 1);
	const struct torn_finding *hang = finding(fuzz, "no-hang", "dup", "errno");
	assert_non_null(hang);
	assert_int_equal(hang->faults_count, 1);
	assert_int_equal(fuzz->results[1], -EINVAL);
	/* The clean runs of the old state, and the hang. */
	assert_int_equal(fuzz->fuzzed->trials, 4);
	close_fuzz(fuzz);
}

static void test_a_run_that_came_back_needs_all_its_faults(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_fuzz("planted.no_crash", "planted");
	fuzz->isolated = true;
	fuzz->texts[0] = REPLACE("planted.no_crash") "fault 3 write errno=EIO\nfault 90 fsync errno=EIO\n";
	run(fuzz, run_texts);
	assert_int_equal(fuzz->results[0], -EINVAL);
	assert_int_equal(fuzz->fuzzed->findings.count, 0);
	close_fuzz(fuzz);
}

/* Where each trial has a child of its own the heap is that of its parent: it grows there. */
static void test_memory_lost_in_children_is_seen(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_fuzz("planted.nothing_leaks", "memory");
	fuzz->isolated = true;
	fuzz->texts[0] = REPLACE("planted.nothing_leaks") "arg content \"new\\n\"\n"
			 "fault 6 renameat errno=EACCES\n";
	fuzz->texts[1] = "torn-case 1\ntarget planted.nothing_leaks\nold srv/f dir\n"; /* no fault */
	run(fuzz, run_texts);
	assert_int_equal(fuzz->results[0], 0);
	const struct torn_finding *lost = finding(fuzz, "nothing-leaks", "renameat", "errno");
	assert_non_null(lost);
	assert_string_equal(lost->role, "memory");
	assert_non_null(strstr(lost->summary, "bytes of memory are lost"));
	assert_non_null(finding(fuzz, "nothing-leaks", "", ""));
	close_fuzz(fuzz);
}

/* stdio makes buffers, and so may a first run; all are given back. */
static void test_memory_that_is_given_back_in_children_is_not_lost(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_fuzz("example.stdio_replace", "correct");
	fuzz->isolated = true;
	fuzz->texts[0] = "torn-case 1\ntarget example.stdio_replace\nold srv/app dir\n"
			 "fault 6 write errno=EIO\n";
	run(fuzz, run_texts);
	assert_int_equal(fuzz->results[0], 0);
	assert_int_equal(fuzz->fuzzed->findings.count, 0);
	close_fuzz(fuzz);
}

/* ------------------------------------------------------------------ memory */

static void run_many(struct fuzz *fuzz, struct torn_fuzzing *fuzzing)
{
	for (uint64_t i = 0; i < fuzz->count; i++) {
		char text[512];
		/* No two have the same old state: whatever is kept of one is full before long. */
		snprintf(text, sizeof text, PR600 "old srv/%lu file %lu\nfault 2 write short=1\n", i, i);
		if (torn_fuzzing_run(fuzzing, torn_bytes_of(text)) != 0)
			return;
	}
	fuzz->texts[0] = PR600 "fault 6 renameat errno=EACCES\n";
	run_texts(fuzz, fuzzing);
	fuzz->yes = true;
}

static void test_more_old_states_than_are_kept_do_no_harm(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_fuzz("urunc.state_json", "pr600");
	fuzz->count = 1500;
	run(fuzz, run_many);
	assert_true(fuzz->yes);
	assert_int_equal(fuzz->fuzzed->findings.count, 1);
	assert_int_equal(fuzz->fuzzed->trials > 4 * fuzz->count, true);
	close_fuzz(fuzz);
}

/* -------------------------------------------------------------- not judged */

static void test_what_torn_cannot_judge_is_told_apart_by_whose_old_state_it_is(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_fuzz("hostile.raw_syscalls", "x32");
	fuzz->texts[0] = "torn-case 1\ntarget hostile.raw_syscalls\nold srv/of/its/own file odd\n";
	run(fuzz, run_texts);
	assert_int_equal(fuzz->fuzzed->unjudged, 1);
	assert_false(fuzz->fuzzed->is_declared_unjudged);
	run(fuzz, run_declared);
	assert_true(fuzz->fuzzed->unjudged > 1);
	assert_true(fuzz->fuzzed->is_declared_unjudged);
	assert_int_equal(fuzz->fuzzed->trials, 0);
	close_fuzz(fuzz);
}

static void test_why_a_declared_old_state_is_not_judged_comes_first(void **state)
{
	(void)state;
	struct torn_fuzzed *all, *part;
	assert_int_equal(torn_fuzzed_open(&all), 0);
	assert_int_equal(torn_fuzzed_open(&part), 0);
	torn_fuzzed_begin(all, NULL, NULL);
	torn_fuzzed_begin(part, NULL, NULL);
	torn_fuzzed_merge(all, part);
	assert_int_equal(all->unjudged, 0);
	torn_fuzzed_note_unjudged(all, 2, false, "odd");
	torn_fuzzed_note_unjudged(all, 1, false, "odder");
	assert_string_equal(all->unjudged_why, "odd");
	assert_false(all->is_declared_unjudged);
	torn_fuzzed_note_unjudged(part, 4, true, "its own");
	torn_fuzzed_note_unjudged(part, 1, true, "another of its own");
	torn_fuzzed_merge(all, part);
	assert_int_equal(all->unjudged, 8);
	assert_true(all->is_declared_unjudged);
	assert_string_equal(all->unjudged_why, "its own");
	torn_fuzzed_close(part);
	torn_fuzzed_close(all);
}

/* -------------------------------------------------------------- confirming */

static void confirm(struct fuzz *fuzz, struct torn_fuzzing *fuzzing)
{
	run_texts(fuzz, fuzzing);
	struct torn_finding found = fuzz->fuzzed->findings.items[0];
	fuzz->yes = torn_fuzzing_confirm(fuzzing, &found);
	found.id = "old-or-new";
	fuzz->no = torn_fuzzing_confirm(fuzzing, &found);
}

static void test_a_hang_is_confirmed_too(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_fuzz("planted.no_hang", "planted");
	fuzz->isolated = true;
	fuzz->worker.timeout_s = 1;
	fuzz->texts[0] = REPLACE("planted.no_hang") "fault 2 dup errno=EMFILE\n";
	run(fuzz, confirm);
	assert_true(fuzz->yes);
	assert_false(fuzz->no);
	close_fuzz(fuzz);
}

static void test_a_finding_is_confirmed_by_showing_again(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_fuzz("urunc.state_json", "pr600");
	fuzz->texts[0] = PR600 "fault 6 renameat errno=EACCES\n";
	run(fuzz, confirm);
	assert_true(fuzz->yes);
	assert_false(fuzz->no);
	close_fuzz(fuzz);
}

/* ---------------------------------------------------------------- mutating */

static uint64_t hash_text(uint64_t hash, const uint8_t *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ text[i]) * UINT64_C(0x100000001b3);
	return hash;
}

/* A chain of mutations and crossings, each run: two of one seed are the same. */
static uint64_t chain(struct torn_fuzzing *fuzzing, uint64_t seed)
{
	static uint8_t text[65536], other[65536], crossed[65536];
	uint64_t hash = 1;
	size_t size = torn_fuzzing_mutate(fuzzing, text, 0, sizeof text, seed), other_size = size;
	memcpy(other, text, size);
	for (uint64_t i = 0; i < 3000 && size > 0; i++) {
		if (i % 25 == 24) { /* from the start again: a walk at random does not come back */
			size = torn_fuzzing_mutate(fuzzing, text, 0, sizeof text, seed + i);
		} else if (i % 8 == 7) {
			size = torn_fuzzing_cross(fuzzing, (struct torn_bytes){text, size},
						  (struct torn_bytes){other, other_size}, crossed,
						  sizeof crossed, seed + i);
			memcpy(other, text, sizeof other);
			other_size = size;
			memcpy(text, crossed, size);
		} else {
			size = torn_fuzzing_mutate(fuzzing, text, size, sizeof text, seed + i);
		}
		torn_fuzzing_run(fuzzing, (struct torn_bytes){text, size});
		hash = hash_text(hash, text, size);
	}
	return size ? hash : 0;
}

static void chain_twice(struct fuzz *fuzz, struct torn_fuzzing *fuzzing)
{
	fuzz->first = chain(fuzzing, 7);
	fuzz->second = chain(fuzzing, 7);
	fuzz->yes = fuzz->first != 0 && fuzz->first == fuzz->second;
	fuzz->no = chain(fuzzing, 8) == fuzz->first;
}

static void test_a_seed_decides_what_becomes_of_a_case(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_fuzz("urunc.state_json", "pr600");
	run(fuzz, chain_twice);
	assert_true(fuzz->yes);
	assert_false(fuzz->no);
	assert_non_null(finding(fuzz, "no-litter", "renameat", "errno"));
	assert_true(fuzz->fuzzed->refused * 4 < fuzz->fuzzed->cases);
	close_fuzz(fuzz);
}

/* A world whose clean run is of no use runs all the same, between a case and its mutation. */
static void mutate_behind_a_world_of_no_use(struct fuzz *fuzz, struct torn_fuzzing *fuzzing)
{
	static const char of[] = "torn-case 1\ntarget test.aborting\nold srv/f file old\n"
				 "fault 3 write short=1\n";
	static uint8_t at_once[65536], later[65536];
	fuzz->yes = true;
	for (uint64_t seed = 1; seed <= 40 && fuzz->yes; seed++) {
		char of_no_use[256];
		snprintf(of_no_use, sizeof of_no_use,
			 "torn-case 1\ntarget test.aborting\nold srv/f dir\nold srv/f/%lu dir\n", seed);
		memcpy(at_once, of, sizeof of);
		memcpy(later, of, sizeof of);
		fuzz->results[0] |= torn_fuzzing_run(fuzzing, torn_bytes_of(of));
		const size_t size = torn_fuzzing_mutate(fuzzing, at_once, sizeof of - 1, sizeof at_once, seed);
		fuzz->results[0] |= torn_fuzzing_run(fuzzing, torn_bytes_of(of));
		fuzz->results[0] |= torn_fuzzing_run(fuzzing, torn_bytes_of(of_no_use));
		const size_t again = torn_fuzzing_mutate(fuzzing, later, sizeof of - 1, sizeof later, seed);
		fuzz->yes = size == again && memcmp(at_once, later, size) == 0;
	}
}

static void test_a_mutation_is_by_the_log_of_its_case(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_fuzz("test.aborting", "test");
	fuzz->isolated = true;
	run(fuzz, mutate_behind_a_world_of_no_use);
	assert_int_equal(fuzz->results[0], 0);
	assert_non_null(finding(fuzz, "clean-run-succeeds", "", "")); /* so it is of no use */
	assert_true(fuzz->yes);
	close_fuzz(fuzz);
}

/* -------------------------------------------------------------- power cuts */

static void test_what_power_cuts_leave_is_counted_once(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_fuzz("urunc.state_json", "pr600");
	fuzz->fuzzed->presets = TORN_PRESETS_USUAL;
	fuzz->texts[0] = PR600 "fault 2 write short=1\n";
	run(fuzz, run_texts);
	const struct torn_states once = fuzz->fuzzed->states;
	/* The temp of two writes whole and in parts, in place and not: few trees, of many states. */
	assert_true(once.distinct > 4);
	assert_true(once.distinct < once.seen);
	fuzz->texts[1] = fuzz->texts[0];
	torn_fuzzed_begin(fuzz->fuzzed, fuzz->fuzzed->target, fuzz->fuzzed->variant);
	fuzz->fuzzed->presets = TORN_PRESETS_USUAL;
	run(fuzz, run_texts);
	assert_true(fuzz->fuzzed->states.seen > once.seen);
	assert_int_equal(fuzz->fuzzed->states.distinct, once.distinct);
	struct torn_fuzzed *all;
	assert_int_equal(torn_fuzzed_open(&all), 0);
	torn_fuzzed_begin(all, fuzz->fuzzed->target, fuzz->fuzzed->variant);
	torn_fuzzed_merge(all, fuzz->fuzzed);
	assert_int_equal(all->states.distinct, once.distinct);
	torn_fuzzed_close(all);
	close_fuzz(fuzz);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_finding_is_told_with_the_fewest_of_its_faults),
		cmocka_unit_test(test_the_same_thing_is_looked_into_once),
		cmocka_unit_test(test_a_finding_says_nothing_of_a_power_cut_that_was_not_made),
		cmocka_unit_test(test_what_the_clean_run_shows_is_told_of_no_fault),
		cmocka_unit_test(test_what_an_old_state_shows_anyway_is_no_fault_s_doing),
		cmocka_unit_test(test_a_shorter_case_takes_the_place_of_a_longer_one),
		cmocka_unit_test(test_what_this_target_cannot_run_is_refused),
		cmocka_unit_test(test_a_run_that_behaves_otherwise_is_novel),
		cmocka_unit_test(test_a_crash_before_a_later_fault_is_told_with_those_that_fired),
		cmocka_unit_test(test_a_hang_before_a_later_fault_is_told_and_costs_its_time_once),
		cmocka_unit_test(test_a_run_that_came_back_needs_all_its_faults),
		cmocka_unit_test(test_memory_lost_in_children_is_seen),
		cmocka_unit_test(test_memory_that_is_given_back_in_children_is_not_lost),
		cmocka_unit_test(test_more_old_states_than_are_kept_do_no_harm),
		cmocka_unit_test(test_what_torn_cannot_judge_is_told_apart_by_whose_old_state_it_is),
		cmocka_unit_test(test_why_a_declared_old_state_is_not_judged_comes_first),
		cmocka_unit_test(test_a_finding_is_confirmed_by_showing_again),
		cmocka_unit_test(test_a_hang_is_confirmed_too),
		cmocka_unit_test(test_a_seed_decides_what_becomes_of_a_case),
		cmocka_unit_test(test_a_mutation_is_by_the_log_of_its_case),
		cmocka_unit_test(test_what_power_cuts_leave_is_counted_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
