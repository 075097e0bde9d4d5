/*
 * planted.recovery_converges: rewrites /srv/f in place, with a copy of what it was
 * in /srv/f.bak, and "dirty" in /srv/status for as long as f is not whole. Recovery
 * puts the copy back where it finds "dirty".
 *
 * clean_first: recovery says "clean" before it has put f back. Killed in between it
 * leaves f torn, and the next one sees nothing to do.
 * swaps: recovery exchanges f and f.bak, and leaves "dirty" as it is. Once, it is
 * right; the next one brings the torn file back.
 *
 * The others hold: the update itself is right, and so is one recovery that is left
 * alone, after a kill, a power cut or an error. All by-products are there after a
 * clean run too.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "planted.h"

#define BACKUP PLANTED_NAME ".bak"
#define STATUS "status"
#define SIZE_MAX_BYTES 4096

static const char clean[] = "clean\n", dirty[] = "dirty\n";

/* ------------------------------------------------------------------- files */

/* Returns how many bytes there are, up to SIZE_MAX_BYTES; or -1. */
static ssize_t read_all(int dir, const char *name, char bytes[static SIZE_MAX_BYTES])
{
	int file = openat(dir, name, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return -1;
	size_t done = 0;
	ssize_t got = 1;
	while (got > 0 && done < SIZE_MAX_BYTES) {
		got = TEMP_FAILURE_RETRY(read(file, bytes + done, SIZE_MAX_BYTES - done));
		done += got > 0 ? (size_t)got : 0;
	}
	planted_close(file);
	return got < 0 ? -1 : (ssize_t)done;
}

/* Make a file anew, in the place of any other, and durable. */
static int replace(int dir, const char *name, struct torn_bytes content)
{
	char temp[PLANTED_TEMP_SIZE];

	if (planted_stage(dir, content, temp) < 0)
		return -1;
	if (renameat(dir, temp, dir, name) < 0) {
		planted_discard(dir, temp);
		return -1;
	}
	return planted_sync(dir);
}

static int rewrite(int dir, struct torn_bytes content)
{
	int file = openat(dir, PLANTED_NAME, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (file < 0)
		return -1;
	int result = 0;
	for (size_t done = 0; result == 0 && done < content.size;) {
		ssize_t written =
			TEMP_FAILURE_RETRY(write(file, content.data + done, content.size - done));
		if (written < 0)
			result = -1;
		else
			done += (size_t)written;
	}
	if (result == 0)
		result = TEMP_FAILURE_RETRY(fsync(file));
	planted_close(file);
	return result;
}

/* ---------------------------------------------------------------- recovery */

/* Returns 1 where f may be torn, 0 where it is whole, -1 where that cannot be told. */
static int is_dirty(int dir)
{
	char status[SIZE_MAX_BYTES];
	ssize_t size = read_all(dir, STATUS, status);

	if (size < 0)
		return -1;
	return (size_t)size == strlen(dirty) && memcmp(status, dirty, strlen(dirty)) == 0;
}

static int put_back_clean_first(int dir)
{
	char bytes[SIZE_MAX_BYTES];
	ssize_t size = read_all(dir, BACKUP, bytes);

	if (size < 0)
		return -1;
	if (replace(dir, STATUS, torn_bytes_of(clean)) < 0) /* the flaw: f is torn still */
		return -1;
	return rewrite(dir, (struct torn_bytes){(const uint8_t *)bytes, (size_t)size});
}

static int put_back_by_swap(int dir)
{
	if (renameat2(dir, BACKUP, dir, PLANTED_NAME, RENAME_EXCHANGE) < 0)
		return -1;
	return planted_sync(dir); /* the flaw: the status stays dirty, as if f were torn */
}

static int recover(int (*put_back)(int dir))
{
	int dir = planted_open();
	if (dir < 0)
		return -1;
	int result = is_dirty(dir);
	if (result == 1)
		result = put_back(dir);
	else if (result == 0)
		result = planted_sync(dir); /* whoever said "clean" may have died before its own */
	planted_close(dir);
	return result;
}

static int recover_clean_first(const struct torn_run *run)
{
	(void)run;
	return recover(put_back_clean_first);
}

static int recover_by_swap(const struct torn_run *run)
{
	(void)run;
	return recover(put_back_by_swap);
}

/* ------------------------------------------------------------------ update */

/* A failure leaves "dirty", for recovery. What is dirty already is left to it as well. */
static int update(int dir, struct torn_bytes content)
{
	char old[SIZE_MAX_BYTES];

	ssize_t size = is_dirty(dir) == 0 ? read_all(dir, PLANTED_NAME, old) : -1;
	if (size < 0)
		return -1;
	if (replace(dir, BACKUP, (struct torn_bytes){(const uint8_t *)old, (size_t)size}) < 0 ||
	    replace(dir, STATUS, torn_bytes_of(dirty)) < 0 || rewrite(dir, content) < 0)
		return -1;
	return replace(dir, STATUS, torn_bytes_of(clean));
}

static int planted(const struct torn_run *run)
{
	int dir = planted_open();
	if (dir < 0)
		return -1;
	int result = update(dir, torn_run_arg(run, "content"));
	planted_close(dir);
	return result;
}

static const struct torn_variant variants[] = {
	{.name = "clean_first", .operation = planted, .recovery = recover_clean_first},
	{.name = "swaps", .operation = planted, .recovery = recover_by_swap},
	{.name = NULL},
};

static const struct torn_world worlds[] = {
	{"present",
	 "old srv/f file \"old\\n\"\n"
	 "old srv/status file \"clean\\n\"\n",
	 .refuses = false},
	{NULL, NULL, .refuses = false},
};

static const struct torn_target target = {
	.name = "planted.recovery_converges",
	.summary = "a recovery that is right once, and not when it is cut short or run twice",
	.variants = variants,
	.worlds = worlds,
	.args = planted_args,
	.watch = planted_watch,
};
TORN_TARGET(target);
