/*
 * invariants.c: the promises about files, one function each. A function looks at
 * one trial (torn.h) and says HELD, VIOLATED or SKIPPED with the reason; it never
 * runs anything. What is worth knowing and is no finding is a label.
 *
 * Sources of the rules: design.md 7.
 */
#include <string.h>

#include "judgement.h"

/* -------------------------------------------------------------- old-or-new */

static void old_or_new(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	if (!trial->new_tree) {
		torn_judge(judgement, TORN_SKIPPED, "no clean run has said what new is");
		return;
	}
	if (torn_trial_awaits_recovery(trial) || trial->recovered) {
		torn_judge(judgement, TORN_SKIPPED, "its recovery comes first: recovery-converges");
		return;
	}
	/* What is applied and then taken back is no tear; which bytes those are a target says of its own old states. */
	if (trial->rolls_back && !trial->world) {
		torn_judge(judgement, TORN_SKIPPED, "it rolls back without any fault: new was never seen");
		return;
	}
	struct torn_watched state = torn_trial_watched(trial);
	if (!state.any_torn) {
		judgement->verdict = TORN_HELD;
		return;
	}
	char now[32], old[32], new[32];
	torn_judge_path(judgement, state.torn, "watched");
	torn_node_kind(torn_tree_find(trial->old_tree, state.torn), old, sizeof old);
	torn_node_kind(torn_tree_find(trial->new_tree, state.torn), new, sizeof new);
	torn_node_kind(torn_tree_find(trial->now, state.torn), now, sizeof now);
	const bool alike = strcmp(now, old) == 0 || strcmp(now, new) == 0;
	if (trial->refusal.is_refused) {
		torn_judge(judgement, TORN_VIOLATED, "%s the state is not acceptable: the check exits with %d%s%s",
			   torn_trial_after_what(trial), trial->refusal.exit_code,
			   trial->refusal.words[0] ? ": " : "", trial->refusal.words);
		torn_judge_end(judgement, trial);
		return;
	}
	torn_judge(judgement, TORN_VIOLATED, "%s %s%.*s is neither old (%s) nor new (%s) but %s%s",
	    torn_trial_after_what(trial), TORN_SHOWN(trial, state.torn), old, new, now,
	    alike ? ", and other ones" : "");
	torn_judge_end(judgement, trial);
}

static const struct torn_invariant old_or_new_invariant = {
	.id = "old-or-new",
	.one_a_path = true,
	.promise = "each watched path is wholly old or wholly new, whatever failed, to any reader",
	.later_runs = true,
	.judge = old_or_new,
};
TORN_INVARIANT(old_or_new_invariant);

/* ------------------------------------------------------- success-means-new */

static void success_means_new(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	if (!trial->new_tree) {
		torn_judge(judgement, TORN_SKIPPED, "no clean run has said what new is");
		return;
	}
	if (!torn_trial_ended_by_itself(trial) || trial->code != 0 || trial->plan->recovers) {
		torn_judge(judgement, TORN_SKIPPED, "success was not reported");
		return;
	}
	for (size_t i = 0; i < trial->promised->watch_count; i++) {
		struct torn_bytes at = trial->promised->watch[i];
		const struct torn_node *now = torn_tree_find(trial->now, at);
		const struct torn_node *new = torn_tree_find(trial->new_tree, at);
		if (torn_tree_same_content(now, new))
			continue;
		char unlike[80];
		torn_judge_path(judgement, at, "watched");
		torn_judge(judgement, TORN_VIOLATED, "success was reported, and %s%.*s is not new: %s",
			   TORN_SHOWN(trial, at), torn_node_unlike(now, new, unlike, sizeof unlike));
		return;
	}
	judgement->verdict = TORN_HELD;
}

static const struct torn_invariant success_means_new_invariant = {
	.id = "success-means-new",
	.one_a_path = true,
	.promise = "when success is reported, every watched path is new",
	.later_runs = true,
	.judge = success_means_new,
};
TORN_INVARIANT(success_means_new_invariant);

/* --------------------------------------------------------- error-means-old */

static void error_means_old(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	if (!trial->new_tree) {
		torn_judge(judgement, TORN_SKIPPED, "no clean run has said what new is");
		return;
	}
	if (!torn_trial_ended_by_itself(trial) || trial->code == 0) {
		torn_judge(judgement, TORN_SKIPPED, "no failure was reported");
		return;
	}
	struct torn_watched state = torn_trial_watched(trial);
	if (!state.all_old && !state.all_new) {
		torn_judge(judgement, TORN_SKIPPED, "the tree is neither wholly old nor wholly new");
		return;
	}
	if (state.all_old) {
		judgement->verdict = TORN_HELD;
		return;
	}
	torn_judge_path(judgement, trial->promised->watch[0], "watched");
	if (trial->target->promises & TORN_PROMISES_ERROR_MEANS_OLD) {
		torn_judge(judgement, TORN_VIOLATED, "failure was reported (%d), and the new state is in place",
		    trial->code);
		return;
	}
	torn_judge(judgement, TORN_HELD, "failure was reported (%d) after the commit point: new is in place",
	    trial->code);
	torn_judge_label(judgement, "committed");
}

static const struct torn_invariant error_means_old_invariant = {
	.id = "error-means-old",
	.promise = "when failure is reported, every watched path is old (where the target promises it)",
	.judge = error_means_old,
};
TORN_INVARIANT(error_means_old_invariant);

/* --------------------------------------------------------------- no-litter */

struct litter_search {
	const struct torn_trial *trial;
	const struct torn_node *tree; /* what is left */
	struct torn_bytes path;
	char text[4096];
	bool found;
};

static bool is_at_or_below(struct torn_bytes path, struct torn_bytes above)
{
	return path.size >= above.size && memcmp(path.data, above.data, above.size) == 0 &&
	       (path.size == above.size || path.data[above.size] == '/');
}

/*
 * Excused: the call that failed was the one removing it, or something in it. Only
 * a failure that was planned: unlink of a temp that is not there yet (ENOENT), or
 * of a directory (EISDIR), is the target's own doing and excuses nothing.
 */
static bool removal_failed(const struct torn_trial *trial, struct torn_bytes path)
{
	for (uint32_t i = 0; i < trial->log->count; i++) {
		const struct torn_op *op = &trial->log->ops[i];
		if ((op->kind == TORN_KIND_unlink || op->kind == TORN_KIND_rmdir) && op->told < 0 &&
		    op->fault > 0 && is_at_or_below(op->path, path))
			return true;
	}
	return false;
}

/* Not known where what may stand there on the way looks like old. */
static bool is_old_again(const struct litter_search *search, const struct torn_node *old)
{
	const struct torn_promised *promised = search->trial->promised;
	for (size_t i = 0; i < promised->between_count; i++)
		if (torn_bytes_equal(promised->between[i].path, promised->watch[0]) &&
		    torn_tree_same_content(promised->between[i].node, old))
			return false;
	return torn_tree_same_content(torn_tree_find(search->tree, promised->watch[0]), old);
}

/* A backup is what it is for, while the file itself is not old: the one copy of old. */
static bool is_needed_backup(const struct litter_search *search, struct torn_bytes path,
			     const struct torn_node *now)
{
	const struct torn_promised *promised = search->trial->promised;
	if (!promised->backup.data || !torn_bytes_equal(path, promised->backup))
		return false;
	const struct torn_node *old = torn_tree_find(search->trial->old_tree, promised->watch[0]);
	return torn_tree_same_content(now, old) && !is_old_again(search, old);
}

/* What is watched, and the directories on the way to it, are old-or-new's. */
static bool leads_to_watched(const struct torn_trial *trial, struct torn_bytes path)
{
	for (size_t i = 0; i < trial->promised->watch_count; i++)
		if (is_at_or_below(trial->promised->watch[i], path))
			return true;
	return false;
}

static bool is_litter(void *context, struct torn_bytes path, const struct torn_node *now,
		      const struct torn_node *old)
{
	struct litter_search *search = context;
	const struct torn_trial *trial = search->trial;
	if (!now || old || torn_tree_find(trial->new_tree, path) || leads_to_watched(trial, path) ||
	    (!trial->killed && removal_failed(trial, path)) || is_needed_backup(search, path, now))
		return true;
	snprintf(search->text, sizeof search->text, "%.*s", TORN_PATH(path));
	search->path = torn_bytes_of(search->text);
	search->found = true;
	return false;
}

static void no_litter(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	if (!trial->new_tree) {
		torn_judge(judgement, TORN_SKIPPED, "no clean run has said what new is");
		return;
	}
	if (torn_trial_awaits_recovery(trial)) {
		torn_judge(judgement, TORN_SKIPPED, "its recovery comes first");
		return;
	}
	/* What a kill leaves has to be cleared by the next run, where that is promised. */
	const bool is_cleared = trial->killed && trial->rerun &&
				(trial->target->promises & TORN_PROMISES_NO_STALE_TEMP);
	struct litter_search search = {.trial = trial,
				       .tree = is_cleared ? trial->rerun->tree : torn_trial_seen(trial)};
	torn_tree_differences(search.tree, trial->old_tree, is_litter, &search);
	if (!search.found) {
		judgement->verdict = TORN_HELD;
		return;
	}
	torn_judge_path(judgement, search.path, "litter");
	if (is_cleared) {
		torn_judge(judgement, TORN_VIOLATED,
			   "a process that died left %s%.*s, and the next run does not clear it",
			   TORN_SHOWN(trial, search.path));
		return;
	}
	const bool is_next_runs = trial->target->is_program && trial->rerun &&
				  !torn_tree_find(trial->rerun->tree, search.path);
	if (is_next_runs && !trial->killed) {
		torn_judge(judgement, TORN_SKIPPED, "it leaves %s%.*s, which its next run clears",
			   TORN_SHOWN(trial, search.path));
		torn_judge_label(judgement, "stale-temp");
		return;
	}
	if (!torn_trial_ended_by_itself(trial)) {
		torn_judge(judgement, TORN_SKIPPED, "a process that died leaves %s%.*s", TORN_SHOWN(trial, search.path));
		torn_judge_label(judgement, "stale-temp");
		return;
	}
	char how[64];
	torn_judge(judgement, TORN_VIOLATED,
	    "the operation %s and leaves %s%.*s, which was not there before nor after a clean run",
	    torn_trial_how_it_ended(trial, how, sizeof how), TORN_SHOWN(trial, search.path));
}

static const struct torn_invariant no_litter_invariant = {
	.id = "no-litter",
	.one_a_path = true,
	.promise = "nothing is left that was not there before or after a clean run",
	.judge = no_litter,
};
TORN_INVARIANT(no_litter_invariant);
