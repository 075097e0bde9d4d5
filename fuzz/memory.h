/* memory.h: memory that an operation loses. */
#ifndef TORN_MEMORY_H
#define TORN_MEMORY_H

#include "trial.h"

/*
 * Run a plan as torn_trial_run() does, plainly, and where malloc has more in
 * use afterwards, run it again: a first run may fill caches that stay, but what
 * grows every time is lost, and is added to the trial's leaks. Says nothing of
 * trials that run in children. Returns as torn_trial_run().
 */
int torn_memory_run(struct torn_lab *lab, const struct torn_setup *setup,
		    const struct torn_plan *plan, struct torn_trial *ret_trial);

#endif
