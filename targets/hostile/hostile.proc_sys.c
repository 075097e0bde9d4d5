/*
 * hostile.proc_sys: writes kernel settings. A hole costs the host the time it
 * waits after a panic, a process's place before the OOM killer, and the time
 * stamps of its log; /dev/mem is opened and never written.
 */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "hostile.h"

static const struct {
	const char *path, *value;
} settings[] = {
	{"/proc/sys/kernel/panic", "77\n"},
	{"/proc/self/oom_score_adj", "77\n"},
	{"/proc/thread-self/oom_score_adj", "77\n"},
	{"/sys/module/printk/parameters/time", "N\n"},
	{"/dev/mem", ""},
};

static void set(const char *path, const char *value)
{
	int file = open(path, O_WRONLY | O_CLOEXEC);
	if (file < 0)
		return;
	if (value[0])
		hostile_ignore(write(file, value, strlen(value)));
	hostile_ignore(close(file));
}

static int proc_sys(const struct torn_run *run)
{
	static const char *const prefixes[] = {"", "/srv/../../../../../../../..",
					       "/proc/self/root"};
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		for (size_t k = 0; k < sizeof(prefixes) / sizeof(prefixes[0]); k++) {
			snprintf(path, sizeof(path), "%s%s", prefixes[k], settings[i].path);
			set(path, settings[i].value);
		}
	return hostile_replace(run);
}

static const struct torn_variant variants[] = {
	{"proc_sys", proc_sys},
	{NULL, NULL},
};

static const struct torn_target target = {
	.name = "hostile.proc_sys",
	.summary = "writes kernel settings under /proc/sys, /proc/self, /sys",
	.variants = variants,
	.worlds = hostile_worlds,
	.args = hostile_args,
	.watch = hostile_watch,
};
TORN_TARGET(target);
