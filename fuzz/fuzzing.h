/*
 * fuzzing.h: a stream of cases, each run and judged with all its kills, and what
 * they showed: what libFuzzer's callbacks do.
 *
 * What a case shows is told with the fewest of its faults, and from the
 * target's first old state where it shows there too: so that a fuzzed run and a
 * sweep call the same thing by the same name. Memory is bounded: old states,
 * judged trees and what was told are kept in tables that are emptied when full.
 */
#ifndef TORN_FUZZING_H
#define TORN_FUZZING_H

#include "fuzzed.h"

struct torn_fuzzing;

/*
 * Begin to run cases in a lab. `novelty`, of `novelty_size` bytes (a power of
 * two), is marked where a run does what it has not done before: libFuzzer's
 * extra counters. Returns 0 or -ENOMEM.
 */
int torn_fuzzing_open(struct torn_fuzzed *fuzzed, struct torn_lab *lab, uint8_t *novelty,
		      size_t novelty_size, struct torn_fuzzing **ret_fuzzing);
void torn_fuzzing_close(struct torn_fuzzing *fuzzing);

/*
 * Run the text of a case, of whichever variant, on this one. All of its kills are judged; where
 * it says that another run comes after one of them, that one is gone on from, and where it does not
 * one that its log chooses (later.h). Returns 0; -EINVAL where it is none that it can run;
 * -EPROTO when torn failed: fuzzed->failure says what.
 */
int torn_fuzzing_run(struct torn_fuzzing *fuzzing, struct torn_bytes text);

/*
 * Write the old states that the target declares into a folder, as cases: what a
 * search begins with. Returns 0 or -errno.
 */
int torn_fuzzing_seed(const struct torn_target *target, const struct torn_variant *variant,
		      int folder_fd);

/* What it came to so far. */
const struct torn_fuzzed *torn_fuzzing_fuzzed(const struct torn_fuzzing *fuzzing);
/* Forget everything, and run the case of a finding: does it show the same again? */
bool torn_fuzzing_confirm(struct torn_fuzzing *fuzzing, const struct torn_finding *finding);

/*
 * Change the text of a case, which has room for `max` bytes, or make a first
 * one of what is none. Returns its size; 0 where nothing fits.
 */
size_t torn_fuzzing_mutate(struct torn_fuzzing *fuzzing, uint8_t *text, size_t size, size_t max,
			   uint64_t seed);
/* Make one of two. Returns its size; 0 where nothing fits. */
size_t torn_fuzzing_cross(struct torn_fuzzing *fuzzing, struct torn_bytes a, struct torn_bytes b,
			  uint8_t *out, size_t max, uint64_t seed);

#endif
