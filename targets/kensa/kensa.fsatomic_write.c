/*
 * kensa.fsatomic_write: AtomicWrite, which publishes a file that was not there.
 *
 * What it promises: the name appears with all its bytes or not at all. After a
 * failed sync of the directory it reports failure with the file in place, so
 * an error does not mean old. Its temp has no name, so nothing can be left.
 *
 * `fixed` differs in one place, for which no finding asked: fsatomic.c names it.
 */
#include <limits.h>
#include <string.h>

#include "fsatomic.h"

/* kernelio.WriteFile's way to split a path for AtomicWrite. */
static int publish(const struct torn_run *run, enum fsatomic_variant variant)
{
	const char *path = torn_run_text(run, "path");
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	int length = (int)(name - path);
	char dir[PATH_MAX];

	if (length >= (int)sizeof(dir))
		return FSATOMIC_OTHER;
	snprintf(dir, sizeof(dir), "%.*s", length, path);
	return (int)fsatomic_write(variant, dir, name, fsatomic_mode_arg(run),
				   torn_run_arg(run, "content"));
}

static int published(const struct torn_run *run)
{
	return publish(run, FSATOMIC_PUBLISHED);
}

static int fixed(const struct torn_run *run)
{
	return publish(run, FSATOMIC_FIXED);
}

static const struct torn_variant variants[] = {
	{"published", published},
	{"fixed", fixed},
	{NULL, NULL},
};

static const struct torn_world worlds[] = {
	{"absent",
	 "old etc/sysctl.d dir\n"
	 "old etc/sysctl.d/99-kensa.conf absent\n",
	 .refuses = false},
	/* "no fallback when O_TMPFILE is unsupported" is the author's word */
	{"no_tmpfile",
	 "old etc mount lacks=tmpfile\n"
	 "old etc/sysctl.d dir\n"
	 "old etc/sysctl.d/99-kensa.conf absent\n",
	 .refuses = true},
	{"present",
	 "old etc/sysctl.d/99-kensa.conf file \"kernel.panic = 10\\n\"\n",
	 .refuses = true},
	{"dangling_symlink",
	 "old etc/sysctl.d/99-kensa.conf symlink ../nowhere.conf\n",
	 .refuses = true},
	{"parent_missing",
	 "old etc dir\n"
	 "old etc/sysctl.d absent\n",
	 .refuses = true},
	{"parent_symlink",
	 "old etc/sysctl.d symlink sysctl.real\n"
	 "old etc/sysctl.real dir\n",
	 .refuses = true},
	{"parent_file",
	 "old etc/sysctl.d file \"not a directory\\n\"\n",
	 .refuses = true},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"path", "/etc/sysctl.d/99-kensa.conf"},
	{"mode", "0644"},
	{"content", "\"# Managed by Kensa.\\nnet.ipv4.conf.all.log_martians = 1\\n\""},
	{NULL, NULL},
};

static const char *const watch[] = {"$path", NULL};

static const struct torn_target target = {
	.name = "kensa.fsatomic_write",
	.summary = "publish a new file: O_TMPFILE, linkat, sync of the directory",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.promises = TORN_PROMISES_RETRY,
	.mode = "$mode",
};
TORN_TARGET(target);
