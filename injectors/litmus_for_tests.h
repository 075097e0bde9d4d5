/*
 * litmus_for_tests.h: small operations whose states after a power cut are known of several file systems. For
 * tests only.
 */
#ifndef TORN_LITMUS_FOR_TESTS_H
#define TORN_LITMUS_FOR_TESTS_H

#include <sys/mman.h>
#include <sys/uio.h>

#include "crash_for_tests.h"

OPERATION(creates)
{
	int fd = write_all("/srv/g", O_CREAT | O_EXCL, 'n', SIZE);
	MUST(fd >= 0 && close(fd) == 0);
	return 0;
}

OPERATION(overwrites)
{
	int fd = write_all("/srv/f", 0, 'n', SIZE);
	MUST(fd >= 0 && close(fd) == 0);
	return 0;
}

OPERATION(appends_within_a_block)
{
	int fd = write_all("/srv/small", O_APPEND, 'n', 100);
	MUST(fd >= 0 && close(fd) == 0);
	return 0;
}

static inline int stage(bool reserves, bool syncs)
{
	int fd = open("/srv/t", O_WRONLY | O_CREAT | O_EXCL, 0644);
	MUST(fd >= 0);
	MUST(!reserves || posix_fallocate(fd, 0, SIZE) == 0);
	MUST(write(fd, bytes_of('n'), SIZE) == SIZE);
	MUST(!syncs || fsync(fd) == 0);
	return close(fd) == 0 ? 0 : __LINE__;
}

OPERATION(renames_over)
{
	MUST(stage(false, false) == 0 && rename("/srv/t", "/srv/f") == 0);
	return 0;
}

OPERATION(renames_reserved_over)
{
	MUST(stage(true, false) == 0 && rename("/srv/t", "/srv/f") == 0);
	return 0;
}

OPERATION(exchanges)
{
	MUST(stage(false, false) == 0);
	MUST(renameat2(AT_FDCWD, "/srv/t", AT_FDCWD, "/srv/f", RENAME_EXCHANGE) == 0);
	return 0;
}

OPERATION(renames_to_a_new_name)
{
	MUST(stage(false, false) == 0 && rename("/srv/t", "/srv/g") == 0);
	return 0;
}

OPERATION(replaces_without_the_directory)
{
	MUST(stage(false, true) == 0 && rename("/srv/t", "/srv/f") == 0);
	return 0;
}

OPERATION(replaces_without_the_file)
{
	MUST(stage(false, false) == 0 && rename("/srv/t", "/srv/f") == 0 && sync_directory("/srv") == 0);
	return 0;
}

OPERATION(replaces)
{
	MUST(stage(false, true) == 0 && rename("/srv/t", "/srv/f") == 0 && sync_directory("/srv") == 0);
	return 0;
}

OPERATION(replaces_and_syncs_the_grandparent)
{
	MUST(stage(false, true) == 0 && rename("/srv/t", "/srv/f") == 0 && sync_directory("/") == 0);
	return 0;
}

static inline int rename_and_sync(int (*sync)(int))
{
	int fd = open("/srv/t", O_WRONLY | O_CREAT | O_EXCL, 0644);
	MUST(fd >= 0 && write(fd, bytes_of('n'), SIZE) == SIZE && fsync(fd) == 0);
	MUST(rename("/srv/t", "/srv/f") == 0 && sync(fd) == 0 && close(fd) == 0);
	return 0;
}

OPERATION(renames_and_syncs_the_file)
{
	return rename_and_sync(fsync);
}

OPERATION(renames_and_datasyncs_the_file)
{
	return rename_and_sync(fdatasync);
}

OPERATION(renames_and_syncs_another)
{
	MUST(stage(false, true) == 0 && rename("/srv/t", "/srv/f") == 0);
	int fd = open("/srv/clean", O_RDONLY);
	MUST(fd >= 0 && fsync(fd) == 0 && close(fd) == 0);
	return 0;
}

OPERATION(truncates_and_writes)
{
	int fd = write_all("/srv/f", O_TRUNC, 'n', SIZE);
	MUST(fd >= 0 && close(fd) == 0);
	return 0;
}

OPERATION(creates_and_syncs)
{
	MUST(mkdir("/srv/d", 0755) == 0);
	int fd = write_all("/srv/d/g", O_CREAT | O_EXCL, 'n', SIZE);
	MUST(fd >= 0 && fsync(fd) == 0 && close(fd) == 0);
	return 0;
}

OPERATION(links_and_syncs)
{
	MUST(link("/srv/f", "/srv/g") == 0);
	int fd = open("/srv/f", O_WRONLY);
	MUST(fd >= 0 && fsync(fd) == 0 && close(fd) == 0);
	return 0;
}

OPERATION(renames_across_and_syncs_the_old_place)
{
	MUST(rename("/srv/f", "/mnt/f") == 0 && sync_directory("/srv") == 0);
	return 0;
}

OPERATION(keeps_a_backup_and_syncs)
{
	MUST(rename("/srv/f", "/srv/bak") == 0);
	int fd = write_all("/srv/f", O_CREAT | O_EXCL, 'n', SIZE);
	MUST(fd >= 0 && fsync(fd) == 0 && close(fd) == 0);
	return 0;
}

OPERATION(renames_and_syncs_a_new_one)
{
	MUST(rename("/srv/f", "/mnt/f") == 0);
	int fd = write_all("/srv/new", O_CREAT | O_EXCL, 'n', 10);
	MUST(fd >= 0 && fsync(fd) == 0 && close(fd) == 0);
	return 0;
}

OPERATION(exchanges_and_changes_the_mode)
{
	int fd = write_all("/srv/t", O_CREAT | O_EXCL, 'n', SIZE), dir = open("/srv", O_RDONLY);
	MUST(fd >= 0 && dir >= 0 && fsync(fd) == 0 && fchmod(fd, 0600) == 0 && close(fd) == 0);
	MUST(renameat2(AT_FDCWD, "/srv/t", AT_FDCWD, "/srv/f", RENAME_EXCHANGE) == 0);
	MUST(unlink("/srv/t") == 0 && fsync(dir) == 0 && close(dir) == 0);
	return 0;
}

OPERATION(writes_through)
{
	int fd = write_all("/srv/f", O_DSYNC, 'n', SIZE);
	MUST(fd >= 0 && close(fd) == 0);
	return 0;
}

/* Through a descriptor that is a copy of one that was opened so. */
OPERATION(writes_through_a_duplicate)
{
	int fd = open("/srv/f", O_WRONLY | O_DSYNC);
	MUST(fd >= 0);
	int copy = dup(fd);
	MUST(copy >= 0 && close(fd) == 0);
	MUST(write(copy, bytes_of('n'), SIZE) == SIZE && close(copy) == 0);
	return 0;
}

static inline int write_once(size_t from, int flags)
{
	const struct iovec iov = {bytes_of('n'), SIZE - from};
	int fd = open("/srv/f", O_WRONLY);
	MUST(fd >= 0);
	MUST(from == 0 || pwrite(fd, bytes_of('n'), from, 0) == (ssize_t)from);
	MUST(pwritev2(fd, &iov, 1, (off_t)from, flags) == (ssize_t)iov.iov_len && close(fd) == 0);
	return 0;
}

OPERATION(writes_once_through)
{
	return write_once(0, RWF_DSYNC);
}

/* vfs_fsync_range(): of its own bytes. */
OPERATION(writes_its_last_block_through)
{
	return write_once(8192, RWF_SYNC);
}

OPERATION(stores_and_syncs_its_last_block)
{
	int fd = open("/srv/f", O_RDWR);
	MUST(fd >= 0);
	char *bytes = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(bytes != MAP_FAILED);
	memset(bytes, 'n', SIZE);
	MUST(msync(bytes + 8192, SIZE - 8192, MS_SYNC) == 0);
	MUST(munmap(bytes, SIZE) == 0 && close(fd) == 0);
	return 0;
}

#endif
