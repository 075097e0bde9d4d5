/*
 * partials.h: how far a change had come when a fault met it. A rollback is only tried for what was in
 * place: one that no fault ever found half done was not tested.
 */
#ifndef TORN_PARTIALS_H
#define TORN_PARTIALS_H

#include "trial.h"

/* When the clean run puts each watched path in place. */
struct torn_steps {
	uint32_t ops[TORN_WATCHED_STEPS_MAX]; /* beside promised->watch; 0: it changes nothing there */
	size_t count;
	uint32_t last; /* op of the clean run */
};

struct torn_partials {
	struct torn_partial items[TORN_PARTIALS_MAX]; /* in the order of how much is in place */
	size_t count;
};

/*
 * Find the steps of a clean run, and note each state between them as one that is to be reached. Returns 0
 * or -ENOMEM. Of a target that promises no rollback there are none.
 */
int torn_partials_begin(struct torn_partials *partials, const struct torn_setup *setup,
			const struct torn_trial *clean, struct torn_steps *ret_steps);
/* Note how a run ended whose first fault found the change on the way. */
void torn_partials_note(struct torn_partials *partials, const struct torn_steps *steps,
			const struct torn_trial *trial);
/* Take in what another part of the same sweep came to. */
void torn_partials_merge(struct torn_partials *partials, const struct torn_partials *part);

#endif
