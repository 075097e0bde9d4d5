/* clean_run.c: see clean_run.h. */
#include "clean_run.h"

#include <errno.h>
#include <stdio.h>

#include "../injectors/tree.h"
#include "judgement.h"
#include "log_hash.h"
#include "rerun.h"
#include "twin.h"

/* Its rollback ran and failed: what it had applied was there, too. */
static bool has_tried_to(const struct torn_trial *trial)
{
	return (trial->target->promises & TORN_PROMISES_ROLLBACK) && torn_trial_ended_by_itself(trial) &&
	       trial->code == TORN_ROLLBACK_FAILED;
}

static bool was_refused(const struct torn_setup *setup, const struct torn_trial *trial)
{
	return !setup->world && trial->end == TORN_RETURNED && trial->code != 0;
}

/* ---------------------------------------------------------- what is watched */

struct changed {
	struct torn_setup *setup;
	struct torn_bytes paths[TORN_CHANGED_MAX];
	size_t count;
	bool is_full;
};

/* Files and symlinks; a directory is what is in it. */
static bool note_changed(void *context, struct torn_bytes path, const struct torn_node *a,
			 const struct torn_node *b)
{
	struct changed *changed = context;
	const bool is_directory = (!a || a->type == TORN_DIRECTORY) && (!b || b->type == TORN_DIRECTORY);
	if (is_directory || torn_tree_same_content(a, b))
		return true;
	if (changed->count == TORN_CHANGED_MAX) {
		changed->is_full = true;
		return false;
	}
	const struct torn_bytes kept = torn_arena_copy(changed->setup->arena, path.data, path.size);
	changed->paths[changed->count++] = kept;
	return kept.data != NULL;
}

/* Where nothing was named, all that a clean run changes is watched. */
static int watch_what_changed(struct torn_lab *lab, struct torn_setup *setup)
{
	struct changed changed = {.setup = setup};
	torn_tree_differences(setup->old_tree, setup->new_tree, note_changed, &changed);
	if (changed.is_full)
		return torn_lab_fail(lab, -ENOTSUP, "it changes more than %d files: say with --watch which matter",
				     TORN_CHANGED_MAX);
	setup->promised.watch = (const void *)torn_arena_copy(setup->arena, changed.paths,
							      changed.count * sizeof *changed.paths).data;
	setup->promised.watch_count = setup->promised.watch ? changed.count : 0;
	return TORN_HELD;
}

int torn_clean_run(struct torn_lab *lab, struct torn_setup *setup, struct torn_trial *ret_trial)
{
	static const struct torn_plan nothing = {.seed = 1};
	uint64_t hashes[2] = {0, 0};
	setup->new_tree = NULL;
	setup->rolls_back = false;
	const int twin = torn_twin_run(lab, setup);
	if (twin != TORN_HELD)
		return twin;
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
	setup->rolls_back = torn_trial_rolled_back(ret_trial) || has_tried_to(ret_trial);
	if (!setup->new_tree) {
		snprintf(lab->failure, sizeof lab->failure, "no room for the new tree");
		return -EPROTO;
	}
	return setup->program && setup->promised.watch_count == 0 ? watch_what_changed(lab, setup) : TORN_HELD;
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

bool torn_setup_ends_in_new(const struct torn_setup *setup, const struct torn_rerun *rerun_of_new)
{
	for (size_t i = 0; rerun_of_new && i < setup->promised.watch_count; i++) {
		const struct torn_bytes at = setup->promised.watch[i];
		if (!torn_tree_same_content(torn_tree_find(rerun_of_new->tree, at),
					    torn_tree_find(setup->new_tree, at)))
			return false;
	}
	return true;
}
