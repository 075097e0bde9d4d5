/*
 * urunc.h: how urunc saves a file (seeds/urunc.md), in each of its versions.
 *
 * The steps are those of Go's os package: see ../go/go_os.h.
 */
#ifndef URUNC_H
#define URUNC_H

#include <sys/types.h>

#include "../../fuzz/torn.h"

/*
 * Each saves `data` at `path` and returns 0, or -1 after one line on stderr.
 * `path` is absolute and below the root directory.
 */

/* os.WriteFile: truncate and write. */
int urunc_write_file(const char *path, struct torn_bytes data, mode_t perm);
/* atomicWriteFile of PR 600: the temp ".<base>.tmp", which stays when rename fails. */
int urunc_atomic_write_file(const char *path, struct torn_bytes data, mode_t perm);
/* The same with the review's remarks applied. */
int urunc_atomic_write_file_reviewed(const char *path, struct torn_bytes data, mode_t perm);
/* Ours. The mode is `perm`, whatever the umask is. */
int urunc_atomic_write_file_fixed(const char *path, struct torn_bytes data, mode_t perm);

/*
 * writePidFile as it is: the temp ".<base>", O_EXCL, mode 0666 without the umask.
 * It stays when the write or the rename fails.
 */
int urunc_write_pid_file(const char *path, struct torn_bytes pid);

/*
 * Ours of os.MkdirAll(path, 0755): then each directory on the way is synced, so
 * that what is saved in the last one can be durable.
 */
int urunc_make_directory_fixed(const char *path);

/* How each version makes a container's directory, and saves a state file and a pid file. */
struct urunc_saving {
	int (*make_directory)(const char *path);
	int (*state)(const char *path, struct torn_bytes data);
	int (*pid)(const char *path, struct torn_bytes pid);
};
extern const struct urunc_saving urunc_before, urunc_pr600, urunc_reviewed, urunc_fixed;

#endif
