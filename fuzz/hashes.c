/* hashes.c: see hashes.h. */
#include "hashes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 1024

int torn_hashes_open(struct torn_hashes *hashes)
{
	struct torn_hash *slots = calloc(ROOM_FIRST, sizeof *slots);
	if (!slots)
		return -ENOMEM;
	*hashes = (struct torn_hashes){.slots = slots, .room = ROOM_FIRST};
	return 0;
}

void torn_hashes_close(struct torn_hashes *hashes)
{
	free(hashes->slots);
	*hashes = (struct torn_hashes){0};
}

void torn_hashes_clear(struct torn_hashes *hashes)
{
	memset(hashes->slots, 0, hashes->room * sizeof *hashes->slots);
	hashes->count = 0;
}

static struct torn_hash *slot_of(const struct torn_hashes *hashes, struct torn_hash hash)
{
	size_t at = (size_t)hash.low & (hashes->room - 1);
	for (;; at = (at + 1) & (hashes->room - 1)) {
		struct torn_hash *slot = &hashes->slots[at];
		if ((slot->low == 0 && slot->high == 0) ||
		    (slot->low == hash.low && slot->high == hash.high))
			return slot;
	}
}

static bool grow(struct torn_hashes *hashes)
{
	struct torn_hashes larger = {.room = hashes->room * 2};
	larger.slots = calloc(larger.room, sizeof *larger.slots);
	if (!larger.slots)
		return false;
	for (size_t i = 0; i < hashes->room; i++)
		if (hashes->slots[i].low || hashes->slots[i].high)
			*slot_of(&larger, hashes->slots[i]) = hashes->slots[i];
	larger.count = hashes->count;
	free(hashes->slots);
	*hashes = larger;
	return true;
}

bool torn_hashes_add(struct torn_hashes *hashes, struct torn_hash hash)
{
	if (hashes->count * 2 >= hashes->room && !grow(hashes) &&
	    hashes->count + 1 >= hashes->room)
		return true;
	struct torn_hash *slot = slot_of(hashes, hash);
	if (slot->low || slot->high)
		return false;
	*slot = hash;
	hashes->count++;
	return true;
}
