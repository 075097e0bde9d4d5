/*
 * kensa.transaction_two: one transaction of two steps. The first is sysctl_set; the argument `second` says
 * which the other is: kernel_module_disable, or sysctl_set once more, of the same key with another
 * value (`same_key`) or of another key (`other_key`). All is captured before anything is applied, so both
 * of two steps on one resource find what was there at first.
 *
 * Without `persist_file` each version has its own default: of pr115 one file for all keys, which each
 * step writes anew, so that after the next boot only the last one's key is set (success-is-durable).
 */
#include <string.h>

#include "transacting.h"

static struct kensa_step second_step(const struct torn_run *run)
{
	const char *second = torn_run_text(run, "second");

	if (strcmp(second, "kernel_module_disable") == 0)
		return (struct kensa_step){
			.mechanism = "kernel_module_disable",
			.params = {{"name", torn_run_arg(run, "module")}},
			.params_count = 1,
		};
	struct kensa_step step = kensa_sysctl_step(run, "second_value");
	if (strcmp(second, "other_key") == 0)
		step.params[0].value = torn_run_arg(run, "other_key");
	return step;
}

static int transact(const struct torn_run *run, const struct kensa_engine *engine)
{
	const struct kensa_transaction transaction = {
		.steps = {kensa_sysctl_step(run, "value"), second_step(run)},
		.steps_count = 2,
		.transactional = true,
		.check = kensa_check_arg(run),
	};
	return kensa_status_code(kensa_engine_run(engine, &transaction));
}

KENSA_VARIANTS;

/*
 * Of the size that the simulated kernel gives to one that is loaded anew. modules-load.d stands for the
 * hardware that has it loaded: a boot that finds it disabled is not the last one.
 */
#define MODULES                                                                                    \
	"old proc/modules file \"usb_storage 16384 0 - Live 0x0000000000000000\\n"                 \
	"ext4 1130496 2 - Live 0x0000000000000000\\n\"\n"                                          \
	"old lib/modules/usb_storage.ko file \"\\x7fELF usb_storage\"\n"                           \
	"old etc/modprobe.d dir\n"                                                                 \
	"old etc/modules-load.d/usb.conf file \"usb_storage\\n\"\n"
#define MODULE_FILE "etc/modprobe.d/kensa-disable-usb_storage.conf"
#define NO_MODULE_FILE "old " MODULE_FILE " absent\n"
#define OTHER_VALUE "proc/sys/net/ipv4/conf/all/send_redirects"
#define OLD_OTHER "old " OTHER_VALUE " file \"1\\n\"\n"
#define BASE KENSA_OLD_VALUE("0") KENSA_OLD_STORE

static const struct torn_world worlds[] = {
	{"module", BASE MODULES NO_MODULE_FILE KENSA_OLD_NO_FILE, .refuses = false},
	{"module_check_fails",
	 "arg check fails\n" BASE MODULES "old " MODULE_FILE " file mode=0600 \"# not yet\\n\"\n"
	 KENSA_OLD_PRIVATE,
	 .refuses = true},
	{"same_key", "arg second same_key\n" BASE KENSA_OLD_NO_FILE, .refuses = false},
	{"other_key",
	 "arg second other_key\narg persist_file \"\"\n" BASE OLD_OTHER "old etc/sysctl.d dir\n",
	 .refuses = false},
	/* the kernel rejects the second value, once the first step is done */
	{"rejected",
	 "arg second same_key\narg second_value often\n" BASE KENSA_OLD_NO_FILE,
	 .refuses = true},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"key", KENSA_KEY},
	{"value", "1"},
	{"persist_file", "/" KENSA_FILE},
	{"second", "kernel_module_disable"},
	{"second_value", "0"},
	{"other_key", "net.ipv4.conf.all.send_redirects"},
	{"module", "usb_storage"},
	{"check", "passes"},
	{"body", "\"" KENSA_BODY("1") "\""},
	{"second_body", "\"" KENSA_BODY("0") "\""},
	{"line", "\"1\\n\""},
	{NULL, NULL},
};

static const char *const watch[] = {
	KENSA_FILE,
	KENSA_VALUE,
	"etc/modprobe.d/kensa-disable-$module.conf",
	"proc/modules",
	OTHER_VALUE,
	NULL,
};

/* What is applied, and then applied once more or rolled back. */
static const struct torn_between between[] = {
	{KENSA_FILE, "$body"},
	{KENSA_FILE, "$second_body"},
	{KENSA_VALUE, "$line"},
	{NULL, NULL},
};

static const struct torn_target target = {
	.name = "kensa.transaction_two",
	.summary = "a transaction of two steps: another mechanism, the same key twice, two keys",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.between = between,
	.promises = TORN_PROMISES_ROLLBACK | TORN_PROMISES_TOGETHER | TORN_REPORTS_STATUS,
	.points = kensa_engine_points,
	.state = &fsatomic_state,
	.state_size = sizeof(fsatomic_state),
};
TORN_TARGET(target);
