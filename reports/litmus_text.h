/* litmus_text.h: a litmus table for people. */
#ifndef TORN_LITMUS_TEXT_H
#define TORN_LITMUS_TEXT_H

#include "../fuzz/torn.h"

/*
 * Print it: the matrix, a column to a file system; then how many trees there were, and what its preset lacks. Returns
 * 0 or -ENOMEM.
 */
int torn_litmus_text(FILE *out, const struct torn_litmus_table *table);

#endif
