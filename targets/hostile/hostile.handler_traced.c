/* hostile.handler_traced: as hostile.handler, in a process of its own, where a handler may start others. */
#include "hostile_handler.h"

static const struct torn_target target = {
	.name = "hostile.handler_traced",
	.summary = "the same, as a handler that may start programs",
	.variants = hostile_handler_variants,
	.worlds = hostile_handler_worlds,
	.args = hostile_args,
	.watch = hostile_handler_watch,
	.promises = TORN_PROMISES_ROLLBACK | TORN_REPORTS_STATUS,
	.starts_programs = true,
};
TORN_TARGET(target);
