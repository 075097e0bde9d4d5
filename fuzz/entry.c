/*
 * entry.c: libFuzzer's side of a target: built once for each, as fuzz_<target>,
 * with TORN_FUZZ_TARGET its name. The input is the text of a case.
 */
#include "fuzzer.h"

#define NOVELTY_SIZE 2048 /* each may be a reason to keep an input: memory */

/* Of libFuzzer (compiler-rt, FuzzerInterface.h). */
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*one)(const uint8_t *data, size_t size));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
				 size_t size2, uint8_t *out, size_t max_out_size, unsigned int seed);
const char *__asan_default_options(void);

/* libFuzzer counts what happens here as it does edges (FuzzerExtraCounters.cpp). */
static uint8_t novelty[NOVELTY_SIZE] __attribute__((section("__libfuzzer_extra_counters"), used));

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	struct torn_fuzzing *fuzzing = torn_fuzzer_fuzzing();
	return fuzzing ? torn_fuzzing_mutate(fuzzing, data, size, max_size, seed) : 0;
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1, const uint8_t *data2,
				 size_t size2, uint8_t *out, size_t max_out_size, unsigned int seed)
{
	struct torn_fuzzing *fuzzing = torn_fuzzer_fuzzing();
	return fuzzing ? torn_fuzzing_cross(fuzzing, (struct torn_bytes){data1, size1},
					    (struct torn_bytes){data2, size2}, out, max_out_size, seed)
		       : 0;
}

/*
 * Memory is to be the same after a minute and after a day: a small quarantine, and no
 * stacks of allocations, of which the sanitizer keeps each different one for ever
 * (measured: 1 MB a minute with four frames of each).
 */
const char *__asan_default_options(void)
{
	return "exitcode=86:detect_leaks=0:quarantine_size_mb=4:thread_local_quarantine_size_kb=64:"
	       "malloc_context_size=0:allocator_release_to_os_interval_ms=-1";
}

int main(int argc, char **argv)
{
	const struct torn_fuzzer fuzzer = {
		.target = TORN_FUZZ_TARGET,
		.drive = LLVMFuzzerRunDriver,
		.novelty = novelty,
		.novelty_size = sizeof novelty,
	};
	return torn_fuzzer_main(&fuzzer, argc, argv);
}
