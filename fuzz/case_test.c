/* case_test.c: see case.h; old_text.h, fault_text.h and cut_text.h are read through it. */
#include "case_for_tests.h"

#include <signal.h>

#include "../injectors/presets.h"
#include "fault_text.h"

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

static void test_a_case_of_a_program_is_read(void **state)
{
	(void)state;
	struct torn_case c;
	parse_good("torn-case 1\n"
		   "watch /etc/b\n"
		   "target exec\n"
		   "command sh -c \"echo \\\"a\\\" >etc/a\\n\" \"\" \"@x\" # c\n"
		   "watch \"etc/a b\"\n"
		   "old etc/b file x\n",
		   &c);
	assert_text(c.target, "exec");
	assert_int_equal(c.command_count, 5);
	assert_text(c.command[0], "sh");
	assert_text(c.command[1], "-c");
	assert_text(c.command[2], "echo \"a\" >etc/a\n");
	assert_text(c.command[3], "");
	assert_text(c.command[4], "@x");
	assert_int_equal(c.watches_count, 2);
	assert_text(c.watches[0], "etc/a b");
	assert_text(c.watches[1], "etc/b");
	assert_int_equal(c.olds_count, 1);
}

static void test_what_a_case_does_not_say_is_the_default(void **state)
{
	(void)state;
	struct torn_case c;
	parse_good("torn-case 1\ntarget t\nold a file \"\"\nold b dir\nold c fifo\n", &c);
	assert_int_equal(c.variant.size, 0);
	assert_int_equal(c.args_count, 0);
	assert_int_equal(c.command_count, 0);
	assert_int_equal(c.watches_count, 0);
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
		{"3 write full disk=tmpfs blocks=0",
		 {{3, 3, 0}, TORN_CALL_write, TORN_FAULT_FULL, TORN_FULL_VALUE(TORN_FULL_TMPFS, TORN_FULL_BLOCKS, 0)},
		 NULL},
		{"3 mkdir full disk=ext4 inodes=65535",
		 {{3, 3, 0}, TORN_CALL_mkdir, TORN_FAULT_FULL, TORN_FULL_VALUE(TORN_FULL_EXT4, TORN_FULL_INODES, 65535)},
		 NULL},
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
		{"torn-case 1\nold a absent\nwatch b\nwatch \"/a b\"\nwatch /a\narg k v\n"
		 "fault 1 read eintr\ncommand \"ls\" \"-l\" a=b,c \"\" \"#\" \"@d\" \"\\x41\\xFF\"\n"
		 "seed 7\ntarget exec\n",
		 "torn-case 1\ntarget exec\nseed 7\n"
		 "command ls -l a=b,c \"\" \"#\" \"@d\" \"A\\xff\"\narg k v\n"
		 "watch a\nwatch \"a b\"\nwatch b\nold a absent\nfault 1 read eintr\n"},
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
		{HEAD "cut 4 disk=ext4:data=ordered,noauto_da_alloc commit=1 write=9 drop=3,7 torn=5:8\n",
		 HEAD "cut 4 disk=ext4:data=ordered,noauto_da_alloc commit=1 write=9 drop=3,7 torn=5:8\n"},
		{HEAD "cut 4 during  disk=xfs write=1\n", HEAD "cut 4 during disk=xfs write=1\n"},
		{HEAD "cut 4 disk=xfs write=0\n", HEAD "cut 4 disk=xfs write=0\n"},
		/* one disk, and with it no other but the model's */
		{HEAD "cut 4 disk=xfs write=0\nthen run\ncut 2 preset=xfs\nthen run\ncut 4 disk=xfs write=3\n",
		 HEAD "cut 4 disk=xfs write=0\nthen run\ncut 2 preset=xfs\nthen run\ncut 4 disk=xfs write=3\n"},
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
				   "target exec\n"
				   "cut 9 preset=ext4\n"
				   "watch b\n"
				   "command ls\n"
				   "watch a\n";
	struct torn_case c;
	struct torn_case_error error;
	assert_int_equal(parse(torn_bytes_of(text), &c, &error), 0);
	assert_int_equal(error.lines.target, 11);
	assert_int_equal(error.lines.invariant, 2);
	assert_int_equal(error.lines.cut, 12);
	assert_int_equal(error.lines.command, 14);
	static const uint32_t args[] = {10, 4, 7}, olds[] = {9, 6}, faults[] = {8, 3};
	static const uint32_t watches[] = {15, 13};
	assert_memory_equal(error.lines.watches, watches, sizeof(watches));
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
		{"watch a\n", 1, "expected old or arg, found watch"},
		{"command ls\n", 1, "expected old or arg, found command"},
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAIN(test_a_case_is_read),
		PLAIN(test_a_case_of_a_program_is_read),
		PLAIN(test_what_a_case_does_not_say_is_the_default),
		PLAIN(test_every_fault_is_read),
		PLAIN(test_each_fault_name_is_the_word_in_a_case),
		PLAIN(test_one_eintr_prints_as_eintr),
		PLAIN(test_runs_are_read_one_behind_the_other),
		PLAIN(test_a_cut_is_read),
		PLAIN(test_every_preset_and_every_kind_of_effect_is_read),
		PLAIN(test_accepted_texts_have_one_canonical_form),
		PLAIN(test_paths_and_attributes_of_the_longest_are_accepted),
		PLAIN(test_lines_tell_where_things_stand),
		PLAIN(test_a_world_is_read),
		PLAIN(test_other_lines_in_a_world_are_refused),
		PLAIN(test_an_attribute_with_a_colon_in_its_name_is_not_printed),
		PLAIN(test_a_stream_that_fails_is_told),
	};
	return cmocka_run_group_tests(tests, open_arena, close_arena);
}
