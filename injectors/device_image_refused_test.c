/* device_image_refused_test.c: what a device for images cannot do without, each refused by the kernel, is told by its name. */
#include "device_image.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SIZE (16u * TORN_DEVICE_PAGE)

/* What a child saw; in shared memory. */
struct seen {
	bool is_refused; /* what was to be */
	int result;
	char message[256];
};

/* As kernel.io_uring_disabled does, and containers do. */
static bool refuse_uring(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	const bool is = filter && seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(io_uring_setup), 0) == 0 &&
			seccomp_load(filter) == 0;
	seccomp_release(filter);
	return is;
}

static bool refuse_loop_devices(void)
{
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("/dev/null", "/dev/loop-control", NULL, MS_BIND, NULL) == 0;
}

static bool refuse_nothing(void)
{
	return true;
}

/* In a child: none of it can be taken back. */
static void open_without(bool (*refuse)(void), struct seen *ret_seen)
{
	static const uint8_t base[SIZE];
	struct seen *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	const pid_t pid = fork();
	if (pid == 0) {
		struct torn_device_image *image = NULL;
		shared->is_refused = refuse();
		shared->result = torn_device_image_open(&image, base, SIZE, shared->message, sizeof shared->message);
		torn_device_image_close(image);
		_exit(0);
	}
	int status = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	*ret_seen = *shared;
	munmap(shared, sizeof *shared);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_true(ret_seen->is_refused);
}

static void test_with_all_of_it_there_is_a_device(void **state)
{
	(void)state;
	struct seen seen;
	open_without(refuse_nothing, &seen);
	assert_int_equal(seen.result, 0);
}

static void test_io_uring_that_is_refused_is_told(void **state)
{
	(void)state;
	struct seen seen;
	open_without(refuse_uring, &seen);
	assert_int_equal(seen.result, -EPERM);
	assert_string_equal(seen.message, "real file systems need io_uring (the sysctl kernel.io_uring_disabled, or a "
					  "container's seccomp filter?): Operation not permitted");
}

static void test_loop_devices_that_are_missing_are_told(void **state)
{
	(void)state;
	struct seen seen;
	open_without(refuse_loop_devices, &seen);
	assert_true(seen.result < 0);
	assert_non_null(strstr(seen.message, "real file systems need loop devices: "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_with_all_of_it_there_is_a_device),
		cmocka_unit_test(test_io_uring_that_is_refused_is_told),
		cmocka_unit_test(test_loop_devices_that_are_missing_are_told),
	};
	if (geteuid() != 0 || access("/dev/loop-control", R_OK | W_OK) != 0) {
		print_message("SKIPPED: a device for images needs root and /dev/loop-control\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
