/*
 * planted.status_honest: sets the sysctl, writes the file, and where that fails gives up with the status
 * that says that nothing was applied: the flaw.
 *
 * The others hold: it claims no rollback.
 */
#include "planted_runtime.h"

#define ERRORED 1

static int planted(const struct torn_run *run)
{
	const int dir = planted_open();
	if (dir < 0)
		return ERRORED;
	int result = ERRORED;
	if (planted_set(torn_run_arg(run, "value")) == 0 &&
	    planted_replace(dir, torn_run_arg(run, "content")) == 0)
		result = 0;
	planted_close(dir);
	return result;
}

static const struct torn_variant variants[] = {{"planted", planted, NULL}, {NULL, NULL, NULL}};

static const struct torn_target target = {
	.name = "planted.status_honest",
	.summary = "says that nothing was applied, and the sysctl is changed",
	.variants = variants,
	.worlds = planted_runtime_worlds,
	.args = planted_runtime_args,
	.watch = planted_runtime_watch,
	.promises = TORN_REPORTS_STATUS,
};
TORN_TARGET(target);
