/*
 * later_test.c: a search that goes on from kills: what only a next run shows, or a recovery; that
 * it replays, and that it is confirmed; and what is not gone on from.
 */
#include "../injectors/arena_for_tests.h"
#include "after_for_tests.h"
#include "cuts.h"
#include "fuzzing_for_tests.h"
#include "replay_for_tests.h"

/* ----------------------------------------------------------------- targets */

TARGET(finds, "test.finds", finds_nothing_to_do, NULL, TORN_PROMISES_RETRY);
TARGET(once, "test.once", finds_nothing_to_do, NULL, 0);
TARGET(syncs, "test.syncs", syncs_what_it_finds, NULL, TORN_PROMISES_RETRY);

/* Its first run shows already that the rename is not durable. */
static int never_syncs_the_folder(const struct torn_run *run)
{
	(void)run;
	unlink("/srv/.t");
	return make_temp("/srv/.t") == 0 && rename("/srv/.t", "/srv/f") == 0 ? 0 : -1;
}
TARGET(unsynced, "test.unsynced", never_syncs_the_folder, NULL, TORN_PROMISES_RETRY);

static int recovers_by_nothing(const struct torn_run *run)
{
	(void)run;
	return 0;
}

static int rewrites_in_two(const struct torn_run *run)
{
	(void)run;
	const int fd = open("/srv/f", O_WRONLY);
	if (fd < 0)
		return -1;
	const int r = write_all(fd, "ne", 2) == 0 && write_all(fd, "w!", 2) == 0 ? fsync(fd) : -1;
	close(fd);
	return r;
}
TARGET(rewrites, "test.rewrites", rewrites_in_two, recovers_by_nothing, 0);

/* The flaw shows only behind an EINTR: then the mark is left, and whoever finds it syncs nothing. */
static int marks_what_was_interrupted(const struct torn_run *run)
{
	(void)run;
	if (f_is_new())
		return access("/srv/mark", F_OK) == 0 ? unlink("/srv/mark") : sync_srv();
	const int fd = open("/srv/.t", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0)
		return -1;
	ssize_t written = write(fd, "new!", 4);
	if (written < 0 && errno == EINTR) {
		const int mark = open("/srv/mark", O_WRONLY | O_CREAT, 0644);
		if (mark >= 0)
			close(mark);
		written = write(fd, "new!", 4);
	}
	const int r = written == 4 ? fsync(fd) : -1;
	close(fd);
	if (r != 0 || rename("/srv/.t", "/srv/f") != 0 || sync_srv() != 0)
		return -1;
	return unlink("/srv/mark") == 0 || errno == ENOENT ? sync_srv() : -1;
}
TARGET(marks, "test.marks", marks_what_was_interrupted, NULL, TORN_PROMISES_RETRY);

/* ----------------------------------------------------------------- searches */

static struct fuzz *open_search(const char *target, const char *variant)
{
	struct fuzz *fuzz = open_fuzz(target, variant);
	fuzz->fuzzed->presets = TORN_PRESETS_USUAL;
	return fuzz;
}

/* Mutations of the first old state, each of the one before. */
static void search_for(struct fuzz *fuzz, struct torn_fuzzing *fuzzing)
{
	static uint8_t text[65536];
	size_t size = 0;
	for (uint64_t i = 0; i < fuzz->count; i++) {
		size = torn_fuzzing_mutate(fuzzing, text, i % 10 ? size : 0, sizeof text, 1 + i);
		torn_fuzzing_run(fuzzing, (struct torn_bytes){text, size});
	}
}

static const struct torn_finding *first_of(const struct fuzz *fuzz, const char *id, const char *part)
{
	const struct torn_findings *findings = &fuzz->fuzzed->findings;
	for (uint32_t i = 0; i < findings->count; i++)
		if (strcmp(findings->items[i].id, id) == 0 && strstr(findings->items[i].case_text, part))
			return &findings->items[i];
	return NULL;
}

static void assert_none_comes_later(const struct fuzz *fuzz)
{
	const struct torn_findings *findings = &fuzz->fuzzed->findings;
	for (uint32_t i = 0; i < findings->count; i++)
		if (strstr(findings->items[i].case_text, "\nthen "))
			fail_msg("%s", findings->items[i].case_text);
}

static void test_a_search_finds_what_a_next_run_takes_for_durable(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_search("test.finds", "test");
	fuzz->count = 100;
	run(fuzz, search_for);
	const struct torn_finding *found = first_of(fuzz, "success-is-durable", "kill=after\nthen run\ncut ");
	assert_non_null(found);
	assert_non_null(strstr(found->case_text, "lost=1:")); /* what the killed run did */
	assert_string_equal(found->path, "srv/f");
	assert_int_equal(found->faults_count, 2);             /* it takes a kill, and nothing else */
	assert_true(fuzz->fuzzed->later_runs > 0);
	assert_replays(found, "test.finds");
	close_fuzz(fuzz);
}

static void test_a_seed_decides_what_is_gone_on_from(void **state)
{
	(void)state;
	struct fuzz *both[2];
	for (size_t i = 0; i < 2; i++) {
		both[i] = open_search("test.finds", "test");
		both[i]->count = 60;
		run(both[i], search_for);
	}
	const struct torn_fuzzed *a = both[0]->fuzzed, *b = both[1]->fuzzed;
	assert_true(a->later_runs > 0);
	assert_int_equal(a->later_runs, b->later_runs);
	assert_int_equal(a->states.seen, b->states.seen);
	assert_int_equal(a->findings.count, b->findings.count);
	for (uint32_t i = 0; i < a->findings.count; i++)
		assert_string_equal(a->findings.items[i].case_text, b->findings.items[i].case_text);
	close_fuzz(both[0]);
	close_fuzz(both[1]);
}

static void test_without_power_cuts_nothing_is_gone_on_from(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_fuzz("test.finds", "test");
	fuzz->count = 60;
	run(fuzz, search_for);
	assert_int_equal(fuzz->fuzzed->later_runs, 0);
	assert_none_comes_later(fuzz);
	close_fuzz(fuzz);
}

static void test_what_is_not_meant_to_be_run_again_is_not(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_search("test.once", "test");
	fuzz->count = 60;
	run(fuzz, search_for);
	assert_int_equal(fuzz->fuzzed->later_runs, 0);
	assert_none_comes_later(fuzz);
	close_fuzz(fuzz);
}

static void test_a_next_run_that_syncs_what_it_finds_is_right(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_search("test.syncs", "test");
	fuzz->count = 100;
	run(fuzz, search_for);
	assert_true(fuzz->fuzzed->later_runs > 0);
	assert_none_comes_later(fuzz);
	close_fuzz(fuzz);
}

static void test_what_the_first_run_shows_is_not_told_of_the_next(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_search("test.unsynced", "test");
	fuzz->count = 60;
	run(fuzz, search_for);
	assert_true(fuzz->fuzzed->later_runs > 0);
	assert_non_null(first_of(fuzz, "success-is-durable", "\ncut "));
	assert_none_comes_later(fuzz);
	close_fuzz(fuzz);
}

static void test_a_search_finds_what_a_recovery_makes_worse(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_search("example.journal", "recovery_not_idempotent");
	fuzz->count = 60;
	run(fuzz, search_for);
	const struct torn_finding *found = first_of(fuzz, "recovery-converges", "\nthen recover\n");
	assert_non_null(found);
	assert_replays(found, "example.journal@recovery_not_idempotent");
	close_fuzz(fuzz);
}

/* -------------------------------------------------------------- cases given */

#define FINDS "torn-case 1\ntarget test.finds\n" OLD_F
#define MARKS "torn-case 1\ntarget test.marks\n" OLD_F
#define REWRITES "torn-case 1\ntarget test.rewrites\n" OLD_F

static uint64_t later_runs_of(const char *target, const char *text)
{
	struct fuzz *fuzz = open_search(target, "test");
	fuzz->texts[0] = text;
	run(fuzz, run_texts);
	assert_int_equal(fuzz->results[0], 0);
	const uint64_t runs = fuzz->fuzzed->later_runs;
	close_fuzz(fuzz);
	return runs;
}

static void test_a_case_of_two_runs_is_run_as_what_it_says(void **state)
{
	(void)state;
	const uint64_t clean = later_runs_of("test.finds", FINDS);
	assert_int_equal(later_runs_of("test.finds", FINDS "fault 9 rename kill=after\nthen run\n"), clean + 1);
	assert_int_equal(later_runs_of("test.finds", FINDS "fault 9 rename kill=after\nthen run\nthen run\n"),
			 clean + 1);
	assert_int_equal(later_runs_of("test.finds", FINDS "fault 9 rename kill=after\n"), clean);
	assert_int_equal(later_runs_of("test.finds", FINDS "cut 9 preset=posix\nthen run\n"), clean);
	/* Before its first call it had done nothing yet: this is its clean run. */
	assert_int_equal(later_runs_of("test.finds", FINDS "fault 1 openat kill=before\nthen run\n"), clean);

	struct fuzz *fuzz = open_search("test.finds", "test");
	fuzz->texts[0] = FINDS "fault 9 rename kill=after\nthen run\n";
	run(fuzz, run_texts);
	assert_non_null(first_of(fuzz, "success-is-durable", "fault 9 rename kill=after\nthen run\ncut "));
	close_fuzz(fuzz);
}

/* The short write makes one more of them, and is of no use. */
static void test_a_fault_of_the_first_run_that_plays_no_part_is_left_out(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_search("test.finds", "test");
	fuzz->texts[0] = FINDS "fault 6 write short=1\nfault 10 rename kill=after\nthen run\n";
	run(fuzz, run_texts);
	assert_int_equal(fuzz->results[0], 0);
	assert_non_null(first_of(fuzz, "success-is-durable", "file old\nfault 9 rename kill=after\nthen run\ncut "));
	assert_null(first_of(fuzz, "success-is-durable", "short"));
	close_fuzz(fuzz);
}

static void test_a_fault_of_the_first_run_that_it_takes_is_kept(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_search("test.marks", "test");
	fuzz->texts[0] = MARKS "fault 5 write eintr\nfault 11 rename kill=after\nthen run\n";
	run(fuzz, run_texts);
	assert_int_equal(fuzz->results[0], 0);
	const struct torn_finding *found = first_of(
		fuzz, "success-is-durable", "fault 5 write eintr\nfault 11 rename kill=after\nthen run\ncut ");
	assert_non_null(found);
	assert_replays(found, "test.marks");
	close_fuzz(fuzz);
}

/* That it was torn was told of the kill. */
static void test_nothing_is_gone_on_from_what_is_broken(void **state)
{
	(void)state;
	const uint64_t clean = later_runs_of("test.rewrites", REWRITES);
	assert_int_equal(later_runs_of("test.rewrites", REWRITES "fault 2 write kill=after\nthen recover\n"),
			 clean);
	assert_int_equal(later_runs_of("test.rewrites", REWRITES "fault 3 write kill=after\nthen recover\n"),
			 clean + 1);
}

static void confirm_later(struct fuzz *fuzz, struct torn_fuzzing *fuzzing)
{
	run_texts(fuzz, fuzzing);
	const struct torn_finding *later = first_of(fuzz, "success-is-durable", "\nthen run\n");
	if (!later)
		return;
	struct torn_finding found = *later;
	fuzz->yes = torn_fuzzing_confirm(fuzzing, &found) &&
		    first_of(fuzz, "success-is-durable", "eintr\nfault 11 rename kill=after\nthen run\ncut ");
	found.id = "old-or-new";
	fuzz->no = torn_fuzzing_confirm(fuzzing, &found);
}

static void test_what_a_next_run_shows_is_confirmed_by_its_case(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_search("test.marks", "test");
	fuzz->texts[0] = MARKS "fault 5 write eintr\nfault 11 rename kill=after\nthen run\n";
	run(fuzz, confirm_later);
	assert_true(fuzz->yes);
	assert_false(fuzz->no);
	close_fuzz(fuzz);
}

/* A mutation is of the first run alone: where another one begins, its log says. */
static void mutate_case_of_two_runs(struct fuzz *fuzz, struct torn_fuzzing *fuzzing)
{
	static const char of[] = FINDS "fault 6 write short=1\nfault 10 rename kill=after\nthen run\n";
	static uint8_t text[65536];
	torn_fuzzing_run(fuzzing, torn_bytes_of(of));
	for (uint64_t seed = 1; seed <= 50; seed++) {
		memcpy(text, of, sizeof of);
		const size_t size = torn_fuzzing_mutate(fuzzing, text, sizeof of - 1, sizeof text, seed);
		text[size] = '\0';
		fuzz->yes |= strstr((char *)text, "short") != NULL;
		fuzz->no |= size == 0 || strstr((char *)text, "then") || strstr((char *)text, "kill=");
	}
}

static void test_a_mutation_is_of_the_first_run(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_search("test.finds", "test");
	run(fuzz, mutate_case_of_two_runs);
	assert_true(fuzz->yes);
	assert_false(fuzz->no);
	close_fuzz(fuzz);
}

/* ------------------------------------------------------------------ memory */

static void run_many(struct fuzz *fuzz, struct torn_fuzzing *fuzzing)
{
	for (uint64_t i = 0; i < fuzz->count; i++) {
		char text[512];
		snprintf(text, sizeof text, FINDS "old srv/%lu file %lu\nfault 9 rename kill=after\nthen run\n",
			 i, i);
		if (torn_fuzzing_run(fuzzing, torn_bytes_of(text)) != 0)
			return;
	}
	fuzz->yes = true;
}

static void test_more_old_states_than_are_kept_do_no_harm(void **state)
{
	(void)state;
	struct fuzz *fuzz = open_search("test.finds", "test");
	fuzz->count = 300;
	run(fuzz, run_many);
	assert_true(fuzz->yes);
	assert_true(fuzz->fuzzed->later_runs >= fuzz->count);
	assert_int_equal(fuzz->fuzzed->unjudged, 0);
	close_fuzz(fuzz);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		arena_test(test_a_search_finds_what_a_next_run_takes_for_durable),
		arena_test(test_a_seed_decides_what_is_gone_on_from),
		arena_test(test_without_power_cuts_nothing_is_gone_on_from),
		arena_test(test_what_is_not_meant_to_be_run_again_is_not),
		arena_test(test_a_next_run_that_syncs_what_it_finds_is_right),
		arena_test(test_what_the_first_run_shows_is_not_told_of_the_next),
		arena_test(test_a_search_finds_what_a_recovery_makes_worse),
		arena_test(test_a_case_of_two_runs_is_run_as_what_it_says),
		arena_test(test_a_fault_of_the_first_run_that_plays_no_part_is_left_out),
		arena_test(test_a_fault_of_the_first_run_that_it_takes_is_kept),
		arena_test(test_nothing_is_gone_on_from_what_is_broken),
		arena_test(test_what_a_next_run_shows_is_confirmed_by_its_case),
		arena_test(test_a_mutation_is_of_the_first_run),
		arena_test(test_more_old_states_than_are_kept_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, close_the_worker);
}
