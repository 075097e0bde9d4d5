/* case_print.c: a case as text, in the one way that it is written: case.h. */
#include "case_reading.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "cut_text.h"
#include "fault_text.h"
#include "old_text.h"
#include "program_text.h"

const char *const torn_case_expectations[] = {
	[TORN_EXPECT_HELD] = "held",
	[TORN_EXPECT_VIOLATED] = "violated",
};

static void print_runs(const struct torn_plan *plan, FILE *out)
{
	if (plan->before) {
		print_runs(plan->before, out);
		fprintf(out, "then %s\n", plan->recovers ? TORN_CASE_RECOVER : TORN_CASE_RUN);
	}
	for (uint32_t i = 0; i < plan->faults_count; i++) {
		char text[96];
		torn_fault_print(&plan->faults[i], text, sizeof(text));
		fprintf(out, "fault %s\n", text);
	}
	if (plan->cut.preset) {
		fputs("cut ", out);
		torn_cut_print(&plan->cut, out);
		putc('\n', out);
	}
}

int torn_case_print(const struct torn_case *c, FILE *out)
{
	const struct torn_plan *first = &c->plan;
	while (first->before)
		first = first->before;
	fprintf(out, "%s\ntarget ", TORN_CASE_HEADER);
	fwrite(c->target.data, 1, c->target.size, out);
	if (c->variant.size) {
		putc('@', out);
		fwrite(c->variant.data, 1, c->variant.size, out);
	}
	putc('\n', out);
	if (first->seed != 1)
		fprintf(out, "seed %" PRIu64 "\n", first->seed);
	if (c->command_count) {
		fputs("command ", out);
		torn_command_print(c->command, c->command_count, out);
		putc('\n', out);
	}
	for (size_t i = 0; i < c->args_count; i++) {
		fputs("arg ", out);
		torn_word_print(c->args[i].name, out);
		putc(' ', out);
		torn_word_print(c->args[i].value, out);
		putc('\n', out);
	}
	for (size_t i = 0; i < c->watches_count; i++) {
		fputs("watch ", out);
		torn_word_print(c->watches[i], out);
		putc('\n', out);
	}
	for (size_t i = 0; i < c->olds_count; i++) {
		fputs("old ", out);
		int error = torn_old_print(&c->olds[i], out);
		if (error)
			return error;
		putc('\n', out);
	}
	print_runs(&c->plan, out);
	if (c->expect != TORN_EXPECT_NOTHING) {
		fprintf(out, "expect %s ", torn_case_expectations[c->expect]);
		torn_word_print(c->invariant, out);
		putc('\n', out);
	}
	return ferror(out) ? -EIO : 0;
}

struct torn_bytes torn_case_text(const struct torn_case *c, struct torn_arena *arena)
{
	struct torn_bytes copy = {NULL, 0};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return copy;
	const int r = torn_case_print(c, out);
	if (fclose(out) == 0 && r == 0)
		copy = torn_arena_copy(arena, text, size);
	free(text);
	return copy;
}
