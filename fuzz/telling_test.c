/* telling_test.c: what was told is told once a world, and each kind of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "telling.h"

static const struct torn_invariant durable = {.id = "success-is-durable"}, litter = {.id = "no-litter"};

/* What is asked; each test changes one thing of it. */
struct asked {
	struct torn_observed_world world;
	struct torn_plan plan;
	struct torn_seen seen;
};

static struct asked an_error(void)
{
	struct asked asked = {.world = {.key = 7}, .plan = {.faults_count = 1}};
	asked.plan.faults[0] = (struct torn_fault){
		.when = {3, 3, 0}, .call = TORN_CALL_write, .name = TORN_FAULT_ERRNO, .value = 5};
	asked.seen.invariant = &durable;
	strcpy(asked.seen.judgement.role, "watched");
	return asked;
}

static bool was_told(const struct asked *asked)
{
	static struct torn_telling telling;
	torn_telling_forget(&telling);
	const struct asked before = an_error();
	assert_false(torn_telling_was_told(&telling, &before.world, &before.plan, &before.seen));
	return torn_telling_was_told(&telling, &asked->world, &asked->plan, &asked->seen);
}

static void test_the_same_kind_was_told(void **state)
{
	(void)state;
	struct asked asked = an_error();
	assert_true(was_told(&asked));
	/* Where it went wrong, with which errno and what came of it is no other kind. */
	asked.plan.faults[0].when = (struct torn_when){9, 9, 0};
	asked.plan.faults[0].value = 28;
	asked.seen.judgement.op = 9;
	assert_true(was_told(&asked));
}

static void test_another_kind_was_not(void **state)
{
	(void)state;
	struct asked asked[9];
	for (size_t i = 0; i < 9; i++)
		asked[i] = an_error();
	asked[0].world.key = 8;
	asked[1].seen.invariant = &litter;
	strcpy(asked[2].seen.judgement.role, "litter");
	asked[3].plan.faults[0].call = TORN_CALL_fsync;
	asked[4].plan.faults[0].name = TORN_FAULT_SHORT;
	asked[5].plan.faults[asked[5].plan.faults_count++] = asked[5].plan.faults[0];
	asked[6].seen.killed = true;
	asked[7].seen.cut.preset = "ext4";
	asked[8].seen.ended = (struct torn_kill){.op = 4, .call = TORN_CALL_rename};
	for (size_t i = 0; i < 9; i++)
		if (was_told(&asked[i]))
			fail_msg("%zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_same_kind_was_told),
		cmocka_unit_test(test_another_kind_was_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
