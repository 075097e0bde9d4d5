/*
 * sweep_cuts_test.c: power cuts in a sweep: what cannot be judged hides nothing else, and runs that only
 * look alike are both cut off.
 */
#include "after_for_tests.h"
#include "cuts.h"
#include "operations_for_tests.h"
#include "sweep_for_tests.h"

#include <sys/uio.h>

static struct swept *sweep_cuts(int (*operation)(const struct torn_run *run), unsigned promises,
				const char *ack)
{
	const struct what what = {.operation = operation,
				  .worlds = one_world,
				  .promises = promises,
				  .ack = ack,
				  .depth = 1,
				  .presets = TORN_PRESET_BIT(TORN_PRESET_POSIX)};
	return sweep(&what, 1);
}

/* ------------------------------------------------- what cannot be judged */

/* A call that torn does not know: a run that makes it cannot be judged. */
static void do_what_is_unknown(int fd)
{
	const struct iovec iov = {"x", 1};
	(void)!pwritev2(fd, &iov, 1, 0, RWF_HIPRI);
}

/* Nothing is done about the directory; a temp that is there makes it do what nobody knows. */
static int is_strange_after_a_crash(const struct torn_run *run)
{
	(void)run;
	const int stale = open("/srv/.t", O_WRONLY);
	if (stale >= 0) {
		do_what_is_unknown(stale);
		close(stale);
		unlink("/srv/.t");
	}
	return make_temp("/srv/.t") == 0 && rename("/srv/.t", "/srv/f") == 0 ? 0 : -1;
}

static void test_what_comes_after_one_cut_does_not_hide_the_others(void **state)
{
	(void)state;
	struct swept *swept = sweep_cuts(is_strange_after_a_crash, TORN_PROMISES_RETRY, NULL);
	assert_false(swept->all->failed);
	assert_true(swept->all->unjudged > 0);
	assert_non_null(strstr(swept->all->failure, "pwritev2"));
	/* The temp is lost, too. */
	assert_non_null(finding_of(swept->all, "success-is-durable", "openat"));
	assert_non_null(finding_of(swept->all, "no-litter", "fsync")); /* and faults are gone through */
	close_swept(swept);
}

/* ------------------------------------------------------ which runs are alike */

static int write_f(int flags)
{
	const int fd = open("/srv/f", O_WRONLY | flags);
	if (fd < 0)
		return -1;
	const int r = write_all(fd, "new", 3);
	return close(fd) == 0 ? r : -1;
}

/* The flaw: where it cannot have its writes synchronous it does without. */
static int falls_back_to_asynchronous(const struct torn_run *run)
{
	(void)run;
	if (sync_srv() != 0)
		return -1;
	return write_f(O_DSYNC) == 0 || write_f(0) == 0 ? 0 : -1;
}

static void test_a_write_that_is_no_sync_is_another_run(void **state)
{
	(void)state;
	struct swept *swept = sweep_cuts(falls_back_to_asynchronous, 0, NULL);
	const struct torn_finding *found = finding_of(swept->all, "success-is-durable", "write");
	assert_non_null(found);
	assert_int_equal(found->faults_count, 1);
	close_swept(swept);
}

/* Only where it looks in vain does it ask for durability, and not of the file. */
static int syncs_the_directory_perhaps(const struct torn_run *run)
{
	(void)run;
	if (access("/srv/f", W_OK) != 0 && sync_srv() != 0)
		return -1;
	return write_f(0);
}

/* What is lost is the same; whether it was promised is not. */
static void test_a_run_that_syncs_is_held_to_more_than_one_that_does_not(void **state)
{
	(void)state;
	struct swept *swept = sweep_cuts(syncs_the_directory_perhaps, 0, NULL);
	const struct torn_finding *found = finding_of(swept->all, "success-is-durable", "write");
	assert_non_null(found);
	assert_int_equal(found->faults_count, 1);
	close_swept(swept);
}

/* The flaw: where it cannot look first it says that it is done before it is. */
static int says_so_early(const struct torn_run *run)
{
	(void)run;
	const bool is_early = access("/srv/f", W_OK) != 0;
	const int fd = open("/srv/f", O_WRONLY);
	if (fd < 0 || write_all(fd, "new", 3) != 0)
		return -1;
	if (is_early)
		(void)!write(1, "done\n", 5);
	if (fsync(fd) != 0)
		return -1;
	if (!is_early)
		(void)!write(1, "done\n", 5);
	return close(fd);
}

static void test_when_it_says_that_it_is_done_makes_another_run(void **state)
{
	(void)state;
	struct swept *swept = sweep_cuts(says_so_early, 0, "^done$");
	const struct torn_finding *found = finding_of(swept->all, "success-is-durable", "write");
	assert_non_null(found);
	assert_int_equal(found->faults_count, 1);
	close_swept(swept);
}

/* The flaw: it says so, and then it does it. */
static int says_so_first(const struct torn_run *run)
{
	(void)run;
	if (access("/srv/f", W_OK) != 0)
		return -1;
	(void)!write(1, "done\n", 5);
	return make_temp("/srv/.t") == 0 && rename("/srv/.t", "/srv/f") == 0 ? sync_srv() : -1;
}

static void test_what_was_told_before_it_was_done_takes_no_loss(void **state)
{
	(void)state;
	struct swept *swept = sweep_cuts(says_so_first, 0, "^done$");
	bool without_loss = false;
	for (uint32_t i = 0; i < swept->all->findings.count; i++) {
		const struct torn_finding *finding = &swept->all->findings.items[i];
		without_loss |= strcmp(finding->id, "success-is-durable") == 0 &&
				!strstr(finding->case_text, "lost=");
	}
	assert_true(without_loss);
	close_swept(swept);
	/* Where the return tells it, the end of the run does: there is nothing to be told of a cut. */
	swept = sweep_cuts(says_so_first, 0, NULL);
	for (uint32_t i = 0; i < swept->all->findings.count; i++)
		assert_string_not_equal(swept->all->findings.items[i].id, "success-is-durable");
	close_swept(swept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_comes_after_one_cut_does_not_hide_the_others),
		cmocka_unit_test(test_a_write_that_is_no_sync_is_another_run),
		cmocka_unit_test(test_a_run_that_syncs_is_held_to_more_than_one_that_does_not),
		cmocka_unit_test(test_what_was_told_before_it_was_done_takes_no_loss),
		cmocka_unit_test(test_when_it_says_that_it_is_done_makes_another_run),
	};
	return cmocka_run_group_tests(tests, NULL, close_the_worker);
}
