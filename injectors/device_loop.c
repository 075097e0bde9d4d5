/* device_loop.c: see device_loop.h. */
#include "device_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define TRIES 64 /* others may take the one that was free */

static int attach_free(struct torn_device_loop *loop, int control_fd, const struct loop_config *config)
{
	const int number = ioctl(control_fd, LOOP_CTL_GET_FREE);
	if (number < 0)
		return -errno;
	snprintf(loop->path, sizeof loop->path, "/dev/loop%d", number);
	loop->fd = open(loop->path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (loop->fd < 0)
		return -errno;
	if (ioctl(loop->fd, LOOP_CONFIGURE, config) == 0)
		return 0;
	const int r = -errno;
	close(loop->fd);
	return r;
}

int torn_device_loop_attach(struct torn_device_loop *loop, int backing_fd, bool is_direct)
{
	struct loop_config config = {.fd = (unsigned)backing_fd};
	config.info.lo_flags = LO_FLAGS_AUTOCLEAR | (is_direct ? LO_FLAGS_DIRECT_IO : 0);
	const int control_fd = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control_fd < 0)
		return -errno;
	int r = -EBUSY;
	for (int i = 0; r == -EBUSY && i < TRIES; i++)
		r = attach_free(loop, control_fd, &config);
	close(control_fd);
	if (r < 0)
		loop->fd = -1;
	return r;
}

void torn_device_loop_detach(struct torn_device_loop *loop)
{
	if (loop->fd >= 0)
		close(loop->fd);
	loop->fd = -1;
}
