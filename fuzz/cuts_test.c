/* cuts_test.c: which power cuts are told of a run with faults, and of one that comes after another. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "cuts.h"
#include "operations_for_tests.h"
#include "registry.h"
#include "run_for_tests.h"

#define TOLD_MAX 256

struct told {
	uint32_t op;
	bool during;
	uint32_t lost_count;
	struct torn_lost first; /* lost */
};

/* Shared with the worker. */
struct seen {
	struct told told[TOLD_MAX];
	uint32_t count;
	int result;
};

static struct torn_test *test;
static struct seen *seen;
static uint64_t sets_max; /* 0: as many as usual */
static enum torn_preset preset;

static int open_test(void **state)
{
	(void)state;
	torn_registry_begin();
	test = torn_test_open("old srv/f file old\n");
	test->clean_first = true;
	sets_max = 0;
	preset = TORN_PRESET_POSIX;
	seen = torn_arena_take(&test->arena, sizeof *seen);
	return 0;
}

static int close_test(void **state)
{
	(void)state;
	torn_test_close(test);
	return 0;
}

static void note_told(void *context, const struct torn_plan *plan, const struct torn_invariant *invariant,
		      const struct torn_judgement *judgement)
{
	(void)context;
	(void)judgement;
	if ((strcmp(invariant->id, "old-or-new") != 0 && strcmp(invariant->id, "success-is-durable") != 0) ||
	    seen->count == TOLD_MAX)
		return;
	seen->told[seen->count++] = (struct told){
		.op = plan->cut.op,
		.during = plan->cut.during,
		.lost_count = plan->cut.lost_count,
		.first = plan->cut.lost_count ? plan->cut.lost[0] : (struct torn_lost){0},
	};
}

static int judge_cuts(struct torn_lab *lab, const struct torn_trial *trial)
{
	struct torn_cuts cuts;
	int r = torn_cuts_open(&cuts, lab, &test->setup);
	cuts.presets = TORN_PRESET_BIT(preset);
	cuts.tell = note_told;
	cuts.sets_max = sets_max ? sets_max : cuts.sets_max;
	if (r == 0)
		r = torn_cuts_judge(&cuts, trial);
	torn_cuts_close(&cuts);
	return r;
}

static void judge_in_worker(void *context, struct torn_lab *lab)
{
	torn_test_in_worker(context, lab);
	*seen = (struct seen){.result = test->result};
	if (test->result == TORN_HELD)
		seen->result = judge_cuts(lab, &test->trial);
}

/* Judge all power cuts of a run with these faults, under posix, by nothing that was judged before. */
static void judge_run(int (*operation)(const struct torn_run *run), const char *faults)
{
	const struct torn_job job = {.job = judge_in_worker, .again = torn_test_again, .context = test};
	char message[256];
	assert_int_equal(torn_test_run(test, operation, faults), 0); /* sets it up */
	assert_int_equal(torn_worker_do(&test->worker, &job, message, sizeof message), 0);
	assert_int_equal(seen->result, 0);
}

static uint32_t earliest(void)
{
	uint32_t op = UINT32_MAX;
	for (uint32_t i = 0; i < seen->count; i++)
		if (seen->told[i].op < op)
			op = seen->told[i].op;
	return op;
}

/* Ops: open with O_TRUNC, write, write, fsync, fchmod, close. */
static int rewrites(const struct torn_run *run)
{
	(void)run;
	const int fd = open("/srv/f", O_WRONLY | O_TRUNC);
	if (fd < 0)
		return -1;
	int r = write_all(fd, "ne", 2);
	if (r == 0)
		r = write_all(fd, "w!", 2);
	if (r == 0)
		r = fsync(fd);
	if (fchmod(fd, 0600) != 0)
		r = -1;
	return close(fd) == 0 ? r : -1;
}

/*
 * A kill after op 1 or 2 breaks the file, too: what is lost there on top of it is not told. After op 3 it
 * takes a power cut, which from the fsync on finds all there.
 */
static void test_what_a_kill_breaks_takes_no_power_cut(void **state)
{
	(void)state;
	judge_run(rewrites, "");
	assert_true(seen->count > 0);
	for (uint32_t i = 0; i < seen->count; i++) {
		assert_int_equal(seen->told[i].op, 3);
		assert_true(seen->told[i].lost_count > 0);
	}
}

/* Until then the run is one without that fault: no case could say it, either. */
static void test_of_a_run_with_faults_what_is_before_the_last_is_not_told(void **state)
{
	(void)state;
	judge_run(rewrites, "fault 4 fsync errno=EIO\n");
	assert_int_equal(earliest(), 4);
	judge_run(rewrites, "fault 4 fsync errno=EIO\nfault 5 fchmod errno=EIO\n");
	assert_int_equal(earliest(), 5);
	judge_run(rewrites, "fault 5 fchmod errno=EIO\n"); /* all was durable by then */
	assert_int_equal(seen->count, 0);
}

static void test_a_cut_loses_what_was_done_until_then(void **state)
{
	(void)state;
	judge_run(rewrites, "fault 4 fsync errno=EIO\n");
	assert_true(seen->count > 0);
	for (uint32_t i = 0; i < seen->count; i++) {
		assert_true(seen->told[i].op >= 4);
		assert_true(seen->told[i].op <= 6);
		assert_int_equal(seen->told[i].first.run, 0);
		assert_true(seen->told[i].lost_count == 0 || seen->told[i].first.op <= seen->told[i].op);
	}
}

/* Op 5 is the rename; all that comes behind it a cut may lose as well. */
static int replaces_before_much_else(const struct torn_run *run)
{
	(void)run;
	char name[32];
	if (make_temp("/srv/.t") != 0 || rename("/srv/.t", "/srv/f") != 0)
		return -1;
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "/srv/d%d", i);
		if (mkdir(name, 0755) != 0)
			return -1;
	}
	return 0;
}

static void test_what_plays_no_part_is_not_told_to_be_lost(void **state)
{
	(void)state;
	uint32_t told = 0;
	for (sets_max = 2; sets_max <= 64; sets_max *= 2) {
		judge_run(replaces_before_much_else, "");
		told += seen->count;
		for (uint32_t i = 0; i < seen->count; i++) {
			assert_int_equal(seen->told[i].lost_count, 1);
			assert_int_equal(seen->told[i].first.op, 5);
		}
	}
	assert_true(told > 0);
}

/* Ops: open with O_TRUNC, write, fsync, write, fsync, close. */
static int rewrites_in_two(const struct torn_run *run)
{
	(void)run;
	const int fd = open("/srv/f", O_WRONLY | O_TRUNC);
	if (fd < 0)
		return -1;
	int r = write_all(fd, "ne", 2);
	if (r == 0 && fsync(fd) != 0)
		r = -1;
	if (r == 0)
		r = write_all(fd, "w!", 2);
	if (r == 0)
		r = fsync(fd);
	return close(fd) == 0 ? r : -1;
}

/* The half of it is lost for good, and cannot be put back to see what a kill leaves. */
static void test_what_a_kill_breaks_takes_none_behind_a_failed_sync_either(void **state)
{
	(void)state;
	judge_run(rewrites_in_two, "fault 3 fsync fsync=lost\n");
	assert_int_equal(seen->count, 0);
	judge_run(rewrites_in_two, "fault 3 fsync fsync=reverted\n");
	assert_int_equal(seen->count, 0);
}

static int writes_three_blocks(const struct torn_run *run)
{
	static char blocks[3 * 4096];
	(void)run;
	memset(blocks, 'n', sizeof blocks);
	const int fd = open("/srv/f", O_WRONLY);
	if (fd < 0)
		return -1;
	int r = write_all(fd, blocks, sizeof blocks);
	if (r == 0)
		r = fsync(fd);
	return close(fd) == 0 ? r : -1;
}

/* What is durable at once a cut breaks as a kill does: behind one block, and behind two. */
static void test_a_kill_comes_within_a_write_too(void **state)
{
	(void)state;
	preset = TORN_PRESET_SYNC;
	judge_run(writes_three_blocks, "");
	assert_int_equal(seen->count, 0);
	preset = TORN_PRESET_POSIX;
	judge_run(writes_three_blocks, "");
	assert_true(seen->count > 0); /* a hole takes the power */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_test, close_test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_a_kill_breaks_takes_no_power_cut),
		TEST(test_of_a_run_with_faults_what_is_before_the_last_is_not_told),
		TEST(test_a_cut_loses_what_was_done_until_then),
		TEST(test_what_plays_no_part_is_not_told_to_be_lost),
		TEST(test_what_a_kill_breaks_takes_none_behind_a_failed_sync_either),
		TEST(test_a_kill_comes_within_a_write_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
