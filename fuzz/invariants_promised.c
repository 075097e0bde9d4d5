/*
 * invariants_promised.c: what some targets promise and others do not: to be run
 * again after they were killed, to keep a file's metadata, to take back what
 * failed, to keep a copy of the last good state.
 */
#include <string.h>

#include "judgement.h"

static bool promises(const struct torn_trial *trial, unsigned promise)
{
	return (trial->target->promises & promise) != 0;
}

/* ---------------------------------------------------------- retry-succeeds */

/* How the run after the kill should have ended. */
struct wanted {
	enum torn_end end;
	int code;
	bool any_failure; /* any code but 0 will do */
	const struct torn_node *tree;
};

/*
 * From a state equal to new, as a clean run from new ends: an operation may
 * refuse to do what is done. From any other, in new; from an old state that it
 * is not meant for, refused again. Where old and new look the same at the
 * watched paths it may be either.
 */
static struct wanted wanted_of(const struct torn_trial *trial)
{
	const struct torn_watched watched = torn_trial_watched(trial);
	const bool is_either = watched.all_old && trial->rerun->code == 0;
	if (watched.all_new && !is_either)
		return (struct wanted){.end = trial->rerun_of_new->end,
				       .code = trial->rerun_of_new->code,
				       .tree = trial->rerun_of_new->tree};
	return (struct wanted){.end = TORN_RETURNED,
			       .any_failure = torn_trial_refuses(trial),
			       .tree = trial->new_tree};
}

static bool ended_as_wanted(const struct torn_rerun *rerun, const struct wanted *wanted)
{
	return rerun->end == wanted->end &&
	       (wanted->any_failure ? rerun->code != 0 : rerun->code == wanted->code);
}

/* Watched paths are compared by what a reader sees: leftovers are no-litter's. */
static void retry_succeeds(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	if (!promises(trial, TORN_PROMISES_RETRY)) {
		torn_judge(judgement, TORN_SKIPPED, "the target is not said to be run again");
		return;
	}
	if (!trial->killed || !trial->rerun || !trial->rerun_of_new) {
		torn_judge(judgement, TORN_SKIPPED, "it was not killed: there is nothing to retry");
		return;
	}
	if (!trial->world && trial->new_tree == trial->old_tree) {
		torn_judge(judgement, TORN_SKIPPED,
			   "it fails from this old state, which the target does not declare");
		return;
	}
	const char *crash = trial->cut ? "power cut" : "kill";
	const struct torn_rerun *rerun = trial->rerun;
	const struct wanted wanted = wanted_of(trial);
	if (!ended_as_wanted(rerun, &wanted)) {
		const struct torn_trial as_run = {.end = rerun->end, .code = rerun->code};
		const struct torn_trial as_wanted = {.end = wanted.end, .code = wanted.code};
		char is[64], should[64];
		torn_judge_path(judgement, trial->promised->watch[0], "watched");
		torn_judge(judgement, TORN_VIOLATED, "run again after the %s, it %s; wanted: it %s", crash,
			   torn_trial_how_it_ended(&as_run, is, sizeof is),
			   wanted.any_failure ? "refused"
					      : torn_trial_how_it_ended(&as_wanted, should, sizeof should));
		return;
	}
	for (size_t i = 0; i < trial->promised->watch_count; i++) {
		const struct torn_bytes at = trial->promised->watch[i];
		const struct torn_node *now = torn_tree_find(rerun->tree, at);
		const struct torn_node *should = torn_tree_find(wanted.tree, at);
		if (torn_tree_same_content(now, should))
			continue;
		char is[32], want[32];
		torn_judge_path(judgement, at, "watched");
		torn_judge(judgement, TORN_VIOLATED,
			   "run again after the %s, it leaves %s%.*s with %s, not new: %s", crash,
			   TORN_SHOWN(trial, at), torn_node_kind(now, is, sizeof is),
			   torn_node_kind(should, want, sizeof want));
		return;
	}
	judgement->verdict = TORN_HELD;
}

static const struct torn_invariant retry_succeeds_invariant = {
	.id = "retry-succeeds",
	.promise = "after any kill or power cut a clean rerun ends as it should (where the target promises it)",
	.later_runs = true,
	.judge = retry_succeeds,
};
TORN_INVARIANT(retry_succeeds_invariant);

/* ----------------------------------------------------------- metadata-kept */

static bool same_xattrs(const struct torn_node *a, const struct torn_node *b)
{
	if (a->xattrs_count != b->xattrs_count)
		return false;
	for (uint32_t i = 0; i < a->xattrs_count; i++)
		if (!torn_bytes_equal(a->xattrs[i].name, b->xattrs[i].name) ||
		    !torn_bytes_equal(a->xattrs[i].value, b->xattrs[i].value))
			return false;
	return true;
}

/* Of a program it is asked, too: what it never promised is worth knowing, and a label. */
static bool is_asked(const struct torn_trial *trial, unsigned what)
{
	return promises(trial, what) || trial->target->is_program;
}

static bool judge_mode(const struct torn_trial *trial, const struct torn_node *old,
		       const struct torn_node *now, struct torn_bytes at,
		       struct torn_judgement *judgement)
{
	const bool sets = trial->promised->sets_mode;
	const uint32_t wanted = sets ? trial->promised->mode : old ? old->mode : now->mode;
	if ((!sets && !is_asked(trial, TORN_KEEPS_MODE)) || now->mode == wanted)
		return true;
	torn_judge_path(judgement, at, "mode");
	torn_judge(judgement, TORN_VIOLATED, "%s%.*s is new and has mode %04o, %s %04o", TORN_SHOWN(trial, at),
		   now->mode, sets ? "where the operation sets" : "and had", wanted);
	return false;
}

static bool judge_owner(const struct torn_trial *trial, const struct torn_node *old,
			const struct torn_node *now, struct torn_bytes at,
			struct torn_judgement *judgement)
{
	if (!is_asked(trial, TORN_KEEPS_OWNER) || !old ||
	    (now->uid == old->uid && now->gid == old->gid))
		return true;
	torn_judge_path(judgement, at, "owner");
	torn_judge(judgement, TORN_VIOLATED, "%s%.*s is new and belongs to %u:%u, and did to %u:%u",
		   TORN_SHOWN(trial, at), now->uid, now->gid, old->uid, old->gid);
	return false;
}

static bool judge_xattrs(const struct torn_trial *trial, const struct torn_node *old,
			 const struct torn_node *now, struct torn_bytes at,
			 struct torn_judgement *judgement)
{
	if (!is_asked(trial, TORN_KEEPS_XATTRS) || !old || same_xattrs(old, now))
		return true;
	torn_judge_path(judgement, at, "xattrs");
	torn_judge(judgement, TORN_VIOLATED, "%s%.*s is new and has %u extended attributes, not its %u",
		   TORN_SHOWN(trial, at), now->xattrs_count, old->xattrs_count);
	return false;
}

/*
 * Is this path's new content in place? In the clean run, which says what new is,
 * whatever it left is. What looks the same before and after counts once success
 * was reported.
 */
static bool is_replaced(const struct torn_trial *trial, struct torn_bytes at,
			const struct torn_node *old, const struct torn_node *now)
{
	const bool succeeded = torn_trial_ended_by_itself(trial) && trial->code == 0;
	if (trial->new_tree && !torn_tree_same_content(now, torn_tree_find(trial->new_tree, at)))
		return false;
	return succeeded || (trial->new_tree && !torn_tree_same_content(now, old));
}

static void metadata_kept(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	bool unlinked = false, is_said = trial->promised->sets_mode;
	is_said |= promises(trial, TORN_KEEPS_MODE | TORN_KEEPS_OWNER | TORN_KEEPS_XATTRS);
	for (size_t i = 0; i < trial->promised->watch_count; i++) {
		const struct torn_bytes at = trial->promised->watch[i];
		const struct torn_node *now = torn_tree_find(torn_trial_seen(trial), at);
		const struct torn_node *old = torn_tree_find(trial->old_tree, at);
		if (old && old->type != TORN_FILE)
			old = NULL;
		if (!now || now->type != TORN_FILE || !is_replaced(trial, at, old, now))
			continue;
		if (!judge_mode(trial, old, now, at, judgement) ||
		    !judge_owner(trial, old, now, at, judgement) ||
		    !judge_xattrs(trial, old, now, at, judgement)) {
			if (!is_said) {
				judgement->verdict = TORN_HELD;
				torn_judge_label(judgement, "metadata-changed");
			}
			return;
		}
		if (old && old->links > 1 && now->links < old->links && !trial->killed && !unlinked) {
			torn_judge_path(judgement, at, "hard link");
			unlinked = true;
		}
	}
	if (unlinked) {
		const struct torn_bytes path = torn_bytes_of(judgement->path);
		torn_judge(judgement, TORN_HELD, "%s%.*s had other names, which keep the old content",
			   TORN_SHOWN(trial, path));
		torn_judge_label(judgement, "unlinked");
	} else if (!is_said) {
		torn_judge(judgement, TORN_SKIPPED, "the target says nothing of modes and owners");
	} else {
		judgement->verdict = TORN_HELD;
	}
}

static const struct torn_invariant metadata_kept_invariant = {
	.id = "metadata-kept",
	.promise = "a replaced file has the mode, owner and attributes that it had, or that the target sets",
	.judge = metadata_kept,
};
TORN_INVARIANT(metadata_kept_invariant);

/* ------------------------------------------------------- rollback-restores */

/* What is not as it was: in words; NULL where it is. */
static const char *not_restored(const struct torn_node *old, const struct torn_node *now)
{
	if (!torn_tree_same_content(now, old))
		return "content";
	if (!now)
		return NULL;
	if (now->mode != old->mode)
		return "mode";
	if (now->uid != old->uid || now->gid != old->gid)
		return "owner";
	return same_xattrs(now, old) ? NULL : "xattrs";
}

/* That nothing was taken back is one finding, that something else was put there another. */
static void judge_unrestored(const struct torn_trial *trial, struct torn_bytes at, const char *what,
			     struct torn_judgement *judgement)
{
	const bool stays = strcmp(what, "content") == 0 &&
			   torn_trial_is_between(trial, at, torn_tree_find(trial->now, at));
	torn_judge_path(judgement, at, stays ? "on the way" : what);
	torn_judge(judgement, TORN_VIOLATED,
		   "rollback was reported, and the %s of %s%.*s is not what it was%s", what,
		   TORN_SHOWN(trial, at), stays ? ", but what it was on the way" : "");
}

/* What the target does not watch, and touched all the same. */
struct touched_search {
	const struct torn_trial *trial;
	char path[4096];
	const char *what;
	bool is_made;
};

static bool is_watched(const struct torn_trial *trial, struct torn_bytes path)
{
	for (size_t i = 0; i < trial->promised->watch_count; i++)
		if (torn_bytes_equal(trial->promised->watch[i], path))
			return true;
	return false;
}

/* Names that come and go are their own finding, not their directory's. */
static bool note_touched(void *context, struct torn_bytes path, const struct torn_node *now,
			 const struct torn_node *old)
{
	struct touched_search *search = context;
	const struct torn_trial *trial = search->trial;
	const bool is_directory = now && old && now->type == TORN_DIRECTORY && old->type == TORN_DIRECTORY;
	/* What a clean run does not leave either is no-litter's. */
	const bool is_litter = now && !old && !torn_tree_find(trial->new_tree, path);
	const bool is_backup = trial->promised->backup.data && torn_bytes_equal(path, trial->promised->backup);
	if (path.size == 0 || is_litter || is_backup || is_watched(trial, path) ||
	    torn_trial_is_runtime(trial, path))
		return true;
	search->is_made = now && !old;
	search->what = !old ? "existence"
		       : !now ? "existence"
		       : is_directory && now->mode == old->mode && now->uid == old->uid && now->gid == old->gid
			       ? (same_xattrs(now, old) ? NULL : "xattrs")
		       : is_directory ? (now->mode != old->mode ? "mode" : "owner")
				      : not_restored(old, now);
	snprintf(search->path, sizeof search->path, "%.*s", TORN_PATH(path));
	return search->what == NULL;
}

static void judge_touched(const struct touched_search *search, struct torn_judgement *judgement)
{
	const struct torn_bytes path = torn_bytes_of(search->path);
	torn_judge_path(judgement, path, search->is_made ? "made" : "touched");
	if (search->is_made)
		torn_judge(judgement, TORN_VIOLATED,
			   "rollback was reported, and %s%.*s is left, which was not there before",
			   TORN_SHOWN(search->trial, path));
	else
		torn_judge(judgement, TORN_VIOLATED, "rollback was reported, and the %s of %s%.*s is not what it was",
			   search->what, TORN_SHOWN(search->trial, path));
}

static void rollback_restores(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	if (!promises(trial, TORN_PROMISES_ROLLBACK)) {
		torn_judge(judgement, TORN_SKIPPED, "the target has no rollback");
		return;
	}
	if (!torn_trial_rolled_back(trial)) {
		torn_judge(judgement, TORN_SKIPPED, "no rollback was reported to have succeeded");
		return;
	}
	for (size_t i = 0; i < trial->promised->watch_count; i++) {
		const struct torn_bytes at = trial->promised->watch[i];
		if (torn_trial_is_runtime(trial, at))
			continue; /* runtime-restored's */
		const char *what = not_restored(torn_tree_find(trial->old_tree, at),
						torn_tree_find(trial->now, at));
		if (!what)
			continue;
		judge_unrestored(trial, at, what, judgement);
		return;
	}
	struct touched_search search = {.trial = trial};
	judgement->verdict = TORN_HELD;
	if (!promises(trial, TORN_REPORTS_STATUS))
		return; /* it takes back its file: what it was staged in is used up */
	torn_tree_differences(trial->now, trial->old_tree, note_touched, &search);
	if (search.what)
		judge_touched(&search, judgement);
}

static const struct torn_invariant rollback_restores_invariant = {
	.id = "rollback-restores",
	.one_a_path = true,
	.promise = "when rollback reports success, what was changed is in all as it was (of a status: all that was touched)",
	.judge = rollback_restores,
};
TORN_INVARIANT(rollback_restores_invariant);

/* ------------------------------------------------------------- backup-kept */

static void backup_kept(const struct torn_trial *trial, struct torn_judgement *judgement)
{
	const struct torn_bytes backup = trial->promised->backup;
	if (!backup.data) {
		torn_judge(judgement, TORN_SKIPPED, "the target keeps no backup");
		return;
	}
	const struct torn_bytes watched = trial->promised->watch[0];
	const struct torn_node *old = torn_tree_find(trial->old_tree, watched);
	const bool is_gone = !old; /* an update that was killed left the backup, and nothing else */
	if (is_gone)
		old = torn_tree_find(trial->old_tree, backup);
	if (!old || old->type != TORN_FILE) {
		torn_judge(judgement, TORN_SKIPPED, "there was nothing to keep a copy of");
		return;
	}
	if (torn_trial_ended_by_itself(trial) && trial->code == 0) {
		torn_judge(judgement, TORN_SKIPPED, "new was confirmed");
		return;
	}
	if (torn_tree_same_content(torn_tree_find(trial->now, watched), old) ||
	    torn_tree_same_content(torn_tree_find(trial->now, backup), old)) {
		judgement->verdict = TORN_HELD;
		return;
	}
	char is[32];
	torn_judge_path(judgement, backup, "backup");
	torn_judge(judgement, TORN_VIOLATED, "%s%.*s %s, and its backup %s%.*s is %s",
		   TORN_SHOWN(trial, watched),
		   is_gone ? "was not there and is not the last good one" : "is no longer the old one",
		   TORN_SHOWN(trial, backup),
		   torn_node_kind(torn_tree_find(trial->now, backup), is, sizeof is));
}

static const struct torn_invariant backup_kept_invariant = {
	.id = "backup-kept",
	.promise = "until new is confirmed the old state is there, in place or as its backup",
	.judge = backup_kept,
};
TORN_INVARIANT(backup_kept_invariant);
