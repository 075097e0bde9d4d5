/*
 * sweep_depth_test.c: what a further fault finds that none before it did, and
 * that the short cuts of a sweep lose nothing that trying everything finds.
 */
#include "replay_for_tests.h"

#include <errno.h>

#include "case.h"
#include "clean_run.h"
#include "log_hash.h"
#include "operations_for_tests.h"
#include "placing.h"
#include "setup.h"

/* In the registry, so that their cases can be replayed. */
static const struct torn_variant two_variants[] = {{"test", panics_in_cleanup}, {NULL, NULL}};
static const struct torn_target two_target = {.name = "test.panics",
					      .summary = "two faults",
					      .variants = two_variants,
					      .worlds = one_world,
					      .watch = only_f};
TORN_TARGET(two_target);
static const struct torn_variant three_variants[] = {{"test", panics_in_cleanup_of_cleanup}, {NULL, NULL}};
static const struct torn_target three_target = {.name = "test.panics_twice",
						.summary = "three faults",
						.variants = three_variants,
						.worlds = one_world,
						.watch = only_f};
TORN_TARGET(three_target);

/* ------------------------------------------------------------------- depth */

static struct swept *sweep_to(int (*operation)(const struct torn_run *run), unsigned depth)
{
	const struct what what = {.operation = operation, .worlds = one_world, .depth = depth};
	struct swept *swept = sweep(&what, 1);
	assert_false(swept->all->failed);
	assert_int_equal(swept->all->unjudged, 0);
	return swept;
}

static bool breaks_old_or_new(const struct swept *swept)
{
	for (uint32_t i = 0; i < swept->all->findings.count; i++)
		if (strcmp(swept->all->findings.items[i].id, "old-or-new") == 0)
			return true;
	return false;
}

static void test_a_second_fault_finds_what_one_cannot(void **state)
{
	(void)state;
	struct swept *one = sweep_to(panics_in_cleanup, 1);
	assert_false(breaks_old_or_new(one));
	close_swept(one);
	struct swept *two = sweep_to(panics_in_cleanup, 2);
	const struct torn_finding *finding = finding_of(two->all, "old-or-new", "unlink");
	assert_non_null(finding);
	assert_false(finding->is_label);
	assert_string_equal(finding->role, "watched");
	assert_int_equal(finding->faults_count, 2);
	assert_int_equal(finding->presets_count, 0);
	assert_non_null(strstr(finding->faults[1], " unlink errno="));
	assert_replays(finding, "test.panics");
	close_swept(two);
}

static void test_a_third_fault_finds_what_two_cannot(void **state)
{
	(void)state;
	struct swept *two = sweep_to(panics_in_cleanup_of_cleanup, 2);
	assert_false(breaks_old_or_new(two));
	close_swept(two);
	struct swept *three = sweep_to(panics_in_cleanup_of_cleanup, 3);
	const struct torn_finding *finding = finding_of(three->all, "old-or-new", "chmod");
	assert_non_null(finding);
	assert_int_equal(finding->faults_count, 3);
	assert_replays(finding, "test.panics_twice");
	close_swept(three);
}

/* More depth only adds. */
static void test_depth_loses_nothing_that_less_depth_finds(void **state)
{
	(void)state;
	struct swept *before = sweep_to(retries, 1);
	for (unsigned depth = 2; depth <= 3; depth++) {
		struct swept *after = sweep_to(retries, depth);
		assert_true(after->all->trials > before->all->trials);
		for (uint32_t i = 0; i < before->all->findings.count; i++) {
			const struct torn_finding *was = &before->all->findings.items[i];
			bool is_there = false;
			for (uint32_t j = 0; j < after->all->findings.count; j++) {
				const struct torn_finding *is = &after->all->findings.items[j];
				is_there |= strcmp(is->id, was->id) == 0 &&
					    strcmp(is->role, was->role) == 0 &&
					    strcmp(is->call, was->call) == 0 &&
					    strcmp(is->fault, was->fault) == 0 &&
					    is->times >= was->times &&
					    strcmp(is->case_text, was->case_text) == 0;
			}
			if (!is_there)
				fail_msg("%s at %s by %s is lost", was->id, was->call, was->fault);
		}
		close_swept(before);
		before = after;
	}
	close_swept(before);
}

/* Refused once, always, or by a full disk: call by call the same, and told once whatever the depth. */
static void test_what_ran_alike_is_told_once_at_any_depth(void **state)
{
	(void)state;
	for (unsigned depth = 1; depth <= 2; depth++) {
		struct swept *swept = sweep_to(panics_without_a_folder, depth);
		bool is_told = false;
		for (uint32_t i = 0; i < swept->all->findings.count; i++) {
			const struct torn_finding *finding = &swept->all->findings.items[i];
			if (strcmp(finding->call, "mkdir") != 0 || strcmp(finding->id, "old-or-new") != 0)
				continue;
			is_told |= strcmp(finding->fault, "errno") == 0;
			assert_string_not_equal(finding->fault, "full");
			assert_string_not_equal(finding->fault, "sticky");
		}
		assert_true(is_told);
		close_swept(swept);
	}
}

/* The crash is the finding: it is not gone on from. */
static void test_nothing_is_looked_for_behind_a_crash(void **state)
{
	(void)state;
	const struct what what = {.operation = crashes_after_cleanup, .worlds = one_world,
				  .depth = 2, .isolated = true};
	struct swept *swept = sweep(&what, 1);
	assert_non_null(finding_of(swept->all, "no-crash", "rename"));
	assert_null(finding_of(swept->all, "no-crash", "unlink"));
	assert_false(breaks_old_or_new(swept));
	close_swept(swept);
}

/* One run of a plan, judged by itself. */
struct one_plan {
	struct torn_setup setup;
	struct torn_sweep *sweep;
	struct torn_plan plan;
	int result;
};

static void judge_one_plan(void *context, struct torn_lab *lab)
{
	struct one_plan *one = context;
	struct torn_trial clean;
	struct torn_sweeping *sweeping;
	one->result = torn_clean_run(lab, &one->setup, &clean);
	if (one->result != TORN_HELD || torn_sweeping_open(one->sweep, lab, &one->setup, &sweeping) < 0)
		return;
	one->result = torn_sweeping_plan(sweeping, &one->plan);
	torn_sweeping_close(sweeping);
}

static void not_again(void *context)
{
	((struct one_plan *)context)->result = -1;
}

static void test_a_run_is_killed_from_its_last_fault_on(void **state)
{
	(void)state;
	char message[256];
	static const struct torn_sweep_how how = {.seed = 1, .depth = 2, .parts = 1};
	struct one_plan *one = torn_arena_take(&arena, sizeof *one);
	*one = (struct one_plan){.plan = {.seed = 1, .faults_count = 1}};
	/* 5 rename, refused; then 6 unlink: two kills, and what the write was cut to is no matter. */
	one->plan.faults[0] = (struct torn_fault){
		.when = {5, 5, 0}, .call = TORN_CALL_rename, .name = TORN_FAULT_ERRNO, .value = EIO};
	the_worker();
	assert_int_equal(torn_setup_world(&arena, &two_target, two_variants, one_world, &one->setup,
					  message, sizeof message), 0);
	assert_int_equal(torn_sweep_open(&one->sweep), 0);
	torn_sweep_begin(one->sweep, &two_target, two_variants, &how);
	const struct torn_job job = {.job = judge_one_plan, .again = not_again, .context = one};
	assert_int_equal(torn_worker_do(the_worker(), &job, message, sizeof message), 0);
	assert_int_equal(one->result, 0);
	assert_int_equal(one->sweep->ops, 6);
	assert_int_equal(one->sweep->kills, 2);
	assert_int_equal(one->sweep->trials, 1);
	torn_sweep_close(one->sweep);
}

/* --------------------------------------------------------------- reference */

/*
 * Everything is tried: the full list at each op of the clean run, the bounded
 * one at each later op of every run that came back. What counts as shown, and
 * of which run, is the rule of a sweep without its short cuts:
 *
 *   at the end of a run, (id, role) is shown unless it was shown at the end of
 *   one that the plan goes on from;
 *   by a kill of it, from its last fault on, unless it was shown at its end or
 *   of one that the plan goes on from, or by a kill of one of these that left
 *   the same tree.
 *
 * A sweep may miss what was shown in runs only to each of which there was an
 * equal one, call by call, with an equal last op, that showed it under another
 * name of fault: one of several faults that come to the same is enough.
 */
#define WITNESSES_MAX 200000
#define TREES_MAX 512

struct witness {
	const char *id;
	char role[64];
	uint16_t call, fault;
	bool is_label;
	uint64_t run; /* hash of its log */
};

struct reference_run {
	struct witness shown[32];
	size_t shown_count;
	struct torn_hash left[TREES_MAX]; /* by kills, that showed something */
	size_t left_count;
};

/* Shared with the worker. */
struct reference {
	struct torn_arena arena;
	struct torn_setup setup;
	struct torn_target target;
	struct torn_variant variants[2];
	struct torn_lab *lab;
	struct reference_run runs[3]; /* that the plan at hand goes through */
	struct witness witnesses[WITNESSES_MAX];
	size_t witnesses_count;
	uint64_t trials;
	int result;
};

static void add_witness(struct reference *reference, const char *id, bool is_label, const char *role,
			const struct torn_fault *last, enum torn_fault_name name, uint16_t call,
			uint64_t run)
{
	if (reference->witnesses_count == WITNESSES_MAX) {
		reference->result = -1;
		return;
	}
	struct witness *witness = &reference->witnesses[reference->witnesses_count++];
	*witness = (struct witness){
		.id = id, .is_label = is_label, .run = run, .call = call,
		.fault = last || name == TORN_FAULT_KILL ? name : TORN_FAULT_COUNT};
	snprintf(witness->role, sizeof witness->role, "%s", role);
}

static bool was_shown(const struct reference *reference, unsigned runs, const char *id, const char *role)
{
	for (unsigned i = 0; i < runs; i++)
		for (size_t j = 0; j < reference->runs[i].shown_count; j++)
			if (strcmp(reference->runs[i].shown[j].id, id) == 0 &&
			    strcmp(reference->runs[i].shown[j].role, role) == 0)
				return true;
	return false;
}

static void look_at_end(struct reference *reference, const struct torn_trial *trial)
{
	const struct torn_plan *plan = trial->plan;
	const struct torn_fault *last =
		plan->faults_count ? &plan->faults[plan->faults_count - 1] : NULL;
	struct reference_run *run = &reference->runs[plan->faults_count];
	size_t count;
	const struct torn_invariant *const *invariants = torn_invariants(&count);
	run->shown_count = run->left_count = 0;
	for (size_t i = 0; i < count; i++) {
		struct torn_judgement judgement = {.verdict = TORN_SKIPPED};
		invariants[i]->judge(trial, &judgement);
		const char *id = judgement.is_label ? judgement.label : invariants[i]->id;
		if ((judgement.verdict != TORN_VIOLATED && !judgement.is_label) ||
		    was_shown(reference, plan->faults_count, id, judgement.role))
			continue;
		add_witness(reference, id, judgement.is_label, judgement.role, last,
			    last ? last->name : TORN_FAULT_COUNT, last ? last->call : 0,
			    torn_log_hash(trial->log));
		struct witness *shown = &run->shown[run->shown_count++];
		shown->id = id;
		snprintf(shown->role, sizeof shown->role, "%s", judgement.role);
	}
}

static bool was_left(const struct reference *reference, unsigned runs, struct torn_hash tree)
{
	for (unsigned i = 0; i < runs; i++)
		for (size_t j = 0; j < reference->runs[i].left_count; j++)
			if (reference->runs[i].left[j].low == tree.low &&
			    reference->runs[i].left[j].high == tree.high)
				return true;
	return false;
}

static void look_at_kill(struct reference *reference, const struct torn_trial *run,
			 const struct torn_op *op, uint64_t bytes)
{
	struct torn_trial trial = *run;
	if (torn_trial_kill(reference->lab, &reference->setup, &trial, op->number, bytes) < 0) {
		reference->result = -1;
		return;
	}
	const unsigned depth = run->plan->faults_count;
	if (was_left(reference, depth, trial.now->hash))
		return;
	const bool again = was_left(reference, depth + 1, trial.now->hash);
	size_t count;
	const struct torn_invariant *const *invariants = torn_invariants(&count);
	bool any = false;
	for (size_t i = 0; i < count; i++) {
		struct torn_judgement judgement = {.verdict = TORN_SKIPPED};
		invariants[i]->judge(&trial, &judgement);
		const char *id = judgement.is_label ? judgement.label : invariants[i]->id;
		if (judgement.verdict != TORN_VIOLATED && !judgement.is_label)
			continue;
		any = true;
		if (!again && !was_shown(reference, depth + 1, id, judgement.role))
			add_witness(reference, id, judgement.is_label, judgement.role, NULL,
				    TORN_FAULT_KILL, op->call, torn_log_hash(run->log));
	}
	struct reference_run *level = &reference->runs[depth];
	if (any && !again && level->left_count < TREES_MAX)
		level->left[level->left_count++] = trial.now->hash;
}

static void look_at_kills(struct reference *reference, const struct torn_trial *run)
{
	const struct torn_plan *plan = run->plan;
	const uint32_t first = plan->faults_count ? plan->faults[plan->faults_count - 1].when.first : 1;
	for (uint32_t number = first; number <= run->log->numbered; number++) {
		const struct torn_op *op = torn_log_op(run->log, number);
		if (!op)
			continue;
		for (uint64_t bytes = 1; torn_op_is_divisible(op) && bytes < (uint64_t)op->result; bytes++)
			if (bytes == 1 || bytes == (uint64_t)op->result / 2 ||
			    bytes == (uint64_t)op->result - 1 ||
			    (op->offset + bytes) % TORN_BLOCK_SIZE == 0)
				look_at_kill(reference, run, op, bytes);
		look_at_kill(reference, run, op, 0);
	}
}

static void try_plan(struct reference *reference, const struct torn_plan *plan, bool all_errnos)
{
	struct torn_trial trial;
	reference->trials++;
	if (torn_trial_run(reference->lab, &reference->setup, plan, TORN_TRIAL_PLAIN, &trial) != TORN_HELD) {
		reference->result = -1;
		return;
	}
	struct torn_placing placing = {0};
	const bool came_back = trial.end == TORN_RETURNED || trial.end == TORN_EXITED;
	if (plan->faults_count < 2 && came_back)
		torn_place(plan, trial.log,
			   plan->faults_count ? plan->faults[plan->faults_count - 1].when.first : 0,
			   plan->faults_count == 0 || all_errnos ? TORN_LIST_FULL : TORN_LIST_BOUNDED,
			   false, &placing);
	look_at_end(reference, &trial);
	if (!trial.killed)
		look_at_kills(reference, &trial);
	for (size_t i = 0; i < placing.count && reference->result == 0; i++)
		try_plan(reference, &placing.items[i].plan, all_errnos);
	torn_placing_close(&placing);
}

struct trying {
	struct reference *reference;
	bool all_errnos;
};

static void try_all_in_worker(void *context, struct torn_lab *lab)
{
	const struct trying *trying = context;
	struct reference *reference = trying->reference;
	struct torn_trial clean;
	static const struct torn_plan nothing = {.seed = 1};
	reference->lab = lab;
	reference->result = torn_clean_run(lab, &reference->setup, &clean);
	if (reference->result == TORN_HELD)
		try_plan(reference, &nothing, trying->all_errnos);
}

static void never_again(void *context)
{
	((struct trying *)context)->reference->result = -1;
}

static struct reference *try_all(const struct what *what)
{
	struct torn_arena own;
	assert_int_equal(torn_arena_open(&own, 512u << 20), 0);
	struct reference *reference = torn_arena_take(&own, sizeof *reference);
	assert_non_null(reference);
	memset(reference, 0, sizeof *reference);
	reference->arena = own;
	reference->variants[0] = (struct torn_variant){"test", what->operation};
	reference->target = (struct torn_target){.name = "test.swept",
						 .variants = reference->variants,
						 .worlds = what->worlds,
						 .watch = only_f};
	char message[256] = "";
	assert_int_equal(torn_setup_world(&reference->arena, &reference->target, reference->variants,
					  what->worlds, &reference->setup, message, sizeof message), 0);
	struct trying trying = {reference, what->all_errnos};
	const struct torn_job job = {
		.job = try_all_in_worker, .again = never_again, .context = &trying};
	assert_int_equal(torn_worker_do(the_worker(), &job, message, sizeof message), 0);
	assert_int_equal(reference->result, 0);
	return reference;
}

static void close_reference(struct reference *reference)
{
	struct torn_arena own = reference->arena;
	torn_arena_close(&own);
}

static const char *call_of(const struct witness *witness)
{
	return witness->call ? torn_call_name(witness->call) : "";
}

static const char *fault_of(const struct witness *witness)
{
	return witness->fault == TORN_FAULT_COUNT ? "" : torn_fault_name(witness->fault);
}

static bool is_found(const struct torn_sweep *in, const struct witness *witness)
{
	for (uint32_t i = 0; i < in->findings.count; i++) {
		const struct torn_finding *finding = &in->findings.items[i];
		if (strcmp(finding->id, witness->id) == 0 && finding->is_label == witness->is_label &&
		    strcmp(finding->role, witness->role) == 0 &&
		    strcmp(finding->call, call_of(witness)) == 0 &&
		    strcmp(finding->fault, fault_of(witness)) == 0)
			return true;
	}
	return false;
}

static bool is_same_but_for_the_fault(const struct witness *a, const struct witness *b)
{
	return strcmp(a->id, b->id) == 0 && a->is_label == b->is_label &&
	       strcmp(a->role, b->role) == 0 && a->call == b->call;
}

static bool is_explained(const struct reference *reference, const struct torn_sweep *in,
			 const struct witness *missing)
{
	for (size_t i = 0; i < reference->witnesses_count; i++) {
		const struct witness *other = &reference->witnesses[i];
		if (other->run == missing->run && other->fault != missing->fault &&
		    is_same_but_for_the_fault(other, missing) && is_found(in, other))
			return true;
	}
	return false;
}

static void assert_nothing_lost(const struct what *what, const char *name)
{
	struct reference *reference = try_all(what);
	struct swept *swept = sweep(what, 1);
	/* As found, before one without a fault takes the others in. */
	const struct torn_sweep *found = swept->parts[0];
	assert_int_equal(found->failed, 0);
	assert_true(reference->trials > found->trials); /* or there is no short cut to test */
	for (size_t i = 0; i < reference->witnesses_count; i++) {
		const struct witness *witness = &reference->witnesses[i];
		if (!is_found(found, witness) && !is_explained(reference, found, witness))
			fail_msg("%s: %s (%s) at %s by %s is lost", name, witness->id, witness->role,
				 call_of(witness), fault_of(witness));
	}
	for (uint32_t i = 0; i < found->findings.count; i++) {
		const struct torn_finding *finding = &found->findings.items[i];
		bool is_real = false;
		for (size_t j = 0; j < reference->witnesses_count && !is_real; j++) {
			const struct witness *witness = &reference->witnesses[j];
			is_real = strcmp(finding->id, witness->id) == 0 &&
				  strcmp(finding->role, witness->role) == 0 &&
				  strcmp(finding->call, call_of(witness)) == 0 &&
				  strcmp(finding->fault, fault_of(witness)) == 0;
		}
		if (!is_real)
			fail_msg("%s: %s (%s) at %s by %s is in no run", name, finding->id,
				 finding->role, finding->call, finding->fault);
	}
	print_message("%s: %lu trials for %lu, %u findings\n", name, found->trials,
		      reference->trials, found->findings.count);
	close_swept(swept);
	close_reference(reference);
}

static void test_the_short_cuts_lose_nothing_that_trying_everything_finds(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int (*operation)(const struct torn_run *run);
	} operations[] = {
		{"panics_in_cleanup", panics_in_cleanup},
		{"retries", retries},
		{"falls_back", falls_back},
		{"rolls_back", rolls_back},
		{"makes_folders", makes_folders},
		{"heeds_signals", heeds_signals},
		{"panics_in_cleanup_of_cleanup", panics_in_cleanup_of_cleanup},
	};
	for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
		const struct what what = {
			.operation = operations[i].operation, .worlds = one_world, .depth = 2};
		assert_nothing_lost(&what, operations[i].name);
	}
}

/* A device that went away is met again by what only a second fault makes run. */
static void test_with_all_errnos_what_lasts_for_a_kind_is_gone_on_from_too(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int (*operation)(const struct torn_run *run);
	} operations[] = {
		{"syncs_again", syncs_again},
		{"panics_in_cleanup", panics_in_cleanup},
		{"makes_folders", makes_folders},
	};
	for (size_t i = 0; i < sizeof operations / sizeof *operations; i++) {
		const struct what what = {.operation = operations[i].operation,
					  .worlds = one_world,
					  .depth = 2,
					  .all_errnos = true};
		assert_nothing_lost(&what, operations[i].name);
	}
	/* As a second fault, too, what lasts is tried then only. */
	struct swept *bounded = sweep_to(unlinks_twice, 2);
	assert_false(breaks_old_or_new(bounded));
	close_swept(bounded);
	const struct what lasting = {
		.operation = unlinks_twice, .worlds = one_world, .depth = 2, .all_errnos = true};
	struct swept *full = sweep(&lasting, 1);
	const struct torn_finding *twice = finding_of(full->all, "old-or-new", "unlink");
	assert_non_null(twice);
	assert_string_equal(twice->fault, "sticky");
	assert_int_equal(twice->faults_count, 2);
	close_swept(full);
	const struct what what = {
		.operation = syncs_again, .worlds = one_world, .depth = 2, .all_errnos = true};
	struct swept *swept = sweep(&what, 1);
	const struct torn_finding *finding = finding_of(swept->all, "old-or-new", "unlink");
	assert_non_null(finding);
	assert_non_null(strstr(finding->faults[0], " fsync sticky="));
	close_swept(swept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		arena_test(test_a_second_fault_finds_what_one_cannot),
		arena_test(test_a_third_fault_finds_what_two_cannot),
		arena_test(test_depth_loses_nothing_that_less_depth_finds),
		arena_test(test_what_ran_alike_is_told_once_at_any_depth),
		arena_test(test_nothing_is_looked_for_behind_a_crash),
		arena_test(test_a_run_is_killed_from_its_last_fault_on),
		arena_test(test_the_short_cuts_lose_nothing_that_trying_everything_finds),
		arena_test(test_with_all_errnos_what_lasts_for_a_kind_is_gone_on_from_too),
	};
	return cmocka_run_group_tests(tests, NULL, close_the_worker);
}
