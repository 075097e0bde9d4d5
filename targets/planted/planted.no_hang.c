/*
 * planted.no_hang: spins for ever when it gets no second descriptor, before it
 * has changed anything. dup, because it can fail in one way only: each hang
 * costs the time that torn waits for its end.
 *
 * The others hold: what comes after is a correct replace.
 */
#include <unistd.h>

#include "planted.h"

static int planted(const struct torn_run *run)
{
	int dir = planted_open();
	if (dir < 0)
		return -1;
	int second = dup(dir);
	while (second < 0)
		__asm__ volatile(""); /* the flaw: nobody will change it */
	int result = planted_replace(second, torn_run_arg(run, "content"));
	planted_close(second);
	planted_close(dir);
	return result;
}

static const struct torn_variant variants[] = {{"planted", planted}, {NULL, NULL}};

static const struct torn_target target = {
	.name = "planted.no_hang",
	.summary = "spins for ever when dup fails",
	.variants = variants,
	.worlds = planted_worlds,
	.args = planted_args,
	.watch = planted_watch,
};
TORN_TARGET(target);
