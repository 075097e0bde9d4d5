/*
 * points.h: libfiu's points of failure. The gate asks fiu_fail() at each
 * numbered op; libfiu asks back here, and the armed plan decides.
 */
#ifndef TORN_POINTS_H
#define TORN_POINTS_H

#include "faults.h"

/*
 * Enable the point of every kind. Once a process. Returns 0, or -EIO where
 * libfiu refuses. Points are enabled by exact name: a wildcard allocates on its
 * first use, which a signal handler must not.
 */
int torn_points_enable(void);
/*
 * Enable points that the code under test names itself: fiu_fail() of one is a numbered op. `names`
 * ends with NULL and may be NULL. Returns 0, or -EIO where libfiu refuses.
 */
int torn_points_name(const char *const *names);
/* Tell the gate that the operation has returned, where it is called in a process of its own. */
#define TORN_POINT_RETURNED "torn/returned"
void torn_points_return(void);
/* Ask what happens to an op. Async-signal-safe. */
struct torn_action torn_points_ask(struct torn_armed *armed, const struct torn_op *op);

#endif
