/*
 * history.h: runs that come one after another. A run begins with what the end of the one
 * before left; unless the power went in between, effects of that one may still
 * be pending, and a power cut may lose them.
 */
#ifndef TORN_HISTORY_H
#define TORN_HISTORY_H

#include "../injectors/log.h"
#include "trial.h"

/* What was done since boot, before a run. */
struct torn_past {
	struct torn_fold_base base; /* of the tree at boot */
	struct torn_log log;        /* of all runs since then, as far as they came */
	uint32_t ends[TORN_RUNS_MAX]; /* index in `log` behind the last op of each of them */
	uint32_t runs;
	uint32_t first_run;         /* number of the first of them in the case, from 1 */
	/* What the inodes are in `log` that the run at hand begins with; others come behind `highest`. */
	const torn_object *objects;
	torn_object highest;
};

/* The ops since boot and those of a run: what a power cut in that run is about. */
struct torn_history {
	const struct torn_fold_base *base;
	const struct torn_log *log;
	uint32_t first; /* index of the run's first op */
	const struct torn_past *past; /* NULL: there was no run before it */
};

/*
 * Put a run's log behind what was done before it, in `arena`; texts and bytes are shared. Returns
 * 0 or -ENOMEM.
 */
int torn_history_of(struct torn_arena *arena, const struct torn_setup *setup, const struct torn_log *log,
		    struct torn_history *ret_history);
/* Number in the case of the run that an op of the history is of; 0: the one at hand. */
uint32_t torn_history_run(const struct torn_history *history, uint32_t index);

/*
 * Set up what comes after a run that ended with trial->now: at a kill, a power cut or by
 * itself. `recovers`: it is the target's recovery. All lies in the setup's arena. Returns 0 or
 * -ENOMEM.
 */
int torn_setup_after(const struct torn_setup *setup, const struct torn_trial *ended,
		     struct torn_setup *ret_next);

/* What a run begins with: the tree, and what of it is not durable yet. Equal ones show the same. */
struct torn_hash torn_setup_hash(const struct torn_setup *setup);

#endif
