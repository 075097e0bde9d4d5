/*
 * gate_mapping_test.c: stores into shared mappings: that they are in the log, where
 * they stand in it, what a kill, a power cut and a sync make of them.
 */
#include <sys/mman.h>

#include "crash.h"
#include "gate_for_tests.h"

#define OPERATION(name) static int name(__attribute__((unused)) const struct torn_run *torn_run)
#define PAGE 4096
#define OLD_FILE "old srv/f file old\nold srv/g file other\nold srv/large file \"" LARGE "\"\n"
#define TEN(text) text text text text text text text text text text
#define LARGE TEN(TEN(TEN("ooooooooo")))

/* Map the first `size` bytes; -1 where that fails. */
static char *map(const char *path, size_t size, int *ret_fd)
{
	const int fd = open(path, O_RDWR);
	char *pages = fd < 0 ? MAP_FAILED
			     : mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	*ret_fd = fd;
	return pages;
}

/* Calls of the log, by name: "openat mmap store close". */
static const char *calls(void)
{
	static char text[2048];
	text[0] = '\0';
	for (uint32_t number = 1; number <= test->trial.log->numbered; number++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", number > 1 ? " " : "",
			 torn_call_name(op(number)->call));
	return text;
}

/* ----------------------------------------------------------- what is logged */

OPERATION(stores_a_word)
{
	int fd;
	char *pages = map("/srv/f", 3, &fd);
	MUST(pages != MAP_FAILED);
	memcpy(pages, "new", 3);
	MUST(close(fd) == 0);
	pages[1] = '?';
	MUST(munmap(pages, 3) == 0);
	return 0;
}

static void test_a_store_is_an_op_of_its_own_before_the_next_call(void **state)
{
	(void)state;
	begin_with(__extension__ OLD_FILE);
	assert_holds(stores_a_word);
	assert_string_equal(calls(), "openat mmap store close store");
	assert_int_equal(op(3)->offset, 0);
	assert_memory_equal(op(3)->data.data, "new", 3);
	assert_true(torn_bytes_equal(op(3)->path, torn_bytes_of("srv/f")));
	/* The mapping outlives the descriptor, and munmap looks at it for the last time. */
	assert_int_equal(op(5)->offset, 1);
	assert_int_equal(op(5)->length, 1);
	assert_string_equal(now("srv/f"), "n?w");
	assert_int_equal(test->trial.leaks_count, 0);
	assert_int_equal(op(2)->told, 0); /* not an address: logs are the same in each process */
}

OPERATION(stores_what_is_there)
{
	int fd;
	char *pages = map("/srv/f", 3, &fd);
	MUST(pages != MAP_FAILED);
	memcpy(pages, "old", 3);
	pages[2] = 'X';
	pages[2] = 'd';
	pages[100] = 'x'; /* behind the end of the file: in no file */
	MUST(close(fd) == 0 && munmap(pages, 3) == 0);
	return 0;
}

static void test_a_store_that_changes_nothing_is_none(void **state)
{
	(void)state;
	begin_with(__extension__ OLD_FILE);
	assert_holds(stores_what_is_there);
	assert_string_equal(calls(), "openat mmap close");
}

OPERATION(stores_into_three_pages)
{
	int fd;
	char *pages = map("/srv/large", 9000, &fd);
	MUST(pages != MAP_FAILED && close(fd) == 0);
	memset(pages + 10, 'n', 8980);
	MUST(munmap(pages, 9000) == 0);
	return 0;
}

static void test_each_page_is_a_store(void **state)
{
	(void)state;
	begin_with(__extension__ OLD_FILE);
	assert_holds(stores_into_three_pages);
	assert_string_equal(calls(), "openat mmap close store store store");
	assert_int_equal(op(4)->offset, 10);
	assert_int_equal(op(4)->length, PAGE - 10);
	assert_int_equal(op(5)->offset, PAGE);
	assert_int_equal(op(5)->length, PAGE);
	assert_int_equal(op(6)->offset, 2 * PAGE);
	assert_int_equal(op(6)->length, 8990 - 2 * PAGE);
	for (uint32_t number = 4; number <= 6; number++)
		assert_int_equal(op(number)->how, 0);
}

/* Through a descriptor and through the mapping, in turn: neither takes the other for a store. */
OPERATION(writes_and_stores)
{
	int fd;
	char *pages = map("/srv/f", 3, &fd);
	MUST(pages != MAP_FAILED);
	MUST(pwrite(fd, "abc", 3, 0) == 3);
	MUST(memcmp(pages, "abc", 3) == 0);
	pages[0] = 'A';
	MUST(ftruncate(fd, 2) == 0 && ftruncate(fd, 5000) == 0);
	MUST(pages[2] == '\0');
	pages[2] = 'C';
	char bytes[3];
	MUST(pread(fd, bytes, 3, 0) == 3 && memcmp(bytes, "AbC", 3) == 0);
	MUST(munmap(pages, 3) == 0 && close(fd) == 0);
	return 0;
}

static void test_stores_and_writes_keep_their_order(void **state)
{
	(void)state;
	begin_with(__extension__ OLD_FILE);
	assert_holds(writes_and_stores);
	assert_string_equal(calls(), "openat mmap pwrite64 store ftruncate ftruncate store pread64 close");
	assert_string_equal(now("srv/f"), "AbC");
}

OPERATION(reverts_a_mapped_page)
{
	int fd;
	char *pages = map("/srv/f", 3, &fd);
	MUST(pages != MAP_FAILED);
	memcpy(pages, "new", 3);
	MUST_FAIL(fsync(fd), EIO);
	memcpy(shared->text, pages, 3);
	MUST(munmap(pages, 3) == 0 && close(fd) == 0);
	return 0;
}

static void test_a_page_that_is_reverted_is_no_store(void **state)
{
	(void)state;
	begin_with(__extension__ OLD_FILE);
	assert_holds_under(reverts_a_mapped_page, "fault 4 fsync fsync=reverted\n");
	assert_string_equal(shared->text, "old");
	assert_string_equal(calls(), "openat mmap store fsync close");
	assert_string_equal(now("srv/f"), "old");
}

/* --------------------------------------------------- what is left alone */

OPERATION(maps_to_read_or_for_itself)
{
	int fd = open("/srv/f", O_RDWR), only = open("/srv/f", O_RDONLY);
	char *own = mmap(NULL, 3, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	char *read_only = mmap(NULL, 3, PROT_READ, MAP_SHARED, only, 0);
	MUST(own != MAP_FAILED && read_only != MAP_FAILED);
	memcpy(own, "new", 3);
	MUST(memcmp(read_only, "old", 3) == 0);
	MUST(munmap(own, 3) == 0 && munmap(read_only, 3) == 0 && close(fd) == 0 && close(only) == 0);
	return 0;
}

static void test_private_and_read_only_mappings_store_nothing(void **state)
{
	(void)state;
	begin_with(__extension__ OLD_FILE);
	assert_holds(maps_to_read_or_for_itself);
	assert_string_equal(now("srv/f"), "old");
	assert_string_equal(calls(), "openat openat mmap mmap close close");
}

OPERATION(stores_after_mprotect)
{
	int fd = open("/srv/f", O_RDWR);
	char *pages = mmap(NULL, 3, PROT_READ, MAP_SHARED, fd, 0);
	MUST(pages != MAP_FAILED && mprotect(pages, 3, PROT_READ | PROT_WRITE) == 0);
	memcpy(pages, "new", 3);
	MUST(mprotect(pages, 3, PROT_NONE) == 0 && close(fd) == 0 && munmap(pages, 3) == 0);
	return 0;
}

static void test_a_mapping_that_becomes_writable_is_followed(void **state)
{
	(void)state;
	begin_with(__extension__ OLD_FILE);
	assert_holds(stores_after_mprotect);
	assert_string_equal(calls(), "openat mmap store close");
	assert_string_equal(now("srv/f"), "new");
}

/* The middle page of three goes away; the others are still the file's. */
OPERATION(unmaps_a_page_in_the_middle)
{
	int fd;
	char *pages = map("/srv/large", 9000, &fd);
	MUST(pages != MAP_FAILED && munmap(pages + PAGE, PAGE) == 0);
	pages[0] = pages[2 * PAGE] = 'n';
	void *other = mmap(pages, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	MUST(other == pages);
	pages[1] = 'x'; /* nobody's file any more */
	MUST(munmap(pages, PAGE) == 0 && munmap(pages + 2 * PAGE, PAGE) == 0 && close(fd) == 0);
	return 0;
}

static void test_parts_of_a_mapping_come_and_go(void **state)
{
	(void)state;
	begin_with(__extension__ OLD_FILE);
	assert_holds(unmaps_a_page_in_the_middle);
	assert_string_equal(calls(), "openat mmap store store close");
	assert_int_equal(op(3)->offset, 0);
	assert_int_equal(op(4)->offset, 2 * PAGE);
}

OPERATION(remaps)
{
	int fd;
	char *pages = map("/srv/f", 3, &fd);
	MUST(pages != MAP_FAILED);
	MUST_FAIL((intptr_t)mremap(pages, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EPERM);
	return 0;
}

OPERATION(punches)
{
	int fd;
	char *pages = map("/srv/f", 3, &fd);
	MUST(pages != MAP_FAILED);
	MUST_FAIL(madvise(pages, PAGE, MADV_REMOVE), EPERM);
	return 0;
}

static void test_what_is_not_modelled_is_said(void **state)
{
	(void)state;
	begin_with(__extension__ OLD_FILE);
	assert_not_judged(remaps, "mremap of a file that is mapped shared");
	assert_not_judged(punches, "madvise with MADV_REMOVE of a file that is mapped shared");
}

/* ------------------------------------------------------------------- ends */

OPERATION(leaves_it_mapped)
{
	int fd;
	char *pages = map("/srv/f", 3, &fd);
	MUST(pages != MAP_FAILED && close(fd) == 0);
	memcpy(pages, "new", 3);
	return 0;
}

static void test_what_is_left_mapped_is_a_leak_and_stored_all_the_same(void **state)
{
	(void)state;
	begin_with(__extension__ OLD_FILE);
	assert_both_hold(leaves_it_mapped, leaves_it_mapped);
	assert_string_equal(calls(), "openat mmap close store");
	assert_string_equal(now("srv/f"), "new");
	assert_int_equal(test->trial.leaks_count, 1);
	assert_string_equal(test->trial.leaks[0].what, "mapping");
	assert_string_equal(test->trial.leaks[0].detail, "4096 bytes of /srv/f are still mapped");
	assert_int_equal(test->trial.leaks[0].op, 2);
}

OPERATION(stores_and_exits)
{
	int fd;
	char *pages = map("/srv/f", 3, &fd);
	MUST(pages != MAP_FAILED && close(fd) == 0);
	memcpy(pages, "new", 3);
	_exit(7);
}

OPERATION(stores_and_aborts)
{
	int fd;
	char *pages = map("/srv/f", 3, &fd);
	MUST(pages != MAP_FAILED && close(fd) == 0);
	memcpy(pages, "new", 3);
	raise(SIGKILL);
	return 0;
}

/* Behind the end of the file: SIGBUS, mmap(2). */
OPERATION(stores_and_crashes)
{
	int fd;
	char *pages = map("/srv/f", 2 * PAGE, &fd);
	MUST(pages != MAP_FAILED && ftruncate(fd, 0) == 0 && ftruncate(fd, 3) == 0);
	memcpy(pages, "new", 3);
	MUST(rename("/srv/f", "/srv/h") == 0 && close(fd) == 0);
	pages[0] = 'N';
	((volatile char *)pages)[PAGE] = 'x';
	return 0;
}

static void test_a_process_that_ends_has_stored(void **state)
{
	(void)state;
	begin_with(__extension__ OLD_FILE);
	assert_ends(stores_and_exits, TORN_EXITED, 7);
	assert_string_equal(now("srv/f"), "new");
	run(stores_and_aborts, "");
	assert_int_equal(test->result, TORN_HELD);
	assert_string_equal(now("srv/f"), "new");
}

static void test_what_was_stored_before_a_crash_is_in_the_log(void **state)
{
	(void)state;
	begin_with(__extension__ OLD_FILE);
	run(stores_and_crashes, "");
	assert_string_equal(test->failure, "");
	assert_int_equal(test->result, TORN_HELD);
	assert_int_equal(test->trial.end, TORN_CRASHED);
	assert_string_equal(calls(), "openat mmap ftruncate ftruncate store rename close store");
	assert_string_equal(now("srv/h"), "New");
}

/* A real SIGKILL takes back what it comes before: the disk is held against the log. */
static void test_a_real_kill_before_within_and_after_a_store(void **state)
{
	(void)state;
	static const struct {
		const char *fault, *start;
		int pages;
	} kills[] = {
		{"fault 4 store kill=before\n", "oooooooooooo", 0},
		{"fault 4 store kill=2\n", "oooooooooonnoo", 0},
		{"fault 4 store kill=after\n", "oooooooooonnnn", 1},
		{"fault 5 store kill=after\n", "oooooooooonnnn", 2},
	};
	begin_with(__extension__ OLD_FILE);
	for (size_t i = 0; i < sizeof kills / sizeof *kills; i++) {
		test->how = TORN_TRIAL_KILL_FOR_REAL;
		run(stores_into_three_pages, kills[i].fault);
		assert_string_equal(test->failure, "");
		assert_int_equal(test->result, TORN_HELD);
		assert_true(test->trial.killed);
		assert_memory_equal(now("srv/large"), kills[i].start, strlen(kills[i].start));
		for (int page = 1; page < 3; page++)
			assert_int_equal(now("srv/large")[page * PAGE], page < kills[i].pages ? 'n' : 'o');
		test->how = TORN_TRIAL_PLAIN;
		run(stores_into_three_pages, kills[i].fault);
		assert_int_equal(test->result, TORN_HELD);
		assert_memory_equal(now("srv/large"), kills[i].start, strlen(kills[i].start));
	}
}

/* ------------------------------------------------------------------- syncs */

static int store_and_sync(int flags, int expected)
{
	int fd;
	char *pages = map("/srv/f", 3, &fd);
	MUST(pages != MAP_FAILED);
	memcpy(pages, "new", 3);
	errno = 0;
	MUST((msync(pages, 3, flags) == 0 ? 0 : errno) == expected);
	MUST(munmap(pages, 3) == 0 && close(fd) == 0);
	return 0;
}

OPERATION(syncs_the_pages)
{
	return store_and_sync(MS_SYNC, 0);
}

OPERATION(asks_for_the_pages)
{
	return store_and_sync(MS_ASYNC, 0);
}

OPERATION(fails_to_sync_the_pages)
{
	return store_and_sync(MS_SYNC, EIO);
}

OPERATION(syncs_no_pages)
{
	return store_and_sync(MS_SYNC | MS_ASYNC, EINVAL);
}

OPERATION(syncs_the_file)
{
	int fd;
	char *pages = map("/srv/f", 3, &fd);
	MUST(pages != MAP_FAILED);
	memcpy(pages, "new", 3);
	MUST(fsync(fd) == 0 && munmap(pages, 3) == 0 && close(fd) == 0);
	return 0;
}

/* Three pages are stored into, the second is synced. */
OPERATION(syncs_a_page)
{
	int fd;
	char *pages = map("/srv/large", 9000, &fd);
	MUST(pages != MAP_FAILED);
	memset(pages, 'n', 9000);
	MUST(msync(pages + PAGE, PAGE, MS_SYNC) == 0 && munmap(pages, 9000) == 0 && close(fd) == 0);
	return 0;
}

/* Which of the pages is still old in some state after the last op? A bit each. */
static bool see_old_pages(void *context, const struct torn_crash_state *state)
{
	const struct torn_node *file = torn_tree_find(state->tree, torn_bytes_of("srv/large"));
	for (unsigned page = 0; state->end > 2 * test->trial.log->count && page < 3; page++) {
		char byte = 0;
		torn_node_read(file, (uint64_t)page * PAGE, &byte, 1);
		*(unsigned *)context |= byte == 'o' ? 1u << page : 0;
	}
	return true;
}

static const struct torn_crash_how usual = {.sets_max = TORN_CRASH_SETS_MAX, .seed = 1};

static bool see_old(void *context, const struct torn_crash_state *state)
{
	char bytes[4] = "";
	torn_node_read(torn_tree_find(state->tree, torn_bytes_of("srv/f")), 0, bytes, 3);
	if (state->end > 2 * test->trial.log->count && strcmp(bytes, "old") == 0)
		*(bool *)context = true;
	return true;
}

/* May a power cut after the last op leave old? */
static bool old_may_be_left(enum torn_preset preset)
{
	struct torn_effects effects;
	struct torn_persistence order;
	struct torn_crash_count count;
	bool may_be = false;
	const struct torn_log *log = test->trial.log;
	assert_int_equal(torn_effects_of(&test->arena, &test->setup.base, log, false, &effects), 0);
	assert_int_equal(torn_preset_order(&test->arena, preset, &effects, log, &order), 0);
	assert_int_equal(torn_crash_states(&test->arena, &test->setup.base, log, &effects, &order,
					   &usual, see_old, &may_be, &count),
			 0);
	return may_be;
}

static void test_only_ms_sync_and_fsync_make_stores_durable(void **state)
{
	(void)state;
	static const struct {
		int (*operation)(const struct torn_run *run);
		const char *fault;
		bool is_durable;
	} rows[] = {
		{stores_a_word, "", false}, /* munmap and close promise nothing */
		{syncs_the_pages, "", true},
		{syncs_the_file, "", true},
		{asks_for_the_pages, "", false},
		{syncs_no_pages, "", false},
		{fails_to_sync_the_pages, "fault 4 msync errno=EIO\n", false},
	};
	begin_with(__extension__ OLD_FILE);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_holds_under(rows[i].operation, rows[i].fault);
		for (enum torn_preset preset = TORN_PRESET_EXT4_JOURNAL; preset < TORN_PRESET_POSIX_SPLIT;
		     preset++)
			assert_int_equal(old_may_be_left(preset), !rows[i].is_durable);
	}
}

static void test_msync_makes_durable_what_lies_in_its_range(void **state)
{
	(void)state;
	struct torn_effects effects;
	struct torn_persistence order;
	struct torn_crash_count count;
	unsigned old_pages = 0;
	begin_with(__extension__ OLD_FILE);
	assert_holds(syncs_a_page);
	assert_string_equal(calls(), "openat mmap store store store msync close");
	const struct torn_log *log = test->trial.log;
	assert_int_equal(torn_effects_of(&test->arena, &test->setup.base, log, false, &effects), 0);
	assert_int_equal(torn_preset_order(&test->arena, TORN_PRESET_EXT4, &effects, log, &order), 0);
	assert_int_equal(torn_crash_states(&test->arena, &test->setup.base, log, &effects, &order,
					   &usual, see_old_pages, &old_pages, &count),
			 0);
	assert_int_equal(old_pages, 1 | 4);
}

/* An msync that only starts writing back meets no error of the device: msync(2). */
static void test_ms_async_cannot_fail_with_eio(void **state)
{
	(void)state;
	begin_with(__extension__ OLD_FILE);
	run(asks_for_the_pages, "fault 4 msync errno=EIO\n");
	assert_int_equal(test->result, TORN_INVALID);
}

/* -------------------------------------------------------------- a great deal */

#define MANY (TORN_BLOCK_SIZE * 300)

/* Stores, looks at something else, stores again, syncs. */
OPERATION(stores_into_a_large_mapping)
{
	int fd = open("/srv/new", O_RDWR | O_CREAT | O_EXCL, 0644);
	MUST(fd >= 0 && ftruncate(fd, MANY) == 0);
	char *pages = mmap(NULL, MANY, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(pages != MAP_FAILED);
	pages[0] = 'a';
	struct stat status;
	MUST(fstat(fd, &status) == 0);
	pages[1] = 'b';
	MUST(fsync(fd) == 0);
	pages[MANY - 1] = 'c';
	MUST(munmap(pages, MANY) == 0 && close(fd) == 0);
	return 0;
}

static void test_beyond_a_mebibyte_pages_are_looked_at_where_it_matters(void **state)
{
	(void)state;
	begin_with(__extension__ OLD_FILE);
	assert_holds(stores_into_a_large_mapping);
	assert_string_equal(calls(), "openat ftruncate mmap newfstatat store fsync store close");
	assert_memory_equal(op(5)->data.data, "ab", 2);
	assert_int_equal(op(5)->how, 1); /* and says so */
	assert_int_equal(op(7)->offset, MANY - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		gate_test(test_a_store_is_an_op_of_its_own_before_the_next_call),
		gate_test(test_a_store_that_changes_nothing_is_none),
		gate_test(test_each_page_is_a_store),
		gate_test(test_stores_and_writes_keep_their_order),
		gate_test(test_a_page_that_is_reverted_is_no_store),
		gate_test(test_private_and_read_only_mappings_store_nothing),
		gate_test(test_a_mapping_that_becomes_writable_is_followed),
		gate_test(test_parts_of_a_mapping_come_and_go),
		gate_test(test_what_is_not_modelled_is_said),
		gate_test(test_what_is_left_mapped_is_a_leak_and_stored_all_the_same),
		gate_test(test_a_process_that_ends_has_stored),
		gate_test(test_what_was_stored_before_a_crash_is_in_the_log),
		gate_test(test_a_real_kill_before_within_and_after_a_store),
		gate_test(test_only_ms_sync_and_fsync_make_stores_durable),
		gate_test(test_msync_makes_durable_what_lies_in_its_range),
		gate_test(test_ms_async_cannot_fail_with_eio),
		gate_test(test_beyond_a_mebibyte_pages_are_looked_at_where_it_matters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
