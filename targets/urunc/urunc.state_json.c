/*
 * urunc.state_json: saveContainerState, which writes a container's state.json.
 *
 * What it promises: start, kill and delete can always parse the file. One that
 * is torn makes them fail, and the VMM runs on with nobody to stop it. Nobody
 * writes at the same time: containerd serialises (issue #467).
 *
 * In `fixed` an error does not mean old: after the rename the sync of the
 * directory can fail. The state is never acted on here, so its pid meets no kill(2).
 */
#include "urunc.h"

static const char path[] = "/run/urunc/c1/state.json";

static int before(const struct torn_run *run)
{
	return urunc_before.state(path, torn_run_arg(run, "content"));
}

static int pr600(const struct torn_run *run)
{
	return urunc_pr600.state(path, torn_run_arg(run, "content"));
}

static int reviewed(const struct torn_run *run)
{
	return urunc_reviewed.state(path, torn_run_arg(run, "content"));
}

static int fixed(const struct torn_run *run)
{
	return urunc_fixed.state(path, torn_run_arg(run, "content"));
}

static const struct torn_variant variants[] = {
	{"before", before},
	{"pr600", pr600},
	{"reviewed", reviewed},
	{"fixed", fixed},
	{NULL, NULL},
};

/* Members of a state as a case quotes it. */
#define IDENTITY "{\\\"ociVersion\\\":\\\"1.2.0\\\",\\\"id\\\":\\\"c1\\\","
#define CREATING "\\\"status\\\":\\\"creating\\\",\\\"pid\\\":-1,"
#define CREATED "\\\"status\\\":\\\"created\\\",\\\"pid\\\":4242,"
#define BUNDLE "\\\"bundle\\\":\\\"/run/bundles/c1\\\""
#define ANNOTATIONS                                                                                \
	",\\\"annotations\\\":{\\\"com.urunc.unikernel.binary\\\":\\\"/unikernel/nginx.hvt\\\","   \
	"\\\"com.urunc.unikernel.cmdline\\\":\\\"nginx -c /data/conf/nginx.conf\\\","              \
	"\\\"com.urunc.unikernel.hypervisor\\\":\\\"hvt\\\","                                      \
	"\\\"com.urunc.unikernel.unikernelType\\\":\\\"rumprun\\\"}"

static const struct torn_world worlds[] = {
	{"present",
	 "old run/urunc/c1/state.json file \"" IDENTITY CREATING BUNDLE "}\"\n",
	 .refuses = false},
	/* the first save: InitialSetup has made the directory */
	{"absent",
	 "old run/urunc/c1 dir\n"
	 "old run/urunc/c1/state.json absent\n",
	 .refuses = false},
	{"longer",
	 "old run/urunc/c1/state.json file \"" IDENTITY CREATING BUNDLE ANNOTATIONS "}\"\n",
	 .refuses = false},
	{"directory_missing",
	 "old run/urunc dir\n"
	 "old run/urunc/c1 absent\n",
	 .refuses = true},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"content", "\"" IDENTITY CREATED BUNDLE "}\""},
	{NULL, NULL},
};

static const char *const watch[] = {"run/urunc/c1/state.json", NULL};

static const struct torn_target target = {
	.name = "urunc.state_json",
	.summary = "save a container's state.json",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.promises = TORN_PROMISES_RETRY,
	.mode = "0644",
};
TORN_TARGET(target);
