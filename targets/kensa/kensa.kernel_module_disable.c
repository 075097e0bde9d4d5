/*
 * kensa.kernel_module_disable: a module that shall not be loaded, with rollback: the handler by itself,
 * capture, apply, and where that fails rollback.
 *
 * pr115 never loads a module again (runtime-restored, reported as success). `fixed` differs from `head`, each for
 * a finding there:
 *   - success-means-new: delete_module is refused (EPERM: modules_disabled, lockdown), nobody looks, and success is
 *     reported with the module loaded. Fixed: only that it is not loaded is no failure. So a module in use
 *     is refused, too, which kensa means to accept ("reported but not fatal").
 *   - a name with a '-' is never unloaded, as the kernel's has a '_': found by the same worlds on the shell path,
 *     where modprobe -r knows (paths-agree). Fixed: the kernel's name.
 *   - rollback-completes: a file that cannot be put back keeps the module from being loaded. Fixed: each
 *     whatever became of the other, and what failed once more.
 *   - rollback-completes without a fault of rollback's, in `present`: somebody's own `install` line keeps
 *     `modprobe M` from loading what was loaded. Fixed: `modprobe -i M`.
 *   - rollback-completes, runtime-restored in a world without the module's file (a kernel that was
 *     updated since it booted; `torn fuzz` of kensa.transaction_two): what is unloaded stays so. Fixed:
 *     capture asks `modinfo -n M`, and where it cannot be loaded again nothing is applied.
 *   - rollback-restores: mode and owner, as of kensa.sysctl_set.
 *
 * And of all handlers that write a file: where a file system has no nameless files or hard links a new one is made by
 * rename (paths-agree of the shell path, by `torn fuzz`: kensa_file_write()).
 */
#include "handling.h"

KENSA_HANDLER_VARIANT(pre115, KENSA_PRE115, kensa_kernel_module_disable, NULL)
KENSA_HANDLER_VARIANTS(kensa_kernel_module_disable, NULL)

static const struct torn_variant variants[] = {
	{"pre115", pre115}, {"pr115", pr115}, {"head", head}, {"fixed", fixed}, {NULL, NULL},
};

/* Of the size and at the place in the list that a module has which is loaded again. */
#define MODULES                                                                                    \
	"old proc runtime\n"                                                                       \
	"old proc/modules file \"usb_storage 16384 0 - Live 0x0000000000000000\\n"                 \
	"ext4 1130496 2 - Live 0x0000000000000000\\n\"\n"                                          \
	"old lib/modules/usb_storage.ko file \"\\x7fELF usb_storage\"\n"
#define DIRECTORY "old etc/modprobe.d dir\n"
#define ABSENT DIRECTORY "old etc/modprobe.d/kensa-disable-usb_storage.conf absent\n"

static const struct torn_world worlds[] = {
	{"loaded", MODULES ABSENT, .refuses = false},
	{"not_loaded",
	 "old proc runtime\n"
	 "old proc/modules file \"ext4 1130496 2 - Live 0x0000000000000000\\n\"\n"
	 "old lib/modules/usb_storage.ko file \"\\x7fELF usb_storage\"\n" ABSENT,
	 .refuses = false},
	/* somebody's file, which keeps modprobe from loading the module, while it is loaded */
	{"present",
	 MODULES DIRECTORY
	 "old etc/modprobe.d/kensa-disable-usb_storage.conf file \"install usb_storage /bin/true\\n\"\n",
	 .refuses = false},
	{"private",
	 MODULES DIRECTORY
	 "old etc/modprobe.d/kensa-disable-usb_storage.conf file mode=0600 owner=0:4"
	 " \"# not yet\\n\"\n",
	 .refuses = false},
	/* as its vendor writes it, and as the rules do */
	{"dash",
	 "arg name usb-storage\n"
	 MODULES DIRECTORY
	 "old etc/modprobe.d/kensa-disable-usb-storage.conf absent\n",
	 .refuses = false},
	/* a rule that it is to be disabled is not met by a file that counts from the next boot on */
	{"in_use",
	 "arg name ext4\n"
	 MODULES DIRECTORY
	 "old etc/modprobe.d/kensa-disable-ext4.conf absent\n"
	 "old lib/modules/ext4.ko file \"\\x7fELF ext4\"\n",
	 .refuses = true},
	{"parent_missing",
	 MODULES
	 "old etc dir\n"
	 "old etc/modprobe.d absent\n",
	 .refuses = true},
	{"symlink",
	 MODULES
	 "old etc/modprobe.conf file \"options ext4\\n\"\n"
	 "old etc/modprobe.d/kensa-disable-usb_storage.conf symlink ../modprobe.conf\n",
	 .refuses = true},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"name", "usb_storage"},
	{NULL, NULL},
};

static const char *const watch[] = {
	"etc/modprobe.d/kensa-disable-$name.conf",
	"proc/modules",
	NULL,
};

/* What is there until rollback has taken it back, where the operation fails without any fault. */
static const struct torn_between between[] = {
	{"etc/modprobe.d/kensa-disable-$name.conf",
	 "# Managed by Kensa.\nblacklist $name\ninstall $name /bin/true\n"},
	/* `in_use`, booted while that file is there */
	{"proc/modules", "usb_storage 16384 0 - Live 0x0000000000000000\n"},
	{NULL, NULL},
};

static const struct torn_target target = {
	.name = "kensa.kernel_module_disable",
	.summary = "keep a module from being loaded, and unload it",
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
