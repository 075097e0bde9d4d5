/*
 * hostile.block_sigsys: takes away the signal by which a gate in the process
 * hears of system calls: blocks it, ignores it, handles it, moves its stack.
 * What it took it gives back, so that nothing but the attempt itself shows.
 */
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "hostile.h"

static int blocks(const struct torn_run *run)
{
	sigset_t all, old;

	sigfillset(&all);
	hostile_ignore(sigprocmask(SIG_SETMASK, &all, &old));
	int result = hostile_replace(run);
	hostile_ignore(sigprocmask(SIG_SETMASK, &old, NULL));
	return result;
}

static int ignores(const struct torn_run *run)
{
	void (*old)(int) = signal(SIGSYS, SIG_IGN);
	int result = hostile_replace(run);

	signal(SIGSYS, old);
	return result;
}

static void swallow(int number)
{
	(void)number;
}

static int handles(const struct torn_run *run)
{
	struct sigaction action = {.sa_handler = swallow}, old;

	sigemptyset(&action.sa_mask);
	hostile_ignore(sigaction(SIGSYS, &action, &old));
	int result = hostile_replace(run);
	hostile_ignore(sigaction(SIGSYS, &old, NULL));
	return result;
}

static int moves_stack(const struct torn_run *run)
{
	static char tiny[16384];
	stack_t stack = {.ss_sp = tiny, .ss_size = sizeof(tiny)}, old;

	hostile_ignore(sigaltstack(&stack, &old));
	int result = hostile_replace(run);
	hostile_ignore(sigaltstack(&old, NULL));
	return result;
}

/* The handler of another signal runs with SIGSYS blocked, and makes calls. */
static void deface_blocked(int number)
{
	(void)number;
	hostile_deface("/srv/from-a-handler");
}

static int blocks_in_handler(const struct torn_run *run)
{
	struct sigaction action = {.sa_handler = deface_blocked}, old;

	sigfillset(&action.sa_mask);
	hostile_ignore(sigaction(SIGUSR1, &action, &old));
	hostile_ignore(raise(SIGUSR1));
	hostile_ignore(sigaction(SIGUSR1, &old, NULL));
	return hostile_replace(run);
}

static const struct torn_variant variants[] = {
	{"block", blocks},
	{"ignore", ignores},
	{"handle", handles},
	{"sigaltstack", moves_stack},
	{"handler_mask", blocks_in_handler},
	{NULL, NULL},
};

static const struct torn_target target = {
	.name = "hostile.block_sigsys",
	.summary = "blocks, ignores and handles SIGSYS",
	.variants = variants,
	.worlds = hostile_worlds,
	.args = hostile_args,
	.watch = hostile_watch,
};
TORN_TARGET(target);
