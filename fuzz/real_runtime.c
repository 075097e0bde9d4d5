/* real_runtime.c: see real_runtime.h; injectors/runtime_real.h does the asking. */
#include "real_runtime.h"

#include <string.h>

#include "../injectors/runtime_real.h"

#define RUNTIME "proc/" /* where worlds have it */

bool torn_real_runtime_lacks(const struct torn_target *target, char *ret_why, size_t size)
{
	bool is_held = false;
	snprintf(ret_why, size, "it watches nothing that the kernel keeps");
	for (const char *const *watch = target->watch; watch && *watch; watch++) {
		if (strncmp(*watch, RUNTIME, strlen(RUNTIME)) != 0)
			continue;
		const char *why = torn_runtime_real_lacks(torn_bytes_of(*watch + strlen(RUNTIME)));
		if (!why)
			is_held = true;
		else
			snprintf(ret_why, size, "%s %s", *watch, why);
	}
	return !is_held;
}

static void give_up_targets(struct torn_check *check)
{
	size_t kept = 0;
	for (size_t i = 0; i < check->count; i++) {
		const struct torn_checked *item = &check->items[i];
		char why[256];
		if (torn_real_runtime_lacks(item->target, why, sizeof why))
			fprintf(stderr, "%s@%s: SKIPPED: %s\n", item->target->name, item->variant->name, why);
		else
			check->items[kept++] = *item;
	}
	check->count = kept;
}

int torn_real_runtime_begin(struct torn_options *options, struct torn_check *check)
{
	char message[256];
	if (!options->real_runtime)
		return 0;
	options->jobs = 1; /* one kernel, one question at a time */
	const int r = torn_runtime_real_start(message, sizeof message);
	if (r < 0)
		fprintf(stderr, "torn: %s: it can be asked nothing; --runtime model simulates it\n", message);
	else if (check)
		give_up_targets(check);
	return r;
}

int torn_real_runtime_end(const struct torn_options *options, int status)
{
	struct torn_runtime_real real;
	if (!options->real_runtime)
		return status;
	torn_runtime_real_stop(&real);
	if (real.unheld > 0)
		fprintf(stderr, "torn: %lu changes were not asked of this kernel: %s%s\n", real.unheld,
			real.first_unheld, real.unheld > 1 ? ", and others" : "");
	if (real.asked == 0)
		return status;
	if (real.differences == 0) {
		fprintf(stderr, "torn: %lu changes were made on this kernel, too: it did what the simulated one does\n",
			real.asked);
		return status;
	}
	fprintf(stderr, "torn: this kernel and the simulated one differ, %lu times in %lu: %s\n", real.differences,
		real.asked, real.first_difference);
	return TORN_EXIT_FAILED;
}
