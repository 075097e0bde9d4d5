/*
 * durable.h: what syncs make durable, from the inside: for presets.c, which says what implies
 * what, durable.c, and durable_btrfs.c, whose file system logs each inode by itself.
 */
#ifndef TORN_DURABLE_H
#define TORN_DURABLE_H

#include "presets.h"

/* What a sync of one inode makes durable. */
enum sync_way {
	SYNC_ALL,     /* everything before it */
	SYNC_JOURNAL, /* everything up to the last effect that is its own */
	SYNC_PREFIX,  /* its data, and the metadata up to the last that is its own */
	SYNC_CLOSURE, /* its data, attributes and names, and what these need */
	SYNC_OWN,     /* what is in it: of a directory its entries */
};

struct traits {
	const char *name;
	enum sync_way sync;
	bool synchronous;       /* durable when the call returns */
	bool all_in_order;      /* a prefix of the run */
	bool metadata_in_order; /* a prefix of the metadata */
	bool rename_flushes;    /* a rename over a name implies the size, and the bytes of blocks that were there */
	bool tail_within, tail_beyond; /* sizes show before their bytes */
	bool tail_when_flushed; /* so do sizes of what is renamed over a name */
	bool cut_before_data;   /* data behind a truncation implies it */
	bool fdatasync_takes_names;
	bool in_place;     /* a page goes to the block that it is in, all of it */
	bool reuses_freed; /* also to a block that a truncation gave back, and that is still the old file's on disk */
};

struct building {
	const struct traits *traits;
	const struct torn_effects *effects;
	const struct torn_log *log;
	struct torn_persistence *order;
	uint32_t implied;      /* so far */
	uint32_t *inodes;      /* by object: 1 + the effect that makes it; 0: it was there */
	uint32_t *last;        /* by object: 1 + its last effect so far */
	uint32_t *metadata;    /* by file system: 1 + the last effect so far that has a place in its order */
	bool *is_metadata;     /* by effect: it has a place in the order of the metadata */
	uint32_t *flushed;     /* by object: the effects before that one are flushed, and not waited for; 0: none is */
	uint32_t *before;      /* by effect: 1 + the one before it on the same inode */
	uint32_t *loosened;    /* by object, twice: the moment at which loosen() was there */
	const struct torn_op *range; /* the sync that is at work, where it is one of some bytes */
	uint64_t range_length;
};

/* The file system that an effect is of. */
static inline torn_object torn_durable_filesystem(const struct torn_effects *effects,
						  const struct torn_effect *effect)
{
	return torn_effects_filesystem(
		effects, effect->kind == TORN_EFFECT_ENTRIES ? effect->entries[0].dir : effect->object);
}

/* Find from when on each effect is durable: order->durable, gone and alone. Its other members are there. */
void torn_durable_find(struct building *building);

/* From that moment on it is. */
void torn_durable_settle(struct building *building, uint32_t number, uint32_t moment);
/* Does it give or take a name of that inode? Of one in that directory? */
bool torn_durable_names(const struct torn_effect *effect, torn_object object);
bool torn_durable_is_entry_of(const struct torn_effect *effect, torn_object dir);
/*
 * What an fsync of that directory makes durable of an effect: of a rename into it the effect, behind `end`, of what its log
 * has of that; else the effect itself.
 */
uint32_t torn_durable_logged(const struct building *building, uint32_t number, torn_object dir, uint32_t end);

/*
 * An fsync of btrfs, of what was done before effect `end`: what is in an inode, its names, whose names these
 * were, and the new directories above; neither what else is in those, nor the attributes of what a
 * directory names (both measured: lost).
 */
void torn_durable_sync_btrfs(struct building *building, uint32_t end, torn_object object, uint32_t moment);

#endif
