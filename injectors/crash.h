/*
 * crash.h: the states that a power cut may leave: all legal sets of effects, each
 * applied in program order to the tree before the run.
 *
 * A set is looked at once, with all moments at which a cut may leave it. Sets are
 * made from each other by one effect more, and that is taken back again, so that
 * the cost grows with their number and not with the length of the log.
 */
#ifndef TORN_CRASH_H
#define TORN_CRASH_H

#include "presets.h"

/* What a cut may leave. All of it dies when the visit returns, but for the tree's hash. */
struct torn_crash_state {
	const struct torn_node *tree;
	const bool *kept; /* by the number of the effect */
	/* A cut at a moment from `first` on and before `end` may leave it (presets.h). */
	uint32_t first, end;
};

/* Return false to look at no more. */
typedef bool torn_crash_visit(void *context, const struct torn_crash_state *state);

struct torn_crash_count {
	uint64_t looked; /* at so many legal sets */
	bool all;        /* there are no others */
};

#define TORN_CRASH_SETS_MAX 65536u

/*
 * Look at the legal sets of effects, at most `sets_max`; beyond that all of them
 * that are a prefix of the run, or such a prefix without one of its effects and
 * what implies it, and a sample by `seed` of the others. Storage comes from
 * `arena` and is given back. Returns 0; -ENOMEM; -EPROTO for torn's own error.
 */
int torn_crash_states(struct torn_arena *arena, const struct torn_fold_base *base,
		      const struct torn_log *log, const struct torn_effects *effects,
		      const struct torn_persistence *order, uint64_t sets_max, uint64_t seed,
		      torn_crash_visit *visit, void *context, struct torn_crash_count *ret_count);

/*
 * Make the one tree that is left without the lost effects (by number) of those
 * that a cut at `moment` is about. Returns 0; -EPERM where no such cut leaves it,
 * with the effect in question in ret_number; -ELOOP; -ENOMEM. The tree lies in `arena`.
 */
int torn_crash_tree(struct torn_arena *arena, const struct torn_fold_base *base,
		    const struct torn_log *log, const struct torn_effects *effects,
		    const struct torn_persistence *order, const bool *lost, uint32_t moment,
		    const struct torn_node **ret_tree, uint32_t *ret_number);

#endif
