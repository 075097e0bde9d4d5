/*
 * sweep.h: everything that there is to try on one target@variant: every fault at
 * every op of its clean runs, a further fault at every later op of the run that
 * this gave, to a depth; every kill of every run.
 *
 * At depth 1 a fault has all its values; from depth 2 on the bounded list of
 * placing.h, unless all errnos are asked for. A run is gone on from once for
 * each way in which the operation behaved: whatever behaves as another one did
 * has the same runs behind it.
 *
 * A sweep lies in memory shared with whoever watches it, so that what it found
 * is there even if its process dies. It can be shared out: `parts` sweeps of
 * one variant find together, and count together, what one finds alone.
 */
#ifndef TORN_SWEEP_H
#define TORN_SWEEP_H

#include "findings.h"
#include "partials.h"

/* Kills of each clean run that a real SIGKILL confirms. */
#define TORN_KILLS_CONFIRMED 4
#define TORN_DEPTH_MAX 8

struct torn_sweep_how {
	uint64_t seed;  /* which kills are confirmed */
	unsigned depth; /* 1 to TORN_DEPTH_MAX: so many faults in one plan */
	bool all_errnos;
	unsigned presets; /* of the crash model, a bit each: cuts.h; 0: no power cuts */
	enum torn_full_disk full; /* its sizes in place of faults: sweep_full.c; TORN_FULL_GATE: none */
	uint32_t part, parts; /* this one of so many: 0 of 1 is all */
	unsigned time_s;      /* then it is stopped, and failed with that: what was found is told; 0: never */
};

/* Hashes of trees, each made different by its old state. */
struct torn_sweep_trees {
	const struct torn_hash *hashes;
	size_t count;
	const struct torn_sweep_trees *next;
};

struct torn_sweep {
	struct torn_arena arena; /* of the findings' texts; this lies in it */
	const struct torn_target *target;
	const struct torn_variant *variant;
	const struct torn_case *program_case; /* of a program: its one old state; NULL: the target's worlds */
	struct torn_sweep_how how;
	uint64_t plans, trials, ops, kills, kills_confirmed;
	uint64_t trees; /* distinct ones */
	uint64_t later_runs;    /* that began with what a crash left; not among the trials: parts share some */
	struct torn_states states; /* that a power cut may leave */
	const struct torn_sweep_trees *tree_hashes; /* of those that are distinct, after kills */
	const struct torn_sweep_trees *state_hashes; /* the same, after power cuts */
	struct torn_partials partials;
	struct torn_findings findings;
	uint64_t unjudged;  /* trials that did what torn cannot judge: the first is in `failure` */
	struct torn_order unjudged_first;
	struct {
		uint32_t world, worlds, first_faults, first_faults_done;
	} progress;
	bool failed, done;  /* failed: torn itself did, and the sweep ended there */
	char failure[400];
};

/* Map one. Returns 0 or -errno; torn_sweep_close() unmaps it. */
int torn_sweep_open(struct torn_sweep **ret_sweep);
void torn_sweep_close(struct torn_sweep *sweep);
/* Forget what was found, to begin again. */
void torn_sweep_begin(struct torn_sweep *sweep, const struct torn_target *target,
		      const struct torn_variant *variant, const struct torn_sweep_how *how);

/* Sweep all worlds of the target. What it came to is in the sweep. */
void torn_sweep_run(struct torn_sweep *sweep, struct torn_lab *lab);

/* Take in what another part of the same sweep came to. */
void torn_sweep_merge(struct torn_sweep *sweep, const struct torn_sweep *part);

/*
 * A sweep of one setup, plan by plan: torn_sweep_run() does it for all worlds.
 * Returns 0, or -ENOMEM. torn_sweeping_close() gives back what it took.
 */
struct torn_sweeping;
int torn_sweeping_open(struct torn_sweep *sweep, struct torn_lab *lab, struct torn_setup *setup,
		       struct torn_sweeping **ret_sweeping);
void torn_sweeping_close(struct torn_sweeping *sweeping);
/*
 * Run a plan, judge how it ended, and judge every kill of it from its last
 * fault on. Returns 0; -ENOTSUP when the run did what torn cannot judge,
 * -EPROTO when torn failed.
 */
int torn_sweeping_plan(struct torn_sweeping *sweeping, const struct torn_plan *plan);
/* Judge every kill of a run again, as if none of its trees had been seen. Returns how many, or -errno. */
int64_t torn_sweeping_kills(struct torn_sweeping *sweeping, const struct torn_trial *run);

#endif
