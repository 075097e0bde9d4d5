/*
 * gate_descriptors_test.c: descriptors that a target closes, takes or leaves
 * open, torn's own among them, and what else of the process it leaves behind.
 */
#include <linux/close_range.h>

#include "gate_for_tests.h"

/* ------------------------------------------------------ torn's descriptors */

static int closes_the_standard_ones(const struct torn_run *torn_run)
{
	for (int fd = 0; fd <= 2; fd++)
		MUST(close(fd) == 0);
	MUST_FAIL(close(1), EBADF);
	int fd = open("/srv/f", O_RDONLY); /* the lowest one: open(2) */
	MUST(fd == 0);
	MUST(close(fd) == 0);
	(void)torn_run;
	return 0;
}

static int closes_a_range(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST(open("/srv/f", O_RDONLY) == 3);
	MUST(close_range(3, ~0U, 0) == 0);
	MUST_FAIL(fcntl(3, F_GETFD), EBADF);
	MUST(close_range(0, ~0U, 0) == 0);
	MUST_FAIL(close_range(5, 4, 0), EINVAL);
	return 0;
}

static int closes_from(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST(open("/srv/f", O_RDONLY) == 3);
	closefrom(3);
	MUST_FAIL(fcntl(3, F_GETFD), EBADF);
	return writes_new(torn_run);
}

static int closes_each(const struct torn_run *torn_run)
{
	(void)torn_run;
	for (int fd = 3; fd < 2000; fd++)
		MUST_FAIL(close(fd), EBADF);
	for (int fd = TORN_FD_RESERVED; fd < 2000; fd++) {
		MUST_FAIL(fcntl(fd, F_GETFD), EBADF);
		MUST_FAIL(fsync(fd), EBADF);
		MUST_FAIL((int)read(fd, &(char){0}, 1), EBADF);
	}
	return writes_new(torn_run);
}

static int duplicates_onto_torns(const struct torn_run *torn_run)
{
	(void)torn_run;
	int fd = open("/srv/f", O_RDONLY);
	MUST(fd == 3);
	for (int to = TORN_FD_RESERVED; to < TORN_FD_RESERVED + 20; to++) {
		MUST_FAIL(dup2(fd, to), EBADF);
		MUST_FAIL(dup2(1, to), EBADF);
		MUST_FAIL(dup3(fd, to, O_CLOEXEC), EBADF);
		MUST_FAIL(dup(to), EBADF);
		MUST_FAIL(dup2(to, 5), EBADF);
	}
	MUST_FAIL(fcntl(fd, F_DUPFD, TORN_FD_RESERVED), EINVAL); /* the limit: fcntl(2) */
	MUST_FAIL(fcntl(1, F_DUPFD, TORN_FD_RESERVED), EINVAL);
	MUST_FAIL(fcntl(fd, F_DUPFD_CLOEXEC, TORN_FD_RESERVED + 7), EINVAL);
	MUST(fcntl(fd, F_DUPFD, 999) == 999);
	MUST(close(999) == 0 && close(fd) == 0);
	return 0;
}

/*
 * Remedy: torn's descriptors are from TORN_FD_RESERVED on, which the gate
 * answers as if they were not open; settling opens 0 to 2 anew.
 */
static void test_whatever_a_target_closes_or_takes_the_same_worker_goes_on(void **state)
{
	(void)state;
	static int (*const all[])(const struct torn_run *run) = {
		closes_the_standard_ones, closes_a_range,        closes_from,
		closes_each,              duplicates_onto_torns,
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		shared->jobs = 0;
		assert_both_hold(all[i], writes_new);
		assert_string_equal(now("srv/f"), "new");
		assert_int_equal(test->trial.log->numbered, 3);
		assert_int_equal(test->trial.leaks_count, 0);
	}
}

static int prints(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST(write(1, "out", 3) == 3);
	MUST(write(2, "err", 3) == 3);
	MUST(read(0, &(char){0}, 1) == 0);
	return 0;
}

static void test_closed_standard_descriptors_are_there_for_the_next_run(void **state)
{
	(void)state;
	assert_both_hold(closes_the_standard_ones, prints);
	assert_string_equal(output_of(1), "out");
	assert_string_equal(output_of(2), "err");
}

static int marks_all_to_close_on_exec(const struct torn_run *torn_run)
{
	(void)torn_run;
	int fd = open("/srv/f", O_RDONLY);
	MUST(fd == 3);
	MUST(close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0);
	MUST(fcntl(fd, F_GETFD) == FD_CLOEXEC);
	MUST(close(fd) == 0);
	return 0;
}

static void test_close_range_with_cloexec_closes_nothing(void **state)
{
	(void)state;
	assert_holds(marks_all_to_close_on_exec);
}

/* 997 of its own beside the standard three: what getrlimit(2) says there may be. */
static int opens_too_many(const struct torn_run *torn_run)
{
	(void)torn_run;
	for (int i = 3; i < TORN_FD_RESERVED; i++)
		MUST(open("/srv/f", O_RDONLY) == i);
	MUST_FAIL(open("/srv/f", O_RDONLY), EMFILE);
	MUST_FAIL(open("/srv/new", O_WRONLY | O_CREAT, 0644), EMFILE);
	MUST_FAIL(open("/srv/f", O_WRONLY | O_TRUNC), EMFILE);
	MUST_FAIL(dup(3), EMFILE);
	int ends[2];
	MUST_FAIL(pipe(ends), EMFILE);
	MUST(close_range(3, ~0U, 0) == 0);
	return 0;
}

/* An open that is refused for want of a descriptor has made nothing: open(2), EMFILE. */
static void test_at_the_limit_of_descriptors_an_open_has_no_effect(void **state)
{
	(void)state;
	assert_both_hold(opens_too_many, writes_new);
	assert_int_equal(test->trial.leaks_count, 0);
}

/* ------------------------------------------------------------------ leaks */

static int leaves_a_descriptor(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST(open("/srv/f", O_RDONLY) == 3);
	return 0;
}

static int leaves_a_duplicate(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST(open("/srv/f", O_RDONLY) == 3);
	MUST(dup(3) == 4);
	MUST(close(3) == 0);
	return 0;
}

static int leaves_a_pipe(const struct torn_run *torn_run)
{
	(void)torn_run;
	int ends[2];
	MUST(pipe(ends) == 0 && ends[0] == 3 && ends[1] == 4);
	return 0;
}

static int leaves_a_lock(const struct torn_run *torn_run)
{
	(void)torn_run;
	int fd = open("/srv/f", O_RDWR);
	const struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	MUST(fd == 3 && fcntl(fd, F_OFD_SETLK, &whole) == 0);
	return 0;
}

static int replaces_stdout(const struct torn_run *torn_run)
{
	(void)torn_run;
	int fd = open("/srv/f", O_WRONLY);
	MUST(dup2(fd, 1) == 1);
	MUST(close(fd) == 0);
	return 0;
}

static int closes_stdin(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST(close(0) == 0);
	return 0;
}

static int leaves_its_directory(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST(chdir("/srv") == 0);
	return 0;
}

static int leaves_a_umask(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST(umask(077) == 022);
	return 0;
}

static int leaves_a_mask(const struct torn_run *torn_run)
{
	(void)torn_run;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	MUST(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	return 0;
}

static int leaves_sigsys_blocked(const struct torn_run *torn_run)
{
	(void)torn_run;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	MUST(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	return 0;
}

static int finds_all_as_it_should_be(const struct torn_run *torn_run)
{
	char path[64];
	MUST(getcwd(path, sizeof path) && strcmp(path, "/") == 0);
	MUST(umask(022) == 022);
	sigset_t set;
	MUST(sigprocmask(SIG_SETMASK, NULL, &set) == 0);
	for (int number = 1; number < NSIG; number++)
		MUST(!sigismember(&set, number));
	for (int fd = 3; fd < TORN_FD_RESERVED; fd++)
		MUST_FAIL(fcntl(fd, F_GETFD), EBADF);
	int fd = open("/srv/f", O_RDWR);
	const struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	MUST(fd == 3 && fcntl(fd, F_OFD_SETLK, &whole) == 0 && close(fd) == 0);
	MUST(prints(torn_run) == 0);
	return 0;
}

/* Remedy: torn_gate_settle(), each of its parts. */
static void test_each_leak_is_reported_and_put_back_for_the_next_run(void **state)
{
	(void)state;
	static const struct {
		int (*operation)(const struct torn_run *run);
		const char *what, *detail;
		uint32_t op;
	} leaks[] = {
		{leaves_a_descriptor, "descriptor", "descriptor 3 on /srv/f is still open", 1},
		{leaves_a_duplicate, "descriptor", "descriptor 4 on /srv/f is still open", 1},
		{leaves_a_pipe, "descriptor", "descriptor 3 on a pipe or device is still open", 0},
		{leaves_a_lock, "descriptor", "descriptor 3 on /srv/f is still open", 1},
		{replaces_stdout, "descriptor", "descriptor 1 on /srv/f is still open", 1},
		{closes_stdin, "descriptor", "descriptor 0 is not what it was", 0},
		{leaves_its_directory, "working directory", "the working directory is /srv, it was /", 0},
		{leaves_a_umask, "umask", "the umask is 0077, it was 0022", 0},
		{leaves_a_mask, "signal mask", "the mask of blocked signals is 0x4000, it was 0", 0},
		{leaves_sigsys_blocked, "signal mask", "the mask of blocked signals is 0x40000000, it was 0", 0},
	};
	for (size_t i = 0; i < sizeof leaks / sizeof *leaks; i++) {
		shared->jobs = 0;
		const struct pair *both = run_two(leaks[i].operation, finds_all_as_it_should_be);
		assert_int_equal(both->results[0], TORN_HELD);
		assert_int_equal(both->trials[0].code, 0);
		assert_true(both->trials[0].leaks_count >= 1);
		assert_string_equal(both->trials[0].leaks[0].what, leaks[i].what);
		assert_string_equal(both->trials[0].leaks[0].detail, leaks[i].detail);
		assert_int_equal(both->trials[0].leaks[0].op, leaks[i].op);
		assert_int_equal(both->results[1], TORN_HELD);
		if (both->trials[1].code != 0)
			fail_msg("after leak %zu: line %d", i, both->trials[1].code);
		assert_int_equal(both->trials[1].leaks_count, 0);
	}
}

static int leaves_everything(const struct torn_run *torn_run)
{
	if (leaves_a_descriptor(torn_run) || leaves_a_umask(torn_run) || leaves_a_mask(torn_run))
		return -1;
	for (int i = 0; i < 10; i++)
		MUST(dup(3) == 4 + i);
	return leaves_its_directory(torn_run);
}

static void test_more_leaks_than_fit_are_cut_off_and_all_put_back(void **state)
{
	(void)state;
	const struct pair *both = run_two(leaves_everything, finds_all_as_it_should_be);
	assert_int_equal(both->trials[0].leaks_count, TORN_LEAKS_MAX);
	assert_int_equal(both->trials[1].code, 0);
	assert_int_equal(both->trials[1].leaks_count, 0);
}

/* A leak of an isolated run is told through shared memory. */
static void test_a_leak_in_an_isolated_run_is_reported_too(void **state)
{
	(void)state;
	test->isolated = true;
	assert_holds(leaves_a_umask);
	assert_int_equal(test->trial.leaks_count, 1);
	assert_string_equal(test->trial.leaks[0].what, "umask");
	assert_holds(nothing);
	assert_int_equal(test->trial.leaks_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		gate_test(test_whatever_a_target_closes_or_takes_the_same_worker_goes_on),
		gate_test(test_closed_standard_descriptors_are_there_for_the_next_run),
		gate_test(test_close_range_with_cloexec_closes_nothing),
		gate_test(test_at_the_limit_of_descriptors_an_open_has_no_effect),
		gate_test(test_each_leak_is_reported_and_put_back_for_the_next_run),
		gate_test(test_more_leaks_than_fit_are_cut_off_and_all_put_back),
		gate_test(test_a_leak_in_an_isolated_run_is_reported_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
