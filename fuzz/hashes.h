/* hashes.h: a set of hashes: the trees that were judged already. */
#ifndef TORN_HASHES_H
#define TORN_HASHES_H

#include "torn.h"

struct torn_hashes {
	struct torn_hash *slots; /* open addressing; both halves 0: free */
	size_t count, room;
};

/* Returns 0 or -ENOMEM. */
int torn_hashes_open(struct torn_hashes *hashes);
void torn_hashes_close(struct torn_hashes *hashes);
void torn_hashes_clear(struct torn_hashes *hashes);
/*
 * Add one. Returns true when it was not there. Without memory to grow, it
 * returns true too: a tree is then judged twice, never skipped.
 */
bool torn_hashes_add(struct torn_hashes *hashes, struct torn_hash hash);

#endif
