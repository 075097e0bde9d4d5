/* fuzz_parse_case.c: whole cases, case.h. */
#include <errno.h>
#include <stdlib.h>

#include "case.h"
#include "fault_text.h"
#include "fuzz_parse.h"

static struct torn_bytes print(const struct torn_case *c)
{
	struct torn_fuzz_print text;
	torn_fuzz_print_begin(&text);
	int error = torn_case_print(c, text.out);
	assert(error == 0);
	return torn_fuzz_print_end(&text);
}

static void claim_same_cut(const struct torn_cut *a, const struct torn_cut *b)
{
	assert(a->preset == b->preset && a->op == b->op && a->during == b->during);
	assert(a->lost_count == b->lost_count);
	for (uint32_t i = 0; i < a->lost_count; i++) {
		assert(a->lost[i].op == b->lost[i].op && a->lost[i].kind == b->lost[i].kind);
		assert(a->lost[i].part == b->lost[i].part && a->lost[i].run == b->lost[i].run);
	}
}

static void claim_same_runs(const struct torn_plan *a, const struct torn_plan *b)
{
	assert(a->seed == b->seed && a->recovers == b->recovers);
	assert(a->faults_count == b->faults_count);
	for (uint32_t i = 0; i < a->faults_count; i++)
		assert(torn_fault_compare(&a->faults[i], &b->faults[i]) == 0);
	claim_same_cut(&a->cut, &b->cut);
	assert(!a->before == !b->before);
	if (a->before)
		claim_same_runs(a->before, b->before);
}

static void claim_same(const struct torn_case *a, const struct torn_case *b)
{
	assert(torn_bytes_equal(a->target, b->target));
	assert(torn_bytes_equal(a->variant, b->variant));
	assert(a->args_count == b->args_count && a->olds_count == b->olds_count);
	for (size_t i = 0; i < a->args_count; i++) {
		assert(torn_bytes_equal(a->args[i].name, b->args[i].name));
		assert(torn_bytes_equal(a->args[i].value, b->args[i].value));
	}
	assert(a->command_count == b->command_count && a->watches_count == b->watches_count);
	for (size_t i = 0; i < a->command_count; i++)
		assert(torn_bytes_equal(a->command[i], b->command[i]));
	for (size_t i = 0; i < a->watches_count; i++)
		assert(torn_bytes_equal(a->watches[i], b->watches[i]));
	for (size_t i = 0; i < a->olds_count; i++)
		torn_fuzz_claim_same_old(&a->olds[i], &b->olds[i]);
	claim_same_runs(&a->plan, &b->plan);
	assert(a->expect == b->expect && torn_bytes_equal(a->invariant, b->invariant));
}

static void claim_reads_back(const struct torn_case *c, struct torn_arena *arena)
{
	struct torn_case again;
	struct torn_case_error error;
	struct torn_bytes text = print(c);
	/* without a folder: it has no reference, since the one that it was read with has no file */
	int r = torn_case_parse(NULL, text, arena, &again, &error);
	assert(r == 0);
	claim_same(c, &again);
	struct torn_bytes text_again = print(&again);
	assert(torn_bytes_equal(text, text_again));
	free((void *)text.data);
	free((void *)text_again.data);
}

/* With half of the room that it takes, it must be refused and give back all that it took. */
static void claim_needs_room(struct torn_bytes text, const struct torn_arena *used_up)
{
	struct torn_arena small = {.base = used_up->base, .size = used_up->used / 2};
	struct torn_case c;
	struct torn_case_error error;
	int r = torn_case_parse(NULL, text, &small, &c, &error);
	assert(r == -ENOMEM && small.used == 0);
	torn_fuzz_claim_message(error.message);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct torn_bytes text = {data, size};
	struct torn_arena *arena = torn_fuzz_arena();
	struct torn_case c;
	struct torn_case_error error;
	int r = torn_case_parse_at(torn_fuzz_folder(), NULL, text, arena, &c, &error);
	if (r != 0) {
		assert(r == -EINVAL && arena->used == 0);
		torn_fuzz_claim_line(text, error.line);
		torn_fuzz_claim_message(error.message);
		return 0;
	}
	size_t used = arena->used;
	claim_reads_back(&c, arena);
	arena->used = used;
	claim_needs_room(text, arena);
	return 0;
}
