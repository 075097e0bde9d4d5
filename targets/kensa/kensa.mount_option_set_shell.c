/*
 * kensa.mount_option_set_shell: options of a mount point, in fstab and live, by commands, with rollback: the handler
 * by itself, held against the one by system calls.
 *
 * How fixed differs from head, and the finding that asked for it: the new table is synced before it is renamed
 * (old-or-new), has the mode and the owner of the old one (rollback-restores), and what is written beside goes
 * where a step fails (no-litter); the live options come back whatever became of the table (runtime-restored); a last
 * line that has no newline gets none, and an empty option is none (paths-agree); fstab with control characters,
 * which awk and the kernel path split otherwise, is refused (paths-agree, `torn fuzz`), and so is what cannot come back
 * live (runtime-restored: mount_options.h). What all shell paths have of this, and what they refuse, stands in shell.c.
 */
#include "shell_handlers.h"

KENSA_HANDLER_VARIANTS(kensa_mount_option_set, &kensa_mount_option_set_shell)

static const struct torn_variant variants[] = {
	{"pr115", pr115}, {"head", head}, {"fixed", fixed}, {NULL, NULL},
};

#define MOUNTED                                                                                    \
	"old proc runtime\n"                                                                       \
	"old proc/self/mountinfo file \"22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\\n"  \
	"36 22 8:3 / /tmp rw,relatime shared:2 - ext4 /dev/sda3 rw\\n\"\n"                         \
	"old tmp dir mode=1777\n"

static const struct torn_world worlds[] = {
	{"plain",
	 MOUNTED
	 "old etc/fstab file \"/dev/sda1 / ext4 defaults 0 1\\n/dev/sda3 /tmp ext4 defaults 0 2\\n\"\n",
	 .refuses = false},
	/* as an installer writes it: remarks, tabs, swap, a last line without its newline */
	{"installed",
	 MOUNTED
	 "old etc/fstab file \"# /etc/fstab: static file system information.\\n#\\n"
	 "UUID=2f9e\\t/\\text4\\terrors=remount-ro\\t0\\t1\\n"
	 "# /tmp was on /dev/sda3 during installation\\n"
	 "/dev/sda3\\t/tmp\\text4\\tdefaults\\t0\\t2\\n"
	 "/dev/sda2\\tnone\\tswap\\tsw\\t0\\t0\"\n",
	 .refuses = false},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"path", "shell"},
	{"mount_point", "/tmp"},
	{"options", "nodev"},
	{NULL, NULL},
};

static const char *const watch[] = {
	"etc/fstab",
	"proc/self/mountinfo",
	NULL,
};

static const struct torn_target target = {
	.name = "kensa.mount_option_set_shell",
	.summary = "add options to a mount point in fstab and remount it, by commands for /bin/sh",
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
