/*
 * urunc.create: a container from nothing to running: its directory, state.json
 * with status creating, the pid file, state.json with status created, and once
 * the VMM is started, with status running. Five steps, three saves of one file.
 *
 * What it promises: at every moment start, kill and delete can parse state.json
 * (any of the three contents is right, see `between`), the shim a whole pid, and
 * a create that was killed can be made again.
 *
 * The VMM is not started here, and no pid is ever signalled.
 */
#include "urunc.h"

static const char directory[] = "/run/urunc/c1";
static const char state_file[] = "/run/urunc/c1/state.json";

static int create(const struct torn_run *run, const struct urunc_saving *saving)
{
	if (saving->make_directory(directory) < 0) /* InitialSetup */
		return -1;
	if (saving->state(state_file, torn_run_arg(run, "creating")) < 0)
		return -1;
	if (saving->pid(torn_run_text(run, "pid_file"), torn_run_arg(run, "pid")) < 0) /* Create */
		return -1;
	if (saving->state(state_file, torn_run_arg(run, "created")) < 0)
		return -1;
	return saving->state(state_file, torn_run_arg(run, "running")); /* SetRunningState */
}

static int before(const struct torn_run *run)
{
	return create(run, &urunc_before);
}

static int pr600(const struct torn_run *run)
{
	return create(run, &urunc_pr600);
}

static int reviewed(const struct torn_run *run)
{
	return create(run, &urunc_reviewed);
}

static int fixed(const struct torn_run *run)
{
	return create(run, &urunc_fixed);
}

static const struct torn_variant variants[] = {
	{"before", before},
	{"pr600", pr600},
	{"reviewed", reviewed},
	{"fixed", fixed},
	{NULL, NULL},
};

#define BUNDLE "old run/bundles/c1/config.json file \"{\\\"ociVersion\\\":\\\"1.2.0\\\"}\"\n"
#define STATE(status, pid)                                                                         \
	"\"{\\\"ociVersion\\\":\\\"1.2.0\\\",\\\"id\\\":\\\"c1\\\",\\\"status\\\":\\\"" status       \
	"\\\",\\\"pid\\\":" pid ",\\\"bundle\\\":\\\"/run/bundles/c1\\\"}\""

static const struct torn_world worlds[] = {
	{"first",
	 BUNDLE
	 "old run/urunc dir\n",
	 .refuses = false},
	/* /run is empty after a boot */
	{"after_boot", BUNDLE, .refuses = false},
	/* a create that was killed, and that nobody deleted */
	{"killed_before",
	 BUNDLE
	 "old run/urunc/c1/state.json file " STATE("creating", "-1") "\n",
	 .refuses = false},
	{"stopped_before",
	 BUNDLE
	 "old run/bundles/c1/init.pid file 1048576\n"
	 "old run/urunc/c1/state.json file " STATE("stopped", "1048576") "\n",
	 .refuses = false},
	{"pid_file_elsewhere",
	 BUNDLE
	 "old run/shim dir mode=0700\n"
	 "arg pid_file /run/shim/c1.pid\n",
	 .refuses = false},
	{"run_is_a_file",
	 BUNDLE
	 "old run/urunc file x\n",
	 .refuses = true},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"pid_file", "/run/bundles/c1/init.pid"},
	{"pid", "4242"},
	{"creating", STATE("creating", "-1")},
	{"created", STATE("created", "4242")},
	{"running", STATE("running", "4242")},
	{NULL, NULL},
};

static const char *const watch[] = {"run/urunc/c1/state.json", "$pid_file", NULL};

static const struct torn_between between[] = {
	{"run/urunc/c1/state.json", "$creating"},
	{"run/urunc/c1/state.json", "$created"},
	{NULL, NULL},
};

static const struct torn_target target = {
	.name = "urunc.create",
	.summary = "create and start a container: state.json three times, the pid file once",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.between = between,
	.promises = TORN_PROMISES_RETRY,
	.mode = "0644",
};
TORN_TARGET(target);
