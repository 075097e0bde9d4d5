/*
 * worlds.h: the worlds of a search, each begun when its first case comes: its clean run
 * is judged, with all its crashes, and what that shows is told and known from then on.
 * Memory is bounded: when it is full all are forgotten.
 */
#ifndef TORN_WORLDS_H
#define TORN_WORLDS_H

#include "observer.h"
#include "telling.h"

#define TORN_WORLDS_SLOTS 256u

struct torn_worlds {
	struct torn_observer *observer;
	struct torn_telling *telling;
	struct torn_arena arena; /* of all that they are made of */
	struct torn_observed_world items[TORN_WORLDS_SLOTS]; /* open addressing by key */
	size_t count;
};

/*
 * Begin with none, in memory that is all 0. Returns 0 or -errno; torn_worlds_close()
 * gives back what it took, after an error too.
 */
int torn_worlds_open(struct torn_worlds *worlds, struct torn_observer *observer,
		     struct torn_telling *telling);
void torn_worlds_close(struct torn_worlds *worlds);
void torn_worlds_forget(struct torn_worlds *worlds);
/* Make room for two. Only between two cases: within one, worlds stay where they are. */
void torn_worlds_make_room(struct torn_worlds *worlds);

/* Return the key of a case's text: a hash, never 0. */
uint64_t torn_worlds_key(struct torn_bytes text);
/*
 * Return the world that the text of a case without faults describes, begun when it is
 * new; whether plans can be run in it, its `usable` says. NULL with *ret_r -EINVAL where
 * it can be none, -EPROTO where torn failed: fuzzed->failure says what.
 */
struct torn_observed_world *torn_worlds_of(struct torn_worlds *worlds, struct torn_bytes text,
					   int *ret_r);

#endif
