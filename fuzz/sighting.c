/* sighting.c: see sighting.h. */
#include "sighting.h"

#include <stdio.h>
#include <string.h>

#include "cuts.h"
#include "findings.h"
#include "judgement.h"
#include "registry.h"

void torn_sighting_begin(struct torn_sighting *sighting, const struct torn_known *known)
{
	sighting->known = known;
	sighting->before = NULL;
	sighting->count = 0;
}

void torn_sighting_begin_after(struct torn_sighting *sighting, const struct torn_sighting *before)
{
	torn_sighting_begin(sighting, before->known);
	sighting->before = before;
}

static bool is_of(const struct torn_seen *seen, const char *id, const char *role)
{
	return strcmp(torn_judgement_id(seen->invariant, &seen->judgement), id) == 0 &&
	       strcmp(seen->judgement.role, role) == 0;
}

const struct torn_seen *torn_sighting_find(const struct torn_sighting *sighting, const char *id,
					   const char *role)
{
	for (size_t i = 0; i < sighting->count; i++)
		if (is_of(&sighting->items[i], id, role))
			return &sighting->items[i];
	return NULL;
}

/* ------------------------------------------------------------------- known */

static bool is_known(const struct torn_sighting *sighting, const char *id, const char *role)
{
	const struct torn_known *known = sighting->known;
	if (sighting->before && torn_sighting_find(sighting->before, id, role))
		return true;
	for (size_t i = 0; i < known->count; i++)
		if (strcmp(known->items[i].id, id) == 0 && strcmp(known->items[i].role, role) == 0)
			return true;
	return false;
}

void torn_known_add(struct torn_known *known, const struct torn_sighting *sighting)
{
	for (size_t i = 0; i < sighting->count && known->count < TORN_SIGHTING_MAX; i++) {
		/* What only a crash shows is told again where another tree shows it. */
		const struct torn_seen *seen = &sighting->items[i];
		if (seen->kill.op > 0 || seen->cut.preset || seen->ended.op > 0)
			continue;
		known->items[known->count].id = seen->invariant->id;
		snprintf(known->items[known->count++].role, sizeof known->items->role, "%s",
			 seen->judgement.role);
	}
}

/* ------------------------------------------------------------------ adding */

void torn_sighting_add_end(struct torn_sighting *sighting, const struct torn_trial *trial)
{
	size_t count;
	const struct torn_invariant *const *invariants = torn_invariants(&count);
	for (size_t i = 0; i < count && sighting->count < TORN_SIGHTING_MAX; i++) {
		struct torn_seen *seen = &sighting->items[sighting->count];
		*seen = (struct torn_seen){.invariant = invariants[i], .killed = trial->killed};
		torn_invariant_judge(invariants[i], trial, &seen->judgement);
		if (seen->judgement.verdict == TORN_VIOLATED && !seen->judgement.is_label &&
		    !is_known(sighting, invariants[i]->id, seen->judgement.role))
			sighting->count++;
	}
}

void torn_sighting_add_kill(void *context, const struct torn_kill *kill,
			    const struct torn_invariant *invariant,
			    const struct torn_judgement *judgement)
{
	struct torn_sighting *sighting = context;
	if (judgement->is_label || sighting->count == TORN_SIGHTING_MAX ||
	    is_known(sighting, invariant->id, judgement->role))
		return;
	const struct torn_seen *before =
		torn_sighting_find(sighting, invariant->id, judgement->role);
	if (before && (!before->killed || before->kill.call == kill->call))
		return;
	sighting->items[sighting->count++] = (struct torn_seen){
		.invariant = invariant, .judgement = *judgement, .killed = true, .kill = *kill};
}

static uint32_t weakness_of(const struct torn_seen *seen)
{
	const struct torn_plan plan = {.cut = seen->cut};
	return torn_plan_weakness(&plan);
}

static unsigned preset_of(const struct torn_plan *plan)
{
	return TORN_PRESET_BIT(torn_preset_named(torn_bytes_of(plan->cut.preset)));
}

void torn_sighting_add_cut(void *context, const struct torn_plan *plan,
			   const struct torn_invariant *invariant,
			   const struct torn_judgement *judgement)
{
	struct torn_sighting *sighting = context;
	struct torn_seen *weaker = NULL;
	/* Labels are those of a real disk alone, and worth knowing. */
	const char *id = torn_judgement_id(invariant, judgement);
	if (plan->cut.lost_count > TORN_SEEN_LOST_MAX || is_known(sighting, id, judgement->role))
		return;
	for (size_t i = 0; i < sighting->count; i++) {
		struct torn_seen *before = &sighting->items[i];
		if (!is_of(before, id, judgement->role))
			continue;
		if (!before->cut.preset)
			return;
		if (before->judgement.call == judgement->call)
			weaker = before;
	}
	if (!weaker && sighting->count == TORN_SIGHTING_MAX)
		return;
	struct torn_seen *seen = weaker ? weaker : &sighting->items[sighting->count++];
	const unsigned presets = (weaker ? weaker->presets : 0) | preset_of(plan);
	/* The strongest is told: the weakest one is looked at first, the others in order. */
	if (weaker && torn_plan_weakness(plan) >= weakness_of(weaker)) {
		weaker->presets = presets;
		return;
	}
	*seen = (struct torn_seen){.invariant = invariant,
				   .judgement = *judgement,
				   .killed = true,
				   .cut = plan->cut,
				   .presets = presets};
	for (uint32_t i = 0; i < plan->cut.lost_count; i++)
		seen->lost[i] = plan->cut.lost[i];
	for (uint32_t i = 0; i < plan->cut.dropped_count; i++)
		seen->dropped[i] = plan->cut.dropped[i];
	seen->kill.call = judgement->call;
}

void torn_sighting_add_later(struct torn_sighting *sighting, const struct torn_sighting *later,
			     const struct torn_kill *ended)
{
	for (size_t i = 0; i < later->count && sighting->count < TORN_SIGHTING_MAX; i++) {
		struct torn_seen *seen = &sighting->items[sighting->count++];
		*seen = later->items[i];
		seen->ended = *ended;
	}
}
