/*
 * example.fsync_again: a replace that does not give up when fsync fails.
 *
 * On Linux an fsync that fails leaves the pages clean that it could not write: the
 * next one has nothing to do and succeeds (fsync(2); Rebello et al., "Can
 * Applications Recover from fsync Failures?", ATC 2020). `published` takes that
 * success for an answer, and renames a file into place of which nothing is on disk.
 * `rewritten` begins anew with another temp, whose pages are all dirty.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "example.h"

static bool is_worth_another_try(int number)
{
	return number == EIO || number == ENOSPC || number == EDQUOT;
}

static int sync_again(int file)
{
	int result = example_sync(file);
	if (result < 0 && is_worth_another_try(errno))
		result = example_sync(file);
	return result;
}

/* As example_stage(), but for the sync. */
static int stage_stubborn(int dir, mode_t mode, struct torn_bytes content,
			  char temp[static EXAMPLE_TEMP_SIZE])
{
	int file = example_create_temp(dir, temp);
	if (file < 0)
		return -1;

	int result = example_write_whole(file, content);
	if (result == 0)
		result = fchmod(file, mode);
	if (result == 0)
		result = sync_again(file);
	if (result < 0)
		example_close(file);
	else
		result = close(file);
	if (result < 0)
		example_discard(dir, temp);
	return result;
}

static int stage_anew(int dir, mode_t mode, struct torn_bytes content,
		      char temp[static EXAMPLE_TEMP_SIZE])
{
	int result = example_stage(dir, mode, content, temp);
	if (result < 0 && is_worth_another_try(errno))
		result = example_stage(dir, mode, content, temp);
	return result;
}

static int put_renamed(int dir, const char *temp)
{
	if (renameat(dir, temp, dir, EXAMPLE_NAME) == 0)
		return 0;
	example_discard(dir, temp);
	return -1;
}

static int put_stubborn(int dir, bool there, mode_t mode, struct torn_bytes content)
{
	char temp[EXAMPLE_TEMP_SIZE];

	(void)there; /* rename takes either */
	return stage_stubborn(dir, mode, content, temp) < 0 ? -1 : put_renamed(dir, temp);
}

static int put_anew(int dir, bool there, mode_t mode, struct torn_bytes content)
{
	char temp[EXAMPLE_TEMP_SIZE];

	(void)there;
	return stage_anew(dir, mode, content, temp) < 0 ? -1 : put_renamed(dir, temp);
}

static int published(const struct torn_run *run)
{
	return example_replace(run, put_stubborn);
}

static int rewritten(const struct torn_run *run)
{
	return example_replace(run, put_anew);
}

static const struct torn_variant variants[] = {
	{"published", published, NULL},
	{"rewritten", rewritten, NULL},
	{NULL, NULL, NULL},
};

static const struct torn_target target = {
	.name = "example.fsync_again",
	.summary = "replace a file; where its fsync fails, fsync again",
	.variants = variants,
	.worlds = example_worlds,
	.args = example_args,
	.watch = example_watch,
	.promises = TORN_PROMISES_RETRY | TORN_KEEPS_MODE,
};
TORN_TARGET(target);
