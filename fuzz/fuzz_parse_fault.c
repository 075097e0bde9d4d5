/* fuzz_parse_fault.c: what follows the word `fault`, fault_text.h. */
#include <errno.h>

#include "fault_text.h"
#include "fuzz_parse.h"

#define TEXT_SIZE 96 /* as everybody reserves who prints one */

static struct torn_bytes print(const struct torn_fault *fault, char text[TEXT_SIZE])
{
	int length = torn_fault_print(fault, text, TEXT_SIZE);
	assert(length > 0 && length < TEXT_SIZE);
	return torn_bytes_of(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[TEXT_SIZE], text_again[TEXT_SIZE];
	struct torn_words words;
	struct torn_fault fault, again;
	torn_words_begin(&words, (struct torn_bytes){data, size});
	int r = torn_fault_parse(&words, &fault);
	if (r != 0) {
		assert(r == -EINVAL);
		torn_fuzz_claim_message(words.message);
		return 0;
	}
	torn_words_begin(&words, print(&fault, text));
	r = torn_fault_parse(&words, &again);
	assert(r == 0);
	assert(torn_fault_compare(&fault, &again) == 0);
	assert(torn_bytes_equal(torn_bytes_of(text), print(&again, text_again)));
	return 0;
}
