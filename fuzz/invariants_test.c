/* invariants_test.c: what some targets promise and others do not, each way it can be judged. */
#include <string.h>

#include "judgement.h"
#include "registry.h"
#include "tree_for_tests.h"

static struct torn_target target;
static const struct torn_variant variant = {.name = "variant"};
static struct torn_promised promised;
static struct torn_world world;
static struct torn_rerun rerun, rerun_of_new;
static int succeeds(const struct torn_run *run)
{
	(void)run;
	return 0;
}

static const struct torn_plan no_plan;
static const struct torn_log no_log;
static const struct torn_bytes watch[] = {{(const uint8_t *)"f", 1}};

static int begin(void **state)
{
	target = (struct torn_target){.name = "test"};
	promised = (struct torn_promised){.watch = watch, .watch_count = 1};
	world = (struct torn_world){"test", "", false};
	rerun = rerun_of_new = (struct torn_rerun){.end = TORN_RETURNED};
	return open_arena(state);
}

/* A run that returned `code` and left `now`. */
static struct torn_trial returned(const char *old, const char *new, const char *now, int code)
{
	return (struct torn_trial){
		.target = &target,
		.variant = &variant,
		.world = &world,
		.promised = &promised,
		.plan = &no_plan,
		.log = &no_log,
		.old_tree = tree_of(old),
		.new_tree = tree_of(new),
		.now = tree_of(now),
		.end = TORN_RETURNED,
		.code = code,
	};
}

/* A kill that left `now`, and what the next run made of that. */
static struct torn_trial killed(const char *now, const char *rerun_left, int code)
{
	struct torn_trial trial = returned("old f file old\n", "old f file new\n", now, 0);
	trial.killed = true;
	trial.end = TORN_ENDED_BY_PLAN;
	rerun.tree = tree_of(rerun_left);
	rerun.code = code;
	rerun_of_new.tree = trial.new_tree;
	trial.rerun = &rerun;
	trial.rerun_of_new = &rerun_of_new;
	return trial;
}

static struct torn_judgement judge(const char *id, const struct torn_trial *trial)
{
	struct torn_judgement judgement = {.verdict = TORN_INVALID};
	torn_invariant_named(torn_bytes_of(id))->judge(trial, &judgement);
	return judgement;
}

static void expect(const char *id, struct torn_trial trial, enum torn_verdict verdict, const char *says)
{
	const struct torn_judgement judgement = judge(id, &trial);
	if (judgement.verdict != verdict || !strstr(judgement.summary, says) ||
	    (verdict == TORN_VIOLATED && !judgement.role[0] && strcmp(id, "clean-run-succeeds") != 0))
		fail_msg("%s: %s: %s; expected %s: %s", id, torn_verdict_name(judgement.verdict),
			 judgement.summary, torn_verdict_name(verdict), says);
}

/* -------------------------------------------------------------- old-or-new */

/* What is applied and then taken back is neither: what that is a target says of the old states that it declares. */
static void test_what_is_rolled_back_without_a_fault_is_no_tear(void **state)
{
	(void)state;
	struct torn_trial trial = killed("old f file applied\n", "old f file old\n", 0);
	trial.new_tree = trial.old_tree;
	expect("old-or-new", trial, TORN_VIOLATED, "neither old");
	trial.rolls_back = true;
	expect("old-or-new", trial, TORN_VIOLATED, "neither old");
	trial.world = NULL;
	expect("old-or-new", trial, TORN_SKIPPED, "rolls back");
}

/* ---------------------------------------------------------- retry-succeeds */

static void test_a_retry_ends_in_new(void **state)
{
	(void)state;
	expect("retry-succeeds", killed("old f file old\n", "old f file new\n", 0), TORN_SKIPPED, "not said");
	target.promises = TORN_PROMISES_RETRY;
	expect("retry-succeeds", killed("old f file old\n", "old f file new\n", 0), TORN_HELD, "");
	expect("retry-succeeds", killed("old f file torn\n", "old f file new\n", 0), TORN_HELD, "");
	expect("retry-succeeds", killed("old f file old\n", "old f file new\n", -1), TORN_VIOLATED,
	       "it returned -1");
	expect("retry-succeeds", killed("old f file old\n", "old f file old\n", 0), TORN_VIOLATED, "leaves /f");
	expect("retry-succeeds", killed("old f file old\n", "old g file new\n", 0), TORN_VIOLATED, "absent");
	rerun.end = TORN_HUNG;
	expect("retry-succeeds", killed("old f file old\n", "old f file new\n", 0), TORN_VIOLATED, "never ended");
	rerun.end = TORN_RETURNED;
	struct torn_trial trial = returned("old f file old\n", "old f file new\n", "old f file old\n", -1);
	expect("retry-succeeds", trial, TORN_SKIPPED, "not killed");
}

static void test_a_retry_from_new_ends_as_a_run_from_new_does(void **state)
{
	(void)state;
	target.promises = TORN_PROMISES_RETRY;
	rerun_of_new.code = 17; /* it is there already */
	expect("retry-succeeds", killed("old f file new\n", "old f file new\n", 17), TORN_HELD, "");
	expect("retry-succeeds", killed("old f file new\n", "old f file new\n", 0), TORN_VIOLATED, "returned 17");
	expect("retry-succeeds", killed("old f file new\n", "old f file old\n", 17), TORN_VIOLATED, "leaves /f");
	/* Old and new look the same: either is right. */
	struct torn_trial same = killed("old f file new\n", "old f file new\n", 0);
	same.old_tree = same.new_tree;
	expect("retry-succeeds", same, TORN_HELD, "");
	rerun.code = 17;
	expect("retry-succeeds", same, TORN_HELD, "");
	rerun.code = 3;
	expect("retry-succeeds", same, TORN_VIOLATED, "returned 3");
}

static void test_a_retry_of_what_is_refused_is_refused(void **state)
{
	(void)state;
	target.promises = TORN_PROMISES_RETRY;
	world.refuses = true;
	struct torn_trial trial = killed("old f file torn\n", "old f file old\n", -1);
	trial.new_tree = trial.old_tree;
	expect("retry-succeeds", trial, TORN_HELD, "");
	rerun.code = 0;
	expect("retry-succeeds", trial, TORN_VIOLATED, "refused");
	/* From an old state of a case's own that it fails from, nothing is asked. */
	trial.world = NULL;
	expect("retry-succeeds", trial, TORN_SKIPPED, "does not declare");
}

static void test_a_stale_temp_that_stays_is_litter_where_clearing_is_promised(void **state)
{
	(void)state;
	const char *left = "old f file old\nold t file x\n";
	expect("no-litter", killed(left, left, 0), TORN_SKIPPED, "a process that died");
	target.promises = TORN_PROMISES_NO_STALE_TEMP;
	expect("no-litter", killed(left, "old f file new\nold t file x\n", 0), TORN_VIOLATED, "does not clear it");
	expect("no-litter", killed(left, "old f file new\n", 0), TORN_HELD, "");
}

static void test_a_backup_is_litter_once_the_file_is_old_again(void **state)
{
	(void)state;
	const char *old = "old f file old\n", *new = "old f file new\n";
	const char *only_copy = "old f file new\nold b file old\n", *gone = "old b file old\n";
	const char *second_copy = "old f file old\nold b file old\n";
	const char *of_another = "old f file new\nold b file other\n";
	expect("no-litter", returned(old, new, only_copy, -1), TORN_VIOLATED, "leaves /b");
	promised.backup = torn_bytes_of("b");
	expect("no-litter", returned(old, new, only_copy, -1), TORN_HELD, "");
	expect("no-litter", returned(old, new, gone, -1), TORN_HELD, "");
	expect("no-litter", returned(old, new, second_copy, -1), TORN_VIOLATED, "leaves /b");
	expect("no-litter", returned(old, new, of_another, -1), TORN_VIOLATED, "leaves /b");
	expect("no-litter", returned("", new, "old b file new\n", -1), TORN_VIOLATED, "leaves /b");
	struct torn_version version = {watch[0], torn_tree_find(tree_of("old f file old\n"), watch[0])};
	promised.between = &version; /* that copy may be all there is, and f what is between */
	promised.between_count = 1;
	expect("no-litter", returned(old, new, second_copy, -1), TORN_HELD, "");
	version.path = torn_bytes_of("g");
	expect("no-litter", returned(old, new, second_copy, -1), TORN_VIOLATED, "leaves /b");
	target.promises = TORN_PROMISES_NO_STALE_TEMP;
	expect("no-litter", killed(only_copy, second_copy, 0), TORN_VIOLATED, "does not clear it");
	expect("no-litter", killed(second_copy, only_copy, 0), TORN_HELD, "");
}

/* ----------------------------------------------------------- metadata-kept */

static void test_a_replaced_file_has_the_mode_that_is_kept_or_set(void **state)
{
	(void)state;
	const char *old = "old f file mode=0600 owner=1:2 xattr=user.a:b old\n";
	const char *bare = "old f file new\n", *like = "old f file mode=0600 owner=1:2 xattr=user.a:b new\n";
	expect("metadata-kept", returned(old, bare, bare, 0), TORN_SKIPPED, "says nothing");
	target.promises = TORN_KEEPS_MODE;
	expect("metadata-kept", returned(old, bare, bare, 0), TORN_VIOLATED, "mode 0644, and had 0600");
	expect("metadata-kept", returned(old, like, like, 0), TORN_HELD, "");
	target.promises = TORN_KEEPS_OWNER;
	expect("metadata-kept", returned(old, bare, bare, 0), TORN_VIOLATED, "belongs to 0:0, and did to 1:2");
	expect("metadata-kept", returned(old, like, like, 0), TORN_HELD, "");
	target.promises = TORN_KEEPS_XATTRS;
	expect("metadata-kept", returned(old, bare, bare, 0), TORN_VIOLATED, "0 extended attributes, not its 1");
	expect("metadata-kept", returned(old, like, like, 0), TORN_HELD, "");
	const char *other = "old f file xattr=user.a:c new\n";
	expect("metadata-kept", returned(old, other, other, 0), TORN_VIOLATED, "attributes");
	target.promises = 0;
	promised.sets_mode = true;
	promised.mode = 0640;
	expect("metadata-kept", returned("old g file x\n", bare, bare, 0), TORN_VIOLATED, "sets 0640");
	const char *set = "old f file mode=0640 new\n";
	expect("metadata-kept", returned("old g file x\n", set, set, 0), TORN_HELD, "");
}

static void test_only_where_new_stands_is_metadata_judged(void **state)
{
	(void)state;
	target.promises = TORN_KEEPS_MODE;
	const char *old = "old f file mode=0600 old\n", *new = "old f file mode=0600 new\n";
	const char *wrong = "old f file new\n", *touched = "old f file old\n";
	expect("metadata-kept", returned(old, new, wrong, -1), TORN_VIOLATED, "mode"); /* after an error */
	expect("metadata-kept", returned(old, new, touched, -1), TORN_HELD, "");
	expect("metadata-kept", returned(old, new, "old f dir\n", -1), TORN_HELD, "");
	expect("metadata-kept", returned(old, old, touched, 0), TORN_VIOLATED, "mode"); /* nothing new, and done */
	struct torn_trial kill = returned(old, new, wrong, 0);
	kill.killed = true;
	kill.end = TORN_ENDED_BY_PLAN;
	expect("metadata-kept", kill, TORN_VIOLATED, "mode"); /* between rename and chmod */
	struct torn_trial clean = returned(old, new, wrong, 0);
	clean.new_tree = NULL;
	expect("metadata-kept", clean, TORN_VIOLATED, "mode");
}

static void test_a_hard_link_that_comes_apart_is_a_label(void **state)
{
	(void)state;
	const char *old = "old f file old\nold g link f\n", *new = "old f file new\nold g file old\n";
	struct torn_trial trial = returned(old, new, new, 0);
	struct torn_judgement judgement = judge("metadata-kept", &trial);
	assert_true(judgement.is_label);
	assert_string_equal(judgement.label, "unlinked");
	const char *rewritten = "old f file new\nold g link f\n";
	trial = returned(old, rewritten, rewritten, 0);
	assert_false(judge("metadata-kept", &trial).is_label);
}

/* ------------------------------------------------------- rollback-restores */

static void test_a_rollback_restores_all_that_it_says_it_did(void **state)
{
	(void)state;
	const char *old = "old f file mode=0600 owner=1:2 xattr=user.a:b old\n", *new = "old f file new\n";
	expect("rollback-restores", returned(old, new, new, TORN_ROLLED_BACK), TORN_SKIPPED, "no rollback");
	target.promises = TORN_PROMISES_ROLLBACK;
	expect("rollback-restores", returned(old, new, old, TORN_ROLLED_BACK), TORN_HELD, "");
	expect("rollback-restores", returned(old, new, new, -1), TORN_SKIPPED, "no rollback was reported");
	expect("rollback-restores", returned(old, new, new, TORN_ROLLED_BACK), TORN_VIOLATED, "content");
	expect("rollback-restores",
	       returned(old, new, "old f file owner=1:2 xattr=user.a:b old\n", TORN_ROLLED_BACK),
	       TORN_VIOLATED, "mode");
	expect("rollback-restores",
	       returned(old, new, "old f file mode=0600 xattr=user.a:b old\n", TORN_ROLLED_BACK),
	       TORN_VIOLATED, "owner");
	expect("rollback-restores",
	       returned(old, new, "old f file mode=0600 owner=1:2 old\n", TORN_ROLLED_BACK), TORN_VIOLATED,
	       "xattrs");
	expect("rollback-restores", returned("old g dir\n", new, "old g dir\n", TORN_ROLLED_BACK), TORN_HELD, "");
	expect("rollback-restores", returned("old g dir\n", new, new, TORN_ROLLED_BACK), TORN_VIOLATED, "content");
	struct torn_trial kill = returned(old, new, new, TORN_ROLLED_BACK);
	kill.killed = true;
	expect("rollback-restores", kill, TORN_SKIPPED, "no rollback was reported");
}

/* ------------------------------------------------------------- backup-kept */

static void test_until_new_is_confirmed_the_old_is_somewhere(void **state)
{
	(void)state;
	const char *old = "old f file old\n", *new = "old f file new\n";
	expect("backup-kept", returned(old, new, new, -1), TORN_SKIPPED, "no backup");
	promised.backup = torn_bytes_of("f.bak");
	expect("backup-kept", returned(old, new, new, -1), TORN_VIOLATED, "is absent");
	expect("backup-kept", returned(old, new, old, -1), TORN_HELD, "");
	expect("backup-kept", returned(old, new, "old f file new\nold f.bak file old\n", -1), TORN_HELD, "");
	expect("backup-kept", returned(old, new, "old f file new\nold f.bak file o\n", -1), TORN_VIOLATED,
	       "1 bytes");
	expect("backup-kept", returned(old, new, new, 0), TORN_SKIPPED, "confirmed");
	expect("backup-kept", returned("old g dir\n", new, new, -1), TORN_SKIPPED, "nothing to keep");
	struct torn_trial kill = returned(old, new, new, 0);
	kill.killed = true;
	expect("backup-kept", kill, TORN_VIOLATED, "is absent");
}

static void test_a_backup_without_its_file_is_the_last_good_copy(void **state)
{
	(void)state;
	const char *old = "old f.bak file good\n", *new = "old f file new\n";
	promised.backup = torn_bytes_of("f.bak");
	expect("backup-kept", returned(old, new, old, -1), TORN_HELD, "");
	expect("backup-kept", returned(old, new, "old f file good\n", -1), TORN_HELD, "");
	expect("backup-kept", returned(old, new, "old g dir\n", -1), TORN_VIOLATED, "was not there");
	expect("backup-kept", returned(old, new, new, -1), TORN_VIOLATED, "was not there");
	expect("backup-kept", returned(old, new, new, 0), TORN_SKIPPED, "confirmed");
	expect("backup-kept", returned("old f.bak dir\n", new, new, -1), TORN_SKIPPED, "nothing to keep");
}

/* ----------------------------------------------------------------- between */

static void test_a_file_may_be_what_it_is_on_the_way_and_nothing_else(void **state)
{
	(void)state;
	const struct torn_version between[] = {
		{torn_bytes_of("f"), torn_tree_find(tree_of("old f file midway\n"), torn_bytes_of("f"))}};
	const char *old = "old f file old\n", *new = "old f file new\n", *midway = "old f file midway\n";
	expect("old-or-new", returned(old, new, midway, -1), TORN_VIOLATED, "neither");
	promised.between = between;
	promised.between_count = 1;
	expect("old-or-new", returned(old, new, midway, -1), TORN_HELD, "");
	expect("old-or-new", returned(old, new, "old f file mode=0600 midway\n", -1), TORN_HELD, "");
	expect("old-or-new", returned(old, new, "old f file mid\n", -1), TORN_VIOLATED, "neither");
	expect("old-or-new", returned(old, new, "old g file midway\n", -1), TORN_VIOLATED, "absent");
	struct torn_trial kill = returned(old, new, midway, 0);
	kill.killed = true;
	expect("old-or-new", kill, TORN_HELD, "");
	/* It is neither old nor new: success is not reported of it, and failure says nothing. */
	expect("success-means-new", returned(old, new, midway, 0), TORN_VIOLATED, "not new");
	expect("error-means-old", returned(old, new, midway, -1), TORN_SKIPPED, "neither");
}

static void test_a_rollback_that_took_nothing_back_is_not_one_that_put_something_else_there(void **state)
{
	(void)state;
	const struct torn_version between[] = {
		{torn_bytes_of("f"), torn_tree_find(tree_of("old f file midway\n"), torn_bytes_of("f"))}};
	promised.between = between;
	promised.between_count = 1;
	target.promises = TORN_PROMISES_ROLLBACK;
	const char *old = "old f file old\n", *new = "old f file new\n";
	struct torn_trial trial = returned(old, new, "old f file midway\n", TORN_ROLLED_BACK);
	expect("rollback-restores", trial, TORN_VIOLATED, "content of /f is not what it was, but what");
	assert_string_equal(judge("rollback-restores", &trial).role, "on the way");
	trial = returned(old, new, "old f file older\n", TORN_ROLLED_BACK);
	assert_string_equal(judge("rollback-restores", &trial).role, "content");
	trial = returned("old f file mode=0600 midway\n", new, "old f file midway\n", TORN_ROLLED_BACK);
	assert_string_equal(judge("rollback-restores", &trial).role, "mode");
}

static void test_a_directory_in_a_file_s_place_is_no_torn_file(void **state)
{
	(void)state;
	const char *old = "old f dir\n", *now = "old f/.temp file x\n";
	struct torn_trial trial = returned(old, old, now, -1);
	expect("old-or-new", trial, TORN_VIOLATED, "neither"); /* an old state that is declared */
	trial.world = NULL;
	expect("old-or-new", trial, TORN_HELD, "");
	trial.now = tree_of("old g dir\n");
	expect("old-or-new", trial, TORN_VIOLATED, "absent");
	trial.now = tree_of("old f file x\n");
	expect("old-or-new", trial, TORN_VIOLATED, "1 bytes");
}

static void test_what_is_watched_is_no_litter_nor_the_way_to_it(void **state)
{
	(void)state;
	static const struct torn_bytes deep[] = {{(const uint8_t *)"a/b/f", 5}};
	promised.watch = deep;
	expect("no-litter", returned("", "", "old a/b/f file x\n", -1), TORN_HELD, "");
	expect("no-litter", returned("", "", "old a/b dir\n", -1), TORN_HELD, "");
	expect("no-litter", returned("", "", "old a/b/f file x\nold a/b/g file y\n", -1), TORN_VIOLATED, "/a/b/g");
	expect("no-litter", returned("", "", "old a/bb dir\n", -1), TORN_VIOLATED, "/a/bb");
}

static void test_what_is_refused_may_be_rolled_back(void **state)
{
	(void)state;
	const char *old = "old f file old\nold new file new\n", *back = "old f file old\n";
	world.refuses = true;
	expect("clean-run-succeeds", returned(old, back, back, TORN_ROLLED_BACK), TORN_VIOLATED, "removed /new");
	target.promises = TORN_PROMISES_ROLLBACK;
	expect("clean-run-succeeds", returned(old, back, back, TORN_ROLLED_BACK), TORN_HELD, "");
	expect("clean-run-succeeds", returned(old, back, back, -1), TORN_VIOLATED, "removed /new");
	expect("clean-run-succeeds", returned(old, back, back, 0), TORN_VIOLATED, "reported success");
}

static void test_what_success_did_where_it_had_to_refuse_tells_two_findings_apart(void **state)
{
	(void)state;
	static const struct {
		const char *now, *role, *says;
	} rows[] = {
		{"old f file new\nold b file older\n", "watched", "success, and changed /f"},
		{"old b file older\n", "watched", "success, and removed /f"},
		{"old f file new\n", "watched", "success, and changed /f"},
		{"old f file old\n", "backup", "success, and removed /b"},
		{"old f file old\nold b file old\n", "backup", "success, and changed /b"},
		{"old f file old\nold b file older\nold g file x\n", "", "reported success"},
	};
	promised.backup = torn_bytes_of("b");
	world.refuses = true;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const char *old = "old f file old\nold b file older\n";
		const struct torn_trial trial = returned(old, old, rows[i].now, 0);
		expect("clean-run-succeeds", trial, TORN_VIOLATED, rows[i].says);
		assert_string_equal(judge("clean-run-succeeds", &trial).role, rows[i].role);
	}
	const struct torn_trial made = returned("", "", "old f file new\n", 0);
	expect("clean-run-succeeds", made, TORN_VIOLATED, "success, and made /f");
}

static void test_a_clean_run_spares_the_files_of_others(void **state)
{
	(void)state;
	static const struct torn_bytes spares[] = {{(const uint8_t *)"g", 1}, {(const uint8_t *)"h", 1}};
	const char *old = "old f file old\nold h file theirs\n", *new = "old f file new\nold h file theirs\n";
	promised.spares = spares;
	promised.spares_count = 2;
	expect("clean-run-succeeds", returned(old, new, new, 0), TORN_HELD, "");
	struct torn_trial trial = returned(old, new, "old f file new\nold h file new\n", 0);
	expect("clean-run-succeeds", trial, TORN_VIOLATED, "operation succeeded, and changed /h");
	assert_string_equal(judge("clean-run-succeeds", &trial).role, "spared");
	expect("clean-run-succeeds", returned(old, new, "old f file new\n", 0), TORN_VIOLATED, "removed /h");
	expect("clean-run-succeeds", returned(old, new, "old f file new\nold g file new\nold h file theirs\n", 0),
	       TORN_VIOLATED, "made /g");
	trial.world = NULL; /* which may have taken it for its own */
	expect("clean-run-succeeds", trial, TORN_HELD, "");
}

static void test_an_old_state_that_nobody_declared_may_be_refused(void **state)
{
	(void)state;
	struct torn_trial trial = returned("old f dir\n", "old f dir\n", "old f dir\n", -1);
	expect("clean-run-succeeds", trial, TORN_VIOLATED, "");
	trial.world = NULL;
	expect("clean-run-succeeds", trial, TORN_SKIPPED, "does not declare");
	trial.end = TORN_CRASHED;
	expect("clean-run-succeeds", trial, TORN_VIOLATED, "crashed");
}

/* ---------------------------------------------------------------- together */

static void test_what_is_promised_together_is_all_old_or_all_new(void **state)
{
	(void)state;
	static const struct torn_bytes both[] = {{(const uint8_t *)"f", 1}, {(const uint8_t *)"g", 1}};
	const char *old = "old f file old\nold g file old\n", *new = "old f file new\nold g file new\n";
	const char *first = "old f file new\nold g file old\n", *second = "old f file old\nold g file new\n";
	promised.watch = both;
	promised.watch_count = 2;
	expect("together", returned(old, new, first, -1), TORN_SKIPPED, "does not promise");
	target.promises = TORN_PROMISES_TOGETHER;
	expect("together", returned(old, new, first, -1), TORN_VIOLATED,
	       "after it ended /f is new and /g is still old, and it returned -1");
	expect("together", returned(old, new, second, -1), TORN_VIOLATED, "/g is new and /f is still old");
	expect("together", returned(old, new, old, -1), TORN_HELD, "");
	expect("together", returned(old, new, new, -1), TORN_HELD, "");
	expect("together", returned(old, new, first, 0), TORN_SKIPPED, "success was reported");
	expect("together", returned(old, new, "old f file new\nold g file n\n", -1), TORN_SKIPPED, "neither");
	expect("together", returned(old, new, "old f file o\nold g file old\n", -1), TORN_SKIPPED, "neither");
	expect("together", returned(old, new, "old f file new\n", -1), TORN_SKIPPED, "neither");
	struct torn_trial unknown = returned(old, new, first, -1);
	unknown.new_tree = NULL;
	expect("together", unknown, TORN_SKIPPED, "what new is");
}

/* A kill and a power cut come before any report, whatever the run would have said. */
static void test_a_kill_and_a_power_cut_leave_all_of_them_or_none(void **state)
{
	(void)state;
	static const struct torn_bytes both[] = {{(const uint8_t *)"f", 1}, {(const uint8_t *)"g", 1}};
	const struct torn_cut cut = {.preset = "posix"};
	promised.watch = both;
	promised.watch_count = 2;
	target.promises = TORN_PROMISES_TOGETHER;
	struct torn_trial kill = returned("old f file old\n", "old f file new\nold g file new\n",
					  "old f file old\nold g file new\n", 0);
	kill.killed = true;
	expect("together", kill, TORN_VIOLATED, "after the kill /g is new and /f is still old");
	kill.cut = &cut;
	expect("together", kill, TORN_VIOLATED, "after a power cut /g is new and /f is still old");
	kill.end = TORN_ENDED_BY_PLAN;
	kill.now = tree_of("old f file new\nold g file new\n");
	expect("together", kill, TORN_HELD, "");
}

static void test_a_path_that_does_not_change_takes_no_side(void **state)
{
	(void)state;
	static const struct torn_bytes both[] = {{(const uint8_t *)"f", 1}, {(const uint8_t *)"g", 1}};
	const char *old = "old f file old\nold g file same\n", *new = "old f file new\nold g file same\n";
	promised.watch = both;
	promised.watch_count = 2;
	target.promises = TORN_PROMISES_TOGETHER;
	expect("together", returned(old, new, old, -1), TORN_HELD, "");
	expect("together", returned(old, new, new, -1), TORN_HELD, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, close_arena)

/* ------------------------------------------------------- recovery-converges */

static struct torn_rerun recovered, recovered_twice;

/* A crash that left `now`; recovery makes `once` of it, and from there `twice`. */
static struct torn_trial crashed(const char *now, const char *once, const char *twice)
{
	static const struct torn_variant with_recovery = {.name = "recovers", .recovery = succeeds};
	struct torn_trial trial = returned("old f file old\n", "old f file new\n", now, 0);
	trial.variant = &with_recovery;
	trial.killed = true;
	trial.end = TORN_ENDED_BY_PLAN;
	recovered = (struct torn_rerun){.end = TORN_RETURNED, .tree = tree_of(once)};
	recovered_twice = (struct torn_rerun){.end = TORN_RETURNED, .tree = tree_of(twice)};
	trial.recovered = &recovered;
	trial.recovered_twice = &recovered_twice;
	return trial;
}

#define OLD_F "old f file old\n"
#define NEW_F "old f file new\n"
#define TORN_F "old f file n\n"

static void test_recovery_ends_in_old_or_new_and_twice_the_same(void **state)
{
	(void)state;
	expect("recovery-converges", crashed(TORN_F, OLD_F, OLD_F), TORN_HELD, "");
	expect("recovery-converges", crashed(OLD_F, NEW_F, NEW_F), TORN_HELD, "");
	expect("recovery-converges", crashed(OLD_F, TORN_F, TORN_F), TORN_VIOLATED,
	       "recovery after the crash leaves /f neither old (3 bytes) nor new (3 bytes): 1 bytes");
	expect("recovery-converges", crashed(OLD_F, OLD_F, NEW_F), TORN_VIOLATED,
	       "a second recovery leaves another /f");
	/* Not only what is watched must stay. */
	expect("recovery-converges", crashed(OLD_F, OLD_F "old g file x\n", OLD_F), TORN_VIOLATED, "another /g");
	expect("recovery-converges", crashed(OLD_F, OLD_F, OLD_F "old g file x\n"), TORN_VIOLATED, "another /g");
	expect("recovery-converges", crashed(OLD_F, "old f file mode=0600 old\n", OLD_F), TORN_VIOLATED,
	       "another /f");
}

/* What a file may be on the way is not what a recovery may leave. */
static void test_behind_a_recovery_nothing_is_on_the_way(void **state)
{
	(void)state;
	const struct torn_version between[] = {
		{torn_bytes_of("f"), torn_tree_find(tree_of(TORN_F), torn_bytes_of("f"))}};
	promised.between = between;
	promised.between_count = 1;
	expect("recovery-converges", crashed(TORN_F, TORN_F, TORN_F), TORN_VIOLATED, "neither old");
	expect("recovery-converges", crashed(TORN_F, OLD_F, OLD_F), TORN_HELD, "");
}

static void test_recovery_after_a_power_cut_says_so(void **state)
{
	(void)state;
	const struct torn_cut cut = {.preset = "ext4"};
	struct torn_trial trial = crashed(OLD_F, TORN_F, TORN_F);
	trial.cut = &cut;
	expect("recovery-converges", trial, TORN_VIOLATED, "recovery after the power cut leaves /f");
}

static void test_a_recovery_that_fails_is_none(void **state)
{
	(void)state;
	struct torn_trial trial = crashed(TORN_F, OLD_F, OLD_F);
	recovered.code = 5;
	expect("recovery-converges", trial, TORN_VIOLATED, "recovery after the crash returned 5");
	assert_string_equal(judge("recovery-converges", &trial).role, "recovery");
	recovered.code = 0;
	recovered_twice.code = -1;
	expect("recovery-converges", trial, TORN_VIOLATED, "a second recovery returned -1");
	recovered_twice.code = 0;
	recovered_twice.end = TORN_CRASHED;
	expect("recovery-converges", trial, TORN_VIOLATED, "a second recovery crashed");
	recovered_twice.end = TORN_RETURNED;
	recovered.end = TORN_EXITED; /* with 0: nothing came back */
	expect("recovery-converges", trial, TORN_VIOLATED, "recovery after the crash ended the process by exit(0)");
}

static void test_a_recovery_may_refuse_what_the_operation_refuses(void **state)
{
	(void)state;
	struct torn_trial trial = crashed(OLD_F, OLD_F, OLD_F);
	world.refuses = true;
	recovered.code = recovered_twice.code = -1;
	expect("recovery-converges", trial, TORN_HELD, "");
	recovered_twice.end = TORN_HUNG;
	expect("recovery-converges", trial, TORN_VIOLATED, "a second recovery");
}

static void test_without_a_crash_or_a_recovery_there_is_nothing_to_converge(void **state)
{
	(void)state;
	struct torn_trial trial = crashed(OLD_F, TORN_F, TORN_F);
	trial.recovered_twice = NULL;
	expect("recovery-converges", trial, TORN_SKIPPED, "no crash");
	trial.variant = &variant;
	trial.recovered = NULL;
	expect("recovery-converges", trial, TORN_SKIPPED, "has no recovery");
}

/* -------------------------------------------- success- and rollback-is-durable */

static const struct torn_op one_fsync = {.number = 1, .call = TORN_CALL_fsync, .kind = TORN_KIND_sync};
static const struct torn_log synced = {.ops = (struct torn_op *)&one_fsync, .count = 1, .numbered = 1};
static const struct torn_op one_write = {
	.number = 1, .call = TORN_CALL_write, .kind = TORN_KIND_write, .flags = TORN_OP_DSYNC};
static const struct torn_log written = {.ops = (struct torn_op *)&one_write, .count = 1, .numbered = 1};
static const struct torn_cut some_cut = {.preset = "ext4", .op = 1};

/* The power goes once it has returned `code`. */
static struct torn_trial cut_off(const char *now, int code)
{
	struct torn_trial trial = returned(OLD_F, NEW_F, now, code);
	trial.log = &synced;
	trial.cut = &some_cut;
	trial.killed = trial.acknowledged = true;
	return trial;
}

static void test_what_was_reported_to_be_done_stays_done(void **state)
{
	(void)state;
	expect("success-is-durable", cut_off(NEW_F, 0), TORN_HELD, "");
	expect("success-is-durable", cut_off(OLD_F, 0), TORN_VIOLATED,
	       "success was reported, and a power cut after that leaves /f not new: 3 bytes, but other ones");
	expect("success-is-durable", cut_off("old g file x\n", 0), TORN_VIOLATED, "absent");
	expect("success-is-durable", cut_off(OLD_F, -1), TORN_SKIPPED, "nothing of that kind");
	struct torn_trial trial = cut_off(OLD_F, 0);
	trial.acknowledged = false;
	expect("success-is-durable", trial, TORN_SKIPPED, "nothing of that kind");
	trial = cut_off(OLD_F, 0);
	trial.cut = NULL;
	expect("success-is-durable", trial, TORN_SKIPPED, "stayed on");
}

/* That a recovery returned is no report of the operation's success. */
static void test_a_recovery_s_return_acknowledges_nothing(void **state)
{
	(void)state;
	const struct torn_plan recovers = {.recovers = true};
	struct torn_trial trial = cut_off(OLD_F, 0);
	trial.plan = &recovers;
	expect("success-is-durable", trial, TORN_SKIPPED, "nothing of that kind");
}

/* After a crash the recovery runs before anybody looks. */
static void test_durable_is_what_recovery_makes_of_it(void **state)
{
	(void)state;
	struct torn_trial trial = cut_off(OLD_F, 0);
	recovered = (struct torn_rerun){.end = TORN_RETURNED, .tree = tree_of(NEW_F)};
	trial.recovered = &recovered;
	expect("success-is-durable", trial, TORN_HELD, "");
	trial = cut_off(NEW_F, 0);
	recovered.tree = tree_of(OLD_F);
	trial.recovered = &recovered;
	expect("success-is-durable", trial, TORN_VIOLATED, "not new");
}

static void test_who_never_syncs_promises_nothing(void **state)
{
	(void)state;
	struct torn_trial trial = cut_off(OLD_F, 0);
	trial.log = &no_log;
	expect("success-is-durable", trial, TORN_HELD, "never syncs");
	assert_string_equal(judge("success-is-durable", &trial).label, "never-syncs");
	trial.log_before = &written; /* O_DSYNC asks for it with each write */
	expect("success-is-durable", trial, TORN_VIOLATED, "not new");
	trial.log_before = &synced; /* the run before did: it means to be durable */
	expect("success-is-durable", trial, TORN_VIOLATED, "not new");
}

static void test_what_was_reported_to_be_rolled_back_stays_so(void **state)
{
	(void)state;
	expect("rollback-is-durable", cut_off(NEW_F, TORN_ROLLED_BACK), TORN_SKIPPED, "no rollback");
	target.promises = TORN_PROMISES_ROLLBACK;
	expect("rollback-is-durable", cut_off(NEW_F, TORN_ROLLED_BACK), TORN_VIOLATED, "not old");
	expect("rollback-is-durable", cut_off(OLD_F, TORN_ROLLED_BACK), TORN_HELD, "");
	expect("rollback-is-durable", cut_off(NEW_F, 0), TORN_SKIPPED, "nothing of that kind");
}

/* Of runs that come after others only some can be asked. */
static void test_invariants_of_a_first_run_are_not_asked_of_a_later_one(void **state)
{
	(void)state;
	const struct torn_plan first = {.seed = 1}, second = {.before = &first};
	struct torn_trial trial = cut_off(OLD_F, 0);
	struct torn_judgement judgement;
	trial.plan = &second;
	torn_invariant_judge(torn_invariant_named(torn_bytes_of("success-is-durable")), &trial, &judgement);
	assert_int_equal(judgement.verdict, TORN_VIOLATED);
	size_t count;
	const struct torn_invariant *const *all = torn_invariants(&count);
	for (size_t i = 0; i < count; i++) {
		torn_invariant_judge(all[i], &trial, &judgement);
		if (!all[i]->later_runs)
			assert_int_equal(judgement.verdict, TORN_SKIPPED);
	}
}

int main(void)
{
	torn_registry_begin();
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_rolled_back_without_a_fault_is_no_tear),
		TEST(test_a_retry_ends_in_new),
		TEST(test_a_retry_from_new_ends_as_a_run_from_new_does),
		TEST(test_a_retry_of_what_is_refused_is_refused),
		TEST(test_a_stale_temp_that_stays_is_litter_where_clearing_is_promised),
		TEST(test_a_backup_is_litter_once_the_file_is_old_again),
		TEST(test_a_replaced_file_has_the_mode_that_is_kept_or_set),
		TEST(test_only_where_new_stands_is_metadata_judged),
		TEST(test_a_hard_link_that_comes_apart_is_a_label),
		TEST(test_a_rollback_restores_all_that_it_says_it_did),
		TEST(test_until_new_is_confirmed_the_old_is_somewhere),
		TEST(test_a_backup_without_its_file_is_the_last_good_copy),
		TEST(test_a_file_may_be_what_it_is_on_the_way_and_nothing_else),
		TEST(test_a_rollback_that_took_nothing_back_is_not_one_that_put_something_else_there),
		TEST(test_a_directory_in_a_file_s_place_is_no_torn_file),
		TEST(test_what_is_watched_is_no_litter_nor_the_way_to_it),
		TEST(test_what_is_refused_may_be_rolled_back),
		TEST(test_what_success_did_where_it_had_to_refuse_tells_two_findings_apart),
		TEST(test_a_clean_run_spares_the_files_of_others),
		TEST(test_an_old_state_that_nobody_declared_may_be_refused),
		TEST(test_what_is_promised_together_is_all_old_or_all_new),
		TEST(test_a_kill_and_a_power_cut_leave_all_of_them_or_none),
		TEST(test_a_path_that_does_not_change_takes_no_side),
		TEST(test_recovery_ends_in_old_or_new_and_twice_the_same),
		TEST(test_behind_a_recovery_nothing_is_on_the_way),
		TEST(test_recovery_after_a_power_cut_says_so),
		TEST(test_a_recovery_that_fails_is_none),
		TEST(test_a_recovery_may_refuse_what_the_operation_refuses),
		TEST(test_without_a_crash_or_a_recovery_there_is_nothing_to_converge),
		TEST(test_what_was_reported_to_be_done_stays_done),
		TEST(test_a_recovery_s_return_acknowledges_nothing),
		TEST(test_durable_is_what_recovery_makes_of_it),
		TEST(test_who_never_syncs_promises_nothing),
		TEST(test_what_was_reported_to_be_rolled_back_stays_so),
		TEST(test_invariants_of_a_first_run_are_not_asked_of_a_later_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
