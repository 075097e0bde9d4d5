/*
 * example.exchange: replace by exchanging two names, then remove the old file
 * under the temp's. Where there is no old file, a rename that replaces none.
 *
 * Unlike a plain rename it fails where the old file went away, or a new one
 * came, since it was looked at. The price: for a moment both files have names,
 * and a kill then leaves the old one under the temp's.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "example.h"

/*
 * Remove the old file. Where that fails go back, so that the failure that is
 * reported means old, and what is to be removed is only the temp.
 */
static int remove_old(int dir, const char *temp)
{
	if (unlinkat(dir, temp, 0) == 0)
		return 0;
	int number = errno;
	if (renameat2(dir, temp, dir, EXAMPLE_NAME, RENAME_EXCHANGE) == 0)
		example_discard(dir, temp);
	errno = number;
	return -1;
}

static int put(int dir, bool there, mode_t mode, struct torn_bytes content)
{
	unsigned how = there ? RENAME_EXCHANGE : RENAME_NOREPLACE;
	char temp[EXAMPLE_TEMP_SIZE];

	if (example_stage(dir, mode, content, temp) < 0)
		return -1;
	if (renameat2(dir, temp, dir, EXAMPLE_NAME, how) < 0) {
		example_discard(dir, temp);
		return -1;
	}
	return there ? remove_old(dir, temp) : 0;
}

static int correct(const struct torn_run *run)
{
	return example_replace(run, put);
}

static const struct torn_variant variants[] = {{"correct", correct}, {NULL, NULL}};

static const struct torn_target target = {
	.name = "example.exchange",
	.summary = "replace a file: temp, write, fsync, exchange of the names, unlink",
	.variants = variants,
	.worlds = example_worlds,
	.args = example_args,
	.watch = example_watch,
	.promises = TORN_PROMISES_RETRY | TORN_KEEPS_MODE,
};
TORN_TARGET(target);
