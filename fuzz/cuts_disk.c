/* cuts_disk.c: see cuts_disk.h. */
#include "cuts_disk.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "../injectors/lot.h"
#include "../injectors/modelled.h"
#include "judgement.h"
#include "looking.h"
#include "registry.h"

#define UNMOUNTABLE "unmountable"
#define NOT_ON_DISK "not-on-disk"
#define MODEL_LACKS "model-lacks"

/* A promise that a cut breaks, or the label that it cannot be mounted. */
struct broken {
	const struct torn_invariant *invariant;
	struct torn_judgement judgement;
	struct torn_cut cut;
	struct torn_dropped dropped[TORN_DROPPED_MAX];
};

#define BROKEN_MAX 64u /* of one run: kinds of them, not states */

struct on_disk {
	struct cutting *cutting;
	const char *name; /* of the disk, as a case says it */
	enum torn_preset preset;
	uint32_t commit; /* number of the op behind which one is forced; 0: none is */
	uint64_t seed;   /* of what is left to lots */
	uint32_t recordings_left, states_left; /* of those that it may take; where all are looked at: not used */
	struct torn_modelled modelled;
	uint64_t unchecked; /* states */
	struct broken broken[BROKEN_MAX];
	size_t broken_count;
};

/* Of two cuts that show the same: the one that takes less. */
static bool takes_less(const struct torn_cut *a, const struct torn_cut *b)
{
	if (a->dropped_count != b->dropped_count)
		return a->dropped_count < b->dropped_count;
	return a->commit == 0 && b->commit != 0;
}

static void name_dropped(struct broken *broken, const struct torn_device_cut *cut)
{
	for (uint32_t i = 0; i < cut->losses_count; i++)
		broken->dropped[i] = (struct torn_dropped){cut->losses[i].request + 1, cut->losses[i].sectors};
	broken->cut.dropped = broken->dropped;
	broken->cut.dropped_count = cut->losses_count;
}

/* The op that was being done, or had been: nobody knows whose write is which. */
static void blame(const struct cutting *cutting, const struct torn_cut *cut, struct torn_judgement *judgement)
{
	const struct torn_op *op = torn_log_op(cutting->run->log, cut->op);
	judgement->op = cut->op;
	judgement->call = op ? op->call : TORN_CALL_NONE;
}

static struct torn_cut_place place_of(const struct cutting *cutting, const struct torn_device_state *state,
				      bool acknowledged)
{
	uint32_t from = state->first;
	if (acknowledged) {
		const uint32_t told = torn_moment_of_acknowledgement(&cutting->history, &cutting->acknowledged);
		from = told > from ? told : from;
	}
	return torn_place_between(&cutting->history, from, state->end + 1);
}

static void note_broken(struct on_disk *disk, const struct torn_device_state *state, bool acknowledged,
			const struct torn_invariant *invariant, const struct torn_judgement *judgement)
{
	const struct torn_cut_place place = place_of(disk->cutting, state, acknowledged);
	const struct torn_cut cut = {.preset = torn_preset_name(disk->preset),
				     .op = place.op,
				     .during = place.during,
				     .disk = disk->name,
				     .commit = disk->commit,
				     .write = state->cut->given,
				     .dropped_count = state->cut->losses_count};
	struct broken *broken = NULL;
	for (size_t i = 0; !broken && i < disk->broken_count; i++)
		if (disk->broken[i].invariant == invariant &&
		    disk->broken[i].judgement.is_label == judgement->is_label &&
		    strcmp(disk->broken[i].judgement.role, judgement->role) == 0 &&
		    strcmp(disk->broken[i].judgement.path, judgement->path) == 0)
			broken = &disk->broken[i];
	if (broken ? !takes_less(&cut, &broken->cut) : disk->broken_count == BROKEN_MAX)
		return;
	if (!broken)
		broken = &disk->broken[disk->broken_count++];
	broken->invariant = invariant;
	broken->judgement = *judgement;
	broken->cut = cut;
	name_dropped(broken, state->cut);
	blame(disk->cutting, &broken->cut, &broken->judgement);
}

static void note_unmountable(struct on_disk *disk, const struct torn_device_state *state)
{
	struct torn_judgement judgement = {.verdict = TORN_VIOLATED};
	torn_judge(&judgement, TORN_VIOLATED, "after a power cut the file system is lost: %s", state->why);
	torn_judge_label(&judgement, UNMOUNTABLE);
	judgement.has_case = true;
	note_broken(disk, state, false, torn_invariant_named(torn_bytes_of("old-or-new")), &judgement);
}

/* The run is none that this file system can do: all its cuts are left out, and it is said why. */
static void note_left_out(struct on_disk *disk, const char *why)
{
	static const struct torn_device_cut none = {.given = 1};
	const struct torn_device_state state = {.cut = &none, .why = why};
	struct torn_judgement judgement = {.verdict = TORN_VIOLATED};
	torn_judge(&judgement, TORN_VIOLATED, "SKIPPED: no power was cut on %s: %s", disk->name, why);
	torn_judge_label(&judgement, NOT_ON_DISK);
	note_broken(disk, &state, false, torn_invariant_named(torn_bytes_of("old-or-new")), &judgement);
}

/* ------------------------------------------------------------- cross-check */

/* All states that the preset of this file system allows after the run. */
static int find_modelled(struct on_disk *disk)
{
	const struct cutting *cutting = disk->cutting;
	const struct torn_history *history = &cutting->history;
	const struct torn_crash_how how = {.sets_max = cutting->cuts->sets_max, .seed = cutting->cuts->seed};
	return torn_modelled_find(&disk->modelled, cutting->arena, disk->preset, history->base, history->log, &how, NULL,
				  NULL);
}

#define LACKS "what the model does not allow: torn is wrong"

/* What the kernel left, and the preset forbids, is a defect of the preset. */
static void cross_check(struct on_disk *disk, const struct torn_device_state *state)
{
	struct torn_judgement judgement = {.verdict = TORN_VIOLATED};
	if (torn_modelled_allows(&disk->modelled, state))
		return;
	if (!disk->modelled.is_all) { /* it may be among those that nobody looked at */
		disk->unchecked++;
		return;
	}
	torn_judge(&judgement, TORN_VIOLATED, "a real %s left " LACKS, disk->name);
	torn_judge_label(&judgement, MODEL_LACKS);
	judgement.has_case = true;
	note_broken(disk, state, false, torn_invariant_named(torn_bytes_of("old-or-new")), &judgement);
}

static void count_shown(const struct on_disk *disk, struct torn_states *states)
{
	uint64_t modelled, shown;
	torn_modelled_counted(&disk->modelled, &modelled, &shown);
	states->modelled += modelled;
	states->shown += shown;
	states->unchecked += disk->unchecked;
}

/* ----------------------------------------------------------------- judging */

/* What is broken is noted; what torn failed on is in cutting->error. */
static void judge(struct on_disk *disk, const struct torn_device_state *state, bool acknowledged)
{
	struct cutting *cutting = disk->cutting;
	struct torn_cuts *cuts = cutting->cuts;
	const struct torn_cut some = {.preset = torn_preset_name(disk->preset), .disk = disk->name};
	const struct torn_hash key = torn_cutting_key(cutting, state->tree->hash, acknowledged);
	struct torn_aftermath aftermath;
	struct torn_trial trial;
	size_t count;
	const struct torn_invariant *const *invariants = torn_invariants(&count);
	if (torn_hashes_find(&cuts->held, key, NULL) ||
	    torn_cutting_is_left_by_a_kill(cutting, state->tree, acknowledged))
		return;
	const size_t mark = torn_arena_mark(cuts->setup->arena);
	const struct torn_node *tree = torn_tree_copy(cuts->setup->arena, state->tree);
	int r = tree ? torn_cutting_trial_after(cutting, tree, acknowledged, &some, &aftermath, &trial) : -ENOMEM;
	if (r == 0)
		r = torn_look_at(cuts->lab, cuts->setup, &trial);
	if (r < 0) {
		cutting->unjudged = true;
		cutting->error = r == -ENOTSUP ? cutting->error : r;
	}
	bool is_broken = false;
	for (size_t i = 0; r == 0 && i < count; i++) {
		struct torn_judgement judgement;
		torn_invariant_judge(invariants[i], &trial, &judgement);
		if (judgement.verdict != TORN_VIOLATED)
			continue;
		is_broken = true;
		note_broken(disk, state, acknowledged, invariants[i], &judgement);
	}
	torn_arena_return(cuts->setup->arena, mark);
	if (r == 0 && !is_broken)
		torn_hashes_add(&cuts->held, key);
}

static bool see(void *context, const struct torn_device_state *state)
{
	struct on_disk *disk = context;
	struct cutting *cutting = disk->cutting;
	struct torn_cuts *cuts = cutting->cuts;
	cuts->lab->shared->trials++; /* a mount takes its time: whoever watches sees that it moves */
	const int over = torn_lab_check_time(cuts->lab);
	cutting->error = over < 0 ? over : cutting->error;
	if (!state->tree) {
		note_unmountable(disk, state);
		return cutting->error == 0;
	}
	torn_cutting_count_tree(cutting, state->tree->hash);
	cross_check(disk, state);
	judge(disk, state, false);
	if (cutting->acknowledged.ever &&
	    state->end >= torn_moment_of_acknowledgement(&cutting->history, &cutting->acknowledged))
		judge(disk, state, true);
	return cutting->error == 0;
}

/* What this recording may have of the states that are left: those before it may have had fewer than they might. */
static uint32_t share_of(struct on_disk *disk)
{
	if (disk->cutting->cuts->disk_states_max == 0)
		return 0;
	assert(disk->recordings_left > 0 && disk->states_left >= disk->recordings_left);
	return (disk->states_left + disk->recordings_left - 1) / disk->recordings_left;
}

static int look_at(struct on_disk *disk, uint32_t commit, bool *ret_can)
{
	struct cutting *cutting = disk->cutting;
	struct torn_cuts *cuts = cutting->cuts;
	const struct torn_history *history = &cutting->history;
	const struct torn_device_run run = {.base = history->base, .log = history->log, .commit = commit};
	const uint32_t share = share_of(disk);
	const struct torn_device_how how = {.pairs_max = TORN_DEVICE_PAIRS_MAX,
					    .cuts_max = share,
					    .seed = disk->seed + commit,
					    .from = cutting->from};
	struct torn_device_count count = {.all = true};
	char message[256];
	disk->commit = commit == TORN_DEVICE_NO_COMMIT ? 0 : history->log->ops[commit].number;
	const int r = torn_device_ask_states(cuts->lab->disks, &run, &how, see, disk, &count, message, sizeof message);
	torn_states_add(&cuts->states, &(struct torn_states){
					       .legal = count.there, .seen = count.cuts, .is_bound = true, .left_out = true});
	disk->states_left -= share > 0 ? (uint32_t)count.cuts : 0;
	disk->recordings_left -= share > 0;
	cuts->lab->shared->trials++; /* a recording without a state takes its time, too */
	if (r == -ENOTSUP) {
		note_left_out(disk, message);
		*ret_can = false;
		return 0;
	}
	return r < 0 ? torn_lab_fail(cuts->lab, -EPROTO, "%s", message) : cutting->error;
}

static void tell(const struct on_disk *disk)
{
	const struct cutting *cutting = disk->cutting;
	for (size_t i = 0; i < disk->broken_count; i++) {
		struct torn_plan plan = *cutting->run->plan;
		plan.cut = disk->broken[i].cut;
		cutting->cuts->tell(cutting->cuts->context, &plan, disk->broken[i].invariant,
				    &disk->broken[i].judgement);
	}
}

/* Without a commit, and with one behind each op where it matters, or a few of these. */
static int look_at_all(struct on_disk *disk)
{
	const struct cutting *cutting = disk->cutting;
	const struct torn_log *log = cutting->history.log;
	const struct torn_cuts *cuts = cutting->cuts;
	struct torn_lot lot = {.dice = {disk->seed}};
	for (uint32_t i = cutting->from / 2; i < log->count; i++)
		lot.there += torn_device_commit_matters(log, i);
	lot.wanted = lot.there;
	if (cuts->disk_states_max > 0 && lot.wanted > cuts->recordings_max - 1)
		lot.wanted = cuts->recordings_max - 1;
	disk->states_left = cuts->disk_states_max;
	disk->recordings_left = 1 + (uint32_t)lot.wanted;
	bool can = true;
	int r = look_at(disk, TORN_DEVICE_NO_COMMIT, &can);
	for (uint32_t i = cutting->from / 2; r == 0 && can && i < log->count; i++)
		if (torn_device_commit_matters(log, i) && torn_lot_draws(&lot))
			r = look_at(disk, i, &can);
	return r;
}

/* Of the same run under other faults there are other cuts: those behind the last one. */
static struct torn_hash key_of(const struct cutting *cutting)
{
	struct torn_hash key = torn_cuts_run_key(cutting->cuts->setup, cutting->run);
	key.high += (uint64_t)cutting->from * UINT64_C(0x9e3779b97f4a7c15);
	return key;
}

/* Told apart only to save time: what is forgotten is looked at again. */
#define CLEAN_RUNS_MAX 65536u

static void note_clean(struct torn_cuts *cuts, struct torn_hash key)
{
	if (cuts->clean_runs.count >= CLEAN_RUNS_MAX)
		torn_hashes_clear(&cuts->clean_runs);
	torn_hashes_add(&cuts->clean_runs, key);
}

int torn_cuts_judge_disk(struct cutting *cutting)
{
	struct torn_cuts *cuts = cutting->cuts;
	struct torn_device_server *disks = cuts->lab->disks;
	const bool is_search = cuts->disk_states_max > 0;
	const struct torn_hash key = is_search ? key_of(cutting) : (struct torn_hash){0};
	if (is_search && torn_hashes_find(&cuts->clean_runs, key, NULL))
		return 0;
	struct on_disk *disk = calloc(1, sizeof *disk);
	if (!disk)
		return -ENOMEM;
	disk->cutting = cutting;
	disk->seed = cuts->seed + key.low;
	disk->preset = torn_device_server_choice(disks)->preset;
	disk->name = torn_device_server_name(disks);
	int r = find_modelled(disk);
	if (r == 0)
		r = look_at_all(disk);
	if (r == 0 || r == -ETIME) { /* what was seen until then is worth telling */
		tell(disk);
		count_shown(disk, &cuts->states);
		if (r == 0 && is_search && disk->broken_count == 0 && !cutting->unjudged)
			note_clean(cuts, key);
	}
	torn_modelled_close(&disk->modelled);
	free(disk);
	cutting->error = r;
	return r;
}

/* ------------------------------------------------------------------ one cut */

/* The index of the op behind which the cut's commit is forced, or TORN_DEVICE_NO_COMMIT. */
static uint32_t commit_of(const struct torn_history *history, const struct torn_cut *cut)
{
	for (uint32_t i = history->first; cut->commit > 0 && i < history->log->count; i++)
		if (history->log->ops[i].number == cut->commit)
			return i;
	return TORN_DEVICE_NO_COMMIT;
}

/* May the power have gone at this moment, so that the disk was given these writes and no flush behind them? */
static bool is_left_at(const struct torn_history *history, const struct torn_device_state *state, uint32_t moment)
{
	return (state->first <= moment && moment <= state->end) ||
	       torn_place_between(history, state->first, state->end + 1).moment == moment;
}

/* Where it is among more states than torn looks at nobody knows. Returns 0 or -ENOMEM. */
static int note_lacking(struct torn_lab *lab, const struct torn_history *history, const struct torn_device_state *state,
			struct torn_trial *trial)
{
	const struct torn_crash_how how = {.sets_max = TORN_CRASH_SETS_MAX, .seed = 1};
	struct torn_modelled modelled = {0};
	const int r = torn_modelled_find(&modelled, &lab->recorder->arena, torn_device_server_choice(lab->disks)->preset,
					 history->base, history->log, &how, NULL, NULL);
	if (r == 0 && !torn_modelled_allows(&modelled, state) && modelled.is_all)
		trial->remark = MODEL_LACKS ": the disk left " LACKS;
	torn_modelled_close(&modelled);
	return r;
}

static void take_losses(const struct torn_cut *cut, struct torn_device_cut *ret_cut)
{
	*ret_cut = (struct torn_device_cut){.given = cut->write, .losses_count = cut->dropped_count};
	for (uint32_t i = 0; i < cut->dropped_count; i++)
		ret_cut->losses[i] = (struct torn_device_loss){cut->dropped[i].write - 1, cut->dropped[i].sectors};
}

int torn_trial_cut_disk(struct torn_lab *lab, const struct torn_setup *setup, struct torn_trial *trial,
			const struct torn_cut *cut)
{
	struct torn_arena *arena = &lab->recorder->arena;
	const struct torn_acknowledged acknowledged =
		torn_acknowledged_of(trial->target, trial->log, trial->end, trial->code);
	const bool is_last = cut->op == trial->log->numbered && !cut->during;
	struct torn_device_state state;
	struct torn_history history;
	struct torn_device_cut losses;
	char message[256];
	if (!lab->disks)
		return torn_lab_fail(lab, -EPROTO, "there is no disk to cut the power of");
	if (cut->op > 0 && !torn_log_op(trial->log, cut->op))
		return torn_lab_fail(lab, -EINVAL, "the run has no op %u at which the power could go", cut->op);
	if (torn_history_of(arena, setup, trial->log, &history) < 0)
		return torn_lab_fail(lab, -EPROTO, "no room for the run");
	const struct torn_device_run run = {history.base, history.log, commit_of(&history, cut)};
	if (cut->commit > 0 && run.commit == TORN_DEVICE_NO_COMMIT)
		return torn_lab_fail(lab, -EINVAL, "the run has no op %u behind which a commit could come", cut->commit);
	take_losses(cut, &losses);
	const int r = torn_device_ask(lab->disks, &run, &losses, arena, &state, message, sizeof message);
	if (r == -EINVAL)
		return torn_lab_fail(lab, -EINVAL, "the disk is not given these writes, or keeps one that the cut loses");
	if (r < 0)
		return torn_lab_fail(lab, r == -ENOTSUP ? -EINVAL : -EPROTO, "%s", message);
	if (!state.tree)
		return torn_lab_fail(lab, -EINVAL, "the file system is lost: %s", state.why);
	const uint32_t moment = torn_moment_of(&history, cut, is_last);
	if (!is_left_at(&history, &state, moment))
		return torn_lab_fail(lab, -EINVAL, "with %u writes given the power goes at another op than %u: earlier, or later",
				     cut->write, cut->op);
	if (note_lacking(lab, &history, &state, trial) < 0)
		return torn_lab_fail(lab, -EPROTO, "no room for what the model allows");
	trial->now = state.tree;
	trial->cut = cut;
	trial->killed = true;
	trial->acknowledged = acknowledged.ever && moment >= torn_moment_of_acknowledgement(&history, &acknowledged);
	trial->code = trial->acknowledged ? acknowledged.code : trial->code;
	trial->kill_op = cut->op;
	return 0;
}
