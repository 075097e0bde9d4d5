/* twin.h: the run that must come to the same: struct torn_target.twin. */
#ifndef TORN_TWIN_H
#define TORN_TWIN_H

#include "trial.h"

/*
 * Run a target's twin from the old state, without a fault, and keep in the setup what it left and printed:
 * setup->twin, in the setup's arena. Nothing happens where the target has none. Returns as torn_trial_run().
 */
int torn_twin_run(struct torn_lab *lab, struct torn_setup *setup);

#endif
