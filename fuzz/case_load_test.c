/* case_load_test.c: cases in files, with the files that they name: torn_case_load(). */
#include "case_for_tests.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

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
		{"@big", "a file of at most 67108864 bytes, found @big"},
	};
	write_file("text", "t");
	write_file("out/secret", "s");
	write_file("big", "");
	assert_int_equal(truncate(inside("big"), (64 << 20) + 1), 0);
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
	assert_int_equal(truncate(inside("big"), 64 << 20), 0);
	write_file("x.case", HEAD "old a file @big\n");
	assert_int_equal(torn_case_load(inside("x.case"), &arena, &c, &error), 0);
	assert_int_equal(c.olds[0].text.size, 64 << 20);
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

#define FILES(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILES(test_a_case_file_is_loaded_with_the_files_it_names),
		FILES(test_a_case_file_may_be_named_without_a_folder),
		FILES(test_references_that_lead_elsewhere_are_refused),
		FILES(test_a_file_of_the_greatest_size_is_read),
		FILES(test_a_case_that_is_no_regular_file_is_not_loaded),
		FILES(test_loading_leaves_no_descriptor_open),
	};
	return cmocka_run_group_tests(tests, open_arena, close_arena);
}
