/*
 * example.tmpfile_link: replace by way of a file that has no name.
 *
 * Until it is linked a kill leaves nothing. linkat cannot replace, so where
 * there is an old file the new one gets a name for the moment before the
 * rename. Fails where the file system has no O_TMPFILE, or /proc is absent.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "example.h"

static int link_as(int file, int dir, const char *name)
{
	char path[sizeof("/proc/self/fd/") + 3 * sizeof(file)];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	return linkat(AT_FDCWD, path, dir, name, AT_SYMLINK_FOLLOW);
}

static int publish(int file, int dir, bool there)
{
	char temp[EXAMPLE_TEMP_SIZE];

	if (!there)
		return link_as(file, dir, EXAMPLE_NAME);
	if (example_name_temp(temp) < 0 || link_as(file, dir, temp) < 0)
		return -1;
	if (renameat(dir, temp, dir, EXAMPLE_NAME) == 0)
		return 0;
	example_discard(dir, temp);
	return -1;
}

static int put(int dir, bool there, mode_t mode, struct torn_bytes content)
{
	int file = openat(dir, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
	if (file < 0)
		return -1;

	int result = example_fill(file, mode, content);
	if (result == 0)
		result = publish(file, dir, there);
	example_close(file); /* its bytes are on the disk: close has nothing left to tell */
	return result;
}

static int correct(const struct torn_run *run)
{
	return example_replace(run, put);
}

static const struct torn_variant variants[] = {{"correct", correct}, {NULL, NULL}};

static const struct torn_target target = {
	.name = "example.tmpfile_link",
	.summary = "replace a file: O_TMPFILE, write, fsync, linkat, rename",
	.variants = variants,
	.worlds = example_worlds,
	.args = example_args,
	.watch = example_watch,
	.promises = TORN_PROMISES_RETRY | TORN_KEEPS_MODE,
};
TORN_TARGET(target);
