/*
 * planted.rollback_is_durable: an update that fails its check and takes itself back,
 * by a rename that it does not sync. A power cut brings the update back, which was
 * durable. Without one there is nothing wrong with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "../../fuzz/torn.h"

static int sync_directory(void)
{
	int dir = open("/srv", O_RDONLY | O_DIRECTORY);
	if (dir < 0)
		return -1;
	int result = fsync(dir);
	close(dir);
	return result;
}

static int stage(const struct torn_run *run)
{
	const struct torn_bytes content = torn_run_arg(run, "content");

	int file = open("/srv/.f.tmp", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (file < 0)
		return -1;
	bool done = write(file, content.data, content.size) == (ssize_t)content.size && fsync(file) == 0;
	return close(file) == 0 && done ? 0 : -1;
}

/* The new file in f's place, and the old one under the backup's name, synced. */
static int install(const struct torn_run *run)
{
	if (stage(run) < 0) {
		unlink("/srv/.f.tmp");
		return -1;
	}
	if (link("/srv/f", "/srv/f.old") < 0 || rename("/srv/.f.tmp", "/srv/f") < 0) {
		unlink("/srv/f.old");
		unlink("/srv/.f.tmp");
		return -1;
	}
	return sync_directory();
}

/* The check always fails. */
static int unsynced(const struct torn_run *run)
{
	(void)install(run);
	if (rename("/srv/f.old", "/srv/f") < 0 && errno != ENOENT)
		return -1;
	return TORN_ROLLED_BACK;
}

static const struct torn_variant variants[] = {
	{"unsynced", unsynced},
	{NULL, NULL},
};

static const struct torn_world worlds[] = {
	{"present", "old srv/f file \"old\\n\"\n", .refuses = true},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"content", "\"new content\\n\""},
	{NULL, NULL},
};

static const char *const watch[] = {"srv/f", NULL};

static const struct torn_between between[] = {
	{"srv/f", "$content"},
	{NULL, NULL},
};

static const struct torn_target target = {
	.name = "planted.rollback_is_durable",
	.summary = "a rollback that is done before it is durable",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.between = between,
	.promises = TORN_PROMISES_ROLLBACK,
	.backup = "srv/f.old",
};
TORN_TARGET(target);
