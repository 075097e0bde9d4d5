/*
 * crash_count_test.c: how many states a power cut may leave, counted by hand and by
 * trying all; and which of them are looked at where they are too many.
 */
#include "crash_count.h"
#include "crash_for_tests.h"

#define BLOCK 4096

/* ------------------------------------------------------------- hand counts */

OPERATION(makes_an_empty_file)
{
	int fd = open("/srv/g", O_WRONLY | O_CREAT | O_EXCL, 0644);
	MUST(fd >= 0 && close(fd) == 0);
	return 0;
}

OPERATION(makes_a_small_file)
{
	int fd = torn_litmus_write("/srv/g", O_CREAT | O_EXCL, 'n', 10);
	MUST(fd >= 0 && close(fd) == 0);
	return 0;
}

OPERATION(overwrites_two_blocks)
{
	int fd = torn_litmus_write("/srv/f", 0, 'n', 2 * BLOCK);
	MUST(fd >= 0 && close(fd) == 0);
	return 0;
}

OPERATION(overwrites_a_block_twice)
{
	int fd = torn_litmus_write("/srv/f", 0, 'n', BLOCK);
	MUST(fd >= 0 && pwrite(fd, torn_litmus_bytes('m'), BLOCK, 0) == BLOCK && close(fd) == 0);
	return 0;
}

OPERATION(replaces_by_a_small_file)
{
	int fd = torn_litmus_write("/srv/t", O_CREAT | O_EXCL, 'n', 10);
	MUST(fd >= 0 && close(fd) == 0 && rename("/srv/t", "/srv/f") == 0);
	return 0;
}

OPERATION(replaces_by_a_synced_small_file)
{
	int fd = torn_litmus_write("/srv/t", O_CREAT | O_EXCL, 'n', 10);
	MUST(fd >= 0 && fsync(fd) == 0 && close(fd) == 0 && rename("/srv/t", "/srv/f") == 0);
	return 0;
}

OPERATION(renames_twice)
{
	MUST(rename("/srv/f", "/srv/g") == 0 && rename("/srv/g", "/srv/h") == 0);
	return 0;
}

OPERATION(makes_two_files)
{
	for (const char *name = "gh"; *name; name++) {
		const char path[] = {'/', 's', 'r', 'v', '/', *name, '\0'};
		int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
		MUST(fd >= 0 && close(fd) == 0);
	}
	return 0;
}

/* i: inode, e: entry, t: tail (the size alone), d: data, r: rename. */
static const struct {
	const char *why;
	int (*operation)(const struct torn_run *run);
	enum torn_preset preset;
	uint64_t sets;
} counted[] = {
	{"{} e", unlinks, TORN_PRESET_POSIX, 2},
	{"{} i ie", makes_an_empty_file, TORN_PRESET_POSIX, 3},
	{"{}, or i and any of e t d", makes_a_small_file, TORN_PRESET_POSIX, 1 + 8},
	{"{} i ie id ied", makes_a_small_file, TORN_PRESET_EXT4, 5},
	{"{} i ie ied", makes_a_small_file, TORN_PRESET_EXT4_JOURNAL, 4},
	{"{} i ie ied", makes_a_small_file, TORN_PRESET_SYNC, 4},
	{"any of the two blocks", overwrites_two_blocks, TORN_PRESET_POSIX, 4},
	{"{} d dd: the later implies the earlier", overwrites_a_block_twice, TORN_PRESET_POSIX, 3},
	{"{} i ie ier, all but the first with d or not", replaces_by_a_small_file, TORN_PRESET_XFS, 7},
	{"{}; i and ie with any of t d; ier with t, and d or not", replaces_by_a_small_file, TORN_PRESET_EXT4,
	 1 + 2 * 4 + 2},
	{"{}, or i and any of e t d r", replaces_by_a_small_file, TORN_PRESET_POSIX, 1 + 16},
	{"{}, i and any of e t d; r only behind the sync: itd, e or not", replaces_by_a_synced_small_file,
	 TORN_PRESET_POSIX, 9 + 2},
	{"{}; i and ie with any of t d; r only behind the sync: ietd r", replaces_by_a_synced_small_file,
	 TORN_PRESET_EXT4, 1 + 2 * 4 + 1},
	{"any of the two", renames_twice, TORN_PRESET_POSIX, 4},
	{"a prefix of the two", renames_twice, TORN_PRESET_BTRFS, 3},
	{"each of the two as it likes", makes_two_files, TORN_PRESET_POSIX, 3 * 3},
};

static void test_legal_sets_are_as_many_as_a_hand_counts(void **state)
{
	(void)state;
	begin_with(OLD);
	int wrong = 0;
	for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
		assert_holds(counted[i].operation);
		look_at(counted[i].preset, "srv/f");
		if (seen.sets == counted[i].sets)
			continue;
		print_message("%s under %s: %lu sets, expected %lu\n", counted[i].why,
			      torn_preset_name(counted[i].preset), seen.sets, counted[i].sets);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

/* ---------------------------------------------------------- made-up orders */

/*
 * Effects that change nothing, one an op, with any rules: held against all subsets at all
 * moments.
 */
#define MADE_MAX 400

struct made {
	struct torn_effect effects[MADE_MAX];
	struct torn_op ops[MADE_MAX];
	uint32_t durable[MADE_MAX], gone[MADE_MAX], follows[MADE_MAX];
	uint32_t implies_begin[MADE_MAX + 1], implies[4 * MADE_MAX];
	bool dropped[MADE_MAX];
	uint32_t count;
};

static struct made made;

static uint32_t pick(uint64_t *seed, uint32_t below)
{
	*seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(*seed >> 33) % below;
}

/* One in `rare` has another effect that it implies, is durable at some time, gone, dropped. */
static void make_order(uint32_t count, uint64_t seed, uint32_t rare)
{
	uint32_t implied = 0, before = TORN_NEVER;
	memset(&made, 0, sizeof made);
	made.count = count;
	for (uint32_t i = 0; i < count; i++) {
		made.effects[i] = (struct torn_effect){
			.kind = TORN_EFFECT_KIND_COUNT, .at = i / (1 + count / 8), .object = TORN_FOLD_ROOT};
		const uint32_t done = 2 * made.effects[i].at + 1;
		made.durable[i] = pick(&seed, rare) ? TORN_NEVER : done + 2 * pick(&seed, 8);
		made.gone[i] = made.durable[i] != TORN_NEVER || pick(&seed, 3 * rare) ? TORN_NEVER
									     : done + 2 * pick(&seed, 8);
		made.dropped[i] = pick(&seed, 3 * rare) == 0;
		made.implies_begin[i] = implied;
		for (uint32_t j = pick(&seed, 3); i > 0 && j > 0; j--) {
			const uint32_t other = pick(&seed, i);
			if (!made.dropped[i] && !made.dropped[other])
				made.implies[implied++] = other;
		}
		const bool in_order = pick(&seed, 2) && !made.dropped[i];
		made.follows[i] = in_order ? before : TORN_NEVER;
		before = in_order ? i : before;
	}
	made.implies_begin[count] = implied;
}

static struct torn_effects made_effects(void)
{
	return (struct torn_effects){made.effects, made.count, TORN_FOLD_ROOT, NULL};
}

static struct torn_persistence made_persistence(void)
{
	return (struct torn_persistence){made.count, made.durable, made.gone, made.implies_begin,
					 made.implies, made.follows, made.dropped};
}

/* By the rules as they are written down, one moment at a time. */
static bool is_legal_at(const bool *kept, uint32_t moment)
{
	for (uint32_t i = 0; i < made.count; i++) {
		if (!kept[i]) {
			if (!made.dropped[i] && made.durable[i] <= moment)
				return false;
			continue;
		}
		if (made.dropped[i] || made.gone[i] <= moment || 2 * made.effects[i].at > moment)
			return false;
		for (uint32_t j = made.implies_begin[i]; j < made.implies_begin[i + 1]; j++)
			if (!kept[made.implies[j]] && made.gone[made.implies[j]] > moment)
				return false;
		if (made.durable[i] <= moment)
			continue;
		uint32_t before = made.follows[i];
		while (before != TORN_NEVER && !kept[before] && made.gone[before] <= moment)
			before = made.follows[before];
		if (before != TORN_NEVER && !kept[before])
			return false;
	}
	return true;
}

static bool is_legal_from(const bool *kept, uint32_t from)
{
	for (uint32_t moment = from; moment < 2 * MADE_MAX; moment++)
		if (is_legal_at(kept, moment))
			return true;
	return false;
}

static uint64_t legal_by_trying_all(uint32_t from)
{
	uint64_t legal = 0;
	for (uint32_t set = 0; set < 1u << made.count; set++) {
		bool kept[32];
		for (uint32_t i = 0; i < made.count; i++)
			kept[i] = set >> i & 1;
		legal += is_legal_from(kept, from);
	}
	return legal;
}

static void test_legal_sets_are_as_many_as_trying_all_subsets_finds(void **state)
{
	(void)state;
	uint64_t gone = 0, late = 0;
	for (uint64_t seed = 1; seed <= 150; seed++) {
		make_order(2 + seed % 9, seed, 2 + seed % 4);
		const struct torn_effects effects = made_effects();
		const struct torn_persistence order = made_persistence();
		for (uint32_t i = 0; i < made.count; i++)
			gone += made.gone[i] != TORN_NEVER;
		for (uint32_t from = 0; from < 8; from += 3) {
			uint64_t sets;
			const uint64_t expected = legal_by_trying_all(from);
			assert_int_equal(torn_crash_count_legal(&test->arena, &effects, &order, from, &sets),
					 0);
			if (sets != expected)
				fail_msg("seed %lu from %u: %lu sets, expected %lu", seed, from, sets, expected);
			late += from > 0 && sets > 2;
		}
	}
	assert_true(gone > 20 && late > 100);
}

/* Sets that were looked at, by name: 400 bits each. */
struct looked {
	bool (*kept)[MADE_MAX];
	uint64_t count, room;
	uint32_t from;
	uint64_t sum; /* in which order */
};

static bool note_set(void *context, const struct torn_crash_state *state)
{
	struct looked *looked = context;
	assert_true(looked->count < looked->room);
	assert_true(state->first < state->end && state->end > looked->from);
	memset(looked->kept[looked->count], 0, sizeof *looked->kept);
	memcpy(looked->kept[looked->count], state->kept, made.count);
	for (uint32_t i = 0; i < made.count; i++)
		looked->sum = looked->sum * 31 + state->kept[i];
	looked->count++;
	return true;
}

static struct torn_crash_count walk_made(struct looked *looked, uint64_t sets_max, uint64_t seed,
					 uint32_t from)
{
	const struct torn_effects effects = made_effects();
	const struct torn_persistence order = made_persistence();
	const struct torn_log log = {.ops = made.ops, .count = made.count};
	const struct torn_crash_how how = {.sets_max = sets_max, .seed = seed, .from = from};
	struct torn_crash_count count;
	looked->count = looked->sum = 0;
	looked->from = from;
	assert_int_equal(torn_crash_states(&test->arena, &test->setup.base, &log, &effects, &order, &how,
					   note_set, looked, &count),
			 0);
	assert_int_equal(count.looked, looked->count);
	return count;
}

static int by_kept(const void *a, const void *b)
{
	return memcmp(a, b, MADE_MAX);
}

static void assert_legal_and_distinct(struct looked *looked)
{
	qsort(looked->kept, looked->count, sizeof *looked->kept, by_kept);
	for (uint64_t i = 0; i < looked->count; i++) {
		assert_true(is_legal_from(looked->kept[i], looked->from));
		assert_true(i == 0 || by_kept(looked->kept[i - 1], looked->kept[i]) != 0);
	}
}

static struct looked looked_at(uint64_t room)
{
	const struct looked looked = {.kept = calloc(room, sizeof *looked.kept), .room = room};
	assert_non_null(looked.kept);
	return looked;
}

static void test_all_that_are_counted_are_looked_at_or_a_sample_of_them(void **state)
{
	(void)state;
	struct looked looked = looked_at(4096);
	begin_with(OLD);
	assert_holds(unlinks); /* for its tree before */
	uint64_t sampled = 0;
	for (uint64_t seed = 1; seed <= 150; seed++) {
		make_order(2 + seed % 9, seed, 2 + seed % 4);
		const uint32_t from = seed % 5;
		const uint64_t legal = legal_by_trying_all(from);
		struct torn_crash_count count = walk_made(&looked, 4096, seed, from);
		assert_true(count.all && count.is_exact);
		assert_int_equal(count.legal, legal);
		assert_int_equal(count.looked, legal);
		assert_legal_and_distinct(&looked);
		if (legal < 16)
			continue;
		sampled++;
		count = walk_made(&looked, legal / 2, seed, from);
		assert_true(!count.all && count.is_exact);
		assert_int_equal(count.legal, legal);
		assert_true(count.looked <= legal / 2 && count.looked > legal / 4);
		assert_legal_and_distinct(&looked);
	}
	assert_true(sampled > 30);
	free(looked.kept);
}

/* Effects that imply nothing, none of them durable: any subset is legal. */
static void make_free(uint32_t count)
{
	make_order(count, 1, UINT32_MAX / 4);
	memset(made.implies_begin, 0, sizeof made.implies_begin);
	memset(made.dropped, 0, sizeof made.dropped);
	for (uint32_t i = 0; i < count; i++)
		made.follows[i] = made.durable[i] = made.gone[i] = TORN_NEVER;
}

/* Of so many zeroes below the last effect that is there. */
static uint64_t count_lacking(const struct looked *looked, uint32_t wanted)
{
	uint64_t sets = 0;
	for (uint64_t i = 0; i < looked->count; i++) {
		uint32_t zeroes = 0, lacking = 0;
		for (uint32_t j = 0; j < made.count; j++) {
			zeroes += !looked->kept[i][j];
			lacking = looked->kept[i][j] ? zeroes : lacking;
		}
		sets += lacking == wanted;
	}
	return sets;
}

static void test_of_many_sets_those_that_lack_few_effects_come_first(void **state)
{
	(void)state;
	struct looked looked = looked_at(65536);
	begin_with(OLD);
	assert_holds(unlinks); /* for its tree before */
	make_free(30);
	const struct torn_crash_count count = walk_made(&looked, 65536, 7, 0);
	assert_int_equal(count.legal, 1u << 30);
	assert_true(count.is_exact && !count.all);
	assert_int_equal(count.looked, 65536);
	assert_int_equal(count_lacking(&looked, 0), 31);
	assert_int_equal(count_lacking(&looked, 1), 30 * 29 / 2);
	assert_int_equal(count_lacking(&looked, 2), 30 * 29 * 28 / 6);
	assert_true(count_lacking(&looked, 10) > 500);
	assert_legal_and_distinct(&looked);
	free(looked.kept);
}

static void test_the_sample_is_the_seeds(void **state)
{
	(void)state;
	struct looked looked = looked_at(5000);
	uint64_t sums[3];
	begin_with(OLD);
	assert_holds(unlinks); /* for its tree before */
	make_free(MADE_MAX);
	for (size_t i = 0; i < 3; i++) {
		const struct torn_crash_count count = walk_made(&looked, 5000, 7 + (i == 1), 0);
		assert_int_equal(count.looked, 5000);
		assert_false(count.is_exact);
		assert_int_equal(count.legal, TORN_CRASH_MANY);
		sums[i] = looked.sum;
	}
	assert_int_equal(sums[0], sums[2]);
	assert_true(sums[0] != sums[1]);
	/* Not only at one end of a long log. */
	uint64_t without_first = 0, without_last = 0;
	for (uint64_t i = 0; i < looked.count; i++) {
		without_first += !looked.kept[i][20] && looked.kept[i][40];
		without_last += !looked.kept[i][MADE_MAX - 40] && looked.kept[i][MADE_MAX - 20];
	}
	assert_true(without_first > 20 && without_last > 20);
	free(looked.kept);
}

/* A chain of 400 is short to count, whatever it is long. */
static void test_a_chain_has_its_prefixes(void **state)
{
	(void)state;
	make_free(MADE_MAX);
	for (uint32_t i = 1; i < made.count; i++)
		made.follows[i] = i - 1;
	const struct torn_effects effects = made_effects();
	const struct torn_persistence order = made_persistence();
	uint64_t sets;
	assert_int_equal(torn_crash_count_legal(&test->arena, &effects, &order, 0, &sets), 0);
	assert_int_equal(sets, MADE_MAX + 1);
	made.follows[MADE_MAX / 2] = TORN_NEVER; /* two chains */
	assert_int_equal(torn_crash_count_legal(&test->arena, &effects, &order, 0, &sets), 0);
	assert_int_equal(sets, (MADE_MAX / 2 + 1) * (MADE_MAX / 2 + 1));
}

/* Each of 100 implies four of 100 others: nothing is independent, and no effect halves it. */
static void test_where_it_takes_too_long_to_count_a_bound_is_told(void **state)
{
	(void)state;
	struct looked looked = looked_at(3000);
	uint64_t seed = 3, sets;
	begin_with(OLD);
	assert_holds(unlinks); /* for its tree before */
	make_free(200);
	for (uint32_t i = 100; i <= made.count; i++) {
		made.implies_begin[i] = 4 * (i - 100);
		for (uint32_t j = 0; j < 4 && i < made.count; j++)
			made.implies[4 * (i - 100) + j] = pick(&seed, 100);
	}
	const struct torn_effects effects = made_effects();
	const struct torn_persistence order = made_persistence();
	assert_int_equal(torn_crash_count_legal(&test->arena, &effects, &order, 0, &sets), -E2BIG);
	const struct torn_crash_count count = walk_made(&looked, 3000, 1, 0);
	assert_int_equal(count.legal, TORN_CRASH_COUNT_MAX);
	assert_false(count.is_exact || count.all);
	assert_int_equal(count.looked, 3000);
	assert_legal_and_distinct(&looked);
	free(looked.kept);
}

OPERATION(renames_a_directory_about)
{
	MUST(mkdir("/srv/a", 0755) == 0 && mkdir("/srv/b", 0755) == 0);
	MUST(rename("/srv/a", "/srv/b/a") == 0 && rename("/srv/b/a", "/srv/c") == 0);
	return 0;
}

/* Sets with a directory of two names are none: those that are looked at are all. */
static void test_what_would_loop_is_not_counted(void **state)
{
	(void)state;
	struct torn_effects effects;
	struct torn_persistence order;
	uint64_t sets;
	begin_with(OLD);
	assert_holds(renames_a_directory_about);
	look_at(TORN_PRESET_POSIX, "srv/c");
	const struct torn_log *log = test->trial.log;
	assert_int_equal(torn_effects_of(&test->arena, &test->setup.base, log, false, &effects), 0);
	assert_int_equal(torn_preset_order(&test->arena, TORN_PRESET_POSIX, &effects, log, &order), 0);
	assert_int_equal(torn_crash_count_legal(&test->arena, &effects, &order, 0, &sets), 0);
	assert_true(seen.sets < sets);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		gate_test(test_legal_sets_are_as_many_as_a_hand_counts),
		gate_test(test_legal_sets_are_as_many_as_trying_all_subsets_finds),
		gate_test(test_all_that_are_counted_are_looked_at_or_a_sample_of_them),
		gate_test(test_of_many_sets_those_that_lack_few_effects_come_first),
		gate_test(test_the_sample_is_the_seeds),
		gate_test(test_a_chain_has_its_prefixes),
		gate_test(test_where_it_takes_too_long_to_count_a_bound_is_told),
		gate_test(test_what_would_loop_is_not_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
