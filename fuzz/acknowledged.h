/* acknowledged.h: when a run told somebody that it was done. */
#ifndef TORN_ACKNOWLEDGED_H
#define TORN_ACKNOWLEDGED_H

#include "torn.h"

struct torn_acknowledged {
	/*
	 * Records of the log that come before it; the last of them is the output that
	 * tells it. log->count + 1: only the return does.
	 */
	uint32_t records;
	int code; /* what was told: 0 is success */
	bool ever; /* it was told at all */
};

/*
 * Look for it: the first output with which all that was written to that descriptor has what the target's
 * `ack` matches or, where it has none or what was told is a failure, the return or exit. An expression that does not compile matches
 * nothing: a target's is checked by the tests, a user's when it is read.
 */
struct torn_acknowledged torn_acknowledged_of(const struct torn_target *target, const struct torn_log *log,
					      enum torn_end end, int code);

#endif
