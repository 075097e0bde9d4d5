/*
 * faults.c: the fault model of faults.h, a row and its functions each.
 * Assumes nothing of a gate: it only decides, and whoever asked acts.
 */
#include "faults.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "calls.h"

/* In pieces, where it has to be. */
static bool moves_bytes(const struct torn_op *op)
{
	return op->kind == TORN_KIND_write || op->kind == TORN_KIND_copy ||
	       (op->kind == TORN_KIND_read && !(op->flags & TORN_OP_AT_ONCE));
}

/* What ext4_statfs-like accounting refuses when no block and no inode is left. */
static bool takes_space(const struct torn_op *op)
{
	if (op->result == -EEXIST)
		return false; /* a name that is taken is found before space is looked for: filename_create() */
	switch (op->kind) {
	case TORN_KIND_write:
	case TORN_KIND_copy:
	case TORN_KIND_allocate:
	case TORN_KIND_clone:
	case TORN_KIND_mkdir:
	case TORN_KIND_mknod:
	case TORN_KIND_symlink:
	case TORN_KIND_link:
		return true;
	case TORN_KIND_open:
		return op->flags & TORN_OP_CREATES;
	default:
		return false;
	}
}

static bool can_refuse(const struct torn_op *op, int number, bool late)
{
	size_t count;
	const struct torn_errno_row *rows = torn_errno_rows(&count);
	for (size_t i = 0; i < count; i++)
		if (rows[i].number == number && (rows[i].when == TORN_WHEN_LATE) == late &&
		    torn_errno_applies(&rows[i], op))
			return true;
	return false;
}

static void errno_values(const struct torn_op *op,
			 void (*emit)(void *context, int64_t value), void *context)
{
	size_t count;
	const struct torn_errno_row *rows = torn_errno_rows(&count);
	for (size_t i = 0; i < count; i++)
		if (rows[i].when != TORN_WHEN_LATE && rows[i].when != TORN_WHEN_EINTR &&
		    torn_errno_applies(&rows[i], op))
			emit(context, rows[i].number);
}

/*
 * Of a library's function it is not known what signals its program handles. Of a whole program it is: without a
 * handler no call of it is interrupted (signal(7)).
 */
static bool can_be_interrupted(const struct torn_op *op, uint64_t handled)
{
	if (op->flags & TORN_OP_UNINTERRUPTED)
		return false;
	return !(handled & TORN_HANDLED_ARE_ALL) || handled != TORN_HANDLED_ARE_ALL;
}

/* ---------------------------------------------------------- errno, sticky */

static bool errno_strike(const struct torn_fault *fault, uint32_t acted, const struct torn_op *op,
			 struct torn_action *action)
{
	(void)acted;
	if (!can_refuse(op, (int)fault->value, false))
		return false;
	action->act = TORN_ACT_REFUSE;
	action->number = (int)fault->value;
	return true;
}

static void refusals(const struct torn_op *op, uint64_t handled,
		     void (*emit)(void *context, int64_t value), void *context)
{
	(void)handled;
	errno_values(op, emit, context);
}

static bool same_kind(const struct torn_fault *fault, uint32_t acted, uint16_t kind,
		      const struct torn_op *op)
{
	(void)fault;
	(void)acted;
	return op->kind == kind;
}

/* ------------------------------------------------------------------- full */

static bool full_strike(const struct torn_fault *fault, uint32_t acted, const struct torn_op *op,
			struct torn_action *action)
{
	if (fault->value || !takes_space(op))
		return false;
	uint64_t half = op->kind == TORN_KIND_write || op->kind == TORN_KIND_copy
				? op->length / 2 : 0;
	if (acted > 0 || half == 0) {
		action->act = TORN_ACT_REFUSE;
		action->number = ENOSPC;
	} else {
		action->act = TORN_ACT_SHORTEN;
		action->bytes = half;
	}
	return true;
}

static bool always_lasts(const struct torn_fault *fault, uint32_t acted, uint16_t kind,
			 const struct torn_op *op)
{
	(void)fault;
	(void)acted;
	(void)kind;
	(void)op;
	return true;
}

static void full_values(const struct torn_op *op, uint64_t handled,
			void (*emit)(void *context, int64_t value), void *context)
{
	(void)handled;
	if (takes_space(op))
		emit(context, 0);
}

/* ------------------------------------------------------------------ short */

static bool short_strike(const struct torn_fault *fault, uint32_t acted, const struct torn_op *op,
			 struct torn_action *action)
{
	(void)acted;
	uint64_t bytes = fault->value ? (uint64_t)fault->value : op->length / 2;
	if (!moves_bytes(op) || bytes == 0 || bytes >= op->length)
		return false;
	action->act = TORN_ACT_SHORTEN;
	action->bytes = bytes;
	return true;
}

static void short_values(const struct torn_op *op, uint64_t handled,
			 void (*emit)(void *context, int64_t value), void *context)
{
	(void)handled;
	if (!moves_bytes(op) || op->result < 2)
		return;
	const int64_t whole = op->result;
	emit(context, 1);
	if (whole / 2 > 1)
		emit(context, whole / 2);
	if (whole - 1 > 1 && whole - 1 != whole / 2)
		emit(context, whole - 1);
}

/* ------------------------------------------------------------------- late */

static bool late_strike(const struct torn_fault *fault, uint32_t acted, const struct torn_op *op,
			struct torn_action *action)
{
	(void)acted;
	if (!can_refuse(op, (int)fault->value, true))
		return false;
	action->act = TORN_ACT_LATE;
	action->number = (int)fault->value;
	return true;
}

static void late_values(const struct torn_op *op, uint64_t handled,
			void (*emit)(void *context, int64_t value), void *context)
{
	size_t count;
	const struct torn_errno_row *errnos = torn_errno_rows(&count);
	for (size_t i = 0; i < count; i++)
		if (errnos[i].when == TORN_WHEN_LATE && torn_errno_applies(&errnos[i], op) &&
		    (errnos[i].number != EINTR || can_be_interrupted(op, handled)))
			emit(context, errnos[i].number);
}

/* ------------------------------------------------------------------ eintr */

static uint32_t eintr_times(const struct torn_fault *fault)
{
	return fault->value ? (uint32_t)fault->value : 1;
}

static bool eintr_strike(const struct torn_fault *fault, uint32_t acted, const struct torn_op *op,
			 struct torn_action *action)
{
	if (acted >= eintr_times(fault) || !can_refuse(op, EINTR, false))
		return false;
	action->act = TORN_ACT_REFUSE;
	action->number = EINTR;
	return true;
}

static bool eintr_lasts(const struct torn_fault *fault, uint32_t acted, uint16_t kind,
			const struct torn_op *op)
{
	return acted < eintr_times(fault) && same_kind(fault, acted, kind, op);
}

static void eintr_values(const struct torn_op *op, uint64_t handled,
			 void (*emit)(void *context, int64_t value), void *context)
{
	if (can_be_interrupted(op, handled) && can_refuse(op, EINTR, false)) {
		emit(context, 1);
		emit(context, 3);
	}
}

/* ----------------------------------------------------------- kill, signal */

static bool kill_strike(const struct torn_fault *fault, uint32_t acted, const struct torn_op *op,
			struct torn_action *action)
{
	(void)acted;
	if (fault->value > 0) {
		if ((!moves_bytes(op) && op->kind != TORN_KIND_store) || op->kind == TORN_KIND_read ||
		    (uint64_t)fault->value >= op->length)
			return false;
		action->ending = TORN_ENDING_KILL_PART;
		action->ending_bytes = (uint64_t)fault->value;
		return true;
	}
	action->ending = fault->value == TORN_KILL_BEFORE ? TORN_ENDING_KILL_BEFORE
							  : TORN_ENDING_KILL_AFTER;
	return true;
}

static bool signal_strike(const struct torn_fault *fault, uint32_t acted, const struct torn_op *op,
			  struct torn_action *action)
{
	(void)acted;
	if (op->kind == TORN_KIND_store)
		return false; /* it is found out about too late */
	action->ending = TORN_ENDING_SIGNAL;
	action->ending_number = (int)fault->value;
	return true;
}

/* Where nothing handles it, a signal is a kill, and all kills are looked at anyway. */
static void signal_values(const struct torn_op *op, uint64_t handled,
			  void (*emit)(void *context, int64_t value), void *context)
{
	if (op->kind == TORN_KIND_store)
		return;
	static const int services_die_of[] = {SIGTERM, SIGINT, SIGHUP};
	for (size_t i = 0; i < sizeof services_die_of / sizeof *services_die_of; i++)
		if (handled & (UINT64_C(1) << services_die_of[i]))
			emit(context, services_die_of[i]);
}

/* ------------------------------------------------------------------ fsync */

static bool syncs_one(const struct torn_op *op)
{
	return op->call == TORN_CALL_fsync || op->call == TORN_CALL_fdatasync;
}

static bool is_of_directory(enum torn_fsync manner)
{
	return manner == TORN_FSYNC_READONLY || manner == TORN_FSYNC_SHUTDOWN;
}

static bool fsync_strike(const struct torn_fault *fault, uint32_t acted, const struct torn_op *op,
			 struct torn_action *action)
{
	const enum torn_fsync manner = torn_fsync_manner(fault->value);
	const bool of_directory = op->flags & TORN_OP_DIRECTORY;
	int number = torn_fsync_errno(fault->value);
	if (is_of_directory(manner) && acted > 0)
		number = manner == TORN_FSYNC_READONLY ? EROFS : EIO;
	else if (!syncs_one(op) || of_directory != is_of_directory(manner))
		return false;
	if (!can_refuse(op, number, false))
		return false; /* a look at a file system that is read-only */
	action->act = TORN_ACT_REFUSE;
	action->number = number;
	action->manner = is_of_directory(manner) ? TORN_FSYNC_NONE : manner;
	return true;
}

static bool fsync_lasts(const struct torn_fault *fault, uint32_t acted, uint16_t kind,
			const struct torn_op *op)
{
	(void)acted;
	(void)kind;
	(void)op;
	return is_of_directory(torn_fsync_manner(fault->value));
}

/* Not kept: each state that it leaves, a plain error leaves too. */
static void fsync_values(const struct torn_op *op, uint64_t handled,
			 void (*emit)(void *context, int64_t value), void *context)
{
	(void)handled;
	if (!syncs_one(op) || op->result < 0)
		return;
	if (op->flags & TORN_OP_DIRECTORY) {
		emit(context, TORN_FSYNC_VALUE(TORN_FSYNC_READONLY, EIO));
		emit(context, TORN_FSYNC_VALUE(TORN_FSYNC_SHUTDOWN, EIO));
		return;
	}
	emit(context, TORN_FSYNC_VALUE(TORN_FSYNC_LOST, EIO));
	emit(context, TORN_FSYNC_VALUE(TORN_FSYNC_LOST, ENOSPC));
	emit(context, TORN_FSYNC_VALUE(TORN_FSYNC_REVERTED, EIO));
}

/* ------------------------------------------------------------------- rows */

static const struct torn_fault_row rows[TORN_FAULT_COUNT] = {
	[TORN_FAULT_ERRNO] = {"errno", "errno=E: the call is refused with E, once",
			      errno_strike, NULL, refusals},
	[TORN_FAULT_STICKY] = {"sticky", "sticky=E: this and every later call of the kind is refused",
			       errno_strike, same_kind, refusals},
	[TORN_FAULT_FULL] = {"full", "full: half of this write, then ENOSPC for all that takes space; with disk=tmpfs|ext4 "
			     "blocks=N|inodes=N a real disk that has so many left",
			     full_strike, always_lasts, full_values},
	[TORN_FAULT_SHORT] = {"short", "short=N: N bytes are moved, fewer than asked, no error",
			      short_strike, NULL, short_values},
	[TORN_FAULT_LATE] = {"late", "late=E: the call takes effect, then reports E (close)",
			     late_strike, NULL, late_values},
	[TORN_FAULT_EINTR] = {"eintr", "eintr=N: EINTR N times, then success",
			      eintr_strike, eintr_lasts, eintr_values},
	[TORN_FAULT_KILL] = {"kill", "kill=before|after|N: the process dies there (N: bytes written)",
			     kill_strike, NULL, NULL},
	[TORN_FAULT_SIGNAL] = {"signal", "signal=S: S arrives as the call returns",
			       signal_strike, NULL, signal_values},
	[TORN_FAULT_FSYNC] = {"fsync", "fsync=lost|reverted|kept[:E]: a file's fsync fails, its data is "
				       "that; readonly|shutdown: a directory's",
			      fsync_strike, fsync_lasts, fsync_values},
};

const struct torn_fault_row *torn_fault_row(enum torn_fault_name name)
{
	assert(name < TORN_FAULT_COUNT);
	return &rows[name];
}

/* --------------------------------------------------------------- deciding */

void torn_armed_begin(struct torn_armed *armed, const struct torn_plan *plan)
{
	assert(plan->faults_count <= TORN_FAULTS_MAX);
	*armed = (struct torn_armed){.plan = plan};
}

static bool is_single(struct torn_when when)
{
	return when.first == when.last;
}

static bool names(struct torn_when when, uint32_t number)
{
	if (number < when.first || number > when.last)
		return false;
	return when.step <= 1 || (number - when.first) % when.step == 0;
}

struct torn_action torn_armed_decide(struct torn_armed *armed, const struct torn_op *op)
{
	struct torn_action decided = {0};
	for (uint32_t i = 0; i < armed->plan->faults_count; i++) {
		const struct torn_fault *fault = &armed->plan->faults[i];
		const struct torn_fault_row *row = &rows[fault->name];
		bool named = names(fault->when, op->number);
		if (named && op->call != fault->call) {
			armed->mismatched |= is_single(fault->when);
			named = false;
		}
		if (!named && !(armed->acted[i] > 0 && row->lasts &&
				row->lasts(fault, armed->acted[i], armed->kind[i], op)))
			continue;
		struct torn_action action = {0};
		if (!row->strike(fault, armed->acted[i], op, &action))
			continue;
		bool ends = action.ending != TORN_ENDING_NONE;
		if (ends ? decided.ending != TORN_ENDING_NONE : decided.act != TORN_ACT_NOTHING)
			continue;
		if (armed->acted[i]++ == 0)
			armed->kind[i] = op->kind;
		armed->last_op[i] = op->number;
		if (ends) {
			decided.ending = action.ending;
			decided.ending_number = action.ending_number;
			decided.ending_bytes = action.ending_bytes;
			if (decided.fault == 0)
				decided.fault = i + 1;
		} else {
			decided.act = action.act;
			decided.number = action.number;
			decided.bytes = action.bytes;
			decided.manner = action.manner;
			decided.fault = i + 1;
		}
	}
	return decided;
}

/* What it answered is the kernel's, though a kill or a signal came with it. */
static bool is_as_the_kernel_did_it(const struct torn_op *op, const struct torn_plan *plan)
{
	if (op->number == 0 || !(op->flags & TORN_OP_PERFORMED) || op->flags & TORN_OP_RUNTIME)
		return false;
	const enum torn_fault_name name = op->fault ? plan->faults[op->fault - 1].name : TORN_FAULT_KILL;
	return name == TORN_FAULT_KILL || name == TORN_FAULT_SIGNAL;
}

/* A write to a file is short for lack of space: of a local disk no signal interrupts it (generic_perform_write()). */
static bool met_full_disk(const struct torn_op *op, const struct torn_plan *plan)
{
	if (!is_as_the_kernel_did_it(op, plan))
		return false;
	return op->result == -ENOSPC || op->result == -EDQUOT ||
	       (op->kind == TORN_KIND_write && op->result >= 0 && (uint64_t)op->result < op->length);
}

const struct torn_op *torn_log_first_full(const struct torn_log *log, const struct torn_plan *plan)
{
	for (uint32_t i = 0; i < log->count; i++)
		if (met_full_disk(&log->ops[i], plan))
			return &log->ops[i];
	return NULL;
}

void torn_armed_note_full(struct torn_armed *armed, struct torn_log *log)
{
	const struct torn_fault *fault = torn_plan_small_disk(armed->plan);
	const size_t index = (size_t)(fault - armed->plan->faults);
	const struct torn_op *first = torn_log_first_full(log, armed->plan);
	if (first && is_single(fault->when) && (first->number != fault->when.first || first->call != fault->call))
		return;
	for (uint32_t i = 0; i < log->count; i++) {
		struct torn_op *op = &log->ops[i];
		if (!met_full_disk(op, armed->plan))
			continue;
		if (op->fault == 0)
			op->fault = (uint16_t)(index + 1);
		armed->acted[index]++;
		armed->last_op[index] = op->number;
	}
}

bool torn_armed_all_fired(const struct torn_armed *armed)
{
	if (armed->mismatched)
		return false;
	for (uint32_t i = 0; i < armed->plan->faults_count; i++)
		if (armed->acted[i] == 0)
			return false;
	return true;
}

enum torn_errno_class torn_errno_class(int number)
{
	switch (number) {
	case ENOSPC:
	case EDQUOT:
		return TORN_ERRNO_SPACE;
	case EIO:
		return TORN_ERRNO_IO;
	case EACCES:
	case EPERM:
	case EROFS:
		return TORN_ERRNO_PERMISSION;
	default:
		return TORN_ERRNO_OTHER;
	}
}

static bool is_same_action(const struct torn_action *a, const struct torn_action *b)
{
	return a->act == b->act && a->number == b->number && a->bytes == b->bytes &&
	       a->manner == b->manner && a->ending == b->ending && a->ending_number == b->ending_number &&
	       a->ending_bytes == b->ending_bytes;
}

bool torn_plans_decide_alike(const struct torn_log *log, const struct torn_plan *ran,
			     const struct torn_plan *other)
{
	if (ran->seed != other->seed)
		return false;
	struct torn_armed one, two;
	torn_armed_begin(&one, ran);
	torn_armed_begin(&two, other);
	for (uint32_t i = 0; i < log->count; i++) {
		const struct torn_op *op = &log->ops[i];
		if (op->number == 0)
			continue;
		const struct torn_action by_one = torn_armed_decide(&one, op);
		const struct torn_action by_two = torn_armed_decide(&two, op);
		if (!is_same_action(&by_one, &by_two))
			return false;
	}
	return torn_armed_all_fired(&two);
}

/* -------------------------------------------------------------- objection */

static const char *errno_objection(const struct torn_fault *fault, bool late)
{
	static char sentence[512];
	size_t count;
	const struct torn_errno_row *errnos = torn_errno_rows(&count);
	int length = snprintf(sentence, sizeof sentence, "%s cannot %s with %s on Linux; it can with",
			      torn_call_name(fault->call), late ? "take effect and fail" : "fail",
			      torn_errno_name((int)fault->value));
	bool any = false;
	for (size_t i = 0; i < count; i++) {
		if (errnos[i].call != fault->call || (errnos[i].when == TORN_WHEN_LATE) != late)
			continue;
		if (errnos[i].number == fault->value)
			return NULL;
		if (!any || !strstr(sentence, torn_errno_name(errnos[i].number)))
			length += snprintf(sentence + length, sizeof sentence - (size_t)length, "%s %s",
					   any ? "," : "", torn_errno_name(errnos[i].number));
		any = true;
		assert((size_t)length < sizeof sentence);
	}
	if (!any)
		snprintf(sentence + length, sizeof sentence - (size_t)length, " nothing");
	return sentence;
}

static const char *fsync_objection(const struct torn_fault *fault)
{
	static char sentence[96];
	const int number = torn_fsync_errno(fault->value);
	if (fault->call != TORN_CALL_fsync && fault->call != TORN_CALL_fdatasync) {
		snprintf(sentence, sizeof sentence, "%s syncs no file of its own",
			 torn_call_name(fault->call));
		return sentence;
	}
	if (is_of_directory(torn_fsync_manner(fault->value)) && number != EIO)
		return "the sync of a directory that ends its file system fails with EIO";
	if (number != EIO && number != ENOSPC && number != EDQUOT)
		return "what was not written is told as EIO, ENOSPC or EDQUOT";
	return NULL;
}

const char *torn_fault_objection(const struct torn_fault *fault)
{
	static char sentence[128];
	const struct torn_op probe = {.call = fault->call,
				      .kind = torn_call_kind(fault->call),
				      .flags = TORN_OP_CREATES,
				      .length = UINT64_MAX};
	switch (fault->name) {
	case TORN_FAULT_ERRNO:
	case TORN_FAULT_STICKY:
		return errno_objection(fault, false);
	case TORN_FAULT_LATE:
		return errno_objection(fault, true);
	case TORN_FAULT_EINTR: {
		struct torn_fault eintr = *fault;
		eintr.value = EINTR;
		return errno_objection(&eintr, false);
	}
	case TORN_FAULT_FULL:
		if (fault->value) {
			struct torn_fault refused = *fault;
			refused.value = ENOSPC;
			return errno_objection(&refused, false);
		}
		if (takes_space(&probe) || fault->call == TORN_CALL_ioctl)
			return NULL;
		snprintf(sentence, sizeof sentence, "%s takes no space", torn_call_name(fault->call));
		return sentence;
	case TORN_FAULT_KILL:
		if (fault->value <= 0 || probe.kind == TORN_KIND_store ||
		    (moves_bytes(&probe) && probe.kind != TORN_KIND_read))
			return NULL;
		snprintf(sentence, sizeof sentence, "%s writes no bytes", torn_call_name(fault->call));
		return sentence;
	case TORN_FAULT_FSYNC:
		return fsync_objection(fault);
	case TORN_FAULT_SHORT:
		if (moves_bytes(&probe))
			return NULL;
		snprintf(sentence, sizeof sentence, "%s moves no bytes", torn_call_name(fault->call));
		return sentence;
	default:
		return NULL;
	}
}
