/*
 * runtime_text.h: reading and making the texts below a runtime mount. Async-signal-safe, as all of
 * runtime.h: no malloc, no stdio, no locale.
 */
#ifndef TORN_RUNTIME_TEXT_H
#define TORN_RUNTIME_TEXT_H

#include <errno.h>

#include "../fuzz/torn.h"
#include "arena.h"

/* A text that is being made. It grows in the arena; where that is full it takes nothing any more. */
struct torn_text {
	struct torn_arena *arena;
	uint8_t *data;
	size_t size, room;
	bool is_full;
};

void torn_text_begin(struct torn_text *text, struct torn_arena *arena);
void torn_text_add(struct torn_text *text, struct torn_bytes bytes);
void torn_text_put(struct torn_text *text, const char *words);
void torn_text_number(struct torn_text *text, uint64_t number);
/* With each byte of `escaped` as \ooo, as seq_escape() of the kernel prints it. */
void torn_text_escape(struct torn_text *text, struct torn_bytes bytes, const char *escaped);
/* Give what was made. Returns 0, or -ENOMEM where not all of it found room. */
int torn_text_end(const struct torn_text *text, struct torn_bytes *ret_bytes);

/* Step over one line of `rest`; the line is without its newline. Returns false at the end. */
bool torn_text_line(struct torn_bytes *rest, struct torn_bytes *ret_line);
/* Step over one word between separators, which may stand side by side. Returns false where none is left. */
bool torn_text_word(struct torn_bytes *rest, const char *separators, struct torn_bytes *ret_word);
/* The bytes without those of `separators` at both ends. */
struct torn_bytes torn_text_trim(struct torn_bytes bytes, const char *separators);
bool torn_text_is(struct torn_bytes bytes, const char *words);
bool torn_text_begins(struct torn_bytes bytes, const char *words);
bool torn_text_ends(struct torn_bytes bytes, const char *words);
/* Read a decimal number that is all of the bytes. Returns false where it is none, or beyond 64 bits. */
bool torn_text_decimal(struct torn_bytes digits, uint64_t *ret_number);
/* Where the byte stands first; the size where it does not. */
size_t torn_text_find(struct torn_bytes bytes, uint8_t byte);

/* What is behind the first `count` bytes. */
static inline struct torn_bytes torn_text_behind(struct torn_bytes bytes, size_t count)
{
	return (struct torn_bytes){bytes.data + count, bytes.size - count};
}

#endif
