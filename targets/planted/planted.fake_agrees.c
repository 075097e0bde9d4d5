/*
 * planted.fake_agrees: renames a file that is not there, for real or in a fake without existence: the
 * flaw is that the fake says that it was done.
 */
#include "planted.h"

#include <string.h>
#include <unistd.h>

static int planted(const struct torn_run *run)
{
	const bool is_real = strcmp(torn_run_text(run, "on"), "real") == 0;
	const int dir = planted_open(); /* the real thing is there all the same */
	if (dir < 0)
		return -1;
	const int r = is_real ? renameat(dir, "absent", dir, PLANTED_NAME) : 0;
	planted_close(dir);
	const char *said = r == 0 ? "rename /srv/absent: ok\n" : "rename /srv/absent: ENOENT\n";
	/* to nobody: what it says is in the log */
	return write(STDOUT_FILENO, said, strlen(said)) < 0;
}

static const struct torn_variant variants[] = {{"planted", planted, NULL}, {NULL, NULL, NULL}};

static const struct torn_default args[] = {{"on", "fake"}, {NULL, NULL}};

static const struct torn_target target = {
	.name = "planted.fake_agrees",
	.summary = "a fake that accepts what the real thing refuses",
	.variants = variants,
	.worlds = planted_worlds,
	.args = args,
	.watch = planted_watch,
	.promises = TORN_IS_FAKE,
	.twin = {"on", "real"},
};
TORN_TARGET(target);
