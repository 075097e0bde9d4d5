/* real_runtime.h: --runtime real: the simulated kernel is held against this machine's while targets run. */
#ifndef TORN_REAL_RUNTIME_H
#define TORN_REAL_RUNTIME_H

#include "commands.h"
#include "options.h"

/*
 * Say why a namespace cannot hold what a target is about: the runtime files that it watches. Returns
 * false where it can.
 */
bool torn_real_runtime_lacks(const struct torn_target *target, char *ret_why, size_t size);
/*
 * Begin, before any worker; a check gives up the targets that no namespace can hold, each with its
 * sentence on stderr. Where the option is not said nothing is done. Returns 0, or -errno after saying
 * why this machine cannot.
 */
int torn_real_runtime_begin(struct torn_options *options, struct torn_check *check);
/* Tell what it came to. Returns the exit code: `status`, or TORN_EXIT_FAILED where the two kernels differ. */
int torn_real_runtime_end(const struct torn_options *options, int status);

#endif
