/*
 * gate_virtual_test.c: what a target sees of the world is the same everywhere
 * and always: time, randomness, identity, owners, attributes, its directory,
 * devices, the order of a directory.
 */
#include <dirent.h>
#include <grp.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <sys/xattr.h>
#include <time.h>

#include "gate_for_tests.h"
#include "recorder.h"

#define START_S (TORN_CLOCK_START_NS / 1000000000)

/* ------------------------------------------------------------------- time */

static int looks_at_the_clock(const struct torn_run *torn_run)
{
	(void)torn_run;
	struct timespec spec, later;
	MUST(clock_gettime(CLOCK_REALTIME, &spec) == 0);
	MUST(spec.tv_sec == START_S && spec.tv_nsec == TORN_CLOCK_TICK_NS);
	MUST(time(NULL) == START_S);
	struct timeval value;
	MUST(gettimeofday(&value, NULL) == 0);
	MUST(value.tv_sec == START_S && value.tv_usec == 3);
	MUST(clock_gettime(CLOCK_MONOTONIC, &later) == 0);
	MUST(later.tv_sec == START_S && later.tv_nsec == 4 * TORN_CLOCK_TICK_NS);
	MUST(clock_getres(CLOCK_REALTIME, &spec) == 0 && spec.tv_sec == 0 && spec.tv_nsec == 1);
	return 0;
}

/* Remedy: torn_vdso_patch() makes the vDSO's functions cross; else this is the host's clock. */
static void test_the_clock_starts_at_a_fixed_moment_and_moves_when_looked_at(void **state)
{
	(void)state;
	assert_both_hold(looks_at_the_clock, looks_at_the_clock);
}

static int sleeps(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST(sleep(3600) == 0);
	MUST(time(NULL) == START_S + 3600);
	MUST(usleep(500000) == 0 && usleep(500000) == 0);
	MUST(time(NULL) == START_S + 3601);
	struct timespec until = {START_S + 9999, 0};
	MUST(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL) == 0);
	MUST(time(NULL) == START_S + 9999);
	MUST(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL) == 0); /* past: no wait */
	MUST(time(NULL) == START_S + 9999);
	const struct timespec wrong = {0, 1000000000};
	MUST_FAIL(nanosleep(&wrong, NULL), EINVAL);
	return 0;
}

static int sleeps_for_ages(const struct torn_run *torn_run)
{
	(void)torn_run;
	time_t before = time(NULL);
	for (int i = 0; i < 4; i++) {
		MUST(sleep(~0U) == 0);
		const time_t after = time(NULL);
		MUST(after >= before);
		before = after;
	}
	return 0;
}

/* Remedy: sleep_virtual(): nobody waits. A real hour would end as HUNG. */
static void test_sleep_returns_at_once_and_moves_the_clock(void **state)
{
	(void)state;
	assert_holds(sleeps);
}

static void test_the_clock_never_goes_back_however_long_a_sleep(void **state)
{
	(void)state;
	assert_holds(sleeps_for_ages);
}

static int stamps_a_file(const struct torn_run *torn_run)
{
	struct stat status;
	MUST(sleep(10) == 0);
	MUST(writes_new(torn_run) == 0);
	MUST(stat("/srv/f", &status) == 0);
	shared->numbers[0] = status.st_mtim.tv_sec;
	shared->numbers[1] = (int64_t)status.st_ino;
	shared->numbers[2] = (int64_t)status.st_dev;
	MUST(status.st_mtim.tv_sec == START_S + 10);
	MUST(status.st_ctim.tv_sec == START_S + 10);
	return 0;
}

static void test_times_and_numbers_of_files_are_virtual_too(void **state)
{
	(void)state;
	assert_holds(stamps_a_file);
	const struct shared first = *shared;
	assert_holds(stamps_a_file);
	assert_memory_equal(&first.numbers, &shared->numbers, sizeof first.numbers);
}

/* ------------------------------------------------- randomness, identity */

/* Everything that could differ between two processes, machines and days, as text. */
static int tells_all(const struct torn_run *torn_run)
{
	(void)torn_run;
	char *at = shared->text;
	char *const end = shared->text + sizeof shared->text;
	unsigned char random[24], device[8];
	struct timespec spec;
	struct timeval value;
	MUST(clock_gettime(CLOCK_REALTIME, &spec) == 0 && gettimeofday(&value, NULL) == 0);
	MUST(getrandom(random, 12, 0) == 12 && getentropy(random + 12, 12) == 0);
	int fd = open("/dev/urandom", O_RDONLY);
	MUST(fd >= 0 && read(fd, device, sizeof device) == sizeof device && close(fd) == 0);
	at += snprintf(at, (size_t)(end - at), "%ld.%ld %ld %ld.%ld\n", (long)spec.tv_sec,
		       spec.tv_nsec, (long)time(NULL), (long)value.tv_sec, (long)value.tv_usec);
	for (size_t i = 0; i < sizeof random; i++)
		at += snprintf(at, (size_t)(end - at), "%02x", random[i]);
	for (size_t i = 0; i < sizeof device; i++)
		at += snprintf(at, (size_t)(end - at), "%02x", device[i]);
	char name[] = "/srv/f.XXXXXX", another[] = "/srv/f.XXXXXX", host[65];
	fd = mkstemp(name);
	MUST(fd >= 0 && close(fd) == 0);
	fd = mkstemp(another);
	MUST(fd >= 0 && close(fd) == 0 && strcmp(name, another) != 0);
	MUST(gethostname(host, sizeof host) == 0);
	struct rlimit limit;
	MUST(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	struct utsname uname_of;
	MUST(uname(&uname_of) == 0);
	at += snprintf(at, (size_t)(end - at), "\n%s %s %s %s %lu %lu\n%d %d %d %d %d\n%u %u %u %u\n", name,
		       another, host, uname_of.release, limit.rlim_cur, limit.rlim_max, getpid(),
		       (int)gettid(), getppid(), getpgrp(), getsid(0), getuid(), geteuid(), getgid(),
		       getegid());
	DIR *dir = opendir("/srv/d");
	MUST(dir);
	for (struct dirent *entry; (entry = readdir(dir));)
		at += snprintf(at, (size_t)(end - at), "%s %lu %d,", entry->d_name,
			       (unsigned long)entry->d_ino, entry->d_type);
	MUST(closedir(dir) == 0);
	return 0;
}

static const char many_names[] =
	"old srv/f file old\n"
	"old srv/d/zebra file z\nold srv/d/apple file a\nold srv/d/mango file m\nold srv/d/B file b\n";

/*
 * Remedy: torn_vdso_patch(), give_identity(), give_uname(), give_limit(), the
 * recorder's PRNG and do_readdir(), which lists by name.
 */
static void test_time_randomness_identity_and_order_are_the_same_in_two_workers(void **state)
{
	(void)state;
	begin_with(many_names);
	assert_holds(tells_all);
	const struct shared first = *shared;
	memset(shared->text, 0, sizeof shared->text);
	assert_holds(tells_all);
	assert_string_equal(first.text, shared->text);
	assert_non_null(strstr(first.text, "1000000000.1000 1000000000 1000000000.2\n"));
	assert_non_null(strstr(first.text, " torn 6.1.0 1000 1000\n4242 4242 4241 4242 4242\n0 0 0 0\n"));
	const char *order[] = {". ", ",.. ", ",B ", ",apple ", ",mango ", ",zebra "};
	const char *at = first.text;
	for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
		at = strstr(at, order[i]);
		if (!at)
			fail_msg("%s is not in its place in %s", order[i], first.text);
	}
}

static void run_with_seed(uint64_t seed)
{
	struct pair *pair = torn_arena_take(&test->arena, sizeof *pair);
	assert_non_null(pair);
	set_up_pair(pair, 0, tells_all);
	set_up_pair(pair, 1, tells_all);
	pair->plan = (struct torn_plan){.seed = seed};
	const struct torn_job job = {
		.job = pair_in_worker, .again = torn_test_again, .context = pair};
	char message[256];
	assert_int_equal(torn_worker_do(&test->worker, &job, message, sizeof message), 0);
	assert_int_equal(pair->results[1], TORN_HELD);
	assert_int_equal(pair->trials[1].code, 0);
	test->trial = pair->trials[1];
}

static void test_another_seed_gives_other_names_and_the_same_one_the_same(void **state)
{
	(void)state;
	begin_with(many_names);
	run_with_seed(1);
	const struct shared first = *shared;
	run_with_seed(2);
	const char *name = strstr(shared->text, "/srv/f."), *before = strstr(first.text, "/srv/f.");
	assert_non_null(name);
	assert_memory_not_equal(name, before, strlen("/srv/f.XXXXXX"));
	run_with_seed(1);
	assert_string_equal(first.text, shared->text);
}

/*
 * glibc 2.36 takes mkstemp's first name from the address of a local variable and
 * the clock (tempname.c, random_bits), not from getrandom: the operation's
 * stack must be at the same address in every process.
 */
static __attribute__((noinline)) void run_deeper_in_the_stack(size_t bytes)
{
	volatile char room[bytes];
	room[0] = room[bytes - 1] = 1;
	assert_holds(tells_all);
	room[0]++;
}

static void test_names_of_mkstemp_do_not_depend_on_where_the_stack_is(void **state)
{
	(void)state;
	begin_with(many_names);
	run_deeper_in_the_stack(16);
	const struct shared first = *shared;
	run_deeper_in_the_stack(4096 + 1024);
	assert_string_equal(first.text, shared->text);
}

/* What an ordinary user's torn shows is what root's does. */
static void as_an_ordinary_user(int (*operation)(const struct torn_run *run), const char *olds)
{
	fflush(NULL);
	const pid_t child = fork();
	if (child == 0) {
		if (geteuid() == 0 &&
		    (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0))
			_exit(2);
		struct torn_test *other = torn_test_open(olds);
		const int r = torn_test_run(other, operation, "");
		shared->numbers[0] = r;
		shared->numbers[1] = other->result;
		shared->numbers[2] = other->trial.end;
		shared->numbers[3] = other->trial.code;
		if (r < 0 || other->result < 0)
			fprintf(stderr, "%s\n", other->failure);
		torn_test_close(other);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(shared->numbers[0], 0);
	assert_int_equal(shared->numbers[1], TORN_HELD);
	assert_int_equal(shared->numbers[2], TORN_RETURNED);
	assert_int_equal(shared->numbers[3], 0); /* a line, where it returned early */
}

static void test_an_ordinary_user_sees_what_root_sees(void **state)
{
	(void)state;
	begin_with(many_names);
	assert_holds(tells_all);
	const struct shared first = *shared;
	memset(shared->text, 0, sizeof shared->text);
	as_an_ordinary_user(tells_all, many_names);
	assert_string_equal(first.text, shared->text);
}

/* ------------------------------------------------------- owners, attributes */

static int changes_owners(const struct torn_run *torn_run)
{
	(void)torn_run;
	struct stat status;
	int fd = open("/srv/f", O_RDWR);
	MUST(fd >= 0);
	MUST(chown("/srv/f", 12, 34) == 0);
	MUST(stat("/srv/f", &status) == 0 && status.st_uid == 12 && status.st_gid == 34);
	MUST(chown("/srv/link", 1, 2) == 0);
	MUST(fstat(fd, &status) == 0 && status.st_uid == 1 && status.st_gid == 2);
	MUST(lchown("/srv/link", 5, 6) == 0);
	MUST(lstat("/srv/link", &status) == 0 && status.st_uid == 5 && status.st_gid == 6);
	MUST(stat("/srv/f", &status) == 0 && status.st_uid == 1 && status.st_gid == 2);
	MUST(fchown(fd, 7, (gid_t)-1) == 0);
	MUST(fstat(fd, &status) == 0 && status.st_uid == 7 && status.st_gid == 2);
	MUST(fchownat(AT_FDCWD, "/srv/link", 8, 9, AT_SYMLINK_NOFOLLOW) == 0);
	MUST(lstat("/srv/link", &status) == 0 && status.st_uid == 8 && status.st_gid == 9);
	MUST(fchownat(fd, "", 1000, 1000, AT_EMPTY_PATH) == 0);
	MUST_FAIL(chown("/srv/none", 0, 0), ENOENT);
	MUST(close(fd) == 0);
	return 0;
}

static const char linked[] = "old srv/f file old\nold srv/link symlink f\n";

/* Remedy: do_chown() and do_setxattr() act on the tree only; on disk they need privilege. */
static void test_owners_are_virtual_for_root_and_ordinary_users(void **state)
{
	(void)state;
	begin_with(linked);
	assert_holds(changes_owners);
	const struct torn_node *file = torn_tree_find(test->trial.now, torn_bytes_of("srv/f"));
	const struct torn_node *link = torn_tree_find(test->trial.now, torn_bytes_of("srv/link"));
	assert_int_equal(file->uid, 1000);
	assert_int_equal(file->gid, 1000);
	assert_int_equal(link->uid, 8);
	as_an_ordinary_user(changes_owners, linked);
}

/* The list of names, each with its NUL, must be exactly these. */
static bool lists(ssize_t size, const char *names, const char *expected, size_t expected_size)
{
	return size == (ssize_t)expected_size && memcmp(names, expected, expected_size) == 0;
}
#define LISTS(size, names, expected) lists(size, names, expected, sizeof(expected) - 1)

static int uses_all_attribute_calls(const struct torn_run *torn_run)
{
	(void)torn_run;
	char value[64];
	int fd = open("/srv/f", O_RDWR);
	MUST(fd >= 0);
	MUST(listxattr("/srv/f", value, sizeof value) == 0);
	MUST(setxattr("/srv/link", "user.one", "1", 1, 0) == 0); /* follows: it is f's */
	MUST(fsetxattr(fd, "trusted.two", "22", 2, XATTR_CREATE) == 0);
	MUST(lsetxattr("/srv/f", "security.three", "333", 3, 0) == 0);
	MUST_FAIL(setxattr("/srv/f", "user.one", "x", 1, XATTR_CREATE), EEXIST);
	MUST_FAIL(setxattr("/srv/f", "user.none", "x", 1, XATTR_REPLACE), ENODATA);
	MUST_FAIL(setxattr("/srv/f", "strange.one", "x", 1, 0), EOPNOTSUPP);
	MUST(getxattr("/srv/link", "user.one", value, sizeof value) == 1 && value[0] == '1');
	MUST(lgetxattr("/srv/f", "trusted.two", value, sizeof value) == 2);
	MUST(fgetxattr(fd, "security.three", value, sizeof value) == 3);
	MUST(memcmp(value, "333", 3) == 0);
	MUST(getxattr("/srv/f", "security.three", NULL, 0) == 3); /* asks for the size */
	MUST_FAIL((int)getxattr("/srv/f", "security.three", value, 2), ERANGE);
	MUST_FAIL((int)getxattr("/srv/f", "user.none", value, sizeof value), ENODATA);
	MUST(LISTS(listxattr("/srv/link", value, sizeof value), value,
		   "security.three\0trusted.two\0user.one\0"));
	MUST(flistxattr(fd, NULL, 0) == 36);
	MUST_FAIL((int)flistxattr(fd, value, 35), ERANGE);
	MUST(lsetxattr("/srv/link", "trusted.own", "", 0, 0) == 0); /* the link's own */
	MUST_FAIL(lsetxattr("/srv/link", "user.own", "x", 1, 0), EPERM); /* xattr(7) */
	MUST(LISTS(llistxattr("/srv/link", value, sizeof value), value, "trusted.own\0"));
	MUST(lgetxattr("/srv/link", "trusted.own", value, sizeof value) == 0);
	MUST(removexattr("/srv/link", "user.one") == 0);
	MUST_FAIL(removexattr("/srv/f", "user.one"), ENODATA);
	MUST(fremovexattr(fd, "trusted.two") == 0);
	MUST(lremovexattr("/srv/link", "trusted.own") == 0);
	MUST(llistxattr("/srv/link", value, sizeof value) == 0);
	MUST(LISTS(flistxattr(fd, value, sizeof value), value, "security.three\0"));
	MUST(close(fd) == 0);
	return 0;
}

static void test_attributes_of_every_kind_go_through_all_twelve_calls(void **state)
{
	(void)state;
	begin_with(linked);
	assert_holds(uses_all_attribute_calls);
	const struct torn_node *file = torn_tree_find(test->trial.now, torn_bytes_of("srv/f"));
	assert_int_equal(file->xattrs_count, 1);
	assert_memory_equal(file->xattrs[0].value.data, "333", 3);
	as_an_ordinary_user(uses_all_attribute_calls, linked);
}

/* --------------------------------------------------------- umask, directory */

static int makes_with_umask(const struct torn_run *torn_run)
{
	(void)torn_run;
	struct stat status;
	MUST(umask(027) == 022);
	MUST(mkdir("/srv/d", 0777) == 0);
	MUST(stat("/srv/d", &status) == 0 && (status.st_mode & 07777) == 0750);
	int fd = open("/srv/new", O_CREAT | O_WRONLY, 0666);
	MUST(fd >= 0 && fstat(fd, &status) == 0 && (status.st_mode & 07777) == 0640);
	MUST(fchmod(fd, 06777) == 0); /* not cut by the umask: chmod(2) */
	MUST(fstat(fd, &status) == 0 && (status.st_mode & 07777) == 06777);
	MUST(close(fd) == 0);
	MUST(umask(0) == 027);
	MUST(mkfifo("/srv/fifo", 0606) == 0);
	MUST(stat("/srv/fifo", &status) == 0 && (status.st_mode & 07777) == 0606);
	MUST(umask(022) == 0);
	return 0;
}

static void test_the_umask_is_virtual(void **state)
{
	(void)state;
	assert_holds(makes_with_umask);
	assert_int_equal(torn_tree_find(test->trial.now, torn_bytes_of("srv/new"))->mode, 06777);
	assert_int_equal(torn_tree_find(test->trial.now, torn_bytes_of("srv/d"))->mode, 0750);
	assert_int_equal(test->trial.leaks_count, 0);
}

static int walks(const struct torn_run *torn_run)
{
	(void)torn_run;
	char path[64];
	MUST(getcwd(path, sizeof path) && strcmp(path, "/") == 0);
	MUST(chdir("srv/d") == 0);
	MUST(getcwd(path, sizeof path) && strcmp(path, "/srv/d") == 0);
	MUST(access("inner", F_OK) == 0);
	MUST(chdir("../../../..") == 0); /* clamped at the root */
	MUST(getcwd(path, sizeof path) && strcmp(path, "/") == 0);
	int fd = open("srv", O_RDONLY | O_DIRECTORY);
	MUST(fd >= 0 && fchdir(fd) == 0);
	MUST(getcwd(path, sizeof path) && strcmp(path, "/srv") == 0);
	MUST(rename("/srv", "/moved") == 0);
	MUST(getcwd(path, sizeof path) && strcmp(path, "/moved") == 0);
	MUST(access("f", F_OK) == 0);
	MUST(rename("/moved", "/srv") == 0);
	MUST_FAIL(chdir("f"), ENOTDIR);
	MUST_FAIL(chdir("/srv/none"), ENOENT);
	errno = 0;
	MUST(!getcwd(path, 4) && errno == ERANGE);
	MUST(chdir("/") == 0 && close(fd) == 0);
	return 0;
}

static void test_the_working_directory_is_of_the_trials_root(void **state)
{
	(void)state;
	begin_with("old srv/f file old\nold srv/d/inner file x\n");
	assert_holds(walks);
}

/* ------------------------------------------------------ /proc and devices */

static int goes_by_descriptor_names(const struct torn_run *torn_run)
{
	(void)torn_run;
	char text[64] = "", path[32];
	struct stat status, same;
	int fd = open("/srv", O_TMPFILE | O_RDWR, 0600);
	MUST(fd == 3 && write(fd, "tmp", 3) == 3);
	MUST(linkat(AT_FDCWD, "/proc/self/fd/3", AT_FDCWD, "/srv/linked", AT_SYMLINK_FOLLOW) == 0);
	int file = open("/srv/f", O_RDONLY);
	snprintf(path, sizeof path, "/proc/self/fd/%d", file);
	MUST(readlink(path, text, sizeof text) == 6 && strcmp(text, "/srv/f") == 0);
	MUST(stat(path, &status) == 0 && fstat(file, &same) == 0);
	MUST(status.st_ino == same.st_ino && status.st_size == 3);
	int again = open(path, O_RDWR); /* a description of its own */
	MUST(again >= 0 && write(again, "new", 3) == 3);
	MUST(read(file, text, 3) == 3 && memcmp(text, "new", 3) == 0);
	MUST_FAIL(open("/proc/self/fd/77", O_RDONLY), ENOENT);
	MUST_FAIL(open("/proc/self/fd/1001", O_RDONLY), ENOENT); /* torn's own */
	MUST_FAIL((int)readlink("/proc/self/fd/1001", text, sizeof text), ENOENT);
	MUST(close(again) == 0 && close(file) == 0 && close(fd) == 0);
	return 0;
}

/* Remedy: magic_descriptor(); resolved as a path, there is no /proc in the root. */
static void test_names_below_proc_self_fd_lead_to_the_open_file(void **state)
{
	(void)state;
	assert_holds(goes_by_descriptor_names);
	assert_string_equal(now("srv/linked"), "tmp");
	assert_string_equal(now("srv/f"), "new");
}

static int links_without_following(const struct torn_run *torn_run)
{
	(void)torn_run;
	int fd = open("/srv", O_TMPFILE | O_RDWR, 0600);
	MUST(fd == 3);
	MUST_FAIL(linkat(AT_FDCWD, "/proc/self/fd/3", AT_FDCWD, "/srv/linked", 0), EXDEV);
	MUST(close(fd) == 0);
	return 0;
}

/* Without AT_SYMLINK_FOLLOW it is procfs' own link, of another file system: linkat(2). */
static void test_linking_a_name_of_proc_itself_is_refused(void **state)
{
	(void)state;
	assert_holds(links_without_following);
	assert_null(now("srv/linked"));
}

static int uses_devices(const struct torn_run *torn_run)
{
	(void)torn_run;
	char bytes[16] = "unchanged";
	int fd = open("/dev/null", O_RDWR);
	MUST(fd >= 0 && read(fd, bytes, sizeof bytes) == 0);
	MUST(write(fd, "gone", 4) == 4 && close(fd) == 0);
	fd = open("/dev/zero", O_RDONLY);
	MUST(fd >= 0 && read(fd, bytes, 4) == 4 && memcmp(bytes, "\0\0\0\0anged", 9) == 0);
	MUST(close(fd) == 0);
	fd = open("/dev/random", O_RDONLY);
	MUST(fd >= 0 && read(fd, shared->text, 16) == 16 && close(fd) == 0);
	MUST_FAIL(open("/dev/sda", O_RDONLY), ENOENT);
	return 0;
}

static void test_dev_null_zero_and_random_are_there_and_random_is_seeded(void **state)
{
	(void)state;
	assert_holds(uses_devices);
	const struct shared first = *shared;
	assert_holds(uses_devices);
	assert_memory_equal(first.text, shared->text, 16);
	static const char none[16];
	assert_memory_not_equal(first.text, none, 16);
	assert_int_equal(test->trial.log->numbered, 1); /* only the absent one is an op */
}

/* ------------------------------------------------------------------ output */

static int says(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST(write(1, "hello ", 6) == 6);
	MUST(dprintf(2, "error %d\n", 7) == 8);
	MUST(printf("%s", "world") == 5 && fflush(stdout) == 0);
	int fd = dup(1);
	MUST(fd == 3 && write(fd, "!", 1) == 1 && close(fd) == 0);
	return 0;
}

/* Remedy: output() records and performs nothing; performed, it would be on torn's own stdout. */
static void test_output_is_recorded_and_not_printed(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	const int out = dup(1), err = dup(2);
	dup2(ends[1], 1);
	dup2(ends[1], 2);
	const int r = torn_test_run(test, says, "");
	fflush(NULL);
	dup2(out, 1);
	dup2(err, 2);
	close(out);
	close(err);
	close(ends[1]);
	char printed;
	assert_int_equal(read(ends[0], &printed, 1), 0);
	close(ends[0]);
	assert_int_equal(r, 0);
	assert_int_equal(test->result, TORN_HELD);
	assert_int_equal(test->trial.code, 0);
	assert_int_equal(test->trial.log->numbered, 0);
	assert_string_equal(output_of(2), "error 7\n");
	assert_string_equal(output_of(1), "hello world");
	assert_string_equal(output_of(3), "!"); /* its duplicate is output too */
}

static int prints_without_a_flush(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST(printf("first") == 5);
	return 0;
}

/* stdio's buffer is the process's: what one run leaves in it is not the next one's. */
static void test_output_left_in_a_buffer_belongs_to_its_own_run(void **state)
{
	(void)state;
	const struct pair *both = run_two(prints_without_a_flush, says);
	assert_int_equal(both->trials[1].code, 0);
	assert_string_equal(output_of(1), "hello world");
	assert_holds(prints_without_a_flush);
	assert_string_equal(output_of(1), "first");
}

/* ----------------------------------------------------------------- FICLONE */

static int clones_or_copies(const struct torn_run *torn_run)
{
	(void)torn_run;
	int from = open("/srv/f", O_RDONLY), to = open("/srv/copy", O_RDWR | O_CREAT, 0644);
	MUST(from >= 0 && to >= 0);
	shared->numbers[0] = ioctl(to, FICLONE, from) == 0 ? 0 : -errno;
	if (shared->numbers[0] < 0)
		MUST(write(to, "copied", 6) == 6);
	MUST_FAIL(ioctl(from, FICLONE, to), EBADF); /* not open for writing */
	MUST(close(to) == 0 && close(from) == 0);
	return 0;
}

/* Remedy: do_clone(): tmpfs itself answers EOPNOTSUPP. */
static void test_ficlone_succeeds_and_under_a_fault_has_its_fall_back(void **state)
{
	(void)state;
	assert_holds(clones_or_copies);
	assert_int_equal(shared->numbers[0], 0);
	assert_int_equal(op(3)->kind, TORN_KIND_clone);
	assert_int_equal(op(3)->object_to, op(1)->object); /* a disk is asked for it again */
	assert_string_equal(now("srv/copy"), "old");
	assert_holds_under(clones_or_copies, "fault 3 ioctl errno=EOPNOTSUPP\n");
	assert_int_equal(shared->numbers[0], -EOPNOTSUPP);
	assert_string_equal(now("srv/copy"), "copied");
}

/* As XFS and btrfs answer (Linux 6.18): a larger file keeps its rest, and is refused what ends amid a block. */
static int clones_over_larger_ones(const struct torn_run *torn_run)
{
	(void)torn_run;
	static const struct {
		int from, to, told, size;
	} rows[] = {{0, 9, 0, 9},	    {5, 0, 0, 5},	 {5, 9, -EINVAL, 9},	      {9, 5, 0, 9},
		    {4096, 9000, 0, 9000}, {4096, 4097, 0, 4097}, {5000, 9000, -EINVAL, 9000}, {5000, 4096, 0, 5000}};
	static char s[9000], d[9000], now[9000];
	memset(s, 's', sizeof s);
	memset(d, 'd', sizeof d);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const int from = open("/srv/s", O_RDWR | O_CREAT | O_TRUNC, 0644), to = open("/srv/d", O_RDWR | O_CREAT | O_TRUNC, 0644);
		MUST(from >= 0 && to >= 0 && write(from, s, (size_t)rows[i].from) == rows[i].from &&
		     write(to, d, (size_t)rows[i].to) == rows[i].to);
		MUST((ioctl(to, FICLONE, from) == 0 ? 0 : -errno) == rows[i].told);
		MUST(pread(to, now, sizeof now, 0) == rows[i].size);
		const int cloned = rows[i].told < 0 ? 0 : rows[i].from;
		MUST(memcmp(now, s, (size_t)cloned) == 0);
		MUST(memcmp(now + cloned, d, (size_t)(rows[i].size - cloned)) == 0);
		MUST(close(from) == 0 && close(to) == 0);
	}
	/* Over itself, over what is only appended to, from nothing. */
	const int one = open("/srv/s", O_RDWR), other = open("/srv/s", O_RDONLY), appends = open("/srv/d", O_WRONLY | O_APPEND);
	MUST_FAIL(ioctl(one, FICLONE, other), EINVAL);
	MUST_FAIL(ioctl(appends, FICLONE, other), EBADF);
	MUST_FAIL(ioctl(one, FICLONE, 77), EBADF);
	MUST(ftruncate(one, 0) == 0 && ioctl(one, FICLONE, other) == 0);
	return close(one) + close(other) + close(appends);
}

static void test_a_clone_keeps_the_rest_of_a_larger_file(void **state)
{
	(void)state;
	assert_holds(clones_over_larger_ones);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		gate_test(test_the_clock_starts_at_a_fixed_moment_and_moves_when_looked_at),
		gate_test(test_sleep_returns_at_once_and_moves_the_clock),
		gate_test(test_the_clock_never_goes_back_however_long_a_sleep),
		gate_test(test_times_and_numbers_of_files_are_virtual_too),
		gate_test(test_time_randomness_identity_and_order_are_the_same_in_two_workers),
		gate_test(test_another_seed_gives_other_names_and_the_same_one_the_same),
		gate_test(test_names_of_mkstemp_do_not_depend_on_where_the_stack_is),
		gate_test(test_an_ordinary_user_sees_what_root_sees),
		gate_test(test_owners_are_virtual_for_root_and_ordinary_users),
		gate_test(test_attributes_of_every_kind_go_through_all_twelve_calls),
		gate_test(test_the_umask_is_virtual),
		gate_test(test_the_working_directory_is_of_the_trials_root),
		gate_test(test_names_below_proc_self_fd_lead_to_the_open_file),
		gate_test(test_linking_a_name_of_proc_itself_is_refused),
		gate_test(test_dev_null_zero_and_random_are_there_and_random_is_seeded),
		gate_test(test_output_is_recorded_and_not_printed),
		gate_test(test_output_left_in_a_buffer_belongs_to_its_own_run),
		gate_test(test_ficlone_succeeds_and_under_a_fault_has_its_fall_back),
		gate_test(test_a_clone_keeps_the_rest_of_a_larger_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
