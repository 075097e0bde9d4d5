/* device_names.h: names and descriptors as calls on a mounted file system want them. */
#ifndef TORN_DEVICE_NAMES_H
#define TORN_DEVICE_NAMES_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../fuzz/torn.h"

#define TORN_DEVICE_NAME_ROOM 256 /* NAME_MAX and XATTR_NAME_MAX, with a NUL */
#define TORN_DEVICE_DISK_ROOM 32  /* "torn-disk.PID" */
#define TORN_DEVICE_SELF_ROOM 32  /* "/proc/self/fd/N" */

/* A name with a NUL behind it, in `buffer`, which is returned; no file system has a longer one. */
static inline const char *torn_device_name(struct torn_bytes name, char buffer[static TORN_DEVICE_NAME_ROOM])
{
	const size_t size = name.size < TORN_DEVICE_NAME_ROOM ? name.size : TORN_DEVICE_NAME_ROOM - 1;
	if (size)
		memcpy(buffer, name.data, size);
	buffer[size] = '\0';
	return buffer;
}

/* Is it one component of a path, and not one that leads up? A nameless file's is empty. */
static inline bool torn_device_is_name(struct torn_bytes name)
{
	if (name.size == 0)
		return true;
	return name.size < TORN_DEVICE_NAME_ROOM && !memchr(name.data, '/', name.size) && !memchr(name.data, '\0', name.size) &&
	       !torn_bytes_equal(name, torn_bytes_of(".")) && !torn_bytes_equal(name, torn_bytes_of(".."));
}

/* A path to what is open, also where that only says where it is (O_PATH): proc(5). In `buffer`, which is returned. */
static inline const char *torn_device_self(int fd, char buffer[static TORN_DEVICE_SELF_ROOM])
{
	snprintf(buffer, TORN_DEVICE_SELF_ROOM, "/proc/self/fd/%d", fd);
	return buffer;
}

/* What lies behind a loop device, as /sys/block/loopN/loop/backing_file has it: whose it is. Called by the server. */
static inline void torn_device_disk_name(char buffer[static TORN_DEVICE_DISK_ROOM])
{
	snprintf(buffer, TORN_DEVICE_DISK_ROOM, "torn-disk.%d", (int)getppid());
}

#endif
