/*
 * kensa.kernelio_remove_file: how a handler's rollback removes its drop-in.
 *
 * pre115: AtomicRemove directly, which fails where the file was never made, so
 * that a rollback ends there. pr115: RemoveFile, to which that is no error.
 */
#include "kernelio.h"

static int remove_file(const struct torn_run *run, enum kernelio_version version)
{
	return (int)kernelio_remove_file(version, torn_run_text(run, "path"));
}

static int pre115(const struct torn_run *run)
{
	return remove_file(run, KERNELIO_PRE115);
}

static int pr115(const struct torn_run *run)
{
	return remove_file(run, KERNELIO_PR115);
}

static int fixed(const struct torn_run *run)
{
	return remove_file(run, KERNELIO_FIXED);
}

static const struct torn_variant variants[] = {
	{"pre115", pre115},
	{"pr115", pr115},
	{"fixed", fixed},
	{NULL, NULL},
};

static const struct torn_world worlds[] = {
	{"present",
	 "old etc/sysctl.d/99-kensa.conf file \"# Managed by Kensa.\\nkernel.panic = 10\\n\"\n",
	 .refuses = false},
	{"absent",
	 "old etc/sysctl.d dir\n"
	 "old etc/sysctl.d/99-kensa.conf absent\n",
	 .refuses = false},
	{"hard_link",
	 "old etc/sysctl.d/99-kensa.conf file \"kernel.panic = 10\\n\"\n"
	 "old etc/sysctl.d/99-kensa.conf.save link etc/sysctl.d/99-kensa.conf\n",
	 .refuses = false},
	/* nobody asked for it, but the type is not looked at */
	{"fifo",
	 "old etc/sysctl.d/99-kensa.conf fifo\n",
	 .refuses = false},
	{"symlink",
	 "old etc/sysctl.conf file \"kernel.panic = 10\\n\"\n"
	 "old etc/sysctl.d/99-kensa.conf symlink ../sysctl.conf\n",
	 .refuses = true},
	{"directory",
	 "old etc/sysctl.d/99-kensa.conf dir\n",
	 .refuses = true},
	/* ErrParentDirMissing is not ErrNotExist */
	{"parent_missing",
	 "old etc dir\n"
	 "old etc/sysctl.d absent\n",
	 .refuses = true},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"path", "/etc/sysctl.d/99-kensa.conf"},
	{NULL, NULL},
};

static const char *const watch[] = {"$path", NULL};

static const struct torn_target target = {
	.name = "kensa.kernelio_remove_file",
	.summary = "remove a drop-in that may be there or not",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.promises = TORN_PROMISES_RETRY,
};
TORN_TARGET(target);
