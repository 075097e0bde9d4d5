/* clean_run.h: the run without a fault, which says what new is. */
#ifndef TORN_CLEAN_RUN_H
#define TORN_CLEAN_RUN_H

#include "trial.h"

/* Of a program that names none, so many paths are watched at most. */
#define TORN_CHANGED_MAX 256

/*
 * Run a clean trial twice: the logs must be equal. Makes the setup's new tree,
 * and leaves the second trial. From an old state that is none of the target's
 * own the operation may report failure: new is then old. Returns as
 * torn_trial_run does.
 */
int torn_clean_run(struct torn_lab *lab, struct torn_setup *setup, struct torn_trial *ret_trial);

/*
 * Did it end as the old state wants it? Else what it leaves is not new, and
 * nothing else can be said of this old state.
 */
bool torn_clean_run_ended_as_meant(const struct torn_trial *clean);

/*
 * Run the operation from new, where it is meant to be run again, and give how
 * that ended; NULL where it is not. All lies in the setup's arena. Returns as
 * torn_trial_run does.
 */
int torn_clean_run_of_new(struct torn_lab *lab, const struct torn_setup *setup,
			  const struct torn_rerun **ret_rerun);

/* Did the operation, run from new, leave the watched paths new? NULL: it was not run again, and they are. */
bool torn_setup_ends_in_new(const struct torn_setup *setup, const struct torn_rerun *rerun_of_new);

#endif
