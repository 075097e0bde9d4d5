/*
 * planted_runtime.h: a change of a sysctl that is kept in a file too, and taken back where it fails:
 * for targets that each get one thing wrong about that.
 */
#ifndef PLANTED_RUNTIME_H
#define PLANTED_RUNTIME_H

#include "planted.h"

/* Write to the sysctl. Returns 0 or -1. */
int planted_set(struct torn_bytes value);

/* The world: the sysctl is 0, and so is what /srv/f says. */
extern const struct torn_world planted_runtime_worlds[];
/* content, and value: of the sysctl */
extern const struct torn_default planted_runtime_args[];
extern const char *const planted_runtime_watch[];

#endif
