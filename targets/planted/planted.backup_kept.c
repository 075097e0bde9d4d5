/*
 * planted.backup_kept: an updater that keeps the old file under a second name,
 * and removes that before the new one is known to be in place for good.
 *
 * The others hold: what fails is cleaned up, and the file is old or new and whole.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <fcntl.h>
#include <unistd.h>

#include "planted.h"

static const char backup[] = "f.bak";

static int replace(int dir, struct torn_bytes content)
{
	char temp[PLANTED_TEMP_SIZE];

	if (planted_stage(dir, content, temp) < 0)
		return -1;
	if (linkat(dir, PLANTED_NAME, dir, backup, 0) < 0) {
		planted_discard(dir, temp);
		return -1;
	}
	if (planted_rename(dir, temp) < 0) {
		planted_discard(dir, temp);
		planted_discard(dir, backup);
		return -1;
	}
	planted_discard(dir, backup); /* the flaw: the sync can still fail */
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
	.name = "planted.backup_kept",
	.summary = "removes its backup before the new file is confirmed",
	.variants = variants,
	.worlds = planted_worlds,
	.args = planted_args,
	.watch = planted_watch,
	.backup = "srv/f.bak",
};
TORN_TARGET(target);
