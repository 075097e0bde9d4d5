/* mutate_test.c: one mutation, or crossing: what it takes, what it leaves alone, and what it costs. */
#include "mutate.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <time.h>

#include <cmocka.h>

#include "registry.h"
#include "setup.h"

#define ARENA_BYTES ((size_t)32 << 20)

static struct torn_arena arena;

static int open_arena(void **state)
{
	(void)state;
	torn_registry_begin();
	return torn_arena_open(&arena, ARENA_BYTES);
}

static int close_arena(void **state)
{
	(void)state;
	torn_arena_close(&arena);
	return 0;
}

static struct torn_case case_of(const char *text)
{
	struct torn_case c;
	struct torn_case_error error;
	if (torn_case_parse("test", torn_bytes_of(text), &arena, &c, &error) < 0)
		fail_msg("line %u: %s", error.line, error.message);
	return c;
}

#define LINKED                                                                                     \
	"torn-case 1\n"                                                                            \
	"target urunc.state_json\n"                                                                \
	"old run/urunc/c1/state.json file old\n"                                                   \
	"old run/urunc/c1/name link run/urunc/c1/state.json\n"                                     \
	"old run/urunc/c1/deep/er file old\n"

static void test_without_room_the_case_stays_as_it_was(void **state)
{
	(void)state;
	const struct torn_case before = case_of(LINKED);
	struct torn_arena small;
	assert_int_equal(torn_arena_open(&small, 4096), 0);
	unsigned failed = 0;
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct torn_case c = before;
		torn_arena_return(&small, 0);
		small.failed = 0;
		while (torn_arena_take_raw(&small, 128)) {
		}
		small.failed = 0;
		struct torn_mutation mutation = {
			.target = torn_target_named(c.target), .arena = &small, .dice = {seed}};
		if (torn_mutate(&mutation, &c) != -ENOMEM)
			continue;
		failed++;
		assert_memory_equal(&c, &before, sizeof c);
	}
	assert_true(failed > 100);
	torn_arena_close(&small);
}

static void test_what_a_case_had_is_not_written_to(void **state)
{
	(void)state;
	struct torn_case before = case_of(LINKED "arg content old\nfault 2 write errno=EIO\n");
	const struct torn_bytes text = torn_case_text(&before, &arena);
	assert_non_null(text.data);
	for (uint64_t seed = 0; seed < 500; seed++) {
		struct torn_case c = before;
		const size_t mark = torn_arena_mark(&arena);
		struct torn_mutation mutation = {
			.target = torn_target_named(c.target), .arena = &arena, .dice = {seed}};
		assert_int_equal(torn_mutate(&mutation, &c), 0);
		torn_arena_return(&arena, mark);
		assert_true(torn_bytes_equal(torn_case_text(&before, &arena), text));
		torn_arena_return(&arena, mark);
	}
}

static void test_of_an_expectation_and_a_promise_nothing_is_left(void **state)
{
	(void)state;
	const struct torn_case other = case_of(LINKED);
	struct torn_case c = case_of(LINKED "expect violated old-or-new\n"), crossed = c;
	struct torn_mutation mutation = {
		.target = torn_target_named(c.target), .arena = &arena, .dice = {1}};
	assert_int_equal(torn_mutate(&mutation, &c), 0);
	assert_int_equal(c.expect, TORN_EXPECT_NOTHING);
	assert_int_equal(c.invariant.size, 0);
	assert_int_equal(torn_mutate_cross(&mutation, &crossed, &other), 0);
	assert_int_equal(crossed.expect, TORN_EXPECT_NOTHING);
}

/* What a crossing may take: the faults, the old state or the arguments, and no mixture of olds. */
static void test_a_crossing_takes_each_part_of_the_other(void **state)
{
	(void)state;
	const struct torn_case left = case_of(LINKED "fault 2 write errno=EIO\n"),
			       right = case_of("torn-case 1\ntarget urunc.state_json\n"
					       "arg content other\nold run/urunc dir\n"
					       "fault 1 openat errno=EACCES\n"
					       "fault 3 fsync errno=ENOSPC\n");
	unsigned olds = 0, args = 0, plans = 0, merged = 0;
	for (uint64_t seed = 0; seed < 400; seed++) {
		struct torn_case c = left;
		struct torn_mutation mutation = {
			.target = torn_target_named(c.target), .arena = &arena, .dice = {seed}};
		assert_int_equal(torn_mutate_cross(&mutation, &c, &right), 0);
		olds += c.olds_count == 1;
		args += c.args_count == 1;
		plans += c.plan.faults_count == 2 && c.plan.faults[0].call == TORN_CALL_openat;
		merged += c.plan.faults_count == 2 && c.plan.faults[0].call == TORN_CALL_write &&
			  c.plan.faults[1].call == TORN_CALL_fsync;
		assert_int_equal((c.olds_count == 1) + (c.args_count == 1) +
					 (c.plan.faults_count == 2), 1);
	}
	assert_true(olds > 10 && args > 10 && plans > 10 && merged > 10);
}

/* A program's case stays one: whatever else changes, its lines come along. */
static void test_a_command_and_watched_paths_are_carried_over(void **state)
{
	(void)state;
	const struct torn_target *any = torn_target_named(torn_bytes_of("urunc.state_json"));
	const struct torn_case left = case_of("torn-case 1\ntarget exec\ncommand sh -c \"a b\"\n"
					      "watch a\nwatch b\nold a file x\n"),
			       right = case_of("torn-case 1\ntarget exec\ncommand ls\nwatch c\n");
	for (uint64_t seed = 0; seed < 300; seed++) {
		struct torn_case c = left;
		const size_t mark = torn_arena_mark(&arena);
		struct torn_mutation mutation = {.target = any, .arena = &arena, .dice = {seed}};
		assert_int_equal(seed % 2 ? torn_mutate(&mutation, &c)
					  : torn_mutate_cross(&mutation, &c, &right), 0);
		const struct torn_bytes text = torn_case_text(&c, &arena);
		assert_non_null(text.data);
		const struct torn_case again = case_of((const char *)text.data);
		assert_int_equal(again.command_count, 3);
		assert_true(torn_bytes_equal(again.command[2], torn_bytes_of("a b")));
		assert_int_equal(again.watches_count, 2);
		assert_true(torn_bytes_equal(again.watches[1], torn_bytes_of("b")));
		torn_arena_return(&arena, mark);
	}
}

/* How fast it is, is told: it is no more than a hint on a machine that others use. */
static void test_a_mutation_takes_a_bounded_amount_of_memory(void **state)
{
	(void)state;
	const unsigned count = 20000;
	const struct torn_case before = case_of(LINKED);
	struct timespec from, to;
	clock_gettime(CLOCK_MONOTONIC, &from);
	for (uint64_t seed = 0; seed < count; seed++) {
		struct torn_case c = before;
		const size_t mark = torn_arena_mark(&arena);
		struct torn_mutation mutation = {
			.target = torn_target_named(c.target), .arena = &arena, .dice = {seed}};
		assert_int_equal(torn_mutate(&mutation, &c), 0);
		assert_true(torn_arena_mark(&arena) - mark < 256 * 1024);
		torn_arena_return(&arena, mark);
	}
	clock_gettime(CLOCK_MONOTONIC, &to);
	const double seconds =
		(double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	print_message("%.0f mutations/s\n", count / seconds);
}

/* The first numbers of SplitMix64 from 0, as its authors give them. */
static void test_dice_fall_the_same_on_every_machine(void **state)
{
	(void)state;
	struct torn_dice dice = {0};
	assert_true(torn_dice_roll(&dice) == UINT64_C(0xe220a8397b1dcdaf));
	assert_true(torn_dice_roll(&dice) == UINT64_C(0x6e789e6aa1b965f4));
	assert_true(torn_dice_roll(&dice) == UINT64_C(0x06c45d188009454f));
	assert_int_equal(torn_dice_below(&dice, 0), 0);
}

#define WITH_ARENA(function) cmocka_unit_test_setup_teardown(function, open_arena, close_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dice_fall_the_same_on_every_machine),
		WITH_ARENA(test_without_room_the_case_stays_as_it_was),
		WITH_ARENA(test_what_a_case_had_is_not_written_to),
		WITH_ARENA(test_of_an_expectation_and_a_promise_nothing_is_left),
		WITH_ARENA(test_a_crossing_takes_each_part_of_the_other),
		WITH_ARENA(test_a_command_and_watched_paths_are_carried_over),
		WITH_ARENA(test_a_mutation_takes_a_bounded_amount_of_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
