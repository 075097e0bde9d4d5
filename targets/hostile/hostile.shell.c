/*
 * hostile.shell: what shell scripts do to files, and what they reach for.
 *
 *   in_place  printf > f: the file is empty, then half there
 *   moved     printf > f.tmp && mv: old or new at every moment
 *   reaches   tries to write to the host by every name that it sees, then as in_place
 */
#include <stdlib.h>
#include <sys/wait.h>

#include "hostile.h"

#define IN_PLACE "printf '%s' \"$CONTENT\" > /srv/f"

static int shell(const struct torn_run *run, const char *command)
{
	/* As the environment of the commands, so that the shell reads nothing into the bytes. */
	if (setenv("CONTENT", torn_run_text(run, "content"), 1) != 0)
		return -1;
	const int status = system(command);
	return status != -1 && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int in_place(const struct torn_run *run)
{
	return shell(run, IN_PLACE);
}

static int moved(const struct torn_run *run)
{
	return shell(run, "printf '%s' \"$CONTENT\" > /srv/f.tmp && mv /srv/f.tmp /srv/f");
}

static int reaches(const struct torn_run *run)
{
	return shell(run, "exec 2>/dev/null\n"
			  "d='/usr /usr/bin /bin /lib64 /dev /torn /torn/bin /torn/proc/sys/kernel'\n"
			  "f='/torn/bin/torn /torn/proc/sys/kernel/panic /torn/proc/self/oom_score_adj /usr/bin/env'\n"
			  "for i in $d; do ( : > $i/torn-hostile ); done\n"
			  "for i in $f; do ( printf 7 > $i ); done\n"
			  "rm -rf $f /dev/null; mv /usr /srv; mv /torn /srv; rmdir $d; chmod 0 $d $f\n"
			  "kill -9 1\n" IN_PLACE);
}

static const struct torn_variant variants[] = {
	{"in_place", in_place, NULL}, {"moved", moved, NULL}, {"reaches", reaches, NULL}, {NULL, NULL, NULL}};

/* /usr and the like are the host's: hostile_worlds has directories in their place. */
static const struct torn_world worlds[] = {
	{"present", "old srv/f file \"old\\n\"\n", .refuses = false},
	{NULL, NULL, false},
};

static const struct torn_target target = {
	.name = "hostile.shell",
	.summary = "a file written by commands of a shell",
	.variants = variants,
	.worlds = worlds,
	.args = hostile_args,
	.watch = hostile_watch,
	.starts_programs = true,
};
TORN_TARGET(target);
