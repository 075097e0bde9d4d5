/*
 * case.c: see case.h for the grammar.
 *
 * A case comes from a fuzzer's mutator, a merge or a stranger's bug report:
 * whatever the bytes are, reading takes time linear in them (the sorts aside)
 * and storage from the arena only. Lines are read one by one; what concerns two
 * lines (said twice, a path below a file, a link's other end, a fault behind
 * the kill or the cut) is looked at when all are read and sorted, lowest line first.
 */
#include "case_reading.h"

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

#define NAME_EXPECTED "(letters, digits, _ . -)"

static bool starts_with(struct torn_bytes bytes, const char *prefix)
{
	size_t size = strlen(prefix);
	return bytes.size >= size && memcmp(bytes.data, prefix, size) == 0;
}

static struct torn_bytes without(struct torn_bytes bytes, size_t prefix_size)
{
	return (struct torn_bytes){bytes.data + prefix_size, bytes.size - prefix_size};
}

/* ----------------------------------------------------------------- parsing */

static int next_word(struct torn_case_reading *p, struct torn_word *ret_word)
{
	return torn_words_next(&p->words, ret_word);
}

static int copy_bytes(struct torn_case_reading *p, struct torn_bytes bytes, struct torn_bytes *ret_copy)
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

static int parse_target(struct torn_case_reading *p)
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

static int parse_seed(struct torn_case_reading *p)
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

static int parse_arg(struct torn_case_reading *p)
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

static int parse_command(struct torn_case_reading *p)
{
	return torn_command_parse(&p->words, p->arena, &p->c.command, &p->c.command_count);
}

static int parse_watch(struct torn_case_reading *p)
{
	assert(p->c.watches_count < p->watches_max);
	int error = torn_watch_parse(&p->words, p->arena, &p->c.watches[p->c.watches_count]);
	if (!error)
		p->watches_lines[p->c.watches_count++] = p->line;
	return error;
}

static int parse_fault(struct torn_case_reading *p)
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
	if (fault.name == TORN_FAULT_FULL && fault.value && torn_plan_small_disk(plan))
		return torn_words_refuse_bytes(&p->words, rest, "one small disk at most");
	if (p->faults_before + plan->faults_count == TORN_FAULTS_MAX)
		return torn_words_refuse_bytes(&p->words, rest, "at most %d faults",
					       TORN_FAULTS_MAX);
	p->lines.faults[p->faults_before + plan->faults_count] = p->line;
	plan->faults[plan->faults_count++] = fault;
	return 0;
}

/* A replay keeps one disk for all runs: the cut on the other one would be made there, and be told as if it were not. */
static int parse_cut(struct torn_case_reading *p)
{
	struct torn_cut *cut = &p->c.plan.cut;
	const char *before = torn_plan_disk(p->c.plan.before);
	int error = torn_cut_parse(&p->words, p->arena, torn_plan_runs_before(&p->c.plan), cut);
	if (!error && cut->disk && before && strcmp(cut->disk, before) != 0)
		error = torn_words_refuse_bytes(&p->words, torn_bytes_of(cut->disk), "one disk in all runs, disk=%s", before);
	return error;
}

/* What was read of the run up to here is the run before. */
static int parse_then(struct torn_case_reading *p)
{
	struct torn_word word;
	int error = next_word(p, &word);
	if (error)
		return error;
	const bool recovers = torn_word_is(&word, TORN_CASE_RECOVER);
	if (!recovers && !torn_word_is(&word, TORN_CASE_RUN))
		return torn_words_refuse(&p->words, &word, "run or recover");
	const uint32_t runs = torn_plan_runs_before(&p->c.plan) + 1;
	if (runs == TORN_RUNS_MAX)
		return torn_words_refuse(&p->words, &word, "at most %d runs", (int)TORN_RUNS_MAX);
	struct torn_plan *before = torn_arena_take(p->arena, sizeof(*before));
	if (!before)
		return -ENOMEM;
	torn_case_reading_end_run(p);
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

static int parse_expect(struct torn_case_reading *p)
{
	struct torn_word word;
	int error = next_word(p, &word);
	if (error)
		return error;
	if (torn_word_is(&word, torn_case_expectations[TORN_EXPECT_HELD]))
		p->c.expect = TORN_EXPECT_HELD;
	else if (torn_word_is(&word, torn_case_expectations[TORN_EXPECT_VIOLATED]))
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

static int parse_old(struct torn_case_reading *p)
{
	assert(p->c.olds_count < p->olds_max);
	int error = torn_old_parse(&p->words, p->folder_fd, p->arena, &p->c.olds[p->c.olds_count]);
	if (!error)
		p->olds_lines[p->c.olds_count++] = p->line;
	return error;
}

/* ------------------------------------------------------------ whole texts */

/* Say that an item stands once; `line` is where, 0 up to now. */
static int stand_once(struct torn_case_reading *p, const struct torn_word *item, uint32_t *line)
{
	if (*line)
		return torn_words_refuse(&p->words, item,
					 "each item once (first on line %" PRIu32 ")", *line);
	*line = p->line;
	return 0;
}

static int parse_header(struct torn_case_reading *p, const struct torn_word *first)
{
	struct torn_word word;
	if (!torn_word_is(first, "torn-case"))
		return torn_words_refuse(&p->words, first, TORN_CASE_HEADER);
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
	int (*parse)(struct torn_case_reading *p);
	size_t once; /* of what stands once: where the parser keeps its line; 0: it may repeat */
} items[] = {
	{"target", parse_target, offsetof(struct torn_case_reading, lines.target)},
	{"seed", parse_seed, offsetof(struct torn_case_reading, seed)},
	{"command", parse_command, offsetof(struct torn_case_reading, lines.command)},
	{"arg", parse_arg, 0},
	{"watch", parse_watch, 0},
	{"old", parse_old, 0},
	{"fault", parse_fault, 0},
	{"cut", parse_cut, offsetof(struct torn_case_reading, lines.cut)},
	{"then", parse_then, 0},
	{"expect", parse_expect, offsetof(struct torn_case_reading, lines.invariant)},
};

#define ITEMS_COUNT (sizeof(items) / sizeof(items[0]))

static int parse_item(struct torn_case_reading *p, const struct torn_word *word)
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

static int parse_line(struct torn_case_reading *p, struct torn_bytes line)
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
static int take_items(struct torn_case_reading *p, size_t max, size_t item_size, void *ret_items,
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
static int make_room(struct torn_case_reading *p, struct torn_bytes text)
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

static int parse_text(struct torn_case_reading *p, struct torn_bytes text)
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
					       TORN_CASE_HEADER);
	}
	return torn_case_reading_check(p);
}

/* Read a text and tell of it; an error gives back what the parser took. */
static int parse_and_tell(struct torn_case_reading *p, const char *file_name, struct torn_bytes text,
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
	struct torn_case_reading p = {.arena = arena, .folder_fd = folder_fd};
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
	struct torn_case_reading p = {.arena = arena, .folder_fd = -1, .is_world = true};
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

/* ------------------------------------------------------------------- words */

const char *torn_case_word(size_t number)
{
	if (number == 0)
		return TORN_CASE_HEADER;
	number -= 1;
	if (number < ITEMS_COUNT)
		return items[number].word;
	number -= ITEMS_COUNT;
	const char *const others[] = {TORN_CASE_RUN, TORN_CASE_RECOVER, torn_case_expectations[TORN_EXPECT_HELD],
				      torn_case_expectations[TORN_EXPECT_VIOLATED]};
	return number < sizeof(others) / sizeof(others[0]) ? others[number] : NULL;
}
