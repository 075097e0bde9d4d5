/*
 * sandbox.h: the walls around a process that runs targets. The gate is the
 * first wall; these are the second, and the kernel keeps them.
 */
#ifndef TORN_SANDBOX_H
#define TORN_SANDBOX_H

#include <stddef.h>
#include <stdint.h>

#include "unprivileged.h"

/*
 * Make a folder that belongs to whom the sandbox becomes. Returns a descriptor
 * of it, which the caller closes, or -errno.
 */
int torn_sandbox_folder(int above_fd, const char *name);
/*
 * Confine this process for good. Root is given up; descriptors 0 to 2 become
 * /dev/null; of the others only `keep` survive (numbers from TORN_FD_RESERVED
 * on); by Landlock (landlock(7)) nothing can be written but below `root_fd` and,
 * where it is not -1, `other_fd`, no TCP port used and no process outside signalled, as far as this kernel knows
 * how. Dies with its parent. Returns 0; -errno with what failed in
 * `ret_message`. `ret_landlock` is the version that is in force, 0: none.
 */
int torn_sandbox_enter(int root_fd, int other_fd, const int *keep, size_t keep_count, int *ret_landlock,
		       char *ret_message, size_t size);

#endif
