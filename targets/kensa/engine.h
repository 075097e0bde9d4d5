/*
 * engine.h: kensa's transaction engine (seeds/kensa.md, "Transaction engine"): capture all
 * steps, write down what was seen, apply them in order, roll back in reverse where one fails.
 *
 * Of a version that is not FIXED it has the quirks of the published engine, which
 * kensa.transaction.c names. Not modelled: the mutex of a process (there is one
 * transaction at a time), the deadman (for mechanisms that this port has not), signing,
 * the status `staged` (of audit rules alone).
 *
 * What it does is told on stdout, a line each: "apply sysctl_set: ok", "status: committed".
 */
#ifndef KENSA_ENGINE_H
#define KENSA_ENGINE_H

#include "journal.h"

enum kensa_status {
	KENSA_COMMITTED,
	KENSA_ROLLED_BACK,
	/* rolled back but for what cannot be: a step without capture; FIXED: or a commit that may not last */
	KENSA_PARTIALLY_APPLIED,
	KENSA_ERRORED,           /* nothing was applied */
	KENSA_ROLLBACK_FAILED,
	KENSA_RECOVERED,
	KENSA_STATUS_COUNT
};

/* "rolled_back": the original's word. */
const char *kensa_status_name(enum kensa_status status);
/* What an operation returns for it: 0, TORN_ROLLED_BACK and so on, 1 (errored). */
int kensa_status_code(enum kensa_status status);

/* What the rule's own check says, once all steps are applied. That it failed to run is no FAIL. */
enum kensa_check { KENSA_CHECK_PASSES, KENSA_CHECK_FAILS, KENSA_CHECK_ERROR };

struct kensa_engine {
	struct kensa_context context;
	/* kensa_handler_named(), but for tests. */
	const struct kensa_handler *(*handler_named)(const char *mechanism);
	const char *store; /* a directory that is there: "/var/lib/kensa" */
};

struct kensa_transaction {
	struct kensa_step steps[KENSA_STEPS_MAX];
	size_t steps_count;
	bool transactional; /* refused where a step cannot be captured */
	enum kensa_check check;
	/* Its entry's number at least; 0: the next one that is free. See journal.h. */
	uint32_t number_min;
};

/* Run a transaction to its end. */
enum kensa_status kensa_engine_run(const struct kensa_engine *engine,
				   const struct kensa_transaction *transaction);
/*
 * Roll back what earlier processes left open. Returns KENSA_RECOVERED, also where there was nothing;
 * KENSA_ROLLBACK_FAILED; KENSA_ERRORED where the store cannot be read.
 */
enum kensa_status kensa_engine_recover(const struct kensa_engine *engine);
/*
 * Roll back a committed transaction. Returns KENSA_ROLLED_BACK; KENSA_ROLLBACK_FAILED; KENSA_ERRORED
 * where nothing was touched.
 */
enum kensa_status kensa_engine_roll_back(const struct kensa_engine *engine, uint32_t number);

/* The moments between calls at which the engine may fail or die, and those of the handlers. NULL ends them. */
extern const char *const kensa_engine_points[];

#endif
