/* hostile.loops: never returns, after a correct replace; with system calls and without. */
#include <unistd.h>

#include "hostile.h"

static int loops(const struct torn_run *run)
{
	hostile_ignore(hostile_replace(run));
	for (;;)
		__asm__ volatile(""); /* or a compiler may take the loop away */
	return 0;
}

static int loops_calling(const struct torn_run *run)
{
	hostile_ignore(hostile_replace(run));
	for (;;)
		getpid();
	return 0;
}

/* A log without end, too. */
static int loops_writing(const struct torn_run *run)
{
	hostile_ignore(hostile_replace(run));
	for (;;)
		hostile_deface("/srv/output");
	return 0;
}

static const struct torn_variant variants[] = {
	{"pure", loops},
	{"getpid", loops_calling},
	{"write", loops_writing},
	{NULL, NULL},
};

static const struct torn_target target = {
	.name = "hostile.loops",
	.summary = "never returns: a bare loop, getpid for ever, files for ever",
	.variants = variants,
	.worlds = hostile_worlds,
	.args = hostile_args,
	.watch = hostile_watch,
};
TORN_TARGET(target);
