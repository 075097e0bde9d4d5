/* directories.c: see directories.h. */
#include "directories.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "raw.h"

static void remember(struct torn_directories *directories, torn_object dir, int fd)
{
	directories->fds[dir] = fd;
	if (directories->count < sizeof directories->open / sizeof *directories->open)
		directories->open[directories->count++] = dir;
	else
		directories->overflow = true;
}

int torn_directories_fd(struct torn_directories *directories, torn_object dir)
{
	if (dir == TORN_FOLD_ROOT)
		return directories->root_fd;
	if (dir >= TORN_DIRECTORIES_MAX)
		return -ENOMEM;
	if (directories->fds[dir])
		return directories->fds[dir];
	const struct torn_fold_object *object = torn_fold_object(&directories->view->fold, dir);
	if (!object || !object->links)
		return -ENOENT;
	int above = torn_directories_fd(directories, object->links->dir);
	if (above < 0)
		return above;
	char name[256];
	memcpy(name, object->links->name.data, object->links->name.size);
	name[object->links->name.size] = '\0';
	long low = torn_raw(SYS_openat, above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (low < 0)
		return (int)low;
	long fd = torn_raw(SYS_fcntl, low, F_DUPFD_CLOEXEC, TORN_FD_RESERVED);
	torn_raw(SYS_close, low);
	if (fd >= 0)
		remember(directories, dir, (int)fd);
	return (int)fd;
}

void torn_directories_forget(struct torn_directories *directories)
{
	for (uint32_t i = 0; i < directories->count; i++) {
		torn_raw(SYS_close, directories->fds[directories->open[i]]);
		directories->fds[directories->open[i]] = 0;
	}
	directories->count = 0;
	for (uint32_t i = 0; directories->overflow && i < TORN_DIRECTORIES_MAX; i++) {
		if (directories->fds[i] == 0)
			continue;
		torn_raw(SYS_close, directories->fds[i]);
		directories->fds[i] = 0;
	}
	directories->overflow = false;
}
