/* cuts.c: see cuts.h. */
#include "cuts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../injectors/crash.h"
#include "acknowledged.h"
#include "judgement.h"
#include "registry.h"
#include "rerun.h"

#define ARENA_BYTES ((size_t)256 << 20)

static int fail(struct torn_lab *lab, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct torn_lab *lab, int error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(lab->failure, sizeof lab->failure, format, arguments);
	va_end(arguments);
	return error;
}

int torn_cuts_open(struct torn_cuts *cuts, struct torn_lab *lab, struct torn_setup *setup)
{
	*cuts = (struct torn_cuts){.lab = lab, .setup = setup, .sets_max = TORN_CRASH_SETS_MAX};
	return torn_arena_open(&cuts->arena, ARENA_BYTES);
}

void torn_cuts_close(struct torn_cuts *cuts)
{
	torn_arena_close(&cuts->arena);
	torn_hashes_close(&cuts->held);
	torn_hashes_close(&cuts->broken);
	torn_hashes_close(&cuts->trees);
}

void torn_cuts_forget(struct torn_cuts *cuts)
{
	torn_hashes_clear(&cuts->held);
	torn_hashes_clear(&cuts->broken);
	torn_hashes_clear(&cuts->trees);
}

uint32_t torn_plan_weakness(const struct torn_plan *plan)
{
	uint32_t weakest = 0;
	for (; plan; plan = plan->before) {
		const struct torn_bytes name = torn_bytes_of(plan->cut.preset ? plan->cut.preset : "");
		const uint32_t weakness = plan->cut.preset ? 1 + (uint32_t)torn_preset_named(name) : 0;
		weakest = weakness > weakest ? weakness : weakest;
	}
	return weakest;
}

/* ---------------------------------------------------------------- judging */

/* A promise that a state breaks. What its cut lost is malloc'ed: the search returns its arena. */
struct violation {
	const struct torn_invariant *invariant;
	struct torn_judgement judgement;
	struct torn_cut cut;
	bool is_told;
};

/* The cuts of one run under one preset. */
struct cutting {
	struct torn_cuts *cuts;
	const struct torn_trial *run;
	struct torn_arena *arena; /* given back when all are judged */
	struct torn_history history;
	struct torn_acknowledged acknowledged;
	uint32_t from; /* moment: before it the run was one with fewer faults, or the run before */
	const struct torn_effects *effects;
	const struct torn_persistence *persistence;
	enum torn_preset preset;
	struct torn_hashes kills; /* trees that a kill leaves: no power cut is needed for them */
	struct torn_hashes told;  /* under this preset */
	struct torn_hashes noted; /* the same */
	struct violation *violations;
	size_t violations_count, violations_room;
	int error; /* that ends it: 0, -ENOMEM, or of what came after a cut */
};

/* Behind the last op: the operation has returned. */
static uint32_t moment_of_return(const struct torn_history *history)
{
	return 2 * history->log->count + 1;
}

/* From when on whoever waited for it knows that it is done. */
static uint32_t moment_of_acknowledgement(const struct torn_history *history,
					  const struct torn_acknowledged *acknowledged)
{
	return 2 * (history->first + acknowledged->records) - 1;
}

/* The run begins: what was done before it is done. */
static uint32_t moment_of_begin(const struct torn_history *history)
{
	return 2 * history->first;
}

/* A cut before the last fault is one of the run without that. */
static uint32_t moment_of_last_fault(const struct torn_history *history, const struct torn_plan *plan)
{
	uint32_t last = 0, i = history->first;
	for (uint32_t j = 0; j < plan->faults_count; j++)
		if (plan->faults[j].when.first > last)
			last = plan->faults[j].when.first;
	while (i < history->log->count && history->log->ops[i].number < last)
		i++;
	return last > 0 ? 2 * i : moment_of_begin(history);
}

bool torn_cuts_run_on(const struct torn_cuts *cuts)
{
	return cuts->rerun_of_new || cuts->setup->variant->recovery;
}

static struct torn_hash key_of(struct torn_hash hash, bool acknowledged, int code)
{
	if (acknowledged)
		hash.low ^= UINT64_C(0x9e3779b97f4a7c15) * ((uint64_t)(uint32_t)code + 1);
	return hash;
}

static bool is_lost(const struct cutting *cutting, const struct torn_crash_state *state, uint32_t number,
		    uint32_t moment)
{
	return 2 * cutting->effects->items[number].at <= moment && !state->kept[number] &&
	       !cutting->persistence->dropped[number];
}

/* As a case names it. */
static struct torn_lost name_of(const struct torn_history *history, const struct torn_effect *effect)
{
	return (struct torn_lost){torn_history_run(history, effect->at), history->log->ops[effect->at].number,
				  effect->kind, effect->part};
}

/* A moment as a case says it. */
struct place {
	uint32_t op, moment;
	bool during;
};

/*
 * The earliest moment from `first` on and before `end` that a case can say: a numbered op, during
 * or after it. Behind the last one it is that of the return.
 */
static struct place place_of(const struct torn_history *history, uint32_t first, uint32_t end)
{
	const struct torn_log *log = history->log;
	uint32_t last = 0;
	for (uint32_t i = history->first; i < log->count; i++) {
		const uint32_t number = log->ops[i].number, during = 2 * i, after = 2 * i + 1;
		if (number > 0 && after >= first && after < end && number < log->numbered)
			return (struct place){number, after, false};
		if (number > 0 && during >= first && during < end)
			return (struct place){number, during, true};
		if (number > 0)
			last = number;
	}
	return (struct place){last, moment_of_return(history), false};
}

/*
 * The earliest cut that leaves a state, once it is acknowledged or before. The caller frees what
 * it lost; NULL: there was no memory. What was lost first is to blame, but not what a failed fsync
 * had lost before, where there is more: a temp's data that nobody misses.
 */
static struct torn_cut cut_of(const struct cutting *cutting, const struct torn_crash_state *state,
			      bool acknowledged, struct torn_judgement *judgement)
{
	const struct torn_history *history = &cutting->history;
	const struct torn_effects *effects = cutting->effects;
	const uint32_t from = acknowledged
				      ? moment_of_acknowledgement(history, &cutting->acknowledged)
				      : cutting->from;
	const uint32_t begun = from > cutting->from ? from : cutting->from;
	const struct place place =
		place_of(history, state->first > begun ? state->first : begun, state->end);
	struct torn_cut cut = {.preset = torn_preset_name(cutting->preset),
			       .op = place.op,
			       .during = place.during};
	uint32_t count = 0, blamed = UINT32_MAX, blamed_else = UINT32_MAX;
	for (uint32_t i = 0; i < effects->count; i++)
		count += is_lost(cutting, state, i, place.moment);
	struct torn_lost *lost = calloc(count + 1, sizeof *lost);
	for (uint32_t i = 0; lost && i < effects->count; i++) {
		if (!is_lost(cutting, state, i, place.moment))
			continue;
		lost[cut.lost_count++] = name_of(history, &effects->items[i]);
		uint32_t *first_of =
			cutting->persistence->gone[i] <= place.moment ? &blamed_else : &blamed;
		if (*first_of == UINT32_MAX)
			*first_of = effects->items[i].at;
	}
	if (blamed == UINT32_MAX)
		blamed = blamed_else;
	cut.lost = lost;
	const struct torn_op *op = blamed != UINT32_MAX ? &history->log->ops[blamed]
							: torn_log_op(cutting->run->log, cut.op);
	judgement->call = op ? op->call : TORN_CALL_NONE;
	judgement->op = blamed != UINT32_MAX && blamed >= history->first ? op->number : cut.op;
	return cut;
}

/* Takes over what was lost. */
static void note_violation(struct cutting *cutting, const struct violation *violation)
{
	if (!violation->cut.lost) {
		cutting->error = -ENOMEM;
		return;
	}
	if (cutting->violations_count == cutting->violations_room) {
		const size_t room = cutting->violations_room ? cutting->violations_room * 2 : 64;
		struct violation *larger = realloc(cutting->violations, room * sizeof *larger);
		if (!larger) {
			cutting->error = -ENOMEM;
			free((void *)violation->cut.lost);
			return;
		}
		cutting->violations = larger;
		cutting->violations_room = room;
	}
	cutting->violations[cutting->violations_count++] = *violation;
}

/* Returns whether all was kept. */
static bool judge(struct cutting *cutting, const struct torn_crash_state *state, bool acknowledged)
{
	struct torn_cuts *cuts = cutting->cuts;
	struct torn_trial trial = *cutting->run;
	const struct torn_cut some = {.preset = torn_preset_name(cutting->preset)};
	struct torn_aftermath aftermath;
	size_t count;
	bool held = true;
	const struct torn_invariant *const *invariants = torn_invariants(&count);
	const size_t mark = torn_arena_mark(cuts->setup->arena);
	trial.now = state->tree;
	trial.killed = true;
	trial.cut = &some;
	trial.acknowledged = acknowledged;
	trial.code = acknowledged ? cutting->acknowledged.code : trial.code;
	if (torn_cuts_run_on(cuts))
		cutting->error = torn_aftermath(cuts->lab, cuts->setup, &trial, cuts->rerun_of_new,
						&aftermath);
	for (size_t i = 0; i < count && cutting->error == 0; i++) {
		struct torn_judgement judgement;
		torn_invariant_judge(invariants[i], &trial, &judgement);
		if (judgement.verdict != TORN_VIOLATED)
			continue;
		held = false;
		const struct torn_cut cut = cut_of(cutting, state, acknowledged, &judgement);
		note_violation(cutting, &(struct violation){invariants[i], judgement, cut, false});
	}
	torn_arena_return(cuts->setup->arena, mark);
	return held;
}

static int by_lost(const void *a, const void *b)
{
	const struct torn_cut *left = &((const struct violation *)a)->cut;
	const struct torn_cut *right = &((const struct violation *)b)->cut;
	if (left->lost_count != right->lost_count)
		return left->lost_count < right->lost_count ? -1 : 1;
	if (left->op != right->op)
		return left->op < right->op ? -1 : 1;
	for (uint32_t i = 0; i < left->lost_count; i++) {
		const int order = memcmp(&left->lost[i], &right->lost[i], sizeof left->lost[i]);
		if (order != 0)
			return order;
	}
	return right->during - left->during;
}

/* Does a cut lose all that another one loses? Both are in program order. */
static bool loses_all_of(const struct torn_cut *more, const struct torn_cut *less)
{
	uint32_t next = 0;
	for (uint32_t i = 0; i < more->lost_count && next < less->lost_count; i++)
		next += memcmp(&more->lost[i], &less->lost[next], sizeof less->lost[next]) == 0;
	return next == less->lost_count;
}

static bool is_told_with_less(const struct cutting *cutting, const struct violation *violation)
{
	for (const struct violation *other = cutting->violations; other < violation; other++)
		if (other->is_told && other->invariant == violation->invariant &&
		    strcmp(other->judgement.role, violation->judgement.role) == 0 &&
		    loses_all_of(&violation->cut, &other->cut))
			return true;
	return false;
}

/* Of those that lose more than is needed for the same nothing is told: what is lost is to blame. */
static void tell_smallest(struct cutting *cutting)
{
	const struct torn_cuts *cuts = cutting->cuts;
	if (cutting->violations_count > 0)
		qsort(cutting->violations, cutting->violations_count, sizeof *cutting->violations, by_lost);
	for (size_t i = 0; i < cutting->violations_count; i++) {
		struct violation *violation = &cutting->violations[i];
		struct torn_plan plan = *cutting->run->plan;
		if (is_told_with_less(cutting, violation))
			continue;
		violation->is_told = true;
		plan.cut = violation->cut;
		cuts->tell(cuts->context, &plan, violation->invariant, &violation->judgement);
	}
}

static void look_at(struct cutting *cutting, const struct torn_crash_state *state, bool acknowledged)
{
	struct torn_cuts *cuts = cutting->cuts;
	const struct torn_hash key = key_of(state->tree->hash, acknowledged, cutting->acknowledged.code);
	if (torn_hashes_find(&cuts->held, key, NULL) || torn_hashes_find(&cutting->told, key, NULL))
		return;
	if (!acknowledged && torn_hashes_find(&cutting->kills, state->tree->hash, NULL))
		return;
	if (judge(cutting, state, acknowledged)) {
		torn_hashes_add(&cuts->held, key);
		return;
	}
	torn_hashes_add(&cutting->told, key);
	if (!acknowledged)
		torn_hashes_add(&cuts->broken, state->tree->hash);
}

static void note(struct cutting *cutting, const struct torn_crash_state *state)
{
	struct torn_judgement blame;
	const struct torn_cut cut = cut_of(cutting, state, false, &blame);
	if (cut.lost)
		cutting->cuts->note(cutting->cuts->context, state->tree, &cut);
	free((void *)cut.lost);
}

static bool see(void *context, const struct torn_crash_state *state)
{
	struct cutting *cutting = context;
	struct torn_cuts *cuts = cutting->cuts;
	torn_hashes_add(&cuts->trees, state->tree->hash);
	if (cuts->note && torn_hashes_add(&cutting->noted, state->tree->hash))
		note(cutting, state);
	look_at(cutting, state, false);
	if (cutting->acknowledged.ever &&
	    state->end > moment_of_acknowledgement(&cutting->history, &cutting->acknowledged))
		look_at(cutting, state, true);
	return cutting->error == 0;
}

static void forget_violations(struct cutting *cutting)
{
	for (size_t i = 0; i < cutting->violations_count; i++)
		free((void *)cutting->violations[i].cut.lost);
	cutting->violations_count = 0;
}

static int cut_under(struct cutting *cutting, enum torn_preset preset, bool *ret_all)
{
	struct torn_cuts *cuts = cutting->cuts;
	const struct torn_history *history = &cutting->history;
	struct torn_persistence persistence;
	struct torn_crash_count count = {0};
	struct torn_effects effects;
	const struct torn_crash_how how = {
		.sets_max = cuts->sets_max, .seed = cuts->seed, .from = cutting->from};
	int r = torn_effects_of(cutting->arena, history->base, history->log, torn_preset_splits(preset),
				&effects);
	if (r == 0)
		r = torn_preset_order(cutting->arena, preset, &effects, history->log, &persistence);
	cutting->effects = &effects;
	cutting->persistence = &persistence;
	cutting->preset = preset;
	forget_violations(cutting);
	torn_hashes_clear(&cutting->told);
	torn_hashes_clear(&cutting->noted);
	if (r == 0)
		r = torn_crash_states(cutting->arena, history->base, history->log, cutting->effects,
				      &persistence, &how, see, cutting, &count);
	torn_states_add(&cuts->states, &(struct torn_states){.legal = count.legal,
							     .seen = count.looked,
							     .is_bound = !count.is_exact,
							     .left_out = !count.all});
	*ret_all = count.all;
	if (r == 0)
		r = cutting->error;
	if (r == 0)
		tell_smallest(cutting);
	return r;
}

/* Trees between two ops of the run. */
static int note_kills(struct cutting *cutting)
{
	const struct torn_log *log = cutting->run->log;
	struct torn_fold fold;
	int r = torn_fold_begin(&fold, cutting->arena, &cutting->cuts->setup->base);
	for (uint32_t i = 0; r == 0 && i <= log->count; i++) {
		torn_hashes_add(&cutting->kills, torn_fold_tree(&fold)->hash);
		if (i < log->count)
			r = torn_fold_step(&fold, &log->ops[i]);
	}
	return r;
}

/*
 * posix first, which has all states of those before it. Where trees are noted, it is of
 * interest which preset is the strongest that allows one.
 */
static int cut_under_all(struct cutting *cutting)
{
	const unsigned presets = cutting->cuts->presets;
	bool is_clean = false;
	int r = 0;
	if (presets & TORN_PRESET_BIT(TORN_PRESET_POSIX)) {
		bool all;
		r = cut_under(cutting, TORN_PRESET_POSIX, &all);
		is_clean = all && cutting->violations_count == 0 && !cutting->cuts->note;
	}
	for (enum torn_preset preset = 0; r == 0 && preset < TORN_PRESET_COUNT; preset++) {
		bool all;
		const bool is_weaker = preset > TORN_PRESET_POSIX;
		if (preset == TORN_PRESET_POSIX || !(presets & TORN_PRESET_BIT(preset)) ||
		    (is_clean && !is_weaker))
			continue;
		r = cut_under(cutting, preset, &all);
	}
	return r;
}

int torn_cuts_judge(struct torn_cuts *cuts, const struct torn_trial *run)
{
	struct torn_arena *arena = &cuts->arena;
	const size_t mark = torn_arena_mark(arena);
	struct cutting cutting = {.cuts = cuts, .run = run, .arena = arena};
	int r = torn_history_of(arena, cuts->setup, run->log, &cutting.history);
	cutting.from = r == 0 ? moment_of_last_fault(&cutting.history, run->plan) : 0;
	cutting.acknowledged = torn_acknowledged_of(run->target, run->log, run->end, run->code);
	if (r == 0)
		r = note_kills(&cutting);
	if (r == 0)
		r = cut_under_all(&cutting);
	torn_hashes_close(&cutting.kills);
	torn_hashes_close(&cutting.told);
	torn_hashes_close(&cutting.noted);
	forget_violations(&cutting);
	free(cutting.violations);
	torn_arena_return(arena, mark);
	if (r == 0 || r == -ENOTSUP || r == cutting.error)
		return r == -ENOMEM ? fail(cuts->lab, -EPROTO, "no memory for what a power cut leaves") : r;
	return fail(cuts->lab, -EPROTO, "the log has no crash states: %s", strerror(-r));
}

/* -------------------------------------------------------------------- one */

/* The index of an op of the run; history->log->count where there is none. */
static uint32_t index_of(const struct torn_history *history, uint32_t number)
{
	uint32_t i = history->first;
	while (i < history->log->count && history->log->ops[i].number != number)
		i++;
	return i;
}

static void print_lost(const struct torn_lost *lost, char *text, size_t size)
{
	char run[16] = "";
	if (lost->run)
		snprintf(run, sizeof run, "%u:", lost->run);
	snprintf(text, size, "%s%u.%s[%u]", run, lost->op, torn_effect_kind_name(lost->kind), lost->part);
}

/* Mark the lost effects. Returns 0, or -EINVAL where the run has not got one of them. */
static int mark_lost(struct torn_lab *lab, const struct torn_history *history,
		     const struct torn_effects *effects, const struct torn_cut *cut, bool *lost)
{
	uint32_t next = 0;
	for (uint32_t i = 0; i < effects->count && next < cut->lost_count; i++) {
		const struct torn_effect *effect = &effects->items[i];
		const struct torn_lost *wanted = &cut->lost[next];
		if (torn_history_run(history, effect->at) != wanted->run ||
		    history->log->ops[effect->at].number != wanted->op || effect->kind != wanted->kind ||
		    effect->part != wanted->part)
			continue;
		lost[i] = true;
		next++;
	}
	if (next == cut->lost_count)
		return 0;
	char text[64];
	print_lost(&cut->lost[next], text, sizeof text);
	return fail(lab, -EINVAL, "the run has no effect %s that a cut could lose", text);
}

static int refuse(struct torn_lab *lab, const struct torn_history *history,
		  const struct torn_effects *effects, const struct torn_cut *cut, uint32_t number)
{
	const struct torn_lost lost = name_of(history, &effects->items[number]);
	char text[64];
	print_lost(&lost, text, sizeof text);
	return fail(lab, -EINVAL, "%s allows no cut at op %u that leaves this: see effect %s", cut->preset,
		    cut->op, text);
}

/* Is it after the last op? Then it is after the return, too. */
static uint32_t moment_of(const struct torn_history *history, const struct torn_cut *cut, bool is_last)
{
	if (is_last)
		return moment_of_return(history);
	if (cut->op == 0)
		return history->first ? moment_of_begin(history) - 1 : 0;
	return 2 * index_of(history, cut->op) + !cut->during;
}

static enum torn_fate fate_of(const struct torn_persistence *persistence, const bool *lost, uint32_t number,
			      uint32_t moment)
{
	if (lost[number])
		return TORN_FATE_LOST;
	return persistence->durable[number] <= moment ? TORN_FATE_DURABLE : TORN_FATE_KEPT;
}

/* What becomes of each effect that has happened by a moment. Returns 0 or -ENOMEM. */
static int tell_fates(struct torn_arena *arena, const struct torn_history *history,
		      const struct torn_effects *effects, const struct torn_persistence *persistence,
		      const bool *lost, uint32_t moment, struct torn_trial *trial)
{
	struct torn_fated *fates = torn_arena_take(arena, (effects->count + 1) * sizeof *fates);
	uint32_t count = 0;
	for (uint32_t i = 0; fates && i < effects->count; i++) {
		const struct torn_effect *effect = &effects->items[i];
		const bool is_size = effect->kind == TORN_EFFECT_SIZE || effect->kind == TORN_EFFECT_TAIL;
		if (persistence->dropped[i] || 2 * effect->at > moment)
			continue;
		fates[count++] = (struct torn_fated){
			.what = name_of(history, effect),
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
	if (cut->op > 0 && !torn_log_op(trial->log, cut->op))
		return fail(lab, -EINVAL, "the run has no op %u at which the power could go", cut->op);
	const enum torn_preset preset = torn_preset_named(torn_bytes_of(cut->preset));
	int r = torn_history_of(arena, setup, trial->log, &history);
	if (r == 0)
		r = torn_effects_of(arena, history.base, history.log, torn_preset_splits(preset), &effects);
	if (r == 0)
		r = torn_preset_order(arena, preset, &effects, history.log, &persistence);
	bool *lost = r == 0 ? torn_arena_take(arena, effects.count + 1) : NULL;
	if (!lost)
		return fail(lab, -EPROTO, "no room for the effects of the run");
	r = mark_lost(lab, &history, &effects, cut, lost);
	if (r < 0)
		return r;
	if (cut->op == 0 && history.first == 0)
		effects.count = persistence.count = 0;
	const uint32_t moment = moment_of(&history, cut, is_last);
	r = torn_crash_tree(arena, history.base, history.log, &effects, &persistence, lost, moment,
			    &trial->now, &number);
	if (r == -EPERM || r == -ELOOP)
		return refuse(lab, &history, &effects, cut, number);
	if (r == 0)
		r = tell_fates(arena, &history, &effects, &persistence, lost, moment, trial);
	if (r < 0)
		return fail(lab, -EPROTO, "the log does not fold: %s", strerror(-r));
	trial->cut = cut;
	trial->killed = true;
	trial->acknowledged = acknowledged.ever &&
			      moment >= moment_of_acknowledgement(&history, &acknowledged);
	trial->code = trial->acknowledged ? acknowledged.code : trial->code;
	trial->kill_op = cut->op;
	return 0;
}
