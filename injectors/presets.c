/* presets.c: see presets.h. */
#include "durable.h"

#include <errno.h>
#include <string.h>

static const struct traits presets[TORN_PRESET_COUNT] = {
	[TORN_PRESET_SYNC] = {.name = "sync", .sync = SYNC_ALL, .synchronous = true, .all_in_order = true},
	[TORN_PRESET_EXT4_JOURNAL] = {.name = "ext4-journal", .sync = SYNC_JOURNAL, .all_in_order = true},
	[TORN_PRESET_EXT4] = {.name = "ext4", .sync = SYNC_PREFIX, .metadata_in_order = true,
			      .rename_flushes = true, .tail_when_flushed = true, .tail_within = true,
			      .cut_before_data = true, .in_place = true},
	[TORN_PRESET_XFS] = {.name = "xfs", .sync = SYNC_PREFIX, .metadata_in_order = true,
			     .cut_before_data = true, .fdatasync_takes_names = true, .in_place = true},
	[TORN_PRESET_BTRFS] = {.name = "btrfs", .sync = SYNC_CLOSURE, .metadata_in_order = true,
			       .cut_before_data = true, .fdatasync_takes_names = true},
	[TORN_PRESET_EXT4_NOAUTO] = {.name = "ext4-noauto", .sync = SYNC_PREFIX,
				     .metadata_in_order = true, .tail_when_flushed = true, .tail_within = true,
				     .cut_before_data = true, .in_place = true},
	[TORN_PRESET_EXT4_WRITEBACK] = {.name = "ext4-writeback", .sync = SYNC_PREFIX,
					.metadata_in_order = true, .tail_within = true,
					.tail_beyond = true, .cut_before_data = true, .in_place = true,
					.reuses_freed = true},
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

static bool is_dropped(const struct building *building, uint32_t number)
{
	const struct traits *traits = building->traits;
	const struct torn_effect *effect = &building->effects->items[number];
	if (effect->clipped)
		return !traits->in_place;
	if (effect->logged_away)
		return traits->sync != SYNC_CLOSURE;
	if (effect->of_log)
		return traits->sync != SYNC_CLOSURE && traits->sync != SYNC_OWN;
	if (effect->kind != TORN_EFFECT_TAIL || effect->of_loss)
		return false;
	if (effect->within)
		return !traits->tail_within;
	if (effect->early && traits->tail_when_flushed)
		return false;
	return !traits->tail_beyond && building->flushed[effect->object] <= number;
}

/* The write to the same block before this one, and the truncation that freed it. */
static void imply_same_block(struct building *building, uint32_t number)
{
	const struct torn_effect *effect = &building->effects->items[number];
	const uint64_t block = effect->offset / TORN_BLOCK_SIZE;
	for (uint32_t i = building->last[effect->object]; i; i = building->before[i - 1]) {
		const struct torn_effect *other = &building->effects->items[i - 1];
		const bool is_same = torn_effect_is_data(other) && !other->clipped &&
				     other->offset / TORN_BLOCK_SIZE == block;
		const bool is_cut = building->traits->cut_before_data &&
				    other->kind == TORN_EFFECT_SIZE && (other->cuts || other->clones);
		if (!is_same && !is_cut)
			continue;
		imply(building, i - 1);
		return;
	}
}

/*
 * What the cache held of the page before, sizes left aside; and the truncation that freed the block, where that is another
 * one then: ext4 gives freed blocks to others before the truncation is on disk only with data=writeback
 * (ext4_free_blocks(); measured).
 */
static void imply_page(struct building *building, uint32_t number)
{
	const struct torn_effect *effect = &building->effects->items[number];
	const uint64_t block = effect->offset / TORN_BLOCK_SIZE;
	for (uint32_t i = building->last[effect->object]; i; i = building->before[i - 1]) {
		const struct torn_effect *other = &building->effects->items[i - 1];
		const bool is_same = torn_effect_is_data(other) && !other->has_clipped &&
				     other->offset / TORN_BLOCK_SIZE == block;
		const bool is_freed = other->kind == TORN_EFFECT_SIZE && !building->traits->reuses_freed &&
				      (other->clones || (other->cuts && other->size <= block * TORN_BLOCK_SIZE));
		if (!is_same && !is_freed)
			continue;
		imply(building, i - 1);
		return;
	}
}

/*
 * Delayed-allocated data of a file that takes another one's name is flushed before: ext4_rename(). That flush is not waited
 * for: the size is there with the name, and where the commit comes before new blocks are marked as written
 * (dioread_nolock), they read as zeroes (measured).
 */
static void imply_flushed(struct building *building, const struct torn_effect *rename)
{
	for (uint32_t i = building->last[rename->object]; i; i = building->before[i - 1]) {
		const struct torn_effect *effect = &building->effects->items[i - 1];
		const bool is_in_place = torn_effect_is_data(effect) && !effect->grows && !effect->reserved &&
					 !effect->clipped;
		const bool is_size = effect->kind == TORN_EFFECT_TAIL && !effect->of_loss &&
				     !building->order->dropped[i - 1];
		if (is_in_place || is_size)
			imply(building, i - 1);
	}
}

/* Others may be written back at any time, too, but it is at a rename over a name where it was measured. */
static void find_flushed(struct building *building)
{
	const struct torn_effects *effects = building->effects;
	memset(building->flushed, 0, (effects->objects + 1) * sizeof *building->flushed);
	for (uint32_t i = 0; i < effects->count && building->traits->tail_when_flushed; i++)
		if (effects->items[i].replaces)
			building->flushed[effects->items[i].object] = i + 1;
}

/* Such a size is one behind the truncation. */
static void imply_cut(struct building *building, const struct torn_effect *tail)
{
	for (uint32_t i = building->last[tail->object]; i; i = building->before[i - 1])
		if (building->effects->items[i - 1].cuts) {
			imply(building, i - 1);
			return;
		}
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
	if (effect->has_clipped && building->traits->in_place)
		imply(building, number - 1);
	if (effect->early)
		imply_cut(building, effect);
	if (effect->clipped)
		imply_page(building, number);
	else if (torn_effect_is_data(effect))
		imply_same_block(building, number);
	if (effect->replaces && building->traits->rename_flushes)
		imply_flushed(building, effect);
}

/*
 * Bytes have no place in the metadata's order. A size that shows before them has one where its block is on disk; a
 * block that this run wrote first may not be allocated yet, and with it the size waits (delayed allocation; measured:
 * a commit behind a later chmod(2) left the mode, and no size).
 */
static bool is_metadata(const struct building *building, const struct torn_effect *effect)
{
	if (effect->kind != TORN_EFFECT_TAIL)
		return !torn_effect_is_data(effect) && !effect->of_log && !effect->logged_away;
	for (uint32_t i = building->last[effect->object]; effect->within && i; i = building->before[i - 1])
		if (torn_effect_is_data(&building->effects->items[i - 1]) && !building->effects->items[i - 1].clipped)
			return false;
	return effect->within;
}

/* One pass over all effects; without an array of implied ones it only counts them. */
static void pass(struct building *building)
{
	const struct torn_effects *effects = building->effects;
	struct torn_persistence *order = building->order;
	building->implied = 0;
	memset(building->metadata, 0, (effects->objects + 1) * sizeof *building->metadata);
	memset(building->inodes, 0, (effects->objects + 1) * sizeof *building->inodes);
	memset(building->last, 0, (effects->objects + 1) * sizeof *building->last);
	for (uint32_t i = 0; i < effects->count; i++) {
		const struct torn_effect *effect = &effects->items[i];
		building->is_metadata[i] = is_metadata(building, effect);
		const bool in_order = building->traits->all_in_order ||
				      (building->traits->metadata_in_order && building->is_metadata[i]);
		uint32_t *metadata = &building->metadata[torn_durable_filesystem(effects, effect)];
		order->implies_begin[i] = building->implied;
		order->dropped[i] = is_dropped(building, i);
		order->follows[i] = in_order && *metadata ? *metadata - 1 : TORN_NEVER;
		if (!order->dropped[i])
			imply_for(building, i);
		if (in_order && !order->dropped[i])
			*metadata = i + 1;
		if (effect->kind == TORN_EFFECT_INODE)
			building->inodes[effect->object] = i + 1;
		building->before[i] = building->last[effect->object];
		building->last[effect->object] = i + 1;
	}
	order->implies_begin[effects->count] = building->implied;
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
	building.is_metadata = torn_arena_take(arena, (count + 1) * sizeof *building.is_metadata);
	building.metadata = torn_arena_take(arena, (effects->objects + 1) * sizeof *building.metadata);
	building.flushed = torn_arena_take(arena, (effects->objects + 1) * sizeof *building.flushed);
	building.loosened =
		torn_arena_take(arena, 2 * (effects->objects + 1) * sizeof *building.loosened);
	if (!order.durable || !order.alone || !order.gone || !order.implies_begin || !order.follows ||
	    !order.dropped || !building.loosened || !building.inodes || !building.last || !building.before || !building.is_metadata || !building.metadata || !building.flushed)
		return -ENOMEM;
	find_flushed(&building);
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
	torn_durable_find(&building);
	*ret_order = order;
	return 0;
}
