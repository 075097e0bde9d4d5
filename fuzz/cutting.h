/*
 * cutting.h: the cuts of one run from the inside: for cuts.c, which judges what they leave, and
 * cuts_told.c, which tells what of that.
 */
#ifndef TORN_CUTTING_H
#define TORN_CUTTING_H

#include "../injectors/crash.h"
#include "cut_names.h"
#include "cuts.h"
#include "rerun.h"

/* A promise that a state breaks. What its cut lost is malloc'ed: the search returns its arena. */
struct violation {
	const struct torn_invariant *invariant;
	struct torn_judgement judgement;
	struct torn_cut cut;
	uint32_t moment; /* of the cut */
	uint32_t first;  /* index of the first that the same tree breaks */
	bool acknowledged;
	bool is_of_kill; /* it takes no power cut */
	bool is_anyhow;  /* nor does it where nothing is lost: that it was acknowledged plays no part */
};

/* The cuts of one run under one preset. */
struct cutting {
	struct torn_cuts *cuts;
	const struct torn_trial *run;
	struct torn_arena *arena; /* given back when all are judged */
	struct torn_history history;
	struct torn_acknowledged acknowledged;
	uint32_t from; /* moment: before it the run was one with fewer faults, or the run before */
	const struct torn_effects *effects;
	const struct torn_persistence *persistence;
	enum torn_preset preset;
	bool *lost; /* by effect, of the cut at hand */
	const struct torn_node **kill_trees; /* by ops of the run that were done */
	struct torn_hashes kills; /* trees that a kill leaves: no power cut is needed for them */
	struct torn_hashes told;  /* under this preset: 1 + the first violation; 0: it cannot be judged */
	struct torn_hashes noted; /* the same */
	struct violation *violations;
	size_t violations_count, violations_room;
	bool syncs;     /* it is held to durability */
	bool unjudged;  /* after some state the target did what cannot be judged: lab->failure says what */
	int error;      /* that ends it: 0, -ENOMEM, -EPROTO */
};

/* Tells all violations that are worth it, in order: cuts->tell. Returns 0 or -ENOMEM. */
int torn_cutting_tell_smallest(struct cutting *cutting);

/* All that a verdict on a tree asks of the run that left it. */
struct torn_hash torn_cutting_key(const struct cutting *cutting, struct torn_hash tree,
				  bool acknowledged);
/*
 * Move a copy of the run to what a cut left, and run what comes after it, in the setup's arena. Returns 0,
 * -ENOTSUP or -EPROTO.
 */
int torn_cutting_trial_after(const struct cutting *cutting, const struct torn_node *tree, bool acknowledged,
			     const struct torn_cut *cut, struct torn_aftermath *aftermath,
			     struct torn_trial *ret_trial);
/* Count a tree that a cut left among those that are distinct. */
void torn_cutting_count_tree(struct cutting *cutting, struct torn_hash tree);
/* Does a kill leave that tree, before anything was reported? */
bool torn_cutting_is_left_by_a_kill(const struct cutting *cutting, const struct torn_node *tree,
				    bool acknowledged);

/* Give the cut the names of what cutting->lost says, malloc'ed. Returns 0 or -ENOMEM. */
int torn_cutting_name_lost(const struct cutting *cutting, struct torn_cut *cut);
/*
 * Say whose loss it is: the first one's of cutting->lost, but not what a failed fsync had lost before,
 * where there is more: a temp's data that nobody misses.
 */
void torn_cutting_blame(const struct cutting *cutting, const struct torn_cut *cut, uint32_t moment,
			struct torn_judgement *judgement);

#endif
