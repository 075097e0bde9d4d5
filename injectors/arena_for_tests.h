/*
 * arena_for_tests.h: an arena that each test has to itself. For tests only.
 *
 *   const struct CMUnitTest tests[] = {arena_test(test_a_word_is_read)};
 */
#ifndef TORN_ARENA_FOR_TESTS_H
#define TORN_ARENA_FOR_TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "arena.h"

static struct torn_arena arena;

/* The size is an upper bound: only what is taken of it costs memory. */
static inline int open_arena(void **state)
{
	(void)state;
	return torn_arena_open(&arena, (size_t)1 << 30);
}

static inline int close_arena(void **state)
{
	(void)state;
	torn_arena_close(&arena);
	return 0;
}

#define arena_test(function) cmocka_unit_test_setup_teardown(function, open_arena, close_arena)

#endif
