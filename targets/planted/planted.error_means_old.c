/*
 * planted.error_means_old: a correct replace that promises too much. Its last
 * step, the sync of the directory, can fail, and the file is new by then.
 *
 * The others hold: it is a correct replace; without the promise the same is an
 * outcome (the label `committed`) and no finding.
 */
#include "planted.h"

static int planted(const struct torn_run *run)
{
	int dir = planted_open();
	if (dir < 0)
		return -1;
	int result = planted_replace(dir, torn_run_arg(run, "content"));
	planted_close(dir);
	return result;
}

static const struct torn_variant variants[] = {{"planted", planted}, {NULL, NULL}};

static const struct torn_target target = {
	.name = "planted.error_means_old",
	.summary = "promises old after an error, and fails after the rename",
	.variants = variants,
	.worlds = planted_worlds,
	.args = planted_args,
	.watch = planted_watch,
	.promises = TORN_PROMISES_ERROR_MEANS_OLD, /* the flaw */
};
TORN_TARGET(target);
