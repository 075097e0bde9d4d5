/* hashes.c: see hashes.h. */
#include "hashes.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 64

void torn_hashes_close(struct torn_hashes *hashes)
{
	free(hashes->slots);
	*hashes = (struct torn_hashes){0};
}

void torn_hashes_clear(struct torn_hashes *hashes)
{
	if (hashes->count > 0)
		memset(hashes->slots, 0, hashes->room * sizeof *hashes->slots);
	hashes->count = 0;
}

static bool is_free(const struct torn_hashes_slot *slot)
{
	return slot->hash.low == 0 && slot->hash.high == 0;
}

static struct torn_hashes_slot *slot_of(const struct torn_hashes *hashes, struct torn_hash hash)
{
	size_t at = (size_t)hash.low & (hashes->room - 1);
	for (;; at = (at + 1) & (hashes->room - 1)) {
		struct torn_hashes_slot *slot = &hashes->slots[at];
		if (is_free(slot) || (slot->hash.low == hash.low && slot->hash.high == hash.high))
			return slot;
	}
}

static bool grow(struct torn_hashes *hashes)
{
	struct torn_hashes larger = {.room = hashes->room ? hashes->room * 2 : ROOM_FIRST};
	larger.slots = calloc(larger.room, sizeof *larger.slots);
	if (!larger.slots)
		return false;
	for (size_t i = 0; i < hashes->room; i++)
		if (!is_free(&hashes->slots[i]))
			*slot_of(&larger, hashes->slots[i].hash) = hashes->slots[i];
	larger.count = hashes->count;
	free(hashes->slots);
	*hashes = larger;
	return true;
}

bool torn_hashes_put(struct torn_hashes *hashes, struct torn_hash hash, uint32_t value)
{
	if (hashes->count * 2 >= hashes->room && !grow(hashes) &&
	    (hashes->room == 0 || hashes->count + 1 >= hashes->room))
		return true;
	struct torn_hashes_slot *slot = slot_of(hashes, hash);
	if (!is_free(slot))
		return false;
	*slot = (struct torn_hashes_slot){hash, value};
	hashes->count++;
	return true;
}

bool torn_hashes_add(struct torn_hashes *hashes, struct torn_hash hash)
{
	return torn_hashes_put(hashes, hash, 0);
}

bool torn_hashes_find(const struct torn_hashes *hashes, struct torn_hash hash, uint32_t *ret_value)
{
	const struct torn_hashes_slot *slot = hashes->count ? slot_of(hashes, hash) : NULL;
	if (!slot || is_free(slot))
		return false;
	if (ret_value)
		*ret_value = slot->value;
	return true;
}
