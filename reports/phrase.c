/* phrase.c: see phrase.h. A character takes one column: wide ones only shift what follows. */
#include "phrase.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "escape.h"

void torn_phrase_begin(struct torn_phrase *phrase)
{
	phrase->size = 0;
	phrase->text[0] = '\0';
}

void torn_phrase_add(struct torn_phrase *phrase, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int size = vsnprintf(phrase->text + phrase->size, sizeof phrase->text - phrase->size,
			     format, arguments);
	va_end(arguments);
	assert(size >= 0);
	size_t room = sizeof phrase->text - phrase->size - 1;
	phrase->size += (size_t)size < room ? (size_t)size : room;
}

static void add_escaped(struct torn_phrase *phrase, struct torn_bytes bytes, unsigned what)
{
	/* With controls escaped no NUL is left in it but the last. */
	torn_escape_copy(phrase->text + phrase->size, sizeof phrase->text - phrase->size, bytes,
			 what | TORN_ESCAPE_CONTROLS);
	phrase->size += strlen(phrase->text + phrase->size);
}

static const struct torn_target *told;

void torn_phrase_tell_of(const struct torn_target *target)
{
	told = target;
}

void torn_phrase_add_path(struct torn_phrase *phrase, struct torn_bytes path)
{
	if (path.size == 0 || path.data[0] != '/')
		torn_phrase_add(phrase, "%s", torn_path_lead(told, path));
	add_escaped(phrase, path, TORN_ESCAPE_BACKSLASH);
}

void torn_phrase_add_text(struct torn_phrase *phrase, const char *text)
{
	add_escaped(phrase, torn_bytes_of(text), 0);
}

void torn_phrase_add_quoted(struct torn_phrase *phrase, struct torn_bytes bytes, size_t size_max)
{
	struct torn_bytes shown = {bytes.data, bytes.size < size_max ? bytes.size : size_max};
	torn_phrase_add(phrase, "\"");
	add_escaped(phrase, shown, TORN_ESCAPE_BACKSLASH | TORN_ESCAPE_QUOTE);
	torn_phrase_add(phrase, "\"%s", shown.size < bytes.size ? "..." : "");
}

int torn_phrase_columns(const struct torn_phrase *phrase)
{
	int columns = 0;
	for (size_t i = 0; i < phrase->size; i++)
		columns += ((uint8_t)phrase->text[i] & 0xc0) != 0x80;
	return columns;
}
