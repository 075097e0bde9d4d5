/*
 * snapshot.h: a real directory of the user's, read into the old state of a case.
 *
 * What is below it is taken as `old` lines say it: files with their bytes (holes
 * as zeroes), modes and user.* attributes, directories, symlinks (never
 * followed), FIFOs and sockets. Hard links of a file are lines `link` to the
 * first of its paths; names that it has elsewhere do not count. Not taken are
 * owners (0:0 stands for whoever owns it), times, attributes of directories
 * and of other namespaces, and hard links of what is no file.
 */
#ifndef TORN_SNAPSHOT_H
#define TORN_SNAPSHOT_H

#include "../injectors/arena.h"
#include "torn.h"

struct torn_snapshot_limits {
	uint64_t bytes; /* of all files and their attributes */
	size_t files;   /* names of whatever type, directories included */
};

/*
 * Read all below a directory, sorted by path as torn_case_sort() has it. The
 * arena owns it; what was taken from it is not given back after an error.
 * `ret_root_mode` are the twelve bits of the directory itself, for which no old
 * line is. Returns 0; with one sentence in `ret_message` -EACCES or another
 * errno of what cannot be read, -EXDEV for a mount point, -ENODEV for a device,
 * -EFBIG above the limits, -EAGAIN for what changed while it was read,
 * -ENAMETOOLONG for a path that a case cannot say; -ENOMEM.
 */
int torn_snapshot_read(int dir_fd, const struct torn_snapshot_limits *limits,
		       struct torn_arena *arena, struct torn_old **ret_olds, size_t *ret_count,
		       uint32_t *ret_root_mode, char *ret_message, size_t size);

#endif
