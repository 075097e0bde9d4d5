/*
 * planted.together: two files that have to change together, each of them
 * replaced as it should be, one after the other. Between the two renames the
 * first is new and the second old: after a kill, after a power cut, and after
 * an error of the second rename, which nobody takes back.
 *
 * The others hold: each file by itself is old or new; both are new and durable
 * when success is reported; no temp is left after an error.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "planted.h"

/* Returns 0, or -1 with no temp left. */
static int rename_both(int dir, const char *first, const char *second)
{
	if (renameat(dir, first, dir, "f") < 0) {
		planted_discard(dir, first);
		planted_discard(dir, second);
		return -1;
	}
	if (renameat(dir, second, dir, "g") < 0) { /* the flaw: f is new by now */
		planted_discard(dir, second);
		return -1;
	}
	return 0;
}

static int planted(const struct torn_run *run)
{
	char first[PLANTED_TEMP_SIZE], second[PLANTED_TEMP_SIZE];
	int result = -1;

	int dir = planted_open();
	if (dir < 0)
		return -1;
	if (planted_stage(dir, torn_run_arg(run, "content"), first) == 0) {
		if (planted_stage(dir, torn_run_arg(run, "other"), second) == 0)
			result = rename_both(dir, first, second);
		else
			planted_discard(dir, first);
	}
	if (result == 0)
		result = planted_sync(dir);
	planted_close(dir);
	return result;
}

static const struct torn_variant variants[] = {
	{.name = "planted", .operation = planted},
	{.name = NULL},
};

static const struct torn_world worlds[] = {
	{"present",
	 "old srv/f file \"old\\n\"\n"
	 "old srv/g file \"old too\\n\"\n",
	 .refuses = false},
	{NULL, NULL, .refuses = false},
};

static const struct torn_default args[] = {
	{"content", "\"new content\\n\""},
	{"other", "\"new content of the other\\n\""},
	{NULL, NULL},
};

static const char *const watch[] = {"srv/f", "srv/g", NULL};

static const struct torn_target target = {
	.name = "planted.together",
	.summary = "replaces two files one after the other",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.promises = TORN_PROMISES_TOGETHER,
};
TORN_TARGET(target);
