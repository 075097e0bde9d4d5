/*
 * runner.h: the process in which an operation is called that starts programs: torn itself, traced from its first
 * instruction as any program is, in a root that is the trial's.
 */
#ifndef TORN_RUNNER_H
#define TORN_RUNNER_H

#include "trial.h"

/* Words of its command line at most, and their bytes: a case has no more arguments than that. */
#define TORN_RUNNER_WORDS_MAX 64u
#define TORN_RUNNER_BYTES_MAX ((size_t)1 << 20)

#define TORN_RUNNER_NAME "torn" /* in TORN_ISOLATION_BIN */

struct torn_runner {
	char *argv[TORN_RUNNER_WORDS_MAX + 1]; /* ends with NULL; of `bytes` */
	char bytes[TORN_RUNNER_BYTES_MAX];
};

/* Its command line for a setup's operation or recovery. Returns 0 or -E2BIG. */
int torn_runner_make(struct torn_runner *runner, const struct torn_setup *setup, bool recovers);

/* Its environment; static. */
char *const *torn_runner_environment(void);

/*
 * What torn does first of all, before it reads a command line of its own: where it was executed as the runner, or
 * by the name of a stand-in's command, it does that, and does not return.
 */
void torn_runner_take_over(int argc, char **argv);

#endif
