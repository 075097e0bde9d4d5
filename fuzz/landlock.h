/*
 * landlock.h: a rule set of Landlock (landlock(7)): writing is refused but for
 * what is allowed, and no process outside is signalled, as far as this kernel
 * knows how. Reading is not restricted.
 */
#ifndef TORN_LANDLOCK_H
#define TORN_LANDLOCK_H

#include <stdbool.h>

/*
 * Make a rule set that allows no writing, and where `no_tcp` no TCP port.
 * Returns its version, with its descriptor (close-on-exec, the caller closes it)
 * in `ret_fd`; 0 with -1 there where the kernel has no Landlock; -errno.
 */
int torn_landlock_make(bool no_tcp, int *ret_fd);
/*
 * Allow all writing below the directory `fd`, by a rule set that
 * torn_landlock_make() returned `version` for. Returns 0; -EINVAL where it is no
 * directory; -errno.
 */
int torn_landlock_allow_below(int ruleset_fd, int version, int fd);
/* Allow writing of `fd`, which is no directory. Returns 0 or -errno. */
int torn_landlock_allow_file(int ruleset_fd, int version, int fd);

#endif
