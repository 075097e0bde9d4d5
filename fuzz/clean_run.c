/* clean_run.c: see clean_run.h. */
#include "clean_run.h"

#include <errno.h>
#include <stdio.h>

#include "../injectors/tree.h"
#include "judgement.h"
#include "log_hash.h"
#include "rerun.h"

static bool was_refused(const struct torn_setup *setup, const struct torn_trial *trial)
{
	return !setup->world && trial->end == TORN_RETURNED && trial->code != 0;
}

int torn_clean_run(struct torn_lab *lab, struct torn_setup *setup, struct torn_trial *ret_trial)
{
	static const struct torn_plan nothing = {.seed = 1};
	uint64_t hashes[2] = {0, 0};
	setup->new_tree = NULL;
	for (int i = 0; i < 2; i++) {
		int r = torn_trial_run(lab, setup, &nothing, TORN_TRIAL_PLAIN, ret_trial);
		if (r != TORN_HELD)
			return r;
		hashes[i] = torn_log_hash(ret_trial->log);
	}
	if (hashes[0] != hashes[1]) {
		snprintf(lab->failure, sizeof lab->failure,
			 "two clean runs differ: the target is not deterministic");
		return -EPROTO;
	}
	/* The trees of a run die with the next one. */
	setup->new_tree = was_refused(setup, ret_trial)
				  ? setup->old_tree
				  : torn_tree_copy(setup->arena, ret_trial->now);
	if (!setup->new_tree) {
		snprintf(lab->failure, sizeof lab->failure, "no room for the new tree");
		return -EPROTO;
	}
	return TORN_HELD;
}

bool torn_clean_run_ended_as_meant(const struct torn_trial *clean)
{
	if (clean->end != TORN_RETURNED)
		return false;
	if (!clean->world)
		return true;
	if ((clean->code != 0) != clean->world->refuses)
		return false;
	return !clean->world->refuses || torn_trial_rolled_back(clean) ||
	       torn_tree_equal(clean->now, clean->old_tree);
}

int torn_clean_run_of_new(struct torn_lab *lab, const struct torn_setup *setup,
			  const struct torn_rerun **ret_rerun)
{
	*ret_rerun = NULL;
	if (!(setup->target->promises & (TORN_PROMISES_RETRY | TORN_PROMISES_NO_STALE_TEMP)))
		return TORN_HELD;
	struct torn_rerun *rerun = torn_arena_take(setup->arena, sizeof *rerun);
	if (!rerun) {
		snprintf(lab->failure, sizeof lab->failure, "no room to run it again");
		return -ENOTSUP;
	}
	const int r = torn_rerun(lab, setup, setup->new_tree, 1, rerun);
	if (r == TORN_HELD)
		*ret_rerun = rerun;
	return r;
}
