/*
 * isolation_end_test.c: how what runs behind the walls of isolation.h ends, with whom, and what these refuse to be built
 * around.
 */
#include "isolation_for_tests.h"

/* Where one test's worker runs, and a pipe whose other end all inside holds. */
struct stage {
	struct place place;
	int ends[2];
};

static int set_stage(void **state)
{
	static struct stage stage;
	*state = &stage;
	return make_place(&stage.place, BELOW_TMP, geteuid()) == 0 && pipe(stage.ends) == 0 ? 0 : -1;
}

static int clear_stage(void **state)
{
	const struct stage *stage = *state;
	close(stage->ends[0]);
	remove_place(&stage->place);
	return 0;
}

/* A worker that, once inside, does `then` in pid 1; what is written to its fd, is_told(). */
static pid_t start_worker(const struct stage *stage, void (*then)(int fd))
{
	fflush(NULL);
	const pid_t worker = fork();
	if (worker == 0) {
		close(stage->ends[0]);
		const struct torn_isolation isolation = isolation_of(&stage->place);
		struct torn_isolated isolated;
		char message[400];
		if (torn_isolation_enter(&isolation, &isolated, message, sizeof message) != 0)
			_exit(98);
		then(stage->ends[1]);
		_exit(97);
	}
	return worker;
}

static void say_and_stay(int fd)
{
	if (fork() == 0)
		for (;;)
			pause();
	if (write(fd, "x", 1) == 1)
		for (;;)
			pause();
}

static void close_and_stay(int fd)
{
	close(fd);
	for (;;)
		pause();
}

static void crash(int fd)
{
	(void)fd;
	signal(SIGILL, SIG_DFL);
	__builtin_trap();
}

static bool is_told(int fd)
{
	char byte;
	return read(fd, &byte, 1) == 1;
}

static void test_killing_the_worker_kills_all_inside(void **state)
{
	const struct stage *stage = *state;
	int status;
	if (unavailable)
		skip();
	const pid_t worker = start_worker(stage, say_and_stay);
	close(stage->ends[1]);
	assert_true(is_told(stage->ends[0]));
	assert_int_equal(kill(worker, SIGKILL), 0);
	assert_int_equal(waitpid(worker, &status, 0), worker);
	assert_true(is_hung_up(stage->ends[0], WAIT_MS));
}

static void test_all_inside_dies_with_the_parent_of_the_worker(void **state)
{
	const struct stage *stage = *state;
	int status;
	if (unavailable)
		skip();
	const pid_t parent = fork();
	if (parent == 0) {
		start_worker(stage, say_and_stay);
		close(stage->ends[1]);
		for (;;)
			pause();
	}
	close(stage->ends[1]);
	assert_true(is_told(stage->ends[0]));
	assert_int_equal(kill(parent, SIGKILL), 0);
	assert_int_equal(waitpid(parent, &status, 0), parent);
	assert_true(is_hung_up(stage->ends[0], WAIT_MS));
}

static void test_the_worker_ends_by_the_signal_that_ended_pid_1(void **state)
{
	const struct stage *stage = *state;
	int status;
	if (unavailable)
		skip();
	const pid_t worker = start_worker(stage, crash);
	close(stage->ends[1]);
	assert_int_equal(waitpid(worker, &status, 0), worker);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGILL);
	assert_true(is_hung_up(stage->ends[0], 0));
}

static void test_the_worker_holds_no_descriptor_that_pid_1_closed(void **state)
{
	const struct stage *stage = *state;
	int status;
	if (unavailable)
		skip();
	const pid_t worker = start_worker(stage, close_and_stay);
	close(stage->ends[1]);
	const bool hung_up = is_hung_up(stage->ends[0], WAIT_MS);
	const pid_t ended = waitpid(worker, &status, WNOHANG);
	kill(worker, SIGKILL);
	assert_true(hung_up);
	assert_int_equal(ended, 0);
	assert_int_equal(waitpid(worker, &status, 0), worker);
}

/* Shared with a child. */
struct refusal {
	int r;
	char message[400];
};

static void enter_refused(struct refusal *refusal, const struct torn_isolation *isolation, int error,
			  bool twice)
{
	fflush(NULL);
	const pid_t child = fork();
	if (child == 0) {
		struct torn_isolated isolated;
		if (error)
			refuse_call(SCMP_SYS(unshare), error);
		if (twice && geteuid() == 0)
			be_user(ORDINARY_ID);
		if (twice && torn_isolation_enter(isolation, &isolated, refusal->message, 1) != 0)
			_exit(1);
		refusal->r = torn_isolation_enter(isolation, &isolated, refusal->message,
						  sizeof refusal->message);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_where_user_namespaces_are_forbidden_it_says_so(void **state)
{
	struct stage *stage = *state;
	struct refusal *refusal = mmap(NULL, sizeof *refusal, PROT_READ | PROT_WRITE,
				       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(refusal, MAP_FAILED);
	close(stage->ends[1]);
	stage->place.list[0] = NULL;
	const struct torn_isolation isolation = isolation_of(&stage->place);
	enter_refused(refusal, &isolation, EPERM, false);
	assert_int_equal(refusal->r, -EPERM);
	assert_non_null(strstr(refusal->message, "user namespaces are not allowed here"));
	enter_refused(refusal, &isolation, ENOMEM, false);
	assert_int_equal(refusal->r, -ENOMEM);
	assert_string_equal(refusal->message, "namespaces cannot be made: Cannot allocate memory");
	/* The kernel itself: inside there are none to be had. */
	if (!unavailable) {
		enter_refused(refusal, &isolation, 0, true);
		assert_int_equal(refusal->r, -ENOSPC);
		assert_non_null(strstr(refusal->message, "user namespaces are not allowed here"));
	}
	munmap(refusal, sizeof *refusal);
}

static void test_directories_that_programs_need_are_refused(void **state)
{
	(void)state;
	static const char *const refused[] = {"/", "/dev", "/proc", "/proc/sys/net", "/sys", "/sys/fs", "x"};
	struct torn_isolated isolated;
	char message[400];
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		const struct torn_isolation isolation = {
			.dir = refused[i], .dir_bytes_max = BYTES_MAX, .dir_inodes_max = INODES_MAX};
		char expected[80];
		snprintf(expected, sizeof expected, "torn exec cannot run on a copy of %s", refused[i]);
		assert_int_equal(torn_isolation_enter(&isolation, &isolated, message, sizeof message),
				 -EINVAL);
		assert_string_equal(message, expected);
	}
}

static void test_more_to_show_than_there_is_room_for_is_refused(void **state)
{
	(void)state;
	const char *many[TORN_ISOLATION_SHOWN_MAX + 2];
	struct torn_isolated isolated;
	char message[400];
	for (size_t i = 0; i <= TORN_ISOLATION_SHOWN_MAX; i++)
		many[i] = "/var/tmp/none";
	many[TORN_ISOLATION_SHOWN_MAX + 1] = NULL;
	const struct torn_isolation isolation = {
		.dir = "/var/tmp/x", .dir_bytes_max = 1, .dir_inodes_max = 1, .shown = many};
	assert_int_equal(torn_isolation_enter(&isolation, &isolated, message, sizeof message), -E2BIG);
}

static int ask_kernel(void **state)
{
	(void)state;
	unavailable = why_unavailable();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_killing_the_worker_kills_all_inside, set_stage,
						clear_stage),
		cmocka_unit_test_setup_teardown(test_all_inside_dies_with_the_parent_of_the_worker, set_stage,
						clear_stage),
		cmocka_unit_test_setup_teardown(test_the_worker_ends_by_the_signal_that_ended_pid_1, set_stage,
						clear_stage),
		cmocka_unit_test_setup_teardown(test_the_worker_holds_no_descriptor_that_pid_1_closed,
						set_stage, clear_stage),
		cmocka_unit_test_setup_teardown(test_where_user_namespaces_are_forbidden_it_says_so, set_stage,
						clear_stage),
		cmocka_unit_test(test_directories_that_programs_need_are_refused),
		cmocka_unit_test(test_more_to_show_than_there_is_room_for_is_refused),
	};
	return cmocka_run_group_tests(tests, ask_kernel, NULL);
}
