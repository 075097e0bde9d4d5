/* fuzz_parse_old.c: what follows the word `old`, old_text.h. */
#include <errno.h>
#include <stdlib.h>

#include "fuzz_parse.h"
#include "old_text.h"

static struct torn_bytes print(const struct torn_old *old)
{
	struct torn_fuzz_print text;
	torn_fuzz_print_begin(&text);
	int error = torn_old_print(old, text.out);
	assert(error == 0);
	return torn_fuzz_print_end(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct torn_arena *arena = torn_fuzz_arena();
	struct torn_words words;
	struct torn_old old, again;
	torn_words_begin(&words, (struct torn_bytes){data, size});
	int r = torn_old_parse(&words, torn_fuzz_folder(), arena, &old);
	if (r != 0) {
		assert(r == -EINVAL);
		torn_fuzz_claim_message(words.message);
		return 0;
	}
	struct torn_bytes text = print(&old);
	torn_words_begin(&words, text);
	r = torn_old_parse(&words, -1, arena, &again);
	assert(r == 0);
	torn_fuzz_claim_same_old(&old, &again);
	struct torn_bytes text_again = print(&again);
	assert(torn_bytes_equal(text, text_again));
	free((void *)text.data);
	free((void *)text_again.data);
	return 0;
}
