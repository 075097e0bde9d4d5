/* explain_cuts_test.c: what torn_explain() says of power cuts, and of the runs before them. */
#include "explain_for_tests.h"

#define KIND_MAX 16

/* A name of the crash model, which this room does not see. */
static uint32_t kind(const char *name)
{
	for (uint32_t i = 0; i < KIND_MAX && torn_effect_kind_name(i); i++)
		if (strcmp(torn_effect_kind_name(i), name) == 0)
			return i;
	fail_msg("no effect is called %s", name);
	return 0;
}

static struct torn_fated fated(uint32_t run, uint32_t op, const char *name, uint32_t part, enum torn_fate fate)
{
	return (struct torn_fated){.what = {run, op, kind(name), part}, .fate = fate, .length = 41};
}

/* The power goes where `cut` says, with these fates. */
static void cut_power(struct torn_trial *trial, const struct torn_cut *cut,
		      const struct torn_fated *fates, uint32_t fates_count)
{
	trial->killed = true;
	trial->kill_op = cut->op;
	trial->cut = cut;
	trial->fates = fates;
	trial->fates_count = fates_count;
}

static void test_a_power_cut_is_told_with_what_was_durable_pending_and_lost(void **state)
{
	struct fixture *fixture = *state;
	const struct torn_fated fates[] = {fated(0, 1, "inode", 0, TORN_FATE_DURABLE),
					   fated(0, 1, "entry", 0, TORN_FATE_KEPT),
					   fated(0, 2, "data", 0, TORN_FATE_LOST)};
	const struct torn_lost lost = {0, 2, kind("data"), 0};
	const struct torn_cut cut = {.preset = "xfs", .op = 3, .lost = &lost, .lost_count = 1};
	struct torn_trial trial = trial_of(fixture, &no_faults, "");
	trial.acknowledged = true;
	cut_power(&trial, &cut, fates, 3);
	struct torn_judgement judgement = {.verdict = TORN_VIOLATED, .op = 2, .summary = "empty"};
	const char *text = explain(fixture, &trial, &judgement);
	assert_has(text, "plan: a power cut\nold state: existing\n");
	assert_has(text, "-> fd 5     pending, kept: entry; durable: inode\n");
	assert_has(text, "-> 41       LOST\n");
	assert_has(text, "-> 0        the power goes\n");
	assert_has(text, "\nreported: success, returned 0; then the power goes (xfs)\n"
			 "\n"
			 "when the power went (xfs):\n"
			 "  LOST           2.data[0]  41 bytes of /srv/state.json\n"
			 "  pending, kept  1.entry    the name /srv/state.json\n"
			 "  durable        1.inode\n"
			 "\n");
}

static void test_a_power_cut_that_lost_nothing_says_so(void **state)
{
	struct fixture *fixture = *state;
	const struct torn_cut cut = {.preset = "sync", .op = 2, .during = true};
	const struct torn_fated fates[] = {fated(0, 1, "entry", 0, TORN_FATE_DURABLE)};
	struct torn_trial trial = trial_of(fixture, &no_faults, "");
	cut_power(&trial, &cut, fates, 1);
	struct torn_judgement judgement = {.verdict = TORN_HELD};
	const char *text = explain(fixture, &trial, &judgement);
	assert_has(text, "when the power went (sync):\n"
			 "  LOST           nothing\n"
			 "  durable        1.entry\n");
	assert_has_not(text, "pending");
	assert_has(text, "the power goes meanwhile\n");
}

/* Of a real disk it is told what it had been given; of effects nobody knows. */
static void test_a_power_cut_of_a_real_disk_says_what_it_lost(void **state)
{
	struct fixture *fixture = *state;
	const struct torn_dropped dropped[] = {{7, 0}, {8, 16}};
	struct torn_cut cut = {.preset = "ext4", .op = 2, .disk = "ext4", .commit = 1, .write = 9, .dropped = dropped,
			       .dropped_count = 2};
	struct torn_trial trial = trial_of(fixture, &no_faults, "");
	cut_power(&trial, &cut, NULL, 0);
	struct torn_judgement judgement = {.verdict = TORN_HELD};
	const char *text = explain(fixture, &trial, &judgement);
	assert_has(text, "the power goes after op 2 (a real ext4, with a commit forced behind op 1; its disk had been given "
			 "9 requests and lost 7, 8, of which 16 sectors are there)\n");
	assert_has_not(text, "when the power went");
	cut.commit = cut.dropped_count = 0;
	cut.write = 1;
	assert_has(explain(fixture, &trial, &judgement), "(a real ext4; its disk had been given 1 request)\n");
}

/* Blocks of one write that share a fate are one; long lists end. */
static void test_blocks_of_one_fate_are_told_as_one(void **state)
{
	struct fixture *fixture = *state;
	const struct torn_cut cut = {.preset = "ext4", .op = 3};
	struct torn_fated fates[64];
	struct torn_trial trial = trial_of(fixture, &no_faults, "");
	for (uint32_t i = 0; i < 64; i++) {
		fates[i] = fated(0, 2, "data", i, i < 3 || i % 2 ? TORN_FATE_LOST : TORN_FATE_KEPT);
		fates[i].offset = i * TORN_BLOCK_SIZE;
		fates[i].length = TORN_BLOCK_SIZE;
	}
	cut_power(&trial, &cut, fates, 64);
	struct torn_judgement judgement = {.verdict = TORN_HELD};
	const char *text = explain(fixture, &trial, &judgement);
	assert_has(text, "  LOST           2.data[0..3]  16384 bytes of /srv/state.json\n"
			 "  LOST           2.data[5]     4096 bytes of /srv/state.json at 20480\n");
	assert_has(text, "  ... and 11 more\n  pending, kept  2.data[4] ");
	assert_has(text, "  LOST           2.data[41] "); /* the twentieth */
	assert_has_not(text, "2.data[43]");
	/* What is no effect under the preset parts its neighbours. */
	fates[1].what.part = 7;
	trial.fates_count = 2;
	assert_has(explain(fixture, &trial, &judgement), "  LOST           2.data[0]  4096 bytes");
}

static void test_the_runs_before_are_told_and_what_the_cut_took_of_them(void **state)
{
	struct fixture *fixture = *state;
	const struct torn_plan first = {
		.faults = {{{1, 1, 0}, TORN_CALL_openat, TORN_FAULT_EINTR, 0},
			   {{2, 2, 0}, TORN_CALL_write, TORN_FAULT_KILL, 20}},
		.faults_count = 2};
	const struct torn_plan second = {.before = &first, .recovers = true};
	const struct torn_plan third = {.before = &second};
	struct torn_trial one = trial_of(fixture, &first, ""), two = trial_of(fixture, &second, "");
	struct torn_trial trial = trial_of(fixture, &third, "");
	one.killed = true;
	one.kill_op = 2;
	one.kill_bytes = 20;
	two.before = &one;
	two.end = TORN_RETURNED;
	two.code = -5;
	const struct torn_op other = {.number = 1, .kind = TORN_KIND_truncate, .path = torn_bytes_of("srv/other")};
	const struct torn_log log_of_two = {.ops = (struct torn_op *)&other, .count = 1, .numbered = 1};
	two.log = &log_of_two;
	const struct torn_cut cut = {.preset = "ext4", .op = 3};
	const struct torn_fated fates[] = {fated(1, 1, "entry", 0, TORN_FATE_DURABLE),
					   fated(1, 2, "data", 0, TORN_FATE_LOST),
					   fated(2, 1, "size", 0, TORN_FATE_KEPT)};
	trial.before = &two;
	cut_power(&trial, &cut, fates, 3);
	struct torn_judgement judgement = {.verdict = TORN_VIOLATED};
	const char *text = explain(fixture, &trial, &judgement);
	assert_has(text, "\nrun 1: 1 openat eintr, killed in op 2 write, 20 bytes into it\n"
			 "run 2: recovery, failure, returned -5 (EIO)\n"
			 "plan: run again, a power cut\n");
	assert_has(text, "  LOST           1:2.data[0]  41 bytes of /srv/state.json\n"
			 "  pending, kept  2:1.size     the size of /srv/other, 41\n"
			 "  durable        1:1.entry\n");
	/* What earlier runs did is no remark at this one's ops. */
	assert_has(text, "-> 41\n");
}

static void test_a_run_before_that_ended_by_a_power_cut_says_what_was_lost(void **state)
{
	struct fixture *fixture = *state;
	const struct torn_plan first = {.faults_count = 0}, second = {.before = &first, .recovers = true};
	const struct torn_lost lost[] = {{0, 1, kind("entry"), 0}, {0, 2, kind("data"), 1}};
	const struct torn_cut cut = {.preset = "posix", .op = 3, .lost = lost, .lost_count = 2};
	struct torn_trial one = trial_of(fixture, &first, ""), trial = trial_of(fixture, &second, OLD);
	cut_power(&one, &cut, NULL, 0);
	trial.before = &one;
	struct torn_judgement judgement = {.verdict = TORN_HELD};
	assert_has(explain(fixture, &trial, &judgement),
		   "\nrun 1: the power goes after op 3 close (posix), lost: 1.entry, 2.data[1]\n"
		   "plan: recovery, no fault\n");
	one.kill_op = 0;
	assert_has(explain(fixture, &trial, &judgement), "\nrun 1: the power goes before op 1 (posix), lost: ");
}

static void test_effects_are_told_in_words(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		enum torn_kind op;
		uint32_t how;
		const char *kind, *text;
	} rows[] = {
		{TORN_KIND_rename, 0, "entry", "the rename of /a to /b\n"},
		{TORN_KIND_rename, 2, "entry", "the exchange of /a and /b\n"},
		{TORN_KIND_link, 0, "entry", "the name /b for /a\n"},
		{TORN_KIND_unlink, 0, "entry", "the removal of /a\n"},
		{TORN_KIND_open, 0, "entry", "the name /a\n"},
		{TORN_KIND_open, 0, "inode", "what was made as /a\n"},
		{TORN_KIND_truncate, 0, "size", "the size of /a, 41\n"},
		{TORN_KIND_write, 0, "tail", "the size of /a, 41, before its bytes\n"},
		{TORN_KIND_chmod, 0, "attr", "mode, owner or attributes of /a\n"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct torn_trial trial = trial_of(fixture, &no_faults, OLD);
		const struct torn_fated one = fated(0, 1, rows[i].kind, 0, TORN_FATE_LOST);
		const struct torn_cut cut = {.preset = "ext4", .op = 3};
		ops[0].kind = (uint16_t)rows[i].op;
		ops[0].how = rows[i].how;
		ops[0].path = torn_bytes_of("a");
		ops[0].path_to = torn_bytes_of("b");
		cut_power(&trial, &cut, &one, 1);
		struct torn_judgement judgement = {.verdict = TORN_HELD};
		assert_has(explain(fixture, &trial, &judgement), rows[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_power_cut_is_told_with_what_was_durable_pending_and_lost),
		TEST(test_a_power_cut_that_lost_nothing_says_so),
		TEST(test_a_power_cut_of_a_real_disk_says_what_it_lost),
		TEST(test_blocks_of_one_fate_are_told_as_one),
		TEST(test_the_runs_before_are_told_and_what_the_cut_took_of_them),
		TEST(test_a_run_before_that_ended_by_a_power_cut_says_what_was_lost),
		TEST(test_effects_are_told_in_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
