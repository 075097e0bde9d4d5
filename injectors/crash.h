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

/* Which of the sets are to be looked at. */
struct torn_crash_how {
	uint64_t sets_max; /* so many at most */
	uint64_t seed;     /* of the sample, where there are more */
	uint32_t from;     /* those that a cut at this moment or a later one may leave */
};

struct torn_crash_count {
	uint64_t legal;  /* sets that a cut may leave */
	bool is_exact;   /* legal is their number; else it is known that there are so many or more */
	uint64_t looked; /* at so many of them, each once */
	bool all;        /* there are no others */
};

/* At how many are all looked at, and how many are counted one by one where there is no other way. */
#define TORN_CRASH_SETS_MAX 65536u
#define TORN_CRASH_COUNT_MAX (UINT64_C(1) << 20)

/*
 * Look at the legal sets of effects. Where there are more than is wanted: at the
 * prefixes of the run; at those that lack one effect of a prefix with what implies it, and
 * two; and at a sample of the others. In long logs only each so-manieth effect is the one that is
 * lacking, so that about half is left to the sample. Storage comes from `arena` and
 * is given back. Returns 0; -ENOMEM; -EPROTO for torn's own error.
 */
int torn_crash_states(struct torn_arena *arena, const struct torn_fold_base *base,
		      const struct torn_log *log, const struct torn_effects *effects,
		      const struct torn_persistence *order, const struct torn_crash_how *how,
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
