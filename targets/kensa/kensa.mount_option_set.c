/*
 * kensa.mount_option_set: options of a mount point, in fstab and of what is mounted there, with rollback: the
 * handler by itself, capture, apply, and where that fails rollback.
 *
 * `fixed` differs from `head`, each for a finding there:
 *   - rollback-restores, in `twice`: every line of the mount point becomes the first one's text, so
 *     that the tmpfs is a second ext4. Fixed: each line comes back in its place.
 *   - runtime-restored, in `disagrees`: the remount takes its options from fstab, which never had
 *     nosuid. Fixed: the options that were live are captured, and mounted again, without fstab
 *     (`mount -o remount,OPTIONS SOURCE DIR`).
 *   - rollback-completes: fstab that cannot be written keeps the mount from being remounted, and in `not_mounted`
 *     and `swap` the remount that failed in apply fails in rollback. Fixed: each whatever became of the other,
 *     and once more; where nothing is mounted nothing is begun.
 *   - rollback-completes, of an option that is a file system's own and not live, added or in fstab
 *     (`torn fuzz`): it stays on the superblock, as no remount takes it back. Fixed: no capture, so nothing is applied.
 *   - rollback-restores: mode and owner, as of kensa.sysctl_set; and clean-run-succeeds, in `fifo`.
 *   - runtime-restored, rollback-completes, of a mount without any of noatime, nodiratime and relatime (`torn fuzz`): no remount
 *     takes back one of these that was set since, as one that names none leaves them. Fixed: nothing is begun.
 */
#include "handling.h"

KENSA_HANDLER_VARIANT(pre115, KENSA_PRE115, kensa_mount_option_set, NULL)
KENSA_HANDLER_VARIANTS(kensa_mount_option_set, NULL)

static const struct torn_variant variants[] = {
	{"pre115", pre115}, {"pr115", pr115}, {"head", head}, {"fixed", fixed}, {NULL, NULL},
};

#define ROOT_MOUNT "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\\n"
#define MOUNTED(options)                                                                           \
	"old tmp dir mode=1777\n"                                                                  \
	"old proc runtime\n"                                                                       \
	"old proc/self/mountinfo file \"" ROOT_MOUNT                                               \
	"36 22 8:3 / /tmp " options " shared:2 - ext4 /dev/sda3 rw\\n\"\n"
#define PLAIN "/dev/sda1 / ext4 defaults 0 1\\n/dev/sda3 /tmp ext4 defaults 0 2\\n"

static const struct torn_world worlds[] = {
	{"plain", MOUNTED("rw,relatime") "old etc/fstab file \"" PLAIN "\"\n", .refuses = false},
	/* as an installer writes it: remarks, tabs, swap, a last line without its newline */
	{"installed",
	 MOUNTED("rw,relatime")
	 "old etc/fstab file \"# /etc/fstab: static file system information.\\n#\\n"
	 "UUID=2f9e\\t/\\text4\\terrors=remount-ro\\t0\\t1\\n"
	 "# /tmp was on /dev/sda3 during installation\\n"
	 "/dev/sda3\\t/tmp\\text4\\tdefaults\\t0\\t2\\n"
	 "/dev/sda2\\tnone\\tswap\\tsw\\t0\\t0\"\n",
	 .refuses = false},
	{"private",
	 MOUNTED("rw,relatime")
	 "old etc/fstab file mode=0640 owner=0:6 \"" PLAIN "\"\n",
	 .refuses = false},
	/* one line is mounted at boot, the other by hand */
	{"twice",
	 MOUNTED("rw,relatime")
	 "old etc/fstab file \"" PLAIN "tmpfs\\t/tmp\\ttmpfs\\tnoauto,size=1g\\t0\\t0\\n\"\n",
	 .refuses = false},
	/* somebody has remounted it, and fstab does not know */
	{"disagrees",
	 MOUNTED("rw,nosuid,relatime")
	 "old etc/fstab file \"" PLAIN "\"\n",
	 .refuses = false},
	{"done",
	 MOUNTED("rw,nodev,relatime")
	 "old etc/fstab file \"/dev/sda3 /tmp ext4 defaults,nodev 0 2\\n\"\n",
	 .refuses = false},
	{"done_with_tabs",
	 MOUNTED("rw,nodev,relatime")
	 "old etc/fstab file \"/dev/sda3\\t/tmp\\text4\\tdefaults,nodev\\t0\\t2\\n\"\n",
	 .refuses = false},
	{"not_mounted",
	 "old tmp dir mode=1777\n"
	 "old proc runtime\n"
	 "old proc/self/mountinfo file \"" ROOT_MOUNT "\"\n"
	 "old etc/fstab file \"" PLAIN "\"\n",
	 .refuses = true},
	/* every swap has that mount point */
	{"swap",
	 "arg mount_point none\n"
	 MOUNTED("rw,relatime")
	 "old etc/fstab file \"" PLAIN "/dev/sda2 none swap sw 0 0\\n/dev/sdb2 none swap pri=5 0 0\\n\"\n",
	 .refuses = true},
	{"no_line",
	 MOUNTED("rw,relatime")
	 "old etc/fstab file \"/dev/sda1 / ext4 defaults 0 1\\n\"\n",
	 .refuses = true},
	{"no_fstab", MOUNTED("rw,relatime") "old etc dir\n", .refuses = true},
	{"fifo", MOUNTED("rw,relatime") "old etc/fstab fifo\n", .refuses = true},
	{"symlink",
	 MOUNTED("rw,relatime")
	 "old etc/fstab.site file \"" PLAIN "\"\n"
	 "old etc/fstab symlink fstab.site\n",
	 .refuses = true},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"mount_point", "/tmp"},
	{"options", "nodev"},
	{NULL, NULL},
};

static const char *const watch[] = {
	"etc/fstab",
	"proc/self/mountinfo",
	NULL,
};

/* What is there until rollback has taken it back, where the operation fails without any fault. */
static const struct torn_between between[] = {
	{"etc/fstab",
	 "/dev/sda1 / ext4 defaults 0 1\n/dev/sda3 /tmp ext4 defaults,$options 0 2\n"},
	{NULL, NULL},
};

static const struct torn_target target = {
	.name = "kensa.mount_option_set",
	.summary = "add options to a mount point in fstab, and remount it",
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
