/*
 * kensa.transaction_due: a transaction begins while the recovery of another one is due: that one died behind
 * its journal, and its entry is open. Whatever the second one captures is half of the first, and
 * the recovery that comes then takes back both.
 *
 * Of the versions that have a journal: until HEAD there is nothing that could be open.
 */
#include "transacting.h"

static int transact(const struct torn_run *run, const struct kensa_engine *engine)
{
	const struct kensa_transaction transaction = {
		.steps = {kensa_sysctl_step(run, "value")},
		.steps_count = 1,
		.transactional = true,
		.check = KENSA_CHECK_PASSES,
	};
	return kensa_status_code(kensa_engine_run(engine, &transaction));
}

KENSA_RECOVERING_VARIANTS();

/* It was to set 2, and found 0 and no file. */
#define OPEN_ENTRY "old var/lib/kensa/0000000001.prepared file mode=0600 \"" KENSA_ENTRY("2") "\"\n"

static const struct torn_world worlds[] = {
	{"nothing_applied",
	 KENSA_OLD_VALUE("0") KENSA_OLD_STORE OPEN_ENTRY KENSA_OLD_NO_FILE,
	 .refuses = true},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"key", KENSA_KEY},
	{"value", "1"},
	{"persist_file", "/" KENSA_FILE},
	{NULL, NULL},
};

static const char *const watch[] = {KENSA_FILE, KENSA_VALUE, NULL};

static const struct torn_target target = {
	.name = "kensa.transaction_due",
	.summary = "a transaction while the recovery of another one is due",
	.variants = variants,
	.worlds = worlds,
	.args = args,
	.watch = watch,
	.promises = TORN_PROMISES_ROLLBACK | TORN_PROMISES_TOGETHER | TORN_REPORTS_STATUS,
	.points = kensa_engine_points,
	.state = &fsatomic_state,
	.state_size = sizeof(fsatomic_state),
};
TORN_TARGET(target);
