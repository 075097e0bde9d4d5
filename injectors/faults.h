/*
 * faults.h: what can go wrong at a call, and the plan that says where.
 *
 * The fault model, a row each in faults.c:
 *
 *   errno   The call is refused, once, with an errno that Linux can return for
 *           it (errnos.def), and has no effect.
 *   sticky  The same, and every later call of the kind is refused too: a
 *           device that went away, a file system that went read-only.
 *   full    Half of this write is done, and from then on whatever takes space
 *           gets ENOSPC. A one-shot error misses this: the retry of the short
 *           write is what fails. With a small disk (small_disk.h) it decides nothing: the
 *           kernel does, and what it refused for lack of space is noted afterwards.
 *   short   Fewer bytes than asked, no error: signals, quotas, errors in the
 *           middle of a transfer do it (write(2), read(2)). A read of a sysctl
 *           is whole: proc_sys_call_handler().
 *   late    The call takes effect and then reports an error: close(2).
 *   eintr   EINTR once or a few times, then success.
 *   kill    The process tree dies: before the call, after it, or with part of
 *           a write done. Folding the log gives the tree that is left; the gate
 *           kills for real only when asked to confirm it.
 *   fsync   fsync or fdatasync of a file fails, and the pages that were dirty are
 *           clean (Rebello et al., ATC 2020; fsync(2)): their bytes are lost,
 *           though readable as long as they are cached, and the next fsync
 *           succeeds; or reverted to what is on disk; or kept, on disk after all.
 *           Every descriptor that is open on the file is told so once (errseq_t,
 *           since Linux 4.13). Of a directory: the journal is aborted, and every
 *           later change is refused with EROFS (readonly: ext4), or every later
 *           call with EIO (shutdown: XFS).
 *   signal  A signal arrives as the call returns. Where its disposition is to
 *           end the process, the run is folded up to there as for a kill.
 */
#ifndef TORN_FAULTS_H
#define TORN_FAULTS_H

#include "../fuzz/torn.h"

enum torn_act {
	TORN_ACT_NOTHING,
	TORN_ACT_REFUSE,  /* no effect; tell -number */
	TORN_ACT_SHORTEN, /* perform `bytes` of it */
	TORN_ACT_LATE,    /* perform it, then tell -number */
};

enum torn_ending {
	TORN_ENDING_NONE,
	TORN_ENDING_KILL_BEFORE,
	TORN_ENDING_KILL_PART, /* after `bytes` */
	TORN_ENDING_KILL_AFTER,
	TORN_ENDING_SIGNAL, /* `number` arrives as the call returns */
};

struct torn_action {
	enum torn_act act;
	int number;
	uint64_t bytes;
	enum torn_fsync manner; /* of a sync that is refused: what it leaves */
	uint32_t fault; /* 1 + index in the plan, of the act or, without one, of the ending */
	enum torn_ending ending;
	int ending_number;
	uint64_t ending_bytes;
};

/* A plan that is being carried out. */
struct torn_armed {
	const struct torn_plan *plan;
	uint32_t acted[TORN_FAULTS_MAX]; /* how often each fault acted */
	uint32_t last_op[TORN_FAULTS_MAX]; /* at which op last */
	uint16_t kind[TORN_FAULTS_MAX]; /* of the first: not its call's for rmdir by unlinkat and FICLONE */
	bool mismatched; /* the op that a fault names was another call */
};

void torn_armed_begin(struct torn_armed *armed, const struct torn_plan *plan);
/*
 * Decide what happens to an op that is about to be performed: its number,
 * call, kind, flags and lengths are set. Count first, then act.
 */
struct torn_action torn_armed_decide(struct torn_armed *armed, const struct torn_op *op);
/* Did every fault act, each at the call it names? Else the trial is INVALID. */
bool torn_armed_all_fired(const struct torn_armed *armed);

/* Return the first op of a run under a plan that the kernel refused for lack of space, or cut short; NULL: none. */
const struct torn_op *torn_log_first_full(const struct torn_log *log, const struct torn_plan *plan);
/*
 * After a run on that disk: mark the ops that the kernel refused for lack of space, or cut short, as acted
 * on. Where the first of them is not the op that the fault names, it did not fire.
 */
void torn_armed_note_full(struct torn_armed *armed, struct torn_log *log);

/* One row a fault: its word, what it does, and where it can be placed. */
struct torn_fault_row {
	const char *word, *help;
	/* Does it act on this op, the fault having acted `acted` times before? */
	bool (*strike)(const struct torn_fault *fault, uint32_t acted, const struct torn_op *op,
		       struct torn_action *action);
	/* Does it go on after the op that it named, which was of `kind`? NULL: no. */
	bool (*lasts)(const struct torn_fault *fault, uint32_t acted, uint16_t kind,
		      const struct torn_op *op);
	/* Give every value that a sweep should try at this op of a finished run. */
	void (*values)(const struct torn_op *op, uint64_t handled,
		       void (*emit)(void *context, int64_t value), void *context);
};

const struct torn_fault_row *torn_fault_row(enum torn_fault_name name);

/* What programs tell apart, if anything: one errno of each class stands for the others. */
enum torn_errno_class {
	TORN_ERRNO_SPACE,      /* ENOSPC, EDQUOT: there is no room */
	TORN_ERRNO_IO,         /* EIO: the device failed */
	TORN_ERRNO_PERMISSION, /* EACCES, EPERM, EROFS: it may not be done */
	TORN_ERRNO_OTHER,
	TORN_ERRNO_CLASS_COUNT
};

enum torn_errno_class torn_errno_class(int number);

/*
 * Would `other` have decided at every op of this log as `ran` did, under which
 * it was written? Then its run would be the same one, call by call.
 */
bool torn_plans_decide_alike(const struct torn_log *log, const struct torn_plan *ran,
			     const struct torn_plan *other);

/*
 * Why a fault can never act: an errno that Linux does not return for the call,
 * short on a call that moves no bytes. Returns NULL for one that can; else one
 * sentence without a full stop, in a static buffer.
 */
const char *torn_fault_objection(const struct torn_fault *fault);

#endif
