/*
 * phrase.h: a line for people while it is put together, so that it can be
 * measured before it is printed in columns. What does not fit is cut.
 */
#ifndef TORN_PHRASE_H
#define TORN_PHRASE_H

#include "../fuzz/torn.h"

/* Two paths of PATH_MAX with every byte escaped, and what stands around them. */
#define TORN_PHRASE_SIZE 34000

struct torn_phrase {
	size_t size;
	char text[TORN_PHRASE_SIZE]; /* always ends in a NUL */
};

void torn_phrase_begin(struct torn_phrase *phrase);
void torn_phrase_add(struct torn_phrase *phrase, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Paths are of this target from now on: of a program they are told without a leading slash. NULL: of none. */
void torn_phrase_tell_of(const struct torn_target *target);
/* Add a path with its leading slash, control characters escaped. */
void torn_phrase_add_path(struct torn_phrase *phrase, struct torn_bytes path);
/* Add text as it is, but for control characters and bytes that are not UTF-8. */
void torn_phrase_add_text(struct torn_phrase *phrase, const char *text);
/* Add bytes in double quotes, the first `size_max` of them, and "..." for the rest. */
void torn_phrase_add_quoted(struct torn_phrase *phrase, struct torn_bytes bytes, size_t size_max);
/* Return how many columns the line takes: characters, not bytes. */
int torn_phrase_columns(const struct torn_phrase *phrase);

#endif
