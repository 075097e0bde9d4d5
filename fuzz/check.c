/* check.c: sweeping one target@variant after another, each shared out among workers. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "cuts.h"
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

static void take_result(struct torn_checked *item, bool is_part, double seconds, const char *failure)
{
	struct torn_sweep *sweep = item->sweep;
	torn_findings_settle(&sweep->findings);
	item->result = (struct torn_result){
		.target = item->target->name,
		.variant = item->variant->name,
		.plans = sweep->plans,
		.trials = sweep->trials,
		.later_runs = sweep->later_runs,
		.ops = sweep->ops,
		.kills = sweep->kills,
		.trees = sweep->trees,
		.kills_confirmed = sweep->kills_confirmed,
		.states = sweep->states,
		.is_part = is_part,
		.seconds = seconds,
		.partials = sweep->partials.items,
		.partials_count = sweep->partials.count,
		.findings = sweep->findings.items,
		.findings_count = sweep->findings.count,
		.failure = failure ? failure : sweep->failed || sweep->unjudged > 0 ? sweep->failure : NULL,
	};
}

/* ----------------------------------------------------------------- running */

/* The workers that share out a sweep, with what each of them does of it. */
struct crew {
	const struct torn_options *options;
	unsigned count;
	struct torn_worker workers[TORN_WORKERS_MAX];
	struct torn_sweep *parts[TORN_WORKERS_MAX];
	struct timespec begun;
};

static double seconds_since(struct timespec begun)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - begun.tv_sec) + (double)(now.tv_nsec - begun.tv_nsec) * 1e-9;
}

static void run_part(void *context, struct torn_lab *lab)
{
	torn_sweep_run(context, lab);
}

static void begin_part_again(void *context)
{
	struct torn_sweep *part = context;
	const struct torn_case *program_case = part->program_case;
	torn_sweep_begin(part, part->target, part->variant, &part->how);
	part->program_case = program_case;
}

static void show_progress(void *context)
{
	const struct crew *crew = context;
	const struct torn_sweep *first = crew->parts[0];
	const double seconds = seconds_since(crew->begun);
	if (crew->options->quiet || !isatty(STDERR_FILENO) || seconds < 0.5)
		return;
	uint64_t trials = 0;
	for (unsigned i = 0; i < crew->count; i++)
		trials += crew->parts[i]->trials;
	fprintf(stderr, "\r%s@%s: %lu trials, %.0f/s, old state %u of %u, %u of %u first faults left \033[K",
		first->target->name, first->variant->name, trials, (double)trials / seconds,
		first->progress.world, first->progress.worlds,
		first->progress.first_faults - first->progress.first_faults_done,
		first->progress.first_faults);
}

static void clear_progress(const struct torn_options *options)
{
	if (!options->quiet && isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
}

static void close_crew(struct crew *crew)
{
	for (unsigned i = 0; i < crew->count; i++) {
		torn_worker_close(&crew->workers[i]);
		torn_sweep_close(crew->parts[i]);
	}
}

/* Returns 0, or -EPROTO after saying why. */
static int open_crew(struct crew *crew, const struct torn_options *options,
		     const struct torn_program *program)
{
	*crew = (struct crew){.options = options};
	const unsigned wanted = options->jobs ? options->jobs : torn_jobs_default();
	while (crew->count < wanted) {
		struct torn_worker *worker = &crew->workers[crew->count];
		struct torn_sweep **part = &crew->parts[crew->count];
		char message[256] = "no memory for findings";
		if (torn_sweep_open(part) < 0) {
			fprintf(stderr, "torn: %s\n", message);
			break;
		}
		if (torn_worker_open_asked(worker, options->timeout_s, options->disk, message, sizeof message) < 0) {
			torn_sweep_close(*part);
			fprintf(stderr, "torn: %s\n", message);
			break;
		}
		if (torn_worker_choose_small_disk(worker, options->full, message, sizeof message) < 0) {
			torn_worker_close(worker);
			torn_sweep_close(*part);
			fprintf(stderr, "torn: SKIPPED: %s\n", message);
			break;
		}
		worker->progress_context = crew;
		worker->program = program;
		crew->count++;
	}
	if (crew->count == wanted) {
		crew->workers[0].progress = show_progress;
		return 0;
	}
	close_crew(crew);
	return -EPROTO;
}

/* Share out one sweep, and take in what its parts came to. Returns as torn_workers_do() does. */
static int share_out(struct torn_checked *item, struct crew *crew, unsigned depth, unsigned presets)
{
	const struct torn_options *options = crew->options;
	struct torn_job jobs[TORN_WORKERS_MAX];
	for (unsigned i = 0; i < crew->count; i++) {
		const struct torn_sweep_how how = {
			.seed = options->seed,
			.depth = depth,
			.all_errnos = options->all_errnos,
			.presets = presets,
			.full = options->full,
			.time_s = options->is_time_said ? options->time_s : 0,
			/* What a shard does is the same however many workers share it out. */
			.part = options->shard - 1 + i * options->shards,
			.parts = options->shards * crew->count,
		};
		torn_sweep_begin(crew->parts[i], item->target, item->variant, &how);
		crew->workers[i].starts_programs = item->target->starts_programs;
		crew->parts[i]->program_case = item->program_case;
		jobs[i] = (struct torn_job){.job = run_part, .again = begin_part_again, .context = crew->parts[i],
					    /* What a disk has shown of a run is told behind the last of its cuts. */
					    .heeds = crew->workers[i].disks != NULL};
	}
	char message[256];
	int r = torn_workers_do(crew->workers, jobs, crew->count, message, sizeof message);
	clear_progress(options);
	for (unsigned i = 0; i < crew->count; i++)
		torn_sweep_merge(item->sweep, crew->parts[i]);
	if (r == -EPROTO)
		snprintf(item->sweep->failure, sizeof item->sweep->failure, "%s", message);
	return r;
}

/* Each trial of a target that starts programs takes milliseconds: pairs of faults are for who asks for them. */
static unsigned depth_of(const struct torn_checked *item, const struct torn_options *options)
{
	if (item->depth > 0)
		return item->depth;
	if (options->full) /* it is the one fault */
		return 1;
	return item->target->starts_programs && !options->is_depth_said ? 1 : options->depth;
}

/* Returns 0, or -EINTR. What torn failed on is in the result. */
static int check_one(struct torn_checked *item, struct crew *crew, bool power_too)
{
	const struct torn_options *options = crew->options;
	clock_gettime(CLOCK_MONOTONIC, &crew->begun);
	torn_sweep_begin(item->sweep, item->target, item->variant, &(struct torn_sweep_how){0});
	int r = share_out(item, crew, depth_of(item, options), options->presets);
	if (r == 0 && power_too)
		r = share_out(item, crew, 1, TORN_PRESETS_USUAL);
	take_result(item, options->shards > 1, seconds_since(crew->begun),
		    r == -EINTR ? "interrupted" : r < 0 ? item->sweep->failure : NULL);
	return r == -EINTR ? r : 0;
}

int torn_check_run(struct torn_check *check, const struct torn_options *options)
{
	struct crew crew;
	torn_worker_catch_interrupts();
	int r = open_crew(&crew, options, check->program);
	if (r < 0)
		return r;
	size_t done = 0;
	for (; r == 0 && done < check->count; done++) {
		r = torn_sweep_open(&check->items[done].sweep);
		if (r < 0) {
			fprintf(stderr, "torn: no memory for findings: %s\n", strerror(-r));
			r = -EPROTO;
			break;
		}
		r = check_one(&check->items[done], &crew, check->power_too);
		if (check->finished)
			check->finished(check->context, &check->items[done], options);
	}
	if (crew.workers[0].landlock == 0 && !options->quiet)
		fprintf(stderr, "torn: this kernel has no Landlock (Linux 5.13, or not in its lsm= list): the "
				"gate is the only wall around what targets write; run targets that you "
				"do not trust elsewhere\n");
	close_crew(&crew);
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
