/*
 * fuzz_parse.h: what the fuzzers of torn's own parsers share.
 *
 * One file a parser, fuzz_parse_X.c, is one libFuzzer binary. Each reads the
 * bytes and claims:
 *
 *   what can be read is the same after it was printed and read again, and then
 *   has the same text: nothing is lost, and each thing has one text;
 *   what cannot be read is told in one printable line, at a line that is there.
 *
 * A claim is an assert: libFuzzer keeps the bytes that break one.
 */
#ifndef TORN_FUZZ_PARSE_H
#define TORN_FUZZ_PARSE_H

#include <assert.h>

#include "../injectors/arena.h"
#include "torn.h"

/* libFuzzer calls it with each input; all files here return 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Return the arena of all inputs, emptied. */
struct torn_arena *torn_fuzz_arena(void);
/* Return a descriptor of a folder without files: references are looked up, none is found. */
int torn_fuzz_folder(void);

/* Claim that a refusal is "expected X, found Y", printable and on one line. */
void torn_fuzz_claim_message(const char *message);
/* Claim that a text has this line, counted from 1; an empty one has one line. */
void torn_fuzz_claim_line(struct torn_bytes text, uint32_t line);
/* Claim that both were read alike. */
void torn_fuzz_claim_same_old(const struct torn_old *a, const struct torn_old *b);

/* Print something into memory that torn_fuzz_print_end() gives back, to be freed. */
struct torn_fuzz_print {
	FILE *out;
	char *text;
	size_t size;
};
void torn_fuzz_print_begin(struct torn_fuzz_print *print);
struct torn_bytes torn_fuzz_print_end(struct torn_fuzz_print *print);

#endif
