/*
 * unprivileged.h: whom a process of torn that was started as root becomes.
 */
#ifndef TORN_UNPRIVILEGED_H
#define TORN_UNPRIVILEGED_H

/* Who a process started as root becomes: an id that nothing else runs as. */
#define TORN_UNPRIVILEGED_ID 64738

/*
 * Give up root for good, where this process is root: user, group, groups and
 * capabilities. Forgets PR_SET_PDEATHSIG (prctl(2)). Returns 0, also where it
 * was not root; -errno.
 */
int torn_unprivileged_become(void);

#endif
