/* regular.c: see regular.h. */
#include "regular.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(int fd, size_t size_max, struct torn_arena *arena, struct torn_bytes *ret_bytes)
{
	struct stat status;
	if (fstat(fd, &status))
		return -errno;
	if (!S_ISREG(status.st_mode))
		return -ENXIO;
	if (status.st_size > (off_t)size_max)
		return -EFBIG;
	size_t size = (size_t)status.st_size, used = 0;
	uint8_t *data = torn_arena_take_raw(arena, size + 1);
	if (!data)
		return -ENOMEM;
	while (used < size) {
		ssize_t got = read(fd, data + used, size - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break; /* it became shorter meanwhile */
		used += (size_t)got;
	}
	data[used] = 0;
	*ret_bytes = (struct torn_bytes){data, used};
	return 0;
}

static int open_and_read(int folder_fd, const char *name, int flags, size_t size_max,
			 struct torn_arena *arena, struct torn_bytes *ret_bytes)
{
	/* without O_NONBLOCK a fifo would wait for a writer, here in the open */
	int fd = openat(folder_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags);
	if (fd < 0)
		return -errno;
	int error = read_all(fd, size_max, arena, ret_bytes);
	close(fd); /* of a file that was only read: nothing can be lost */
	return error;
}

int torn_regular_read(const char *path, struct torn_arena *arena, struct torn_bytes *ret_bytes)
{
	return open_and_read(AT_FDCWD, path, 0, TORN_REGULAR_SIZE_MAX, arena, ret_bytes);
}

int torn_regular_read_below(int folder_fd, const char *name, size_t size_max,
			    struct torn_arena *arena, struct torn_bytes *ret_bytes)
{
	char component[NAME_MAX + 1];
	int at = folder_fd, opened = -1;
	/* O_NOFOLLOW holds for the last component only: a folder on the way could lead out */
	for (const char *slash; (slash = strchr(name, '/')); name = slash + 1) {
		size_t size = (size_t)(slash - name);
		int next = -1, error = -ENAMETOOLONG;
		if (size < sizeof(component)) {
			memcpy(component, name, size);
			component[size] = 0;
			next = openat(at, component, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			error = -errno;
		}
		if (opened >= 0)
			close(opened);
		if (next < 0)
			return error;
		at = opened = next;
	}
	int error = open_and_read(at, name, O_NOFOLLOW, size_max, arena, ret_bytes);
	if (opened >= 0)
		close(opened);
	return error;
}

int torn_regular_open_folder(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t size = slash ? (size_t)(slash - path) + 1 : 0;
	if (size + sizeof(".") > sizeof(folder))
		return -ENAMETOOLONG;
	memcpy(folder, path, size);
	memcpy(folder + size, ".", sizeof("."));
	int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

const char *torn_regular_expected(int error, size_t size_max, char *buffer, size_t size)
{
	switch (error) {
	case -ENXIO: /* also a socket's open(2) */
		return "a regular file";
	case -EFBIG:
		snprintf(buffer, size, "a file of at most %zu bytes", size_max);
		return buffer;
	case -ENOMEM:
		return "a file that fits into the arena";
	case -ENOENT:
		return "a file that exists";
	case -ELOOP:
		return "a file that is no symlink";
	default:
		snprintf(buffer, size, "a file that can be read (%s)", strerror(-error));
		return buffer;
	}
}
