/* planted.c: see planted.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "planted.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/random.h>
#include <unistd.h>

const struct torn_world planted_worlds[] = {
	{"present", "old srv/f file \"old\\n\"\n", .refuses = false},
	{NULL, NULL, false},
};

const struct torn_default planted_args[] = {{"content", "\"new content\\n\""}, {NULL, NULL}};

const char *const planted_watch[] = {"srv/f", NULL};

int planted_open(void)
{
	return open("/srv", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

void planted_close(int fd)
{
	(void)close(fd);
}

void planted_discard(int dir, const char *temp)
{
	(void)unlinkat(dir, temp, 0);
}

int planted_rename(int dir, const char *temp)
{
	return renameat(dir, temp, dir, PLANTED_NAME);
}

int planted_sync(int dir)
{
	return TEMP_FAILURE_RETRY(fsync(dir));
}

static int fill(int file, struct torn_bytes content)
{
	for (size_t done = 0; done < content.size;) {
		ssize_t written =
			TEMP_FAILURE_RETRY(write(file, content.data + done, content.size - done));
		if (written < 0)
			return -1;
		done += (size_t)written;
	}
	return TEMP_FAILURE_RETRY(fsync(file));
}

int planted_stage(int dir, struct torn_bytes content, char temp[static PLANTED_TEMP_SIZE])
{
	uint64_t random;

	if (getentropy(&random, sizeof(random)) < 0)
		return -1;
	snprintf(temp, PLANTED_TEMP_SIZE, "." PLANTED_NAME ".%016" PRIx64, random);
	int file = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (file < 0)
		return -1;

	int filled = fill(file, content);
	int closed = close(file);
	if (filled == 0 && closed == 0)
		return 0;
	planted_discard(dir, temp);
	return -1;
}

int planted_replace(int dir, struct torn_bytes content)
{
	char temp[PLANTED_TEMP_SIZE];

	if (planted_stage(dir, content, temp) < 0)
		return -1;
	if (planted_rename(dir, temp) < 0) {
		planted_discard(dir, temp);
		return -1;
	}
	return planted_sync(dir);
}
