/* trial_cut.c: a trial moved to one cut, which a case names: see cuts.h. */
#include <errno.h>
#include <string.h>

#include "../injectors/crash.h"
#include "acknowledged.h"
#include "cut_names.h"
#include "cuts.h"
#include "cuts_disk.h"

static int refuse_unknown(struct torn_lab *lab, const struct torn_lost *lost)
{
	char text[64];
	torn_lost_print(lost, text, sizeof text);
	return torn_lab_fail(lab, -EINVAL, "the run has no effect %s that a cut could lose", text);
}

static int refuse(struct torn_lab *lab, const struct torn_history *history,
		  const struct torn_effects *effects, const struct torn_cut *cut, uint32_t number)
{
	const struct torn_lost lost = torn_lost_of(history, &effects->items[number]);
	char text[64];
	torn_lost_print(&lost, text, sizeof text);
	return torn_lab_fail(lab, -EINVAL,
			     "%s allows no cut at op %u that leaves this: see effect %s",
			     cut->preset, cut->op, text);
}

static enum torn_fate fate_of(const struct torn_persistence *persistence, const bool *lost,
			      uint32_t number, uint32_t moment)
{
	if (lost[number])
		return TORN_FATE_LOST;
	return persistence->durable[number] <= moment ? TORN_FATE_DURABLE : TORN_FATE_KEPT;
}

/* What becomes of each effect that has happened by a moment. Returns 0 or -ENOMEM. */
static int tell_fates(struct torn_arena *arena, const struct torn_history *history,
		      const struct torn_effects *effects,
		      const struct torn_persistence *persistence, const bool *lost, uint32_t moment,
		      struct torn_trial *trial)
{
	struct torn_fated *fates = torn_arena_take(arena, (effects->count + 1) * sizeof *fates);
	uint32_t count = 0;
	for (uint32_t i = 0; fates && i < effects->count; i++) {
		const struct torn_effect *effect = &effects->items[i];
		const bool is_size =
			effect->kind == TORN_EFFECT_SIZE || effect->kind == TORN_EFFECT_TAIL;
		if (persistence->dropped[i] || 2 * effect->at > moment)
			continue;
		fates[count++] = (struct torn_fated){
			.what = torn_lost_of(history, effect),
			.fate = fate_of(persistence, lost, i, moment),
			.offset = effect->offset,
			.length = is_size ? effect->size : effect->length,
		};
	}
	trial->fates = fates;
	trial->fates_count = count;
	return fates ? 0 : -ENOMEM;
}

int torn_trial_cut(struct torn_lab *lab, const struct torn_setup *setup, struct torn_trial *trial,
		   const struct torn_cut *cut)
{
	struct torn_arena *arena = &lab->recorder->arena;
	const bool is_last = cut->op == trial->log->numbered && !cut->during;
	struct torn_history history;
	struct torn_effects effects;
	struct torn_persistence persistence;
	const struct torn_acknowledged acknowledged =
		torn_acknowledged_of(trial->target, trial->log, trial->end, trial->code);
	uint32_t number = 0;
	if (cut->disk)
		return torn_trial_cut_disk(lab, setup, trial, cut);
	if (cut->op > 0 && !torn_log_op(trial->log, cut->op))
		return torn_lab_fail(lab, -EINVAL,
				     "the run has no op %u at which the power could go", cut->op);
	const enum torn_preset preset = torn_preset_named(torn_bytes_of(cut->preset));
	int r = torn_history_of(arena, setup, trial->log, &history);
	if (r == 0)
		r = torn_effects_of(arena, history.base, history.log, torn_preset_splits(preset),
				    &effects);
	if (r == 0)
		r = torn_preset_order(arena, preset, &effects, history.log, &persistence);
	bool *lost = r == 0 ? torn_arena_take(arena, effects.count + 1) : NULL;
	if (!lost)
		return torn_lab_fail(lab, -EPROTO, "no room for the effects of the run");
	number = torn_lost_mark(&history, &effects, cut, lost);
	if (number < cut->lost_count)
		return refuse_unknown(lab, &cut->lost[number]);
	if (cut->op == 0 && history.first == 0)
		effects.count = persistence.count = 0;
	const uint32_t moment = torn_moment_of(&history, cut, is_last);
	r = torn_crash_tree(arena, history.base, history.log, &effects, &persistence, lost, moment,
			    &trial->now, &number);
	if (r == -EPERM || r == -ELOOP)
		return refuse(lab, &history, &effects, cut, number);
	if (r == 0)
		r = tell_fates(arena, &history, &effects, &persistence, lost, moment, trial);
	if (r < 0)
		return torn_lab_fail(lab, -EPROTO, "the log does not fold: %s", strerror(-r));
	trial->cut = cut;
	trial->killed = true;
	trial->acknowledged = acknowledged.ever &&
			      moment >= torn_moment_of_acknowledgement(&history, &acknowledged);
	trial->code = trial->acknowledged ? acknowledged.code : trial->code;
	trial->kill_op = cut->op;
	return 0;
}
