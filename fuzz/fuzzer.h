/*
 * fuzzer.h: the program fuzz_<target>, of which entry.c is all that differs.
 *
 * Called with the word "fuzz" first it is what `torn fuzz` runs: libFuzzer drives
 * cases in a worker, findings are collected, run again and reported. Called
 * with anything else it is a libFuzzer program like any other, that stops at
 * the first finding: for fuzzing services, and for -merge=1.
 */
#ifndef TORN_FUZZER_H
#define TORN_FUZZER_H

#include <stddef.h>
#include <stdint.h>

#include "fuzzing.h"
#include "options.h"

/* libFuzzer's own exit code for a finding is 77, which test runners take for "skipped". */
#define TORN_EXIT_LIBFUZZER 86

struct torn_fuzzer {
	const char *target;
	/* LLVMFuzzerRunDriver(); does not return where it fuzzes. */
	int (*drive)(int *argc, char ***argv, int (*one)(const uint8_t *data, size_t size));
	uint8_t *novelty; /* libFuzzer's extra counters */
	size_t novelty_size;
};

/* What libFuzzer's callbacks work on: the one of this process; NULL outside a worker. */
struct torn_fuzzing *torn_fuzzer_fuzzing(void);
int torn_fuzzer_main(const struct torn_fuzzer *fuzzer, int argc, char **argv);

/*
 * Have a target's exit(3) run the target's handlers and not libFuzzer's, which
 * are registered when the first input comes.
 */
void torn_fuzzer_own_exit(void);

/* The two halves of it. */
int torn_fuzzer_search(const struct torn_fuzzer *fuzzer, int argc, char **argv);
int torn_fuzzer_plain(const struct torn_fuzzer *fuzzer, int argc, char **argv);
/* In a worker: make what the callbacks work on. Ends the worker where that fails. */
struct torn_fuzzing *torn_fuzzer_begin(const struct torn_fuzzer *fuzzer, struct torn_fuzzed *fuzzed,
				       struct torn_lab *lab);

#endif
