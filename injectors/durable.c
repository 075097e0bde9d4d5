/* durable.c: see durable.h. What each kind of sync makes durable. */
#include "durable.h"

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

void torn_durable_settle(struct building *building, uint32_t number, uint32_t moment)
{
	if (is_out_of_range(building, &building->effects->items[number]))
		return;
	if (building->effects->items[number].of_loss || building->order->gone[number] <= moment)
		return; /* what is lost no sync brings back; whether its size shows nobody promises */
	if (building->order->durable[number] > moment)
		building->order->durable[number] = moment;
}

bool torn_durable_names(const struct torn_effect *effect, torn_object object)
{
	return effect->kind == TORN_EFFECT_ENTRIES &&
	       (effect->object == object ||
		(effect->entries_count == 2 && effect->entries[1].object == object));
}

bool torn_durable_is_entry_of(const struct torn_effect *effect, torn_object dir)
{
	for (uint32_t i = 0; i < effect->entries_count; i++)
		if (effect->entries[i].dir == dir)
			return true;
	return false;
}

uint32_t torn_durable_logged(const struct building *building, uint32_t number, torn_object dir, uint32_t end)
{
	const struct torn_effects *effects = building->effects;
	const struct torn_effect *effect = &effects->items[number];
	for (uint32_t i = end; i < effects->count && effects->items[i].of_log && effects->items[i].at == effects->items[end].at;
	     i++)
		if (effect->entries_count == 2 && effect->entries[0].dir == dir && effect->object == effects->items[i].object &&
		    torn_bytes_equal(effect->entries[0].name, effects->items[i].entries[0].name))
			return i;
	return number;
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
	if (torn_durable_is_entry_of(effect, object))
		return true;
	return torn_durable_names(effect, object) &&
	       (!data_only || building->traits->fdatasync_takes_names ||
		is_creation_of(building, effect, object));
}

static torn_object filesystem_of(const struct building *building, uint32_t number)
{
	return torn_durable_filesystem(building->effects, &building->effects->items[number]);
}

/* All that was done to the file system of an inode. */
static void sync_all(struct building *building, uint32_t end, torn_object object, uint32_t moment)
{
	const torn_object filesystem = torn_effects_filesystem(building->effects, object);
	for (uint32_t i = 0; i < end; i++)
		if (filesystem_of(building, i) == filesystem)
			torn_durable_settle(building, i, moment);
}

/*
 * A journal that has the data too commits the transaction that the inode is in, and no later one: since Linux 6.4
 * (ext4_sync_file() without ext4_force_commit()) an fsync of a clean file commits nothing (measured on Linux 6.18).
 */
static void sync_journal(struct building *building, uint32_t end, torn_object object, bool data_only, uint32_t moment)
{
	const struct torn_effect *items = building->effects->items;
	const torn_object filesystem = torn_effects_filesystem(building->effects, object);
	uint32_t last = end;
	while (last > 0 && !dirties(building, &items[last - 1], object, data_only) &&
	       !(torn_effect_is_data(&items[last - 1]) && items[last - 1].object == object))
		last--;
	for (uint32_t i = 0; i < last; i++)
		if (filesystem_of(building, i) == filesystem)
			torn_durable_settle(building, i, moment);
}

static void sync_prefix(struct building *building, uint32_t end, torn_object object, bool data_only,
			uint32_t moment)
{
	const struct torn_effect *items = building->effects->items;
	const torn_object filesystem = torn_effects_filesystem(building->effects, object);
	uint32_t last = end;
	while (last > 0 && !dirties(building, &items[last - 1], object, data_only))
		last--;
	for (uint32_t i = 0; i < end; i++)
		if (building->is_metadata[i]
			    ? i < last && filesystem_of(building, i) == filesystem
			    : items[i].object == object)
			torn_durable_settle(building, i, moment);
}

static void sync_own(struct building *building, uint32_t end, torn_object object, bool data_only,
		     uint32_t moment)
{
	for (uint32_t i = 0; i < end; i++) {
		const struct torn_effect *effect = &building->effects->items[i];
		const bool is_own = effect->kind == TORN_EFFECT_ENTRIES
					    ? torn_durable_is_entry_of(effect, object)
					    : effect->object == object;
		if (is_own && !(data_only && effect->kind == TORN_EFFECT_ATTRIBUTES))
			torn_durable_settle(building, torn_durable_logged(building, i, object, end), moment);
	}
}

static void sync_inode(struct building *building, uint32_t end, torn_object object, bool data_only,
		       uint32_t moment)
{
	switch (building->traits->sync) {
	case SYNC_ALL:
		sync_all(building, end, object, moment);
		return;
	case SYNC_JOURNAL:
		sync_journal(building, end, object, data_only, moment);
		return;
	case SYNC_PREFIX:
		sync_prefix(building, end, object, data_only, moment);
		return;
	case SYNC_CLOSURE:
		torn_durable_sync_btrfs(building, end, object, moment);
		return;
	case SYNC_OWN:
		sync_own(building, end, object, data_only, moment);
		return;
	}
}

/* An msync, or a write that is one of its own bytes. A commit has all that was written. */
static void sync_range(struct building *building, const struct torn_op *op, uint64_t length,
		       uint32_t end, bool data_only, uint32_t moment)
{
	const enum sync_way way = building->traits->sync;
	building->range = way == SYNC_ALL || way == SYNC_JOURNAL ? NULL : op;
	building->range_length = length;
	sync_inode(building, end, op->object, data_only, moment);
	building->range = NULL;
}

static void sync_op(struct building *building, const struct torn_op *op, uint32_t before,
		    uint32_t after, uint32_t moment)
{
	const bool succeeded = (op->flags & TORN_OP_PERFORMED) && op->result >= 0 && op->told >= 0;
	if (building->traits->synchronous)
		for (uint32_t i = before; i < after; i++)
			torn_durable_settle(building, i, moment);
	if (op->flags & TORN_OP_KEPT)
		for (uint32_t i = 0; i < before; i++)
			if (torn_effect_is_data(&building->effects->items[i]) &&
			    building->effects->items[i].object == op->object)
				torn_durable_settle(building, i, moment);
	if (!succeeded)
		return; /* a sync that fails makes nothing durable */
	if (torn_op_writes_through(op))
		sync_range(building, op, (uint64_t)op->result, after,
			   !(op->flags & TORN_OP_FULL_SYNC), moment);
	if (op->call == TORN_CALL_sync)
		for (uint32_t i = 0; i < before; i++)
			torn_durable_settle(building, i, moment);
	else if (op->call == TORN_CALL_syncfs)
		sync_all(building, before, op->object, moment);
	else if (op->call == TORN_CALL_fsync || op->call == TORN_CALL_fdatasync)
		sync_inode(building, before, op->object, op->call == TORN_CALL_fdatasync, moment);
	if (torn_op_syncs_pages(op))
		sync_range(building, op, op->length, before, true, moment);
}

void torn_durable_find(struct building *building)
{
	const struct torn_effects *effects = building->effects;
	uint32_t next = 0;
	for (uint32_t i = 0; i < building->log->count; i++) {
		const uint32_t before = next;
		while (next < effects->count && effects->items[next].at == i)
			next++;
		sync_op(building, &building->log->ops[i], before, next, 2 * i + 1);
	}
	for (uint32_t i = 0; i < effects->count && building->traits->sync == SYNC_CLOSURE; i++)
		if (effects->items[i].logged && building->order->alone[i] > 2 * effects->items[i].at)
			building->order->alone[i] = 2 * effects->items[i].at;
	/* What is durable has all that it implies. */
	const struct torn_persistence *order = building->order;
	for (uint32_t i = effects->count; i > 0; i--)
		for (uint32_t j = order->implies_begin[i - 1]; j < order->implies_begin[i]; j++)
			torn_durable_settle(building, order->implies[j], order->durable[i - 1]);
	for (uint32_t i = 0; i < effects->count; i++)
		if (order->durable[i] != TORN_NEVER)
			order->gone[i] = TORN_NEVER; /* it was written before that */
}
