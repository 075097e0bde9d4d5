/*
 * gate_mounts_test.c: another file system in a root that has only one: what the
 * kernel refuses across mounts, and what a file system lacks. The kernel is asked
 * the same, on real mounts, where this machine allows them.
 */
#include <linux/fs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>

#include "gate_for_tests.h"

#define TWO "old srv/f file old\nold srv/g file other\nold mnt mount\nold mnt/m file there\nold mnt/d dir\n"

static int make(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0)
		return -1;
	const bool written = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	return close(fd) == 0 && written ? 0 : -1;
}

/* What TWO says, on the real kernel: in namespaces of its own, which end with this process. */
static bool enter_real_mounts(const char *root)
{
	const unsigned flags = geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS;
	const bool entered = unshare((int)flags) == 0 &&
			     mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
			     mount("none", root, "tmpfs", 0, NULL) == 0 && chroot(root) == 0 &&
			     chdir("/") == 0 && mkdir("srv", 0755) == 0 && mkdir("mnt", 0755) == 0 &&
			     mount("none", "mnt", "tmpfs", 0, NULL) == 0 && mkdir("mnt/d", 0755) == 0;
	return entered && make("srv/f", "old") == 0 && make("srv/g", "other") == 0 &&
	       make("mnt/m", "there") == 0;
}

/* Run an operation in a child on real mounts; -1: this machine has none for us. */
static int on_real_mounts(int (*operation)(const struct torn_run *run))
{
	char root[] = "/tmp/torn-mounts-test-XXXXXX";
	assert_non_null(mkdtemp(root));
	const pid_t child = fork();
	if (child == 0) {
		if (!enter_real_mounts(root))
			_exit(255);
		const int line = operation(NULL);
		if (line)
			fprintf(stderr, "on the real kernel line %d does not hold\n", line);
		_exit(line ? 1 : 0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(rmdir(root), 0);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == 255 ? -1 : WEXITSTATUS(status);
}

/* The gate answers as this kernel does. */
static void assert_as_the_kernel(int (*operation)(const struct torn_run *run))
{
	begin_with(TWO);
	assert_holds(operation);
	const int real = on_real_mounts(operation);
	if (real < 0)
		print_message("SKIPPED: no mount namespace here; the kernel was not asked\n");
	else
		assert_int_equal(real, 0);
}

static int renames_across(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST_FAIL(rename("/srv/f", "/mnt/f"), EXDEV);
	MUST_FAIL(rename("/mnt/m", "/srv/f"), EXDEV);
	MUST_FAIL(rename("/srv/none", "/mnt/f"), EXDEV); /* before the names are looked for */
	MUST_FAIL(rename("/none/f", "/mnt/f"), ENOENT);	 /* but not before their directories */
	MUST_FAIL(renameat2(AT_FDCWD, "/srv/f", AT_FDCWD, "/mnt/m", RENAME_EXCHANGE), EXDEV);
	MUST(rename("/mnt/m", "/mnt/d/m") == 0);
	MUST(rename("/mnt/d/m", "/mnt/d/../m") == 0);
	MUST(rename("/srv/f", "/mnt/../srv/h") == 0);
	return 0;
}

static void test_no_rename_reaches_another_file_system(void **state)
{
	(void)state;
	assert_as_the_kernel(renames_across);
}

static int links_across(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST_FAIL(link("/srv/f", "/mnt/f"), EXDEV);
	MUST_FAIL(link("/srv/f", "/mnt/m"), EEXIST); /* the name is looked at first */
	MUST_FAIL(link("/srv/none", "/mnt/f"), ENOENT);
	MUST(link("/mnt/m", "/mnt/d/m") == 0);
	int fd = open("/mnt/d", O_TMPFILE | O_WRONLY, 0600);
	MUST(fd >= 0);
	char path[32];
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	/* procfs itself is another file system; there may be none to follow it in */
	MUST(linkat(AT_FDCWD, path, AT_FDCWD, "/srv/t", AT_SYMLINK_FOLLOW) == -1 &&
	     (errno == EXDEV || errno == ENOENT));
	MUST_FAIL(linkat(fd, "", AT_FDCWD, "/srv/t", AT_EMPTY_PATH), EXDEV);
	MUST(linkat(fd, "", AT_FDCWD, "/mnt/t", AT_EMPTY_PATH) == 0);
	MUST(close(fd) == 0);
	return 0;
}

static void test_no_link_reaches_another_file_system(void **state)
{
	(void)state;
	assert_as_the_kernel(links_across);
}

static int moves_the_mount(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST_FAIL(rmdir("/mnt"), EBUSY);
	MUST_FAIL(rename("/mnt", "/other"), EBUSY);
	MUST(mkdir("/other", 0755) == 0);
	MUST_FAIL(rename("/other", "/mnt"), EBUSY);
	MUST_FAIL(renameat2(AT_FDCWD, "/other", AT_FDCWD, "/mnt", RENAME_EXCHANGE), EBUSY);
	MUST_FAIL(unlink("/mnt"), EISDIR);
	MUST(unlink("/mnt/m") == 0 && rmdir("/mnt/d") == 0);
	MUST_FAIL(rmdir("/mnt"), EBUSY);
	return 0;
}

static void test_a_mount_point_stays_where_it_is(void **state)
{
	(void)state;
	assert_as_the_kernel(moves_the_mount);
}

static int tells_them_apart(const struct torn_run *torn_run)
{
	(void)torn_run;
	struct stat root, inside, point, made, up;
	struct statx more;
	MUST(stat("/srv/f", &root) == 0 && stat("/mnt/m", &inside) == 0 && stat("/mnt", &point) == 0);
	MUST(root.st_dev != inside.st_dev && inside.st_dev == point.st_dev);
	MUST(stat("/mnt/..", &up) == 0 && up.st_dev == root.st_dev);
	MUST(mkdir("/mnt/d/e", 0755) == 0 && stat("/mnt/d/e", &made) == 0 && made.st_dev == inside.st_dev);
	MUST(statx(AT_FDCWD, "/mnt/m", 0, STATX_BASIC_STATS, &more) == 0);
	MUST(makedev(more.stx_dev_major, more.stx_dev_minor) == inside.st_dev);
	int fd = open("/mnt/d", O_TMPFILE | O_WRONLY, 0600);
	MUST(fd >= 0 && fstat(fd, &made) == 0 && made.st_dev == inside.st_dev && close(fd) == 0);
	return 0;
}

static void test_a_device_number_is_a_file_system(void **state)
{
	(void)state;
	assert_as_the_kernel(tells_them_apart);
}

static int copies_across(const struct torn_run *torn_run)
{
	(void)torn_run;
	int from = open("/srv/f", O_RDONLY), to = open("/mnt/m", O_WRONLY);
	MUST(from >= 0 && to >= 0);
	MUST_FAIL(ioctl(to, FICLONE, from), EXDEV);
	MUST(close(from) == 0 && close(to) == 0);
	return 0;
}

static void test_no_clone_reaches_another_file_system(void **state)
{
	(void)state;
	assert_as_the_kernel(copies_across);
}

/* Between two tmpfs the kernel copies by splicing; two ext4, which the gate stands for, refuse. */
static int copies_a_range_across(const struct torn_run *torn_run)
{
	(void)torn_run;
	int from = open("/srv/f", O_RDONLY), to = open("/mnt/m", O_WRONLY);
	MUST_FAIL(copy_file_range(from, NULL, to, NULL, 3, 0), EXDEV);
	MUST(close(to) == 0);
	to = open("/srv/g", O_WRONLY);
	MUST(copy_file_range(from, NULL, to, NULL, 3, 0) == 3);
	MUST(close(from) == 0 && close(to) == 0);
	return 0;
}

static void test_no_range_is_copied_to_another_file_system(void **state)
{
	(void)state;
	begin_with(TWO);
	assert_holds(copies_a_range_across);
}

/* ------------------------------------------------------------------ lacks */

static int has_all(const struct torn_run *torn_run)
{
	(void)torn_run;
	int fd = open("/srv", O_TMPFILE | O_RDWR, 0600);
	int from = open("/srv/f", O_RDONLY);
	MUST(fd >= 0 && from >= 0 && ioctl(fd, FICLONE, from) == 0);
	MUST(close(fd) == 0 && close(from) == 0);
	MUST(link("/srv/f", "/srv/h") == 0);
	MUST(renameat2(AT_FDCWD, "/srv/f", AT_FDCWD, "/srv/g", RENAME_EXCHANGE) == 0);
	return 0;
}

static int has_none(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST_FAIL(open("/srv", O_TMPFILE | O_RDWR, 0600), EOPNOTSUPP);
	int fd = open("/srv/g", O_RDWR), from = open("/srv/f", O_RDONLY);
	MUST(fd >= 0 && from >= 0);
	MUST_FAIL(ioctl(fd, FICLONE, from), EOPNOTSUPP);
	MUST_FAIL(ioctl(fd, FICLONE, 77), EBADF);
	MUST(close(fd) == 0 && close(from) == 0);
	MUST_FAIL(link("/srv/f", "/srv/g"), EEXIST);
	MUST_FAIL(link("/srv/f", "/srv/h"), EPERM);
	MUST_FAIL(renameat2(AT_FDCWD, "/srv/f", AT_FDCWD, "/srv/g", RENAME_EXCHANGE), EINVAL);
	/* The names are missed before the file system is asked: do_renameat2(). */
	MUST_FAIL(renameat2(AT_FDCWD, "/srv/f", AT_FDCWD, "/srv/h", RENAME_EXCHANGE), ENOENT);
	MUST_FAIL(renameat2(AT_FDCWD, "/srv/h", AT_FDCWD, "/srv/i", RENAME_EXCHANGE), ENOENT);
	MUST(renameat2(AT_FDCWD, "/srv/f", AT_FDCWD, "/srv/h", RENAME_NOREPLACE) == 0);
	MUST(rename("/srv/h", "/srv/g") == 0);
	return 0;
}

static void test_a_file_system_lacks_what_is_said_and_nothing_else(void **state)
{
	(void)state;
	begin_with("old srv mount lacks=exchange,tmpfile,link,clone\nold srv/f file old\nold srv/g file other\n");
	assert_holds(has_none);
	begin_with("old srv mount\nold srv/f file old\nold srv/g file other\n");
	assert_holds(has_all);
	begin_with("old mnt mount lacks=exchange,tmpfile,link,clone\nold srv/f file old\nold srv/g file other\n");
	assert_holds(has_all); /* it is none of the root's */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		gate_test(test_no_rename_reaches_another_file_system),
		gate_test(test_no_link_reaches_another_file_system),
		gate_test(test_a_mount_point_stays_where_it_is),
		gate_test(test_a_device_number_is_a_file_system),
		gate_test(test_no_clone_reaches_another_file_system),
		gate_test(test_no_range_is_copied_to_another_file_system),
		gate_test(test_a_file_system_lacks_what_is_said_and_nothing_else),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
