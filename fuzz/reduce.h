/* reduce.h: the smallest plan that shows the same. */
#ifndef TORN_REDUCE_H
#define TORN_REDUCE_H

#include "observer.h"

/*
 * The op that is nearest to `number`, of those of that call (TORN_CALL_NONE: of any) behind
 * op `after`; NULL: there is none.
 */
const struct torn_op *torn_log_nearest(const struct torn_log *log, enum torn_call call,
				       uint32_t number, uint32_t after);
/*
 * Leave out every fault of a plan that it takes none of, and make the others simple. What shows
 * behind a kill is looked for behind the kill that is nearest to that.
 * `seen` becomes what is seen then. Returns 0 or -EPROTO.
 */
int torn_reduce(struct torn_observer *observer, struct torn_observed_world *world,
		struct torn_plan *plan, struct torn_seen *seen);
/*
 * Does another plan show it too? Then `plan` and `seen` become that. Returns 1
 * where it does, 0 where not, -EPROTO.
 */
int torn_reduce_to(struct torn_observer *observer, struct torn_observed_world *world,
		   const struct torn_plan *other, struct torn_plan *plan, struct torn_seen *seen);

#endif
