/* audit_lines.c: see audit_lines.h. */
#include "audit_lines.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HEADER "# Managed by Kensa."

static struct torn_bytes trimmed(struct torn_bytes line)
{
	while (line.size > 0 && isspace(line.data[line.size - 1]))
		line.size--;
	while (line.size > 0 && isspace(line.data[0])) {
		line.data++;
		line.size--;
	}
	return line;
}

/* Take a line off, as it stands. */
static bool next_raw(struct torn_bytes *text, struct torn_bytes *ret_line)
{
	if (text->size == 0)
		return false;
	const uint8_t *newline = memchr(text->data, '\n', text->size);
	const size_t size = newline ? (size_t)(newline - text->data) : text->size;
	const size_t taken = newline ? size + 1 : size;
	*ret_line = (struct torn_bytes){text->data, size};
	text->data += taken;
	text->size -= taken;
	return true;
}

bool audit_lines_next(struct torn_bytes *text, struct torn_bytes *ret_line)
{
	if (!next_raw(text, ret_line))
		return false;
	*ret_line = trimmed(*ret_line);
	return true;
}

bool audit_lines_next_rule(struct torn_bytes *text, struct torn_bytes *ret_line)
{
	while (audit_lines_next(text, ret_line))
		if (ret_line->size > 0 && ret_line->data[0] != '#')
			return true;
	return false;
}

static bool has(struct torn_bytes text, struct torn_bytes line)
{
	struct torn_bytes other;

	while (audit_lines_next(&text, &other))
		if (torn_bytes_equal(other, line))
			return true;
	return false;
}

static void put(FILE *stream, struct torn_bytes line)
{
	fwrite(line.data, 1, line.size, stream);
	fputc('\n', stream);
}

/* strings.TrimRight(text, "\n") */
static struct torn_bytes without_newlines(struct torn_bytes text)
{
	while (text.size > 0 && text.data[text.size - 1] == '\n')
		text.size--;
	return text;
}

static void put_missing(FILE *merged, FILE *added, struct torn_bytes file, struct torn_bytes rules)
{
	struct torn_bytes rest = rules, line;

	while (audit_lines_next_rule(&rest, &line)) {
		const struct torn_bytes before = {rules.data, (size_t)(line.data - rules.data)};
		if (has(file, line) || has(before, line))
			continue;
		put(merged, line);
		put(added, line);
	}
}

int audit_lines_merge(struct torn_bytes file, struct torn_bytes rules, char **ret_merged,
		      size_t *ret_size, char **ret_added)
{
	char *merged_text = NULL, *added_text = NULL;
	size_t merged_size = 0, added_size = 0;

	FILE *merged = open_memstream(&merged_text, &merged_size);
	FILE *added = open_memstream(&added_text, &added_size);
	if (merged && added) {
		if (trimmed(file).size > 0)
			put(merged, without_newlines(file));
		else
			put(merged, torn_bytes_of(HEADER));
		put_missing(merged, added, file, rules);
	}
	bool failed = !merged || !added;
	if (merged)
		failed |= fclose(merged) != 0;
	if (added)
		failed |= fclose(added) != 0;
	if (failed || !ret_added)
		free(added_text);
	else
		*ret_added = added_text;
	if (failed) {
		free(merged_text);
		return -ENOMEM;
	}
	*ret_merged = merged_text;
	*ret_size = merged_size;
	return 0;
}

/* A blank line in `rules` takes no blank line out: there is none. */
static void put_kept(FILE *reduced, struct torn_bytes file, struct torn_bytes rules)
{
	struct torn_bytes rest = without_newlines(file), line;

	if (rest.size == 0)
		fputc('\n', reduced); /* strings.Split of nothing is one line */
	while (next_raw(&rest, &line))
		if (!has(rules, trimmed(line)))
			put(reduced, line);
}

int audit_lines_remove(struct torn_bytes file, struct torn_bytes rules, char **ret_reduced,
		       size_t *ret_size, bool *ret_remains)
{
	char *text = NULL;
	size_t size = 0;
	struct torn_bytes line;

	FILE *reduced = open_memstream(&text, &size);
	if (!reduced)
		return -ENOMEM;
	if (rules.size == 0)
		fwrite(file.data, 1, file.size, reduced);
	else
		put_kept(reduced, file, rules);
	if (fclose(reduced) != 0) {
		free(text);
		return -ENOMEM;
	}
	struct torn_bytes rest = {(const uint8_t *)text, size};
	*ret_remains = audit_lines_next_rule(&rest, &line);
	*ret_reduced = text;
	*ret_size = size;
	return 0;
}
