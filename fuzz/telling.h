/*
 * telling.h: what was seen is told as a finding, and each kind is looked into once a
 * world: a search shows the same thing over and over.
 */
#ifndef TORN_TELLING_H
#define TORN_TELLING_H

#include "observer.h"

#define TORN_TELLING_SLOTS 8192u

struct torn_telling {
	struct torn_fuzzed *fuzzed;
	struct torn_arena scratch;
	uint64_t told[TORN_TELLING_SLOTS]; /* hashes: of those that share a slot, the last */
};

/*
 * Begin with nothing told, in memory that is all 0. Returns 0 or -errno;
 * torn_telling_close() gives back what it took, after an error too.
 */
int torn_telling_open(struct torn_telling *telling, struct torn_fuzzed *fuzzed);
void torn_telling_close(struct torn_telling *telling);
/* No kind was told, from now on. */
void torn_telling_forget(struct torn_telling *telling);

/* Was something like it told of this world? From now on it was. */
bool torn_telling_was_told(struct torn_telling *telling, const struct torn_observed_world *world,
			   const struct torn_plan *plan, const struct torn_seen *seen);
/* Add what a plan showed to the findings: of that plan, or of the run that came after it. */
void torn_telling_tell(struct torn_telling *telling, const struct torn_observed_world *world,
		       const struct torn_plan *plan, const struct torn_seen *seen);

#endif
