/* invariants_durable.c: what outlives a power cut, once it was acknowledged. */
#include "judgement.h"

/* A program that never asked for durability promised none: close(2), "NOTES". Where it says what it promises, it did. */
static bool syncs(const struct torn_log *log)
{
	for (uint32_t i = 0; log && i < log->count; i++)
		if (log->ops[i].kind == TORN_KIND_sync || (log->ops[i].flags & TORN_OP_DSYNC))
			return true;
	return false;
}

bool torn_trial_syncs(const struct torn_trial *trial)
{
	return syncs(trial->log) || syncs(trial->log_before);
}

static bool is_acknowledged(const struct torn_trial *trial, int code, struct torn_judgement *judgement)
{
	if (!trial->cut)
		torn_judge(judgement, TORN_SKIPPED, "the power stayed on");
	else if (!trial->acknowledged || trial->code != code || trial->plan->recovers)
		torn_judge(judgement, TORN_SKIPPED, "nothing of that kind was reported before the power went");
	else
		return true;
	return false;
}

/* Hold the watched paths against a tree. */
static void judge_against(const struct torn_trial *trial, const struct torn_node *tree,
			  const char *reported, const char *wanted, struct torn_judgement *judgement)
{
	for (size_t i = 0; i < trial->promised->watch_count; i++) {
		const struct torn_bytes at = trial->promised->watch[i];
		const struct torn_node *now = torn_tree_find(torn_trial_seen(trial), at);
		const struct torn_node *should = torn_tree_find(tree, at);
		if (torn_tree_same_content(now, should) ||
		    (tree == trial->old_tree && torn_trial_is_old(trial, at, now)))
			continue;
		char unlike[80];
		torn_judge_path(judgement, at, "watched");
		torn_judge(judgement, TORN_VIOLATED,
			   "%s was reported, and a power cut after that leaves %s%.*s not %s: %s",
			   reported, TORN_SHOWN(trial, at), wanted,
			   torn_node_unlike(now, should, unlike, sizeof unlike));
		return;
	}
	judgement->verdict = TORN_HELD;
}

/* Of a program that is told at once, whether or not a power cut is looked at that shows it. */
static bool is_clean_run_of_program(const struct torn_trial *trial)
{
	return trial->target->is_program && !trial->killed && !trial->cut && !trial->plan->before &&
	       trial->plan->faults_count == 0 && torn_trial_ended_by_itself(trial) && trial->code == 0;
}

static void success_is_durable(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	if (is_clean_run_of_program(trial) && !trial->target->ack && !torn_trial_syncs(trial)) {
		torn_judge(judgement, TORN_HELD, "it never syncs, and so promises nothing");
		torn_judge_label(judgement, "never-syncs");
		return;
	}
	if (!is_acknowledged(trial, 0, judgement))
		return;
	if (!trial->target->ack && !torn_trial_syncs(trial)) {
		torn_judge(judgement, TORN_HELD, "it never syncs, and so promises nothing");
		torn_judge_label(judgement, "never-syncs");
		return;
	}
	judge_against(trial, trial->new_tree, "success", "new", judgement);
}

static const struct torn_invariant success_is_durable_invariant = {
	.id = "success-is-durable",
	.promise = "what was reported to be done is there after any later power cut (but where nothing is synced)",
	.later_runs = true,
	.judge = success_is_durable,
};
TORN_INVARIANT(success_is_durable_invariant);

static void rollback_is_durable(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	if (!(trial->target->promises & TORN_PROMISES_ROLLBACK))
		torn_judge(judgement, TORN_SKIPPED, "the target has no rollback");
	else if (is_acknowledged(trial, TORN_ROLLED_BACK, judgement))
		judge_against(trial, trial->old_tree, "rollback", "old", judgement);
}

static const struct torn_invariant rollback_is_durable_invariant = {
	.id = "rollback-is-durable",
	.promise = "what was reported to be rolled back stays so after any later power cut",
	.judge = rollback_is_durable,
};
TORN_INVARIANT(rollback_is_durable_invariant);
