/*
 * verdicts_test.c: operations that a second reader wrote to break torn's
 * verdicts, kept: each was judged wrongly once.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "run_for_tests.h"
#include "sweep_for_tests.h"

/* By single faults. What is looked at is its one part: all that was found, nothing settled. */
static struct swept *sweep_one(int (*operation)(const struct torn_run *run))
{
	const struct what what = {.operation = operation, .worlds = one_world, .depth = 1};
	struct swept *swept = sweep(&what, 1);
	assert_false(swept->parts[0]->failed);
	return swept;
}

/* ------------------------------------------------------------------ litter */

static int clears_a_stale_temp_first(const struct torn_run *run)
{
	(void)run;
	unlink("/srv/.t"); /* ENOENT, as a rule */
	int fd = open("/srv/.t", O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (fd < 0)
		return -1;
	bool ok = write(fd, "new", 3) == 3;
	close(fd);
	if (!ok) {
		unlink("/srv/.t");
		return -1;
	}
	return rename("/srv/.t", "/srv/f") == 0 ? 0 : -1; /* and the temp is left */
}

static void test_a_probe_that_found_no_temp_excuses_no_litter(void **state)
{
	(void)state;
	struct swept *swept = sweep_one(clears_a_stale_temp_first);
	assert_non_null(finding_of(swept->parts[0], "no-litter", "rename"));
	/* where it is the removal itself that was refused, nothing is to blame */
	assert_null(finding_of(swept->parts[0], "no-litter", "unlink"));
	close_swept(swept);
}

/* ------------------------------------------------------------------ sticky */

static int makes_and_removes_two_directories(const struct torn_run *run)
{
	(void)run;
	mkdir("/srv/a", 0755);
	mkdir("/srv/b", 0755);
	unlinkat(AT_FDCWD, "/srv/a", AT_REMOVEDIR);
	return unlinkat(AT_FDCWD, "/srv/b", AT_REMOVEDIR);
}

static void test_sticky_lasts_for_removals_of_directories_too(void **state)
{
	(void)state;
	struct torn_test *test = torn_test_open("old srv dir\n");
	assert_int_equal(torn_test_run(test, makes_and_removes_two_directories,
				       "fault 3 unlinkat sticky=EIO\n"), 0);
	assert_int_equal(test->result, TORN_HELD);
	assert_int_equal(torn_log_op(test->trial.log, 3)->told, -EIO);
	assert_int_equal(torn_log_op(test->trial.log, 4)->told, -EIO);
	torn_test_close(test);
}

/* ----------------------------------------------------------------- signals */

static int has_others_signalled(const struct torn_run *run)
{
	(void)run;
	int fd = open("/srv/f", O_RDWR), ends[2];
	if (fd < 0 || pipe(ends) != 0)
		return 1;
	bool refused = fcntl(fd, F_SETOWN, 1) == -1 && errno == EPERM &&
		       fcntl(ends[0], F_SETOWN, 1) == -1 && errno == EPERM &&
		       fcntl(ends[0], F_SETSIG, SIGKILL) == -1 && errno == EPERM &&
		       fcntl(ends[0], F_SETFL, O_ASYNC) == -1 && errno == EPERM;
	close(ends[0]);
	close(ends[1]);
	close(fd);
	return refused ? 0 : 2;
}

static void test_no_descriptor_can_be_made_to_signal_a_process_of_the_host(void **state)
{
	(void)state;
	struct torn_test *test = torn_test_open("old srv/f file old\n");
	assert_int_equal(torn_test_run(test, has_others_signalled, ""), 0);
	assert_int_equal(test->result, TORN_HELD);
	assert_int_equal(test->trial.code, 0);
	torn_test_close(test);
}

static void clean_up_and_exit(int number)
{
	(void)number;
	unlink("/srv/.t");
	_exit(1);
}

static int cleans_up_when_told_to_end(const struct torn_run *run)
{
	(void)run;
	const struct sigaction action = {.sa_handler = clean_up_and_exit};
	sigaction(SIGTERM, &action, NULL);
	int fd = open("/srv/.t", O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (fd < 0)
		return -1;
	bool ok = write(fd, "new", 3) == 3;
	ok &= close(fd) == 0;
	if (ok && rename("/srv/.t", "/srv/f") == 0)
		return 0;
	unlink("/srv/.t");
	return -1;
}

static void test_a_handler_that_cleans_up_and_exits_is_no_crash(void **state)
{
	(void)state;
	struct swept *swept = sweep_one(cleans_up_when_told_to_end);
	for (uint32_t i = 0; i < swept->parts[0]->findings.count; i++)
		assert_true(swept->parts[0]->findings.items[i].is_label);
	close_swept(swept);
}

/* ----------------------------------------------------------------- vectors */

static int passes_lengths_that_wrap(const struct torn_run *run)
{
	(void)run;
	static char bytes[65536];
	int fd = open("/srv/f", O_RDWR);
	const struct iovec vector[] = {{bytes, sizeof bytes}, {bytes, (size_t)-65536 + 16}};
	bool refused = syscall(SYS_writev, fd, vector, 2) == -1 && errno == EINVAL;
	close(fd);
	return refused ? 0 : 1;
}

static void test_lengths_that_wrap_are_refused_with_einval(void **state)
{
	(void)state;
	struct torn_test *test = torn_test_open("old srv/f file old\n");
	assert_int_equal(torn_test_run(test, passes_lengths_that_wrap, ""), 0);
	assert_int_equal(test->result, TORN_HELD);
	assert_int_equal(test->trial.code, 0);
	torn_test_close(test);
}

/* ------------------------------------------------------------------- leaks */

static int leaks_two_things(const struct torn_run *run)
{
	(void)run;
	umask(077);
	return open("/srv/f", O_RDONLY) >= 0 ? 0 : -1;
}

static void test_all_that_leaks_is_told(void **state)
{
	(void)state;
	struct swept *swept = sweep_one(leaks_two_things);
	const struct torn_finding *leak = finding_of(swept->parts[0], "nothing-leaks", "");
	assert_non_null(leak);
	assert_string_equal(leak->role, "descriptor, umask");
	assert_non_null(strstr(leak->summary, "descriptor 3 on /srv/f is still open; the umask is 0077"));
	close_swept(swept);
}

/* ------------------------------------------------------------------- the host */

static int looks_at_the_host(const struct torn_run *run)
{
	(void)run;
	static const char *const paths[] = {"/usr/lib/os-release", "/etc/passwd", "/etc/hostname",
					    "/lib/modules", "/usr/lib/sysctl.d"};
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		if (open(paths[i], O_RDONLY) >= 0)
			return (int)i + 1;
	return 0;
}

static void test_no_file_of_the_host_is_seen(void **state)
{
	(void)state;
	struct torn_test *test = torn_test_open("old srv/f file old\n");
	assert_int_equal(torn_test_run(test, looks_at_the_host, ""), 0);
	assert_int_equal(test->result, TORN_HELD);
	assert_int_equal(test->trial.code, 0);
	torn_test_close(test);
}

/* ----------------------------------------------------------- close, ETXTBSY */

static void test_only_what_was_written_through_can_fail_late(void **state)
{
	(void)state;
	const struct torn_op reading = {.call = TORN_CALL_close, .kind = TORN_KIND_close,
					.object = 1, .how = O_RDONLY};
	const struct torn_op writing = {.call = TORN_CALL_close, .kind = TORN_KIND_close,
					.object = 1, .how = O_WRONLY};
	size_t count;
	const struct torn_errno_row *rows = torn_errno_rows(&count);
	int late = 0;
	for (size_t i = 0; i < count; i++) {
		if (rows[i].call != TORN_CALL_close)
			continue;
		late++;
		assert_true(torn_errno_applies(&rows[i], &writing));
		assert_int_equal(torn_errno_applies(&rows[i], &reading), rows[i].number == EINTR);
	}
	assert_int_equal(late, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_probe_that_found_no_temp_excuses_no_litter),
		cmocka_unit_test(test_sticky_lasts_for_removals_of_directories_too),
		cmocka_unit_test(test_no_descriptor_can_be_made_to_signal_a_process_of_the_host),
		cmocka_unit_test(test_a_handler_that_cleans_up_and_exits_is_no_crash),
		cmocka_unit_test(test_lengths_that_wrap_are_refused_with_einval),
		cmocka_unit_test(test_all_that_leaks_is_told),
		cmocka_unit_test(test_no_file_of_the_host_is_seen),
		cmocka_unit_test(test_only_what_was_written_through_can_fail_late),
	};
	return cmocka_run_group_tests(tests, NULL, close_the_worker);
}
