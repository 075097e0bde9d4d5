/* device_for_tests.h: may tests have real disks here? For tests only. */
#ifndef TORN_DEVICE_FOR_TESTS_H
#define TORN_DEVICE_FOR_TESTS_H

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

/* Says SKIPPED where not. */
static inline bool has_disks(void)
{
	const bool has_devices = access("/dev/loop-control", R_OK | W_OK) == 0 && access("/dev/fuse", R_OK | W_OK) == 0;
	if (geteuid() == 0 && has_devices)
		return true;
	printf("SKIPPED: real file systems need root, /dev/loop-control and /dev/fuse\n");
	return false;
}

#endif
