/*
 * kensa.transaction: one transaction of one step, sysctl_set, from capture to commit or rollback.
 *
 * pr115 has the published engine without journal: a kill leaves what it leaves, the status after a rollback is
 * always rolled_back, and what goes wrong in the store is lost. head has the journal, and a recovery. Where
 * the seed is silent the port takes the older behaviour: head's finalize loses errors of the
 * store as pr115's does, and a manual rollback is not journalled.
 *
 * `fixed` differs from head, by the number that engine.c has at the place:
 *   1. runtime-restored, status-honest, rollback-restores (world parent_missing, without any fault): rollback skips
 *      the step that failed, though its runtime value is written by then; no result at all counts as a
 *      clean one, and rolled_back is reported. Fixed: what was begun is rolled back.
 *   2. success-is-durable, no-litter (errno at the commit's rename): the terminal row is not written, committed is
 *      reported, and the next recovery takes the change back. Fixed: then it is rolled back, and said so. Where the
 *      rename was done and not synced it is taken back first; where that cannot be synced either, all stays as it
 *      is, new, and partially_applied is reported.
 *   3. recovery-converges (world check_fails, errno at the sync of the directory in rollback, then a power cut): an
 *      entry is cleared although its rollback failed, so that no recovery tries again. Fixed: it stays until
 *      all of it is rolled back.
 *   4. clean-run-succeeds (kensa.transaction_due): a transaction begins while another one's recovery is due; that
 *      recovery then puts back what was there before both. Fixed: errored, nothing is touched.
 *   5. together (corpus: recovers_oldest_first) recovery is in the order of created_at, so that
 *      what the second one captured, half of the first, is put back last. Fixed: the newest first. With 4
 *      there is one open entry at most; of an older version there may be more.
 *   6. kensa.transaction_manual: a manual rollback destroys what was edited since; killed, it stays half done.
 *      Fixed: it is refused where anything is not as the commit left it, and is an open entry while it lasts.
 *   A recovery of `fixed` syncs the store before it undoes anything: with 2, that an entry is open again
 *   may be news to the disk (together, power cut).
 * What differs in the handler is told in sysctl_set.c, in the primitives in fsatomic.c.
 */
#include "transacting.h"

static int transact(const struct torn_run *run, const struct kensa_engine *engine)
{
	const struct kensa_transaction transaction = {
		.steps = {kensa_sysctl_step(run, "value")},
		.steps_count = 1,
		.transactional = true,
		.check = kensa_check_arg(run),
	};
	return kensa_status_code(kensa_engine_run(engine, &transaction));
}

KENSA_VARIANTS;

static const struct torn_world worlds[] = {
	{"absent", KENSA_OLD_VALUE("0") KENSA_OLD_STORE KENSA_OLD_NO_FILE, .refuses = false},
	{"private", KENSA_OLD_VALUE("0") KENSA_OLD_STORE KENSA_OLD_PRIVATE, .refuses = false},
	{"check_fails",
	 "arg check fails\n" KENSA_OLD_VALUE("0") KENSA_OLD_STORE KENSA_OLD_NO_FILE,
	 .refuses = true},
	{"check_error",
	 "arg check error\n" KENSA_OLD_VALUE("0") KENSA_OLD_STORE KENSA_OLD_PRIVATE,
	 .refuses = true},
	{"parent_missing",
	 KENSA_OLD_VALUE("0") KENSA_OLD_STORE
	 "old etc dir\n"
	 "old etc/sysctl.d absent\n",
	 .refuses = true},
	{"store_missing", KENSA_OLD_VALUE("0") KENSA_OLD_NO_FILE "old var/lib dir\n", .refuses = true},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"key", KENSA_KEY},
	{"value", "1"},
	{"persist_file", "/" KENSA_FILE},
	{"check", "passes"},
	{"body", "\"" KENSA_BODY("1") "\""},
	{"line", "\"1\\n\""},
	{NULL, NULL},
};

static const char *const watch[] = {KENSA_FILE, KENSA_VALUE, NULL};

/* What is applied, and then rolled back. */
static const struct torn_between between[] = {
	{KENSA_FILE, "$body"},
	{KENSA_VALUE, "$line"},
	{NULL, NULL},
};

static const struct torn_target target = {
	.name = "kensa.transaction",
	.summary = "a transaction of one step: capture, journal, apply, check, commit or roll back",
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
