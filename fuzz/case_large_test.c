/* case_large_test.c: texts of many lines, long ones and noise are read or refused in time. */
#include "case_for_tests.h"

#include <unistd.h>

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
		HEAD "seed ", HEAD "# ", "torn-case 1\ntarget exec\ncommand ",
		HEAD "cut 9 preset=ext4 lost="};
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

#define TIMED(test) cmocka_unit_test_setup_teardown(test, start_clock, stop_clock)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TIMED(test_a_hundred_thousand_lines_are_read_in_time),
		TIMED(test_a_line_said_a_million_times_is_refused_in_time),
		TIMED(test_deep_paths_are_read_in_time),
		TIMED(test_a_hundred_thousand_attributes_are_read_in_time),
		TIMED(test_a_million_lost_effects_are_read_in_time),
		TIMED(test_a_long_list_with_one_effect_twice_is_refused_in_time),
		TIMED(test_ten_megabytes_of_noise_are_refused_in_time),
	};
	return cmocka_run_group_tests(tests, open_arena, close_arena);
}
