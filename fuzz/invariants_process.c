/*
 * invariants_process.c: the promises about the process that runs the operation.
 * `no-crash` and `no-hang` say of a run under a fault what clean-run-succeeds
 * says of one without: it comes back.
 */
#include <string.h>

#include "judgement.h"

/* ------------------------------------------------------ clean-run-succeeds */

static void blame_last_refused(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	const struct torn_op *op = torn_trial_last_refused(trial);
	if (!op)
		return;
	const char *error = torn_errno_name((int)-op->told);
	const size_t size = strlen(judgement->summary);
	judgement->op = op->number;
	judgement->call = op->call;
	snprintf(judgement->summary + size, sizeof judgement->summary - size,
		 ", after %s of %s%.*s was refused (%s)", torn_call_name(op->call), TORN_SHOWN(trial, op->path),
		 error ? error : "an error that torn does not know");
}

static bool take_first(void *context, struct torn_bytes path, const struct torn_node *now,
		       const struct torn_node *old)
{
	struct torn_judgement *judgement = context;
	if (path.size == 0 || (now && old && now->type == TORN_DIRECTORY && old->type == TORN_DIRECTORY &&
			       now->mode == old->mode && now->uid == old->uid && now->gid == old->gid))
		return true; /* only what is in it differs */
	const char *what = !old ? "left" : !now ? "removed" : "changed";
	torn_judge_path(judgement, path, what);
	torn_judge(judgement, TORN_VIOLATED,
		   "from an old state that it must refuse, the operation %s /%.*s", what, TORN_PATH(path));
	return false;
}

/* Tell what became of a path. Returns whether anything did. */
static bool tell_change(const struct torn_trial *trial, struct torn_bytes path, const char *role,
			struct torn_judgement *judgement)
{
	const struct torn_node *old = torn_tree_find(trial->old_tree, path);
	const struct torn_node *now = torn_tree_find(trial->now, path);
	const size_t size = strlen(judgement->summary);
	if (old == now || (old && now && torn_tree_equal(old, now)))
		return false;
	torn_judge_path(judgement, path, role);
	snprintf(judgement->summary + size, sizeof judgement->summary - size, ", and %s %s%.*s",
		 !old ? "made" : !now ? "removed" : "changed", TORN_SHOWN(trial, path));
	return true;
}

/*
 * It had to refuse, and reported success: that it did its work all the same is one
 * finding, that it did not, and took the backup away, another.
 */
static void judge_success(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	const struct torn_promised *promised = trial->promised;
	torn_judge(judgement, TORN_VIOLATED,
		   "from an old state that it must refuse, the operation reported success");
	for (size_t i = 0; i < promised->watch_count; i++)
		if (tell_change(trial, promised->watch[i], "watched", judgement))
			return;
	if (promised->backup.data)
		(void)tell_change(trial, promised->backup, "backup", judgement);
}

/*
 * A success that is paid for with a file of somebody else is none. Only of a declared old
 * state: in one that fuzzing made that file may be the operation's own.
 */
static void judge_spared(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	const struct torn_promised *promised = trial->promised;
	judgement->verdict = TORN_HELD;
	for (size_t i = 0; trial->world && i < promised->spares_count; i++) {
		snprintf(judgement->summary, sizeof judgement->summary,
			 "without any fault the operation succeeded");
		if (tell_change(trial, promised->spares[i], "spared", judgement)) {
			judgement->verdict = TORN_VIOLATED;
			return;
		}
		judgement->summary[0] = '\0';
	}
}

static void clean_run_succeeds(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	char how[64];
	if (torn_trial_has_faults(trial) || trial->killed)
		torn_judge(judgement, TORN_SKIPPED, "a fault was injected");
	else if (trial->end != TORN_RETURNED)
		torn_judge(judgement, TORN_VIOLATED, "without any fault the operation %s",
		    torn_trial_how_it_ended(trial, how, sizeof how));
	else if (!trial->world && trial->code != 0)
		torn_judge(judgement, TORN_SKIPPED,
			   "it reports failure from an old state that the target does not declare");
	else if (!torn_trial_refuses(trial) && trial->code != 0) {
		torn_judge(judgement, TORN_VIOLATED, "without any fault the operation failed: it %s",
		    torn_trial_how_it_ended(trial, how, sizeof how));
		blame_last_refused(trial, judgement);
	} else if (torn_trial_refuses(trial) && trial->code == 0)
		judge_success(trial, judgement);
	else if (torn_trial_refuses(trial) && torn_trial_rolled_back(trial))
		judgement->verdict = TORN_HELD; /* what it took back is rollback-restores' */
	else if (torn_trial_refuses(trial) && !torn_tree_equal(trial->now, trial->old_tree)) {
		torn_judge(judgement, TORN_VIOLATED,
			   "from an old state that it must refuse, the operation changed something");
		torn_tree_differences(trial->now, trial->old_tree, take_first, judgement);
	} else
		judge_spared(trial, judgement);
}

static const struct torn_invariant clean_run_succeeds_invariant = {
	.id = "clean-run-succeeds",
	.promise = "without a fault the operation succeeds, from every old state it is meant for",
	.judge = clean_run_succeeds,
};
TORN_INVARIANT(clean_run_succeeds_invariant);

/* ----------------------------------------------------------- nothing-leaks */

static void nothing_leaks(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	if (trial->killed || trial->end != TORN_RETURNED) {
		torn_judge(judgement, TORN_SKIPPED, "the process did not outlive the operation");
		return;
	}
	if (trial->leaks_count == 0) {
		judgement->verdict = TORN_HELD;
		return;
	}
	/* All of them are one finding: the role says which. */
	judgement->op = trial->leaks[0].op;
	torn_judge(judgement, TORN_VIOLATED, "%s", trial->leaks[0].detail);
	snprintf(judgement->role, sizeof judgement->role, "%s", trial->leaks[0].what);
	for (uint32_t i = 1; i < trial->leaks_count; i++) {
		const size_t summary = strlen(judgement->summary), role = strlen(judgement->role);
		snprintf(judgement->summary + summary, sizeof judgement->summary - summary, "; %s",
			 trial->leaks[i].detail);
		if (!strstr(judgement->role, trial->leaks[i].what))
			snprintf(judgement->role + role, sizeof judgement->role - role, ", %s",
				 trial->leaks[i].what);
	}
}

static const struct torn_invariant nothing_leaks_invariant = {
	.id = "nothing-leaks",
	.promise = "descriptors, locks, memory, cwd, umask and signal mask are afterwards as before",
	.later_runs = true,
	.judge = nothing_leaks,
};
TORN_INVARIANT(nothing_leaks_invariant);

/* ------------------------------------------------------- no-crash, no-hang */

/* Its handler cleans up and exits, or raises the signal again: that is what it is sent for. */
static bool ended_of_planned_signal(const struct torn_trial *trial)
{
	for (uint32_t i = 0; i < trial->plan->faults_count; i++) {
		const struct torn_fault *fault = &trial->plan->faults[i];
		if (fault->name == TORN_FAULT_SIGNAL &&
		    (trial->end == TORN_EXITED ||
		     (trial->end == TORN_CRASHED && trial->code == fault->value)))
			return true;
	}
	return false;
}

static void no_crash(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	char how[64];
	if (!torn_trial_has_faults(trial) && !trial->plan->before)
		torn_judge(judgement, TORN_SKIPPED, "no fault was injected: see clean-run-succeeds");
	else if (!trial->killed && ended_of_planned_signal(trial))
		torn_judge(judgement, TORN_SKIPPED, "a signal that asks the process to end was sent");
	else if (!trial->killed && (trial->end == TORN_CRASHED || trial->end == TORN_EXITED))
		torn_judge(judgement, TORN_VIOLATED, "the operation %s instead of returning",
		    torn_trial_how_it_ended(trial, how, sizeof how));
	else
		judgement->verdict = TORN_HELD;
}

static const struct torn_invariant no_crash_invariant = {
	.id = "no-crash",
	.promise = "under a fault the operation returns: it neither crashes nor ends its process",
	.later_runs = true,
	.judge = no_crash,
};
TORN_INVARIANT(no_crash_invariant);

static void no_hang(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	char how[64];
	if (!torn_trial_has_faults(trial) && !trial->plan->before)
		torn_judge(judgement, TORN_SKIPPED, "no fault was injected: see clean-run-succeeds");
	else if (!trial->killed && trial->end == TORN_HUNG)
		torn_judge(judgement, TORN_VIOLATED, "the operation %s", torn_trial_how_it_ended(trial, how, sizeof how));
	else
		judgement->verdict = TORN_HELD;
}

static const struct torn_invariant no_hang_invariant = {
	.id = "no-hang",
	.promise = "every wait ends",
	.later_runs = true,
	.judge = no_hang,
};
TORN_INVARIANT(no_hang_invariant);
