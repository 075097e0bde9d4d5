/*
 * disposable.h: a process in which operations run that may end it, in children
 * that share its memory: clone(CLONE_VM|CLONE_VFORK), clone(2). A child has
 * descriptors, signal handlers, limits and a working directory of its own, and
 * no page tables to copy: several times as fast as fork(2), most of all under
 * AddressSanitizer.
 *
 * What an operation leaves in memory stays in the disposable process. So it is
 * replaced by a fresh copy of its parent after every run that did not return,
 * and after TORN_DISPOSABLE_RUNS others.
 */
#ifndef TORN_DISPOSABLE_H
#define TORN_DISPOSABLE_H

#include <sys/types.h>

#include "trial.h"

/* What leaks is lost for so many runs at most. */
#define TORN_DISPOSABLE_RUNS 4096
/* Of a target's state that is kept for its process's life. */
#define TORN_DISPOSABLE_STATE_MAX 4096

/* How a run's child ended. */
struct torn_child_end {
	int status; /* as wait4(2) has it */
	bool timed_out;
};

/*
 * Run an operation in a child of the lab's disposable process, which is started
 * where there is none. What it did is in the recorder; what it says of leaks in
 * lab->shared; lab->counters are brought back. Returns 0; -errno where no process can be started.
 */
int torn_disposable_run(struct torn_lab *lab, const struct torn_gate_run *what,
			const struct torn_target *target, struct torn_child_end *ret_end);
/* End it. */
void torn_disposable_end(struct torn_lab *lab);
/* For tests: its process id; 0: there is none. */
pid_t torn_disposable_pid(const struct torn_lab *lab);

#endif
