/* cuts.c: see cuts.h. */
#include "cuts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cuts_disk.h"
#include "cutting.h"
#include "judgement.h"
#include "log_hash.h"
#include "looking.h"
#include "registry.h"

#define ARENA_BYTES ((size_t)256 << 20)

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
	torn_hashes_close(&cuts->promises);
	torn_hashes_close(&cuts->trees);
	torn_hashes_close(&cuts->clean_runs);
}

void torn_cuts_forget(struct torn_cuts *cuts)
{
	torn_hashes_clear(&cuts->held);
	torn_hashes_clear(&cuts->broken);
	torn_hashes_clear(&cuts->promises);
	torn_hashes_clear(&cuts->trees);
}

uint32_t torn_plan_weakness(const struct torn_plan *plan)
{
	uint32_t weakest = 0;
	for (; plan; plan = plan->before) {
		const struct torn_bytes name =
			torn_bytes_of(plan->cut.preset ? plan->cut.preset : "");
		const uint32_t weakness =
			plan->cut.preset ? 1 + (uint32_t)torn_preset_named(name) : 0;
		weakest = weakness > weakest ? weakness : weakest;
	}
	return weakest;
}

/* ---------------------------------------------------------------- judging */

struct torn_hash torn_cuts_run_key(const struct torn_setup *setup, const struct torn_trial *run)
{
	struct torn_hash key = torn_setup_hash(setup);
	/* Where it says that it is done, it matters when. */
	key.low += run->target->ack ? torn_log_hash(run->log) : torn_log_changes(run->log);
	key.high += (uint64_t)run->end << 32 | (uint32_t)run->code;
	return key;
}

bool torn_cuts_run_on(const struct torn_cuts *cuts)
{
	return cuts->rerun_of_new || cuts->setup->variant->recovery;
}

struct torn_hash torn_cutting_key(const struct cutting *cutting, struct torn_hash tree,
				  bool acknowledged)
{
	const uint64_t told = (uint64_t)(uint32_t)cutting->acknowledged.code << 1 | cutting->syncs;
	if (acknowledged)
		tree.low ^= UINT64_C(0x9e3779b97f4a7c15) * (told + 1);
	return tree;
}

static bool is_lost(const struct cutting *cutting, const struct torn_crash_state *state,
		    uint32_t number, uint32_t moment)
{
	return 2 * cutting->effects->items[number].at <= moment && !state->kept[number] &&
	       !cutting->persistence->dropped[number];
}

/* The earliest moment at which a cut leaves a state, once it is acknowledged or before. */
static struct torn_cut_place place_for(const struct cutting *cutting,
				       const struct torn_crash_state *state, bool acknowledged)
{
	uint32_t from = cutting->from;
	if (acknowledged)
		from = torn_moment_of_acknowledgement(&cutting->history, &cutting->acknowledged);
	if (from < cutting->from)
		from = cutting->from;
	return torn_place_between(&cutting->history, state->first > from ? state->first : from,
				  state->end);
}

void torn_cutting_blame(const struct cutting *cutting, const struct torn_cut *cut, uint32_t moment,
			struct torn_judgement *judgement)
{
	const struct torn_history *history = &cutting->history;
	const struct torn_effects *effects = cutting->effects;
	uint32_t blamed = UINT32_MAX, blamed_else = UINT32_MAX;
	for (uint32_t i = 0; i < effects->count; i++) {
		uint32_t *first_of =
			cutting->persistence->gone[i] <= moment ? &blamed_else : &blamed;
		if (cutting->lost[i] && *first_of == UINT32_MAX)
			*first_of = effects->items[i].at;
	}
	if (blamed == UINT32_MAX)
		blamed = blamed_else;
	const struct torn_op *op = blamed != UINT32_MAX ? &history->log->ops[blamed]
							: torn_log_op(cutting->run->log, cut->op);
	judgement->call = op ? op->call : TORN_CALL_NONE;
	judgement->op = op ? op->number : cut->op; /* in its own run, where that is an earlier one */
}

int torn_cutting_name_lost(const struct cutting *cutting, struct torn_cut *cut)
{
	const struct torn_effects *effects = cutting->effects;
	uint32_t count = 0;
	for (uint32_t i = 0; i < effects->count; i++)
		count += cutting->lost[i];
	struct torn_lost *lost = calloc(count + 1, sizeof *lost);
	if (!lost)
		return -ENOMEM;
	cut->lost_count = 0;
	for (uint32_t i = 0; i < effects->count; i++)
		if (cutting->lost[i])
			lost[cut->lost_count++] =
				torn_lost_of(&cutting->history, &effects->items[i]);
	cut->lost = lost;
	return 0;
}

/* The caller frees what the cut at a place lost; NULL: there was no memory. */
static struct torn_cut cut_of(const struct cutting *cutting, const struct torn_crash_state *state,
			      const struct torn_cut_place *place)
{
	struct torn_cut cut = {.preset = torn_preset_name(cutting->preset),
			       .op = place->op,
			       .during = place->during};
	for (uint32_t i = 0; i < cutting->effects->count; i++)
		cutting->lost[i] = is_lost(cutting, state, i, place->moment);
	torn_cutting_name_lost(cutting, &cut);
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

int torn_cutting_trial_after(const struct cutting *cutting, const struct torn_node *tree,
			     bool acknowledged, const struct torn_cut *cut,
			     struct torn_aftermath *aftermath, struct torn_trial *ret_trial)
{
	struct torn_cuts *cuts = cutting->cuts;
	struct torn_trial *trial = ret_trial;
	*trial = *cutting->run;
	trial->now = tree;
	trial->killed = true;
	trial->cut = cut;
	trial->acknowledged = acknowledged;
	trial->code = acknowledged ? cutting->acknowledged.code : trial->code;
	if (!torn_cuts_run_on(cuts))
		return 0;
	if (cuts->reruns_max > 0 && cuts->reruns >= cuts->reruns_max) {
		cuts->states.left_out = true;
		return 0;
	}
	cuts->reruns++;
	return torn_aftermath(cuts->lab, cuts->setup, trial, cuts->rerun_of_new, aftermath);
}

bool torn_cutting_is_left_by_a_kill(const struct cutting *cutting, const struct torn_node *tree,
				    bool acknowledged)
{
	return !acknowledged && torn_hashes_find(&cutting->kills, tree->hash, NULL);
}

enum outcome {
	HELD,
	BROKEN,
	UNJUDGED
};

/* Is it broken whether or not anything was reported? */
static bool is_broken_anyhow(const struct cutting *cutting, const struct torn_trial *acknowledged,
			     const struct torn_invariant *invariant, const char *role)
{
	struct torn_trial trial = *acknowledged;
	struct torn_judgement judgement;
	trial.acknowledged = false;
	trial.code = cutting->run->code;
	torn_invariant_judge(invariant, &trial, &judgement);
	return judgement.verdict == TORN_VIOLATED && strcmp(judgement.role, role) == 0;
}

/* What is broken is noted. */
static enum outcome judge(struct cutting *cutting, const struct torn_crash_state *state,
			  bool acknowledged)
{
	struct torn_cuts *cuts = cutting->cuts;
	const struct torn_cut some = {.preset = torn_preset_name(cutting->preset)};
	struct torn_aftermath aftermath;
	struct torn_trial trial;
	size_t count;
	enum outcome outcome = HELD;
	const uint32_t first = (uint32_t)cutting->violations_count;
	const struct torn_invariant *const *invariants = torn_invariants(&count);
	const size_t mark = torn_arena_mark(cuts->setup->arena);
	int r = torn_cutting_trial_after(cutting, state->tree, acknowledged, &some, &aftermath, &trial);
	if (r == 0)
		r = torn_look_at(cuts->lab, cuts->setup, &trial);
	if (r < 0) {
		outcome = UNJUDGED;
		cutting->unjudged = true;
		cutting->error = r == -ENOTSUP ? cutting->error : r;
	}
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct violation violation = {
			.invariant = invariants[i], .acknowledged = acknowledged, .first = first};
		torn_invariant_judge(invariants[i], &trial, &violation.judgement);
		if (violation.judgement.verdict != TORN_VIOLATED)
			continue;
		outcome = BROKEN;
		violation.is_anyhow =
			acknowledged &&
			is_broken_anyhow(cutting, &trial, invariants[i], violation.judgement.role);
		const struct torn_cut_place place = place_for(cutting, state, acknowledged);
		violation.moment = place.moment;
		violation.cut = cut_of(cutting, state, &place);
		torn_cutting_blame(cutting, &violation.cut, place.moment, &violation.judgement);
		note_violation(cutting, &violation);
	}
	torn_arena_return(cuts->setup->arena, mark);
	return outcome;
}

/* A tree is met again: with less that is lost? `number` is of the first violation. */
static void prefer(struct cutting *cutting, const struct torn_crash_state *state, uint32_t number)
{
	struct violation *first = &cutting->violations[number];
	const struct torn_cut_place place = place_for(cutting, state, first->acknowledged);
	uint32_t count = 0;
	for (uint32_t i = 0; i < cutting->effects->count && count < first->cut.lost_count; i++)
		count += is_lost(cutting, state, i, place.moment);
	if (count >= first->cut.lost_count)
		return;
	for (uint32_t i = number; i < cutting->violations_count; i++) {
		struct violation *violation = &cutting->violations[i];
		if (violation->first != number)
			return;
		free((void *)violation->cut.lost);
		violation->cut = cut_of(cutting, state, &place);
		violation->moment = place.moment;
		torn_cutting_blame(cutting, &violation->cut, place.moment, &violation->judgement);
		if (!violation->cut.lost)
			cutting->error = -ENOMEM;
	}
}

static void look_at(struct cutting *cutting, const struct torn_crash_state *state,
		    bool acknowledged)
{
	struct torn_cuts *cuts = cutting->cuts;
	const struct torn_hash key = torn_cutting_key(cutting, state->tree->hash, acknowledged);
	const uint32_t first = (uint32_t)cutting->violations_count;
	uint32_t before;
	if (torn_hashes_find(&cuts->held, key, NULL))
		return;
	if (torn_hashes_find(&cutting->told, key, &before)) {
		if (before > 0)
			prefer(cutting, state, before - 1);
		return;
	}
	if (torn_cutting_is_left_by_a_kill(cutting, state->tree, acknowledged))
		return;
	/* What was looked at costs nothing more: under each preset there are as many new ones. */
	if (cuts->looks_max > 0 && !torn_look_is_known(cuts->lab, state->tree) &&
	    cuts->looks++ >= cuts->looks_max) {
		cuts->states.left_out = true;
		return;
	}
	switch (judge(cutting, state, acknowledged)) {
	case HELD:
		torn_hashes_add(&cuts->held, key);
		return;
	case BROKEN:
		torn_hashes_put(&cutting->told, key, first + 1);
		if (!acknowledged)
			torn_hashes_add(&cuts->broken, state->tree->hash);
		return;
	case UNJUDGED:
		torn_hashes_put(&cutting->told, key, 0); /* it is no better a second time */
		return;
	}
}

static void note(struct cutting *cutting, const struct torn_crash_state *state)
{
	const struct torn_cut_place place = place_for(cutting, state, false);
	const struct torn_cut cut = cut_of(cutting, state, &place);
	if (cut.lost)
		cutting->cuts->note(cutting->cuts->context, state->tree, &cut);
	free((void *)cut.lost);
}

/* What looks alike in two worlds is judged in both. */
static struct torn_hash of_world(const struct torn_cuts *cuts, struct torn_hash tree)
{
	tree.low += cuts->world;
	return tree;
}

void torn_cutting_count_tree(struct cutting *cutting, struct torn_hash tree)
{
	struct torn_cuts *cuts = cutting->cuts;
	if (torn_hashes_add(&cuts->trees, tree) && cuts->of_all)
		torn_hashes_add(cuts->of_all, of_world(cuts, tree));
}

static bool see(void *context, const struct torn_crash_state *state)
{
	struct cutting *cutting = context;
	struct torn_cuts *cuts = cutting->cuts;
	torn_cutting_count_tree(cutting, state->tree->hash);
	if (cuts->note && torn_hashes_add(&cutting->noted, state->tree->hash))
		note(cutting, state);
	look_at(cutting, state, false);
	if (cutting->acknowledged.ever &&
	    state->end > torn_moment_of_acknowledgement(&cutting->history, &cutting->acknowledged))
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
	cuts->looks = 0;
	const struct torn_crash_how how = {
		.sets_max = cuts->sets_max, .seed = cuts->seed, .from = cutting->from};
	int r = torn_effects_of(cutting->arena, history->base, history->log,
				torn_preset_splits(preset), &effects);
	if (r == 0)
		r = torn_preset_order(cutting->arena, preset, &effects, history->log, &persistence);
	cutting->effects = &effects;
	cutting->persistence = &persistence;
	cutting->preset = preset;
	cutting->lost = r == 0 ? torn_arena_take(cutting->arena, effects.count + 1) : NULL;
	if (r == 0 && !cutting->lost)
		r = -ENOMEM;
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
	return r == 0 ? torn_cutting_tell_smallest(cutting) : r;
}

/* What kills in the middle of a write leave, where whole blocks of it are done: as kills.c has them. */
static int note_kills_within(struct cutting *cutting, struct torn_fold *fold, const struct torn_op *op)
{
	uint64_t done = TORN_BLOCK_SIZE - op->offset % TORN_BLOCK_SIZE;
	int r = 0;
	for (; r == 0 && done < (uint64_t)op->result; done += TORN_BLOCK_SIZE) {
		r = torn_fold_step_part(fold, op, done);
		torn_hashes_add(&cutting->kills, torn_fold_tree(fold)->hash);
	}
	return r;
}

/* Trees that a kill leaves: between two ops of the run, and within one. */
static int note_kills(struct cutting *cutting)
{
	const struct torn_log *log = cutting->run->log;
	struct torn_fold fold;
	int r = torn_fold_begin(&fold, cutting->arena, &cutting->cuts->setup->base);
	cutting->kill_trees =
		torn_arena_take(cutting->arena, (log->count + 1) * sizeof *cutting->kill_trees);
	if (!cutting->kill_trees)
		return -ENOMEM;
	for (uint32_t i = 0; r == 0 && i <= log->count; i++) {
		cutting->kill_trees[i] = torn_fold_tree(&fold);
		torn_hashes_add(&cutting->kills, torn_fold_tree(&fold)->hash);
		if (i < log->count && torn_op_is_divisible(&log->ops[i]))
			r = note_kills_within(cutting, &fold, &log->ops[i]);
		if (r == 0 && i < log->count)
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
	cutting.from = r == 0 ? torn_moment_of_last_fault(&cutting.history, run->plan) : 0;
	cutting.acknowledged = torn_acknowledged_of(run->target, run->log, run->end, run->code);
	cutting.syncs = torn_trial_syncs(run);
	if (r == 0)
		r = note_kills(&cutting);
	if (r == 0)
		r = cuts->lab->disks ? torn_cuts_judge_disk(&cutting) : cut_under_all(&cutting);
	torn_hashes_close(&cutting.kills);
	torn_hashes_close(&cutting.told);
	torn_hashes_close(&cutting.noted);
	forget_violations(&cutting);
	free(cutting.violations);
	torn_arena_return(arena, mark);
	if (r == -ENOMEM)
		return torn_lab_fail(cuts->lab, -ENOTSUP, "no room for what a power cut leaves");
	if (r == 0)
		return cutting.unjudged ? -ENOTSUP : 0;
	if (r == cutting.error)
		return r; /* lab->failure says what */
	return torn_lab_fail(cuts->lab, -EPROTO, "the log has no crash states: %s", strerror(-r));
}
