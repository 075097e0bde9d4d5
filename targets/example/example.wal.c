/*
 * example.wal: a log that is only appended to. A record is its length, a checksum
 * of length and bytes, and the bytes. To append is to recover first, then to
 * write, fsync, and fsync the directory; a failure cuts the log back to where it
 * was. Recovery cuts off what does not belong to a whole record.
 *
 * Why `correct` is right, also where a file system promises no more than POSIX:
 *
 * - A record is acknowledged once the log was synced behind it, and with it all
 *   records before; the directory too, always: who made the log may have died
 *   before he synced its name.
 * - Until then a crash leaves any part of it: nothing, zeroes, some of its blocks,
 *   in any order. The checksum tells that from a record; zeroes are no record
 *   of no bytes, as the checksum of nothing is not 0.
 * - Recovery syncs before anybody appends: else bytes of a torn tail might come
 *   back between two records. It only ever cuts off what is no record, so it may
 *   die anywhere and run again.
 * - A log without a record is none: recovery removes it, as a crash behind its
 *   making looks the same. A log is never made empty.
 *
 * no_checksum: a record is believed for its length. Blocks that never came, zeroes,
 * count as a record or as part of one; they stay for ever.
 * no_truncate: recovery leaves the torn tail. The next record lands behind it, is
 * acknowledged, and is never found again.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "example.h"
#include "recovering.h"

#define LOG "log"

/* What a variant does wrong. */
struct habits {
	bool believes_length, leaves_tail;
};

struct header {
	uint32_t length, checksum; /* of the machine's own byte order */
};

/* ----------------------------------------------------------------- records */

/* Return where the last whole record ends. */
static size_t end_of_records(const uint8_t *bytes, size_t size, const struct habits *habits)
{
	struct header header;
	size_t end = 0;

	while (size - end >= sizeof(header)) {
		const uint8_t *record = bytes + end + sizeof(header);
		memcpy(&header, bytes + end, sizeof(header));
		if (header.length > size - end - sizeof(header))
			break;
		if (!habits->believes_length &&
		    XXH32(record, header.length, header.length) != header.checksum)
			break;
		end += sizeof(header) + header.length;
	}
	return end;
}

/* Returns 0 with the size of the log and where its records end, or -1. */
static int scan(int file, const struct habits *habits, size_t *ret_size, size_t *ret_end)
{
	uint8_t *bytes;

	if (example_read_whole(file, &bytes, ret_size) < 0)
		return -1;
	*ret_end = end_of_records(bytes, *ret_size, habits);
	free(bytes);
	return 0;
}

/* ---------------------------------------------------------------- recovery */

/* Let the log end there; where no record is left, there is no log. */
static int cut_back(int dir, int file, size_t end)
{
	if (end == 0)
		return unlinkat(dir, LOG, 0);
	if (TEMP_FAILURE_RETRY(ftruncate(file, (off_t)end)) < 0)
		return -1;
	return example_sync(file);
}

/* Whole records are synced too: whoever reads them may act on them. */
static int recover_file(int dir, int file, const struct habits *habits, size_t *ret_end)
{
	size_t size, end;

	if (scan(file, habits, &size, &end) < 0)
		return -1;
	if (habits->leaves_tail)
		end = size; /* the flaw */
	*ret_end = end;
	if (end < size || end == 0)
		return cut_back(dir, file, end);
	return example_sync(file);
}

/* Returns 0 and where the log ends, or -1. */
static int recover_in(int dir, const struct habits *habits, size_t *ret_end)
{
	*ret_end = 0;
	int file = openat(dir, LOG, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (file < 0 && errno != ENOENT)
		return -1;
	if (file >= 0) {
		int result = recover_file(dir, file, habits, ret_end);
		example_close(file);
		if (result < 0)
			return -1;
	}
	/* A removal by a recovery that died here is to be durable too. */
	return example_sync(dir);
}

/* --------------------------------------------------------------- appending */

static int write_record(int file, struct torn_bytes record)
{
	const struct header header = {
		.length = (uint32_t)record.size,
		.checksum = XXH32(record.data, record.size, (uint32_t)record.size),
	};
	const size_t size = sizeof(header) + record.size;
	uint8_t *bytes = malloc(size);

	if (bytes == NULL)
		return -1;
	memcpy(bytes, &header, sizeof(header));
	memcpy(bytes + sizeof(header), record.data, record.size);
	int result = example_write_whole(file, (struct torn_bytes){bytes, size});
	free(bytes);
	return result;
}

/* What was not acknowledged is taken back as far as that is possible; recovery does the rest. */
static int append_in(int dir, size_t end, struct torn_bytes record)
{
	int file = openat(dir, LOG, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (file < 0)
		return -1;

	int result = write_record(file, record);
	if (result == 0)
		result = example_sync(file);
	if (result == 0)
		result = example_sync(dir);
	if (result < 0) {
		int saved = errno;
		if (cut_back(dir, file, end) == 0)
			(void)example_sync(dir);
		errno = saved;
	}
	example_close(file);
	return result;
}

static int append(const struct torn_run *run, const struct habits *habits)
{
	size_t end;

	int dir = open("/srv/app", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	int result = recover_in(dir, habits, &end);
	if (result == 0)
		result = append_in(dir, end, torn_run_arg(run, "record"));
	example_close(dir);
	return result;
}

static int recover(const struct habits *habits)
{
	size_t end;

	int dir = open("/srv/app", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -1;
	int result = recover_in(dir, habits, &end);
	example_close(dir);
	return result;
}

/* ---------------------------------------------------------------- variants */

RECOVERING(append, correct, .believes_length = false)
RECOVERING(append, no_checksum, .believes_length = true)
RECOVERING(append, no_truncate, .leaves_tail = true)

static const struct torn_variant variants[] = {
	RECOVERING_ROW(correct),
	RECOVERING_ROW(no_checksum),
	RECOVERING_ROW(no_truncate),
	{.name = NULL},
};

/* Two records: "opened\n" and "paid 12\n". */
#define OPENED "\\x07\\x00\\x00\\x00\\x1b\\x01\\x06\\x8bopened\\n"
#define PAID "\\x08\\x00\\x00\\x00\\x55\\x00\\x4c\\x1dpaid 12\\n"
#define RECORDS "old srv/app/log file \"" OPENED PAID "\"\n"

/* 9000 bytes: its record begins and ends within a block, with a whole one between. */
#define TEN(text) text text text text text text text text text text
#define LARGE TEN(TEN(TEN("paid 123\\n")))

static const struct torn_world worlds[] = {
	{"present", RECORDS, .refuses = false},
	{"absent",
	 "old srv/app dir\n"
	 "old srv/app/log absent\n",
	 .refuses = false},
	{"large", __extension__ "arg record \"" LARGE "\"\n" RECORDS, .refuses = false},
	{"directory", "old srv/app/log dir\n", .refuses = true},
	{NULL, NULL, .refuses = false},
};

static const struct torn_default args[] = {{"record", "\"paid 30\\n\""}, {NULL, NULL}};

static const char *const watch[] = {"srv/app/log", NULL};

static const struct torn_target target = {
	.name = "example.wal",
	.summary = "append a record to a log with checksums; recovery drops a torn tail",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.promises = TORN_PROMISES_RETRY | TORN_KEEPS_MODE | TORN_KEEPS_OWNER | TORN_KEEPS_XATTRS,
};
TORN_TARGET(target);
