/*
 * unprivileged.h: whom a process of torn that was started as root becomes.
 */
#ifndef TORN_UNPRIVILEGED_H
#define TORN_UNPRIVILEGED_H

#include <stddef.h>

/* Who a process started as root becomes: an id that nothing else runs as. */
#define TORN_UNPRIVILEGED_ID 64738

/*
 * Say whether root can be given up here: root of a user namespace cannot for an id that is not mapped there, nor give
 * a file to it. Returns 0, also where this process is not root; -EINVAL with one sentence in `ret_message`.
 */
int torn_unprivileged_try(char *ret_message, size_t size);

/*
 * Give up root for good, where this process is root: user, group, groups and
 * capabilities. Forgets PR_SET_PDEATHSIG (prctl(2)). Returns 0, also where it
 * was not root; -errno.
 */
int torn_unprivileged_become(void);

#endif
