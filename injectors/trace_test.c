/*
 * trace_test.c: what the ptrace gate numbers, and how: paths, descriptors, offsets, masks, looks,
 * mappings and output of one process.
 */
#include <dirent.h>
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

int main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		SCENARIO(writes_by_each_path),
	};
	if (argc > 1)
		return trace_test_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
	const struct CMUnitTest tests[] = {
		trace_test(test_every_path_below_the_root_is_numbered_by_its_place),
	};
	return cmocka_run_group_tests(tests, open_tracer, close_tracer);
}
