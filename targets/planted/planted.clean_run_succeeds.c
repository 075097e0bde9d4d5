/*
 * planted.clean_run_succeeds: a replace that gives up where the old file is
 * empty, though it is meant for that.
 *
 * The others hold: it gives up before it changes anything, says so, and has
 * nothing to clean up but the descriptor, which it closes. Where the old file
 * is not empty it is a correct replace.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "planted.h"

static int planted(const struct torn_run *run)
{
	struct stat old;
	int result = -1;

	int dir = planted_open();
	if (dir < 0)
		return -1;
	if (fstatat(dir, PLANTED_NAME, &old, 0) == 0 && old.st_size > 0) /* the flaw */
		result = planted_replace(dir, torn_run_arg(run, "content"));
	planted_close(dir);
	return result;
}

static const struct torn_world worlds[] = {
	{"present", "old srv/f file \"old\\n\"\n", .refuses = false},
	{"empty", "old srv/f file \"\"\n", .refuses = false},
	{NULL, NULL, false},
};

static const struct torn_variant variants[] = {{"planted", planted}, {NULL, NULL}};

static const struct torn_target target = {
	.name = "planted.clean_run_succeeds",
	.summary = "fails without a fault where the old file is empty",
	.variants = variants,
	.worlds = worlds,
	.args = planted_args,
	.watch = planted_watch,
};
TORN_TARGET(target);
