/*
 * replay.c: one case, run again. A kill is replayed twice: folded, as a sweep
 * found it, and by a real SIGKILL, which must leave the same tree.
 */
#include <errno.h>
#include <string.h>

#include "../injectors/tree.h"
#include "case.h"
#include "clean_run.h"
#include "commands.h"
#include "cuts.h"
#include "history.h"
#include "memory.h"
#include "judgement.h"
#include "looking.h"
#include "registry.h"
#include "rerun.h"
#include "setup.h"
#include "worker.h"

struct replay_job {
	struct torn_setup *setup;
	const struct torn_case *c;
	struct torn_replayed *replayed;
	bool wants_stack;  /* of a program: who makes the call where it goes wrong */
	uint32_t stack_op; /* of the last run; 0: not known yet */
};

static void fail(struct torn_replayed *replayed, const char *why)
{
	replayed->failed = true;
	snprintf(replayed->text, sizeof replayed->text, "%.600s", why);
}

static const struct torn_fault *planned_kill(const struct torn_plan *plan)
{
	for (uint32_t i = 0; i < plan->faults_count; i++)
		if (plan->faults[i].name == TORN_FAULT_KILL)
			return &plan->faults[i];
	return NULL;
}

/* Returns false, with the failure told, where a real SIGKILL leaves another tree. */
static bool confirm_kill(struct replay_job *job, struct torn_lab *lab, const struct torn_setup *setup,
			 const struct torn_plan *plan, struct torn_hash folded)
{
	struct torn_trial real;
	int r = torn_trial_run(lab, setup, plan, TORN_TRIAL_KILL_FOR_REAL, &real);
	if (r < 0) {
		fail(job->replayed, lab->failure);
		return false;
	}
	if (r == TORN_HELD && real.now->hash.low == folded.low && real.now->hash.high == folded.high)
		return true;
	fail(job->replayed, "a real SIGKILL leaves another tree than the log says");
	return false;
}

static void explain_invalid(struct replay_job *job, const struct torn_lab *lab, const struct torn_plan *plan)
{
	const struct torn_armed *armed = &lab->recorder->armed;
	for (uint32_t i = 0; i < plan->faults_count; i++) {
		if (armed->acted[i] > 0)
			continue;
		char text[96];
		torn_fault_print(&plan->faults[i], text, sizeof text);
		const struct torn_op *op = torn_log_op(&lab->recorder->log, plan->faults[i].when.first);
		const bool is_call = op && op->call == plan->faults[i].call;
		snprintf(job->replayed->text, sizeof job->replayed->text,
			 is_call ? "the fault \"%s\" did not fire: it cannot act on op %u, a %s of %lu bytes"
				 : "the fault \"%s\" did not fire: op %u is %s",
			 text, plan->faults[i].when.first,
			 op ? torn_call_name(op->call) : "beyond the end of the run",
			 op ? op->length : 0);
		return;
	}
}

static void add_remark(struct torn_replayed *replayed, const struct torn_trial *trial)
{
	const size_t length = strlen(replayed->text);
	if (trial->remark)
		snprintf(replayed->text + length, sizeof replayed->text - length, "; %s", trial->remark);
}

static void ask_invariants(struct replay_job *job, const struct torn_trial *trial)
{
	struct torn_replayed *replayed = job->replayed;
	size_t count;
	const struct torn_invariant *const *invariants = torn_invariants(&count);
	const bool names_one = job->c->expect != TORN_EXPECT_NOTHING;
	replayed->verdict = TORN_HELD;
	snprintf(replayed->text, sizeof replayed->text, "every invariant held");
	for (size_t i = 0; i < count; i++) {
		if (names_one && !torn_bytes_equal(torn_bytes_of(invariants[i]->id), job->c->invariant))
			continue;
		struct torn_judgement judgement;
		torn_invariant_judge(invariants[i], trial, &judgement);
		if (!names_one && judgement.verdict != TORN_VIOLATED)
			continue;
		replayed->verdict = judgement.verdict;
		replayed->judgement = judgement;
		replayed->invariant = invariants[i];
		snprintf(replayed->text, sizeof replayed->text, "%s%s%s", invariants[i]->id,
			 judgement.summary[0] ? ": " : "", judgement.summary);
		return;
	}
}

static void judge(struct replay_job *job, struct torn_lab *lab, struct torn_trial *real)
{
	struct torn_replayed *replayed = job->replayed;
	struct torn_trial seen = *real;
	if (torn_look_at_litter(lab, job->setup, &seen) < 0 || torn_look_at(lab, job->setup, &seen) < 0) {
		fail(replayed, lab->failure);
		return;
	}
	real->refusal = seen.refusal;
	ask_invariants(job, &seen);
	add_remark(replayed, &seen);
}

/* Returns false, with what it came to told, where a run or its end is not there to be judged. */
static bool can_be_judged(struct replay_job *job, const struct torn_lab *lab, int r)
{
	if (r == -EINVAL) {
		job->replayed->verdict = TORN_INVALID;
		snprintf(job->replayed->text, sizeof job->replayed->text, "%s", lab->failure);
	} else if (r < 0) {
		fail(job->replayed, lab->failure);
	}
	return r >= 0;
}

/* The call stack of the run at hand, kept: what is run next takes its place. */
static bool keep_stack(struct replay_job *job, const struct torn_lab *lab, struct torn_trial *trial)
{
	const struct torn_stack *stack = lab->tracer ? torn_tracer_stack(lab->tracer) : NULL;
	if (!stack || stack->count == 0)
		return true;
	struct torn_arena *arena = job->setup->arena;
	struct torn_bytes *frames = torn_arena_take(arena, stack->count * sizeof *frames);
	for (size_t i = 0; frames && i < stack->count; i++)
		frames[i] = torn_arena_copy(arena, stack->frames[i].data, stack->frames[i].size);
	trial->stack = frames;
	trial->stack_count = frames ? stack->count : 0;
	trial->stack_own = stack->own;
	trial->stack_op = job->stack_op;
	return frames != NULL;
}

/* Do one run of the plan, to where it ends. */
static bool replay_run(struct replay_job *job, struct torn_lab *lab, const struct torn_setup *setup,
		       const struct torn_plan *plan, struct torn_trial *ret_trial)
{
	struct torn_trial with_stack = {0};
	lab->stack_op = plan == &job->c->plan ? job->stack_op : 0;
	const int r = torn_memory_run(lab, setup, plan, ret_trial);
	lab->stack_op = 0;
	if (!can_be_judged(job, lab, r))
		return false;
	if (!keep_stack(job, lab, &with_stack)) {
		fail(job->replayed, "no room for the call stack");
		return false;
	}
	if (r == TORN_INVALID) {
		job->replayed->verdict = TORN_INVALID;
		explain_invalid(job, lab, plan);
		return false;
	}
	const struct torn_fault *kill = planned_kill(plan);
	if (kill && !(torn_setup_is_traced(setup) && kill->call == TORN_CALL_store)) {
		const struct torn_hash folded = ret_trial->now->hash;
		if (!confirm_kill(job, lab, setup, plan, folded))
			return false;
		/* Its log was cut short: have the whole one again, to tell. */
		if (torn_trial_run(lab, setup, plan, TORN_TRIAL_PLAIN, ret_trial) != TORN_HELD) {
			fail(job->replayed, "two runs of the plan differ");
			return false;
		}
	}
	if (plan->cut.preset && !can_be_judged(job, lab, torn_trial_cut(lab, setup, ret_trial, &plan->cut)))
		return false;
	ret_trial->stack = with_stack.stack;
	ret_trial->stack_count = with_stack.stack_count;
	ret_trial->stack_own = with_stack.stack_own;
	ret_trial->stack_op = with_stack.stack_op;
	return true;
}

/* What stands in the recorder's memory does not outlive the next run. */
static bool keep_trial(struct replay_job *job, struct torn_trial *trial)
{
	struct torn_arena *arena = job->setup->arena;
	struct torn_log *log = torn_arena_take(arena, sizeof *log);
	const struct torn_bytes fates =
		torn_arena_copy(arena, trial->fates, trial->fates_count * sizeof *trial->fates);
	trial->now = torn_tree_copy(arena, trial->now);
	if (log && fates.data && trial->now && torn_log_copy(arena, trial->log, log) == 0) {
		trial->log = log;
		trial->fates = (const struct torn_fated *)(const void *)fates.data;
		return true;
	}
	fail(job->replayed, "no room to run it again");
	return false;
}

/* What comes after a crash, as a sweep runs it to judge. */
static bool go_on_after(struct replay_job *job, struct torn_lab *lab, const struct torn_setup *setup,
			struct torn_trial *trial)
{
	const struct torn_rerun *rerun_of_new;
	struct torn_aftermath *aftermath = torn_arena_take(setup->arena, sizeof *aftermath);
	if (!aftermath || !keep_trial(job, trial)) {
		fail(job->replayed, "no room to run it again");
		return false;
	}
	int r = torn_clean_run_of_new(lab, job->setup, &rerun_of_new);
	if (job->setup->program && r == TORN_HELD && !torn_setup_ends_in_new(job->setup, rerun_of_new))
		rerun_of_new = NULL;
	if (r == TORN_HELD)
		r = torn_aftermath(lab, setup, trial, rerun_of_new, aftermath);
	return can_be_judged(job, lab, r);
}

/* The runs of a case, one after the other; `setup` becomes that of the last. */
static bool replay_runs(struct replay_job *job, struct torn_lab *lab, const struct torn_plan *plan,
			struct torn_setup *setup, struct torn_trial *ret_trial)
{
	struct torn_trial *ended = NULL;
	*setup = *job->setup;
	if (plan->before) {
		/* They outlive this: what is told of the run points into its setup. */
		struct torn_setup *before = torn_arena_take(job->setup->arena, sizeof *before);
		ended = torn_arena_take(job->setup->arena, sizeof *ended);
		if (!before || !ended) {
			fail(job->replayed, "no room to run it");
			return false;
		}
		if (!replay_runs(job, lab, plan->before, before, ended) || !keep_trial(job, ended))
			return false;
		if (torn_setup_after(before, ended, setup) < 0) {
			fail(job->replayed, "no room to run it again");
			return false;
		}
		lab->on_disk = NULL;
	}
	const bool is_done = replay_run(job, lab, setup, plan, ret_trial);
	ret_trial->before = ended;
	return is_done;
}

/* Returns false, with what it came to told, where it cannot be judged. */
static bool run_and_judge(struct replay_job *job, struct torn_lab *lab, struct torn_trial *trial)
{
	const struct torn_plan *plan = &job->c->plan;
	/* It outlives this: the trial points into it. */
	struct torn_setup *setup = torn_arena_take(job->setup->arena, sizeof *setup);
	const bool is_clean = plan->faults_count == 0 && !plan->before && !plan->cut.preset;
	if (!setup) {
		fail(job->replayed, "no room to run it");
		return false;
	}
	*setup = *job->setup;
	/* Once more, faults or none: memory that is lost shows in what grows every time. */
	if ((!is_clean || trial->end == TORN_RETURNED) && !replay_runs(job, lab, plan, setup, trial))
		return false;
	if (trial->killed && !go_on_after(job, lab, setup, trial))
		return false;
	/* In a clean run what it made is not held against itself: see sweep.c. */
	trial->new_tree = job->setup->new_tree;
	judge(job, lab, trial);
	job->replayed->trial = *trial;
	return !job->replayed->failed;
}

/* What the invariant blames; else what the power cut lost first, or the last fault hit. */
static uint32_t op_to_blame(const struct torn_replayed *replayed, const struct torn_plan *plan)
{
	const struct torn_cut *cut = &plan->cut;
	if (replayed->judgement.op)
		return replayed->judgement.op;
	for (uint32_t i = 0; cut->preset && i < cut->lost_count; i++)
		if (cut->lost[i].run == 0)
			return cut->lost[i].op;
	if (cut->preset)
		return cut->op;
	return plan->faults_count ? plan->faults[plan->faults_count - 1].when.first : 0;
}

static void replay_in_worker(void *context, struct torn_lab *lab)
{
	struct replay_job *job = context;
	struct torn_trial trial;
	if (!can_be_judged(job, lab, torn_clean_run(lab, job->setup, &trial)))
		return;
	if (!run_and_judge(job, lab, &trial) || !job->wants_stack)
		return;
	/* Now that it is known where it goes wrong: once more, to see who calls there. */
	job->stack_op = op_to_blame(job->replayed, &job->c->plan);
	if (job->stack_op > 0)
		run_and_judge(job, lab, &trial);
}

static void replay_again(void *context)
{
	struct torn_replayed *replayed = ((struct replay_job *)context)->replayed;
	*replayed = (struct torn_replayed){.verdict = TORN_SKIPPED};
}

/* The small disk that a plan's runs are made on. */
static enum torn_full_disk small_disk_of(const struct torn_plan *plan)
{
	for (; plan; plan = plan->before) {
		const struct torn_fault *fault = torn_plan_small_disk(plan);
		if (fault)
			return torn_full_disk(fault->value);
	}
	return TORN_FULL_GATE;
}

/* Have the worker keep that disk; NULL: it needs none, and what it has is for the next case. Returns 0, or -errno. */
static int give_disk(struct torn_worker *worker, const char *disk, char *ret_message, size_t size)
{
	if (!disk || (worker->disks && strcmp(torn_device_server_name(worker->disks), disk) == 0))
		return 0;
	torn_device_server_stop(worker->disks);
	worker->disks = NULL;
	return torn_worker_open_disk(worker, disk, ret_message, size);
}

static int replay_setup(struct torn_worker *worker, const struct torn_case *c, struct torn_setup *setup,
			bool isolated, bool wants_stack, struct torn_replayed **ret_replayed)
{
	struct torn_replayed *replayed = torn_arena_take(setup->arena, sizeof *replayed);
	if (!replayed)
		return -ENOMEM;
	struct replay_job job = {
		.setup = setup, .c = c, .replayed = replayed, .wants_stack = wants_stack && setup->program};
	const struct torn_job what = {.job = replay_in_worker,
				      .again = replay_again,
				      .context = &job,
				      .isolated = isolated};
	char message[256];
	worker->program = setup->program;
	worker->starts_programs = setup->target->starts_programs;
	const bool has_disks = give_disk(worker, torn_plan_disk(&c->plan), message, sizeof message) == 0 &&
			       torn_worker_choose_small_disk(worker, small_disk_of(&c->plan), message,
							     sizeof message) == 0;
	int r = has_disks ? torn_worker_do(worker, &what, message, sizeof message) : -EPROTO;
	if (r == -EPROTO) {
		fail(replayed, message);
		replayed->is_skipped = !has_disks;
		r = 0;
	}
	replayed->c = c;
	*ret_replayed = replayed;
	return r;
}

/* `text` NULL: the case is in a file at `path`. */
static int replay(struct torn_worker *worker, const char *path, const char *text,
		  struct torn_arena *arena, struct torn_replayed **ret_replayed)
{
	struct torn_case *c = torn_arena_take(arena, sizeof *c);
	struct torn_setup *setup = torn_arena_take(arena, sizeof *setup);
	if (!c || !setup)
		return -ENOMEM;
	struct torn_case_error error = {0};
	int r = text ? torn_case_parse(path, torn_bytes_of(text), arena, c, &error)
		     : torn_case_load(path, arena, c, &error);
	if (r == 0)
		r = torn_setup_case(arena, c, &error.lines, setup, &error);
	if (r < 0) {
		if (error.line)
			fprintf(stderr, "%s:%u: ", path, error.line);
		else
			fprintf(stderr, "%s: ", path);
		fprintf(stderr, "%s\n",
			error.message[0] ? error.message : strerror(-r));
		return -EINVAL;
	}
	/* What a search found may end its process, or hang: not twice, then. */
	return replay_setup(worker, c, setup, text != NULL, true, ret_replayed);
}

int torn_replay_case(struct torn_worker *worker, const struct torn_case *c, struct torn_arena *arena,
		     struct torn_replayed **ret_replayed)
{
	static const struct torn_case_lines nowhere;
	struct torn_setup *setup = torn_arena_take(arena, sizeof *setup);
	struct torn_case_error error = {0};
	const int r = setup ? torn_setup_case(arena, c, &nowhere, setup, &error) : -ENOMEM;
	return r < 0 ? r : replay_setup(worker, c, setup, false, false, ret_replayed);
}

int torn_replay(struct torn_worker *worker, const char *path, struct torn_arena *arena,
		struct torn_replayed **ret_replayed)
{
	return replay(worker, path, NULL, arena, ret_replayed);
}

int torn_replay_text(struct torn_worker *worker, const char *text, struct torn_arena *arena,
		     struct torn_replayed **ret_replayed)
{
	return replay(worker, "case", text, arena, ret_replayed);
}
