/*
 * runtime_sysctl_kernel_test.c: simulated sysctls held against this kernel's: the same writes, valid,
 * invalid and oddly spelt, to each key of runtime.def that a network, IPC or UTS namespace has.
 */
#include <errno.h>
#include <fcntl.h>

#include "dice.h"
#include "runtime.h"
#include "runtime_kernel_for_tests.h"
#include "runtime_sysctl.h"

#define NAMESPACES (CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS)
#define WRITES 600
#define CONTENT_MAX 8192u

static uint8_t content_bytes[CONTENT_MAX], written_bytes[CONTENT_MAX];

/* In a namespace of its own? The others are the machine's, and are not to be written. */
static bool is_of_namespace(const char *key)
{
	return strncmp(key, "net/", 4) == 0 || strcmp(key, "kernel/shmmax") == 0 ||
	       strcmp(key, "kernel/hostname") == 0;
}

/* A key of the row: "*" is `interface`. */
static struct torn_bytes key_of(const struct torn_sysctl *row, const char *interface)
{
	static char key[256];
	const char *star = strchr(row->key, '*');
	if (star)
		snprintf(key, sizeof key, "%.*s%s%s", (int)(star - row->key), row->key, interface, star + 1);
	else
		snprintf(key, sizeof key, "%s", row->key);
	return torn_bytes_of(key);
}

static int open_key(struct torn_bytes key, int flags)
{
	char path[300];
	snprintf(path, sizeof path, "/proc/sys/%.*s", (int)key.size, (const char *)key.data);
	return open(path, flags | O_CLOEXEC);
}

static struct torn_bytes read_key(struct torn_bytes key)
{
	const int fd = open_key(key, O_RDONLY);
	const ssize_t size = fd < 0 ? -1 : read(fd, content_bytes, sizeof content_bytes);
	if (fd >= 0)
		close(fd);
	return (struct torn_bytes){content_bytes, size < 0 ? 0 : (size_t)size};
}

/* ------------------------------------------------------------------ texts */

static const struct {
	const char *bytes;
	size_t size;
} odd[] = {
#define TEXT(text) {text, sizeof(text) - 1}
	TEXT(""),	      TEXT("\n"),	     TEXT(" "),		    TEXT("1"),
	TEXT("0\n"),	      TEXT("1\n"),	     TEXT("2\n"),	    TEXT("3\n"),
	TEXT(" 1\n"),	      TEXT("1 \n"),	     TEXT("\v1\n"),	    TEXT("\xa0" "1\n"),
	TEXT("+1\n"),	      TEXT("-1\n"),	     TEXT("-0\n"),	    TEXT("- 1\n"),
	TEXT("-"),	      TEXT("0x1\n"),	     TEXT("0X1F\n"),	    TEXT("0x\n"),
	TEXT("0xg\n"),	      TEXT("010\n"),	     TEXT("08\n"),	    TEXT("1 2\n"),
	TEXT("1\t2\t3\n"),    TEXT("1 2 3 4 5\n"),   TEXT("1 a\n"),	    TEXT("1a\n"),
	TEXT("a\n"),	      TEXT("1,2\n"),	     TEXT("127\n"),	    TEXT("128\n"),
	TEXT("255\n"),	      TEXT("256\n"),	     TEXT("2147483647\n"),  TEXT("2147483648\n"),
	TEXT("-2147483648\n"), TEXT("-2147483649\n"), TEXT("4294967295\n"), TEXT("4294967296\n"),
	TEXT("18446744073709551615\n"), TEXT("18446744073709551616\n"),	    TEXT("000000000000000000001\n"),
	TEXT("00000000000000000001\n"), TEXT("1\0\n"), TEXT("\0" "1\n"),    TEXT("1\r\n"),
	TEXT("1\n0\n"),	      TEXT("yes\n"),	     TEXT("1 \v\f\n"),	    TEXT("1\v"),
};

static size_t random_text(struct torn_dice *dice)
{
	static const char *const pieces[] = {" ", "\t", "\n", "\v", "0", "1", "9", "-", "+", "0x", "a", "4096", "7"};
	const uint32_t count = torn_dice_below(dice, 8);
	size_t size = 0;
	for (uint32_t i = 0; i < count; i++) {
		const char *piece = pieces[torn_dice_below(dice, COUNT(pieces))];
		memcpy(written_bytes + size, piece, strlen(piece));
		size += strlen(piece);
	}
	return size;
}

/* A number behind or before so many blanks that the kernel's page ends there. */
static size_t long_text(struct torn_dice *dice)
{
	const size_t size = 4090 + torn_dice_below(dice, 12);
	memset(written_bytes, ' ', size);
	written_bytes[torn_dice_chance(dice, 1, 2) ? 0 : size - 1 - torn_dice_below(dice, 8)] = '1';
	return size;
}

static struct torn_bytes make_text(struct torn_dice *dice, int number)
{
	size_t size;
	if (number < (int)COUNT(odd)) {
		size = odd[number].size;
		memcpy(written_bytes, odd[number].bytes, size);
	} else {
		size = torn_dice_chance(dice, 1, 20) ? long_text(dice) : random_text(dice);
	}
	return (struct torn_bytes){written_bytes, size};
}

/* ----------------------------------------------------------------- writes */

/* One write to both. Returns whether they came to the same. */
static bool write_both(struct torn_bytes key, struct torn_bytes *content, struct torn_bytes written,
		       uint64_t offset)
{
	struct torn_sysctl_write own = {.taken = 0};
	const int error = torn_runtime_sysctl_write(&arena, key, *content, written, offset, &own);
	const int fd = open_key(key, O_WRONLY);
	if (fd < 0)
		return false;
	const bool placed = lseek(fd, (off_t)offset, SEEK_SET) == (off_t)offset;
	const ssize_t result = TEMP_FAILURE_RETRY(write(fd, written.data, written.size));
	const int64_t real = result < 0 ? -errno : result;
	const off_t at = lseek(fd, 0, SEEK_CUR);
	close(fd);
	const struct torn_bytes now = read_key(key);
	const int64_t ours = error ? error : (int64_t)own.taken;
	const bool moved = at != (off_t)offset;
	const bool is_same = placed && ours == real && torn_bytes_equal(now, own.content) &&
			     moved == (own.moves && own.taken > 0);
	if (!is_same)
		fprintf(stderr, "%s: from '%s' written '%s' (%zu) at %llu: kernel %lld '%s' moved %d, torn %lld '%s' moved %d\n",
			shown(key), shown(*content), shown(written), written.size, (unsigned long long)offset,
			(long long)real, shown(now), moved, (long long)ours, shown(own.content), own.moves);
	*content = torn_arena_copy(&arena, now.data, now.size);
	return is_same;
}

static int writes_to(struct torn_bytes key)
{
	struct torn_dice dice = {.state = 7};
	int differences = 0;
	struct torn_bytes content = read_key(key);
	content = torn_arena_copy(&arena, content.data, content.size);
	for (int i = 0; i < WRITES && differences < 5; i++) {
		const struct torn_bytes written = make_text(&dice, i);
		const uint64_t offset = torn_dice_chance(&dice, 1, 12) ? torn_dice_below(&dice, 5) : 0;
		differences += !write_both(key, &content, written, offset);
	}
	return differences;
}

static int all_writes(void)
{
	static const char *const interfaces[] = {"all", "default", "lo"};
	size_t rows_count;
	const struct torn_sysctl *rows = torn_runtime_sysctl_rows(&rows_count);
	int differences = 0, asked = 0;
	for (size_t i = 0; i < rows_count; i++) {
		const struct torn_bytes key = key_of(&rows[i], interfaces[i % COUNT(interfaces)]);
		const int fd = is_of_namespace(rows[i].key) ? open_key(key, O_WRONLY) : -1;
		if (fd < 0)
			continue; /* another kernel's, or of the first namespace only */
		close(fd);
		asked++;
		differences += writes_to(key);
	}
	fprintf(stderr, "%d of %zu keys were asked of this kernel, %d writes each\n", asked, rows_count, WRITES);
	if (asked == 0)
		_exit(NO_NAMESPACES);
	return differences;
}

static void test_what_is_written_is_what_the_kernel_makes_of_it(void **state)
{
	(void)state;
	holds_on_kernel(NAMESPACES, all_writes);
}

/* --------------------------------------------------------------- defaults */

static struct torn_bytes of_first_namespace[128];

/*
 * A new namespace takes the ipv4 configuration of init_net as it is now (devconf_inherit_init_net), and
 * memory decides about the last number of tcp_rmem.
 */
static bool is_as_configured(const struct torn_sysctl *row, size_t number, struct torn_bytes now)
{
	if (strcmp(row->key, "net/ipv4/tcp_rmem") == 0)
		return torn_text_begins(now, "4096\t131072\t");
	return strncmp(row->key, "net/ipv4/conf/", 14) == 0 && torn_bytes_equal(now, of_first_namespace[number]);
}

static int all_defaults(void)
{
	size_t rows_count;
	const struct torn_sysctl *rows = torn_runtime_sysctl_rows(&rows_count);
	int differences = 0;
	for (size_t i = 0; i < rows_count; i++) {
		if (strncmp(rows[i].key, "net/", 4) != 0)
			continue;
		const struct torn_bytes now = read_key(key_of(&rows[i], "default"));
		const struct torn_bytes value = torn_text_trim(now, "\n");
		if (now.size == 0 || torn_text_is(value, rows[i].value) || is_as_configured(&rows[i], i, now))
			continue;
		fprintf(stderr, "%s: a new namespace has '%s', torn '%s'\n", rows[i].key, shown(value), rows[i].value);
		differences++;
	}
	return differences;
}

static void test_a_new_network_namespace_has_the_defaults(void **state)
{
	(void)state;
	size_t rows_count;
	const struct torn_sysctl *rows = torn_runtime_sysctl_rows(&rows_count);
	assert_true(rows_count <= COUNT(of_first_namespace));
	for (size_t i = 0; i < rows_count; i++) {
		const struct torn_bytes now = read_key(key_of(&rows[i], "default"));
		of_first_namespace[i] = torn_arena_copy(&arena, now.data, now.size);
	}
	holds_on_kernel(NAMESPACES, all_defaults);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		arena_test(test_what_is_written_is_what_the_kernel_makes_of_it),
		arena_test(test_a_new_network_namespace_has_the_defaults),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
