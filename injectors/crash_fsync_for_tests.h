/*
 * crash_fsync_for_tests.h: fsyncs that fail, and what a cut leaves after them: for
 * crash_fsync_test.c, and for crash_test.c, which holds presets against each other.
 */
#ifndef TORN_CRASH_FSYNC_FOR_TESTS_H
#define TORN_CRASH_FSYNC_FOR_TESTS_H

#include "crash_for_tests.h"

static inline int sync_again(int fd)
{
	MUST_FAIL(fsync(fd), EIO);
	MUST(fsync(fd) == 0 && close(fd) == 0);
	return 0;
}

OPERATION(overwrites_and_syncs_again)
{
	return sync_again(torn_litmus_write("/srv/f", 0, 'n', SIZE));
}

OPERATION(creates_and_syncs_again)
{
	return sync_again(torn_litmus_write("/srv/g", O_CREAT | O_EXCL, 'n', SIZE));
}

/* One byte more of a block that was lost. */
OPERATION(writes_a_lost_block_again)
{
	int fd = torn_litmus_write("/srv/small", 0, 'n', 100);
	MUST_FAIL(fsync(fd), EIO);
	MUST(pwrite(fd, "n", 1, 0) == 1 && fsync(fd) == 0 && close(fd) == 0);
	return 0;
}

OPERATION(renames_what_was_lost)
{
	int fd = torn_litmus_write("/srv/t", O_CREAT | O_EXCL, 'n', SIZE);
	MUST_FAIL(fsync(fd), EIO);
	MUST(fsync(fd) == 0 && close(fd) == 0 && rename("/srv/t", "/srv/f") == 0);
	return torn_litmus_sync_directory("/srv");
}

OPERATION(overwrites_and_fails_to_sync)
{
	int fd = torn_litmus_write("/srv/small", 0, 'n', 100);
	MUST_FAIL(fsync(fd), EIO);
	MUST(close(fd) == 0);
	return 0;
}

/* What may be at `path` after a cut at the end: letters by preset. The fault is of the third op. */
static const struct {
	const char *name, *fault;
	int (*operation)(const struct torn_run *run);
	const char *path, *sync, *journal, *ext4, *xfs, *btrfs, *posix;
} failed_syncs[] = {
	/* An error alone: the next fsync writes what is pending. */
	{"error", "errno=EIO", overwrites_and_syncs_again, "srv/f", "n", "n", "n", "n", "n", "n"},
	{"lost", "fsync=lost", overwrites_and_syncs_again, "srv/f", "n", "o", "o", "o", "o", "o"},
	{"reverted", "fsync=reverted", overwrites_and_syncs_again, "srv/f", "n", "o", "o", "o", "o", "o"},
	{"kept", "fsync=kept", overwrites_and_syncs_again, "srv/f", "n", "n", "n", "n", "n", "n"},
	{"lost, new", "fsync=lost", creates_and_syncs_again, "srv/g", "n", "0z", "0z", "0z", "0z", "a0z"},
	{"kept, new", "fsync=kept", creates_and_syncs_again, "srv/g", "n", "n", "n", "n", "n", "an"},
	/* The page is dirty again, and all of it is written. */
	{"again", "fsync=lost", writes_a_lost_block_again, "srv/small", "n", "n", "n", "n", "n", "n"},
	{"again, reverted", "fsync=reverted", writes_a_lost_block_again, "srv/small", "x", "x", "x", "x",
	 "x", "x"},
	/* The rename has nothing to flush. */
	{"renamed", "fsync=lost", renames_what_was_lost, "srv/f", "n", "0z", "0z", "0z", "0z", "0z"},
	{"kept, no more", "fsync=kept", overwrites_and_fails_to_sync, "srv/small", "n", "n", "n", "n",
	 "n", "n"},
	{"lost, no more", "fsync=lost", overwrites_and_fails_to_sync, "srv/small", "n", "o", "o", "o",
	 "o", "o"},
};

#endif
