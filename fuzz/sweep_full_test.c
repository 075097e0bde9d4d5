/*
 * sweep_full_test.c: what a real disk that is full shows, and no injected fault does, has the label injection-lacks; what both
 * show has none. Needs root.
 */
#include <fcntl.h>
#include <unistd.h>

#include "sweep_for_tests.h"

#define SIZE 9000

/* How many bytes of a write it takes for all of them: on a disk with little room that is so many, by blocks. */
static int replace(ssize_t enough)
{
	static char bytes[SIZE];
	memset(bytes, 'n', sizeof bytes);
	const int fd = open("/srv/.t", O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (fd < 0)
		return -1;
	const ssize_t done = write(fd, bytes, sizeof bytes);
	close(fd);
	if (done != SIZE && (done <= 0 || (enough > 0 && done != enough))) {
		unlink("/srv/.t");
		return -1;
	}
	return rename("/srv/.t", "/srv/f");
}

/* An injected full disk has room for half of it, which is no block. */
static int takes_a_block_for_all(const struct torn_run *run)
{
	(void)run;
	return replace(4096);
}

static int takes_anything_for_all(const struct torn_run *run)
{
	(void)run;
	return replace(0);
}

static struct swept *sweep_full(int (*operation)(const struct torn_run *run))
{
	const struct what what = {.operation = operation, .worlds = one_world, .depth = 1, .full = TORN_FULL_TMPFS};
	struct swept *swept = sweep(&what, 1);
	assert_string_equal(swept->all->failure, "");
	return swept;
}

static void test_what_only_the_disk_shows_has_a_label(void **state)
{
	(void)state;
	struct swept *swept = sweep_full(takes_a_block_for_all);
	const struct torn_finding *found = finding_of(swept->all, "old-or-new", "write");
	const struct torn_finding *label = finding_of(swept->all, "injection-lacks", "write");
	assert_non_null(found);
	assert_string_equal(found->faults[0], "2 write full disk=tmpfs blocks=1");
	assert_non_null(label);
	assert_true(label->is_label);
	assert_non_null(strstr(label->summary, "a real tmpfs that is full shows "));
	close_swept(swept);
}

static void test_what_injection_shows_too_has_none(void **state)
{
	(void)state;
	struct swept *swept = sweep_full(takes_anything_for_all);
	assert_non_null(finding_of(swept->all, "old-or-new", "write"));
	assert_null(finding_of(swept->all, "injection-lacks", "write"));
	close_swept(swept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_only_the_disk_shows_has_a_label),
		cmocka_unit_test(test_what_injection_shows_too_has_none),
	};
	if (geteuid() != 0) {
		print_message("SKIPPED: real disks that are full need root\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, close_the_worker);
}
