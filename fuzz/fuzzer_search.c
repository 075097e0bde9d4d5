/*
 * fuzzer_search.c: torn fuzz: libFuzzer in workers, watched. A worker that dies
 * of its target is followed by one in which each trial has a child of its own;
 * the others go on, so that what each does is decided by its seed alone.
 *
 * libFuzzer and the heap of a process that runs other people's code grow with the
 * cases that it ran. So a worker ends after a stint, and the next one goes on from
 * the corpus: memory after an hour is that after a minute.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "../injectors/dice.h"
#include "commands.h"
#include "coverage.h"
#include "fuzzer.h"
#include "mirror.h"
#include "registry.h"
#include "sandbox.h"
#include "tell.h"
#include "worker.h"

#define SAVE_EVERY_S 10
#define CASE_BYTES_MAX "65535" /* below TORN_FUZZED_CASE_MAX */
#define STINT_CASES 50000u

/* One worker's share of a search. */
struct share {
	const struct torn_fuzzer *fuzzer;
	const struct torn_options *options;
	struct torn_fuzzed *fuzzed;
	unsigned number;
	unsigned stint;       /* of how many workers it is */
	uint64_t cases_before; /* when the stint began */
	uint64_t runs;         /* 0: until the time is over */
	int folder_fd; /* of its corpus */
};

struct search {
	const struct torn_fuzzer *fuzzer;
	const struct torn_options *options;
	const struct torn_target *target;
	const struct torn_variant *variant;
	unsigned count;
	struct torn_worker workers[TORN_WORKERS_MAX];
	struct share shares[TORN_WORKERS_MAX];
	int64_t begun_ns, saved_ns;
	int save_error; /* of the last time that the corpus was saved: 0 or -errno */
};

static double seconds_since(int64_t begun_ns)
{
	return (double)(torn_fuzzed_now_ns() - begun_ns) * 1e-9;
}

/* --------------------------------------------------------- in the worker */

/* libFuzzer ends by exit(3). */
static void finish(void)
{
	torn_worker_finish();
}

static int run_one(const uint8_t *data, size_t size)
{
	torn_fuzzer_own_exit();
	const int r = torn_fuzzing_run(torn_fuzzer_fuzzing(), (struct torn_bytes){data, size});
	if (r == -EPROTO)
		torn_worker_finish();
	return 0;
}

/* libFuzzer's has 32 bits, which all bits of both numbers decide; 0 is one that it chooses itself. */
static uint32_t seed_of(uint64_t seed, const struct share *share)
{
	struct torn_dice dice = {seed};
	uint32_t rolled = 0;
	dice.state = torn_dice_roll(&dice) + share->number;
	dice.state = torn_dice_roll(&dice) + share->stint;
	while (rolled == 0)
		rolled = (uint32_t)(torn_dice_roll(&dice) >> 32);
	return rolled;
}

static double seconds_left(const struct share *share)
{
	return share->options->time_s - seconds_since(share->fuzzed->begun_ns);
}

/* Cases of this stint, those of the corpus that it begins with among them. */
static uint64_t cases_of_stint(const struct share *share, int folder_fd)
{
	const uint64_t stint = STINT_CASES + torn_mirror_count(folder_fd);
	const uint64_t left = share->runs - share->fuzzed->cases;
	return share->runs && left < stint ? left : stint;
}

static void search_in_worker(void *context, struct torn_lab *lab)
{
	struct share *share = context;
	const struct torn_options *options = share->options;
	share->fuzzed->presets = options->presets;
	torn_fuzzer_begin(share->fuzzer, share->fuzzed, lab);
	if (atexit(finish) != 0)
		torn_worker_finish();
	const double left = seconds_left(share);
	char seed[40], runs[40], until[40] = "-max_total_time=0", folder[40];
	snprintf(seed, sizeof seed, "-seed=%u", seed_of(options->seed, share));
	snprintf(runs, sizeof runs, "-runs=%lu", cases_of_stint(share, lab->folder_fd));
	if (!share->runs)
		snprintf(until, sizeof until, "-max_total_time=%u", left < 1 ? 1 : (unsigned)left);
	snprintf(folder, sizeof folder, "/proc/self/fd/%d", lab->folder_fd);
	/* No alarms, threads or handlers of libFuzzer's: whoever watches sees what hangs and crashes. */
	char *arguments[] = {
		(char *)share->fuzzer->target, seed, runs, until, folder,
		(char *)"-max_len=" CASE_BYTES_MAX, (char *)"-len_control=0", (char *)"-reload=0",
		(char *)"-entropic=0", /* it counts features for each input: memory that grows */
		(char *)"-timeout=0", (char *)"-rss_limit_mb=0", (char *)"-malloc_limit_mb=0",
		(char *)"-detect_leaks=0", (char *)"-print_funcs=0", (char *)"-handle_segv=0", (char *)"-handle_bus=0",
		(char *)"-handle_abrt=0", (char *)"-handle_ill=0", (char *)"-handle_fpe=0",
		(char *)"-handle_int=0", (char *)"-handle_term=0", (char *)"-handle_xfsz=0",
		(char *)"-handle_usr1=0", (char *)"-handle_usr2=0", NULL,
	};
	int argc = (int)(sizeof arguments / sizeof *arguments) - 1;
	char **argv = arguments;
	share->fuzzer->drive(&argc, &argv, run_one);
}

/* ------------------------------------------------------------- watching it */

static bool has_more(void *context)
{
	struct share *share = context;
	const uint64_t cases = share->fuzzed->cases;
	const bool came_on = cases > share->cases_before;
	share->stint++;
	share->cases_before = cases;
	if (!came_on || share->fuzzed->failed)
		return false;
	return share->runs ? cases < share->runs : seconds_left(share) >= 1;
}

static void search_again(void *context)
{
	struct share *share = context;
	struct torn_fuzzed *fuzzed = share->fuzzed;
	const struct torn_bytes ended = torn_bytes_of(fuzzed->case_at_hand);
	/* What it died of is run by the next one, and kept beside that of another worker or search. */
	char name[64];
	snprintf(name, sizeof name, "ended-a-worker-%016lx.case", XXH3_64bits(ended.data, ended.size));
	if (ended.size > 0)
		torn_mirror_write(share->folder_fd, name, ended);
	if (!share->options->quiet && !isatty(STDERR_FILENO))
		fprintf(stderr, "torn: this case ended its process; each trial has one of its own from here on\n%s",
			fuzzed->case_at_hand);
	/* What was found in a given time stays found; a given number of cases is counted anew. */
	if (share->runs) {
		torn_fuzzed_begin(fuzzed, fuzzed->target, fuzzed->variant);
		share->cases_before = 0;
	}
}

/* What cannot be saved is told when it begins: it is tried again, and at the end it counts. */
static void save_corpus(struct search *search)
{
	char path[4096];
	int r = 0;
	search->saved_ns = torn_fuzzed_now_ns();
	for (unsigned i = 0; r >= 0 && search->options->corpus && i < search->count; i++)
		r = torn_mirror_out(search->shares[i].folder_fd, search->options->corpus, false, path,
				    sizeof path);
	if (r < 0 && search->save_error == 0)
		fprintf(stderr, "torn: %s: %s\n", path, strerror(-r));
	search->save_error = r < 0 ? r : 0;
}

static void watch(void *context)
{
	struct search *search = context;
	const struct torn_options *options = search->options;
	const double seconds = seconds_since(search->begun_ns);
	if (seconds_since(search->saved_ns) > SAVE_EVERY_S)
		save_corpus(search);
	if (options->quiet || !isatty(STDERR_FILENO))
		return;
	uint64_t cases = 0;
	size_t findings = 0;
	for (unsigned i = 0; i < search->count; i++) {
		cases += search->shares[i].fuzzed->cases;
		if (search->shares[i].fuzzed->findings.count > findings)
			findings = search->shares[i].fuzzed->findings.count;
	}
	fprintf(stderr, "\r%s@%s: %lu cases, %.0f/s, %zu finding%s, ", search->target->name,
		search->variant->name, cases, (double)cases / seconds, findings,
		findings == 1 ? "" : "s");
	if (options->runs)
		fprintf(stderr, "%lu left \033[K", options->runs > cases ? options->runs - cases : 0);
	else
		fprintf(stderr, "%.0f s left \033[K", options->time_s > seconds ? options->time_s - seconds : 0);
}

/* ----------------------------------------------------------------- opening */

static void close_search(struct search *search)
{
	for (unsigned i = 0; i < search->count; i++) {
		if (search->shares[i].folder_fd >= 0)
			close(search->shares[i].folder_fd);
		torn_fuzzed_close(search->shares[i].fuzzed);
		torn_worker_close(&search->workers[i]);
	}
}

/* Returns 0, or -EPROTO after saying why. */
static int open_share(struct search *search, unsigned number)
{
	struct torn_worker *worker = &search->workers[number];
	struct share *share = &search->shares[number];
	char message[256];
	*share = (struct share){.fuzzer = search->fuzzer, .options = search->options, .number = number};
	if (torn_worker_open_asked(worker, search->options->timeout_s, search->options->disk, message, sizeof message) < 0) {
		fprintf(stderr, "torn: %s\n", message);
		return -EPROTO;
	}
	int r = torn_fuzzed_open(&share->fuzzed);
	if (r < 0) {
		fprintf(stderr, "torn: no memory for findings: %s\n", strerror(-r));
		torn_worker_close(worker);
		return -EPROTO;
	}
	search->count++;
	share->folder_fd = torn_sandbox_folder(worker->workspace.dir_fd, "corpus");
	r = share->folder_fd;
	if (r >= 0 && search->options->corpus)
		r = torn_mirror_in(search->options->corpus, share->folder_fd);
	if (r >= 0)
		r = torn_fuzzing_seed(search->target, search->variant, share->folder_fd);
	if (r < 0) {
		fprintf(stderr, "torn: %s: %s\n",
			search->options->corpus ? search->options->corpus : "corpus", strerror(-r));
		return -EPROTO;
	}
	worker->folder_fd = share->folder_fd;
	worker->progress_context = search;
	return 0;
}

/* --------------------------------------------------------------- reporting */

/* A finding is run again, by a process that knows nothing of the search, before it is told. */
static int confirm(struct search *search, struct torn_fuzzed *fuzzed, struct torn_result *result)
{
	struct torn_arena arena;
	if (torn_arena_open(&arena, 256u << 20) < 0)
		return -ENOMEM;
	int r = 0;
	for (size_t i = 0; r == 0 && i < result->findings_count; i++) {
		const struct torn_finding *finding = &result->findings[i];
		struct torn_replayed *replayed;
		if (finding->is_label)
			continue; /* it breaks no promise: a replay would find that all hold */
		torn_arena_return(&arena, 0);
		r = torn_replay_text(&search->workers[0], finding->case_text, &arena, &replayed);
		if (r < 0 || (!replayed->failed && replayed->verdict == TORN_VIOLATED))
			continue;
		snprintf(fuzzed->failure, sizeof fuzzed->failure,
			 "%s was found and not found again: %.200s", finding->id, replayed->text);
		result->failure = fuzzed->failure;
		result->findings[i--] = result->findings[--result->findings_count];
	}
	torn_arena_close(&arena);
	return r;
}

/* What a target runs as programs counts nothing here: that none of its code was reached would be a lie. */
static bool counts_edges(const struct torn_fuzzed *fuzzed)
{
	return !fuzzed->target->starts_programs;
}

static void say_summary(const struct torn_result *result, const struct torn_fuzzed *fuzzed,
			const struct torn_options *options)
{
	FILE *out = torn_tells_on_stdout(options) ? stderr : stdout;
	if (options->quiet)
		return;
	fprintf(out, "%s@%s: %lu cases in %.1f s (%.0f/s), %lu of them refused; %lu trials, %lu kills judged\n",
		result->target, result->variant, fuzzed->cases, result->seconds,
		(double)fuzzed->cases / (result->seconds > 0 ? result->seconds : 1), fuzzed->refused,
		fuzzed->trials, fuzzed->kills);
	if (options->disk)
		fprintf(out, "a real %s: %lu of at least %lu states that power cuts leave of these runs looked at (%.0f/s)\n",
			options->disk, fuzzed->states.seen, fuzzed->states.legal,
			(double)fuzzed->states.seen / (result->seconds > 0 ? result->seconds : 1));
	for (size_t i = 0; i < result->findings_count; i++)
		fprintf(out, "  found after %.2f s: %s at %s (%s)\n", result->findings[i].seconds,
			result->findings[i].id,
			result->findings[i].call[0] ? result->findings[i].call : "-",
			result->findings[i].fault[0] ? result->findings[i].fault : "no fault");
	if (counts_edges(fuzzed))
		torn_coverage_print(out, fuzzed->edges_seen);
	else
		fprintf(out, "coverage: not counted, since %s runs in processes of its own\n", result->target);
	fflush(out);
}

/*
 * An odd argument may have the target do what torn cannot judge: that is told,
 * and the search goes on. Where the target's own old states make it do so, or
 * nothing was judged at all, no finding means nothing. NULL: that is not so.
 */
static const char *failure_of(struct torn_fuzzed *fuzzed, bool has_failed)
{
	if (has_failed || fuzzed->failed)
		return fuzzed->failure;
	if (!fuzzed->is_declared_unjudged && fuzzed->trials > 0)
		return NULL;
	snprintf(fuzzed->failure, sizeof fuzzed->failure, "%s",
		 fuzzed->unjudged > 0 ? fuzzed->unjudged_why : "no trial was judged");
	return fuzzed->failure;
}

/* Returns 0, -EINTR, or -EPROTO after saying why. */
static int run_search(struct search *search, struct torn_fuzzed *all, struct torn_result *ret_result)
{
	const struct torn_options *options = search->options;
	struct torn_job jobs[TORN_WORKERS_MAX];
	search->begun_ns = search->saved_ns = torn_fuzzed_now_ns();
	for (unsigned i = 0; i < search->count; i++) {
		struct share *share = &search->shares[i];
		search->workers[i].starts_programs = search->target->starts_programs;
		share->runs = options->runs ? (options->runs + i) / search->count : 0;
		torn_fuzzed_begin(share->fuzzed, search->target, search->variant);
		jobs[i] = (struct torn_job){
			.job = search_in_worker,
			.again = search_again,
			.more = has_more,
			.context = share,
			.alone = true,
		};
	}
	torn_fuzzed_begin(all, search->target, search->variant);
	char message[256] = "";
	search->workers[0].progress = watch;
	int r = torn_workers_do(search->workers, jobs, search->count, message, sizeof message);
	search->workers[0].progress = NULL;
	if (!options->quiet && isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	save_corpus(search);
	for (unsigned i = 0; i < search->count; i++)
		torn_fuzzed_merge(all, search->shares[i].fuzzed);
	/* One without a fault may be of an odd old state: it explains none of the others. */
	torn_findings_sort(&all->findings);
	if (r == -EPROTO)
		snprintf(all->failure, sizeof all->failure, "%s", message);
	*ret_result = (struct torn_result){
		.target = search->target->name,
		.variant = search->variant->name,
		.plans = all->cases,
		.trials = all->trials,
		.ops = all->ops,
		.kills = all->kills,
		.later_runs = all->later_runs,
		.states = all->states,
		.trees = all->trees,
		.is_part = true,
		.seconds = seconds_since(search->begun_ns),
		.findings = all->findings.items,
		.findings_count = all->findings.count,
		.unjudged = all->unjudged,
		.unjudged_why = all->unjudged_why,
		.failure = failure_of(all, r == -EPROTO),
	};
	if (counts_edges(all))
		ret_result->covered_count = torn_coverage_files(all->edges_seen, &all->arena, &ret_result->covered);
	if (all->failed)
		fprintf(stderr, "torn: failed at this case: %s\n%s", all->failure, all->case_at_hand);
	const int again = r == -EINTR ? 0 : confirm(search, all, ret_result);
	say_summary(ret_result, all, options);
	return r == -EINTR || again == -EINTR ? -EINTR : again;
}

/* Choose what to fuzz. Returns the variant, or NULL after saying why there is none. */
static const struct torn_variant *choose(const struct torn_fuzzer *fuzzer,
					 const struct torn_options *options)
{
	const struct torn_target *target = torn_target_named(torn_bytes_of(fuzzer->target));
	const char *name = options->names_count == 1 ? options->names[0] : "";
	const size_t size = strcspn(name, "@");
	if (size != strlen(fuzzer->target) || strncmp(name, fuzzer->target, size) != 0) {
		char expected[300];
		snprintf(expected, sizeof expected, "%s or %s@VARIANT", fuzzer->target, fuzzer->target);
		torn_mistake("torn fuzz", options->names_count > 1 ? options->names[1] : name, expected);
		return NULL;
	}
	if (!name[size])
		return &target->variants[0];
	const struct torn_variant *variant = torn_variant_named(target, torn_bytes_of(name + size + 1));
	if (!variant)
		torn_mistake("torn fuzz", name + size + 1, "a variant (see torn list targets)");
	return variant;
}

/* It is told before a search, and not at its end, that there is no place for the corpus. */
static enum torn_exit prepare_corpus(const char *path)
{
	struct stat status;
	if (!path)
		return TORN_EXIT_CLEAN;
	if (stat(path, &status) == 0 && !S_ISDIR(status.st_mode)) {
		torn_mistake("torn fuzz", path, "a folder for --corpus");
		return TORN_EXIT_USAGE;
	}
	if ((mkdir(path, 0777) == 0 || errno == EEXIST) && access(path, W_OK | X_OK) == 0)
		return TORN_EXIT_CLEAN;
	fprintf(stderr, "torn: %s: %s\n", path, strerror(errno));
	return TORN_EXIT_FAILED;
}

/* One that has no case to run would run as many as there is time for. */
static unsigned workers_wanted(const struct torn_options *options)
{
	const unsigned jobs = options->jobs ? options->jobs : 1;
	return options->runs > 0 && options->runs < jobs ? (unsigned)options->runs : jobs;
}

int torn_fuzzer_search(const struct torn_fuzzer *fuzzer, int argc, char **argv)
{
	const struct torn_options options = torn_options_fuzz(argc, argv);
	const struct torn_variant *variant = choose(fuzzer, &options);
	if (!variant)
		return TORN_EXIT_USAGE;
	const enum torn_exit prepared = prepare_corpus(options.corpus);
	if (prepared != TORN_EXIT_CLEAN)
		return prepared;
	struct search *search = calloc(1, sizeof *search);
	struct torn_fuzzed *all;
	if (!search || torn_fuzzed_open(&all) < 0) {
		free(search);
		fprintf(stderr, "torn: no memory\n");
		return TORN_EXIT_FAILED;
	}
	search->fuzzer = fuzzer;
	search->options = &options;
	search->variant = variant;
	search->target = torn_target_named(torn_bytes_of(fuzzer->target));
	torn_worker_catch_interrupts();
	const unsigned wanted = workers_wanted(&options);
	int r = 0;
	while (r == 0 && search->count < wanted)
		r = open_share(search, search->count);
	struct torn_result result = {0};
	if (r == 0)
		r = run_search(search, all, &result);
	int status = TORN_EXIT_FAILED;
	if ((r == 0 || r == -EINTR) && torn_tell(&result, 1, &options) == 0 && search->save_error == 0)
		status = torn_verdict(&result, 1, r == -EINTR, &options);
	close_search(search);
	torn_fuzzed_close(all);
	free(search);
	return status;
}
