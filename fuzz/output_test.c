/*
 * output_test.c: see output.h. Whatever goes wrong, the old file is whole and
 * nothing else is in its folder. With root's rights nothing is read-only:
 * there the tests about rights run in a child that is nobody.
 */
#include "output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define NOBODY 65534

static char folder[64];
static char path[96];

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/output_test.XXXXXX");
	if (!mkdtemp(folder) || chmod(folder, 0777) != 0)
		return -1;
	snprintf(path, sizeof path, "%s/report", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	DIR *dir = opendir(folder);
	if (!dir)
		return -1;
	for (struct dirent *entry; (entry = readdir(dir));)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    unlinkat(dirfd(dir), entry->d_name, 0) != 0)
			unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
	closedir(dir);
	return rmdir(folder);
}

static int files_in_folder(void)
{
	int count = 0;
	DIR *dir = opendir(folder);
	for (struct dirent *entry; dir && (entry = readdir(dir));)
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	if (dir)
		closedir(dir);
	return dir ? count : -1;
}

static void put_file(const char *text, mode_t mode)
{
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static bool file_is(const char *text)
{
	char is[64] = "";
	FILE *in = fopen(path, "r");
	if (!in)
		return false;
	is[fread(is, 1, sizeof is - 1, in)] = '\0';
	fclose(in);
	return strcmp(is, text) == 0;
}

/* ----------------------------------------------------------------- writers */

static int text(FILE *out, const void *context)
{
	return fputs(context, out) < 0 ? -EIO : 0;
}

/* More than any buffer holds: errors come while it writes, not only at the end. */
static int megabyte(FILE *out, const void *context)
{
	(void)context;
	for (int i = 0; i < 1 << 20; i++)
		fputc('x', out); /* what fails here, ferror() tells */
	return 0;
}

static int gives_up(FILE *out, const void *context)
{
	fputs("half", out);
	fflush(out);
	return *(const int *)context;
}

/* ------------------------------------------------------------------- tests */

static void test_a_file_is_made_by_the_umask(void **state)
{
	(void)state;
	struct stat status;
	const mode_t mask = umask(027);
	int r = torn_output_write(path, text, "new\n");
	const mode_t mask_after = umask(mask);
	assert_int_equal(r, 0);
	assert_int_equal(mask_after, 027);
	assert_true(file_is("new\n"));
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0640);
	assert_int_equal(files_in_folder(), 1);
}

static void test_a_file_is_replaced_and_keeps_its_mode(void **state)
{
	(void)state;
	struct stat before, after;
	put_file("old, and longer\n", 0604);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(torn_output_write(path, text, "new\n"), 0);
	assert_true(file_is("new\n"));
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(after.st_mode & 07777, 0604);
	assert_int_not_equal(before.st_ino, after.st_ino); /* a reader keeps the old one whole */
	assert_int_equal(files_in_folder(), 1);
}

static void test_an_empty_file_can_be_written(void **state)
{
	(void)state;
	put_file("old\n", 0644);
	assert_int_equal(torn_output_write(path, text, ""), 0);
	assert_true(file_is(""));
}

static void test_a_relative_path_without_a_folder_is_written_here(void **state)
{
	(void)state;
	char here[4096];
	assert_non_null(getcwd(here, sizeof here));
	assert_int_equal(chdir(folder), 0);
	int r = torn_output_write("report", text, "new\n");
	assert_int_equal(chdir(here), 0);
	assert_int_equal(r, 0);
	assert_true(file_is("new\n"));
}

static void test_what_the_writer_says_is_returned_and_old_is_whole(void **state)
{
	(void)state;
	const int error = -EILSEQ;
	put_file("old\n", 0644);
	assert_int_equal(torn_output_write(path, gives_up, &error), -EILSEQ);
	assert_true(file_is("old\n"));
	assert_int_equal(files_in_folder(), 1);
}

static void test_a_writer_that_gives_up_makes_no_file(void **state)
{
	(void)state;
	const int error = -EILSEQ;
	assert_int_equal(torn_output_write(path, gives_up, &error), -EILSEQ);
	assert_int_equal(files_in_folder(), 0);
}

/* RLIMIT_FSIZE: write(2) fails with EFBIG, in the middle or at the flush. */
static void limited_write(int (*write)(FILE *, const void *), const void *context)
{
	put_file("old\n", 0644);
	struct rlimit limit, before;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 8;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	int r = torn_output_write(path, write, context);
	setrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, handler);
	assert_int_equal(r, -EFBIG);
	assert_true(file_is("old\n"));
	assert_int_equal(files_in_folder(), 1);
}

static void test_an_error_in_the_middle_leaves_old_whole(void **state)
{
	(void)state;
	limited_write(megabyte, NULL);
}

static void test_an_error_of_the_last_flush_leaves_old_whole(void **state)
{
	(void)state;
	limited_write(text, "more than eight bytes\n");
}

/* The disk has room again before the end: what was lost on the way is lost all the same. */
static int loses_the_middle(FILE *out, const void *context)
{
	megabyte(out, NULL);
	setrlimit(RLIMIT_FSIZE, context);
	return text(out, "the end\n");
}

static void test_an_error_that_went_away_is_an_error(void **state)
{
	(void)state;
	struct rlimit limit, before;
	put_file("old\n", 0644);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 8;
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	int r = torn_output_write(path, loses_the_middle, &before);
	setrlimit(RLIMIT_FSIZE, &before);
	signal(SIGXFSZ, handler);
	assert_true(r < 0);
	assert_true(file_is("old\n"));
	assert_int_equal(files_in_folder(), 1);
}

static void test_a_device_without_room_is_told(void **state)
{
	(void)state;
	assert_int_equal(torn_output_write("/dev/full", text, "new\n"), -ENOSPC);
	assert_int_equal(torn_output_write("/dev/full", megabyte, NULL), -ENOSPC);
	assert_int_equal(access("/dev/full", F_OK), 0);
}

static void test_a_device_is_written_to_and_not_replaced(void **state)
{
	(void)state;
	struct stat before, after;
	assert_int_equal(stat("/dev/null", &before), 0);
	assert_int_equal(torn_output_write("/dev/null", megabyte, NULL), 0);
	assert_int_equal(stat("/dev/null", &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_true(S_ISCHR(after.st_mode));
}

static void test_a_pipe_is_written_to_and_not_replaced(void **state)
{
	(void)state;
	char is[8] = "";
	assert_int_equal(mkfifo(path, 0600), 0);
	const int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(reader >= 0);
	int r = torn_output_write(path, text, "new\n");
	const ssize_t size = read(reader, is, sizeof is - 1);
	close(reader);
	assert_int_equal(r, 0);
	assert_int_equal(size, 4);
	assert_string_equal(is, "new\n");
	assert_int_equal(files_in_folder(), 1);
}

static void test_a_folder_is_no_file(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(torn_output_write(path, text, "new\n"), -EISDIR);
	assert_int_equal(files_in_folder(), 1);
}

static void test_a_missing_folder_is_told_and_not_made(void **state)
{
	(void)state;
	char below[128];
	snprintf(below, sizeof below, "%s/missing/report", folder);
	assert_int_equal(torn_output_write(below, text, "new\n"), -ENOENT);
	assert_int_equal(torn_output_write("", text, "new\n"), -ENOENT);
	assert_int_equal(files_in_folder(), 0);
}

static void test_a_name_that_is_too_long_is_told(void **state)
{
	(void)state;
	char name[8192];
	snprintf(name, sizeof name, "%s/%0300d", folder, 0);
	assert_int_equal(torn_output_write(name, text, "new\n"), -ENAMETOOLONG);
	memset(name, 'a', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	assert_int_equal(torn_output_write(name, text, "new\n"), -ENAMETOOLONG);
	/* Not the file whose name is the beginning of it. */
	snprintf(name, sizeof name, "%s/%05000d", folder, 0);
	assert_int_equal(torn_output_write(name, text, "new\n"), -ENAMETOOLONG);
	assert_int_equal(files_in_folder(), 0);
}

static void test_a_symlink_leads_to_the_file_that_is_replaced(void **state)
{
	(void)state;
	char link[128];
	struct stat status;
	put_file("old\n", 0644);
	snprintf(link, sizeof link, "%s/link", folder);
	assert_int_equal(symlink("report", link), 0);
	assert_int_equal(torn_output_write(link, text, "new\n"), 0);
	assert_int_equal(lstat(link, &status), 0);
	assert_true(S_ISLNK(status.st_mode));
	assert_true(file_is("new\n"));
}

static void test_in_a_folder_a_file_takes_the_place_of_a_symlink_or_a_fifo(void **state)
{
	(void)state;
	char other[128];
	struct stat status;
	const int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	snprintf(other, sizeof other, "%s/other", folder);
	assert_int_equal(mkfifo(other, 0600), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(i == 0 ? symlink("other", path) : i == 1 ? mkfifo(path, 0600) : 0, 0);
		const mode_t mask = umask(027);
		int r = torn_output_write_at(fd, "report", text, i == 2 ? "newer\n" : "new\n");
		umask(mask);
		assert_int_equal(r, 0);
		assert_int_equal(lstat(path, &status), 0);
		assert_int_equal(status.st_mode, S_IFREG | 0640);
		assert_true(file_is(i == 2 ? "newer\n" : "new\n"));
		assert_int_equal(files_in_folder(), 2);
		if (i == 0)
			assert_int_equal(unlink(path), 0);
		else
			assert_int_equal(chmod(path, 0604), 0); /* nor is its mode kept */
	}
	const int error = -EILSEQ;
	assert_int_equal(torn_output_write_at(fd, "report", gives_up, &error), -EILSEQ);
	assert_true(file_is("newer\n"));
	assert_int_equal(files_in_folder(), 2);
	close(fd);
	assert_int_equal(torn_output_write_at(-1, "report", text, "x"), -ENOENT);
}

static void test_nothing_stays_open(void **state)
{
	(void)state;
	const int error = -EILSEQ;
	const int before = dup(0);
	close(before);
	assert_int_equal(torn_output_write(path, text, "new\n"), 0);
	assert_int_equal(torn_output_write(path, gives_up, &error), -EILSEQ);
	assert_int_equal(torn_output_write("/dev/null", text, "new\n"), 0);
	assert_int_equal(torn_output_write("/dev/full", text, "new\n"), -ENOSPC);
	const int after = dup(0);
	close(after);
	assert_int_equal(before, after);
}

/* ------------------------------------------------- in a child, that is nobody */

/* What torn_output_write returned there, as a positive errno; 255: no child. */
static int as_nobody(const char *file)
{
	const pid_t child = fork();
	if (child == 0) {
		if (geteuid() == 0 && (setresgid(NOBODY, NOBODY, NOBODY) != 0 ||
				       setresuid(NOBODY, NOBODY, NOBODY) != 0))
			_exit(254);
		_exit(-torn_output_write(file, text, "new\n"));
	}
	int status = 0;
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return 255;
	return WEXITSTATUS(status);
}

static void test_a_closed_folder_leaves_old_whole(void **state)
{
	(void)state;
	put_file("old\n", 0666); /* even where the file itself could be written */
	assert_int_equal(chmod(folder, 0555), 0);
	int r = as_nobody(path);
	assert_int_equal(chmod(folder, 0777), 0);
	assert_int_equal(r, EACCES);
	assert_true(file_is("old\n"));
	assert_int_equal(files_in_folder(), 1);
}

/* rename(2): in a sticky folder nobody replaces what is another's. */
static void test_a_rename_that_is_refused_leaves_no_temp(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	put_file("old\n", 0666);
	assert_int_equal(chmod(folder, 01777), 0);
	assert_int_equal(as_nobody(path), EPERM);
	assert_true(file_is("old\n"));
	assert_int_equal(files_in_folder(), 1);
}

/* stdout, with what is there replaced by a file or by nothing. */
static int to_stdout(const char *file)
{
	const pid_t child = fork();
	if (child == 0) {
		close(STDOUT_FILENO);
		if (file && open(file, O_WRONLY | O_CLOEXEC) != STDOUT_FILENO)
			_exit(254);
		int r = torn_output_write("-", text, "new\n");
		if (r == 0 && write(STDOUT_FILENO, "more\n", 5) != 5)
			_exit(253); /* stdout itself stays open */
		_exit(-r);
	}
	int status = 0;
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return 255;
	return WEXITSTATUS(status);
}

static void test_a_dash_is_stdout(void **state)
{
	(void)state;
	put_file("", 0644);
	assert_int_equal(to_stdout(path), 0);
	assert_true(file_is("new\nmore\n"));
	assert_int_equal(to_stdout("/dev/full"), ENOSPC);
	assert_int_equal(to_stdout(NULL), EBADF);
	assert_int_equal(files_in_folder(), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_file_is_made_by_the_umask),
		TEST(test_a_file_is_replaced_and_keeps_its_mode),
		TEST(test_an_empty_file_can_be_written),
		TEST(test_a_relative_path_without_a_folder_is_written_here),
		TEST(test_what_the_writer_says_is_returned_and_old_is_whole),
		TEST(test_a_writer_that_gives_up_makes_no_file),
		TEST(test_an_error_in_the_middle_leaves_old_whole),
		TEST(test_an_error_of_the_last_flush_leaves_old_whole),
		TEST(test_an_error_that_went_away_is_an_error),
		TEST(test_a_device_without_room_is_told),
		TEST(test_a_device_is_written_to_and_not_replaced),
		TEST(test_a_pipe_is_written_to_and_not_replaced),
		TEST(test_a_folder_is_no_file),
		TEST(test_a_missing_folder_is_told_and_not_made),
		TEST(test_a_name_that_is_too_long_is_told),
		TEST(test_a_symlink_leads_to_the_file_that_is_replaced),
		TEST(test_in_a_folder_a_file_takes_the_place_of_a_symlink_or_a_fifo),
		TEST(test_nothing_stays_open),
		TEST(test_a_closed_folder_leaves_old_whole),
		TEST(test_a_rename_that_is_refused_leaves_no_temp),
		TEST(test_a_dash_is_stdout),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
