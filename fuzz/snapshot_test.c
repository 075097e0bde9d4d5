/* snapshot_test.c: directories made by hand, and what is read of them, line by line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../injectors/disk.h"
#include "old_text.h"
#include "snapshot.h"
#include "world.h"

#define ARENA_SIZE ((size_t)64 << 20)

static const struct torn_snapshot_limits wide = {.bytes = 32 << 20, .files = 1000};

struct place {
	char path[64];
	int dir_fd;
	struct torn_arena arena;
	struct torn_old *olds;
	size_t count;
	uint32_t root_mode;
	char *message; /* in memory that children write to as well */
};

#define MESSAGE_SIZE 400

static int make_place(void **state)
{
	struct place *place = calloc(1, sizeof *place);
	snprintf(place->path, sizeof place->path, "/dev/shm/torn-snapshot-test-XXXXXX");
	umask(0);
	if (!mkdtemp(place->path) || torn_arena_open(&place->arena, ARENA_SIZE) < 0)
		return -1;
	place->message = torn_arena_take(&place->arena, MESSAGE_SIZE);
	place->dir_fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = place;
	return place->dir_fd < 0 || fchmod(place->dir_fd, 0755) < 0 ? -1 : 0;
}

static int clear_place(void **state)
{
	struct place *place = *state;
	const int r = torn_disk_clear(place->dir_fd);
	close(place->dir_fd);
	rmdir(place->path);
	torn_arena_close(&place->arena);
	free(place);
	return r;
}

static void put(const struct place *place, const char *path, const void *data, size_t size, mode_t mode)
{
	const int fd = openat(place->dir_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, size), size);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void put_text(const struct place *place, const char *path, const char *text)
{
	put(place, path, text, strlen(text), 0644);
}

static int snapshot(struct place *place, const struct torn_snapshot_limits *limits)
{
	place->message[0] = '\0';
	return torn_snapshot_read(place->dir_fd, limits, &place->arena, &place->olds, &place->count,
				  &place->root_mode, place->message, MESSAGE_SIZE);
}

static void assert_refused(const struct place *place, int r, int error, const char *says)
{
	if (r != error || !strstr(place->message, says))
		fail_msg("%d, \"%s\": expected %d, \"%s\"", r, place->message, error, says);
}

/* What was read, as a case says it. */
static void assert_lines(const struct place *place, const char *lines)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	for (size_t i = 0; i < place->count; i++) {
		assert_int_equal(torn_old_print(&place->olds[i], out), 0);
		putc('\n', out);
	}
	fclose(out);
	assert_string_equal(text, lines);
	free(text);
}

static void put_one_of_each(const struct place *place)
{
	assert_int_equal(mkdirat(place->dir_fd, "a", 0750), 0);
	assert_int_equal(mkdirat(place->dir_fd, "a-b", 0755), 0);
	assert_int_equal(fchmodat(place->dir_fd, "a-b", 02711, 0), 0);
	put_text(place, "a/x", "one");
	put_text(place, "z\n\xff", "two");
	put(place, "tool", "#!", 2, 04755);
	put(place, "empty", "", 0, 0600);
	assert_int_equal(linkat(place->dir_fd, "tool", place->dir_fd, "a-b/tool", 0), 0);
	assert_int_equal(linkat(place->dir_fd, "tool", place->dir_fd, "a/tool", 0), 0);
	assert_int_equal(symlinkat("/etc", place->dir_fd, "etc"), 0);
	assert_int_equal(symlinkat("nowhere", place->dir_fd, "a/dangling"), 0);
	assert_int_equal(mkfifoat(place->dir_fd, "pipe", 0622), 0);
	assert_int_equal(mknodat(place->dir_fd, "socket", S_IFSOCK | 0600, 0), 0);
}

static const char one_of_each[] = "a dir mode=0750\n"
				  "a-b dir mode=02711\n"
				  "a-b/tool file mode=04755 \"#!\"\n"
				  "a/dangling symlink nowhere\n"
				  "a/tool link a-b/tool\n"
				  "a/x file one\n"
				  "empty file mode=0600 \"\"\n"
				  "etc symlink /etc\n"
				  "pipe fifo mode=0622\n"
				  "socket socket mode=0600\n"
				  "tool link a-b/tool\n"
				  "\"z\\n\\xff\" file two\n";

static void test_whatever_is_below_is_read_as_a_case_says_it(void **state)
{
	struct place *place = *state;
	put_one_of_each(place);
	assert_int_equal(fchmod(place->dir_fd, 01751), 0);
	assert_int_equal(snapshot(place, &wide), 0);
	assert_lines(place, one_of_each);
	assert_int_equal(place->root_mode, 01751);
	/* Once more: the caller's descriptor is where it was. */
	assert_int_equal(snapshot(place, &wide), 0);
	assert_lines(place, one_of_each);
}

static void test_what_was_read_makes_the_same_directory_again(void **state)
{
	struct place *place = *state;
	put_one_of_each(place);
	assert_int_equal(snapshot(place, &wide), 0);
	const struct torn_node *tree;
	struct torn_fold_base base;
	assert_int_equal(torn_world_build(&place->arena, place->olds, place->count, &tree, &base,
					  place->message, MESSAGE_SIZE), 0);
	assert_int_equal(torn_disk_clear(place->dir_fd), 0);
	const struct torn_disk disk = {.root_fd = place->dir_fd, .exact = true};
	assert_int_equal(torn_disk_make(&disk, tree), 0);
	assert_int_equal(snapshot(place, &wide), 0);
	assert_lines(place, one_of_each);
}

static void test_of_attributes_those_of_users_are_read(void **state)
{
	struct place *place = *state;
	put_text(place, "f", "x");
	const int fd = openat(place->dir_fd, "f", O_RDONLY | O_CLOEXEC);
	if (fsetxattr(fd, "user.z", "two", 3, 0) < 0 && errno == EOPNOTSUPP) {
		close(fd);
		print_message("this tmpfs has no user.* attributes: Linux 6.6\n");
		skip();
	}
	assert_int_equal(fsetxattr(fd, "user.a", "", 0, 0), 0);
	if (geteuid() == 0)
		assert_int_equal(fsetxattr(fd, "trusted.b", "no", 2, 0), 0);
	close(fd);
	assert_int_equal(snapshot(place, &wide), 0);
	assert_lines(place, "f file xattr=user.a: xattr=user.z:two x\n");
}

static void test_a_hole_is_read_as_zeroes(void **state)
{
	struct place *place = *state;
	put_text(place, "f", "x");
	const int fd = openat(place->dir_fd, "f", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, 3 << 20), 0);
	assert_int_equal(pwrite(fd, "y", 1, (3 << 20) - 1), 1);
	close(fd);
	assert_int_equal(snapshot(place, &wide), 0);
	assert_int_equal(place->count, 1);
	const struct torn_bytes text = place->olds[0].text;
	assert_int_equal(text.size, 3 << 20);
	assert_int_equal(text.data[0], 'x');
	assert_int_equal(text.data[1 << 20], 0);
	assert_int_equal(text.data[text.size - 1], 'y');
	assert_int_equal(text.data[text.size], 0);
}

static void test_more_than_the_limits_is_refused_and_as_much_is_not(void **state)
{
	struct place *place = *state;
	put_text(place, "f", "12345");
	put_text(place, "g", "678");
	assert_int_equal(linkat(place->dir_fd, "f", place->dir_fd, "h", 0), 0);
	const struct torn_snapshot_limits exact = {.bytes = 8, .files = 3};
	assert_int_equal(snapshot(place, &exact), 0);
	const struct torn_snapshot_limits bytes = {.bytes = 7, .files = 3}, files = {.bytes = 8, .files = 2};
	assert_refused(place, snapshot(place, &bytes), -EFBIG,
		       "the directory holds 8 bytes at least, and torn takes 7; give --dir a smaller");
	assert_refused(place, snapshot(place, &files), -EFBIG,
		       "the directory holds 3 files at least, and torn takes 2; give --dir a smaller");
}

static void test_a_file_that_is_larger_than_memory_is_not_read_at_all(void **state)
{
	struct place *place = *state;
	put_text(place, "f", "");
	const int fd = openat(place->dir_fd, "f", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
	close(fd);
	const size_t used = place->arena.used;
	assert_refused(place, snapshot(place, &wide), -EFBIG, "holds 1099511627776 bytes at least");
	assert_true(place->arena.used - used < 4096);
	const struct torn_snapshot_limits none = {.bytes = UINT64_MAX, .files = 10};
	assert_refused(place, snapshot(place, &none), -ENOMEM, "give --dir a smaller one");
}

/* In a child that may become somebody else. Returns what the snapshot does. */
static int snapshot_in_child(struct place *place, bool (*prepare)(const struct place *place))
{
	place->message[0] = '\0';
	const pid_t child = fork();
	if (child == 0)
		_exit(prepare(place) ? -snapshot(place, &wide) : 255);
	int status = -1;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), 255);
	return -WEXITSTATUS(status);
}

static bool become_nobody(const struct place *place)
{
	(void)place;
	return geteuid() != 0 || setresuid(65534, 65534, 65534) == 0;
}

static void test_what_may_not_be_read_is_refused_by_name(void **state)
{
	struct place *place = *state;
	assert_int_equal(mkdirat(place->dir_fd, "d", 0755), 0);
	put(place, "d/se cret", "x", 1, 0000);
	assert_refused(place, snapshot_in_child(place, become_nobody), -EACCES,
		       "d/se cret cannot be read: Permission denied; give --dir a directory that is yours");
	assert_int_equal(unlinkat(place->dir_fd, "d/se cret", 0), 0);
	assert_int_equal(snapshot_in_child(place, become_nobody), 0);
	assert_int_equal(fchmodat(place->dir_fd, "d", 0000, 0), 0);
	assert_refused(place, snapshot_in_child(place, become_nobody), -EACCES,
		       "d cannot be read: Permission denied; give --dir");
}

static void test_a_device_is_refused_by_name(void **state)
{
	struct place *place = *state;
	if (mknodat(place->dir_fd, "null", S_IFCHR | 0666, makedev(1, 3)) < 0) {
		print_message("no device can be made here: this needs root\n");
		skip();
	}
	assert_refused(place, snapshot(place, &wide), -ENODEV, "null is a device");
}

static bool unshare_mounts(void)
{
	return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* What is open already sees the mounts of the namespace that it was opened in. */
static bool reopen(const struct place *place)
{
	const int fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && dup2(fd, place->dir_fd) >= 0;
}

static bool mount_tmpfs(const struct place *place)
{
	char path[100];
	snprintf(path, sizeof path, "%s/d", place->path);
	return unshare_mounts() && mount("none", path, "tmpfs", 0, NULL) == 0 &&
	       reopen(place);
}

/* The same file system, and yet rename(2) does not reach there. */
static bool mount_file(const struct place *place)
{
	char from[100], to[100];
	snprintf(from, sizeof from, "%s/f", place->path);
	snprintf(to, sizeof to, "%s/g", place->path);
	return unshare_mounts() && mount(from, to, NULL, MS_BIND, NULL) == 0 && reopen(place);
}

static void test_a_mount_point_is_refused_by_name(void **state)
{
	struct place *place = *state;
	if (geteuid() != 0) {
		print_message("nothing can be mounted here: this needs root\n");
		skip();
	}
	assert_int_equal(mkdirat(place->dir_fd, "d", 0755), 0);
	put_text(place, "f", "x");
	put_text(place, "g", "y");
	assert_refused(place, snapshot_in_child(place, mount_tmpfs), -EXDEV, "d is a mount point");
	assert_refused(place, snapshot_in_child(place, mount_file), -EXDEV, "g is a mount point");
}

/*
 * Whoever reads in the directory waits, before the first byte, for a child that
 * changes what is read: fanotify(7), FAN_ACCESS_PERM. Returns the child; 0: not here.
 */
static pid_t change_at_first_read(const struct place *place, const char *path,
				  void (*change)(int dir_fd))
{
	const int watch = fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC);
	if (watch < 0 || fanotify_mark(watch, FAN_MARK_ADD, FAN_ACCESS_PERM | FAN_ONDIR,
				       place->dir_fd, path) < 0)
		return 0;
	const pid_t child = fork();
	if (child == 0) {
		struct fanotify_event_metadata event;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		bool is_first = true;
		while (read(watch, &event, sizeof event) == sizeof event) {
			if (is_first)
				change(place->dir_fd);
			is_first = false;
			const struct fanotify_response response = {event.fd, FAN_ALLOW};
			if (write(watch, &response, sizeof response) != sizeof response)
				_exit(1);
			close(event.fd);
		}
		_exit(1);
	}
	close(watch);
	return child;
}

static void change_bytes(int dir_fd)
{
	const int fd = openat(dir_fd, "d/f", O_WRONLY | O_CLOEXEC);
	if (pwrite(fd, "y", 1, 0) != 1)
		_exit(1);
	close(fd);
}

static void change_size(int dir_fd)
{
	const int fd = openat(dir_fd, "d/f", O_WRONLY | O_CLOEXEC);
	if (ftruncate(fd, 1) < 0)
		_exit(1);
	close(fd);
}

static void change_names(int dir_fd)
{
	if (linkat(dir_fd, "f", dir_fd, "d/g", 0) < 0)
		_exit(1);
}

static const struct {
	const char *path;
	void (*change)(int dir_fd);
	const char *says;
} meanwhile[] = {
	{"d/f", change_bytes, "d/f changed while it was read"},
	{"d/f", change_size, "d/f changed while it was read"},
	{"d", change_names, "d changed while it was read"},
};

static void test_what_changes_while_it_is_read_is_refused_by_name(void **state)
{
	struct place *place = *state;
	assert_int_equal(mkdirat(place->dir_fd, "d", 0755), 0);
	put_text(place, "d/f", "some bytes");
	put_text(place, "f", "");
	for (size_t i = 0; i < sizeof meanwhile / sizeof *meanwhile; i++) {
		const pid_t child = change_at_first_read(place, meanwhile[i].path, meanwhile[i].change);
		if (child == 0) {
			print_message("nobody can be made to wait here: fanotify(7) needs root\n");
			skip();
		}
		const int r = snapshot(place, &wide);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, NULL, 0), child);
		assert_refused(place, r, -EAGAIN, meanwhile[i].says);
	}
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, make_place, clear_place)
	const struct CMUnitTest tests[] = {
		TEST(test_whatever_is_below_is_read_as_a_case_says_it),
		TEST(test_what_was_read_makes_the_same_directory_again),
		TEST(test_of_attributes_those_of_users_are_read),
		TEST(test_a_hole_is_read_as_zeroes),
		TEST(test_more_than_the_limits_is_refused_and_as_much_is_not),
		TEST(test_a_file_that_is_larger_than_memory_is_not_read_at_all),
		TEST(test_what_may_not_be_read_is_refused_by_name),
		TEST(test_a_device_is_refused_by_name),
		TEST(test_a_mount_point_is_refused_by_name),
		TEST(test_what_changes_while_it_is_read_is_refused_by_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
