/*
 * crash_for_tests.h: what the tests of the crash model share: operations, whose logs
 * are of real runs, and what the states that a cut may leave show. For tests only.
 *
 *   begin_with(__extension__ OLD);
 *   assert_holds(unlinks);
 *   look_at(TORN_PRESET_EXT4, "srv/f");
 *   ... seen.letters, seen.sets ...
 */
#ifndef TORN_CRASH_FOR_TESTS_H
#define TORN_CRASH_FOR_TESTS_H

#include <ctype.h>

#include "crash.h"
#include "gate_for_tests.h"

static const struct torn_crash_how usual = {.sets_max = TORN_CRASH_SETS_MAX, .seed = 1};

#define SIZE 9000

/* The old tree: 9000 bytes in srv/f, and less than a block in srv/small. */
#define OLD                                                                                        \
	"old srv/f file \"" TEN TEN TEN TEN TEN TEN TEN TEN TEN "\"\n"                             \
	"old srv/small file \"" HUNDRED "\"\nold srv/clean file clean\nold mnt dir\n"
#define HUNDRED                                                                                    \
	"oooooooooooooooooooooooooooooooooooooooooooooooooo"                                       \
	"oooooooooooooooooooooooooooooooooooooooooooooooooo"
#define TEN                                                                                        \
	HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED

/* ------------------------------------------------------------- operations */

static inline char *bytes_of(char letter)
{
	static char bytes[SIZE];
	memset(bytes, letter, sizeof bytes);
	return bytes;
}

static inline int write_all(const char *path, int flags, char letter, size_t size)
{
	int fd = open(path, O_WRONLY | flags, 0644);
	if (fd < 0 || write(fd, bytes_of(letter), size) != (ssize_t)size)
		return -1;
	return fd;
}

static inline int sync_directory(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY);
	MUST(fd >= 0 && fsync(fd) == 0 && close(fd) == 0);
	return 0;
}

#define OPERATION(name)                                                                            \
	static inline int name(__attribute__((unused)) const struct torn_run *torn_run)

OPERATION(unlinks)
{
	MUST(unlink("/srv/f") == 0);
	return 0;
}

/* ----------------------------------------------------------------- states */

#define STATES_MAX 4096

/* What a file was in the states that a cut at the end may leave, a letter each. */
struct seen {
	const char *path;
	char letters[16];
	uint32_t end; /* moment */
	struct torn_hash hashes[STATES_MAX];
	size_t hashes_count;
	uint64_t sets;
};

/*
 * a: absent, 0: empty, o: old, n: new, z: new's size in zeroes, x: anything else; O, N: of
 * another mode.
 */
static inline char letter_of(const struct torn_node *node)
{
	static uint8_t bytes[SIZE + 1];
	if (!node)
		return 'a';
	if (node->type != TORN_FILE)
		return 'd';
	const size_t size = torn_node_read(node, 0, bytes, sizeof bytes);
	if (size == 0)
		return '0';
	for (size_t i = 1; i < size; i++)
		if (bytes[i] != bytes[0])
			return 'x';
	if (size != SIZE && size != 100)
		return 'x';
	if (bytes[0] == 0)
		return 'z';
	return node->mode == 0644 ? (char)bytes[0] : (char)toupper(bytes[0]);
}

static inline void add_hash(struct seen *seen, struct torn_hash hash)
{
	for (size_t i = 0; i < seen->hashes_count; i++)
		if (seen->hashes[i].low == hash.low && seen->hashes[i].high == hash.high)
			return;
	assert_true(seen->hashes_count < STATES_MAX);
	seen->hashes[seen->hashes_count++] = hash;
}

static inline bool see(void *context, const struct torn_crash_state *state)
{
	struct seen *seen = context;
	seen->sets++;
	add_hash(seen, state->tree->hash);
	if (state->end <= seen->end)
		return true;
	const char letter = letter_of(torn_tree_find(state->tree, torn_bytes_of(seen->path)));
	if (!strchr(seen->letters, letter))
		seen->letters[strlen(seen->letters)] = letter;
	return true;
}

static struct seen seen; /* of the last look_at() */

/* Look at all states of the last run under a preset. */
static inline void look_at(enum torn_preset preset, const char *path)
{
	struct torn_effects effects;
	struct torn_persistence order;
	struct torn_crash_count count;
	const struct torn_log *log = test->trial.log;
	seen = (struct seen){.path = path, .end = 2 * log->count};
	assert_int_equal(torn_effects_of(&test->arena, &test->setup.base, log,
					 torn_preset_splits(preset), &effects), 0);
	assert_int_equal(torn_preset_order(&test->arena, preset, &effects, log, &order), 0);
	assert_int_equal(torn_crash_states(&test->arena, &test->setup.base, log, &effects, &order,
					   &usual, see, &seen, &count),
			 0);
	assert_true(count.all && count.is_exact);
	assert_int_equal(count.looked, seen.sets);
	assert_int_equal(count.legal, seen.sets);
}

static inline bool same_letters(const char *a, const char *b)
{
	return strlen(a) == strlen(b) && strspn(a, b) == strlen(a);
}

#endif
