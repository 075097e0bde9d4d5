/* presets.c: see presets.h. */
#include "presets.h"

#include <errno.h>
#include <string.h>

/* What a sync of one inode makes durable. */
enum sync_way {
	SYNC_ALL,     /* everything before it */
	SYNC_PREFIX,  /* its data, and the metadata up to the last that is its own */
	SYNC_CLOSURE, /* its data, attributes and names, and what these need */
	SYNC_OWN,     /* what is in it: of a directory its entries */
};

static const struct traits {
	const char *name;
	enum sync_way sync;
	bool synchronous;       /* durable when the call returns */
	bool all_in_order;      /* a prefix of the run */
	bool metadata_in_order; /* a prefix of the metadata */
	bool rename_flushes;    /* a rename over a name implies the data, but what lies in reserved blocks */
	bool tail_within, tail_beyond; /* sizes show before their bytes */
	bool cut_before_data;   /* data behind a truncation implies it */
	bool fdatasync_takes_names;
} presets[TORN_PRESET_COUNT] = {
	[TORN_PRESET_SYNC] = {.name = "sync", .sync = SYNC_ALL, .synchronous = true, .all_in_order = true},
	[TORN_PRESET_EXT4_JOURNAL] = {.name = "ext4-journal", .sync = SYNC_ALL, .all_in_order = true},
	[TORN_PRESET_EXT4] = {.name = "ext4", .sync = SYNC_PREFIX, .metadata_in_order = true,
			      .rename_flushes = true, .tail_within = true, .cut_before_data = true},
	[TORN_PRESET_XFS] = {.name = "xfs", .sync = SYNC_PREFIX, .metadata_in_order = true,
			     .cut_before_data = true, .fdatasync_takes_names = true},
	[TORN_PRESET_BTRFS] = {.name = "btrfs", .sync = SYNC_CLOSURE, .metadata_in_order = true,
			       .cut_before_data = true, .fdatasync_takes_names = true},
	[TORN_PRESET_EXT4_NOAUTO] = {.name = "ext4-noauto", .sync = SYNC_PREFIX,
				     .metadata_in_order = true, .tail_within = true,
				     .cut_before_data = true},
	[TORN_PRESET_EXT4_WRITEBACK] = {.name = "ext4-writeback", .sync = SYNC_PREFIX,
					.metadata_in_order = true, .tail_within = true,
					.tail_beyond = true, .cut_before_data = true},
	[TORN_PRESET_POSIX] = {.name = "posix", .sync = SYNC_OWN, .tail_within = true, .tail_beyond = true},
	[TORN_PRESET_POSIX_SPLIT] = {.name = "posix-split", .sync = SYNC_OWN, .tail_within = true,
				     .tail_beyond = true},
};

const char *torn_preset_name(enum torn_preset preset)
{
	return presets[preset].name;
}

enum torn_preset torn_preset_named(struct torn_bytes name)
{
	enum torn_preset preset = TORN_PRESET_SYNC;
	while (preset < TORN_PRESET_COUNT && !torn_bytes_equal(name, torn_bytes_of(presets[preset].name)))
		preset++;
	return preset;
}

/* --------------------------------------------------------------- building */

struct building {
	const struct traits *traits;
	const struct torn_effects *effects;
	const struct torn_log *log;
	struct torn_persistence *order;
	uint32_t implied;      /* so far */
	uint32_t *inodes;      /* by object: 1 + the effect that makes it; 0: it was there */
	uint32_t *last;        /* by object: 1 + its last effect so far */
	uint32_t *before;      /* by effect: 1 + the one before it on the same inode */
	uint32_t *loosened;    /* by object, twice: the moment at which loosen() was there */
	const struct torn_op *range; /* the sync that is at work, where it is one of some bytes */
	uint64_t range_length;
};

/*
 * Bytes have no place in the metadata's order, and neither has a size that shows
 * before them: with delayed allocation it is settled when blocks are written back.
 */
static bool is_metadata(const struct torn_effect *effect)
{
	return effect->kind == TORN_EFFECT_TAIL ? effect->within : effect->kind != TORN_EFFECT_DATA;
}

static void imply(struct building *building, uint32_t effect)
{
	if (building->order->implies)
		building->order->implies[building->implied] = effect;
	building->implied++;
}

static void imply_inode(struct building *building, torn_object object)
{
	if (object && building->inodes[object])
		imply(building, building->inodes[object] - 1);
}

static bool is_dropped(const struct traits *traits, const struct torn_effect *effect)
{
	return effect->kind == TORN_EFFECT_TAIL && !effect->of_loss &&
	       !(effect->within ? traits->tail_within : traits->tail_beyond);
}

/* The write to the same block before this one, and the truncation that freed it. */
static void imply_same_block(struct building *building, uint32_t number)
{
	const struct torn_effect *effect = &building->effects->items[number];
	const uint64_t block = effect->offset / TORN_BLOCK_SIZE;
	for (uint32_t i = building->last[effect->object]; i; i = building->before[i - 1]) {
		const struct torn_effect *other = &building->effects->items[i - 1];
		const bool is_same = torn_effect_is_data(other) && other->offset / TORN_BLOCK_SIZE == block;
		const bool is_cut = building->traits->cut_before_data &&
				    other->kind == TORN_EFFECT_SIZE && (other->cuts || other->clones);
		if (!is_same && !is_cut)
			continue;
		imply(building, i - 1);
		return;
	}
}

/* Delayed-allocated data of a file that takes another one's name is flushed before: ext4_rename(). */
static void imply_data(struct building *building, const struct torn_effect *rename)
{
	for (uint32_t i = building->last[rename->object]; i; i = building->before[i - 1])
		if (torn_effect_is_data(&building->effects->items[i - 1]) &&
		    !building->effects->items[i - 1].reserved)
			imply(building, i - 1);
}

static void imply_for(struct building *building, uint32_t number)
{
	const struct torn_effect *effect = &building->effects->items[number];
	if (effect->kind != TORN_EFFECT_INODE && effect->kind != TORN_EFFECT_ENTRIES)
		imply_inode(building, effect->object);
	for (uint32_t i = 0; i < effect->entries_count; i++) {
		imply_inode(building, effect->entries[i].dir);
		imply_inode(building, effect->entries[i].object);
	}
	if (torn_effect_is_data(effect))
		imply_same_block(building, number);
	if (effect->replaces && building->traits->rename_flushes)
		imply_data(building, effect);
}

/* One pass over all effects; without an array of implied ones it only counts them. */
static void pass(struct building *building)
{
	const struct torn_effects *effects = building->effects;
	struct torn_persistence *order = building->order;
	uint32_t metadata = TORN_NEVER;
	building->implied = 0;
	memset(building->inodes, 0, (effects->objects + 1) * sizeof *building->inodes);
	memset(building->last, 0, (effects->objects + 1) * sizeof *building->last);
	for (uint32_t i = 0; i < effects->count; i++) {
		const struct torn_effect *effect = &effects->items[i];
		const bool in_order = building->traits->all_in_order ||
				      (building->traits->metadata_in_order && is_metadata(effect));
		order->implies_begin[i] = building->implied;
		order->dropped[i] = is_dropped(building->traits, effect);
		order->follows[i] = in_order ? metadata : TORN_NEVER;
		if (!order->dropped[i])
			imply_for(building, i);
		if (in_order && !order->dropped[i])
			metadata = i;
		if (effect->kind == TORN_EFFECT_INODE)
			building->inodes[effect->object] = i + 1;
		building->before[i] = building->last[effect->object];
		building->last[effect->object] = i + 1;
	}
	order->implies_begin[effects->count] = building->implied;
}

/* ------------------------------------------------------------- durability */

/* Bytes of the file that a sync of a range, in whole pages, does not write: vfs_fsync_range(). */
static bool is_out_of_range(const struct building *building, const struct torn_effect *effect)
{
	const struct torn_op *range = building->range;
	if (!range || !torn_effect_is_data(effect) || effect->object != range->object)
		return false;
	const uint64_t end =
		(range->offset + building->range_length + TORN_BLOCK_SIZE - 1) / TORN_BLOCK_SIZE;
	const uint64_t block = effect->offset / TORN_BLOCK_SIZE;
	return block < range->offset / TORN_BLOCK_SIZE || block >= end;
}

static void settle(struct building *building, uint32_t number, uint32_t moment)
{
	if (is_out_of_range(building, &building->effects->items[number]))
		return;
	if (building->effects->items[number].of_loss || building->order->gone[number] <= moment)
		return; /* what is lost no sync brings back; whether its size shows nobody promises */
	if (building->order->durable[number] > moment)
		building->order->durable[number] = moment;
}

static bool names(const struct torn_effect *effect, torn_object object)
{
	return effect->kind == TORN_EFFECT_ENTRIES &&
	       (effect->object == object ||
		(effect->entries_count == 2 && effect->entries[1].object == object));
}

static bool is_entry_of(const struct torn_effect *effect, torn_object dir)
{
	for (uint32_t i = 0; i < effect->entries_count; i++)
		if (effect->entries[i].dir == dir)
			return true;
	return false;
}

static bool is_creation_of(const struct building *building, const struct torn_effect *effect,
			   torn_object object)
{
	const uint32_t inode = building->inodes[object];
	return inode && building->effects->items[inode - 1].at == effect->at;
}

/* Does this make the inode itself dirty, as far as that sync is concerned? */
static bool dirties(const struct building *building, const struct torn_effect *effect,
		    torn_object object, bool data_only)
{
	if (torn_effect_is_data(effect) || effect->kind == TORN_EFFECT_SIZE ||
	    effect->kind == TORN_EFFECT_TAIL || effect->kind == TORN_EFFECT_INODE)
		return effect->object == object && (!torn_effect_is_data(effect) || effect->grows);
	if (effect->kind == TORN_EFFECT_ATTRIBUTES)
		return effect->object == object && !data_only;
	if (is_entry_of(effect, object))
		return true;
	return names(effect, object) && (!data_only || building->traits->fdatasync_takes_names ||
					 is_creation_of(building, effect, object));
}

static void sync_prefix(struct building *building, uint32_t end, torn_object object, bool data_only,
			uint32_t moment)
{
	const struct torn_effect *items = building->effects->items;
	uint32_t last = end;
	while (last > 0 && !dirties(building, &items[last - 1], object, data_only))
		last--;
	for (uint32_t i = 0; i < end; i++)
		if (is_metadata(&items[i]) ? i < last : items[i].object == object)
			settle(building, i, moment);
}

static void sync_own(struct building *building, uint32_t end, torn_object object, bool data_only,
		     uint32_t moment)
{
	for (uint32_t i = 0; i < end; i++) {
		const struct torn_effect *effect = &building->effects->items[i];
		const bool is_own = effect->kind == TORN_EFFECT_ENTRIES ? is_entry_of(effect, object)
									 : effect->object == object;
		if (is_own && !(data_only && effect->kind == TORN_EFFECT_ATTRIBUTES))
			settle(building, i, moment);
	}
}

static bool takes_a_name_of(const struct torn_effect *later, const struct torn_effect *earlier)
{
	for (uint32_t i = 0; i < later->entries_count; i++)
		for (uint32_t j = 0; j < earlier->entries_count; j++)
			if (later->entries[i].dir == earlier->entries[j].dir &&
			    torn_bytes_equal(later->entries[i].name, earlier->entries[j].name))
				return true;
	return false;
}

/* Was nothing else done with this name until `end`? */
static bool is_name_still(const struct building *building, const struct torn_effect_entry *entry,
			  uint32_t number, uint32_t end)
{
	for (uint32_t i = number + 1; i < end; i++)
		for (uint32_t j = 0; j < building->effects->items[i].entries_count; j++)
			if (building->effects->items[i].entries[j].dir == entry->dir &&
			    torn_bytes_equal(building->effects->items[i].entries[j].name, entry->name))
				return false;
	return true;
}

/*
 * What had the name before gets the one that it has now, or it would be lost; what is not
 * on disk yet has nothing to lose, and is not logged.
 */
static void settle_taken(struct building *building, uint32_t number, uint32_t moment)
{
	const struct torn_effect *items = building->effects->items;
	for (uint32_t i = 0; i < number; i++) {
		const uint32_t inode = building->inodes[items[i].object];
		if (takes_a_name_of(&items[number], &items[i]) &&
		    (!inode || building->order->durable[inode - 1] < moment))
			settle(building, i, moment);
	}
}

/*
 * Directories above that are new: that they are there, under the name they were made with.
 * Not their other names, nor their mode: a commit between would have put them on disk, and
 * of a directory that is on disk the log has neither.
 */
static void settle_ancestors(struct building *building, torn_object dir, uint32_t moment)
{
	const struct torn_effect *items = building->effects->items;
	while (building->inodes[dir]) {
		const uint32_t inode = building->inodes[dir] - 1, name = inode + 1;
		if (name >= building->effects->count || building->order->durable[name] <= moment ||
		    !names(&items[name], dir))
			return;
		settle(building, inode, moment);
		settle(building, name, moment);
		settle_taken(building, name, moment);
		dir = items[name].entries[0].dir;
	}
}

static void loosen(struct building *building, uint32_t end, torn_object object, bool downward,
		   uint32_t moment);

static void loosen_around(struct building *building, uint32_t number, uint32_t end, bool downward,
			  uint32_t moment)
{
	const struct torn_effect *items = building->effects->items, *effect = &items[number];
	for (uint32_t i = 0; i < effect->entries_count; i++) {
		const struct torn_effect_entry *entry = &effect->entries[i];
		loosen(building, end, entry->dir, false, moment);
		if (downward && entry->object)
			loosen(building, end, entry->object, building->inodes[entry->object], moment);
	}
	for (uint32_t i = 0; i < number; i++) {
		if (!takes_a_name_of(effect, &items[i]))
			continue;
		if (building->order->alone[i] > moment)
			building->order->alone[i] = moment;
		loosen(building, end, items[i].object, false, moment);
	}
}

/*
 * What the log takes with an inode where no commit came between, and does not where one
 * did: the names and attributes of inodes above, of those whose names were taken, and
 * (downward) of those that are new below.
 */
static void loosen(struct building *building, uint32_t end, torn_object object, bool downward,
		   uint32_t moment)
{
	const struct torn_effect *items = building->effects->items;
	uint32_t *loosened = &building->loosened[2 * object + downward];
	if (*loosened == moment)
		return;
	*loosened = moment;
	for (uint32_t i = 0; i < end; i++) {
		const bool is_name = names(&items[i], object) || (downward && is_entry_of(&items[i], object));
		if (items[i].kind == TORN_EFFECT_ENTRIES ? !is_name : items[i].object != object)
			continue;
		if (building->order->durable[i] < moment)
			continue;
		if (building->order->alone[i] > moment)
			building->order->alone[i] = moment;
		if (is_name)
			loosen_around(building, i, end, downward, moment);
	}
}

/*
 * The log of btrfs: what is in an inode, its names, whose names these were, and the new
 * directories above; neither what else is in those, nor the attributes of what a directory
 * names (both measured: lost).
 */
static void sync_closure(struct building *building, uint32_t end, torn_object object, uint32_t moment)
{
	const struct torn_effect *items = building->effects->items;
	loosen(building, end, object, true, moment);
	for (uint32_t i = end; i > 0; i--) {
		const struct torn_effect *effect = &items[i - 1];
		const bool is_name = names(effect, object) || is_entry_of(effect, object);
		if (effect->kind == TORN_EFFECT_ENTRIES ? !is_name : effect->object != object)
			continue;
		if (building->order->durable[i - 1] <= moment)
			continue;
		settle(building, i - 1, moment);
		if (is_name)
			settle_taken(building, i - 1, moment);
		for (uint32_t j = 0; j < effect->entries_count && is_name; j++)
			if (effect->entries[j].object == object &&
			    is_name_still(building, &effect->entries[j], i - 1, end))
				settle_ancestors(building, effect->entries[j].dir, moment);
	}
}

static void sync_inode(struct building *building, uint32_t end, torn_object object, bool data_only,
		       uint32_t moment)
{
	switch (building->traits->sync) {
	case SYNC_ALL:
		for (uint32_t i = 0; i < end; i++)
			settle(building, i, moment);
		return;
	case SYNC_PREFIX:
		sync_prefix(building, end, object, data_only, moment);
		return;
	case SYNC_CLOSURE:
		sync_closure(building, end, object, moment);
		return;
	case SYNC_OWN:
		sync_own(building, end, object, data_only, moment);
		return;
	}
}

/* An msync, or a write that is one of its own bytes. */
static void sync_range(struct building *building, const struct torn_op *op, uint64_t length, uint32_t end,
		       bool data_only, uint32_t moment)
{
	building->range = op;
	building->range_length = length;
	sync_inode(building, end, op->object, data_only, moment);
	building->range = NULL;
}

static void sync_op(struct building *building, const struct torn_op *op, uint32_t before, uint32_t after,
		    uint32_t moment)
{
	const bool succeeded = (op->flags & TORN_OP_PERFORMED) && op->result >= 0 && op->told >= 0;
	if (building->traits->synchronous)
		for (uint32_t i = before; i < after; i++)
			settle(building, i, moment);
	if (op->flags & TORN_OP_KEPT)
		for (uint32_t i = 0; i < before; i++)
			if (torn_effect_is_data(&building->effects->items[i]) &&
			    building->effects->items[i].object == op->object)
				settle(building, i, moment);
	if (!succeeded)
		return; /* a sync that fails makes nothing durable */
	if (torn_op_writes_through(op) && building->traits->sync == SYNC_ALL)
		sync_inode(building, after, op->object, false, moment); /* a commit has all that was written */
	else if (torn_op_writes_through(op))
		sync_range(building, op, (uint64_t)op->result, after, !(op->flags & TORN_OP_FULL_SYNC), moment);
	if (op->call == TORN_CALL_sync || op->call == TORN_CALL_syncfs)
		for (uint32_t i = 0; i < before; i++)
			settle(building, i, moment);
	else if (op->call == TORN_CALL_fsync || op->call == TORN_CALL_fdatasync)
		sync_inode(building, before, op->object, op->call == TORN_CALL_fdatasync, moment);
	if (torn_op_syncs_pages(op))
		sync_range(building, op, op->length, before, true, moment);
}

static void find_durable(struct building *building)
{
	const struct torn_effects *effects = building->effects;
	uint32_t next = 0;
	for (uint32_t i = 0; i < building->log->count; i++) {
		const uint32_t before = next;
		while (next < effects->count && effects->items[next].at == i)
			next++;
		sync_op(building, &building->log->ops[i], before, next, 2 * i + 1);
	}
	/* What is durable has all that it implies. */
	const struct torn_persistence *order = building->order;
	for (uint32_t i = effects->count; i > 0; i--)
		for (uint32_t j = order->implies_begin[i - 1]; j < order->implies_begin[i]; j++)
			settle(building, order->implies[j], order->durable[i - 1]);
	for (uint32_t i = 0; i < effects->count; i++)
		if (order->durable[i] != TORN_NEVER)
			order->gone[i] = TORN_NEVER; /* it was written before that */
}

int torn_preset_order(struct torn_arena *arena, enum torn_preset preset,
		      const struct torn_effects *effects, const struct torn_log *log,
		      struct torn_persistence *ret_order)
{
	const uint32_t count = effects->count;
	struct torn_persistence order = {.count = count};
	struct building building = {
		.traits = &presets[preset], .effects = effects, .log = log, .order = &order};
	order.durable = torn_arena_take(arena, (count + 1) * sizeof *order.durable);
	order.alone = torn_arena_take(arena, (count + 1) * sizeof *order.alone);
	order.gone = torn_arena_take(arena, (count + 1) * sizeof *order.gone);
	order.implies_begin = torn_arena_take(arena, (count + 1) * sizeof *order.implies_begin);
	order.follows = torn_arena_take(arena, (count + 1) * sizeof *order.follows);
	order.dropped = torn_arena_take(arena, (count + 1) * sizeof *order.dropped);
	building.inodes = torn_arena_take(arena, (effects->objects + 1) * sizeof *building.inodes);
	building.last = torn_arena_take(arena, (effects->objects + 1) * sizeof *building.last);
	building.before = torn_arena_take(arena, (count + 1) * sizeof *building.before);
	building.loosened =
		torn_arena_take(arena, 2 * (effects->objects + 1) * sizeof *building.loosened);
	if (!order.durable || !order.alone || !order.gone || !order.implies_begin || !order.follows ||
	    !order.dropped || !building.loosened || !building.inodes || !building.last || !building.before)
		return -ENOMEM;
	pass(&building);
	order.implies = torn_arena_take(arena, (building.implied + 1) * sizeof *order.implies);
	if (!order.implies)
		return -ENOMEM;
	pass(&building);
	for (uint32_t i = 0; i < count; i++) {
		const uint32_t lost_at = effects->items[i].lost_at;
		order.durable[i] = order.alone[i] = TORN_NEVER;
		order.gone[i] = lost_at ? 2 * (lost_at - 1) + 1 : TORN_NEVER;
	}
	find_durable(&building);
	*ret_order = order;
	return 0;
}
