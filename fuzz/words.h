/*
 * words.h: the lexical half of a case: lines into words, bytes into words.
 *
 *   word      what it is                              value
 *   bare      graphic UTF-8 without " and \           itself
 *   "quoted"  \\ \" \n \t \r \xHH, other UTF-8        the bytes, escapes undone
 *   @name     bare and with a leading @               a reference to a file
 *
 * Blanks and tabs separate words; a # where a word would start is a comment to
 * the end of the line. Control characters and bytes that are no UTF-8 stand in
 * a text as \xHH only, so that no two texts look alike and say different things.
 */
#ifndef TORN_WORDS_H
#define TORN_WORDS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "../injectors/arena.h"
#include "torn.h"

enum torn_word_kind {
	TORN_WORD_END,
	TORN_WORD_BARE,
	TORN_WORD_QUOTED,
	TORN_WORD_REFERENCE
};

/* A word as it stands in its line; it owns nothing. */
struct torn_word {
	enum torn_word_kind kind; /* TORN_WORD_END: the line has no more */
	struct torn_bytes raw;	  /* with its quotes and escapes */
	size_t value_size;	  /* without them */
};

#define TORN_MESSAGE_SIZE 224

/* A walk over the words of one line, and what it stumbled on. */
struct torn_words {
	const uint8_t *at, *end;
	char message[TORN_MESSAGE_SIZE]; /* "expected X, found Y" after a refusal */
};

/* Start at a line, given without its newline. It must outlive the walk and its words. */
void torn_words_begin(struct torn_words *words, struct torn_bytes line);
/*
 * Step to the next word. Returns 0, also at the end (kind TORN_WORD_END), or
 * -EINVAL with `message` set for a word that cannot be read.
 */
int torn_words_next(struct torn_words *words, struct torn_word *ret_word);
/* Expect that no word is left. Returns 0, or -EINVAL with `message` set. */
int torn_words_finish(struct torn_words *words);

/*
 * Set `message` to "expected X, found Y", Y being the word as it stands in the
 * line, shortened to 40 printable characters. Always returns -EINVAL.
 */
int torn_words_refuse(struct torn_words *words, const struct torn_word *found, const char *expected,
		      ...) __attribute__((format(printf, 3, 4)));
/* The same for a part of a word or any other bytes; empty ones are "nothing". */
int torn_words_refuse_bytes(struct torn_words *words, struct torn_bytes found, const char *expected,
			    ...) __attribute__((format(printf, 3, 4)));

/* Say whether a word is this keyword; a quoted word never is. */
bool torn_word_is(const struct torn_word *word, const char *keyword);
/*
 * Copy a word's value into the arena, a NUL behind it. Returns data == NULL
 * when the arena is full. An empty value has data.
 */
struct torn_bytes torn_word_copy(const struct torn_word *word, struct torn_arena *arena);
/*
 * Step to the next word and copy its value; refuse the end and a reference.
 * `what` is what was expected. Returns 0; -EINVAL with `message` set; -ENOMEM.
 */
int torn_words_next_value(struct torn_words *words, const char *what, struct torn_arena *arena,
			  struct torn_word *ret_word, struct torn_bytes *ret_value);
/*
 * Return the value of a text that is one word, bare or quoted, such as a
 * target's default for an argument. Returns data == NULL when it is no such
 * word (references are none), or when the arena is full (see arena->failed).
 */
struct torn_bytes torn_word_value(const char *word, struct torn_arena *arena);
/*
 * Read a decimal number without sign, blank or leading zero, from `min` to
 * `max`. Returns false, and leaves ret_number alone, when it is none.
 */
bool torn_word_number(struct torn_bytes digits, uint64_t min, uint64_t max, uint64_t *ret_number);

/* Say whether a value is made of [A-Za-z0-9_./@%+=:,~-] only; an empty one is. */
bool torn_word_is_plain(struct torn_bytes value);
/* Say whether a value is UTF-8 with no control characters but \n, \t, \r: printed without \xHH. */
bool torn_word_is_text(struct torn_bytes value);
/* Write a value canonically: bare where that reads back as the same value, else quoted. */
void torn_word_print(struct torn_bytes value, FILE *out);
/* Write a value in quotes, also where it could stand bare. */
void torn_word_print_quoted(struct torn_bytes value, FILE *out);
/* Write what stands between the quotes: for words that are put together from several values. */
void torn_word_print_escaped(struct torn_bytes value, FILE *out);

#endif
