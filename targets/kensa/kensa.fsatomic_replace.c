/*
 * kensa.fsatomic_replace: AtomicReplace, which replaces a regular file.
 *
 * What it promises: every reader at every moment sees old or new. Once the
 * names are exchanged a failure (unlink of the old bytes, sync of the
 * directory) is reported with the new bytes in place, so an error does not
 * mean old; and a killed run leaves its temp, or the old bytes, under a
 * random name that no later run clears.
 *
 * `fixed` differs in four places, for two of which a finding asked: fsatomic.c
 * names them.
 */
#include "fsatomic.h"

static int replace(const struct torn_run *run, enum fsatomic_variant variant)
{
	return (int)fsatomic_replace(variant, torn_run_text(run, "path"), fsatomic_mode_arg(run),
				     torn_run_arg(run, "content"));
}

static int published(const struct torn_run *run)
{
	return replace(run, FSATOMIC_PUBLISHED);
}

static int fixed(const struct torn_run *run)
{
	return replace(run, FSATOMIC_FIXED);
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
	{"private",
	 "old etc/sysctl.d/99-kensa.conf file mode=0600 \"kernel.panic = 10\\n\"\n",
	 .refuses = false},
	/* the umask takes the last bit from what the temp is made with */
	{"group_writable",
	 "arg mode 0664\n"
	 "old etc/sysctl.d/99-kensa.conf file mode=0664 \"kernel.panic = 10\\n\"\n",
	 .refuses = false},
	{"large",
	 __extension__ "old etc/sysctl.d/99-kensa.conf file " FSATOMIC_LARGE "\n",
	 .refuses = false},
	/* FUSE, NFS, exFAT */
	{"no_exchange",
	 "old etc mount lacks=exchange\n"
	 "old etc/sysctl.d/99-kensa.conf file \"# Managed by Kensa.\\nkernel.panic = 10\\n\"\n",
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
	{"mode", "0644"},
	{"content", "\"# Managed by Kensa.\\nnet.ipv4.conf.all.log_martians = 1\\n\""},
	{NULL, NULL},
};

static const char *const watch[] = {"$path", NULL};

static const struct torn_target target = {
	.name = "kensa.fsatomic_replace",
	.summary = "replace a file: temp, exchange of the names, unlink of the old bytes",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.promises = TORN_PROMISES_RETRY,
	.mode = "$mode",
	.state = &fsatomic_state,
	.state_size = sizeof(fsatomic_state),
};
TORN_TARGET(target);
