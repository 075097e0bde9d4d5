/*
 * durable_btrfs_test.c: what the log of btrfs takes along with an fsync, and what it
 * does not. The logs are of real runs; each row names states of two paths at once that
 * a cut at the end may leave, as measured on Linux 6.18 (loop device, commit=300, the
 * device's file copied while mounted), with and without a commit on the way: a timed
 * commit may come at any time, so that what it makes the log leave out no fsync promises.
 */
#include <ctype.h>

#include "crash.h"
#include "crash_count.h"
#include "gate_for_tests.h"

#define OPERATION(name) static int name(__attribute__((unused)) const struct torn_run *torn_run)
#define OLD                                                                                        \
	"old srv/f file old\nold srv/dir dir\nold srv/dir/k file old\n"                            \
	"old mnt dir\nold mnt/q dir\n"

/* ------------------------------------------------------------- operations */

static int create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
	return fd < 0 || write(fd, "new", 3) != 3 ? -1 : fd;
}

static int sync_path(const char *path)
{
	int fd = open(path, O_RDONLY);
	return fd < 0 || fsync(fd) < 0 || close(fd) < 0 ? -1 : 0;
}

static int create_and_sync(const char *path)
{
	int fd = create(path);
	return fd < 0 || fsync(fd) < 0 || close(fd) < 0 ? -1 : 0;
}

OPERATION(replaces_and_takes_back)
{
	MUST(link("/srv/f", "/srv/bak") == 0 && sync_path("/srv") == 0);
	MUST(rename("/srv/dir/k", "/srv/f") == 0 && rename("/srv/bak", "/srv/f") == 0 && sync_path("/srv") == 0);
	return 0;
}

OPERATION(syncs_one_of_two_in_a_new_directory)
{
	MUST(mkdir("/srv/d", 0755) == 0 && close(create("/srv/d/a")) == 0);
	MUST(create_and_sync("/srv/d/b") == 0);
	return 0;
}

OPERATION(renames_into_a_new_directory)
{
	MUST(mkdir("/srv/d", 0755) == 0 && rename("/srv/f", "/srv/d/a") == 0);
	MUST(create_and_sync("/srv/d/b") == 0);
	return 0;
}

OPERATION(syncs_a_new_directory)
{
	MUST(mkdir("/srv/d", 0755) == 0 && close(create("/srv/d/a")) == 0);
	MUST(close(create("/srv/d/b")) == 0 && sync_path("/srv/d") == 0);
	return 0;
}

OPERATION(syncs_below_two_new_directories)
{
	MUST(mkdir("/srv/d", 0755) == 0 && mkdir("/srv/d/e", 0755) == 0);
	MUST(close(create("/srv/d/x")) == 0 && create_and_sync("/srv/d/e/n") == 0);
	return 0;
}

OPERATION(changes_the_mode_of_a_new_directory)
{
	MUST(mkdir("/srv/d", 0755) == 0 && chmod("/srv/d", 0700) == 0);
	MUST(create_and_sync("/srv/d/n") == 0);
	return 0;
}

OPERATION(renames_a_new_directory)
{
	MUST(mkdir("/srv/d", 0755) == 0 && rename("/srv/d", "/srv/e") == 0);
	MUST(create_and_sync("/srv/e/n") == 0);
	return 0;
}

OPERATION(makes_a_directory_where_one_was)
{
	MUST(rename("/srv/dir", "/srv/bak") == 0 && mkdir("/srv/dir", 0755) == 0);
	MUST(create_and_sync("/srv/dir/n") == 0);
	return 0;
}

OPERATION(makes_a_directory_where_a_new_one_was)
{
	MUST(mkdir("/srv/d", 0755) == 0 && close(create("/srv/d/k")) == 0);
	MUST(rename("/srv/d", "/srv/bak") == 0 && mkdir("/srv/d", 0755) == 0);
	MUST(create_and_sync("/srv/d/n") == 0);
	return 0;
}

OPERATION(leaves_a_new_directory)
{
	MUST(mkdir("/srv/d", 0755) == 0 && close(create("/srv/d/x")) == 0);
	MUST(rename("/srv/d/x", "/mnt/q/x") == 0 && sync_path("/mnt/q/x") == 0);
	return 0;
}

OPERATION(changes_the_mode_after_the_rename)
{
	MUST(create_and_sync("/srv/t") == 0 && rename("/srv/t", "/srv/f") == 0);
	MUST(chmod("/srv/f", 0600) == 0 && sync_path("/srv") == 0);
	return 0;
}

OPERATION(changes_the_mode_before_the_fsync)
{
	int fd = create("/srv/t");
	MUST(fd >= 0 && fchmod(fd, 0600) == 0 && fsync(fd) == 0 && close(fd) == 0);
	MUST(rename("/srv/t", "/srv/f") == 0 && sync_path("/srv") == 0);
	return 0;
}

OPERATION(changes_modes_and_syncs_the_directory)
{
	MUST(close(create("/srv/t")) == 0 && mkdir("/mnt/u", 0755) == 0);
	MUST(chmod("/srv/t", 0600) == 0 && sync_path("/srv") == 0);
	return 0;
}

OPERATION(links_and_renames_the_directory_above)
{
	MUST(link("/srv/dir/k", "/srv/dir/h") == 0 && mkdir("/mnt/u", 0755) == 0);
	MUST(rename("/srv/dir", "/srv/e") == 0 && sync_path("/srv/e/h") == 0);
	return 0;
}

OPERATION(moves_and_syncs_elsewhere)
{
	MUST(rename("/srv/f", "/mnt/x") == 0 && create_and_sync("/srv/n") == 0);
	return 0;
}

/* ----------------------------------------------------------------- states */

#define PAIRS_MAX 16

struct seen {
	const char *paths[2];
	uint32_t end; /* moment */
	char pairs[PAIRS_MAX][3];
	size_t count;
};

/* a: absent, e: empty, o: old, n: new, d: a directory; in capitals: of another mode. */
static char letter_of(const struct torn_node *node)
{
	char letter = 'd';
	if (!node)
		return 'a';
	if (node->type == TORN_FILE && torn_node_read(node, 0, &letter, 1) == 0)
		letter = 'e';
	return node->mode == (node->type == TORN_FILE ? 0644 : 0755) ? letter : (char)toupper(letter);
}

static bool has_pair(const struct seen *seen, const char *pair)
{
	for (size_t i = 0; i < seen->count; i++)
		if (strcmp(seen->pairs[i], pair) == 0)
			return true;
	return false;
}

static bool see(void *context, const struct torn_crash_state *state)
{
	struct seen *seen = context;
	char pair[3] = "";
	if (state->end <= seen->end)
		return true;
	for (int i = 0; i < 2; i++)
		pair[i] = letter_of(torn_tree_find(state->tree, torn_bytes_of(seen->paths[i])));
	if (has_pair(seen, pair))
		return true;
	assert_true(seen->count < PAIRS_MAX);
	memcpy(seen->pairs[seen->count++], pair, sizeof pair);
	return true;
}

/* All that a cut at the end of the last run may leave; the search and the count agree on how much. */
static void look_at(enum torn_preset preset, struct seen *seen)
{
	static const struct torn_crash_how how = {.sets_max = TORN_CRASH_SETS_MAX, .seed = 1};
	struct torn_effects effects;
	struct torn_persistence order;
	struct torn_crash_count count;
	uint64_t legal;
	const struct torn_log *log = test->trial.log;
	seen->end = 2 * log->count;
	assert_int_equal(torn_effects_of(&test->arena, &test->setup.base, log, false, &effects), 0);
	assert_int_equal(torn_preset_order(&test->arena, preset, &effects, log, &order), 0);
	assert_int_equal(torn_crash_states(&test->arena, &test->setup.base, log, &effects, &order, &how,
					   see, seen, &count), 0);
	assert_true(count.all && count.is_exact);
	assert_int_equal(torn_crash_count_legal(&test->arena, &effects, &order, 0, &legal), 0);
	assert_int_equal(legal, count.looked);
}

/* The pairs that a cut may leave, no more and no less; those that btrfs showed come first. */
static const struct row {
	const char *name;
	int (*operation)(const struct torn_run *run);
	const char *paths[2];
	const char *pairs;
} rows[] = {
	{"moved, and another file synced", moves_and_syncs_elsewhere, {"srv/f", "mnt/x"}, "oa ao"},
	{"replaced by a file of another directory, and taken back", replaces_and_takes_back, {"srv/dir/k", "srv/bak"}, "oa aa"},
	{"sibling in a new directory", syncs_one_of_two_in_a_new_directory, {"srv/d/a", "srv/d/b"},
	 "an en nn"},
	{"rename into a new directory", renames_into_a_new_directory, {"srv/f", "srv/d/a"}, "oa ao"},
	{"fsync of a new directory", syncs_a_new_directory, {"srv/d/a", "srv/d/b"}, "ee ne en nn"},
	{"below two new directories", syncs_below_two_new_directories, {"srv/d/x", "srv/d/e/n"},
	 "an en nn"},
	{"mode of a new directory", changes_the_mode_of_a_new_directory, {"srv/d", "srv/d/n"}, "Dn dn"},
	{"rename of a new directory", renames_a_new_directory, {"srv/d/n", "srv/e/n"}, "an na"},
	{"directory kept", makes_a_directory_where_one_was, {"srv/bak/k", "srv/dir/n"}, "on"},
	{"new directory lost", makes_a_directory_where_a_new_one_was, {"srv/bak", "srv/d/n"},
	 "an dn"},
	{"new directory left", leaves_a_new_directory, {"srv/d", "mnt/q/x"}, "an dn"},
	{"mode after the rename", changes_the_mode_after_the_rename, {"srv/f", "srv/t"}, "na Na"},
	{"mode before the fsync", changes_the_mode_before_the_fsync, {"srv/f", "srv/t"}, "Na"},
	/* Ea: the log took the mode along, though no commit took the directory made before. */
	{"mode and directory", changes_modes_and_syncs_the_directory, {"srv/t", "mnt/u"},
	 "Ea ea Ed ed Na na Nd nd"},
	/* oa: so with the new name of a directory above. */
	{"name above", links_and_renames_the_directory_above, {"srv/e/h", "mnt/u"}, "oa od aa ad"},
};

static size_t count_pairs(const char *pairs)
{
	return (strlen(pairs) + 1) / 3;
}

static void test_a_cut_leaves_what_btrfs_showed_and_no_more(void **state)
{
	(void)state;
	int wrong = 0;
	begin_with(__extension__ OLD);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct seen seen = {.paths = {rows[i].paths[0], rows[i].paths[1]}};
		bool is_as_expected = true;
		assert_holds(rows[i].operation);
		look_at(TORN_PRESET_BTRFS, &seen);
		for (size_t j = 0; j < seen.count; j++)
			is_as_expected = is_as_expected && strstr(rows[i].pairs, seen.pairs[j]);
		if (is_as_expected && seen.count == count_pairs(rows[i].pairs))
			continue;
		print_message("%s: expected %s, found", rows[i].name, rows[i].pairs);
		for (size_t j = 0; j < seen.count; j++)
			print_message(" %s", seen.pairs[j]);
		print_message("\n");
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

OPERATION(moves_and_removes)
{
	MUST(rename("/srv/f", "/mnt/x") == 0 && unlink("/mnt/x") == 0 && sync_path("/mnt") == 0);
	return 0;
}

/* The log of a directory has what is in there when it is synced, and not what a rename brought before. */
static void test_a_name_that_is_gone_again_is_not_logged(void **state)
{
	(void)state;
	struct seen seen = {.paths = {"srv/f", "mnt/x"}};
	begin_with(__extension__ OLD);
	assert_holds(moves_and_removes);
	look_at(TORN_PRESET_BTRFS, &seen);
	assert_true(seen.count > 0);
	for (size_t i = 0; i < seen.count; i++)
		assert_int_equal(seen.pairs[i][1], 'a');
}

/* On ext4 and XFS a sync of new metadata commits all before it: measured in the same runs. */
static void test_ext4_and_xfs_commit_what_was_made_before(void **state)
{
	(void)state;
	static const enum torn_preset presets[] = {TORN_PRESET_EXT4, TORN_PRESET_XFS};
	begin_with(__extension__ OLD);
	for (size_t i = 0; i < sizeof presets / sizeof *presets; i++) {
		struct seen seen = {.paths = {"srv/d/a", "srv/d/b"}};
		assert_holds(syncs_one_of_two_in_a_new_directory);
		look_at(presets[i], &seen);
		assert_true(has_pair(&seen, "en")); /* shown */
		assert_false(has_pair(&seen, "an"));
		seen = (struct seen){.paths = {"srv/t", "mnt/u"}};
		assert_holds(changes_modes_and_syncs_the_directory);
		look_at(presets[i], &seen);
		assert_true(has_pair(&seen, "Ed"));
		assert_false(has_pair(&seen, "Ea"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		gate_test(test_a_cut_leaves_what_btrfs_showed_and_no_more),
		gate_test(test_a_name_that_is_gone_again_is_not_logged),
		gate_test(test_ext4_and_xfs_commit_what_was_made_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
