/* rerun.h: the operation once more, from what an earlier run had left. */
#ifndef TORN_RERUN_H
#define TORN_RERUN_H

#include "trial.h"

/*
 * Run the setup's operation without a fault from `tree`, which is copied, with
 * other randomness than the first time: a name drawn at random is not drawn
 * again. Ends the recorder's run before. What is left lies in the setup's
 * arena. Returns as torn_trial_run does, never TORN_INVALID.
 */
int torn_rerun(struct torn_lab *lab, const struct torn_setup *setup, const struct torn_node *tree,
	       struct torn_rerun *ret_rerun);

#endif
