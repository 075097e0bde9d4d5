/* command_replay.c: torn replay CASE... and torn explain CASE. */
#include <errno.h>
#include <string.h>

#include "case.h"
#include "commands.h"
#include "real_runtime.h"
#include "worker.h"

static int exit_of(const struct torn_replayed *replayed)
{
	if (replayed->failed)
		return TORN_EXIT_FAILED;
	if (replayed->verdict == TORN_INVALID)
		return TORN_EXIT_OUTDATED;
	return replayed->verdict == TORN_VIOLATED ? TORN_EXIT_FINDINGS : TORN_EXIT_CLEAN;
}

/* Of several cases the worst counts: torn's own failure, an outdated case, a finding. */
static int worse(int a, int b)
{
	static const int order[] = {TORN_EXIT_FAILED, TORN_EXIT_USAGE, TORN_EXIT_OUTDATED,
				    TORN_EXIT_FINDINGS};
	for (size_t i = 0; i < sizeof order / sizeof *order; i++)
		if (a == order[i] || b == order[i])
			return order[i];
	return TORN_EXIT_CLEAN;
}

static void say_replayed(const char *path, const struct torn_replayed *replayed)
{
	const char *verdict = replayed->is_skipped ? torn_verdict_name(TORN_SKIPPED)
			      : replayed->failed   ? "NOT JUDGED"
						   : torn_verdict_name(replayed->verdict);
	printf("%s: %s %s\n", path, verdict, replayed->text);
}

static void say_explained(const char *path, const struct torn_replayed *replayed)
{
	if (replayed->failed || replayed->verdict == TORN_INVALID)
		say_replayed(path, replayed);
	if (!replayed->failed && replayed->trial.log)
		torn_explain(stdout, &replayed->trial, replayed->invariant, &replayed->judgement);
}

static int each_case(const struct torn_options *options,
		     void (*say)(const char *path, const struct torn_replayed *replayed))
{
	char message[256];
	struct torn_worker worker;
	struct torn_arena arena;
	if (options->names_count == 0) {
		return torn_mistake("torn", "", "a case");
	}
	torn_worker_catch_interrupts();
	int r = torn_arena_open(&arena, TORN_CASE_ARENA_SIZE);
	if (r < 0) {
		fprintf(stderr, "torn: no memory: %s\n", strerror(-r));
		return TORN_EXIT_FAILED;
	}
	r = torn_worker_open(&worker, options->timeout_s, message, sizeof message);
	if (r < 0) {
		fprintf(stderr, "torn: %s\n", message);
		torn_arena_close(&arena);
		return TORN_EXIT_FAILED;
	}
	int status = TORN_EXIT_CLEAN;
	for (size_t i = 0; i < options->names_count && r != -EINTR; i++) {
		const size_t mark = torn_arena_mark(&arena);
		struct torn_replayed *replayed = NULL;
		r = torn_replay(&worker, options->names[i], &arena, &replayed);
		if (r == 0)
			say(options->names[i], replayed);
		status = worse(status, r == -EINVAL ? TORN_EXIT_USAGE
				       : r < 0      ? TORN_EXIT_FAILED
						    : exit_of(replayed));
		torn_arena_return(&arena, mark);
	}
	torn_worker_close(&worker);
	torn_arena_close(&arena);
	return r == -EINTR ? TORN_EXIT_INTERRUPTED : status;
}

int torn_command_replay(int argc, char **argv)
{
	struct torn_options options = torn_options_parse(
		argc, argv, "runtime timeout", "CASE...", "Run cases again; exit 1 where one still shows its violation.");
	if (torn_real_runtime_begin(&options, NULL) < 0)
		return TORN_EXIT_FAILED;
	return torn_real_runtime_end(&options, each_case(&options, say_replayed));
}

int torn_command_explain(int argc, char **argv)
{
	const struct torn_options options =
		torn_options_parse(argc, argv, "timeout", "CASE...", "Tell what happens in a case, in words.");
	return each_case(&options, say_explained);
}
