/*
 * rerun_test.c: what is run after a crash, from which tree and with which randomness: the
 * operation where the target is meant to be run again, the recovery twice where it has one.
 */
#include <sys/random.h>
#include <sys/syscall.h>

#include "operations_for_tests.h"
#include "replay_for_tests.h"
#include "rerun.h"

/* ------------------------------------------------------------------ target */

/* A name for each run: none draws one that an earlier one drew. */
static int leaves_a_name(const char *kind)
{
	uint32_t drawn;
	char path[48];
	if (getrandom(&drawn, sizeof drawn, 0) != sizeof drawn)
		return -2;
	snprintf(path, sizeof path, "/srv/%s.%08x", kind, drawn);
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
	return fd >= 0 ? close(fd) : -1;
}

/* Ops: open and close of a name; then f, as in make_temp(): open, write, fsync, close; rename. */
static int names_and_replaces(const struct torn_run *run)
{
	(void)run;
	if (leaves_a_name("run") != 0)
		return -1;
	unlink("/srv/.t");
	return make_temp("/srv/.t") == 0 ? rename("/srv/.t", "/srv/f") : -1;
}

/* Each recovery leaves a name, and a byte more in /srv/count. */
static int counts(const struct torn_run *run)
{
	(void)run;
	const int fd = open("/srv/count", O_WRONLY | O_CREAT | O_APPEND, 0644);
	if (fd < 0 || write_all(fd, "r", 1) != 0)
		return -1;
	close(fd);
	return leaves_a_name("recovery");
}

static int fails(const struct torn_run *run)
{
	(void)run;
	return -5;
}

static int mounts(const struct torn_run *run)
{
	(void)run;
	return (int)syscall(SYS_mount, "none", "/srv", "tmpfs", 0, NULL);
}

static const struct torn_variant variants[] = {
	{"plain", names_and_replaces, NULL},
	{"counts", names_and_replaces, counts},
	{"fails", names_and_replaces, fails},
	{"mounts", names_and_replaces, mounts},
	{NULL, NULL, NULL},
};
static const struct torn_target once = {.name = "test.once", .summary = "is not run again",
					.variants = variants, .worlds = one_world, .watch = only_f};
TORN_TARGET(once);
static const struct torn_target again = {.name = "test.again", .summary = "is run again",
					 .variants = variants, .worlds = one_world, .watch = only_f,
					 .promises = TORN_PROMISES_RETRY};
TORN_TARGET(again);

/* ----------------------------------------------------------------- fixture */

static const struct torn_trial *trial_of(const char *what, const char *plan)
{
	const struct torn_replayed *replayed = replay_case(what, plan);
	if (replayed->failed || replayed->verdict == TORN_INVALID)
		fail_msg("%s", replayed->text);
	return &replayed->trial;
}

/* How many names below /srv begin like this. */
static uint32_t count_names(const struct torn_node *root, const char *begin)
{
	const struct torn_node *srv = torn_tree_find(root, torn_bytes_of("srv"));
	uint32_t count = 0;
	for (uint32_t i = 0; i < srv->entries_count; i++) {
		const struct torn_bytes name = srv->entries[i].name;
		count += name.size > strlen(begin) && memcmp(name.data, begin, strlen(begin)) == 0;
	}
	return count;
}

static uint64_t size_of(const struct torn_node *root, const char *path)
{
	const struct torn_node *node = torn_tree_find(root, torn_bytes_of(path));
	return node ? node->size : 0;
}

#define KILLED "fault 5 write kill=after\n"

/* ------------------------------------------------------------------- tests */

static void test_a_target_that_has_nothing_for_it_is_left_alone(void **state)
{
	(void)state;
	const struct torn_trial *trial = trial_of("test.once@plain", KILLED);
	assert_null(trial->rerun);
	assert_null(trial->rerun_of_new);
	assert_null(trial->recovered);
	assert_null(trial->recovered_twice);
}

static void test_where_no_crash_was_nothing_comes_after(void **state)
{
	(void)state;
	const struct torn_trial *trial = trial_of("test.again@counts", "fault 8 rename errno=EIO\n");
	assert_null(trial->rerun);
	assert_null(trial->recovered);
}

static void test_the_operation_is_run_again_from_what_was_left(void **state)
{
	(void)state;
	const struct torn_trial *trial = trial_of("test.again@plain", KILLED);
	assert_non_null(trial->rerun);
	assert_non_null(trial->rerun_of_new);
	assert_null(trial->recovered);
	assert_int_equal(trial->rerun->code, 0);
	/* Its own name and the killed run's: not the same one. */
	assert_int_equal(count_names(trial->now, "run."), 1);
	assert_int_equal(count_names(trial->rerun->tree, "run."), 2);
	assert_int_equal(count_names(trial->rerun_of_new->tree, "run."), 2);
	assert_int_equal(size_of(trial->rerun->tree, "srv/f"), 4);
	/* What is judged is what the kill left. */
	assert_int_equal(size_of(trial->now, "srv/f"), 3);
}

static void test_recovery_runs_from_what_was_left_and_then_from_what_it_left(void **state)
{
	(void)state;
	const struct torn_trial *trial = trial_of("test.once@counts", KILLED);
	assert_null(trial->rerun);
	assert_non_null(trial->recovered);
	assert_non_null(trial->recovered_twice);
	assert_int_equal(size_of(trial->now, "srv/count"), 0);
	assert_int_equal(size_of(trial->recovered->tree, "srv/count"), 1);
	assert_int_equal(size_of(trial->recovered_twice->tree, "srv/count"), 2);
	assert_int_equal(count_names(trial->recovered->tree, "recovery."), 1);
	assert_int_equal(count_names(trial->recovered_twice->tree, "recovery."), 2); /* not drawn again */
	assert_int_equal(count_names(trial->recovered_twice->tree, "run."), 1);
}

static void test_a_target_that_has_both_gets_both_each_from_what_was_left(void **state)
{
	(void)state;
	const struct torn_trial *trial = trial_of("test.again@counts", KILLED);
	assert_int_equal(size_of(trial->rerun->tree, "srv/count"), 0);
	assert_int_equal(count_names(trial->rerun->tree, "run."), 2);
	assert_int_equal(size_of(trial->recovered->tree, "srv/count"), 1);
	assert_int_equal(count_names(trial->recovered->tree, "run."), 1);
}

static void test_it_comes_after_a_power_cut_too(void **state)
{
	(void)state;
	const struct torn_trial *trial = trial_of("test.once@counts", "cut 6 preset=posix lost=1.inode,1.entry\n");
	assert_int_equal(count_names(trial->now, "run."), 0);
	assert_int_equal(count_names(trial->recovered->tree, "run."), 0);
	assert_int_equal(size_of(trial->recovered_twice->tree, "srv/count"), 2);
}

/* Runs of the case count: the names of all of them differ. */
static void test_after_a_chain_it_draws_what_none_of_the_chain_drew(void **state)
{
	(void)state;
	const struct torn_trial *trial =
		trial_of("test.again@counts", KILLED "then run\n" KILLED "then recover\nfault 2 write kill=after\n");
	assert_true(trial->plan->recovers);
	assert_int_equal(count_names(trial->now, "run."), 2);
	assert_int_equal(size_of(trial->now, "srv/count"), 1);
	assert_int_equal(count_names(trial->now, "recovery."), 0);
	assert_int_equal(size_of(trial->recovered->tree, "srv/count"), 2);
	assert_int_equal(size_of(trial->recovered_twice->tree, "srv/count"), 3);
	assert_int_equal(count_names(trial->recovered_twice->tree, "recovery."), 2);
	assert_int_equal(count_names(trial->rerun->tree, "run."), 3);
}

static void test_a_recovery_that_fails_is_told_and_judged(void **state)
{
	(void)state;
	const struct torn_replayed *replayed =
		replay_case("test.once@fails", KILLED "expect violated recovery-converges\n");
	assert_false(replayed->failed);
	assert_int_equal(replayed->verdict, TORN_VIOLATED);
	assert_int_equal(replayed->trial.recovered->code, -5);
	assert_int_equal(replayed->trial.recovered->end, TORN_RETURNED);
}

static void test_a_recovery_that_torn_cannot_judge_is_no_verdict(void **state)
{
	(void)state;
	const struct torn_replayed *replayed = replay_case("test.once@mounts", KILLED);
	assert_true(replayed->failed);
	assert_non_null(strstr(replayed->text, "mount"));
}

/* ------------------------------------------------------------- runs in a case */

static void test_what_a_run_before_was_is_told(void **state)
{
	(void)state;
	const struct torn_trial *trial =
		trial_of("test.again@counts", KILLED "then recover\nfault 2 write kill=after\nthen run\n");
	const struct torn_trial *recovery = trial->before;
	assert_non_null(recovery);
	assert_true(recovery->plan->recovers);
	assert_true(recovery->killed);
	assert_int_equal(recovery->kill_op, 2);
	assert_int_equal(recovery->log->ops[0].call, TORN_CALL_openat);
	assert_true(torn_bytes_equal(recovery->log->ops[0].path, torn_bytes_of("srv/count")));
	assert_int_equal(recovery->before->kill_op, 5);
	assert_false(recovery->before->plan->recovers);
	assert_null(recovery->before->before);
	assert_int_equal(trial->end, TORN_RETURNED);
	assert_int_equal(size_of(trial->now, "srv/count"), 1);
	assert_int_equal(count_names(trial->now, "run."), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		arena_test(test_a_target_that_has_nothing_for_it_is_left_alone),
		arena_test(test_where_no_crash_was_nothing_comes_after),
		arena_test(test_the_operation_is_run_again_from_what_was_left),
		arena_test(test_recovery_runs_from_what_was_left_and_then_from_what_it_left),
		arena_test(test_a_target_that_has_both_gets_both_each_from_what_was_left),
		arena_test(test_it_comes_after_a_power_cut_too),
		arena_test(test_after_a_chain_it_draws_what_none_of_the_chain_drew),
		arena_test(test_a_recovery_that_fails_is_told_and_judged),
		arena_test(test_a_recovery_that_torn_cannot_judge_is_no_verdict),
		arena_test(test_what_a_run_before_was_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, close_the_worker);
}
