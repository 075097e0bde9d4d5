/*
 * observer.h: runs plans in a world, and sees all that they show there: at their end,
 * and of every crash on the way.
 */
#ifndef TORN_OBSERVER_H
#define TORN_OBSERVER_H

#include "cuts.h"
#include "fuzzed.h"
#include "hangs.h"
#include "kills.h"
#include "later.h"
#include "sighting.h"

/* An old state with its arguments, in which plans can be run. */
struct torn_observed_world {
	uint64_t key; /* of the case without its faults: worlds.h; 0: there is none */
	bool usable;  /* its clean run ended as it should */
	struct torn_setup setup;
	struct torn_kills kills; /* they tell the observer's sighting */
	struct torn_known known;
};

struct torn_observer {
	struct torn_fuzzed *fuzzed; /* what it comes to is added up there */
	struct torn_lab *lab;
	uint8_t *novelty; /* marked where a run does what none did before */
	size_t novelty_size; /* a power of two */
	struct torn_hangs hangs;
	struct torn_cuts cuts;
	uint64_t cuts_key; /* of the world whose trees these know; 0: of none */
	struct torn_later later;
	struct torn_hashes states; /* what power cuts leave, of all worlds */
	uint64_t log_case;  /* whose log the recorder has; 0: nobody said */
	uint64_t log_trial; /* which of the lab's trials that was: it has it until the next one begins */
	struct torn_sighting sighting; /* what the last plan showed */
};

/*
 * Begin with nothing seen, in memory that is all 0 and stays where it is. Returns 0 or
 * -ENOMEM; torn_observer_close() gives back what it took, after an error too.
 */
int torn_observer_open(struct torn_observer *observer, struct torn_fuzzed *fuzzed,
		       struct torn_lab *lab, uint8_t *novelty, size_t novelty_size);
void torn_observer_close(struct torn_observer *observer);

/*
 * Run a plan in a world. Of one that hangs, crashes or exits before all of its
 * faults could fire, those that did are left: that is what was run. Returns as
 * torn_trial_run() does.
 */
int torn_observer_run(struct torn_observer *observer, const struct torn_observed_world *world,
		      struct torn_plan *plan, bool watches_memory, struct torn_trial *ret_trial);
/*
 * Run a plan in a world and see what it shows that the world's clean run
 * does not; without a fault it is that clean run itself. Where power cuts are looked at, it is
 * gone on from the kill that is `wanted` (later.h); NULL: from none. Returns as
 * torn_trial_run() does, and leaves of the plan what was run of it.
 */
int torn_observer_see(struct torn_observer *observer, struct torn_observed_world *world,
		      struct torn_plan *plan, const struct torn_kill *wanted);

/* Say whose the run is that torn_observer_run() did last: the key of its case. */
void torn_observer_name_log(struct torn_observer *observer, uint64_t key);
/* Return the log of that case's run; NULL where anything was run since, or it is another's. */
const struct torn_log *torn_observer_log_of(const struct torn_observer *observer, uint64_t key);

/* Say that torn failed, of which lab->failure says why. Returns -EPROTO. */
int torn_observer_fail(struct torn_observer *observer);
/*
 * Count a trial that torn cannot judge, of which lab->failure says why. Declared: it is
 * the clean run of an old state that the target declares.
 */
void torn_observer_note_unjudged(struct torn_observer *observer, bool is_declared);

#endif
