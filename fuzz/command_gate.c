/*
 * command_gate.c: torn gate: what must hold before a merge. Every target and
 * variant is swept twice, by pairs of faults and by single ones with power cuts
 * (pairs with power cuts take too long for a gate); its findings must be those of
 * corpus/<target>/expected, no more and no less; every case of the corpus must
 * replay to what it expects.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "case.h"
#include "case_files.h"
#include "commands.h"
#include "expected.h"
#include "worker.h"

struct gate {
	const struct torn_options *options;
	bool failed; /* torn itself */
	bool differs;
	size_t known, cases;
};

/* ------------------------------------------------------------ known findings */

/* A known finding is one that its case can show: the file must be there to be replayed. */
static bool has_case(const struct gate *gate, const struct torn_result *result,
		     const struct torn_expected *item)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s/%s", gate->options->corpus, result->target, item->file);
	if (access(path, R_OK) == 0)
		return true;
	printf("  NO CASE  %s/%s/expected:%u: %s: %s\n", gate->options->corpus, result->target, item->line,
	       item->file, strerror(errno));
	return false;
}

static bool match(struct gate *gate, const struct torn_result *result, struct torn_expected_list *list,
		  const struct torn_finding *finding, bool any_case)
{
	char file[512];
	torn_case_file_name(finding, file, sizeof file);
	const struct torn_expected *item = torn_expected_match(list, finding, any_case ? NULL : file);
	if (item)
		gate->differs |= !has_case(gate, result, item);
	return item != NULL;
}

static void compare(void *context, const struct torn_checked *checked,
		    const struct torn_options *options)
{
	struct gate *gate = context;
	const struct torn_result *result = &checked->result;
	(void)options;
	struct torn_expected_list list;
	if (torn_expected_read(gate->options->corpus, result->target, &list) < 0) {
		gate->failed = true;
		return;
	}
	size_t known = 0, new = 0, gone = 0;
	bool *is_known = calloc(result->findings_count + 1, sizeof *is_known);
	if (!is_known) {
		torn_expected_free(&list);
		gate->failed = true;
		return;
	}
	/* First the lines that have the very case: what is left over is then what is new. */
	for (int any_case = 0; any_case < 2; any_case++)
		for (size_t i = 0; i < result->findings_count; i++)
			if (!result->findings[i].is_label && !is_known[i])
				known += is_known[i] =
					match(gate, result, &list, &result->findings[i], any_case);
	for (size_t i = 0; i < result->findings_count; i++) {
		const struct torn_finding *finding = &result->findings[i];
		if (finding->is_label || is_known[i])
			continue;
		char fault[64];
		torn_expected_fault(finding, fault, sizeof fault);
		printf("  NEW      %s@%s %s at %s (%s): %s\n", finding->target, finding->variant, finding->id,
		       finding->call[0] ? finding->call : "-", strcmp(fault, "-") == 0 ? "no fault" : fault,
		       finding->summary);
		new++;
	}
	free(is_known);
	for (size_t i = 0; i < list.count; i++) {
		const struct torn_expected *item = &list.items[i];
		if (item->found || strcmp(item->variant, result->variant) != 0)
			continue;
		printf("  MISSING  %s@%s %s at %s (%s): listed in %s/%s/expected:%u, no longer found\n",
		       result->target, item->variant, item->invariant, item->call, item->fault,
		       gate->options->corpus, result->target, item->line);
		gone++;
	}
	torn_expected_free(&list);
	gate->known += known;
	gate->differs |= new > 0 || gone > 0;
	gate->failed |= result->failure != NULL;
	printf("%-28s %-10s %s: %zu known finding%s, %zu new, %zu missing; %lu plans, %lu trials, %lu kills, "
	       "%lu trees, %.2f s\n",
	       result->target, result->variant,
	       result->failure ? result->failure : new || gone ? "DIFFERS" : "ok", known,
	       known == 1 ? "" : "s", new, gone, result->plans, result->trials, result->kills,
	       result->trees, result->seconds);
	fflush(stdout);
}

/* -------------------------------------------------------------------- cases */

static bool as_expected(const struct torn_replayed *replayed, const struct torn_case *c)
{
	if (replayed->failed || replayed->verdict == TORN_INVALID)
		return false;
	const bool violated = replayed->verdict == TORN_VIOLATED;
	return c->expect == TORN_EXPECT_VIOLATED ? violated : !violated;
}

static int replay_case(struct gate *gate, struct torn_worker *worker, struct torn_arena *arena,
		       const char *path)
{
	const size_t mark = torn_arena_mark(arena);
	struct torn_replayed *replayed;
	int r = torn_replay(worker, path, arena, &replayed);
	if (r == 0 && !as_expected(replayed, replayed->c)) {
		printf("  CASE     %s: %s, which is not what it expects: %s\n", path,
		       replayed->failed ? "not judged" : torn_verdict_name(replayed->verdict),
		       replayed->text);
		gate->failed |= replayed->failed;
		gate->differs = true;
	}
	gate->differs |= r == -EINVAL;
	gate->cases++;
	torn_arena_return(arena, mark);
	return r == -EINTR ? r : 0;
}

static int is_case(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');
	return dot && strcmp(dot, ".case") == 0;
}

static int replay_target(struct gate *gate, struct torn_worker *worker, struct torn_arena *arena,
			 const char *target)
{
	char folder[2048];
	snprintf(folder, sizeof folder, "%s/%s", gate->options->corpus, target);
	struct dirent **entries;
	const int count = scandir(folder, &entries, is_case, alphasort);
	int r = 0;
	for (int i = 0; i < count; i++) {
		char path[4096];
		snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
		if (r == 0)
			r = replay_case(gate, worker, arena, path);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return r;
}

static int replay_corpus(struct gate *gate, const struct torn_check *check)
{
	char message[256];
	struct torn_worker worker;
	struct torn_arena arena;
	if (torn_arena_open(&arena, TORN_CASE_ARENA_SIZE) < 0) {
		gate->failed = true;
		return 0;
	}
	int r = torn_worker_open(&worker, gate->options->timeout_s, message, sizeof message);
	if (r < 0) {
		fprintf(stderr, "torn: %s\n", message);
		gate->failed = true;
		torn_arena_close(&arena);
		return 0;
	}
	for (size_t i = 0; r == 0 && i < check->count; i++)
		if (i == 0 || check->items[i].target != check->items[i - 1].target)
			r = replay_target(gate, &worker, &arena, check->items[i].target->name);
	torn_worker_close(&worker);
	torn_arena_close(&arena);
	return r;
}

/* --------------------------------------------------------------------- gate */

int torn_command_gate(int argc, char **argv)
{
	struct torn_options options = torn_options_parse(
		argc, argv, "seed depth jobs corpus timeout quiet", "[TARGET[@VARIANT]...]",
		"Sweep, also under power cuts, hold the findings against corpus/TARGET/expected, "
		"replay all cases.");
	if (!options.corpus)
		options.corpus = "corpus";
	struct timespec begun, ended;
	clock_gettime(CLOCK_MONOTONIC, &begun);
	struct gate gate = {.options = &options};
	struct torn_check check = {.finished = compare, .context = &gate, .power_too = true};
	int r = torn_check_choose(&check, &options);
	if (r < 0) {
		torn_check_free(&check);
		return TORN_EXIT_USAGE;
	}
	struct stat status;
	if (stat(options.corpus, &status) != 0 || !S_ISDIR(status.st_mode)) {
		torn_check_free(&check);
		return torn_mistake("torn gate", options.corpus, "a folder for --corpus");
	}
	r = torn_check_run(&check, &options);
	if (r == 0 && check.interrupted)
		r = -EINTR;
	if (r == 0)
		r = replay_corpus(&gate, &check);
	clock_gettime(CLOCK_MONOTONIC, &ended);
	printf("gate: %s: %zu variants, %zu known findings, %zu cases replayed, %.1f s\n",
	       r == -EINTR		      ? "INTERRUPTED"
	       : r < 0 || gate.failed ? "FAILED"
	       : gate.differs	      ? "DIFFERS"
				      : "passed",
	       check.count, gate.known, gate.cases, (double)(ended.tv_sec - begun.tv_sec) +
	       (double)(ended.tv_nsec - begun.tv_nsec) * 1e-9);
	torn_check_free(&check);
	if (r == -EINTR)
		return TORN_EXIT_INTERRUPTED;
	return r < 0 || gate.failed ? TORN_EXIT_FAILED : gate.differs ? TORN_EXIT_FINDINGS : TORN_EXIT_CLEAN;
}
