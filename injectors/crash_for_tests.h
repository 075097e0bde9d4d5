/*
 * crash_for_tests.h: what the tests of the crash model share: operations, whose logs
 * are of real runs, and what the states that a cut may leave show. For tests only.
 *
 *   begin_with(OLD);
 *   assert_holds(unlinks);
 *   look_at(TORN_PRESET_EXT4, "srv/f");
 *   ... seen.letters, seen.sets ...
 */
#ifndef TORN_CRASH_FOR_TESTS_H
#define TORN_CRASH_FOR_TESTS_H

#include "../fuzz/litmus.h"
#include "crash.h"
#include "gate_for_tests.h"

static const struct torn_crash_how usual = {.sets_max = TORN_CRASH_SETS_MAX, .seed = 1};

#define SIZE TORN_LITMUS_SIZE
#define OLD torn_litmus_olds()

/* ------------------------------------------------------------- operations */

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
	char letters[TORN_LITMUS_LETTERS];
	uint32_t end; /* moment */
	struct torn_hash hashes[STATES_MAX];
	size_t hashes_count;
	uint64_t sets;
};

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
	torn_litmus_note(seen->letters, torn_litmus_letter(torn_tree_find(state->tree, torn_bytes_of(seen->path))));
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
