/* cuts.c: see cuts.h. */
#include "cuts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "../injectors/crash.h"
#include "registry.h"

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

void torn_cuts_open(struct torn_cuts *cuts, struct torn_lab *lab, struct torn_setup *setup)
{
	*cuts = (struct torn_cuts){.lab = lab, .setup = setup};
}

void torn_cuts_close(struct torn_cuts *cuts)
{
	torn_hashes_close(&cuts->held);
	torn_hashes_close(&cuts->trees);
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
	struct torn_arena *arena; /* the recorder's: given back when all are judged */
	const struct torn_effects *effects;
	const struct torn_persistence *persistence;
	enum torn_preset preset;
	struct torn_hashes kills; /* trees that a kill leaves: no power cut is needed for them */
	struct torn_hashes told;  /* under this preset */
	struct violation *violations;
	size_t violations_count, violations_room;
	bool no_memory;
};

/* The moment at which the operation has returned, and with it whoever waited for it. */
static uint32_t moment_of_return(const struct torn_log *log)
{
	return 2 * log->count;
}

static struct torn_hash key_of(struct torn_hash hash, bool returned, int code)
{
	if (returned)
		hash.low ^= UINT64_C(0x9e3779b97f4a7c15) * ((uint64_t)(uint32_t)code + 1);
	return hash;
}

static bool is_lost(const struct cutting *cutting, const struct torn_crash_state *state, uint32_t number,
		    uint32_t moment)
{
	return 2 * cutting->effects->items[number].at <= moment && !state->kept[number] &&
	       !cutting->persistence->dropped[number];
}

/*
 * The earliest cut that leaves a state; of those after the return, the last op's.
 * The caller frees what it lost; NULL: there was no memory.
 */
static struct torn_cut cut_of(const struct cutting *cutting, const struct torn_crash_state *state,
			      bool returned)
{
	const struct torn_log *log = cutting->run->log;
	const struct torn_effects *effects = cutting->effects;
	const uint32_t at = state->first / 2;
	const bool during = state->first % 2 == 0 && state->first + 1 >= state->end;
	const uint32_t moment = returned ? moment_of_return(log) : 2 * at + !during;
	struct torn_cut cut = {.preset = torn_preset_name(cutting->preset),
			       .op = returned ? log->numbered : log->ops[at].number,
			       .during = !returned && during};
	uint32_t count = 0;
	for (uint32_t i = 0; i < effects->count; i++)
		count += is_lost(cutting, state, i, moment);
	struct torn_lost *lost = calloc(count + 1, sizeof *lost);
	for (uint32_t i = 0; lost && i < effects->count; i++) {
		const struct torn_effect *effect = &effects->items[i];
		if (is_lost(cutting, state, i, moment))
			lost[cut.lost_count++] = (struct torn_lost){log->ops[effect->at].number,
								    effect->kind, effect->part};
	}
	cut.lost = lost;
	return cut;
}

/* What was lost first is to blame. */
static void blame(const struct torn_log *log, const struct torn_cut *cut,
		  struct torn_judgement *judgement)
{
	const uint32_t number = cut->lost_count ? cut->lost[0].op : cut->op;
	const struct torn_op *op = torn_log_op(log, number);
	judgement->op = number;
	judgement->call = op ? op->call : TORN_CALL_NONE;
}

/* Takes over what was lost. */
static void note_violation(struct cutting *cutting, const struct violation *violation)
{
	if (!violation->cut.lost) {
		cutting->no_memory = true;
		return;
	}
	if (cutting->violations_count == cutting->violations_room) {
		const size_t room = cutting->violations_room ? cutting->violations_room * 2 : 64;
		struct violation *larger = realloc(cutting->violations, room * sizeof *larger);
		if (!larger) {
			cutting->no_memory = true;
			free((void *)violation->cut.lost);
			return;
		}
		cutting->violations = larger;
		cutting->violations_room = room;
	}
	cutting->violations[cutting->violations_count++] = *violation;
}

/* Returns whether all was kept. */
static bool judge(struct cutting *cutting, const struct torn_crash_state *state, bool returned)
{
	struct torn_trial trial = *cutting->run;
	const struct torn_cut some = {.preset = torn_preset_name(cutting->preset)};
	size_t count;
	bool held = true;
	const struct torn_invariant *const *invariants = torn_invariants(&count);
	trial.now = state->tree;
	trial.killed = true;
	trial.cut = &some;
	trial.returned = returned;
	for (size_t i = 0; i < count; i++) {
		struct torn_judgement judgement = {.verdict = TORN_SKIPPED};
		invariants[i]->judge(&trial, &judgement);
		if (judgement.verdict != TORN_VIOLATED)
			continue;
		const struct torn_cut cut = cut_of(cutting, state, returned);
		held = false;
		blame(trial.log, &cut, &judgement);
		note_violation(cutting, &(struct violation){invariants[i], judgement, cut, false});
	}
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

static void look_at(struct cutting *cutting, const struct torn_crash_state *state, bool returned)
{
	struct torn_cuts *cuts = cutting->cuts;
	const struct torn_hash key = key_of(state->tree->hash, returned, cutting->run->code);
	if (torn_hashes_find(&cuts->held, key, NULL) || torn_hashes_find(&cutting->told, key, NULL))
		return;
	if (!returned && torn_hashes_find(&cutting->kills, state->tree->hash, NULL))
		return;
	if (judge(cutting, state, returned)) {
		torn_hashes_add(&cuts->held, key);
		return;
	}
	torn_hashes_add(&cutting->told, key);
}

static bool see(void *context, const struct torn_crash_state *state)
{
	struct cutting *cutting = context;
	const struct torn_trial *run = cutting->run;
	cutting->cuts->looked++;
	torn_hashes_add(&cutting->cuts->trees, state->tree->hash);
	look_at(cutting, state, false);
	if (run->end == TORN_RETURNED && state->end > moment_of_return(run->log))
		look_at(cutting, state, true);
	return true;
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
	const struct torn_log *log = cutting->run->log;
	struct torn_persistence persistence;
	struct torn_crash_count count = {0};
	struct torn_effects effects;
	int r = torn_effects_of(cutting->arena, &cuts->setup->base, log, torn_preset_splits(preset), &effects);
	if (r == 0)
		r = torn_preset_order(cutting->arena, preset, &effects, log, &persistence);
	cutting->effects = &effects;
	cutting->persistence = &persistence;
	cutting->preset = preset;
	forget_violations(cutting);
	torn_hashes_clear(&cutting->told);
	if (r == 0)
		r = torn_crash_states(cutting->arena, &cuts->setup->base, log, cutting->effects, &persistence,
				      TORN_CRASH_SETS_MAX, cuts->seed, see, cutting, &count);
	*ret_all = count.all;
	if (r == 0 && cutting->no_memory)
		r = -ENOMEM;
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

/* posix first, which has all states of those before it. Returns whether all of them were looked at. */
static bool cut_under_all(struct cutting *cutting, int *ret_r)
{
	const unsigned presets = cutting->cuts->presets;
	bool all = true, is_clean = false;
	int r = 0;
	if (presets & TORN_PRESET_BIT(TORN_PRESET_POSIX)) {
		r = cut_under(cutting, TORN_PRESET_POSIX, &all);
		is_clean = all && cutting->violations_count == 0;
	}
	for (enum torn_preset preset = 0; r == 0 && preset < TORN_PRESET_COUNT; preset++) {
		bool all_of_it;
		const bool is_weaker = preset > TORN_PRESET_POSIX;
		if (preset == TORN_PRESET_POSIX || !(presets & TORN_PRESET_BIT(preset)) ||
		    (is_clean && !is_weaker))
			continue;
		r = cut_under(cutting, preset, &all_of_it);
		all &= all_of_it;
	}
	*ret_r = r;
	return all;
}

int torn_cuts_judge(struct torn_cuts *cuts, const struct torn_trial *run)
{
	struct torn_arena *arena = &cuts->lab->recorder->arena;
	const size_t mark = torn_arena_mark(arena);
	struct cutting cutting = {.cuts = cuts, .run = run, .arena = arena};
	int r = note_kills(&cutting);
	if (r == 0 && !cut_under_all(&cutting, &r))
		cuts->some_left_out = true;
	torn_hashes_close(&cutting.kills);
	torn_hashes_close(&cutting.told);
	forget_violations(&cutting);
	free(cutting.violations);
	torn_arena_return(arena, mark);
	return r < 0 ? fail(cuts->lab, -EPROTO, "the log has no crash states: %s", strerror(-r)) : 0;
}

/* -------------------------------------------------------------------- one */

/* The index of an op in the log; log->count where there is none. */
static uint32_t index_of(const struct torn_log *log, uint32_t number)
{
	uint32_t i = 0;
	while (i < log->count && log->ops[i].number != number)
		i++;
	return i;
}

/* Mark the lost effects. Returns 0, or -EINVAL where the run has not got one of them. */
static int mark_lost(struct torn_lab *lab, const struct torn_log *log,
		     const struct torn_effects *effects, const struct torn_cut *cut, bool *lost)
{
	uint32_t next = 0;
	for (uint32_t i = 0; i < effects->count && next < cut->lost_count; i++) {
		const struct torn_effect *effect = &effects->items[i];
		const struct torn_lost *wanted = &cut->lost[next];
		if (log->ops[effect->at].number != wanted->op || effect->kind != wanted->kind ||
		    effect->part != wanted->part)
			continue;
		lost[i] = true;
		next++;
	}
	if (next == cut->lost_count)
		return 0;
	const struct torn_lost *missing = &cut->lost[next];
	return fail(lab, -EINVAL, "the run has no effect %u.%s[%u] that a cut could lose", missing->op,
		    torn_effect_kind_name(missing->kind), missing->part);
}

static int refuse(struct torn_lab *lab, const struct torn_log *log, const struct torn_effects *effects,
		  const struct torn_cut *cut, uint32_t number)
{
	const struct torn_effect *effect = &effects->items[number];
	return fail(lab, -EINVAL, "%s allows no cut at op %u that leaves this: see effect %u.%s[%u]",
		    cut->preset, cut->op, log->ops[effect->at].number,
		    torn_effect_kind_name(effect->kind), effect->part);
}

int torn_trial_cut(struct torn_lab *lab, const struct torn_setup *setup, struct torn_trial *trial,
		   const struct torn_cut *cut)
{
	struct torn_arena *arena = &lab->recorder->arena;
	const struct torn_log *log = trial->log;
	const uint32_t at = index_of(log, cut->op);
	const bool is_last = cut->op == log->numbered && !cut->during;
	struct torn_effects effects;
	struct torn_persistence persistence;
	uint32_t number = 0;
	if (cut->op > 0 && at == log->count)
		return fail(lab, -EINVAL, "the run has no op %u at which the power could go", cut->op);
	const enum torn_preset preset = torn_preset_named(torn_bytes_of(cut->preset));
	int r = torn_effects_of(arena, &setup->base, log, torn_preset_splits(preset), &effects);
	if (r == 0)
		r = torn_preset_order(arena, preset, &effects, log, &persistence);
	bool *lost = r == 0 ? torn_arena_take(arena, effects.count + 1) : NULL;
	if (!lost)
		return fail(lab, -EPROTO, "no room for the effects of the run");
	r = mark_lost(lab, log, &effects, cut, lost);
	if (r < 0)
		return r;
	if (cut->op == 0)
		effects.count = persistence.count = 0;
	const uint32_t moment = is_last ? moment_of_return(log) : 2 * at + !cut->during;
	r = torn_crash_tree(arena, &setup->base, log, &effects, &persistence, lost, moment, &trial->now,
			    &number);
	if (r == -EPERM || r == -ELOOP)
		return refuse(lab, log, &effects, cut, number);
	if (r < 0)
		return fail(lab, -EPROTO, "the log does not fold: %s", strerror(-r));
	trial->cut = cut;
	trial->killed = true;
	trial->returned = is_last && trial->end == TORN_RETURNED;
	trial->kill_op = cut->op;
	return 0;
}
