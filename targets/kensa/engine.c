/*
 * engine.c: see engine.h. Each `is_fixed` is a repair that the first comment of
 * kensa.transaction.c lists, by the number given there.
 */
#include "engine.h"

#include <errno.h>
#include <fiu.h>
#include <string.h>
#include <unistd.h>

const char *const kensa_engine_points[] = {
	"kensa/after_capture",
	"kensa/before_journal",
	"kensa/after_journal",
	"kensa/after_apply_step",
	"kensa/after_rollback_step",
	"kensa/before_clear",
	/* the handlers' own, between two changes of one step */
	"kensa/after_runtime_write",
	"kensa/after_file_write",
	NULL,
};

static bool fails_at(const char *point)
{
	return fiu_fail(point) != 0;
}

const char *kensa_status_name(enum kensa_status status)
{
	static const char *const names[KENSA_STATUS_COUNT] = {
		[KENSA_COMMITTED] = "committed",
		[KENSA_ROLLED_BACK] = "rolled_back",
		[KENSA_PARTIALLY_APPLIED] = "partially_applied",
		[KENSA_ERRORED] = "errored",
		[KENSA_ROLLBACK_FAILED] = "rollback_failed",
		[KENSA_RECOVERED] = "recovered",
	};
	return names[status];
}

int kensa_status_code(enum kensa_status status)
{
	static const int codes[KENSA_STATUS_COUNT] = {
		[KENSA_COMMITTED] = 0,
		[KENSA_ROLLED_BACK] = TORN_ROLLED_BACK,
		[KENSA_PARTIALLY_APPLIED] = TORN_PARTIALLY_APPLIED,
		[KENSA_ERRORED] = 1,
		[KENSA_ROLLBACK_FAILED] = TORN_ROLLBACK_FAILED,
		[KENSA_RECOVERED] = TORN_ROLLED_BACK,
	};
	return codes[status];
}

/* A transaction on its way. */
struct running {
	const struct kensa_engine *engine;
	bool is_fixed;
	bool has_journal; /* HEAD: what is open is rolled back by a recovery */
	struct kensa_journal journal;
	uint32_t number; /* of its entry; 0: there is none */
	struct kensa_entry entry;
	const struct kensa_handler *handlers[KENSA_STEPS_MAX];
	size_t attempted; /* steps that were applied, or begun */
	bool succeeded[KENSA_STEPS_MAX];
};

/* Nobody who tells of it can do anything about an error here. */
static void tell(const char *what, const char *mechanism, bool is_ok)
{
	(void)dprintf(STDOUT_FILENO, "%s %s: %s\n", what, mechanism, is_ok ? "ok" : "failed");
}

static enum kensa_status told(enum kensa_status status)
{
	(void)dprintf(STDOUT_FILENO, "status: %s\n", kensa_status_name(status));
	return status;
}

static bool open_store(struct running *running, const struct kensa_engine *engine, bool changes_entries)
{
	const enum kensa_version version = engine->context.version;
	enum kensa_lock lock = KENSA_UNLOCKED;

	*running = (struct running){
		.engine = engine,
		.is_fixed = version == KENSA_FIXED,
		.has_journal = version == KENSA_HEAD || version == KENSA_FIXED,
	};
	if (running->is_fixed || (running->has_journal && changes_entries))
		lock = KENSA_EXCLUSIVE;
	else if (running->has_journal)
		lock = KENSA_SHARED;
	return kensa_journal_open(&running->journal, engine->store,
				  running->is_fixed ? FSATOMIC_FIXED : FSATOMIC_PUBLISHED, lock) == 0;
}

/* Find every step's handler. */
static bool find_handlers(struct running *running)
{
	for (size_t i = 0; i < running->entry.steps_count; i++) {
		running->handlers[i] =
			running->engine->handler_named(running->entry.steps[i].mechanism);
		if (!running->handlers[i])
			return false;
	}
	return true;
}

/* --------------------------------------------------------------- rollback */

static bool roll_back_step(struct running *running, size_t i)
{
	const struct kensa_handler *handler = running->handlers[i];
	bool is_ok = handler->rollback(&running->engine->context, &running->entry.steps[i],
				       &running->entry.before[i]) == KENSA_SUCCESS;

	if (fails_at("kensa/after_rollback_step"))
		is_ok = false;
	tell("rollback", handler->mechanism, is_ok);
	return is_ok;
}

/* In reverse order; a step that fails stops no other. Returns whether all of it was clean. */
static bool roll_back_steps(struct running *running, size_t count, bool only_successes)
{
	bool is_clean = true;

	for (size_t i = count; i-- > 0;) {
		if (!running->handlers[i]->capture || (only_successes && !running->succeeded[i]))
			continue;
		is_clean &= roll_back_step(running, i);
	}
	return is_clean;
}

/* The terminal row of what was rolled back. */
static bool clear_entry(struct running *running, bool committed)
{
	/* FIXED: what is done is not left open because somebody cancels now; until HEAD nothing is open */
	if (fails_at("kensa/before_clear") && !running->is_fixed && running->has_journal)
		return false;
	int r = kensa_journal_remove(&running->journal, running->number, committed);
	if (r == 0)
		r = kensa_journal_sync(&running->journal);
	return r == 0;
}

static bool applied_what_cannot_be_captured(const struct running *running)
{
	for (size_t i = 0; i < running->attempted; i++)
		if (running->succeeded[i] && !running->handlers[i]->capture)
			return true;
	return false;
}

/* What the published engine makes of it; errors of the store are lost. */
static enum kensa_status status_published(struct running *running, bool is_clean)
{
	(void)clear_entry(running, false);
	if (running->has_journal && !is_clean)
		return KENSA_ROLLBACK_FAILED;
	return applied_what_cannot_be_captured(running) ? KENSA_PARTIALLY_APPLIED : KENSA_ROLLED_BACK;
}

static enum kensa_status roll_back(struct running *running)
{
	const bool is_clean = roll_back_steps(running, running->attempted, !running->is_fixed); /* 1 */

	if (!running->is_fixed)
		return status_published(running, is_clean);
	if (!is_clean)
		return KENSA_ROLLBACK_FAILED; /* 3: the entry stays, and a recovery tries again */
	/* An entry that stays is rolled back once more before anything else is applied: 4. */
	(void)clear_entry(running, false);
	return applied_what_cannot_be_captured(running) ? KENSA_PARTIALLY_APPLIED : KENSA_ROLLED_BACK;
}

/* ----------------------------------------------------------------- commit */

static bool capture_after(struct running *running)
{
	bool is_whole = true;

	for (size_t i = 0; i < running->entry.steps_count; i++)
		if (running->handlers[i]->capture)
			is_whole &= running->handlers[i]->capture(
					    &running->engine->context, &running->entry.steps[i],
					    &running->entry.after[i]) == KENSA_SUCCESS;
	return is_whole;
}

/* The terminal row as the published engine writes it: what goes wrong is lost. */
static void commit_published(struct running *running)
{
	if (running->has_journal && capture_after(running))
		(void)kensa_journal_add_after(&running->journal, running->number, &running->entry);
	if (fails_at("kensa/before_clear") && running->has_journal)
		return;
	/* until HEAD: a row that nobody reads: journal.h */
	if (kensa_journal_rename(&running->journal, running->number, true) < 0 && !running->has_journal)
		(void)kensa_journal_remove(&running->journal, running->number, false);
	(void)kensa_journal_sync(&running->journal);
}

/* The entry may be either on disk. Let it be prepared again, for sure: what a rollback leaves half done then is not lost. */
static bool take_back_commit(struct running *running)
{
	return kensa_journal_rename(&running->journal, running->number, false) == 0 &&
	       kensa_journal_sync(&running->journal) == 0;
}

static enum kensa_status commit_fixed(struct running *running)
{
	const struct kensa_journal *journal = &running->journal;

	if (!capture_after(running) ||
	    kensa_journal_add_after(journal, running->number, &running->entry) < 0 ||
	    fails_at("kensa/before_clear") ||
	    kensa_journal_rename(journal, running->number, true) < 0)
		return roll_back(running);
	if (kensa_journal_sync(journal) == 0)
		return KENSA_COMMITTED;
	if (take_back_commit(running))
		return roll_back(running);
	/*
	 * The store takes no more. All is new, and a rollback from here that a crash ends half-way might
	 * not be taken up again: nothing is touched, and whether it stays so is not known.
	 */
	return KENSA_PARTIALLY_APPLIED;
}

/* -------------------------------------------------------------------- run */

static bool preflight(struct running *running, const struct kensa_transaction *transaction)
{
	if (transaction->steps_count == 0 || transaction->steps_count > KENSA_STEPS_MAX)
		return false;
	memcpy(running->entry.steps, transaction->steps, sizeof(transaction->steps));
	running->entry.steps_count = transaction->steps_count;
	if (!find_handlers(running))
		return false;
	for (size_t i = 0; i < transaction->steps_count; i++)
		if (transaction->transactional && !running->handlers[i]->capture)
			return false;
	return true;
}

static bool capture_all(struct running *running)
{
	for (size_t i = 0; i < running->entry.steps_count; i++)
		if (running->handlers[i]->capture &&
		    running->handlers[i]->capture(&running->engine->context, &running->entry.steps[i],
						  &running->entry.before[i]) != KENSA_SUCCESS)
			return false;
	return !fails_at("kensa/after_capture");
}

static bool prepare(struct running *running, uint32_t number_min)
{
	if (fails_at("kensa/before_journal"))
		return false;
	if (number_min > running->journal.highest)
		running->journal.highest = number_min - 1;
	if (kensa_journal_prepare(&running->journal, &running->entry, &running->number) == 0)
		return true;
	/* It may be there, where it could not be synced. Of a database it would not: SQLite rolls back. */
	(void)kensa_journal_remove(&running->journal, running->number, false);
	return false;
}

/* Until one fails. Returns whether all succeeded. */
static bool apply_steps(struct running *running)
{
	const bool has_gate = running->has_journal;

	for (size_t i = 0; i < running->entry.steps_count; i++) {
		running->attempted = i + 1;
		bool is_ok = running->handlers[i]->apply(&running->engine->context,
							 &running->entry.steps[i],
							 &running->entry.before[i]) == KENSA_SUCCESS;
		running->succeeded[i] = is_ok;
		/* HEAD: a gate behind each step, which flips its Success; until then the context is cancelled. */
		if (is_ok && fails_at("kensa/after_apply_step")) {
			is_ok = false;
			running->succeeded[i] = !has_gate;
		}
		tell("apply", running->handlers[i]->mechanism, is_ok);
		if (!is_ok)
			return false;
	}
	return true;
}

static bool check(const struct kensa_transaction *transaction)
{
	static const char *const words[] = {"pass", "FAIL", "error"};

	(void)dprintf(STDOUT_FILENO, "check: %s\n", words[transaction->check]);
	return transaction->check == KENSA_CHECK_PASSES;
}

static enum kensa_status apply_or_roll_back(struct running *running,
					    const struct kensa_transaction *transaction)
{
	if (fails_at("kensa/after_journal")) {
		(void)clear_entry(running, false);
		return KENSA_ERRORED;
	}
	if (!apply_steps(running) || !check(transaction))
		return roll_back(running);
	if (running->is_fixed)
		return commit_fixed(running); /* 2 */
	commit_published(running);
	return KENSA_COMMITTED;
}

static enum kensa_status run(struct running *running, const struct kensa_transaction *transaction)
{
	/* 4: a recovery is due, and a capture would see what that is to take back */
	if (running->is_fixed && running->journal.open_count > 0)
		return KENSA_ERRORED;
	if (!preflight(running, transaction) || !capture_all(running) ||
	    !prepare(running, transaction->number_min))
		return KENSA_ERRORED;
	return apply_or_roll_back(running, transaction);
}

enum kensa_status kensa_engine_run(const struct kensa_engine *engine,
				   const struct kensa_transaction *transaction)
{
	struct running running;

	if (!open_store(&running, engine, false))
		return told(KENSA_ERRORED);
	enum kensa_status status = run(&running, transaction);
	kensa_entry_free(&running.entry);
	kensa_journal_close(&running.journal);
	return told(status);
}

/* --------------------------------------------------------------- recovery */

/* Returns whether the entry and its handlers are there; `running` is for this one alone, and has nothing else. */
static bool load_entry(struct running *running, bool committed)
{
	if (kensa_journal_load(&running->journal, running->number, committed, &running->entry) == 0 &&
	    find_handlers(running))
		return true;
	kensa_entry_free(&running->entry);
	return false;
}

/* Roll back every step of the loaded entry, applied or not, and free it. */
static bool roll_back_loaded(struct running *running)
{
	bool is_clean = roll_back_steps(running, running->entry.steps_count, false);

	kensa_entry_free(&running->entry);
	return is_clean;
}

static bool roll_back_open(struct running *running)
{
	return load_entry(running, false) && roll_back_loaded(running);
}

static bool recover_entry(struct running *running, uint32_t number)
{
	struct running one = *running;

	one.number = number;
	bool is_clean = roll_back_open(&one);
	if (running->is_fixed)
		return is_clean && clear_entry(&one, false); /* 3 */
	(void)clear_entry(&one, false);
	return is_clean;
}

/* HEAD: in the order of their making. What the second one saw is then put back last: 5. */
static bool recover_all(struct running *running)
{
	const size_t count = running->journal.open_count;
	bool is_clean = true;

	/* That it is open may be news (take_back_commit): first on disk, then anything of it undone. */
	if (running->is_fixed && count > 0 && kensa_journal_sync(&running->journal) < 0)
		return false;
	for (size_t i = 0; i < count; i++)
		is_clean &= recover_entry(running,
					  running->journal.open[running->is_fixed ? count - 1 - i : i]);
	return is_clean;
}

enum kensa_status kensa_engine_recover(const struct kensa_engine *engine)
{
	struct running running;

	if (!open_store(&running, engine, true))
		return told(KENSA_ERRORED);
	const bool is_clean = recover_all(&running);
	kensa_journal_close(&running.journal);
	return told(is_clean ? KENSA_RECOVERED : KENSA_ROLLBACK_FAILED);
}

/* -------------------------------------------------------- manual rollback */

static bool same_states(const struct kensa_prestate *a, const struct kensa_prestate *b)
{
	if (a->facts_count != b->facts_count)
		return false;
	for (size_t i = 0; i < a->facts_count; i++) {
		const struct kensa_fact *left = &a->facts[i], *right = &b->facts[i];
		if (strcmp(left->name, right->name) != 0 || !left->text != !right->text ||
		    left->size != right->size ||
		    (left->text && memcmp(left->text, right->text, left->size) != 0))
			return false;
	}
	return true;
}

/* Is all as the commit left it? An edit since then is somebody's, and a rollback would destroy it: 6. */
static bool is_untouched(struct running *running)
{
	bool is_same = load_entry(running, true);

	if (!is_same)
		return false;
	for (size_t i = 0; is_same && i < running->entry.steps_count; i++) {
		struct kensa_prestate now = {.facts_count = 0};
		if (!running->handlers[i]->capture)
			continue;
		is_same = running->handlers[i]->capture(&running->engine->context,
							&running->entry.steps[i],
							&now) == KENSA_SUCCESS &&
			  same_states(&running->entry.after[i], &now);
		tell("unchanged", running->handlers[i]->mechanism, is_same);
		kensa_prestate_free(&now);
	}
	kensa_entry_free(&running->entry);
	return is_same;
}

/* It is an open entry while it lasts, so that a recovery ends what a crash does not: 6. */
static enum kensa_status roll_back_committed_fixed(struct running *running)
{
	const struct kensa_journal *journal = &running->journal;

	if (journal->open_count > 0 || !is_untouched(running) || kensa_journal_rename(journal, running->number, false) < 0)
		return KENSA_ERRORED;
	if (kensa_journal_sync(journal) < 0) {
		(void)kensa_journal_rename(journal, running->number, true);
		return KENSA_ERRORED;
	}
	return roll_back_open(running) && clear_entry(running, false) ? KENSA_ROLLED_BACK
								     : KENSA_ROLLBACK_FAILED;
}

static enum kensa_status roll_back_committed(struct running *running)
{
	if (running->is_fixed)
		return roll_back_committed_fixed(running);
	if (!load_entry(running, true))
		return KENSA_ERRORED; /* there is none, or none that can be read: nothing was touched */
	const bool is_clean = roll_back_loaded(running);
	(void)clear_entry(running, true);
	return is_clean || !running->has_journal ? KENSA_ROLLED_BACK : KENSA_ROLLBACK_FAILED;
}

enum kensa_status kensa_engine_roll_back(const struct kensa_engine *engine, uint32_t number)
{
	struct running running;

	if (!open_store(&running, engine, true))
		return told(KENSA_ERRORED);
	running.number = number;
	enum kensa_status status = roll_back_committed(&running);
	kensa_journal_close(&running.journal);
	return told(status);
}
