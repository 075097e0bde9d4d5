/*
 * hostile.fork_write: starts a process or a thread, which is not watched as
 * the target is, and lets that write the victim.
 */
#include <pthread.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostile.h"

extern char **environ;

static void wait_for(pid_t child)
{
	if (child > 0)
		hostile_ignore(waitpid(child, NULL, 0));
}

static int forks(const struct torn_run *run)
{
	const char *victim = torn_run_text(run, "victim");

	pid_t child = fork();
	if (child == 0) {
		hostile_deface(victim);
		_exit(0);
	}
	wait_for(child);
	return hostile_replace(run);
}

static int vforks(const struct torn_run *run)
{
	const char *victim = torn_run_text(run, "victim");

	pid_t child = vfork();
	if (child == 0) {
		hostile_deface(victim);
		_exit(0);
	}
	wait_for(child);
	return hostile_replace(run);
}

/* "echo torn was here > VICTIM" */
static void command_line(const struct torn_run *run, char *command, size_t size)
{
	snprintf(command, size, "echo torn was here > '%s'", torn_run_text(run, "victim"));
}

static int spawns(const struct torn_run *run)
{
	char command[1024], shell[] = "sh", option[] = "-c";
	char *argv[] = {shell, option, command, NULL};
	pid_t child = -1;

	command_line(run, command, sizeof(command));
	if (posix_spawn(&child, "/bin/sh", NULL, NULL, argv, environ) == 0)
		wait_for(child);
	return hostile_replace(run);
}

static int systems(const struct torn_run *run)
{
	char command[1024];

	command_line(run, command, sizeof(command));
	hostile_ignore(system(command));
	return hostile_replace(run);
}

static void *deface_thread(void *victim)
{
	hostile_deface(victim);
	return NULL;
}

static int threads(const struct torn_run *run)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, deface_thread, (char *)torn_run_text(run, "victim")) == 0)
		pthread_join(thread, NULL);
	return hostile_replace(run);
}

static int execs(const struct torn_run *run)
{
	char command[1024], shell[] = "sh", option[] = "-c";
	char *argv[] = {shell, option, command, NULL};

	command_line(run, command, sizeof(command));
	hostile_ignore(execve("/bin/sh", argv, environ));
	return hostile_replace(run);
}

static const struct torn_variant variants[] = {
	{"fork", forks},
	{"vfork", vforks},
	{"posix_spawn", spawns},
	{"system", systems},
	{"pthread_create", threads},
	{"execve", execs},
	{NULL, NULL},
};

static const struct torn_target target = {
	.name = "hostile.fork_write",
	.summary = "lets a process or a thread that it starts write a host's file",
	.variants = variants,
	.worlds = hostile_worlds,
	.args = hostile_args,
	.watch = hostile_watch,
};
TORN_TARGET(target);
