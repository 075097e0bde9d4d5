/* rerun.c: see rerun.h. */
#include "rerun.h"

#include <errno.h>
#include <stdio.h>

#include "../injectors/tree.h"
#include "judgement.h"

static int run_again(struct torn_lab *lab, const struct torn_setup *setup, const struct torn_node *tree,
		     const struct torn_plan *plan, struct torn_rerun *ret_rerun)
{
	struct torn_setup again = *setup;
	torn_object objects;
	again.past = NULL;
	again.begin_tree = torn_tree_copy_numbered(setup->arena, tree, &objects);
	if (!again.begin_tree ||
	    torn_fold_base_make(setup->arena, again.begin_tree, objects, &again.base) < 0) {
		snprintf(lab->failure, sizeof lab->failure, "no room to run it again");
		return -ENOTSUP;
	}
	struct torn_trial trial;
	const int r = torn_trial_run(lab, &again, plan, TORN_TRIAL_PLAIN, &trial);
	torn_lab_leave(lab, setup, r); /* `again` is gone when this returns */
	if (r != TORN_HELD)
		return r;
	*ret_rerun = (struct torn_rerun){
		.end = trial.end,
		.code = trial.code,
		.tree = torn_tree_copy(setup->arena, trial.now),
	};
	if (ret_rerun->tree)
		return TORN_HELD;
	snprintf(lab->failure, sizeof lab->failure, "no room for what a rerun left");
	return -ENOTSUP;
}

int torn_rerun(struct torn_lab *lab, const struct torn_setup *setup, const struct torn_node *tree,
	       uint32_t runs, struct torn_rerun *ret_rerun)
{
	const struct torn_plan plan = {.seed = TORN_SEED_AFTER(runs)};
	return run_again(lab, setup, tree, &plan, ret_rerun);
}

int torn_recover(struct torn_lab *lab, const struct torn_setup *setup, const struct torn_node *tree,
		 uint32_t runs, struct torn_rerun *ret_rerun)
{
	const struct torn_plan plan = {.seed = TORN_SEED_AFTER(runs), .recovers = true};
	return run_again(lab, setup, tree, &plan, ret_rerun);
}

/*
 * A run of a program is dear: what it would make of a state that is torn is told by old-or-new already, and
 * from old and from new it is known.
 */
static bool is_known(const struct torn_setup *setup, const struct torn_trial *trial,
		     const struct torn_rerun *rerun_of_new, struct torn_rerun *ret_again, bool *ret_skipped)
{
	*ret_skipped = false;
	if (!setup->program || setup->variant->recovery)
		return false;
	if (torn_tree_equal(trial->now, setup->new_tree)) {
		*ret_again = *rerun_of_new;
		return true;
	}
	if (torn_tree_equal(trial->now, setup->old_tree)) {
		*ret_again = (struct torn_rerun){.end = TORN_RETURNED, .tree = setup->new_tree};
		return true;
	}
	*ret_skipped = !setup->program->view && !setup->program->check && torn_trial_watched(trial).any_torn;
	return *ret_skipped;
}

int torn_aftermath(struct torn_lab *lab, const struct torn_setup *setup, struct torn_trial *trial,
		   const struct torn_rerun *rerun_of_new, struct torn_aftermath *ret_aftermath)
{
	const uint32_t runs = torn_plan_runs_before(trial->plan) + 1;
	const struct torn_node *left = trial->now;
	struct torn_aftermath *after = ret_aftermath;
	int r = TORN_HELD;
	bool skipped = false;
	if (rerun_of_new && !is_known(setup, trial, rerun_of_new, &after->again, &skipped))
		r = torn_rerun(lab, setup, left, runs, &after->again);
	if (skipped)
		return TORN_HELD;
	if (r == TORN_HELD && setup->variant->recovery)
		r = torn_recover(lab, setup, left, runs, &after->recovered);
	if (r == TORN_HELD && setup->variant->recovery)
		r = torn_recover(lab, setup, after->recovered.tree, runs + 1, &after->twice);
	if (r != TORN_HELD)
		return r;
	trial->rerun_of_new = rerun_of_new;
	trial->rerun = rerun_of_new ? &after->again : NULL;
	trial->recovered = setup->variant->recovery ? &after->recovered : NULL;
	trial->recovered_twice = setup->variant->recovery ? &after->twice : NULL;
	return TORN_HELD;
}
