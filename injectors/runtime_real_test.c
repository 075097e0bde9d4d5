/* runtime_real_test.c: a simulated answer that is right is not told, and one that is wrong is, in full. */
#include <errno.h>
#include <sys/mount.h>

#include "runtime_kernel_for_tests.h"
#include "runtime_real.h"

#define KEY "net/ipv4/conf/all/log_martians"

static struct torn_runtime_real told;

/* Returns false, after saying so, where this machine has no namespaces for us. */
static bool start(void)
{
	char message[256];
	if (torn_runtime_real_start(message, sizeof message) == 0)
		return true;
	print_message("SKIPPED: %s\n", message);
	return false;
}

static void ask_sysctl(const char *key, const char *old, const char *written, int error, const char *content)
{
	const struct torn_sysctl_write own = {.content = torn_bytes_of(content),
					      .taken = error ? 0 : strlen(written),
					      .moves = !error};
	torn_runtime_real_sysctl(torn_bytes_of(key), torn_bytes_of(old), torn_bytes_of(written), 0, error, &own);
}

static void test_what_agrees_is_counted(void **state)
{
	(void)state;
	if (!start())
		return;
	ask_sysctl(KEY, "0\n", "1\n", 0, "1\n");
	ask_sysctl(KEY, "7\n", "x\n", -EINVAL, "7\n");
	torn_runtime_real_stop(&told);
	assert_int_equal(told.asked, 2);
	assert_int_equal(told.differences, 0);
	assert_int_equal(told.unheld, 0);
}

static void test_a_wrong_answer_is_told_in_full(void **state)
{
	(void)state;
	if (!start())
		return;
	ask_sysctl(KEY, "0\n", "+1\n", 0, "1\n");
	ask_sysctl(KEY, "0\n", "1\n", 0, "0\n");
	torn_runtime_real_stop(&told);
	assert_int_equal(told.differences, 2);
	assert_string_equal(told.first_difference,
			    "/proc/sys/" KEY " is \"0\\x0a\"; of write(\"+1\\x0a\") at 0 this kernel says EINVAL, then has "
			    "\"0\\x0a\" (the offset stays); the simulated one says 3, then has \"1\\x0a\" (the offset moves)");
}

static void test_what_no_namespace_has_is_not_asked(void **state)
{
	(void)state;
	if (!start())
		return;
	ask_sysctl("kernel/panic", "0\n", "1\n", 0, "wrong");
	ask_sysctl("net/ipv4/no_such_key", "0\n", "1\n", 0, "wrong");
	ask_sysctl("net/ipv4/icmp_echo_ignore_all", "never\n", "1\n", 0, "wrong");
	torn_runtime_real_stop(&told);
	assert_int_equal(told.unheld, 3);
	assert_int_equal(told.differences, 0);
	assert_string_equal(told.first_unheld, "kernel/panic is of no network namespace");
}

/* What is changed in the namespace is not changed outside. */
static void test_the_machine_is_left_alone(void **state)
{
	(void)state;
	char before[32] = "", after[32] = "";
	FILE *file = fopen("/proc/sys/" KEY, "re");
	if (!file || !start())
		return;
	assert_non_null(fgets(before, sizeof before, file));
	ask_sysctl(KEY, "0\n", "5\n", 0, "5\n");
	torn_runtime_real_stop(&told);
	rewind(file);
	assert_non_null(fgets(after, sizeof after, file));
	fclose(file);
	assert_string_equal(before, after);
	assert_string_not_equal(after, "5\n");
}

static const struct {
	const char *line, *data;
	uint64_t flags;
} remounts[] = {
	{"36 22 8:3 / /tmp rw,relatime shared:2 - ext4 /dev/sda3 rw,errors=remount-ro\n", "", MS_NODEV},
	{"36 22 8:3 / /tmp rw,nosuid,noatime - ext4 /dev/sda3 rw\n", "", MS_RDONLY},
	{"36 22 8:3 / /tmp ro,nodev - xfs /dev/sda3 rw\n", "", MS_BIND | MS_NOEXEC},
	{"36 22 0:30 / /tmp rw,nosuid,relatime - tmpfs tmpfs rw,size=1024k\n", "size=2m", MS_NODEV},
	{"36 22 0:30 / /tmp rw,nosuid,relatime - tmpfs tmpfs rw,size=1024k\n", "bogus", MS_NODEV},
	{"36 22 0:30 / /tmp rw,relatime - proc proc rw,hidepid=invisible\n", "hidepid=0", MS_NODEV},
	{"36 22 8:3 / /other rw,relatime - ext4 /dev/sda3 rw\n", "", MS_NODEV},
};

static void test_remounts_are_held_against_the_kernel(void **state)
{
	(void)state;
	const struct torn_bytes at = torn_bytes_of("/tmp");
	if (geteuid() != 0) {
		print_message("SKIPPED: not root, and then a tmpfs shows whose it is (uid=)\n");
		return;
	}
	if (!start())
		return;
	for (size_t i = 0; i < COUNT(remounts); i++) {
		const struct torn_runtime_mount mount = {
			.at = at, .data = torn_bytes_of(remounts[i].data), .flags = MS_REMOUNT | remounts[i].flags};
		const struct torn_bytes before = torn_bytes_of(remounts[i].line);
		struct torn_bytes after = before;
		const int error = torn_runtime_mount(&arena, before, &mount, &after);
		torn_runtime_real_mount(before, &mount, at, 0, error, after);
		/* a simulation that forgets the flags */
		if (!error)
			torn_runtime_real_mount(before, &mount, at, 0, 0, before);
	}
	torn_runtime_real_stop(&told);
	assert_int_equal(told.unheld, 0);
	assert_int_equal(told.asked, 2 * COUNT(remounts) - 2);
	assert_int_equal(told.differences, COUNT(remounts) - 2);
	assert_non_null(strstr(told.first_difference, "this kernel says 0, then has 1: rw,nodev,relatime - rw; "
						      "the simulated one says 0, then has 1: rw,relatime - rw"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		arena_test(test_what_agrees_is_counted),
		arena_test(test_a_wrong_answer_is_told_in_full),
		arena_test(test_what_no_namespace_has_is_not_asked),
		arena_test(test_the_machine_is_left_alone),
		arena_test(test_remounts_are_held_against_the_kernel),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
