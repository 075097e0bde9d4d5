/*
 * planted.metadata_kept: a replace that gives the new file the old one's mode,
 * owner and attributes, but for one of them: each variant forgets another one.
 *
 * The others hold: what fails is cleaned up, and the file is old or new and whole.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "planted.h"

enum forgets { MODE, OWNER, XATTR, ATTRIBUTE_COUNT };

#define NOTE "user.note"

/* Returns 0 or -1. */
static int copy_metadata(int dir, const char *temp, enum forgets forgets)
{
	char note[64];
	struct stat status;
	int old = openat(dir, PLANTED_NAME, O_RDONLY | O_CLOEXEC);
	if (old < 0)
		return -1;
	int file = openat(dir, temp, O_WRONLY | O_CLOEXEC);
	int result = file < 0 ? -1 : fstat(old, &status);
	if (result == 0 && forgets != OWNER)
		result = fchown(file, status.st_uid, status.st_gid);
	if (result == 0 && forgets != MODE)
		result = fchmod(file, status.st_mode & 07777);
	if (result == 0 && forgets != XATTR) {
		ssize_t size = fgetxattr(old, NOTE, note, sizeof(note));
		result = size < 0 ? -1 : fsetxattr(file, NOTE, note, (size_t)size, 0);
	}
	if (result == 0)
		result = TEMP_FAILURE_RETRY(fsync(file));
	if (file >= 0 && close(file) != 0)
		result = -1;
	close(old);
	return result;
}

static int replace(int dir, struct torn_bytes content, enum forgets forgets)
{
	char temp[PLANTED_TEMP_SIZE];

	if (planted_stage(dir, content, temp) < 0)
		return -1;
	if (copy_metadata(dir, temp, forgets) < 0 || planted_rename(dir, temp) < 0) {
		planted_discard(dir, temp);
		return -1;
	}
	return planted_sync(dir);
}

static int planted(const struct torn_run *run, enum forgets forgets)
{
	int dir = planted_open();
	if (dir < 0)
		return -1;
	int result = replace(dir, torn_run_arg(run, "content"), forgets);
	planted_close(dir);
	return result;
}

static int mode(const struct torn_run *run)
{
	return planted(run, MODE);
}

static int owner(const struct torn_run *run)
{
	return planted(run, OWNER);
}

static int xattr(const struct torn_run *run)
{
	return planted(run, XATTR);
}

static const struct torn_variant variants[] = {
	{"mode", mode}, {"owner", owner}, {"xattr", xattr}, {NULL, NULL}};

static const struct torn_world worlds[] = {
	{"present",
	 "old srv/f file mode=0600 owner=1000:100 xattr=" NOTE ":kept \"old\\n\"\n",
	 .refuses = false},
	{NULL, NULL, false},
};

static const struct torn_target target = {
	.name = "planted.metadata_kept",
	.summary = "forgets the mode, the owner or the attributes of the file that it replaces",
	.variants = variants,
	.worlds = worlds,
	.args = planted_args,
	.watch = planted_watch,
	.promises = TORN_KEEPS_MODE | TORN_KEEPS_OWNER | TORN_KEEPS_XATTRS,
};
TORN_TARGET(target);
