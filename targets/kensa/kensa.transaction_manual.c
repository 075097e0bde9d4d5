/*
 * kensa.transaction_manual: a transaction was committed (the world's store says which, and what it
 * found and left), and somebody asks to roll it back. What was edited since then is somebody
 * else's, and must not be destroyed.
 *
 * Old is what is there; new is what the transaction once found. Returned is 0 where it is rolled back,
 * 1 where nothing was touched.
 */
#include "transacting.h"

static int transact(const struct torn_run *run, const struct kensa_engine *engine)
{
	(void)run;
	enum kensa_status status = kensa_engine_roll_back(engine, 1);
	/* Here a rollback is what was asked for, and the operation itself. */
	if (status == KENSA_ROLLED_BACK)
		return 0;
	return status == KENSA_ERRORED ? 1 : TORN_PARTIALLY_APPLIED;
}

KENSA_VARIANTS;

#define COMMITTED                                                                                  \
	KENSA_OLD_STORE                                                                            \
	"old var/lib/kensa/0000000001.committed file mode=0600 \"" KENSA_ENTRY("1")                \
	KENSA_ENTRY_AFTER "\"\n"

static const struct torn_world worlds[] = {
	{"untouched",
	 KENSA_OLD_VALUE("1") COMMITTED KENSA_OLD_FILE(KENSA_BODY("1")),
	 .refuses = false},
	/* another line in the drop-in */
	{"edited",
	 KENSA_OLD_VALUE("1") COMMITTED KENSA_OLD_FILE(KENSA_BODY("1") "kernel.panic = 10\\n"),
	 .refuses = true},
	/* the same key, by hand: both in the file and in the kernel */
	{"set_anew",
	 KENSA_OLD_VALUE("2") COMMITTED KENSA_OLD_FILE(KENSA_BODY("2")),
	 .refuses = true},
	/* the file is kensa's still; the value is somebody's */
	{"value_set",
	 KENSA_OLD_VALUE("2") COMMITTED KENSA_OLD_FILE(KENSA_BODY("1")),
	 .refuses = true},
	{"mode_changed",
	 KENSA_OLD_VALUE("1") COMMITTED "old " KENSA_FILE " file mode=0600 \"" KENSA_BODY("1") "\"\n",
	 .refuses = true},
	{"removed", KENSA_OLD_VALUE("1") COMMITTED KENSA_OLD_NO_FILE, .refuses = true},
	{"no_such_transaction",
	 KENSA_OLD_VALUE("1") KENSA_OLD_STORE KENSA_OLD_FILE(KENSA_BODY("1")),
	 .refuses = true},
	{NULL, NULL, false},
};

static const char *const watch[] = {KENSA_FILE, KENSA_VALUE, NULL};

static const struct torn_target target = {
	.name = "kensa.transaction_manual",
	.summary = "roll back a committed transaction, after which somebody may have edited the file",
	.variants = variants,
	.worlds = worlds,
	.watch = watch,
	.promises = TORN_PROMISES_TOGETHER | TORN_REPORTS_STATUS,
	.points = kensa_engine_points,
	.state = &fsatomic_state,
	.state_size = sizeof(fsatomic_state),
};
TORN_TARGET(target);
