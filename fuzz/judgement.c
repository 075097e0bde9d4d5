/* judgement.c: see judgement.h. */
#include "judgement.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../injectors/runtime.h"

void torn_judge(struct torn_judgement *judgement, enum torn_verdict verdict, const char *format, ...)
{
	judgement->verdict = verdict;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(judgement->summary, sizeof judgement->summary, format, arguments);
	va_end(arguments);
}

void torn_judge_end(struct torn_judgement *judgement, const struct torn_trial *trial)
{
	char how[64];
	if (trial->killed)
		return;
	const size_t length = strlen(judgement->summary);
	snprintf(judgement->summary + length, sizeof judgement->summary - length, ", and it %s",
		 torn_trial_how_it_ended(trial, how, sizeof how));
}

void torn_judge_path(struct torn_judgement *judgement, struct torn_bytes path, const char *role)
{
	snprintf(judgement->path, sizeof judgement->path, "%.*s", TORN_PATH(path));
	snprintf(judgement->role, sizeof judgement->role, "%s", role);
}

void torn_judge_step(struct torn_judgement *judgement, const struct torn_trial *trial, size_t watched)
{
	const struct torn_bytes path = trial->promised->watch[watched];
	torn_judge_path(judgement, path, trial->target->watch ? trial->target->watch[watched] : "watched");
	judgement->is_any_fault = true;
}

void torn_judge_label(struct torn_judgement *judgement, const char *name)
{
	judgement->is_label = true;
	judgement->label = name;
}

/* How the target names the path, so that several are told apart. */
static void name_watched(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	for (size_t i = 0; i < trial->promised->watch_count && trial->target->watch; i++)
		if (torn_bytes_equal(trial->promised->watch[i], torn_bytes_of(judgement->path)))
			snprintf(judgement->role, sizeof judgement->role, "%s", trial->target->watch[i]);
}

void torn_invariant_judge(const struct torn_invariant *invariant, const struct torn_trial *trial,
			  struct torn_judgement *ret_judgement)
{
	*ret_judgement = (struct torn_judgement){.verdict = TORN_SKIPPED};
	if (trial->plan->before && !invariant->later_runs)
		torn_judge(ret_judgement, TORN_SKIPPED, "it is asked of the first run only");
	else
		invariant->judge(trial, ret_judgement);
	if (!invariant->one_a_path || !(trial->target->promises & TORN_REPORTS_STATUS) ||
	    ret_judgement->verdict != TORN_VIOLATED)
		return;
	ret_judgement->is_any_fault = true;
	if (strcmp(ret_judgement->role, "watched") == 0)
		name_watched(trial, ret_judgement);
}

const struct torn_node *torn_trial_seen(const struct torn_trial *trial)
{
	return trial->recovered ? trial->recovered->tree : trial->now;
}

bool torn_trial_awaits_recovery(const struct torn_trial *trial)
{
	const bool succeeded = torn_trial_ended_by_itself(trial) && trial->code == 0;
	return trial->variant->recovery && !trial->recovered && !succeeded;
}

bool torn_trial_ended_by_itself(const struct torn_trial *trial)
{
	return !trial->killed && (trial->end == TORN_RETURNED || trial->end == TORN_EXITED);
}

bool torn_trial_has_faults(const struct torn_trial *trial)
{
	return trial->plan->faults_count > 0;
}

bool torn_trial_refuses(const struct torn_trial *trial)
{
	return trial->world && trial->world->refuses;
}

bool torn_trial_rolled_back(const struct torn_trial *trial)
{
	return (trial->target->promises & TORN_PROMISES_ROLLBACK) && torn_trial_ended_by_itself(trial) &&
	       trial->code == TORN_ROLLED_BACK;
}

const struct torn_op *torn_trial_last_refused(const struct torn_trial *trial)
{
	for (uint32_t i = trial->log->count; i > 0; i--) {
		const struct torn_op *op = &trial->log->ops[i - 1];
		const bool asks_isatty = op->call == TORN_CALL_ioctl && op->how == TCGETS;
		if (op->number && op->told < 0 && !(asks_isatty && op->told == -ENOTTY))
			return op;
	}
	return NULL;
}

bool torn_trial_is_between(const struct torn_trial *trial, struct torn_bytes at,
			   const struct torn_node *now)
{
	const struct torn_promised *promised = trial->promised;
	/* Behind a recovery nothing is on the way any more. */
	for (size_t i = 0; !trial->recovered && i < promised->between_count; i++)
		if (torn_bytes_equal(promised->between[i].path, at) &&
		    torn_tree_same_content(promised->between[i].node, now))
			return true;
	return false;
}

/*
 * An old state of a case's own may have a directory where a file is meant: it stays
 * one, and what is made in it for a moment is no part of a promise about a file.
 */
static bool is_directory_for_ever(const struct torn_trial *trial, struct torn_bytes at,
				  const struct torn_node *now)
{
	const struct torn_node *old = torn_tree_find(trial->old_tree, at);
	const struct torn_node *new = torn_tree_find(trial->new_tree, at);
	return !trial->world && now && old && new && now->type == TORN_DIRECTORY &&
	       old->type == TORN_DIRECTORY && new->type == TORN_DIRECTORY;
}

static bool lost_power(const struct torn_trial *trial)
{
	bool was_cut = trial->cut != NULL;
	for (const struct torn_plan *plan = trial->plan; plan && !was_cut; plan = plan->before)
		was_cut = plan->cut.preset != NULL;
	return was_cut;
}

bool torn_trial_is_old(const struct torn_trial *trial, struct torn_bytes path, const struct torn_node *now)
{
	if (torn_tree_same_content(now, torn_tree_find(trial->old_tree, path)))
		return true;
	return trial->old_booted && torn_trial_is_runtime(trial, path) && lost_power(trial) &&
	       torn_tree_same_content(now, torn_tree_find(trial->old_booted, path));
}

/* Rules, modules and mounts come and go one by one, and nobody can ask for more. */
static bool is_list_of_kernel(const struct torn_trial *trial, struct torn_bytes path)
{
	struct torn_bytes below;
	return torn_runtime_path(trial->old_tree, path, &below) && !torn_runtime_is_sysctl(below);
}

struct torn_watched torn_trial_watched(const struct torn_trial *trial)
{
	struct torn_watched state = {.all_old = true, .all_new = true};
	for (size_t i = 0; i < trial->promised->watch_count; i++) {
		struct torn_bytes at = trial->promised->watch[i];
		const struct torn_node *now = torn_tree_find(torn_trial_seen(trial), at);
		bool is_old = torn_trial_is_old(trial, at, now);
		bool is_new = torn_tree_same_content(now, torn_tree_find(trial->new_tree, at));
		state.all_old &= is_old;
		state.all_new &= is_new;
		if (!is_old && !is_new && !state.any_torn && !is_list_of_kernel(trial, at) && !torn_trial_is_between(trial, at, now) &&
		    !is_directory_for_ever(trial, at, now)) {
			state.torn = at;
			state.any_torn = true;
		}
	}
	return state;
}

const char *torn_node_kind(const struct torn_node *node, char *buffer, size_t size)
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

const char *torn_node_unlike(const struct torn_node *now, const struct torn_node *should, char *buffer,
			     size_t size)
{
	char is[32], wanted[32];
	torn_node_kind(now, is, sizeof is);
	torn_node_kind(should, wanted, sizeof wanted);
	if (strcmp(is, wanted) == 0)
		snprintf(buffer, size, "%s, but other ones", is);
	else
		snprintf(buffer, size, "%s, not %s", is, wanted);
	return buffer;
}

const char *torn_trial_how_it_ended(const struct torn_trial *trial, char *buffer, size_t size)
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
		if (trial->code == TORN_HANG_WAITS || trial->code == TORN_HANG_TIME)
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

const char *torn_trial_after_what(const struct torn_trial *trial)
{
	if (trial->cut)
		return "after a power cut";
	return trial->killed ? "after the kill" : "after it ended";
}
