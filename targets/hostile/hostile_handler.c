/* hostile_handler.c: see hostile_handler.h. */
#include "hostile_handler.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SYSCTL "/proc/sys/kernel/panic_on_oops"

const struct torn_world hostile_handler_worlds[] = {
	{"present",
	 "old proc runtime\n"
	 "old proc/sys/kernel/panic_on_oops file \"0\\n\"\n"
	 "old srv/f file \"old\\n\"\n",
	 .refuses = false},
	{NULL, NULL, false},
};

const char *const hostile_handler_watch[] = {"srv/f", &SYSCTL[1], NULL};

/* ---------------------------------------------------------------- mischief */

static void hangs(void)
{
	for (;;)
		pause();
}

/* The child waits for ever, and nobody waits for it. */
static void forks(void)
{
	if (fork() == 0)
		hangs();
}

static void changes_directory(void)
{
	hostile_ignore(chdir("/srv"));
}

static void closes_std(void)
{
	for (int fd = 0; fd < 3; fd++)
		hostile_ignore(close(fd));
}

static void crashes(void)
{
	raise(SIGSEGV);
}

static void exits(void)
{
	exit(0);
}

static void nothing(void)
{
}

/* ----------------------------------------------------------------- handler */

struct handler {
	void (*in_apply)(void);
	void (*in_rollback)(void);
};

/* Returns 0 or -1. */
static int set(const char *value)
{
	const int file = open(SYSCTL, O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return -1;
	const ssize_t written = write(file, value, strlen(value));
	hostile_ignore(close(file));
	return written == (ssize_t)strlen(value) ? 0 : -1;
}

/* The file is old still: hostile_replace() publishes as the last step. */
static int roll_back(const struct handler *handler)
{
	const int result = set("0\n");
	handler->in_rollback();
	return result == 0 ? TORN_ROLLED_BACK : TORN_ROLLBACK_FAILED;
}

static int handle(const struct torn_run *run, const struct handler *handler)
{
	if (set("1\n") < 0) {
		handler->in_apply();
		return 1;
	}
	return hostile_replace(run) == 0 ? 0 : roll_back(handler);
}

/* ---------------------------------------------------------------- variants */

#define MISCHIEF(name)                                                                             \
	static int name##_in_apply(const struct torn_run *run)                                     \
	{                                                                                          \
		return handle(run, &(struct handler){name, nothing});                              \
	}                                                                                          \
	static int name##_in_rollback(const struct torn_run *run)                                  \
	{                                                                                          \
		return handle(run, &(struct handler){nothing, name});                              \
	}

MISCHIEF(hangs)
MISCHIEF(forks)
MISCHIEF(changes_directory)
MISCHIEF(closes_std)
MISCHIEF(crashes)
MISCHIEF(exits)

static int behaves(const struct torn_run *run)
{
	return handle(run, &(struct handler){nothing, nothing});
}

#define VARIANTS(name) {#name "_in_apply", name##_in_apply, NULL}, {#name "_in_rollback", name##_in_rollback, NULL}

const struct torn_variant hostile_handler_variants[] = {
	{"behaves", behaves, NULL},
	VARIANTS(hangs),
	VARIANTS(forks),
	VARIANTS(changes_directory),
	VARIANTS(closes_std),
	VARIANTS(crashes),
	VARIANTS(exits),
	{NULL, NULL, NULL},
};
