/*
 * faults_test.c: deciding without a gate: which errnos are of a class, and
 * whether two plans decide alike on a log that is written by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "calls.h"
#include "faults.h"

static void test_each_errno_is_of_one_class(void **state)
{
	(void)state;
	static const struct {
		int number;
		enum torn_errno_class class;
	} known[] = {
		{ENOSPC, TORN_ERRNO_SPACE},	 {EDQUOT, TORN_ERRNO_SPACE},
		{EIO, TORN_ERRNO_IO},		 {EACCES, TORN_ERRNO_PERMISSION},
		{EPERM, TORN_ERRNO_PERMISSION},	 {EROFS, TORN_ERRNO_PERMISSION},
	};
	bool is_known[4096] = {false};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		assert_int_equal(torn_errno_class(known[i].number), known[i].class);
		is_known[known[i].number] = true;
	}
	size_t count;
	const struct torn_errno_row *rows = torn_errno_rows(&count);
	for (size_t i = 0; i < count; i++)
		if (!is_known[rows[i].number])
			assert_int_equal(torn_errno_class(rows[i].number), TORN_ERRNO_OTHER);
}

/* open O_CREAT, write of 10, message, write of 3, fsync, unlink of another file. */
static struct torn_op ops[6];
static struct torn_log log_of_six;

static int write_log(void **state)
{
	(void)state;
	static const enum torn_call calls[] = {TORN_CALL_openat, TORN_CALL_write, TORN_CALL_write,
					       TORN_CALL_write, TORN_CALL_fsync, TORN_CALL_unlink};
	uint32_t number = 0;
	for (size_t i = 0; i < 6; i++)
		ops[i] = (struct torn_op){.number = i == 2 ? 0 : ++number,
					  .call = (uint16_t)calls[i],
					  .kind = (uint16_t)torn_call_kind(calls[i]),
					  .object = 2,
					  .flags = TORN_OP_PERFORMED};
	ops[0].flags |= TORN_OP_CREATES;
	ops[1].length = 10;
	ops[2].length = 100; /* to the terminal: no fault acts there */
	ops[3].length = 3;
	log_of_six = (struct torn_log){.ops = ops, .count = 6, .numbered = 5};
	return 0;
}

static struct torn_fault fault(uint32_t number, enum torn_call call, enum torn_fault_name name,
			       int64_t value)
{
	return (struct torn_fault){
		.when = {number, number, 0}, .call = call, .name = name, .value = value};
}

/* Of that log, with these results of the two writes to a file; `blamed` is the op that the fault names. */
static bool fires_on_small_disk(uint32_t blamed, int64_t first, int64_t second)
{
	const struct torn_plan plan = {
		.seed = 1,
		.faults_count = 1,
		.faults = {fault(blamed, TORN_CALL_write, TORN_FAULT_FULL,
				 TORN_FULL_VALUE(TORN_FULL_TMPFS, TORN_FULL_BLOCKS, 1))}};
	struct torn_armed armed;
	torn_armed_begin(&armed, &plan);
	ops[0].fault = ops[1].fault = ops[3].fault = 0;
	ops[1].result = first;
	ops[3].result = second;
	/* It decides nothing. */
	assert_int_equal(torn_armed_decide(&armed, &ops[1]).act, TORN_ACT_NOTHING);
	assert_int_equal(torn_armed_decide(&armed, &ops[3]).act, TORN_ACT_NOTHING);
	torn_armed_note_full(&armed, &log_of_six);
	return torn_armed_all_fired(&armed);
}

static void test_a_small_disk_fires_where_the_kernel_refused_first(void **state)
{
	(void)state;
	assert_false(fires_on_small_disk(2, 10, 3));
	assert_true(fires_on_small_disk(2, -ENOSPC, 3));
	assert_int_equal(ops[1].fault, 1);
	assert_int_equal(ops[3].fault, 0);
	assert_true(fires_on_small_disk(2, 4, -ENOSPC)); /* a short write is the first of it */
	assert_int_equal(ops[3].fault, 1);
	assert_true(fires_on_small_disk(2, -EDQUOT, 3));
	assert_false(fires_on_small_disk(2, -EIO, 3));
	assert_false(fires_on_small_disk(3, -ENOSPC, -ENOSPC)); /* another op was refused before */
	assert_true(fires_on_small_disk(3, 10, -ENOSPC));
	ops[3].flags |= TORN_OP_RUNTIME;
	assert_false(fires_on_small_disk(3, 10, -ENOSPC));
}

static void test_a_small_disk_is_refused_where_a_call_takes_no_space(void **state)
{
	(void)state;
	const int64_t value = TORN_FULL_VALUE(TORN_FULL_EXT4, TORN_FULL_INODES, 2);
	const struct torn_fault creates = fault(1, TORN_CALL_openat, TORN_FAULT_FULL, value);
	const struct torn_fault reads = fault(1, TORN_CALL_read, TORN_FAULT_FULL, value);
	assert_null(torn_fault_objection(&creates));
	assert_non_null(torn_fault_objection(&reads));
}

static bool alike(struct torn_fault a, struct torn_fault b)
{
	const struct torn_plan one = {.faults = {a}, .faults_count = 1, .seed = 1};
	const struct torn_plan two = {.faults = {b}, .faults_count = 1, .seed = 1};
	return torn_plans_decide_alike(&log_of_six, &one, &two);
}

static void test_what_acts_the_same_at_every_op_is_alike(void **state)
{
	(void)state;
	const enum torn_call w = TORN_CALL_write, s = TORN_CALL_fsync;
	/* Once is sticky where no more of the kind comes. */
	assert_true(alike(fault(4, s, TORN_FAULT_ERRNO, EIO), fault(4, s, TORN_FAULT_STICKY, EIO)));
	assert_true(alike(fault(3, w, TORN_FAULT_ERRNO, EIO), fault(3, w, TORN_FAULT_STICKY, EIO)));
	assert_false(alike(fault(2, w, TORN_FAULT_ERRNO, EIO), fault(2, w, TORN_FAULT_STICKY, EIO)));
	assert_false(alike(fault(2, w, TORN_FAULT_STICKY, EIO), fault(2, w, TORN_FAULT_ERRNO, EIO)));
	/* Another errno is told, another call is hit. */
	assert_false(alike(fault(4, s, TORN_FAULT_ERRNO, EIO), fault(4, s, TORN_FAULT_ERRNO, ENOSPC)));
	assert_false(alike(fault(2, w, TORN_FAULT_ERRNO, EIO), fault(3, w, TORN_FAULT_ERRNO, EIO)));
	/* Half of a write is not ENOSPC; half is short. */
	assert_false(alike(fault(3, w, TORN_FAULT_ERRNO, ENOSPC), fault(3, w, TORN_FAULT_FULL, 0)));
	assert_true(alike(fault(3, w, TORN_FAULT_SHORT, 1), fault(3, w, TORN_FAULT_FULL, 0)));
	assert_false(alike(fault(2, w, TORN_FAULT_SHORT, 5), fault(2, w, TORN_FAULT_FULL, 0)));
	assert_false(alike(fault(2, w, TORN_FAULT_SHORT, 5), fault(2, w, TORN_FAULT_SHORT, 4)));
	assert_true(alike(fault(2, w, TORN_FAULT_SHORT, 5), fault(2, w, TORN_FAULT_SHORT, 0)));
	/* EINTR thrice is once where nobody calls again. */
	assert_true(alike(fault(4, s, TORN_FAULT_EINTR, 1), fault(4, s, TORN_FAULT_EINTR, 3)));
	assert_false(alike(fault(2, w, TORN_FAULT_EINTR, 1), fault(2, w, TORN_FAULT_EINTR, 3)));
	/* Lost is told like an error, and is none: the data counts. */
	assert_false(alike(fault(4, s, TORN_FAULT_ERRNO, EIO),
			   fault(4, s, TORN_FAULT_FSYNC, TORN_FSYNC_VALUE(TORN_FSYNC_LOST, EIO))));
	assert_false(alike(fault(4, s, TORN_FAULT_FSYNC, TORN_FSYNC_VALUE(TORN_FSYNC_LOST, EIO)),
			   fault(4, s, TORN_FAULT_FSYNC, TORN_FSYNC_VALUE(TORN_FSYNC_KEPT, EIO))));
	assert_true(alike(fault(4, s, TORN_FAULT_FSYNC, TORN_FSYNC_VALUE(TORN_FSYNC_LOST, EIO)),
			  fault(4, s, TORN_FAULT_FSYNC, TORN_FSYNC_VALUE(TORN_FSYNC_LOST, EIO))));
	/* How it ends counts. */
	assert_false(alike(fault(4, s, TORN_FAULT_KILL, TORN_KILL_AFTER),
			   fault(4, s, TORN_FAULT_KILL, TORN_KILL_BEFORE)));
	assert_false(alike(fault(3, w, TORN_FAULT_KILL, 1), fault(3, w, TORN_FAULT_KILL, 2)));
	assert_false(alike(fault(4, s, TORN_FAULT_SIGNAL, SIGTERM),
			   fault(4, s, TORN_FAULT_SIGNAL, SIGHUP)));
	assert_true(alike(fault(4, s, TORN_FAULT_SIGNAL, SIGTERM),
			  fault(4, s, TORN_FAULT_SIGNAL, SIGTERM)));
}

static void test_a_plan_that_would_be_invalid_is_alike_to_none(void **state)
{
	(void)state;
	const struct torn_fault never = fault(9, TORN_CALL_write, TORN_FAULT_ERRNO, EIO);
	const struct torn_fault elsewhere = fault(4, TORN_CALL_write, TORN_FAULT_ERRNO, EIO);
	assert_false(alike(never, never));
	assert_false(alike(elsewhere, elsewhere));
}

static void test_plans_of_other_seeds_or_other_first_faults_are_not_alike(void **state)
{
	(void)state;
	const struct torn_fault sync = fault(4, TORN_CALL_fsync, TORN_FAULT_ERRNO, EIO);
	const struct torn_fault write = fault(2, TORN_CALL_write, TORN_FAULT_SHORT, 5);
	const struct torn_plan one = {.faults = {sync}, .faults_count = 1, .seed = 1};
	struct torn_plan other = one;
	assert_true(torn_plans_decide_alike(&log_of_six, &one, &other));
	other.seed = 2;
	assert_false(torn_plans_decide_alike(&log_of_six, &one, &other));
	const struct torn_plan two = {.faults = {write, sync}, .faults_count = 2, .seed = 1};
	assert_false(torn_plans_decide_alike(&log_of_six, &one, &two));
	assert_false(torn_plans_decide_alike(&log_of_six, &two, &one));
	assert_true(torn_plans_decide_alike(&log_of_six, &two, &two));
}

static void test_an_fsync_fails_only_as_the_kernel_lets_it(void **state)
{
	(void)state;
	static const struct {
		enum torn_call call;
		enum torn_fsync manner;
		int number;
		bool can;
	} rows[] = {
		{TORN_CALL_fsync, TORN_FSYNC_LOST, EIO, true},
		{TORN_CALL_fdatasync, TORN_FSYNC_LOST, EDQUOT, true},
		{TORN_CALL_fsync, TORN_FSYNC_REVERTED, ENOSPC, true},
		{TORN_CALL_fsync, TORN_FSYNC_KEPT, EROFS, false},
		{TORN_CALL_fsync, TORN_FSYNC_READONLY, EIO, true},
		{TORN_CALL_fsync, TORN_FSYNC_READONLY, ENOSPC, false},
		{TORN_CALL_fsync, TORN_FSYNC_SHUTDOWN, EDQUOT, false},
		{TORN_CALL_sync_file_range, TORN_FSYNC_LOST, EIO, false},
		{TORN_CALL_syncfs, TORN_FSYNC_LOST, EIO, false},
		{TORN_CALL_write, TORN_FSYNC_LOST, EIO, false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct torn_fault it = fault(4, rows[i].call, TORN_FAULT_FSYNC,
						   TORN_FSYNC_VALUE(rows[i].manner, rows[i].number));
		assert_int_equal(torn_fault_objection(&it) == NULL, rows[i].can);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_errno_is_of_one_class),
		cmocka_unit_test_setup(test_a_small_disk_fires_where_the_kernel_refused_first, write_log),
		cmocka_unit_test(test_a_small_disk_is_refused_where_a_call_takes_no_space),
		cmocka_unit_test(test_an_fsync_fails_only_as_the_kernel_lets_it),
		cmocka_unit_test_setup(test_what_acts_the_same_at_every_op_is_alike, write_log),
		cmocka_unit_test_setup(test_a_plan_that_would_be_invalid_is_alike_to_none, write_log),
		cmocka_unit_test_setup(
			test_plans_of_other_seeds_or_other_first_faults_are_not_alike, write_log),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
