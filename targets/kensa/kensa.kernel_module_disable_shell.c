/*
 * kensa.kernel_module_disable_shell: a module that shall not be loaded, by commands, with rollback: the handler
 * by itself, held against the one by system calls.
 *
 * How fixed differs from head, and the finding that asked for it: that the file was not written is a failure
 * (success-means-new: `|| true`); it is written beside and renamed (old-or-new); mode and owner come back
 * (rollback-restores); rollback goes on behind a step that failed (runtime-restored). A module that
 * modprobe -r leaves is a failure (success-means-new: `|| true`); one that modinfo finds no file of is not unloaded, and it
 * is loaded again whatever an `install` line says (runtime-restored); its name is no pattern for grep
 * (runtime-restored, `torn fuzz`). What all shell paths have of this, and what they refuse, stands in shell.c.
 */
#include "shell_handlers.h"

KENSA_HANDLER_VARIANTS(kensa_kernel_module_disable, &kensa_kernel_module_disable_shell)

static const struct torn_variant variants[] = {
	{"pr115", pr115}, {"head", head}, {"fixed", fixed}, {NULL, NULL},
};

#define MODULES                                                                                    \
	"old proc runtime\n"                                                                       \
	"old proc/modules file \"usb_storage 16384 0 - Live 0x0000000000000000\\n"                 \
	"ext4 1130496 2 - Live 0x0000000000000000\\n\"\n"                                          \
	"old lib/modules/usb_storage.ko file \"\\x7fELF usb_storage\"\n"                           \
	"old etc/modprobe.d dir\n"

static const struct torn_world worlds[] = {
	{"loaded",
	 MODULES
	 "old etc/modprobe.d/kensa-disable-usb_storage.conf absent\n",
	 .refuses = false},
	{"private",
	 MODULES
	 "old etc/modprobe.d/kensa-disable-usb_storage.conf file mode=0600 owner=0:4"
	 " \"# not yet\\n\"\n",
	 .refuses = false},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"path", "shell"},
	{"name", "usb_storage"},
	{NULL, NULL},
};

static const char *const watch[] = {
	"etc/modprobe.d/kensa-disable-$name.conf",
	"proc/modules",
	NULL,
};

static const struct torn_target target = {
	.name = "kensa.kernel_module_disable_shell",
	.summary = "keep a module from being loaded and unload it, by commands for /bin/sh",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.promises = TORN_PROMISES_ROLLBACK | TORN_REPORTS_STATUS,
	.points = kensa_points,
	.twin = {"path", "kernel"},
	.starts_programs = true,
};
TORN_TARGET(target);
