/*
 * hostile.h: what targets that misbehave on purpose have in common.
 *
 * They are there for tests of the walls around a trial. `victim` is a path on
 * the host: the test puts something there, or nothing, and looks afterwards.
 * What a target tries is chosen so that a hole in the wall costs the host the
 * victim, or a setting that a test can put back, and never more.
 *
 * Each does its mischief and then, where it still can, replaces /srv/f
 * correctly and returns 0.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "../../fuzz/torn.h"

/* Replace /srv/f by the argument `content`. Returns 0 or -1. */
int hostile_replace(const struct torn_run *run);
/* Write a line to a descriptor that an attempt gave, and close it; -1 is an attempt that failed. */
void hostile_scribble(int fd);
/* Open or make a file for writing and scribble there. */
void hostile_deface(const char *path);

/* Say that whether an attempt succeeded is for the test to see, not for the target. */
static inline void hostile_ignore(long result)
{
	(void)result;
}

/* An old srv/f, and the directories that a host's usual paths lie in. */
extern const struct torn_world hostile_worlds[];
extern const struct torn_default hostile_args[]; /* content, victim */
extern const char *const hostile_watch[];

#endif
