/*
 * case_for_tests.h: parse and print cases, and hold them against what they should be. For tests only.
 *
 *   parse_good(HEAD "old a dir\n", &c);
 *   assert_refused(HEAD "bad\n", 3, "expected ...");
 *   PLAIN(test_...)
 */
#ifndef TORN_CASE_FOR_TESTS_H
#define TORN_CASE_FOR_TESTS_H

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../injectors/arena_for_tests.h"
#include "case.h"

#define HEAD "torn-case 1\ntarget t\n"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline int empty_arena(void **state)
{
	(void)state;
	torn_arena_return(&arena, 0);
	return 0;
}

#define PLAIN(test) cmocka_unit_test_setup(test, empty_arena)

static inline int parse(struct torn_bytes text, struct torn_case *ret_case,
		 struct torn_case_error *ret_error)
{
	return torn_case_parse("x.case", text, &arena, ret_case, ret_error);
}

static inline void parse_good(const char *text, struct torn_case *ret_case)
{
	struct torn_case_error error;
	int result = parse(torn_bytes_of(text), ret_case, &error);
	if (result)
		fail_msg("line %" PRIu32 ": %s\n%s", error.line, error.message, text);
	assert_string_equal(error.message, "");
	assert_int_equal(error.line, 0);
}

/* Return a case's text; to be freed. */
static inline char *printed(const struct torn_case *c)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	assert_int_equal(torn_case_print(c, out), 0);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(strlen(text), size);
	return text;
}

static inline void assert_canonical(const char *text, const char *canonical)
{
	struct torn_case c;
	parse_good(text, &c);
	char *first = printed(&c);
	assert_string_equal(first, canonical);
	parse_good(first, &c);
	char *second = printed(&c);
	assert_string_equal(second, first);
	free(first);
	free(second);
}

static inline void assert_bytes(struct torn_bytes actual, struct torn_bytes expected)
{
	assert_int_equal(actual.size, expected.size);
	if (expected.size)
		assert_memory_equal(actual.data, expected.data, expected.size);
}

static inline void assert_text(struct torn_bytes actual, const char *expected)
{
	assert_bytes(actual, torn_bytes_of(expected));
	assert_int_equal(actual.data[actual.size], 0); /* the NUL behind it */
}

static inline void assert_refused(const char *text, uint32_t line, const char *message)
{
	struct torn_case c;
	struct torn_case_error error;
	memset(&c, 0x5a, sizeof(c));
	const struct torn_case before = c;
	size_t used = arena.used;
	int result = parse(torn_bytes_of(text), &c, &error);
	if (result != -EINVAL)
		fail_msg("not refused (%d):\n%s", result, text);
	assert_string_equal(error.message, message);
	assert_int_equal(error.line, line);
	assert_string_equal(error.file, "x.case");
	assert_int_equal(error.lines.target, 0);
	assert_memory_equal(&c, &before, sizeof(c));
	assert_int_equal(arena.used, used);
}

/* splitmix64: the one integer PRNG, passed by pointer. */
static inline uint64_t next_random(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

#endif
