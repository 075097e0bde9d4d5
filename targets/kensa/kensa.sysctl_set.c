/*
 * kensa.sysctl_set: a value of the kernel and its drop-in, with rollback: the handler by itself,
 * capture, apply, and where that fails rollback.
 *
 * The seed of this project is pre115 where there is no drop-in yet: the runtime value is written,
 * AtomicReplace fails as there is nothing to replace, rollback's AtomicRemove fails as there is
 * nothing to remove, and returns early: the runtime value stays changed.
 *
 * `fixed` differs from `head`, each for a finding there:
 *   - runtime-restored, rollback-completes: whatever fails at the file in rollback (unlinkat EACCES, fsync EIO, a
 *     full disk), the early return leaves the runtime value changed. Fixed: the value is written
 *     whatever became of the file; what failed is tried once more; the outcome tells of either.
 *   - rollback-restores: a file that was 0600 and of another group comes back as 0644 root:root
 *     from any error behind capture (kernelio_restore.h). Fixed: mode, owner and extended attributes are
 *     captured, and put back with the bytes; a file that is as it was is only synced, so that a full
 *     disk does not stand in the way of doing nothing.
 *   - runtime-restored and clean-run-succeeds without a fault: where the directory is missing, the value is
 *     written, the file fails with ErrParentDirMissing, and so does rollback's RemoveFile. Where the file is a
 *     symlink or a directory, capture follows it or fails, and apply and rollback refuse it. Fixed: capture
 *     refuses what apply would refuse.
 *   - clean-run-succeeds, in `fifo`: capture waits for somebody who writes into it. Fixed: what is no
 *     regular file is refused, and a file whose extended attributes the file system will not list is too: what
 *     is not known cannot be put back.
 *   - a signal at the last fsync (fsync EINTR): fsatomic.c.
 *
 * And of all handlers that write a file: where a file system has no nameless files or hard links a new one is made by
 * rename (paths-agree of the shell path, by `torn fuzz`: kensa_file_write()).
 */
#include "handling.h"

KENSA_HANDLER_VARIANT(pre115, KENSA_PRE115, kensa_sysctl_set, NULL)
KENSA_HANDLER_VARIANTS(kensa_sysctl_set, NULL)

static const struct torn_variant variants[] = {
	{"pre115", pre115}, {"pr115", pr115}, {"head", head}, {"fixed", fixed}, {NULL, NULL},
};

#define RUNTIME                                                                                    \
	"old proc runtime\n"                                                                       \
	"old proc/sys/net/ipv4/conf/all/log_martians file \"0\\n\"\n"
#define DROP_IN                                                                                    \
	"old etc/sysctl.d/99-kensa.conf file \"# Managed by Kensa.\\n"                             \
	"net.ipv4.conf.all.log_martians = 0\\n\"\n"

static const struct torn_world worlds[] = {
	{"absent",
	 RUNTIME
	 "old etc/sysctl.d dir\n"
	 "old etc/sysctl.d/99-kensa.conf absent\n",
	 .refuses = false},
	{"present", RUNTIME DROP_IN, .refuses = false},
	/* somebody's, with what he thought right */
	{"private",
	 RUNTIME
	 "old etc/sysctl.d/99-kensa.conf file mode=0600 owner=0:4"
	 " \"net.ipv4.conf.all.log_martians=0\\n\"\n",
	 .refuses = false},
	/* of another key: pre115 and pr115 have one file for all */
	{"shared",
	 RUNTIME
	 "old proc/sys/kernel/panic file \"10\\n\"\n"
	 "old etc/sysctl.d/99-kensa.conf file \"# Managed by Kensa.\\nkernel.panic = 10\\n\"\n",
	 .refuses = false},
	/* what the file says and what the kernel has were two things before */
	{"disagrees",
	 RUNTIME
	 "old etc/sysctl.d/99-kensa.conf file \"net.ipv4.conf.all.log_martians = 1\\n\"\n",
	 .refuses = false},
	{"done",
	 "old proc runtime\n"
	 "old proc/sys/net/ipv4/conf/all/log_martians file \"1\\n\"\n"
	 "old etc/sysctl.d/99-kensa.conf file \"# Managed by Kensa.\\n"
	 "net.ipv4.conf.all.log_martians = 1\\n\"\n",
	 .refuses = false},
	{"parent_missing",
	 RUNTIME
	 "old etc dir\n"
	 "old etc/sysctl.d absent\n",
	 .refuses = true},
	{"symlink",
	 RUNTIME
	 "old etc/sysctl.conf file \"kernel.panic = 10\\n\"\n"
	 "old etc/sysctl.d/99-kensa.conf symlink ../sysctl.conf\n",
	 .refuses = true},
	{"directory",
	 RUNTIME
	 "old etc/sysctl.d/99-kensa.conf dir\n",
	 .refuses = true},
	{"fifo",
	 RUNTIME
	 "old etc/sysctl.d/99-kensa.conf fifo\n",
	 .refuses = true},
	/* the kernel takes a number */
	{"rejected",
	 "arg value often\n"
	 RUNTIME DROP_IN,
	 .refuses = true},
	{"no_such_key",
	 "old proc runtime\n"
	 "old proc/sys/net dir\n"
	 DROP_IN,
	 .refuses = true},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"key", "net.ipv4.conf.all.log_martians"},
	{"value", "1"},
	{"persist_file", "/etc/sysctl.d/99-kensa.conf"},
	{NULL, NULL},
};

static const char *const watch[] = {
	"etc/sysctl.d/99-kensa.conf",
	"etc/sysctl.d/99-kensa_net_ipv4_conf_all_log_martians.conf",
	"proc/sys/net/ipv4/conf/all/log_martians",
	NULL,
};

/* What is there until rollback has taken it back, where the operation fails without any fault. */
static const struct torn_between between[] = {
	{"proc/sys/net/ipv4/conf/all/log_martians", "$value\n"},
	{NULL, NULL},
};

static const struct torn_target target = {
	.name = "kensa.sysctl_set",
	.summary = "set a value of the kernel, and write the drop-in for the next boot",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.between = between,
	.promises = TORN_PROMISES_ROLLBACK | TORN_REPORTS_STATUS,
	.points = kensa_points,
	.state = &fsatomic_state,
	.state_size = sizeof(fsatomic_state),
};
TORN_TARGET(target);
