/* words_test.c: see words.h. */
#include "words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../injectors/arena_for_tests.h"

/* A string literal as bytes, with its NULs. */
#define BYTES(literal) ((struct torn_bytes){(const uint8_t *)(literal), sizeof(literal) - 1})

static void assert_bytes(struct torn_bytes actual, struct torn_bytes expected)
{
	assert_non_null(actual.data);
	assert_int_equal(actual.size, expected.size);
	assert_memory_equal(actual.data, expected.data, expected.size);
	assert_int_equal(actual.data[actual.size], 0); /* the NUL behind it */
}

/* Return what a printer writes for a value; to be freed. */
static char *printed(struct torn_bytes value, void (*print)(struct torn_bytes, FILE *))
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	print(value, out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(strlen(text), size);
	return text;
}

static void test_blanks_and_tabs_separate_words(void **state)
{
	(void)state;
	static const char *const lines[] = {"a bc \"d e\"", "  a\tbc   \"d e\"\t ",
					    "a bc \"d e\" # x \"", "\t a bc \"d e\"\t#"};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct torn_words words;
		struct torn_word word;
		torn_words_begin(&words, torn_bytes_of(lines[i]));
		assert_int_equal(torn_words_next(&words, &word), 0);
		assert_int_equal(word.kind, TORN_WORD_BARE);
		assert_true(torn_word_is(&word, "a"));
		assert_int_equal(torn_words_next(&words, &word), 0);
		assert_true(torn_word_is(&word, "bc"));
		assert_false(torn_word_is(&word, "b"));
		assert_false(torn_word_is(&word, "bcd"));
		assert_int_equal(torn_words_next(&words, &word), 0);
		assert_int_equal(word.kind, TORN_WORD_QUOTED);
		assert_bytes(torn_word_copy(&word, &arena), BYTES("d e"));
		for (int again = 0; again < 3; again++) {
			assert_int_equal(torn_words_next(&words, &word), 0);
			assert_int_equal(word.kind, TORN_WORD_END);
		}
		assert_int_equal(torn_words_finish(&words), 0);
	}
}

static void test_empty_lines_and_comments_have_no_words(void **state)
{
	(void)state;
	static const char *const lines[] = {"", " ", "\t", "#", "# a", "   # \"\\ \x01\xff"};
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct torn_words words;
		torn_words_begin(&words, torn_bytes_of(lines[i]));
		assert_int_equal(torn_words_finish(&words), 0);
	}
	struct torn_words words;
	torn_words_begin(&words, (struct torn_bytes){NULL, 0});
	assert_int_equal(torn_words_finish(&words), 0);
}

static void test_a_hash_inside_a_word_is_no_comment(void **state)
{
	(void)state;
	assert_bytes(torn_word_value("a#b", &arena), BYTES("a#b"));
	assert_bytes(torn_word_value("\"#b\"", &arena), BYTES("#b"));
	assert_bytes(torn_word_value("a #b", &arena), BYTES("a"));
}

static void test_a_quoted_word_is_no_keyword(void **state)
{
	(void)state;
	struct torn_words words;
	struct torn_word word;
	torn_words_begin(&words, torn_bytes_of("\"old\""));
	assert_int_equal(torn_words_next(&words, &word), 0);
	assert_false(torn_word_is(&word, "old"));
	assert_false(torn_word_is(&word, "\"old\""));
}

static void test_only_a_bare_at_sign_is_a_reference(void **state)
{
	(void)state;
	struct torn_words words;
	struct torn_word word;
	torn_words_begin(&words, torn_bytes_of("@f \"@f\" f@"));
	assert_int_equal(torn_words_next(&words, &word), 0);
	assert_int_equal(word.kind, TORN_WORD_REFERENCE);
	assert_int_equal(torn_words_next(&words, &word), 0);
	assert_int_equal(word.kind, TORN_WORD_QUOTED);
	assert_int_equal(torn_words_next(&words, &word), 0);
	assert_int_equal(word.kind, TORN_WORD_BARE);
}

static void test_words_are_decoded(void **state)
{
	(void)state;
	const struct {
		const char *word;
		struct torn_bytes value;
	} rows[] = {
		{"a", BYTES("a")},
		{"\"\"", BYTES("")},
		{"\"a b\"", BYTES("a b")},
		{"\"\\\\ \\\" \\n \\t \\r\"", BYTES("\\ \" \n \t \r")},
		{"\"\\x00\\x0a\\xfF\\x41b\"", BYTES("\0\n\xff"
						    "Ab")},
		{"\"\\\\x41\"", BYTES("\\x41")},
		{"\"@a\"", BYTES("@a")},
		{"\xc3\xa4", BYTES("\xc3\xa4")},
		{"\"\xe2\x82\xac\xf0\x9f\x98\x80\"", BYTES("\xe2\x82\xac\xf0\x9f\x98\x80")},
		{"a=b,c;d'$(x)`*?[]{}|&<>!", BYTES("a=b,c;d'$(x)`*?[]{}|&<>!")},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_bytes(torn_word_value(rows[i].word, &arena), rows[i].value);
}

static void test_words_that_cannot_be_read_are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *line, *message;
	} rows[] = {
		{"\"", "expected a closing quote, found the end of the line"},
		{"\"a b", "expected a closing quote, found the end of the line"},
		{"\"a\\\"", "expected a closing quote, found the end of the line"},
		{"\"a\"b c", "expected a blank after the closing quote, found b"},
		{"\"a\"\"b\"", "expected a blank after the closing quote, found \"b\""},
		{"\"a\"#", "expected a blank after the closing quote, found #"},
		{"a\"b\" c", "expected a blank before the quote, found \"b\""},
		{"a\\n", "expected quotes around a word with escapes, found \\n"},
		{"\"\\q\"", "expected one of \\\\ \\\" \\n \\t \\r \\xHH, found \\q\""},
		{"\"\\0\"", "expected one of \\\\ \\\" \\n \\t \\r \\xHH, found \\0\""},
		{"\"\\x4\"", "expected one of \\\\ \\\" \\n \\t \\r \\xHH, found \\x4\""},
		{"\"\\xg0\"", "expected one of \\\\ \\\" \\n \\t \\r \\xHH, found \\xg0\""},
		{"\"\\", "expected one of \\\\ \\\" \\n \\t \\r \\xHH, found \\"},
		{"\"a\tb\"", "expected \\xHH for a control character, found \\x09"},
		{"\"a\x7f\"", "expected \\xHH for a control character, found \\x7f"},
		{"a\x1b[0m", "expected \"...\\xHH...\" for a control character, found \\x1b"},
		{"a\rb", "expected \"...\\xHH...\" for a control character, found \\x0d"},
		{"a\xff", "expected UTF-8 or \"...\\xHH...\", found \\xff"},
		{"\"\xff\"", "expected UTF-8 or \\xHH, found \\xff"},
		{"\"\xc3\"", "expected UTF-8 or \\xHH, found \\xc3"},
		{"\"\xc0\xaf\"", "expected UTF-8 or \\xHH, found \\xc0"},	  /* overlong */
		{"\"\xe0\x80\xaf\"", "expected UTF-8 or \\xHH, found \\xe0"},	  /* overlong */
		{"\"\xf0\x80\x80\xaf\"", "expected UTF-8 or \\xHH, found \\xf0"}, /* overlong */
		{"\"\xed\xa0\x80\"", "expected UTF-8 or \\xHH, found \\xed"},	  /* surrogate */
		{"\"\xf4\x90\x80\x80\"", "expected UTF-8 or \\xHH, found \\xf4"}, /* U+110000 */
		{"\"\x80\"", "expected UTF-8 or \\xHH, found \\x80"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct torn_words words;
		struct torn_word word;
		torn_words_begin(&words, torn_bytes_of(rows[i].line));
		assert_int_equal(torn_words_next(&words, &word), -EINVAL);
		assert_string_equal(words.message, rows[i].message);
	}
}

static void test_a_word_left_over_is_refused(void **state)
{
	(void)state;
	struct torn_words words;
	torn_words_begin(&words, torn_bytes_of(" \"a b\" c"));
	assert_int_equal(torn_words_finish(&words), -EINVAL);
	assert_string_equal(words.message, "expected the end of the line, found \"a b\"");
}

static void test_what_was_found_is_shortened_to_40_printable_characters(void **state)
{
	(void)state;
	const struct {
		struct torn_bytes found;
		const char *message;
	} rows[] = {
		{BYTES(""), "expected x, found nothing"},
		{BYTES("1234567890123456789012345678901234567890"),
		 "expected x, found 1234567890123456789012345678901234567890"},
		{BYTES("12345678901234567890123456789012345678901"),
		 "expected x, found 1234567890123456789012345678901234567..."},
		{BYTES("a\n\0\x7f\xc3\xa4"), "expected x, found a\\x0a\\x00\\x7f\\xc3\\xa4"},
		{BYTES("\1\1\1\1\1\1\1\1\1\1"),
		 "expected x, found \\x01\\x01\\x01\\x01\\x01\\x01\\x01\\x01\\x01\\x01"},
		{BYTES("\1\1\1\1\1\1\1\1\1\1\1"),
		 "expected x, found \\x01\\x01\\x01\\x01\\x01\\x01\\x01\\x01\\x01..."},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct torn_words words;
		assert_int_equal(torn_words_refuse_bytes(&words, rows[i].found, "%s", "x"),
				 -EINVAL);
		assert_string_equal(words.message, rows[i].message);
	}
}

static void test_texts_that_are_not_one_value_have_none(void **state)
{
	(void)state;
	static const char *const rows[] = {"",	 " ",	"#a",	       "a b",
					   "@a", "\"a", "\"a\" \"b\"", "a\\n"};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t used = arena.used;
		assert_null(torn_word_value(rows[i], &arena).data);
		assert_int_equal(arena.used, used);
	}
}

static void test_a_full_arena_gives_no_value(void **state)
{
	(void)state;
	static const char *const rows[] = {"a234567890123456", "\"a234567890123456\""};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct torn_arena small = arena; /* its first 16 bytes: one less than needed */
		small.used = 0;
		small.size = 16;
		assert_null(torn_word_value(rows[i], &small).data);
		assert_int_not_equal(small.failed, 0);
	}
}

static void test_numbers_have_bounds_and_no_ornaments(void **state)
{
	(void)state;
	static const struct {
		const char *digits;
		uint64_t min, max, number;
		bool good;
	} rows[] = {
		{"0", 0, UINT64_MAX, 0, true},
		{"7", 7, 7, 7, true},
		{"18446744073709551615", 0, UINT64_MAX, UINT64_MAX, true},
		{"18446744073709551616", 0, UINT64_MAX, 0, false},
		{"18446744073709551625", 0, UINT64_MAX, 0, false},
		{"99999999999999999999999999999999", 0, UINT64_MAX, 0, false},
		{"6", 7, 9, 0, false},
		{"10", 7, 9, 0, false},
		{"", 0, 9, 0, false},
		{"00", 0, 9, 0, false},
		{"01", 0, 9, 0, false},
		{"+1", 0, 9, 0, false},
		{"-1", 0, UINT64_MAX, 0, false},
		{"1 ", 0, 9, 0, false},
		{"0x1", 0, 9, 0, false},
		{"1a", 0, 99, 0, false},
		{"1/", 0, 99, 0, false},
		{"1:", 0, 99, 0, false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t number = 4242;
		bool good = torn_word_number(torn_bytes_of(rows[i].digits), rows[i].min,
					     rows[i].max, &number);
		assert_int_equal(good, rows[i].good);
		assert_true(number == (rows[i].good ? rows[i].number : 4242));
	}
}

static void test_values_are_printed_bare_where_they_may_be(void **state)
{
	(void)state;
	const struct {
		struct torn_bytes value;
		const char *text;
	} rows[] = {
		{BYTES("a"), "a"},
		{BYTES("azAZ09_./@%+=:,~-"), "azAZ09_./@%+=:,~-"},
		{BYTES("-"), "-"},
		{BYTES(""), "\"\""},
		{BYTES("@a"), "\"@a\""},
		{BYTES("#a"), "\"#a\""},
		{BYTES("a#"), "\"a#\""},
		{BYTES("a b"), "\"a b\""},
		{BYTES("\\\"\n\t\r"), "\"\\\\\\\"\\n\\t\\r\""},
		{BYTES("\0\1\x1f\x7f\x80\xff"), "\"\\x00\\x01\\x1f\\x7f\\x80\\xff\""},
		{BYTES("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
		 "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
		{BYTES("\xc3"), "\"\\xc3\""},
		{BYTES("\xe2\x82z"), "\"\\xe2\\x82z\""},
		{BYTES("\xed\xa0\x80"), "\"\\xed\\xa0\\x80\""},
		{BYTES("a\0b"), "\"a\\x00b\""},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text = printed(rows[i].value, torn_word_print);
		assert_string_equal(text, rows[i].text);
		free(text);
	}
	char *text = printed(BYTES("a"), torn_word_print_quoted);
	assert_string_equal(text, "\"a\"");
	free(text);
	text = printed((struct torn_bytes){NULL, 0}, torn_word_print);
	assert_string_equal(text, "\"\"");
	free(text);
}

static void test_a_text_is_what_is_printed_without_hex(void **state)
{
	(void)state;
	uint64_t seed = 1;
	unsigned texts = 0;
	for (unsigned i = 0; i < 20000; i++) {
		uint8_t data[3];
		const struct torn_bytes value = {data, 1 + i % 3};
		for (size_t j = 0; j < sizeof(data); j++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			data[j] = (uint8_t)(seed >> 56);
			if (i % 2 && data[j] == '\\')
				data[j] = '\n';
		}
		if (memchr(data, '\\', value.size))
			continue; /* "\\x" would look like one */
		char *text = printed(value, torn_word_print_quoted);
		assert_int_equal(torn_word_is_text(value), !strstr(text, "\\x"));
		texts += torn_word_is_text(value);
		free(text);
	}
	assert_in_range(texts, 1000, 15000);
}

static void test_what_is_printed_reads_back_as_the_same_value(void **state)
{
	(void)state;
	/* every pair of bytes, alone and between letters: neighbours make UTF-8 or break it */
	for (unsigned pair = 0; pair < 0x10000; pair++) {
		uint8_t bytes[4] = {(uint8_t)(pair >> 8), (uint8_t)pair, 0xa4, 'z'};
		for (size_t size = 1; size <= sizeof(bytes); size++) {
			size_t mark = torn_arena_mark(&arena);
			struct torn_bytes value = {bytes, size};
			char *text = printed(value, torn_word_print);
			assert_null(strchr(text, '\n'));
			assert_bytes(torn_word_value(text, &arena), value);
			free(text);
			torn_arena_return(&arena, mark);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blanks_and_tabs_separate_words),
		cmocka_unit_test(test_empty_lines_and_comments_have_no_words),
		cmocka_unit_test(test_a_hash_inside_a_word_is_no_comment),
		cmocka_unit_test(test_a_quoted_word_is_no_keyword),
		cmocka_unit_test(test_only_a_bare_at_sign_is_a_reference),
		cmocka_unit_test(test_words_are_decoded),
		cmocka_unit_test(test_words_that_cannot_be_read_are_refused),
		cmocka_unit_test(test_a_word_left_over_is_refused),
		cmocka_unit_test(test_what_was_found_is_shortened_to_40_printable_characters),
		cmocka_unit_test(test_texts_that_are_not_one_value_have_none),
		cmocka_unit_test(test_a_full_arena_gives_no_value),
		cmocka_unit_test(test_numbers_have_bounds_and_no_ornaments),
		cmocka_unit_test(test_values_are_printed_bare_where_they_may_be),
		cmocka_unit_test(test_a_text_is_what_is_printed_without_hex),
		cmocka_unit_test(test_what_is_printed_reads_back_as_the_same_value),
	};
	return cmocka_run_group_tests(tests, open_arena, close_arena);
}
