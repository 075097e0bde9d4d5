/*
 * device_recorder.h: a disk that writes down what it is asked for: a FUSE file system with one file,
 * over which a loop device is set up. It is served by a process of its own, since a process that waited
 * for its own file system would wait for ever.
 */
#ifndef TORN_DEVICE_RECORDER_H
#define TORN_DEVICE_RECORDER_H

#include <sys/types.h>

#include "device_names.h"
#include "device_tape.h"

struct torn_device_recorder {
	pid_t pid; /* of who serves it */
	uint8_t *image; /* the bytes of the disk, shared with it */
	uint64_t size;
	struct torn_device_tape *tape;
	const char *point; /* where it is mounted: the caller's */
	char name[TORN_DEVICE_DISK_ROOM]; /* of its file */
	int fd;
};

/*
 * Serve a disk of `size` zero bytes at a directory `point`, which the recorder keeps. Returns 0; -errno with
 * one sentence in `ret_message`: -ENODEV where the kernel has no FUSE, -EPERM without the right to mount.
 */
int torn_device_recorder_start(struct torn_device_recorder *recorder, const char *point, uint64_t size,
			       char *ret_message, size_t message_size);
/* Unmount it, and wait until its process is gone. */
void torn_device_recorder_stop(struct torn_device_recorder *recorder);

#endif
