/*
 * device_cuts_test.c: which cuts of a run are looked at, and when the power may have gone for each: held against the tape, from
 * which the same are listed here. And behind which ops a commit is forced. The first wants root, FUSE and loop devices.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../fuzz/run_for_tests.h"
#include "device_cuts.h"
#include "device_for_tests.h"
#include "log.h"

#define CUTS_MAX 4096u
#define SECTORS_A_PAGE (TORN_DEVICE_PAGE / TORN_DEVICE_SECTOR)
#define ALL_PAIRS UINT32_MAX

struct cuts {
	struct torn_device_cut cuts[CUTS_MAX];
	uint32_t firsts[CUTS_MAX], ends[CUTS_MAX];
	uint32_t count;
};

static struct torn_test *test;
static struct torn_log the_log;
static struct torn_device *device;
static struct cuts seen, expected;

/* -------------------------------------------------------------- what is seen */

static bool note(void *context, const struct torn_device_state *state)
{
	(void)context;
	assert_true(seen.count < CUTS_MAX);
	assert_non_null(state->tree);
	seen.firsts[seen.count] = state->first;
	seen.ends[seen.count] = state->end;
	seen.cuts[seen.count++] = *state->cut;
	return true;
}

static struct torn_device_count look(uint32_t pairs_max, uint32_t from)
{
	const struct torn_device_how how = {.pairs_max = pairs_max, .seed = 1, .from = from};
	struct torn_device_count count = {.all = true};
	char message[256];
	seen.count = 0;
	assert_int_equal(torn_device_states(device, &test->arena, the_log.count, &how, note, NULL, &count, message,
					    sizeof message),
			 0);
	assert_int_equal(count.cuts, seen.count);
	return count;
}

/* ---------------------------------------------------------- what is expected */

static uint32_t moment_of_end(uint32_t end)
{
	const bool is_flush = end < torn_device_requests_count(device);
	return is_flush ? torn_device_request(device, end)->mark : 2 * the_log.count + 1;
}

static void expect(uint32_t given, uint32_t end, const struct torn_device_loss *losses, uint32_t losses_count)
{
	struct torn_device_cut *cut = &expected.cuts[expected.count];
	assert_true(expected.count < CUTS_MAX);
	*cut = (struct torn_device_cut){.given = given, .losses_count = losses_count};
	for (uint32_t i = 0; i < losses_count; i++)
		cut->losses[i] = losses[i];
	/* The last request of which anything is there, flushes too. */
	uint32_t last = given, lost = losses_count;
	while (last > 0 && lost > 0 && losses[lost - 1].request == last - 1 && losses[lost - 1].sectors == 0) {
		last--;
		lost--;
	}
	expected.firsts[expected.count] = last > 0 ? torn_device_request(device, last - 1)->mark : 0;
	expected.ends[expected.count++] = moment_of_end(end);
}

static void expect_one(uint32_t given, uint32_t end, uint32_t request, uint32_t sectors)
{
	const struct torn_device_loss loss = {request, sectors};
	expect(given, end, &loss, 1);
}

/* Of the writes from `begin` to the flush `end`; there is nothing else between two flushes. */
static void expect_epoch(uint32_t begin, uint32_t end)
{
	struct torn_device_loss lost[TORN_DEVICE_LOSSES_MAX];
	const uint32_t count = end - begin;
	assert_true(count <= TORN_DEVICE_LOSSES_MAX);
	for (uint32_t given = begin; given <= end; given++)
		expect(given, end, NULL, 0);
	for (uint32_t i = begin; i < end; i++) {
		const uint32_t pages = torn_device_request(device, i)->size / TORN_DEVICE_PAGE;
		const uint32_t half = pages / 2 * SECTORS_A_PAGE;
		if (pages >= 2)
			expect_one(i + 1, end, i, SECTORS_A_PAGE);
		if (pages >= 4)
			expect_one(i + 1, end, i, half);
		if (pages >= 2 && i + 1 < end)
			expect_one(end, end, i, half);
		if (i + 1 < end)
			expect_one(end, end, i, 0);
		lost[i - begin] = (struct torn_device_loss){i, 0};
	}
	for (uint32_t i = 1; count >= 3 && i < count; i++) /* the i-th alone */
		expect(begin + i + 1, end, lost, i);
	for (uint32_t i = 0; count >= 3 && i < count; i++)
		for (uint32_t j = i + 1; j < count; j++)
			expect(end, end, (struct torn_device_loss[]){lost[i], lost[j]}, 2);
}

static void expect_all(void)
{
	const uint32_t count = torn_device_requests_count(device);
	expected.count = 0;
	for (uint32_t begin = 0, end = 0; begin <= count; begin = ++end) {
		while (end < count && torn_device_writes(torn_device_request(device, end)))
			end++;
		if (end >= torn_device_requests_begin(device))
			expect_epoch(begin, end);
	}
}

static bool is_same(const struct torn_device_cut *a, const struct torn_device_cut *b)
{
	return a->given == b->given && a->losses_count == b->losses_count &&
	       memcmp(a->losses, b->losses, a->losses_count * sizeof *a->losses) == 0;
}

static uint32_t times_of(const struct cuts *cuts, const struct torn_device_cut *cut)
{
	uint32_t times = 0;
	for (uint32_t i = 0; i < cuts->count; i++)
		times += is_same(&cuts->cuts[i], cut);
	return times;
}

static void assert_moments(uint32_t from)
{
	for (uint32_t i = 0; i < seen.count; i++) {
		uint32_t at = 0;
		while (at < expected.count && !is_same(&seen.cuts[i], &expected.cuts[at]))
			at++;
		assert_true(at < expected.count);
		assert_int_equal(seen.firsts[i], expected.firsts[at] > from ? expected.firsts[at] : from);
		assert_int_equal(seen.ends[i], expected.ends[at]);
	}
}

/* ------------------------------------------------------------------- the run */

/* Of its pages the device is given this one at once, and no flush. */
static bool writes_page(int fd, const char *bytes, int number)
{
	const int how = SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
	const off_t at = number * (off_t)TORN_DEVICE_PAGE;
	return pwrite(fd, bytes, TORN_DEVICE_PAGE, at) == TORN_DEVICE_PAGE &&
	       sync_file_range(fd, at, TORN_DEVICE_PAGE, how) == 0;
}

/* Large writes, a sync with several behind it, and several at moments of their own before none. */
static int writes_much(const struct torn_run *run)
{
	static char bytes[7 * TORN_DEVICE_PAGE];
	(void)run;
	memset(bytes, 'n', sizeof bytes);
	const int fd = open("/srv/new", O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (fd < 0 || write(fd, bytes, sizeof bytes) != sizeof bytes || fsync(fd) != 0)
		return -1;
	if (write(fd, bytes, 2 * TORN_DEVICE_PAGE) != 2 * TORN_DEVICE_PAGE || mkdir("/srv/d", 0755) != 0 || fsync(fd) != 0)
		return -1;
	memset(bytes, 'm', sizeof bytes);
	for (int i = 0; i < 3; i++)
		if (!writes_page(fd, bytes, 2 * i))
			return -1;
	return close(fd) == 0 && rename("/srv/new", "/srv/f") == 0 ? 0 : -1;
}

static void record(uint32_t commit)
{
	char message[256];
	if (torn_device_record(device, &the_log, commit, message, sizeof message) < 0)
		fail_msg("%s", message);
	expect_all();
}

static void test_all_kinds_of_cuts_are_looked_at(void **state)
{
	(void)state;
	uint32_t torn = 0, halves = 0, without_one = 0, without_two = 0;
	record(TORN_DEVICE_NO_COMMIT);
	const struct torn_device_count count = look(ALL_PAIRS, 0);
	assert_true(count.all);
	assert_int_equal(count.there, expected.count);
	assert_int_equal(seen.count, expected.count);
	for (uint32_t i = 0; i < expected.count; i++) {
		const struct torn_device_cut *cut = &expected.cuts[i];
		assert_int_equal(times_of(&seen, cut), times_of(&expected, cut));
		torn += cut->losses_count == 1 && cut->losses[0].sectors == SECTORS_A_PAGE;
		halves += cut->losses_count == 1 && cut->losses[0].sectors > SECTORS_A_PAGE;
		without_one += cut->losses_count == 1 && cut->losses[0].sectors == 0;
		without_two += cut->losses_count == 2;
	}
	/* The run is one that has them all. */
	assert_true(torn > 0 && halves > 0 && without_one > 1 && without_two > 2);
}

static void test_each_cut_has_its_moments(void **state)
{
	(void)state;
	uint32_t wide = 0;
	record(TORN_DEVICE_NO_COMMIT);
	look(ALL_PAIRS, 0);
	assert_moments(0);
	for (uint32_t i = 0; i < seen.count; i++)
		wide += seen.firsts[i] < seen.ends[i];
	assert_true(wide > 0);
}

static void test_what_is_before_a_moment_is_not_looked_at(void **state)
{
	(void)state;
	uint32_t rename_at = 0;
	while (the_log.ops[rename_at].kind != TORN_KIND_rename)
		rename_at++;
	record(rename_at);
	const uint32_t from = expected.ends[expected.count / 2];
	uint32_t later = 0, before = 0;
	look(ALL_PAIRS, from);
	assert_moments(from);
	for (uint32_t i = 0; i < expected.count; i++) {
		later += expected.ends[i] >= from;
		before += expected.ends[i] < from;
	}
	assert_int_equal(seen.count, later);
	assert_true(before > 0);
}

static void test_too_many_pairs_are_a_sample(void **state)
{
	(void)state;
	record(TORN_DEVICE_NO_COMMIT);
	const uint32_t all = (look(ALL_PAIRS, 0), seen.count);
	assert_false(look(0, 0).all);
	const uint32_t without = seen.count;
	assert_false(look(3, 0).all);
	assert_true(seen.count > without);
	assert_true(seen.count < all);
}

/* ------------------------------------------------------------------- commits */

/* An op of a file, or of another one. */
struct row_op {
	enum torn_call call;
	enum torn_kind kind;
	int64_t result;
	uint32_t how;
	bool creates, is_other;
};

static struct torn_op op_of(const struct row_op *said)
{
	return (struct torn_op){.number = 1,
				.call = (uint16_t)said->call,
				.kind = (uint16_t)said->kind,
				.flags = TORN_OP_PERFORMED | (said->creates ? TORN_OP_CREATES : 0),
				.how = said->how,
				.object = said->is_other ? 3 : 2,
				.result = said->result};
}

#define OP(call, kind) TORN_CALL_##call, TORN_KIND_##kind

static void test_a_commit_matters_behind_what_changes_or_writes(void **state)
{
	(void)state;
	static const struct {
		struct row_op ops[2];
		uint32_t count; /* it is asked of the last */
		bool matters;
	} rows[] = {
		{{{OP(write, write), 5}}, 1, true},
		{{{OP(write, write), -ENOSPC}}, 1, false},
		{{{OP(write, runtime), 5}}, 1, false},
		{{{OP(read, read), 5}}, 1, false},
		{{{OP(open, open), 3}}, 1, false},
		{{{OP(open, open), 3, .how = O_TRUNC}}, 1, true},
		{{{OP(open, open), 3, .how = O_CREAT, .creates = true}}, 1, true},
		{{{OP(rename, rename)}}, 1, true},
		{{{OP(chmod, chmod)}}, 1, true},
		{{{OP(fsync, sync)}}, 1, false},
		{{{OP(fdatasync, sync)}}, 1, false},
		{{{OP(sync, sync)}}, 1, false},
		{{{OP(sync_file_range, sync)}}, 1, true},
		{{{OP(close, close)}}, 1, false},
		{{{OP(truncate, truncate)}, {OP(close, close)}}, 2, true},
		{{{OP(open, open), 3, .how = O_TRUNC}, {OP(close, close)}}, 2, true},
		{{{OP(open, open), 3}, {OP(close, close)}}, 2, false},
		{{{OP(write, write), 5}, {OP(close, close)}}, 2, false},
		{{{OP(truncate, truncate)}, {OP(close, close), .is_other = true}}, 2, false},
		{{{OP(truncate, truncate)}, {OP(fsync, sync)}}, 2, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct torn_op ops[2];
		const uint32_t count = rows[i].count;
		for (uint32_t j = 0; j < count; j++)
			ops[j] = op_of(&rows[i].ops[j]);
		const struct torn_log log = {.ops = ops, .count = count, .numbered = count};
		if (torn_device_commit_matters(&log, count - 1) != rows[i].matters)
			fail_msg("row %zu: %s", i, torn_call_name(ops[count - 1].call));
		ops[count - 1].number = 0; /* none of the target's ops */
		assert_false(torn_device_commit_matters(&log, count - 1));
	}
}

static int open_device(void **state)
{
	struct torn_device_choice choice;
	char message[256];
	(void)state;
	test = torn_test_open("old srv/f file old\n");
	torn_test_run(test, writes_much, ""); /* by a worker, which knows nothing of what is mounted then */
	if (test->result != TORN_HELD || torn_log_copy(&test->arena, test->trial.log, &the_log) < 0)
		return -1;
	if (torn_device_choose(torn_bytes_of("ext4"), &choice, message, sizeof message) == 0 &&
	    torn_device_enter(message, sizeof message) == 0 &&
	    torn_device_open(&device, &choice, message, sizeof message) == 0 &&
	    torn_device_begin(device, &test->setup.base, message, sizeof message) == 0)
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
	const struct CMUnitTest commits[] = {
		cmocka_unit_test(test_a_commit_matters_behind_what_changes_or_writes),
	};
	const struct CMUnitTest cuts[] = {
		cmocka_unit_test(test_all_kinds_of_cuts_are_looked_at),
		cmocka_unit_test(test_each_cut_has_its_moments),
		cmocka_unit_test(test_what_is_before_a_moment_is_not_looked_at),
		cmocka_unit_test(test_too_many_pairs_are_a_sample),
	};
	const int failed = cmocka_run_group_tests(commits, NULL, NULL);
	if (!has_disks())
		return failed;
	return failed + cmocka_run_group_tests(cuts, open_device, close_device);
}
