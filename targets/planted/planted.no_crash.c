/*
 * planted.no_crash: aborts when the rename fails.
 *
 * The others hold: the temp is removed before, the file is old and whole, and
 * a process that died reports nothing and keeps nothing.
 */
#include <stdlib.h>

#include "planted.h"

static int replace(int dir, struct torn_bytes content)
{
	char temp[PLANTED_TEMP_SIZE];

	if (planted_stage(dir, content, temp) < 0)
		return -1;
	if (planted_rename(dir, temp) < 0) {
		planted_discard(dir, temp);
		abort(); /* the flaw */
	}
	return planted_sync(dir);
}

static int planted(const struct torn_run *run)
{
	int dir = planted_open();
	if (dir < 0)
		return -1;
	int result = replace(dir, torn_run_arg(run, "content"));
	planted_close(dir);
	return result;
}

static const struct torn_variant variants[] = {{"planted", planted}, {NULL, NULL}};

static const struct torn_target target = {
	.name = "planted.no_crash",
	.summary = "aborts when the rename fails",
	.variants = variants,
	.worlds = planted_worlds,
	.args = planted_args,
	.watch = planted_watch,
};
TORN_TARGET(target);
