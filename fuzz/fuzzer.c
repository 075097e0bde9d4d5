/* fuzzer.c: see fuzzer.h. What both kinds of call share. */
#include "fuzzer.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "coverage.h"
#include "registry.h"
#include "worker.h"

static struct torn_fuzzing *fuzzing;
static struct torn_lab *this_lab;

struct torn_fuzzing *torn_fuzzer_fuzzing(void)
{
	return fuzzing;
}

struct torn_fuzzing *torn_fuzzer_begin(const struct torn_fuzzer *fuzzer, struct torn_fuzzed *fuzzed,
				       struct torn_lab *lab)
{
	const struct torn_counters counters = torn_coverage_counters();
	lab->counters = counters.first;
	lab->counters_count = counters.count;
	if (torn_fuzzing_open(fuzzed, lab, fuzzer->novelty, fuzzer->novelty_size, &fuzzing) < 0) {
		fuzzed->failed = true;
		snprintf(fuzzed->failure, sizeof fuzzed->failure, "no memory for old states");
		torn_worker_finish();
	}
	this_lab = lab;
	return fuzzing;
}

/* Handlers run in the order last to first: the target's own are done, libFuzzer's come next. */
static void end_target(int status, void *context)
{
	(void)context;
	if (!this_lab->recorder->running)
		return;
	fflush(NULL); /* as exit(3) does at its end */
	_exit(status);
}

void torn_fuzzer_own_exit(void)
{
	static bool is_registered;
	if (!is_registered)
		on_exit(end_target, NULL);
	is_registered = true;
}

int torn_fuzzer_main(const struct torn_fuzzer *fuzzer, int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	torn_registry_begin();
	if (argc > 1 && strcmp(argv[1], "fuzz") == 0)
		return torn_fuzzer_search(fuzzer, argc - 1, argv + 1);
	return torn_fuzzer_plain(fuzzer, argc, argv);
}
