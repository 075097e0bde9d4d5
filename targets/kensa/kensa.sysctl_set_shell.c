/*
 * kensa.sysctl_set_shell: a value of the kernel and its drop-in, by commands, with rollback: the
 * handler by itself. What it comes to is held against the handler by system calls (paths-agree).
 *
 * How fixed differs from head, and the finding that asked for it: the drop-in is written beside and renamed
 * (old-or-new: printf > file), with 0644 whatever was there (paths-agree); mode and owner are captured
 * (rollback-restores); rollback goes on behind a step that failed (runtime-restored). What all shell paths have of
 * this, and what they refuse, stands in shell.c.
 */
#include "shell_handlers.h"

KENSA_HANDLER_VARIANTS(kensa_sysctl_set, &kensa_sysctl_set_shell)

static const struct torn_variant variants[] = {
	{"pr115", pr115}, {"head", head}, {"fixed", fixed}, {NULL, NULL},
};

#define RUNTIME                                                                                    \
	"old proc runtime\n"                                                                       \
	"old proc/sys/net/ipv4/conf/all/log_martians file \"0\\n\"\n"

static const struct torn_world worlds[] = {
	{"absent",
	 RUNTIME
	 "old etc/sysctl.d dir\n"
	 "old etc/sysctl.d/99-kensa.conf absent\n",
	 .refuses = false},
	/* somebody's, with what he thought right */
	{"private",
	 RUNTIME
	 "old etc/sysctl.d/99-kensa.conf file mode=0600 owner=0:4"
	 " \"net.ipv4.conf.all.log_martians=0\\n\"\n",
	 .refuses = false},
	/* the kernel takes a number */
	{"rejected",
	 "arg value often\n"
	 RUNTIME
	 "old etc/sysctl.d dir\n"
	 "old etc/sysctl.d/99-kensa.conf absent\n",
	 .refuses = true},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"path", "shell"},
	{"key", "net.ipv4.conf.all.log_martians"},
	{"value", "1"},
	{"persist_file", "/etc/sysctl.d/99-kensa.conf"},
	{NULL, NULL},
};

static const char *const watch[] = {
	"etc/sysctl.d/99-kensa.conf",
	"proc/sys/net/ipv4/conf/all/log_martians",
	NULL,
};

static const struct torn_target target = {
	.name = "kensa.sysctl_set_shell",
	.summary = "set a value of the kernel and write its drop-in, by commands for /bin/sh",
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
