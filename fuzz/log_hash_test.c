/* log_hash_test.c: what makes two runs different ones, and two behaviours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>

#include "log_hash.h"

static struct torn_op ops[3];
static struct torn_log log_of_three;

/* A write, a message, and a rename that a fault refused. */
static int write_log(void **state)
{
	(void)state;
	ops[0] = (struct torn_op){.number = 1, .call = TORN_CALL_write, .told = 3, .length = 3,
				  .path = torn_bytes_of("srv/f"), .data = torn_bytes_of("abc")};
	ops[1] = (struct torn_op){.number = 0, .call = TORN_CALL_write, .told = 3,
				  .flags = TORN_OP_OUTPUT, .data = torn_bytes_of("EIO")};
	ops[2] = (struct torn_op){.number = 2, .call = TORN_CALL_rename, .told = -EIO, .fault = 1,
				  .path = torn_bytes_of("srv/a"), .path_to = torn_bytes_of("srv/b"),
				  .xattr = torn_bytes_of("user.x")};
	log_of_three = (struct torn_log){.ops = ops, .count = 3, .numbered = 2};
	return 0;
}

struct both {
	uint64_t run, behaviour;
};

static struct both hashes(void)
{
	return (struct both){torn_log_hash(&log_of_three), torn_log_behaviour(&log_of_three)};
}

/* Change something, see whether the run is another one and the behaviour is, and change it back. */
#define CHANGES(what, to, run_changes, behaviour_changes)                                          \
	do {                                                                                       \
		const struct both before = hashes();                                               \
		(what) = (to);                                                                     \
		const struct both after = hashes();                                                \
		assert_int_equal(before.run != after.run, run_changes);                            \
		assert_int_equal(before.behaviour != after.behaviour, behaviour_changes);          \
		write_log(NULL);                                                                   \
	} while (0)

static void test_all_that_an_op_asks_for_counts(void **state)
{
	(void)state;
	CHANGES(ops[0].call, TORN_CALL_pwrite64, true, true);
	CHANGES(ops[0].told, 2, true, true);
	CHANGES(ops[0].offset, 1, true, true);
	CHANGES(ops[0].length, 4, true, true);
	CHANGES(ops[0].how, 1, true, true);
	CHANGES(ops[0].mode, 0600, true, true);
	CHANGES(ops[0].uid, 5, true, true);
	CHANGES(ops[0].gid, 5, true, true);
	CHANGES(ops[0].path, torn_bytes_of("srv/g"), true, true);
	CHANGES(ops[0].data, torn_bytes_of("abd"), true, true);
	CHANGES(ops[2].path_to, torn_bytes_of("srv/c"), true, true);
	CHANGES(ops[2].xattr, torn_bytes_of("user.y"), true, true);
	CHANGES(log_of_three.count, 2, true, true);
	CHANGES(ops[0].time_ns, 5, false, false);
}

/* Bytes that move from one text to the next are other ones. */
static void test_texts_do_not_run_into_one_another(void **state)
{
	(void)state;
	const struct both before = hashes();
	ops[2].path = torn_bytes_of("srv/as");
	ops[2].path_to = torn_bytes_of("rv/b");
	const struct both after = hashes();
	assert_true(before.run != after.run && before.behaviour != after.behaviour);
}

static void test_a_message_is_of_the_run_and_not_of_the_behaviour(void **state)
{
	(void)state;
	CHANGES(ops[1].data, torn_bytes_of("EROFS"), true, false);
	CHANGES(ops[1].number, 3, true, true);
}

static void test_errnos_of_one_class_are_one_behaviour_where_a_fault_told_them(void **state)
{
	(void)state;
	CHANGES(ops[2].told, -ENOMEM, true, false); /* neither space nor permission: a device */
	CHANGES(ops[2].told, -EROFS, true, true);
	CHANGES(ops[2].told, -ENOSPC, true, true);
	CHANGES(ops[2].told, 0, true, true);
	ops[2].told = -ENOSPC;
	const struct both full = hashes();
	ops[2].told = -EDQUOT;
	const struct both quota = hashes();
	assert_true(full.run != quota.run && full.behaviour == quota.behaviour);
	ops[2].told = -EPERM;
	const struct both refused = hashes();
	ops[2].told = -EACCES;
	assert_true(refused.behaviour == hashes().behaviour);
	write_log(NULL);
	/* What the kernel said is no choice of torn's. */
	ops[2].fault = 0;
	const struct both its_own = hashes();
	ops[2].told = -ENOMEM;
	assert_true(its_own.behaviour != hashes().behaviour);
}

/* close: told an error that came late, or refused, is not the same. */
static void test_what_took_effect_is_another_behaviour_than_what_did_not(void **state)
{
	(void)state;
	CHANGES(ops[2].flags, TORN_OP_PERFORMED, true, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_all_that_an_op_asks_for_counts, write_log),
		cmocka_unit_test_setup(test_texts_do_not_run_into_one_another, write_log),
		cmocka_unit_test_setup(test_a_message_is_of_the_run_and_not_of_the_behaviour, write_log),
		cmocka_unit_test_setup(
			test_errnos_of_one_class_are_one_behaviour_where_a_fault_told_them, write_log),
		cmocka_unit_test_setup(
			test_what_took_effect_is_another_behaviour_than_what_did_not, write_log),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
