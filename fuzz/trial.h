/*
 * trial.h: one run of an operation under a plan, from an old state on disk to a
 * tree that can be judged.
 */
#ifndef TORN_TRIAL_H
#define TORN_TRIAL_H

#include "../injectors/device_server.h"
#include "../injectors/disk.h"
#include "../injectors/gate.h"
#include "../injectors/small_disk.h"
#include "../injectors/trace.h"
#include "program.h"

/* What is run: a variant, its arguments, and the state that it begins with. */
struct torn_setup {
	const struct torn_target *target;
	const struct torn_variant *variant;
	const struct torn_program *program; /* of `torn exec`: it is traced; NULL: the variant's function is called */
	const struct torn_world *world; /* NULL: the olds are a case's own */
	struct torn_promised promised;
	struct torn_arena *arena;       /* owns all below */
	struct torn_run run;
	const struct torn_old *olds; /* sorted by path */
	size_t olds_count;
	const struct torn_node *old_tree; /* before the first run: what is judged against */
	const struct torn_node *old_booted; /* the same, with what the kernel keeps as boot loads it */
	const struct torn_node *begin_tree; /* on disk when the run begins: old, or what a run before left */
	struct torn_fold_base base;         /* of that */
	const struct torn_past *past;     /* what was done since boot (history.h); NULL: nothing was */
	const struct torn_node *new_tree; /* NULL until a clean run made it */
	bool rolls_back; /* that clean run applied and rolled back: new is old */
	const struct torn_rerun *twin;    /* of the target's twin, from a clean run on; NULL: it has none */
};

/* Is it run by the tracer, and not by a call in process? */
static inline bool torn_setup_is_traced(const struct torn_setup *setup)
{
	return setup->program || setup->target->starts_programs;
}

/* What a child tells its parent besides the recorder. */
struct torn_lab_shared {
	volatile uint64_t trials; /* begun so far: whoever watches sees that it moves */
	volatile bool stopping;   /* torn was interrupted: torn_lab_check_time() says so */
	struct torn_leak leaks[TORN_LEAKS_MAX];
	uint32_t leaks_count;
	size_t bytes_grown; /* that malloc had in use more when a run came back than when it began */
};

/* Where trials run: a root on disk, a gate and its recorder. One a process. */
struct torn_lab {
	struct torn_recorder *recorder;
	struct torn_gate *gate; /* NULL: programs are traced */
	struct torn_tracer *tracer; /* NULL: functions are called */
	const struct torn_isolated *isolation; /* of the tracer's programs */
	uint8_t *touched; /* of a program's runs: beside each old file of the setup whether one touched it; NULL: nobody asks */
	struct torn_looker *looker;            /* looking.h; NULL: nobody looked yet */
	uint32_t stack_op;                     /* at which the tracer takes the call stack; 0: nowhere */
	struct torn_directories *directories; /* NULL: none are kept, as programs may have too many */
	struct torn_disk disk;
	struct torn_lab_shared *shared;
	bool isolated;       /* each trial in a child of its own: for targets that end the process */
	unsigned timeout_s;  /* of CPU time in a child */
	unsigned time_s;     /* of all that it is about; 0: as long as it takes */
	int64_t begun_ns;    /* CLOCK_MONOTONIC; where there is such a time */
	const struct torn_setup *on_disk; /* whose tree is on disk; NULL: nobody's */
	const struct torn_target *known; /* the target whose state is kept in state_before */
	void *state_before;             /* as it was before its first run in this process; malloc'ed */
	char failure[256];   /* what torn itself failed on */
	struct torn_disposable *disposable; /* where children run; NULL: none was needed yet */
	/* Counters that code under test writes, brought back from children; none: 0. */
	uint8_t *counters;
	size_t counters_count;
	int stderr_fd;       /* where people read, unlike descriptor 2 */
	int folder_fd;       /* of the worker, or -1 */
	struct torn_small_disk *small_disk; /* which the root lies on; NULL: none, and no disk is full for real */
	struct torn_device_server *disks; /* on which power cuts are made; NULL: the crash model says what they leave */
};

/* Returns 0; -ETIME, with that as its failure, where the time that it was given is over. */
int torn_lab_check_time(struct torn_lab *lab);


/* Say in lab->failure why something cannot be done. printf-like; returns `error`. */
int torn_lab_fail(struct torn_lab *lab, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* How a run is done. */
enum torn_trial_how {
	TORN_TRIAL_PLAIN,
	TORN_TRIAL_KILL_FOR_REAL, /* in a child, ended by a real SIGKILL */
};

/*
 * Run a plan and fill `ret_trial`; its trees and log live until the next run. Of a plan
 * that comes after others only its own run is done: the setup begins with what they left.
 * Where the plan kills, the trial is at the kill; where a signal of the plan is
 * fatal, too. The disk is held against the log, then put back to what the run began with.
 * Returns TORN_HELD when it can be judged, TORN_INVALID when a planned fault
 * did not fire; -ENOTSUP when the run did what torn cannot judge, -EPROTO when
 * torn itself failed (lab->failure says what).
 */
int torn_trial_run(struct torn_lab *lab, const struct torn_setup *setup,
		   const struct torn_plan *plan, enum torn_trial_how how,
		   struct torn_trial *ret_trial);

/*
 * After TORN_INVALID: was the run over, by a hang, a crash or an exit, before
 * all of its plan could happen? Then it is a run of those faults that fired:
 * `ret_fired`, and can be judged as one. False where it is none: it came back, the
 * plan itself ended the process, or no fault fired.
 */
bool torn_trial_cut_short(const struct torn_lab *lab, const struct torn_trial *trial,
			  struct torn_plan *ret_fired);

/* Put the tree that a setup begins with on disk, whatever is there. Returns 0 or -EPROTO. */
int torn_lab_begin(struct torn_lab *lab, const struct torn_setup *setup);
/*
 * The setup whose tree is on disk goes away, after a run of it with this result:
 * put another's there while both are known, or know nothing.
 */
void torn_lab_leave(struct torn_lab *lab, const struct torn_setup *other, int result);

/*
 * Move a trial to a kill: after `op` (0: before the first), with only `bytes`
 * of its write done where that is not 0. Returns 0 or -EPROTO.
 */
int torn_trial_kill(struct torn_lab *lab, const struct torn_setup *setup,
		    struct torn_trial *trial, uint32_t op, uint64_t bytes);

#endif
