/* explain_test.c: what torn_explain() says of logs and trees made by hand. */
#include "explain_for_tests.h"

static void test_kill_in_a_write_is_told_whole(void **state)
{
	struct fixture *fixture = *state;
	const struct torn_plan plan = {
		.faults = {{{2, 2, 0}, TORN_CALL_write, TORN_FAULT_KILL, 20}}, .faults_count = 1};
	struct torn_trial trial = trial_of(fixture, &plan, "{\"status\":\"created\",");
	trial.killed = true;
	trial.kill_op = 2;
	trial.kill_bytes = 20;
	struct torn_judgement judgement = {.verdict = TORN_VIOLATED,
					   .op = 2,
					   .summary = "/srv/state.json is neither old nor new"};
	assert_string_equal(
		explain(fixture, &trial, &judgement),
		"urunc.state_json@before: old-or-new VIOLATED: "
		"/srv/state.json is neither old nor new\n"
		"plan: 2 write kill=20\n"
		"old state: existing\n"
		"\n"
		"    1  openat      /srv/state.json O_WRONLY|O_CREAT|O_TRUNC 0644  -> fd 5\n"
		">   2  write       /srv/state.json (fd 5), 41 bytes                           "
		"20 of 41 bytes, then killed\n"
		"  ... 1 more call never happened\n"
		"\n"
		"reported: nothing: killed in op 2, 20 bytes into it\n"
		"\n"
		"/srv/state.json\n"
		"  old  file of 30 bytes, mode 0644\n"
		"  new  file of 41 bytes, mode 0644\n"
		"  now  file of 20 bytes, mode 0644: NEITHER OLD NOR NEW\n"
		"  first difference from new at byte 20, where now ends\n"
		"    now  00000000  7b 22 73 74 61 74 75 73  22 3a 22 63 72 65 61 74  "
		"|{\"status\":\"creat|\n"
		"    now  00000010  65 64 22 2c                                       |ed\",|\n"
		"    now  00000014  (end)\n"
		"    new  00000000  7b 22 73 74 61 74 75 73  22 3a 22 63 72 65 61 74  "
		"|{\"status\":\"creat|\n"
		"    new  00000010  65 64 22 2c 22 70 69 64  22 3a 34 37 31 31 2c 22  "
		"|ed\",\"pid\":4711,\"|\n"
		"    new  00000020  69 64 22 3a 22 63 31 22  7d                       "
		"|id\":\"c1\"}|\n"
		"    new  00000029  (end)\n"
		"  first difference from old at byte 16\n"
		"    now  00000000  7b 22 73 74 61 74 75 73  22 3a 22 63 72 65 61 74  "
		"|{\"status\":\"creat|\n"
		"    now  00000010  65 64 22 2c                                       |ed\",|\n"
		"    now  00000014  (end)\n"
		"    old  00000000  7b 22 73 74 61 74 75 73  22 3a 22 63 72 65 61 74  "
		"|{\"status\":\"creat|\n"
		"    old  00000010  69 6e 67 22 2c 22 70 69  64 22 3a 2d 31 7d        "
		"|ing\",\"pid\":-1}|\n"
		"    old  0000001e  (end)\n");
}

static void test_same_trial_twice_is_the_same_text(void **state)
{
	struct fixture *fixture = *state;
	struct torn_trial trial = trial_of(fixture, &no_faults, "x");
	struct torn_judgement judgement = {.verdict = TORN_VIOLATED};
	char *first = strdup(explain(fixture, &trial, &judgement));
	assert_non_null(first);
	explain(fixture, &trial, &judgement);
	int order = strcmp(first, fixture->text);
	free(first);
	assert_int_equal(order, 0);
}

static void test_faults_are_told_at_their_op(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		struct torn_fault fault;
		int64_t told;
		const char *note;
	} rows[] = {
		{{.name = TORN_FAULT_ERRNO, .value = 28},
		 -28,
		 "-> ENOSPC   refused with ENOSPC (no space left on device)\n"},
		{{.name = TORN_FAULT_STICKY, .value = 5},
		 -5,
		 "-> EIO      refused with EIO (input/output error), like every later write\n"},
		{{.name = TORN_FAULT_FULL}, 20, "-> 20       20 of 41 bytes: the disk is full\n"},
		{{.name = TORN_FAULT_FULL},
		 -28,
		 "refused with ENOSPC (no space left on device): the disk is full\n"},
		{{.name = TORN_FAULT_SHORT, .value = 7}, 7, "7 of 41 bytes, no error\n"},
		{{.name = TORN_FAULT_LATE, .value = 5},
		 -5,
		 "done, but reported as EIO (input/output error)\n"},
		{{.name = TORN_FAULT_EINTR}, -4, "-> EINTR    interrupted by a signal\n"},
		{{.name = TORN_FAULT_SIGNAL, .value = 15}, 41, "SIGTERM arrives\n"},
		{{.name = TORN_FAULT_KILL, .value = TORN_KILL_AFTER}, 41, "then killed\n"},
		{{.name = TORN_FAULT_KILL, .value = TORN_KILL_BEFORE},
		 0,
		 "killed before it happened\n"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct torn_plan plan = {.faults_count = 1};
		plan.faults[0] = rows[i].fault;
		plan.faults[0].when = (struct torn_when){2, 2, 0};
		plan.faults[0].call = TORN_CALL_write;
		struct torn_trial trial = trial_of(fixture, &plan, NEW);
		ops[1].fault = 1;
		ops[1].told = rows[i].told;
		struct torn_judgement judgement = {.verdict = TORN_HELD};
		assert_has(explain(fixture, &trial, &judgement), rows[i].note);
	}
}

static void test_ends_are_told(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		enum torn_end end;
		int code;
		const char *text;
	} rows[] = {
		{TORN_RETURNED, 0, "reported: success, returned 0\n"},
		{TORN_RETURNED, -5, "reported: failure, returned -5 (EIO)\n"},
		{TORN_RETURNED, 7, "reported: failure, returned 7\n"},
		{TORN_EXITED, 3, "reported: failure, exit 3\n"},
		{TORN_EXITED, 0, "reported: success, exit 0\n"},
		{TORN_CRASHED, 11, "reported: nothing: crashed by SIGSEGV\n"},
		{TORN_HUNG, 0, "reported: nothing: it would never have ended\n"},
		{TORN_ENDED_BY_PLAN, 0, "reported: nothing: ended by the plan\n"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct torn_trial trial = trial_of(fixture, &no_faults, NEW);
		trial.end = rows[i].end;
		trial.code = rows[i].code;
		struct torn_judgement judgement = {.verdict = TORN_HELD};
		assert_has(explain(fixture, &trial, &judgement), rows[i].text);
	}
}

static void test_kill_before_the_first_call_leaves_no_op(void **state)
{
	struct fixture *fixture = *state;
	struct torn_trial trial = trial_of(fixture, &no_faults, OLD);
	trial.killed = true;
	struct torn_judgement judgement = {.verdict = TORN_HELD};
	const char *text = explain(fixture, &trial, &judgement);
	assert_has(text, "killed before its first call\n  ... 3 more calls never happened\n");
	assert_has(text, "reported: nothing: killed before op 1\n");
	assert_has(text, "  now  file of 30 bytes, mode 0644: old\n");
}

static void test_marked_op_after_the_kill_is_shown_as_never_happened(void **state)
{
	struct fixture *fixture = *state;
	struct torn_trial trial = trial_of(fixture, &no_faults, "");
	trial.killed = true;
	trial.kill_op = 1;
	struct torn_judgement judgement = {.verdict = TORN_VIOLATED, .op = 2};
	const char *text = explain(fixture, &trial, &judgement);
	assert_has(text, "-> fd 5     then killed\n");
	assert_has(text, ">   2  write");
	assert_has(text, "(never happened)\n  ... 1 more call never happened\n");
}

static void test_litter_is_listed_without_what_was_there(void **state)
{
	struct fixture *fixture = *state;
	struct torn_trial trial = trial_of(fixture, &no_faults, OLD);
	trial.now = beside(fixture, trial.now, ".state\n.tmp", file(fixture, 0600, "abc", 3));
	struct torn_judgement judgement = {.verdict = TORN_VIOLATED};
	assert_has(explain(fixture, &trial, &judgement),
		   "\nleft over, neither in old nor in new:\n"
		   "  /srv/.state\\x0a.tmp  file of 3 bytes, mode 0600\n");
	trial.new_tree = trial.now;
	assert_has_not(explain(fixture, &trial, &judgement), "left over");
	trial.new_tree = NULL;
	assert_has_not(explain(fixture, &trial, &judgement), "left over");
}

static void test_how_the_next_run_fared_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct torn_trial trial = trial_of(fixture, &no_faults, OLD);
	struct torn_judgement judgement = {.verdict = TORN_VIOLATED};
	assert_has_not(explain(fixture, &trial, &judgement), "run again");
	trial.now = beside(fixture, trial.now, ".tmp", file(fixture, 0600, "abc", 3));
	const struct torn_rerun rerun = {
		TORN_RETURNED, -17,
		beside(fixture, trial.now, ".own", file(fixture, 0600, "", 0))};
	trial.rerun = &rerun;
	const char *text = explain(fixture, &trial, &judgement);
	assert_has(text, "\nrun again: failure, returned -17 (EEXIST)\n"
			 "  /srv/state.json  file of 30 bytes, mode 0644: old\n"
			 "  /srv/.tmp  file of 3 bytes, mode 0600: still left over\n");
	assert_has_not(text, ".own"); /* not the kill's */
	trial.new_tree = trial.now; /* where a clean run leaves it, it belongs */
	assert_has_not(explain(fixture, &trial, &judgement), "still left over");
}

static void test_what_the_recovery_made_is_told(void **state)
{
	struct fixture *fixture = *state;
	struct torn_trial trial = trial_of(fixture, &no_faults, "x");
	struct torn_judgement judgement = {.verdict = TORN_VIOLATED};
	assert_has_not(explain(fixture, &trial, &judgement), "recovery");
	const struct torn_rerun once = {TORN_RETURNED, 0, trial.old_tree};
	struct torn_rerun twice = once;
	trial.recovered = &once;
	trial.recovered_twice = &twice;
	assert_has(explain(fixture, &trial, &judgement),
		   "\nrecovery: success, returned 0\n"
		   "  /srv/state.json  file of 30 bytes, mode 0644: old\n"
		   "recovery again: success, returned 0, and all is the same\n");
	twice = (struct torn_rerun){TORN_RETURNED, -5, tree(fixture, NULL)};
	assert_has(explain(fixture, &trial, &judgement),
		   "\nrecovery again: failure, returned -5 (EIO), and this is another:\n"
		   "  /srv/state.json  absent\n");
}

static void test_absent_and_symlink_are_told(void **state)
{
	struct fixture *fixture = *state;
	struct torn_trial trial = trial_of(fixture, &no_faults, NULL);
	const struct torn_node *link = torn_node_make(
		&fixture->arena, TORN_SYMLINK, (struct torn_attributes){.mode = 0777, .links = 1},
		torn_bytes_of("v2/state"));
	trial.new_tree = tree_of(fixture, link);
	struct torn_judgement judgement = {.verdict = TORN_VIOLATED};
	const char *text = explain(fixture, &trial, &judgement);
	assert_has(text, "  new  symlink to \"v2/state\"\n");
	assert_has(text, "  now  absent: NEITHER OLD NOR NEW\n");
	assert_has_not(text, "first difference");
}

static void test_difference_in_a_large_file_shows_four_lines_of_each(void **state)
{
	struct fixture *fixture = *state;
	static char zeros[3 * TORN_BLOCK_SIZE], ones[3 * TORN_BLOCK_SIZE];
	ones[2 * TORN_BLOCK_SIZE + 35] = 1;
	struct torn_trial trial = trial_of(fixture, &no_faults, NULL);
	trial.new_tree = tree_of(fixture, file(fixture, 0644, zeros, sizeof zeros));
	trial.old_tree = trial.new_tree;
	trial.now = tree_of(fixture, file(fixture, 0644, ones, sizeof ones));
	struct torn_judgement judgement = {.verdict = TORN_VIOLATED};
	const char *text = explain(fixture, &trial, &judgement);
	assert_has(text, "first difference from new at byte 8227\n    now  00002010 ");
	assert_has(text, "    now  00002040 ");
	assert_has(text, "    new  00002040 ");
	assert_has_not(text, "  00002050 ");
	assert_has_not(text, "(end)");
}

static void test_whole_file_is_dumped_only_where_it_is_to_blame(void **state)
{
	struct fixture *fixture = *state;
	struct torn_trial trial = trial_of(fixture, &no_faults, NEW);
	struct torn_judgement elsewhere = {.verdict = TORN_VIOLATED, .path = "srv/.tmp"};
	struct torn_judgement here = {.verdict = TORN_VIOLATED, .path = "srv/state.json"};
	assert_has_not(explain(fixture, &trial, &elsewhere), "first difference");
	assert_has(explain(fixture, &trial, &here), "first difference from old at byte 16\n");
}

static void test_label_is_named_as_one(void **state)
{
	struct fixture *fixture = *state;
	struct torn_trial trial = trial_of(fixture, &no_faults, NEW);
	struct torn_judgement judgement = {
		.is_label = true, .label = "committed", .summary = "content is new"};
	assert_has(explain(fixture, &trial, &judgement),
		   "urunc.state_json@before: label committed: content is new\n");
}

static void test_calls_are_told_in_words(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		struct torn_op op;
		const char *path, *path_to;
		const char *text;
	} rows[] = {
		{{.call = TORN_CALL_renameat2, .kind = TORN_KIND_rename, .fd = -1, .how = 1},
		 "a",
		 "b/c",
		 "renameat2   /a to /b/c RENAME_NOREPLACE"},
		{{.call = TORN_CALL_renameat2, .kind = TORN_KIND_rename, .fd = -1, .how = 2},
		 "a",
		 "b",
		 "/a with /b RENAME_EXCHANGE"},
		/* its `how` is what the descriptor was opened with: nothing that close was passed */
		{{.call = TORN_CALL_close, .kind = TORN_KIND_close, .fd = 3, .how = 0x80241},
		 "f",
		 NULL,
		 "close       /f (fd 3)  -> 0\n"},
		{{.call = TORN_CALL_symlinkat, .kind = TORN_KIND_symlink, .fd = -1},
		 "l",
		 "to/x",
		 "/l to \"to/x\""},
		{{.call = TORN_CALL_unlinkat, .kind = TORN_KIND_unlink, .fd = -1, .how = 0x200},
		 "d",
		 NULL,
		 "/d AT_REMOVEDIR"},
		{{.call = TORN_CALL_ftruncate, .kind = TORN_KIND_truncate, .fd = 6, .length = 1},
		 "f",
		 NULL,
		 "/f (fd 6) to 1 byte "},
		{{.call = TORN_CALL_pwrite64,
		  .kind = TORN_KIND_write,
		  .fd = 6,
		  .length = 9,
		  .offset = 70},
		 "f",
		 NULL,
		 "/f (fd 6), 9 bytes at 70"},
		{{.call = TORN_CALL_fsync, .kind = TORN_KIND_sync, .fd = 7, .object = 1},
		 "",
		 NULL,
		 "fsync       / (fd 7)  "},
		{{.call = TORN_CALL_write,
		  .kind = TORN_KIND_write,
		  .fd = 7,
		  .length = 2,
		  .object = 4},
		 NULL,
		 NULL,
		 "write       fd 7, 2 bytes"},
		{{.call = TORN_CALL_ioctl, .kind = TORN_KIND_clone, .fd = 7, .how = 0x40049409},
		 "f",
		 NULL,
		 "/f (fd 7) FICLONE"},
		{{.call = TORN_CALL_openat, .kind = TORN_KIND_open, .fd = 3, .how = 020200001},
		 "srv",
		 NULL,
		 "/srv O_WRONLY|O_TMPFILE "},
		{{.call = TORN_CALL_openat,
		  .kind = TORN_KIND_open,
		  .fd = 3,
		  .how = 0x80000000 | 04010002},
		 "srv",
		 NULL,
		 "/srv O_RDWR|O_SYNC|0x80000000 "},
		{{.call = TORN_CALL_fchmod, .kind = TORN_KIND_chmod, .fd = 3, .mode = 0640},
		 "f",
		 NULL,
		 "/f (fd 3) to 0640"},
		{{.call = TORN_CALL_chown, .kind = TORN_KIND_chown, .fd = -1, .uid = 1, .gid = 2},
		 "f",
		 NULL,
		 "/f to 1:2"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct torn_op op = rows[i].op;
		op.number = 1;
		op.path = rows[i].path ? torn_bytes_of(rows[i].path) : (struct torn_bytes){0};
		op.path_to =
			rows[i].path_to ? torn_bytes_of(rows[i].path_to) : (struct torn_bytes){0};
		struct torn_log log = {.ops = &op, .count = 1, .numbered = 1};
		struct torn_trial trial = trial_of(fixture, &no_faults, NEW);
		trial.log = &log;
		struct torn_judgement judgement = {.verdict = TORN_HELD};
		assert_has(explain(fixture, &trial, &judgement), rows[i].text);
	}
}

static void test_output_and_leaks_are_told(void **state)
{
	struct fixture *fixture = *state;
	struct torn_trial trial = trial_of(fixture, &no_faults, NEW);
	ops[2] = (struct torn_op){.call = TORN_CALL_write,
				  .kind = TORN_KIND_write,
				  .flags = TORN_OP_OUTPUT | TORN_OP_PERFORMED,
				  .fd = 2,
				  .data = torn_bytes_of("oh \"no\"\n"),
				  .result = 8,
				  .told = 8};
	trial.leaks_count = 1;
	trial.leaks[0] = (struct torn_leak){.what = "descriptor", .detail = "5", .op = 1};
	struct torn_judgement judgement = {.verdict = TORN_VIOLATED};
	const char *text = explain(fixture, &trial, &judgement);
	assert_has(text, "    -  write       standard error \"oh \\\"no\\\"\\x0a\"");
	assert_has(text, "left in the process: descriptor, 5 (from op 1)\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_kill_in_a_write_is_told_whole),
		TEST(test_same_trial_twice_is_the_same_text),
		TEST(test_faults_are_told_at_their_op),
		TEST(test_ends_are_told),
		TEST(test_kill_before_the_first_call_leaves_no_op),
		TEST(test_marked_op_after_the_kill_is_shown_as_never_happened),
		TEST(test_litter_is_listed_without_what_was_there),
		TEST(test_how_the_next_run_fared_is_told),
		TEST(test_what_the_recovery_made_is_told),
		TEST(test_absent_and_symlink_are_told),
		TEST(test_difference_in_a_large_file_shows_four_lines_of_each),
		TEST(test_whole_file_is_dumped_only_where_it_is_to_blame),
		TEST(test_label_is_named_as_one),
		TEST(test_calls_are_told_in_words),
		TEST(test_output_and_leaks_are_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
