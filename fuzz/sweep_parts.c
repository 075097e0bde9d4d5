/* sweep_parts.c: parts of one sweep, taken together (sweep.h). */
#include "sweep.h"

#include "hashes.h"
#include "sweeping.h"

static void add_trees(struct torn_hashes *all, const struct torn_sweep_trees *trees)
{
	for (; trees; trees = trees->next)
		for (size_t i = 0; i < trees->count; i++)
			torn_hashes_add(all, trees->hashes[i]);
}

/* Take what a list has not got from a part's. `all` is made to hold those of both. */
static void merge_trees(struct torn_sweep *sweep, const struct torn_sweep_trees **list,
			const struct torn_sweep_trees *of_part, struct torn_hashes *all)
{
	add_trees(all, *list);
	for (const struct torn_sweep_trees *trees = of_part; trees; trees = trees->next) {
		struct torn_sweep_trees *kept = torn_arena_take(&sweep->arena, sizeof *kept);
		struct torn_hash *hashes =
			torn_arena_take(&sweep->arena, trees->count * sizeof *hashes);
		size_t count = 0;
		for (size_t i = 0; kept && hashes && i < trees->count; i++)
			if (torn_hashes_add(all, trees->hashes[i]))
				hashes[count++] = trees->hashes[i];
		if (!kept || !hashes)
			break;
		*kept = (struct torn_sweep_trees){hashes, count, *list};
		*list = kept;
	}
}

static void merge_all_trees(struct torn_sweep *sweep, const struct torn_sweep *part)
{
	struct torn_hashes all = {0}, cut = {0};
	merge_trees(sweep, &sweep->tree_hashes, part->tree_hashes, &all);
	sweep->trees = all.count;
	merge_trees(sweep, &sweep->state_hashes, part->state_hashes, &cut);
	add_trees(&all, sweep->state_hashes);
	sweep->states.distinct = all.count;
	torn_hashes_close(&all);
	torn_hashes_close(&cut);
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
	torn_states_add(&sweep->states, &part->states);
	merge_all_trees(sweep, part);
	torn_partials_merge(&sweep->partials, &part->partials);
	for (uint32_t i = 0; i < part->findings.count; i++)
		torn_findings_merge(&sweep->findings, &part->findings.items[i],
				    &part->findings.orders[i]);
	merge_failure(sweep, part);
	if (sweep->findings.overflowed && !sweep->failed)
		torn_sweep_fail(sweep, NULL, torn_sweep_too_many);
}
