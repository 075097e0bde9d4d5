/*
 * kills_test.c: which kills of a run are looked at, that a tree is judged once
 * and told for each run that leaves it, and what is run again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <sys/random.h>
#include <sys/syscall.h>

#include "clean_run.h"
#include "kills.h"
#include "operations_for_tests.h"
#include "registry.h"
#include "run_for_tests.h"

/* An invariant of this program: it notes each trial that it judges, and breaks where a file is. */
#define JUDGED_MAX 512
struct judged {
	struct torn_hash tree;
	bool killed, has_rerun, has_rerun_of_new, rerun_tree_is_new;
	int rerun_code;
	uint32_t kill_op;
	uint64_t kill_bytes;
};
struct seen {
	struct judged judged[JUDGED_MAX];
	struct torn_kill told[JUDGED_MAX], noted[JUDGED_MAX];
	uint32_t told_run[JUDGED_MAX];
	size_t judged_count, told_count, noted_count, trees;
	uint64_t counts[4], reruns;
	uint32_t run; /* number of the run at hand */
	int results[4];
	char failure[256];
	uint64_t op_results[64]; /* of the run at hand: bytes of each write, by number */
	uint32_t ops;
};
static struct seen *seen; /* shared with the worker */

static void breaks_where_a_temp_is(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	judgement->verdict = TORN_HELD;
	if (!trial->killed || seen->judged_count == JUDGED_MAX)
		return;
	seen->judged[seen->judged_count++] = (struct judged){
		.tree = trial->now->hash,
		.killed = trial->killed,
		.has_rerun = trial->rerun,
		.has_rerun_of_new = trial->rerun_of_new,
		.rerun_tree_is_new = trial->rerun && torn_tree_equal(trial->rerun->tree, trial->new_tree),
		.rerun_code = trial->rerun ? trial->rerun->code : -1,
		.kill_op = trial->kill_op,
		.kill_bytes = trial->kill_bytes,
	};
	if (torn_tree_find(trial->now, torn_bytes_of("srv/.t")))
		judgement->verdict = TORN_VIOLATED;
	snprintf(judgement->role, sizeof judgement->role, "temp");
}
static const struct torn_invariant notes = {
	.id = "notes-what-is-judged", .promise = "none", .judge = breaks_where_a_temp_is};
TORN_INVARIANT(notes);

static struct torn_test *test;

static int open_test(void **state)
{
	(void)state;
	torn_registry_begin();
	test = torn_test_open("old srv/f file old\n");
	seen = torn_arena_take(&test->arena, sizeof *seen);
	*seen = (struct seen){0};
	return 0;
}

static int close_test(void **state)
{
	(void)state;
	torn_test_close(test);
	return 0;
}

static void note_told(void *context, const struct torn_kill *kill,
		      const struct torn_invariant *invariant, const struct torn_judgement *judgement)
{
	(void)context;
	(void)judgement;
	if (invariant != &notes || seen->told_count == JUDGED_MAX)
		return;
	seen->told_run[seen->told_count] = seen->run;
	seen->told[seen->told_count++] = *kill;
}

static void note_kill(void *context, const struct torn_kill *kill)
{
	(void)context;
	if (seen->noted_count < JUDGED_MAX)
		seen->noted[seen->noted_count++] = *kill;
}

/* Runs one after the other, each with the faults that its plan has. */
struct runs {
	struct torn_plan plans[4];
	uint32_t firsts[4];
	size_t count;
};
static struct runs *runs;

static void judge_runs_in_worker(void *context, struct torn_lab *lab)
{
	(void)context;
	struct torn_trial trial;
	struct torn_kills kills;
	seen->results[0] = torn_clean_run(lab, &test->setup, &trial);
	if (seen->results[0] != TORN_HELD)
		return;
	torn_kills_open(&kills, lab, &test->setup);
	kills.tell = note_told;
	kills.note = note_kill;
	seen->results[0] = torn_clean_run_of_new(lab, &test->setup, &kills.rerun_of_new);
	for (uint32_t i = 0; i < runs->count; i++) {
		const uint64_t before = kills.count;
		seen->run = i;
		int r = torn_trial_run(lab, &test->setup, &runs->plans[i], TORN_TRIAL_PLAIN, &trial);
		seen->ops = trial.log->numbered;
		for (uint32_t number = 1; r == TORN_HELD && number <= seen->ops && number < 64; number++)
			seen->op_results[number] = (uint64_t)torn_log_op(trial.log, number)->result;
		if (r == TORN_HELD)
			r = torn_kills_judge(&kills, &trial, runs->firsts[i], runs->plans[i].faults_count);
		seen->results[i] = r;
		seen->counts[i] = kills.count - before;
	}
	seen->reruns = kills.reruns;
	seen->trees = kills.trees.count;
	memcpy(seen->failure, lab->failure, sizeof seen->failure);
	torn_kills_close(&kills);
}

static void died(void *context)
{
	(void)context;
	seen->results[0] = -1;
}

/* Add a run with this plan, in the words of a case, whose kills are judged from op `first` on. */
static void add_run(int (*operation)(const struct torn_run *run), const char *faults, uint32_t first)
{
	if (!runs) {
		runs = torn_arena_take(&test->arena, sizeof *runs);
		*runs = (struct runs){0};
	}
	assert_int_equal(torn_test_run(test, operation, faults), 0);
	runs->plans[runs->count] = test->plan;
	runs->firsts[runs->count++] = first;
}

static void judge_runs(unsigned promises)
{
	test->target.promises = promises;
	seen->judged_count = seen->told_count = seen->noted_count = 0; /* before: runs of add_run() */
	const struct torn_job job = {.job = judge_runs_in_worker, .again = died, .context = seen};
	char message[256];
	assert_int_equal(torn_worker_do(&test->worker, &job, message, sizeof message), 0);
	runs = NULL;
}

static bool is_same_tree(struct torn_hash a, struct torn_hash b)
{
	return a.low == b.low && a.high == b.high;
}

static size_t times_judged(struct torn_hash tree)
{
	size_t times = 0;
	for (size_t i = 0; i < seen->judged_count; i++)
		times += is_same_tree(seen->judged[i].tree, tree);
	return times;
}

/* ------------------------------------------------------------------ points */

#define LARGE (5 * TORN_BLOCK_SIZE)

/* Ops: open, pwrite of 5 blocks at half a block, write of 1 and of 2 bytes, of 3, close. */
static int writes_in_place(const struct torn_run *run)
{
	(void)run;
	static char bytes[LARGE];
	memset(bytes, 'n', sizeof bytes);
	const int fd = open("/srv/f", O_WRONLY);
	(void)!pwrite(fd, bytes, sizeof bytes, TORN_BLOCK_SIZE / 2);
	(void)!write(fd, "x", 1);
	(void)!write(fd, "yz", 2);
	(void)!write(fd, "123", 3);
	close(fd);
	return 0;
}

static void assert_noted(size_t i, uint32_t op, uint64_t bytes)
{
	assert_true(i < seen->noted_count);
	assert_int_equal(seen->noted[i].op, op);
	assert_int_equal(seen->noted[i].bytes, bytes);
	assert_int_equal(seen->noted[i].sequence, i + 1);
}

static void test_writes_are_cut_at_one_half_all_but_one_and_each_block(void **state)
{
	(void)state;
	add_run(writes_in_place, "", 1);
	judge_runs(0);
	assert_int_equal(seen->results[0], 0);
	size_t i = 0;
	assert_noted(i++, 1, 0);
	assert_noted(i++, 2, 1);
	assert_noted(i++, 2, TORN_BLOCK_SIZE / 2);
	assert_noted(i++, 2, TORN_BLOCK_SIZE / 2 + TORN_BLOCK_SIZE);
	assert_noted(i++, 2, LARGE / 2); /* here a boundary too: once */
	assert_noted(i++, 2, TORN_BLOCK_SIZE / 2 + 3 * TORN_BLOCK_SIZE);
	assert_noted(i++, 2, TORN_BLOCK_SIZE / 2 + 4 * TORN_BLOCK_SIZE);
	assert_noted(i++, 2, LARGE - 1);
	assert_noted(i++, 2, 0);
	assert_noted(i++, 3, 0);
	assert_noted(i++, 4, 1);
	assert_noted(i++, 4, 0);
	assert_noted(i++, 5, 1);
	assert_noted(i++, 5, 2);
	assert_noted(i++, 5, 0);
	assert_noted(i++, 6, 0);
	assert_int_equal(seen->noted_count, i);
	assert_int_equal(seen->counts[0], i);
	for (size_t j = 0; j < i; j++)
		assert_int_equal(seen->noted[j].call,
				 j == 0 ? TORN_CALL_openat : j < 9 ? TORN_CALL_pwrite64
				 : j < 15 ? TORN_CALL_write : TORN_CALL_close);
}

static void test_kills_before_the_first_op_asked_for_are_not_looked_at(void **state)
{
	(void)state;
	add_run(writes_in_place, "", 4);
	judge_runs(0);
	assert_int_equal(seen->results[0], 0);
	assert_noted(0, 4, 1);
	assert_int_equal(seen->noted_count, 6);
	/* The tree is folded from the beginning all the same: no part of it is lost. */
	for (size_t i = 0; i < seen->judged_count; i++)
		assert_true(seen->judged[i].kill_op >= 4);
	assert_int_equal(seen->judged_count, seen->trees);
}

static void test_a_kill_leaves_what_a_run_that_is_killed_there_leaves(void **state)
{
	(void)state;
	add_run(writes_in_place, "", 1);
	judge_runs(0);
	assert_int_equal(seen->results[0], 0);
	const size_t count = seen->noted_count;
	for (size_t i = 0; i < count; i++) {
		char fault[96];
		struct torn_kill kill = seen->noted[i];
		struct torn_fault planned = {.when = {kill.op, kill.op, 0}, .call = kill.call,
					     .name = TORN_FAULT_KILL, .value = (int64_t)kill.bytes};
		char line[128];
		torn_fault_print(&planned, fault, sizeof fault);
		snprintf(line, sizeof line, "fault %s\n", fault);
		assert_int_equal(torn_test_run(test, writes_in_place, line), 0);
		assert_int_equal(test->result, TORN_HELD);
		assert_true(is_same_tree(test->trial.now->hash, kill.hash));
	}
}

/* ------------------------------------------------------------------- trees */

static void test_each_tree_is_judged_once(void **state)
{
	(void)state;
	add_run(panics_in_cleanup, "", 1);
	add_run(panics_in_cleanup, "fault 5 rename errno=EIO\n", 5);
	add_run(panics_in_cleanup, "fault 5 rename errno=EROFS\n", 1);
	judge_runs(0);
	assert_int_equal(seen->results[0], 0);
	assert_true(seen->judged_count > 3);
	assert_true(seen->judged_count < seen->noted_count);
	assert_int_equal(seen->judged_count, seen->trees);
	for (size_t i = 0; i < seen->judged_count; i++)
		assert_int_equal(times_judged(seen->judged[i].tree), 1);
	for (size_t i = 0; i < seen->noted_count; i++)
		assert_int_equal(times_judged(seen->noted[i].hash), 1);
}

static size_t times_told(uint32_t run)
{
	size_t times = 0;
	for (size_t i = 0; i < seen->told_count; i++)
		times += seen->told_run[i] == run;
	return times;
}

/* Temp empty, with 1, 2, 3 and 4 bytes: five trees that break. */
#define BROKEN 5

static void test_a_tree_is_told_for_each_run_that_is_not_of_one_that_told_it(void **state)
{
	(void)state;
	/* Both begin anew at depth 1, from no clean run: what the first told, the second tells too. */
	add_run(panics_in_cleanup, "fault 3 fsync errno=EIO\n", 1);
	add_run(panics_in_cleanup, "fault 3 fsync errno=EROFS\n", 1);
	/* Of a run with fewer faults, that told all that this one leaves: nothing is told. */
	add_run(panics_in_cleanup, "fault 3 fsync errno=EROFS\nfault 5 unlink errno=EIO\n", 1);
	judge_runs(0);
	assert_int_equal(seen->results[0], 0);
	assert_int_equal(times_told(0), BROKEN);
	assert_int_equal(times_told(1), BROKEN);
	/* But for what its own fault made: the temp beside an emptied file. */
	assert_int_equal(times_told(2), 1);
	assert_int_equal(seen->judged_count, seen->trees);
	for (size_t i = 0; i < seen->told_count; i++)
		for (size_t j = 0; j < i; j++)
			if (seen->told_run[i] == seen->told_run[j])
				assert_false(is_same_tree(seen->told[i].hash, seen->told[j].hash));
}

static void test_a_tree_is_told_at_the_first_kill_that_leaves_it(void **state)
{
	(void)state;
	add_run(panics_in_cleanup, "", 1);
	add_run(panics_in_cleanup, "fault 5 rename errno=EIO\n", 1); /* not of the clean run: depth 1 */
	judge_runs(0);
	assert_int_equal(seen->results[0], 0);
	assert_int_equal(times_told(0), BROKEN);
	for (size_t i = 0; i < BROKEN; i++)
		for (size_t j = 0; j < seen->noted_count; j++)
			if (is_same_tree(seen->noted[j].hash, seen->told[i].hash)) {
				assert_int_equal(seen->told[i].sequence, seen->noted[j].sequence);
				assert_int_equal(seen->told[i].op, seen->noted[j].op);
				break;
			}
	assert_int_equal(times_told(1), 0); /* all of it the clean run told: fewer faults */
}

/* ----------------------------------------------------------------- reruns */

static void test_nothing_is_run_again_that_is_not_meant_to_be(void **state)
{
	(void)state;
	add_run(leaves_a_lock, "", 1);
	judge_runs(0);
	assert_int_equal(seen->results[0], 0);
	assert_int_equal(seen->reruns, 0);
	for (size_t i = 0; i < seen->judged_count; i++) {
		assert_false(seen->judged[i].has_rerun);
		assert_false(seen->judged[i].has_rerun_of_new);
	}
}

static void test_each_tree_is_run_again_once_and_judged_with_how_that_ended(void **state)
{
	(void)state;
	add_run(leaves_a_lock, "", 1);
	add_run(leaves_a_lock, "fault 5 fsync errno=EIO\n", 5);
	add_run(leaves_a_lock, "fault 5 fsync errno=EROFS\n", 1);
	judge_runs(TORN_PROMISES_RETRY);
	for (int i = 0; i < 3; i++)
		assert_int_equal(seen->results[i], 0);
	assert_true(seen->trees > 5);
	assert_int_equal(seen->reruns, seen->trees);
	assert_int_equal(seen->judged_count, seen->trees);
	size_t stopped = 0, renewed = 0;
	for (size_t i = 0; i < seen->judged_count; i++) {
		assert_true(seen->judged[i].has_rerun);
		assert_true(seen->judged[i].has_rerun_of_new);
		assert_true(seen->judged[i].killed);
		stopped += seen->judged[i].rerun_code == -1;
		renewed += seen->judged[i].rerun_code == 0 && seen->judged[i].rerun_tree_is_new;
		assert_int_equal(times_judged(seen->judged[i].tree), 1);
	}
	/* The lock of the killed run is there but for the last tree. */
	assert_int_equal(stopped + renewed, seen->judged_count);
	assert_true(stopped > 0 && renewed > 0);
	/* Told as without a rerun: at the first kill, per run. */
	assert_int_equal(times_told(0), BROKEN);
	/* With the temp left and the lock gone: what the failed sync alone leaves. */
	assert_int_equal(times_told(1), 1);
	assert_int_equal(times_told(2), 1);
}

/* A name drawn at random, and no other tried where it is taken: a killed run's is not drawn again. */
static int draws_a_name(const struct torn_run *run)
{
	(void)run;
	uint32_t drawn;
	char temp[32];
	if (getrandom(&drawn, sizeof drawn, 0) != sizeof drawn)
		return -2;
	snprintf(temp, sizeof temp, "/srv/.%08x", drawn);
	return make_temp(temp) == 0 && rename(temp, "/srv/f") == 0 ? 0 : -1;
}

static void test_a_rerun_draws_other_names(void **state)
{
	(void)state;
	add_run(draws_a_name, "", 1);
	judge_runs(TORN_PROMISES_RETRY);
	assert_int_equal(seen->results[0], 0);
	assert_true(seen->judged_count > 5);
	for (size_t i = 0; i < seen->judged_count; i++)
		assert_int_equal(seen->judged[i].rerun_code, 0);
}

/* Where a temp stands that it did not make, it does what torn cannot judge. */
static int mounts_over_a_temp(const struct torn_run *run)
{
	if (open("/srv/.t", O_RDONLY) >= 0)
		return (int)syscall(SYS_mount, "none", "/srv", "tmpfs", 0, NULL);
	return leaves_a_lock(run);
}

static void test_a_tree_that_cannot_be_run_again_from_hides_no_other(void **state)
{
	(void)state;
	add_run(mounts_over_a_temp, "", 1);
	judge_runs(TORN_PROMISES_RETRY);
	assert_int_equal(seen->results[0], -ENOTSUP);
	/* Of all that are left, those without the temp were judged, before it and after. */
	bool before = false, after = false;
	for (size_t i = 0; i < seen->judged_count; i++) {
		before |= seen->judged[i].kill_op == 2;
		after |= seen->judged[i].kill_op == seen->ops;
	}
	assert_true(before && after);
	assert_non_null(strstr(seen->failure, "mount"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_test, close_test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_writes_are_cut_at_one_half_all_but_one_and_each_block),
		TEST(test_kills_before_the_first_op_asked_for_are_not_looked_at),
		TEST(test_a_kill_leaves_what_a_run_that_is_killed_there_leaves),
		TEST(test_each_tree_is_judged_once),
		TEST(test_a_tree_is_told_for_each_run_that_is_not_of_one_that_told_it),
		TEST(test_a_tree_is_told_at_the_first_kill_that_leaves_it),
		TEST(test_nothing_is_run_again_that_is_not_meant_to_be),
		TEST(test_each_tree_is_run_again_once_and_judged_with_how_that_ended),
		TEST(test_a_rerun_draws_other_names),
		TEST(test_a_tree_that_cannot_be_run_again_from_hides_no_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
