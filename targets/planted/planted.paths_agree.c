/*
 * planted.paths_agree: replaces the file in one of two ways: the flaw is that by the other one it gets
 * a line more.
 */
#include "planted.h"

#include <string.h>

static int planted(const struct torn_run *run)
{
	const struct torn_bytes content = torn_run_arg(run, "content");
	const bool is_other = strcmp(torn_run_text(run, "path"), "shell") == 0;
	const int dir = planted_open();
	if (dir < 0)
		return -1;
	/* the flaw: echo(1) ends with a newline of its own */
	const int result = planted_replace(dir, is_other ? torn_bytes_of("new content\n\n") : content);
	planted_close(dir);
	return result;
}

static const struct torn_variant variants[] = {{"planted", planted, NULL}, {NULL, NULL, NULL}};

static const struct torn_default args[] = {
	{"content", "\"new content\\n\""},
	{"path", "kernel"},
	{NULL, NULL},
};

static const struct torn_target target = {
	.name = "planted.paths_agree",
	.summary = "leaves another content by its other path",
	.variants = variants,
	.worlds = planted_worlds,
	.args = args,
	.watch = planted_watch,
	.twin = {"path", "shell"},
};
TORN_TARGET(target);
