/*
 * dictionary.h: the words of a case, as a dictionary of libFuzzer.
 *
 * A mutator of bytes does not invent "renameat2": the words that the parsers
 * know are given to it (-dict=corpus/torn.dict). They come from the tables that
 * the parsers use; a test holds the committed file against them.
 */
#ifndef TORN_DICTIONARY_H
#define TORN_DICTIONARY_H

#include <stdio.h>

/* Write all words, a line "WORD" each, keywords first; the caller looks at ferror(). */
void torn_dictionary_print(FILE *out);

#endif
