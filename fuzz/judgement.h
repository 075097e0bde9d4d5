/* judgement.h: what the invariants have in common: looking at a trial, saying what is seen. */
#ifndef TORN_JUDGEMENT_H
#define TORN_JUDGEMENT_H

#include "torn.h"

/* For "%.*s". */
#define TORN_PATH(bytes) (int)(bytes).size, (const char *)(bytes).data
/* For "%s%.*s": a path below the root as it is told to people. */
#define TORN_SHOWN(trial, path) torn_path_lead((trial)->target, path), TORN_PATH(path)

/* Set verdict and summary. printf-like. */
void torn_judge(struct torn_judgement *judgement, enum torn_verdict verdict, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Say too how the run ended, behind the summary; of one that was killed nothing is said. */
void torn_judge_end(struct torn_judgement *judgement, const struct torn_trial *trial);
/* Say which path it is about, and what that is to the target. */
void torn_judge_path(struct torn_judgement *judgement, struct torn_bytes path, const char *role);
/*
 * The same of a watched path, by its number, in a rollback: each that is not put back is one finding,
 * whatever failed before. Its role is how the target names it.
 */
void torn_judge_step(struct torn_judgement *judgement, const struct torn_trial *trial, size_t watched);
/* It is worth knowing, and no finding. */
void torn_judge_label(struct torn_judgement *judgement, const char *name);

/* Ask an invariant; SKIPPED where it is none for a later run, and this is one. */
void torn_invariant_judge(const struct torn_invariant *invariant, const struct torn_trial *trial,
			  struct torn_judgement *ret_judgement);
/*
 * Return the tree as whoever uses the files sees it: after a crash they run the
 * target's recovery first, where it has one.
 */
const struct torn_node *torn_trial_seen(const struct torn_trial *trial);
/* Is it up to the target's recovery, which has not run, to make something of what is there? */
bool torn_trial_awaits_recovery(const struct torn_trial *trial);

/* It returned or called exit: something was reported. */
bool torn_trial_ended_by_itself(const struct torn_trial *trial);
bool torn_trial_has_faults(const struct torn_trial *trial);
/* Is the old state one that the operation is not meant for? */
bool torn_trial_refuses(const struct torn_trial *trial);
/* Did it fail and report that its rollback succeeded? */
bool torn_trial_rolled_back(const struct torn_trial *trial);
/* Is it something that the kernel keeps, below /proc? */
bool torn_trial_is_runtime(const struct torn_trial *trial, struct torn_bytes path);
/*
 * Is a watched path as it was? Once the power went what the kernel keeps may be as boot loads it from the
 * old files, too: where the two disagreed before, nobody can keep them so.
 */
bool torn_trial_is_old(const struct torn_trial *trial, struct torn_bytes path, const struct torn_node *now);
/* Does it ask for durability at all: a sync, or a write that is one, in this run or one before it? */
bool torn_trial_syncs(const struct torn_trial *trial);
/* Is this what the target says that the path may be on the way? */
bool torn_trial_is_between(const struct torn_trial *trial, struct torn_bytes at,
			   const struct torn_node *now);
/*
 * Return the last call that was refused: as a rule, the one that it failed on. NULL: none was. That a file is no
 * terminal (ENOTTY) is what isatty(3) asks for, as awk does of each file that it reads.
 */
const struct torn_op *torn_trial_last_refused(const struct torn_trial *trial);
/* "returned 0", "crashed (SIGSEGV)": in `buffer`, which is returned. */
const char *torn_trial_how_it_ended(const struct torn_trial *trial, char *buffer, size_t size);
/* "after a power cut", "after the kill", "after it ended": when the tree was as it is judged. */
const char *torn_trial_after_what(const struct torn_trial *trial);

/* All watched paths against old and new, by what a reader sees of them. */
struct torn_watched {
	bool all_old, all_new;
	struct torn_bytes torn; /* the first that is neither */
	bool any_torn;
};

struct torn_watched torn_trial_watched(const struct torn_trial *trial);

/* "absent", "17 bytes", "a directory": in `buffer`, which is returned. */
const char *torn_node_kind(const struct torn_node *node, char *buffer, size_t size);
/* What is there in place of what should be: "absent, not 17 bytes", "17 bytes, but other ones". */
const char *torn_node_unlike(const struct torn_node *now, const struct torn_node *should, char *buffer,
			     size_t size);

#endif
