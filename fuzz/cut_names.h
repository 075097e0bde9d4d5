/*
 * cut_names.h: when the power goes, and what is lost, as a case says it: by numbers of ops.
 * Moments are those of presets.h, over the history that a run is the last of.
 */
#ifndef TORN_CUT_NAMES_H
#define TORN_CUT_NAMES_H

#include "../injectors/effects.h"
#include "acknowledged.h"
#include "history.h"

/* The run begins: what was done before it is done. */
uint32_t torn_moment_of_begin(const struct torn_history *history);
/* Behind the last op: the operation has returned. */
uint32_t torn_moment_of_return(const struct torn_history *history);
/* From when on whoever waited for it knows that it is done. */
uint32_t torn_moment_of_acknowledgement(const struct torn_history *history,
					const struct torn_acknowledged *acknowledged);
/* The last fault strikes: a cut before it is one of the run without that fault. */
uint32_t torn_moment_of_last_fault(const struct torn_history *history, const struct torn_plan *plan);
/* A case's cut. `is_last`: it is behind the last op, and so behind the return. */
uint32_t torn_moment_of(const struct torn_history *history, const struct torn_cut *cut, bool is_last);

/* A moment as a case says it: during a numbered op or after it. */
struct torn_cut_place {
	uint32_t op, moment;
	bool during;
};

/*
 * The earliest moment from `first` on and before `end` that a case can say. Behind the last op it is
 * that of the return.
 */
struct torn_cut_place torn_place_between(const struct torn_history *history, uint32_t first, uint32_t end);

/* What an effect is called. */
struct torn_lost torn_lost_of(const struct torn_history *history, const struct torn_effect *effect);
void torn_lost_print(const struct torn_lost *lost, char *text, size_t size);
/*
 * Mark the effects that a cut names, in `lost`, by number. Returns how many of them there are: where that
 * is not cut->lost_count, the run has no cut->lost[that].
 */
uint32_t torn_lost_mark(const struct torn_history *history, const struct torn_effects *effects,
			const struct torn_cut *cut, bool *lost);

#endif
