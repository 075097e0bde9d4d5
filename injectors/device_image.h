/*
 * device_image.h: images of a disk, put on a loop device over tmpfs one after another. An image is what was
 * there before a run, and some of the writes that the run led to, whole or torn.
 *
 * Only pages that differ from what is on the device are written: all in one submission of io_uring, past
 * every cache. No order is kept between them, since nobody looks before all are there.
 */
#ifndef TORN_DEVICE_IMAGE_H
#define TORN_DEVICE_IMAGE_H

#include "device_loop.h"
#include "device_tape.h"

/* How pages come to the device; all but the first are for comparison. */
enum torn_device_way {
	TORN_DEVICE_BY_URING,
	TORN_DEVICE_BY_PWRITE,      /* on the device, one after another */
	TORN_DEVICE_BEHIND_ITS_BACK /* into the backing file; what the kernel has of the device is dropped then */
};

struct torn_device_image;

/*
 * Set up a device of `size` bytes, a multiple of TORN_DEVICE_PAGE, with `base` on it, which is the caller's and has to
 * live as long. Returns 0, or -errno with what is missing in one sentence; torn_device_image_close() takes it down.
 */
int torn_device_image_open(struct torn_device_image **ret_image, const uint8_t *base, uint64_t size, char *ret_message,
			   size_t message_size);
void torn_device_image_close(struct torn_device_image *image);
/* Where it can be mounted from: "/dev/loop7". */
const char *torn_device_image_path(const struct torn_device_image *image);
/* The next ones begin with another base. */
void torn_device_image_rebase(struct torn_device_image *image, const uint8_t *base);

/* Begin an image: the base alone. Nothing is on the device yet. */
void torn_device_image_begin(struct torn_device_image *image);
/* Apply a request, or of a write only its first `sectors`. */
void torn_device_image_apply(struct torn_device_image *image, const struct torn_device_request *request,
			     uint32_t sectors);
#define TORN_DEVICE_ALL_SECTORS UINT32_MAX
/*
 * Bring the device to the image, whatever a mount made of the last one; it must not be mounted. Returns how many
 * pages were written, or -errno.
 */
int64_t torn_device_image_put(struct torn_device_image *image, enum torn_device_way way);

#endif
