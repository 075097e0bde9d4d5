/*
 * gate_procfs_test.c: sysctls and the other files below /proc, as a target meets them through the gate in
 * process, and as the real kernel has them.
 */
#include "gate_runtime_for_tests.h"

/* -------------------------------------------------------------- what is set */

static int sets_a_shorter_value(const struct torn_run *torn_run)
{
	(void)torn_run;
	const int before = open(FORWARD, O_RDONLY);
	const int fd = open(FORWARD, O_RDWR | O_CREAT | O_TRUNC, 0600);
	MUST(before >= 0 && fd >= 0);
	MUST(IS("0")); /* O_TRUNC emptied nothing */
	MUST(write(fd, "12345\n", 6) == 6);
	MUST(lseek(fd, 0, SEEK_CUR) == 6 && lseek(fd, 0, SEEK_SET) == 0);
	MUST(IS("12345"));
	MUST(write(fd, "7", 1) == 1); /* and no tail of what was there */
	MUST(IS("7"));
	char text[8] = "";
	MUST(read(before, text, sizeof text) == 2 && memcmp(text, "7\n", 2) == 0);
	MUST(close(fd) == 0 && close(before) == 0);
	return 0;
}

static void test_a_write_replaces_the_whole_value(void **state)
{
	(void)state;
	assert_as_the_kernel(sets_a_shorter_value);
	assert_holds(sets_a_shorter_value);
	assert_string_equal(now(KEPT), "7\n");
	assert_int_equal(torn_tree_find(test->trial.now, torn_bytes_of(KEPT))->mode, 0644);
}

static int writes_what_is_not_taken(const struct torn_run *torn_run)
{
	(void)torn_run;
	const int fd = open(FORWARD, O_RDWR);
	MUST(fd >= 0 && write(fd, "5", 1) == 1);
	static const char *const bad[] = {"x", "1x", "99999999999", "-", " "};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		MUST_FAIL(pwrite(fd, bad[i], strlen(bad[i]), 0), EINVAL);
		MUST(IS("5"));
	}
	MUST(lseek(fd, 0, SEEK_CUR) == 1);
	MUST(pwrite(fd, "", 0, 0) == 0 && IS("5"));
	return close(fd);
}

static void test_a_value_that_is_refused_changes_nothing(void **state)
{
	(void)state;
	assert_as_the_kernel(writes_what_is_not_taken);
	assert_string_equal(now(KEPT), "5\n");
}

static int writes_at_offsets(const struct torn_run *torn_run)
{
	(void)torn_run;
	const int fd = open(FORWARD, O_RDWR);
	MUST(fd >= 0 && write(fd, "7", 1) == 1);
	MUST(write(fd, "8", 1) == 1 && IS("7")); /* sysctl_writes_strict: taken, and nothing is done */
	MUST(pwrite(fd, "9", 1, 1) == 1 && IS("7"));
	MUST(pwrite(fd, "9", 1, 0) == 1 && IS("9"));
	struct iovec parts[] = {{(void *)"4", 1}, {(void *)"5\n", 2}};
	MUST(pwritev(fd, parts, 2, 0) == 3 && IS("45")); /* one value, whatever the pieces */
	MUST(lseek(fd, 0, SEEK_SET) == 0);
	MUST(pwritev2(fd, parts, 1, -1, 0) == 1 && IS("4"));
	MUST(lseek(fd, 0, SEEK_CUR) == 1);
	MUST(pwritev2(fd, parts, 2, 0, RWF_SYNC) == 3 && IS("45"));
	MUST(lseek(fd, 0, SEEK_SET) == 0 && writev(fd, parts, 2) == 3 && IS("45"));
	return close(fd);
}

static void test_an_offset_and_vectors_are_as_the_kernel_has_them(void **state)
{
	(void)state;
	assert_as_the_kernel(writes_at_offsets);
}

/* `echo 1 >> /proc/sys/...` works: procfs looks at no O_APPEND. */
static int appends(const struct torn_run *torn_run)
{
	(void)torn_run;
	const int fd = open(FORWARD, O_WRONLY | O_APPEND);
	MUST(fd >= 0 && write(fd, "61\n", 3) == 3 && IS("61"));
	MUST(lseek(fd, 0, SEEK_CUR) == 3);
	MUST(write(fd, "62\n", 3) == 3 && IS("61"));
	MUST(pwrite(fd, "63", 2, 0) == 2 && IS("63"));
	return close(fd);
}

static void test_appending_sets_the_value(void **state)
{
	(void)state;
	assert_as_the_kernel(appends);
}

/* -------------------------------------------------------------- what is seen */

static int reads_in_pieces(const struct torn_run *torn_run)
{
	(void)torn_run;
	char text[16] = "";
	struct stat status;
	const int fd = open(FORWARD, O_RDWR), name = open(HOSTNAME, O_RDONLY);
	MUST(fd >= 0 && name >= 0 && pwrite(fd, "63", 2, 0) == 2);
	MUST(read(fd, text, 1) == 1 && text[0] == '6');
	MUST(read(fd, text, 5) == 0); /* a number is told from its beginning, or not at all */
	MUST(lseek(fd, 0, SEEK_CUR) == 1);
	MUST(pread(fd, text, 5, 1) == 0 && pread(fd, text, 5, 0) == 3);
	struct iovec parts[] = {{text, 2}, {text + 2, 2}};
	MUST(readv(fd, parts, 2) == 0 && preadv(fd, parts, 2, 0) == 3);
	MUST(read(name, text, 2) == 2 && read(name, text, 2) == 2 && memcmp(text, "cd", 2) == 0);
	MUST(pread(name, text, 9, 3) == 4);
	MUST(stat(FORWARD, &status) == 0 && status.st_size == 0 && status.st_blocks == 0);
	MUST(fstat(fd, &status) == 0 && status.st_size == 0 && S_ISREG(status.st_mode));
	MUST(lseek(fd, 0, SEEK_END) == 0 && lseek(fd, 5, SEEK_SET) == 5);
	return close(fd) + close(name);
}

static void test_a_number_is_read_at_once_and_has_no_size(void **state)
{
	(void)state;
	assert_as_the_kernel(reads_in_pieces);
}

/* ------------------------------------------------------------ what is refused */

static int makes_and_removes_names(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST_FAIL(open(NET "/none", O_WRONLY | O_CREAT, 0600), ENOENT);
	MUST_FAIL(open("/proc/none", O_WRONLY | O_CREAT, 0600), ENOENT);
	MUST_FAIL(open(NET "/none", O_WRONLY), ENOENT);
	MUST_FAIL(open(FORWARD, O_WRONLY | O_CREAT | O_EXCL, 0600), EEXIST);
	MUST_FAIL(open(NET, O_RDONLY | O_CREAT, 0600), EISDIR);
	MUST_FAIL(open(NET, O_WRONLY), EISDIR);
	MUST_FAIL(open(NET, O_TMPFILE | O_RDWR, 0600), EACCES);
	MUST_FAIL(open("/proc", O_TMPFILE | O_RDWR, 0600), EOPNOTSUPP);
	MUST_FAIL(open(FORWARD, O_DIRECTORY), ENOTDIR);
	MUST_FAIL(open(FORWARD "/x", O_RDONLY), ENOTDIR);
	MUST_FAIL(open("/proc/sys/kernel/osrelease", O_WRONLY), EACCES); /* root too */
	MUST_FAIL(mkdir(NET "/d", 0755), ENOENT);
	MUST_FAIL(mkdir("/proc/d", 0755), ENOENT);
	MUST_FAIL(mkdir(NET, 0755), EEXIST);
	MUST_FAIL(mknod(NET "/n", S_IFREG, 0), ENOENT);
	MUST_FAIL(symlink("x", NET "/l"), ENOENT);
	MUST_FAIL(symlink("x", FORWARD), EEXIST);
	MUST_FAIL(link("/srv/f", NET "/l"), ENOENT);
	MUST_FAIL(link(FORWARD, NET "/l"), ENOENT);
	MUST_FAIL(link(FORWARD, "/srv/l"), EXDEV);
	MUST_FAIL(link(FORWARD, "/srv/f"), EEXIST);
	MUST_FAIL(unlink(FORWARD), EACCES);
	MUST_FAIL(unlink(NET "/none"), ENOENT);
	MUST_FAIL(unlink("/proc/self/mountinfo"), EPERM);
	MUST_FAIL(rmdir(NET), EACCES);
	MUST_FAIL(rmdir("/proc/sys"), EPERM);
	return 0;
}

static int renames(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST_FAIL(rename(FORWARD, "/srv/x"), EXDEV);
	MUST_FAIL(rename("/srv/f", FORWARD), EXDEV);
	MUST_FAIL(rename(FORWARD, NET "/ipv4/other"), ENOENT);
	MUST_FAIL(rename(NET "/none", NET "/no"), ENOENT);
	MUST_FAIL(rename(NET, "/proc/x"), ENOENT);
	MUST(rename(FORWARD, FORWARD) == 0);
	/* the directory above */
	MUST_FAIL(rename("/proc", "/x"), EBUSY);
	MUST_FAIL(rename("/srv", "/proc"), EBUSY);
	MUST_FAIL(rmdir("/proc"), EBUSY);
	MUST_FAIL(unlink("/proc"), EISDIR);
	MUST(IS("0"));
	return 0;
}

static int changes_attributes(const struct torn_run *torn_run)
{
	(void)torn_run;
	char text[16];
	const int fd = open(FORWARD, O_RDWR), dir = open(NET, O_RDONLY | O_DIRECTORY);
	MUST(fd >= 0 && dir >= 0);
	MUST_FAIL(fchmod(fd, 0600), EPERM);
	MUST_FAIL(chmod(FORWARD, 0644), EPERM);
	MUST_FAIL(chown(FORWARD, 0, 0), EPERM);
	MUST_FAIL(fchmod(dir, 0755), EPERM);
	MUST_FAIL(chmod("/proc/self/mountinfo", 0444), EPERM);
	MUST(utimensat(AT_FDCWD, FORWARD, NULL, 0) == 0);
	MUST_FAIL(setxattr(FORWARD, "user.a", "b", 1, 0), EOPNOTSUPP);
	MUST_FAIL(removexattr(FORWARD, "user.a"), EOPNOTSUPP);
	MUST_FAIL(getxattr(FORWARD, "user.a", text, sizeof text), EOPNOTSUPP);
	MUST(listxattr(FORWARD, text, sizeof text) == 0);
	return close(fd) + close(dir);
}

static int syncs_and_cuts(const struct torn_run *torn_run)
{
	(void)torn_run;
	int flags;
	const int fd = open(FORWARD, O_RDWR), reads = open(FORWARD, O_RDONLY), dir = open(NET, O_RDONLY);
	MUST(fd >= 0 && reads >= 0 && dir >= 0 && write(fd, "63", 2) == 2);
	MUST_FAIL(fsync(fd), EINVAL);
	MUST_FAIL(fdatasync(fd), EINVAL);
	MUST_FAIL(fsync(dir), EINVAL);
	MUST(syncfs(fd) == 0 && sync_file_range(fd, 0, 0, 7) == 0);
	MUST(ftruncate(fd, 0) == 0 && truncate(FORWARD, 0) == 0 && truncate(FORWARD, 5) == 0);
	MUST_FAIL(ftruncate(reads, 0), EINVAL);
	MUST_FAIL(truncate(NET, 0), EISDIR);
	MUST_FAIL(truncate(NET "/none", 0), ENOENT);
	MUST_FAIL(fallocate(fd, 0, 0, 10), EOPNOTSUPP);
	MUST(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED && errno == ENODEV);
	MUST(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == ENODEV);
	MUST_FAIL(ioctl(fd, FS_IOC_GETFLAGS, &flags), ENOTTY);
	MUST(IS("63"));
	return close(fd) + close(reads) + close(dir);
}

static void test_procfs_refuses_what_it_has_no_way_for(void **state)
{
	(void)state;
	assert_as_the_kernel(makes_and_removes_names);
	assert_as_the_kernel(renames);
	assert_as_the_kernel(changes_attributes);
	assert_as_the_kernel(syncs_and_cuts);
}

/* ------------------------------------------------------------- odd descriptors */

static int goes_by_other_ways(const struct torn_run *torn_run)
{
	(void)torn_run;
	char magic[32], byte;
	const int path = open(FORWARD, O_PATH), reads = open(FORWARD, O_RDONLY);
	const int writes = open(FORWARD, O_WRONLY);
	MUST_FAIL(write(path, "1", 1), EBADF);
	MUST_FAIL(read(path, &byte, 1), EBADF);
	MUST_FAIL(write(reads, "1", 1), EBADF);
	MUST_FAIL(write(reads, "", 0), EBADF);
	MUST_FAIL(read(writes, &byte, 1), EBADF);
	snprintf(magic, sizeof magic, "/proc/self/fd/%d", path);
	int fd = open(magic, O_WRONLY | O_TRUNC | O_CREAT, 0600);
	MUST(fd >= 0 && IS("0") && write(fd, "11", 2) == 2 && IS("11"));
	MUST_FAIL(open(magic, O_WRONLY | O_CREAT | O_EXCL, 0600), EEXIST);
	MUST_FAIL(chmod(magic, 0600), EPERM);
	MUST(truncate(magic, 0) == 0 && IS("11"));
	const int twin = dup(fd); /* they share their offset: it is behind the value */
	MUST(twin >= 0 && write(twin, "12", 2) == 2 && IS("11"));
	MUST(lseek(fd, 0, SEEK_SET) == 0 && write(twin, "13", 2) == 2 && IS("13"));
	const int third = fcntl(fd, F_DUPFD, 20);
	MUST(third >= 20 && pwrite(third, "14", 2, 0) == 2 && IS("14"));
	MUST(close(fd) == 0 && close(twin) == 0 && close(third) == 0);
	return close(path) + close(reads) + close(writes);
}

static int goes_by_directories(const struct torn_run *torn_run)
{
	(void)torn_run;
	const int dir = open(NET, O_RDONLY | O_DIRECTORY);
	int fd = openat(dir, "../net/ipv4/ip_forward", O_WRONLY);
	MUST(dir >= 0 && fd >= 0 && write(fd, "21", 2) == 2 && IS("21") && close(fd) == 0);
	MUST_FAIL(openat(dir, "none", O_WRONLY | O_CREAT, 0600), ENOENT);
	MUST_FAIL(unlinkat(dir, "ipv4", AT_REMOVEDIR), EACCES);
	MUST_FAIL(write(dir, "x", 1), EBADF);
	MUST(fchdir(dir) == 0);
	fd = open("ipv4/ip_forward", O_WRONLY | O_TRUNC);
	MUST(fd >= 0 && write(fd, "22", 2) == 2 && IS("22") && close(fd) == 0);
	MUST(chdir("/") == 0);
	MUST(symlink(FORWARD, "/srv/s") == 0);
	fd = open("/srv/s", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	MUST(fd >= 0 && write(fd, "23", 2) == 2 && IS("23") && close(fd) == 0);
	MUST_FAIL(open("/srv/s", O_WRONLY | O_NOFOLLOW), ELOOP);
	MUST(unlink("/srv/s") == 0);
	return close(dir);
}

static void test_every_way_to_the_file_leads_to_the_same_value(void **state)
{
	(void)state;
	assert_as_the_kernel(goes_by_other_ways);
	assert_as_the_kernel(goes_by_directories);
	assert_string_equal(now(KEPT), "23\n");
}

static int copies(const struct torn_run *torn_run)
{
	(void)torn_run;
	const int file = open("/srv/f", O_RDWR), fd = open(FORWARD, O_RDWR), other = open(FORWARD, O_RDONLY);
	MUST(file >= 0 && fd >= 0 && other >= 0 && pwrite(fd, "63", 2, 0) == 2);
	MUST_FAIL(copy_file_range(file, NULL, fd, NULL, 100, 0), EXDEV);
	MUST_FAIL(copy_file_range(other, NULL, file, NULL, 100, 0), EXDEV);
	MUST_FAIL(ioctl(file, FICLONE, fd), EXDEV);
	MUST(sendfile(file, other, NULL, 100) == 3);
	MUST(sendfile(file, other, NULL, 100) == 0);
	char text[8] = "";
	MUST(pread(file, text, sizeof text, 0) == 3 && memcmp(text, "63\n", 3) == 0);
	MUST(IS("63"));
	return close(file) + close(fd) + close(other);
}

static void test_a_value_is_copied_out_by_reading_it(void **state)
{
	(void)state;
	assert_as_the_kernel(copies);
	assert_string_equal(now("srv/f"), "63\n");
}

static int sends_into_a_sysctl(const struct torn_run *torn_run)
{
	(void)torn_run;
	const int file = open("/srv/f", O_RDONLY), fd = open(FORWARD, O_WRONLY);
	sendfile(fd, file, NULL, 100);
	close(file);
	return close(fd);
}

static int splices_into_a_sysctl(const struct torn_run *torn_run)
{
	(void)torn_run;
	int pipes[2];
	const int fd = open(FORWARD, O_WRONLY);
	MUST(pipe(pipes) == 0 && write(pipes[1], "1\n", 2) == 2);
	splice(pipes[0], NULL, fd, NULL, 2, 0);
	close(pipes[0]);
	close(pipes[1]);
	return close(fd);
}

static int writes_without_waiting(const struct torn_run *torn_run)
{
	(void)torn_run;
	struct iovec part = {(void *)"1", 1};
	const int fd = open(FORWARD, O_WRONLY);
	pwritev2(fd, &part, 1, 0, RWF_NOWAIT);
	return close(fd);
}

static int changes_the_mode_of_modules(const struct torn_run *torn_run)
{
	(void)torn_run;
	chmod("/proc/modules", 0400);
	return 0;
}

static void test_what_is_not_modelled_is_not_judged(void **state)
{
	(void)state;
	assert_not_judged(sends_into_a_sysctl, "sendfile into a file that the kernel keeps, which is not modelled");
	assert_not_judged(splices_into_a_sysctl, "splice into a file that the kernel keeps, which is not modelled");
	assert_not_judged(writes_without_waiting, "pwritev2 with flags");
	assert_not_judged(changes_the_mode_of_modules, "chmod of /proc/modules, which is not modelled");
}

/* Returns what the completion says; 1 where there was none. */
static int write_by_ring(struct io_uring *ring, int fd, const char *text, uint64_t offset)
{
	struct io_uring_cqe *done;
	int r;
	PUT(1, 0, io_uring_prep_write(sqe, fd, text, (unsigned)strlen(text), offset));
	if (io_uring_submit_and_wait(ring, 1) != 1)
		return 1;
	/* What was submitted is told also where the wait was cut short: io_uring_enter(2) */
	while ((r = io_uring_wait_cqe(ring, &done)) == -EINTR)
		continue;
	if (r < 0)
		return 1;
	r = done->res;
	io_uring_cqe_seen(ring, done);
	return r;
}

static int writes_by_a_ring(const struct torn_run *torn_run)
{
	(void)torn_run;
	struct io_uring rings, *ring = &rings;
	const int fd = open(FORWARD, O_RDWR);
	struct {
		const char *text;
		uint64_t offset;
		int told;
		const char *then;
	} const rows[] = {{"31", 0, 2, "31"},	{"32", UINT64_MAX, 2, "32"}, {"33", UINT64_MAX, 2, "32"},
			  {"x", 0, -EINVAL, "32"}, {"34", 1, 2, "32"},	     {"35", 0, 2, "35"}};
	MUST(fd >= 0 && io_uring_queue_init(4, ring, 0) == 0);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int told;
		/* While others hold the routing lock a call is begun again, and a ring is told EINTR: devinet_sysctl_forward() */
		while ((told = write_by_ring(ring, fd, rows[i].text, rows[i].offset)) == -EINTR)
			continue;
		MUST(told == rows[i].told);
		MUST(IS(rows[i].then));
	}
	io_uring_queue_exit(ring);
	return close(fd);
}

static void test_a_ring_writes_as_a_call_does(void **state)
{
	(void)state;
	assert_as_the_kernel(writes_by_a_ring);
	assert_string_equal(now(KEPT), "35\n");
}

/* ------------------------------------------------------------ two writes in a row */

#define ECHO_IGNORED NET "/ipv4/icmp_echo_ignore_all"

/* proc_dou8vec_minmax() leaves the offset at 0, so that the second one counts; of an int it is ignored. */
static int writes_twice(const struct torn_run *torn_run)
{
	(void)torn_run;
	const int byte = open(ECHO_IGNORED, O_RDWR | O_CLOEXEC), number = open(FORWARD, O_RDWR | O_CLOEXEC);
	MUST(byte >= 0 && number >= 0);
	MUST(write(byte, "1\n", 2) == 2 && lseek(byte, 0, SEEK_CUR) == 0);
	MUST(write(byte, "0\n", 2) == 2 && lseek(byte, 0, SEEK_CUR) == 0);
	MUST(strcmp(read_of(ECHO_IGNORED), "0") == 0);
	MUST(write(number, "1\n", 2) == 2 && lseek(number, 0, SEEK_CUR) == 2);
	MUST(write(number, "0\n", 2) == 2 && lseek(number, 0, SEEK_CUR) == 4);
	MUST(IS("1"));
	return close(byte) + close(number);
}

static void test_a_second_write_counts_where_the_first_did_not_move(void **state)
{
	(void)state;
	begin_with("old proc runtime\n"
		   "old proc/sys/net/ipv4/ip_forward file \"0\\n\"\n"
		   "old proc/sys/net/ipv4/icmp_echo_ignore_all file \"0\\n\"\n");
	assert_as_the_kernel(writes_twice);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		runtime_test(test_a_write_replaces_the_whole_value),
		runtime_test(test_a_value_that_is_refused_changes_nothing),
		runtime_test(test_an_offset_and_vectors_are_as_the_kernel_has_them),
		runtime_test(test_appending_sets_the_value),
		runtime_test(test_a_number_is_read_at_once_and_has_no_size),
		runtime_test(test_procfs_refuses_what_it_has_no_way_for),
		runtime_test(test_every_way_to_the_file_leads_to_the_same_value),
		runtime_test(test_a_value_is_copied_out_by_reading_it),
		runtime_test(test_what_is_not_modelled_is_not_judged),
		runtime_test(test_a_ring_writes_as_a_call_does),
		runtime_test(test_a_second_write_counts_where_the_first_did_not_move),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
