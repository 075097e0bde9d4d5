/*
 * example.mmap_update: the content of a file changed through a shared mapping.
 *
 * `in_place` stores into the pages of the file itself. Each store is in the file
 * at once, for every reader and for a kill; the disk gets pages when it likes, one by
 * one (mmap(2), msync(2)): a half of the new content is there as soon as something
 * comes in between. `copy` stores into a temp and renames it when msync and fsync
 * said that all of it is on disk. msync covers pages, fsync the size and the mode.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "example.h"

/* Store the content into pages of an open file that is as long, and bring them to the disk. */
static int store(int file, struct torn_bytes content)
{
	if (content.size == 0)
		return 0;
	uint8_t *pages = mmap(NULL, content.size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	if (pages == MAP_FAILED)
		return -1;
	memcpy(pages, content.data, content.size);
	int result = msync(pages, content.size, MS_SYNC);
	int saved = errno;
	(void)munmap(pages, content.size);
	errno = saved;
	return result;
}

/* ---------------------------------------------------------------- in_place */

static int update(int file, struct torn_bytes content)
{
	if (ftruncate(file, (off_t)content.size) < 0)
		return -1;
	return store(file, content) < 0 ? -1 : example_sync(file);
}

static int put_in_place(int dir, bool there, mode_t mode, struct torn_bytes content)
{
	int file = openat(dir, EXAMPLE_NAME,
			  O_RDWR | O_NOFOLLOW | O_CLOEXEC | (there ? 0 : O_CREAT | O_EXCL), mode);
	if (file < 0)
		return -1;
	int result = update(file, content);
	if (result < 0)
		example_close(file);
	else
		result = close(file);
	return result;
}

static int in_place(const struct torn_run *run)
{
	return example_replace(run, put_in_place);
}

/* -------------------------------------------------------------------- copy */

/* As long as the content before any page is stored: behind the end there is none (SIGBUS). */
static int fill_temp(int file, mode_t mode, struct torn_bytes content)
{
	if (ftruncate(file, (off_t)content.size) < 0 || store(file, content) < 0 ||
	    fchmod(file, mode) < 0)
		return -1;
	return example_sync(file);
}

static int put_copy(int dir, bool there, mode_t mode, struct torn_bytes content)
{
	char temp[EXAMPLE_TEMP_SIZE];

	(void)there; /* rename takes either */
	if (example_name_temp(temp) < 0)
		return -1;
	int file = openat(dir, temp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (file < 0)
		return -1;

	int result = fill_temp(file, mode, content);
	if (result < 0)
		example_close(file);
	else
		result = close(file);
	if (result == 0)
		result = renameat(dir, temp, dir, EXAMPLE_NAME);
	if (result < 0)
		example_discard(dir, temp);
	return result;
}

static int copy(const struct torn_run *run)
{
	return example_replace(run, put_copy);
}

static const struct torn_variant variants[] = {
	{"in_place", in_place, NULL},
	{"copy", copy, NULL},
	{NULL, NULL, NULL},
};

static const struct torn_target target = {
	.name = "example.mmap_update",
	.summary = "change a file through a shared mapping",
	.variants = variants,
	.worlds = example_worlds,
	.args = example_args,
	.watch = example_watch,
	.promises = TORN_PROMISES_RETRY | TORN_KEEPS_MODE,
};
TORN_TARGET(target);
