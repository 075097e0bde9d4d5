/*
 * litmus.c: see litmus.h. The rows are those of the litmus table of the crash model, and some more that were found by
 * holding presets against disks. An operation fails where any of its calls does; nobody asks which.
 */
#include "litmus.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define SIZE TORN_LITMUS_SIZE
#define BLOCK 4096
#define LAST_BLOCK (2 * BLOCK)

/* ------------------------------------------------------------------- trees */

#define HUNDRED                                                                                    \
	"oooooooooooooooooooooooooooooooooooooooooooooooooo"                                       \
	"oooooooooooooooooooooooooooooooooooooooooooooooooo"

const char *torn_litmus_olds(void)
{
	static char olds[SIZE + 512];
	char *at = olds + sprintf(olds, "old srv/f file \"");
	memset(at, 'o', SIZE);
	sprintf(at + SIZE, "\"\nold srv/small file \"" HUNDRED "\"\n"
			   "old srv/clean file clean\nold srv/e dir\nold mnt dir\n");
	return olds;
}

char torn_litmus_letter(const struct torn_node *node)
{
	static uint8_t bytes[SIZE + 1];
	if (!node)
		return 'a';
	if (node->type != TORN_FILE)
		return 'd';
	const size_t size = torn_node_read(node, 0, bytes, sizeof bytes);
	if (size == 0)
		return '0';
	if ((size != SIZE && size != strlen(HUNDRED)) || memcmp(bytes, bytes + 1, size - 1) != 0)
		return 'x';
	if (bytes[0] == 0)
		return 'z';
	return node->mode == 0644 ? (char)bytes[0] : (char)toupper(bytes[0]);
}

const char *torn_litmus_word(char letter)
{
	static const struct {
		char letter;
		const char *word;
	} words[] = {
		{'a', "absent"},	{'d', "no file"}, {'0', "empty"},	      {'o', "old"},
		{'n', "new"},		{'z', "zeroes"},  {'O', "old, another mode"}, {'N', "new, another mode"},
	};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (words[i].letter == letter)
			return words[i].word;
	return "mixed";
}

void torn_litmus_note(char *letters, char letter)
{
	if (!strchr(letters, letter) && strlen(letters) + 1 < TORN_LITMUS_LETTERS)
		letters[strlen(letters)] = letter;
}

/* ------------------------------------------------------------- operations */

char *torn_litmus_bytes(char letter)
{
	static char bytes[SIZE];
	memset(bytes, letter, sizeof bytes);
	return bytes;
}

int torn_litmus_write(const char *path, int flags, char letter, size_t size)
{
	const int fd = open(path, O_WRONLY | flags, 0644);
	if (fd < 0 || write(fd, torn_litmus_bytes(letter), size) != (ssize_t)size)
		return -1;
	return fd;
}

/* Of a descriptor, or -1 where something failed before. */
static int close_it(int fd)
{
	return fd < 0 ? -1 : close(fd);
}

static int sync_and_close(int fd)
{
	return fd >= 0 && fsync(fd) == 0 ? close(fd) : -1;
}

int torn_litmus_sync_directory(const char *path)
{
	return sync_and_close(open(path, O_RDONLY | O_DIRECTORY));
}

int torn_litmus_stage(bool reserves, bool syncs)
{
	const int fd = open("/srv/t", O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (fd < 0 || (reserves && posix_fallocate(fd, 0, SIZE) != 0) ||
	    write(fd, torn_litmus_bytes('n'), SIZE) != SIZE || (syncs && fsync(fd) != 0))
		return -1;
	return close(fd);
}

#define OPERATION(name) static int name(__attribute__((unused)) const struct torn_run *run)

OPERATION(creates)
{
	return close_it(torn_litmus_write("/srv/g", O_CREAT | O_EXCL, 'n', SIZE));
}

OPERATION(appends)
{
	return close_it(torn_litmus_write("/srv/f", O_APPEND, 'n', SIZE));
}

OPERATION(appends_within_a_block)
{
	return close_it(torn_litmus_write("/srv/small", O_APPEND, 'n', 100));
}

OPERATION(overwrites)
{
	return close_it(torn_litmus_write("/srv/f", 0, 'n', SIZE));
}

/*
 * What the kernel does by itself, some seconds later, to whichever page it comes across. Blocks that are written by
 * one call may lie in one folio, which is written back as a whole.
 */
static int write_back(off_t from)
{
	const int fd = torn_litmus_write("/srv/g", O_CREAT | O_EXCL, 'n', BLOCK);
	const unsigned flags = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
	if (fd < 0 || write(fd, torn_litmus_bytes('n'), BLOCK) != BLOCK ||
	    write(fd, torn_litmus_bytes('n'), SIZE - LAST_BLOCK) != SIZE - LAST_BLOCK)
		return -1;
	return sync_file_range(fd, from, BLOCK, flags) == 0 ? close(fd) : -1;
}

OPERATION(writes_back_the_first_of_three)
{
	return write_back(0);
}

OPERATION(writes_back_the_last_of_three)
{
	return write_back(LAST_BLOCK);
}

OPERATION(renames_over)
{
	return torn_litmus_stage(false, false) == 0 ? rename("/srv/t", "/srv/f") : -1;
}

OPERATION(exchanges)
{
	return torn_litmus_stage(false, false) == 0
		       ? renameat2(AT_FDCWD, "/srv/t", AT_FDCWD, "/srv/f", RENAME_EXCHANGE)
		       : -1;
}

OPERATION(renames_reserved_over)
{
	return torn_litmus_stage(true, false) == 0 ? rename("/srv/t", "/srv/f") : -1;
}

OPERATION(renames_to_a_new_name)
{
	return torn_litmus_stage(false, false) == 0 ? rename("/srv/t", "/srv/g") : -1;
}

OPERATION(replaces_without_the_directory)
{
	return torn_litmus_stage(false, true) == 0 ? rename("/srv/t", "/srv/f") : -1;
}

OPERATION(replaces_without_the_file)
{
	return renames_over(run) == 0 ? torn_litmus_sync_directory("/srv") : -1;
}

OPERATION(replaces)
{
	return replaces_without_the_directory(run) == 0 ? torn_litmus_sync_directory("/srv") : -1;
}

OPERATION(replaces_and_syncs_the_grandparent)
{
	return replaces_without_the_directory(run) == 0 ? torn_litmus_sync_directory("/") : -1;
}

static int rename_and_sync(int (*sync)(int))
{
	const int fd = torn_litmus_write("/srv/t", O_CREAT | O_EXCL, 'n', SIZE);
	return fd >= 0 && fsync(fd) == 0 && rename("/srv/t", "/srv/f") == 0 && sync(fd) == 0 ? close(fd) : -1;
}

OPERATION(renames_and_syncs_the_file)
{
	return rename_and_sync(fsync);
}

OPERATION(renames_and_datasyncs_the_file)
{
	return rename_and_sync(fdatasync);
}

OPERATION(renames_and_syncs_another)
{
	return replaces_without_the_directory(run) == 0 ? sync_and_close(open("/srv/clean", O_RDONLY)) : -1;
}

OPERATION(truncates_and_writes)
{
	return close_it(torn_litmus_write("/srv/f", O_TRUNC, 'n', SIZE));
}

/* The fsync of a new file commits what is pending of all, as any process may. */
OPERATION(truncates_commits_and_writes)
{
	const int fd = open("/srv/f", O_WRONLY | O_TRUNC);
	if (fd < 0 || sync_and_close(torn_litmus_write("/mnt/other", O_CREAT | O_EXCL, 'n', 100)) != 0)
		return -1;
	return write(fd, torn_litmus_bytes('n'), SIZE) == SIZE ? close(fd) : -1;
}

OPERATION(unlinks)
{
	return unlink("/srv/f");
}

OPERATION(creates_and_syncs)
{
	return sync_and_close(torn_litmus_write("/srv/g", O_CREAT | O_EXCL, 'n', SIZE));
}

OPERATION(creates_below_and_syncs)
{
	return mkdir("/srv/d", 0755) == 0
		       ? sync_and_close(torn_litmus_write("/srv/d/g", O_CREAT | O_EXCL, 'n', SIZE))
		       : -1;
}

OPERATION(links_and_syncs)
{
	return link("/srv/f", "/srv/g") == 0 ? sync_and_close(open("/srv/f", O_WRONLY)) : -1;
}

OPERATION(renames_across_and_syncs_the_old_place)
{
	return rename("/srv/f", "/mnt/f") == 0 ? torn_litmus_sync_directory("/srv") : -1;
}

OPERATION(renames_across_and_syncs_the_new_place)
{
	return rename("/srv/f", "/mnt/f") == 0 ? torn_litmus_sync_directory("/mnt") : -1;
}

OPERATION(renames_across_and_syncs_a_new_file)
{
	return rename("/srv/f", "/mnt/f") == 0
		       ? sync_and_close(torn_litmus_write("/srv/new", O_CREAT | O_EXCL, 'n', 10))
		       : -1;
}

OPERATION(keeps_a_backup_and_syncs)
{
	return rename("/srv/f", "/srv/bak") == 0
		       ? sync_and_close(torn_litmus_write("/srv/f", O_CREAT | O_EXCL, 'n', SIZE))
		       : -1;
}

/* A backup that is on the disk, then the new file comes from another directory; somebody syncs a file of his own. */
static int replace_from_elsewhere(int (*prepare)(int))
{
	const int fd = torn_litmus_write("/mnt/t", O_CREAT | O_EXCL, 'n', SIZE);
	if (fd < 0 || fsync(fd) != 0 || link("/srv/f", "/srv/bak") != 0 || torn_litmus_sync_directory("/srv") != 0 ||
	    prepare(fd) != 0 || rename("/mnt/t", "/srv/f") != 0 || close(fd) != 0)
		return -1;
	return sync_and_close(torn_litmus_write("/mnt/other", O_CREAT | O_EXCL, 'n', 100));
}

static int leave_as_it_is(int fd)
{
	(void)fd;
	return 0;
}

/* fsync(2) of a file that nothing was changed of logs nothing (btrfs_sync_file()). */
static int touch_and_sync(int fd)
{
	return futimens(fd, NULL) == 0 ? fsync(fd) : -1;
}

OPERATION(backs_up_and_replaces_from_elsewhere)
{
	return replace_from_elsewhere(leave_as_it_is);
}

OPERATION(backs_up_and_replaces_by_one_that_is_logged)
{
	return replace_from_elsewhere(touch_and_sync);
}

OPERATION(links_a_nameless_one)
{
	char self[32];
	const int fd = open("/srv", O_WRONLY | O_TMPFILE, 0644);
	if (fd < 0 || write(fd, torn_litmus_bytes('n'), SIZE) != SIZE || fsync(fd) != 0)
		return -1;
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, self, AT_FDCWD, "/srv/g", AT_SYMLINK_FOLLOW) == 0 ? sync_and_close(fd) : -1;
}

OPERATION(renames_a_directory_and_syncs_below)
{
	return rename("/srv/e", "/srv/e2") == 0
		       ? sync_and_close(torn_litmus_write("/srv/e2/n", O_CREAT | O_EXCL, 'n', SIZE))
		       : -1;
}

OPERATION(exchanges_and_changes_the_mode)
{
	const int fd = torn_litmus_write("/srv/t", O_CREAT | O_EXCL, 'n', SIZE), dir = open("/srv", O_RDONLY);
	if (fd < 0 || dir < 0 || fsync(fd) != 0 || fchmod(fd, 0600) != 0 || close(fd) != 0 ||
	    renameat2(AT_FDCWD, "/srv/t", AT_FDCWD, "/srv/f", RENAME_EXCHANGE) != 0 || unlink("/srv/t") != 0)
		return -1;
	return sync_and_close(dir);
}

OPERATION(writes_through)
{
	return close_it(torn_litmus_write("/srv/f", O_DSYNC, 'n', SIZE));
}

OPERATION(writes_through_a_duplicate)
{
	const int fd = open("/srv/f", O_WRONLY | O_DSYNC);
	const int copy = fd < 0 ? -1 : dup(fd);
	if (copy < 0 || close(fd) != 0 || write(copy, torn_litmus_bytes('n'), SIZE) != SIZE)
		return -1;
	return close(copy);
}

static int write_once(size_t from, int flags)
{
	const struct iovec iov = {torn_litmus_bytes('n'), SIZE - from};
	const int fd = open("/srv/f", O_WRONLY);
	if (fd < 0 || (from > 0 && pwrite(fd, iov.iov_base, from, 0) != (ssize_t)from) ||
	    pwritev2(fd, &iov, 1, (off_t)from, flags) != (ssize_t)iov.iov_len)
		return -1;
	return close(fd);
}

OPERATION(writes_once_through)
{
	return write_once(0, RWF_DSYNC);
}

/* vfs_fsync_range(): of its own bytes. */
OPERATION(writes_its_last_block_through)
{
	return write_once(LAST_BLOCK, RWF_SYNC);
}

OPERATION(stores_and_syncs_its_last_block)
{
	const int fd = open("/srv/f", O_RDWR);
	char *bytes = fd < 0 ? MAP_FAILED : mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		return -1;
	memset(bytes, 'n', SIZE);
	if (msync(bytes + LAST_BLOCK, SIZE - LAST_BLOCK, MS_SYNC) != 0 || munmap(bytes, SIZE) != 0)
		return -1;
	return close(fd);
}

/* -------------------------------------------------------------------- rows */

static const struct torn_litmus rows[] = {
	{"create, write", creates, "srv/g"},
	{"append", appends, "srv/f"},
	{"append within a block", appends_within_a_block, "srv/small"},
	{"overwrite in place", overwrites, "srv/f"},
	{"three blocks, the first written back", writes_back_the_first_of_three, "srv/g"},
	{"three blocks, the third written back", writes_back_the_last_of_three, "srv/g"},
	{"rename over", renames_over, "srv/f", true},
	{"exchange", exchanges, "srv/f", true},
	{"reserved, rename over", renames_reserved_over, "srv/f"},
	{"rename to a new name", renames_to_a_new_name, "srv/g", true},
	{"fsync, rename over", replaces_without_the_directory, "srv/f"},
	{"rename over, fsync of the directory", replaces_without_the_file, "srv/f", true},
	{"replace", replaces, "srv/f", true},
	{"rename, fsync of a clean file", renames_and_syncs_another, "srv/f"},
	{"rename, fsync of a clean grandparent", replaces_and_syncs_the_grandparent, "srv/f"},
	{"rename, fsync of the file", renames_and_syncs_the_file, "srv/f"},
	{"rename, fdatasync of the file", renames_and_datasyncs_the_file, "srv/f", true},
	{"truncate, write, close", truncates_and_writes, "srv/f", true},
	{"truncate, commit, write, close", truncates_commits_and_writes, "srv/f", true},
	{"unlink", unlinks, "srv/f"},
	{"create, fsync", creates_and_syncs, "srv/g"},
	{"create below a new directory, fsync", creates_below_and_syncs, "srv/d/g"},
	{"link, fsync", links_and_syncs, "srv/g"},
	{"rename across, fsync of the old place", renames_across_and_syncs_the_old_place, "mnt/f"},
	{"rename across, fsync of the new place", renames_across_and_syncs_the_new_place, "srv/f", true},
	{"rename across, fsync of a new file", renames_across_and_syncs_a_new_file, "mnt/f", true},
	{"backup, replace from elsewhere", backs_up_and_replaces_from_elsewhere, "srv/f", true},
	{"the same, its source logged", backs_up_and_replaces_by_one_that_is_logged, "srv/f", true},
	{"O_TMPFILE, fsync, link, fsync", links_a_nameless_one, "srv/g"},
	{"rename a directory, fsync below it", renames_a_directory_and_syncs_below, "srv/e/n", true},
	{"backup, fsync of the new file", keeps_a_backup_and_syncs, "srv/bak"},
	{"mode after the fsync", exchanges_and_changes_the_mode, "srv/f", true},
	{"O_DSYNC", writes_through, "srv/f"},
	{"O_DSYNC of a duplicate", writes_through_a_duplicate, "srv/f"},
	{"RWF_DSYNC", writes_once_through, "srv/f"},
	{"msync of the last block", stores_and_syncs_its_last_block, "srv/f"},
	{"RWF_SYNC of the last block", writes_its_last_block_through, "srv/f"},
};

const struct torn_litmus *torn_litmus_number(size_t number)
{
	return number < sizeof rows / sizeof *rows ? &rows[number] : NULL;
}

const struct torn_litmus *torn_litmus_named(const char *name)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}
