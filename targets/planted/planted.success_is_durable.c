/*
 * planted.success_is_durable: replaces that report success of what a power cut may
 * take back. Without a power cut there is nothing wrong with any of them.
 *
 * directory: the rename is never synced; every file system may lose it, but one
 * that is mounted synchronously. wrong_directory: another one is. file: the temp
 * is not, so that the name may be there without the bytes (old-or-new), but on
 * ext4, which flushes them at a rename over a name.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "../../fuzz/torn.h"

static int sync_directory(const char *path)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY);
	if (dir < 0)
		return -1;
	int result = fsync(dir);
	close(dir);
	return result;
}

static int replace(const struct torn_run *run, bool syncs_file, const char *directory)
{
	const struct torn_bytes content = torn_run_arg(run, "content");

	int file = open("/srv/.f.tmp", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (file < 0)
		return -1;
	bool done = write(file, content.data, content.size) == (ssize_t)content.size &&
		    (!syncs_file || fsync(file) == 0);
	done = close(file) == 0 && done;
	if (!done || rename("/srv/.f.tmp", "/srv/f") < 0) {
		unlink("/srv/.f.tmp");
		return -1;
	}
	return directory ? sync_directory(directory) : 0;
}

static int directory(const struct torn_run *run)
{
	return replace(run, true, NULL);
}

static int wrong_directory(const struct torn_run *run)
{
	return replace(run, true, "/");
}

static int file(const struct torn_run *run)
{
	return replace(run, false, "/srv");
}

static const struct torn_variant variants[] = {
	{"directory", directory},
	{"wrong_directory", wrong_directory},
	{"file", file},
	{NULL, NULL},
};

static const struct torn_world worlds[] = {
	{"present", "old srv/f file \"old\\n\"\n", .refuses = false},
	{"absent", "old srv dir\nold srv/f absent\n", .refuses = false},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"content", "\"new content\\n\""},
	{NULL, NULL},
};

static const char *const watch[] = {"srv/f", NULL};

static const struct torn_target target = {
	.name = "planted.success_is_durable",
	.summary = "a replace that is done before it is durable",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
};
TORN_TARGET(target);
