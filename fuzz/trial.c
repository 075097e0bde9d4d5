/*
 * trial.c: see trial.h. A trial never trusts its log alone: the tree that the
 * log folds to must be the tree on disk, after every one.
 */
#include "trial.h"

#include <errno.h>
#include <seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "disposable.h"
#include "history.h"
#include "traced.h"

int torn_lab_fail(struct torn_lab *lab, int error, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(lab->failure, sizeof lab->failure, format, arguments);
	va_end(arguments);
	return error;
}

/* ------------------------------------------------------------- old on disk */

int torn_lab_check_time(struct torn_lab *lab)
{
	struct timespec now;
	if (lab->shared->stopping)
		return torn_lab_fail(lab, -ETIME, "interrupted");
	if (lab->time_s == 0)
		return 0;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if ((int64_t)now.tv_sec * 1000000000 + now.tv_nsec - lab->begun_ns < (int64_t)lab->time_s * 1000000000)
		return 0;
	return torn_lab_fail(lab, -ETIME, "stopped after %u s, as --time says", lab->time_s);
}

/* They may not be the same ones any more. */
static void forget_directories(struct torn_lab *lab)
{
	if (lab->directories)
		torn_directories_forget(lab->directories);
	torn_disk_forget(&lab->disk);
}

/* Is what is on disk known, and nobody has descriptors of its directories? */
static bool can_turn(const struct torn_lab *lab)
{
	return lab->on_disk && !lab->directories;
}

static int make_old(struct torn_lab *lab, const struct torn_setup *setup)
{
	forget_directories(lab);
	torn_disk_expect(&lab->disk, setup->base.count + 1);
	const int r = torn_disk_clear_root(&lab->disk);
	return r < 0 ? r : torn_disk_make(&lab->disk, setup->begin_tree);
}

int torn_lab_begin(struct torn_lab *lab, const struct torn_setup *setup)
{
	/* A program's directory may have thousands of files of which a kill changes one. */
	const int r = can_turn(lab) ? torn_disk_turn(&lab->disk, lab->on_disk->begin_tree,
						     setup->begin_tree, setup->base.count + 1)
				    : make_old(lab, setup);
	lab->on_disk = r < 0 ? NULL : setup;
	if (r < 0)
		return torn_lab_fail(lab, -EPROTO, "the old state cannot be made: %s", torn_disk_error(r));
	return 0;
}

void torn_lab_leave(struct torn_lab *lab, const struct torn_setup *other, int result)
{
	if (result != TORN_HELD || !can_turn(lab) || torn_lab_begin(lab, other) < 0)
		lab->on_disk = NULL;
}

/* Directories that came, went or moved: descriptors that are kept on them are stale. */
static bool moves_directories(const struct torn_recorder *recorder)
{
	for (uint32_t i = 0; i < recorder->log.count; i++) {
		const struct torn_op *op = &recorder->log.ops[i];
		if (op->result != 0 || !(op->flags & TORN_OP_PERFORMED))
			continue;
		if (op->kind == TORN_KIND_mkdir || op->kind == TORN_KIND_rmdir)
			return true;
		const struct torn_node *node = torn_view_node(&recorder->view, op->object);
		if (op->kind == TORN_KIND_rename && node && node->type == TORN_DIRECTORY)
			return true;
		node = torn_view_node(&recorder->view, op->object_to);
		if (op->kind == TORN_KIND_rename && node && node->type == TORN_DIRECTORY)
			return true;
	}
	return false;
}

/* Hold the disk against the log, then put old back. */
static int settle_disk(struct torn_lab *lab, const struct torn_setup *setup)
{
	int r = torn_fold_settle(&lab->recorder->view.fold);
	if (r < 0)
		return torn_lab_fail(lab, -EPROTO, "no room for the tree of the run");
	const struct torn_node *now = torn_fold_tree(&lab->recorder->view.fold);
	char difference[192];
	bool anew;
	r = torn_disk_settle(&lab->disk, now, setup->begin_tree, difference, sizeof difference, &anew);
	if (r == -EUCLEAN)
		return torn_lab_fail(lab, -EPROTO, "the log does not tell what is on disk: %s", difference);
	if (r < 0)
		return torn_lab_fail(lab, -EPROTO, "the old state cannot be put back: %s", torn_disk_error(r));
	/* Without descriptors nothing is stale: what was seen of an inode has its number beside it. */
	if (lab->directories && (anew || moves_directories(lab->recorder)))
		forget_directories(lab);
	return 0;
}

/* -------------------------------------------------------------- the child */

/* What the recorder does not say, the child's end does. */
static void end_of_child(struct torn_recorder *recorder, int status, bool timed_out)
{
	if (!recorder->running)
		return;
	recorder->running = false;
	const int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	recorder->end = timed_out || number == SIGXCPU ? TORN_HUNG : TORN_CRASHED;
	recorder->code = recorder->end == TORN_CRASHED ? number : TORN_HANG_TIME;
}

static int run_isolated(struct torn_lab *lab, const struct torn_gate_run *what,
			const struct torn_target *target)
{
	/* So that it is said of this run, should the child die at once. */
	int r = torn_recorder_begin(lab->recorder, what->base, what->plan);
	if (r < 0)
		return torn_lab_fail(lab, -EPROTO, "no room to begin a run");
	lab->recorder->running = true;
	struct torn_child_end end;
	r = torn_disposable_run(lab, what, target, &end);
	if (r < 0)
		return torn_lab_fail(lab, -EPROTO, "no process to run it in: %s", strerror(-r));
	if (lab->recorder->running)
		torn_gate_collect_stores(lab->gate);
	end_of_child(lab->recorder, end.status, end.timed_out);
	return 0;
}

static int run_here(struct torn_lab *lab, const struct torn_gate_run *what)
{
	if (torn_gate_run(lab->gate, what) < 0)
		return torn_lab_fail(lab, -EPROTO, "no room to begin a run");
	lab->shared->leaks_count = torn_gate_settle(lab->gate, lab->shared->leaks);
	return 0;
}

/* --------------------------------------------------------------- the trial */

/* What a target keeps for its process's life is put back to what the first run found. */
static int target_state_reset(struct torn_lab *lab, const struct torn_target *target)
{
	if (!target->state)
		return 0;
	if (target->state_size > TORN_DISPOSABLE_STATE_MAX)
		return torn_lab_fail(lab, -EPROTO, "the target keeps %zu bytes of state; torn resets %d", target->state_size,
			    TORN_DISPOSABLE_STATE_MAX);
	if (lab->known == target) {
		memcpy(target->state, lab->state_before, target->state_size);
		return 0;
	}
	free(lab->state_before);
	lab->state_before = malloc(target->state_size);
	if (!lab->state_before)
		return torn_lab_fail(lab, -EPROTO, "no memory for the target's state");
	memcpy(lab->state_before, target->state, target->state_size);
	lab->known = target;
	return 0;
}

/* The op at which the plan ends the process, and how much of it is done. */
static bool planned_end(const struct torn_recorder *recorder, uint32_t *ret_op, uint64_t *ret_bytes)
{
	const struct torn_armed *armed = &recorder->armed;
	for (uint32_t i = 0; i < armed->plan->faults_count; i++) {
		const struct torn_fault *fault = &armed->plan->faults[i];
		if (armed->acted[i] == 0)
			continue;
		const uint32_t number = armed->last_op[i];
		if (fault->name == TORN_FAULT_KILL) {
			*ret_op = fault->value == TORN_KILL_BEFORE ? number - 1 : number;
			*ret_bytes = fault->value > 0 ? (uint64_t)fault->value : 0;
			return true;
		}
		const struct torn_op *op = torn_log_op(&recorder->log, number);
		if (fault->name == TORN_FAULT_SIGNAL && op && (op->flags & TORN_OP_FATAL)) {
			*ret_op = number;
			*ret_bytes = 0;
			return true;
		}
	}
	return false;
}

int torn_trial_kill(struct torn_lab *lab, const struct torn_setup *setup,
		    struct torn_trial *trial, uint32_t op, uint64_t bytes)
{
	struct torn_fold fold;
	int r = torn_fold_begin(&fold, &lab->recorder->arena, &setup->base);
	for (uint32_t i = 0; r == 0 && i < trial->log->count; i++) {
		const struct torn_op *step = &trial->log->ops[i];
		if (step->number > op)
			break;
		if (step->number == op && op > 0 && bytes > 0) {
			if (!torn_op_is_divisible(step) || bytes >= (uint64_t)step->result)
				return torn_lab_fail(lab, -EPROTO, "op %u has no %lu bytes to be cut off at", op, bytes);
			r = torn_fold_step_part(&fold, step, bytes);
		} else {
			r = torn_fold_step(&fold, step);
		}
	}
	if (r < 0)
		return torn_lab_fail(lab, -EPROTO, "the log does not fold: %s", strerror(-r));
	trial->now = torn_fold_tree(&fold);
	trial->killed = true;
	trial->kill_op = op;
	trial->kill_bytes = bytes;
	trial->end = TORN_ENDED_BY_PLAN;
	return 0;
}

bool torn_trial_cut_short(const struct torn_lab *lab, const struct torn_trial *trial,
			  struct torn_plan *ret_fired)
{
	const struct torn_armed *armed = &lab->recorder->armed;
	struct torn_plan fired = *armed->plan;
	uint32_t op;
	uint64_t bytes;
	if (trial->end != TORN_HUNG && trial->end != TORN_CRASHED && trial->end != TORN_EXITED)
		return false;
	/* Dead of what was planned, it did none of what the log says after that. */
	if (planned_end(lab->recorder, &op, &bytes))
		return false;
	fired.faults_count = 0;
	for (uint32_t i = 0; i < armed->plan->faults_count; i++)
		if (armed->acted[i] > 0)
			fired.faults[fired.faults_count++] = armed->plan->faults[i];
	*ret_fired = fired;
	return fired.faults_count > 0;
}

static int trouble(struct torn_lab *lab)
{
	const struct torn_recorder *recorder = lab->recorder;
	if (recorder->trouble == TORN_TROUBLE_BROKEN)
		return torn_lab_fail(lab, -EPROTO, "%s", recorder->trouble_text);
	/* libseccomp knows all names; it allocates, which the gate must not. */
	char *name = recorder->trouble_number < 0
			     ? NULL
			     : seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64,
								(int)recorder->trouble_number);
	torn_lab_fail(lab, -EPROTO, "%s: %s%s%s%s", recorder->trouble == TORN_TROUBLE_PROCESS ? "INVALID" : "INCOMPLETE",
	     recorder->trouble_text, name ? " (" : "", name ? name : "", name ? ")" : "");
	free(name);
	return -ENOTSUP;
}

/* The old state is there: leave on its disk what the plan says. */
static int fill_disk(struct torn_lab *lab, const struct torn_plan *plan)
{
	const struct torn_fault *fault = torn_plan_small_disk(plan);
	if (!fault)
		return 0;
	char text[96];
	torn_fault_print(fault, text, sizeof text);
	if (!lab->small_disk || lab->small_disk->type != torn_full_disk(fault->value))
		return torn_lab_fail(lab, -ENOTSUP, "the fault \"%s\" is for a worker that has such a disk", text);
	const int r = torn_small_disk_fill(lab->small_disk, torn_full_unit(fault->value), torn_full_left(fault->value));
	if (r == -ENOSPC)
		return torn_lab_fail(lab, -ENOTSUP, "the old state leaves less on a small %s than the fault \"%s\" says",
				     torn_full_disk_name(lab->small_disk->type), text);
	return r < 0 ? torn_lab_fail(lab, r == -EAGAIN ? -ENOTSUP : -EPROTO,
				     "a small disk cannot be filled for the fault \"%s\": %s", text, strerror(-r))
		     : 0;
}

/* Make room, also where the run failed, and note what the kernel refused. */
static int clear_disk(struct torn_lab *lab, const struct torn_plan *plan)
{
	if (!torn_plan_small_disk(plan))
		return 0;
	torn_armed_note_full(&lab->recorder->armed, &lab->recorder->log);
	const int r = torn_small_disk_clear(lab->small_disk);
	return r < 0 ? torn_lab_fail(lab, -EPROTO, "a small disk cannot be cleared: %s", strerror(-r)) : 0;
}

int torn_trial_run(struct torn_lab *lab, const struct torn_setup *setup,
		   const struct torn_plan *plan, enum torn_trial_how how,
		   struct torn_trial *ret_trial)
{
	struct torn_recorder *recorder = lab->recorder;
	int r = lab->on_disk == setup ? 0 : torn_lab_begin(lab, setup);
	if (r == 0)
		r = target_state_reset(lab, setup->target);
	if (r == 0)
		r = fill_disk(lab, plan);
	if (r < 0)
		return r;
	const struct torn_gate_run what = {
		.base = &setup->base,
		.plan = plan,
		.operation = plan->recovers ? setup->variant->recovery : setup->variant->operation,
		.run = &setup->run,
		.kill_for_real = how == TORN_TRIAL_KILL_FOR_REAL,
	};
	lab->shared->trials++;
	if (!lab->tracer && torn_setup_is_traced(setup))
		return torn_lab_fail(lab, -EPROTO, "%s starts programs, and this worker traces none", setup->target->name);
	if (torn_setup_is_traced(setup))
		r = torn_traced_run(lab, setup, plan, what.kill_for_real);
	else
		r = lab->isolated || what.kill_for_real ? run_isolated(lab, &what, setup->target)
						   : run_here(lab, &what);
	const int cleared = clear_disk(lab, plan);
	if (r == 0)
		r = cleared;
	if (r < 0)
		return r;
	r = settle_disk(lab, setup);
	if (recorder->trouble != TORN_TROUBLE_NONE) {
		lab->on_disk = NULL;
		return trouble(lab);
	}
	if (r < 0)
		return r;

	*ret_trial = (struct torn_trial){
		.target = setup->target,
		.variant = setup->variant,
		.world = setup->world,
		.promised = &setup->promised,
		.plan = plan,
		.log = &recorder->log,
		.log_before = setup->past ? &setup->past->log : NULL,
		.old_tree = setup->old_tree,
		.old_booted = setup->old_booted,
		.new_tree = setup->new_tree,
		.rolls_back = setup->rolls_back,
		.twin = plan->faults_count == 0 && !plan->before ? setup->twin : NULL,
		.now = torn_fold_tree(&recorder->view.fold),
		.end = recorder->end,
		.code = recorder->code,
		.leaks_count = lab->shared->leaks_count,
	};
	memcpy(ret_trial->leaks, lab->shared->leaks, sizeof ret_trial->leaks);
	if (!torn_armed_all_fired(&recorder->armed))
		return TORN_INVALID;
	uint32_t op;
	uint64_t bytes;
	if (planned_end(recorder, &op, &bytes)) {
		/* Killed for real, the log ends there and the disk was held against it. */
		r = torn_trial_kill(lab, setup, ret_trial, op, what.kill_for_real ? 0 : bytes);
		ret_trial->kill_bytes = bytes;
		if (r < 0)
			return r;
	}
	return TORN_HELD;
}
