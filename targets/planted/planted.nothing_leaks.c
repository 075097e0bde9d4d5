/*
 * planted.nothing_leaks: takes something for the time of a correct replace and
 * gives it back after success only. There is a variant for each thing that the
 * process should have back as it was.
 *
 * The others hold: what is taken is no file and changes nothing of the
 * replace, and where it cannot be taken nothing is replaced. `lock` also
 * leaves the descriptor that holds the lock: the one cannot leak without the
 * other. USR1 is blocked because no plan sends it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "planted.h"

/* What was taken: one of these. */
struct taken {
	int descriptor;
	char directory[PATH_MAX];
	mode_t umask;
	sigset_t mask;
	void *memory;
};

static int take_descriptor(int dir, struct taken *taken)
{
	return taken->descriptor = dup(dir);
}

static void give_descriptor(struct taken *taken)
{
	planted_close(taken->descriptor);
}

static int take_cwd(int dir, struct taken *taken)
{
	if (getcwd(taken->directory, sizeof(taken->directory)) == NULL)
		return -1;
	return fchdir(dir);
}

static void give_cwd(struct taken *taken)
{
	if (chdir(taken->directory) < 0)
		return; /* under a fault; then it leaks after success, too */
}

static int take_umask(int dir, struct taken *taken)
{
	(void)dir;
	taken->umask = umask(077);
	return 0;
}

static void give_umask(struct taken *taken)
{
	umask(taken->umask);
}

static int take_mask(int dir, struct taken *taken)
{
	sigset_t set;

	(void)dir;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	return sigprocmask(SIG_BLOCK, &set, &taken->mask);
}

static void give_mask(struct taken *taken)
{
	sigprocmask(SIG_SETMASK, &taken->mask, NULL);
}

static int take_memory(int dir, struct taken *taken)
{
	(void)dir;
	taken->memory = malloc(4096);
	if (taken->memory == NULL)
		return -1;
	memset(taken->memory, 1, 4096);
	__asm__ volatile("" : "+r"(taken->memory)); /* or an optimiser sees that nobody needs it */
	return 0;
}

static void give_memory(struct taken *taken)
{
	free(taken->memory);
}

static int take_lock(int dir, struct taken *taken)
{
	taken->descriptor = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (taken->descriptor < 0)
		return -1;
	if (TEMP_FAILURE_RETRY(flock(taken->descriptor, LOCK_EX)) == 0)
		return 0;
	planted_close(taken->descriptor);
	return -1;
}

static int replace_with(const struct torn_run *run, int (*take)(int dir, struct taken *taken),
			void (*give)(struct taken *taken))
{
	struct taken taken;
	int result = -1;

	int dir = planted_open();
	if (dir < 0)
		return -1;
	if (take(dir, &taken) >= 0)
		result = planted_replace(dir, torn_run_arg(run, "content"));
	if (result == 0) /* the flaw: an error keeps it */
		give(&taken);
	planted_close(dir);
	return result;
}

static int descriptor(const struct torn_run *run)
{
	return replace_with(run, take_descriptor, give_descriptor);
}

static int cwd(const struct torn_run *run)
{
	return replace_with(run, take_cwd, give_cwd);
}

static int umask_(const struct torn_run *run)
{
	return replace_with(run, take_umask, give_umask);
}

static int mask(const struct torn_run *run)
{
	return replace_with(run, take_mask, give_mask);
}

static int memory(const struct torn_run *run)
{
	return replace_with(run, take_memory, give_memory);
}

static int lock(const struct torn_run *run)
{
	return replace_with(run, take_lock, give_descriptor);
}

static const struct torn_variant variants[] = {
	{"descriptor", descriptor},
	{"cwd", cwd},
	{"umask", umask_},
	{"mask", mask},
	{"memory", memory},
	{"lock", lock},
	{NULL, NULL},
};

static const struct torn_target target = {
	.name = "planted.nothing_leaks",
	.summary = "keeps what it took when it fails: a descriptor, a lock, memory, ...",
	.variants = variants,
	.worlds = planted_worlds,
	.args = planted_args,
	.watch = planted_watch,
};
TORN_TARGET(target);
