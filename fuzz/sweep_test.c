/* sweep_test.c: what a sweep does with runs that it cannot judge, and with several old states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "registry.h"
#include "sweep.h"
#include "worker.h"

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

struct swept {
	struct torn_worker worker;
	struct torn_sweep *sweep;
	struct torn_target target;
	struct torn_variant variants[2];
};

static void sweep_in_worker(void *context, struct torn_lab *lab)
{
	torn_sweep_run(((struct swept *)context)->sweep, lab);
}

static void never_again(void *context)
{
	(void)context;
}

static const struct torn_world two_worlds[] = {
	{"first", "old srv/f file old\n", false},
	{"second", "old srv/f file \"older than old\"\n", false},
	{NULL, NULL, false},
};
static const char *const watch[] = {"srv/f", NULL};

static const struct torn_sweep_how single_faults = {.seed = 1, .depth = 1, .parts = 1};

static struct swept *sweep(int (*operation)(const struct torn_run *run))
{
	static struct swept swept;
	char message[256];
	torn_registry_begin();
	swept.variants[0] = (struct torn_variant){"test", operation};
	swept.target = (struct torn_target){.name = "test.swept",
					    .variants = swept.variants,
					    .worlds = two_worlds,
					    .watch = watch};
	assert_int_equal(torn_sweep_open(&swept.sweep), 0);
	assert_int_equal(torn_worker_open(&swept.worker, 5, message, sizeof message), 0);
	torn_sweep_begin(swept.sweep, &swept.target, &swept.variants[0], &single_faults);
	const struct torn_job job = {
		.job = sweep_in_worker, .again = never_again, .context = &swept};
	assert_int_equal(torn_worker_do(&swept.worker, &job, message, sizeof message), 0);
	assert_true(swept.sweep->done);
	return &swept;
}

static void close_swept(struct swept *swept)
{
	torn_worker_close(&swept->worker);
	torn_sweep_close(swept->sweep);
}

static const struct torn_finding *finding(const struct torn_sweep *of, const char *id, const char *call)
{
	for (uint32_t i = 0; i < of->findings.count; i++)
		if (strcmp(of->findings.items[i].id, id) == 0 && strcmp(of->findings.items[i].call, call) == 0)
			return &of->findings.items[i];
	return NULL;
}

static void test_a_sweep_goes_on_past_trials_that_cannot_be_judged_and_says_so(void **state)
{
	(void)state;
	struct swept *swept = sweep(mounts_after_a_failed_rename);
	assert_false(swept->sweep->failed);
	/* Every errno of rename, once and sticky, in both old states. */
	assert_int_equal(swept->sweep->unjudged, 2 * 2 * 8);
	assert_non_null(strstr(swept->sweep->failure, "INCOMPLETE: calls mount"));
	assert_non_null(strstr(swept->sweep->failure, "old state first, fault "));
	const struct torn_finding *litter = finding(swept->sweep, "no-litter", "write");
	assert_non_null(litter);
	assert_true(litter->times > 1); /* in the second old state too */
	close_swept(swept);
}

static void test_a_clean_run_that_fails_is_one_finding_and_nothing_else_is_tried(void **state)
{
	(void)state;
	struct swept *swept = sweep(refuses_always);
	assert_int_equal(swept->sweep->findings.count, 1);
	assert_string_equal(swept->sweep->findings.items[0].id, "clean-run-succeeds");
	assert_int_equal(swept->sweep->findings.items[0].times, 2); /* once for each old state */
	assert_int_equal(swept->sweep->trials, 4);            /* two clean runs each, no fault */
	close_swept(swept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_sweep_goes_on_past_trials_that_cannot_be_judged_and_says_so),
		cmocka_unit_test(test_a_clean_run_that_fails_is_one_finding_and_nothing_else_is_tried),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
