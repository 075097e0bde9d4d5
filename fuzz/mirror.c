/* mirror.c: see mirror.h. */
#include "mirror.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "output.h"
#include "regular.h"
#include "sandbox.h"

#define ARENA_BYTES (TORN_REGULAR_SIZE_MAX + 4096)

/* Whoever the sandbox becomes may read it and write to it. */
int torn_mirror_write(int folder_fd, const char *name, struct torn_bytes bytes)
{
	const int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	int r = geteuid() == 0 && fchown(fd, TORN_UNPRIVILEGED_ID, TORN_UNPRIVILEGED_ID) != 0 ? -errno : 0;
	for (size_t done = 0; r == 0 && done < bytes.size;) {
		const ssize_t written = write(fd, bytes.data + done, bytes.size - done);
		if (written < 0)
			r = -errno;
		else
			done += (size_t)written;
	}
	close(fd);
	return r;
}

/* Files that come and go, or are none, are nobody's input. */
static bool is_no_input(int error)
{
	return error == -ENXIO || error == -EFBIG || error == -ENOENT || error == -ELOOP;
}

static int copy_folder(DIR *folder, int to_fd, struct torn_arena *arena)
{
	int r = 0;
	for (struct dirent *entry; r == 0 && (entry = readdir(folder));) {
		struct torn_bytes bytes;
		if (entry->d_name[0] == '.')
			continue;
		torn_arena_return(arena, 0);
		r = torn_regular_read_below(dirfd(folder), entry->d_name, TORN_REGULAR_SIZE_MAX, arena,
					    &bytes);
		if (is_no_input(r))
			r = 0;
		else if (r == 0)
			r = torn_mirror_write(to_fd, entry->d_name, bytes);
	}
	return r;
}

int torn_mirror_in(const char *path, int to_fd)
{
	struct torn_arena arena;
	int r = torn_arena_open(&arena, ARENA_BYTES);
	if (r < 0)
		return r;
	DIR *folder = opendir(path);
	struct torn_bytes bytes;
	if (folder) {
		r = copy_folder(folder, to_fd, &arena);
		closedir(folder);
	} else if (errno == ENOTDIR) {
		const char *slash = strrchr(path, '/');
		r = torn_regular_read(path, &arena, &bytes);
		if (r == 0)
			r = torn_mirror_write(to_fd, slash ? slash + 1 : path, bytes);
	} else {
		r = -errno;
	}
	torn_arena_close(&arena);
	return r;
}

/* From its first entry on, whoever else reads it. */
static DIR *open_folder(int folder_fd)
{
	const int copy = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = copy < 0 ? NULL : fdopendir(copy);
	if (!folder && copy >= 0)
		close(copy);
	return folder;
}

size_t torn_mirror_count(int folder_fd)
{
	size_t count = 0;
	DIR *folder = open_folder(folder_fd);
	if (!folder)
		return 0;
	for (struct dirent *entry; (entry = readdir(folder));)
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count;
}

static int write_bytes(FILE *out, const void *context)
{
	const struct torn_bytes *bytes = context;
	return fwrite(bytes->data, 1, bytes->size, out) == bytes->size ? 0 : -EIO;
}

int torn_mirror_out(int from_fd, const char *path, bool replaces, char *ret_path, size_t size)
{
	struct torn_arena arena;
	if ((size_t)snprintf(ret_path, size, "%s", path) >= size)
		return -ENAMETOOLONG;
	if (mkdir(path, 0777) != 0 && errno != EEXIST)
		return -errno;
	DIR *folder = open_folder(from_fd);
	if (!folder)
		return -errno;
	int r = torn_arena_open(&arena, ARENA_BYTES);
	int count = 0;
	for (struct dirent *entry; r == 0 && (entry = readdir(folder));) {
		struct torn_bytes bytes;
		if (entry->d_name[0] == '.')
			continue;
		/* cut short it would be another file's */
		if ((size_t)snprintf(ret_path, size, "%s/%s", path, entry->d_name) >= size) {
			r = -ENAMETOOLONG;
			break;
		}
		if (!replaces && access(ret_path, F_OK) == 0)
			continue;
		torn_arena_return(&arena, 0);
		r = torn_regular_read_below(dirfd(folder), entry->d_name, TORN_REGULAR_SIZE_MAX, &arena,
					    &bytes);
		if (r == 0) {
			r = torn_output_write(ret_path, write_bytes, &bytes);
			count += r == 0;
		} else if (is_no_input(r)) {
			r = 0;
		}
	}
	closedir(folder);
	torn_arena_close(&arena);
	return r < 0 ? r : count;
}
