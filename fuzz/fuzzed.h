/* fuzzed.h: what fuzzing one variant came to, in memory shared with whoever watches. */
#ifndef TORN_FUZZED_H
#define TORN_FUZZED_H

#include "findings.h"

/* Of a case that is fuzzed, with its NUL. */
#define TORN_FUZZED_CASE_MAX ((size_t)64 << 10)

struct torn_fuzzed {
	struct torn_arena arena; /* of the findings' texts; this lies in it */
	const struct torn_target *target;
	const struct torn_variant *variant;
	unsigned presets; /* of the crash model, a bit each: cuts.h; 0: no power cuts */
	struct torn_findings findings;
	uint64_t cases;   /* given, those that were none among them */
	uint64_t refused; /* no case of this target, or a fault that did not fire */
	uint64_t trials, ops, kills, trees; /* trees: what several workers saw is counted by each */
	struct torn_states states; /* that a power cut may leave; `distinct` without those of kills */
	uint64_t later_runs; /* that began with what a kill had left */
	uint64_t unjudged; /* trials that did what torn cannot judge */
	bool is_declared_unjudged; /* clean runs of old states that the target declares among them */
	char unjudged_why[256];    /* of the first such one; where there is none, of the first */
	int64_t begun_ns;  /* CLOCK_MONOTONIC */
	bool failed;       /* torn itself did */
	char failure[400];
	char *case_at_hand;   /* what is run now, or was when torn failed or the worker died */
	uint8_t *edges_seen;  /* coverage.h; in the arena */
};

/* Map one. Returns 0 or -errno; torn_fuzzed_close() unmaps it. */
int torn_fuzzed_open(struct torn_fuzzed **ret_fuzzed);
void torn_fuzzed_close(struct torn_fuzzed *fuzzed);
/* Forget what was found, to begin again. */
void torn_fuzzed_begin(struct torn_fuzzed *fuzzed, const struct torn_target *target,
		       const struct torn_variant *variant);
/* Now, as begun_ns says it. */
int64_t torn_fuzzed_now_ns(void);
/* So many trials did what torn cannot judge, and why; declared: a clean run of the target's own. */
void torn_fuzzed_note_unjudged(struct torn_fuzzed *fuzzed, uint64_t count, bool is_declared,
			       const char *why);
/* Take in what another one of the same variant came to. */
void torn_fuzzed_merge(struct torn_fuzzed *fuzzed, const struct torn_fuzzed *other);

#endif
