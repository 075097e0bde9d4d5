/*
 * invariants_runtime.c: the promises of a change that is taken back where it fails: what the
 * kernel keeps is as it was, no step of the rollback is left out because another failed, and the
 * status says what is there.
 */
#include <string.h>

#include "../injectors/runtime.h"
#include "judgement.h"

bool torn_trial_is_runtime(const struct torn_trial *trial, struct torn_bytes path)
{
	struct torn_bytes below;
	return torn_runtime_path(trial->old_tree, path, &below);
}

static bool is_as_it_was(const struct torn_trial *trial, struct torn_bytes path)
{
	return torn_tree_same_content(torn_tree_find(trial->now, path),
				      torn_tree_find(trial->old_tree, path));
}

static struct torn_bytes folder_of(struct torn_bytes path)
{
	const uint8_t *slash = path.size ? memrchr(path.data, '/', path.size) : NULL;
	return (struct torn_bytes){path.data, slash ? (size_t)(slash - path.data) : 0};
}

static bool is_below(struct torn_bytes path, struct torn_bytes folder)
{
	if (folder.size == 0) /* a socket's has no bytes to compare with, not even none */
		return true;
	return path.size >= folder.size && memcmp(path.data, folder.data, folder.size) == 0 &&
	       (path.size == folder.size || path.data[folder.size] == '/');
}

/* Opening, binding and reading the socket are on no path: they are ways to the rules, and to nothing else. */
static bool is_of_audit(const struct torn_op *op)
{
	return op->call == TORN_CALL_socket || op->call == TORN_CALL_bind || op->call == TORN_CALL_recvfrom;
}

/* What a module is loaded from: who cannot read that cannot change /proc/modules. */
static bool is_module_of(const struct torn_trial *trial, struct torn_bytes runtime, struct torn_bytes path)
{
	struct torn_bytes below;
	return torn_runtime_path(trial->old_tree, runtime, &below) &&
	       torn_bytes_equal(below, torn_bytes_of("modules")) &&
	       is_below(path, torn_bytes_of("lib/modules"));
}

/*
 * Did a fault meet a call on this path? Of a file also one on its folder or what is in it: what
 * replaces it is made there.
 */
static bool was_kept_from(const struct torn_trial *trial, struct torn_bytes path)
{
	const bool is_runtime = torn_trial_is_runtime(trial, path);
	const struct torn_bytes folder = is_runtime ? path : folder_of(path);
	for (uint32_t i = 0; i < trial->log->count; i++) {
		const struct torn_op *op = &trial->log->ops[i];
		if (op->number == 0 || op->fault == 0)
			continue;
		if (is_of_audit(op) && !is_below(path, torn_bytes_of("proc/audit")))
			continue;
		if (is_below(op->path, folder) || (op->path_to.size && is_below(op->path_to, folder)) ||
		    is_below(path, op->path) || is_module_of(trial, path, op->path))
			return true;
	}
	return false;
}

/* ", and it stopped at newfstatat of /etc/f, which was refused (ENOENT)" */
static void say_where_it_stopped(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	const struct torn_op *op = torn_trial_last_refused(trial);
	if (!op)
		return;
	const char *error = torn_errno_name((int)-op->told);
	const size_t size = strlen(judgement->summary);
	judgement->op = op->number;
	judgement->call = op->call;
	snprintf(judgement->summary + size, sizeof judgement->summary - size,
		 "; the last that it tried was %s of %s%.*s, which was refused (%s)",
		 torn_call_name(op->call), TORN_SHOWN(trial, op->path), error ? error : "?");
}

static bool promises_rollback(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	if (!(trial->target->promises & TORN_PROMISES_ROLLBACK))
		torn_judge(judgement, TORN_SKIPPED, "the target has no rollback");
	else if (!torn_trial_ended_by_itself(trial) || trial->code == 0)
		torn_judge(judgement, TORN_SKIPPED, "it did not fail: nothing is to be taken back");
	else
		return true;
	return false;
}

/* -------------------------------------------------------- runtime-restored */

static void say_value(const struct torn_node *file, char *buffer, size_t size)
{
	uint8_t bytes[24];
	size_t got = file ? torn_node_read(file, 0, bytes, sizeof bytes) : 0;
	while (got > 0 && bytes[got - 1] == '\n')
		got--;
	if (!file)
		snprintf(buffer, size, "absent");
	else if (file->size > sizeof bytes || memchr(bytes, '\n', got))
		snprintf(buffer, size, "%lu bytes", file->size);
	else
		snprintf(buffer, size, "\"%.*s\"", (int)got, bytes);
}

static void judge_unrestored_runtime(const struct torn_trial *trial, size_t watched,
				     struct torn_judgement *judgement)
{
	const struct torn_bytes path = trial->promised->watch[watched];
	char is[40], was[40];
	say_value(torn_tree_find(trial->now, path), is, sizeof is);
	say_value(torn_tree_find(trial->old_tree, path), was, sizeof was);
	torn_judge_step(judgement, trial, watched);
	if (torn_trial_rolled_back(trial)) {
		torn_judge(judgement, TORN_VIOLATED,
			   "rollback was reported, and the runtime value %s%.*s is %s, not %s as before",
			   TORN_SHOWN(trial, path), is, was);
		return;
	}
	torn_judge(judgement, TORN_VIOLATED,
		   "the change failed, and its rollback ended without putting back the runtime value "
		   "%s%.*s: it is %s, not %s as before",
		   TORN_SHOWN(trial, path), is, was);
	say_where_it_stopped(trial, judgement);
}

static void runtime_restored(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	if (!promises_rollback(trial, judgement))
		return;
	bool any = false;
	for (size_t i = 0; i < trial->promised->watch_count; i++) {
		const struct torn_bytes path = trial->promised->watch[i];
		if (!torn_trial_is_runtime(trial, path))
			continue;
		any = true;
		/* A rollback that says that it failed, because of a fault, is rollback-completes'. */
		if (is_as_it_was(trial, path) ||
		    (torn_trial_has_faults(trial) && !torn_trial_rolled_back(trial)))
			continue;
		judge_unrestored_runtime(trial, i, judgement);
		return;
	}
	if (any)
		judgement->verdict = TORN_HELD;
	else
		torn_judge(judgement, TORN_SKIPPED, "the target changes nothing that the kernel keeps");
}

static const struct torn_invariant runtime_restored_invariant = {
	.id = "runtime-restored",
	.promise = "when a change fails and is rolled back, what the kernel keeps is as it was",
	.judge = runtime_restored,
};
TORN_INVARIANT(runtime_restored_invariant);

/* ------------------------------------------------------ rollback-completes */

static void rollback_completes(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	if (!promises_rollback(trial, judgement))
		return;
	if (trial->code != TORN_ROLLBACK_FAILED) {
		torn_judge(judgement, TORN_SKIPPED, "no rollback was reported to have failed");
		return;
	}
	for (size_t i = 0; i < trial->promised->watch_count; i++) {
		const struct torn_bytes path = trial->promised->watch[i];
		const bool is_runtime_restoreds =
			torn_trial_is_runtime(trial, path) && !torn_trial_has_faults(trial);
		if (is_as_it_was(trial, path) || is_runtime_restoreds || was_kept_from(trial, path))
			continue;
		torn_judge_step(judgement, trial, i);
		torn_judge(judgement, TORN_VIOLATED,
			   "rollback failed at another step, and left %s%.*s as the change had made it",
			   TORN_SHOWN(trial, path));
		say_where_it_stopped(trial, judgement);
		return;
	}
	judgement->verdict = TORN_HELD;
}

static const struct torn_invariant rollback_completes_invariant = {
	.id = "rollback-completes",
	.promise = "a rollback step that fails keeps no other step from being done",
	.judge = rollback_completes,
};
TORN_INVARIANT(rollback_completes_invariant);

/* ----------------------------------------------------------- status-honest */

static const char *status_of(int code)
{
	return code == TORN_ROLLED_BACK ? "rolled back" : "nothing was applied";
}

static void judge_status(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	const struct torn_node *should = trial->old_tree;
	for (size_t i = 0; i < trial->promised->watch_count; i++) {
		const struct torn_bytes path = trial->promised->watch[i];
		if (torn_tree_same_content(torn_tree_find(trial->now, path), torn_tree_find(should, path)))
			continue;
		char is[40], wanted[40];
		say_value(torn_tree_find(trial->now, path), is, sizeof is);
		say_value(torn_tree_find(should, path), wanted, sizeof wanted);
		torn_judge_step(judgement, trial, i);
		torn_judge(judgement, TORN_VIOLATED, "the status is \"%s\", and %s%.*s is %s, not %s",
			   status_of(trial->code), TORN_SHOWN(trial, path), is,
			   strcmp(is, wanted) == 0 ? "those that should be there" : wanted);
		return;
	}
	judgement->verdict = TORN_HELD;
}

static void status_honest(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	if (!(trial->target->promises & TORN_REPORTS_STATUS))
		torn_judge(judgement, TORN_SKIPPED, "the target reports no status");
	else if (!torn_trial_ended_by_itself(trial))
		torn_judge(judgement, TORN_SKIPPED, "it reported nothing");
	else if (trial->code == 0)
		torn_judge(judgement, TORN_SKIPPED, "success was reported: that is success-means-new's");
	else if (trial->code == TORN_ROLLBACK_FAILED || trial->code == TORN_PARTIALLY_APPLIED)
		torn_judge(judgement, TORN_SKIPPED, "it says itself that neither old nor new is there");
	else
		judge_status(trial, judgement);
}

static const struct torn_invariant status_honest_invariant = {
	.id = "status-honest",
	.promise = "where it is reported that nothing is changed (rolled back, nothing applied), nothing is",
	.judge = status_honest,
};
TORN_INVARIANT(status_honest_invariant);
