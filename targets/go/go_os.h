/*
 * go_os.h: what Go's os and io packages do with files, call by call, for
 * targets whose original is written in Go.
 *
 * What os does, and a port by libc alone would miss: open, read, write, fsync,
 * stat, rename, link and unlink retry EINTR, close does not (Linux has closed
 * the descriptor by then); every descriptor is close-on-exec; remove tries two
 * calls, rename looks first. Not modelled: what os.OpenFile does to try a
 * descriptor for the poller (fcntl, epoll_ctl: refused for a regular file, and
 * nobody looks).
 *
 * All return -1 with errno where they fail.
 */
#ifndef GO_OS_H
#define GO_OS_H

#include <sys/stat.h>
#include <sys/types.h>

#include "../../fuzz/torn.h"

/* os.OpenFile. Returns a descriptor. */
int go_open(const char *path, int flags, mode_t perm);
/* os.Open of the directory that holds `path`, which is absolute. Returns a descriptor, to be synced. */
int go_open_parent(const char *path);
/* os.CreateTemp(dir, "PREFIX*SUFFIX"): `stem` is dir and prefix, ret_temp has PATH_MAX bytes. */
int go_create_temp(const char *stem, const char *suffix, char *ret_temp);

/* File.Write: short writes go on, a write of nothing is an error. */
int go_write(int file, struct torn_bytes data);
/* File.Sync, File.Chmod, File.Stat. */
int go_sync(int file);
int go_chmod(int file, mode_t mode);
int go_fstat(int file, struct stat *ret_status);
/*
 * io.Copy between two files, from where they stand: copy_file_range in rounds
 * of 1 GiB, and where the kernel or the file systems have none, or it comes up
 * with nothing at once, read and write of 32 KiB.
 */
int go_copy(int to, int from);

/* os.Stat, which follows a symlink, and os.Lstat. */
int go_stat(const char *path, struct stat *ret_status);
int go_lstat(const char *path, struct stat *ret_status);
/* os.Rename: a directory at the new name is EEXIST without a rename. */
int go_rename(const char *from, const char *to);
/* os.Link: a symlink is linked itself. */
int go_link(const char *from, const char *to);
/* os.MkdirAll: every directory of a path that is not there, each with `perm`. */
int go_mkdir_all(const char *path, mode_t perm);
/* os.Remove: as a file, then as a directory; the error is that of the more telling try. */
int go_remove(const char *path);
/* The same after an error that is worth more than this one's: errno stays. */
void go_remove_quietly(const char *path);

#endif
