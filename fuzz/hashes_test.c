/* hashes_test.c: see hashes.h. What was added is held against a plain list. */
#include "hashes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct torn_hashes hashes;

static int close_hashes(void **state)
{
	(void)state;
	torn_hashes_close(&hashes);
	return 0;
}

static bool add(uint64_t low, uint64_t high)
{
	return torn_hashes_add(&hashes, (struct torn_hash){low, high});
}

/* splitmix64: the one integer PRNG, passed by pointer. */
static uint64_t next_random(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static void test_a_new_hash_is_added_once(void **state)
{
	(void)state;
	assert_int_equal(hashes.count, 0);
	assert_true(add(1, 2));
	assert_false(add(1, 2));
	assert_int_equal(hashes.count, 1);
}

static void test_both_halves_count(void **state)
{
	(void)state;
	assert_true(add(1, 2));
	assert_true(add(1, 3)); /* the same slot */
	assert_true(add(2, 2));
	assert_true(add(2, 1));
	assert_true(add(0, 1)); /* half of what a free slot looks like */
	assert_true(add(1, 0));
	assert_false(add(0, 1));
	assert_false(add(1, 0));
	assert_false(add(1, 2));
	assert_int_equal(hashes.count, 6);
}

/* Low bits decide the slot: these all want the last one, and go round the end. */
static void test_hashes_of_one_slot_are_kept_apart(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 600; i++)
		assert_true(add(UINT64_MAX, i));
	for (uint64_t i = 1; i <= 600; i++)
		assert_false(add(UINT64_MAX, i));
	assert_int_equal(hashes.count, 600);
}

static void test_growing_loses_none(void **state)
{
	(void)state;
	enum { MANY = 20000 };
	const size_t room = hashes.room;
	uint64_t seed = 1;
	for (int i = 0; i < MANY; i++) {
		const uint64_t low = next_random(&seed);
		assert_true(add(low, next_random(&seed)));
		assert_int_equal(hashes.count, i + 1);
		assert_true(hashes.count < hashes.room); /* or a search would not end */
	}
	assert_true(hashes.room > room);
	seed = 1;
	for (int i = 0; i < MANY; i++) {
		const uint64_t low = next_random(&seed);
		assert_false(add(low, next_random(&seed)));
	}
	assert_int_equal(hashes.count, MANY);
}

static void test_it_agrees_with_a_list(void **state)
{
	(void)state;
	uint64_t seed = 7;
	bool there[16][16] = {{false}};
	size_t count = 0;
	there[0][0] = true; /* not a hash of anything */
	for (int i = 0; i < 5000; i++) {
		const uint64_t low = next_random(&seed) % 16, high = next_random(&seed) % 16;
		if (low == 0 && high == 0)
			continue;
		assert_int_equal(add(low, high), !there[low][high]);
		count += !there[low][high];
		there[low][high] = true;
		assert_int_equal(hashes.count, count);
	}
	assert_int_equal(count, 255);
}

static void test_a_closed_one_holds_nothing_and_can_be_used_again(void **state)
{
	(void)state;
	assert_true(add(1, 2));
	torn_hashes_close(&hashes);
	assert_null(hashes.slots);
	assert_int_equal(hashes.count, 0);
	torn_hashes_close(&hashes); /* twice is once */
	assert_true(add(1, 2));
}

static void test_a_cleared_one_is_empty_and_keeps_its_room(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 3000; i++)
		assert_true(add(i, i));
	const size_t room = hashes.room;
	torn_hashes_clear(&hashes);
	assert_int_equal(hashes.count, 0);
	assert_int_equal(hashes.room, room);
	for (uint64_t i = 1; i <= 3000; i++)
		assert_true(add(i, i));
	assert_int_equal(hashes.count, 3000);
}

static bool find(uint64_t low, uint64_t high, uint32_t *ret_value)
{
	return torn_hashes_find(&hashes, (struct torn_hash){low, high}, ret_value);
}

static void test_the_number_beside_a_hash_is_that_of_the_first_time(void **state)
{
	(void)state;
	uint32_t value = 77;
	assert_false(find(1, 2, &value));
	assert_int_equal(value, 77); /* untouched */
	assert_true(torn_hashes_put(&hashes, (struct torn_hash){1, 2}, 5));
	assert_false(torn_hashes_put(&hashes, (struct torn_hash){1, 2}, 6));
	assert_true(add(1, 3)); /* the same slot; 0 stands beside it */
	assert_true(find(1, 2, &value));
	assert_int_equal(value, 5);
	assert_true(find(1, 3, &value));
	assert_int_equal(value, 0);
	assert_true(find(1, 2, NULL));
	assert_false(find(2, 1, NULL));
	assert_int_equal(hashes.count, 2); /* looking adds none */
}

static void test_numbers_outlive_growing_and_not_clearing(void **state)
{
	(void)state;
	enum { MANY = 5000 };
	uint64_t seed = 3;
	for (uint32_t i = 0; i < MANY; i++) {
		const uint64_t low = next_random(&seed) % 700; /* many want one slot */
		assert_true(torn_hashes_put(&hashes, (struct torn_hash){low, i + 1}, i * 3));
	}
	seed = 3;
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t value = UINT32_MAX;
		assert_true(find(next_random(&seed) % 700, i + 1, &value));
		assert_int_equal(value, i * 3);
	}
	torn_hashes_clear(&hashes);
	seed = 3;
	for (uint32_t i = 0; i < MANY; i++)
		assert_false(find(next_random(&seed) % 700, i + 1, NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, NULL, close_hashes)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_new_hash_is_added_once),
		TEST(test_both_halves_count),
		TEST(test_hashes_of_one_slot_are_kept_apart),
		TEST(test_growing_loses_none),
		TEST(test_it_agrees_with_a_list),
		TEST(test_a_closed_one_holds_nothing_and_can_be_used_again),
		TEST(test_the_number_beside_a_hash_is_that_of_the_first_time),
		TEST(test_numbers_outlive_growing_and_not_clearing),
		TEST(test_a_cleared_one_is_empty_and_keeps_its_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
