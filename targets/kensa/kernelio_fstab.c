/* kernelio_fstab.c: see kernelio_fstab.h. */
#include "kernelio_fstab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The fields of fstab(5), and room for what stands behind them. */
#define FIELD_OPTIONS 3

static bool is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

struct torn_bytes kernelio_fstab_field(struct torn_bytes line, size_t index)
{
	size_t i = 0;

	for (;; index--) {
		while (i < line.size && is_space(line.data[i]))
			i++;
		const size_t start = i;
		while (i < line.size && !is_space(line.data[i]))
			i++;
		if (i == start)
			return (struct torn_bytes){NULL, 0};
		if (index == 0)
			return (struct torn_bytes){line.data + start, i - start};
	}
}

/* The line that begins at `start`, without its newline. */
static struct torn_bytes line_at(struct torn_bytes text, size_t start)
{
	const uint8_t *from = text.data + start;
	const uint8_t *newline = memchr(from, '\n', text.size - start);

	return (struct torn_bytes){from, newline ? (size_t)(newline - from) : text.size - start};
}

static bool is_of(struct torn_bytes line, struct torn_bytes mount_point)
{
	const struct torn_bytes first = kernelio_fstab_field(line, 0);
	const struct torn_bytes second = kernelio_fstab_field(line, 1);

	return first.data && first.data[0] != '#' && second.data &&
	       torn_bytes_equal(second, mount_point);
}

static struct torn_bytes find_from(struct torn_bytes fstab, size_t start, struct torn_bytes mount_point)
{
	while (start < fstab.size) {
		const struct torn_bytes line = line_at(fstab, start);
		if (is_of(line, mount_point))
			return line;
		start += line.size + 1;
	}
	return (struct torn_bytes){NULL, 0};
}

struct torn_bytes kernelio_fstab_find_line(struct torn_bytes fstab, struct torn_bytes mount_point)
{
	return find_from(fstab, 0, mount_point);
}

struct torn_bytes kernelio_fstab_next_line(struct torn_bytes fstab, struct torn_bytes line,
					   struct torn_bytes mount_point)
{
	return find_from(fstab, (size_t)(line.data - fstab.data) + line.size + 1, mount_point);
}

/* ---------------------------------------------------------------- options */

/* Take the next item of a list with commas off its front. */
static struct torn_bytes next_option(struct torn_bytes *list)
{
	const uint8_t *comma = memchr(list->data, ',', list->size);
	const size_t size = comma ? (size_t)(comma - list->data) : list->size;
	const struct torn_bytes option = {list->data, size};

	list->data += comma ? size + 1 : size;
	list->size -= comma ? size + 1 : size;
	return option;
}

bool kernelio_fstab_has_option(struct torn_bytes list, struct torn_bytes option)
{
	while (list.size > 0)
		if (torn_bytes_equal(next_option(&list), option))
			return true;
	return false;
}

static void put(FILE *stream, struct torn_bytes bytes)
{
	fwrite(bytes.data, 1, bytes.size, stream);
}

static void put_options(FILE *stream, struct torn_bytes had, struct torn_bytes options)
{
	put(stream, had);
	for (struct torn_bytes rest = options; rest.size > 0;) {
		const struct torn_bytes option = next_option(&rest);
		const struct torn_bytes before = {options.data, (size_t)(option.data - options.data)};
		if (option.size == 0 || kernelio_fstab_has_option(had, option) ||
		    kernelio_fstab_has_option(before, option))
			continue;
		fputc(',', stream);
		put(stream, option);
	}
}

static void put_line_with(FILE *stream, struct torn_bytes line, struct torn_bytes options)
{
	struct torn_bytes field;

	for (size_t i = 0; (field = kernelio_fstab_field(line, i)).data; i++) {
		if (i > 0)
			fputc(' ', stream);
		if (i == FIELD_OPTIONS)
			put_options(stream, field, options);
		else
			put(stream, field);
	}
}

/* ------------------------------------------------------------------ edits */

/* What becomes of a mount point's lines. */
struct edit {
	struct torn_bytes mount_point;
	struct torn_bytes options; /* to be added; data NULL: */
	struct torn_bytes line;    /* what takes the line's place; data NULL: */
	struct torn_bytes prior;   /* a table whose lines of that mount point take their places, in order */
	struct torn_bytes *last;   /* of those, the one that was put; data NULL: none yet */
};

/* The next one of the prior table; data NULL where there is none. */
static struct torn_bytes next_prior(const struct edit *edit)
{
	*edit->last = edit->last->data
			      ? kernelio_fstab_next_line(edit->prior, *edit->last, edit->mount_point)
			      : kernelio_fstab_find_line(edit->prior, edit->mount_point);
	return *edit->last;
}

/* Returns whether it was one. */
static bool put_line(FILE *stream, struct torn_bytes line, const struct edit *edit)
{
	const bool is_one = is_of(line, edit->mount_point);

	if (!is_one || (edit->options.data && !kernelio_fstab_field(line, FIELD_OPTIONS).data))
		put(stream, line);
	else if (edit->options.data)
		put_line_with(stream, line, edit->options);
	else
		put(stream, edit->line.data ? edit->line : next_prior(edit));
	return is_one;
}

static bool put_lines(FILE *stream, struct torn_bytes fstab, const struct edit *edit)
{
	bool is_there = false;

	for (size_t start = 0; start < fstab.size;) {
		const struct torn_bytes line = line_at(fstab, start);
		is_there |= put_line(stream, line, edit);
		start += line.size;
		if (start < fstab.size)
			fputc('\n', stream);
		start++;
	}
	return is_there;
}

static int change(struct torn_bytes fstab, const struct edit *edit, char **ret_fstab, size_t *ret_size)
{
	char *text = NULL;
	size_t size = 0;

	FILE *stream = open_memstream(&text, &size);
	if (!stream)
		return -ENOMEM;
	bool is_there = put_lines(stream, fstab, edit);
	if (fclose(stream) != 0 || !is_there) {
		free(text);
		return is_there ? -ENOMEM : -ENOENT;
	}
	*ret_fstab = text;
	*ret_size = size;
	return 0;
}

int kernelio_fstab_add_options(struct torn_bytes fstab, struct torn_bytes mount_point,
			       struct torn_bytes options, char **ret_fstab, size_t *ret_size)
{
	const struct edit edit = {.mount_point = mount_point, .options = options};

	return change(fstab, &edit, ret_fstab, ret_size);
}

int kernelio_fstab_replace_line(struct torn_bytes fstab, struct torn_bytes mount_point,
				struct torn_bytes line, char **ret_fstab, size_t *ret_size)
{
	const struct edit edit = {.mount_point = mount_point, .line = line};

	return change(fstab, &edit, ret_fstab, ret_size);
}

static size_t count_lines(struct torn_bytes fstab, struct torn_bytes mount_point)
{
	size_t count = 0;

	for (struct torn_bytes line = kernelio_fstab_find_line(fstab, mount_point); line.data;
	     line = kernelio_fstab_next_line(fstab, line, mount_point))
		count++;
	return count;
}

int kernelio_fstab_put_back(struct torn_bytes fstab, struct torn_bytes mount_point,
			    struct torn_bytes prior, char **ret_fstab, size_t *ret_size)
{
	struct torn_bytes last = {NULL, 0};
	const struct edit edit = {.mount_point = mount_point, .prior = prior, .last = &last};

	if (count_lines(fstab, mount_point) != count_lines(prior, mount_point))
		return -ENOENT;
	return change(fstab, &edit, ret_fstab, ret_size);
}
