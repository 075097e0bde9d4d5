/*
 * sweep_after_test.c: what only shows in a run that comes after a crash: what a next run finds done
 * and takes for durable, what a recovery makes worse when it is cut short, and that each of
 * these cases replays.
 */
#include "../injectors/presets.h"
#include "after_for_tests.h"
#include "cuts.h"
#include "replay_for_tests.h"

#include <errno.h>
#include <sys/random.h>

/* -------------------------------------------------------------- operations */

/* In place, behind a mark "d" that it leaves. */
static int mark_and_rewrite(void)
{
	const int mark = open("/srv/d", O_WRONLY | O_CREAT, 0644);
	if (mark < 0 || close(mark) != 0 || sync_srv() != 0)
		return -1;
	const int fd = open("/srv/f", O_WRONLY | O_TRUNC);
	if (fd < 0)
		return -1;
	int r = write_all(fd, "new!", 4);
	if (r == 0)
		r = fsync(fd);
	close(fd);
	return r;
}

/* With "d" as long as f is not whole. */
static int marks_and_rewrites(const struct torn_run *run)
{
	(void)run;
	return mark_and_rewrite() == 0 && unlink("/srv/d") == 0 ? sync_srv() : -1;
}

static int put_back(const char *name)
{
	const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0)
		return -1;
	int r = write_all(fd, "old", 3);
	if (r == 0)
		r = fsync(fd);
	close(fd);
	return r;
}

static int recovers(const struct torn_run *run)
{
	(void)run;
	if (access("/srv/d", F_OK) != 0)
		return errno == ENOENT ? sync_srv() : -1;
	return put_back("/srv/.r") == 0 && rename("/srv/.r", "/srv/f") == 0 && sync_srv() == 0 &&
			       unlink("/srv/d") == 0 && sync_srv() == 0
		       ? 0
		       : -1;
}

/* The flaw: killed between the two it leaves f empty, and no mark. */
static int recovers_mark_first(const struct torn_run *run)
{
	(void)run;
	if (access("/srv/d", F_OK) != 0)
		return errno == ENOENT ? sync_srv() : -1;
	return unlink("/srv/d") == 0 && sync_srv() == 0 && put_back("/srv/f") == 0 ? 0 : -1;
}

/* The flaw: success is told though the mark is still there, which a recovery goes by. */
static int leaves_its_mark(const struct torn_run *run)
{
	(void)run;
	if (mark_and_rewrite() != 0)
		return -1;
	const int done = open("/srv/d", O_WRONLY);
	if (done >= 0) {
		(void)write_all(done, "done", 4); /* for whoever looks */
		(void)fsync(done);
		close(done);
	}
	(void)unlink("/srv/d");
	return sync_srv();
}

static int recovers_by_nothing(const struct torn_run *run)
{
	(void)run;
	return 0;
}

/* ------------------------------------------------------------------ targets */

TARGET(finds, "test.finds", finds_nothing_to_do, NULL, TORN_PROMISES_RETRY);
TARGET(marks, "test.marks", marks_and_rewrites, recovers_mark_first, 0);
TARGET(leaves, "test.leaves", leaves_its_mark, recovers, 0);

static struct swept *sweep_with_cuts(int (*operation)(const struct torn_run *run),
				     int (*recovery)(const struct torn_run *run), unsigned promises, unsigned depth)
{
	const struct what what = {.operation = operation, .recovery = recovery, .worlds = one_world,
				  .promises = promises, .depth = depth, .presets = TORN_PRESETS_USUAL};
	struct swept *swept = sweep(&what, 1);
	if (swept->all->failed)
		fail_msg("%s", swept->all->failure);
	assert_int_equal(swept->all->unjudged, 0);
	return swept;
}

static const struct torn_finding *first_of(const struct swept *swept, const char *id, const char *part)
{
	for (uint32_t i = 0; i < swept->all->findings.count; i++) {
		const struct torn_finding *finding = &swept->all->findings.items[i];
		if (strcmp(finding->id, id) == 0 && (!part || strstr(finding->case_text, part)))
			return finding;
	}
	return NULL;
}

static void assert_all_replay(const struct swept *swept, const char *target)
{
	for (uint32_t i = 0; i < swept->all->findings.count; i++)
		if (!swept->all->findings.items[i].is_label)
			assert_replays(&swept->all->findings.items[i], target);
}

static uint32_t findings_of(const struct swept *swept)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < swept->all->findings.count; i++)
		count += !swept->all->findings.items[i].is_label;
	return count;
}

static void assert_no_finding(const struct swept *swept)
{
	for (uint32_t i = 0; i < swept->all->findings.count; i++)
		if (!swept->all->findings.items[i].is_label)
			fail_msg("%s", swept->all->findings.items[i].case_text);
}

/* --------------------------------------------------------- kill, rerun, cut */

static void test_what_a_next_run_takes_for_durable_is_found(void **state)
{
	(void)state;
	struct swept *swept = sweep_with_cuts(finds_nothing_to_do, NULL, TORN_PROMISES_RETRY, 1);
	const struct torn_finding *finding = first_of(swept, "success-is-durable", NULL);
	assert_non_null(finding);
	assert_int_equal(findings_of(swept), 1);
	assert_non_null(strstr(finding->case_text, "rename kill=after\nthen run\ncut "));
	/* What the killed run did, and its op is told with its call: the next one has none of that number. */
	char lost[32];
	snprintf(lost, sizeof lost, "lost=1:%u.entry", finding->op);
	assert_non_null(strstr(finding->case_text, lost));
	assert_string_equal(finding->call, "rename");
	assert_string_equal(finding->path, "srv/f");
	assert_true(swept->all->later_runs > 0);
	assert_replays(finding, "test.finds");
	close_swept(swept);
}

static void test_without_a_later_run_it_is_not_found(void **state)
{
	(void)state;
	struct swept *swept = sweep_with_cuts(finds_nothing_to_do, NULL, 0, 1);
	assert_int_equal(findings_of(swept), 0);
	assert_int_equal(swept->all->later_runs, 0);
	close_swept(swept);
	const struct what no_cuts = {.operation = finds_nothing_to_do, .worlds = one_world,
				     .promises = TORN_PROMISES_RETRY, .depth = 2};
	swept = sweep(&no_cuts, 1);
	assert_int_equal(findings_of(swept), 0);
	close_swept(swept);
}

static void test_a_next_run_that_syncs_what_it_finds_is_right(void **state)
{
	(void)state;
	struct swept *swept = sweep_with_cuts(syncs_what_it_finds, NULL, TORN_PROMISES_RETRY, 2);
	assert_no_finding(swept);
	assert_true(swept->all->later_runs > 0);
	close_swept(swept);
}

/* A mark of four bytes, of which a run that was killed may have written two. */
static int make_mark(size_t size)
{
	const int fd = open("/srv/mark", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0)
		return -1;
	const int r = write_all(fd, "mark", size);
	return close(fd) == 0 ? r : -1;
}

/* The flaw: by half a mark it takes the directory for synced. */
static int believes_half_a_mark(const struct torn_run *run)
{
	(void)run;
	struct stat mark;
	if (stat("/srv/mark", &mark) == 0 && mark.st_size == 2) {
		unlink("/srv/mark");
		return make_temp("/srv/.t") == 0 ? rename("/srv/.t", "/srv/f") : -1;
	}
	return make_mark(4) == 0 && unlink("/srv/mark") == 0 ? replace_f() : -1;
}
TARGET(half, "test.half", believes_half_a_mark, NULL, TORN_PROMISES_RETRY);

static void test_a_next_run_begins_half_way_through_a_write(void **state)
{
	(void)state;
	struct swept *swept = sweep_with_cuts(believes_half_a_mark, NULL, TORN_PROMISES_RETRY, 1);
	const struct torn_finding *finding = first_of(swept, "success-is-durable", NULL);
	assert_non_null(finding);
	assert_non_null(strstr(finding->case_text, " write kill=2\nthen run\ncut "));
	assert_replays(finding, "test.half");
	close_swept(swept);
}

/*
 * The flaw: where a run was killed, the next one does not sync the directory. Its own temp has another name
 * than that of the first: only so it gets that far.
 */
static int leaves_temps_of_random_names(const struct torn_run *run)
{
	(void)run;
	unsigned number;
	char temp[32];
	if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
		return -1;
	snprintf(temp, sizeof temp, "/srv/.%08x", number);
	if (make_temp(temp) != 0)
		return -1;
	const bool was_killed = mkdir("/srv/busy", 0755) != 0;
	if (rename(temp, "/srv/f") != 0 || rmdir("/srv/busy") != 0)
		return -1;
	return was_killed ? 0 : sync_srv();
}
TARGET(random_names, "test.random", leaves_temps_of_random_names, NULL, TORN_PROMISES_RETRY);

static void test_a_next_run_draws_other_names(void **state)
{
	(void)state;
	struct swept *swept = sweep_with_cuts(leaves_temps_of_random_names, NULL, TORN_PROMISES_RETRY, 1);
	const struct torn_finding *finding = first_of(swept, "success-is-durable", NULL);
	assert_non_null(finding);
	assert_non_null(strstr(finding->case_text, " mkdir kill=after\nthen run\ncut "));
	assert_replays(finding, "test.random");
	close_swept(swept);
}

/* ---------------------------------------------------------------- recovery */

static void test_a_recovery_that_is_cut_short_is_found_by_kill_and_by_cut(void **state)
{
	(void)state;
	struct swept *swept = sweep_with_cuts(marks_and_rewrites, recovers_mark_first, 0, 1);
	const struct torn_finding *killed = first_of(swept, "recovery-converges", "then recover\nfault ");
	assert_non_null(killed);
	assert_non_null(strstr(killed->case_text, "kill="));
	assert_non_null(first_of(swept, "recovery-converges", "then recover\ncut "));
	/* A recovery that nobody cuts short is right. */
	for (uint32_t i = 0; i < swept->all->findings.count; i++)
		if (!swept->all->findings.items[i].is_label)
			assert_non_null(strstr(swept->all->findings.items[i].case_text, "then recover\n"));
	assert_all_replay(swept, "test.marks");
	close_swept(swept);
}

static void test_a_right_recovery_has_no_finding(void **state)
{
	(void)state;
	struct swept *swept = sweep_with_cuts(marks_and_rewrites, recovers, 0, 2);
	assert_no_finding(swept);
	assert_true(swept->all->later_runs > 0);
	close_swept(swept);
}

/* Power cuts in a run without a call are those of what came before it. */
static void test_a_success_that_a_recovery_takes_back_takes_no_loss(void **state)
{
	(void)state;
	struct swept *swept = sweep_with_cuts(leaves_its_mark, recovers, 0, 2);
	const struct torn_finding *finding = first_of(swept, "success-is-durable", "preset=sync\n");
	assert_non_null(finding);
	assert_non_null(strstr(finding->case_text, " unlink errno="));
	assert_string_equal(finding->call, "close"); /* the last one: the end of the run */
	assert_replays(finding, "test.leaves");
	/* That an fsync of the mark loses its bytes, too, is no other cause. */
	for (uint32_t i = 0; i < swept->all->findings.count; i++)
		if (strcmp(swept->all->findings.items[i].id, "success-is-durable") == 0)
			assert_string_not_equal(swept->all->findings.items[i].call, "write");
	assert_all_replay(swept, "test.leaves");
	close_swept(swept);
}

static void test_a_recovery_that_makes_no_call_can_be_swept(void **state)
{
	(void)state;
	struct swept *swept = sweep_with_cuts(syncs_what_it_finds, recovers_by_nothing, 0, 1);
	assert_no_finding(swept);
	close_swept(swept);
}

/* ------------------------------------------------------------- faults and cuts */

/* A file written in place and never whole: findings of all kinds, of runs with faults too. */
static int rewrites_in_two(const struct torn_run *run)
{
	(void)run;
	const int fd = open("/srv/f", O_WRONLY);
	if (fd < 0)
		return -1;
	int r = write_all(fd, "ne", 2);
	if (r == 0)
		r = fsync(fd);
	if (r == 0)
		r = write_all(fd, "w!", 2);
	if (r == 0)
		r = fsync(fd);
	close(fd);
	return r;
}

/*
 * That it was torn before was told. A run is begun from the file when it is whole, and from old, which
 * the first fsync brings back where it fails and reverts; a recovery without a call has no faults.
 */
static void test_no_run_is_begun_from_what_is_broken(void **state)
{
	(void)state;
	const struct what what = {.operation = rewrites_in_two, .recovery = recovers_by_nothing,
				  .worlds = one_world, .depth = 1};
	struct swept *swept = sweep(&what, 1);
	assert_false(swept->all->failed);
	assert_int_equal(swept->all->later_runs, 2);
	close_swept(swept);
}

/* The flaw: of an fsync that failed it takes the second one's word. */
static int insists(const struct torn_run *run)
{
	(void)run;
	const int fd = open("/srv/f", O_WRONLY | O_TRUNC);
	if (fd < 0)
		return -1;
	int r = write_all(fd, "new!", 4);
	if (r == 0 && fsync(fd) != 0)
		r = fsync(fd);
	return close(fd) == 0 ? r : -1;
}
TARGET(insisting, "test.insists", insists, recovers, 0);

/* No fault stands behind the cut, nor a cut before the run: such a case would be refused. */
static void test_every_finding_of_faults_and_cuts_replays(void **state)
{
	(void)state;
	struct swept *swept = sweep_with_cuts(insists, recovers, 0, 2);
	assert_true(findings_of(swept) > 1);
	bool any_both = false;
	for (uint32_t i = 0; i < swept->all->findings.count; i++) {
		const char *text = swept->all->findings.items[i].case_text;
		any_both |= strstr(text, "\nfault ") && strstr(text, "\ncut ");
	}
	assert_true(any_both);
	assert_all_replay(swept, "test.insists");
	close_swept(swept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		arena_test(test_what_a_next_run_takes_for_durable_is_found),
		arena_test(test_without_a_later_run_it_is_not_found),
		arena_test(test_a_next_run_that_syncs_what_it_finds_is_right),
		arena_test(test_a_next_run_begins_half_way_through_a_write),
		arena_test(test_a_next_run_draws_other_names),
		arena_test(test_a_recovery_that_is_cut_short_is_found_by_kill_and_by_cut),
		arena_test(test_a_right_recovery_has_no_finding),
		arena_test(test_a_success_that_a_recovery_takes_back_takes_no_loss),
		arena_test(test_a_recovery_that_makes_no_call_can_be_swept),
		arena_test(test_no_run_is_begun_from_what_is_broken),
		arena_test(test_every_finding_of_faults_and_cuts_replays),
	};
	return cmocka_run_group_tests(tests, NULL, close_the_worker);
}
