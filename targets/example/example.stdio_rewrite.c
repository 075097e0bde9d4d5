/*
 * example.stdio_rewrite: how most programs save a file, and why they lose it.
 *
 * fopen truncates, so from there until the bytes are written the file is
 * empty: a kill leaves it so. fputs only fills a buffer, so a full disk shows
 * at fclose, where nobody looks: success is reported and the content is gone.
 */
#include <stdio.h>

#include "../../fuzz/torn.h"

static int common(const struct torn_run *run)
{
	FILE *file = fopen("/srv/app/state.json", "w");
	if (file == NULL)
		return -1;
	fputs(torn_run_text(run, "content"), file);
	fclose(file);
	return 0;
}

static const struct torn_variant variants[] = {{"common", common}, {NULL, NULL}};

static const struct torn_world worlds[] = {
	{"present",
	 "old srv/app/state.json file \"{\\\"generation\\\":1}\\n\"\n",
	 .refuses = false},
	{"absent",
	 "old srv/app dir\n"
	 "old srv/app/state.json absent\n",
	 .refuses = false},
	{"directory", "old srv/app/state.json dir\n", .refuses = true},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"content", "\"{\\\"generation\\\":2,\\\"state\\\":\\\"running\\\"}\\n\""},
	{NULL, NULL},
};

static const char *const watch[] = {"srv/app/state.json", NULL};

static const struct torn_target target = {
	.name = "example.stdio_rewrite",
	.summary = "rewrite a file in place: fopen \"w\", fputs, fclose",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.promises = TORN_PROMISES_RETRY | TORN_KEEPS_MODE,
};
TORN_TARGET(target);
