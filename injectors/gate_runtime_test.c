/*
 * gate_runtime_test.c: calls on what the kernel keeps but for its files: audit, modules, mounts, and what faults,
 * kills and power cuts make of any of them.
 */
#include "gate_runtime_for_tests.h"

/* ------------------------------------------------------------- audit's files */

static int looks_for_audit(const struct torn_run *torn_run)
{
	(void)torn_run;
	struct stat status;
	const int dir = open("/proc", O_RDONLY | O_DIRECTORY);
	MUST_FAIL(open("/proc/audit/rules", O_RDONLY), ENOENT);
	MUST_FAIL(openat(dir, "audit/enabled", O_RDWR), ENOENT);
	MUST_FAIL(stat("/proc/audit", &status), ENOENT);
	MUST_FAIL(chdir("/proc/audit"), ENOENT);
	MUST_FAIL(rename("/proc/audit/rules", "/proc/audit/enabled"), ENOENT);
	return close(dir);
}

static void test_nobody_finds_the_files_that_hold_audit_rules(void **state)
{
	(void)state;
	assert_holds(looks_for_audit);
}

static int opens_other_sockets(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST_FAIL(socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), EPERM);
	return 0;
}

static int opens_a_network_socket(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST_FAIL(socket(AF_INET, SOCK_STREAM, 0), EPERM);
	return 0;
}

static int writes_to_audit(const struct torn_run *torn_run)
{
	(void)torn_run;
	const struct nlmsghdr list = {.nlmsg_len = sizeof list, .nlmsg_type = AUDIT_LIST_RULES};
	const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_AUDIT);
	MUST(fd >= 0);
	MUST(write(fd, &list, sizeof list) < 0);
	return close(fd);
}

static int waits_for_audit(const struct torn_run *torn_run)
{
	(void)torn_run;
	char byte;
	const int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT), twin = dup(fd);
	MUST(fd >= 0 && twin >= 0);
	MUST_FAIL(recvfrom(twin, &byte, 1, MSG_DONTWAIT, NULL, NULL), EAGAIN); /* nothing was asked */
	return close(fd) + close(twin);
}

/* A message stays until it is received without MSG_PEEK; what does not fit of it is gone. */
static int peeks_at_audit(const struct torn_run *torn_run)
{
	(void)torn_run;
	const struct nlmsghdr get = {.nlmsg_len = sizeof get, .nlmsg_type = AUDIT_GET, .nlmsg_seq = 7};
	struct nlmsghdr header;
	const int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT);
	MUST(fd >= 0 && sendto(fd, &get, sizeof get, 0, NULL, 0) == sizeof get);
	for (int i = 0; i < 2; i++) {
		header = (struct nlmsghdr){0};
		MUST(recvfrom(fd, &header, sizeof header, MSG_PEEK | MSG_DONTWAIT, NULL, NULL) == sizeof header);
		MUST(header.nlmsg_type == AUDIT_GET && header.nlmsg_seq == 7);
	}
	MUST(recvfrom(fd, &header, sizeof header, MSG_TRUNC | MSG_DONTWAIT, NULL, NULL) == (ssize_t)header.nlmsg_len);
	MUST_FAIL(recvfrom(fd, &header, sizeof header, MSG_DONTWAIT, NULL, NULL), EAGAIN);
	return close(fd);
}

static void test_only_the_audit_socket_is_answered_and_only_by_messages(void **state)
{
	(void)state;
	assert_not_judged(opens_other_sockets, "calls socket, which would act on this machine: refused");
	assert_not_judged(opens_a_network_socket, "calls socket, which would act on this machine: refused");
	assert_not_judged(writes_to_audit, "write on a socket of the kernel's audit, which is not modelled");
	assert_holds(waits_for_audit);
	assert_holds(peeks_at_audit);
}

/* ----------------------------------------------------------- modules and mounts */

static int delete(const char *name)
{
	return (int)syscall(SYS_delete_module, name, O_NONBLOCK);
}

static int insert(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const int r = (int)syscall(SYS_finit_module, fd, "", 0);
	const int error = errno;
	close(fd);
	errno = error;
	return r;
}

static int loads_and_unloads(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST_FAIL(delete("none"), ENOENT);
	MUST_FAIL(delete("snd"), EWOULDBLOCK); /* another one uses it */
	MUST(delete("snd_timer") == 0 && delete("snd") == 0);
	MUST_FAIL(delete("snd"), ENOENT);
	MUST(insert("/lib/modules/dummy.ko") == 0);
	MUST_FAIL(insert("/lib/modules/dummy.ko"), EEXIST);
	MUST_FAIL(insert("/lib/modules/notes.txt"), ENOEXEC);
	MUST_FAIL(insert("/lib/modules/none.ko"), EBADF);
	MUST(strncmp(read_of("/proc/modules"), "dummy ", 6) == 0);
	return 0;
}

static void test_modules_come_and_go(void **state)
{
	(void)state;
	assert_holds(loads_and_unloads);
	assert_string_equal(now("proc/modules"), "dummy 16384 0 - Live 0x0000000000000000\n"
						 "usb_storage 81920 0 - Live 0x0000000000000000\n");
	assert_op(1, "delete_module", -ENOENT, -ENOENT);
	assert_op(3, "delete_module", 0, 0);
	assert_string_equal(op(3)->name_to.data, "snd_timer");
	assert_true(op(3)->flags & TORN_OP_RUNTIME);
}

static int remounts_and_unmounts(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST_FAIL(mount(NULL, "/mnt/none", NULL, MS_REMOUNT, NULL), ENOENT);
	MUST_FAIL(mount(NULL, "/srv", NULL, MS_REMOUNT, NULL), EINVAL); /* nothing is mounted there */
	MUST_FAIL(umount2("/srv", 0), EINVAL);
	MUST(mount(NULL, "/mnt/data", NULL, MS_REMOUNT | MS_NODEV | MS_RELATIME, NULL) == 0);
	MUST(umount2("/mnt/data", 0) == 0);
	MUST_FAIL(umount2("/mnt/data", 0), EINVAL);
	return 0;
}

static int remounts(const struct torn_run *torn_run)
{
	(void)torn_run;
	return mount(NULL, "/mnt/../mnt/data", NULL, MS_REMOUNT | MS_NODEV | MS_RELATIME, NULL);
}

static void test_mounts_change_the_line_that_tells_of_them(void **state)
{
	(void)state;
	assert_holds(remounts_and_unmounts);
	assert_null(strstr(now("proc/self/mountinfo"), "/mnt/data"));
	assert_holds(remounts);
	assert_non_null(strstr(now("proc/self/mountinfo"), "/mnt/data rw,nodev,relatime"));
	assert_non_null(strstr(now("proc/self/mountinfo"), " / / rw,relatime shared:1"));
}

/* -------------------------------------------------------- roots without a kernel */

static int deletes_a_module(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST_FAIL(delete("usb_storage"), EPERM);
	return 0;
}

static int inserts_a_module(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST_FAIL(insert("/srv/f"), EPERM);
	return 0;
}

static int mounts_anew(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST_FAIL(mount("none", "/srv", "tmpfs", 0, NULL), EPERM);
	return 0;
}

static int unmounts(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST_FAIL(umount2("/srv", 0), EPERM);
	return 0;
}

static int asks_audit(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST_FAIL(socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT), EPERM);
	return 0;
}

/* An ordinary directory of that name is no kernel, and a runtime mount has only what it has. */
static void test_without_its_file_a_call_would_be_the_machines(void **state)
{
	(void)state;
	static const char *const roots[] = {
		"old srv/f file old\nold proc/modules file \"\"\nold proc/self/mountinfo file \"\"\n"
		"old proc/audit/rules file \"\"\n",
		"old srv/f file old\nold proc runtime\n",
	};
	for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
		begin_with(roots[i]);
		assert_not_judged(deletes_a_module, "calls delete_module, which would act on this machine");
		assert_not_judged(inserts_a_module, "calls finit_module, which would act on this machine");
		assert_not_judged(mounts_anew, "calls mount, which would act on this machine");
		assert_not_judged(unmounts, "calls umount2, which would act on this machine");
		assert_not_judged(asks_audit, "calls socket, which would act on this machine");
	}
}

static int sets_a_plain_file(const struct torn_run *torn_run)
{
	(void)torn_run;
	const int fd = open(FORWARD, O_WRONLY | O_TRUNC);
	MUST(fd >= 0 && write(fd, "x", 1) == 1);
	return close(fd);
}

static void test_a_directory_that_is_only_called_proc_is_one(void **state)
{
	(void)state;
	begin_with("old " KEPT " file \"0\\n\"\n");
	assert_holds(sets_a_plain_file);
	assert_string_equal(now(KEPT), "x");
}

/* ------------------------------------------------------------------- faults */

enum { OPENED = 1, SET, CLOSED, DELETED, REMOUNTED, UNMOUNTED };

/* Each call once, and what it was told. */
static int changes_all(const struct torn_run *torn_run)
{
	(void)torn_run;
	const int fd = open(FORWARD, O_WRONLY);
	shared->numbers[SET] = write(fd, "1\n", 2) < 0 ? -errno : 0;
	close(fd);
	shared->numbers[DELETED] = delete("usb_storage") < 0 ? -errno : 0;
	shared->numbers[REMOUNTED] =
		mount(NULL, "/mnt/data", NULL, MS_REMOUNT | MS_NOEXEC, NULL) < 0 ? -errno : 0;
	shared->numbers[UNMOUNTED] = umount2("/mnt/data", 0) < 0 ? -errno : 0;
	shared->numbers[7] = insert("/lib/modules/dummy.ko") < 0 ? -errno : 0;
	return 0;
}

static void test_each_change_can_be_refused_and_is_not_made(void **state)
{
	(void)state;
	static const struct {
		const char *fault;
		int number, error;
		const char *path, *still;
	} rows[] = {
		{"fault 2 write errno=EINVAL\n", SET, EINVAL, KEPT, "0\n"},
		{"fault 2 write errno=EPERM\n", SET, EPERM, KEPT, "0\n"},
		{"fault 4 delete_module errno=EBUSY\n", DELETED, EBUSY, "proc/modules", "usb_storage"},
		{"fault 4 delete_module errno=EPERM\n", DELETED, EPERM, "proc/modules", "usb_storage"},
		{"fault 5 mount errno=EINVAL\n", REMOUNTED, EINVAL, "proc/self/mountinfo", "20 1"},
		{"fault 6 umount2 errno=EBUSY\n", UNMOUNTED, EBUSY, "proc/self/mountinfo", "/mnt/data"},
		{"fault 8 finit_module errno=ENOEXEC\n", 7, ENOEXEC, "proc/modules", "snd_timer"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_holds_under(changes_all, rows[i].fault);
		assert_int_equal(shared->numbers[rows[i].number], -rows[i].error);
		for (int other = SET; other <= 7; other++)
			if (other != rows[i].number && other != CLOSED)
				assert_int_equal(shared->numbers[other], 0);
		if (!strstr(now(rows[i].path), rows[i].still))
			fail_msg("%s left %s", rows[i].fault, now(rows[i].path));
	}
	assert_null(strstr(now("proc/modules"), "dummy"));
}

/* No disk is behind it: no room is short, and no part of a value is taken. */
static void test_what_only_a_disk_says_does_not_happen_to_it(void **state)
{
	(void)state;
	static const char *const faults[] = {"fault 2 write full\n", "fault 2 write short=1\n",
					     "fault 2 write errno=EFAULT\n", "fault 2 write errno=ENOSPC\n",
					     "fault 2 write errno=EIO\n", "fault 2 write kill=1\n"};
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		run(changes_all, faults[i]);
		if (test->result != TORN_INVALID)
			fail_msg("%s: %d", faults[i], test->result);
	}
}

/* Of what the kernel prints anew for each read (modules) a part may come first. */
static int reads_all(const struct torn_run *torn_run)
{
	(void)torn_run;
	char byte;
	const int fd = open(FORWARD, O_RDONLY);
	MUST(read(fd, &byte, 1) == 1 && read(fd, &byte, 1) == 0); /* who asks for less gets less */
	close(fd);
	shared->numbers[SET] = (int)strlen(read_of(FORWARD));
	shared->numbers[DELETED] = (int)strlen(read_of("/proc/sys/kernel/hostname"));
	shared->numbers[REMOUNTED] = (int)strlen(read_of("/proc/modules"));
	return 0;
}

static void test_a_read_of_a_sysctl_is_never_short(void **state)
{
	(void)state;
	static const char *const faults[] = {"fault 6 read short=1\n", "fault 9 read short=1\n",
					     "fault 9 read short=6\n"};
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		run(reads_all, faults[i]);
		if (test->result != TORN_INVALID)
			fail_msg("%s: %d", faults[i], test->result);
	}
	assert_holds_under(reads_all, "fault 12 read short=3\n");
	assert_int_equal(shared->numbers[SET], 1);
	assert_int_equal(shared->numbers[DELETED], 6);
	assert_int_equal(shared->numbers[REMOUNTED], 3);
}

static void test_a_real_kill_leaves_what_the_log_says(void **state)
{
	(void)state;
	static const struct {
		const char *fault, *value;
		bool has_module, has_mount;
	} rows[] = {
		{"fault 2 write kill=before\n", "0\n", true, true},
		{"fault 2 write kill=after\n", "1\n", true, true},
		{"fault 4 delete_module kill=before\n", "1\n", true, true},
		{"fault 4 delete_module kill=after\n", "1\n", false, true},
		{"fault 6 umount2 kill=after\n", "1\n", false, false},
	};
	for (int how = TORN_TRIAL_PLAIN; how <= TORN_TRIAL_KILL_FOR_REAL; how++) {
		test->how = how;
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
			run(changes_all, rows[i].fault); /* which holds the disk against the log too */
			assert_string_equal(test->failure, "");
			assert_int_equal(test->result, TORN_HELD);
			assert_true(test->trial.killed);
			assert_string_equal(now(KEPT), rows[i].value);
			assert_int_equal(strstr(now("proc/modules"), "usb_storage") != NULL, rows[i].has_module);
			assert_int_equal(strstr(now("proc/self/mountinfo"), "/mnt/data") != NULL, rows[i].has_mount);
		}
	}
}

/* ------------------------------------------------------------- power and points */

static int changes_all_and_a_file(const struct torn_run *torn_run)
{
	const int fd = open("/srv/f", O_WRONLY);
	MUST(fd >= 0 && write(fd, "2", 1) == 1 && close(fd) == 0);
	return changes_all(torn_run);
}

/* Nothing of it is on a disk: boot loads it again. */
static void test_no_change_of_the_kernels_has_an_effect_on_disk(void **state)
{
	(void)state;
	struct torn_effects effects;
	assert_holds(changes_all_and_a_file);
	assert_int_equal(torn_effects_of(&test->arena, &test->setup.base, test->trial.log, false, &effects), 0);
	assert_int_equal(effects.count, 1); /* the byte of the file */
	assert_int_equal(effects.items[0].at, 1);
}

#define POINT "torn_test/behind_the_write"

static int passes_a_point(const struct torn_run *torn_run)
{
	(void)torn_run;
	shared->numbers[0] = fiu_fail(POINT);
	shared->numbers[1] = fiu_fail(POINT "/of_no_name"); /* nobody named it: it never fails, and is no op */
	return 0;
}

static void test_a_named_point_is_an_op_that_can_fail_and_be_killed_at(void **state)
{
	(void)state;
	static const char *const points[] = {POINT, NULL};
	/* libfiu's table is this process's: the worker that runs the operation is made of it */
	torn_test_close(test);
	assert_int_equal(fiu_init(0), 0);
	assert_int_equal(torn_points_name(points), 0);
	assert_int_equal(fiu_fail(POINT), 0); /* no gate is closed */
	test = torn_test_open(KERNEL);
	shared->numbers[0] = 99;
	assert_holds(passes_a_point);
	assert_int_equal(shared->numbers[0], 0);
	assert_int_equal(test->trial.log->numbered, 1);
	assert_op(1, "point", 0, 0);
	assert_string_equal(op(1)->name.data, POINT);
	assert_holds_under(passes_a_point, "fault 1 point errno=ECANCELED\n");
	assert_int_not_equal(shared->numbers[0], 0);
	assert_int_equal(shared->numbers[1], 0);
	for (int how = TORN_TRIAL_PLAIN; how <= TORN_TRIAL_KILL_FOR_REAL; how++) {
		test->how = how;
		run(passes_a_point, "fault 1 point kill=after\n");
		assert_int_equal(test->result, TORN_HELD);
		assert_true(test->trial.killed);
		assert_int_equal(test->trial.kill_op, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		runtime_test(test_nobody_finds_the_files_that_hold_audit_rules),
		runtime_test(test_only_the_audit_socket_is_answered_and_only_by_messages),
		runtime_test(test_modules_come_and_go),
		runtime_test(test_mounts_change_the_line_that_tells_of_them),
		runtime_test(test_without_its_file_a_call_would_be_the_machines),
		runtime_test(test_a_directory_that_is_only_called_proc_is_one),
		runtime_test(test_each_change_can_be_refused_and_is_not_made),
		runtime_test(test_what_only_a_disk_says_does_not_happen_to_it),
		runtime_test(test_a_read_of_a_sysctl_is_never_short),
		runtime_test(test_a_real_kill_leaves_what_the_log_says),
		runtime_test(test_no_change_of_the_kernels_has_an_effect_on_disk),
		runtime_test(test_a_named_point_is_an_op_that_can_fail_and_be_killed_at),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
