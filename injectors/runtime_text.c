/* runtime_text.c: see runtime_text.h. */
#include "runtime_text.h"

#include <string.h>

#define ROOM_FIRST 256u

void torn_text_begin(struct torn_text *text, struct torn_arena *arena)
{
	*text = (struct torn_text){.arena = arena};
}

static bool make_room(struct torn_text *text, size_t more)
{
	if (text->is_full || text->room - text->size >= more)
		return !text->is_full;
	size_t room = text->room ? text->room : ROOM_FIRST;
	while (room - text->size < more)
		room *= 2;
	uint8_t *data = torn_arena_take_raw(text->arena, room);
	text->is_full = !data;
	if (!data)
		return false;
	if (text->size)
		memcpy(data, text->data, text->size);
	text->data = data;
	text->room = room;
	return true;
}

void torn_text_add(struct torn_text *text, struct torn_bytes bytes)
{
	if (bytes.size == 0 || !make_room(text, bytes.size))
		return;
	memcpy(text->data + text->size, bytes.data, bytes.size);
	text->size += bytes.size;
}

void torn_text_put(struct torn_text *text, const char *words)
{
	torn_text_add(text, torn_bytes_of(words));
}

void torn_text_number(struct torn_text *text, uint64_t number)
{
	uint8_t digits[20];
	size_t at = sizeof digits;
	do {
		digits[--at] = (uint8_t)('0' + number % 10);
		number /= 10;
	} while (number);
	torn_text_add(text, (struct torn_bytes){digits + at, sizeof digits - at});
}

static bool is_one_of(uint8_t byte, const char *bytes)
{
	while (*bytes && (uint8_t)*bytes != byte)
		bytes++;
	return *bytes != '\0';
}

void torn_text_escape(struct torn_text *text, struct torn_bytes bytes, const char *escaped)
{
	for (size_t i = 0; i < bytes.size; i++) {
		const uint8_t byte = bytes.data[i];
		const uint8_t octal[4] = {'\\', (uint8_t)('0' + (byte >> 6)),
					  (uint8_t)('0' + (byte >> 3 & 7)), (uint8_t)('0' + (byte & 7))};
		if (is_one_of(byte, escaped))
			torn_text_add(text, (struct torn_bytes){octal, sizeof octal});
		else
			torn_text_add(text, (struct torn_bytes){&bytes.data[i], 1});
	}
}

int torn_text_end(const struct torn_text *text, struct torn_bytes *ret_bytes)
{
	if (text->is_full)
		return -ENOMEM;
	*ret_bytes = text->size ? (struct torn_bytes){text->data, text->size} : torn_bytes_of("");
	return 0;
}

/* ---------------------------------------------------------------- reading */

size_t torn_text_find(struct torn_bytes bytes, uint8_t byte)
{
	size_t at = 0;
	while (at < bytes.size && bytes.data[at] != byte)
		at++;
	return at;
}

bool torn_text_line(struct torn_bytes *rest, struct torn_bytes *ret_line)
{
	if (rest->size == 0)
		return false;
	const size_t size = torn_text_find(*rest, '\n');
	*ret_line = (struct torn_bytes){rest->data, size};
	*rest = torn_text_behind(*rest, size < rest->size ? size + 1 : size);
	return true;
}

bool torn_text_word(struct torn_bytes *rest, const char *separators, struct torn_bytes *ret_word)
{
	size_t from = 0;
	while (from < rest->size && is_one_of(rest->data[from], separators))
		from++;
	size_t to = from;
	while (to < rest->size && !is_one_of(rest->data[to], separators))
		to++;
	const struct torn_bytes word = {rest->data + from, to - from};
	*rest = torn_text_behind(*rest, to);
	if (word.size == 0)
		return false;
	*ret_word = word;
	return true;
}

struct torn_bytes torn_text_trim(struct torn_bytes bytes, const char *separators)
{
	while (bytes.size && is_one_of(bytes.data[bytes.size - 1], separators))
		bytes.size--;
	while (bytes.size && is_one_of(bytes.data[0], separators))
		bytes = torn_text_behind(bytes, 1);
	return bytes;
}

bool torn_text_is(struct torn_bytes bytes, const char *words)
{
	const size_t size = strlen(words);
	return bytes.size == size && memcmp(bytes.data, words, size) == 0;
}

bool torn_text_begins(struct torn_bytes bytes, const char *words)
{
	const size_t size = strlen(words);
	return bytes.size >= size && memcmp(bytes.data, words, size) == 0;
}

bool torn_text_ends(struct torn_bytes bytes, const char *words)
{
	const size_t size = strlen(words);
	return bytes.size >= size && memcmp(bytes.data + bytes.size - size, words, size) == 0;
}

bool torn_text_decimal(struct torn_bytes digits, uint64_t *ret_number)
{
	uint64_t number = 0;
	for (size_t i = 0; i < digits.size; i++) {
		const uint8_t byte = digits.data[i];
		if (byte < '0' || byte > '9' || __builtin_mul_overflow(number, UINT64_C(10), &number) ||
		    __builtin_add_overflow(number, (uint64_t)(byte - '0'), &number))
			return false;
	}
	if (digits.size)
		*ret_number = number;
	return digits.size > 0;
}
