/* rerun.c: see rerun.h. */
#include "rerun.h"

#include <errno.h>
#include <stdio.h>

#include "../injectors/tree.h"

/* The first run has seed 1 unless its case says another one; no case says this one. */
#define RERUN_SEED UINT64_C(0x746f726e)

int torn_rerun(struct torn_lab *lab, const struct torn_setup *setup, const struct torn_node *tree,
	       struct torn_rerun *ret_rerun)
{
	static const struct torn_plan nothing = {.seed = RERUN_SEED};
	struct torn_setup again = *setup;
	torn_object objects;
	again.world = NULL;
	again.new_tree = NULL;
	again.old_tree = torn_tree_copy_numbered(setup->arena, tree, &objects);
	if (!again.old_tree ||
	    torn_fold_base_make(setup->arena, again.old_tree, objects, &again.base) < 0) {
		snprintf(lab->failure, sizeof lab->failure, "no room to run it again");
		return -ENOTSUP;
	}
	struct torn_trial trial;
	const int r = torn_trial_run(lab, &again, &nothing, TORN_TRIAL_PLAIN, &trial);
	lab->on_disk = NULL; /* `again` is gone when this returns */
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
