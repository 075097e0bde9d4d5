/* workspace.c: see workspace.h. */
#include "workspace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "../injectors/disk.h"
#include "sandbox.h"

/* So long that nobody else's folder has it: those of dead ones are removed. */
#define ATTEMPTS 100
#define PREFIX "torn-work-"

static bool is_tmpfs(const char *path)
{
	struct statfs status;
	return path && path[0] == '/' && statfs(path, &status) == 0 &&
	       status.f_type == TMPFS_MAGIC && access(path, W_OK) == 0;
}

static const char *place(void)
{
	const char *const places[] = {"/dev/shm", getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp"};
	for (size_t i = 0; i < sizeof places / sizeof *places; i++)
		if (is_tmpfs(places[i]))
			return places[i];
	return NULL;
}

static void remove_workspace(const char *path, int dir_fd)
{
	if (dir_fd >= 0)
		torn_disk_clear(dir_fd);
	rmdir(path);
}

/* A dead torn holds no lock. What is another user's is left alone. */
static void clear_stale(const char *above)
{
	DIR *dir = opendir(above);
	if (!dir)
		return;
	for (struct dirent *entry; (entry = readdir(dir));) {
		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		const int fd = openat(dirfd(dir), entry->d_name,
				      O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		struct stat status;
		if (fd >= 0 && fstat(fd, &status) == 0 && status.st_uid == geteuid() &&
		    flock(fd, LOCK_EX | LOCK_NB) == 0) {
			char path[512];
			snprintf(path, sizeof path, "%s/%s", above, entry->d_name);
			remove_workspace(path, fd);
		}
		if (fd >= 0)
			close(fd);
	}
	closedir(dir);
}

static int make(struct torn_workspace *workspace, const char *above, char *ret_message, size_t size)
{
	snprintf(workspace->path, sizeof workspace->path, "%s/" PREFIX "XXXXXX", above);
	if (!mkdtemp(workspace->path)) {
		snprintf(ret_message, size, "%s: %s", workspace->path, strerror(errno));
		return -errno;
	}
	workspace->dir_fd = open(workspace->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const bool ok = workspace->dir_fd >= 0 && flock(workspace->dir_fd, LOCK_EX | LOCK_NB) == 0 &&
			fchmod(workspace->dir_fd, 0711) == 0;
	workspace->root_fd = ok ? torn_sandbox_folder(workspace->dir_fd, "root") : -errno;
	if (workspace->root_fd < 0) {
		const int error = -workspace->root_fd;
		snprintf(ret_message, size, "%s: %s", workspace->path, strerror(error));
		remove_workspace(workspace->path, workspace->dir_fd);
		if (workspace->dir_fd >= 0)
			close(workspace->dir_fd);
		return -error;
	}
	return 0;
}

int torn_workspace_open(struct torn_workspace *workspace, char *ret_message, size_t size)
{
	const char *above = place();
	if (!above) {
		snprintf(ret_message, size,
			 "no tmpfs to work in: /dev/shm, $XDG_RUNTIME_DIR, $TMPDIR and /tmp are none; "
			 "set TMPDIR to a writable tmpfs");
		return -ENODEV;
	}
	int r = torn_unprivileged_try(ret_message, size);
	if (r < 0)
		return r;
	clear_stale(above);
	r = -EAGAIN;
	/* Between mkdtemp and flock another start may take it for a dead one's. */
	for (int i = 0; i < ATTEMPTS && (r == -EAGAIN || r == -ENOENT); i++)
		r = make(workspace, above, ret_message, size);
	return r;
}

void torn_workspace_close(struct torn_workspace *workspace)
{
	close(workspace->root_fd);
	remove_workspace(workspace->path, workspace->dir_fd);
	close(workspace->dir_fd);
}
