/* isolation_root.h: what is mounted in a directory that is to be "/" for programs: isolation.h. */
#ifndef TORN_ISOLATION_ROOT_H
#define TORN_ISOLATION_ROOT_H

#include "isolation.h"

/*
 * Mount it all below `dir`, an empty file system: for a process with CAP_SYS_ADMIN over its mount namespace,
 * in which the host's mounts are read-only already. Returns 0 or -errno.
 */
int torn_isolation_root_place(const char *dir, const struct torn_isolation_root *root);

#endif
