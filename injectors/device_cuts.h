/*
 * device_cuts.h: which cuts of a recorded run are looked at: of all writes between two flushes those that come
 * first, all but one or two, one alone, and each of several sectors torn.
 */
#ifndef TORN_DEVICE_CUTS_H
#define TORN_DEVICE_CUTS_H

#include "device.h"

/* What a cut leaves. All of it dies when the visit returns, but for the tree's hash. */
struct torn_device_state {
	const struct torn_node *tree; /* NULL: it is unmountable */
	const char *why;              /* it is */
	const struct torn_device_cut *cut;
	/* The power may have gone at a moment from `first` to `end` (presets.h). */
	uint32_t first, end;
};

/* Return false to look at no more. */
typedef bool torn_device_visit(void *context, const struct torn_device_state *state);

struct torn_device_how {
	uint32_t pairs_max; /* of writes that are lost together, in all; beyond that a sample */
	uint32_t cuts_max;  /* so many are looked at, at most, drawn by lot from all; 0: all */
	uint64_t seed;
	uint32_t from; /* cuts at this moment or a later one */
};

#define TORN_DEVICE_PAIRS_MAX 64u

struct torn_device_count {
	uint64_t cuts;        /* that were looked at */
	uint64_t there;       /* so many there were to look at: of the kinds above, pairs only those up to pairs_max */
	uint64_t unmountable; /* of them */
	bool all;             /* of the kinds above; no device has all subsets looked at */
};

/*
 * Look at the cuts of the run that was recorded last; `ops` is how many records its log has. `arena` is given back
 * after each. Adds to `count`. Returns 0, -EPROTO with a sentence in `ret_message`, or -ENOMEM.
 */
int torn_device_states(struct torn_device *device, struct torn_arena *arena, uint32_t ops,
		       const struct torn_device_how *how, torn_device_visit *visit, void *context,
		       struct torn_device_count *count, char *ret_message, size_t size);

/*
 * Look at one cut of that run, as torn_device_look() does; what it leaves is in `arena`, and says when the power may have
 * gone for it. Returns what torn_device_look() returns.
 */
int torn_device_state_of(struct torn_device *device, struct torn_arena *arena, uint32_t ops,
			 const struct torn_device_cut *cut, struct torn_device_state *ret_state, char *ret_why, size_t size);

/*
 * Is a commit behind the op of that index another one than those behind the ops before it? What is looked at, opened or
 * synced leaves no more to be committed. But sync_file_range(2) writes blocks whose size no journal has yet, and so does a
 * close of what was cut off before (ext4's auto_da_alloc, XFS).
 */
bool torn_device_commit_matters(const struct torn_log *log, uint32_t index);

/* The last moment of a run: it has returned. */
static inline uint32_t torn_device_last_moment(uint32_t ops)
{
	return 2 * ops + 1;
}

#endif
