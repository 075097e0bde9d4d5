/* mutate_lines.c: a text with a few of its lines and bytes changed: mutate_formats.h. */
#include <string.h>

#include "../injectors/runtime_text.h"
#include "mutate_formats.h"

#define LINES_MAX 64u
#define TEXT_BYTES_MAX 8000u
#define CHANGES_MAX 3u

struct lines {
	struct torn_mutation *mutation;
	struct torn_bytes items[LINES_MAX]; /* each with its newline; the last one may have none */
	size_t count;
};

/* What has more lines keeps the rest as one. */
static void split(struct lines *lines, struct torn_bytes text)
{
	while (text.size > 0) {
		const uint8_t *newline = lines->count < LINES_MAX / 2 ? memchr(text.data, '\n', text.size) : NULL;
		const size_t size = newline ? (size_t)(newline - text.data) + 1 : text.size;
		lines->items[lines->count++] = (struct torn_bytes){text.data, size};
		text.data += size;
		text.size -= size;
	}
}

static void insert(struct lines *lines, size_t at, struct torn_bytes line)
{
	if (lines->count == LINES_MAX || !line.data)
		return;
	memmove(&lines->items[at + 1], &lines->items[at], (lines->count - at) * sizeof *lines->items);
	lines->items[at] = line;
	lines->count++;
}

static void leave_out(struct lines *lines, size_t at)
{
	memmove(&lines->items[at], &lines->items[at + 1], (--lines->count - at) * sizeof *lines->items);
}

/* The line with `more` in place of `without` of its bytes at `at`. */
static struct torn_bytes spliced(struct lines *lines, struct torn_bytes line, size_t at, size_t without,
				 struct torn_bytes more)
{
	uint8_t *bytes = torn_arena_take(lines->mutation->arena, line.size + more.size + 1);
	if (!bytes)
		return line;
	memcpy(bytes, line.data, at);
	memcpy(bytes + at, more.data, more.size);
	memcpy(bytes + at + more.size, line.data + at + without, line.size - at - without);
	return (struct torn_bytes){bytes, line.size - without + more.size};
}

static struct torn_bytes with_odd_byte(struct lines *lines, struct torn_bytes line)
{
	static const char odd[] = "%\\\n\t #'\"=[]/,;$*&-.0\r\xff\x01\0";
	struct torn_dice *dice = &lines->mutation->dice;
	const struct torn_bytes byte = {
		(const uint8_t *)&odd[torn_dice_below(dice, sizeof odd - 1)], 1};
	const size_t at = torn_dice_below(dice, line.size);
	switch (line.size > 0 ? torn_dice_below(dice, 3) : 0) {
	case 0:
		return spliced(lines, line, at, 0, byte);
	case 1:
		return spliced(lines, line, at, 1, byte);
	default:
		return spliced(lines, line, at, 1, (struct torn_bytes){byte.data, 0});
	}
}

static struct torn_bytes longer(struct lines *lines, struct torn_bytes line)
{
	const size_t size = 300 + torn_dice_below(&lines->mutation->dice, 4000);
	uint8_t *bytes = torn_arena_take_raw(lines->mutation->arena, size);
	if (!bytes)
		return line;
	memset(bytes, 'n', size);
	const size_t end = line.size && line.data[line.size - 1] == '\n' ? line.size - 1 : line.size;
	return spliced(lines, line, end, 0, (struct torn_bytes){bytes, size});
}

static void change(struct lines *lines)
{
	struct torn_dice *dice = &lines->mutation->dice;
	const size_t at = torn_dice_below(dice, lines->count);
	struct torn_bytes *line = &lines->items[at];
	const bool ends = line->size > 0 && line->data[line->size - 1] == '\n';
	const size_t end = line->size - ends;
	switch (torn_dice_below(dice, 12)) {
	case 0:
		leave_out(lines, at);
		return;
	case 1:
		insert(lines, torn_dice_below(dice, lines->count + 1), *line);
		return;
	case 2: /* its place */
		insert(lines, torn_dice_below(dice, lines->count + 1), *line);
		leave_out(lines, torn_dice_below(dice, lines->count));
		return;
	case 3:
		*line = spliced(lines, *line, 0, 0, torn_bytes_of("#"));
		return;
	case 4:
		insert(lines, at, torn_bytes_of("\n"));
		return;
	case 5:
		*line = spliced(lines, *line, 0, 0, torn_bytes_of(torn_dice_chance(dice, 1, 2) ? " " : "\t"));
		return;
	case 6: /* the last newline, or one between two lines */
		if (torn_dice_chance(dice, 2, 3))
			line = &lines->items[lines->count - 1];
		line->size -= line->size > 0 && line->data[line->size - 1] == '\n';
		return;
	case 7:
		*line = spliced(lines, *line, end, 0, torn_bytes_of("\r"));
		return;
	case 8:
		*line = spliced(lines, *line, end, 0, torn_bytes_of(" \\"));
		return;
	case 9:
		if (torn_dice_chance(dice, 1, 3))
			*line = longer(lines, *line);
		return;
	default:
		*line = with_odd_byte(lines, *line);
	}
}

struct torn_bytes torn_mutate_lines(struct torn_mutation *mutation, struct torn_bytes text)
{
	struct lines lines = {.mutation = mutation};
	struct torn_text made;
	struct torn_bytes bytes;
	if (text.size > TEXT_BYTES_MAX)
		text.size = TEXT_BYTES_MAX;
	split(&lines, text);
	const unsigned changes = 1 + torn_dice_below(&mutation->dice, CHANGES_MAX);
	for (unsigned i = 0; i < changes && lines.count > 0; i++)
		change(&lines);
	torn_text_begin(&made, mutation->arena);
	for (size_t i = 0; i < lines.count; i++)
		torn_text_add(&made, lines.items[i]);
	if (torn_text_end(&made, &bytes) < 0)
		return (struct torn_bytes){NULL, 0};
	return torn_arena_copy(mutation->arena, made.size ? bytes.data : text.data, bytes.size);
}
