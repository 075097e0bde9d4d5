/*
 * regular.h: read regular files that somebody else's text names.
 *
 * Nothing is waited for (a fifo), nothing endless is read (/dev/zero), and below
 * a folder no symlink is followed, so that a stranger's case cannot put a
 * secret of this machine into a finding.
 */
#ifndef TORN_REGULAR_H
#define TORN_REGULAR_H

#include "../injectors/arena.h"
#include "torn.h"

/* Of a text that is read: a case, an input of the fuzzer. */
#define TORN_REGULAR_SIZE_MAX ((size_t)16 << 20)
/* Of what a case refers to: the content of an old file, which may be a program. */
#define TORN_CONTENT_SIZE_MAX ((size_t)64 << 20)

/*
 * Read a text into the arena, a NUL behind it. Returns 0; -ENXIO when it is no
 * regular file; -EFBIG above TORN_REGULAR_SIZE_MAX; -ENOMEM when the arena is
 * full; -errno of open(2), fstat(2) or read(2). After an error the caller returns
 * the arena to its mark.
 */
int torn_regular_read(const char *path, struct torn_arena *arena, struct torn_bytes *ret_bytes);
/*
 * The same for a file of up to `size_max` bytes below a folder, and no component of
 * its name may be a symlink (-ELOOP, -ENOTDIR). The name must be relative, its
 * components without "..", not empty and at most NAME_MAX long: the caller has
 * checked that.
 */
int torn_regular_read_below(int folder_fd, const char *name, size_t size_max,
			    struct torn_arena *arena, struct torn_bytes *ret_bytes);
/* Open the folder that a path's last component is in. Returns a descriptor or -errno. */
int torn_regular_open_folder(const char *path);
/*
 * Say in words what such an error means was expected: "a regular file", "a file of at
 * most `size_max` bytes". The text is static, or lies in `buffer`.
 */
const char *torn_regular_expected(int error, size_t size_max, char *buffer, size_t size);

#endif
