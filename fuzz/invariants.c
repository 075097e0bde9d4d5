/*
 * invariants.c: the promises, one function each. A function looks at one trial
 * (torn.h) and says HELD, VIOLATED or SKIPPED with the reason; it never runs
 * anything. What is worth knowing and is no finding is a label.
 *
 * Sources of the rules: design.md 7. `no-crash` and `no-hang` say of a run
 * under a fault what clean-run-succeeds says of one without: it comes back.
 */
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include "torn.h"

#define PATH(bytes) (int)(bytes).size, (const char *)(bytes).data

static void set(struct torn_judgement *judgement, enum torn_verdict verdict, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void set(struct torn_judgement *judgement, enum torn_verdict verdict, const char *format, ...)
{
	judgement->verdict = verdict;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(judgement->summary, sizeof judgement->summary, format, arguments);
	va_end(arguments);
}

static void at_path(struct torn_judgement *judgement, struct torn_bytes path, const char *role)
{
	snprintf(judgement->path, sizeof judgement->path, "%.*s", PATH(path));
	snprintf(judgement->role, sizeof judgement->role, "%s", role);
}

static void label(struct torn_judgement *judgement, const char *name)
{
	judgement->is_label = true;
	judgement->label = name;
}

static bool ended_by_itself(const struct torn_trial *trial)
{
	return !trial->killed && (trial->end == TORN_RETURNED || trial->end == TORN_EXITED);
}

static bool has_faults(const struct torn_trial *trial)
{
	return trial->plan->faults_count > 0;
}

static bool refuses(const struct torn_trial *trial)
{
	return trial->world && trial->world->refuses;
}

struct watched_state {
	bool all_old, all_new;
	struct torn_bytes torn; /* the first that is neither */
	bool any_torn;
};

static struct watched_state look(const struct torn_trial *trial)
{
	struct watched_state state = {.all_old = true, .all_new = true};
	for (size_t i = 0; i < trial->promised->watch_count; i++) {
		struct torn_bytes at = trial->promised->watch[i];
		const struct torn_node *now = torn_tree_find(trial->now, at);
		bool is_old = torn_tree_same_content(now, torn_tree_find(trial->old_tree, at));
		bool is_new = torn_tree_same_content(now, torn_tree_find(trial->new_tree, at));
		state.all_old &= is_old;
		state.all_new &= is_new;
		if (!is_old && !is_new && !state.any_torn) {
			state.torn = at;
			state.any_torn = true;
		}
	}
	return state;
}

static const char *kind_of(const struct torn_node *node, char *buffer, size_t size)
{
	if (!node)
		snprintf(buffer, size, "absent");
	else if (node->type == TORN_FILE)
		snprintf(buffer, size, "%lu bytes", node->size);
	else
		snprintf(buffer, size, "%s", node->type == TORN_DIRECTORY ? "a directory"
					     : node->type == TORN_SYMLINK ? "a symlink"
									  : "a special file");
	return buffer;
}

/* ------------------------------------------------------ clean-run-succeeds */

static const char *how_it_ended(const struct torn_trial *trial, char *buffer, size_t size)
{
	switch (trial->end) {
	case TORN_RETURNED:
		snprintf(buffer, size, "returned %d", trial->code);
		break;
	case TORN_EXITED:
		snprintf(buffer, size, "ended the process by exit(%d)", trial->code);
		break;
	case TORN_CRASHED:
		snprintf(buffer, size, "crashed (SIG%s)", torn_signal_name(trial->code) ? torn_signal_name(trial->code) : "?");
		break;
	case TORN_HUNG:
		if (trial->code == TORN_HANG_WAITS)
			snprintf(buffer, size, "never ended");
		else
			snprintf(buffer, size, "had not ended after %u %s",
				 trial->code == TORN_HANG_OPS ? TORN_OPS_MAX : TORN_CROSSINGS_MAX,
				 trial->code == TORN_HANG_OPS ? "calls on files" : "system calls");
		break;
	default:
		snprintf(buffer, size, "was ended by the plan");
		break;
	}
	return buffer;
}

static void clean_run_succeeds(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	char how[64];
	if (has_faults(trial) || trial->killed)
		set(judgement, TORN_SKIPPED, "a fault was injected");
	else if (trial->end != TORN_RETURNED)
		set(judgement, TORN_VIOLATED, "without any fault the operation %s",
		    how_it_ended(trial, how, sizeof how));
	else if (!refuses(trial) && trial->code != 0)
		set(judgement, TORN_VIOLATED, "without any fault the operation failed: it %s",
		    how_it_ended(trial, how, sizeof how));
	else if (refuses(trial) && trial->code == 0)
		set(judgement, TORN_VIOLATED,
		    "from an old state that it must refuse, the operation reported success");
	else if (refuses(trial) && !torn_tree_equal(trial->now, trial->old_tree))
		set(judgement, TORN_VIOLATED,
		    "from an old state that it must refuse, the operation changed something");
	else
		judgement->verdict = TORN_HELD;
}

static const struct torn_invariant clean_run_succeeds_invariant = {
	.id = "clean-run-succeeds",
	.promise = "without a fault the operation succeeds, from every old state it is meant for",
	.judge = clean_run_succeeds,
};
TORN_INVARIANT(clean_run_succeeds_invariant);

/* -------------------------------------------------------------- old-or-new */

static void old_or_new(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	if (!trial->new_tree) {
		set(judgement, TORN_SKIPPED, "no clean run has said what new is");
		return;
	}
	struct watched_state state = look(trial);
	if (!state.any_torn) {
		judgement->verdict = TORN_HELD;
		return;
	}
	char now[32], old[32], new[32], how[64];
	at_path(judgement, state.torn, "watched");
	kind_of(torn_tree_find(trial->old_tree, state.torn), old, sizeof old);
	kind_of(torn_tree_find(trial->new_tree, state.torn), new, sizeof new);
	kind_of(torn_tree_find(trial->now, state.torn), now, sizeof now);
	const bool alike = strcmp(now, old) == 0 || strcmp(now, new) == 0;
	set(judgement, TORN_VIOLATED, "%s /%.*s is neither old (%s) nor new (%s) but %s%s",
	    trial->killed ? "after the kill" : "after it ended", PATH(state.torn), old, new, now,
	    alike ? ", and other ones" : "");
	if (!trial->killed) {
		size_t length = strlen(judgement->summary);
		snprintf(judgement->summary + length, sizeof judgement->summary - length,
			 ", and it %s", how_it_ended(trial, how, sizeof how));
	}
}

static const struct torn_invariant old_or_new_invariant = {
	.id = "old-or-new",
	.promise = "each watched path is wholly old or wholly new, whatever failed, to any reader",
	.judge = old_or_new,
};
TORN_INVARIANT(old_or_new_invariant);

/* ------------------------------------------------------- success-means-new */

static void success_means_new(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	if (!trial->new_tree) {
		set(judgement, TORN_SKIPPED, "no clean run has said what new is");
		return;
	}
	if (!ended_by_itself(trial) || trial->code != 0) {
		set(judgement, TORN_SKIPPED, "success was not reported");
		return;
	}
	for (size_t i = 0; i < trial->promised->watch_count; i++) {
		struct torn_bytes at = trial->promised->watch[i];
		const struct torn_node *now = torn_tree_find(trial->now, at);
		const struct torn_node *new = torn_tree_find(trial->new_tree, at);
		if (torn_tree_same_content(now, new))
			continue;
		char is[32], should[32];
		at_path(judgement, at, "watched");
		set(judgement, TORN_VIOLATED, "success was reported, and /%.*s is not new: %s, not %s",
		    PATH(at), kind_of(now, is, sizeof is), kind_of(new, should, sizeof should));
		return;
	}
	judgement->verdict = TORN_HELD;
}

static const struct torn_invariant success_means_new_invariant = {
	.id = "success-means-new",
	.promise = "when success is reported, every watched path is new",
	.judge = success_means_new,
};
TORN_INVARIANT(success_means_new_invariant);

/* --------------------------------------------------------- error-means-old */

static void error_means_old(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	if (!trial->new_tree) {
		set(judgement, TORN_SKIPPED, "no clean run has said what new is");
		return;
	}
	if (!ended_by_itself(trial) || trial->code == 0) {
		set(judgement, TORN_SKIPPED, "no failure was reported");
		return;
	}
	struct watched_state state = look(trial);
	if (!state.all_old && !state.all_new) {
		set(judgement, TORN_SKIPPED, "the tree is neither wholly old nor wholly new");
		return;
	}
	if (state.all_old) {
		judgement->verdict = TORN_HELD;
		return;
	}
	at_path(judgement, trial->promised->watch[0], "watched");
	if (trial->target->promises & TORN_PROMISES_ERROR_MEANS_OLD) {
		set(judgement, TORN_VIOLATED, "failure was reported (%d), and the new state is in place",
		    trial->code);
		return;
	}
	set(judgement, TORN_HELD, "failure was reported (%d) after the commit point: new is in place",
	    trial->code);
	label(judgement, "committed");
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

static bool is_litter(void *context, struct torn_bytes path, const struct torn_node *now,
		      const struct torn_node *old)
{
	struct litter_search *search = context;
	const struct torn_trial *trial = search->trial;
	if (!now || old || torn_tree_find(trial->new_tree, path) ||
	    (!trial->killed && removal_failed(trial, path)))
		return true;
	snprintf(search->text, sizeof search->text, "%.*s", PATH(path));
	search->path = torn_bytes_of(search->text);
	search->found = true;
	return false;
}

static void no_litter(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	if (!trial->new_tree) {
		set(judgement, TORN_SKIPPED, "no clean run has said what new is");
		return;
	}
	struct litter_search search = {.trial = trial};
	torn_tree_differences(trial->now, trial->old_tree, is_litter, &search);
	if (!search.found) {
		judgement->verdict = TORN_HELD;
		return;
	}
	at_path(judgement, search.path, "litter");
	if (!ended_by_itself(trial)) {
		set(judgement, TORN_SKIPPED, "a process that died leaves /%.*s", PATH(search.path));
		label(judgement, "stale-temp");
		return;
	}
	char how[64];
	set(judgement, TORN_VIOLATED,
	    "the operation %s and leaves /%.*s, which was not there before nor after a clean run",
	    how_it_ended(trial, how, sizeof how), PATH(search.path));
}

static const struct torn_invariant no_litter_invariant = {
	.id = "no-litter",
	.promise = "nothing is left that was not there before or after a clean run",
	.judge = no_litter,
};
TORN_INVARIANT(no_litter_invariant);

/* ----------------------------------------------------------- nothing-leaks */

static void nothing_leaks(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	if (trial->killed || trial->end != TORN_RETURNED) {
		set(judgement, TORN_SKIPPED, "the process did not outlive the operation");
		return;
	}
	if (trial->leaks_count == 0) {
		judgement->verdict = TORN_HELD;
		return;
	}
	/* All of them are one finding: the role says which. */
	judgement->op = trial->leaks[0].op;
	set(judgement, TORN_VIOLATED, "%s", trial->leaks[0].detail);
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
	if (!has_faults(trial))
		set(judgement, TORN_SKIPPED, "no fault was injected: see clean-run-succeeds");
	else if (!trial->killed && ended_of_planned_signal(trial))
		set(judgement, TORN_SKIPPED, "a signal that asks the process to end was sent");
	else if (!trial->killed && (trial->end == TORN_CRASHED || trial->end == TORN_EXITED))
		set(judgement, TORN_VIOLATED, "the operation %s instead of returning",
		    how_it_ended(trial, how, sizeof how));
	else
		judgement->verdict = TORN_HELD;
}

static const struct torn_invariant no_crash_invariant = {
	.id = "no-crash",
	.promise = "under a fault the operation returns: it neither crashes nor ends its process",
	.judge = no_crash,
};
TORN_INVARIANT(no_crash_invariant);

static void no_hang(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	char how[64];
	if (!has_faults(trial))
		set(judgement, TORN_SKIPPED, "no fault was injected: see clean-run-succeeds");
	else if (!trial->killed && trial->end == TORN_HUNG)
		set(judgement, TORN_VIOLATED, "the operation %s", how_it_ended(trial, how, sizeof how));
	else
		judgement->verdict = TORN_HELD;
}

static const struct torn_invariant no_hang_invariant = {
	.id = "no-hang",
	.promise = "every wait ends",
	.judge = no_hang,
};
TORN_INVARIANT(no_hang_invariant);
