/*
 * fake_transport_test.c: the fake in its three versions, and the fixed one against the primitives on
 * sequences drawn at random.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "fake_transport.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct kensa_fake fake;

static const struct torn_bytes TEXT = {(const uint8_t *)"text", 4};

static struct kensa_transport fresh(enum kensa_fake_version version)
{
	kensa_fake_free(&fake);
	fake.version = version;
	return kensa_fake_transport(&fake);
}

static int clear(void **state)
{
	(void)state;
	kensa_fake_free(&fake);
	return 0;
}

/* ---------------------------------------------------------------- versions */

static void test_unhardened_replaces_and_removes_what_is_not_there(void **state)
{
	(void)state;
	const struct kensa_transport on = fresh(KENSA_FAKE_UNHARDENED);
	assert_int_equal(on.remove(on.self, "/f"), FSATOMIC_OK);
	assert_int_equal(on.replace(on.self, "/f", 0644, TEXT), FSATOMIC_OK);
	assert_int_equal(on.write(on.self, "/f", 0644, TEXT), FSATOMIC_OK);
	assert_int_equal(fake.files.count, 1);
}

static void test_hardened_tells_absent_and_present_apart(void **state)
{
	(void)state;
	const struct kensa_transport on = fresh(KENSA_FAKE_HARDENED);
	assert_int_equal(on.remove(on.self, "/f"), FSATOMIC_NOT_EXIST);
	assert_int_equal(on.replace(on.self, "/f", 0644, TEXT), FSATOMIC_NOT_EXIST);
	assert_int_equal(on.write(on.self, "/f", 0644, TEXT), FSATOMIC_OK);
	assert_int_equal(on.write(on.self, "/f", 0644, TEXT), FSATOMIC_ALREADY_EXISTS);
	assert_int_equal(on.replace(on.self, "/f", 0644, TEXT), FSATOMIC_OK);
	assert_int_equal(on.remove(on.self, "/f"), FSATOMIC_OK);
	assert_int_equal(fake.files.count, 0);
}

static void test_hardened_knows_no_directories(void **state)
{
	(void)state;
	const struct kensa_transport on = fresh(KENSA_FAKE_HARDENED);
	assert_int_equal(on.write(on.self, "/missing/f", 0644, TEXT), FSATOMIC_OK);
	assert_int_equal(on.write(on.self, "/missing/f/below", 0644, TEXT), FSATOMIC_OK);
}

static void test_fixed_knows_directories_and_symlinks(void **state)
{
	(void)state;
	const struct kensa_transport on = fresh(KENSA_FAKE_FIXED);
	assert_int_equal(on.write(on.self, "/d/f", 0644, TEXT), FSATOMIC_PARENT_DIR_MISSING);
	assert_int_equal(on.mkdir_all(on.self, "/d", 0755), FSATOMIC_OK);
	assert_int_equal(on.write(on.self, "/d//x/../f", 0600, TEXT), FSATOMIC_OK);
	assert_int_equal(on.remove(on.self, "/d"), FSATOMIC_OTHER);
	assert_int_equal(
		kensa_fake_set(&fake.files, "/l", KENSA_FAKE_SYMLINK, 0777, torn_bytes_of("d")), 0);
	assert_int_equal(on.replace(on.self, "/l/f", 0644, TEXT), FSATOMIC_SYMLINK_IN_PATH);
	assert_int_equal(on.remove(on.self, "/l"), FSATOMIC_SYMLINK_IN_PATH);
	assert_int_equal(on.write(on.self, "/l", 0644, TEXT), FSATOMIC_ALREADY_EXISTS);

	char *text;
	size_t size;
	mode_t mode;
	assert_int_equal(on.read(on.self, "/l/f", &text, &size), FSATOMIC_OK);
	assert_string_equal(text, "text");
	free(text);
	assert_int_equal(on.look(on.self, "/d/f", &mode), FSATOMIC_OK);
	assert_int_equal(mode, 0600);
}

static void test_fixed_takes_what_the_kernel_takes(void **state)
{
	char *value;
	size_t size;

	(void)state;
	const struct kensa_transport on = fresh(KENSA_FAKE_FIXED);
	assert_int_equal(on.write_sysctl(on.self, "kernel.panic", "1"), FSATOMIC_OTHER);
	assert_int_equal(kensa_fake_set(&fake.runtime, "kernel.panic", KENSA_FAKE_FILE, 0644,
					torn_bytes_of("0")),
			 0);
	assert_int_equal(on.write_sysctl(on.self, "kernel.panic", "often"), FSATOMIC_OTHER);
	assert_int_equal(on.write_sysctl(on.self, "kernel.panic", "0x10"), FSATOMIC_OK);
	assert_int_equal(on.read_sysctl(on.self, "kernel.panic", &value, &size), FSATOMIC_OK);
	assert_string_equal(value, "16");
	free(value);
	assert_int_equal(on.delete_module(on.self, "dummy"), FSATOMIC_NOT_EXIST);
}

/* ------------------------------------------------------ against the real one */

static char place[] = "/dev/shm/kensa-fake-XXXXXX";

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *where)
{
	(void)status;
	(void)type;
	return where->level == 0 ? 0 : remove(path);
}

static void remove_all(void)
{
	assert_int_equal(nftw(place, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* Run a sequence with stdout in a file of memory; `told` has a NUL behind it. */
static void listen_to(const struct kensa_transport *transport, const char *operations, char *told,
		      size_t size)
{
	const int out = memfd_create("told", MFD_CLOEXEC), saved = dup(STDOUT_FILENO);

	assert_true(out >= 0 && saved >= 0);
	fflush(stdout);
	assert_int_equal(dup2(out, STDOUT_FILENO), STDOUT_FILENO);
	const int r = kensa_sequence_run(transport, operations);
	assert_int_equal(dup2(saved, STDOUT_FILENO), STDOUT_FILENO);
	assert_int_equal(r, 0);
	const ssize_t got = pread(out, told, size - 1, 0);
	assert_true(got >= 0 && (size_t)got < size - 1);
	told[got] = '\0';
	close(out);
	close(saved);
}

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33) % below;
}

static void draw_sequence(uint64_t *seed, char *text, size_t size)
{
	static const char *const verbs[] = {"write", "replace", "remove", "put", "drop",
					    "read",  "mode",	"mkdir",  "read"};
	static const char *const names[] = {"a",   "b",	    "a/c",  "a/c/d", "link",  "link/c",
					    "loop", "gone", "gone/f", "./b", "f//c", "f/c"};
	size_t length = 0;

	for (int i = 0; i < 12; i++)
		length += (size_t)snprintf(text + length, size - length, "%s %s/%s t%d;",
					   verbs[draw(seed, sizeof(verbs) / sizeof(verbs[0]))], place,
					   names[draw(seed, sizeof(names) / sizeof(names[0]))], i);
}

/* "a" is a directory or not there; "link" leads to it, "loop" to itself, "gone" nowhere; "f" is a file. */
static void make_world(bool has_directory)
{
	char path[128];

	remove_all();
	assert_int_equal(chdir(place), 0);
	assert_int_equal(symlink("a", "link"), 0);
	assert_int_equal(symlink("loop", "loop"), 0);
	snprintf(path, sizeof(path), "%s/nowhere", place);
	assert_int_equal(symlink(path, "gone"), 0);
	const int file = open("f", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(file >= 0);
	assert_int_equal(write(file, "bytes\n", 6), 6);
	close(file);
	if (has_directory)
		assert_int_equal(mkdir("a", 0755), 0);
}

static void test_fixed_says_what_the_primitives_say(void **state)
{
	static char operations[4096], faked[8192], real[8192];
	enum fsatomic_variant variant = FSATOMIC_PUBLISHED;
	const struct kensa_transport primitives = kensa_real_transport(&variant);
	uint64_t seed = 1;

	(void)state;
	umask(022);
	for (int i = 0; i < 3000; i++) {
		draw_sequence(&seed, operations, sizeof(operations));
		make_world(i % 2);
		const struct kensa_transport on = fresh(KENSA_FAKE_FIXED);
		assert_int_equal(kensa_fake_load(&fake, operations), 0);
		listen_to(&on, operations, faked, sizeof(faked));
		listen_to(&primitives, operations, real, sizeof(real));
		if (strcmp(faked, real) != 0)
			print_message("%d: %s\n", i, operations);
		assert_string_equal(faked, real);
	}
}

static int make_place(void **state)
{
	(void)state;
	return mkdtemp(place) ? 0 : -1;
}

static int remove_place(void **state)
{
	(void)state;
	remove_all();
	return chdir("/") == 0 ? rmdir(place) : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_unhardened_replaces_and_removes_what_is_not_there, clear),
		cmocka_unit_test_teardown(test_hardened_tells_absent_and_present_apart, clear),
		cmocka_unit_test_teardown(test_hardened_knows_no_directories, clear),
		cmocka_unit_test_teardown(test_fixed_knows_directories_and_symlinks, clear),
		cmocka_unit_test_teardown(test_fixed_takes_what_the_kernel_takes, clear),
		cmocka_unit_test_teardown(test_fixed_says_what_the_primitives_say, clear),
	};
	return cmocka_run_group_tests(tests, make_place, remove_place);
}
