/* durable_btrfs.c: see durable.h. The log tree of btrfs, as it was measured: DECISIONS.md. */
#include "durable.h"

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
			    torn_bytes_equal(building->effects->items[i].entries[j].name,
					     entry->name))
				return false;
	return true;
}

/*
 * A rename from another directory, to a name of this one that has changed hands since: the log of this one does not say
 * that the file has left the other (measured: it is back there).
 */
static bool is_moved_and_replaced(const struct building *building, uint32_t number, torn_object dir, uint32_t end)
{
	const struct torn_effect *effect = &building->effects->items[number];
	return effect->entries_count == 2 && effect->entries[0].dir == dir && effect->entries[1].dir != dir &&
	       !effect->entries[1].object && effect->object != dir && !is_name_still(building, &effect->entries[0], number, end);
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
		    !is_moved_and_replaced(building, i, items[i].entries[0].dir, number + 1) &&
		    (!inode || building->order->durable[inode - 1] < moment))
			torn_durable_settle(building, i, moment);
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
		    !torn_durable_names(&items[name], dir))
			return;
		torn_durable_settle(building, inode, moment);
		torn_durable_settle(building, name, moment);
		settle_taken(building, name, moment);
		dir = items[name].entries[0].dir;
	}
}

static void may_be_alone(struct building *building, uint32_t number, uint32_t moment)
{
	if (building->order->alone[number] > moment)
		building->order->alone[number] = moment;
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
			loosen(building, end, entry->object, building->inodes[entry->object],
			       moment);
	}
	for (uint32_t i = 0; i < number; i++) {
		if (!takes_a_name_of(effect, &items[i]))
			continue;
		may_be_alone(building, i, moment);
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
		const bool is_name = torn_durable_names(&items[i], object) ||
				     (downward && torn_durable_is_entry_of(&items[i], object));
		if (items[i].kind == TORN_EFFECT_ENTRIES ? !is_name : items[i].object != object)
			continue;
		if (building->order->durable[i] < moment)
			continue;
		may_be_alone(building, i, moment);
		if (is_name)
			loosen_around(building, i, end, downward, moment);
	}
}

void torn_durable_sync_btrfs(struct building *building, uint32_t end, torn_object object,
			     uint32_t moment)
{
	const struct torn_effect *items = building->effects->items;
	loosen(building, end, object, true, moment);
	for (uint32_t i = end; i > 0; i--) {
		const struct torn_effect *effect = &items[i - 1];
		const bool is_name = torn_durable_names(effect, object) ||
				     torn_durable_is_entry_of(effect, object);
		if (effect->kind == TORN_EFFECT_ENTRIES ? !is_name : effect->object != object)
			continue;
		if (building->order->durable[i - 1] <= moment || is_moved_and_replaced(building, i - 1, object, end))
			continue;
		torn_durable_settle(building, torn_durable_logged(building, i - 1, object, end), moment);
		if (is_name)
			settle_taken(building, i - 1, moment);
		for (uint32_t j = 0; j < effect->entries_count && is_name; j++)
			if (effect->entries[j].object == object &&
			    is_name_still(building, &effect->entries[j], i - 1, end))
				settle_ancestors(building, effect->entries[j].dir, moment);
	}
}
