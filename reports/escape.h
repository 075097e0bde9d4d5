/*
 * escape.h: bytes that somebody else chose, made fit to print.
 *
 * File names and file contents may hold anything. Bytes that are not UTF-8
 * would make a JSON document invalid, and control characters would drive the
 * reader's terminal: both come out visibly, as \xNN.
 */
#ifndef TORN_ESCAPE_H
#define TORN_ESCAPE_H

#include <stddef.h>

#include "../fuzz/torn.h"

enum torn_escape {
	TORN_ESCAPE_CONTROLS = 1 << 0,	/* control characters too, C1 ones included */
	TORN_ESCAPE_BACKSLASH = 1 << 1, /* a backslash as two, so that nothing looks like \xNN */
	TORN_ESCAPE_QUOTE = 1 << 2,	/* a double quote behind a backslash */
};

/*
 * Write `text` into `buffer` with a NUL behind it, cut between two characters
 * where it is too small. `what` is of enum torn_escape; bytes that are not
 * UTF-8 are always escaped. Returns the size that a buffer needs, without the
 * NUL, as snprintf does; `buffer` may be NULL where `size` is 0.
 */
size_t torn_escape_copy(char *buffer, size_t size, struct torn_bytes text, unsigned what);

#endif
