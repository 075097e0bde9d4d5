/*
 * sweep_full.c: the sweep over sizes: an operation on a small real disk that has ever more room, until all of its
 * clean run fits (small_disk.h). What goes wrong there is the kernel's doing.
 *
 * Where the disk is full is found by a run that asks for no op; the run that is judged names the one that the
 * kernel refused first, so that a case is held to it.
 *
 * What it finds has to be among what the gate's full disks find: each injected `full` and ENOSPC is run beside it,
 * and what they show is noted, not told.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "judgement.h"
#include "log_hash.h"
#include "placing.h"
#include "sweeping.h"

/* ------------------------------------------------------------- cross-check */

static struct torn_hash key_of(const char *id, const char *role)
{
	return (struct torn_hash){XXH3_64bits(id, strlen(id)), XXH3_64bits(role, strlen(role))};
}

bool torn_sweeping_is_noted(const struct torn_sweeping *sweeping, const char *id, const char *role)
{
	return torn_hashes_find(&sweeping->noted, key_of(id, role), NULL);
}

void torn_sweeping_note(struct torn_sweeping *sweeping, const char *id, const char *role)
{
	torn_hashes_add(&sweeping->noted, key_of(id, role));
}

static bool is_lack_of_space(const struct torn_fault *fault)
{
	if (fault->name == TORN_FAULT_FULL)
		return true;
	return (fault->name == TORN_FAULT_ERRNO || fault->name == TORN_FAULT_STICKY) &&
	       torn_errno_class((int)fault->value) == TORN_ERRNO_SPACE;
}

/* Its plan is at level 1 from then on. */
static int run_and_judge(struct torn_sweeping *sweeping, const struct torn_plan *plan, uint32_t number)
{
	struct level *level = &sweeping->levels[1];
	struct torn_trial trial;
	sweeping->depth = 1;
	level->plan = *plan;
	level->mine = true;
	level->order = (struct torn_order){.world = sweeping->world, .plans = {number}};
	int r = torn_sweeping_run(sweeping, &trial);
	if (r == 0)
		r = torn_sweeping_judge(sweeping, &trial);
	if (r == -ENOTSUP && sweeping->hearing == HEARING_TELLS)
		torn_sweeping_note_unjudged(sweeping->sweep, sweeping->setup, &level->plan, level->order,
					    sweeping->lab->failure);
	return r == -ENOTSUP ? 0 : r;
}

/* By tables of their own: a tree that was judged here is to be told of the disk, too. */
static int note_injected(struct torn_sweeping *sweeping, const struct torn_placing *placing)
{
	struct tables *own = torn_sweeping_tables(sweeping->sweep, sweeping->lab, sweeping->setup);
	if (!own)
		return -ENOMEM;
	own->kills.rerun_of_new = own->cuts.rerun_of_new = sweeping->kills->rerun_of_new;
	torn_sweeping_use(sweeping, own);
	sweeping->hearing = HEARING_NOTES;
	int r = 0;
	for (size_t i = 0; r == 0 && i < placing->count; i++)
		if (is_lack_of_space(&placing->items[i].plan.faults[0]))
			r = run_and_judge(sweeping, &placing->items[i].plan, 0);
	sweeping->hearing = HEARING_TELLS;
	torn_sweeping_use(sweeping, sweeping->tables);
	torn_sweeping_tables_close(own);
	return r;
}

/* ------------------------------------------------------------------- sizes */

/* Which op does the disk refuse first that has so much left? Returns 1, 0 where all fits, or as torn_trial_run(). */
static int probe(struct torn_sweeping *sweeping, int64_t value, uint64_t clean, struct torn_plan *ret_plan)
{
	/* At whichever op, of whichever call. */
	*ret_plan = (struct torn_plan){.seed = 1,
				       .faults_count = 1,
				       .faults = {{.when = {.first = 1, .last = UINT32_MAX, .step = 1},
						   .name = TORN_FAULT_FULL,
						   .value = value}}};
	struct torn_trial trial;
	int r = torn_trial_run(sweeping->lab, sweeping->setup, ret_plan, TORN_TRIAL_PLAIN, &trial);
	if (r < 0)
		return r;
	if (r == TORN_INVALID && torn_log_hash(trial.log) == clean)
		return 0;
	if (r == TORN_INVALID && trial.end == TORN_CRASHED && trial.code == SIGBUS)
		return torn_lab_fail(sweeping->lab, -ENOTSUP, "a store into a mapping found no room (SIGBUS): that is no call");
	if (r == TORN_INVALID)
		return torn_lab_fail(sweeping->lab, -ENOTSUP, "no call was refused on a full disk, and the run is another one");
	for (uint32_t i = 0; i < trial.log->count; i++) {
		const struct torn_op *op = &trial.log->ops[i];
		if (op->fault == 0)
			continue;
		ret_plan->faults[0].when = (struct torn_when){op->number, op->number, 0};
		ret_plan->faults[0].call = (enum torn_call)op->call;
		return 1;
	}
	return -EPROTO;
}

/* All sizes of a unit; `number` counts plans. */
static int sweep_unit(struct torn_sweeping *sweeping, enum torn_full_unit unit, uint64_t clean, uint32_t *number)
{
	struct torn_sweep *sweep = sweeping->sweep;
	for (uint32_t left = 0; left <= TORN_FULL_LEFT_MAX && !sweep->failed; left++) {
		struct torn_plan plan;
		const bool mine = (*number)++ % sweep->how.parts == sweep->how.part;
		int r = probe(sweeping, TORN_FULL_VALUE(sweep->how.full, unit, left), clean, &plan);
		if (r == 0)
			break;
		sweep->plans += mine;
		if (r == -ENOTSUP && mine)
			torn_sweeping_note_unjudged(sweep, sweeping->setup, &plan,
						    (struct torn_order){.world = sweeping->world, .plans = {*number}},
						    sweeping->lab->failure);
		else if (r > 0 && mine)
			r = run_and_judge(sweeping, &plan, *number);
		if (r < 0 && r != -ENOTSUP)
			return r;
	}
	return 0;
}

int torn_sweeping_full(struct torn_sweeping *sweeping, const struct torn_trial *clean)
{
	const uint64_t hash = torn_log_hash(clean->log);
	struct torn_placing placing = {0};
	uint32_t number = 0;
	int r = torn_place(&sweeping->levels[0].plan, clean->log, 0, TORN_LIST_FULL, sweeping->sweep->how.presets != 0,
			   &placing);
	/* A kill or a cut that breaks the clean run is no full disk's doing. */
	sweeping->hearing = HEARING_IGNORES;
	if (r == 0)
		r = torn_sweeping_judge(sweeping, clean);
	sweeping->hearing = HEARING_TELLS;
	if (r == 0 || r == -ENOTSUP)
		r = note_injected(sweeping, &placing);
	for (unsigned unit = 0; r == 0 && unit < TORN_FULL_UNIT_COUNT; unit++)
		r = sweep_unit(sweeping, (enum torn_full_unit)unit, hash, &number);
	torn_placing_close(&placing);
	return r;
}
