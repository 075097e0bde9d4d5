/*
 * hostile.handler: a handler with rollback that hangs, forks and forgets, changes directory, closes its
 * descriptors, crashes or exits once something was refused.
 */
#include "hostile_handler.h"

static const struct torn_target target = {
	.name = "hostile.handler",
	.summary = "a handler that misbehaves once a step failed: in apply, in rollback",
	.variants = hostile_handler_variants,
	.worlds = hostile_handler_worlds,
	.args = hostile_args,
	.watch = hostile_handler_watch,
	.promises = TORN_PROMISES_ROLLBACK | TORN_REPORTS_STATUS,
};
TORN_TARGET(target);
