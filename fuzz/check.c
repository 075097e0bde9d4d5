/* check.c: sweeping one target@variant after another, a worker each. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "registry.h"
#include "worker.h"

/* ---------------------------------------------------------------- choosing */

static int choose_variant(struct torn_check *check, const struct torn_target *target,
			  const struct torn_variant *variant)
{
	struct torn_checked *items =
		realloc(check->items, (check->count + 1) * sizeof *check->items);
	if (!items)
		return -ENOMEM;
	check->items = items;
	items[check->count++] = (struct torn_checked){.target = target, .variant = variant};
	return 0;
}

static int choose_all_variants(struct torn_check *check, const struct torn_target *target)
{
	int r = 0;
	for (const struct torn_variant *variant = target->variants; r == 0 && variant->name; variant++)
		r = choose_variant(check, target, variant);
	return r;
}

static int choose_named(struct torn_check *check, const char *name)
{
	const char *at = strchr(name, '@');
	const struct torn_bytes target_name = {(const uint8_t *)name,
					       at ? (size_t)(at - name) : strlen(name)};
	const struct torn_target *target = torn_target_named(target_name);
	if (!target) {
		torn_mistake("torn", name, "a target (see torn list targets)");
		return -EINVAL;
	}
	if (!at)
		return choose_all_variants(check, target);
	const struct torn_variant *variant = torn_variant_named(target, torn_bytes_of(at + 1));
	if (!variant) {
		char expected[128];
		snprintf(expected, sizeof expected, "a variant of %s (see torn list targets)", target->name);
		torn_mistake("torn", at + 1, expected);
		return -EINVAL;
	}
	return choose_variant(check, target, variant);
}

int torn_check_choose(struct torn_check *check, const struct torn_options *options)
{
	int r = 0;
	for (size_t i = 0; r == 0 && i < options->names_count; i++)
		r = choose_named(check, options->names[i]);
	size_t count;
	const struct torn_target *const *targets = torn_targets(&count);
	for (size_t i = 0; r == 0 && options->names_count == 0 && i < count; i++)
		r = choose_all_variants(check, targets[i]);
	return r;
}

/* ----------------------------------------------------------------- results */

/* Findings first, then labels; by id, op, call, fault, old state. */
static int by_place(const void *a, const void *b)
{
	const struct torn_finding *left = a, *right = b;
	if (left->is_label != right->is_label)
		return left->is_label - right->is_label;
	int order = strcmp(left->id, right->id);
	if (order == 0)
		order = (left->op > right->op) - (left->op < right->op);
	if (order == 0)
		order = strcmp(left->call, right->call);
	if (order == 0)
		order = strcmp(left->fault, right->fault);
	if (order == 0)
		order = strcmp(left->role, right->role);
	return order ? order : strcmp(left->world, right->world);
}

static void take_result(struct torn_checked *item, double seconds, const char *failure)
{
	struct torn_sweep *sweep = item->sweep;
	qsort(sweep->findings, sweep->findings_count, sizeof *sweep->findings, by_place);
	item->result = (struct torn_result){
		.target = item->target->name,
		.variant = item->variant->name,
		.trials = sweep->trials,
		.ops = sweep->ops,
		.kills = sweep->kills,
		.trees = sweep->trees,
		.kills_confirmed = sweep->kills_confirmed,
		.seconds = seconds,
		.findings = sweep->findings,
		.findings_count = sweep->findings_count,
		.failure = failure ? failure : sweep->failed || sweep->unjudged > 0 ? sweep->failure : NULL,
	};
}

/* ----------------------------------------------------------------- running */

struct sweep_job {
	struct torn_sweep *sweep;
	const struct torn_options *options;
	struct timespec begun;
};

static double seconds_since(struct timespec begun)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - begun.tv_sec) + (double)(now.tv_nsec - begun.tv_nsec) * 1e-9;
}

static void run_sweep(void *context, struct torn_lab *lab)
{
	struct sweep_job *job = context;
	torn_sweep_run(job->sweep, lab);
}

static void sweep_again(void *context)
{
	struct torn_sweep *sweep = ((struct sweep_job *)context)->sweep;
	torn_sweep_begin(sweep, sweep->target, sweep->variant, sweep->seed);
}

static void show_progress(void *context)
{
	const struct sweep_job *job = context;
	const struct torn_sweep *sweep = job->sweep;
	const double seconds = seconds_since(job->begun);
	if (job->options->quiet || !isatty(STDERR_FILENO) || seconds < 0.5)
		return;
	fprintf(stderr, "\r%s@%s: %lu trials, %.0f/s, %lu left in this old state \033[K",
		sweep->target->name, sweep->variant->name, sweep->trials,
		(double)sweep->trials / seconds,
		sweep->trials_planned > sweep->trials ? sweep->trials_planned - sweep->trials : 0);
}

static void clear_progress(const struct torn_options *options)
{
	if (!options->quiet && isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
}

/* Returns 0, or -EINTR. What torn failed on is in the result. */
static int check_one(struct torn_checked *item, struct torn_worker *worker,
		     const struct torn_options *options)
{
	struct sweep_job job = {.sweep = item->sweep, .options = options};
	clock_gettime(CLOCK_MONOTONIC, &job.begun);
	torn_sweep_begin(item->sweep, item->target, item->variant, options->seed);
	const struct torn_job what = {.job = run_sweep, .again = sweep_again, .context = &job};
	worker->progress = show_progress;
	worker->progress_context = &job;
	char message[256];
	int r = torn_worker_do(worker, &what, message, sizeof message);
	worker->progress = NULL;
	clear_progress(options);
	if (r == -EPROTO)
		snprintf(item->sweep->failure, sizeof item->sweep->failure, "%s", message);
	take_result(item, seconds_since(job.begun),
		    r == -EINTR ? "interrupted" : r < 0 ? item->sweep->failure : NULL);
	return r == -EINTR ? r : 0;
}

int torn_check_run(struct torn_check *check, const struct torn_options *options)
{
	char message[256];
	struct torn_worker worker;
	torn_worker_catch_interrupts();
	int r = torn_worker_open(&worker, options->timeout_s, message, sizeof message);
	if (r < 0) {
		fprintf(stderr, "torn: %s\n", message);
		return -EPROTO;
	}
	size_t done = 0;
	for (; r == 0 && done < check->count; done++) {
		r = torn_sweep_open(&check->items[done].sweep);
		if (r < 0) {
			fprintf(stderr, "torn: no memory for findings: %s\n", strerror(-r));
			r = -EPROTO;
			break;
		}
		r = check_one(&check->items[done], &worker, options);
		if (check->finished)
			check->finished(check->context, &check->items[done], options);
	}
	if (worker.landlock == 0 && !options->quiet)
		fprintf(stderr, "torn: this kernel has no Landlock (Linux 5.13, or not in its lsm= list): the "
				"gate is the only wall around what targets write; run targets that you "
				"do not trust elsewhere\n");
	torn_worker_close(&worker);
	check->interrupted = r == -EINTR;
	if (r == -EINTR) { /* what was found so far is worth telling */
		check->count = done;
		r = 0;
	}
	return r;
}

void torn_check_free(struct torn_check *check)
{
	for (size_t i = 0; i < check->count; i++)
		if (check->items[i].sweep)
			torn_sweep_close(check->items[i].sweep);
	free(check->items);
}
