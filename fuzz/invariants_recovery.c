/* invariants_recovery.c: what a target's recovery makes of what a crash left. */
#include "judgement.h"

/* Did a run of the recovery come back and say that all is well? It may refuse what the operation refuses. */
static bool succeeded(const struct torn_trial *trial, const struct torn_rerun *run)
{
	return run->end == TORN_RETURNED && (run->code == 0 || torn_trial_refuses(trial));
}

static void judge_end(const struct torn_rerun *run, const char *which, struct torn_judgement *judgement)
{
	const struct torn_trial as_run = {.end = run->end, .code = run->code};
	char how[64];
	snprintf(judgement->role, sizeof judgement->role, "recovery");
	torn_judge(judgement, TORN_VIOLATED, "%s %s", which,
		   torn_trial_how_it_ended(&as_run, how, sizeof how));
}

static void judge_watched(const struct torn_trial *trial, struct torn_bytes at,
			  struct torn_judgement *judgement)
{
	char now[32], old[32], new[32];
	torn_judge_path(judgement, at, "watched");
	torn_node_kind(torn_tree_find(trial->old_tree, at), old, sizeof old);
	torn_node_kind(torn_tree_find(trial->new_tree, at), new, sizeof new);
	torn_node_kind(torn_tree_find(trial->recovered->tree, at), now, sizeof now);
	torn_judge(judgement, TORN_VIOLATED,
		   "recovery after the %s leaves %s%.*s neither old (%s) nor new (%s): %s",
		   trial->cut ? "power cut" : "crash", TORN_SHOWN(trial, at), old, new, now);
}

struct first_difference {
	char text[512];
	bool found;
};

static bool note_difference(void *context, struct torn_bytes path, const struct torn_node *a,
			    const struct torn_node *b)
{
	struct first_difference *difference = context;
	(void)a;
	(void)b;
	snprintf(difference->text, sizeof difference->text, "%.*s", TORN_PATH(path));
	difference->found = true;
	return false;
}

static void recovery_converges(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	if (!trial->recovered || !trial->recovered_twice) {
		torn_judge(judgement, TORN_SKIPPED,
			   trial->variant->recovery ? "there was no crash to recover from"
						    : "the target has no recovery");
		return;
	}
	if (!trial->world && trial->new_tree == trial->old_tree) {
		torn_judge(judgement, TORN_SKIPPED,
			   "the operation fails from this old state, which the target does not declare");
		return;
	}
	if (!succeeded(trial, trial->recovered)) {
		judge_end(trial->recovered, "recovery after the crash", judgement);
		return;
	}
	const struct torn_watched watched = torn_trial_watched(trial);
	if (watched.any_torn) {
		judge_watched(trial, watched.torn, judgement);
		return;
	}
	if (!succeeded(trial, trial->recovered_twice)) {
		judge_end(trial->recovered_twice, "a second recovery", judgement);
		return;
	}
	struct first_difference difference = {.found = false};
	torn_tree_differences(trial->recovered_twice->tree, trial->recovered->tree, note_difference,
			      &difference);
	if (difference.found) {
		torn_judge_path(judgement, torn_bytes_of(difference.text), "twice");
		torn_judge(judgement, TORN_VIOLATED, "a second recovery leaves another /%s than the first",
			   difference.text);
		return;
	}
	judgement->verdict = TORN_HELD;
}

static const struct torn_invariant recovery_converges_invariant = {
	.id = "recovery-converges",
	.promise = "recovery after a crash, one in recovery too, ends in old or new; twice is the same as once",
	.later_runs = true,
	.judge = recovery_converges,
};
TORN_INVARIANT(recovery_converges_invariant);
