/*
 * planted.no_litter: leaves its temp when the rename fails; `pair` only when its
 * cleanup fails too, which no single fault shows.
 *
 * The others hold: the failure is reported and the file is old and whole. The
 * temp's name is a random one, so that what a kill leaves is a label and the
 * next run does not meet it.
 */
#include "planted.h"

static int replace(int dir, struct torn_bytes content)
{
	char temp[PLANTED_TEMP_SIZE];

	if (planted_stage(dir, content, temp) < 0)
		return -1;
	if (planted_rename(dir, temp) < 0)
		return -1; /* the flaw: the temp stays */
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

static int replace_pair(int dir, struct torn_bytes content)
{
	char temp[PLANTED_TEMP_SIZE];

	if (planted_stage(dir, content, temp) < 0)
		return -1;
	if (planted_rename(dir, temp) < 0) {
		if (planted_sync(dir) < 0)
			return -1; /* the flaw: a cleanup that stops at its first error */
		planted_discard(dir, temp);
		return -1;
	}
	return planted_sync(dir);
}

static int pair(const struct torn_run *run)
{
	int dir = planted_open();
	if (dir < 0)
		return -1;
	int result = replace_pair(dir, torn_run_arg(run, "content"));
	planted_close(dir);
	return result;
}

static const struct torn_variant variants[] = {
	{"planted", planted}, {"pair", pair}, {NULL, NULL}};

static const struct torn_target target = {
	.name = "planted.no_litter",
	.summary = "leaves its temp when the rename fails",
	.variants = variants,
	.worlds = planted_worlds,
	.args = planted_args,
	.watch = planted_watch,
};
TORN_TARGET(target);
