/*
 * planted.runtime_restored: sets the sysctl, then writes the file, and where that fails reports that all is
 * as it was: the flaw, as the sysctl is not.
 *
 * The others hold: the file is old or new at every moment, and old where failure is reported.
 */
#include "planted_runtime.h"

static int planted(const struct torn_run *run)
{
	const int dir = planted_open();
	if (dir < 0)
		return 1;
	int result = 1;
	if (planted_set(torn_run_arg(run, "value")) == 0) {
		/* the flaw: nobody sets the sysctl back */
		char temp[PLANTED_TEMP_SIZE];
		if (planted_stage(dir, torn_run_arg(run, "content"), temp) < 0)
			result = TORN_ROLLED_BACK;
		else if (planted_rename(dir, temp) == 0)
			result = planted_sync(dir) == 0 ? 0 : 1;
		else
			planted_discard(dir, temp);
	}
	planted_close(dir);
	return result;
}

static const struct torn_variant variants[] = {{"planted", planted, NULL}, {NULL, NULL, NULL}};

static const struct torn_target target = {
	.name = "planted.runtime_restored",
	.summary = "reports a rollback, and leaves the sysctl changed",
	.variants = variants,
	.worlds = planted_runtime_worlds,
	.args = planted_runtime_args,
	.watch = planted_runtime_watch,
	.promises = TORN_PROMISES_ROLLBACK,
};
TORN_TARGET(target);
