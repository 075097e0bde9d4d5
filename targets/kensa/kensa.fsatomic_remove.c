/*
 * kensa.fsatomic_remove: AtomicRemove, which removes what is no directory and
 * no symlink.
 *
 * After a failed sync of the directory it reports failure with the file gone,
 * so an error does not mean old.
 *
 * `fixed` differs in one place, for which no finding asked: fsatomic.c names it.
 */
#include "fsatomic.h"

static int published(const struct torn_run *run)
{
	return (int)fsatomic_remove(FSATOMIC_PUBLISHED, torn_run_text(run, "path"));
}

static int fixed(const struct torn_run *run)
{
	return (int)fsatomic_remove(FSATOMIC_FIXED, torn_run_text(run, "path"));
}

static const struct torn_variant variants[] = {
	{"published", published},
	{"fixed", fixed},
	{NULL, NULL},
};

static const struct torn_world worlds[] = {
	{"present",
	 "old etc/sysctl.d/99-kensa.conf file \"# Managed by Kensa.\\nkernel.panic = 10\\n\"\n",
	 .refuses = false},
	/* nobody asked for it, but the type is not looked at */
	{"fifo",
	 "old etc/sysctl.d/99-kensa.conf fifo\n",
	 .refuses = false},
	{"absent",
	 "old etc/sysctl.d dir\n"
	 "old etc/sysctl.d/99-kensa.conf absent\n",
	 .refuses = true},
	{"symlink",
	 "old etc/sysctl.conf file \"kernel.panic = 10\\n\"\n"
	 "old etc/sysctl.d/99-kensa.conf symlink ../sysctl.conf\n",
	 .refuses = true},
	{"directory",
	 "old etc/sysctl.d/99-kensa.conf dir\n",
	 .refuses = true},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"path", "/etc/sysctl.d/99-kensa.conf"},
	{NULL, NULL},
};

static const char *const watch[] = {"$path", NULL};

static const struct torn_target target = {
	.name = "kensa.fsatomic_remove",
	.summary = "remove a file: unlink, sync of the directory",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.promises = TORN_PROMISES_RETRY,
};
TORN_TARGET(target);
