/*
 * device_look_test.c: what torn_device_look() says of a cut: its tree; that it cannot be mounted; that it can be read and not
 * written to, which is asked once a tree; and that the device has no such cut. Needs root, FUSE and loop devices.
 *
 * No run was seen to leave a state that is mounted read-only and stays so. Here an option that forbids it stands for that: XFS
 * mounted with norecovery is never made writable (xfs_remount_rw() in fs/xfs/xfs_super.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "../fuzz/operations_for_tests.h"
#include "../fuzz/run_for_tests.h"
#include "device.h"
#include "device_for_tests.h"
#include "log.h"

static struct torn_test *test;
static struct torn_log the_log;
static struct torn_device *device;
static struct torn_device_fs xfs; /* a copy: how it is mounted changes from look to look */
static const struct torn_node *tree;
static char why[160];

static int replaces(const struct torn_run *run)
{
	(void)run;
	return make_temp("/srv/.t") == 0 && rename("/srv/.t", "/srv/f") == 0 ? 0 : -1;
}

/* Nothing of the run. */
static struct torn_device_cut first_cut(void)
{
	return (struct torn_device_cut){.given = torn_device_requests_begin(device)};
}

static int look(const struct torn_device_cut *cut, const char *options)
{
	xfs.mount_always = options;
	return torn_device_look(device, cut, &test->arena, &tree, why, sizeof why);
}

static void test_a_cut_has_its_tree_or_why_not(void **state)
{
	(void)state;
	const struct torn_device_cut cut = first_cut();
	assert_int_equal(look(&cut, "nouuid,no_such_option"), 0);
	assert_null(tree);
	assert_string_equal(why, "mount: Invalid argument");
	assert_int_equal(look(&cut, "nouuid,norecovery"), 0);
	assert_null(tree);
	assert_string_equal(why, "it is mounted, and cannot be written to");
	assert_int_equal(look(&cut, "nouuid"), 0);
	assert_non_null(tree);
	assert_memory_equal(&tree->hash, &test->setup.base.objects[TORN_FOLD_ROOT].node->hash, sizeof tree->hash);
	/* The same tree again: that it can be written to is known. */
	assert_int_equal(look(&cut, "nouuid,norecovery"), 0);
	assert_non_null(tree);
}

static uint32_t first_flush(void)
{
	uint32_t i = torn_device_requests_begin(device);
	while (torn_device_writes(torn_device_request(device, i)))
		i++;
	return i;
}

static void test_a_cut_that_the_device_cannot_leave_is_refused(void **state)
{
	(void)state;
	const uint32_t flush = first_flush(), end = torn_device_requests_count(device);
	assert_true(flush > torn_device_requests_begin(device) && flush + 1 < end);
	const struct {
		struct torn_device_cut cut;
		int result;
	} rows[] = {
		{{.given = flush, .losses_count = 1, .losses = {{flush - 1, 0}}}, 0},
		{{.given = flush + 1, .losses_count = 1, .losses = {{flush - 1, 0}}}, -EINVAL}, /* it is durable */
		{{.given = flush + 1, .losses_count = 1, .losses = {{flush, 0}}}, -EINVAL},     /* that is no write */
		{{.given = flush, .losses_count = 1, .losses = {{flush + 1, 0}}}, -EINVAL},     /* it had not come */
		{{.given = end}, 0},
		{{.given = end + 1}, -EINVAL},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (look(&rows[i].cut, "nouuid") != rows[i].result)
			fail_msg("row %zu: %s", i, why);
}

static int open_device(void **state)
{
	struct torn_device_choice choice;
	char message[256];
	(void)state;
	test = torn_test_open("old srv/f file old\n");
	torn_test_run(test, replaces, "");
	if (test->result != TORN_HELD || torn_log_copy(&test->arena, test->trial.log, &the_log) < 0 ||
	    torn_device_choose(torn_bytes_of("xfs"), &choice, message, sizeof message) < 0)
		return -1;
	xfs = *choice.fs;
	choice.fs = &xfs;
	if (torn_device_enter(message, sizeof message) == 0 &&
	    torn_device_open(&device, &choice, message, sizeof message) == 0 &&
	    torn_device_begin(device, &test->setup.base, message, sizeof message) == 0 &&
	    torn_device_record(device, &the_log, TORN_DEVICE_NO_COMMIT, message, sizeof message) == 0)
		return 0;
	print_message("%s\n", message);
	return -1;
}

static int close_device(void **state)
{
	(void)state;
	torn_device_close(device);
	torn_test_close(test);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_cut_has_its_tree_or_why_not),
		cmocka_unit_test(test_a_cut_that_the_device_cannot_leave_is_refused),
	};
	if (!has_disks())
		return 0;
	return cmocka_run_group_tests(tests, open_device, close_device);
}
