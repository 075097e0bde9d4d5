/*
 * device_loop.h: a loop device over a file. The kernel takes it down with the last descriptor and the
 * last mount (LO_FLAGS_AUTOCLEAR, loop(4)): it outlives nobody, however its owner dies.
 */
#ifndef TORN_DEVICE_LOOP_H
#define TORN_DEVICE_LOOP_H

#include <stdbool.h>

struct torn_device_loop {
	int fd; /* open to read, to write and O_DIRECT */
	char path[32];
};

/*
 * Set one up over what `backing_fd` has open; `is_direct`: it goes past the backing file's page cache. Returns 0 or
 * -errno: -ENOENT without /dev/loop-control, -EPERM.
 */
int torn_device_loop_attach(struct torn_device_loop *loop, int backing_fd, bool is_direct);
void torn_device_loop_detach(struct torn_device_loop *loop);

#endif
