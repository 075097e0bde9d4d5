/*
 * gate_process_test.c: operations that start processes, end their own, or would
 * never end.
 */
#include <linux/sched.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/file.h>

#include "gate_for_tests.h"
#include "recorder.h"

/* -------------------------------------------------- starting a process */

/*
 * What starts a process returned this, in the child too: a child counts in shared
 * memory. Remedy: the process calls are answered by EAGAIN and trouble; performed,
 * they give children that are not dispatched and write on the host.
 */
static int tell_child(long child)
{
	if (child == 0) {
		shared->count++;
		_exit(0);
	}
	shared->numbers[0] = child;
	shared->numbers[1] = errno;
	return 0;
}

static int forks(const struct torn_run *torn_run)
{
	(void)torn_run;
	return tell_child(fork());
}

static int forks_directly(const struct torn_run *torn_run)
{
	(void)torn_run;
	return tell_child(syscall(SYS_fork));
}

static int vforks(const struct torn_run *torn_run)
{
	(void)torn_run;
	return tell_child(syscall(SYS_vfork));
}

static int clones(const struct torn_run *torn_run)
{
	(void)torn_run;
	return tell_child(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
}

static int clones_by_clone3(const struct torn_run *torn_run)
{
	(void)torn_run;
	struct clone_args arguments = {.exit_signal = SIGCHLD};
	return tell_child(syscall(SYS_clone3, &arguments, sizeof arguments));
}

static int execs(const struct torn_run *torn_run)
{
	(void)torn_run;
	char *const arguments[] = {"true", NULL};
	shared->numbers[0] = execv("/bin/true", arguments);
	shared->numbers[1] = errno;
	return 0;
}

static int execs_by_execveat(const struct torn_run *torn_run)
{
	(void)torn_run;
	char *const arguments[] = {"true", NULL};
	shared->numbers[0] = syscall(SYS_execveat, AT_FDCWD, "/bin/true", arguments, NULL, 0);
	shared->numbers[1] = errno;
	return 0;
}

static int spawns(const struct torn_run *torn_run)
{
	(void)torn_run;
	char *const arguments[] = {"true", NULL};
	pid_t child;
	const int r = posix_spawn(&child, "/bin/true", NULL, NULL, arguments, NULL);
	shared->numbers[0] = r == 0 ? child : -1;
	shared->numbers[1] = r;
	return 0;
}

static void *counts(void *argument)
{
	shared->count++;
	return argument;
}

static int starts_a_thread(const struct torn_run *torn_run)
{
	(void)torn_run;
	pthread_t thread;
	const int r = pthread_create(&thread, NULL, counts, NULL);
	shared->numbers[0] = r == 0 ? 1 : -1;
	shared->numbers[1] = r;
	if (r == 0)
		pthread_join(thread, NULL);
	return 0;
}

static void in_worker_and_then_count_children(void *context, struct torn_lab *lab)
{
	torn_test_in_worker(context, lab);
	/* No wait either: with a child of any state this is no ECHILD. */
	shared->numbers[2] = waitpid(-1, NULL, WNOHANG) < 0 ? errno : 0;
}

static void test_whatever_starts_a_process_is_refused_and_no_child_ever_was(void **state)
{
	(void)state;
	static const struct {
		int (*operation)(const struct torn_run *run);
		const char *why;
	} starts[] = {
		{forks, "INVALID: starts a process or thread (clone)"},
		{forks_directly, "INVALID: starts a process or thread (fork)"},
		{vforks, "INVALID: starts a process or thread (vfork)"},
		{clones, "INVALID: starts a process or thread (clone)"},
		{clones_by_clone3, "INVALID: starts a process or thread (clone3)"},
		{execs, "INVALID: starts a process or thread (execve)"},
		{execs_by_execveat, "INVALID: starts a process or thread (execveat)"},
		{spawns, "INVALID: starts a process or thread (clone3)"},
		{starts_a_thread, "INVALID: starts a process or thread (clone3)"},
	};
	for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
		assert_not_judged(starts[i].operation, starts[i].why);
		assert_non_null(strstr(test->failure, "use the ptrace gate"));
		assert_int_equal(shared->numbers[0], -1);
		assert_int_equal(shared->numbers[1], EAGAIN);
		assert_int_equal(shared->count, 0);
		const struct torn_job job = {.job = in_worker_and_then_count_children,
					     .again = torn_test_again,
					     .context = test};
		char message[256];
		assert_int_equal(torn_worker_do(&test->worker, &job, message, sizeof message), 0);
		assert_int_equal(shared->numbers[2], ECHILD);
	}
}

static int waits_for_a_child(const struct torn_run *torn_run)
{
	(void)torn_run;
	int status;
	MUST_FAIL(wait(&status), ECHILD);
	siginfo_t info;
	MUST_FAIL(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
	return 0;
}

static void test_waiting_finds_no_child(void **state)
{
	(void)state;
	assert_holds(waits_for_a_child);
}

/* A trial that cannot be judged leaves the worker fit for the next one. */
static void test_after_a_refused_fork_the_same_worker_goes_on(void **state)
{
	(void)state;
	const struct pair *both = run_two(forks, writes_new);
	assert_int_equal(both->results[0], -ENOTSUP);
	assert_int_equal(both->results[1], TORN_HELD);
	assert_int_equal(both->trials[1].code, 0);
	assert_string_equal(now("srv/f"), "new");
}

/* --------------------------------------------------- ending its own */

static int exits_without_handlers(const struct torn_run *torn_run)
{
	if (writes_new(torn_run) == 0)
		_exit(7);
	return -1;
}

static int exits_by_number(const struct torn_run *torn_run)
{
	if (writes_new(torn_run) == 0)
		syscall(SYS_exit, 300);
	return -1;
}

static int exits_with_handlers(const struct torn_run *torn_run)
{
	if (writes_new(torn_run) == 0)
		exit(3);
	return -1;
}

/* Remedy: exit and exit_group are an end of the trial; the isolated worker is told in the recorder. */
static void test_exit_ends_the_trial_with_its_code_and_not_the_check(void **state)
{
	(void)state;
	assert_ends(exits_without_handlers, TORN_EXITED, 7);
	assert_string_equal(now("srv/f"), "new");
	assert_int_equal(test->trial.log->numbered, 3);
	assert_ends(exits_by_number, TORN_EXITED, 300 & 0xff);
	assert_ends(exits_with_handlers, TORN_EXITED, 3);
	assert_string_equal(now("srv/f"), "new");
}

static int exits_with_0(const struct torn_run *torn_run)
{
	(void)torn_run;
	_exit(0);
}

/* Remedy: `finished` in worker.c: an exit with 0 by the target is not the worker's own. */
static void test_exit_with_0_is_not_taken_for_a_return(void **state)
{
	(void)state;
	assert_ends(exits_with_0, TORN_EXITED, 0);
}

static int aborts(const struct torn_run *torn_run)
{
	if (writes_new(torn_run) == 0)
		abort();
	return -1;
}

static int raises_segv(const struct torn_run *torn_run)
{
	if (writes_new(torn_run) != 0)
		return -1;
	raise(SIGSEGV);
	return -2;
}

static int executes_garbage(const struct torn_run *torn_run)
{
	if (writes_new(torn_run) == 0)
		__asm__ volatile("ud2");
	return -1;
}

static int faults_on_an_address(const struct torn_run *torn_run)
{
	if (writes_new(torn_run) == 0)
		__asm__ volatile("movl $0, 8" ::: "memory"); /* in C a sanitizer would see it first */
	return -1;
}

static int kills_itself(const struct torn_run *torn_run)
{
	if (writes_new(torn_run) == 0)
		kill(getpid(), SIGTERM);
	return -1;
}

/* Remedy: the worker that died is replaced by one in which each trial has a child of its own. */
static void test_a_crash_ends_the_trial_with_its_signal_and_keeps_what_was_done(void **state)
{
	(void)state;
	static const struct {
		int (*operation)(const struct torn_run *run);
		int number;
	} crashes[] = {
		{aborts, SIGABRT},
		{raises_segv, SIGSEGV},
		{faults_on_an_address, SIGSEGV},
		{executes_garbage, SIGILL},
		{kills_itself, SIGTERM},
	};
	for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) {
		assert_ends(crashes[i].operation, TORN_CRASHED, crashes[i].number);
		assert_int_equal(test->trial.log->numbered, 3);
		assert_string_equal(now("srv/f"), "new");
	}
}

static void test_after_a_crash_the_next_run_is_as_ever(void **state)
{
	(void)state;
	assert_ends(aborts, TORN_CRASHED, SIGABRT);
	assert_holds(writes_new);
	assert_int_equal(test->trial.log->numbered, 3);
}

/* ------------------------------------------------------ never ending */

static int writes_for_ever(const struct torn_run *torn_run)
{
	(void)torn_run;
	int fd = open("/srv/f", O_WRONLY);
	while (pwrite(fd, "x", 1, 0) == 1)
		;
	return __LINE__;
}

/* Remedy: TORN_OPS_MAX: no clock decides that this is for ever. */
static void test_a_run_with_too_many_ops_has_hung(void **state)
{
	(void)state;
	test->isolated = true;
	test->worker.timeout_s = 30;
	assert_ends(writes_for_ever, TORN_HUNG, TORN_HANG_OPS);
	assert_int_equal(test->trial.log->count, TORN_OPS_MAX);
}

static int asks_for_its_id_for_ever(const struct torn_run *torn_run)
{
	(void)torn_run;
	while (getpid() > 0)
		;
	return __LINE__;
}

/* Remedy: TORN_CROSSINGS_MAX, for loops without a numbered op. */
static void test_a_run_with_too_many_crossings_has_hung(void **state)
{
	(void)state;
	test->isolated = true;
	test->worker.timeout_s = 30;
	assert_ends(asks_for_its_id_for_ever, TORN_HUNG, TORN_HANG_CROSSINGS);
	assert_int_equal(test->trial.log->crossings, TORN_CROSSINGS_MAX + 1);
	assert_int_equal(test->trial.log->numbered, 0);
}

static int loops(const struct torn_run *torn_run)
{
	if (writes_new(torn_run) != 0)
		return -1;
	for (volatile bool on = true; on;)
		;
	return 0;
}

/* Remedy: RLIMIT_CPU of the child and the watch on the worker. */
static void test_a_run_that_computes_for_ever_has_hung(void **state)
{
	(void)state;
	test->worker.timeout_s = 1;
	assert_ends(loops, TORN_HUNG, TORN_HANG_TIME);
	assert_string_equal(now("srv/f"), "new");
}

static int reads_from_its_own_pipe(const struct torn_run *torn_run)
{
	(void)torn_run;
	int ends[2];
	char byte;
	if (pipe(ends) != 0)
		return -1;
	return (int)read(ends[0], &byte, 1);
}

/* Remedy: the wait for the child ends after six times its CPU time, none of it used. */
static void test_a_run_that_waits_for_ever_has_hung(void **state)
{
	(void)state;
	test->isolated = true;
	test->worker.timeout_s = 1;
	assert_ends(reads_from_its_own_pipe, TORN_HUNG, TORN_HANG_TIME);
}

static int pauses(const struct torn_run *torn_run)
{
	(void)torn_run;
	return pause();
}

static int opens_a_fifo_to_read(const struct torn_run *torn_run)
{
	(void)torn_run;
	return open("/srv/fifo", O_RDONLY);
}

static int opens_a_fifo_to_write(const struct torn_run *torn_run)
{
	(void)torn_run;
	return open("/srv/fifo", O_WRONLY);
}

static int locks_twice(const struct torn_run *torn_run)
{
	(void)torn_run;
	int one = open("/srv/f", O_RDONLY), two = open("/srv/f", O_RDONLY);
	if (flock(one, LOCK_EX) != 0)
		return -1;
	return flock(two, LOCK_EX);
}

static int locks_twice_by_description(const struct torn_run *torn_run)
{
	(void)torn_run;
	int one = open("/srv/f", O_RDWR), two = open("/srv/f", O_RDWR);
	const struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fcntl(one, F_OFD_SETLKW, &whole) != 0)
		return -1;
	return fcntl(two, F_OFD_SETLKW, &whole);
}

/* Remedy: what only another process could end is a hang at once, not after a time-out. */
static void test_waiting_for_a_peer_that_cannot_come_has_hung_at_once(void **state)
{
	(void)state;
	begin_with("old srv/f file old\nold srv/fifo fifo\n");
	test->worker.timeout_s = 60; /* were it a time-out, CTest would end the test */
	static int (*const hangs[])(const struct torn_run *run) = {
		pauses, opens_a_fifo_to_read, opens_a_fifo_to_write, locks_twice,
		locks_twice_by_description,
	};
	for (size_t i = 0; i < sizeof hangs / sizeof *hangs; i++)
		assert_ends(hangs[i], TORN_HUNG, 0);
}

static int takes_locks_that_are_free(const struct torn_run *torn_run)
{
	(void)torn_run;
	int one = open("/srv/f", O_RDWR), two = open("/srv/f", O_RDWR);
	MUST(flock(one, LOCK_EX) == 0);
	MUST_FAIL(flock(two, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	MUST(flock(one, LOCK_UN) == 0);
	MUST(flock(two, LOCK_EX) == 0);
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	MUST(fcntl(one, F_SETLKW, &whole) == 0);
	MUST(fcntl(two, F_SETLKW, &whole) == 0); /* a process's locks are its own: fcntl(2) */
	int fifo = open("/srv/fifo", O_RDONLY | O_NONBLOCK);
	MUST(fifo >= 0);
	MUST_FAIL(open("/srv/absent-peer", O_WRONLY | O_NONBLOCK), ENOENT);
	MUST_FAIL(open("/srv/fifo", O_RDONLY | O_DIRECTORY), ENOTDIR);
	MUST_FAIL(open("/srv/fifo", O_WRONLY | O_CREAT | O_EXCL, 0600), EEXIST);
	MUST(close(fifo) == 0 && close(one) == 0 && close(two) == 0);
	return 0;
}

static void test_locks_that_are_free_and_a_fifo_without_waiting_are_no_hang(void **state)
{
	(void)state;
	begin_with("old srv/f file old\nold srv/fifo fifo\n");
	assert_holds(takes_locks_that_are_free);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		gate_test(test_whatever_starts_a_process_is_refused_and_no_child_ever_was),
		gate_test(test_waiting_finds_no_child),
		gate_test(test_after_a_refused_fork_the_same_worker_goes_on),
		gate_test(test_exit_ends_the_trial_with_its_code_and_not_the_check),
		gate_test(test_exit_with_0_is_not_taken_for_a_return),
		gate_test(test_a_crash_ends_the_trial_with_its_signal_and_keeps_what_was_done),
		gate_test(test_after_a_crash_the_next_run_is_as_ever),
		gate_test(test_a_run_with_too_many_ops_has_hung),
		gate_test(test_a_run_with_too_many_crossings_has_hung),
		gate_test(test_a_run_that_computes_for_ever_has_hung),
		gate_test(test_a_run_that_waits_for_ever_has_hung),
		gate_test(test_waiting_for_a_peer_that_cannot_come_has_hung_at_once),
		gate_test(test_locks_that_are_free_and_a_fifo_without_waiting_are_no_hang),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
