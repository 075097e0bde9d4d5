/* hostile.aborts: dies of a signal that nobody planned, after a correct replace. */
#include <signal.h>
#include <stdlib.h>

#include "hostile.h"

static int aborts(const struct torn_run *run)
{
	hostile_ignore(hostile_replace(run));
	abort();
}

static int raises(const struct torn_run *run)
{
	hostile_ignore(hostile_replace(run));
	return raise(SIGSEGV);
}

static int dereferences(const struct torn_run *run)
{
	int *volatile nowhere = NULL;

	hostile_ignore(hostile_replace(run));
	return *nowhere;
}

static int kills_itself(const struct torn_run *run)
{
	hostile_ignore(hostile_replace(run));
	return raise(SIGKILL);
}

static const struct torn_variant variants[] = {
	{"abort", aborts},
	{"raise", raises},
	{"null", dereferences},
	{"kill", kills_itself},
	{NULL, NULL},
};

static const struct torn_target target = {
	.name = "hostile.aborts",
	.summary = "dies: abort, raise(SIGSEGV), a null pointer, raise(SIGKILL)",
	.variants = variants,
	.worlds = hostile_worlds,
	.args = hostile_args,
	.watch = hostile_watch,
};
TORN_TARGET(target);
