/*
 * later.h: what comes after a kill in a search: the target's recovery or, where it has none,
 * its next run. It begins with what the kill left, with effects of the first run still
 * pending, and is judged with all its kills and power cuts.
 *
 * A run has many kills and a search many runs: one kill of each is gone on from, which its log
 * chooses, so that a seed still decides everything. Memory is bounded: tables that are full
 * are emptied.
 */
#ifndef TORN_LATER_H
#define TORN_LATER_H

#include "cuts.h"
#include "kills.h"
#include "sighting.h"

struct torn_later {
	struct torn_lab *lab;
	struct torn_kills kills; /* of later runs: what breaks a promise there need not in a first run */
	struct torn_cuts cuts;
	uint64_t world;           /* key of the one whose trees these know; 0: of none */
	struct torn_hashes begun; /* what later runs began with, of all worlds */
	uint64_t runs;            /* how many there were */
	struct torn_sighting sighting;
};

/* A run that is over and judged, in a world. */
struct torn_later_first {
	uint64_t world; /* its key */
	struct torn_setup *setup;
	const struct torn_trial *run; /* its log is a copy */
	/* What it was judged by: from what breaks a promise itself nothing is gone on. */
	const struct torn_kills *kills;
	const struct torn_cuts *cuts;
};

/* As a wanted kill: one that the log chooses. */
extern const struct torn_kill torn_later_any;

/*
 * Begin with nothing seen, in memory that is all 0 and stays where it is; the power is cut in
 * later runs by the rules of `presets`. Returns 0 or -ENOMEM; torn_later_close() gives back
 * what it took, after an error too.
 */
int torn_later_open(struct torn_later *later, struct torn_lab *lab, unsigned presets);
void torn_later_close(struct torn_later *later);
/* Nothing was seen, from now on. */
void torn_later_forget(struct torn_later *later);

/*
 * Go on from one kill of a run, where the target is meant to be run again or has a recovery,
 * and add to what that run showed what comes to light now. `wanted`: the kill that is
 * nearest to it, by its call; torn_later_any: one that the log chooses, where no later
 * run began with the like of what it leaves. Ends the recorder's run. Returns 0; -ENOMEM where
 * there is no room; -ENOTSUP where the target did what torn cannot judge; -EPROTO: lab->failure
 * says what.
 */
int torn_later_go_on(struct torn_later *later, const struct torn_later_first *first,
		     const struct torn_kill *wanted, struct torn_sighting *sighting);
/* The plan of that later run; `ended`: the first one's, with the kill at its end. */
struct torn_plan torn_later_plan(const struct torn_variant *variant, const struct torn_plan *ended);

#endif
