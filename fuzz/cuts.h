/*
 * cuts.h: what a power cut at any moment of a run leaves, judged by the crash model
 * (injectors/crash.h), each distinct tree once.
 */
#ifndef TORN_CUTS_H
#define TORN_CUTS_H

#include "../injectors/presets.h"
#include "hashes.h"
#include "history.h"
#include "trial.h"

/* All but posix-split, which no current Linux file system does. */
#define TORN_PRESETS_USUAL (TORN_PRESET_BIT(TORN_PRESET_POSIX_SPLIT) - 1)

/* 1 and the weakest preset that a plan's power cuts take, of all its runs; 0: the power stays on. */
uint32_t torn_plan_weakness(const struct torn_plan *plan);

struct torn_cuts {
	struct torn_lab *lab;
	struct torn_setup *setup;
	unsigned presets;         /* TORN_PRESET_BIT of each that is asked for; 0: none is */
	uint64_t seed;
	uint64_t sets_max;        /* of effects, that are looked at of one run under one preset */
	const struct torn_rerun *rerun_of_new; /* NULL: the operation is not run again */
	uint32_t reruns, reruns_max; /* from so many trees, at most, it is run again; 0: from all */
	uint32_t looks, looks_max;   /* so many of a run and preset are looked at by --view or --check; 0: all */
	/*
	 * Of a run on a real disk so many states are looked at, over so many recordings of it, at most; what the run did
	 * decides which. Where the like of it showed nothing, none are. 0: all of all runs. There are not more recordings.
	 */
	uint32_t disk_states_max, recordings_max;
	struct torn_hashes clean_runs; /* that is known of these, of all worlds: torn_cuts_forget() leaves them */
	struct torn_arena arena;  /* of one run's states */
	struct torn_hashes held;  /* trees in which all was kept, whatever run left them */
	struct torn_hashes broken; /* the others, but for those that only what was reported makes wrong */
	struct torn_hashes promises; /* does such a tree break such a promise, told in that role? 1: it does */
	struct torn_hashes trees; /* distinct ones */
	/* Distinct ones of all worlds, the caller's, where this world's are told apart; NULL: nobody asks. */
	struct torn_hashes *of_all;
	uint64_t world;
	/* Of the sets of effects that cuts of a run may leave under a preset, all runs and presets together. */
	struct torn_states states;
	/* Called for each violation; the plan is the run's with the cut. May not run anything. */
	void (*tell)(void *context, const struct torn_plan *plan, const struct torn_invariant *invariant,
		     const struct torn_judgement *judgement);
	/* Called for each tree that a cut leaves, of each preset that allows it; NULL: nobody asks. */
	void (*note)(void *context, const struct torn_node *tree, const struct torn_cut *cut);
	void *context;
};

/* Returns 0 or -ENOMEM. torn_cuts_close() gives back what it took. */
int torn_cuts_open(struct torn_cuts *cuts, struct torn_lab *lab, struct torn_setup *setup);
void torn_cuts_close(struct torn_cuts *cuts);
/* Judge all trees anew from now on. */
void torn_cuts_forget(struct torn_cuts *cuts);
/*
 * All that decides what power cuts of a run leave, and how that is judged: where it is the same, so are they. But faults
 * that a run shares with another one have cuts before them, which are those of a run with fewer faults.
 */
struct torn_hash torn_cuts_run_key(const struct torn_setup *setup, const struct torn_trial *run);
/* Will the operation, or its recovery, be run from what a cut left? Then the run's log must be a copy. */
bool torn_cuts_run_on(const struct torn_cuts *cuts);
/*
 * Judge every cut of a run, and what comes after it. What is left under the weakest
 * preset is looked at first: where nothing is wrong with that, nothing is under a
 * stronger one. Returns 0; -EPROTO where torn failed; -ENOTSUP where after some cut the target
 * did what torn cannot judge, or there was no room (lab->failure says what): all others are judged.
 */
int torn_cuts_judge(struct torn_cuts *cuts, const struct torn_trial *run);

/*
 * Move a trial to a cut, and tell the fates of its effects. Returns 0; -EINVAL where its preset does not allow it, or
 * the run has no such effect (lab->failure says which); -EPROTO.
 */
int torn_trial_cut(struct torn_lab *lab, const struct torn_setup *setup, struct torn_trial *trial,
		   const struct torn_cut *cut);

#endif
