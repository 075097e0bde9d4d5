/* output.c: see output.h. torn keeps the promise that it tests. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Returns the first error of writing, flushing or (where `sync`) making durable; closes. */
static int fill(FILE *out, bool sync, int (*write)(FILE *, const void *), const void *context)
{
	int r = write(out, context);
	if (r == 0 && (fflush(out) != 0 || ferror(out)))
		r = errno ? -errno : -EIO;
	if (r == 0 && sync && fsync(fileno(out)) != 0)
		r = -errno;
	if (fclose(out) != 0 && r == 0)
		r = -errno;
	return r;
}

static int write_directly(const char *path, int (*write)(FILE *, const void *), const void *context)
{
	FILE *out = strcmp(path, "-") == 0 ? fdopen(dup(STDOUT_FILENO), "w") : fopen(path, "we");
	return out ? fill(out, false, write, context) : -errno;
}

static int sync_directory_of(const char *path)
{
	char copy[PATH_MAX];
	snprintf(copy, sizeof copy, "%s", path);
	const int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	const int r = fsync(fd) == 0 ? 0 : -errno;
	close(fd);
	return r;
}

static mode_t mode_of_new(void)
{
	const mode_t mask = umask(0);
	umask(mask);
	return 0666 & ~mask;
}

/* Put a file of this mode in the place of what is at a path. */
static int put(const char *path, mode_t mode, int (*write)(FILE *, const void *),
	       const void *context)
{
	char temp[PATH_MAX];
	if ((size_t)snprintf(temp, sizeof temp, "%s.XXXXXX", path) >= sizeof temp)
		return -ENAMETOOLONG;
	const int fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = 0;
	FILE *out = fchmod(fd, mode) == 0 ? fdopen(fd, "w") : NULL;
	if (out) {
		r = fill(out, true, write, context);
	} else {
		r = -errno;
		close(fd);
	}
	if (r == 0 && rename(temp, path) != 0)
		r = -errno;
	if (r < 0) {
		unlink(temp);
		return r;
	}
	return sync_directory_of(path);
}

int torn_output_write(const char *path, int (*write)(FILE *out, const void *context),
		      const void *context)
{
	struct stat status;
	const bool there = stat(path, &status) == 0;
	if (strcmp(path, "-") == 0 || (there && !S_ISREG(status.st_mode)))
		return write_directly(path, write, context);
	/* A symlink's file is replaced, not the symlink. */
	char real[PATH_MAX];
	if (there && !realpath(path, real))
		return -errno;
	if (there)
		path = real;
	return put(path, there ? status.st_mode & 0777 : mode_of_new(), write, context);
}

int torn_output_write_at(int folder_fd, const char *name,
			 int (*write)(FILE *out, const void *context), const void *context)
{
	/* proc(5): what mkostemp(3), which has no *at, finds there is the folder itself */
	char path[PATH_MAX];
	if ((size_t)snprintf(path, sizeof path, "/proc/self/fd/%d/%s", folder_fd, name) >=
	    sizeof path)
		return -ENAMETOOLONG;
	return put(path, mode_of_new(), write, context);
}
