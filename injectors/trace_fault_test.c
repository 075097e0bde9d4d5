/*
 * trace_fault_test.c: every fault, as a program under the ptrace gate meets it: what it is told, by its
 * own account, and what is on disk afterwards. That this is fold(old, log) is held against each run.
 */
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "trace_for_tests.h"

/* What a call told, as a word: "3", "ENOSPC". */
static void tell(long result)
{
	if (result < 0)
		dprintf(1, "%s ", torn_errno_name(errno));
	else
		dprintf(1, "%ld ", result);
}

static void saves(void)
{
	const int fd = open("f", O_WRONLY | O_TRUNC | O_CREAT, 0644);
	tell(fd);
	tell(write(fd, "0123456789", 10));
	tell(fsync(fd));
	tell(close(fd));
}

static void assert_saves(const char *faults, const char *told, const char *left)
{
	run("saves", "old f file old\n", faults);
	assert_string_equal(output_of(1), told);
	assert_on_disk("f", left);
}

static void test_without_a_fault_all_four_ops_succeed(void **state)
{
	(void)state;
	assert_saves("", "3 10 0 0 ", "0123456789");
	assert_log("1 openat f = 3\n2 write f @0 \"0123456789\" = 10\n3 fsync f = 0\n4 close f = 0\n");
}

static void test_errno_refuses_the_call_once_and_without_effect(void **state)
{
	(void)state;
	assert_saves("fault 1 openat errno=EROFS\n", "EROFS EBADF EBADF EBADF ", "old");
	assert_saves("fault 2 write errno=ENOSPC\n", "3 ENOSPC 0 0 ", "");
	assert_false(op(2)->flags & TORN_OP_PERFORMED);
	assert_int_equal(op(2)->fault, 1);
	assert_saves("fault 3 fsync errno=EIO\n", "3 10 EIO 0 ", "0123456789");
}

static void test_eintr_comes_before_success(void **state)
{
	(void)state;
	assert_saves("fault 2 write eintr\n", "3 EINTR 0 0 ", "");
}

static void test_short_writes_what_it_says_and_half_unless_it_says(void **state)
{
	(void)state;
	assert_saves("fault 2 write short=3\n", "3 3 0 0 ", "012");
	assert_saves("fault 2 write short\n", "3 5 0 0 ", "01234");
	assert_int_equal(op(2)->data.size, 5);
}

static void test_late_takes_effect_and_then_reports(void **state)
{
	(void)state;
	assert_saves("fault 4 close late=EIO\n", "3 10 0 EIO ", "0123456789");
	assert_int_equal(op(4)->result, 0);
	assert_int_equal(op(4)->told, -EIO);
}

static void closes_late(void)
{
	CHECK(open("f", O_WRONLY) == 3);
	tell(close(3));
	tell(write(3, "x", 1)); /* it is closed all the same: close(2) */
	tell(open("f", O_WRONLY));
	tell(write(3, "y", 1));
}

static void test_a_descriptor_closed_late_is_closed(void **state)
{
	(void)state;
	run("closes_late", "old f file old\n", "fault 2 close late=EIO\n");
	assert_string_equal(output_of(1), "EIO EBADF 3 1 ");
	assert_on_disk("f", "yld");
}

static void writes_and_makes(void)
{
	const int fd = open("f", O_WRONLY | O_TRUNC);
	tell(write(fd, "abcd", 4));
	tell(pwrite(fd, "EFGH", 4, 4));
	tell(write(fd, "ijkl", 4));
	tell(mkdir("d", 0755));
	tell(open("g", O_WRONLY | O_CREAT, 0644));
	tell(unlink("f"));
}

static void test_sticky_refuses_all_later_calls_of_the_kind(void **state)
{
	(void)state;
	run("writes_and_makes", "old f file old\n", "fault 3 pwrite64 sticky=EIO\n");
	assert_string_equal(output_of(1), "4 EIO EIO 0 4 0 ");
	assert_int_equal(traced.recorder->log.numbered, 7);
}

static void test_full_does_half_and_then_nothing_that_takes_space(void **state)
{
	(void)state;
	run("writes_and_makes", "old f file old\nold link link f\n", "fault 2 write full\n");
	assert_string_equal(output_of(1), "2 ENOSPC ENOSPC ENOSPC ENOSPC 0 ");
	assert_on_disk("link", "ab");
	assert_not_noted(TORN_NOTE_FULL); /* it was told so, the disk was not */
}

/* ---------------------------------------------------------- each way to move bytes */

static char bytes[16];
static const struct iovec both[] = {{bytes, 2}, {bytes + 2, 4}};
static int from, to;

static long by_read(void)
{
	return read(from, bytes, 6);
}

static long by_pread(void)
{
	return pread(from, bytes, 6, 0);
}

static long by_readv(void)
{
	return readv(from, both, 2);
}

static long by_preadv(void)
{
	return preadv(from, both, 2, 0);
}

static long by_write(void)
{
	return write(to, "abcdef", 6);
}

static long by_pwrite(void)
{
	return pwrite(to, "abcdef", 6, 0);
}

static long by_writev(void)
{
	memcpy(bytes, "abcdef", 6);
	return writev(to, both, 2);
}

static long by_pwritev2(void)
{
	memcpy(bytes, "abcdef", 6);
	return pwritev2(to, both, 2, -1, 0);
}

static long by_sendfile(void)
{
	return sendfile(to, from, NULL, 6);
}

static long by_copy_file_range(void)
{
	return copy_file_range(from, NULL, to, NULL, 6, 0);
}

static const struct way {
	const char *call;
	long (*move)(void);
	bool reads, is_at_0;
} ways[] = {
	{"read", by_read, true, false},
	{"pread64", by_pread, true, true},
	{"readv", by_readv, true, false},
	{"preadv", by_preadv, true, true},
	{"write", by_write, false, false},
	{"pwrite64", by_pwrite, false, true},
	{"writev", by_writev, false, false},
	{"pwritev2", by_pwritev2, false, false},
	{"sendfile", by_sendfile, false, false},
	{"copy_file_range", by_copy_file_range, false, false},
};

/* The vector and the bytes around what is moved are as they were, whoever was shortened. */
static void moves(void)
{
	const struct way *way = &ways[atoi(traced.more)];
	from = open("from", O_RDONLY);
	to = open("to", O_RDWR);
	memset(bytes, '-', sizeof bytes);
	tell(way->move());
	CHECK(both[0].iov_base == bytes && both[0].iov_len == 2 && both[1].iov_len == 4);
	if (way->reads)
		dprintf(1, "%.*s ", 8, bytes);
	tell(lseek(way->reads ? from : to, 0, SEEK_CUR));
	tell(way->move()); /* the fault is over */
}

static void test_short_moves_fewer_bytes_by_each_call_and_the_offset_with_them(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		char fault[64], expected[64], number[8];
		snprintf(fault, sizeof fault, "fault 3 %s short=3\n", ways[i].call);
		snprintf(number, sizeof number, "%zu", i);
		traced.more = number;
		run("moves", "old from file abcdefghijkl\nold to file ............\n", fault);
		snprintf(expected, sizeof expected, "3 %s%d 6 ", ways[i].reads ? "abc----- " : "",
			 ways[i].is_at_0 ? 0 : 3);
		assert_string_equal(output_of(1), expected);
		const bool goes_on_in_from = strcmp(ways[i].call, "sendfile") == 0 ||
					     strcmp(ways[i].call, "copy_file_range") == 0;
		assert_on_disk("to", ways[i].reads	? "............"
				     : goes_on_in_from	? "abcdefghi..."
				     : ways[i].is_at_0	? "abcdef......"
							: "abcabcdef...");
	}
}

/* ------------------------------------------------------------------- fsync */

static void syncs_twice(void)
{
	const int fd = open("f", O_RDWR), other = open("f", O_RDONLY);
	char now[8] = "";
	CHECK(write(fd, "new", 3) == 3);
	tell(fsync(fd));
	tell(fsync(other)); /* each descriptor is told once */
	tell(fsync(fd));
	CHECK(pread(other, now, sizeof now - 1, 0) == 3);
	dprintf(1, "%s", now);
}

static void test_an_fsync_that_fails_leaves_what_it_says(void **state)
{
	(void)state;
	static const struct {
		const char *fault, *told, *left;
	} manners[] = {
		{"fault 4 fsync fsync=lost:EIO\n", "EIO EIO 0 new", "new"},
		{"fault 4 fsync fsync=reverted:EIO\n", "EIO EIO 0 old", "old"},
		{"fault 4 fsync fsync=kept:EIO\n", "EIO EIO 0 new", "new"},
	};
	for (size_t i = 0; i < sizeof manners / sizeof *manners; i++) {
		run("syncs_twice", "old f file old\n", manners[i].fault);
		assert_string_equal(output_of(1), manners[i].told);
		assert_on_disk("f", manners[i].left);
	}
}

/* ----------------------------------------------------------------- signals */

static void on_term(int number)
{
	dprintf(1, "got %d ", number);
	CHECK(unlink("temporary") == 0);
}

static void is_interrupted(void)
{
	signal(SIGTERM, on_term);
	const int fd = open("temporary", O_WRONLY | O_CREAT, 0644);
	tell(write(fd, "half", 4));
	tell(close(fd));
}

static void test_a_signal_that_is_handled_arrives_as_the_call_returns(void **state)
{
	(void)state;
	run("is_interrupted", "old f file old\n", "fault 2 write signal=TERM\n");
	assert_string_equal(output_of(1), "got 15 4 0 ");
	assert_null(on_disk("temporary"));
	assert_log("1 openat temporary = 3\n2 write temporary @0 \"half\" = 4\n3 unlink temporary = 0\n"
		   "4 close temporary = 0\n");
}

static void test_a_signal_that_nobody_handles_ends_the_program(void **state)
{
	(void)state;
	run_anyhow("saves", "old f file old\n", "fault 2 write signal=TERM\n");
	assert_ended("saves", TORN_ENDED_BY_PLAN, 0);
	assert_string_equal(output_of(1), "3 ");
	assert_on_disk("f", "0123456789");
	assert_true(op(2)->flags & TORN_OP_FATAL);
	assert_int_equal(traced.recorder->log.numbered, 2);
}

static void ignores(void)
{
	signal(SIGTERM, SIG_IGN);
	saves();
}

static void test_a_signal_that_is_ignored_changes_nothing(void **state)
{
	(void)state;
	run("ignores", "old f file old\n", "fault 2 write signal=TERM\n");
	assert_string_equal(output_of(1), "3 10 0 0 ");
	assert_on_disk("f", "0123456789");
}

/* ------------------------------------------------------------------- kills */

static void test_a_kill_for_real_ends_it_before_after_or_within_the_op(void **state)
{
	(void)state;
	static const struct {
		const char *fault, *told, *left;
		uint32_t ops;
	} kills[] = {
		{"fault 1 openat kill=before\n", "", "old", 1},
		{"fault 1 openat kill=after\n", "", "", 1},
		{"fault 2 write kill=before\n", "3 ", "", 2},
		{"fault 2 write kill=4\n", "3 ", "0123", 2},
		{"fault 2 write kill=after\n", "3 ", "0123456789", 2},
		{"fault 4 close kill=before\n", "3 10 0 ", "0123456789", 4},
	};
	traced.kill_for_real = true;
	for (size_t i = 0; i < sizeof kills / sizeof *kills; i++) {
		run_anyhow("saves", "old f file old\n", kills[i].fault);
		assert_ended("saves", TORN_ENDED_BY_PLAN, 0);
		assert_string_equal(output_of(1), kills[i].told);
		assert_on_disk("f", kills[i].left);
		assert_int_equal(traced.recorder->log.numbered, kills[i].ops);
	}
}

static void saves_in_a_child(void)
{
	const pid_t child = fork();
	if (child == 0) {
		saves();
		_exit(0);
	}
	CHECK(waitpid(child, NULL, 0) == child);
	write_file("after", "parent");
}

static void test_a_kill_for_real_ends_all_processes(void **state)
{
	(void)state;
	traced.kill_for_real = true;
	run_anyhow("saves_in_a_child", "old f file old\n", "fault 2 write kill=after\n");
	assert_ended("saves_in_a_child", TORN_ENDED_BY_PLAN, 0);
	assert_null(on_disk("after"));
	assert_on_disk("f", "0123456789");
}

int main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		SCENARIO(saves),
		SCENARIO(closes_late),
		SCENARIO(writes_and_makes),
		SCENARIO(moves),
		SCENARIO(syncs_twice),
		SCENARIO(is_interrupted),
		SCENARIO(ignores),
		SCENARIO(saves_in_a_child),
	};
	if (argc > 1)
		return trace_test_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
	const struct CMUnitTest tests[] = {
		trace_test(test_without_a_fault_all_four_ops_succeed),
		trace_test(test_errno_refuses_the_call_once_and_without_effect),
		trace_test(test_eintr_comes_before_success),
		trace_test(test_short_writes_what_it_says_and_half_unless_it_says),
		trace_test(test_late_takes_effect_and_then_reports),
		trace_test(test_a_descriptor_closed_late_is_closed),
		trace_test(test_sticky_refuses_all_later_calls_of_the_kind),
		trace_test(test_full_does_half_and_then_nothing_that_takes_space),
		trace_test(test_short_moves_fewer_bytes_by_each_call_and_the_offset_with_them),
		trace_test(test_an_fsync_that_fails_leaves_what_it_says),
		trace_test(test_a_signal_that_is_handled_arrives_as_the_call_returns),
		trace_test(test_a_signal_that_nobody_handles_ends_the_program),
		trace_test(test_a_signal_that_is_ignored_changes_nothing),
		trace_test(test_a_kill_for_real_ends_it_before_after_or_within_the_op),
		trace_test(test_a_kill_for_real_ends_all_processes),
	};
	return cmocka_run_group_tests(tests, open_tracer, close_tracer);
}
