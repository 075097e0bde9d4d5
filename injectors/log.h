/* log.h: a run's log: what of it changes something, and copies of it that outlive the run. */
#ifndef TORN_LOG_H
#define TORN_LOG_H

#include "../fuzz/torn.h"
#include "arena.h"

/* Did the op change a file, its name or its attributes, or what the kernel keeps? */
bool torn_op_changes(const struct torn_op *op);

/* Copy a log with all that it points to. Returns 0 or -ENOMEM. */
int torn_log_copy(struct torn_arena *arena, const struct torn_log *log, struct torn_log *ret_copy);
/* The same of some of its ops, to where there is room for them. */
int torn_log_copy_ops(struct torn_arena *arena, const struct torn_op *ops, uint32_t count,
		      struct torn_op *ret_ops);

#endif
