/* acknowledged_test.c: when a run told somebody that it was done. The logs are made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "acknowledged.h"

#include <string.h>

static struct torn_op ops[8];
static struct torn_log log_at_hand;

static void print_bytes(int fd, const char *bytes, size_t size)
{
	ops[log_at_hand.count++] = (struct torn_op){
		.fd = fd, .flags = TORN_OP_OUTPUT, .data = {(const uint8_t *)bytes, size}};
}

static void print(int fd, const char *text)
{
	print_bytes(fd, text, strlen(text));
}

static void do_something(void)
{
	ops[log_at_hand.count] = (struct torn_op){.number = log_at_hand.count + 1, .fd = 3};
	log_at_hand.count++;
}

static int begin(void **state)
{
	(void)state;
	log_at_hand = (struct torn_log){.ops = ops};
	return 0;
}

static struct torn_acknowledged told(const char *ack, enum torn_end end, int code)
{
	const struct torn_target target = {.name = "test.ack", .ack = ack};
	return torn_acknowledged_of(&target, &log_at_hand, end, code);
}

static void assert_told_by_record(const char *ack, uint32_t records)
{
	const struct torn_acknowledged acknowledged = told(ack, TORN_RETURNED, 0);
	assert_true(acknowledged.ever);
	assert_int_equal(acknowledged.code, 0);
	assert_int_equal(acknowledged.records, records);
}

static void test_without_an_output_to_wait_for_the_return_tells(void **state)
{
	(void)state;
	do_something();
	print(1, "Updated\n");
	assert_told_by_record(NULL, 3); /* behind both */
	assert_int_equal(told(NULL, TORN_EXITED, 3).code, 3);
	assert_true(told(NULL, TORN_EXITED, 3).ever);
	assert_false(told(NULL, TORN_ENDED_BY_PLAN, 0).ever);
	assert_false(told(NULL, TORN_HUNG, 0).ever);
}

static void test_the_first_output_that_matches_tells(void **state)
{
	(void)state;
	print(1, "working\n");
	do_something();
	print(1, "Updated\n");
	print(1, "Updated\n");
	assert_told_by_record("^Updated$", 3);
	assert_told_by_record("work", 1);
}

static void test_a_line_may_come_in_pieces(void **state)
{
	(void)state;
	print(1, "Upd");
	do_something();
	print(1, "at");
	print(1, "ed\n");
	assert_told_by_record("^Updated$", 4);
}

static void test_stdout_and_stderr_are_two_texts(void **state)
{
	(void)state;
	print(1, "Upd");
	print(2, "ated");
	assert_false(told("Updated", TORN_RETURNED, 0).ever);
	print(2, "\nUpdated\n");
	assert_told_by_record("^Updated$", 3);
}

static void test_output_may_have_a_nul_in_it(void **state)
{
	(void)state;
	print_bytes(1, "a\0b\nUpdated\n", 12);
	assert_told_by_record("^Updated$", 1);
}

static void test_what_is_not_printed_is_not_told_but_a_failure_is(void **state)
{
	(void)state;
	do_something();
	print(1, "no\n");
	assert_false(told("^Updated$", TORN_RETURNED, 0).ever);
	const struct torn_acknowledged failed = told("^Updated$", TORN_RETURNED, -1);
	assert_true(failed.ever);
	assert_int_equal(failed.code, -1);
	assert_int_equal(failed.records, 3);
}

static void test_what_is_printed_counts_however_it_ends(void **state)
{
	(void)state;
	print(1, "Updated\n");
	do_something();
	const struct torn_acknowledged acknowledged = told("^Updated$", TORN_CRASHED, 11);
	assert_true(acknowledged.ever);
	assert_int_equal(acknowledged.code, 0);
	assert_int_equal(acknowledged.records, 1);
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_without_an_output_to_wait_for_the_return_tells),
		TEST(test_the_first_output_that_matches_tells),
		TEST(test_a_line_may_come_in_pieces),
		TEST(test_stdout_and_stderr_are_two_texts),
		TEST(test_output_may_have_a_nul_in_it),
		TEST(test_what_is_not_printed_is_not_told_but_a_failure_is),
		TEST(test_what_is_printed_counts_however_it_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
