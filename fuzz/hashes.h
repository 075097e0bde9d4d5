/* hashes.h: a set of hashes, a number beside each: the trees that were judged already. */
#ifndef TORN_HASHES_H
#define TORN_HASHES_H

#include "torn.h"

struct torn_hashes_slot {
	struct torn_hash hash; /* both halves 0: free */
	uint32_t value;
};

/* An empty one is all zeroes. */
struct torn_hashes {
	struct torn_hashes_slot *slots; /* open addressing */
	size_t count, room;
};

/* Give back what it took; it is empty again. */
void torn_hashes_close(struct torn_hashes *hashes);
void torn_hashes_clear(struct torn_hashes *hashes);
/*
 * Add one, with a number that stands beside it from then on. Returns true when
 * it was not there. Without memory to grow, it returns true too: a tree is then
 * judged twice, never skipped.
 */
bool torn_hashes_put(struct torn_hashes *hashes, struct torn_hash hash, uint32_t value);
/* The same where no number is wanted. */
bool torn_hashes_add(struct torn_hashes *hashes, struct torn_hash hash);
/* Is it there? Then its number is given too, where ret_value is not NULL. */
bool torn_hashes_find(const struct torn_hashes *hashes, struct torn_hash hash, uint32_t *ret_value);

#endif
