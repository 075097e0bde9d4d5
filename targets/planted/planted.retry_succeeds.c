/*
 * planted.retry_succeeds: a replace whose temp has always the same name and must
 * not be there: after a kill in between, no run succeeds any more.
 *
 * The others hold: whatever fails while it lives is cleaned up, and the file is
 * old or new and whole. What the kill leaves is the label `stale-temp`.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "planted.h"

static const char temp[] = ".f.new";

static int stage(int dir, struct torn_bytes content)
{
	int file = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644); /* the flaw */
	if (file < 0)
		return -1;
	size_t done = 0;
	while (done < content.size) {
		ssize_t written =
			TEMP_FAILURE_RETRY(write(file, content.data + done, content.size - done));
		if (written < 0)
			break;
		done += (size_t)written;
	}
	int synced = done == content.size ? TEMP_FAILURE_RETRY(fsync(file)) : -1;
	if (close(file) == 0 && synced == 0)
		return 0;
	planted_discard(dir, temp);
	return -1;
}

static int replace(int dir, struct torn_bytes content)
{
	if (stage(dir, content) < 0)
		return -1;
	if (planted_rename(dir, temp) < 0) {
		planted_discard(dir, temp);
		return -1;
	}
	return planted_sync(dir);
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

static const struct torn_target target = {
	.name = "planted.retry_succeeds",
	.summary = "cannot be run again once it was killed with its temp in place",
	.variants = variants,
	.worlds = planted_worlds,
	.args = planted_args,
	.watch = planted_watch,
	.promises = TORN_PROMISES_RETRY,
};
TORN_TARGET(target);
