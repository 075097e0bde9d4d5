/* escape.c: see escape.h. UTF-8 as RFC 3629 has it: nothing overlong, no surrogates. */
#include "escape.h"

#include <string.h>

/* Return the size of the UTF-8 character that `text` begins with; 0 where none does. */
static size_t character_size(struct torn_bytes text)
{
	uint8_t first = text.data[0];
	if (first < 0x80)
		return 1;
	size_t size = first >= 0xc2 && first <= 0xdf ? 2 : (first & 0xf0) == 0xe0 ? 3 : 4;
	if (first < 0xc2 || first > 0xf4 || text.size < size)
		return 0;
	for (size_t i = 1; i < size; i++) {
		if ((text.data[i] & 0xc0) != 0x80)
			return 0;
	}
	uint8_t second = text.data[1];
	if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
	    (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f))
		return 0;
	return size;
}

static bool is_control(struct torn_bytes character)
{
	uint8_t first = character.data[0];
	return first < 0x20 || first == 0x7f || (first == 0xc2 && character.data[1] < 0xa0);
}

/* Write what the first `taken` bytes of `text` become; returns its size, at most 8. */
static size_t character_write(char *out, struct torn_bytes text, size_t taken, unsigned what)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t first = text.data[0];
	bool plain = character_size(text) == taken &&
		     !((what & TORN_ESCAPE_CONTROLS) && is_control(text));
	size_t size = 0;
	if (plain && ((first == '\\' && (what & TORN_ESCAPE_BACKSLASH)) ||
		      (first == '"' && (what & TORN_ESCAPE_QUOTE))))
		out[size++] = '\\';
	for (size_t i = 0; i < taken; i++) {
		if (plain) {
			out[size++] = (char)text.data[i];
			continue;
		}
		out[size++] = '\\';
		out[size++] = 'x';
		out[size++] = digits[text.data[i] >> 4];
		out[size++] = digits[text.data[i] & 15];
	}
	return size;
}

size_t torn_escape_copy(char *buffer, size_t size, struct torn_bytes text, unsigned what)
{
	size_t needed = 0, written = 0;
	while (text.size > 0) {
		char out[8];
		size_t taken = character_size(text);
		if (taken == 0)
			taken = 1;
		size_t made = character_write(out, text, taken, what);
		/* Once a character found no room, no later one is let in. */
		if (written == needed && needed + made < size) {
			memcpy(buffer + written, out, made);
			written += made;
		}
		needed += made;
		text.data += taken;
		text.size -= taken;
	}
	if (size > 0)
		buffer[written] = '\0';
	return needed;
}
