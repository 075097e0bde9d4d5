/* fuzz_parse_expected.c: a target's list of known findings, expected.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "expected.h"
#include "fuzz_parse.h"

/* torn never writes a list: this is how a person would. */
static struct torn_bytes print(const struct torn_expected_list *list)
{
	struct torn_fuzz_print text;
	torn_fuzz_print_begin(&text);
	for (size_t i = 0; i < list->count; i++) {
		const struct torn_expected *item = &list->items[i];
		fprintf(text.out, "%s %s %s %s %s\n", item->variant, item->invariant, item->call,
			item->fault, item->file);
	}
	return torn_fuzz_print_end(&text);
}

static int parse(struct torn_bytes text, struct torn_expected_list *ret_list, uint32_t *ret_line)
{
	FILE *in = fmemopen((void *)text.data, text.size, "r");
	if (!in)
		abort();
	int r = torn_expected_parse(in, ret_list, ret_line);
	fclose(in);
	return r;
}

static void claim_same(const struct torn_expected *a, const struct torn_expected *b)
{
	assert(strcmp(a->variant, b->variant) == 0);
	assert(strcmp(a->invariant, b->invariant) == 0);
	assert(strcmp(a->call, b->call) == 0);
	assert(strcmp(a->fault, b->fault) == 0);
	assert(strcmp(a->file, b->file) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct torn_bytes text = {data, size};
	struct torn_expected_list list, again;
	uint32_t line = 0, line_before = 0;
	int r = parse(text, &list, &line);
	if (r != 0) {
		assert(r == -EINVAL && list.count == 0);
		torn_fuzz_claim_line(text, line);
		return 0;
	}
	struct torn_bytes printed = print(&list);
	r = parse(printed, &again, &line);
	assert(r == 0 && list.count == again.count);
	for (size_t i = 0; i < list.count; i++) {
		claim_same(&list.items[i], &again.items[i]);
		torn_fuzz_claim_line(text, list.items[i].line);
		assert(list.items[i].line > line_before);
		line_before = list.items[i].line;
	}
	free((void *)printed.data);
	torn_expected_free(&list);
	torn_expected_free(&again);
	return 0;
}
