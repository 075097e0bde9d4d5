/*
 * sweep.h: everything that depth 1 has to try on one target@variant: every
 * fault at every op of its clean runs, every kill of every run.
 *
 * A sweep lies in memory shared with whoever watches it, so that what it found
 * is there even if its process dies.
 */
#ifndef TORN_SWEEP_H
#define TORN_SWEEP_H

#include "trial.h"

#define TORN_FINDINGS_MAX 512
/* Kills of each clean run that a real SIGKILL confirms. */
#define TORN_KILLS_CONFIRMED 4

struct torn_sweep {
	struct torn_arena arena; /* of the findings' texts; this lies in it */
	const struct torn_target *target;
	const struct torn_variant *variant;
	uint64_t seed;
	uint64_t trials, ops, kills, trees, kills_confirmed;
	uint64_t trials_planned; /* of the world that is being swept */
	struct torn_finding findings[TORN_FINDINGS_MAX];
	volatile uint32_t findings_count;
	uint64_t unjudged;  /* trials that did what torn cannot judge: the first is in `failure` */
	bool failed, done;  /* failed: torn itself did, and the sweep ended there */
	char failure[400];
};

/* Map one. Returns 0 or -errno; torn_sweep_close() unmaps it. */
int torn_sweep_open(struct torn_sweep **ret_sweep);
void torn_sweep_close(struct torn_sweep *sweep);
/* Forget what was found, to begin again. */
void torn_sweep_begin(struct torn_sweep *sweep, const struct torn_target *target,
		      const struct torn_variant *variant, uint64_t seed);

/* Sweep all worlds of the target. What it came to is in the sweep. */
void torn_sweep_run(struct torn_sweep *sweep, struct torn_lab *lab);

/*
 * A sweep of one setup, plan by plan: torn_sweep_run() does it for all worlds.
 * Returns 0, or -ENOMEM. torn_sweeping_close() gives back what it took.
 */
struct torn_sweeping;
int torn_sweeping_open(struct torn_sweep *sweep, struct torn_lab *lab, struct torn_setup *setup,
		       struct torn_sweeping **ret_sweeping);
void torn_sweeping_close(struct torn_sweeping *sweeping);
/*
 * Run a plan, judge how it ended, and judge every kill of it from its first
 * fault on. Returns 0; -ENOTSUP when the run did what torn cannot judge,
 * -EPROTO when torn failed.
 */
int torn_sweeping_plan(struct torn_sweeping *sweeping, const struct torn_plan *plan);
/* Judge every kill of a run again, as if none of its trees had been seen. Returns how many, or -errno. */
int64_t torn_sweeping_kills(struct torn_sweeping *sweeping, const struct torn_trial *run);

/* Judge a trial by every invariant, and keep what is a finding or a label. */
void torn_sweep_judge(struct torn_sweep *sweep, const struct torn_setup *setup,
		      const struct torn_trial *trial);

/*
 * Run a clean trial twice: the logs must be equal. Makes the setup's new tree,
 * and leaves the second trial. Returns as torn_trial_run does.
 */
int torn_clean_run(struct torn_lab *lab, struct torn_setup *setup, struct torn_trial *ret_trial);

#endif
