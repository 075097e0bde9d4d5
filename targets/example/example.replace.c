/*
 * example.replace: the correct one. A temp in the same directory, write,
 * fsync, close, rename, fsync of the directory.
 *
 * Without the first fsync a power cut leaves the new name and no bytes;
 * without the second it leaves the old file after success was reported.
 */
#include <stdio.h>

#include "example.h"

static int put(int dir, bool there, mode_t mode, struct torn_bytes content)
{
	char temp[EXAMPLE_TEMP_SIZE];

	(void)there; /* rename takes either */
	if (example_stage(dir, mode, content, temp) < 0)
		return -1;
	if (renameat(dir, temp, dir, EXAMPLE_NAME) == 0)
		return 0;
	example_discard(dir, temp);
	return -1;
}

static int correct(const struct torn_run *run)
{
	return example_replace(run, put);
}

static const struct torn_variant variants[] = {{"correct", correct}, {NULL, NULL}};

static const struct torn_target target = {
	.name = "example.replace",
	.summary = "replace a file: temp, write, fsync, rename, fsync of the directory",
	.variants = variants,
	.worlds = example_worlds,
	.args = example_args,
	.watch = example_watch,
	.promises = TORN_PROMISES_RETRY | TORN_KEEPS_MODE,
};
TORN_TARGET(target);
