/*
 * mirror.h: a folder of inputs as a sandboxed process sees it: a copy that it
 * may write, since it may be who it likes less than the folder's owner.
 */
#ifndef TORN_MIRROR_H
#define TORN_MIRROR_H

#include <stdbool.h>
#include <stddef.h>

#include "torn.h"

/* Write a file into a folder that a sandboxed process may write. Returns 0 or -errno. */
int torn_mirror_write(int folder_fd, const char *name, struct torn_bytes bytes);
/*
 * Copy what `path` names into the folder `to_fd`: the regular files of a
 * folder, or one file under its own name. Larger ones than TORN_REGULAR_SIZE_MAX
 * are left out. Returns 0, or -errno.
 */
int torn_mirror_in(const char *path, int to_fd);
/*
 * Copy back the files of the folder `from_fd` to the folder at `path`, which is
 * made if it is not there: wholly or not at all, each. One that is there is
 * left alone, unless `replaces`. Returns how many were copied, or -errno with
 * the path in `ret_path`.
 */
int torn_mirror_out(int from_fd, const char *path, bool replaces, char *ret_path, size_t size);
/* How many inputs a folder holds; 0 where it cannot be read. */
size_t torn_mirror_count(int folder_fd);

#endif
