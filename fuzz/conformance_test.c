/*
 * conformance_test.c: what must hold of everything that is registered, so that
 * a new target, invariant or fault is tested without a new test. hostile.* is
 * left to hostile_test.sh.
 *
 * All is swept once, at the start; the tests look at what came of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../injectors/faults.h"
#include "case.h"
#include "clean_run.h"
#include "commands.h"
#include "registry.h"
#include "setup.h"
#include "runner.h"
#include "worker.h"

#define VIOLATED_MAX 8

static struct torn_check check;
static struct torn_worker worker;
static struct torn_arena arena;
static const struct torn_options options = {
	.seed = 1, .timeout_s = 1, .quiet = true, .depth = 2, .shard = 1, .shards = 1};

static bool begins_with(const char *name, const char *with)
{
	return strncmp(name, with, strlen(with)) == 0;
}

static bool is_planted(const char *target)
{
	return begins_with(target, "planted.");
}

/* planted.old_or_new <-> old-or-new */
static const char *invariant_planted_by(const char *target)
{
	static char id[64];
	snprintf(id, sizeof id, "%s", target + strlen("planted."));
	for (char *c = id; *c; c++)
		if (*c == '_')
			*c = '-';
	return id;
}

/*
 * Of the handlers with a status one stands for all: the others are swept by the gate. Those that start
 * programs are the gate's and shell_target_test.sh's, too: a trial is a process each.
 */
static bool is_swept(const struct torn_target *target)
{
	const bool reports = target->promises & TORN_REPORTS_STATUS;
	return !begins_with(target->name, "hostile.") && !target->starts_programs &&
	       (!reports || is_planted(target->name) || strcmp(target->name, "kensa.sysctl_set") == 0);
}

static int sweep_all(void **state)
{
	(void)state;
	char message[256];
	static char *names[256];
	size_t count, wanted = 0;
	const struct torn_target *const *targets = torn_targets(&count);
	for (size_t i = 0; i < count && wanted < 256; i++)
		if (is_swept(targets[i]))
			names[wanted++] = (char *)targets[i]->name;
	struct torn_options chosen = options;
	chosen.names = names;
	chosen.names_count = wanted;
	if (torn_check_choose(&check, &chosen) < 0)
		return -1;
	/* Pairs of faults in a rollback are `torn gate`'s: they take minutes. */
	for (size_t i = 0; i < check.count; i++)
		if (check.items[i].target->promises & TORN_REPORTS_STATUS)
			check.items[i].depth = is_planted(check.items[i].target->name) ? 2 : 1;
	if (torn_check_run(&check, &chosen) < 0)
		return -1;
	if (torn_arena_open(&arena, 512u << 20) < 0)
		return -1;
	return torn_worker_open(&worker, options.timeout_s, message, sizeof message);
}

static int forget_all(void **state)
{
	(void)state;
	torn_worker_close(&worker);
	torn_arena_close(&arena);
	torn_check_free(&check);
	return 0;
}

#define FOR_EACH_RESULT(result)                                                                    \
	for (size_t item_ = 0; item_ < check.count; item_++)                                       \
		for (const struct torn_result *result = &check.items[item_].result, *once_ = result; \
		     once_; once_ = NULL)

/* ------------------------------------------------------------- registries */

static void test_every_invariant_has_a_planted_target(void **state)
{
	(void)state;
	size_t count;
	const struct torn_invariant *const *invariants = torn_invariants(&count);
	for (size_t i = 0; i < count; i++) {
		char name[96];
		snprintf(name, sizeof name, "planted.%s", invariants[i]->id);
		for (char *c = name; *c; c++)
			if (*c == '-')
				*c = '_';
		if (!torn_target_named(torn_bytes_of(name)))
			fail_msg("%s has no target %s: nothing shows that it can be violated",
				 invariants[i]->id, name);
	}
}

static void test_every_planted_target_names_an_invariant(void **state)
{
	(void)state;
	size_t count;
	const struct torn_target *const *targets = torn_targets(&count);
	for (size_t i = 0; i < count; i++)
		if (is_planted(targets[i]->name) &&
		    !torn_invariant_named(torn_bytes_of(invariant_planted_by(targets[i]->name))))
			fail_msg("%s: there is no invariant of that name", targets[i]->name);
}

static void test_every_target_is_whole(void **state)
{
	(void)state;
	size_t count;
	const struct torn_target *const *targets = torn_targets(&count);
	for (size_t i = 0; i < count; i++) {
		const struct torn_target *target = targets[i];
		if (!target->summary || !target->summary[0] || !target->variants[0].name ||
		    !target->worlds[0].name || !target->watch || !target->watch[0])
			fail_msg("%s: a summary, a variant, an old state and a watched path are needed",
				 target->name);
		for (const struct torn_variant *v = target->variants; v->name; v++)
			for (const struct torn_variant *w = v + 1; w->name; w++)
				assert_string_not_equal(v->name, w->name);
		for (const struct torn_world *v = target->worlds; v->name; v++)
			for (const struct torn_world *w = v + 1; w->name; w++)
				assert_string_not_equal(v->name, w->name);
	}
}

/* ------------------------------------------------------------------ sweeps */

static void test_every_variant_was_judged(void **state)
{
	(void)state;
	assert_true(check.count > 0);
	assert_false(check.interrupted);
	FOR_EACH_RESULT(result) {
		if (result->failure)
			fail_msg("%s@%s: %s", result->target, result->variant, result->failure);
		assert_true(result->trials > 2);
		assert_true(result->kills > 0);
		assert_true(result->kills_confirmed > 0);
	}
}

static void test_a_planted_target_is_caught_by_its_invariant_and_no_other(void **state)
{
	(void)state;
	FOR_EACH_RESULT(result) {
		if (!is_planted(result->target))
			continue;
		const char *id = invariant_planted_by(result->target);
		size_t caught = 0;
		for (size_t i = 0; i < result->findings_count; i++) {
			const struct torn_finding *finding = &result->findings[i];
			if (finding->is_label)
				continue;
			if (strcmp(finding->id, id) != 0)
				fail_msg("%s@%s breaks %s too: %s", result->target, result->variant,
					 finding->id, finding->summary);
			caught++;
		}
		/* What only a power cut shows is conformance_test.sh's: here the power stays on. */
		const bool needs_power_cut = strstr(id, "is-durable") != NULL;
		if ((caught == 0) != needs_power_cut)
			fail_msg("%s@%s is %scaught", result->target, result->variant,
				 needs_power_cut ? "" : "not ");
	}
}

static void test_fixed_and_correct_variants_have_no_finding(void **state)
{
	(void)state;
	size_t looked_at = 0;
	FOR_EACH_RESULT(result) {
		if (strcmp(result->variant, "fixed") != 0 && strcmp(result->variant, "correct") != 0)
			continue;
		looked_at++;
		for (size_t i = 0; i < result->findings_count; i++)
			if (!result->findings[i].is_label)
				fail_msg("%s@%s: %s: %s", result->target, result->variant,
					 result->findings[i].id, result->findings[i].summary);
	}
	assert_true(looked_at >= 8); /* 4 fixed, 4 correct: were they renamed? */
}

static void test_a_finding_is_told_whole(void **state)
{
	(void)state;
	FOR_EACH_RESULT(result) {
		for (size_t i = 0; i < result->findings_count; i++) {
			const struct torn_finding *finding = &result->findings[i];
			assert_string_equal(finding->target, result->target);
			assert_string_equal(finding->variant, result->variant);
			assert_true(strlen(finding->summary) > 0);
			assert_true(finding->case_size > 0);
			assert_int_equal(finding->case_size, strlen(finding->case_text));
			for (size_t k = 0; k < finding->faults_count; k++)
				assert_non_null(strstr(finding->case_text, finding->faults[k]));
			if (i == 0)
				continue;
			/* Sorted: no two runs tell them in another order. */
			const struct torn_finding *before = &result->findings[i - 1];
			assert_true(before->is_label <= finding->is_label);
			if (before->is_label == finding->is_label)
				assert_true(strcmp(before->id, finding->id) <= 0);
		}
	}
}

/* ------------------------------------------------------------------- cases */

static char *printed(const struct torn_case *c)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	assert_int_equal(torn_case_print(c, out), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void test_a_finding_s_case_is_canonical(void **state)
{
	(void)state;
	FOR_EACH_RESULT(result) {
		for (size_t i = 0; i < result->findings_count; i++) {
			const struct torn_finding *finding = &result->findings[i];
			const size_t mark = torn_arena_mark(&arena);
			struct torn_case c;
			struct torn_case_error error;
			if (torn_case_parse("case", torn_bytes_of(finding->case_text), &arena, &c,
					    &error) != 0)
				fail_msg("%s: line %u: %s\n%s", result->target, error.line,
					 error.message, finding->case_text);
			char *text = printed(&c);
			assert_string_equal(text, finding->case_text);
			free(text);
			torn_arena_return(&arena, mark);
		}
	}
}

static void write_file(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static char *explained(const struct torn_replayed *replayed)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	assert_non_null(out);
	torn_explain(out, &replayed->trial, replayed->invariant, &replayed->judgement);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* The line of the op that the finding names begins with a mark. */
static bool marks(const char *text, uint32_t op, const char *call)
{
	char line[64];
	snprintf(line, sizeof line, "\n> %3u  %s ", op, call);
	return strstr(text, line) != NULL;
}

static void test_a_finding_s_case_replays_and_explains(void **state)
{
	(void)state;
	char path[] = "/tmp/conformance_test.XXXXXX";
	const int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	bool hung = false;
	FOR_EACH_RESULT(result) {
		for (size_t i = 0; i < result->findings_count; i++) {
			const struct torn_finding *finding = &result->findings[i];
			/* Each hang costs seconds: one is enough. */
			const bool hangs = strcmp(finding->id, "no-hang") == 0;
			if (finding->is_label || (hangs && hung))
				continue;
			hung |= hangs;
			const size_t mark = torn_arena_mark(&arena);
			struct torn_replayed *replayed = NULL;
			write_file(path, finding->case_text);
			int r = torn_replay(&worker, path, &arena, &replayed);
			if (r != 0 || replayed->failed || replayed->verdict != TORN_VIOLATED)
				fail_msg("%d %s\n%s", r, replayed ? replayed->text : "", finding->case_text);
			assert_string_equal(replayed->invariant->id, finding->id);
			assert_string_equal(replayed->judgement.role, finding->role);
			assert_string_equal(replayed->judgement.path, finding->path);
			char *text = explained(replayed);
			if (!strstr(text, finding->summary) && !hangs)
				fail_msg("expected \"%s\" in:\n%s", finding->summary, text);
			/* The invariant's own op, such as where a leak began, before the fault's. */
			const uint32_t own = replayed->judgement.op;
			const struct torn_op *op = torn_log_op(replayed->trial.log, own ? own : finding->op);
			if (finding->op > 0 && (!op || !marks(text, op->number, torn_call_name(op->call))))
				fail_msg("op %u is not marked:\n%s", own ? own : finding->op, text);
			free(text);
			torn_arena_return(&arena, mark);
		}
	}
	unlink(path);
}

/* -------------------------------------------------------------- clean runs */

struct clean_job {
	struct torn_setup setup;
	int result;
	uint32_t ops;
	unsigned violated;
	char ids[VIOLATED_MAX][32];
	char failure[256];
};

/* What is judged here is judged against the new tree, too, unlike in a sweep's clean run. */
static void run_clean(void *context, struct torn_lab *lab)
{
	struct clean_job *job = context;
	struct torn_trial trial;
	job->result = torn_clean_run(lab, &job->setup, &trial);
	memcpy(job->failure, lab->failure, sizeof job->failure);
	if (job->result != TORN_HELD)
		return;
	job->ops = trial.log->numbered;
	trial.new_tree = job->setup.new_tree;
	size_t count;
	const struct torn_invariant *const *invariants = torn_invariants(&count);
	for (size_t i = 0; i < count; i++) {
		struct torn_judgement judgement = {.verdict = TORN_SKIPPED};
		invariants[i]->judge(&trial, &judgement);
		if (judgement.verdict == TORN_VIOLATED && job->violated < VIOLATED_MAX)
			snprintf(job->ids[job->violated++], sizeof job->ids[0], "%s", invariants[i]->id);
	}
}

static void nothing_again(void *context)
{
	(void)context;
}

/* Did the sweep say so too? */
static bool is_found_without_fault(const struct torn_result *result, const char *id)
{
	for (size_t i = 0; i < result->findings_count; i++)
		if (strcmp(result->findings[i].id, id) == 0 && !result->findings[i].fault[0])
			return true;
	return false;
}

static void test_a_clean_run_breaks_nothing_that_the_sweep_does_not_tell(void **state)
{
	(void)state;
	char message[256];
	bool failing_world = false;
	for (size_t i = 0; i < check.count; i++) {
		const struct torn_target *target = check.items[i].target;
		for (const struct torn_world *world = target->worlds; world->name; world++) {
			const size_t mark = torn_arena_mark(&arena);
			struct clean_job *job = torn_arena_take(&arena, sizeof *job);
			assert_non_null(job);
			assert_int_equal(torn_setup_world(&arena, target, check.items[i].variant, world,
							  &job->setup, message, sizeof message),
					 0);
			const struct torn_job what = {
				.job = run_clean, .again = nothing_again, .context = job};
			worker.starts_programs = target->starts_programs;
			if (torn_worker_do(&worker, &what, message, sizeof message) != 0)
				fail_msg("%s, %s: %s", target->name, world->name, message);
			if (job->result != TORN_HELD)
				fail_msg("%s, %s: %s", target->name, world->name, job->failure);
			/* A bad argument may be refused before the first call. */
			if (job->ops == 0 && !world->refuses && !(target->promises & TORN_IS_FAKE))
				fail_msg("%s, %s: no op", target->name, world->name);
			for (unsigned k = 0; k < job->violated; k++)
				if (!is_found_without_fault(&check.items[i].result, job->ids[k]))
					fail_msg("%s@%s, %s: %s is violated", target->name,
						 check.items[i].variant->name, world->name, job->ids[k]);
			if (strcmp(target->name, "planted.clean_run_succeeds") == 0)
				failing_world |= job->violated == 1 && strcmp(world->name, "empty") == 0;
			torn_arena_return(&arena, mark);
		}
	}
	assert_true(failing_world);
}

/* ------------------------------------------------------------------ faults */

#define PLACED_MAX 4096

struct fault_job {
	struct torn_setup setup;
	struct torn_fault faults[PLACED_MAX];
	unsigned placed, fired[TORN_FAULT_COUNT];
	struct torn_fault placing;
	char failure[512];
};

static void place(void *context, int64_t value)
{
	struct fault_job *job = context;
	if (job->placed == PLACED_MAX)
		return;
	job->placing.value = value;
	job->faults[job->placed++] = job->placing;
}

/* What the log must show of a fault that fired, by what the fault means. */
static bool shows(const struct torn_fault *fault, const struct torn_trial *trial)
{
	if (fault->name == TORN_FAULT_KILL && trial->kill_op + 1 == fault->when.first)
		return trial->killed && fault->value == TORN_KILL_BEFORE;
	const struct torn_op *op = torn_log_op(trial->log, fault->when.first);
	if (!op || op->fault != 1 || op->call != fault->call)
		return fault->name == TORN_FAULT_KILL && trial->killed;
	switch (fault->name) {
	case TORN_FAULT_ERRNO:
	case TORN_FAULT_STICKY:
		return op->told == -fault->value && !(op->flags & TORN_OP_PERFORMED);
	case TORN_FAULT_LATE:
		return op->told == -fault->value && op->result >= 0;
	case TORN_FAULT_EINTR:
		return op->told == -4;
	case TORN_FAULT_SHORT:
		return op->told > 0 && op->told < (int64_t)op->length;
	case TORN_FAULT_FULL:
		return op->told == -28 || (op->told >= 0 && op->told < (int64_t)op->length);
	case TORN_FAULT_KILL:
		return trial->killed && trial->kill_op == fault->when.first;
	case TORN_FAULT_FSYNC:
		return op->told == -torn_fsync_errno(fault->value) && !(op->flags & TORN_OP_PERFORMED);
	case TORN_FAULT_SIGNAL:
		return true; /* that it acted is all that the log says; the handler is the target's */
	default:
		return false;
	}
}

static void run_faults(void *context, struct torn_lab *lab)
{
	struct fault_job *job = context;
	struct torn_trial trial;
	int r = torn_clean_run(lab, &job->setup, &trial);
	if (r != TORN_HELD) {
		snprintf(job->failure, sizeof job->failure, "clean run: %.200s", lab->failure);
		return;
	}
	for (uint32_t i = 0; i < trial.log->count; i++) {
		const struct torn_op *op = &trial.log->ops[i];
		for (unsigned name = 0; op->number > 0 && name < TORN_FAULT_COUNT; name++) {
			job->placing = (struct torn_fault){
				.when = {op->number, op->number, 0}, .call = op->call, .name = name};
			const struct torn_fault_row *row = torn_fault_row(name);
			if (row->values)
				row->values(op, trial.log->handled, place, job);
		}
		/* A sweep has its kills from folding; nothing handles a signal here. */
		if (op->number == 0)
			continue;
		job->placing = (struct torn_fault){.when = {op->number, op->number, 0}, .call = op->call};
		job->placing.name = TORN_FAULT_KILL;
		place(job, TORN_KILL_AFTER);
		place(job, TORN_KILL_BEFORE);
		job->placing.name = TORN_FAULT_SIGNAL;
		if (op->kind != TORN_KIND_store) /* of which torn hears too late */
			place(job, 15);
	}
	for (unsigned i = 0; i < job->placed; i++) {
		const struct torn_plan plan = {.faults = {job->faults[i]}, .faults_count = 1, .seed = 1};
		char text[96];
		torn_fault_print(&plan.faults[0], text, sizeof text);
		r = torn_trial_run(lab, &job->setup, &plan, TORN_TRIAL_PLAIN, &trial);
		if (r == TORN_HELD && shows(&plan.faults[0], &trial)) {
			job->fired[plan.faults[0].name]++;
			continue;
		}
		snprintf(job->failure, sizeof job->failure, "%s: %s", text,
			 r == TORN_INVALID ? "did not fire"
			 : r < 0	   ? lab->failure
					   : "is not to be seen in the log");
		return;
	}
}

static void test_every_fault_is_seen_to_fire(void **state)
{
	(void)state;
	char message[256];
	unsigned fired[TORN_FAULT_COUNT] = {0};
	for (size_t i = 0; i < check.count; i++) {
		const struct torn_target *target = check.items[i].target;
		if (!begins_with(target->name, "example."))
			continue;
		const size_t mark = torn_arena_mark(&arena);
		struct fault_job *job = torn_arena_take(&arena, sizeof *job);
		assert_non_null(job);
		assert_int_equal(torn_setup_world(&arena, target, check.items[i].variant,
						  &target->worlds[0], &job->setup, message,
						  sizeof message),
				 0);
		const struct torn_job what = {.job = run_faults, .again = nothing_again, .context = job};
		if (torn_worker_do(&worker, &what, message, sizeof message) != 0)
			fail_msg("%s: %s", target->name, message);
		if (job->failure[0])
			fail_msg("%s: %s", target->name, job->failure);
		assert_in_range(job->placed, 1, PLACED_MAX - 1);
		for (unsigned name = 0; name < TORN_FAULT_COUNT; name++)
			fired[name] += job->fired[name];
		torn_arena_return(&arena, mark);
	}
	for (unsigned name = 0; name < TORN_FAULT_COUNT; name++)
		if (fired[name] == 0)
			fail_msg("%s never fired", torn_fault_name(name));
}

int main(int argc, char **argv)
{
	torn_runner_take_over(argc, argv);
	torn_registry_begin();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_invariant_has_a_planted_target),
		cmocka_unit_test(test_every_planted_target_names_an_invariant),
		cmocka_unit_test(test_every_target_is_whole),
		cmocka_unit_test(test_every_variant_was_judged),
		cmocka_unit_test(test_a_planted_target_is_caught_by_its_invariant_and_no_other),
		cmocka_unit_test(test_fixed_and_correct_variants_have_no_finding),
		cmocka_unit_test(test_a_finding_is_told_whole),
		cmocka_unit_test(test_a_finding_s_case_is_canonical),
		cmocka_unit_test(test_a_finding_s_case_replays_and_explains),
		cmocka_unit_test(test_a_clean_run_breaks_nothing_that_the_sweep_does_not_tell),
		cmocka_unit_test(test_every_fault_is_seen_to_fire),
	};
	return cmocka_run_group_tests(tests, sweep_all, forget_all);
}
