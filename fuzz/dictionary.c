/* dictionary.c: see dictionary.h. */
#include "dictionary.h"

#include "case.h"
#include "cut_text.h"
#include "fault_text.h"
#include "old_text.h"

#define NUMBERS_MAX 4096 /* of errnos: MAX_ERRNO 4095, linux/err.h; signals are fewer */

/* Words are made of plain characters and blanks: none has to be escaped. */
static void print(FILE *out, const char *word, const char *end)
{
	fprintf(out, "\"%s%s\"\n", word, end);
}

static void print_words(FILE *out, const char *about, const char *(*word)(size_t number))
{
	fprintf(out, "# %s\n", about);
	for (size_t i = 0; word(i); i++)
		print(out, word(i), "");
}

static void print_faults(FILE *out)
{
	fprintf(out, "# faults\n");
	for (unsigned name = 0; name < TORN_FAULT_COUNT; name++) {
		bool always;
		const char *word = torn_fault_name(name);
		const bool takes_value = torn_fault_takes_value(name, &always);
		if (!always)
			print(out, word, "");
		if (takes_value)
			print(out, word, "=");
	}
}

static void print_calls(FILE *out)
{
	fprintf(out, "# calls\n");
	for (unsigned call = TORN_CALL_NONE + 1; call < TORN_CALL_COUNT; call++)
		print(out, torn_call_name(call), "");
}

static void print_numbers(FILE *out, const char *about, const char *(*name)(int number))
{
	fprintf(out, "# %s\n", about);
	for (int number = 1; number < NUMBERS_MAX; number++)
		if (name(number))
			print(out, name(number), "");
}

void torn_dictionary_print(FILE *out)
{
	fprintf(out,
		"# The words of a case, for -dict of libFuzzer. Written by: torn list dictionary\n");
	print_words(out, "lines", torn_case_word);
	print_words(out, "old states", torn_old_word);
	print_faults(out);
	print_words(out, "kills", torn_fault_value_word);
	print_words(out, "power cuts", torn_cut_word);
	print_calls(out);
	print_numbers(out, "errnos", torn_errno_name);
	print_numbers(out, "signals", torn_signal_name);
}
