/*
 * litmus_cell.h: a run of a litmus row, held against a preset: each state that a disk left has to be one of those that
 * the preset allows, at each moment at which the power may have gone.
 */
#ifndef TORN_LITMUS_CELL_H
#define TORN_LITMUS_CELL_H

#include "../injectors/modelled.h"
#include "hashes.h"
#include "litmus.h"
#include "trial.h"

/* A cell while it is filled. */
struct torn_litmus_filling {
	struct torn_litmus_cell *cell;
	struct torn_modelled modelled;
	struct torn_hashes trees, lacking; /* that the disk left; of them those that are forbidden */
	uint32_t commit; /* number of the op behind which one is forced; 0: none is */
	uint32_t last;   /* moment of the run */
};

/*
 * Begin a cell, which is the caller's and says its row: find what `preset` allows after the run in the log. What that
 * takes of `arena` is the caller's to give back. Returns 0; -ENOMEM; -E2BIG where it allows too much to be looked at.
 * torn_litmus_end() ends it in any case.
 */
int torn_litmus_begin(struct torn_litmus_filling *filling, struct torn_litmus_cell *cell, struct torn_arena *arena,
		      enum torn_preset preset, const struct torn_fold_base *base, const struct torn_log *log);
/* Hold a state against it: a torn_device_visit, whose context is the filling. Returns true: look at more. */
bool torn_litmus_see(void *filling, const struct torn_device_state *state);
/* Count what was seen, and give back what it took but for the arena. */
void torn_litmus_end(struct torn_litmus_filling *filling);

/*
 * Fill the cell of a row on lab->disks, whose preset need not be this one: run it, and cut the power without a commit
 * and with one behind each op behind which it matters. All lies in `arena`, where the run's setup stays. Returns 0, also
 * where the file system cannot do the run (cell->left_out says why); -EPROTO with lab->failure.
 */
int torn_litmus_fill(struct torn_litmus_cell *cell, struct torn_lab *lab, struct torn_arena *arena,
		     const struct torn_litmus *row, enum torn_preset preset, uint64_t seed);

#endif
