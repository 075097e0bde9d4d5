/*
 * urunc.pid_file: writePidFile, which tells the shim and containerd whom to wait
 * for: init.pid in the bundle, or what --pid-file names.
 *
 * What it promises: whoever sees the file can read a whole pid from it; a create
 * that was killed can be made again. containerd removes a bundle with all that
 * is in it, but not what lies beside another --pid-file.
 *
 * Two writers that share pr600's temp are out of the maintainers' contract
 * (issue #467) and need a second actor.
 */
#include "urunc.h"

static int save(const struct torn_run *run, const struct urunc_saving *saving)
{
	return saving->pid(torn_run_text(run, "path"), torn_run_arg(run, "pid"));
}

static int before(const struct torn_run *run)
{
	return save(run, &urunc_before);
}

static int pr600(const struct torn_run *run)
{
	return save(run, &urunc_pr600);
}

static int reviewed(const struct torn_run *run)
{
	return save(run, &urunc_reviewed);
}

static int fixed(const struct torn_run *run)
{
	return save(run, &urunc_fixed);
}

static const struct torn_variant variants[] = {
	{"before", before},
	{"pr600", pr600},
	{"reviewed", reviewed},
	{"fixed", fixed},
	{NULL, NULL},
};

#define BUNDLE "old run/bundles/c1/config.json file \"{\\\"ociVersion\\\":\\\"1.2.0\\\"}\"\n"

static const struct torn_world worlds[] = {
	{"absent",
	 BUNDLE
	 "old run/bundles/c1/init.pid absent\n",
	 .refuses = false},
	/* of a container of that name before, which had a longer pid */
	{"present",
	 BUNDLE
	 "old run/bundles/c1/init.pid file 1048576\n",
	 .refuses = false},
	{"pid_file_elsewhere",
	 BUNDLE
	 "old run/shim dir mode=0700\n"
	 "arg path /run/shim/c1.pid\n",
	 .refuses = false},
	/* by whoever may write to the bundle, for a urunc that runs as root */
	{"temp_symlink",
	 BUNDLE
	 "old run/bundles/c1/.init.pid.tmp symlink /etc/hosts\n"
	 "old etc/hosts file \"127.0.0.1 localhost\\n\"\n",
	 .refuses = false},
	{"bundle_missing",
	 "old run/bundles dir\n"
	 "old run/bundles/c1 absent\n",
	 .refuses = true},
	{"directory",
	 "old run/bundles/c1/init.pid dir\n",
	 .refuses = true},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"path", "/run/bundles/c1/init.pid"},
	{"pid", "4242"},
	{NULL, NULL},
};

static const char *const watch[] = {"$path", NULL};

static const struct torn_target target = {
	.name = "urunc.pid_file",
	.summary = "save the pid of a container's first process",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.spares = (const char *const[]){"etc/hosts", NULL},
	.promises = TORN_PROMISES_RETRY,
	.mode = "0644",
};
TORN_TARGET(target);
