/*
 * device.h: what a power cut leaves on a real file system: a run is done again on a disk that is recorded, and
 * from the tape of that any cut is put on a device of its own, mounted, so that the kernel recovers it, and read.
 *
 * The kernel may write nothing at all during a run (none at all during two renames on ext4: measured). So it
 * can be made to commit after an op: a file outside the run's root is made and synced, as any other process
 * might; on btrfs, whose fsync takes along one file alone, the file system is.
 *
 * A cut is told by how many requests of the tape the device had been given, and which of the writes since the
 * last flush it had lost or torn: a flush covers what was answered before it came, and the rest may be on the
 * disk or in its cache (the kernel's Documentation/block/writeback_cache_control.rst). Loop devices have no FUA.
 *
 * All of it wants root (ext4, XFS and btrfs cannot be mounted in a user namespace), FUSE and loop devices. Everything
 * is mounted in a mount namespace of its own, and goes away with the last process in it.
 */
#ifndef TORN_DEVICE_H
#define TORN_DEVICE_H

#include <sys/types.h>

#include "device_fs.h"
#include "device_image.h"
#include "fold.h"

struct torn_device;

/*
 * Leave the mounts of this machine alone from here on, in this process and its children: none of what
 * a device mounts is seen outside. Once a process. Returns 0; -EPERM without the right to.
 */
int torn_device_enter(char *ret_message, size_t size);

/*
 * Set up a disk of that choice. Returns 0; with one sentence in `ret_message` -EPERM, -ENOENT (something is
 * missing here) or another -errno.
 */
int torn_device_open(struct torn_device **ret_device, const struct torn_device_choice *choice, char *ret_message,
		     size_t size);
void torn_device_close(struct torn_device *device);
/* The process that serves the recorded disk: while it does not answer, nobody who uses that disk ends. */
pid_t torn_device_recorder_pid(const struct torn_device *device);
/*
 * For whoever does runs again that somebody else says: from here on no path of this process leads to a file of the machine.
 * Once a process, with one device. Returns 0, or -errno with a sentence.
 */
int torn_device_confine(const struct torn_device *device, char *ret_message, size_t size);
const struct torn_device_choice *torn_device_choice(const struct torn_device *device);

/* The runs to come begin with this tree, the caller's, durable. Returns 0 or -errno, with a sentence. */
int torn_device_begin(struct torn_device *device, const struct torn_fold_base *base, char *ret_message, size_t size);

/* No commit is forced. */
#define TORN_DEVICE_NO_COMMIT UINT32_MAX

/*
 * Do a log again, with a commit forced behind the op of that index. What the device is asked for is on the
 * tape from then on, each request marked with the moment (presets.h). Returns 0; -ENOTSUP with a
 * sentence where this file system cannot do that run; -EPROTO where torn failed.
 */
int torn_device_record(struct torn_device *device, const struct torn_log *log, uint32_t commit, char *ret_message,
		       size_t size);
/* The requests of that run: those before `begin` are the mount's. */
uint32_t torn_device_requests_begin(const struct torn_device *device);
uint32_t torn_device_requests_count(const struct torn_device *device);
const struct torn_device_request *torn_device_request(const struct torn_device *device, uint32_t number);

/* A write that is not all there: the first `sectors` of it. */
struct torn_device_loss {
	uint32_t request; /* from 0 */
	uint32_t sectors; /* 0: nothing of it */
};

/* So many of one cut, at most. */
#define TORN_DEVICE_LOSSES_MAX 64u

/* What the device had been given when the power went, and what of it is lost. */
struct torn_device_cut {
	uint32_t given; /* the first so many requests */
	struct torn_device_loss losses[TORN_DEVICE_LOSSES_MAX]; /* in their order */
	uint32_t losses_count;
};

/*
 * Put what a cut leaves on a device, mount it and read it. Returns 0, with the tree in `arena` (its runtime as
 * `booted`); NULL where it cannot be mounted or read, with why in `ret_why`: what is there is `unmountable`. -EINVAL: a
 * flush had made durable what the cut loses, or there is no such write. -EPROTO where torn failed. -ENOMEM.
 */
int torn_device_look(struct torn_device *device, const struct torn_device_cut *cut, struct torn_arena *arena,
		     const struct torn_node **ret_tree, char *ret_why, size_t size);

#endif
