/*
 * gate_faults_test.c: every fault, as a target meets it through the gate: that
 * it fires, what the target is told, what the log and the tree have.
 */
#include "gate_for_tests.h"

/* What a fault makes of these ops is told through the file and `shared`. */
enum { OPEN = 1, WRITE, FSYNC, CLOSE };

static int saves(const struct torn_run *torn_run)
{
	(void)torn_run;
	int fd = open("/srv/f", O_WRONLY | O_TRUNC | O_CREAT, 0644);
	shared->numbers[OPEN] = fd < 0 ? -errno : fd;
	ssize_t size = write(fd, "0123456789", 10);
	shared->numbers[WRITE] = size < 0 ? -errno : size;
	shared->numbers[FSYNC] = fsync(fd) == 0 ? 0 : -errno;
	shared->numbers[CLOSE] = close(fd) == 0 ? 0 : -errno;
	return 0;
}

static void test_without_a_fault_all_four_ops_succeed(void **state)
{
	(void)state;
	assert_holds(saves);
	assert_int_equal(test->trial.log->numbered, 4);
	assert_op(OPEN, "openat", 3, 3);
	assert_op(WRITE, "write", 10, 10);
	assert_op(FSYNC, "fsync", 0, 0);
	assert_op(CLOSE, "close", 0, 0);
	for (uint32_t number = OPEN; number <= CLOSE; number++)
		assert_int_equal(op(number)->fault, 0);
}

static void test_errno_refuses_the_call_once_and_without_effect(void **state)
{
	(void)state;
	assert_holds_under(saves, "fault 2 write errno=ENOSPC\n");
	assert_int_equal(shared->numbers[WRITE], -ENOSPC);
	assert_op(WRITE, "write", -ENOSPC, -ENOSPC);
	assert_int_equal(op(WRITE)->fault, 1);
	assert_false(op(WRITE)->flags & TORN_OP_PERFORMED);
	assert_memory_equal(op(WRITE)->data.data, "0123456789", 10); /* what was cut off is known */
	assert_int_equal(shared->numbers[FSYNC], 0);
	assert_string_equal(now("srv/f"), "");
}

static void test_errno_on_an_open_leaves_the_file_as_it_was(void **state)
{
	(void)state;
	assert_holds_under(saves, "fault 1 openat errno=EROFS\n");
	assert_int_equal(shared->numbers[OPEN], -EROFS);
	assert_int_equal(test->trial.log->numbered, 1); /* the others are on no descriptor of the root */
	assert_string_equal(now("srv/f"), "old");
}

static int writes_four_times(const struct torn_run *torn_run)
{
	(void)torn_run;
	int fd = open("/srv/f", O_WRONLY | O_TRUNC);
	MUST(fd >= 0);
	for (int i = 0; i < 4; i++) {
		ssize_t size = i % 2 == 0 ? write(fd, "abcd", 4) : pwrite(fd, "EFGH", 4, 4 * i);
		shared->numbers[i] = size < 0 ? -errno : size;
	}
	shared->numbers[4] = mkdir("/srv/d", 0755) == 0 ? 0 : -errno;
	shared->numbers[5] = unlink("/srv/f") == 0 ? 0 : -errno;
	MUST(close(fd) == 0);
	return 0;
}

static void test_sticky_refuses_this_and_every_later_call_of_the_kind(void **state)
{
	(void)state;
	assert_holds_under(writes_four_times, "fault 3 pwrite64 sticky=EIO\n");
	assert_int_equal(shared->numbers[0], 4);
	for (int i = 1; i < 4; i++)
		assert_int_equal(shared->numbers[i], -EIO); /* write too: the kind, not the call */
	for (uint32_t number = 3; number <= 5; number++) {
		assert_int_equal(op(number)->told, -EIO);
		assert_int_equal(op(number)->fault, 1);
	}
	assert_int_equal(shared->numbers[4], 0);
	assert_int_equal(shared->numbers[5], 0);
}

static void test_full_halves_a_write_and_then_refuses_what_takes_space(void **state)
{
	(void)state;
	assert_holds_under(writes_four_times, "fault 2 write full\n");
	assert_int_equal(shared->numbers[0], 2);
	assert_op(2, "write", 2, 2);
	for (int i = 1; i < 5; i++)
		assert_int_equal(shared->numbers[i], -ENOSPC);
	assert_int_equal(shared->numbers[5], 0); /* removing takes none */
	assert_null(torn_tree_find(test->trial.now, torn_bytes_of("srv/d")));
}

static void test_full_has_half_of_the_write_on_disk(void **state)
{
	(void)state;
	assert_holds_under(saves, "fault 2 write full\n");
	assert_int_equal(shared->numbers[WRITE], 5);
	assert_string_equal(now("srv/f"), "01234");
}

static int writes_one_byte(const struct torn_run *torn_run)
{
	(void)torn_run;
	int fd = open("/srv/f", O_WRONLY | O_TRUNC);
	ssize_t size = write(fd, "x", 1);
	shared->numbers[0] = size < 0 ? -errno : size;
	return close(fd);
}

static int makes_what_is_there(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST_FAIL(mkdir("/srv", 0755), EEXIST);
	return 0;
}

/* Remedy: takes_space(). filename_create() looks for the name before any space is taken. */
static void test_a_taken_name_is_found_before_a_full_disk(void **state)
{
	(void)state;
	run(makes_what_is_there, "fault 1 mkdir full\n");
	assert_int_equal(test->result, TORN_INVALID);
}

static void test_full_on_one_byte_is_enospc_at_once(void **state)
{
	(void)state;
	assert_holds_under(writes_one_byte, "fault 2 write full\n");
	assert_int_equal(shared->numbers[0], -ENOSPC);
	assert_string_equal(now("srv/f"), "");
}

static void test_short_moves_fewer_bytes_without_an_error(void **state)
{
	(void)state;
	assert_holds_under(saves, "fault 2 write short=3\n");
	assert_int_equal(shared->numbers[WRITE], 3);
	assert_op(WRITE, "write", 3, 3);
	assert_int_equal(op(WRITE)->length, 10);
	assert_string_equal(now("srv/f"), "012");
	assert_holds_under(saves, "fault 2 write short\n");
	assert_string_equal(now("srv/f"), "01234");
}

static int reads_twice(const struct torn_run *torn_run)
{
	(void)torn_run;
	char bytes[8];
	int fd = open("/srv/f", O_RDONLY);
	shared->numbers[0] = read(fd, bytes, sizeof bytes);
	shared->numbers[1] = read(fd, bytes, sizeof bytes);
	MUST(bytes[0] == 'd' || shared->numbers[1] == 0);
	return close(fd);
}

static void test_short_on_a_read_leaves_the_rest_for_the_next(void **state)
{
	(void)state;
	assert_holds_under(reads_twice, "fault 2 read short=2\n");
	assert_int_equal(shared->numbers[0], 2);
	assert_int_equal(shared->numbers[1], 1);
}

static void test_late_closes_and_then_reports_an_error(void **state)
{
	(void)state;
	assert_holds_under(saves, "fault 4 close late=EIO\n");
	assert_int_equal(shared->numbers[CLOSE], -EIO);
	assert_op(CLOSE, "close", 0, -EIO);
	assert_true(op(CLOSE)->flags & TORN_OP_PERFORMED);
	assert_int_equal(test->trial.leaks_count, 0); /* the descriptor is gone: close(2) */
	assert_string_equal(now("srv/f"), "0123456789");
}

static int writes_until_not_interrupted(const struct torn_run *torn_run)
{
	(void)torn_run;
	int fd = open("/srv/f", O_WRONLY | O_TRUNC);
	for (ssize_t size = -1; size < 0; shared->count++) {
		size = write(fd, "done", 4);
		if (size < 0 && errno != EINTR)
			return __LINE__;
	}
	return close(fd);
}

static void test_eintr_comes_as_often_as_asked_and_then_no_more(void **state)
{
	(void)state;
	assert_holds_under(writes_until_not_interrupted, "fault 2 write eintr\n");
	assert_int_equal(shared->count, 2);
	assert_string_equal(now("srv/f"), "done");
	shared->count = 0;
	assert_holds_under(writes_until_not_interrupted, "fault 2 write eintr=3\n");
	assert_int_equal(shared->count, 4);
	for (uint32_t number = 2; number <= 4; number++)
		assert_op(number, "write", -EINTR, -EINTR);
	assert_op(5, "write", 4, 4);
	assert_string_equal(now("srv/f"), "done");
}

/* ------------------------------------------------------------------- kill */

static const struct {
	const char *fault;
	uint32_t op;
	uint64_t bytes;
	const char *left;
} kills[] = {
	{"fault 1 openat kill=before\n", 0, 0, "old"},
	{"fault 1 openat kill=after\n", 1, 0, ""},
	{"fault 2 write kill=before\n", 1, 0, ""},
	{"fault 2 write kill=1\n", 2, 1, "0"},
	{"fault 2 write kill=9\n", 2, 9, "012345678"},
	{"fault 2 write kill=after\n", 2, 0, "0123456789"},
	{"fault 4 close kill=after\n", 4, 0, "0123456789"},
};

static void assert_killed(size_t i)
{
	assert_string_equal(test->failure, "");
	assert_int_equal(test->result, TORN_HELD);
	assert_true(test->trial.killed);
	assert_int_equal(test->trial.end, TORN_ENDED_BY_PLAN);
	assert_int_equal(test->trial.kill_op, kills[i].op);
	assert_int_equal(test->trial.kill_bytes, kills[i].bytes);
	assert_string_equal(now("srv/f"), kills[i].left);
}

static void test_a_kill_is_judged_at_the_tree_that_it_leaves(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof kills / sizeof *kills; i++) {
		run(saves, kills[i].fault);
		assert_killed(i);
	}
}

/* The same by a real SIGKILL: the disk was held against what the fold says. */
static void test_a_real_kill_leaves_the_folded_tree(void **state)
{
	(void)state;
	test->how = TORN_TRIAL_KILL_FOR_REAL;
	for (size_t i = 0; i < sizeof kills / sizeof *kills; i++) {
		*shared = (struct shared){.numbers = {[CLOSE] = 99}};
		run(saves, kills[i].fault);
		assert_killed(i);
		assert_int_equal(shared->numbers[CLOSE], 99); /* it never came that far */
		assert_true(test->trial.log->numbered <= kills[i].op + 1);
	}
	test->how = TORN_TRIAL_PLAIN;
	assert_holds(saves);
}

static void test_a_fault_before_a_kill_shapes_what_it_leaves(void **state)
{
	(void)state;
	for (int how = TORN_TRIAL_PLAIN; how <= TORN_TRIAL_KILL_FOR_REAL; how++) {
		test->how = how;
		run(saves, "fault 2 write short=4\nfault 3 fsync kill=before\n");
		assert_string_equal(test->failure, "");
		assert_int_equal(test->result, TORN_HELD);
		assert_int_equal(test->trial.kill_op, 2);
		assert_string_equal(now("srv/f"), "0123");
	}
}

/* ----------------------------------------------------------------- signal */

static void cleans_up(int number)
{
	shared->count++;
	shared->numbers[10] = number;
	unlink("/srv/f");
}

static int saves_with_a_handler(const struct torn_run *torn_run)
{
	MUST(signal(SIGTERM, cleans_up) == SIG_DFL);
	return saves(torn_run);
}

static void test_a_planned_signal_runs_the_handler_between_two_ops(void **state)
{
	(void)state;
	assert_holds_under(saves_with_a_handler, "fault 2 write signal=TERM\n");
	assert_int_equal(shared->count, 1);
	assert_int_equal(shared->numbers[10], SIGTERM);
	assert_int_equal(test->trial.log->numbered, 5);
	assert_op(2, "write", 10, 10);
	assert_int_equal(op(2)->fault, 1);
	assert_false(op(2)->flags & TORN_OP_FATAL);
	assert_string_equal(torn_call_name(op(3)->call), "unlink");
	assert_op(4, "fsync", 0, 0);
	assert_null(now("srv/f"));
	assert_false(test->trial.killed);
	assert_true(test->trial.log->handled & (UINT64_C(1) << SIGTERM));
}

static int saves_ignoring(const struct torn_run *torn_run)
{
	MUST(signal(SIGTERM, SIG_IGN) == SIG_DFL);
	return saves(torn_run);
}

static void test_a_planned_signal_that_is_ignored_changes_nothing(void **state)
{
	(void)state;
	assert_holds_under(saves_ignoring, "fault 2 write signal=TERM\n");
	assert_int_equal(op(2)->fault, 1);
	assert_false(op(2)->flags & TORN_OP_FATAL);
	assert_false(test->trial.killed);
	assert_string_equal(now("srv/f"), "0123456789");
}

static void test_a_planned_signal_with_the_default_disposition_is_a_kill_after_the_op(void **state)
{
	(void)state;
	run(saves, "fault 2 write signal=TERM\n");
	assert_int_equal(test->result, TORN_HELD);
	assert_true(op(2)->flags & TORN_OP_FATAL);
	assert_true(test->trial.killed);
	assert_int_equal(test->trial.end, TORN_ENDED_BY_PLAN);
	assert_int_equal(test->trial.kill_op, 2);
	assert_string_equal(now("srv/f"), "0123456789");
}

static int saves_once_handled(const struct torn_run *torn_run)
{
	const struct sigaction action = {.sa_handler = cleans_up, .sa_flags = (int)SA_RESETHAND};
	MUST(sigaction(SIGTERM, &action, NULL) == 0);
	return saves(torn_run);
}

/* SA_RESETHAND: the second one finds the default disposition (sigaction(2)). */
static void test_a_second_signal_after_a_one_shot_handler_is_a_kill_by_the_plan(void **state)
{
	(void)state;
	run(saves_once_handled, "fault 2 write signal=TERM\nfault 4 fsync signal=TERM\n");
	assert_string_equal(test->failure, "");
	assert_int_equal(test->result, TORN_HELD);
	assert_int_equal(shared->count, 1);
	assert_true(test->trial.killed);
	assert_int_equal(test->trial.end, TORN_ENDED_BY_PLAN);
	assert_int_equal(test->trial.kill_op, 4);
}

static int saves_with_the_signal_blocked(const struct torn_run *torn_run)
{
	sigset_t set, old;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	MUST(sigprocmask(SIG_BLOCK, &set, &old) == 0);
	const int r = saves(torn_run);
	MUST(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
	return r;
}

static int saves_with_the_signal_blocked_and_handled(const struct torn_run *torn_run)
{
	MUST(signal(SIGTERM, cleans_up) == SIG_DFL);
	return saves_with_the_signal_blocked(torn_run);
}

/* What programs block signals for: it must not come in between. */
static void test_a_planned_signal_that_is_blocked_waits_until_it_is_not(void **state)
{
	(void)state;
	assert_holds_under(saves_with_the_signal_blocked_and_handled, "fault 2 write signal=TERM\n");
	assert_int_equal(shared->count, 1);
	assert_string_equal(torn_call_name(op(5)->call), "unlink"); /* after all four */
	run(saves_with_the_signal_blocked, "fault 2 write signal=TERM\n");
	assert_string_equal(test->failure, "");
	assert_false(test->trial.killed && test->trial.kill_op < 4);
	assert_string_equal(now("srv/f"), "0123456789");
}

static void test_a_planned_signal_whose_default_is_to_be_ignored_kills_nobody(void **state)
{
	(void)state;
	if (torn_signal_named(torn_bytes_of("CHLD")) == 0)
		skip();
	assert_holds_under(saves, "fault 2 write signal=CHLD\n");
	assert_false(test->trial.killed);
}

/* ------------------------------------------------------------------- when */

static void test_a_fault_that_does_not_fire_is_invalid(void **state)
{
	(void)state;
	static const char *const none[] = {
		"fault 9 write errno=EIO\n",             /* no such op */
		"fault 3 write errno=EIO\n",             /* another call */
		"fault 1 write short=2\n",               /* another call */
		"fault 2 write short=10\n",              /* not fewer than asked */
		"fault 2 write kill=10\n",               /* no part of it */
		"fault 5..9 write errno=EIO\n",          /* none in the range */
		"fault 2 write errno=EIO\nfault 3 write errno=EIO\n", /* one of two */
	};
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		run(saves, none[i]);
		if (test->result != TORN_INVALID)
			fail_msg("%s: %d %s", none[i], test->result, test->failure);
	}
}

static int writes_eight_bytes(const struct torn_run *torn_run)
{
	(void)torn_run;
	int fd = open("/srv/f", O_WRONLY | O_TRUNC);
	MUST(fd >= 0);
	for (int i = 0; i < 8; i++)
		if (pwrite(fd, "x", 1, i) < 0 && errno == EIO)
			shared->numbers[0] |= 1 << (2 + i); /* by op */
	return close(fd);
}

static void test_ranges_and_steps_act_at_exactly_their_ops(void **state)
{
	(void)state;
	static const struct {
		const char *fault;
		int64_t ops;
	} whens[] = {
		{"fault 4 pwrite64 errno=EIO\n", 1 << 4},
		{"fault 3..5 pwrite64 errno=EIO\n", 1 << 3 | 1 << 4 | 1 << 5},
		{"fault 8..40 pwrite64 errno=EIO\n", 1 << 8 | 1 << 9},
		{"fault 1..3 pwrite64 errno=EIO\n", 1 << 2 | 1 << 3}, /* op 1 is the open */
		{"fault 3+2 pwrite64 errno=EIO\n", 1 << 3 | 1 << 5 | 1 << 7 | 1 << 9},
		{"fault 3+3 pwrite64 errno=EIO\n", 1 << 3 | 1 << 6 | 1 << 9},
		{"fault 7+1 pwrite64 errno=EIO\n", 1 << 7 | 1 << 8 | 1 << 9},
	};
	for (size_t i = 0; i < sizeof whens / sizeof *whens; i++) {
		shared->numbers[0] = 0;
		assert_holds_under(writes_eight_bytes, whens[i].fault);
		assert_int_equal(shared->numbers[0], whens[i].ops);
		for (uint32_t number = 1; number <= test->trial.log->numbered; number++)
			assert_int_equal(op(number)->fault, (whens[i].ops >> number) & 1);
	}
}

static void test_part_of_a_read_cannot_be_killed_into_an_error_of_torn(void **state)
{
	(void)state;
	run(reads_twice, "fault 2 read kill=2\n");
	assert_true(test->result == TORN_HELD || test->result == TORN_INVALID);
}

/* ------------------------------------------------------- an fsync that fails */

/* Old is "old"; what the file reads as after an fsync that failed, and what the next one says. */
static int overwrites_and_reads(const struct torn_run *torn_run)
{
	(void)torn_run;
	int fd = open("/srv/f", O_RDWR), other = open("/srv/f", O_RDONLY), twin = dup(fd);
	MUST(fd >= 0 && other >= 0 && twin >= 0);
	MUST(pwrite(fd, "newer", 5, 0) == 5);
	shared->numbers[0] = fsync(fd) == 0 ? 0 : -errno;
	MUST(pread(fd, shared->text, 100, 0) == 5);
	int late = open("/srv/f", O_RDONLY);
	MUST(late >= 0);
	shared->numbers[1] = fsync(fd) == 0 ? 0 : -errno;
	shared->numbers[2] = fsync(twin) == 0 ? 0 : -errno;
	shared->numbers[3] = fsync(other) == 0 ? 0 : -errno;
	shared->numbers[4] = fdatasync(other) == 0 ? 0 : -errno;
	shared->numbers[5] = fsync(late) == 0 ? 0 : -errno;
	MUST(close(late) == 0 && close(fd) == 0 && close(other) == 0 && close(twin) == 0);
	return 0;
}

static void test_a_failed_fsync_is_told_once_through_each_descriptor_then_open(void **state)
{
	(void)state;
	static const char *const manners[] = {"lost", "reverted", "kept"};
	for (size_t i = 0; i < sizeof manners / sizeof *manners; i++) {
		char fault[64];
		snprintf(fault, sizeof fault, "fault 5 fsync fsync=%s:EDQUOT\n", manners[i]);
		assert_holds_under(overwrites_and_reads, fault);
		static const int64_t told[6] = {-EDQUOT, 0, 0, -EDQUOT, 0, 0};
		assert_memory_equal(shared->numbers, told, sizeof told);
		assert_string_equal(shared->text, strcmp(manners[i], "reverted") == 0 ? "old\0" : "newer");
	}
}

static void test_a_plain_error_is_told_through_its_own_descriptor_alone(void **state)
{
	(void)state;
	assert_holds_under(overwrites_and_reads, "fault 5 fsync errno=EDQUOT\n");
	static const int64_t told[6] = {-EDQUOT, 0, 0, 0, 0, 0};
	assert_memory_equal(shared->numbers, told, sizeof told);
}

/* Two blocks: the first is synced before, the second is written after that; then both change. */
static int writes_around_a_sync(const struct torn_run *torn_run)
{
	(void)torn_run;
	int fd = open("/srv/f", O_WRONLY | O_TRUNC);
	MUST(fd >= 0 && pwrite(fd, "one", 3, 0) == 3 && fsync(fd) == 0);
	MUST(pwrite(fd, "two", 3, 4096) == 3 && pwrite(fd, "ON", 2, 0) == 2);
	MUST_FAIL(fsync(fd), EIO);
	MUST(pwrite(fd, "E", 1, 2) == 1 && close(fd) == 0);
	return 0;
}

static void test_reverted_pages_are_what_the_last_sync_left(void **state)
{
	(void)state;
	assert_holds_under(writes_around_a_sync, "fault 6 fsync fsync=reverted\n");
	assert_string_equal(now("srv/f"), "onE");
	const struct torn_node *file = torn_tree_find(test->trial.now, torn_bytes_of("srv/f"));
	char bytes[4099], zeroes[3] = "";
	assert_int_equal(file->size, 4099); /* the size stays */
	assert_int_equal(torn_node_read(file, 0, bytes, sizeof bytes), sizeof bytes);
	assert_memory_equal(bytes + 4096, zeroes, 3);
	assert_holds_under(writes_around_a_sync, "fault 6 fsync fsync=lost\n");
	assert_string_equal(now("srv/f"), "ONE");
}

static int fails_to_sync_twice(const struct torn_run *torn_run)
{
	(void)torn_run;
	int fd = open("/srv/f", O_WRONLY);
	MUST(fd >= 0 && pwrite(fd, "1", 1, 0) == 1);
	MUST_FAIL(fsync(fd), EIO);
	MUST(pwrite(fd, "2", 1, 1) == 1);
	MUST_FAIL(fsync(fd), EIO);
	MUST(close(fd) == 0);
	return 0;
}

static void test_a_failed_fsync_leaves_no_page_dirty_for_the_next(void **state)
{
	(void)state;
	static const struct {
		const char *first, *content;
	} rows[] = {{"errno=EIO", "old"}, {"fsync=kept", "1ld"}, {"fsync=lost", "1ld"},
		    {"fsync=reverted", "old"}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char faults[128];
		snprintf(faults, sizeof faults, "fault 3 fsync %s\nfault 5 fsync fsync=reverted\n",
			 rows[i].first);
		assert_holds_under(fails_to_sync_twice, faults);
		assert_string_equal(now("srv/f"), rows[i].content);
	}
}

static int changes_after_a_directory_sync(const struct torn_run *torn_run)
{
	(void)torn_run;
	int dir = open("/srv", O_RDONLY | O_DIRECTORY);
	int fd = open("/srv/f", O_RDWR);
	MUST_FAIL(fsync(dir), EIO);
	shared->numbers[0] = write(fd, "x", 1) == 1 ? 0 : -errno;
	shared->numbers[1] = rename("/srv/f", "/srv/g") == 0 ? 0 : -errno;
	shared->numbers[2] = fsync(fd) == 0 ? 0 : -errno;
	shared->numbers[3] = open("/srv/h", O_WRONLY | O_CREAT, 0644) >= 0 ? 0 : -errno;
	struct stat status;
	shared->numbers[4] = stat("/srv/f", &status) == 0 ? 0 : -errno;
	char byte;
	shared->numbers[5] = read(fd, &byte, 1) == 1 ? 0 : -errno;
	MUST(close(fd) == 0 && close(dir) == 0);
	return 0;
}

static void test_a_failed_sync_of_a_directory_ends_all_changes(void **state)
{
	(void)state;
	assert_holds_under(changes_after_a_directory_sync, "fault 3 fsync fsync=readonly\n");
	static const int64_t readonly[6] = {-EROFS, -EROFS, -EROFS, -EROFS, 0, 0};
	assert_memory_equal(shared->numbers, readonly, sizeof readonly);
	assert_string_equal(now("srv/f"), "old");
	assert_holds_under(changes_after_a_directory_sync, "fault 3 fsync fsync=shutdown\n");
	static const int64_t shut_down[6] = {-EIO, -EIO, -EIO, -EIO, -EIO, -EIO};
	assert_memory_equal(shared->numbers, shut_down, sizeof shut_down);
}

static void test_what_is_said_of_a_file_does_not_act_on_a_directory(void **state)
{
	(void)state;
	static const char *const faults[] = {"fault 3 fsync fsync=lost\n", "fault 3 fsync fsync=reverted\n",
					     "fault 3 fsync fsync=kept\n"};
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		run(changes_after_a_directory_sync, faults[i]);
		assert_int_equal(test->result, TORN_INVALID);
	}
	run(overwrites_and_reads, "fault 5 fsync fsync=readonly\n");
	assert_int_equal(test->result, TORN_INVALID);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		gate_test(test_without_a_fault_all_four_ops_succeed),
		gate_test(test_errno_refuses_the_call_once_and_without_effect),
		gate_test(test_errno_on_an_open_leaves_the_file_as_it_was),
		gate_test(test_sticky_refuses_this_and_every_later_call_of_the_kind),
		gate_test(test_full_halves_a_write_and_then_refuses_what_takes_space),
		gate_test(test_full_has_half_of_the_write_on_disk),
		gate_test(test_a_taken_name_is_found_before_a_full_disk),
		gate_test(test_full_on_one_byte_is_enospc_at_once),
		gate_test(test_short_moves_fewer_bytes_without_an_error),
		gate_test(test_short_on_a_read_leaves_the_rest_for_the_next),
		gate_test(test_late_closes_and_then_reports_an_error),
		gate_test(test_eintr_comes_as_often_as_asked_and_then_no_more),
		gate_test(test_a_kill_is_judged_at_the_tree_that_it_leaves),
		gate_test(test_a_real_kill_leaves_the_folded_tree),
		gate_test(test_a_fault_before_a_kill_shapes_what_it_leaves),
		gate_test(test_a_planned_signal_runs_the_handler_between_two_ops),
		gate_test(test_a_planned_signal_that_is_ignored_changes_nothing),
		gate_test(test_a_planned_signal_with_the_default_disposition_is_a_kill_after_the_op),
		gate_test(test_a_second_signal_after_a_one_shot_handler_is_a_kill_by_the_plan),
		gate_test(test_a_planned_signal_that_is_blocked_waits_until_it_is_not),
		gate_test(test_a_planned_signal_whose_default_is_to_be_ignored_kills_nobody),
		gate_test(test_a_fault_that_does_not_fire_is_invalid),
		gate_test(test_ranges_and_steps_act_at_exactly_their_ops),
		gate_test(test_a_failed_fsync_is_told_once_through_each_descriptor_then_open),
		gate_test(test_a_plain_error_is_told_through_its_own_descriptor_alone),
		gate_test(test_reverted_pages_are_what_the_last_sync_left),
		gate_test(test_a_failed_fsync_leaves_no_page_dirty_for_the_next),
		gate_test(test_a_failed_sync_of_a_directory_ends_all_changes),
		gate_test(test_what_is_said_of_a_file_does_not_act_on_a_directory),
		gate_test(test_part_of_a_read_cannot_be_killed_into_an_error_of_torn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
