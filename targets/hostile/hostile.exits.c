/* hostile.exits: ends the process that it runs in, after a correct replace. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hostile.h"

static int exits(const struct torn_run *run)
{
	hostile_ignore(hostile_replace(run));
	exit(0);
}

static int exits_at_once(const struct torn_run *run)
{
	hostile_ignore(hostile_replace(run));
	_exit(3);
}

/* exit(2) and not exit_group: only this thread ends. */
static int exits_thread(const struct torn_run *run)
{
	hostile_ignore(hostile_replace(run));
	return (int)syscall(SYS_exit, 0);
}

static const struct torn_variant variants[] = {
	{"exit", exits},
	{"_exit", exits_at_once},
	{"thread", exits_thread},
	{NULL, NULL},
};

static const struct torn_target target = {
	.name = "hostile.exits",
	.summary = "ends its process: exit(0), _exit(3), exit of the thread alone",
	.variants = variants,
	.worlds = hostile_worlds,
	.args = hostile_args,
	.watch = hostile_watch,
};
TORN_TARGET(target);
