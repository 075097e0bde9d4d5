/* command_check.c: torn check TARGET[@VARIANT]... */
#include <stdlib.h>
#include <unistd.h>

#include "commands.h"
#include "full.h"
#include "real_runtime.h"
#include "tell.h"

static void say_step(void *context, const struct torn_checked *item,
		     const struct torn_options *options)
{
	(void)context;
	if (options->quiet)
		return;
	size_t findings = 0;
	for (size_t i = 0; i < item->result.findings_count; i++)
		findings += !item->result.findings[i].is_label;
	fprintf(stderr, "checked %s@%s: %zu finding%s, %lu plans, %lu trials, %lu distinct trees, "
			"%.1f s\n", item->result.target,
		item->result.variant, findings, findings == 1 ? "" : "s", item->result.plans,
		item->result.trials, item->result.trees, item->result.seconds);
}

/* Returns the exit code. */
static int tell(const struct torn_check *check, const struct torn_options *options)
{
	struct torn_result *results = calloc(check->count + 1, sizeof *results);
	if (!results)
		return TORN_EXIT_FAILED;
	for (size_t i = 0; i < check->count; i++)
		results[i] = check->items[i].result;
	const int status = torn_tell(results, check->count, options) < 0
				   ? TORN_EXIT_FAILED
				   : torn_verdict(results, check->count, check->interrupted, options);
	free(results);
	return status;
}

int torn_command_check(int argc, char **argv)
{
	struct torn_options options =
		torn_options_parse(argc, argv, "seed depth all-errnos power presets full jobs shard time cases allow runtime timeout quiet reports",
				   "[TARGET[@VARIANT]...]",
				   "Try every fault at every op, a second one at every op behind it, and every "
				   "kill of every run; without a name, all targets.");
	struct torn_check check = {.finished = isatty(STDERR_FILENO) ? NULL : say_step};
	int r = torn_check_choose(&check, &options);
	int status = r < 0 ? TORN_EXIT_USAGE : TORN_EXIT_FAILED;
	const int fits = r < 0 || !options.full ? r : torn_full_choose(&check);
	const int begun = fits < 0 ? fits : torn_real_runtime_begin(&options, &check);
	if (begun == 0)
		r = torn_check_run(&check, &options);
	if (begun == 0 && r == 0)
		status = tell(&check, &options);
	if (begun == 0)
		status = torn_real_runtime_end(&options, status);
	torn_check_free(&check);
	return status;
}
