/* sweep_parts.c: parts of one sweep, taken together (sweep.h). */
#include "sweep.h"

#include "hashes.h"
#include "sweeping.h"

static void merge_trees(struct torn_sweep *sweep, const struct torn_sweep *part)
{
	struct torn_hashes all = {0};
	for (const struct torn_sweep_trees *trees = sweep->tree_hashes; trees; trees = trees->next)
		for (size_t i = 0; i < trees->count; i++)
			torn_hashes_add(&all, trees->hashes[i]);
	for (const struct torn_sweep_trees *trees = part->tree_hashes; trees; trees = trees->next) {
		struct torn_sweep_trees *kept = torn_arena_take(&sweep->arena, sizeof *kept);
		struct torn_hash *hashes =
			torn_arena_take(&sweep->arena, trees->count * sizeof *hashes);
		size_t count = 0;
		for (size_t i = 0; kept && hashes && i < trees->count; i++)
			if (torn_hashes_add(&all, trees->hashes[i]))
				hashes[count++] = trees->hashes[i];
		if (!kept || !hashes)
			break;
		*kept = (struct torn_sweep_trees){hashes, count, sweep->tree_hashes};
		sweep->tree_hashes = kept;
	}
	sweep->trees = all.count;
	torn_hashes_close(&all);
}

/* That torn failed comes before a trial that cannot be judged; of these the first is told. */
static void merge_failure(struct torn_sweep *sweep, const struct torn_sweep *part)
{
	const bool is_first = part->unjudged > 0 &&
			      (sweep->unjudged == 0 ||
			       torn_order_is_smaller(&part->unjudged_first, &sweep->unjudged_first));
	if (is_first)
		sweep->unjudged_first = part->unjudged_first;
	if (!sweep->failed && (part->failed || is_first))
		snprintf(sweep->failure, sizeof sweep->failure, "%s", part->failure);
	sweep->failed |= part->failed;
	sweep->unjudged += part->unjudged;
}

void torn_sweep_merge(struct torn_sweep *sweep, const struct torn_sweep *part)
{
	sweep->plans += part->plans;
	sweep->trials += part->trials;
	sweep->ops += part->ops;
	sweep->kills += part->kills;
	sweep->kills_confirmed += part->kills_confirmed;
	sweep->later_runs += part->later_runs;
	sweep->states_looked += part->states_looked;
	sweep->states_left_out |= part->states_left_out;
	merge_trees(sweep, part);
	for (uint32_t i = 0; i < part->findings.count; i++)
		torn_findings_merge(&sweep->findings, &part->findings.items[i],
				    &part->findings.orders[i]);
	merge_failure(sweep, part);
	if (sweep->findings.overflowed && !sweep->failed)
		torn_sweep_fail(sweep, NULL, torn_sweep_too_many);
}
