/* case_test.c: see case.h; old_text.h, fault_text.h and cut_text.h are read through it. */
#include "case.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../injectors/arena_for_tests.h"
#include "../injectors/presets.h"
#include "cut_text.h"
#include "fault_text.h"
#include "old_text.h"
#include "regular.h"

#define HEAD "torn-case 1\ntarget t\n"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int empty_arena(void **state)
{
	(void)state;
	torn_arena_return(&arena, 0);
	return 0;
}

/* ----------------------------------------------------------------- helpers */

static int parse(struct torn_bytes text, struct torn_case *ret_case,
		 struct torn_case_error *ret_error)
{
	return torn_case_parse("x.case", text, &arena, ret_case, ret_error);
}

static void parse_good(const char *text, struct torn_case *ret_case)
{
	struct torn_case_error error;
	int result = parse(torn_bytes_of(text), ret_case, &error);
	if (result)
		fail_msg("line %" PRIu32 ": %s\n%s", error.line, error.message, text);
	assert_string_equal(error.message, "");
	assert_int_equal(error.line, 0);
}

/* Return a case's text; to be freed. */
static char *printed(const struct torn_case *c)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	assert_int_equal(torn_case_print(c, out), 0);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(strlen(text), size);
	return text;
}

static void assert_canonical(const char *text, const char *canonical)
{
	struct torn_case c;
	parse_good(text, &c);
	char *first = printed(&c);
	assert_string_equal(first, canonical);
	parse_good(first, &c);
	char *second = printed(&c);
	assert_string_equal(second, first);
	free(first);
	free(second);
}

static void assert_bytes(struct torn_bytes actual, struct torn_bytes expected)
{
	assert_int_equal(actual.size, expected.size);
	if (expected.size)
		assert_memory_equal(actual.data, expected.data, expected.size);
}

static void assert_text(struct torn_bytes actual, const char *expected)
{
	assert_bytes(actual, torn_bytes_of(expected));
	assert_int_equal(actual.data[actual.size], 0); /* the NUL behind it */
}

static void assert_refused(const char *text, uint32_t line, const char *message)
{
	struct torn_case c;
	struct torn_case_error error;
	memset(&c, 0x5a, sizeof(c));
	const struct torn_case before = c;
	size_t used = arena.used;
	int result = parse(torn_bytes_of(text), &c, &error);
	if (result != -EINVAL)
		fail_msg("not refused (%d):\n%s", result, text);
	assert_string_equal(error.message, message);
	assert_int_equal(error.line, line);
	assert_string_equal(error.file, "x.case");
	assert_int_equal(error.lines.target, 0);
	assert_memory_equal(&c, &before, sizeof(c));
	assert_int_equal(arena.used, used);
}

/* ---------------------------------------------------------------- accepted */

static void test_a_case_is_read(void **state)
{
	(void)state;
	struct torn_case c;
	parse_good("torn-case 1\n"
		   "target kensa.sysctl_set@pr115\n"
		   "seed 18446744073709551615\n"
		   "arg value \"a b\"\n"
		   "arg key net.ipv4.conf.all.log_martians\n"
		   "old etc/sysctl.d/99-kensa.conf absent\n"
		   "old /etc/b file mode=0600 owner=7:8 xattr=user.b:2 "
		   "\"xattr=user.a:1 :\\x00\" \"x\\n\"\n"
		   "old etc dir mode=01777 owner=0:4294967294\n"
		   "old etc/l symlink ../b\n"
		   "old etc/h link /etc/b\n"
		   "old run/f fifo mode=0\n"
		   "old run/s socket owner=1:0\n"
		   "fault 12..14 unlinkat sticky=EROFS\n"
		   "fault 7 fsync errno=EIO\n"
		   "expect violated runtime-restored",
		   &c);
	assert_text(c.target, "kensa.sysctl_set");
	assert_text(c.variant, "pr115");
	assert_true(c.plan.seed == UINT64_MAX);

	assert_int_equal(c.args_count, 2);
	assert_text(c.args[0].name, "key");
	assert_text(c.args[0].value, "net.ipv4.conf.all.log_martians");
	assert_text(c.args[1].name, "value");
	assert_text(c.args[1].value, "a b");

	assert_int_equal(c.olds_count, 7);
	const struct torn_old *old = c.olds;
	assert_text(old->path, "etc");
	assert_int_equal(old->type, TORN_DIRECTORY);
	assert_int_equal(old->mode, 01777);
	assert_int_equal(old->uid, 0);
	assert_int_equal(old->gid, UINT32_MAX - 1);
	old++;
	assert_text(old->path, "etc/b");
	assert_int_equal(old->type, TORN_FILE);
	assert_int_equal(old->mode, 0600);
	assert_int_equal(old->uid, 7);
	assert_int_equal(old->gid, 8);
	assert_text(old->text, "x\n");
	assert_int_equal(old->file.size, 0);
	assert_int_equal(old->xattrs_count, 2);
	assert_text(old->xattrs[0].name, "user.a");
	assert_int_equal(old->xattrs[0].value.size, 4);
	assert_memory_equal(old->xattrs[0].value.data, "1 :\0", 5);
	assert_text(old->xattrs[1].name, "user.b");
	assert_text(old->xattrs[1].value, "2");
	old++;
	assert_text(old->path, "etc/h");
	assert_true(old->is_link);
	assert_text(old->text, "etc/b");
	old++;
	assert_text(old->path, "etc/l");
	assert_int_equal(old->type, TORN_SYMLINK);
	assert_int_equal(old->mode, 0777);
	assert_text(old->text, "../b");
	old++;
	assert_text(old->path, "etc/sysctl.d/99-kensa.conf");
	assert_true(old->absent);
	old++;
	assert_text(old->path, "run/f");
	assert_int_equal(old->type, TORN_FIFO);
	assert_int_equal(old->mode, 0);
	old++;
	assert_text(old->path, "run/s");
	assert_int_equal(old->type, TORN_SOCKET);
	assert_int_equal(old->mode, 0644);
	assert_int_equal(old->uid, 1);

	assert_int_equal(c.plan.faults_count, 2);
	const struct torn_fault *fault = c.plan.faults;
	assert_int_equal(fault[0].when.first, 7);
	assert_int_equal(fault[0].when.last, 7);
	assert_int_equal(fault[0].when.step, 0);
	assert_int_equal(fault[0].call, TORN_CALL_fsync);
	assert_int_equal(fault[0].name, TORN_FAULT_ERRNO);
	assert_int_equal(fault[0].value, EIO);
	assert_int_equal(fault[1].when.first, 12);
	assert_int_equal(fault[1].when.last, 14);
	assert_int_equal(fault[1].when.step, 1);
	assert_int_equal(fault[1].call, TORN_CALL_unlinkat);
	assert_int_equal(fault[1].name, TORN_FAULT_STICKY);
	assert_int_equal(fault[1].value, EROFS);

	assert_int_equal(c.expect, TORN_EXPECT_VIOLATED);
	assert_text(c.invariant, "runtime-restored");
}

static void test_what_a_case_does_not_say_is_the_default(void **state)
{
	(void)state;
	struct torn_case c;
	parse_good("torn-case 1\ntarget t\nold a file \"\"\nold b dir\nold c fifo\n", &c);
	assert_int_equal(c.variant.size, 0);
	assert_int_equal(c.args_count, 0);
	assert_int_equal(c.plan.faults_count, 0);
	assert_true(c.plan.seed == 1);
	assert_null(c.plan.cut.preset);
	assert_int_equal(c.expect, TORN_EXPECT_NOTHING);
	assert_int_equal(c.olds[0].mode, 0644);
	assert_int_equal(c.olds[0].text.size, 0);
	assert_int_equal(c.olds[0].xattrs_count, 0);
	assert_int_equal(c.olds[1].mode, 0755);
	assert_int_equal(c.olds[2].mode, 0644);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(c.olds[i].uid + c.olds[i].gid, 0);
}

static void test_every_fault_is_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		struct torn_fault fault;
		const char *canonical; /* NULL: as it is */
	} rows[] = {
		{"1 write errno=ENOSPC",
		 {{1, 1, 0}, TORN_CALL_write, TORN_FAULT_ERRNO, ENOSPC},
		 NULL},
		{"2 openat sticky=EIO",
		 {{2, 2, 0}, TORN_CALL_openat, TORN_FAULT_STICKY, EIO},
		 NULL},
		{"3 write full", {{3, 3, 0}, TORN_CALL_write, TORN_FAULT_FULL, 0}, NULL},
		{"4 write short", {{4, 4, 0}, TORN_CALL_write, TORN_FAULT_SHORT, 0}, NULL},
		{"4 write short=1", {{4, 4, 0}, TORN_CALL_write, TORN_FAULT_SHORT, 1}, NULL},
		{"4 write short=9223372036854775807",
		 {{4, 4, 0}, TORN_CALL_write, TORN_FAULT_SHORT, INT64_MAX},
		 NULL},
		{"5 close late=EIO", {{5, 5, 0}, TORN_CALL_close, TORN_FAULT_LATE, EIO}, NULL},
		{"6 read eintr", {{6, 6, 0}, TORN_CALL_read, TORN_FAULT_EINTR, 0}, NULL},
		{"6 read eintr=1",
		 {{6, 6, 0}, TORN_CALL_read, TORN_FAULT_EINTR, 0},
		 "6 read eintr"},
		{"6 read eintr=3", {{6, 6, 0}, TORN_CALL_read, TORN_FAULT_EINTR, 3}, NULL},
		{"7 rename kill=before",
		 {{7, 7, 0}, TORN_CALL_rename, TORN_FAULT_KILL, TORN_KILL_BEFORE},
		 NULL},
		{"7 rename kill=after",
		 {{7, 7, 0}, TORN_CALL_rename, TORN_FAULT_KILL, TORN_KILL_AFTER},
		 NULL},
		{"7 write kill=4096", {{7, 7, 0}, TORN_CALL_write, TORN_FAULT_KILL, 4096}, NULL},
		{"8 write signal=TERM",
		 {{8, 8, 0}, TORN_CALL_write, TORN_FAULT_SIGNAL, SIGTERM},
		 NULL},
		{"6 fsync fsync=lost",
		 {{6, 6, 0}, TORN_CALL_fsync, TORN_FAULT_FSYNC, TORN_FSYNC_VALUE(TORN_FSYNC_LOST, EIO)},
		 NULL},
		{"6 fsync fsync=lost:EIO",
		 {{6, 6, 0}, TORN_CALL_fsync, TORN_FAULT_FSYNC, TORN_FSYNC_VALUE(TORN_FSYNC_LOST, EIO)},
		 "6 fsync fsync=lost"},
		{"6 fdatasync fsync=reverted:ENOSPC",
		 {{6, 6, 0}, TORN_CALL_fdatasync, TORN_FAULT_FSYNC,
		  TORN_FSYNC_VALUE(TORN_FSYNC_REVERTED, ENOSPC)},
		 NULL},
		{"6 fsync fsync=kept:EDQUOT",
		 {{6, 6, 0}, TORN_CALL_fsync, TORN_FAULT_FSYNC, TORN_FSYNC_VALUE(TORN_FSYNC_KEPT, EDQUOT)},
		 NULL},
		{"6 fsync fsync=readonly",
		 {{6, 6, 0}, TORN_CALL_fsync, TORN_FAULT_FSYNC,
		  TORN_FSYNC_VALUE(TORN_FSYNC_READONLY, EIO)},
		 NULL},
		{"6 fsync fsync=shutdown",
		 {{6, 6, 0}, TORN_CALL_fsync, TORN_FAULT_FSYNC,
		  TORN_FSYNC_VALUE(TORN_FSYNC_SHUTDOWN, EIO)},
		 NULL},
		{"2..5 write full", {{2, 5, 1}, TORN_CALL_write, TORN_FAULT_FULL, 0}, NULL},
		{"2..2 write full",
		 {{2, 2, 0}, TORN_CALL_write, TORN_FAULT_FULL, 0},
		 "2 write full"},
		{"2+1 write full", {{2, UINT32_MAX, 1}, TORN_CALL_write, TORN_FAULT_FULL, 0}, NULL},
		{"2+3 write full", {{2, UINT32_MAX, 3}, TORN_CALL_write, TORN_FAULT_FULL, 0}, NULL},
		{"4294967294 write full",
		 {{UINT32_MAX - 1, UINT32_MAX - 1, 0}, TORN_CALL_write, TORN_FAULT_FULL, 0},
		 NULL},
		{"1..4294967294 write full",
		 {{1, UINT32_MAX - 1, 1}, TORN_CALL_write, TORN_FAULT_FULL, 0},
		 NULL},
		{"1+4294967294 write full",
		 {{1, UINT32_MAX, UINT32_MAX - 1}, TORN_CALL_write, TORN_FAULT_FULL, 0},
		 NULL},
	};
	bool seen[TORN_FAULT_COUNT] = {false};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct torn_words words;
		struct torn_fault fault;
		torn_words_begin(&words, torn_bytes_of(rows[i].text));
		assert_int_equal(torn_fault_parse(&words, &fault), 0);
		assert_int_equal(fault.when.first, rows[i].fault.when.first);
		assert_int_equal(fault.when.last, rows[i].fault.when.last);
		assert_int_equal(fault.when.step, rows[i].fault.when.step);
		assert_int_equal(fault.call, rows[i].fault.call);
		assert_int_equal(fault.name, rows[i].fault.name);
		assert_true(fault.value == rows[i].fault.value);
		assert_int_equal(torn_fault_compare(&fault, &rows[i].fault), 0);
		seen[fault.name] = true;

		const char *canonical = rows[i].canonical ? rows[i].canonical : rows[i].text;
		char text[96];
		int length = torn_fault_print(&fault, text, sizeof(text));
		assert_string_equal(text, canonical);
		assert_int_equal(length, strlen(canonical));
		char cut[8];
		assert_int_equal(torn_fault_print(&fault, cut, sizeof(cut)), length);
		assert_int_equal(strlen(cut), sizeof(cut) - 1);
		assert_memory_equal(cut, canonical, sizeof(cut) - 1);
		assert_int_equal(torn_fault_print(&fault, NULL, 0), length);
	}
	for (int name = 0; name < TORN_FAULT_COUNT; name++)
		assert_true(seen[name]);
}

static void test_each_fault_name_is_the_word_in_a_case(void **state)
{
	(void)state;
	static const char *const names[TORN_FAULT_COUNT] = {"errno", "sticky", "full", "short",
							    "late",  "eintr",  "kill", "signal",
							    "fsync"};
	for (int name = 0; name < TORN_FAULT_COUNT; name++)
		assert_string_equal(torn_fault_name((enum torn_fault_name)name), names[name]);
}

static void test_one_eintr_prints_as_eintr(void **state)
{
	(void)state;
	const struct torn_fault fault = {{6, 6, 0}, TORN_CALL_read, TORN_FAULT_EINTR, 1};
	char text[96];
	torn_fault_print(&fault, text, sizeof(text));
	assert_string_equal(text, "6 read eintr");
}

static void test_runs_are_read_one_behind_the_other(void **state)
{
	(void)state;
	struct torn_case c;
	parse_good(HEAD "seed 7\nfault 3 fsync errno=EIO\nfault 9 renameat kill=after\nthen run\n"
			"fault 2 openat errno=EACCES\ncut 4 preset=posix lost=1:9.entry,3.inode\nthen recover\n"
			"expect violated recovery-converges\n",
		   &c);
	const struct torn_plan *last = &c.plan, *second = last->before, *first = second->before;
	assert_int_equal(torn_plan_runs_before(last), 2);
	assert_int_equal(torn_plan_faults(last), 2);
	assert_null(first->before);
	assert_false(first->recovers);
	assert_int_equal(first->seed, 7);
	assert_int_equal(first->faults_count, 2);
	assert_int_equal(second->faults_count, 1);
	assert_false(second->recovers);
	assert_int_equal(second->seed, TORN_SEED_AFTER(1));
	assert_int_equal(second->cut.lost[0].run, 1);
	assert_int_equal(second->cut.lost[0].op, 9);
	assert_int_equal(second->cut.lost[1].run, 0);
	assert_true(last->recovers);
	assert_int_equal(last->faults_count, 0);
	assert_null(last->cut.preset);
}

static void test_a_cut_is_read(void **state)
{
	(void)state;
	static const struct torn_lost lost[] = {
		{0, 7, TORN_EFFECT_TAIL, 0},	 {0, 7, TORN_EFFECT_DATA, 0},
		{0, 7, TORN_EFFECT_DATA, 4294967295}, {0, 9, TORN_EFFECT_INODE, 0},
		{0, 9, TORN_EFFECT_ENTRIES, 0},	 {0, 9, TORN_EFFECT_ENTRIES, 1},
		{0, 11, TORN_EFFECT_SIZE, 0},	 {0, 12, TORN_EFFECT_ATTRIBUTES, 0},
	};
	struct torn_case c;
	parse_good(HEAD "cut 12 during preset=ext4 lost=7.tail,7.data[0],7.data[4294967295],"
			"9.inode,9.entry,9.entry[1],11.size,12.attr\n",
		   &c);
	const struct torn_cut *cut = &c.plan.cut;
	assert_ptr_equal(cut->preset, torn_preset_name(TORN_PRESET_EXT4));
	assert_int_equal(cut->op, 12);
	assert_true(cut->during);
	assert_int_equal(cut->lost_count, COUNT(lost));
	for (size_t i = 0; i < COUNT(lost); i++) {
		assert_int_equal(cut->lost[i].op, lost[i].op);
		assert_int_equal(cut->lost[i].kind, lost[i].kind);
		assert_int_equal(cut->lost[i].part, lost[i].part);
	}

	parse_good(HEAD "cut 0 preset=posix\n", &c);
	assert_ptr_equal(cut->preset, torn_preset_name(TORN_PRESET_POSIX));
	assert_int_equal(cut->op, 0);
	assert_false(cut->during);
	assert_null(cut->lost);
	assert_int_equal(cut->lost_count, 0);
}

static void test_every_preset_and_every_kind_of_effect_is_read(void **state)
{
	(void)state;
	static const char *const presets[] = {"sync",  "ext4-journal", "ext4",
					      "xfs",   "btrfs",	       "ext4-noauto",
					      "ext4-writeback", "posix", "posix-split"};
	static const char *const kinds[] = {"inode", "entry", "data", "size", "tail", "attr"};
	assert_int_equal(COUNT(presets), TORN_PRESET_COUNT);
	assert_int_equal(COUNT(kinds), TORN_EFFECT_KIND_COUNT);
	for (size_t i = 0; i < COUNT(presets); i++) {
		for (size_t j = 0; j < COUNT(kinds); j++) {
			char text[128];
			struct torn_case c;
			snprintf(text, sizeof(text), HEAD "cut 3 preset=%s lost=3.%s[2]\n", presets[i],
				 kinds[j]);
			assert_canonical(text, text);
			parse_good(text, &c);
			assert_ptr_equal(c.plan.cut.preset, torn_preset_name((enum torn_preset)i));
			assert_int_equal(c.plan.cut.lost[0].kind, j);
		}
	}
}

static void test_accepted_texts_have_one_canonical_form(void **state)
{
	(void)state;
	static const struct {
		const char *text, *canonical;
	} rows[] = {
		{"torn-case 1\ntarget t", HEAD},
		{"# c\n\n \t\n  torn-case\t1 # c\n\ttarget  t\t#c\n#", HEAD},
		{HEAD "seed 1\n", HEAD},
		{HEAD "seed 0\n", HEAD "seed 0\n"},
		{"torn-case 1\nexpect held no-litter\nseed 7\ntarget a.b_c-9@D.e\n",
		 "torn-case 1\ntarget a.b_c-9@D.e\nseed 7\nexpect held no-litter\n"},
		{HEAD "arg b 2\narg a \"1\"\narg a-b \"\"\narg B \"@x\"\n",
		 HEAD "arg B \"@x\"\narg a 1\narg a-b \"\"\narg b 2\n"},
		{HEAD "arg a torn-case\narg b mode=0644\n",
		 HEAD "arg a torn-case\narg b mode=0644\n"},
		/* memcmp order: '-' and '.' come before '/' */
		{HEAD "old a/b absent\nold a.b absent\nold a dir\nold a-b absent\n",
		 HEAD "old a dir\nold a-b absent\nold a.b absent\nold a/b absent\n"},
		{HEAD "old \"/a\" file x\n", HEAD "old a file x\n"},
		{HEAD "old \"@a\" absent\nold \"#\" absent\n",
		 HEAD "old \"#\" absent\nold \"@a\" absent\n"},
		{HEAD "old \xc3\xa4 absent\n", HEAD "old \"\xc3\xa4\" absent\n"},
		{HEAD "old ... absent\nold ..a absent\nold .b absent\n",
		 HEAD "old ... absent\nold ..a absent\nold .b absent\n"},
		{HEAD "old a file owner=0:0 mode=644 x\n", HEAD "old a file x\n"},
		{HEAD "old a file owner=0:1 mode=0000 x\n",
		 HEAD "old a file mode=0000 owner=0:1 x\n"},
		{HEAD "old a file mode=7 x\n", HEAD "old a file mode=0007 x\n"},
		{HEAD "old a file mode=4755 x\n", HEAD "old a file mode=04755 x\n"},
		{HEAD "old a dir mode=0755\n", HEAD "old a dir\n"},
		{HEAD "old a mount mode=0755\n", HEAD "old a mount\n"},
		{HEAD "old a mount lacks=exchange owner=1:2\nold a/b file x\n",
		 HEAD "old a mount owner=1:2 lacks=exchange\nold a/b file x\n"},
		{HEAD "old a mount lacks=tmpfile,clone\n", HEAD "old a mount lacks=tmpfile,clone\n"},
		{HEAD "old a mount lacks=exchange,tmpfile,link,clone mode=0700\n",
		 HEAD "old a mount mode=0700 lacks=exchange,tmpfile,link,clone\n"},
		{HEAD "old a dir mode=0644\n", HEAD "old a dir mode=0644\n"},
		{HEAD "old a file \"mode=0600\" x\n", HEAD "old a file mode=0600 x\n"},
		{HEAD "old a file \"mode=0600\"\n", HEAD "old a file \"mode=0600\"\n"},
		{HEAD "old a file \"xattr=user.a:b\"\n", HEAD "old a file \"xattr=user.a:b\"\n"},
		{HEAD "old a file \"owner=\"\n", HEAD "old a file \"owner=\"\n"},
		{HEAD "old a file modes=1\n", HEAD "old a file modes=1\n"},
		{HEAD "old a file \"@x\"\n", HEAD "old a file \"@x\"\n"},
		{HEAD "old a file \"\\x41\\x0A\\xFF\"\n", HEAD "old a file \"A\\n\\xff\"\n"},
		{HEAD "old a file xattr=b: xattr=a:@:= x\n",
		 HEAD "old a file xattr=a:@:= xattr=b: x\n"},
		{HEAD "old a file \"xattr=a:b\" x\n", HEAD "old a file xattr=a:b x\n"},
		{HEAD "old a file \"xattr=a:b c\\x00\\\"\" x\n",
		 HEAD "old a file \"xattr=a:b c\\x00\\\"\" x\n"},
		{HEAD "old a file \"xattr=a b:c\" x\n", HEAD "old a file \"xattr=a b:c\" x\n"},
		{HEAD "old a symlink mode=0644\n", HEAD "old a symlink mode=0644\n"},
		{HEAD "old a symlink /b/../c\n", HEAD "old a symlink /b/../c\n"},
		/* a link may stand before its file, and in order it does */
		{HEAD "old a link /z\nold z file x\nold b link z\n",
		 HEAD "old a link z\nold b link z\nold z file x\n"},
		{HEAD "old a socket mode=0644 owner=1:1\n", HEAD "old a socket owner=1:1\n"},
		{HEAD "fault 7 write full\nfault 6 write full\nfault 7 openat full\n"
		      "fault 7 write errno=EIO\nfault 7 write short=10\nfault 7 write short=9\n"
		      "fault 7..9 write full\nfault 7+2 write full\n",
		 HEAD "fault 6 write full\nfault 7 openat full\nfault 7 write errno=EIO\n"
		      "fault 7 write full\nfault 7..9 write full\nfault 7+2 write full\n"
		      "fault 7 write short=9\nfault 7 write short=10\n"},
		{HEAD "fault 7 write kill=after\nfault 7 write short\nfault 1..99 read eintr\n",
		 HEAD "fault 1..99 read eintr\nfault 7 write kill=after\nfault 7 write short\n"},
		/* a cut stands behind the faults, which may be at its own op, and reach behind it */
		{"torn-case 1\nexpect held a\ncut 7 preset=ext4\nfault 7..9 write full\n"
		 "fault 1+2 read eintr\ntarget t\n",
		 HEAD "fault 1+2 read eintr\nfault 7..9 write full\ncut 7 preset=ext4\n"
		      "expect held a\n"},
		{HEAD "cut\t7  during preset=sync # c\n", HEAD "cut 7 during preset=sync\n"},
		{HEAD "cut 4294967294 preset=xfs lost=4294967294.data[0]\n",
		 HEAD "cut 4294967294 preset=xfs lost=4294967294.data[0]\n"},
		{HEAD "cut 12 preset=ext4 lost=7.data[0],9.entry\n",
		 HEAD "cut 12 preset=ext4 lost=7.data[0],9.entry\n"},
		/* only data says that it is the first of its kind */
		{HEAD "cut 2 preset=posix lost=1.entry[0],2.tail[0],2.data[0],2.attr[0]\n",
		 HEAD "cut 2 preset=posix lost=1.entry,2.tail,2.data[0],2.attr\n"},
		/* within one op the order is the log's, and each kind and op counts anew */
		{HEAD "cut 3 preset=posix lost=2.data[4],2.tail[1],2.data[6],2.inode,3.tail,3.data[0]\n",
		 HEAD "cut 3 preset=posix lost=2.data[4],2.tail[1],2.data[6],2.inode,3.tail,3.data[0]\n"},
	};
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_canonical(rows[i].text, rows[i].canonical);
}

static void test_paths_and_attributes_of_the_longest_are_accepted(void **state)
{
	(void)state;
	char text[8192], path[4096];
	memset(path, 'a', sizeof(path));
	for (size_t i = 255; i < sizeof(path); i += 256)
		path[i] = '/';
	path[4095] = 0; /* 15 components of 255 and a separator, one of 255 */
	snprintf(text, sizeof(text), HEAD "old %s absent\n", path);
	assert_canonical(text, text);
	snprintf(text, sizeof(text), HEAD "old /%s absent\n", path);
	struct torn_case c;
	parse_good(text, &c);
	assert_int_equal(c.olds[0].path.size, 4095);
	snprintf(text, sizeof(text), HEAD "old a file xattr=%.255s:v x\n", path);
	assert_canonical(text, text);
}

/* ----------------------------------------------------------------- refused */

static void test_malformed_texts_are_refused_with_their_line(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint32_t line;
		const char *message; /* after "expected " */
	} rows[] = {
		/* the whole */
		{"", 1, "torn-case 1, found the end of the text"},
		{"\n# c\n", 2, "torn-case 1, found the end of the text"},
		{"torn-case 1", 1, "a target, found the end of the text"},
		{"torn-case 1\n# c\n", 2, "a target, found the end of the text"},
		{"target t\n", 1, "torn-case 1, found target"},
		{"\n\"torn-case\" 1\n", 2, "torn-case 1, found \"torn-case\""},
		{"torn-case\n", 1, "version 1, found the end of the line"},
		{"torn-case 2\n", 1, "version 1, found 2"},
		{"torn-case 01\n", 1, "version 1, found 01"},
		{"torn-case 1 2\n", 1, "the end of the line, found 2"},
		{"\xef\xbb\xbftorn-case 1\n", 1, "torn-case 1, found \\xef\\xbb\\xbftorn-case"},
		{HEAD "torn-case 1\n", 3,
		 "one of target, seed, arg, old, fault, cut, then, expect, found torn-case"},
		{HEAD "then\n", 3, "run or recover, found the end of the line"},
		{HEAD "then again\n", 3, "run or recover, found again"},
		{HEAD "then run\nthen run\nthen run\nthen run\n", 6, "at most 4 runs, found run"},
		{HEAD "cut 4 preset=posix lost=1:9.entry\n", 3,
		 "the number of a run before this one, found 1"},
		{HEAD "then run\ncut 4 preset=posix lost=2.inode,1:9.entry\n", 4,
		 "effects in program order (run by run), found 1:9.entry"},
		{HEAD "fault 9 renameat kill=after\nfault 10 close errno=EIO\nthen run\n", 4,
		 "no fault behind the kill at op 9, found 10 close errno=EIO"},
		/* nothing that stands behind a `then` takes the place of what is wrong before it */
		{HEAD "fault 5 write full\nfault 2 unlinkat kill=after\nthen recover\n"
		      "cut 1 preset=ext4-journal lost=1:7.entry\nexpect violated retry-succeeds\n", 3,
		 "no fault behind the kill at op 2, found 5 write full"},
		{HEAD "fault 9 renameat kill=after\ncut 9 preset=posix\nthen run\nthen again\n", 4,
		 "one end: a kill or a cut (first on line 3), found cut"},
		{HEAD "Seed 1\n", 3, "one of target, seed, arg, old, fault, cut, then, expect, found Seed"},
		{HEAD "@seed 1\n", 3, "one of target, seed, arg, old, fault, cut, then, expect, found @seed"},
		{HEAD "\"seed\" 1\n", 3,
		 "one of target, seed, arg, old, fault, cut, then, expect, found \"seed\""},
		{HEAD "\"\n", 3, "a closing quote, found the end of the line"},
		{"torn-case 1\r\ntarget t\r\n", 1, "a line that ends with LF alone, found CR"},
		{HEAD "# c\r\n", 3, "a line that ends with LF alone, found CR"},
		{HEAD "\n\r", 4, "a line that ends with LF alone, found CR"},
		{HEAD "seed\r1\n", 3, "\"...\\xHH...\" for a control character, found \\x0d"},
		/* target */
		{HEAD "target t\n", 3, "each item once (first on line 2), found target"},
		{"torn-case 1\ntarget\n", 2, "NAME or NAME@VARIANT, found the end of the line"},
		{"torn-case 1\ntarget \"t\"\n", 2, "NAME or NAME@VARIANT, found \"t\""},
		{"torn-case 1\ntarget @v\n", 2, "NAME or NAME@VARIANT, found @v"},
		{"torn-case 1\ntarget a/b\n", 2,
		 "a target's name (letters, digits, _ . -), found a/b"},
		{"torn-case 1\ntarget ..\n", 2,
		 "a target's name (letters, digits, _ . -), found .."},
		{"torn-case 1\ntarget -t\n", 2,
		 "a target's name (letters, digits, _ . -), found -t"},
		{"torn-case 1\ntarget t\xc3\xa4\n", 2,
		 "a target's name (letters, digits, _ . -), found t\\xc3\\xa4"},
		{"torn-case 1\ntarget t@\n", 2,
		 "a variant's name (letters, digits, _ . -), found nothing"},
		{"torn-case 1\ntarget t@a@b\n", 2,
		 "a variant's name (letters, digits, _ . -), found a@b"},
		{"torn-case 1\ntarget t v\n", 2, "the end of the line, found v"},
		/* seed */
		{HEAD "seed\n", 3,
		 "a number from 0 to 18446744073709551615, found the end of the line"},
		{HEAD "seed -1\n", 3, "a number from 0 to 18446744073709551615, found -1"},
		{HEAD "seed 0x10\n", 3, "a number from 0 to 18446744073709551615, found 0x10"},
		{HEAD "seed 18446744073709551616\n", 3,
		 "a number from 0 to 18446744073709551615, found 18446744073709551616"},
		{HEAD "seed \"1\"\n", 3, "a number from 0 to 18446744073709551615, found \"1\""},
		{HEAD "seed 1 2\n", 3, "the end of the line, found 2"},
		{HEAD "seed 1\n\nseed 1\n", 5, "each item once (first on line 3), found seed"},
		/* arg */
		{HEAD "arg\n", 3,
		 "an argument's name (letters, digits, _ . -), found the end of the line"},
		{HEAD "arg a=1\n", 3, "an argument's name (letters, digits, _ . -), found a=1"},
		{HEAD "arg a\n", 3, "an argument's value, found the end of the line"},
		{HEAD "arg a # 1\n", 3, "an argument's value, found the end of the line"},
		{HEAD "arg a @b\n", 3,
		 "an argument's value, in quotes where it begins with @, found @b"},
		{HEAD "arg a 1 2\n", 3, "the end of the line, found 2"},
		{HEAD "arg b 1\narg a 1\narg b 2\narg a 2\n", 5,
		 "each argument once (first on line 3), found b"},
		/* old: paths */
		{HEAD "old\n", 3, "a path, found the end of the line"},
		{HEAD "old @a absent\n", 3, "a path, in quotes where it begins with @, found @a"},
		{HEAD "old \"\" absent\n", 3, "a path below the root, found \"\""},
		{HEAD "old / absent\n", 3, "a path below the root, found /"},
		{HEAD "old //a absent\n", 3, "a path without empty components, found //a"},
		{HEAD "old a//b absent\n", 3, "a path without empty components, found a//b"},
		{HEAD "old a/ absent\n", 3, "a path without empty components, found a/"},
		{HEAD "old . absent\n", 3, "a path without . and .., found ."},
		{HEAD "old a/./b absent\n", 3, "a path without . and .., found a/./b"},
		{HEAD "old ../a absent\n", 3, "a path without . and .., found ../a"},
		{HEAD "old a/.. absent\n", 3, "a path without . and .., found a/.."},
		{HEAD "old \"a\\x00b\" absent\n", 3, "a path without NUL, found \"a\\x00b\""},
		{HEAD "old a file x\nold b absent\nold a absent\n", 5,
		 "each path once (first on line 3), found a"},
		{HEAD "old a absent\nold /a absent\n", 4,
		 "each path once (first on line 3), found a"},
		{HEAD "old a/b absent\nold a file x\n", 3,
		 "a path below directories only (line 4 says file), found a/b"},
		{HEAD "old a file x\nold a-b absent\nold a/b/c absent\n", 5,
		 "a path below directories only (line 3 says file), found a/b/c"},
		{HEAD "old a dir\nold a/b absent\nold a/b/c file x\n", 5,
		 "a path below directories only (line 4 says absent), found a/b/c"},
		{HEAD "old a symlink b\nold a/b absent\n", 4,
		 "a path below directories only (line 3 says symlink), found a/b"},
		{HEAD "old a fifo\nold a/b absent\n", 4,
		 "a path below directories only (line 3 says fifo), found a/b"},
		{HEAD "old b file x\nold a link b\nold a/b absent\n", 5,
		 "a path below directories only (line 4 says link), found a/b"},
		/* old: types */
		{HEAD "old a\n", 3,
		 "one of absent, file, dir, mount, symlink, fifo, socket, link, "
		 "found the end of the line"},
		{HEAD "old a directory\n", 3,
		 "one of absent, file, dir, mount, symlink, fifo, socket, link, found directory"},
		{HEAD "old a \"file\" x\n", 3,
		 "one of absent, file, dir, mount, symlink, fifo, socket, link, found \"file\""},
		{HEAD "old a absent x\n", 3, "the end of the line, found x"},
		/* old: mounts */
		{HEAD "old a dir lacks=link\n", 3, "mode=, owner= or the end of the line, found lacks=link"},
		{HEAD "old a mount x\n", 3, "mode=, owner=, lacks= or the end of the line, found x"},
		{HEAD "old a mount lacks=\n", 3,
		 "exchange, tmpfile, link, clone in this order, with commas, found nothing"},
		{HEAD "old a mount lacks=clone,link\n", 3,
		 "exchange, tmpfile, link, clone in this order, with commas, found link"},
		{HEAD "old a mount lacks=link,link\n", 3,
		 "exchange, tmpfile, link, clone in this order, with commas, found link"},
		{HEAD "old a mount lacks=link,\n", 3,
		 "exchange, tmpfile, link, clone in this order, with commas, found nothing"},
		{HEAD "old a mount lacks=links\n", 3,
		 "exchange, tmpfile, link, clone in this order, with commas, found links"},
		{HEAD "old a mount lacks=link lacks=clone\n", 3, "each option once, found lacks=clone"},
		/* old: files */
		{HEAD "old a file\n", 3, "a text or @FILE, found the end of the line"},
		{HEAD "old a file # x\n", 3, "a text or @FILE, found the end of the line"},
		{HEAD "old a file mode=0600\n", 3,
		 "a text or @FILE behind the options (\"...\" if this is it), found mode=0600"},
		{HEAD "old a file x y\n", 3, "mode=, owner= or xattr= before the text, found x"},
		{HEAD "old a file \"x\" y\n", 3,
		 "mode=, owner= or xattr= before the text, found \"x\""},
		{HEAD "old a file \"\\x6dode=0600\" y\n", 3,
		 "mode=, owner= or xattr= before the text, found \"\\x6dode=0600\""},
		{HEAD "old a file @x y\n", 3, "mode=, owner= or xattr= before the text, found @x"},
		{HEAD "old a file @x\n", 3,
		 "a text (a file reference needs a case file), found @x"},
		{HEAD "old a file x \"\n", 3, "a closing quote, found the end of the line"},
		{HEAD "old a file mode= x\n", 3, "an octal mode from 0 to 07777, found nothing"},
		{HEAD "old a file mode=0800 x\n", 3, "an octal mode from 0 to 07777, found 0800"},
		{HEAD "old a file mode=10000 x\n", 3, "an octal mode from 0 to 07777, found 10000"},
		{HEAD "old a file mode=40000000000000000000644 x\n", 3,
		 "an octal mode from 0 to 07777, found 40000000000000000000644"},
		{HEAD "old a file mode=u+x x\n", 3, "an octal mode from 0 to 07777, found u+x"},
		{HEAD "old a file mode=0644 mode=0644 x\n", 3, "each option once, found mode=0644"},
		{HEAD "old a file owner=1 x\n", 3,
		 "an owner U:G of two numbers up to 4294967294, found 1"},
		{HEAD "old a file owner=1: x\n", 3,
		 "an owner U:G of two numbers up to 4294967294, found 1:"},
		{HEAD "old a file owner=:1 x\n", 3,
		 "an owner U:G of two numbers up to 4294967294, found :1"},
		{HEAD "old a file owner=1:2:3 x\n", 3,
		 "an owner U:G of two numbers up to 4294967294, found 1:2:3"},
		{HEAD "old a file owner=root:root x\n", 3,
		 "an owner U:G of two numbers up to 4294967294, found root:root"},
		{HEAD "old a file owner=0:4294967295 x\n", 3,
		 "an owner U:G of two numbers up to 4294967294, found 0:4294967295"},
		{HEAD "old a file owner=0:0 owner=0:0 x\n", 3, "each option once, found owner=0:0"},
		{HEAD "old a file xattr= x\n", 3, "an attribute NAME:VALUE, found nothing"},
		{HEAD "old a file xattr=user.a=b x\n", 3,
		 "an attribute NAME:VALUE, found user.a=b"},
		{HEAD "old a file xattr=:b x\n", 3,
		 "an attribute's name of 1 to 255 bytes without NUL, found nothing"},
		{HEAD "old a file \"xattr=a\\x00:b\" x\n", 3,
		 "an attribute's name of 1 to 255 bytes without NUL, found a\\x00"},
		{HEAD "old a file xattr=b:1 xattr=a:1 xattr=b:2 x\n", 3,
		 "each attribute once, found b"},
		/* old: the others */
		{HEAD "old a dir x\n", 3, "mode=, owner= or the end of the line, found x"},
		{HEAD "old a dir xattr=a:b\n", 3,
		 "mode=, owner= or the end of the line, found xattr=a:b"},
		{HEAD "old a fifo mode=9\n", 3, "an octal mode from 0 to 07777, found 9"},
		{HEAD "old a symlink\n", 3, "a symlink's text, found the end of the line"},
		{HEAD "old a symlink \"\"\n", 3,
		 "a symlink's text of 1 to 4095 bytes without NUL, found \"\""},
		{HEAD "old a symlink \"a\\x00\"\n", 3,
		 "a symlink's text of 1 to 4095 bytes without NUL, found \"a\\x00\""},
		{HEAD "old a symlink @b\n", 3,
		 "a symlink's text, in quotes where it begins with @, found @b"},
		{HEAD "old a symlink mode=0777 b\n", 3, "the end of the line, found b"},
		{HEAD "old a link\n", 3, "the path of an old file, found the end of the line"},
		{HEAD "old a link ../b\n", 3, "a path without . and .., found ../b"},
		{HEAD "old a link b\n", 3, "a link to an old file of this case, found b"},
		{HEAD "old a link a\n", 3, "a link to an old file of this case, found a"},
		{HEAD "old a link b\nold b dir\n", 3,
		 "a link to an old file of this case, found b"},
		{HEAD "old b absent\nold a link b\n", 4,
		 "a link to an old file of this case, found b"},
		{HEAD "old a link b\nold b link c\nold c file x\n", 3,
		 "a link to an old file of this case, found b"},
		{HEAD "old b file x\nold a link b mode=0600\n", 4,
		 "the end of the line, found mode=0600"},
		/* fault: when */
		{HEAD "fault\n", 3, "op numbers (F, F..L or F+S), found the end of the line"},
		{HEAD "fault write full\n", 3, "op numbers (F, F..L or F+S), found write"},
		{HEAD "fault -1 write full\n", 3, "op numbers (F, F..L or F+S), found -1"},
		{HEAD "fault ..3 write full\n", 3, "op numbers (F, F..L or F+S), found ..3"},
		{HEAD "fault \"1\" write full\n", 3, "op numbers (F, F..L or F+S), found \"1\""},
		{HEAD "fault 0 write full\n", 3, "an op number from 1 to 4294967294, found 0"},
		{HEAD "fault 01 write full\n", 3, "an op number from 1 to 4294967294, found 01"},
		{HEAD "fault 1x write full\n", 3, "an op number from 1 to 4294967294, found 1x"},
		{HEAD "fault 4294967295 write full\n", 3,
		 "an op number from 1 to 4294967294, found 4294967295"},
		{HEAD "fault 99999999999999999999999999999999999999999 write full\n", 3,
		 "an op number from 1 to 4294967294, "
		 "found 9999999999999999999999999999999999999..."},
		{HEAD "fault 7..3 write full\n", 3,
		 "a last op number from 7 to 4294967294, found 3"},
		{HEAD "fault 7.. write full\n", 3,
		 "a last op number from 7 to 4294967294, found nothing"},
		{HEAD "fault 7..4294967295 write full\n", 3,
		 "a last op number from 7 to 4294967294, found 4294967295"},
		{HEAD "fault 7..9+2 write full\n", 3,
		 "a last op number from 7 to 4294967294, found 9+2"},
		{HEAD "fault 7.9 write full\n", 3, "an op number from 1 to 4294967294, found 7.9"},
		{HEAD "fault 7+ write full\n", 3, "a step from 1 to 4294967294, found nothing"},
		{HEAD "fault 7+0 write full\n", 3, "a step from 1 to 4294967294, found 0"},
		{HEAD "fault 7+4294967295 write full\n", 3,
		 "a step from 1 to 4294967294, found 4294967295"},
		/* fault: call */
		{HEAD "fault 7\n", 3, "the name of a call, found the end of the line"},
		{HEAD "fault 7 frobnicate full\n", 3, "the name of a call, found frobnicate"},
		{HEAD "fault 7 none full\n", 3, "the name of a call, found none"},
		{HEAD "fault 7 WRITE full\n", 3, "the name of a call, found WRITE"},
		{HEAD "fault 7 \"write\" full\n", 3, "the name of a call, found \"write\""},
		/* fault: spec */
		{HEAD "fault 7 write\n", 3,
		 "one of errno=E, sticky=E, full, short, late=E, eintr, kill=WHEN, signal=S, fsync=WHAT, "
		 "found the end of the line"},
		{HEAD "fault 7 write broken=1\n", 3,
		 "one of errno=E, sticky=E, full, short, late=E, eintr, kill=WHEN, signal=S, fsync=WHAT, "
		 "found broken=1"},
		{HEAD "fault 7 write \"full\"\n", 3,
		 "one of errno=E, sticky=E, full, short, late=E, eintr, kill=WHEN, signal=S, fsync=WHAT, "
		 "found \"full\""},
		{HEAD "fault 7 write =EIO\n", 3,
		 "one of errno=E, sticky=E, full, short, late=E, eintr, kill=WHEN, signal=S, fsync=WHAT, "
		 "found =EIO"},
		{HEAD "fault 7 write errno\n", 3, "errno= and the name of an errno, found errno"},
		{HEAD "fault 7 write errno=\n", 3, "the name of an errno, found nothing"},
		{HEAD "fault 7 write errno=0\n", 3, "the name of an errno, found 0"},
		{HEAD "fault 7 write errno=28\n", 3, "the name of an errno, found 28"},
		{HEAD "fault 7 write errno=enospc\n", 3, "the name of an errno, found enospc"},
		{HEAD "fault 7 write sticky=EWHAT\n", 3, "the name of an errno, found EWHAT"},
		{HEAD "fault 7 close late\n", 3, "late= and the name of an errno, found late"},
		{HEAD "fault 7 write full=1\n", 3, "full without a value, found full=1"},
		{HEAD "fault 7 write full=\n", 3, "full without a value, found full="},
		{HEAD "fault 7 write short=\n", 3, "a number of bytes from 1, found nothing"},
		{HEAD "fault 7 write short=0\n", 3, "a number of bytes from 1, found 0"},
		{HEAD "fault 7 write short=-1\n", 3, "a number of bytes from 1, found -1"},
		{HEAD "fault 7 write short=9223372036854775808\n", 3,
		 "a number of bytes from 1, found 9223372036854775808"},
		{HEAD "fault 7 read eintr=0\n", 3, "a number of times from 1, found 0"},
		{HEAD "fault 7 read eintr=4294967296\n", 3,
		 "a number of times from 1, found 4294967296"},
		{HEAD "fault 7 write kill\n", 3,
		 "kill= and before, after or a number of bytes from 1, found kill"},
		{HEAD "fault 7 write kill=0\n", 3,
		 "before, after or a number of bytes from 1, found 0"},
		{HEAD "fault 7 write kill=now\n", 3,
		 "before, after or a number of bytes from 1, found now"},
		{HEAD "fault 7 write signal\n", 3,
		 "signal= and the name of a signal without SIG, found signal"},
		{HEAD "fault 7 write signal=SIGTERM\n", 3,
		 "the name of a signal without SIG, found SIGTERM"},
		{HEAD "fault 7 write signal=15\n", 3, "the name of a signal without SIG, found 15"},
		{HEAD "fault 7 fsync fsync\n", 3,
		 "fsync= and lost, reverted or kept (with :E or without), readonly or shutdown, found fsync"},
		{HEAD "fault 7 fsync fsync=\n", 3,
		 "lost, reverted or kept (with :E or without), readonly or shutdown, found nothing"},
		{HEAD "fault 7 fsync fsync=gone\n", 3,
		 "lost, reverted or kept (with :E or without), readonly or shutdown, found gone"},
		{HEAD "fault 7 fsync fsync=lost:\n", 3,
		 "lost, reverted or kept (with :E or without), readonly or shutdown, found lost:"},
		{HEAD "fault 7 fsync fsync=lost:5\n", 3,
		 "lost, reverted or kept (with :E or without), readonly or shutdown, found lost:5"},
		{HEAD "fault 7 write full full\n", 3, "the end of the line, found full"},
		/* fault: kills */
		{HEAD "fault 7..9 write kill=after\n", 3,
		 "a kill at one op, found 7..9 write kill=after"},
		{HEAD "fault 7+1 write kill=after\n", 3,
		 "a kill at one op, found 7+1 write kill=after"},
		{HEAD "fault 7 write kill=after\nfault 8 write kill=after\n", 4,
		 "one kill at most, found 8 write kill=after"},
		{HEAD "fault 9 write errno=EIO\nfault 7 write kill=after\nfault 8 write full\n", 3,
		 "no fault behind the kill at op 7, found 9 write errno=EIO"},
		{HEAD "fault 7 write kill=after\nfault 8+2 write full\n", 4,
		 "no fault behind the kill at op 7, found 8+2 write full"},
		/* cut: when */
		{HEAD "cut\n", 3, "an op number from 0 to 4294967294, found the end of the line"},
		{HEAD "cut preset=ext4\n", 3,
		 "an op number from 0 to 4294967294, found preset=ext4"},
		{HEAD "cut 012 preset=ext4\n", 3, "an op number from 0 to 4294967294, found 012"},
		{HEAD "cut -1 preset=ext4\n", 3, "an op number from 0 to 4294967294, found -1"},
		{HEAD "cut 1..2 preset=ext4\n", 3, "an op number from 0 to 4294967294, found 1..2"},
		{HEAD "cut \"1\" preset=ext4\n", 3,
		 "an op number from 0 to 4294967294, found \"1\""},
		{HEAD "cut 4294967295 preset=ext4\n", 3,
		 "an op number from 0 to 4294967294, found 4294967295"},
		{HEAD "cut 0 during preset=ext4\n", 3,
		 "preset=NAME (there is no op 0), found during"},
		{HEAD "cut 1 \"\n", 3, "a closing quote, found the end of the line"},
		/* cut: preset */
		{HEAD "cut 0\n", 3, "preset=NAME, found the end of the line"},
		{HEAD "cut 12\n", 3, "during or preset=NAME, found the end of the line"},
		{HEAD "cut 12 ext4\n", 3, "during or preset=NAME, found ext4"},
		{HEAD "cut 12 \"during\" preset=ext4\n", 3,
		 "during or preset=NAME, found \"during\""},
		{HEAD "cut 12 during during preset=ext4\n", 3, "preset=NAME, found during"},
		{HEAD "cut 12 during\n", 3, "preset=NAME, found the end of the line"},
		{HEAD "cut 12 lost=7.entry preset=ext4\n", 3,
		 "during or preset=NAME, found lost=7.entry"},
		{HEAD "cut 12 \"preset=ext4\"\n", 3,
		 "during or preset=NAME, found \"preset=ext4\""},
		{HEAD "cut 12 preset\n", 3, "during or preset=NAME, found preset"},
		{HEAD "cut 12 preset=\n", 3, "a preset (see torn list presets), found nothing"},
		{HEAD "cut 12 preset=ext3\n", 3, "a preset (see torn list presets), found ext3"},
		{HEAD "cut 12 preset=ext\n", 3, "a preset (see torn list presets), found ext"},
		{HEAD "cut 12 preset=kill\n", 3, "a preset (see torn list presets), found kill"},
		{HEAD "cut 12 preset=EXT4\n", 3, "a preset (see torn list presets), found EXT4"},
		{HEAD "cut 12 preset=ext4 \"\n", 3, "a closing quote, found the end of the line"},
		/* cut: what was lost */
		{HEAD "cut 12 preset=ext4 during\n", 3, "lost= or the end of the line, found during"},
		{HEAD "cut 12 preset=ext4 7.entry\n", 3,
		 "lost= or the end of the line, found 7.entry"},
		{HEAD "cut 12 preset=ext4 lost\n", 3, "lost= or the end of the line, found lost"},
		{HEAD "cut 12 preset=ext4 \"lost=7.entry\"\n", 3,
		 "lost= or the end of the line, found \"lost=7.entry\""},
		{HEAD "cut 0 preset=ext4 lost=1.entry\n", 3,
		 "the end of the line (before the first op nothing is lost), found lost=1.entry"},
		{HEAD "cut 12 preset=ext4 lost=7.entry lost=8.entry\n", 3,
		 "the end of the line, found lost=8.entry"},
		{HEAD "cut 12 preset=ext4 lost=7.entry, 8.entry\n", 3,
		 "an effect OP.KIND[PART], found nothing"},
		{HEAD "cut 12 preset=ext4 lost=\n", 3, "an effect OP.KIND[PART], found nothing"},
		{HEAD "cut 12 preset=ext4 lost=,7.entry\n", 3,
		 "an effect OP.KIND[PART], found nothing"},
		{HEAD "cut 12 preset=ext4 lost=7.entry,,8.entry\n", 3,
		 "an effect OP.KIND[PART], found nothing"},
		{HEAD "cut 12 preset=ext4 lost=7\n", 3, "an effect OP.KIND[PART], found 7"},
		{HEAD "cut 12 preset=ext4 lost=entry\n", 3,
		 "an effect OP.KIND[PART], found entry"},
		{HEAD "cut 12 preset=ext4 lost=.entry\n", 3,
		 "an op number from 1 to 12, found nothing"},
		{HEAD "cut 12 preset=ext4 lost=0.entry\n", 3, "an op number from 1 to 12, found 0"},
		{HEAD "cut 12 preset=ext4 lost=07.entry\n", 3,
		 "an op number from 1 to 12, found 07"},
		{HEAD "cut 12 preset=ext4 lost=7.entry,13.entry\n", 3,
		 "an op number from 1 to 12, found 13"},
		{HEAD "cut 12 during preset=ext4 lost=13.entry\n", 3,
		 "an op number from 1 to 12, found 13"},
		{HEAD "cut 12 preset=ext4 lost=4294967297.entry\n", 3,
		 "an op number from 1 to 12, found 4294967297"},
		{HEAD "cut 12 preset=ext4 lost=7.\n", 3,
		 "one of inode, entry, data, size, tail, attr, found nothing"},
		{HEAD "cut 12 preset=ext4 lost=7.[0]\n", 3,
		 "one of inode, entry, data, size, tail, attr, found nothing"},
		{HEAD "cut 12 preset=ext4 lost=7.entries\n", 3,
		 "one of inode, entry, data, size, tail, attr, found entries"},
		{HEAD "cut 12 preset=ext4 lost=7.entr\n", 3,
		 "one of inode, entry, data, size, tail, attr, found entr"},
		{HEAD "cut 12 preset=ext4 lost=7.entry.0\n", 3,
		 "one of inode, entry, data, size, tail, attr, found entry.0"},
		{HEAD "cut 12 preset=ext4 lost=7.entry]\n", 3,
		 "one of inode, entry, data, size, tail, attr, found entry]"},
		{HEAD "cut 12 preset=ext4 lost=7.data\n", 3,
		 "data with its part, [PART], found 7.data"},
		{HEAD "cut 12 preset=ext4 lost=7.data[0\n", 3,
		 "a part in brackets, [PART], found 7.data[0"},
		{HEAD "cut 12 preset=ext4 lost=7.data[\n", 3,
		 "a part in brackets, [PART], found 7.data["},
		{HEAD "cut 12 preset=ext4 lost=7.data[0]x\n", 3,
		 "a part in brackets, [PART], found 7.data[0]x"},
		{HEAD "cut 12 preset=ext4 lost=7.data[0][1]\n", 3,
		 "a part in brackets, [PART], found 7.data[0][1]"},
		{HEAD "cut 12 preset=ext4 lost=7.data[0,1]\n", 3,
		 "a part in brackets, [PART], found 7.data[0"},
		{HEAD "cut 12 preset=ext4 lost=7.data[]\n", 3,
		 "the number of a part from 0 to 4294967295, found nothing"},
		{HEAD "cut 12 preset=ext4 lost=7.data[00]\n", 3,
		 "the number of a part from 0 to 4294967295, found 00"},
		{HEAD "cut 12 preset=ext4 lost=7.data[-1]\n", 3,
		 "the number of a part from 0 to 4294967295, found -1"},
		{HEAD "cut 12 preset=ext4 lost=7.data[4294967296]\n", 3,
		 "the number of a part from 0 to 4294967295, found 4294967296"},
		{HEAD "cut 12 preset=ext4 lost=9.entry,7.data[0]\n", 3,
		 "effects in program order (op 9 stands before it), found 7.data[0]"},
		{HEAD "cut 12 preset=ext4 lost=7.data[0],9.entry,7.data[1]\n", 3,
		 "effects in program order (op 9 stands before it), found 7.data[1]"},
		{HEAD "cut 12 preset=ext4 lost=7.data[3],7.tail,7.data[2]\n", 3,
		 "effects in program order (part 3 stands before it), found 7.data[2]"},
		{HEAD "cut 12 preset=ext4 lost=7.data[4294967295],7.data[0]\n", 3,
		 "effects in program order (part 4294967295 stands before it), found 7.data[0]"},
		{HEAD "cut 12 preset=ext4 lost=7.entry,7.entry[0]\n", 3,
		 "each effect once, found 7.entry[0]"},
		{HEAD "cut 12 preset=ext4 lost=7.data[3],7.tail,7.data[3]\n", 3,
		 "each effect once, found 7.data[3]"},
		{HEAD "cut 12 preset=ext4 lost=7.data[4294967295],7.data[4294967295]\n", 3,
		 "each effect once, found 7.data[4294967295]"},
		/* cut: with the rest of the plan */
		{HEAD "cut 1 preset=ext4\ncut 1 preset=ext4\n", 4,
		 "each item once (first on line 3), found cut"},
		{HEAD "fault 8 write full\ncut 7 preset=ext4\n", 3,
		 "no fault behind the cut at op 7, found 8 write full"},
		{HEAD "cut 7 during preset=ext4\nfault 7 write full\nfault 8..9 write full\n", 5,
		 "no fault behind the cut at op 7, found 8..9 write full"},
		{HEAD "cut 0 preset=ext4\nfault 1 write full\n", 4,
		 "no fault behind the cut at op 0, found 1 write full"},
		{HEAD "cut 7 preset=ext4\n# c\nfault 7 write kill=after\n", 5,
		 "one end: a kill or a cut (first on line 3), found 7 write kill=after"},
		{HEAD "fault 9 write kill=4\nfault 7 write full\ncut 9 preset=ext4\n", 5,
		 "one end: a kill or a cut (first on line 3), found cut"},
		{HEAD "cut 7 preset=ext4\nfault 9 write kill=4\n", 4,
		 "one end: a kill or a cut (first on line 3), found 9 write kill=4"},
		{HEAD "fault 9 write kill=4\ncut 7 preset=ext4\n", 3,
		 "no fault behind the cut at op 7, found 9 write kill=4"},
		/* expect */
		{HEAD "expect\n", 3, "held or violated, found the end of the line"},
		{HEAD "expect broken old-or-new\n", 3, "held or violated, found broken"},
		{HEAD "expect held\n", 3,
		 "an invariant's name (letters, digits, _ . -), found the end of the line"},
		{HEAD "expect held a/b\n", 3,
		 "an invariant's name (letters, digits, _ . -), found a/b"},
		{HEAD "expect held a b\n", 3, "the end of the line, found b"},
		{HEAD "expect held a\nexpect held a\n", 4,
		 "each item once (first on line 3), found expect"},
		/* of several things that are wrong between lines, the lowest line is told */
		{"torn-case 1\nold a/b absent\nold c link d\narg x 1\narg x 1\nold a file x\n", 2,
		 "a path below directories only (line 6 says file), found a/b"},
		{"torn-case 1\nold a absent\nold c link d\narg x 1\narg x 1\nold a file x\n", 3,
		 "a link to an old file of this case, found d"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		char message[TORN_MESSAGE_SIZE + 16];
		snprintf(message, sizeof(message), "expected %s", rows[i].message);
		assert_refused(rows[i].text, rows[i].line, message);
	}
}

static void test_a_nul_byte_is_refused_wherever_it_stands(void **state)
{
	(void)state;
	static const char text[] = HEAD "arg a b # c\n";
	for (size_t i = 0; i < sizeof(text); i++) {
		char bad[sizeof(text)];
		memcpy(bad, text, sizeof(text));
		if (bad[i] == '\n')
			continue; /* it would join two lines, which is wrong otherwise */
		bad[i] = 0;
		struct torn_case c;
		struct torn_case_error error;
		uint32_t line = 1;
		for (size_t j = 0; j < i; j++)
			line += text[j] == '\n';
		assert_int_equal(
			parse((struct torn_bytes){(uint8_t *)bad, sizeof(bad)}, &c, &error),
			-EINVAL);
		assert_string_equal(error.message, "expected text, found a NUL byte");
		assert_int_equal(error.line, line);
	}
}

static void test_values_that_are_too_long_are_refused(void **state)
{
	(void)state;
	static char text[80000], filler[70000];
	memset(filler, 'a', sizeof(filler));
	static const char cut[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...";
	char message[TORN_MESSAGE_SIZE];

	snprintf(text, sizeof(text), HEAD "old %.256s absent\n", filler);
	snprintf(message, sizeof(message),
		 "expected a path with components of at most 255 bytes, found %s", cut);
	assert_refused(text, 3, message);

	snprintf(text, sizeof(text), HEAD "old a symlink %.4096s\n", filler);
	snprintf(message, sizeof(message),
		 "expected a symlink's text of 1 to 4095 bytes without NUL, found %s", cut);
	assert_refused(text, 3, message);

	snprintf(text, sizeof(text), HEAD "old a file xattr=%.256s:v x\n", filler);
	snprintf(message, sizeof(message),
		 "expected an attribute's name of 1 to 255 bytes without NUL, found %s", cut);
	assert_refused(text, 3, message);

	snprintf(text, sizeof(text), HEAD "old a file xattr=n:%.65537s x\n", filler);
	snprintf(message, sizeof(message),
		 "expected an attribute's value of at most 65536 bytes, found %s", cut);
	assert_refused(text, 3, message);
	snprintf(text, sizeof(text), HEAD "old a file xattr=n:%.65536s x\n", filler);
	assert_canonical(text, text);

	for (size_t i = 1; i < 4096; i += 2)
		filler[i] = '/';
	snprintf(text, sizeof(text), HEAD "old %.4095sb absent\n", filler);
	assert_refused(text, 3,
		       "expected a path of at most 4095 bytes, found "
		       "a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a...");
}

static void test_more_faults_than_a_plan_has_room_for_are_refused(void **state)
{
	(void)state;
	char text[2048] = HEAD;
	for (int i = 1; i <= TORN_FAULTS_MAX; i++)
		sprintf(text + strlen(text), "fault %d write full\n", i);
	struct torn_case c;
	parse_good(text, &c);
	assert_int_equal(c.plan.faults_count, TORN_FAULTS_MAX);
	strcat(text, "fault  99 write full\n");
	assert_refused(text, 2 + TORN_FAULTS_MAX + 1,
		       "expected at most 16 faults, found 99 write full");
}

/* --------------------------------------------------------- lines, olds only */

static void test_lines_tell_where_things_stand(void **state)
{
	(void)state;
	static const char text[] = "torn-case 1\n"
				   "expect held a\n"
				   "fault 9 write full\n"
				   "arg b 1\n"
				   "\n"
				   "old b absent\n"
				   "arg c 1\n"
				   "fault 2 write full\n"
				   "old a absent\n"
				   "arg a 1\n"
				   "target t\n"
				   "cut 9 preset=ext4\n";
	struct torn_case c;
	struct torn_case_error error;
	assert_int_equal(parse(torn_bytes_of(text), &c, &error), 0);
	assert_int_equal(error.lines.target, 11);
	assert_int_equal(error.lines.invariant, 2);
	assert_int_equal(error.lines.cut, 12);
	static const uint32_t args[] = {10, 4, 7}, olds[] = {9, 6}, faults[] = {8, 3};
	assert_memory_equal(error.lines.args, args, sizeof(args));
	assert_memory_equal(error.lines.olds, olds, sizeof(olds));
	assert_memory_equal(error.lines.faults, faults, sizeof(faults));
	assert_int_equal(parse(torn_bytes_of(HEAD), &c, &error), 0);
	assert_int_equal(error.lines.cut, 0);
}

static void test_a_world_is_read(void **state)
{
	(void)state;
	struct torn_case world;
	struct torn_case_error error;
	const char *text = "old b file x\narg suffix \"\"\n # c\nold a link b";
	assert_int_equal(torn_case_parse_world(torn_bytes_of(text), &arena, &world, &error), 0);
	assert_int_equal(world.olds_count, 2);
	assert_text(world.olds[0].path, "a");
	assert_text(world.olds[1].path, "b");
	assert_int_equal(error.lines.olds[0], 4);
	assert_int_equal(world.args_count, 1);
	assert_text(world.args[0].name, "suffix");
	assert_text(world.args[0].value, "");
	assert_int_equal(error.lines.args[0], 2);
	assert_int_equal(torn_case_parse_world(torn_bytes_of(""), &arena, &world, &error), 0);
	assert_int_equal(world.olds_count, 0);
	assert_int_equal(world.args_count, 0);
}

static void test_other_lines_in_a_world_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		uint32_t line;
		const char *message;
	} rows[] = {
		{"torn-case 1\n", 1, "expected old or arg, found torn-case"},
		{"old a absent\nseed 7\n", 2, "expected old or arg, found seed"},
		{"cut 1 preset=ext4\n", 1, "expected old or arg, found cut"},
		{"arg a b\narg a b\n", 2, "expected each argument once (first on line 1), found a"},
		{"old a absent\nold a absent\n", 2,
		 "expected each path once (first on line 1), found a"},
		{"\nold a file @b\n", 2,
		 "expected a text (a file reference needs a case file), found @b"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct torn_case world = {.olds_count = 42};
		struct torn_case_error error;
		assert_int_equal(
			torn_case_parse_world(torn_bytes_of(rows[i].text), &arena, &world, &error),
			-EINVAL);
		assert_string_equal(error.message, rows[i].message);
		assert_int_equal(error.line, rows[i].line);
		assert_int_equal(world.olds_count, 42);
	}
}

/* ---------------------------------------------------------------- printing */

static void test_an_attribute_with_a_colon_in_its_name_is_not_printed(void **state)
{
	(void)state;
	struct torn_xattr xattr = {torn_bytes_of("a:b"), torn_bytes_of("c")};
	struct torn_old old = {.path = torn_bytes_of("a"), .xattrs = &xattr, .xattrs_count = 1};
	struct torn_case c = {.target = torn_bytes_of("t"), .olds = &old, .olds_count = 1};
	FILE *out = fopen("/dev/null", "w");
	assert_non_null(out);
	assert_int_equal(torn_case_print(&c, out), -EINVAL);
	fclose(out);
}

static void test_a_stream_that_fails_is_told(void **state)
{
	(void)state;
	struct torn_case c;
	parse_good(HEAD, &c);
	FILE *out = fopen("/dev/full", "w");
	assert_non_null(out);
	setvbuf(out, NULL, _IONBF, 0);
	assert_int_equal(torn_case_print(&c, out), -EIO);
	fclose(out);
}

/* ------------------------------------------------------------ random cases */

/* splitmix64: the one integer PRNG, passed by pointer. */
static uint64_t next_random(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint32_t below(uint64_t *seed, uint32_t bound)
{
	return (uint32_t)(next_random(seed) % bound);
}

static struct torn_bytes random_bytes(uint64_t *seed, uint32_t size_max, bool with_nul)
{
	static const char favourites[] = "@# \"\\\n=:mode=/\xc3\xa4";
	uint8_t *data = torn_arena_take(&arena, size_max + 1);
	uint32_t size = below(seed, size_max + 1);
	uint32_t taste = below(seed, 3);
	for (uint32_t i = 0; i < size; i++) {
		data[i] = taste == 0   ? (uint8_t)('a' + below(seed, 26))
			  : taste == 1 ? (uint8_t)favourites[below(seed, sizeof(favourites) - 1)]
				       : (uint8_t)below(seed, 256);
		if (!data[i] && !with_nul)
			data[i] = 1;
	}
	return (struct torn_bytes){data, size};
}

/* A value that no other number gives, of bytes that are hard on a parser. */
static struct torn_bytes numbered(uint64_t *seed, const char *prefix, uint32_t number)
{
	struct torn_bytes tail = random_bytes(seed, 5, false);
	uint8_t *data = torn_arena_take(&arena, 64);
	int size = sprintf((char *)data, "%s%" PRIu32 "_", prefix, number);
	for (size_t i = 0; i < tail.size; i++)
		data[size++] = tail.data[i] == '/' || tail.data[i] == ':' ? '.' : tail.data[i];
	return (struct torn_bytes){data, (size_t)size};
}

static struct torn_bytes random_name(uint64_t *seed, uint32_t number)
{
	uint8_t *data = torn_arena_take(&arena, 32);
	int size = sprintf((char *)data, "%c%" PRIu32, 'A' + (char)below(seed, 26), number);
	return (struct torn_bytes){data, (size_t)size};
}

static void random_old(uint64_t *seed, struct torn_case *c, uint32_t i, uint32_t file)
{
	struct torn_old *old = &c->olds[i];
	old->path = numbered(seed, below(seed, 2) ? "etc/x" : "", i);
	switch (i == file ? 0 : below(seed, 7)) {
	case 0:
		old->mode = below(seed, 2) ? 0644 : below(seed, 010000);
		old->text = random_bytes(seed, 40, true);
		old->xattrs_count = below(seed, 3);
		if (old->xattrs_count) {
			struct torn_xattr *xattrs = torn_arena_take(&arena, 2 * sizeof(*xattrs));
			for (uint32_t j = 0; j < old->xattrs_count; j++) {
				xattrs[j].name = numbered(seed, "user.", j);
				xattrs[j].value = random_bytes(seed, 10, true);
			}
			old->xattrs = xattrs;
		}
		break;
	case 1:
		old->type = TORN_DIRECTORY;
		old->mode = below(seed, 2) ? 0755 : below(seed, 010000);
		break;
	case 2:
		old->type = TORN_SYMLINK;
		old->mode = 0777;
		old->text = numbered(seed, "../", i);
		return;
	case 3:
		old->type = TORN_FIFO;
		old->mode = below(seed, 010000);
		break;
	case 4:
		old->type = TORN_SOCKET;
		old->mode = below(seed, 010000);
		break;
	case 5:
		old->is_link = true;
		old->text = c->olds[file].path;
		return;
	default:
		old->absent = true;
		return;
	}
	if (below(seed, 2)) {
		old->uid = below(seed, UINT32_MAX);
		old->gid = below(seed, 3);
	}
}

static void random_fault(uint64_t *seed, struct torn_fault *fault)
{
	static const int errnos[] = {EIO, ENOSPC, EROFS};
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
	uint32_t first = 1 + below(seed, 50), shape = below(seed, 4);
	fault->when = (struct torn_when){first, first, 0};
	if (shape == 0)
		fault->when = (struct torn_when){first, first + 1 + below(seed, 9), 1};
	if (shape == 1)
		fault->when = (struct torn_when){first, UINT32_MAX, 1 + below(seed, 9)};
	fault->call = (enum torn_call)(1 + below(seed, TORN_CALL_COUNT - 1));
	do {
		fault->name = (enum torn_fault_name)below(seed, TORN_FAULT_COUNT);
	} while (fault->name == TORN_FAULT_KILL);
	switch (fault->name) {
	case TORN_FAULT_ERRNO:
	case TORN_FAULT_STICKY:
	case TORN_FAULT_LATE:
		fault->value = errnos[below(seed, COUNT(errnos))];
		break;
	case TORN_FAULT_SIGNAL:
		fault->value = signals[below(seed, COUNT(signals))];
		break;
	case TORN_FAULT_FSYNC:
		fault->value = TORN_FSYNC_VALUE(TORN_FSYNC_LOST + below(seed, TORN_FSYNC_COUNT - 1),
						errnos[below(seed, COUNT(errnos))]);
		break;
	case TORN_FAULT_SHORT:
		fault->value = below(seed, 3);
		break;
	case TORN_FAULT_EINTR:
		fault->value = below(seed, 2) ? 0 : 2 + below(seed, 3);
		break;
	default:
		fault->value = 0;
	}
}

/* In program order: of each op parts that rise, kinds in any order. */
static void random_cut(uint64_t *seed, struct torn_cut *cut)
{
	static const uint32_t ops[] = {60, UINT32_MAX - 1}; /* the faults are before them */
	cut->preset = torn_preset_name((enum torn_preset)below(seed, TORN_PRESET_COUNT));
	cut->op = ops[below(seed, COUNT(ops))];
	cut->during = below(seed, 2);
	const uint32_t count = below(seed, 12);
	struct torn_lost *lost = torn_arena_take(&arena, (count + 1) * sizeof(*lost));
	struct torn_lost at = {.op = 1};
	for (uint32_t i = 0; i < count; i++) {
		if (below(seed, 3) == 0)
			at = (struct torn_lost){.op = at.op + 1 + below(seed, 4)};
		at.kind = below(seed, TORN_EFFECT_KIND_COUNT);
		at.part += i && lost[i - 1].op == at.op ? 1 + below(seed, 2) : below(seed, 2);
		lost[i] = at;
	}
	cut->lost = count ? lost : NULL;
	cut->lost_count = count;
}

static struct torn_case random_case(uint64_t *seed)
{
	struct torn_case c = {.target = random_name(seed, 1), .plan.seed = 1};
	if (below(seed, 2))
		c.variant = random_name(seed, 2);
	if (below(seed, 2))
		c.plan.seed = next_random(seed);
	c.args_count = below(seed, 4);
	c.args = torn_arena_take(&arena, c.args_count * sizeof(*c.args));
	for (uint32_t i = 0; i < c.args_count; i++)
		c.args[i] =
			(struct torn_case_arg){random_name(seed, i), random_bytes(seed, 20, true)};
	c.olds_count = below(seed, 8);
	c.olds = torn_arena_take(&arena, c.olds_count * sizeof(*c.olds));
	if (c.olds_count) { /* the file goes first, as links name its path */
		uint32_t file = below(seed, (uint32_t)c.olds_count);
		random_old(seed, &c, file, file);
		for (uint32_t i = 0; i < c.olds_count; i++)
			if (i != file)
				random_old(seed, &c, i, file);
	}
	c.plan.faults_count = below(seed, TORN_FAULTS_MAX + 1);
	for (uint32_t i = 0; i < c.plan.faults_count; i++)
		random_fault(seed, &c.plan.faults[i]);
	if (c.plan.faults_count && below(seed, 2))
		c.plan.faults[0] = (struct torn_fault){
			{60, 60, 0}, TORN_CALL_write, TORN_FAULT_KILL, (int64_t)below(seed, 9) - 1};
	else if (below(seed, 2))
		random_cut(seed, &c.plan.cut);
	c.expect = (enum torn_expect)below(seed, 3);
	if (c.expect != TORN_EXPECT_NOTHING)
		c.invariant = random_name(seed, 3);
	torn_case_sort(&c);
	return c;
}

static void assert_equal_cases(const struct torn_case *a, const struct torn_case *b)
{
	assert_bytes(a->target, b->target);
	assert_bytes(a->variant, b->variant);
	assert_true(a->plan.seed == b->plan.seed);
	assert_int_equal(a->args_count, b->args_count);
	for (size_t i = 0; i < a->args_count; i++) {
		assert_bytes(a->args[i].name, b->args[i].name);
		assert_bytes(a->args[i].value, b->args[i].value);
	}
	assert_int_equal(a->olds_count, b->olds_count);
	for (size_t i = 0; i < a->olds_count; i++) {
		const struct torn_old *x = &a->olds[i], *y = &b->olds[i];
		assert_bytes(x->path, y->path);
		assert_int_equal(x->absent, y->absent);
		assert_int_equal(x->is_link, y->is_link);
		assert_int_equal(x->type, y->type);
		assert_int_equal(x->mode, y->mode);
		assert_int_equal(x->uid, y->uid);
		assert_int_equal(x->gid, y->gid);
		assert_bytes(x->text, y->text);
		assert_bytes(x->file, y->file);
		assert_int_equal(x->xattrs_count, y->xattrs_count);
		for (uint32_t j = 0; j < x->xattrs_count; j++) {
			assert_bytes(x->xattrs[j].name, y->xattrs[j].name);
			assert_bytes(x->xattrs[j].value, y->xattrs[j].value);
		}
	}
	assert_int_equal(a->plan.faults_count, b->plan.faults_count);
	for (uint32_t i = 0; i < a->plan.faults_count; i++) {
		const struct torn_fault *x = &a->plan.faults[i], *y = &b->plan.faults[i];
		assert_int_equal(x->when.first, y->when.first);
		assert_int_equal(x->when.last, y->when.last);
		assert_int_equal(x->when.step, y->when.step);
		assert_int_equal(x->call, y->call);
		assert_int_equal(x->name, y->name);
		assert_true(x->value == y->value);
	}
	const struct torn_cut *x = &a->plan.cut, *y = &b->plan.cut;
	assert_ptr_equal(x->preset, y->preset);
	assert_int_equal(x->op, y->op);
	assert_int_equal(x->during, y->during);
	assert_int_equal(x->lost_count, y->lost_count);
	for (uint32_t i = 0; i < x->lost_count; i++) {
		assert_int_equal(x->lost[i].op, y->lost[i].op);
		assert_int_equal(x->lost[i].kind, y->lost[i].kind);
		assert_int_equal(x->lost[i].part, y->lost[i].part);
	}
	assert_int_equal(a->expect, b->expect);
	assert_bytes(a->invariant, b->invariant);
}

static void test_random_cases_read_back_as_they_were_printed(void **state)
{
	(void)state;
	uint64_t seed = 1;
	for (int i = 0; i < 3000; i++) {
		torn_arena_return(&arena, 0);
		struct torn_case c = random_case(&seed), again;
		char *text = printed(&c);
		parse_good(text, &again);
		assert_equal_cases(&again, &c);
		char *second = printed(&again);
		assert_string_equal(second, text);
		free(text);
		free(second);
	}
}

/* Put the lines behind the first into another order. */
static void shuffle_lines(uint64_t *seed, char *text, char *shuffled)
{
	char *lines[128];
	uint32_t count = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		lines[count++] = line;
	for (uint32_t i = count - 1; i > 1; i--) {
		uint32_t j = 1 + below(seed, i);
		char *line = lines[i];
		lines[i] = lines[j];
		lines[j] = line;
	}
	*shuffled = 0;
	for (uint32_t i = 0; i < count; i++)
		shuffled += sprintf(shuffled, "%s\n", lines[i]);
}

static void test_the_order_of_lines_does_not_matter(void **state)
{
	(void)state;
	uint64_t seed = 2;
	static char shuffled[1 << 16];
	for (int i = 0; i < 1000; i++) {
		torn_arena_return(&arena, 0);
		struct torn_case c = random_case(&seed), again;
		char *text = printed(&c), *lines = strdup(text);
		shuffle_lines(&seed, lines, shuffled);
		parse_good(shuffled, &again);
		char *second = printed(&again);
		assert_string_equal(second, text);
		free(lines);
		free(text);
		free(second);
	}
}

static void test_changed_texts_are_refused_or_canonical(void **state)
{
	(void)state;
	static const char *const pieces[] = {"\"",    "\\", "\n",   " ",  "old ", "fault ",
					     "kill=", "@",  "/",    "..", "=",	  ":",
					     "#",     "0",  "9999", "\r", "\t",
					     "cut ",  "[",  "]",    ",",  " lost=2.entry,"};
	uint64_t seed = 3;
	uint32_t accepted = 0;
	for (int i = 0; i < 20000; i++) {
		torn_arena_return(&arena, 0);
		struct torn_case c = random_case(&seed), changed;
		char *text = printed(&c);
		static char bytes[1 << 16];
		size_t size = strlen(text);
		memcpy(bytes, text, size);
		free(text);
		for (uint32_t edits = 1 + below(&seed, 3); edits-- > 0 && size > 0;) {
			uint32_t at = below(&seed, (uint32_t)size);
			const char *piece = pieces[below(&seed, COUNT(pieces))];
			size_t length = strlen(piece);
			switch (below(&seed, 4)) {
			case 0:
				bytes[at] = (char)below(&seed, 256);
				break;
			case 1:
				memmove(bytes + at, bytes + at + 1, size - at - 1);
				size--;
				break;
			case 2:
				memmove(bytes + at + length, bytes + at, size - at);
				memcpy(bytes + at, piece, length);
				size += length;
				break;
			default:
				size = at + 1;
			}
		}
		uint32_t lines = 1;
		for (size_t j = 0; j < size; j++)
			lines += bytes[j] == '\n';
		/* from the heap, to the byte: a sanitizer sees a read past the end */
		char *exact = malloc(size);
		memcpy(exact, bytes, size);
		struct torn_case_error error;
		int result = parse((struct torn_bytes){(uint8_t *)exact, size}, &changed, &error);
		free(exact); /* whatever was read lies in the arena */
		if (result) {
			assert_int_equal(result, -EINVAL);
			assert_memory_equal(error.message, "expected ", 9);
			assert_non_null(strstr(error.message, ", found "));
			assert_in_range(error.line, 1, lines);
			continue;
		}
		accepted++;
		struct torn_case again;
		char *first = printed(&changed);
		parse_good(first, &again);
		assert_equal_cases(&again, &changed);
		char *second = printed(&again);
		assert_string_equal(second, first);
		free(first);
		free(second);
	}
	assert_in_range(accepted, 1000, 19000); /* else the changes test one side only */
}

/* ----------------------------------------------------------- hostile texts */

static void test_an_arena_of_any_size_is_full_or_enough(void **state)
{
	(void)state;
	uint64_t seed = 5;
	struct torn_case c = random_case(&seed);
	while (c.olds_count < 5 || c.args_count < 2 || c.plan.cut.lost_count < 5)
		c = random_case(&seed);
	char *text = printed(&c);
	bool was_enough = false;
	for (size_t size = 0; size < 65536; size += 16) {
		struct torn_arena small;
		struct torn_case_error error;
		assert_int_equal(torn_arena_open(&small, size ? size : 16), 0);
		small.size = size;
		int result = torn_case_parse(NULL, torn_bytes_of(text), &small, &c, &error);
		assert_true(result == (was_enough ? 0 : -ENOMEM) || (!was_enough && !result));
		if (result) {
			assert_string_equal(error.message,
					    "expected room for the case, found a full arena");
			assert_int_equal(small.used, 0);
		}
		was_enough = result == 0;
		torn_arena_close(&small);
	}
	assert_true(was_enough);
	free(text);
}

/* A parser that is quadratic in any of these does not come back within the time. */
static int start_clock(void **state)
{
	alarm(100);
	return empty_arena(state);
}

static int stop_clock(void **state)
{
	(void)state;
	alarm(0);
	return 0;
}

static int parse_stream(char *text, size_t size, struct torn_case_error *ret_error)
{
	struct torn_case c;
	int result = parse((struct torn_bytes){(uint8_t *)text, size}, &c, ret_error);
	free(text);
	return result;
}

#define MANY 100000

static void test_a_hundred_thousand_lines_are_read_in_time(void **state)
{
	(void)state;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	fputs(HEAD, out);
	for (int i = MANY; i-- > 0;)
		fprintf(out, "old d/%06d file x\nold h/%06d link d/%06d\narg a%d b\n", i, i, i, i);
	assert_int_equal(fclose(out), 0);
	struct torn_case c;
	parse_good(text, &c);
	free(text);
	assert_int_equal(c.olds_count, 2 * MANY);
	assert_int_equal(c.args_count, MANY);
	for (size_t i = 1; i < c.olds_count; i++)
		assert_true(torn_bytes_compare(c.olds[i - 1].path, c.olds[i].path) < 0);
}

static void test_a_line_said_a_million_times_is_refused_in_time(void **state)
{
	(void)state;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	fputs(HEAD, out);
	for (int i = 0; i < 10 * MANY; i++)
		fputs("old a dir\n", out);
	assert_int_equal(fclose(out), 0);
	struct torn_case_error error;
	assert_int_equal(parse_stream(text, size, &error), -EINVAL);
	assert_string_equal(error.message, "expected each path once (first on line 3), found a");
	assert_int_equal(error.line, 4);
}

static void test_deep_paths_are_read_in_time(void **state)
{
	(void)state;
	/* each path of 2000 components below the one before it, and many beside the last */
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	fputs(HEAD, out);
	char path[4096] = "";
	for (int depth = 0; depth < 2000; depth++) {
		strcpy(depth ? path + 2 * depth - 1 : path, depth ? "/a" : "a");
		fprintf(out, "old %s dir\n", path);
	}
	for (int i = 0; i < 2000; i++)
		fprintf(out, "old %s/%d dir\n", path, i);
	assert_int_equal(fclose(out), 0);
	struct torn_case_error error;
	assert_in_range(size, 8 << 20, 16 << 20);
	assert_int_equal(parse_stream(text, size, &error), 0);
}

static void test_a_hundred_thousand_attributes_are_read_in_time(void **state)
{
	(void)state;
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	fputs(HEAD "old a file", out);
	for (int i = MANY; i-- > 0;)
		fprintf(out, " xattr=a%06d:", i);
	fputs(" x\n", out);
	assert_int_equal(fclose(out), 0);
	struct torn_case c;
	parse_good(text, &c);
	free(text);
	assert_int_equal(c.olds[0].xattrs_count, MANY);
	assert_text(c.olds[0].xattrs[1].name, "a000001");
}

/* Of what was lost, a list as long as a case can have; `again` at its end. Returns its text. */
static char *many_lost(const char *again, size_t *ret_size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_size);
	fprintf(out, HEAD "cut %d preset=posix lost=1.tail", 10 * MANY);
	for (int i = 1; i < 5 * MANY; i++)
		fprintf(out, ",1.data[%d]", i);
	for (int i = 5 * MANY; i < 10 * MANY; i++)
		fprintf(out, ",%d.entry", i);
	fprintf(out, "%s\n", again);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void test_a_million_lost_effects_are_read_in_time(void **state)
{
	(void)state;
	size_t size;
	char *text = many_lost("", &size);
	struct torn_case c;
	parse_good(text, &c);
	const struct torn_cut *cut = &c.plan.cut;
	assert_int_equal(cut->lost_count, 10 * MANY);
	for (uint32_t i = 1; i < cut->lost_count; i++) {
		assert_int_equal(cut->lost[i].op, i < 5 * MANY ? 1 : i);
		assert_int_equal(cut->lost[i].part, i < 5 * MANY ? i : 0);
	}
	assert_true(arena.used < 16 * MANY * sizeof(*cut->lost)); /* no room that is not needed */
	char *second = printed(&c);
	assert_string_equal(second, text);
	free(second);
	free(text);
}

static void test_a_long_list_with_one_effect_twice_is_refused_in_time(void **state)
{
	(void)state;
	size_t size;
	char *text = many_lost(",999999.entry", &size);
	assert_refused(text, 3, "expected each effect once, found 999999.entry");
	free(text);
}

static void test_ten_megabytes_of_noise_are_refused_in_time(void **state)
{
	(void)state;
	static const char *const heads[] = {
		"",	      HEAD,	HEAD "arg a \"", HEAD "old a file ", HEAD "fault ",
		HEAD "seed ", HEAD "# ", HEAD "cut 9 preset=ext4 lost="};
	uint64_t seed = 4;
	const size_t size = 10 << 20;
	for (size_t i = 0; i < COUNT(heads); i++) {
		for (unsigned taste = 0; taste < 4; taste++) {
			char *text = malloc(size);
			assert_non_null(text);
			for (size_t j = 0; j < size; j++)
				text[j] = taste == 0   ? (char)next_random(&seed)
					  : taste == 1 ? '9'
					  : taste == 2 ? "\" "[j & 1]
						       : '/';
			memcpy(text, heads[i], strlen(heads[i]));
			struct torn_case_error error;
			size_t used = arena.used;
			int result = parse_stream(text, size, &error);
			if (result) {
				assert_int_equal(result, -EINVAL);
				assert_non_null(strstr(error.message, ", found "));
				assert_int_equal(arena.used, used);
			}
			torn_arena_return(&arena, used);
		}
	}
}

/* ------------------------------------------------------------------- files */

static char folder[PATH_MAX];

static const char *inside(const char *name)
{
	static char path[2][2 * PATH_MAX];
	static unsigned turn;
	turn ^= 1;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
	return path[turn];
}

static void write_file(const char *name, const char *text)
{
	FILE *out = fopen(inside(name), "w");
	assert_non_null(out);
	fputs(text, out);
	assert_int_equal(fclose(out), 0);
}

static int make_folder(void **state)
{
	const char *base = getenv("TMPDIR");
	snprintf(folder, sizeof(folder), "%s/torn-case-XXXXXX", base ? base : "/tmp");
	if (!mkdtemp(folder) || mkdir(inside("sub"), 0755) || mkdir(inside("out"), 0755))
		return -1;
	return empty_arena(state);
}

static int remove_folder(void **state)
{
	static const char *const names[] = {
		"x.case",     "text",	"sub/text", "out/secret", "link", "way", "big", "fifo",
		"out/x.case", "l.case", "empty",    "sub/way2",	  "one",  "sub", "out"};
	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		if (unlink(inside(names[i])))
			rmdir(inside(names[i]));
	return rmdir(folder);
}

static void test_a_case_file_is_loaded_with_the_files_it_names(void **state)
{
	(void)state;
	struct torn_case c;
	struct torn_case_error error;
	write_file("text", "a \"text\"\nof lines\n");
	write_file("sub/text", "below");
	write_file("empty", "");
	write_file("x.case", HEAD "old a file mode=0600 @text\nold b file @sub/text\n"
				  "old c file @empty\n");
	assert_int_equal(torn_case_load(inside("x.case"), &arena, &c, &error), 0);
	assert_string_equal(error.file, inside("x.case"));
	assert_text(c.olds[0].text, "a \"text\"\nof lines\n");
	assert_text(c.olds[0].file, "@text");
	assert_text(c.olds[1].text, "below");
	assert_text(c.olds[1].file, "@sub/text");
	assert_int_equal(c.olds[2].text.size, 0);
	char *text = printed(&c);
	assert_string_equal(text, HEAD "old a file mode=0600 @text\nold b file @sub/text\n"
				       "old c file @empty\n");
	free(text);

	c.olds[0].file = (struct torn_bytes){NULL, 0}; /* a finding's case stands alone */
	text = printed(&c);
	assert_non_null(strstr(text, "old a file mode=0600 \"a \\\"text\\\"\\nof lines\\n\"\n"));
	free(text);
}

static void test_a_case_file_may_be_named_without_a_folder(void **state)
{
	(void)state;
	struct torn_case c;
	struct torn_case_error error;
	int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(here >= 0);
	write_file("text", "t");
	write_file("x.case", HEAD "old a file @text\n");
	assert_int_equal(chdir(folder), 0);
	int result = torn_case_load("x.case", &arena, &c, &error);
	assert_int_equal(fchdir(here), 0);
	close(here);
	assert_int_equal(result, 0);
	assert_text(c.olds[0].text, "t");
}

static void test_references_that_lead_elsewhere_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *reference, *message;
	} rows[] = {
		{"@", "a file below the case's folder, without . and .., found @"},
		{"@/etc/passwd",
		 "a file below the case's folder, without . and .., found @/etc/passwd"},
		{"@../x.case",
		 "a file below the case's folder, without . and .., found @../x.case"},
		{"@sub/../text",
		 "a file below the case's folder, without . and .., found @sub/../text"},
		{"@sub//text",
		 "a file below the case's folder, without . and .., found @sub//text"},
		{"@a#b", "a file reference of letters, digits and ./@%+=:,~_-, found @a#b"},
		{"@none", "a file that exists, found @none"},
		{"@none/text", "a file that exists, found @none/text"},
		{"@sub", "a regular file, found @sub"},
		{"@fifo", "a regular file, found @fifo"},
		{"@link", "a file that is no symlink, found @link"},
		{"@way/secret", "a file that can be read (Not a directory), found @way/secret"},
		{"@sub/way2/secret",
		 "a file that can be read (Not a directory), found @sub/way2/secret"},
		{"@text/x", "a file that can be read (Not a directory), found @text/x"},
		{"@big", "a file of at most 16777216 bytes, found @big"},
	};
	write_file("text", "t");
	write_file("out/secret", "s");
	write_file("big", "");
	assert_int_equal(truncate(inside("big"), (16 << 20) + 1), 0);
	assert_int_equal(mkfifo(inside("fifo"), 0600), 0);
	assert_int_equal(symlink("text", inside("link")), 0);
	assert_int_equal(symlink("out", inside("way")), 0);
	assert_int_equal(symlink("../out", inside("sub/way2")), 0);
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[256], message[TORN_MESSAGE_SIZE + 16];
		struct torn_case c;
		struct torn_case_error error;
		snprintf(text, sizeof(text), HEAD "old a file %s\n", rows[i].reference);
		snprintf(message, sizeof(message), "expected %s", rows[i].message);
		write_file("x.case", text);
		assert_int_equal(torn_case_load(inside("x.case"), &arena, &c, &error), -EINVAL);
		assert_string_equal(error.message, message);
		assert_int_equal(error.line, 3);
		assert_int_equal(arena.used, 0);
	}
}

static void test_a_file_of_the_greatest_size_is_read(void **state)
{
	(void)state;
	struct torn_case c;
	struct torn_case_error error;
	write_file("big", "b");
	assert_int_equal(truncate(inside("big"), 16 << 20), 0);
	write_file("x.case", HEAD "old a file @big\n");
	assert_int_equal(torn_case_load(inside("x.case"), &arena, &c, &error), 0);
	assert_int_equal(c.olds[0].text.size, 16 << 20);
	assert_int_equal(c.olds[0].text.data[0], 'b');
}

static void test_a_case_that_is_no_regular_file_is_not_loaded(void **state)
{
	(void)state;
	struct torn_case c;
	struct torn_case_error error;
	assert_int_equal(mkfifo(inside("fifo"), 0600), 0);
	write_file("big", "");
	assert_int_equal(truncate(inside("big"), (16 << 20) + 1), 0);
	static const struct {
		const char *name;
		int result;
		const char *message;
	} rows[] = {
		{"none", -ENOENT, "expected a file that exists, found "},
		{"sub", -ENXIO, "expected a regular file, found "},
		{"fifo", -ENXIO, "expected a regular file, found "},
		{"big", -EFBIG, "expected a file of at most 16777216 bytes, found "},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *path = inside(rows[i].name);
		assert_int_equal(torn_case_load(path, &arena, &c, &error), rows[i].result);
		assert_ptr_equal(error.file, path);
		assert_int_equal(error.line, 0);
		assert_memory_equal(error.message, rows[i].message, strlen(rows[i].message));
		assert_int_equal(arena.used, 0);
	}
}

static void test_loading_leaves_no_descriptor_open(void **state)
{
	(void)state;
	struct torn_case c;
	struct torn_case_error error;
	write_file("sub/text", "t");
	int before = dup(0);
	static const char *const texts[] = {HEAD "old a file @sub/text\n", HEAD "bad\n",
					    HEAD "old a file @sub/none\n",
					    HEAD "old a file @sub/none/none\n"};
	for (size_t i = 0; i < COUNT(texts); i++) {
		write_file("x.case", texts[i]);
		torn_case_load(inside("x.case"), &arena, &c, &error);
	}
	torn_case_load(inside("none"), &arena, &c, &error);
	torn_case_load(inside("sub"), &arena, &c, &error);
	int after = dup(0);
	close(before);
	close(after);
	assert_int_equal(after, before + 1);
}

#define PLAIN(test) cmocka_unit_test_setup(test, empty_arena)
#define TIMED(test) cmocka_unit_test_setup_teardown(test, start_clock, stop_clock)
#define FILES(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAIN(test_a_case_is_read),
		PLAIN(test_what_a_case_does_not_say_is_the_default),
		PLAIN(test_every_fault_is_read),
		PLAIN(test_each_fault_name_is_the_word_in_a_case),
		PLAIN(test_one_eintr_prints_as_eintr),
		PLAIN(test_runs_are_read_one_behind_the_other),
		PLAIN(test_a_cut_is_read),
		PLAIN(test_every_preset_and_every_kind_of_effect_is_read),
		PLAIN(test_accepted_texts_have_one_canonical_form),
		PLAIN(test_paths_and_attributes_of_the_longest_are_accepted),
		PLAIN(test_malformed_texts_are_refused_with_their_line),
		PLAIN(test_a_nul_byte_is_refused_wherever_it_stands),
		PLAIN(test_values_that_are_too_long_are_refused),
		PLAIN(test_more_faults_than_a_plan_has_room_for_are_refused),
		PLAIN(test_lines_tell_where_things_stand),
		PLAIN(test_a_world_is_read),
		PLAIN(test_other_lines_in_a_world_are_refused),
		PLAIN(test_an_attribute_with_a_colon_in_its_name_is_not_printed),
		PLAIN(test_a_stream_that_fails_is_told),
		PLAIN(test_random_cases_read_back_as_they_were_printed),
		PLAIN(test_the_order_of_lines_does_not_matter),
		PLAIN(test_changed_texts_are_refused_or_canonical),
		PLAIN(test_an_arena_of_any_size_is_full_or_enough),
		TIMED(test_a_hundred_thousand_lines_are_read_in_time),
		TIMED(test_a_line_said_a_million_times_is_refused_in_time),
		TIMED(test_deep_paths_are_read_in_time),
		TIMED(test_a_hundred_thousand_attributes_are_read_in_time),
		TIMED(test_a_million_lost_effects_are_read_in_time),
		TIMED(test_a_long_list_with_one_effect_twice_is_refused_in_time),
		TIMED(test_ten_megabytes_of_noise_are_refused_in_time),
		FILES(test_a_case_file_is_loaded_with_the_files_it_names),
		FILES(test_a_case_file_may_be_named_without_a_folder),
		FILES(test_references_that_lead_elsewhere_are_refused),
		FILES(test_a_file_of_the_greatest_size_is_read),
		FILES(test_a_case_that_is_no_regular_file_is_not_loaded),
		FILES(test_loading_leaves_no_descriptor_open),
	};
	return cmocka_run_group_tests(tests, open_arena, close_arena);
}
