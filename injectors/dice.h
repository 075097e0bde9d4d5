/* dice.h: splitmix64: numbers that a seed decides, the same on every machine. */
#ifndef TORN_DICE_H
#define TORN_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct torn_dice {
	uint64_t state;
};

static inline uint64_t torn_dice_roll(struct torn_dice *dice)
{
	uint64_t z = dice->state += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* From 0 to count - 1; 0 where count is 0. */
static inline uint32_t torn_dice_below(struct torn_dice *dice, uint64_t count)
{
	return count ? (uint32_t)(torn_dice_roll(dice) % count) : 0;
}

/* True in `times` of `of` rolls. */
static inline bool torn_dice_chance(struct torn_dice *dice, uint32_t times, uint32_t of)
{
	return torn_dice_below(dice, of) < times;
}

#endif
