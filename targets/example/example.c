/* example.c: see example.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "example.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* 9000 bytes: more than two blocks. */
#define TEN(text) text text text text text text text text text text
#define LARGE TEN(TEN(TEN("99 bytes\\n")))

const struct torn_world example_worlds[] = {
	{"present",
	 "old srv/app/state.json file \"{\\\"generation\\\":1}\\n\"\n",
	 .refuses = false},
	{"absent",
	 "old srv/app dir\n"
	 "old srv/app/state.json absent\n",
	 .refuses = false},
	{"private",
	 "old srv/app/state.json file mode=0600 \"{\\\"generation\\\":1}\\n\"\n",
	 .refuses = false},
	{"large", __extension__ "old srv/app/state.json file \"" LARGE "\"\n", .refuses = false},
	{"directory", "old srv/app/state.json dir\n", .refuses = true},
	{NULL, NULL, false},
};

const struct torn_default example_args[] = {
	{"content", "\"{\\\"generation\\\":2,\\\"state\\\":\\\"running\\\"}\\n\""},
	{NULL, NULL},
};

const char *const example_watch[] = {"srv/app/state.json", NULL};

void example_close(int fd)
{
	int saved = errno;

	(void)close(fd);
	errno = saved;
}

void example_discard(int dir, const char *temp)
{
	int saved = errno;

	(void)unlinkat(dir, temp, 0);
	errno = saved;
}

int example_sync(int fd)
{
	return TEMP_FAILURE_RETRY(fsync(fd));
}

int example_name_temp(char temp[static EXAMPLE_TEMP_SIZE])
{
	uint64_t random;

	if (getentropy(&random, sizeof(random)) < 0)
		return -1;
	snprintf(temp, EXAMPLE_TEMP_SIZE, "." EXAMPLE_NAME ".%016" PRIx64, random);
	return 0;
}

/* O_EXCL: a name that somebody else holds is an error, never theirs to be overwritten. */
int example_create_temp(int dir, char temp[static EXAMPLE_TEMP_SIZE])
{
	if (example_name_temp(temp) < 0)
		return -1;
	return openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
}

/* A write may be short, or interrupted before it began: neither is an error. */
int example_write_whole(int file, struct torn_bytes content)
{
	for (size_t done = 0; done < content.size;) {
		ssize_t written =
			TEMP_FAILURE_RETRY(write(file, content.data + done, content.size - done));
		if (written < 0)
			return -1;
		done += (size_t)written;
	}
	return 0;
}

static int read_all(int file, uint8_t *bytes, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t got = TEMP_FAILURE_RETRY(
			pread(file, bytes + done, size - done, (off_t)done));
		if (got < 0)
			return -1;
		if (got == 0) { /* somebody else cuts it while it is read */
			errno = EIO;
			return -1;
		}
		done += (size_t)got;
	}
	return 0;
}

int example_read_whole(int file, uint8_t **ret_bytes, size_t *ret_size)
{
	struct stat status;

	if (fstat(file, &status) < 0)
		return -1;
	if (!S_ISREG(status.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	size_t size = (size_t)status.st_size;
	uint8_t *bytes = malloc(size + 1); /* of an empty file, too, there are bytes to free */
	if (bytes == NULL)
		return -1;
	if (read_all(file, bytes, size) < 0) {
		free(bytes);
		return -1;
	}
	*ret_bytes = bytes;
	*ret_size = size;
	return 0;
}

/* The mode before the sync, which is to bring it to the disk too. */
int example_fill(int file, mode_t mode, struct torn_bytes content)
{
	if (example_write_whole(file, content) < 0 || fchmod(file, mode) < 0)
		return -1;
	return example_sync(file);
}

int example_stage(int dir, mode_t mode, struct torn_bytes content,
		  char temp[static EXAMPLE_TEMP_SIZE])
{
	int file = example_create_temp(dir, temp);
	if (file < 0)
		return -1;

	int result = example_fill(file, mode, content);
	if (result < 0)
		example_close(file);
	else
		result = close(file);
	if (result < 0)
		example_discard(dir, temp);
	return result;
}

int example_look(int dir, mode_t *ret_mode)
{
	struct stat status;

	if (fstatat(dir, EXAMPLE_NAME, &status, AT_SYMLINK_NOFOLLOW) < 0) {
		*ret_mode = 0644;
		return errno == ENOENT ? 0 : -1;
	}
	if (!S_ISREG(status.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	*ret_mode = status.st_mode & 07777;
	return 1;
}

int example_replace(const struct torn_run *run, example_put *put)
{
	mode_t mode;

	int dir = open("/srv/app", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;

	int there = example_look(dir, &mode);
	int result = there < 0 ? -1 : put(dir, there, mode, torn_run_arg(run, "content"));
	if (result == 0)
		result = example_sync(dir); /* else a power cut may take the new name away */
	example_close(dir);
	return result;
}
