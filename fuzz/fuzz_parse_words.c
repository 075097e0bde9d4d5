/*
 * fuzz_parse_words.c: lines into words, and any bytes into a word, words.h. Each
 * input is taken as a line, as a value and as a number.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz_parse.h"
#include "words.h"

static struct torn_bytes printed(struct torn_bytes value,
				 void (*print)(struct torn_bytes value, FILE *out))
{
	struct torn_fuzz_print text;
	torn_fuzz_print_begin(&text);
	print(value, text.out);
	return torn_fuzz_print_end(&text);
}

/* Whatever a value is, it has one text; that is one word, and reads back as the value. */
static void claim_has_text(struct torn_bytes value, struct torn_arena *arena,
			   void (*print)(struct torn_bytes value, FILE *out))
{
	struct torn_bytes text = printed(value, print), value_again;
	struct torn_words words;
	struct torn_word word;
	torn_words_begin(&words, text);
	int r = torn_words_next_value(&words, "a value", arena, &word, &value_again);
	assert(r == 0);
	assert(print != torn_word_print_quoted || word.kind == TORN_WORD_QUOTED);
	assert(torn_bytes_equal(value, value_again));
	assert(torn_words_finish(&words) == 0);
	struct torn_bytes text_again = printed(value_again, print);
	assert(torn_bytes_equal(text, text_again));
	free((void *)text.data);
	free((void *)text_again.data);
}

static void claim_line(struct torn_bytes line, struct torn_arena *arena)
{
	struct torn_words words;
	struct torn_word word = {0};
	const uint8_t *behind = line.data;
	torn_words_begin(&words, line);
	for (;;) {
		int r = torn_words_next(&words, &word);
		if (r != 0) {
			assert(r == -EINVAL);
			torn_fuzz_claim_message(words.message);
			return;
		}
		if (word.kind == TORN_WORD_END)
			break;
		assert(word.raw.size > 0 && word.raw.data >= behind);
		behind = word.raw.data + word.raw.size;
		assert(behind <= line.data + line.size);
		struct torn_bytes value = torn_word_copy(&word, arena);
		assert(value.data && value.size == word.value_size);
		assert(value.data[value.size] == 0);
		claim_has_text(value, arena, torn_word_print);
	}
	assert(torn_words_finish(&words) == 0);
}

static void claim_number(struct torn_bytes digits)
{
	uint64_t number = 0;
	char text[32];
	if (!torn_word_number(digits, 0, UINT64_MAX, &number))
		return;
	snprintf(text, sizeof(text), "%" PRIu64, number);
	assert(torn_bytes_equal(digits, torn_bytes_of(text)));
	assert(number == 0 || !torn_word_number(digits, 0, number - 1, &number));
	assert(number == UINT64_MAX || !torn_word_number(digits, number + 1, UINT64_MAX, &number));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct torn_arena *arena = torn_fuzz_arena();
	const struct torn_bytes input = {data, size};
	claim_line(input, arena);
	claim_has_text(input, arena, torn_word_print);
	claim_has_text(input, arena, torn_word_print_quoted);
	claim_number(input);
	return 0;
}
