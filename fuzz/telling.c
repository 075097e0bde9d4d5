/* telling.c: see telling.h. */
#include "telling.h"

#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "setup.h"

/* For one case, and its text. */
#define SCRATCH_BYTES ((size_t)16 << 20)

int torn_telling_open(struct torn_telling *telling, struct torn_fuzzed *fuzzed)
{
	telling->fuzzed = fuzzed;
	return torn_arena_open(&telling->scratch, SCRATCH_BYTES);
}

void torn_telling_close(struct torn_telling *telling)
{
	if (telling->scratch.base)
		torn_arena_close(&telling->scratch);
}

void torn_telling_forget(struct torn_telling *telling)
{
	memset(telling->told, 0, sizeof telling->told);
}

static double seconds_since(const struct torn_fuzzed *fuzzed)
{
	return (double)(torn_fuzzed_now_ns() - fuzzed->begun_ns) * 1e-9;
}

/* A finding's case is the shortest of those with the fewest faults. */
static struct torn_order order_of(struct torn_telling *telling,
				  const struct torn_observed_world *world,
				  const struct torn_plan *plan, const char *invariant)
{
	struct torn_case c;
	struct torn_arena *arena = &telling->scratch;
	torn_arena_return(arena, 0);
	torn_setup_to_case(&world->setup, plan, invariant, arena, &c);
	return (struct torn_order){.faults = torn_order_faults(plan),
				   .plans = {(uint32_t)torn_case_text(&c, arena).size}};
}

static void add_kill(struct torn_plan *plan, const struct torn_kill *kill)
{
	if (plan->faults_count < TORN_FAULTS_MAX)
		plan->faults[plan->faults_count++] = torn_kill_fault(kill);
}

void torn_telling_tell(struct torn_telling *telling, const struct torn_observed_world *world,
		       const struct torn_plan *plan, const struct torn_seen *seen)
{
	struct torn_plan first = *plan, shows = *plan;
	if (seen->ended.op > 0) {
		add_kill(&first, &seen->ended);
		shows = torn_later_plan(world->setup.variant, &first);
	}
	if (seen->kill.op > 0)
		add_kill(&shows, &seen->kill);
	if (seen->cut.preset) {
		shows.cut = seen->cut;
		shows.cut.lost = seen->lost;
		shows.cut.dropped = seen->dropped;
	}
	const struct torn_shown shown = {
		.setup = &world->setup,
		.plan = &shows,
		.killed = seen->killed,
		.invariant = seen->invariant,
		.judgement = &seen->judgement,
		.order = order_of(telling, world, &shows, seen->judgement.is_label ? NULL : seen->invariant->id),
		.is_later = seen->ended.op > 0,
		.presets = seen->presets,
		.seconds = seconds_since(telling->fuzzed),
	};
	torn_findings_add(&telling->fuzzed->findings, &shown);
}

/* Of what it says, never of where that lies: addresses are others in each run of the program. */
static uint64_t hash_more(uint64_t hash, const void *data, size_t size)
{
	return XXH3_64bits_withSeed(data, size, hash);
}

bool torn_telling_was_told(struct torn_telling *telling, const struct torn_observed_world *world,
			   const struct torn_plan *plan, const struct torn_seen *seen)
{
	const bool is_cut = seen->cut.preset != NULL;
	uint32_t places[TORN_FAULTS_MAX + 1] = {(uint32_t)seen->ended.call << 16 |
						(uint32_t)seen->kill.call << 2 |
						(uint32_t)is_cut << 1 | seen->killed};
	for (uint32_t i = 0; i < plan->faults_count; i++)
		places[1 + i] = (uint32_t)plan->faults[i].call << 8 | plan->faults[i].name;
	const char *id = torn_judgement_id(seen->invariant, &seen->judgement), *role = seen->judgement.role;
	uint64_t hash = hash_more(world->key, id, strlen(id));
	hash = hash_more(hash, role, strlen(role));
	hash = hash_more(hash, places, (1 + plan->faults_count) * sizeof *places);
	uint64_t *slot = &telling->told[hash % TORN_TELLING_SLOTS];
	const bool told = *slot == hash;
	*slot = hash;
	return told;
}
