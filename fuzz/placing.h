/*
 * placing.h: where faults can be placed in a run: the plans that follow from it.
 *
 * The full list has every value that a fault can have at an op. The bounded one
 * has an errno of each class (space, I/O, permission), full, one short write or
 * read, one late error and one signal: what a second fault is tried with, since
 * pairs are many.
 */
#ifndef TORN_PLACING_H
#define TORN_PLACING_H

#include "../injectors/faults.h"

enum torn_list { TORN_LIST_FULL, TORN_LIST_BOUNDED };

struct torn_placed {
	struct torn_plan plan;
	uint32_t group; /* from 0: plans of one group are told the same at their op, and may run alike */
	bool run_alike; /* its run was found to be that of another plan of the group */
};

struct torn_placing {
	struct torn_placed *items; /* by op, then fault, then value in the order of errnos.def */
	size_t count, room;
	uint32_t groups;
	bool lost; /* there was no memory for all */
};

/*
 * Place one more fault after those of `prefix`, under which `log` was written,
 * at every op after number `after` that no fault acted on. `power`: it will be cut, so
 * that what only a cut shows is placed too. Returns 0, or
 * -ENOMEM. torn_placing_close() gives back what it took, also after an error.
 */
int torn_place(const struct torn_plan *prefix, const struct torn_log *log, uint32_t after,
	       enum torn_list list, bool power, struct torn_placing *ret_placing);
void torn_placing_close(struct torn_placing *placing);

/*
 * Plan number `ran` was run and left `log`: mark the plans behind it in its
 * group whose runs would be the same, call by call.
 */
void torn_placing_mark_alike(struct torn_placing *placing, size_t ran, const struct torn_log *log);

#endif
