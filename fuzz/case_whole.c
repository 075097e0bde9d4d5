/*
 * case_whole.c: what concerns several lines of a case: their order, what is said twice, a path below a
 * file, a link's other end, a fault behind the kill or the cut. Of what is wrong the lowest line is told.
 */
#include "case_reading.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fault_text.h"
#include "old_text.h"
#include "program_text.h"
#include "sort.h"

_Static_assert(offsetof(struct torn_case_arg, name) == 0, "torn_sort wants the key first");
_Static_assert(offsetof(struct torn_old, path) == 0, "torn_sort wants the key first");

static void sort_faults(struct torn_plan *plan, uint32_t *lines)
{
	for (uint32_t i = 1; i < plan->faults_count; i++) {
		struct torn_fault fault = plan->faults[i];
		uint32_t line = lines ? lines[i] : 0, to = i;
		for (; to > 0 && torn_fault_compare(&plan->faults[to - 1], &fault) > 0; to--) {
			plan->faults[to] = plan->faults[to - 1];
			if (lines)
				lines[to] = lines[to - 1];
		}
		plan->faults[to] = fault;
		if (lines)
			lines[to] = line;
	}
}

void torn_case_sort(struct torn_case *c)
{
	torn_sort(c->args, c->args_count, sizeof(*c->args), NULL);
	torn_sort(c->watches, c->watches_count, sizeof(*c->watches), NULL);
	torn_sort(c->olds, c->olds_count, sizeof(*c->olds), NULL);
	sort_faults(&c->plan, NULL);
}

/*
 * Say whether something wrong on `line` is the first such thing, by line, of
 * those seen up to now: then its message takes the place of the others'.
 */
static bool complain_at(struct torn_case_reading *p, uint32_t line)
{
	if (p->complaint && p->complaint <= line)
		return false;
	p->complaint = line;
	return true;
}

static void refuse_twice(struct torn_case_reading *p, const char *what, struct torn_bytes key, uint32_t first,
			 uint32_t again)
{
	if (complain_at(p, again))
		torn_words_refuse_bytes(&p->words, key, "each %s once (first on line %" PRIu32 ")",
					what, first);
}

static void check_once(struct torn_case_reading *p)
{
	const struct torn_case_arg *args = p->c.args;
	for (size_t i = 1; i < p->c.args_count; i++)
		if (torn_bytes_equal(args[i - 1].name, args[i].name))
			refuse_twice(p, "argument", args[i].name, p->args_lines[i - 1],
				     p->args_lines[i]);
	const struct torn_old *olds = p->c.olds;
	for (size_t i = 1; i < p->c.olds_count; i++)
		if (torn_bytes_equal(olds[i - 1].path, olds[i].path))
			refuse_twice(p, "path", olds[i].path, p->olds_lines[i - 1],
				     p->olds_lines[i]);
	const struct torn_bytes *watches = p->c.watches;
	for (size_t i = 1; i < p->c.watches_count; i++)
		if (torn_bytes_equal(watches[i - 1], watches[i]))
			refuse_twice(p, "watched path", watches[i], p->watches_lines[i - 1],
				     p->watches_lines[i]);
}

/* Say that a line of programs stands in a case of another target. */
static void refuse_for_target(struct torn_case_reading *p, const char *what, uint32_t line)
{
	if (complain_at(p, line))
		torn_words_refuse_bytes(&p->words, p->c.target,
					"the target " TORN_PROGRAM_TARGET " for a %s", what);
}

/* A program is all that the target `exec` is, and a target that is code has none. */
static void check_program(struct torn_case_reading *p)
{
	if (!p->lines.target)
		return; /* that is told */
	const bool is_program =
		torn_bytes_equal(p->c.target, torn_bytes_of(TORN_PROGRAM_TARGET));
	if (is_program && !p->lines.command && complain_at(p, p->lines.target))
		torn_words_refuse_bytes(&p->words, (struct torn_bytes){NULL, 0},
					"a command for the target " TORN_PROGRAM_TARGET);
	if (!is_program && p->lines.command)
		refuse_for_target(p, "command", p->lines.command);
	for (size_t i = 0; !is_program && i < p->c.watches_count; i++)
		refuse_for_target(p, "watch", p->watches_lines[i]);
}

static const struct torn_old *find_old(const struct torn_case *c, struct torn_bytes path)
{
	size_t low = 0, high = c->olds_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = torn_bytes_compare(c->olds[middle].path, path);
		if (order == 0)
			return &c->olds[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static void check_links(struct torn_case_reading *p)
{
	for (size_t i = 0; i < p->c.olds_count; i++) {
		const struct torn_old *old = &p->c.olds[i];
		if (!old->is_link)
			continue;
		const struct torn_old *other = find_old(&p->c, old->text);
		bool is_file =
			other && !other->absent && !other->is_link && other->type == TORN_FILE;
		if (!is_file && complain_at(p, p->olds_lines[i]))
			torn_words_refuse_bytes(&p->words, old->text,
						"a link to an old file of this case");
	}
}

static bool has_prefix(struct torn_bytes path, struct torn_bytes prefix)
{
	return path.size >= prefix.size && memcmp(path.data, prefix.data, prefix.size) == 0;
}

/*
 * Look for paths below something that is no directory.
 *
 * In memcmp order all paths that begin with the bytes of a path follow it
 * without a gap (also "a-b" after "a", which is why looking at the neighbour is
 * not enough). So those that begin the current path are a stack: up[i] is the
 * next lower one, and each path is pushed and popped once. A look-up of each
 * ancestor instead compares some 10^11 bytes for 10 MiB of deep paths.
 */
static int check_parents(struct torn_case_reading *p)
{
	const struct torn_old *olds = p->c.olds;
	size_t mark = torn_arena_mark(p->arena);
	size_t count = p->c.olds_count;
	uint32_t *up = torn_arena_take(p->arena, count * sizeof(*up));
	if (!up)
		return -ENOMEM;
	const uint32_t none = UINT32_MAX;
	uint32_t top = none;
	for (size_t i = 0; i < count; i++) {
		struct torn_bytes path = olds[i].path;
		while (top != none && !has_prefix(path, olds[top].path))
			top = up[top];
		if (top != none && olds[top].path.size == path.size)
			continue; /* said twice: a pile of those would be walked by each */
		uint32_t above = top; /* nearest entry that is a directory on the way */
		while (above != none && path.data[olds[above].path.size] != '/')
			above = up[above];
		if (above != none && (olds[above].absent || olds[above].is_link ||
				      olds[above].type != TORN_DIRECTORY)) {
			if (complain_at(p, p->olds_lines[i]))
				torn_words_refuse_bytes(&p->words, path,
							"a path below directories only (line "
							"%" PRIu32 " says %s)",
							p->olds_lines[above],
							torn_old_name(&olds[above]));
		}
		up[i] = top;
		top = (uint32_t)i;
	}
	torn_arena_return(p->arena, mark);
	return 0;
}

/* `what`, "kill" or "cut", ends the run at op `end`: a fault behind it could never fire. */
static void check_end(struct torn_case_reading *p, const char *what, uint32_t end)
{
	const struct torn_plan *plan = &p->c.plan;
	const uint32_t *lines = p->lines.faults + p->faults_before;
	for (uint32_t i = 0; i < plan->faults_count; i++) {
		if (plan->faults[i].when.first <= end || !complain_at(p, lines[i]))
			continue;
		char text[96];
		torn_fault_print(&plan->faults[i], text, sizeof(text));
		torn_words_refuse_bytes(&p->words, torn_bytes_of(text),
					"no fault behind the %s at op %" PRIu32, what, end);
	}
}

/* A kill and a cut: the one that stands later is refused. */
static void refuse_second_end(struct torn_case_reading *p, const struct torn_fault *kill, uint32_t line)
{
	const uint32_t cut_line = p->lines.cut;
	const uint32_t first = line < cut_line ? line : cut_line;
	char text[96] = "cut";
	if (first == cut_line)
		torn_fault_print(kill, text, sizeof(text));
	if (complain_at(p, first == cut_line ? line : cut_line))
		torn_words_refuse_bytes(&p->words, torn_bytes_of(text),
					"one end: a kill or a cut (first on line %" PRIu32 ")",
					first);
}

static void check_ends(struct torn_case_reading *p)
{
	const struct torn_plan *plan = &p->c.plan;
	const uint32_t *lines = p->lines.faults + p->faults_before;
	for (uint32_t i = 0; i < plan->faults_count; i++) {
		if (plan->faults[i].name != TORN_FAULT_KILL)
			continue;
		if (plan->cut.preset)
			refuse_second_end(p, &plan->faults[i], lines[i]);
		check_end(p, "kill", plan->faults[i].when.first);
	}
	if (plan->cut.preset)
		check_end(p, "cut", plan->cut.op);
}

/* A run is read: put it in order. */
void torn_case_reading_end_run(struct torn_case_reading *p)
{
	sort_faults(&p->c.plan, p->lines.faults + p->faults_before);
	check_ends(p);
	p->faults_before += p->c.plan.faults_count;
}

/* What concerns several lines. Returns -EINVAL with the parser at the lowest one. */
int torn_case_reading_check(struct torn_case_reading *p)
{
	torn_sort(p->c.args, p->c.args_count, sizeof(*p->c.args), p->args_lines);
	torn_sort(p->c.olds, p->c.olds_count, sizeof(*p->c.olds), p->olds_lines);
	torn_sort(p->c.watches, p->c.watches_count, sizeof(*p->c.watches), p->watches_lines);
	torn_case_reading_end_run(p);
	*(p->first ? &p->first->seed : &p->c.plan.seed) = p->seed_value;

	check_once(p);
	check_program(p);
	check_links(p);
	int error = p->c.olds_count ? check_parents(p) : 0;
	if (error)
		return error;
	if (!p->is_world && !p->lines.target && complain_at(p, p->lines_count))
		torn_words_refuse_bytes(&p->words, torn_bytes_of("the end of the text"),
					"a target");
	p->line = p->complaint;
	return p->complaint ? -EINVAL : 0;
}
