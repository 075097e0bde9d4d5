/*
 * coverage.h: which code of the target ever ran. It is there where the target
 * was compiled with -fsanitize-coverage=inline-8bit-counters,pc-table
 * (SanitizerCoverage, clang's documentation), as the binaries fuzz_<target> are.
 */
#ifndef TORN_COVERAGE_H
#define TORN_COVERAGE_H

#include "../injectors/arena.h"
#include "torn.h"

/* The counters of this process, one for each edge: count 0 where there are none. */
struct torn_counters {
	uint8_t *first;
	size_t count;
};

struct torn_counters torn_coverage_counters(void);
/* Mark in `seen`, a byte for each counter, the edges that ran since they were zero. */
void torn_coverage_take(uint8_t *seen);

/*
 * Tell for each source file of the target how many of its edges ran, sorted by file; addr2line(1) finds
 * them. All lies in the arena. Returns how many files; 0 without addr2line, or where there is no coverage.
 */
size_t torn_coverage_files(const uint8_t *seen, struct torn_arena *arena, const struct torn_covered **ret_files);

/*
 * Print how many edges and functions of the target ran, how many of each source file, and the lines that
 * did not; addr2line(1) finds them. Without it the sums are all there is.
 */
void torn_coverage_print(FILE *out, const uint8_t *seen);

#endif
