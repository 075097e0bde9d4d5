/* rerun.h: the operation or its recovery once more, from what an earlier run had left. */
#ifndef TORN_RERUN_H
#define TORN_RERUN_H

#include "trial.h"

/*
 * Run the setup's operation, or its recovery, without a fault from `tree`, which is
 * copied, with other randomness than the runs before: a name drawn at random is not
 * drawn again. `runs`: how many came before. Ends the recorder's run before. What is left lies in
 * the setup's arena. Returns as torn_trial_run does, never TORN_INVALID.
 */
int torn_rerun(struct torn_lab *lab, const struct torn_setup *setup, const struct torn_node *tree,
	       uint32_t runs, struct torn_rerun *ret_rerun);
int torn_recover(struct torn_lab *lab, const struct torn_setup *setup, const struct torn_node *tree,
		 uint32_t runs, struct torn_rerun *ret_rerun);

/* What came after a crash, in an arena. */
struct torn_aftermath {
	struct torn_rerun again, recovered, twice;
};

/*
 * Run what comes after a crash that left trial->now, as far as the target has it: the operation
 * again (where there is a `rerun_of_new` to hold that against), and its recovery, twice. The
 * trial points to it in `ret_aftermath`. Ends the recorder's run. Returns as torn_rerun does.
 */
int torn_aftermath(struct torn_lab *lab, const struct torn_setup *setup, struct torn_trial *trial,
		   const struct torn_rerun *rerun_of_new, struct torn_aftermath *ret_aftermath);

#endif
