/* worlds_test.c: how many worlds a search keeps. What they are made of: fuzzing_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "worlds.h"

static struct torn_lab lab;
static struct torn_observer observer = {.lab = &lab};
static struct torn_telling telling;
static struct torn_worlds worlds;

static int open_worlds(void **state)
{
	(void)state;
	worlds = (struct torn_worlds){.count = 0};
	return torn_worlds_open(&worlds, &observer, &telling);
}

static int close_worlds(void **state)
{
	(void)state;
	torn_worlds_close(&worlds);
	return 0;
}

/* Half of the table stays free, or looking one up would take long, or never end. */
static void test_all_are_forgotten_before_there_are_too_many(void **state)
{
	(void)state;
	worlds.count = TORN_WORLDS_SLOTS / 2 - 2;
	worlds.items[3].key = 3;
	torn_worlds_make_room(&worlds);
	assert_int_equal(worlds.count, TORN_WORLDS_SLOTS / 2 - 2);
	assert_int_equal(worlds.items[3].key, 3);
	worlds.count++;
	torn_worlds_make_room(&worlds);
	assert_int_equal(worlds.count, 0);
	assert_int_equal(worlds.items[3].key, 0);
}

static void test_all_are_forgotten_before_their_memory_is_full(void **state)
{
	(void)state;
	worlds.count = 1;
	assert_non_null(torn_arena_take(&worlds.arena, worlds.arena.size / 2));
	torn_worlds_make_room(&worlds);
	assert_int_equal(worlds.count, 1);
	assert_non_null(torn_arena_take(&worlds.arena, worlds.arena.size / 4));
	torn_worlds_make_room(&worlds);
	assert_int_equal(worlds.count, 0);
	assert_int_equal(worlds.arena.used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_are_forgotten_before_there_are_too_many,
						open_worlds, close_worlds),
		cmocka_unit_test_setup_teardown(test_all_are_forgotten_before_their_memory_is_full,
						open_worlds, close_worlds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
