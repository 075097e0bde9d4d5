/* modelled.c: see modelled.h. */
#include "modelled.h"

#include <errno.h>
#include <stdlib.h>

static int by_tree(const void *a, const void *b)
{
	const struct torn_hash *one = &((const struct torn_modelled_state *)a)->tree;
	const struct torn_hash *other = &((const struct torn_modelled_state *)b)->tree;
	if (one->high != other->high)
		return one->high < other->high ? -1 : 1;
	return one->low < other->low ? -1 : one->low > other->low;
}

static bool add(void *context, const struct torn_crash_state *state)
{
	struct torn_modelled *modelled = context;
	if (modelled->count == modelled->room) {
		const size_t room = modelled->room ? 2 * modelled->room : 256;
		struct torn_modelled_state *larger = realloc(modelled->states, room * sizeof *larger);
		if (!larger) {
			modelled->has_no_memory = true;
			return false;
		}
		modelled->states = larger;
		modelled->room = room;
	}
	modelled->states[modelled->count++] =
		(struct torn_modelled_state){state->tree->hash, state->first, state->end, false, modelled->is_finer};
	return modelled->is_finer || !modelled->also || modelled->also(modelled->context, state);
}

/* Has it effects of a disk alone that are any under this preset? */
static bool is_finer(const struct torn_effects *effects, const struct torn_persistence *order)
{
	for (uint32_t i = 0; i < effects->count; i++)
		if (!order->dropped[i] &&
		    (effects->items[i].clipped || effects->items[i].logged || effects->items[i].logged_away ||
		     effects->items[i].early))
			return true;
	return false;
}

/* What torn's own cuts leave, then what a disk may be left with beside that. */
static int find(struct torn_modelled *modelled, struct torn_arena *arena, enum torn_preset preset,
		const struct torn_fold_base *base, const struct torn_log *log, const struct torn_crash_how *how)
{
	struct torn_persistence order;
	struct torn_crash_count count = {0};
	struct torn_effects effects;
	int r = modelled->is_finer ? torn_effects_of_disk(arena, base, log, &effects)
				   : torn_effects_of(arena, base, log, torn_preset_splits(preset), &effects);
	if (r == 0)
		r = torn_preset_order(arena, preset, &effects, log, &order);
	if (r == 0 && modelled->is_finer && !is_finer(&effects, &order))
		return 0;
	if (r == 0)
		r = torn_crash_states(arena, base, log, &effects, &order, how, add, modelled, &count);
	if (r == 0 && modelled->has_no_memory)
		r = -ENOMEM;
	modelled->is_all = r == 0 && count.all && (!modelled->is_finer || modelled->is_all);
	return r;
}

int torn_modelled_find(struct torn_modelled *modelled, struct torn_arena *arena, enum torn_preset preset,
		       const struct torn_fold_base *base, const struct torn_log *log, const struct torn_crash_how *how,
		       torn_crash_visit *also, void *context)
{
	*modelled = (struct torn_modelled){.also = also, .context = context};
	int r = find(modelled, arena, preset, base, log, how);
	modelled->is_finer = true;
	if (r == 0)
		r = find(modelled, arena, preset, base, log, how);
	if (modelled->count > 0)
		qsort(modelled->states, modelled->count, sizeof *modelled->states, by_tree);
	return r;
}

void torn_modelled_close(struct torn_modelled *modelled)
{
	free(modelled->states);
	*modelled = (struct torn_modelled){0};
}

/* While an op is at work its last write may be on disk already: what it leaves is there, and it has yet to return. */
static bool is_alive(const struct torn_modelled_state *state, uint32_t moment)
{
	const uint32_t last = moment % 2 == 0 ? moment + 1 : moment;
	return state->first <= last && moment < state->end;
}

bool torn_modelled_allows(struct torn_modelled *modelled, const struct torn_device_state *state)
{
	const struct torn_modelled_state wanted = {.tree = state->tree->hash};
	const struct torn_modelled_state *end = modelled->states + modelled->count;
	struct torn_modelled_state *found = modelled->count == 0
						    ? NULL
						    : bsearch(&wanted, modelled->states, modelled->count,
							      sizeof *modelled->states, by_tree);
	if (!found)
		return false;
	while (found > modelled->states && by_tree(found - 1, &wanted) == 0)
		found--;
	for (uint32_t moment = state->first; moment <= state->end; moment++) {
		bool is_allowed = false;
		for (struct torn_modelled_state *at = found; at < end && by_tree(at, &wanted) == 0; at++) {
			is_allowed |= is_alive(at, moment);
			at->is_shown = true;
		}
		if (!is_allowed)
			return false;
	}
	return true;
}

void torn_modelled_counted(const struct torn_modelled *modelled, uint64_t *ret_trees, uint64_t *ret_shown)
{
	const struct torn_modelled_state *states = modelled->states;
	*ret_trees = *ret_shown = 0;
	for (size_t i = 0; i < modelled->count;) {
		bool is_shown = false, is_own = false;
		size_t next = i;
		for (; next < modelled->count && by_tree(&states[next], &states[i]) == 0; next++) {
			is_shown |= states[next].is_shown;
			is_own |= !states[next].is_finer;
		}
		*ret_trees += is_own;
		*ret_shown += is_own && is_shown;
		i = next;
	}
}
