/* memory.h: memory that an operation loses. */
#ifndef TORN_MEMORY_H
#define TORN_MEMORY_H

#include "trial.h"

/* Bytes that malloc has given out in this process and not got back. */
size_t torn_memory_in_use(void);

/*
 * Run a plan as torn_trial_run() does, plainly, and where malloc has more in
 * use afterwards, run it again: a first run may fill caches that stay, but what
 * grows every time is lost, and is added to the trial's leaks. Children of one
 * disposable process share its heap: what they lose adds up there as it would
 * here. Returns as torn_trial_run().
 */
int torn_memory_run(struct torn_lab *lab, const struct torn_setup *setup,
		    const struct torn_plan *plan, struct torn_trial *ret_trial);

#endif
