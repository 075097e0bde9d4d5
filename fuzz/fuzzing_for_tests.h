/*
 * fuzzing_for_tests.h: run cases in a search, in a worker, and look at what was found. For
 * tests only.
 *
 *   struct fuzz *fuzz = open_fuzz("example.replace", "correct");
 *   fuzz->texts[0] = "torn-case 1\ntarget ...";
 *   run(fuzz, run_texts);
 *   ... fuzz->results, fuzz->fuzzed, finding(fuzz, "old-or-new", "write", "kill") ...
 *   close_fuzz(fuzz);
 */
#ifndef TORN_FUZZING_FOR_TESTS_H
#define TORN_FUZZING_FOR_TESTS_H

#include <sys/mman.h>

#include "fuzzing.h"
#include "sweep_for_tests.h"

#define NOVELTY 1024

/* Lies in shared memory, but for the texts. */
struct fuzz {
	struct torn_worker worker;
	struct torn_fuzzed *fuzzed;
	/* what the worker does */
	void (*work)(struct fuzz *fuzz, struct torn_fuzzing *fuzzing);
	const char *texts[4];
	uint64_t count;
	/* what came of it */
	int results[4];
	uint8_t novelty[NOVELTY];
	uint64_t first, second;
	bool yes, no, done;
	bool isolated; /* from the start */
};

static inline void in_worker(void *context, struct torn_lab *lab)
{
	struct fuzz *fuzz = context;
	struct torn_fuzzing *fuzzing;
	if (torn_fuzzing_open(fuzz->fuzzed, lab, fuzz->novelty, NOVELTY, &fuzzing) < 0)
		return;
	fuzz->work(fuzz, fuzzing);
	torn_fuzzing_close(fuzzing);
	fuzz->done = true;
}

static inline void never_again(void *context)
{
	(void)context;
}

static inline struct fuzz *open_fuzz(const char *target, const char *variant)
{
	torn_registry_begin();
	struct fuzz *fuzz = mmap(NULL, sizeof *fuzz, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				 -1, 0);
	assert_ptr_not_equal(fuzz, MAP_FAILED);
	char message[256];
	assert_int_equal(torn_worker_open(&fuzz->worker, 5, message, sizeof message), 0);
	assert_int_equal(torn_fuzzed_open(&fuzz->fuzzed), 0);
	const struct torn_target *of = torn_target_named(torn_bytes_of(target));
	assert_non_null(of);
	const struct torn_variant *which = torn_variant_named(of, torn_bytes_of(variant));
	assert_non_null(which);
	torn_fuzzed_begin(fuzz->fuzzed, of, which);
	return fuzz;
}

static inline void run(struct fuzz *fuzz, void (*work)(struct fuzz *fuzz, struct torn_fuzzing *fuzzing))
{
	char message[256];
	fuzz->work = work;
	const struct torn_job job = {
		.job = in_worker, .again = never_again, .context = fuzz, .isolated = fuzz->isolated};
	if (torn_worker_do(&fuzz->worker, &job, message, sizeof message) < 0)
		fail_msg("%s", message);
	assert_true(fuzz->done);
	if (fuzz->fuzzed->failed)
		fail_msg("%s", fuzz->fuzzed->failure);
}

static inline void close_fuzz(struct fuzz *fuzz)
{
	torn_worker_close(&fuzz->worker);
	torn_fuzzed_close(fuzz->fuzzed);
	munmap(fuzz, sizeof *fuzz);
}

static inline void run_texts(struct fuzz *fuzz, struct torn_fuzzing *fuzzing)
{
	for (size_t i = 0; i < 4 && fuzz->texts[i]; i++)
		fuzz->results[i] = torn_fuzzing_run(fuzzing, torn_bytes_of(fuzz->texts[i]));
}

/* A first case is made of the target's first old state. */
static inline void run_declared(struct fuzz *fuzz, struct torn_fuzzing *fuzzing)
{
	static uint8_t text[65536];
	const size_t size = torn_fuzzing_mutate(fuzzing, text, 0, sizeof text, 1);
	fuzz->results[0] = torn_fuzzing_run(fuzzing, (struct torn_bytes){text, size});
}

static inline const struct torn_finding *finding(const struct fuzz *fuzz, const char *id, const char *call,
					  const char *fault)
{
	for (uint32_t i = 0; i < fuzz->fuzzed->findings.count; i++) {
		const struct torn_finding *one = &fuzz->fuzzed->findings.items[i];
		if (strcmp(one->id, id) == 0 && strcmp(one->call, call) == 0 &&
		    strcmp(one->fault, fault) == 0)
			return one;
	}
	return NULL;
}

#endif
