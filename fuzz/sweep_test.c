/* sweep_test.c: what a sweep does with runs that it cannot judge, and with several old states. */
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "sweep_for_tests.h"

static int replace(void)
{
	int fd = open("/srv/.t", O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (fd < 0)
		return -1;
	if (write(fd, "new", 3) != 3) {
		close(fd);
		return -1; /* and the temp is left: no-litter */
	}
	close(fd);
	return rename("/srv/.t", "/srv/f") == 0 ? 0 : -2;
}

/* Where the rename fails it does what torn cannot judge; the litter of a failed write is judged. */
static int mounts_after_a_failed_rename(const struct torn_run *run)
{
	(void)run;
	int r = replace();
	if (r == -2)
		(void)!mount("none", "/srv", "tmpfs", 0, NULL);
	return r;
}

static int refuses_always(const struct torn_run *run)
{
	(void)run;
	int fd = open("/srv/.t", O_WRONLY | O_CREAT, 0644);
	close(fd);
	return -1;
}

static const struct torn_world two_worlds[] = {
	{"first", OLD_F, false},
	{"second", "old srv/f file \"older than old\"\n", false},
	{NULL, NULL, false},
};

/* By single faults, from both old states. */
static struct swept *sweep_both(int (*operation)(const struct torn_run *run))
{
	const struct what what = {.operation = operation, .worlds = two_worlds, .depth = 1};
	return sweep(&what, 1);
}

static void test_a_sweep_goes_on_past_trials_that_cannot_be_judged_and_says_so(void **state)
{
	(void)state;
	struct swept *swept = sweep_both(mounts_after_a_failed_rename);
	const struct torn_sweep *found = swept->parts[0]; /* all that was found, nothing settled */
	assert_false(found->failed);
	/* Every errno of rename, once and sticky, in both old states. */
	assert_int_equal(found->unjudged, 2 * 2 * 8);
	assert_non_null(strstr(found->failure, "INCOMPLETE: calls mount"));
	assert_non_null(strstr(found->failure, "old state first, fault "));
	const struct torn_finding *litter = finding_of(found, "no-litter", "write");
	assert_non_null(litter);
	assert_true(litter->times > 1); /* in the second old state too */
	close_swept(swept);
}

static void test_a_clean_run_that_fails_is_one_finding_and_nothing_else_is_tried(void **state)
{
	(void)state;
	struct swept *swept = sweep_both(refuses_always);
	const struct torn_sweep *found = swept->parts[0]; /* all that was found, nothing settled */
	assert_int_equal(found->findings.count, 1);
	assert_string_equal(found->findings.items[0].id, "clean-run-succeeds");
	assert_int_equal(found->findings.items[0].times, 2); /* once for each old state */
	assert_int_equal(found->trials, 4); /* two clean runs each, no fault */
	close_swept(swept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_sweep_goes_on_past_trials_that_cannot_be_judged_and_says_so),
		cmocka_unit_test(test_a_clean_run_that_fails_is_one_finding_and_nothing_else_is_tried),
	};
	return cmocka_run_group_tests(tests, NULL, close_the_worker);
}
