/*
 * sweep_tell.c: what a sweep tells of a run: of all that its end, its kills and its cuts show, what no run with fewer faults
 * did, and that torn could not judge it, or failed.
 */
#include <string.h>

#include "judgement.h"
#include "looking.h"
#include "registry.h"
#include "setup.h"
#include "sweeping.h"

void torn_sweep_fail(struct torn_sweep *sweep, const struct torn_setup *setup, const char *why)
{
	sweep->failed = true;
	snprintf(sweep->failure, sizeof sweep->failure, "%s%s%s%s", why, setup ? " (old state " : "",
		 setup ? setup->world->name : "", setup ? ")" : "");
}

void torn_sweeping_note_unjudged(struct torn_sweep *sweep, const struct torn_setup *setup,
				 const struct torn_plan *plan, struct torn_order order, const char *why)
{
	order.faults = plan->faults_count;
	if (sweep->unjudged++ > 0 && !torn_order_is_smaller(&order, &sweep->unjudged_first))
		return;
	sweep->unjudged_first = order;
	char faults[3][96];
	for (uint32_t i = 0; i < 3; i++) {
		faults[i][0] = '\0';
		if (i < plan->faults_count)
			torn_fault_print(&plan->faults[i], faults[i], sizeof faults[i]);
	}
	snprintf(sweep->failure, sizeof sweep->failure, "%s (old state %s%s%s%s%s%s%s)", why,
		 setup->world->name, faults[0][0] ? ", fault " : "", faults[0],
		 faults[1][0] ? ", then " : "", faults[1], faults[2][0] ? ", then " : "", faults[2]);
}

static bool is_shown_before(const struct torn_sweeping *sweeping, unsigned levels, const char *id,
			    const char *role)
{
	for (unsigned depth = 0; depth < levels; depth++) {
		const struct level *level = &sweeping->levels[depth];
		for (size_t i = 0; i < level->shown_count; i++)
			if (strcmp(level->shown[i].id, id) == 0 &&
			    strcmp(level->shown[i].role, role) == 0)
				return true;
	}
	return sweeping->before && is_shown_before(sweeping->before, sweeping->before->depth + 1, id, role);
}

#define INJECTION_LACKS "injection-lacks"

const char torn_sweep_too_many[] = "more findings than torn keeps of one variant";

/* What a real disk shows, and injected faults do not: worth knowing of torn. */
static void tell_cross_check(struct torn_sweeping *sweeping, const struct torn_shown *shown)
{
	const struct torn_judgement *judgement = shown->judgement;
	if (!torn_plan_small_disk(shown->plan) || judgement->is_label ||
	    torn_sweeping_is_noted(sweeping, shown->invariant->id, judgement->role))
		return;
	struct torn_judgement label = *judgement;
	struct torn_shown lacking = *shown;
	torn_judge(&label, TORN_VIOLATED, "a real %s that is full shows %s, and no injected full or ENOSPC does",
		   torn_full_disk_name(sweeping->sweep->how.full), shown->invariant->id);
	torn_judge_label(&label, INJECTION_LACKS);
	lacking.judgement = &label;
	torn_findings_add(&sweeping->sweep->findings, &lacking);
}

static void tell(struct torn_sweeping *sweeping, const struct torn_plan *plan, bool killed,
		 uint32_t kill, const struct torn_invariant *invariant,
		 const struct torn_judgement *judgement)
{
	const struct level *level = &sweeping->levels[sweeping->depth];
	if (sweeping->hearing == HEARING_NOTES)
		torn_sweeping_note(sweeping, torn_judgement_id(invariant, judgement), judgement->role);
	if (sweeping->hearing != HEARING_TELLS)
		return;
	/* What the clean run shows each part has to know: by that it leaves out what faults show of it. */
	const bool is_elsewhere = !level->mine;
	if (is_elsewhere && (sweeping->depth > 0 || sweeping->runs > 0 || killed))
		return;
	struct torn_shown shown = {
		.setup = sweeping->setup,
		.plan = plan,
		.killed = killed,
		.invariant = invariant,
		.judgement = judgement,
		.order = level->order,
		.is_elsewhere = is_elsewhere,
		.is_later = sweeping->runs > 0 || plan->cut.preset,
	};
	/* Of power cuts the strongest preset that shows it is told, in whatever old state. */
	shown.order.faults = torn_order_faults(plan);
	shown.order.kill = kill;
	torn_findings_add(&sweeping->sweep->findings, &shown);
	tell_cross_check(sweeping, &shown);
	if (sweeping->sweep->findings.overflowed)
		torn_sweep_fail(sweeping->sweep, sweeping->setup, torn_sweep_too_many);
}

int torn_sweeping_judge_end(struct torn_sweeping *sweeping, const struct torn_trial *trial)
{
	struct torn_trial seen = *trial;
	int looked = torn_look_at_litter(sweeping->lab, sweeping->setup, &seen);
	if (looked == 0)
		looked = torn_look_at(sweeping->lab, sweeping->setup, &seen);
	if (looked < 0)
		return looked;
	struct level *level = &sweeping->levels[sweeping->depth];
	size_t count;
	const struct torn_invariant *const *invariants = torn_invariants(&count);
	level->shown_count = 0;
	for (size_t i = 0; i < count; i++) {
		struct torn_judgement judgement;
		torn_invariant_judge(invariants[i], &seen, &judgement);
		if (judgement.verdict != TORN_VIOLATED && !judgement.is_label)
			continue;
		const char *id = torn_judgement_id(invariants[i], &judgement);
		if (is_shown_before(sweeping, sweeping->depth, id, judgement.role))
			continue;
		tell(sweeping, trial->plan, trial->killed, 0, invariants[i], &judgement);
		if (level->shown_count == SHOWN_MAX)
			continue;
		level->shown[level->shown_count].id = id;
		snprintf(level->shown[level->shown_count++].role, sizeof level->shown->role, "%s",
			 judgement.role);
	}
	return 0;
}

void torn_sweeping_tell_kill(void *context, const struct torn_kill *kill, const struct torn_invariant *invariant,
			     const struct torn_judgement *judgement)
{
	struct torn_sweeping *sweeping = context;
	const struct level *level = &sweeping->levels[sweeping->depth];
	if (is_shown_before(sweeping, sweeping->depth + 1, torn_judgement_id(invariant, judgement),
			    judgement->role))
		return;
	struct torn_plan plan = level->plan;
	if (plan.faults_count < TORN_FAULTS_MAX)
		plan.faults[plan.faults_count++] = torn_kill_fault(kill);
	tell(sweeping, &plan, true, kill->sequence, invariant, judgement);
}

/* Fewer lost effects come before more, earlier cuts before later. */
static uint32_t order_of_cut(const struct torn_cut *cut)
{
	const uint32_t lost = cut->lost_count < 255 ? cut->lost_count : 255;
	return lost << 24 | (cut->op < 1u << 23 ? cut->op * 2 + !cut->during : (1u << 24) - 1);
}

void torn_sweeping_tell_cut(void *context, const struct torn_plan *plan, const struct torn_invariant *invariant,
			    const struct torn_judgement *judgement)
{
	struct torn_sweeping *sweeping = context;
	if (!is_shown_before(sweeping, sweeping->depth + 1, torn_judgement_id(invariant, judgement),
			     judgement->role))
		tell(sweeping, plan, true, order_of_cut(&plan->cut), invariant, judgement);
}
