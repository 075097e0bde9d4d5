/*
 * words.c: see words.h.
 *
 * A word is checked while the walk steps over it and decoded only when
 * somebody wants its value, so that reading a line needs no storage and looks
 * at each byte a fixed number of times.
 */
#include "words.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#define FOUND_SIZE_MAX 40

static bool is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t';
}

static bool is_control(uint8_t byte)
{
	return byte < 0x20 || byte == 0x7f;
}

static bool is_continuation(uint8_t byte)
{
	return (byte & 0xc0) == 0x80;
}

/*
 * Return the length of the UTF-8 character at `at`, 0 when it is none.
 * RFC 3629 section 4: no overlong forms, no surrogates, nothing above U+10FFFF.
 */
static size_t utf8_length(const uint8_t *at, const uint8_t *end)
{
	size_t left = (size_t)(end - at);
	if (left == 0)
		return 0;
	uint8_t lead = at[0];
	if (lead < 0x80)
		return 1;
	if (lead >= 0xc2 && lead <= 0xdf)
		return left >= 2 && is_continuation(at[1]) ? 2 : 0;
	if (lead >= 0xe0 && lead <= 0xef) {
		if (left < 3 || !is_continuation(at[1]) || !is_continuation(at[2]))
			return 0;
		if ((lead == 0xe0 && at[1] < 0xa0) || (lead == 0xed && at[1] > 0x9f))
			return 0;
		return 3;
	}
	if (lead >= 0xf0 && lead <= 0xf4) {
		if (left < 4 || !is_continuation(at[1]) || !is_continuation(at[2]) ||
		    !is_continuation(at[3]))
			return 0;
		if ((lead == 0xf0 && at[1] < 0x90) || (lead == 0xf4 && at[1] > 0x8f))
			return 0;
		return 4;
	}
	return 0;
}

static int hex_value(uint8_t digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

/* Return how many bytes the escape at a backslash takes, 0 when it is none. */
static size_t escape_length(const uint8_t *at, const uint8_t *end, uint8_t *ret_byte)
{
	if (end - at < 2)
		return 0;
	switch (at[1]) {
	case '\\':
	case '"':
		*ret_byte = at[1];
		return 2;
	case 'n':
		*ret_byte = '\n';
		return 2;
	case 't':
		*ret_byte = '\t';
		return 2;
	case 'r':
		*ret_byte = '\r';
		return 2;
	case 'x':
		if (end - at < 4 || hex_value(at[2]) < 0 || hex_value(at[3]) < 0)
			return 0;
		*ret_byte = (uint8_t)(hex_value(at[2]) << 4 | hex_value(at[3]));
		return 4;
	default:
		return 0;
	}
}

/* ---------------------------------------------------------------- refusals */

/*
 * What was found goes to a terminal or a CI log: nothing of it may move a
 * cursor, and a noise file's word of 10 MiB may not fill the screen.
 */
static void show(struct torn_bytes found, char shown[FOUND_SIZE_MAX + 1])
{
	static const char cut[] = "...";
	size_t used = 0, fits = 0; /* fits: where the text may end if "..." must follow */
	for (size_t i = 0; i < found.size; i++) {
		uint8_t byte = found.data[i];
		size_t width = byte < 0x80 && !is_control(byte) ? 1 : 4;
		if (used + width > FOUND_SIZE_MAX) {
			memcpy(shown + fits, cut, sizeof(cut));
			return;
		}
		if (width == 1)
			shown[used] = (char)byte;
		else
			snprintf(shown + used, 5, "\\x%02x", byte);
		used += width;
		if (used + sizeof(cut) - 1 <= FOUND_SIZE_MAX)
			fits = used;
	}
	shown[used] = 0;
}

static int refuse(struct torn_words *words, const char *found, const char *expected,
		  va_list arguments) __attribute__((format(printf, 3, 0)));
static int refuse(struct torn_words *words, const char *found, const char *expected,
		  va_list arguments)
{
	char what[TORN_MESSAGE_SIZE - FOUND_SIZE_MAX - sizeof("expected , found ")];
	vsnprintf(what, sizeof(what), expected, arguments);
	snprintf(words->message, sizeof(words->message), "expected %s, found %s", what, found);
	return -EINVAL;
}

int torn_words_refuse_bytes(struct torn_words *words, struct torn_bytes found, const char *expected,
			    ...)
{
	char shown[FOUND_SIZE_MAX + 1] = "nothing";
	if (found.size)
		show(found, shown);
	va_list arguments;
	va_start(arguments, expected);
	int error = refuse(words, shown, expected, arguments);
	va_end(arguments);
	return error;
}

int torn_words_refuse(struct torn_words *words, const struct torn_word *found, const char *expected,
		      ...)
{
	char shown[FOUND_SIZE_MAX + 1] = "the end of the line";
	if (found->kind != TORN_WORD_END)
		show(found->raw, shown);
	va_list arguments;
	va_start(arguments, expected);
	int error = refuse(words, shown, expected, arguments);
	va_end(arguments);
	return error;
}

/* Refuse what stands at `at`, up to the next blank. */
static int refuse_here(struct torn_words *words, const uint8_t *at, const char *expected)
{
	const uint8_t *end = at + 1;
	while (end < words->end && end - at <= FOUND_SIZE_MAX && !is_blank(*end))
		end++;
	return torn_words_refuse_bytes(words, (struct torn_bytes){at, (size_t)(end - at)}, "%s",
				       expected);
}

/* Refuse the one byte at `at`. */
static int refuse_byte(struct torn_words *words, const uint8_t *at, const char *expected)
{
	return torn_words_refuse_bytes(words, (struct torn_bytes){at, 1}, "%s", expected);
}

/* ----------------------------------------------------------------- reading */

void torn_words_begin(struct torn_words *words, struct torn_bytes line)
{
	words->at = line.data;
	words->end = line.size ? line.data + line.size : line.data;
	words->message[0] = 0;
}

static int next_bare(struct torn_words *words, struct torn_word *ret_word)
{
	const uint8_t *at = words->at;
	while (at < words->end && !is_blank(*at)) {
		if (*at == '"')
			return refuse_here(words, at, "a blank before the quote");
		if (*at == '\\')
			return refuse_here(words, at, "quotes around a word with escapes");
		if (is_control(*at))
			return refuse_byte(words, at, "\"...\\xHH...\" for a control character");
		size_t length = utf8_length(at, words->end);
		if (length == 0)
			return refuse_byte(words, at, "UTF-8 or \"...\\xHH...\"");
		at += length;
	}
	size_t size = (size_t)(at - words->at);
	*ret_word = (struct torn_word){
		.kind = *words->at == '@' ? TORN_WORD_REFERENCE : TORN_WORD_BARE,
		.raw = {words->at, size},
		.value_size = size,
	};
	words->at = at;
	return 0;
}

static int next_quoted(struct torn_words *words, struct torn_word *ret_word)
{
	const uint8_t *at = words->at + 1;
	size_t value_size = 0;
	while (at < words->end && *at != '"') {
		size_t length;
		if (*at == '\\') {
			uint8_t byte;
			length = escape_length(at, words->end, &byte);
			if (length == 0)
				return refuse_here(words, at, "one of \\\\ \\\" \\n \\t \\r \\xHH");
			value_size += 1;
		} else {
			if (is_control(*at))
				return refuse_byte(words, at, "\\xHH for a control character");
			length = utf8_length(at, words->end);
			if (length == 0)
				return refuse_byte(words, at, "UTF-8 or \\xHH");
			value_size += length;
		}
		at += length;
	}
	if (at == words->end)
		return torn_words_refuse(words, &(struct torn_word){.kind = TORN_WORD_END},
					 "a closing quote");
	at++;
	if (at < words->end && !is_blank(*at))
		return refuse_here(words, at, "a blank after the closing quote");
	*ret_word = (struct torn_word){
		.kind = TORN_WORD_QUOTED,
		.raw = {words->at, (size_t)(at - words->at)},
		.value_size = value_size,
	};
	words->at = at;
	return 0;
}

int torn_words_next(struct torn_words *words, struct torn_word *ret_word)
{
	while (words->at < words->end && is_blank(*words->at))
		words->at++;
	if (words->at == words->end || *words->at == '#') {
		words->at = words->end;
		*ret_word = (struct torn_word){.kind = TORN_WORD_END};
		return 0;
	}
	return *words->at == '"' ? next_quoted(words, ret_word) : next_bare(words, ret_word);
}

int torn_words_finish(struct torn_words *words)
{
	struct torn_word word;
	int error = torn_words_next(words, &word);
	if (error)
		return error;
	if (word.kind != TORN_WORD_END)
		return torn_words_refuse(words, &word, "the end of the line");
	return 0;
}

bool torn_word_is(const struct torn_word *word, const char *keyword)
{
	return word->kind == TORN_WORD_BARE && word->raw.size == strlen(keyword) &&
	       memcmp(word->raw.data, keyword, word->raw.size) == 0;
}

struct torn_bytes torn_word_copy(const struct torn_word *word, struct torn_arena *arena)
{
	if (word->kind != TORN_WORD_QUOTED)
		return torn_arena_copy(arena, word->raw.data, word->raw.size);

	uint8_t *value = torn_arena_take(arena, word->value_size + 1);
	if (!value)
		return (struct torn_bytes){NULL, 0};
	const uint8_t *at = word->raw.data + 1, *end = word->raw.data + word->raw.size - 1;
	size_t used = 0;
	while (at < end) {
		if (*at == '\\')
			at += escape_length(at, end, &value[used++]);
		else
			value[used++] = *at++;
	}
	return (struct torn_bytes){value, used};
}

int torn_words_next_value(struct torn_words *words, const char *what, struct torn_arena *arena,
			  struct torn_word *ret_word, struct torn_bytes *ret_value)
{
	struct torn_word word;
	int error = torn_words_next(words, &word);
	if (error)
		return error;
	if (word.kind == TORN_WORD_END)
		return torn_words_refuse(words, &word, "%s", what);
	if (word.kind == TORN_WORD_REFERENCE)
		return torn_words_refuse(words, &word, "%s, in quotes where it begins with @",
					 what);
	struct torn_bytes value = torn_word_copy(&word, arena);
	if (!value.data)
		return -ENOMEM;
	*ret_word = word;
	*ret_value = value;
	return 0;
}

struct torn_bytes torn_word_value(const char *word, struct torn_arena *arena)
{
	struct torn_words words;
	struct torn_word first;
	struct torn_bytes value;
	size_t mark = torn_arena_mark(arena);
	torn_words_begin(&words, torn_bytes_of(word));
	if (torn_words_next_value(&words, "a value", arena, &first, &value) == 0) {
		if (torn_words_finish(&words) == 0)
			return value;
		torn_arena_return(arena, mark);
	}
	return (struct torn_bytes){NULL, 0};
}

bool torn_word_number(struct torn_bytes digits, uint64_t min, uint64_t max, uint64_t *ret_number)
{
	if (digits.size == 0 || (digits.size > 1 && digits.data[0] == '0'))
		return false;
	uint64_t number = 0;
	for (size_t i = 0; i < digits.size; i++) {
		uint8_t byte = digits.data[i];
		if (byte < '0' || byte > '9')
			return false;
		unsigned digit = byte - '0';
		if (number > (UINT64_MAX - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	if (number < min || number > max)
		return false;
	*ret_number = number;
	return true;
}

/* ---------------------------------------------------------------- printing */

bool torn_word_is_plain(struct torn_bytes value)
{
	for (size_t i = 0; i < value.size; i++) {
		uint8_t byte = value.data[i];
		bool alphanumeric = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
				    (byte >= '0' && byte <= '9');
		/* strchr would find its own NUL */
		if (!alphanumeric && (byte == 0 || !strchr("_./@%+=:,~-", byte)))
			return false;
	}
	return true;
}

bool torn_word_is_text(struct torn_bytes value)
{
	for (size_t i = 0; i < value.size;) {
		const uint8_t *at = value.data + i;
		const size_t length = utf8_length(at, value.data + value.size);
		if (length == 0 ||
		    (is_control(*at) && *at != '\n' && *at != '\t' && *at != '\r'))
			return false;
		i += length;
	}
	return true;
}

void torn_word_print_escaped(struct torn_bytes value, FILE *out)
{
	if (value.size == 0)
		return;
	const uint8_t *at = value.data, *end = at + value.size;
	const uint8_t *run = at; /* bytes that stand for themselves and wait to be written */
	while (at < end) {
		size_t length =
			is_control(*at) || *at == '"' || *at == '\\' ? 0 : utf8_length(at, end);
		if (length) {
			at += length;
			continue;
		}
		fwrite(run, 1, (size_t)(at - run), out);
		switch (*at) {
		case '\\':
			fputs("\\\\", out);
			break;
		case '"':
			fputs("\\\"", out);
			break;
		case '\n':
			fputs("\\n", out);
			break;
		case '\t':
			fputs("\\t", out);
			break;
		case '\r':
			fputs("\\r", out);
			break;
		default:
			fprintf(out, "\\x%02x", *at);
		}
		run = ++at;
	}
	fwrite(run, 1, (size_t)(at - run), out);
}

void torn_word_print_quoted(struct torn_bytes value, FILE *out)
{
	putc('"', out);
	torn_word_print_escaped(value, out);
	putc('"', out);
}

void torn_word_print(struct torn_bytes value, FILE *out)
{
	if (value.size && value.data[0] != '@' && torn_word_is_plain(value))
		fwrite(value.data, 1, value.size, out);
	else
		torn_word_print_quoted(value, out);
}
