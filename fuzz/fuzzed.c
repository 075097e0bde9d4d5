/* fuzzed.c: see fuzzed.h. */
#include "fuzzed.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "coverage.h"

int torn_fuzzed_open(struct torn_fuzzed **ret_fuzzed)
{
	struct torn_arena arena;
	int r = torn_arena_open(&arena, 64u << 20);
	if (r < 0)
		return r;
	struct torn_fuzzed *fuzzed = torn_arena_take(&arena, sizeof *fuzzed);
	if (!fuzzed)
		return -ENOMEM;
	fuzzed->arena = arena;
	*ret_fuzzed = fuzzed;
	return 0;
}

void torn_fuzzed_close(struct torn_fuzzed *fuzzed)
{
	struct torn_arena arena = fuzzed->arena;
	torn_arena_close(&arena);
}

int64_t torn_fuzzed_now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void torn_fuzzed_begin(struct torn_fuzzed *fuzzed, const struct torn_target *target,
		       const struct torn_variant *variant)
{
	struct torn_arena arena = fuzzed->arena;
	torn_arena_return(&arena, (sizeof *fuzzed + 15) & ~(size_t)15);
	memset(fuzzed, 0, sizeof *fuzzed);
	fuzzed->arena = arena;
	fuzzed->findings.arena = &fuzzed->arena;
	fuzzed->target = target;
	fuzzed->variant = variant;
	fuzzed->begun_ns = torn_fuzzed_now_ns();
	fuzzed->edges_seen =
		torn_arena_take(&fuzzed->arena, torn_coverage_counters().count + 1);
	fuzzed->case_at_hand = torn_arena_take(&fuzzed->arena, TORN_FUZZED_CASE_MAX);
}

void torn_fuzzed_note_unjudged(struct torn_fuzzed *fuzzed, uint64_t count, bool is_declared,
			       const char *why)
{
	if (fuzzed->unjudged == 0 || (is_declared && !fuzzed->is_declared_unjudged))
		snprintf(fuzzed->unjudged_why, sizeof fuzzed->unjudged_why, "%s", why);
	fuzzed->unjudged += count;
	fuzzed->is_declared_unjudged |= is_declared;
}

void torn_fuzzed_merge(struct torn_fuzzed *fuzzed, const struct torn_fuzzed *other)
{
	const size_t edges = torn_coverage_counters().count;
	fuzzed->cases += other->cases;
	fuzzed->refused += other->refused;
	fuzzed->trials += other->trials;
	fuzzed->ops += other->ops;
	fuzzed->kills += other->kills;
	torn_states_add(&fuzzed->states, &other->states);
	fuzzed->states.distinct += other->states.distinct;
	fuzzed->trees += other->trees;
	fuzzed->later_runs += other->later_runs;
	for (uint32_t i = 0; i < other->findings.count; i++)
		torn_findings_merge(&fuzzed->findings, &other->findings.items[i],
				    &other->findings.orders[i]);
	for (size_t i = 0; i < edges; i++)
		fuzzed->edges_seen[i] |= other->edges_seen[i];
	if (other->failed && !fuzzed->failed) {
		snprintf(fuzzed->failure, sizeof fuzzed->failure, "%s", other->failure);
		memcpy(fuzzed->case_at_hand, other->case_at_hand, TORN_FUZZED_CASE_MAX);
	}
	fuzzed->failed |= other->failed;
	if (other->unjudged > 0)
		torn_fuzzed_note_unjudged(fuzzed, other->unjudged, other->is_declared_unjudged,
					  other->unjudged_why);
}
