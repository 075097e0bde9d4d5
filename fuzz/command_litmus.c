/* command_litmus.c: torn litmus [--against PRESET] [FS...]. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "litmus_table.h"
#include "tell.h"
#include "worker.h"

#define ARENA_BYTES ((size_t)16 << 20)

static double now_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void show_progress(const struct torn_litmus_column *column, size_t done)
{
	fprintf(stderr, "\r%s: %zu of %zu rows \033[K", column->file_system, done, column->cells_count);
}

static void say_step(const struct torn_litmus_column *column, const struct torn_options *options, double seconds)
{
	if (options->quiet)
		return;
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r\033[K");
	fprintf(stderr, "held %s: %zu rows, %.1f s\n", column->file_system, column->cells_count, seconds);
}

/*
 * Hold all columns. What is missing for one of them, as its mkfs, is told once. Returns 0; -EINTR; or the last -errno
 * of those that were not held.
 */
static int hold(struct torn_litmus_table *table, const struct torn_options *options)
{
	const struct torn_litmus_how how = {
		.jobs = options->jobs ? options->jobs : torn_jobs_default(),
		.timeout_s = options->timeout_s,
		.seed = options->seed,
		.progress = !options->quiet && isatty(STDERR_FILENO) ? show_progress : NULL,
	};
	const double begun = now_s();
	char told[256] = "";
	int worst = 0;
	for (size_t i = 0; i < table->columns_count && worst != -EINTR; i++) {
		const double begun_it = now_s();
		char message[256];
		const int r = torn_litmus_table_hold(&table->columns[i], &how, message, sizeof message);
		worst = r < 0 ? r : worst;
		if (r == 0)
			say_step(&table->columns[i], options, now_s() - begun_it);
		if (r == 0 || r == -EINTR || strcmp(message, told) == 0)
			continue;
		snprintf(told, sizeof told, "%s", message);
		fprintf(stderr, "torn: %s%s\n", r == -EPROTO ? "" : "SKIPPED: ", message);
	}
	table->seconds = now_s() - begun;
	return worst;
}

static bool is_any_held(const struct torn_litmus_table *table)
{
	for (size_t i = 0; i < table->columns_count; i++)
		if (table->columns[i].is_held)
			return true;
	return false;
}

/* Returns the exit code. */
static int tell(const struct torn_litmus_table *table, const struct torn_options *options, int result)
{
	const int told = is_any_held(table) ? torn_tell_litmus(table, options) : 0;
	if (result == -EINTR)
		return TORN_EXIT_INTERRUPTED;
	if (result < 0 || told < 0)
		return TORN_EXIT_FAILED;
	return torn_litmus_table_lacks(table) > 0 ? TORN_EXIT_FINDINGS : TORN_EXIT_CLEAN;
}

int torn_command_litmus(int argc, char **argv)
{
	const struct torn_options options = torn_options_parse(
		argc, argv, "against seed jobs timeout quiet reports", "[FS...]",
		"Run the litmus table on real file systems of this host (ext4, xfs, btrfs, ext4:OPTIONS; without a "
		"name, all that have a preset), cut the power, and hold each preset against what is left: exit 1 "
		"where a state is seen that the preset forbids. Needs root.");
	struct torn_litmus_table table;
	struct torn_arena arena;
	char message[256];
	size_t wrong = 0;
	torn_worker_catch_interrupts();
	int r = torn_arena_open(&arena, ARENA_BYTES);
	if (r == 0)
		r = torn_litmus_table_make(&arena, options.names, options.names_count, &table, &wrong, message,
					   sizeof message);
	if (r == -EINVAL)
		return torn_mistake("torn litmus", options.names[wrong], message);
	if (r < 0) {
		fprintf(stderr, "torn: no memory: %s\n", strerror(-r));
		return TORN_EXIT_FAILED;
	}
	for (size_t i = 0; options.against && i < table.columns_count; i++)
		table.columns[i].preset = options.against;
	const int status = tell(&table, &options, hold(&table, &options));
	torn_arena_close(&arena);
	return status;
}
