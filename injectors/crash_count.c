/*
 * crash_count.c: see crash_count.h.
 *
 * At one moment the legal sets are those that have what is durable, lack what is
 * gone or not done yet, and with each effect all that it implies: the lower sets
 * of a partial order. A set is legal in one interval of moments, so that the sets
 * of all moments are as many as those of each moment, less those that one moment
 * shares with the next. Until something becomes durable or gone a later moment has all
 * that an earlier one has, and only the last of such an epoch counts.
 *
 * Lower sets are counted by what is independent, and the rest by one effect: those
 * with it and all below, and those without it and all above.
 */
#include "crash_count.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FREE_MAX 2048u /* effects in one order; chains may be longer */
#define WORK_MAX 4000000u /* words of bits looked at: some milliseconds */

enum place { PLACE_FREE, PLACE_IN, PLACE_OUT };

struct counting {
	struct torn_arena *arena;
	const struct torn_effects *effects;
	const struct torn_persistence *order;
	uint8_t *places;   /* enum place, by effect */
	uint32_t begin, end; /* all effects before are settled, and none from `end` on is done yet */
	uint32_t *index;   /* of the free ones in the order of bits */
	uint32_t *free;    /* and back */
	uint32_t count, words;
	uint64_t *below, *above, *beside; /* a row of bits each: with itself; directly related */
	uint64_t work;
};

static uint64_t sum(uint64_t a, uint64_t b)
{
	return a > TORN_CRASH_MANY - b ? TORN_CRASH_MANY : a + b;
}

static uint64_t product(uint64_t a, uint64_t b)
{
	uint64_t all;
	return __builtin_mul_overflow(a, b, &all) || all > TORN_CRASH_MANY ? TORN_CRASH_MANY : all;
}

/* ---------------------------------------------------------- one partial order */

static uint64_t *row(const struct counting *counting, uint64_t *rows, uint32_t number)
{
	return rows + (size_t)number * counting->words;
}

static bool has(const uint64_t *bits, uint32_t number)
{
	return bits[number / 64] >> (number % 64) & 1;
}

static void put(uint64_t *bits, uint32_t number)
{
	bits[number / 64] |= UINT64_C(1) << (number % 64);
}

static uint32_t common(const struct counting *counting, const uint64_t *a, const uint64_t *b)
{
	uint32_t bits = 0;
	for (uint32_t i = 0; i < counting->words; i++)
		bits += (uint32_t)__builtin_popcountll(a[i] & b[i]);
	return bits;
}

static void remove_all(const struct counting *counting, uint64_t *from, const uint64_t *bits)
{
	for (uint32_t i = 0; i < counting->words; i++)
		from[i] &= ~bits[i];
}

/* The lowest of some; counting->count: there is none. */
static uint32_t lowest(const struct counting *counting, const uint64_t *bits)
{
	for (uint32_t i = 0; i < counting->words; i++)
		if (bits[i])
			return 64 * i + (uint32_t)__builtin_ctzll(bits[i]);
	return counting->count;
}

/* Move what is connected with one of `rest` from there to `part`. Returns how many these are. */
static uint32_t take_connected(struct counting *counting, uint64_t *rest, uint64_t *part, uint64_t *edge)
{
	uint32_t taken = 0;
	memset(part, 0, counting->words * sizeof *part);
	memset(edge, 0, counting->words * sizeof *edge);
	put(edge, lowest(counting, rest));
	for (uint32_t at; (at = lowest(counting, edge)) < counting->count; taken++) {
		const uint64_t *beside = row(counting, counting->beside, at);
		put(part, at);
		for (uint32_t i = 0; i < counting->words; i++)
			edge[i] = (edge[i] | (beside[i] & rest[i])) & ~part[i];
		counting->work += counting->words;
	}
	remove_all(counting, rest, part);
	return taken;
}

/* The one that halves a part best. */
static uint32_t middle_of(struct counting *counting, const uint64_t *part)
{
	uint64_t best = 0;
	uint32_t middle = 0;
	for (uint32_t i = 0; i < counting->count; i++) {
		if (!has(part, i))
			continue;
		const uint64_t halves = (uint64_t)common(counting, row(counting, counting->below, i), part) *
					common(counting, row(counting, counting->above, i), part);
		counting->work += 2 * counting->words;
		if (halves <= best)
			continue;
		best = halves;
		middle = i;
	}
	return middle;
}

/* Count the lower sets of `rest`, which is used up. Returns 0, -E2BIG or -ENOMEM. */
static int count_lower_sets(struct counting *counting, uint64_t *rest, uint64_t *ret_sets)
{
	const size_t mark = torn_arena_mark(counting->arena);
	const size_t size = counting->words * sizeof *rest;
	uint64_t *part = torn_arena_take_raw(counting->arena, size);
	uint64_t *other = torn_arena_take_raw(counting->arena, size);
	int r = part && other ? 0 : -ENOMEM;
	*ret_sets = 1;
	while (r == 0 && *ret_sets < TORN_CRASH_MANY && lowest(counting, rest) < counting->count) {
		uint64_t with = 1, without = 1;
		if (counting->work > WORK_MAX) {
			r = -E2BIG;
		} else if (take_connected(counting, rest, part, other) > 1) {
			const uint32_t middle = middle_of(counting, part);
			memcpy(other, part, size);
			remove_all(counting, other, row(counting, counting->below, middle));
			remove_all(counting, part, row(counting, counting->above, middle));
			r = count_lower_sets(counting, other, &with);
			if (r == 0)
				r = count_lower_sets(counting, part, &without);
		}
		*ret_sets = product(*ret_sets, sum(with, without));
	}
	torn_arena_return(counting->arena, mark);
	return r;
}

/* ------------------------------------------------------ two moments, or one */

/*
 * What an effect implies at a moment, one after the other: call with *step 0 at
 * first. Returns TORN_NEVER after the last.
 */
static uint32_t next_implied(const struct counting *counting, uint32_t number, uint32_t moment,
			     uint32_t *step)
{
	const struct torn_persistence *order = counting->order;
	const uint32_t begin = order->implies_begin[number];
	const uint32_t implied = order->implies_begin[number + 1] - begin;
	while (*step < implied) {
		const uint32_t other = order->implies[begin + (*step)++];
		if (order->gone[other] > moment)
			return other;
	}
	if (*step > implied || torn_persistence_alone(order, number) <= moment)
		return TORN_NEVER;
	(*step)++;
	uint32_t before = order->follows[number];
	while (before != TORN_NEVER && order->gone[before] <= moment)
		before = order->follows[before];
	return before;
}

/* What is durable by now, or gone for ever, need not be looked at any more. */
static void move_on(struct counting *counting, uint32_t moment)
{
	const struct torn_persistence *order = counting->order;
	uint32_t *begin = &counting->begin;
	for (; *begin < order->count; (*begin)++) {
		const bool is_out = order->dropped[*begin] || order->gone[*begin] <= moment;
		if (!is_out && order->durable[*begin] > moment)
			break;
		counting->places[*begin] = is_out ? PLACE_OUT : PLACE_IN;
	}
	while (counting->end < order->count && 2 * counting->effects->items[counting->end].at <= moment)
		counting->end++;
	if (counting->end < *begin)
		counting->end = *begin;
}

/*
 * Of sets that are legal at both moments: which effects are in each, in none, in some?
 * Returns false where there are no such sets. Moments may only become later from call to call.
 */
static bool place_all(struct counting *counting, uint32_t first, uint32_t last)
{
	const struct torn_persistence *order = counting->order;
	uint8_t *places = counting->places;
	move_on(counting, first);
	for (uint32_t i = counting->begin; i < counting->end; i++) {
		uint32_t step = 0;
		const bool is_out = order->dropped[i] || order->gone[i] <= last;
		places[i] = is_out ? PLACE_OUT : PLACE_FREE;
		for (uint32_t j; !is_out && (j = next_implied(counting, i, first, &step)) != TORN_NEVER;)
			if (places[j] == PLACE_OUT)
				places[i] = PLACE_OUT;
		if (places[i] == PLACE_OUT && !order->dropped[i] && order->durable[i] <= last)
			return false;
	}
	for (uint32_t i = counting->end; i-- > counting->begin;) {
		uint32_t step = 0;
		if (places[i] != PLACE_IN && (places[i] == PLACE_OUT || order->durable[i] > last))
			continue;
		places[i] = PLACE_IN;
		for (uint32_t j; (j = next_implied(counting, i, first, &step)) != TORN_NEVER;)
			places[j] = PLACE_IN;
	}
	return true;
}

static void number_free(struct counting *counting)
{
	counting->count = 0;
	for (uint32_t i = counting->begin; i < counting->end; i++) {
		if (counting->places[i] != PLACE_FREE)
			continue;
		counting->index[i] = counting->count;
		counting->free[counting->count++] = i;
	}
	counting->words = (counting->count + 63) / 64;
}

/* Does each imply the one before it? */
static bool is_chain(const struct counting *counting, uint32_t moment)
{
	for (uint32_t i = 1; i < counting->count; i++) {
		uint32_t step = 0, j;
		do
			j = next_implied(counting, counting->free[i], moment, &step);
		while (j != TORN_NEVER && j != counting->free[i - 1]);
		if (j == TORN_NEVER)
			return false;
	}
	return true;
}

static void relate_all(struct counting *counting, uint32_t moment)
{
	for (uint32_t i = 0; i < counting->count; i++) {
		uint64_t *below = row(counting, counting->below, i);
		uint32_t step = 0;
		put(below, i);
		for (uint32_t j; (j = next_implied(counting, counting->free[i], moment, &step)) != TORN_NEVER;) {
			if (counting->places[j] != PLACE_FREE)
				continue;
			const uint32_t other = counting->index[j];
			const uint64_t *more = row(counting, counting->below, other);
			for (uint32_t word = 0; word < counting->words; word++)
				below[word] |= more[word];
			put(row(counting, counting->beside, i), other);
			put(row(counting, counting->beside, other), i);
		}
		for (uint32_t j = 0; j <= i; j++)
			if (has(below, j))
				put(row(counting, counting->above, j), i);
	}
}

/* Count the sets that are legal at both moments. Returns 0, -E2BIG or -ENOMEM. */
static int count_at(struct counting *counting, uint32_t first, uint32_t last, uint64_t *ret_sets)
{
	struct torn_arena *arena = counting->arena;
	*ret_sets = 0;
	if (!place_all(counting, first, last))
		return 0;
	number_free(counting);
	if (is_chain(counting, first)) {
		*ret_sets = counting->count + 1;
		return 0;
	}
	if (counting->count > FREE_MAX)
		return -E2BIG;
	const size_t mark = torn_arena_mark(arena);
	const size_t size = counting->words * sizeof(uint64_t);
	counting->below = torn_arena_take(arena, counting->count * size);
	counting->above = torn_arena_take(arena, counting->count * size);
	counting->beside = torn_arena_take(arena, counting->count * size);
	uint64_t *all = torn_arena_take(arena, size);
	int r = -ENOMEM;
	if (counting->below && counting->above && counting->beside && all) {
		for (uint32_t i = 0; i < counting->count; i++)
			put(all, i);
		relate_all(counting, first);
		r = count_lower_sets(counting, all, ret_sets);
	}
	torn_arena_return(arena, mark);
	return r;
}

/* ------------------------------------------------------------- all moments */

static int by_moment(const void *a, const void *b)
{
	const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
	return (left > right) - (left < right);
}

/* Moments from `from` on at which something becomes durable or gone, in order, each once. */
static uint32_t find_turns(const struct torn_persistence *order, uint32_t from, uint32_t *turns)
{
	uint32_t found = 0, count = 0;
	for (uint32_t i = 0; i < order->count; i++) {
		if (order->dropped[i])
			continue;
		if (order->durable[i] != TORN_NEVER && order->durable[i] > from)
			turns[found++] = order->durable[i];
		if (order->gone[i] != TORN_NEVER && order->gone[i] > from)
			turns[found++] = order->gone[i];
	}
	if (found > 0)
		qsort(turns, found, sizeof *turns, by_moment);
	for (uint32_t i = 0; i < found; i++)
		if (count == 0 || turns[count - 1] != turns[i])
			turns[count++] = turns[i];
	return count;
}

int torn_crash_count_legal(struct torn_arena *arena, const struct torn_effects *effects,
			   const struct torn_persistence *order, uint32_t from, uint64_t *ret_sets)
{
	const size_t mark = torn_arena_mark(arena);
	const size_t room = order->count + 1;
	struct counting counting = {.arena = arena, .effects = effects, .order = order};
	counting.places = torn_arena_take_raw(arena, room * sizeof *counting.places);
	counting.index = torn_arena_take_raw(arena, room * sizeof *counting.index);
	counting.free = torn_arena_take_raw(arena, room * sizeof *counting.free);
	uint32_t *turns = torn_arena_take_raw(arena, 2 * room * sizeof *turns);
	int r = counting.places && counting.index && counting.free && turns ? 0 : -ENOMEM;
	const uint32_t count = r == 0 ? find_turns(order, from, turns) : 0;
	*ret_sets = 0;
	for (uint32_t i = 0; r == 0 && i <= count && *ret_sets < TORN_CRASH_MANY; i++) {
		const uint32_t last = i < count ? turns[i] - 1 : TORN_NEVER - 1;
		uint64_t sets = 0, shared = 0;
		if (i > 0)
			r = count_at(&counting, turns[i - 1] - 1, turns[i - 1], &shared);
		if (r == 0)
			r = count_at(&counting, last, last, &sets);
		*ret_sets = sets == TORN_CRASH_MANY ? sets : sum(*ret_sets, sets - shared);
	}
	torn_arena_return(arena, mark);
	return r;
}
