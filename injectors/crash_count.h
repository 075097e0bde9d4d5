/* crash_count.h: how many sets of effects a power cut may leave, without looking at them. */
#ifndef TORN_CRASH_COUNT_H
#define TORN_CRASH_COUNT_H

#include "presets.h"

/* Nobody counts further than this. */
#define TORN_CRASH_MANY (UINT64_C(1) << 60)

/*
 * Count the legal sets of cuts at moments from `from` on. That they may make directory
 * cycles is not seen here: the log has none that could (crash.c knows). Storage comes
 * from `arena` and is given back. Returns 0 with the number, TORN_CRASH_MANY where
 * it is that or more; -E2BIG where it takes too long to find out; -ENOMEM.
 */
int torn_crash_count_legal(struct torn_arena *arena, const struct torn_effects *effects,
			   const struct torn_persistence *order, uint32_t from, uint64_t *ret_sets);

#endif
