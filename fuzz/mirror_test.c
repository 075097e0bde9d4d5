/*
 * mirror_test.c: see mirror.h. With root's rights everything can be read: there
 * the tests about rights run in a child that is nobody.
 */
#include "mirror.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "regular.h"
#include "sandbox.h"

#define NOBODY 65534

static char above[64], from[96], to[96];
static int from_fd, to_fd;

static int make_folders(void **state)
{
	(void)state;
	snprintf(above, sizeof above, "/tmp/mirror_test.XXXXXX");
	if (!mkdtemp(above) || chmod(above, 0755) != 0)
		return -1;
	snprintf(from, sizeof from, "%s/from", above);
	snprintf(to, sizeof to, "%s/to", above);
	if (mkdir(from, 0755) != 0 || mkdir(to, 0777) != 0 || chmod(to, 0777) != 0)
		return -1;
	from_fd = open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	to_fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return from_fd < 0 || to_fd < 0 ? -1 : 0;
}

static void clear(const char *folder)
{
	DIR *dir = opendir(folder);
	for (struct dirent *entry; dir && (entry = readdir(dir));) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(dir), entry->d_name, 0) != 0)
			unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	}
	if (dir)
		closedir(dir);
	rmdir(folder);
}

static int remove_folders(void **state)
{
	(void)state;
	char deep[128];
	close(from_fd);
	close(to_fd);
	chmod(from, 0755);
	snprintf(deep, sizeof deep, "%s/new", above);
	clear(deep);
	clear(from);
	clear(to);
	clear(above);
	return access(above, F_OK) == 0 ? -1 : 0;
}

static void put(int folder_fd, const char *name, const char *text, mode_t mode)
{
	const int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	assert_int_equal(close(fd), 0);
}

static bool holds(int folder_fd, const char *name, const char *text)
{
	char is[256];
	const int fd = openat(folder_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	const ssize_t size = read(fd, is, sizeof is);
	close(fd);
	return size >= 0 && (size_t)size == strlen(text) && memcmp(is, text, (size_t)size) == 0;
}

static int files_in(const char *folder)
{
	int count = 0;
	DIR *dir = opendir(folder);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	if (dir)
		closedir(dir);
	return dir ? count : -1;
}

/* Run it as somebody who may not do everything. Returns what it returned. */
static int as_nobody(int (*work)(void))
{
	const pid_t child = fork();
	if (child == 0) {
		if (geteuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
			_exit(255);
		_exit(-work());
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

/* ---------------------------------------------------------------------- in */

static void test_regular_files_of_a_folder_are_copied_in(void **state)
{
	(void)state;
	struct stat status;
	put(from_fd, "a.case", "first", 0444);
	put(from_fd, "b", "", 0600);
	put(from_fd, "new\nline", "third", 0600);
	assert_int_equal(torn_mirror_in(from, to_fd), 0);
	assert_true(holds(to_fd, "a.case", "first"));
	assert_true(holds(to_fd, "b", ""));
	assert_true(holds(to_fd, "new\nline", "third"));
	assert_int_equal(files_in(to), 3);
	assert_int_equal(fstatat(to_fd, "a.case", &status, 0), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
}

static void test_what_is_no_file_is_left_out(void **state)
{
	(void)state;
	put(from_fd, "a.case", "first", 0600);
	put(from_fd, ".hidden", "not this", 0600);
	assert_int_equal(symlinkat("a.case", from_fd, "link"), 0);
	assert_int_equal(symlinkat("nowhere", from_fd, "dangling"), 0);
	assert_int_equal(mkfifoat(from_fd, "fifo", 0600), 0);
	assert_int_equal(mkdirat(from_fd, "folder", 0700), 0);
	put(from_fd, "large", "x", 0600);
	const int large = openat(from_fd, "large", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(large, (off_t)TORN_REGULAR_SIZE_MAX + 1), 0);
	close(large);
	assert_int_equal(torn_mirror_in(from, to_fd), 0);
	assert_int_equal(files_in(to), 1);
	assert_true(holds(to_fd, "a.case", "first"));
}

static void test_a_single_file_is_copied_in_under_its_name(void **state)
{
	(void)state;
	char path[128];
	put(from_fd, "a.case", "first", 0600);
	put(from_fd, "b.case", "second", 0600);
	snprintf(path, sizeof path, "%s/b.case", from);
	assert_int_equal(torn_mirror_in(path, to_fd), 0);
	assert_int_equal(files_in(to), 1);
	assert_true(holds(to_fd, "b.case", "second"));
	assert_int_equal(fchdir(from_fd), 0);
	assert_int_equal(torn_mirror_in("a.case", to_fd), 0);
	assert_int_equal(chdir("/"), 0);
	assert_true(holds(to_fd, "a.case", "first"));
}

static void test_what_is_said_and_is_no_file_is_refused(void **state)
{
	(void)state;
	char path[128];
	assert_int_equal(mkfifoat(from_fd, "fifo", 0600), 0);
	snprintf(path, sizeof path, "%s/fifo", from);
	assert_int_equal(torn_mirror_in(path, to_fd), -ENXIO);
	snprintf(path, sizeof path, "%s/nothing", from);
	assert_int_equal(torn_mirror_in(path, to_fd), -ENOENT);
	assert_int_equal(files_in(to), 0);
}

static void test_a_longer_file_that_is_there_is_replaced(void **state)
{
	(void)state;
	put(from_fd, "a.case", "short", 0600);
	put(to_fd, "a.case", "longer than that", 0600);
	assert_int_equal(torn_mirror_in(from, to_fd), 0);
	assert_true(holds(to_fd, "a.case", "short"));
}

/* In a folder that others may write to it could be a secret of ours that is written over. */
static void test_it_does_not_write_through_a_symlink(void **state)
{
	(void)state;
	put(from_fd, "a.case", "first", 0600);
	put(to_fd, "secret", "kept", 0600);
	assert_int_equal(symlinkat("secret", to_fd, "a.case"), 0);
	assert_int_equal(torn_mirror_in(from, to_fd), -ELOOP);
	assert_true(holds(to_fd, "secret", "kept"));
}

static void test_copies_belong_to_whom_the_sandbox_becomes(void **state)
{
	(void)state;
	struct stat status;
	if (geteuid() != 0)
		skip();
	put(from_fd, "a.case", "first", 0600);
	assert_int_equal(torn_mirror_in(from, to_fd), 0);
	assert_int_equal(torn_mirror_write(to_fd, "written", torn_bytes_of("bytes")), 0);
	static const char *const names[] = {"a.case", "written"};
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(fstatat(to_fd, names[i], &status, 0), 0);
		assert_int_equal(status.st_uid, TORN_UNPRIVILEGED_ID);
		assert_int_equal(status.st_gid, TORN_UNPRIVILEGED_ID);
	}
	assert_int_equal(fstatat(from_fd, "a.case", &status, 0), 0);
	assert_int_equal(status.st_uid, 0);
}

static int copy_in(void)
{
	return torn_mirror_in(from, to_fd);
}

static void test_who_is_not_root_copies_in_too(void **state)
{
	(void)state;
	put(from_fd, "a.case", "first", 0644);
	assert_int_equal(as_nobody(copy_in), 0);
	assert_true(holds(to_fd, "a.case", "first"));
}

static void test_an_unreadable_folder_is_refused(void **state)
{
	(void)state;
	put(from_fd, "a.case", "first", 0644);
	assert_int_equal(chmod(from, 0), 0);
	assert_int_equal(as_nobody(copy_in), -EACCES);
	assert_int_equal(chmod(from, 0755), 0);
	assert_int_equal(files_in(to), 0);
}

static void test_an_unreadable_file_of_a_folder_is_refused(void **state)
{
	(void)state;
	put(from_fd, "a.case", "first", 0);
	assert_int_equal(as_nobody(copy_in), -EACCES);
	assert_int_equal(files_in(to), 0);
}

/* --------------------------------------------------------------------- out */

static char told[256];

static void test_what_is_there_is_left_alone(void **state)
{
	(void)state;
	put(from_fd, "a.case", "new", 0600);
	put(from_fd, "b.case", "second", 0600);
	put(from_fd, ".hidden", "not this", 0600);
	put(to_fd, "a.case", "old", 0600);
	assert_int_equal(torn_mirror_out(from_fd, to, false, told, sizeof told), 1);
	assert_true(holds(to_fd, "a.case", "old"));
	assert_true(holds(to_fd, "b.case", "second"));
	assert_int_equal(files_in(to), 2);
}

static void test_where_it_replaces_what_is_there_is_replaced(void **state)
{
	(void)state;
	put(from_fd, "a.case", "new", 0600);
	put(from_fd, "b.case", "second", 0600);
	put(to_fd, "a.case", "old", 0604);
	assert_int_equal(torn_mirror_out(from_fd, to, true, told, sizeof told), 2);
	assert_true(holds(to_fd, "a.case", "new"));
	assert_int_equal(files_in(to), 2);
}

static void test_a_folder_can_be_copied_out_twice(void **state)
{
	(void)state;
	put(from_fd, "a.case", "new", 0600);
	assert_int_equal(torn_mirror_out(from_fd, to, true, told, sizeof told), 1);
	assert_int_equal(torn_mirror_out(from_fd, to, true, told, sizeof told), 1);
	assert_int_equal(torn_mirror_out(from_fd, to, false, told, sizeof told), 0);
}

/* Whoever was in the sandbox put it there: no symlink of theirs is read by us. */
static void test_only_regular_files_are_copied_out(void **state)
{
	(void)state;
	put(from_fd, "a.case", "new", 0600);
	assert_int_equal(symlinkat("/etc/hostname", from_fd, "link"), 0);
	assert_int_equal(mkfifoat(from_fd, "fifo", 0600), 0);
	assert_int_equal(mkdirat(from_fd, "folder", 0700), 0);
	assert_int_equal(torn_mirror_out(from_fd, to, true, told, sizeof told), 1);
	assert_int_equal(files_in(to), 1);
	assert_true(holds(to_fd, "a.case", "new"));
}

static void test_the_target_folder_is_made(void **state)
{
	(void)state;
	char path[128];
	put(from_fd, "a.case", "new", 0600);
	snprintf(path, sizeof path, "%s/new", above);
	assert_int_equal(torn_mirror_out(from_fd, path, false, told, sizeof told), 1);
	assert_int_equal(files_in(path), 1);
}

static void test_a_target_folder_that_cannot_be_made_is_told(void **state)
{
	(void)state;
	char path[128];
	put(from_fd, "a.case", "new", 0600);
	snprintf(path, sizeof path, "%s/nowhere/new", above);
	assert_int_equal(torn_mirror_out(from_fd, path, false, told, sizeof told), -ENOENT);
	assert_string_equal(told, path);
	put(to_fd, "file", "old", 0600);
	snprintf(path, sizeof path, "%s/file", to);
	assert_int_equal(torn_mirror_out(from_fd, path, false, told, sizeof told), -ENOTDIR);
	assert_true(holds(to_fd, "file", "old"));
}

static void test_a_path_that_does_not_fit_is_refused(void **state)
{
	(void)state;
	char small[24];
	put(from_fd, "a-name-that-does-not-fit.case", "new", 0600);
	assert_int_equal(torn_mirror_out(from_fd, to, true, small, sizeof small), -ENAMETOOLONG);
	assert_int_equal(files_in(to), 0);
}

/* A full disk, as a limit on the size of files. Exits, since the limit stays. */
static int copy_out_onto_a_full_disk(void)
{
	const struct rlimit limit = {4, 4};
	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
		return -1;
	return torn_mirror_out(from_fd, to, true, told, sizeof told);
}

static void test_nothing_is_half_written(void **state)
{
	(void)state;
	put(from_fd, "a.case", "longer than four", 0644);
	put(to_fd, "a.case", "old", 0666);
	assert_int_equal(as_nobody(copy_out_onto_a_full_disk), -EFBIG);
	assert_true(holds(to_fd, "a.case", "old"));
	assert_int_equal(files_in(to), 1);
}

static int copy_out(void)
{
	int r = torn_mirror_out(from_fd, to, true, told, sizeof told);
	char path[128];
	snprintf(path, sizeof path, "%s/a.case", to);
	return r < 0 && strcmp(told, path) != 0 ? -1 : r;
}

static void test_a_folder_that_may_not_be_written_is_told(void **state)
{
	(void)state;
	put(from_fd, "a.case", "new", 0644);
	assert_int_equal(chmod(to, 0555), 0);
	assert_int_equal(as_nobody(copy_out), -EACCES);
	assert_int_equal(files_in(to), 0);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, make_folders, remove_folders)
	const struct CMUnitTest tests[] = {
		TEST(test_regular_files_of_a_folder_are_copied_in),
		TEST(test_what_is_no_file_is_left_out),
		TEST(test_a_single_file_is_copied_in_under_its_name),
		TEST(test_what_is_said_and_is_no_file_is_refused),
		TEST(test_a_longer_file_that_is_there_is_replaced),
		TEST(test_it_does_not_write_through_a_symlink),
		TEST(test_copies_belong_to_whom_the_sandbox_becomes),
		TEST(test_who_is_not_root_copies_in_too),
		TEST(test_an_unreadable_folder_is_refused),
		TEST(test_an_unreadable_file_of_a_folder_is_refused),
		TEST(test_what_is_there_is_left_alone),
		TEST(test_where_it_replaces_what_is_there_is_replaced),
		TEST(test_a_folder_can_be_copied_out_twice),
		TEST(test_only_regular_files_are_copied_out),
		TEST(test_the_target_folder_is_made),
		TEST(test_a_target_folder_that_cannot_be_made_is_told),
		TEST(test_a_path_that_does_not_fit_is_refused),
		TEST(test_nothing_is_half_written),
		TEST(test_a_folder_that_may_not_be_written_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
