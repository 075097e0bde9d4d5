/*
 * case.c: see case.h for the grammar.
 *
 * A case comes from a fuzzer's mutator, a merge or a stranger's bug report:
 * whatever the bytes are, reading takes time linear in them (the sorts aside)
 * and storage from the arena only. Lines are read one by one; what concerns two
 * lines (said twice, a path below a file, a link's other end, a fault behind
 * the kill or the cut) is looked at when all are read and sorted, lowest line first.
 */
#include "case.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cut_text.h"
#include "fault_text.h"
#include "old_text.h"
#include "program_text.h"
#include "regular.h"
#include "sort.h"

#define NAME_EXPECTED "(letters, digits, _ . -)"

_Static_assert(offsetof(struct torn_case_arg, name) == 0, "torn_sort wants the key first");
_Static_assert(offsetof(struct torn_old, path) == 0, "torn_sort wants the key first");

static bool starts_with(struct torn_bytes bytes, const char *prefix)
{
	size_t size = strlen(prefix);
	return bytes.size >= size && memcmp(bytes.data, prefix, size) == 0;
}

static struct torn_bytes without(struct torn_bytes bytes, size_t prefix_size)
{
	return (struct torn_bytes){bytes.data + prefix_size, bytes.size - prefix_size};
}

/* ----------------------------------------------------------------- sorting */

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

/* ----------------------------------------------------------------- parsing */

static const char then_run[] = "run", then_recover[] = "recover";
static const char header[] = "torn-case 1";
static const char *const expectations[] = {
	[TORN_EXPECT_HELD] = "held",
	[TORN_EXPECT_VIOLATED] = "violated",
};

struct parser {
	struct torn_arena *arena;
	struct torn_words words; /* of the line that is read; its message is the parser's */
	int folder_fd;
	bool is_world; /* `old` and `arg` lines only */
	uint32_t line;
	uint32_t lines_count; /* in the whole text */
	uint64_t seed_value;
	struct torn_plan *first; /* NULL: it is the one that is read */
	uint32_t faults_before; /* of the runs before the one that is read */
	uint32_t header_line, seed; /* lines of what stands once; 0: not yet */
	uint32_t complaint; /* lowest line that complain_at() was told; 0: none */
	size_t args_max, olds_max, watches_max;
	struct torn_case c;
	uint32_t *args_lines, *olds_lines, *watches_lines;
	struct torn_case_lines lines;
};

static int next_word(struct parser *p, struct torn_word *ret_word)
{
	return torn_words_next(&p->words, ret_word);
}

static int copy_bytes(struct parser *p, struct torn_bytes bytes, struct torn_bytes *ret_copy)
{
	struct torn_bytes copy = torn_arena_copy(p->arena, bytes.data, bytes.size);
	if (!copy.data)
		return -ENOMEM;
	*ret_copy = copy;
	return 0;
}

/*
 * Names of targets, variants, arguments and invariants: they become parts of
 * file names, so nothing that a shell or a file system reads otherwise.
 */
static bool is_name(struct torn_bytes name)
{
	if (name.size == 0 || name.data[0] == '.' || name.data[0] == '-')
		return false;
	for (size_t i = 0; i < name.size; i++)
		if (memchr("@/%+=:,~", name.data[i], 8))
			return false;
	return torn_word_is_plain(name);
}

static int parse_target(struct parser *p)
{
	struct torn_word word;
	int error = next_word(p, &word);
	if (error)
		return error;
	if (word.kind != TORN_WORD_BARE)
		return torn_words_refuse(&p->words, &word, "NAME or NAME@VARIANT");
	struct torn_bytes name = word.raw;
	const uint8_t *at = memchr(name.data, '@', name.size);
	if (at)
		name.size = (size_t)(at - name.data);
	if (!is_name(name))
		return torn_words_refuse_bytes(&p->words, name, "a target's name " NAME_EXPECTED);
	error = copy_bytes(p, name, &p->c.target);
	if (error)
		return error;
	if (at) {
		struct torn_bytes variant = without(word.raw, name.size + 1);
		if (!is_name(variant))
			return torn_words_refuse_bytes(&p->words, variant,
						       "a variant's name " NAME_EXPECTED);
		error = copy_bytes(p, variant, &p->c.variant);
		if (error)
			return error;
	}
	return torn_words_finish(&p->words);
}

static int parse_seed(struct parser *p)
{
	struct torn_word word;
	int error = next_word(p, &word);
	if (error)
		return error;
	if (word.kind != TORN_WORD_BARE ||
	    !torn_word_number(word.raw, 0, UINT64_MAX, &p->seed_value))
		return torn_words_refuse(&p->words, &word, "a number from 0 to %" PRIu64,
					 UINT64_MAX);
	return torn_words_finish(&p->words);
}

static int parse_arg(struct parser *p)
{
	struct torn_case_arg arg;
	struct torn_word word;
	int error = next_word(p, &word);
	if (error)
		return error;
	if (word.kind != TORN_WORD_BARE || !is_name(word.raw))
		return torn_words_refuse(&p->words, &word, "an argument's name " NAME_EXPECTED);
	error = copy_bytes(p, word.raw, &arg.name);
	if (!error)
		error = torn_words_next_value(&p->words, "an argument's value", p->arena, &word,
					      &arg.value);
	if (!error)
		error = torn_words_finish(&p->words);
	if (error)
		return error;
	assert(p->c.args_count < p->args_max);
	p->args_lines[p->c.args_count] = p->line;
	p->c.args[p->c.args_count++] = arg;
	return 0;
}

static int parse_command(struct parser *p)
{
	return torn_command_parse(&p->words, p->arena, &p->c.command, &p->c.command_count);
}

static int parse_watch(struct parser *p)
{
	assert(p->c.watches_count < p->watches_max);
	int error = torn_watch_parse(&p->words, p->arena, &p->c.watches[p->c.watches_count]);
	if (!error)
		p->watches_lines[p->c.watches_count++] = p->line;
	return error;
}

static int parse_fault(struct parser *p)
{
	struct torn_plan *plan = &p->c.plan;
	struct torn_fault fault;
	struct torn_bytes rest = {p->words.at, (size_t)(p->words.end - p->words.at)};
	int error = torn_fault_parse(&p->words, &fault);
	if (error)
		return error;
	while (rest.size && (*rest.data == ' ' || *rest.data == '\t'))
		rest = without(rest, 1);
	if (fault.name == TORN_FAULT_KILL) {
		if (fault.when.first != fault.when.last)
			return torn_words_refuse_bytes(&p->words, rest, "a kill at one op");
		for (uint32_t i = 0; i < plan->faults_count; i++)
			if (plan->faults[i].name == TORN_FAULT_KILL)
				return torn_words_refuse_bytes(&p->words, rest, "one kill at most");
	}
	if (p->faults_before + plan->faults_count == TORN_FAULTS_MAX)
		return torn_words_refuse_bytes(&p->words, rest, "at most %d faults",
					       TORN_FAULTS_MAX);
	p->lines.faults[p->faults_before + plan->faults_count] = p->line;
	plan->faults[plan->faults_count++] = fault;
	return 0;
}

static int parse_cut(struct parser *p)
{
	return torn_cut_parse(&p->words, p->arena, torn_plan_runs_before(&p->c.plan), &p->c.plan.cut);
}

static void end_run(struct parser *p);

/* What was read of the run up to here is the run before. */
static int parse_then(struct parser *p)
{
	struct torn_word word;
	int error = next_word(p, &word);
	if (error)
		return error;
	const bool recovers = torn_word_is(&word, then_recover);
	if (!recovers && !torn_word_is(&word, then_run))
		return torn_words_refuse(&p->words, &word, "run or recover");
	const uint32_t runs = torn_plan_runs_before(&p->c.plan) + 1;
	if (runs == TORN_RUNS_MAX)
		return torn_words_refuse(&p->words, &word, "at most %d runs", (int)TORN_RUNS_MAX);
	struct torn_plan *before = torn_arena_take(p->arena, sizeof(*before));
	if (!before)
		return -ENOMEM;
	end_run(p);
	if (p->complaint) {
		/* Another line is not read: its words would take the message. */
		p->line = p->complaint;
		return -EINVAL;
	}
	*before = p->c.plan;
	if (!p->first)
		p->first = before;
	p->c.plan = (struct torn_plan){
		.seed = TORN_SEED_AFTER(runs), .before = before, .recovers = recovers};
	p->lines.cut = 0;
	if (recovers && !p->lines.recovers)
		p->lines.recovers = p->line;
	return torn_words_finish(&p->words);
}

static int parse_expect(struct parser *p)
{
	struct torn_word word;
	int error = next_word(p, &word);
	if (error)
		return error;
	if (torn_word_is(&word, expectations[TORN_EXPECT_HELD]))
		p->c.expect = TORN_EXPECT_HELD;
	else if (torn_word_is(&word, expectations[TORN_EXPECT_VIOLATED]))
		p->c.expect = TORN_EXPECT_VIOLATED;
	else
		return torn_words_refuse(&p->words, &word, "held or violated");
	error = next_word(p, &word);
	if (error)
		return error;
	if (word.kind != TORN_WORD_BARE || !is_name(word.raw))
		return torn_words_refuse(&p->words, &word, "an invariant's name " NAME_EXPECTED);
	error = copy_bytes(p, word.raw, &p->c.invariant);
	if (error)
		return error;
	return torn_words_finish(&p->words);
}

static int parse_old(struct parser *p)
{
	assert(p->c.olds_count < p->olds_max);
	int error = torn_old_parse(&p->words, p->folder_fd, p->arena, &p->c.olds[p->c.olds_count]);
	if (!error)
		p->olds_lines[p->c.olds_count++] = p->line;
	return error;
}

/* ------------------------------------------------------------ whole texts */

/*
 * Say whether something wrong on `line` is the first such thing, by line, of
 * those seen up to now: then its message takes the place of the others'.
 */
static bool complain_at(struct parser *p, uint32_t line)
{
	if (p->complaint && p->complaint <= line)
		return false;
	p->complaint = line;
	return true;
}

static void refuse_twice(struct parser *p, const char *what, struct torn_bytes key, uint32_t first,
			 uint32_t again)
{
	if (complain_at(p, again))
		torn_words_refuse_bytes(&p->words, key, "each %s once (first on line %" PRIu32 ")",
					what, first);
}

static void check_once(struct parser *p)
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
static void refuse_for_target(struct parser *p, const char *what, uint32_t line)
{
	if (complain_at(p, line))
		torn_words_refuse_bytes(&p->words, p->c.target,
					"the target " TORN_PROGRAM_TARGET " for a %s", what);
}

/* A program is all that the target `exec` is, and a target that is code has none. */
static void check_program(struct parser *p)
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

static void check_links(struct parser *p)
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
static int check_parents(struct parser *p)
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
static void check_end(struct parser *p, const char *what, uint32_t end)
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
static void refuse_second_end(struct parser *p, const struct torn_fault *kill, uint32_t line)
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

static void check_ends(struct parser *p)
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
static void end_run(struct parser *p)
{
	sort_faults(&p->c.plan, p->lines.faults + p->faults_before);
	check_ends(p);
	p->faults_before += p->c.plan.faults_count;
}

/* What concerns several lines. Returns -EINVAL with the parser at the lowest one. */
static int check_whole(struct parser *p)
{
	torn_sort(p->c.args, p->c.args_count, sizeof(*p->c.args), p->args_lines);
	torn_sort(p->c.olds, p->c.olds_count, sizeof(*p->c.olds), p->olds_lines);
	torn_sort(p->c.watches, p->c.watches_count, sizeof(*p->c.watches), p->watches_lines);
	end_run(p);
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

/* Say that an item stands once; `line` is where, 0 up to now. */
static int stand_once(struct parser *p, const struct torn_word *item, uint32_t *line)
{
	if (*line)
		return torn_words_refuse(&p->words, item,
					 "each item once (first on line %" PRIu32 ")", *line);
	*line = p->line;
	return 0;
}

static int parse_header(struct parser *p, const struct torn_word *first)
{
	struct torn_word word;
	if (!torn_word_is(first, "torn-case"))
		return torn_words_refuse(&p->words, first, header);
	int error = next_word(p, &word);
	if (error)
		return error;
	if (!torn_word_is(&word, "1"))
		return torn_words_refuse(&p->words, &word, "version 1");
	p->header_line = p->line;
	return torn_words_finish(&p->words);
}

/* What a line of a case can be, by its first word. */
static const struct item {
	const char *word;
	int (*parse)(struct parser *p);
	size_t once; /* of what stands once: where the parser keeps its line; 0: it may repeat */
} items[] = {
	{"target", parse_target, offsetof(struct parser, lines.target)},
	{"seed", parse_seed, offsetof(struct parser, seed)},
	{"command", parse_command, offsetof(struct parser, lines.command)},
	{"arg", parse_arg, 0},
	{"watch", parse_watch, 0},
	{"old", parse_old, 0},
	{"fault", parse_fault, 0},
	{"cut", parse_cut, offsetof(struct parser, lines.cut)},
	{"then", parse_then, 0},
	{"expect", parse_expect, offsetof(struct parser, lines.invariant)},
};

#define ITEMS_COUNT (sizeof(items) / sizeof(items[0]))

static int parse_item(struct parser *p, const struct torn_word *word)
{
	for (size_t i = 0; i < ITEMS_COUNT; i++) {
		if (!torn_word_is(word, items[i].word))
			continue;
		uint32_t *line = (uint32_t *)((char *)p + items[i].once);
		int error = items[i].once ? stand_once(p, word, line) : 0;
		return error ? error : items[i].parse(p);
	}
	return torn_words_refuse(&p->words, word,
				 "one of target, seed, command, arg, watch, old, fault, cut, then, "
				 "expect");
}

static int parse_line(struct parser *p, struct torn_bytes line)
{
	struct torn_word item;
	torn_words_begin(&p->words, line);
	if (line.size && memchr(line.data, 0, line.size))
		return torn_words_refuse_bytes(&p->words, torn_bytes_of("a NUL byte"), "text");
	/* it would end a value unseen: "1\r" is written to a sysctl and refused there */
	if (line.size && line.data[line.size - 1] == '\r')
		return torn_words_refuse_bytes(&p->words, torn_bytes_of("CR"),
					       "a line that ends with LF alone");
	int error = next_word(p, &item);
	if (error || item.kind == TORN_WORD_END)
		return error;
	if (p->is_world) {
		if (torn_word_is(&item, "arg"))
			return parse_arg(p);
		if (torn_word_is(&item, "old"))
			return parse_old(p);
		return torn_words_refuse(&p->words, &item, "old or arg");
	}
	if (!p->header_line)
		return parse_header(p, &item);
	return parse_item(p, &item);
}

/* Take the next line off a text, without its newline. */
static bool take_line(struct torn_bytes *text, struct torn_bytes *ret_line)
{
	if (text->size == 0)
		return false;
	const uint8_t *newline = memchr(text->data, '\n', text->size);
	size_t size = newline ? (size_t)(newline - text->data) : text->size;
	*ret_line = (struct torn_bytes){text->data, size};
	*text = without(*text, size + (newline ? 1 : 0));
	return true;
}

/* Say whether a line's first word begins with these letters and may end with them. */
static bool begins_item(struct torn_bytes line, const char *letters)
{
	while (line.size && (*line.data == ' ' || *line.data == '\t'))
		line = without(line, 1);
	return starts_with(line, letters);
}

/* Take an array and the lines of its items. None at all are no array. */
static int take_items(struct parser *p, size_t max, size_t item_size, void *ret_items,
		      uint32_t **ret_lines)
{
	if (max == 0)
		return 0;
	void *taken = torn_arena_take(p->arena, max * item_size);
	uint32_t *lines = torn_arena_take(p->arena, max * sizeof(*lines));
	if (!taken || !lines)
		return -ENOMEM;
	memcpy(ret_items, &taken, sizeof(taken)); /* of whichever type */
	*ret_lines = lines;
	return 0;
}

/* Make room for as many items as there can be: an arena's arrays do not grow. */
static int make_room(struct parser *p, struct torn_bytes text)
{
	struct torn_bytes line;
	while (take_line(&text, &line)) {
		p->lines_count++;
		p->args_max += begins_item(line, "arg");
		p->olds_max += begins_item(line, "old");
		p->watches_max += begins_item(line, "watch");
	}
	int error = take_items(p, p->args_max, sizeof(*p->c.args), &p->c.args, &p->args_lines);
	if (!error)
		error = take_items(p, p->olds_max, sizeof(*p->c.olds), &p->c.olds,
				   &p->olds_lines);
	if (!error)
		error = take_items(p, p->watches_max, sizeof(*p->c.watches), &p->c.watches,
				   &p->watches_lines);
	return error;
}

static int parse_text(struct parser *p, struct torn_bytes text)
{
	struct torn_bytes line;
	int error = make_room(p, text);
	if (error)
		return error;
	while (take_line(&text, &line)) {
		p->line++;
		error = parse_line(p, line);
		if (error)
			return error;
	}
	if (!p->is_world && !p->header_line) {
		p->line = p->line ? p->line : 1;
		return torn_words_refuse_bytes(&p->words, torn_bytes_of("the end of the text"),
					       header);
	}
	return check_whole(p);
}

/* Read a text and tell of it; an error gives back what the parser took. */
static int parse_and_tell(struct parser *p, const char *file_name, struct torn_bytes text,
			  struct torn_case_error *ret_error)
{
	size_t mark = torn_arena_mark(p->arena);
	p->c.plan.seed = p->seed_value = 1;
	int error = parse_text(p, text);
	*ret_error = (struct torn_case_error){.file = file_name};
	if (!error) {
		ret_error->lines = p->lines;
		ret_error->lines.args = p->args_lines;
		ret_error->lines.olds = p->olds_lines;
		ret_error->lines.watches = p->watches_lines;
		return 0;
	}
	if (error == -ENOMEM)
		torn_words_refuse_bytes(&p->words, torn_bytes_of("a full arena"),
					"room for the case");
	ret_error->line = p->line;
	strcpy(ret_error->message, p->words.message);
	torn_arena_return(p->arena, mark);
	return error;
}

int torn_case_parse_at(int folder_fd, const char *file_name, struct torn_bytes text,
		       struct torn_arena *arena, struct torn_case *ret_case,
		       struct torn_case_error *ret_error)
{
	struct parser p = {.arena = arena, .folder_fd = folder_fd};
	int error = parse_and_tell(&p, file_name, text, ret_error);
	if (!error)
		*ret_case = p.c;
	return error;
}

int torn_case_parse(const char *file_name, struct torn_bytes text, struct torn_arena *arena,
		    struct torn_case *ret_case, struct torn_case_error *ret_error)
{
	return torn_case_parse_at(-1, file_name, text, arena, ret_case, ret_error);
}

int torn_case_parse_world(struct torn_bytes text, struct torn_arena *arena,
			  struct torn_case *ret_world, struct torn_case_error *ret_error)
{
	struct parser p = {.arena = arena, .folder_fd = -1, .is_world = true};
	int error = parse_and_tell(&p, NULL, text, ret_error);
	if (!error)
		*ret_world = p.c;
	return error;
}

/* ----------------------------------------------------------------- loading */

int torn_case_load(const char *path, struct torn_arena *arena, struct torn_case *ret_case,
		   struct torn_case_error *ret_error)
{
	struct torn_bytes text;
	size_t mark = torn_arena_mark(arena);
	int folder_fd = -1;
	int error = torn_regular_read(path, arena, &text);
	if (!error) {
		folder_fd = torn_regular_open_folder(path);
		error = folder_fd < 0 ? folder_fd : 0;
	}
	if (error) {
		struct torn_words words;
		char buffer[96];
		torn_words_refuse_bytes(&words, torn_bytes_of(path), "%s",
					torn_regular_expected(error, TORN_REGULAR_SIZE_MAX, buffer,
							      sizeof(buffer)));
		*ret_error = (struct torn_case_error){.file = path};
		strcpy(ret_error->message, words.message);
	} else {
		error = torn_case_parse_at(folder_fd, path, text, arena, ret_case, ret_error);
		close(folder_fd);
	}
	if (error)
		torn_arena_return(arena, mark);
	return error;
}

/* ---------------------------------------------------------------- printing */

static void print_runs(const struct torn_plan *plan, FILE *out)
{
	if (plan->before) {
		print_runs(plan->before, out);
		fprintf(out, "then %s\n", plan->recovers ? then_recover : then_run);
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
	fprintf(out, "%s\ntarget ", header);
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
		fprintf(out, "expect %s ", expectations[c->expect]);
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

/* ------------------------------------------------------------------- words */

const char *torn_case_word(size_t number)
{
	if (number == 0)
		return header;
	number -= 1;
	if (number < ITEMS_COUNT)
		return items[number].word;
	number -= ITEMS_COUNT;
	const char *const others[] = {then_run, then_recover, expectations[TORN_EXPECT_HELD],
				      expectations[TORN_EXPECT_VIOLATED]};
	return number < sizeof(others) / sizeof(others[0]) ? others[number] : NULL;
}
