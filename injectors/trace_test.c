/*
 * trace_test.c: what the ptrace gate numbers, and how: paths, descriptors, offsets, masks, looks,
 * mappings and output of one process.
 */
#include <dirent.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

#include "trace_for_tests.h"

/* --------------------------------------------------------------------- paths */

static void writes_by_each_path(void)
{
	const int here = open(outside, O_RDONLY | O_DIRECTORY);
	CHECK(here == 3);
	write_file("relative", "1");
	write_file(below(root, "absolute"), "2");
	write_file("../root/d/up", "3");
	write_file("d/../../outside/../root/out-and-in", "4");
	write_file(below(outside, "../root/d/from-outside"), "5");
	CHECK(symlink(root, below(outside, "link")) == 0);
	write_file(below(outside, "link/by-link"), "6");
	const int fd = openat(here, "../root/by-dirfd", O_WRONLY | O_CREAT, 0600);
	CHECK(fd == 4 && write(fd, "7", 1) == 1);
	CHECK(symlink(below(root, "d"), "absolute-link") == 0);
	write_file("absolute-link/by-absolute-link", "8");
	const int dir = open("d", O_RDONLY | O_DIRECTORY);
	CHECK(dir == 5);
	write_file("/proc/self/fd/5/by-descriptor", "9");
	CHECK(truncate("/proc/self/fd/4", 0) == 0);
	write_file("/proc/self/cwd/d/by-proc", "c");
	write_file("/proc/self/fd/5/../by-descriptor-and-up", "d");
	CHECK(chdir(outside) == 0);
	write_file("../root/from-a-cwd-outside", "a");
	CHECK(fchdir(dir) == 0);
	write_file("by-fchdir", "b");
	CHECK(rename("by-fchdir", below(outside, "../root/renamed")) == 0);
}

static void test_every_path_below_the_root_is_numbered_by_its_place(void **state)
{
	(void)state;
	run("writes_by_each_path", "old d dir\n", "");
	assert_log("1 openat relative = 4\n2 write relative @0 \"1\" = 1\n3 close relative = 0\n"
		   "4 openat absolute = 4\n5 write absolute @0 \"2\" = 1\n6 close absolute = 0\n"
		   "7 openat d/up = 4\n8 write d/up @0 \"3\" = 1\n9 close d/up = 0\n"
		   "10 openat out-and-in = 4\n11 write out-and-in @0 \"4\" = 1\n12 close out-and-in = 0\n"
		   "13 openat d/from-outside = 4\n14 write d/from-outside @0 \"5\" = 1\n"
		   "15 close d/from-outside = 0\n"
		   "16 openat by-link = 4\n17 write by-link @0 \"6\" = 1\n18 close by-link = 0\n"
		   "19 openat by-dirfd = 4\n20 write by-dirfd @0 \"7\" = 1\n"
		   "21 symlink absolute-link -> ROOT/d = 0\n"
		   "22 openat d/by-absolute-link = 5\n23 write d/by-absolute-link @0 \"8\" = 1\n"
		   "24 close d/by-absolute-link = 0\n25 openat d = 5\n"
		   "26 openat d/by-descriptor = 6\n27 write d/by-descriptor @0 \"9\" = 1\n"
		   "28 close d/by-descriptor = 0\n29 truncate by-dirfd = 0\n"
		   "30 openat d/by-proc = 6\n31 write d/by-proc @0 \"c\" = 1\n32 close d/by-proc = 0\n"
		   "33 openat by-descriptor-and-up = 6\n34 write by-descriptor-and-up @0 \"d\" = 1\n"
		   "35 close by-descriptor-and-up = 0\n"
		   "36 openat from-a-cwd-outside = 6\n37 write from-a-cwd-outside @0 \"a\" = 1\n"
		   "38 close from-a-cwd-outside = 0\n39 fchdir d = 0\n"
		   "40 openat d/by-fchdir = 6\n41 write d/by-fchdir @0 \"b\" = 1\n"
		   "42 close d/by-fchdir = 0\n43 rename d/by-fchdir -> renamed = 0\n");
}

static void acts_outside(void)
{
	write_file(below(outside, "f"), "not ours");
	CHECK(chdir(outside) == 0);
	write_file("g", "not ours");
	CHECK(rename("g", "h") == 0 && unlink("h") == 0);
	const int fd = open("f", O_RDWR), copy = dup(fd);
	char bytes[3];
	CHECK(fd >= 0 && copy >= 0 && read(copy, bytes, 3) == 3 && memcmp(bytes, "not", 3) == 0);
	CHECK(fsync(fd) == 0 && ftruncate(fd, 1) == 0 && close(fd) == 0 && close(copy) == 0);
	CHECK_FAILS(fsync(fd), EBADF);
	CHECK_FAILS(fsync(0), EINVAL); /* /dev/null */
	CHECK_FAILS(fsync(1), EINVAL); /* a pipe */
	CHECK(symlink("/etc/passwd", "link") == 0 && mkdir("d", 0755) == 0 && rmdir("d") == 0);
	struct stat status;
	CHECK(stat("f", &status) == 0 && status.st_size == 1);
}

static void test_nothing_outside_is_numbered(void **state)
{
	(void)state;
	run("acts_outside", "old f file old\n", "");
	assert_log("");
	assert_on_disk("f", "old");
	assert_int_equal(traced.recorder->log.numbered, 0);
}

static void goes_nowhere(void)
{
	CHECK_FAILS(open("absent/f", O_RDONLY), ENOENT);
	CHECK_FAILS(open("f/g", O_RDONLY), ENOTDIR);
	CHECK_FAILS(open("loop", O_RDONLY), ELOOP);
	CHECK_FAILS(mkdir("f", 0755), EEXIST);
	CHECK_FAILS(rmdir("d"), ENOTEMPTY);
	CHECK_FAILS(unlink("d"), EISDIR);
	CHECK_FAILS(rename("d", "d/sub"), EINVAL);
	CHECK_FAILS(link("f", "d/e"), EEXIST);
	CHECK_FAILS(open("f", O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
	CHECK_FAILS(readlink("f", (char[4]){""}, 4), EINVAL);
	CHECK_FAILS(open((const char *)8, O_WRONLY), EFAULT); /* NOLINT: no address */
	const int fd = open("f", O_RDONLY);
	CHECK(fd == 3);
	CHECK_FAILS(write(fd, "x", 1), EBADF);
	CHECK_FAILS(ftruncate(fd, 1), EINVAL);
	CHECK_FAILS(pwrite(fd, "x", 1, -1), EINVAL);
}

static void test_what_the_kernel_refuses_is_logged_as_refused(void **state)
{
	(void)state;
	run("goes_nowhere", "old d/e file e\nold f file old\nold loop symlink loop\n", "");
	assert_log("1 openat absent/f = -ENOENT\n2 openat f/g = -ENOTDIR\n3 openat loop = -ELOOP\n"
		   "4 mkdir f = -EEXIST\n5 rmdir d = -ENOTEMPTY\n6 unlink d = -EISDIR\n"
		   "7 rename d -> d/sub = -EINVAL\n8 link f -> d/e = -EEXIST\n9 openat f = -EEXIST\n"
		   "10 readlink f = -EINVAL\n11 openat f = 3\n12 write f @0 \"\" = -EBADF\n"
		   "13 ftruncate f = -EINVAL\n14 pwrite64 f @18446744073709551615 \"\" = -EINVAL\n");
}

/* ------------------------------------------------------------ what is done there */

static void changes_names(void)
{
	CHECK(mkdir("new", 0750) == 0);
	CHECK(symlink("f", "new/link") == 0);
	CHECK(link("f", "new/hard") == 0);
	CHECK(rename("f", "new/moved") == 0);
	CHECK(mkfifo("fifo", 0600) == 0);
	CHECK(syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "b", 2 /* RENAME_EXCHANGE */) == 0);
	CHECK_FAILS(syscall(SYS_renameat2, AT_FDCWD, "a", AT_FDCWD, "b", 1 /* RENAME_NOREPLACE */), EEXIST);
	CHECK(unlink("a") == 0 && rmdir("empty") == 0);
	CHECK(linkat(AT_FDCWD, "new/link", AT_FDCWD, "link-of-link", 0) == 0);
	CHECK(chmod("b", 0604) == 0 && truncate("b", 7) == 0);
	const int fd = open(".", O_TMPFILE | O_WRONLY, 0640);
	CHECK(fd == 3 && write(fd, "unnamed", 7) == 7);
	CHECK(linkat(AT_FDCWD, "/proc/self/fd/3", AT_FDCWD, "named", AT_SYMLINK_FOLLOW) == 0);
}

static void test_names_are_made_moved_and_taken_away(void **state)
{
	(void)state;
	run("changes_names", "old a file aaa\nold b file b\nold empty dir\nold f file old\n", "");
	assert_log("1 mkdir new = 0\n2 symlink new/link -> f = 0\n3 link f -> new/hard = 0\n"
		   "4 rename f -> new/moved = 0\n5 mknodat fifo = 0\n6 renameat2 a -> b = 0\n"
		   "7 renameat2 a -> b = -EEXIST\n8 unlink a = 0\n9 rmdir empty = 0\n"
		   "10 linkat new/link -> link-of-link = 0\n11 chmod b = 0\n12 truncate b = 0\n"
		   "13 openat  = 3\n14 write  @0 \"unnamed\" = 7\n15 linkat  -> named = 0\n");
	assert_on_disk("named", "unnamed");
	assert_int_equal(op(1)->mode, 0750);
	assert_int_equal(op(11)->mode, 0604);
	assert_int_equal(op(12)->length, 7);
}

static void writes_each_way(void)
{
	const int fd = open("f", O_RDWR), to = open("to", O_RDWR | O_CREAT, 0644);
	const struct iovec two[] = {{"cd", 2}, {"efg", 3}};
	char bytes[8];
	CHECK(write(fd, "ab", 2) == 2 && writev(fd, two, 2) == 5);
	CHECK(pwrite(fd, "A", 1, 0) == 1 && pwritev(fd, two, 2, 20) == 5);
	CHECK(pwritev2(fd, two, 1, -1, 0) == 2);
	CHECK(lseek(fd, 1, SEEK_SET) == 1 && read(fd, bytes, 2) == 2 && memcmp(bytes, "bc", 2) == 0);
	CHECK(write(fd, "X", 1) == 1);
	CHECK(lseek(fd, 0, SEEK_END) == 25 && lseek(fd, -3, SEEK_CUR) == 22);
	off_t from = 1;
	CHECK(sendfile(to, fd, &from, 3) == 3 && from == 4);
	CHECK(copy_file_range(fd, &(off_t){0}, to, NULL, 2, 0) == 2);
	CHECK(write(to, "!", 1) == 1);
	const int end = open("to", O_WRONLY | O_APPEND);
	CHECK(write(end, "+", 1) == 1 && lseek(end, 0, SEEK_CUR) == 7);
	CHECK(ftruncate(to, 3) == 0 && write(end, "-", 1) == 1);
	CHECK(fallocate(to, 0, 0, 6) == 0 && fallocate(to, 3 /* PUNCH_HOLE | KEEP_SIZE */, 0, 1) == 0);
	CHECK(fsync(to) == 0 && fdatasync(to) == 0);
}

static void test_writes_are_logged_with_offset_and_bytes(void **state)
{
	(void)state;
	run("writes_each_way", "old f file old\n", "");
	assert_log("1 openat f = 3\n2 openat to = 4\n3 write f @0 \"ab\" = 2\n4 writev f @2 \"cdefg\" = 5\n"
		   "5 pwrite64 f @0 \"A\" = 1\n6 pwritev f @20 \"cdefg\" = 5\n7 pwritev2 f @7 \"cd\" = 2\n"
		   "8 lseek f = 1\n9 read f = 2\n10 write f @3 \"X\" = 1\n11 lseek f = 25\n12 lseek f = 22\n"
		   "13 sendfile to @0 \"bcX\" = 3\n14 copy_file_range to @3 \"Ab\" = 2\n"
		   "15 write to @5 \"!\" = 1\n16 openat to = 5\n17 write to @6 \"+\" = 1\n18 lseek to = 7\n"
		   "19 ftruncate to = 0\n20 write to @3 \"-\" = 1\n21 fallocate to = 0\n"
		   "22 fallocate to = 0\n23 fsync to = 0\n24 fdatasync to = 0\n");
	assert_memory_equal(on_disk("to"), "\0cX-\0\0", 6);
}

static void clones(void)
{
	const int fd = open("f", O_RDONLY), to = open("to", O_WRONLY | O_CREAT, 0644), larger = open("larger", O_RDWR | O_CREAT, 0644);
	CHECK(ioctl(to, FICLONE, fd) == 0);
	CHECK(write(larger, "larger", 6) == 6);
	CHECK_FAILS(ioctl(larger, FICLONE, larger), EINVAL);
	CHECK_FAILS(ioctl(larger, FICLONE, 77), EBADF);
	CHECK(fcntl(larger, F_SETFL, O_APPEND) == 0);
	CHECK_FAILS(ioctl(larger, FICLONE, fd), EBADF);
	CHECK(fcntl(larger, F_SETFL, 0) == 0);
	CHECK_FAILS(ioctl(larger, FICLONE, fd), EINVAL); /* what it has behind "old" would not lie on a block */
}

static void test_a_clone_is_made_and_says_of_what(void **state)
{
	(void)state;
	run("clones", "old f file old\n", "");
	assert_on_disk("to", "old");
	assert_on_disk("larger", "larger");
	assert_int_equal(op(4)->kind, TORN_KIND_clone);
	assert_int_equal(op(4)->object, op(2)->object);
	assert_int_equal(op(4)->object_to, op(1)->object);
}

/* ------------------------------------------------------------- descriptors */

static void duplicates(void)
{
	const int fd = open("f", O_RDWR);
	CHECK(fd == 3 && dup(fd) == 4 && dup2(fd, 7) == 7 && dup3(fd, 8, O_CLOEXEC) == 8);
	CHECK(fcntl(fd, F_DUPFD, 10) == 10 && fcntl(fd, F_DUPFD_CLOEXEC, 10) == 11);
	CHECK(dup2(fd, fd) == 3);
	CHECK(write(fd, "a", 1) == 1 && write(4, "b", 1) == 1 && write(7, "c", 1) == 1);
	CHECK(write(8, "d", 1) == 1 && write(10, "e", 1) == 1 && write(11, "f", 1) == 1);
	const int other = open("f", O_WRONLY);
	CHECK(other == 5 && write(other, "A", 1) == 1); /* an offset of its own */
	CHECK(dup2(other, 7) == 7 && write(7, "B", 1) == 1);
	CHECK(fcntl(4, F_SETFL, O_APPEND) == 0 && write(fd, "end", 3) == 3);
	CHECK(close(fd) == 0 && write(4, "!", 1) == 1);
	CHECK_FAILS(write(fd, "x", 1), EBADF);
	const int null = open("/dev/null", O_WRONLY);
	CHECK(null == 3 && dup2(null, 4) == 4 && write(4, "gone", 4) == 4);
	CHECK(syscall(SYS_close_range, 5, 9, 0) == 0);
	CHECK_FAILS(write(7, "x", 1), EBADF);
	CHECK(write(10, "?", 1) == 1);
}

static void test_duplicates_share_an_offset_and_end_on_their_own(void **state)
{
	(void)state;
	run("duplicates", "old f file 0123456789\n", "");
	const char *found = on_disk("f");
	assert_string_equal(found, "ABcdef6789end!?");
	/* What is written to a descriptor that is closed, or outside, is no op. */
	uint32_t writes = 0;
	for (uint32_t i = 1; i <= traced.recorder->log.numbered; i++)
		writes += op(i)->kind == TORN_KIND_write;
	assert_int_equal(writes, 11);
}

static void executes_with_descriptors(void)
{
	if (traced.more) {
		CHECK(write(3, "kept", 4) == 4);
		CHECK_FAILS(write(4, "x", 1), EBADF);
		CHECK_FAILS(write(5, "x", 1), EBADF);
		CHECK(write(6, "!", 1) == 1);
		CHECK_FAILS(write(7, "x", 1), EBADF);
		CHECK(open("f", O_RDONLY) == 4);
		return;
	}
	CHECK(open("f", O_WRONLY) == 3 && open("f", O_WRONLY | O_CLOEXEC) == 4);
	CHECK(dup(3) == 5 && fcntl(5, F_SETFD, FD_CLOEXEC) == 0);
	CHECK(dup3(3, 6, O_CLOEXEC) == 6 && fcntl(6, F_SETFD, 0) == 0);
	CHECK(dup(3) == 7 && syscall(SYS_close_range, 7, 9, 4 /* CLOSE_RANGE_CLOEXEC */) == 0);
	char *argv[] = {"program", "executes_with_descriptors", root, outside, "again", NULL};
	execv("/proc/self/exe", argv);
	CHECK(!"executed");
}

static void test_descriptors_live_through_execve_or_are_closed_by_it(void **state)
{
	(void)state;
	run("executes_with_descriptors", "old f file 0123456789\n", "");
	assert_on_disk("f", "kept!56789");
	const uint32_t last = traced.recorder->log.numbered;
	assert_int_equal(op(last)->told, 4);
	assert_string_equal(torn_call_name(op(last - 1)->call), "write");
	assert_int_equal(op(last - 1)->offset, 4);
}

static void masks_modes(void)
{
	CHECK(umask(027) == 022);
	CHECK(close(open("g", O_WRONLY | O_CREAT, 0666)) == 0);
	CHECK(mkdir("e", 0777) == 0);
	CHECK(umask(0) == 027);
	CHECK(close(open("h", O_WRONLY | O_CREAT, 0666)) == 0);
	struct stat status;
	CHECK(stat("g", &status) == 0 && (status.st_mode & 07777) == 0640);
	CHECK(stat("e", &status) == 0 && (status.st_mode & 07777) == 0750);
	CHECK(stat("h", &status) == 0 && (status.st_mode & 07777) == 0666);
}

static void test_the_mask_is_followed(void **state)
{
	(void)state;
	run("masks_modes", "old f file old\n", "");
	assert_int_equal(op(1)->mode, 0640);
	assert_int_equal(op(3)->mode, 0750);
	assert_int_equal(op(4)->mode, 0666);
}

/* ------------------------------------------------------------------- looks */

static void looks(void)
{
	struct stat status, by_fd, now;
	CHECK(stat("f", &status) == 0 && lstat("l", &now) == 0);
	const int fd = open("f", O_RDWR);
	CHECK(fstat(fd, &by_fd) == 0 && by_fd.st_ino == status.st_ino && by_fd.st_mtime == status.st_mtime);
	struct statx extended;
	CHECK(statx(fd, "", AT_EMPTY_PATH, STATX_ALL, &extended) == 0 && extended.stx_ino == status.st_ino);
	CHECK(extended.stx_size == 3 && extended.stx_mode == status.st_mode);
	CHECK(write(fd, "new", 3) == 3 && fstat(fd, &now) == 0);
	CHECK(now.st_mtim.tv_sec > status.st_mtim.tv_sec || now.st_mtim.tv_nsec > status.st_mtim.tv_nsec);
	struct statfs system;
	CHECK(fstatfs(fd, &system) == 0);
	printf("%llu %lld.%09ld %o %llu.%llu %llu of %llu\n", (unsigned long long)status.st_ino,
	       (long long)now.st_mtim.tv_sec, now.st_mtim.tv_nsec, status.st_mode,
	       (unsigned long long)major(status.st_dev), (unsigned long long)minor(status.st_dev),
	       (unsigned long long)system.f_bfree, (unsigned long long)system.f_blocks);
	CHECK(stat("d/late", &status) == 0);
	printf("%llu\n", (unsigned long long)status.st_ino);
	fflush(stdout);
}

static void test_a_look_shows_the_trees_numbers_and_times(void **state)
{
	(void)state;
	char first[256];
	run("looks", "old d/late file x\nold f file mode=0604 old\nold l symlink f\n", "");
	strcpy(first, output_of(1));
	unsigned long long f = 0, late = 0;
	long long seconds = 0;
	unsigned mode = 0;
	assert_int_equal(sscanf(first, "%llu %lld.%*s %o %*[^\n]\n%llu", &f, &seconds, &mode, &late), 4);
	const struct torn_entry *entry = torn_node_entry(folded(), torn_bytes_of("f"));
	assert_int_equal(f, entry->object);
	assert_int_equal(late, 3); /* the root is 1, and names are in the order of their paths */
	assert_int_equal(mode, S_IFREG | 0604);
	assert_int_equal(seconds, TORN_CLOCK_START_NS / 1000000000);
	/* Of another disk with other inodes, the same. */
	run("looks", "old d/late file x\nold f file mode=0604 old\nold l symlink f\n", "");
	assert_string_equal(output_of(1), first);
}

static void lists(void)
{
	DIR *dir = opendir(".");
	CHECK(dir);
	struct dirent *entry;
	long at = 0;
	struct stat status;
	while ((entry = readdir(dir))) {
		CHECK(entry->d_name[0] == '.' ||
		      (lstat(entry->d_name, &status) == 0 && entry->d_ino == status.st_ino));
		dprintf(1, "%s:%d ", entry->d_name, entry->d_type);
		if (strcmp(entry->d_name, "b") == 0)
			at = telldir(dir);
	}
	seekdir(dir, at);
	CHECK((entry = readdir(dir)));
	dprintf(1, "| %s ", entry->d_name);
	CHECK(unlink("c") == 0);
	write_file("aa", "");
	rewinddir(dir);
	while ((entry = readdir(dir)))
		dprintf(1, "%s ", entry->d_name);
	CHECK(closedir(dir) == 0);
}

static void test_a_directory_is_listed_in_order_and_again_after_a_seek(void **state)
{
	(void)state;
	run("lists", "old z file z\nold c symlink a\nold b dir\nold a file a\nold f fifo\n", "");
	assert_string_equal(output_of(1), ".:4 ..:4 a:8 b:4 c:10 f:1 z:8 | c . .. a aa b f z ");
}

/* ---------------------------------------------------------------- mappings */

static void stores(void)
{
	const int fd = open("f", O_RDWR);
	char *shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *private = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	CHECK(shared != MAP_FAILED && private != MAP_FAILED);
	private[1] = 'P';
	memcpy(shared + 2, "STORED", 6);
	CHECK(msync(shared, 4096, MS_SYNC) == 0);
	shared[5000] = 'L';
	CHECK(close(fd) == 0);
	shared[9] = 'E';
	private[9] = 'P';
}

static void test_stores_into_a_shared_mapping_are_ops_and_into_a_private_one_are_not(void **state)
{
	(void)state;
	char olds[8192] = "old f file \"", *to = olds + strlen(olds);
	memset(to, '.', 6000);
	strcpy(to + 6000, "\"\n");
	run("stores", olds, "");
	assert_log("1 openat f = 3\n2 mmap f = 0\n3 store f @2 \"STORED\" = 6\n4 msync f = 0\n"
		   "5 store f @5000 \"L\" = 1\n6 close f = 0\n7 store f @9 \"E\" = 1\n");
	assert_int_equal(on_disk("f")[9], 'E');
	assert_int_equal(on_disk("f")[1], '.');
}

/* ------------------------------------------------------------------ output */

static void prints_each_way(void)
{
	const struct iovec two[] = {{"th", 2}, {"ree ", 4}};
	CHECK(write(1, "one ", 4) == 4 && write(2, "two ", 4) == 4 && writev(1, two, 2) == 6);
	const int fd = open("f", O_RDONLY);
	CHECK(sendfile(1, fd, NULL, 5) == 5);
	int ends[2];
	CHECK(pipe(ends) == 0 && write(ends[1], "spliced ", 8) == 8);
	CHECK(splice(ends[0], NULL, 1, NULL, 8, 0) == 8);
	CHECK(dup2(1, 9) == 9 && write(9, "by 9 ", 5) == 5);
	const int again = open("/proc/self/fd/1", O_WRONLY);
	CHECK(again >= 0 && write(again, "by proc ", 8) == 8);
	CHECK(write(1, "last ", 5) == 5);
	CHECK(dup2(open("out", O_WRONLY | O_CREAT, 0644), 1) == 1);
	CHECK(write(1, "in a file", 9) == 9 && dprintf(9, "still") == 5);
}

static void test_output_is_recorded_in_order_until_it_is_a_file_of_the_root(void **state)
{
	(void)state;
	run("prints_each_way", "old f file four_\n", "");
	assert_string_equal(output_of(1), "one three four_spliced by 9 by proc last still");
	assert_string_equal(output_of(2), "two ");
	assert_on_disk("out", "in a file");
	char *text = log_text(true);
	assert_non_null(strstr(text, "write out @0 \"in a file\" = 9\nwrite @0 \"still\"\n"));
	free(text);
}

static void fills_stdout(void)
{
	static char many[1 << 20];
	memset(many, 'x', sizeof many);
	CHECK(write(1, many, sizeof many) == sizeof many);
	const int again = open("/dev/stdout", O_WRONLY);
	CHECK(again >= 0);
	for (int i = 0; i < 40; i++) /* more than a pipe holds: 64 KiB */
		CHECK(write(again, many, 4096) == 4096);
}

static void test_output_never_waits_for_whoever_reads_it(void **state)
{
	(void)state;
	run("fills_stdout", "old f file old\n", "");
	size_t size = 0;
	for (uint32_t i = 0; i < traced.recorder->log.count; i++)
		size += traced.recorder->log.ops[i].data.size;
	assert_int_equal(size, (1 << 20) + 40 * 4096);
}

int main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		SCENARIO(writes_by_each_path),
		SCENARIO(acts_outside),
		SCENARIO(goes_nowhere),
		SCENARIO(changes_names),
		SCENARIO(writes_each_way),
		SCENARIO(clones),
		SCENARIO(duplicates),
		SCENARIO(executes_with_descriptors),
		SCENARIO(masks_modes),
		SCENARIO(looks),
		SCENARIO(lists),
		SCENARIO(stores),
		SCENARIO(prints_each_way),
		SCENARIO(fills_stdout),
	};
	if (argc > 1)
		return trace_test_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
	const struct CMUnitTest tests[] = {
		trace_test(test_every_path_below_the_root_is_numbered_by_its_place),
		trace_test(test_nothing_outside_is_numbered),
		trace_test(test_what_the_kernel_refuses_is_logged_as_refused),
		trace_test(test_names_are_made_moved_and_taken_away),
		trace_test(test_writes_are_logged_with_offset_and_bytes),
		trace_test(test_a_clone_is_made_and_says_of_what),
		trace_test(test_duplicates_share_an_offset_and_end_on_their_own),
		trace_test(test_descriptors_live_through_execve_or_are_closed_by_it),
		trace_test(test_the_mask_is_followed),
		trace_test(test_a_look_shows_the_trees_numbers_and_times),
		trace_test(test_a_directory_is_listed_in_order_and_again_after_a_seek),
		trace_test(test_stores_into_a_shared_mapping_are_ops_and_into_a_private_one_are_not),
		trace_test(test_output_is_recorded_in_order_until_it_is_a_file_of_the_root),
		trace_test(test_output_never_waits_for_whoever_reads_it),
	};
	return cmocka_run_group_tests(tests, open_tracer, close_tracer);
}
