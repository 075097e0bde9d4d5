/*
 * go_copy.c: io.Copy between two files. See go_os.h.
 *
 * After internal/poll/copy_file_range_linux.go and io.copyBuffer. Not
 * modelled: the kernel's version, which Go asks for once (5.3 is wanted).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "go_os.h"

#include <errno.h>
#include <unistd.h>

#define ROUND_BYTES_MAX ((size_t)1 << 30)
#define BUFFER_SIZE (32u * 1024u)

/* Not told apart from what a read or a write will say again: EIO is among them. */
static bool falls_back(int number)
{
	switch (number) {
	case ENOSYS:
	case EXDEV:
	case EINVAL:
	case EIO:
	case EOPNOTSUPP:
	case EPERM:
		return true;
	default:
		return false;
	}
}

/* Returns 1 where all is copied, 0 where the rest is left to read and write, or -1. */
static int copy_in_kernel(int to, int from)
{
	bool any = false;

	for (;;) {
		ssize_t copied = TEMP_FAILURE_RETRY(
			copy_file_range(from, NULL, to, NULL, ROUND_BYTES_MAX, 0));
		if (copied < 0)
			return falls_back(errno) ? 0 : -1;
		if (copied == 0)
			return any; /* at once: the end, or a file system that only says so */
		any = true;
	}
}

/* Both descriptors have moved by what was copied so far. */
static int copy_by_hand(int to, int from)
{
	uint8_t buffer[BUFFER_SIZE];

	for (;;) {
		ssize_t got = TEMP_FAILURE_RETRY(read(from, buffer, sizeof(buffer)));
		if (got <= 0)
			return (int)got;
		if (go_write(to, (struct torn_bytes){buffer, (size_t)got}) < 0)
			return -1;
	}
}

int go_copy(int to, int from)
{
	int result = copy_in_kernel(to, from);

	if (result < 0)
		return -1;
	return result == 1 ? 0 : copy_by_hand(to, from);
}
