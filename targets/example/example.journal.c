/*
 * example.journal: two files, accounts and index, changed as one by way of an undo
 * journal: what both were, in a third file, for as long as they are between old
 * and new. To update is to recover first; then
 *
 *   1  write the journal, fsync it, fsync the directory
 *   2  write both files in place, fsync both, fsync the directory
 *   3  remove the journal, fsync the directory: this is the commit
 *
 * A failure on the way runs the recovery, which does steps 2 and 3 with what the
 * journal says that the files were. A journal that is not whole is removed, and
 * that is all.
 *
 * Why `correct` is right, also where a file system promises no more than POSIX:
 *
 * - When the first byte of a file changes, the journal is durable, its name too. So
 *   a journal that is torn, or lost, is one whose files nobody has touched.
 * - When the journal's name goes, what it guards is durable: both files, and the
 *   directory for one that was made or removed. So without a journal both files
 *   are old, or both are new.
 * - Recovery writes the same bytes whenever it runs, and the journal outlives it
 *   until they are durable: it may die anywhere and run again.
 * - The directory is synced at the end of a recovery that finds no journal, too:
 *   one that died may have removed it, and it must not come back over what the
 *   next update commits.
 *
 * no_dir_sync: the directory is not synced in step 1. The journal may be lost while
 * the files are half written; by POSIX only, as ext4, XFS and btrfs bring the name
 * of a new file to the disk with its fsync.
 * no_checksum: a journal of the right size is believed. Where a block of it never
 * came, zeroes are put back into a file that was whole.
 * early_commit: the journal goes before the files are synced. They may be torn, and
 * nothing puts them back.
 * recovery_not_idempotent: the same in recovery: cut short, it has put nothing back
 * and has nothing left to put back from.
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

#define JOURNAL "journal"
#define FILES 2

static const char *const names[FILES] = {"accounts", "index"};

/* What a variant does wrong. */
struct habits {
	bool leaves_directory, believes_size, commits_early, recovers_early;
};

/* What a file is, or shall be. */
struct content {
	bool is_there;
	uint8_t *bytes; /* malloc'ed */
	size_t size;
};

struct contents {
	struct content of[FILES];
};

static void forget(struct contents *contents)
{
	for (unsigned i = 0; i < FILES; i++)
		free(contents->of[i].bytes);
}

/* ------------------------------------------------------------------- files */

static int read_open(int file, struct content *ret_content)
{
	uint8_t *bytes;
	size_t size;

	if (example_read_whole(file, &bytes, &size) < 0)
		return -1;
	*ret_content = (struct content){.is_there = true, .bytes = bytes, .size = size};
	return 0;
}

/* Returns 0, also where there is none, or -1. The caller frees the bytes. */
static int read_file(int dir, const char *name, struct content *ret_content)
{
	*ret_content = (struct content){.is_there = false};
	int file = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (file < 0)
		return errno == ENOENT ? 0 : -1;
	int result = read_open(file, ret_content);
	example_close(file);
	return result;
}

static int write_whole(int file, const uint8_t *bytes, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t written = TEMP_FAILURE_RETRY(
			pwrite(file, bytes + done, size - done, (off_t)done));
		if (written < 0)
			return -1;
		done += (size_t)written;
	}
	return 0;
}

/* In place: mode, owner and attributes of a file that is there stay. */
static int write_in_place(int file, const struct content *content)
{
	if (write_whole(file, content->bytes, content->size) < 0)
		return -1;
	return TEMP_FAILURE_RETRY(ftruncate(file, (off_t)content->size));
}

static int remove_file(int dir, const char *name)
{
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	return -1;
}

/*
 * Give a file its content. ret_file: a descriptor to be synced, which the caller
 * closes, after a failure too; -1: none. Returns 0 or -1.
 */
static int put_one(int dir, const char *name, const struct content *content, int *ret_file)
{
	*ret_file = -1;
	if (!content->is_there)
		return remove_file(dir, name);
	*ret_file = openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (*ret_file < 0)
		return -1;
	return write_in_place(*ret_file, content);
}

/* ----------------------------------------------------------- steps 2 and 3 */

static int sync_all(int dir, const int files[FILES])
{
	for (unsigned i = 0; i < FILES; i++)
		if (files[i] >= 0 && example_sync(files[i]) < 0)
			return -1;
	return example_sync(dir);
}

static int commit(int dir)
{
	if (remove_file(dir, JOURNAL) < 0)
		return -1;
	return example_sync(dir);
}

/* What stands in the files has to be durable before nothing is left to undo it with. */
static int sync_and_commit(int dir, const int files[FILES], bool commits_early)
{
	if (commits_early) /* the flaw */
		return commit(dir) < 0 ? -1 : sync_all(dir, files);
	return sync_all(dir, files) < 0 ? -1 : commit(dir);
}

static int put_all(int dir, const struct contents *contents, bool commits_early)
{
	int files[FILES] = {-1, -1};
	int result = 0;

	for (unsigned i = 0; result == 0 && i < FILES; i++)
		result = put_one(dir, names[i], &contents->of[i], &files[i]);
	if (result == 0)
		result = sync_and_commit(dir, files, commits_early);
	for (unsigned i = 0; i < FILES; i++)
		if (files[i] >= 0)
			example_close(files[i]);
	return result;
}

/* ----------------------------------------------------------------- journal */

/* Behind it the bytes of all files. */
struct header {
	uint64_t checksum; /* of all that follows */
	char magic[8];
	struct {
		uint64_t is_there, size;
	} of[FILES];
};

static const char magic[8] = "undo 1\n";

static uint64_t checksum_of(const uint8_t *journal, size_t size)
{
	const size_t from = sizeof(((struct header *)NULL)->checksum);
	return XXH64(journal + from, size - from, 0);
}

/* Returns 0 with the journal's bytes, which the caller frees; or -1. */
static int encode(const struct contents *old, struct content *ret_journal)
{
	struct header header = {0};
	size_t size = sizeof(header);

	memcpy(header.magic, magic, sizeof(magic));
	for (unsigned i = 0; i < FILES; i++) {
		header.of[i].is_there = old->of[i].is_there;
		header.of[i].size = old->of[i].size;
		size += old->of[i].size;
	}
	uint8_t *bytes = malloc(size);
	if (bytes == NULL)
		return -1;
	uint8_t *at = bytes + sizeof(header);
	for (unsigned i = 0; i < FILES; i++) {
		if (old->of[i].size > 0)
			memcpy(at, old->of[i].bytes, old->of[i].size);
		at += old->of[i].size;
	}
	memcpy(bytes, &header, sizeof(header));
	header.checksum = checksum_of(bytes, size);
	memcpy(bytes, &header, sizeof(header));
	*ret_journal = (struct content){.is_there = true, .bytes = bytes, .size = size};
	return 0;
}

/* Was it written to its end? */
static bool is_whole(const struct content *journal, const struct habits *habits)
{
	struct header header;

	if (journal->size < sizeof(header))
		return false;
	memcpy(&header, journal->bytes, sizeof(header));
	size_t left = journal->size - sizeof(header);
	for (unsigned i = 0; i < FILES; i++) {
		if (header.of[i].size > left)
			return false;
		left -= header.of[i].size;
	}
	return left == 0 && memcmp(header.magic, magic, sizeof(magic)) == 0 &&
	       (habits->believes_size || header.checksum == checksum_of(journal->bytes, journal->size));
}

/* What a whole journal says that the files were: its own bytes, nothing to free. */
static struct contents decode(const struct content *journal)
{
	struct contents old = {0};
	struct header header;
	uint8_t *at = journal->bytes + sizeof(header);

	memcpy(&header, journal->bytes, sizeof(header));
	for (unsigned i = 0; i < FILES; i++) {
		old.of[i] = (struct content){.is_there = header.of[i].is_there != 0,
					     .bytes = at,
					     .size = header.of[i].size};
		at += header.of[i].size;
	}
	return old;
}

/* Step 1. */
static int write_journal(int dir, const struct contents *old, const struct habits *habits)
{
	struct content journal;

	if (encode(old, &journal) < 0)
		return -1;
	/* O_EXCL: recovery has removed any other. */
	int file = openat(dir, JOURNAL, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int result = file < 0 ? -1 : write_whole(file, journal.bytes, journal.size);
	free(journal.bytes);
	if (result == 0)
		result = example_sync(file);
	if (file >= 0)
		example_close(file);
	if (result == 0 && !habits->leaves_directory)
		result = example_sync(dir);
	return result;
}

/* ---------------------------------------------------------------- recovery */

static int recover_in(int dir, const struct habits *habits)
{
	struct content journal;

	if (read_file(dir, JOURNAL, &journal) < 0)
		return -1;
	int result;
	if (journal.is_there && is_whole(&journal, habits)) {
		const struct contents old = decode(&journal);
		result = put_all(dir, &old, habits->recovers_early);
	} else {
		result = commit(dir);
	}
	free(journal.bytes);
	return result;
}

static int open_directory(void)
{
	return open("/srv/app", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int recover(const struct habits *habits)
{
	int dir = open_directory();
	if (dir < 0)
		return -1;
	int result = recover_in(dir, habits);
	example_close(dir);
	return result;
}

/* ------------------------------------------------------------------ update */

/* Returns 0 with what the files are, which the caller forgets; or -1. */
static int read_all(int dir, struct contents *ret_contents)
{
	struct contents contents = {0};

	for (unsigned i = 0; i < FILES; i++)
		if (read_file(dir, names[i], &contents.of[i]) < 0) {
			forget(&contents);
			return -1;
		}
	*ret_contents = contents;
	return 0;
}

static struct content wanted(const struct torn_run *run, const char *name)
{
	struct torn_bytes bytes = torn_run_arg(run, name);

	return (struct content){true, (uint8_t *)(uintptr_t)bytes.data, bytes.size};
}

static int update_in(int dir, const struct contents *new, const struct habits *habits)
{
	struct contents old;

	if (recover_in(dir, habits) < 0 || read_all(dir, &old) < 0)
		return -1;
	int result = write_journal(dir, &old, habits);
	if (result == 0)
		result = put_all(dir, new, habits->commits_early);
	if (result < 0) {
		int saved = errno;
		(void)recover_in(dir, habits); /* where it fails the journal stays, for the next one */
		errno = saved;
	}
	forget(&old);
	return result;
}

static int update(const struct torn_run *run, const struct habits *habits)
{
	const struct contents new = {{wanted(run, names[0]), wanted(run, names[1])}};

	int dir = open_directory();
	if (dir < 0)
		return -1;
	int result = update_in(dir, &new, habits);
	example_close(dir);
	return result;
}

/* ---------------------------------------------------------------- variants */

RECOVERING(update, correct, .commits_early = false)
RECOVERING(update, no_dir_sync, .leaves_directory = true)
RECOVERING(update, no_checksum, .believes_size = true)
RECOVERING(update, early_commit, .commits_early = true)
RECOVERING(update, recovery_not_idempotent, .recovers_early = true)

static const struct torn_variant variants[] = {
	RECOVERING_ROW(correct),
	RECOVERING_ROW(no_dir_sync),
	RECOVERING_ROW(no_checksum),
	RECOVERING_ROW(early_commit),
	RECOVERING_ROW(recovery_not_idempotent),
	{.name = NULL},
};

/* 9000 bytes: the journal has more than two blocks. */
#define TEN(text) text text text text text text text text text text
#define LARGE TEN(TEN(TEN("ann 1234\\n")))

static const struct torn_world worlds[] = {
	{"present",
	 "old srv/app/accounts file \"ann 10\\nbob 20\\n\"\n"
	 "old srv/app/index file \"ann 0\\nbob 7\\n\"\n",
	 .refuses = false},
	{"absent",
	 "old srv/app dir\n"
	 "old srv/app/accounts absent\n"
	 "old srv/app/index absent\n",
	 .refuses = false},
	{"no_index",
	 "old srv/app/accounts file \"ann 10\\nbob 20\\n\"\n"
	 "old srv/app/index absent\n",
	 .refuses = false},
	{"large",
	 __extension__ "old srv/app/accounts file \"" LARGE "\"\n"
		       "old srv/app/index file \"ann 0\\n\"\n",
	 .refuses = false},
	/* of an update that died in step 1 */
	{"torn_journal",
	 "old srv/app/accounts file \"ann 10\\nbob 20\\n\"\n"
	 "old srv/app/index file \"ann 0\\nbob 7\\n\"\n"
	 "old srv/app/journal file mode=0600 \"\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\"\n",
	 .refuses = false},
	{"directory",
	 "old srv/app/accounts dir\n"
	 "old srv/app/index file \"ann 0\\nbob 7\\n\"\n",
	 .refuses = true},
	{NULL, NULL, .refuses = false},
};

static const struct torn_default args[] = {
	{"accounts", "\"ann 5\\nbob 25\\n\""},
	{"index", "\"ann 0\\nbob 6\\n\""},
	{NULL, NULL},
};

static const char *const watch[] = {"srv/app/accounts", "srv/app/index", NULL};

static const struct torn_target target = {
	.name = "example.journal",
	.summary = "change two files as one: undo journal, files in place, journal removed",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.promises = TORN_PROMISES_TOGETHER | TORN_PROMISES_RETRY | TORN_PROMISES_NO_STALE_TEMP |
		    TORN_KEEPS_MODE | TORN_KEEPS_OWNER | TORN_KEEPS_XATTRS,
};
TORN_TARGET(target);
