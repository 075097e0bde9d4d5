/*
 * planted.rollback_completes: sets the sysctl, writes the file, and where that fails puts both back: the
 * file first, and the flaw is that it then stops where that fails, and says so.
 *
 * The others hold: what it reports is true.
 */
#include "planted_runtime.h"

static int roll_back(int dir)
{
	if (planted_replace(dir, torn_bytes_of("old\n")) < 0)
		return TORN_ROLLBACK_FAILED; /* the flaw: the sysctl has its old value for nobody to put back */
	return planted_set(torn_bytes_of("0\n")) == 0 ? TORN_ROLLED_BACK : TORN_ROLLBACK_FAILED;
}

static int planted(const struct torn_run *run)
{
	const int dir = planted_open();
	if (dir < 0)
		return 1;
	int result = 1;
	if (planted_set(torn_run_arg(run, "value")) == 0)
		result = planted_replace(dir, torn_run_arg(run, "content")) == 0 ? 0 : roll_back(dir);
	planted_close(dir);
	return result;
}

static const struct torn_variant variants[] = {{"planted", planted, NULL}, {NULL, NULL, NULL}};

static const struct torn_target target = {
	.name = "planted.rollback_completes",
	.summary = "stops its rollback at the first step that fails",
	.variants = variants,
	.worlds = planted_runtime_worlds,
	.args = planted_runtime_args,
	.watch = planted_runtime_watch,
	.promises = TORN_PROMISES_ROLLBACK,
};
TORN_TARGET(target);
