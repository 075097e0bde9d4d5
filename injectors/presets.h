/*
 * presets.h: which effects a file system may lose together.
 *
 * A preset says two things of the effects of a log: when each becomes durable, and
 * which others it implies. A power cut at some moment leaves any set of effects
 * that has all that was durable by then and, with each, all that it implies.
 * Sources: the crash model, measured on Linux 6.18 (its litmus table).
 */
#ifndef TORN_PRESETS_H
#define TORN_PRESETS_H

#include "effects.h"

/* Moments: op number i of the log (from 0) acts at 2 * i and has returned at 2 * i + 1. */
#define TORN_NEVER UINT32_MAX

enum torn_preset {
	TORN_PRESET_SYNC,         /* a synchronous mount */
	TORN_PRESET_EXT4_JOURNAL, /* data=journal */
	TORN_PRESET_EXT4,         /* data=ordered, auto_da_alloc */
	TORN_PRESET_XFS,
	TORN_PRESET_BTRFS,
	TORN_PRESET_EXT4_NOAUTO,    /* noauto_da_alloc */
	TORN_PRESET_EXT4_WRITEBACK, /* data=writeback */
	TORN_PRESET_POSIX,          /* what the standard promises, and no more */
	TORN_PRESET_POSIX_SPLIT,    /* and renames half done: off unless asked */
	TORN_PRESET_COUNT
}; /* the stronger first: a finding is headed by the first that shows it */

/* Of a set of them. */
#define TORN_PRESET_BIT(preset) (1u << (preset))

/* Does it have renames half done? torn_effects_of() wants to know. */
static inline bool torn_preset_splits(enum torn_preset preset)
{
	return preset == TORN_PRESET_POSIX_SPLIT;
}

const char *torn_preset_name(enum torn_preset preset);
/* Return the preset of that name, or TORN_PRESET_COUNT. */
enum torn_preset torn_preset_named(struct torn_bytes name);

/* What a preset makes of the effects of one log. Arrays by the number of the effect. */
struct torn_persistence {
	uint32_t count;
	uint32_t *durable;       /* moment from which it cannot be lost; TORN_NEVER */
	/* Moment from which it cannot be there: an fsync failed and lost it; TORN_NEVER. What
	 * implies it is then without it. */
	uint32_t *gone;
	uint32_t *implies_begin; /* count + 1 of them: where its list in `implies` begins */
	uint32_t *implies;       /* numbers of earlier effects */
	/* The effect before it in the metadata's order, which it implies unless it is
	 * durable by itself, or may be there `alone`; TORN_NEVER: none. */
	uint32_t *follows;
	bool *dropped; /* no effect under this preset: part of another one */
	/* Moment from which it may be there without what it follows: an fsync may have taken it
	 * along. As `durable` where that is earlier; NULL: of all. */
	uint32_t *alone;
};

static inline uint32_t torn_persistence_alone(const struct torn_persistence *order, uint32_t number)
{
	const uint32_t durable = order->durable[number];
	return order->alone && order->alone[number] < durable ? order->alone[number] : durable;
}

/* All lies in `arena`. Returns 0 or -ENOMEM. */
int torn_preset_order(struct torn_arena *arena, enum torn_preset preset,
		      const struct torn_effects *effects, const struct torn_log *log,
		      struct torn_persistence *ret_order);

#endif
