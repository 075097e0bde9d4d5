/*
 * kills.h: what every kill of a run leaves, judged, each distinct tree once.
 *
 * A tree that breaks a promise is told for each run that leaves it, unless a run
 * with fewer faults of the same plan left it already: so what is told does not
 * depend on which runs were looked at before.
 */
#ifndef TORN_KILLS_H
#define TORN_KILLS_H

#include "hashes.h"
#include "trial.h"

/* A kill: after `op`, with only `bytes` of its write done where that is not 0. */
struct torn_kill {
	uint32_t op, sequence; /* sequence: from 1, of the run */
	uint64_t bytes;
	enum torn_call call;
	struct torn_hash hash; /* of the tree that it leaves */
};

/* As a fault of a plan. */
struct torn_fault torn_kill_fault(const struct torn_kill *kill);

struct torn_kills {
	struct torn_lab *lab;
	struct torn_setup *setup;
	const struct torn_rerun *rerun_of_new; /* NULL: nothing is run again */
	struct torn_hashes trees; /* judged; beside each 0 where all held, else 1 + its index in `told` */
	struct torn_hashes told_at[TORN_FAULTS_MAX + 1]; /* by number of faults: told of the run at hand */
	uint64_t count, reruns;
	/* Called for each violation and label; may not run anything. */
	void (*tell)(void *context, const struct torn_kill *kill,
		     const struct torn_invariant *invariant,
		     const struct torn_judgement *judgement);
	void *context;
	/* Called for each kill, judged or not; NULL: nobody asks. */
	void (*note)(void *context, const struct torn_kill *kill);
	/* private */
	struct torn_told_tree *told;
	size_t told_count, told_room;
	struct torn_told *judged;
	size_t judged_count, judged_room;
	struct torn_kill_waiting *waiting;
	size_t waiting_count, waiting_room;
};

/* torn_kills_close() gives back what it took. */
void torn_kills_open(struct torn_kills *kills, struct torn_lab *lab, struct torn_setup *setup);
void torn_kills_close(struct torn_kills *kills);
/* Was this tree, that a kill left, found to break a promise? */
bool torn_kills_is_violated(const struct torn_kills *kills, struct torn_hash tree);
/* Judge all trees anew from now on. */
void torn_kills_forget(struct torn_kills *kills);

/*
 * Judge every kill of a run from op `first` on; `depth` is how many faults its
 * plan has. Runs the operation again from trees that are new, where it is meant
 * to be: then the recorder's run is lost. Returns 0; -EPROTO where torn failed;
 * -ENOTSUP where a rerun did what torn cannot judge (lab->failure says what).
 */
int torn_kills_judge(struct torn_kills *kills, const struct torn_trial *run, uint32_t first,
		     uint32_t depth);

#endif
