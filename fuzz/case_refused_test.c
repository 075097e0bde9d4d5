/* case_refused_test.c: texts that are no case, with the line and the words that tell why. */
#include "case_for_tests.h"

#define PROGRAM "torn-case 1\ntarget exec\n"

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
		 "one of target, seed, command, arg, watch, old, fault, cut, then, expect, found torn-case"},
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
		{HEAD "Seed 1\n", 3,
		 "one of target, seed, command, arg, watch, old, fault, cut, then, expect, found Seed"},
		{HEAD "@seed 1\n", 3,
		 "one of target, seed, command, arg, watch, old, fault, cut, then, expect, found @seed"},
		{HEAD "\"seed\" 1\n", 3,
		 "one of target, seed, command, arg, watch, old, fault, cut, then, expect, found \"seed\""},
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
		 "one of absent, file, dir, mount, runtime, symlink, fifo, socket, link, "
		 "found the end of the line"},
		{HEAD "old a directory\n", 3,
		 "one of absent, file, dir, mount, runtime, symlink, fifo, socket, link, found directory"},
		{HEAD "old a \"file\" x\n", 3,
		 "one of absent, file, dir, mount, runtime, symlink, fifo, socket, link, found \"file\""},
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
		/* fault: small disks */
		{HEAD "fault 7 write full blocks=1\n", 3, "the end of the line, found blocks=1"},
		{HEAD "fault 7 write full disk=\n", 3, "a small disk: tmpfs or ext4, found nothing"},
		{HEAD "fault 7 write full disk=xfs blocks=1\n", 3, "a small disk: tmpfs or ext4, found xfs"},
		{HEAD "fault 7 write full disk=tmpfs\n", 3, "blocks=N or inodes=N, found the end of the line"},
		{HEAD "fault 7 write full disk=tmpfs bytes=1\n", 3, "blocks=N or inodes=N, found bytes=1"},
		{HEAD "fault 7 write full disk=tmpfs blocks\n", 3, "blocks=N or inodes=N, found blocks"},
		{HEAD "fault 7 write full disk=tmpfs blocks=\n", 3, "a number from 0 to 65535, found nothing"},
		{HEAD "fault 7 write full disk=tmpfs blocks=65536\n", 3, "a number from 0 to 65535, found 65536"},
		{HEAD "fault 7 write full disk=tmpfs blocks=1 inodes=1\n", 3, "the end of the line, found inodes=1"},
		{HEAD "fault 7..9 write full disk=tmpfs blocks=1\n", 3,
		 "one op, which a small disk refuses first, found disk=tmpfs"},
		{HEAD "fault 7 write full disk=tmpfs blocks=1\nfault 8 write full disk=tmpfs inodes=1\n", 4,
		 "one small disk at most, found 8 write full disk=tmpfs inodes=1"},
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
		{HEAD "cut 0\n", 3, "preset=NAME or disk=FS, found the end of the line"},
		{HEAD "cut 12\n", 3, "during, preset=NAME or disk=FS, found the end of the line"},
		{HEAD "cut 12 ext4\n", 3, "during, preset=NAME or disk=FS, found ext4"},
		{HEAD "cut 12 \"during\" preset=ext4\n", 3,
		 "during, preset=NAME or disk=FS, found \"during\""},
		{HEAD "cut 12 during during preset=ext4\n", 3, "preset=NAME or disk=FS, found during"},
		{HEAD "cut 12 during\n", 3, "preset=NAME or disk=FS, found the end of the line"},
		{HEAD "cut 12 lost=7.entry preset=ext4\n", 3,
		 "during, preset=NAME or disk=FS, found lost=7.entry"},
		{HEAD "cut 12 \"preset=ext4\"\n", 3,
		 "during, preset=NAME or disk=FS, found \"preset=ext4\""},
		{HEAD "cut 12 preset\n", 3, "during, preset=NAME or disk=FS, found preset"},
		{HEAD "cut 12 disk=ext3 write=3\n", 3, "a file system: ext4, xfs, btrfs, or ext4:OPTIONS, found ext3"},
		{HEAD "cut 12 disk=xfs:noauto_da_alloc write=3\n", 3,
		 "options that have a preset: of ext4 noauto_da_alloc, data=journal, data=ordered, data=writeback, found "
		 "xfs:noauto_da_alloc"},
		{HEAD "cut 12 disk=ext4:data=journal,data=writeback write=3\n", 3,
		 "one data= mode at most, found ext4:data=journal,data=writeback"},
		{HEAD "cut 12 disk=ext4:noauto_da_alloc,noauto_da_alloc write=3\n", 3,
		 "each option once, found ext4:noauto_da_alloc,noauto_da_alloc"},
		{HEAD "cut 12 disk=ext4\n", 3, "write=W, found the end of the line"},
		{HEAD "cut 12 disk=ext4 write=-1\n", 3, "a number from 0 to 4294967294, found -1"},
		{HEAD "cut 12 disk=ext4 commit=0 write=3\n", 3, "a number from 1 to 4294967294, found 0"},
		{HEAD "cut 12 disk=ext4 write=0 drop=1\n", 3,
		 "the end of the line (write=0: the disk was given no write that could be lost), found drop=1"},
		{HEAD "cut 12 disk=ext4 write=0 torn=1:1\n", 3,
		 "the end of the line (write=0: the disk was given no write that could be lost), found torn=1:1"},
		{HEAD "cut 12 disk=ext4 commit=x write=3\n", 3, "a number from 1 to 4294967294, found x"},
		{HEAD "cut 12 disk=ext4 write=3 lost=7.entry\n", 3, "drop=, torn= or the end of the line, found lost=7.entry"},
		{HEAD "cut 12 disk=ext4 write=3 drop=4\n", 3, "a write from 1 to 3, found 4"},
		{HEAD "cut 12 disk=ext4 write=3 drop=2,1\n", 3, "writes in their order, each once, found 1"},
		{HEAD "cut 12 disk=ext4 write=3 torn=2\n", 3, "a write and its sectors, W:SECTORS, found 2"},
		{HEAD "cut 12 disk=ext4 write=3 drop=2 torn=2:1\n", 3,
		 "each write once, in drop= or in torn=, found write 2 in both"},
		{HEAD "cut 12 disk=ext4 write=9 drop=2,7 torn=1:1,7:1\n", 3,
		 "each write once, in drop= or in torn=, found write 7 in both"},
		/* cut: one disk in all runs */
		{HEAD "cut 4 disk=btrfs commit=1 write=9\nthen run\ncut 4 disk=ext4:noauto_da_alloc commit=1 write=7\n", 5,
		 "one disk in all runs, disk=btrfs, found ext4:noauto_da_alloc"},
		{HEAD "cut 4 disk=ext4 write=9\nthen run\nthen run\ncut 4 disk=ext4:noauto_da_alloc write=7\n", 6,
		 "one disk in all runs, disk=ext4, found ext4:noauto_da_alloc"},
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
		/* command */
		{PROGRAM "command\n", 3, "a program and its arguments, found the end of the line"},
		{PROGRAM "command # ls\n", 3,
		 "a program and its arguments, found the end of the line"},
		{PROGRAM "command \"\" a\n", 3, "the name of a program, found \"\""},
		{PROGRAM "command @ls\n", 3,
		 "a program and its arguments, in quotes where it begins with @, found @ls"},
		{PROGRAM "command ls @a\n", 3,
		 "a program and its arguments, in quotes where it begins with @, found @a"},
		{PROGRAM "command \"l\\x00s\"\n", 3, "a word without NUL, found \"l\\x00s\""},
		{PROGRAM "command ls \"\\x00\" \"\n", 3, "a word without NUL, found \"\\x00\""},
		{PROGRAM "command \"\n", 3, "a closing quote, found the end of the line"},
		{PROGRAM "command ls \"\n", 3, "a closing quote, found the end of the line"},
		{PROGRAM "command ls -l \\\n", 3, "quotes around a word with escapes, found \\"},
		{PROGRAM "command ls\n\ncommand ls\n", 5,
		 "each item once (first on line 3), found command"},
		{HEAD "seed 7\ncommand ls\n", 4, "the target exec for a command, found t"},
		{"torn-case 1\ncommand ls\ntarget t\n", 2, "the target exec for a command, found t"},
		{"torn-case 1\ncommand ls\ntarget exec.a\n", 2,
		 "the target exec for a command, found exec.a"},
		{"torn-case 1\ncommand ls\nwatch a\n", 3, "a target, found the end of the text"},
		{PROGRAM, 2, "a command for the target exec, found nothing"},
		{"torn-case 1\nwatch a\ntarget exec@v\nold a file x\n", 3,
		 "a command for the target exec, found nothing"},
		/* watch */
		{PROGRAM "command ls\nwatch\n", 4, "a path, found the end of the line"},
		{PROGRAM "command ls\nwatch @a\n", 4,
		 "a path, in quotes where it begins with @, found @a"},
		{PROGRAM "command ls\nwatch /\n", 4, "a path below the root, found /"},
		{PROGRAM "command ls\nwatch ../a\n", 4, "a path without . and .., found ../a"},
		{PROGRAM "command ls\nwatch a//b\n", 4,
		 "a path without empty components, found a//b"},
		{PROGRAM "command ls\nwatch \"a\\x00\"\n", 4, "a path without NUL, found \"a\\x00\""},
		{PROGRAM "command ls\nwatch a b\n", 4, "the end of the line, found b"},
		{PROGRAM "command ls\nwatch b\nwatch a\nwatch /b\nwatch a\n", 6,
		 "each watched path once (first on line 4), found b"},
		{HEAD "old a file x\nwatch b\nwatch a\n", 4, "the target exec for a watch, found t"},
		{HEAD "watch b\ncommand ls\n", 3, "the target exec for a watch, found t"},
		{HEAD "command ls\nwatch b\n", 3, "the target exec for a command, found t"},
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

/* Words of 1 byte and a NUL each but for the first, which fills what they leave of `size`. */
static char *command_of(size_t size, size_t words)
{
	char *text = NULL;
	size_t text_size = 0;
	FILE *out = open_memstream(&text, &text_size);
	fputs(PROGRAM "command ", out);
	for (size_t i = 1; i < size - 2 * (words - 1); i++)
		putc('x', out);
	for (size_t i = 1; i < words; i++)
		fputs(" a", out);
	putc('\n', out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void test_a_command_of_the_greatest_size_is_accepted_and_no_greater_one(void **state)
{
	(void)state;
	static const size_t words[] = {1, 2, 65536};
	static const char *const found[] = {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...", "a", "a"};
	char message[TORN_MESSAGE_SIZE];
	for (size_t i = 0; i < COUNT(words); i++) {
		char *text = command_of(131072, words[i]);
		struct torn_case c;
		assert_canonical(text, text);
		parse_good(text, &c);
		assert_int_equal(c.command_count, words[i]);
		free(text);
		text = command_of(131073, words[i]);
		snprintf(message, sizeof(message),
			 "expected a command of at most 131072 bytes, with a NUL behind each word, "
			 "found %s", found[i]);
		assert_refused(text, 3, message);
		free(text);
	}
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLAIN(test_malformed_texts_are_refused_with_their_line),
		PLAIN(test_a_nul_byte_is_refused_wherever_it_stands),
		PLAIN(test_values_that_are_too_long_are_refused),
		PLAIN(test_a_command_of_the_greatest_size_is_accepted_and_no_greater_one),
		PLAIN(test_more_faults_than_a_plan_has_room_for_are_refused),
	};
	return cmocka_run_group_tests(tests, open_arena, close_arena);
}
