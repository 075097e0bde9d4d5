/*
 * renamed.h: what others print of files that they know by another name, told
 * with the names that the user knows: libFuzzer is given copies.
 */
#ifndef TORN_RENAMED_H
#define TORN_RENAMED_H

#include <stddef.h>
#include <sys/types.h>

/*
 * In a line, /proc/self/fd/N/COPY/ of whichever descriptor becomes `name`: "",
 * or what ends in "/".
 */
struct torn_renaming {
	const char *copy;
	const char *name;
};

struct torn_renamed {
	pid_t pid; /* of the process that renames */
	int stderr_fd;
};

/*
 * From now on what is written to stderr, by this process and those that it
 * starts, comes out of another process, renamed. `renamings` is only read
 * before this returns. Returns 0, to be followed by torn_renamed_end(), or -errno.
 */
int torn_renamed_begin(struct torn_renamed *renamed, const struct torn_renaming *renamings,
		       size_t count);
/* Put stderr back, when all that was written has come out. Who else writes to it must have ended. */
void torn_renamed_end(struct torn_renamed *renamed);

#endif
