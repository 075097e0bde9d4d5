/*
 * history_test.c: runs one after another, each begun with what the one before left: which inode
 * is which over runs, and what a power cut takes of the runs before. What must be left is
 * written here by hand.
 */
#include <stdlib.h>
#include <string.h>

#include "../injectors/effects.h"
#include "history.h"
#include "operations_for_tests.h"
#include "registry.h"
#include "replay_for_tests.h"
#include "setup.h"

/* ------------------------------------------------------------------ target */

/*
 * The first run: open (ENOENT), open of .t, write, close, rename. Where .t is there: open and
 * close of it; open, write and close of g, which grows by a byte; rename.
 */
static int goes_on(const struct torn_run *run)
{
	(void)run;
	int fd = open("/srv/.t", O_WRONLY);
	if (fd < 0) {
		fd = open("/srv/.t", O_WRONLY | O_CREAT | O_EXCL, 0644);
		if (fd < 0 || write_all(fd, "new data", 8) < 0)
			return -1;
		close(fd);
	} else {
		close(fd);
		fd = open("/srv/g", O_WRONLY | O_CREAT | O_APPEND, 0644);
		if (fd < 0 || write_all(fd, "g", 1) < 0)
			return -1;
		close(fd);
	}
	return rename("/srv/.t", "/srv/f");
}

/* The same, but that what the first run makes is synced at once: op 4. */
static int goes_on_synced(const struct torn_run *run)
{
	(void)run;
	const int fd = open("/srv/.t", O_WRONLY);
	if (fd >= 0) {
		close(fd);
		return rename("/srv/.t", "/srv/f");
	}
	return make_temp("/srv/.t") == 0 ? rename("/srv/.t", "/srv/f") : -1;
}

/*
 * The first run: a file that comes and goes (creat, close, unlink), mkdir of .a. Where .a is there: mkdir
 * (EEXIST), a file in it (creat, close), which is renamed out of it: op 4.
 */
static int goes_on_in_directory(const struct torn_run *run)
{
	(void)run;
	int fd = -1;
	if (mkdir("/srv/.a", 0755) != 0) {
		fd = creat("/srv/.a/n", 0644);
		return fd >= 0 && close(fd) == 0 ? rename("/srv/.a/n", "/srv/m") : -1;
	}
	fd = creat("/srv/.x", 0644);
	return fd >= 0 && close(fd) == 0 && unlink("/srv/.x") == 0 ? 0 : -1;
}

/* The first run: open (ENOENT), open of .t with O_DSYNC, write, close. Where .t is there: open, close and rename. */
static int goes_on_through(const struct torn_run *run)
{
	(void)run;
	int fd = open("/srv/.t", O_WRONLY);
	if (fd >= 0)
		return close(fd) == 0 ? rename("/srv/.t", "/srv/f") : -1;
	fd = open("/srv/.t", O_WRONLY | O_CREAT | O_EXCL | O_DSYNC, 0644);
	if (fd < 0 || write_all(fd, "new data", 8) < 0)
		return -1;
	return close(fd) == 0 ? 0 : -1;
}

static int does_nothing(const struct torn_run *run)
{
	(void)run;
	return 0;
}

static const struct torn_variant variants[] = {
	{"goes_on", goes_on, NULL},
	{"synced", goes_on_synced, NULL},
	{"in_directory", goes_on_in_directory, NULL},
	{"through", goes_on_through, NULL},
	{"with_recovery", goes_on, does_nothing},
	{NULL, NULL, NULL},
};
static const struct torn_target target = {.name = "test.chain",
					  .summary = "runs one after another",
					  .variants = variants,
					  .worlds = one_world,
					  .watch = only_f};
TORN_TARGET(target);

/* ----------------------------------------------------------------- fixture */

static struct torn_replayed *replay_of(const char *variant, const char *plan)
{
	char whose[64];
	snprintf(whose, sizeof whose, "test.chain@%s", variant);
	struct torn_replayed *replayed = replay_case(whose, plan);
	if (replayed->failed)
		fail_msg("torn failed: %s\n%s", replayed->text, plan);
	return replayed;
}

static struct torn_replayed *replay(const char *plan)
{
	struct torn_replayed *replayed = replay_of("goes_on", plan);
	if (replayed->verdict == TORN_INVALID)
		fail_msg("INVALID: %s\n%s", replayed->text, plan);
	return replayed;
}

static void assert_invalid(const char *variant, const char *plan, const char *why)
{
	const struct torn_replayed *replayed = replay_of(variant, plan);
	assert_int_equal(replayed->verdict, TORN_INVALID);
	if (!strstr(replayed->text, why))
		fail_msg("no \"%s\" in \"%s\"", why, replayed->text);
}

/* `content` NULL: there is none. */
static void assert_file(const struct torn_replayed *replayed, const char *path, const char *content)
{
	char bytes[64] = "";
	const struct torn_node *node = torn_tree_find(replayed->trial.now, torn_bytes_of(path));
	if (!content) {
		assert_null(node);
		return;
	}
	assert_non_null(node);
	assert_true(node->size < sizeof bytes);
	torn_node_read(node, 0, bytes, node->size);
	assert_string_equal(bytes, content);
	assert_int_equal(node->size, strlen(content));
}

static void assert_fate(const struct torn_replayed *replayed, struct torn_lost what, enum torn_fate fate)
{
	for (uint32_t i = 0; i < replayed->trial.fates_count; i++) {
		const struct torn_fated *fated = &replayed->trial.fates[i];
		if (memcmp(&fated->what, &what, sizeof what) != 0)
			continue;
		assert_int_equal(fated->fate, fate);
		return;
	}
	fail_msg("no fate of %u:%u.%s", what.run, what.op, torn_effect_kind_name(what.kind));
}

#define KILLED_IN_FIRST "fault 4 close kill=after\nthen run\n"

/* ---------------------------------------------------------------- one before */

/* In its tree .t is inode 3 and f 4; in the first run they were 4 and 3. */
static void test_a_file_of_the_first_run_is_renamed_by_the_second(void **state)
{
	(void)state;
	const struct torn_replayed *replayed = replay(KILLED_IN_FIRST "cut 6 preset=posix\n");
	assert_file(replayed, "srv/f", "new data");
	assert_file(replayed, "srv/g", "g");
	assert_file(replayed, "srv/.t", NULL);
	assert_fate(replayed, (struct torn_lost){1, 3, TORN_EFFECT_DATA, 0}, TORN_FATE_KEPT);
	assert_fate(replayed, (struct torn_lost){0, 6, TORN_EFFECT_ENTRIES, 0}, TORN_FATE_KEPT);
}

static void test_a_cut_takes_what_the_first_run_wrote(void **state)
{
	(void)state;
	const struct torn_replayed *replayed =
		replay(KILLED_IN_FIRST "cut 6 preset=posix lost=1:3.tail,1:3.data[0]\n");
	assert_file(replayed, "srv/f", "");
	assert_file(replayed, "srv/g", "g");
	assert_fate(replayed, (struct torn_lost){1, 3, TORN_EFFECT_DATA, 0}, TORN_FATE_LOST);
	assert_fate(replayed, (struct torn_lost){1, 2, TORN_EFFECT_INODE, 0}, TORN_FATE_KEPT);
}

/* What POSIX lets be seen before the bytes: the size. */
static void test_a_cut_leaves_the_size_that_the_first_run_made(void **state)
{
	(void)state;
	const struct torn_replayed *replayed = replay(KILLED_IN_FIRST "cut 6 preset=posix lost=1:3.data[0]\n");
	const struct torn_node *node = torn_tree_find(replayed->trial.now, torn_bytes_of("srv/f"));
	char bytes[8];
	assert_int_equal(node->size, 8);
	assert_int_equal(torn_node_read(node, 0, bytes, 8), 8);
	assert_memory_equal(bytes, "\0\0\0\0\0\0\0\0", 8);
}

static void test_a_cut_takes_what_the_second_run_did_to_it(void **state)
{
	(void)state;
	const struct torn_replayed *replayed = replay(KILLED_IN_FIRST "cut 6 preset=posix lost=4.tail,4.data[0],6.entry\n");
	assert_file(replayed, "srv/f", "old");
	assert_file(replayed, "srv/.t", "new data");
	assert_file(replayed, "srv/g", "");
}

static void test_a_cut_in_the_second_run_stands_where_its_op_is(void **state)
{
	(void)state;
	const struct torn_replayed *replayed = replay(KILLED_IN_FIRST "cut 3 preset=posix lost=1:2.entry\n");
	assert_file(replayed, "srv/.t", NULL);
	assert_file(replayed, "srv/g", ""); /* made by op 3, not yet written */
	replayed = replay(KILLED_IN_FIRST "cut 3 during preset=posix lost=3.entry\n");
	assert_file(replayed, "srv/.t", "new data");
	assert_file(replayed, "srv/g", NULL);
	replayed = replay(KILLED_IN_FIRST "cut 0 preset=posix\n");
	assert_file(replayed, "srv/.t", "new data");
	assert_file(replayed, "srv/g", NULL);
	assert_int_equal(replayed->trial.fates_count, 4); /* of the first run: inode, entry, size, data */
}

/* Under `sync` an effect is durable once its op has returned, and not before. */
static void test_during_an_op_its_own_effects_may_be_lost(void **state)
{
	(void)state;
	const struct torn_replayed *replayed =
		replay(KILLED_IN_FIRST "cut 3 during preset=sync lost=3.inode,3.entry\n");
	assert_file(replayed, "srv/g", NULL);
	assert_false(replayed->trial.acknowledged);
	assert_invalid("goes_on", KILLED_IN_FIRST "cut 3 preset=sync lost=3.inode,3.entry\n", "sync allows no cut at op 3");
	/* The last op too: nobody has returned. */
	replayed = replay(KILLED_IN_FIRST "cut 6 during preset=sync lost=6.entry\n");
	assert_file(replayed, "srv/f", "old");
	assert_false(replayed->trial.acknowledged);
	assert_invalid("goes_on", KILLED_IN_FIRST "cut 6 preset=sync lost=6.entry\n", "sync allows no cut at op 6");
	assert_true(replay(KILLED_IN_FIRST "cut 6 preset=sync\n")->trial.acknowledged);
	assert_false(replay(KILLED_IN_FIRST "cut 5 preset=sync\n")->trial.acknowledged);
}

/* Half of a write is an effect of half its length. */
static void test_a_write_that_was_killed_half_way_is_pending_as_far_as_it_came(void **state)
{
	(void)state;
	const char *killed = "fault 3 write kill=3\nthen run\n";
	char plan[256];
	snprintf(plan, sizeof plan, "%scut 6 preset=posix\n", killed);
	assert_file(replay(plan), "srv/f", "new");
	snprintf(plan, sizeof plan, "%scut 6 preset=posix lost=1:3.tail,1:3.data[0]\n", killed);
	const struct torn_replayed *replayed = replay(plan);
	assert_file(replayed, "srv/f", "");
	for (uint32_t i = 0; i < replayed->trial.fates_count; i++)
		if (replayed->trial.fates[i].what.op == 3 && replayed->trial.fates[i].what.run == 1)
			assert_int_equal(replayed->trial.fates[i].length, 3);
}

static void test_what_never_happened_is_not_pending(void **state)
{
	(void)state;
	assert_invalid("goes_on", "fault 2 openat kill=after\nthen run\ncut 6 preset=posix lost=1:3.data[0]\n",
		       "no effect 1:3.data[0]");
}

/* A run that failed by itself is no boot either. */
static void test_a_run_that_failed_leaves_its_effects_pending(void **state)
{
	(void)state;
	const char *failed = "fault 5 rename errno=EIO\nthen run\n";
	char plan[256];
	snprintf(plan, sizeof plan, "%scut 6 preset=posix lost=1:3.tail,1:3.data[0]\n", failed);
	const struct torn_replayed *replayed = replay(plan);
	assert_file(replayed, "srv/f", "");
	assert_non_null(replayed->trial.before);
	assert_int_equal(replayed->trial.before->end, TORN_RETURNED);
	assert_int_equal(replayed->trial.before->code, -1);
	assert_int_equal(replayed->trial.before->log->numbered, 5);
}

/* A plain rename over a name flushes what the first run wrote, under ext4, and not under xfs. */
static void test_presets_hold_for_what_an_earlier_run_did(void **state)
{
	(void)state;
	/* The rename has the size with it, and not the bytes. */
	assert_invalid("goes_on", KILLED_IN_FIRST "cut 6 preset=ext4 lost=1:3.tail,1:3.data[0]\n", "ext4 allows no cut at op 6");
	assert_int_not_equal(replay(KILLED_IN_FIRST "cut 6 preset=ext4 lost=1:3.data[0]\n")->verdict, TORN_INVALID);
	assert_file(replay(KILLED_IN_FIRST "cut 6 preset=xfs lost=1:3.data[0]\n"), "srv/f", "");
	assert_invalid("goes_on", KILLED_IN_FIRST "cut 6 preset=sync lost=1:3.data[0]\n", "sync allows no cut");
	assert_fate(replay(KILLED_IN_FIRST "cut 6 preset=sync\n"), (struct torn_lost){1, 3, TORN_EFFECT_DATA, 0},
		    TORN_FATE_DURABLE);
}

static void test_what_an_earlier_run_synced_is_durable(void **state)
{
	(void)state;
	const char *killed = "fault 5 close kill=after\nthen run\n";
	char plan[256];
	snprintf(plan, sizeof plan, "%scut 3 preset=posix lost=1:3.data[0]\n", killed);
	assert_invalid("synced", plan, "posix allows no cut at op 3");
	snprintf(plan, sizeof plan, "%scut 3 preset=posix\n", killed);
	const struct torn_replayed *replayed = replay_of("synced", plan);
	assert_int_not_equal(replayed->verdict, TORN_INVALID);
	assert_fate(replayed, (struct torn_lost){1, 3, TORN_EFFECT_DATA, 0}, TORN_FATE_DURABLE);
	assert_fate(replayed, (struct torn_lost){1, 2, TORN_EFFECT_ENTRIES, 0}, TORN_FATE_KEPT);
}

/* With the return of the sync, and not while it is done. */
static void test_a_fate_is_that_of_the_moment(void **state)
{
	(void)state;
	const struct torn_lost data = {0, 3, TORN_EFFECT_DATA, 0};
	assert_fate(replay_of("synced", "cut 4 preset=posix\n"), data, TORN_FATE_DURABLE);
	assert_fate(replay_of("synced", "cut 4 during preset=posix\n"), data, TORN_FATE_KEPT);
	assert_fate(replay_of("synced", "cut 3 preset=posix\n"), data, TORN_FATE_KEPT);
	assert_fate(replay_of("synced", "cut 4 during preset=posix lost=3.data[0]\n"), data, TORN_FATE_LOST);
}

/* A kill comes before the fsync: what the whole run would have synced is not durable. */
static void test_a_sync_behind_the_kill_makes_nothing_durable(void **state)
{
	(void)state;
	const struct torn_replayed *replayed = replay_of(
		"synced", "fault 3 write kill=after\nthen run\ncut 3 preset=posix lost=1:3.tail,1:3.data[0]\n");
	assert_int_not_equal(replayed->verdict, TORN_INVALID);
	assert_file(replayed, "srv/f", "");
}

/*
 * In its tree .a is inode 3, f 4 and the new file 5; in the first run f was 3, .a 4 and the file
 * that came and went 5.
 */
static void test_directories_and_new_files_are_told_apart_over_runs(void **state)
{
	(void)state;
	const char *first = "fault 4 unlink kill=after\nthen run\n";
	char plan[256];
	snprintf(plan, sizeof plan, "%scut 4 preset=posix\n", first);
	const struct torn_replayed *replayed = replay_of("in_directory", plan);
	assert_int_not_equal(replayed->verdict, TORN_INVALID);
	assert_file(replayed, "srv/m", "");
	assert_file(replayed, "srv/.x", NULL);
	assert_non_null(torn_tree_find(replayed->trial.now, torn_bytes_of("srv/.a")));
	assert_file(replayed, "srv/.a/n", NULL);
	snprintf(plan, sizeof plan, "%scut 4 preset=posix lost=4.entry\n", first);
	replayed = replay_of("in_directory", plan);
	assert_file(replayed, "srv/m", NULL);
	assert_file(replayed, "srv/.a/n", "");
	snprintf(plan, sizeof plan, "%scut 4 preset=posix lost=1:4.entry\n", first);
	replayed = replay_of("in_directory", plan);
	assert_file(replayed, "srv/.x", "");
	assert_file(replayed, "srv/m", "");
	snprintf(plan, sizeof plan, "%scut 3 preset=posix lost=1:1.entry\n", first);
	replayed = replay_of("in_directory", plan); /* with it goes what was in it */
	assert_int_not_equal(replayed->verdict, TORN_INVALID);
	assert_null(torn_tree_find(replayed->trial.now, torn_bytes_of("srv/.a")));
}

/* -------------------------------------------------------------- two before */

/* g is made by the second run and grows in the third: inode 5 in both, 3 and 4 being swapped before. */
static void test_three_runs_of_one_boot_are_one_history(void **state)
{
	(void)state;
	const char *killed = KILLED_IN_FIRST "fault 5 close kill=after\nthen run\n";
	char plan[256];
	snprintf(plan, sizeof plan, "%scut 6 preset=posix\n", killed);
	const struct torn_replayed *replayed = replay(plan);
	assert_file(replayed, "srv/f", "new data");
	assert_file(replayed, "srv/g", "gg");
	assert_fate(replayed, (struct torn_lost){2, 4, TORN_EFFECT_DATA, 0}, TORN_FATE_KEPT);
	snprintf(plan, sizeof plan, "%scut 6 preset=posix lost=4.tail,4.data[0]\n", killed);
	assert_file(replay(plan), "srv/g", "g");
	snprintf(plan, sizeof plan, "%scut 6 preset=posix lost=1:3.tail,1:3.data[0],2:4.tail,2:4.data[0],4.tail,4.data[0]\n", killed);
	replayed = replay(plan);
	assert_file(replayed, "srv/f", "");
	assert_file(replayed, "srv/g", "");
	snprintf(plan, sizeof plan, "%scut 6 preset=posix lost=2:3.entry\n", killed);
	assert_file(replay(plan), "srv/g", NULL);
	/* Of two writes to one block the later implies the earlier. */
	snprintf(plan, sizeof plan, "%scut 6 preset=posix lost=2:4.data[0]\n", killed);
	assert_invalid("goes_on", plan, "posix allows no cut at op 6");
}

/* ---------------------------------------------------------------- cut before */

static void test_a_cut_empties_the_past(void **state)
{
	(void)state;
	assert_invalid("goes_on", "cut 4 preset=posix\nthen run\ncut 6 preset=posix lost=1:3.data[0]\n",
		       "the run has no effect 1:3.data[0]");
	const struct torn_replayed *replayed =
		replay("cut 4 preset=posix\nthen run\ncut 6 preset=posix lost=6.entry\n");
	assert_file(replayed, "srv/f", "old");
	assert_file(replayed, "srv/.t", "new data");
	for (uint32_t i = 0; i < replayed->trial.fates_count; i++)
		assert_int_equal(replayed->trial.fates[i].what.run, 0);
}

static void test_what_a_cut_took_the_next_run_does_not_find(void **state)
{
	(void)state;
	const struct torn_replayed *replayed = replay("cut 4 preset=posix lost=3.tail,3.data[0]\nthen run\n");
	assert_file(replayed, "srv/f", "");
	assert_file(replayed, "srv/g", "g");
	assert_non_null(replayed->trial.before->cut);
	replayed = replay("cut 4 preset=posix lost=2.entry\nthen run\n"); /* it begins anew */
	assert_file(replayed, "srv/f", "new data");
	assert_file(replayed, "srv/g", NULL);
}

/* Runs are numbered in the case, from boot or not. */
static void test_a_run_behind_a_cut_keeps_its_number(void **state)
{
	(void)state;
	const struct torn_replayed *replayed = replay(
		"cut 4 preset=posix\nthen run\nfault 5 close kill=after\nthen run\ncut 6 preset=posix lost=2:3.entry\n");
	assert_file(replayed, "srv/f", "new data");
	assert_file(replayed, "srv/g", NULL);
	assert_invalid("goes_on",
		       "cut 4 preset=posix\nthen run\nfault 5 close kill=after\nthen run\n"
		       "cut 6 preset=posix lost=1:2.entry\n",
		       "the run has no effect 1:2.entry[0]");
}

/* ------------------------------------------------------------------- nothing */

static void test_a_run_that_makes_no_call_may_lose_what_came_before(void **state)
{
	(void)state;
	const struct torn_replayed *replayed =
		replay_of("with_recovery", "fault 3 write kill=after\nthen recover\ncut 0 preset=posix lost=1:3.tail,1:3.data[0]\n");
	assert_int_not_equal(replayed->verdict, TORN_INVALID);
	assert_file(replayed, "srv/.t", "");
	assert_true(replayed->trial.plan->recovers);
}

static void test_a_fault_behind_a_kill_of_an_earlier_run_does_not_fire(void **state)
{
	(void)state;
	assert_invalid("goes_on", "fault 9 rename kill=after\nthen run\n", "did not fire: op 9 is beyond the end");
	assert_invalid("goes_on", KILLED_IN_FIRST "fault 9 rename errno=EIO\n", "did not fire: op 9 is beyond the end");
	assert_invalid("goes_on", KILLED_IN_FIRST "fault 4 rename errno=EIO\n", "did not fire: op 4 is write");
	assert_invalid("goes_on", KILLED_IN_FIRST "cut 7 preset=posix\n", "the run has no op 7");
}

/* A case says on which line the recovery stands that the variant has not got. */
static void test_a_recovery_that_is_not_there_is_refused_with_its_line(void **state)
{
	(void)state;
	static const char text[] = "torn-case 1\ntarget test.chain@goes_on\nold srv/f file old\n"
				   "fault 4 close kill=after\nthen run\nfault 5 close kill=after\nthen recover\n";
	struct torn_case c;
	struct torn_case_error error = {0};
	struct torn_setup setup;
	the_worker(); /* opens the registry */
	assert_int_equal(torn_case_parse("case", torn_bytes_of(text), &arena, &c, &error), 0);
	assert_int_equal(torn_setup_case(&arena, &c, &error.lines, &setup, &error), -EINVAL);
	assert_int_equal(error.line, 7);
	assert_string_equal(error.message, "expected run: goes_on has no recovery");
	struct torn_replayed *replayed;
	assert_int_equal(torn_replay_text(the_worker(), text, &arena, &replayed), -EINVAL);
}

/* ------------------------------------------------------------------- by hand */

static void test_an_op_of_a_history_is_of_the_run_in_whose_part_it_stands(void **state)
{
	(void)state;
	const struct torn_past past = {.ends = {2, 2, 5}, .runs = 3, .first_run = 2};
	const struct torn_history history = {.first = 5, .past = &past}, alone = {.first = 0};
	static const uint32_t runs[] = {2, 2, 4, 4, 4, 0, 0}; /* the second of them made no call */
	for (uint32_t i = 0; i < sizeof runs / sizeof *runs; i++) {
		assert_int_equal(torn_history_run(&history, i), runs[i]);
		assert_int_equal(torn_history_run(&alone, i), 0);
	}
}

static void test_a_copied_log_has_bytes_of_its_own(void **state)
{
	(void)state;
	char path[] = "srv/a", to[] = "srv/b", name[] = "a", name_to[] = "b", data[] = "data", xattr[] = "user.x";
	struct torn_op op = {.number = 1, .path = torn_bytes_of(path), .path_to = torn_bytes_of(to),
			     .name = torn_bytes_of(name), .name_to = torn_bytes_of(name_to),
			     .data = torn_bytes_of(data), .xattr = torn_bytes_of(xattr)};
	const struct torn_log log = {.ops = &op, .count = 1, .numbered = 1, .crossings = 9};
	struct torn_log copy;
	assert_int_equal(torn_log_copy(&arena, &log, &copy), 0);
	memset(path, 'x', 5);
	memset(to, 'x', 5);
	name[0] = name_to[0] = data[0] = xattr[0] = 'x';
	assert_int_equal(copy.count, 1);
	assert_int_equal(copy.numbered, 1);
	assert_int_equal(copy.crossings, 9);
	assert_true(torn_bytes_equal(copy.ops[0].path, torn_bytes_of("srv/a")));
	assert_true(torn_bytes_equal(copy.ops[0].path_to, torn_bytes_of("srv/b")));
	assert_true(torn_bytes_equal(copy.ops[0].name, torn_bytes_of("a")));
	assert_true(torn_bytes_equal(copy.ops[0].name_to, torn_bytes_of("b")));
	assert_true(torn_bytes_equal(copy.ops[0].data, torn_bytes_of("data")));
	assert_true(torn_bytes_equal(copy.ops[0].xattr, torn_bytes_of("user.x")));
}

/* ------------------------------------------------------ writes that are syncs */

static void test_a_write_that_a_kill_cut_off_is_no_sync(void **state)
{
	(void)state;
	assert_invalid("through", "fault 3 write kill=after\nthen run\ncut 3 preset=posix lost=1:3.data[0]\n",
		       "1:3.data[0]");
	const struct torn_replayed *replayed =
		replay_of("through", "fault 3 write kill=4\nthen run\ncut 3 preset=posix lost=1:3.data[0]\n");
	assert_int_not_equal(replayed->verdict, TORN_INVALID);
	assert_fate(replayed, (struct torn_lost){1, 3, TORN_EFFECT_DATA, 0}, TORN_FATE_LOST);
}

/* ------------------------------------------------------- what a run begins with */

static bool same_hash(const struct torn_setup *a, const struct torn_setup *b)
{
	const struct torn_hash x = torn_setup_hash(a), y = torn_setup_hash(b);
	return x.low == y.low && x.high == y.high;
}

static struct torn_node *node_of(uint64_t low)
{
	struct torn_node *node = torn_arena_take(&arena, sizeof *node);
	assert_non_null(node);
	node->hash = (struct torn_hash){low, 1};
	return node;
}

/* A write was done since boot, to a tree of that hash. */
static struct torn_past *past_from(uint64_t at_boot, uint16_t flags)
{
	struct torn_past *past = torn_arena_take(&arena, sizeof *past);
	struct torn_op *op = torn_arena_take(&arena, sizeof *op);
	past->base.objects = torn_arena_take(&arena, 2 * sizeof *past->base.objects);
	assert_true(op && past->base.objects);
	past->base.objects[TORN_FOLD_ROOT].node = node_of(at_boot);
	*op = (struct torn_op){.number = 1, .call = TORN_CALL_write, .kind = TORN_KIND_write, .result = 8,
			       .told = 8, .flags = TORN_OP_PERFORMED | flags};
	past->log = (struct torn_log){.ops = op, .count = 1, .numbered = 1};
	return past;
}

/* What is there counts, and what of it may yet be lost. */
static void test_runs_begin_alike_where_all_that_may_be_lost_is_the_same(void **state)
{
	(void)state;
	const struct torn_setup one = {.begin_tree = node_of(7)}, other = {.begin_tree = node_of(8)};
	assert_true(same_hash(&one, &(struct torn_setup){.begin_tree = node_of(7)}));
	assert_false(same_hash(&one, &other));
	struct torn_setup after = one, same = one;
	after.past = past_from(3, 0);
	same.past = past_from(3, 0);
	assert_false(same_hash(&one, &after));
	assert_true(same_hash(&after, &same));
	same.past = past_from(4, 0);
	assert_false(same_hash(&after, &same));
	same.past = past_from(3, TORN_OP_DSYNC);
	assert_false(same_hash(&after, &same));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		arena_test(test_a_file_of_the_first_run_is_renamed_by_the_second),
		arena_test(test_a_cut_takes_what_the_first_run_wrote),
		arena_test(test_a_cut_leaves_the_size_that_the_first_run_made),
		arena_test(test_a_cut_takes_what_the_second_run_did_to_it),
		arena_test(test_a_cut_in_the_second_run_stands_where_its_op_is),
		arena_test(test_during_an_op_its_own_effects_may_be_lost),
		arena_test(test_a_write_that_was_killed_half_way_is_pending_as_far_as_it_came),
		arena_test(test_what_never_happened_is_not_pending),
		arena_test(test_a_run_that_failed_leaves_its_effects_pending),
		arena_test(test_presets_hold_for_what_an_earlier_run_did),
		arena_test(test_what_an_earlier_run_synced_is_durable),
		arena_test(test_a_fate_is_that_of_the_moment),
		arena_test(test_a_sync_behind_the_kill_makes_nothing_durable),
		arena_test(test_directories_and_new_files_are_told_apart_over_runs),
		arena_test(test_three_runs_of_one_boot_are_one_history),
		arena_test(test_a_cut_empties_the_past),
		arena_test(test_what_a_cut_took_the_next_run_does_not_find),
		arena_test(test_a_run_behind_a_cut_keeps_its_number),
		arena_test(test_a_run_that_makes_no_call_may_lose_what_came_before),
		arena_test(test_a_fault_behind_a_kill_of_an_earlier_run_does_not_fire),
		arena_test(test_a_recovery_that_is_not_there_is_refused_with_its_line),
		arena_test(test_an_op_of_a_history_is_of_the_run_in_whose_part_it_stands),
		arena_test(test_a_copied_log_has_bytes_of_its_own),
		arena_test(test_a_write_that_a_kill_cut_off_is_no_sync),
		arena_test(test_runs_begin_alike_where_all_that_may_be_lost_is_the_same),
	};
	return cmocka_run_group_tests(tests, NULL, close_the_worker);
}
