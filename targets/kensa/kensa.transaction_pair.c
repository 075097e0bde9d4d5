/*
 * kensa.transaction_pair: two transactions on one resource, one after the other. The first one
 * (value `first`) comes to `first_check`, the second one (value `value`) to `check`; the
 * second captures what the first left.
 *
 * Where the first was to be rolled back and was not, the second takes that for what was there. Where
 * both commit, they are of the same value (others are refused), so that a crash in the second one leaves what the
 * first one made, which is new.
 *
 * Returned is what the second returns; the first one's, where that could not be rolled back, or
 * where it was to commit and did not. Where the first committed and of the second one nothing is left,
 * all is as the first made it: 0.
 */
#include <string.h>

#include "transacting.h"

static enum kensa_status run_one(const struct torn_run *run, const struct kensa_engine *engine,
				 const char *value, enum kensa_check check, uint32_t number)
{
	const struct kensa_transaction transaction = {
		.steps = {kensa_sysctl_step(run, value)},
		.steps_count = 1,
		.transactional = true,
		.check = check,
		.number_min = number,
	};
	return kensa_engine_run(engine, &transaction);
}

static int transact(const struct torn_run *run, const struct kensa_engine *engine)
{
	const bool commits = strcmp(torn_run_text(run, "first_check"), "passes") == 0;

	if (commits && strcmp(torn_run_text(run, "first"), torn_run_text(run, "value")) != 0)
		return 1; /* what is between them would be neither old nor new: see above */
	enum kensa_status first = run_one(run, engine, "first",
					  commits ? KENSA_CHECK_PASSES : KENSA_CHECK_FAILS, 1);

	if (first != (commits ? KENSA_COMMITTED : KENSA_ROLLED_BACK))
		return kensa_status_code(first);
	enum kensa_status second = run_one(run, engine, "value", kensa_check_arg(run), 2);
	if (!commits)
		return kensa_status_code(second);
	return second == KENSA_ROLLBACK_FAILED || second == KENSA_PARTIALLY_APPLIED
		       ? TORN_PARTIALLY_APPLIED
		       : 0;
}

KENSA_VARIANTS;

static const struct torn_world worlds[] = {
	{"first_rolled_back", KENSA_OLD_VALUE("0") KENSA_OLD_STORE KENSA_OLD_NO_FILE, .refuses = false},
	{"both_rolled_back",
	 "arg check fails\n" KENSA_OLD_VALUE("0") KENSA_OLD_STORE KENSA_OLD_PRIVATE,
	 .refuses = true},
	{"both_commit",
	 "arg first 1\narg first_check passes\n" KENSA_OLD_VALUE("0") KENSA_OLD_STORE
	 KENSA_OLD_NO_FILE,
	 .refuses = false},
	{"second_rolled_back",
	 "arg first 1\narg first_check passes\narg check fails\n" KENSA_OLD_VALUE("0")
	 KENSA_OLD_STORE KENSA_OLD_NO_FILE,
	 .refuses = false},
	{NULL, NULL, false},
};

static const struct torn_default args[] = {
	{"key", KENSA_KEY},
	{"first", "2"},
	{"first_check", "fails"},
	{"value", "1"},
	{"persist_file", "/" KENSA_FILE},
	{"check", "passes"},
	{"first_body", "\"" KENSA_BODY("2") "\""},
	{"first_line", "\"2\\n\""},
	{"body", "\"" KENSA_BODY("1") "\""},
	{"line", "\"1\\n\""},
	{NULL, NULL},
};

static const char *const watch[] = {KENSA_FILE, KENSA_VALUE, NULL};

static const struct torn_between between[] = {
	{KENSA_FILE, "$first_body"},
	{KENSA_VALUE, "$first_line"},
	{KENSA_FILE, "$body"},
	{KENSA_VALUE, "$line"},
	{NULL, NULL},
};

static const struct torn_target target = {
	.name = "kensa.transaction_pair",
	.summary = "two transactions on one resource, one after the other",
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
