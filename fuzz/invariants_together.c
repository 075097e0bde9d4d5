/*
 * invariants_together.c: an update of several paths that is promised to be one.
 *
 * Where a path is neither old nor new there is nothing to hold the others
 * against: that is old-or-new's to tell. Success is success-means-new's.
 */
#include "judgement.h"

/* The first watched path that is still old, and the first that is new already. */
struct sides {
	struct torn_bytes old, new;
	bool any_old, any_new;
	bool any_between; /* one that is neither */
};

static struct sides sides_of(const struct torn_trial *trial)
{
	struct sides sides = {0};
	for (size_t i = 0; i < trial->promised->watch_count; i++) {
		const struct torn_bytes at = trial->promised->watch[i];
		const struct torn_node *now = torn_tree_find(torn_trial_seen(trial), at);
		const bool is_old = torn_trial_is_old(trial, at, now);
		const bool is_new = torn_tree_same_content(now, torn_tree_find(trial->new_tree, at));
		sides.any_between |= !is_old && !is_new;
		/* What looks the same before and after takes no side. */
		if (is_old && !is_new && !sides.any_old) {
			sides.old = at;
			sides.any_old = true;
		}
		if (is_new && !is_old && !sides.any_new) {
			sides.new = at;
			sides.any_new = true;
		}
	}
	return sides;
}

static void together(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	if (!(trial->target->promises & TORN_PROMISES_TOGETHER)) {
		torn_judge(judgement, TORN_SKIPPED, "the target does not promise that they change together");
		return;
	}
	if (!trial->new_tree) {
		torn_judge(judgement, TORN_SKIPPED, "no clean run has said what new is");
		return;
	}
	if (torn_trial_ended_by_itself(trial) && trial->code == 0) {
		torn_judge(judgement, TORN_SKIPPED, "success was reported: all of them have to be new");
		return;
	}
	if (torn_trial_awaits_recovery(trial)) {
		torn_judge(judgement, TORN_SKIPPED, "its recovery comes first");
		return;
	}
	const struct sides sides = sides_of(trial);
	if (sides.any_between) {
		torn_judge(judgement, TORN_SKIPPED, "a watched path is neither old nor new");
		return;
	}
	if (!sides.any_old || !sides.any_new) {
		judgement->verdict = TORN_HELD;
		return;
	}
	torn_judge_path(judgement, sides.old, "watched");
	torn_judge(judgement, TORN_VIOLATED, "%s %s%.*s is new and %s%.*s is still old",
		   torn_trial_after_what(trial), TORN_SHOWN(trial, sides.new), TORN_SHOWN(trial, sides.old));
	torn_judge_end(judgement, trial);
}

static const struct torn_invariant together_invariant = {
	.id = "together",
	.one_a_path = true,
	.promise = "the watched paths are all old or all new (where the target promises it)",
	.later_runs = true,
	.judge = together,
};
TORN_INVARIANT(together_invariant);
