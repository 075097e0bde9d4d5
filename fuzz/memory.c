/* memory.c: see memory.h. Nothing between two looks at the heap allocates but the operation. */
#include "memory.h"

#include <malloc.h>

/* glibc counts what is freed into a thread's cache as in use: of each size 7, one more a run maybe (open_memstream). */
#define RUNS 9

/* Under AddressSanitizer mallinfo2() knows nothing. */
size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

size_t torn_memory_in_use(void)
{
	if (__sanitizer_get_current_allocated_bytes)
		return __sanitizer_get_current_allocated_bytes();
	const struct mallinfo2 info = mallinfo2();
	return info.uordblks + info.hblkhd;
}

int torn_memory_run(struct torn_lab *lab, const struct torn_setup *setup,
		    const struct torn_plan *plan, struct torn_trial *ret_trial)
{
	size_t grown = 0;
	if (torn_setup_is_traced(setup)) /* its memory ends with it */
		return torn_trial_run(lab, setup, plan, TORN_TRIAL_PLAIN, ret_trial);
	for (int i = 0; i < RUNS; i++) {
		const size_t before = lab->isolated ? 0 : torn_memory_in_use();
		const int r = torn_trial_run(lab, setup, plan, TORN_TRIAL_PLAIN, ret_trial);
		const size_t after = lab->isolated ? lab->shared->bytes_grown : torn_memory_in_use();
		if (r != TORN_HELD || ret_trial->end != TORN_RETURNED || after <= before)
			return r;
		grown = after - before;
	}
	if (ret_trial->leaks_count == TORN_LEAKS_MAX)
		return TORN_HELD;
	struct torn_leak *leak = &ret_trial->leaks[ret_trial->leaks_count++];
	*leak = (struct torn_leak){.what = "memory"};
	snprintf(leak->detail, sizeof leak->detail, "%zu bytes of memory are lost each time", grown);
	return TORN_HELD;
}
