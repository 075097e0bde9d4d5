/* journal.c: the entries as files of a directory. See journal.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "../go/go_os.h"

#define NAME_SIZE sizeof("0000000001.committed")
/* Several KENSA_BYTES_MAX: every fact of every step may have as much. */
#define ENTRY_SIZE_MAX ((size_t)8 << 20)

static void name_of(uint32_t number, bool committed, char name[static NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%010u.%s", number, committed ? "committed" : "prepared");
}

/* ------------------------------------------------------------------- open */

static int ascending(const void *a, const void *b)
{
	const uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return left < right ? -1 : left > right;
}

/* Other names are somebody else's. */
static void note_name(struct kensa_journal *journal, const char *name)
{
	char as_prepared[NAME_SIZE], as_committed[NAME_SIZE];
	const uint32_t number = (uint32_t)strtoul(name, NULL, 10);

	name_of(number, false, as_prepared);
	name_of(number, true, as_committed);
	const bool is_open = strcmp(name, as_prepared) == 0;
	if (!is_open && strcmp(name, as_committed) != 0)
		return;
	if (number > journal->highest)
		journal->highest = number;
	if (is_open && journal->open_count < KENSA_OPEN_MAX)
		journal->open[journal->open_count++] = number;
}

static int scan(struct kensa_journal *journal)
{
	_Alignas(struct dirent64) char names[2048];
	ssize_t size;

	while ((size = getdents64(journal->dir, names, sizeof(names))) > 0)
		for (ssize_t at = 0; at < size;) {
			const struct dirent64 *entry = (const void *)(names + at);
			note_name(journal, entry->d_name);
			at += entry->d_reclen;
		}
	if (size < 0)
		return -errno;
	qsort(journal->open, journal->open_count, sizeof(journal->open[0]), ascending);
	return 0;
}

static int lock_store(int dir, enum kensa_lock lock)
{
	if (lock == KENSA_UNLOCKED)
		return 0;
	return TEMP_FAILURE_RETRY(flock(dir, lock == KENSA_SHARED ? LOCK_SH : LOCK_EX));
}

int kensa_journal_open(struct kensa_journal *journal, const char *path,
		       enum fsatomic_variant primitives, enum kensa_lock lock)
{
	*journal = (struct kensa_journal){.path = path, .primitives = primitives};
	journal->dir = go_open(path, O_RDONLY | O_DIRECTORY, 0);
	if (journal->dir < 0)
		return -errno;
	int r = lock_store(journal->dir, lock) < 0 ? -errno : scan(journal);
	if (r < 0)
		kensa_journal_close(journal);
	return r;
}

void kensa_journal_close(struct kensa_journal *journal)
{
	(void)close(journal->dir); /* nothing was written to it: what it says changes nothing */
	journal->dir = -1;
}

/* ---------------------------------------------------------------- entries */

int kensa_journal_prepare(struct kensa_journal *journal, const struct kensa_entry *entry,
			  uint32_t *ret_number)
{
	char name[NAME_SIZE], *text = NULL;
	size_t size = 0;

	int r = kensa_entry_print(entry, &text, &size);
	if (r < 0)
		return r;
	*ret_number = ++journal->highest;
	name_of(*ret_number, false, name);
	errno = EEXIST; /* FSATOMIC_ALREADY_EXISTS leaves it alone */
	if (fsatomic_write(journal->primitives, journal->path, name, 0600,
			   (struct torn_bytes){(const uint8_t *)text, size}) != FSATOMIC_OK)
		r = errno ? -errno : -EIO;
	free(text);
	return r;
}

static int read_whole(int file, char **ret_text, size_t *ret_size)
{
	struct stat status;

	if (go_fstat(file, &status) < 0)
		return -errno;
	if (!S_ISREG(status.st_mode) || (size_t)status.st_size > ENTRY_SIZE_MAX)
		return -EBADMSG;
	const size_t room = (size_t)status.st_size;
	char *text = malloc(room + 1);
	if (!text)
		return -ENOMEM;
	size_t size = 0;
	for (ssize_t got = 1; got > 0 && size < room; size += (size_t)got) {
		got = TEMP_FAILURE_RETRY(read(file, text + size, room - size));
		if (got < 0) {
			int number = errno;
			free(text);
			return -number;
		}
	}
	text[size] = '\0';
	*ret_text = text;
	*ret_size = size;
	return 0;
}

int kensa_journal_load(const struct kensa_journal *journal, uint32_t number, bool committed,
		       struct kensa_entry *ret_entry)
{
	char name[NAME_SIZE], *text = NULL;
	size_t size = 0;

	*ret_entry = (struct kensa_entry){.text = NULL};
	name_of(number, committed, name);
	int file = openat(journal->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (file < 0)
		return -errno;
	int r = read_whole(file, &text, &size);
	(void)close(file);
	return r < 0 ? r : kensa_entry_parse(text, size, committed, ret_entry);
}

static int append(int file, const char *text, size_t size)
{
	if (go_write(file, (struct torn_bytes){(const uint8_t *)text, size}) < 0 || go_sync(file) < 0) {
		int number = errno;
		(void)close(file);
		return -number;
	}
	return close(file) < 0 ? -errno : 0;
}

int kensa_journal_add_after(const struct kensa_journal *journal, uint32_t number,
			    const struct kensa_entry *entry)
{
	char name[NAME_SIZE], *text = NULL;
	size_t size = 0;

	int r = kensa_entry_print_after(entry, &text, &size);
	if (r < 0)
		return r;
	name_of(number, false, name);
	int file = openat(journal->dir, name, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
	r = file < 0 ? -errno : append(file, text, size);
	free(text);
	return r;
}

int kensa_journal_rename(const struct kensa_journal *journal, uint32_t number, bool to_committed)
{
	char from[NAME_SIZE], to[NAME_SIZE];

	name_of(number, !to_committed, from);
	name_of(number, to_committed, to);
	return renameat(journal->dir, from, journal->dir, to) < 0 ? -errno : 0;
}

int kensa_journal_remove(const struct kensa_journal *journal, uint32_t number, bool committed)
{
	char name[NAME_SIZE];

	name_of(number, committed, name);
	return unlinkat(journal->dir, name, 0) < 0 ? -errno : 0;
}

int kensa_journal_sync(const struct kensa_journal *journal)
{
	return go_sync(journal->dir) < 0 ? -errno : 0;
}
