/*
 * replay.c: one case, run again. A kill is replayed twice: folded, as a sweep
 * found it, and by a real SIGKILL, which must leave the same tree.
 */
#include <errno.h>
#include <string.h>

#include "../injectors/tree.h"
#include "case.h"
#include "clean_run.h"
#include "cuts.h"
#include "commands.h"
#include "memory.h"
#include "registry.h"
#include "rerun.h"
#include "setup.h"
#include "worker.h"

struct replay_job {
	struct torn_setup *setup;
	const struct torn_case *c;
	struct torn_replayed *replayed;
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
static bool confirm_kill(struct replay_job *job, struct torn_lab *lab, struct torn_hash folded)
{
	struct torn_trial real;
	int r = torn_trial_run(lab, job->setup, &job->c->plan, TORN_TRIAL_KILL_FOR_REAL, &real);
	if (r < 0) {
		fail(job->replayed, lab->failure);
		return false;
	}
	if (r == TORN_HELD && real.now->hash.low == folded.low && real.now->hash.high == folded.high)
		return true;
	fail(job->replayed, "a real SIGKILL leaves another tree than the log says");
	return false;
}

/*
 * Run the operation again from what the kill left, where it is meant to be: as a
 * sweep does. Returns false with the failure told.
 */
static bool run_again(struct replay_job *job, struct torn_lab *lab, const struct torn_node *left,
		      struct torn_rerun *rerun, const struct torn_rerun **ret_rerun_of_new)
{
	struct torn_setup *setup = job->setup;
	int r = torn_clean_run_of_new(lab, setup, ret_rerun_of_new);
	if (r == TORN_HELD && *ret_rerun_of_new)
		r = torn_rerun(lab, setup, left, rerun);
	if (r != TORN_HELD)
		fail(job->replayed, lab->failure);
	return r == TORN_HELD;
}

static void explain_invalid(struct replay_job *job, const struct torn_lab *lab)
{
	const struct torn_armed *armed = &lab->recorder->armed;
	const struct torn_plan *plan = &job->c->plan;
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

static void judge(struct replay_job *job, const struct torn_trial *trial)
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
		struct torn_judgement judgement = {.verdict = TORN_SKIPPED};
		invariants[i]->judge(trial, &judgement);
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

static void replay_in_worker(void *context, struct torn_lab *lab)
{
	struct replay_job *job = context;
	struct torn_setup *setup = job->setup;
	struct torn_trial trial;
	int r = torn_clean_run(lab, setup, &trial);
	/* Once more, faults or none: memory that is lost shows in what grows every time. */
	if (r == TORN_HELD && (job->c->plan.faults_count > 0 || trial.end == TORN_RETURNED))
		r = torn_memory_run(lab, setup, &job->c->plan, &trial);
	if (r < 0) {
		fail(job->replayed, lab->failure);
		return;
	}
	if (r == TORN_INVALID) {
		job->replayed->verdict = TORN_INVALID;
		explain_invalid(job, lab);
		return;
	}
	if (planned_kill(&job->c->plan)) {
		struct torn_rerun *rerun = torn_arena_take(setup->arena, sizeof *rerun);
		const struct torn_rerun *rerun_of_new = NULL;
		const struct torn_node *left = torn_tree_copy(setup->arena, trial.now);
		if (!rerun || !left) {
			fail(job->replayed, "no room to run it again");
			return;
		}
		if (!confirm_kill(job, lab, left->hash) ||
		    !run_again(job, lab, left, rerun, &rerun_of_new))
			return;
		/* Its log was cut short: have the whole one again, to tell. */
		r = torn_trial_run(lab, setup, &job->c->plan, TORN_TRIAL_PLAIN, &trial);
		if (r != TORN_HELD) {
			fail(job->replayed, r < 0 ? lab->failure : "two runs of the plan differ");
			return;
		}
		trial.rerun = rerun_of_new ? rerun : NULL;
		trial.rerun_of_new = rerun_of_new;
	}
	if (job->c->plan.cut.preset) {
		r = torn_trial_cut(lab, setup, &trial, &job->c->plan.cut);
		if (r == -EINVAL) {
			job->replayed->verdict = TORN_INVALID;
			snprintf(job->replayed->text, sizeof job->replayed->text, "%s", lab->failure);
			return;
		}
		if (r < 0) {
			fail(job->replayed, lab->failure);
			return;
		}
	}
	/* In a clean run what it made is not held against itself: see sweep.c. */
	trial.new_tree = setup->new_tree;
	judge(job, &trial);
	job->replayed->trial = trial;
}

static void replay_again(void *context)
{
	struct torn_replayed *replayed = ((struct replay_job *)context)->replayed;
	*replayed = (struct torn_replayed){.verdict = TORN_SKIPPED};
}

/* `text` NULL: the case is in a file at `path`. */
static int replay(struct torn_worker *worker, const char *path, const char *text,
		  struct torn_arena *arena, struct torn_replayed **ret_replayed)
{
	struct torn_case *c = torn_arena_take(arena, sizeof *c);
	struct torn_setup *setup = torn_arena_take(arena, sizeof *setup);
	struct torn_replayed *replayed = torn_arena_take(arena, sizeof *replayed);
	if (!c || !setup || !replayed)
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
	struct replay_job job = {.setup = setup, .c = c, .replayed = replayed};
	/* What a search found may end its process, or hang: not twice, then. */
	const struct torn_job what = {.job = replay_in_worker,
				      .again = replay_again,
				      .context = &job,
				      .isolated = text != NULL};
	char message[256];
	r = torn_worker_do(worker, &what, message, sizeof message);
	if (r == -EPROTO) {
		fail(replayed, message);
		r = 0;
	}
	replayed->c = c;
	*ret_replayed = replayed;
	return r;
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
