/*
 * sweeping.h: a sweep of one setup from the inside: for sweep.c, which goes through plans,
 * sweep_tell.c, which tells what they show, and sweep_after.c, which goes on from what their crashes left.
 */
#ifndef TORN_SWEEPING_H
#define TORN_SWEEPING_H

#include "cuts.h"
#include "kills.h"
#include "sweep.h"

#define SHOWN_MAX 16

/* A run on the way from the clean one to the plan at hand: what it showed at its end. */
struct level {
	struct torn_plan plan;
	struct torn_order order;
	bool mine; /* of this part: what it shows is told and counted */
	struct {
		const char *id;
		char role[64];
	} shown[SHOWN_MAX];
	size_t shown_count;
};

/* What was judged, and need not be judged again. */
struct tables {
	struct torn_kills kills;
	struct torn_cuts cuts;
	struct torn_hashes cut_at[TORN_FAULTS_MAX + 1]; /* runs whose cuts were judged, by number of faults */
};

/* What becomes of what a run shows. */
enum hearing {
	HEARING_TELLS,   /* it is a finding */
	HEARING_IGNORES, /* it is known from then on, and nobody's business */
	HEARING_NOTES,   /* injected faults show it, a real disk may */
};

struct torn_sweeping {
	struct torn_sweep *sweep;
	struct torn_lab *lab;
	struct torn_setup *setup;
	uint32_t world;
	struct torn_steps steps; /* of the clean run */
	struct torn_sweeping *before; /* of the run before: what it showed is not shown again; NULL */
	uint32_t runs;                      /* that came before */
	struct tables *tables;       /* NULL: those of the first run's sweeping are used */
	struct tables *later_tables[TORN_RUNS_MAX]; /* by how many runs came before; NULL: none has come yet */
	/* States that a later run began with, and how later runs behaved; by how many faults it took. */
	struct torn_hashes later_begun[TORN_FAULTS_MAX + 1], later_behaviours[TORN_FAULTS_MAX + 1];
	struct torn_lefts *lefts;            /* what the run at hand left; NULL: nobody asks */
	struct tables *tables_used;
	struct torn_kills *kills; /* of these */
	struct torn_cuts *cuts;
	struct torn_hashes behaviours; /* of runs that were gone on from */
	uint32_t gone_on;              /* how many */
	enum hearing hearing;
	struct torn_hashes noted;      /* findings by invariant and role: HEARING_NOTES */
	struct torn_kill *points;      /* of the clean run, to be confirmed */
	size_t points_count, points_room;
	unsigned depth;                /* of the run at hand: its number of faults */
	struct level levels[TORN_FAULTS_MAX + 1];
};

/* Say why torn itself failed; `setup` NULL: with no old state. */
void torn_sweep_fail(struct torn_sweep *sweep, const struct torn_setup *setup, const char *why);
extern const char torn_sweep_too_many[];

/*
 * sweep_tell.c: judge how a run ended, and tell what it shows; what it showed with fewer faults is not shown by the last
 * one. Returns as torn_look_at().
 */
int torn_sweeping_judge_end(struct torn_sweeping *sweeping, const struct torn_trial *trial);
/* For kills.c, with the sweeping as context: a kill of the run at hand broke a promise that the run itself kept. */
void torn_sweeping_tell_kill(void *context, const struct torn_kill *kill, const struct torn_invariant *invariant,
			     const struct torn_judgement *judgement);
/* For cuts.c: so did what a power cut left. */
void torn_sweeping_tell_cut(void *context, const struct torn_plan *plan, const struct torn_invariant *invariant,
			    const struct torn_judgement *judgement);

/* NULL: there is no memory. */
struct tables *torn_sweeping_tables(struct torn_sweep *sweep, struct torn_lab *lab, struct torn_setup *setup);
/* Close them and give them back; NULL: there are none. */
void torn_sweeping_tables_close(struct tables *tables);
/* Judge by these from now on. */
void torn_sweeping_use(struct torn_sweeping *sweeping, struct tables *tables);
/*
 * Collect what a crash of the run at hand may leave, its kills at once and its cuts when they are
 * judged, where the target is meant to be run again or has a recovery and the
 * depth allows it; else ret_lefts is NULL. The run's log is a copy. Returns 0 or -ENOMEM.
 */
int torn_sweeping_collect(struct torn_sweeping *sweeping, const struct torn_trial *run,
			  struct torn_lefts **ret_lefts);
/* Begin another run from each of these. Returns as torn_sweeping_plan(). */
int torn_sweeping_go_on(struct torn_sweeping *sweeping, const struct torn_trial *run,
			struct torn_lefts *lefts);
/* Run what stands at level 0 of one that comes after others, and faults in it. Returns the same. */
int torn_sweeping_later(struct torn_sweeping *sweeping);
/*
 * A run of a program costs a hundred times what a call costs: at depth 1 only what its clean run leaves is
 * run again, and only kills of it are gone on from.
 */
bool torn_sweeping_is_spared(const struct torn_sweeping *sweeping);
/* Run what stands at the level at hand. Returns as torn_trial_run(), but never TORN_INVALID. */
int torn_sweeping_run(struct torn_sweeping *sweeping, struct torn_trial *ret_trial);
/* Judge that run, which may end the recorder's run: its end, its cuts, its kills. Returns as torn_sweeping_plan(). */
int torn_sweeping_judge(struct torn_sweeping *sweeping, const struct torn_trial *trial);
/* A trial that cannot be judged makes the check incomplete; the others are run all the same. `why`: one sentence. */
void torn_sweeping_note_unjudged(struct torn_sweep *sweep, const struct torn_setup *setup,
				 const struct torn_plan *plan, struct torn_order order, const char *why);
/*
 * sweep_full.c: run the operation on a small real disk with 0, 1, 2, ... blocks left, then inodes, until the clean
 * run, which is `clean`, fits. Returns as torn_sweeping_plan().
 */
int torn_sweeping_full(struct torn_sweeping *sweeping, const struct torn_trial *clean);
/* Of what a run on that disk shows: do injected faults show it, too? */
bool torn_sweeping_is_noted(const struct torn_sweeping *sweeping, const char *id, const char *role);
void torn_sweeping_note(struct torn_sweeping *sweeping, const char *id, const char *role);
/* Did no later run behave like this that took as few faults? */
bool torn_sweeping_is_new_later(struct torn_sweeping *sweeping, const struct torn_trial *trial);

#endif
