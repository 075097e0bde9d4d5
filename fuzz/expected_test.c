/* expected_test.c: see expected.h. */
#include "expected.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char corpus[64], folder[96], path[128];
static struct torn_expected_list list;
static int stderr_kept = -1;

static int make_corpus(void **state)
{
	(void)state;
	snprintf(corpus, sizeof corpus, "/tmp/expected_test.XXXXXX");
	if (!mkdtemp(corpus))
		return -1;
	snprintf(folder, sizeof folder, "%s/a.target", corpus);
	snprintf(path, sizeof path, "%s/expected", folder);
	return mkdir(folder, 0755);
}

static int remove_corpus(void **state)
{
	(void)state;
	torn_expected_free(&list);
	if (stderr_kept >= 0)
		dup2(stderr_kept, STDERR_FILENO);
	if (unlink(path) != 0)
		rmdir(path);
	return rmdir(folder) == 0 ? rmdir(corpus) : -1;
}

static void put_bytes(const char *text, size_t size)
{
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	assert_int_equal(fwrite(text, 1, size, out), size);
	assert_int_equal(fclose(out), 0);
}

static int read_list(const char *text)
{
	put_bytes(text, strlen(text));
	torn_expected_free(&list);
	return torn_expected_read(corpus, "a.target", &list);
}

/* What is told on stderr while a list is read; returns what reading it does. */
static int read_and_listen(const char *text, char *heard, size_t size)
{
	FILE *file = tmpfile();
	assert_non_null(file);
	stderr_kept = dup(STDERR_FILENO);
	dup2(fileno(file), STDERR_FILENO);
	int r = read_list(text);
	dup2(stderr_kept, STDERR_FILENO);
	close(stderr_kept);
	stderr_kept = -1;
	rewind(file);
	heard[fread(heard, 1, size - 1, file)] = '\0';
	fclose(file);
	return r;
}

static struct torn_finding finding(const char *variant, const char *id, const char *call,
				   const char *fault)
{
	return (struct torn_finding){.id = id, .variant = variant, .call = call, .fault = fault};
}

static struct torn_expected *match_cut(const char *fault, const char *strongest)
{
	struct torn_finding wanted = finding("v", "i", "c", fault);
	if (strongest)
		wanted.presets[wanted.presets_count++] = strongest;
	wanted.presets[wanted.presets_count++] = "posix";
	return torn_expected_match(&list, &wanted, NULL);
}

static struct torn_expected *match(const char *variant, const char *id, const char *call,
				   const char *fault)
{
	const struct torn_finding wanted = finding(variant, id, call, fault);
	return torn_expected_match(&list, &wanted, NULL);
}

static void test_a_target_without_a_list_expects_nothing(void **state)
{
	(void)state;
	assert_int_equal(torn_expected_read(corpus, "a.target", &list), 0);
	assert_int_equal(list.count, 0);
	assert_int_equal(torn_expected_read(corpus, "another.target", &list), 0);
	assert_int_equal(list.count, 0);
	assert_null(match("v", "i", "c", "f"));
}

static void test_lines_are_read(void **state)
{
	(void)state;
	assert_int_equal(read_list("# comment\n"
				   "\n"
				   "before old-or-new write full a.case # why\n"
				   "  \t \n"
				   "\tbefore   no-litter\trename  errno   b.case\n"
				   "pr600 clean-run-succeeds - - c.case"),
			 0);
	assert_int_equal(list.count, 3);
	assert_string_equal(list.items[0].variant, "before");
	assert_string_equal(list.items[0].invariant, "old-or-new");
	assert_string_equal(list.items[0].call, "write");
	assert_string_equal(list.items[0].fault, "full");
	assert_string_equal(list.items[0].file, "a.case");
	assert_int_equal(list.items[0].line, 3);
	assert_int_equal(list.items[1].line, 5);
	assert_int_equal(list.items[2].line, 6);
	assert_string_equal(list.items[2].file, "c.case");
	for (size_t i = 0; i < list.count; i++)
		assert_false(list.items[i].found);
}

static void test_a_finding_is_matched_by_all_four(void **state)
{
	(void)state;
	assert_int_equal(read_list("v i c f x\nv i c g y\n"), 0);
	assert_null(match("w", "i", "c", "f"));
	assert_null(match("v", "j", "c", "f"));
	assert_null(match("v", "i", "d", "f"));
	assert_null(match("v", "i", "c", "h"));
	assert_null(match("v", "i", "c", ""));
	assert_null(match("v", "i", "", "f"));
	assert_false(list.items[0].found || list.items[1].found);
	assert_ptr_equal(match("v", "i", "c", "g"), &list.items[1]);
	assert_false(list.items[0].found);
	assert_true(list.items[1].found);
	assert_ptr_equal(match("v", "i", "c", "f"), &list.items[0]);
	assert_true(list.items[0].found);
}

/* What POSIX alone allows is another thing than what ext4 does. */
static void test_a_power_cut_is_matched_by_its_strongest_preset(void **state)
{
	(void)state;
	assert_int_equal(read_list("v i c cut=ext4 x\nv i c cut y\nv i c kill z\n"), 0);
	assert_null(match_cut("cut", NULL));
	assert_null(match_cut("cut", "xfs"));
	assert_ptr_equal(match_cut("cut", "ext4"), &list.items[0]);
	assert_ptr_equal(match_cut("kill", "sync"), &list.items[2]);
}

/* A second finding that differs in its role only would hide behind the line of the first. */
static void test_a_line_is_for_one_finding(void **state)
{
	(void)state;
	const struct torn_finding wanted = finding("v", "i", "c", "f");
	assert_int_equal(read_list("v i c f x\nv i c f y\n"), 0);
	assert_null(torn_expected_match(&list, &wanted, "z"));
	assert_ptr_equal(torn_expected_match(&list, &wanted, "y"), &list.items[1]);
	assert_null(torn_expected_match(&list, &wanted, "y"));
	assert_ptr_equal(torn_expected_match(&list, &wanted, NULL), &list.items[0]);
	assert_null(torn_expected_match(&list, &wanted, NULL));
}

static void test_a_dash_is_a_finding_that_needs_no_fault(void **state)
{
	(void)state;
	assert_int_equal(read_list("v i - - x\n"), 0);
	assert_null(match("v", "i", "c", ""));
	assert_null(match("v", "i", "", "f"));
	assert_ptr_equal(match("v", "i", "", ""), &list.items[0]);
}

/* That no fault is needed any more would hide behind it. */
static void test_any_is_a_finding_that_takes_some_fault(void **state)
{
	(void)state;
	struct torn_finding wanted = finding("v", "i", "", "");
	assert_int_equal(read_list("v i - any x\nv i - - y\n"), 0);
	assert_ptr_equal(torn_expected_match(&list, &wanted, NULL), &list.items[1]);
	assert_null(torn_expected_match(&list, &wanted, NULL));
	wanted.is_any_fault = true;
	assert_ptr_equal(torn_expected_match(&list, &wanted, NULL), &list.items[0]);
	assert_null(torn_expected_match(&list, &wanted, NULL));
}

static void test_lines_that_cannot_be_read_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		unsigned line;
	} refused[] = {
		{"v\n", 1},
		{"v i\n", 1},
		{"v i c\n", 1},
		{"v i c f\n", 1},
		{"v i c f # x\n", 1},
		{"v i c f x y\n", 1},
		{"v i c f x\nv i c f\n", 2},
		{"# one\n\n\nv i c f x y # z\n", 4},
	};
	for (size_t i = 0; i < COUNT(refused); i++) {
		char heard[512], wanted[256];
		assert_int_equal(read_and_listen(refused[i].text, heard, sizeof heard), -EINVAL);
		snprintf(wanted, sizeof wanted, "%s:%u: expected VARIANT INVARIANT CALL FAULT CASE\n",
			 path, refused[i].line);
		assert_string_equal(heard, wanted);
		assert_int_equal(list.count, 0);
		assert_null(list.items);
	}
}

/* Words that do not fit must not become two: a finding would be listed as another. */
static void test_a_word_that_is_too_long_is_refused(void **state)
{
	(void)state;
	char text[2048], heard[4096];
	snprintf(text, sizeof text, "%0100d i c f\n", 0);
	assert_int_equal(read_and_listen(text, heard, sizeof heard), -EINVAL);
	snprintf(text, sizeof text, "v %064d c f\n", 0);
	assert_int_equal(read_and_listen(text, heard, sizeof heard), -EINVAL);
	snprintf(text, sizeof text, "v i c f %0300d\n", 0);
	assert_int_equal(read_and_listen(text, heard, sizeof heard), -EINVAL);
}

/* Nor lines: their rest is no line of its own, and later ones keep their numbers. */
static void test_a_long_line_is_one_line(void **state)
{
	(void)state;
	char text[4096], heard[4096];
	snprintf(text, sizeof text, "v i c f x # %02000d v i c f y\nw i c f x\n", 0);
	(void)read_and_listen(text, heard, sizeof heard);
	assert_string_equal(heard, "");
	assert_int_equal(list.count, 2);
	assert_int_equal(list.items[1].line, 2);
	assert_string_equal(list.items[1].variant, "w");
}

/* A list that cannot be read is not an empty one: a gate would pass. */
static void test_a_list_that_cannot_be_read_is_told(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path, 0755), 0);
	assert_int_equal(torn_expected_read(corpus, "a.target", &list), -EISDIR);
	assert_int_equal(list.count, 0);
}

static void test_a_nul_byte_is_refused(void **state)
{
	(void)state;
	static const char text[] = "v i c f x\0 y\n";
	put_bytes(text, sizeof text - 1);
	FILE *null = fopen("/dev/null", "w");
	assert_non_null(null);
	stderr_kept = dup(STDERR_FILENO);
	dup2(fileno(null), STDERR_FILENO);
	int r = torn_expected_read(corpus, "a.target", &list);
	dup2(stderr_kept, STDERR_FILENO);
	close(stderr_kept);
	stderr_kept = -1;
	fclose(null);
	assert_int_equal(r, -EINVAL);
}

static void test_freed_twice_is_freed_once(void **state)
{
	(void)state;
	assert_int_equal(read_list("v i c f x\n"), 0);
	torn_expected_free(&list);
	torn_expected_free(&list);
	assert_int_equal(list.count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_corpus, remove_corpus)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_target_without_a_list_expects_nothing),
		TEST(test_lines_are_read),
		TEST(test_a_finding_is_matched_by_all_four),
		TEST(test_a_power_cut_is_matched_by_its_strongest_preset),
		TEST(test_a_line_is_for_one_finding),
		TEST(test_a_dash_is_a_finding_that_needs_no_fault),
		TEST(test_any_is_a_finding_that_takes_some_fault),
		TEST(test_lines_that_cannot_be_read_are_refused),
		TEST(test_a_word_that_is_too_long_is_refused),
		TEST(test_a_long_line_is_one_line),
		TEST(test_a_list_that_cannot_be_read_is_told),
		TEST(test_a_nul_byte_is_refused),
		TEST(test_freed_twice_is_freed_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
