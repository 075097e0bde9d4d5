/*
 * planted.rollback_restores: replaces the file, and where the last step fails
 * puts the old content back: with a mode of its own.
 *
 * The others hold: the content is old or new and whole at every moment, and a
 * rollback that failed is reported as failure only.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "planted.h"

#define OLD_MAX 256u

/* Returns how many bytes, or -1. */
static ssize_t read_old(int dir, uint8_t buffer[static OLD_MAX])
{
	/* a FIFO has nothing to wait for */
	int file = openat(dir, PLANTED_NAME, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (file < 0)
		return -1;
	size_t size = 0;
	for (ssize_t got = 1; got > 0 && size < OLD_MAX;) {
		got = TEMP_FAILURE_RETRY(read(file, buffer + size, OLD_MAX - size));
		if (got < 0) {
			close(file);
			return -1;
		}
		size += (size_t)got;
	}
	close(file);
	return (ssize_t)size;
}

static int replace(int dir, struct torn_bytes content)
{
	char temp[PLANTED_TEMP_SIZE];
	uint8_t old[OLD_MAX];
	ssize_t size = read_old(dir, old);

	if (size < 0 || planted_stage(dir, content, temp) < 0)
		return -1;
	if (planted_rename(dir, temp) < 0) {
		planted_discard(dir, temp);
		return -1;
	}
	if (planted_sync(dir) == 0)
		return 0;
	/* the flaw: the file is made anew with the mode of every temp */
	return planted_replace(dir, (struct torn_bytes){old, (size_t)size}) == 0 ? TORN_ROLLED_BACK
										  : -1;
}

static int planted(const struct torn_run *run)
{
	int dir = planted_open();
	if (dir < 0)
		return -1;
	int result = replace(dir, torn_run_arg(run, "content"));
	planted_close(dir);
	return result;
}

static const struct torn_variant variants[] = {{"planted", planted}, {NULL, NULL}};

static const struct torn_world worlds[] = {
	{"present", "old srv/f file mode=0600 \"old\\n\"\n", .refuses = false},
	{NULL, NULL, false},
};

static const struct torn_target target = {
	.name = "planted.rollback_restores",
	.summary = "rolls back to the old content with another mode",
	.variants = variants,
	.worlds = worlds,
	.args = planted_args,
	.watch = planted_watch,
	.promises = TORN_PROMISES_ROLLBACK,
};
TORN_TARGET(target);
