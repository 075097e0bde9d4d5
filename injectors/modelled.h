/*
 * modelled.h: the trees that a preset allows after a run, and when the power has to go for each: what a disk left is
 * held against them. A state that the disk shows and that is not among them is a defect of the model.
 */
#ifndef TORN_MODELLED_H
#define TORN_MODELLED_H

#include "crash.h"
#include "device_cuts.h"

/* A set of effects that a cut may leave: its tree, from a moment on and before another one. */
struct torn_modelled_state {
	struct torn_hash tree;
	uint32_t first, end;
	bool is_shown; /* the disk has left it */
	bool is_finer; /* none of torn's own cuts: torn_effects_of_disk() */
};

/* An empty one is all zeroes. */
struct torn_modelled {
	struct torn_modelled_state *states; /* sorted by tree */
	size_t count, room;
	bool is_all; /* no others are allowed */
	bool is_finer, has_no_memory;
	torn_crash_visit *also; /* of who finds them */
	void *context;
};

/*
 * Find all that `preset` allows after a run. `also`, which may be NULL, is shown each that torn's own cuts leave, too. What it takes of `arena` is
 * the caller's to give back. Returns 0 or -ENOMEM; torn_modelled_close() frees what was found.
 */
int torn_modelled_find(struct torn_modelled *modelled, struct torn_arena *arena, enum torn_preset preset,
		       const struct torn_fold_base *base, const struct torn_log *log, const struct torn_crash_how *how,
		       torn_crash_visit *also, void *context);
void torn_modelled_close(struct torn_modelled *modelled);
/*
 * Is what a disk left allowed, at each moment at which the power may have gone for it? While an op is at work so is what is
 * allowed when it has returned: a disk left what the log of an fsync has, before that returned (measured). Its tree is noted as shown, where
 * it is one of the model's at all.
 */
bool torn_modelled_allows(struct torn_modelled *modelled, const struct torn_device_state *state);
/* How many trees torn's own cuts leave, and how many of them the disk has left. */
void torn_modelled_counted(const struct torn_modelled *modelled, uint64_t *ret_trees, uint64_t *ret_shown);

#endif
