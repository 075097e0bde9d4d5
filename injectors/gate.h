/*
 * gate.h: the gate in process, by Syscall User Dispatch
 * (Documentation/admin-guide/syscall-user-dispatch.rst, Linux 5.11).
 *
 * While an operation runs, every system call of its thread raises SIGSYS; the
 * handler logs it, asks the plan, performs, changes or refuses it.
 */
#ifndef TORN_GATE_H
#define TORN_GATE_H

#include "directories.h"
#include "recorder.h"

struct torn_gate;

/*
 * Make this thread ready: the SIGSYS handler, the dispatcher, the vDSO's clocks
 * turned into system calls. One gate a process. `root_fd` is the trial's root,
 * which the caller keeps open; `recorder` is where runs are written. Descriptors
 * 0 to 2 must be /dev/null or the like, and none but torn's own (from
 * TORN_FD_RESERVED on) may be open beside them.
 * Returns 0; -ENOSYS where the kernel has no Syscall User Dispatch; else -errno
 * of what failed.
 */
int torn_gate_open(struct torn_recorder *recorder, int root_fd, struct torn_gate **ret_gate);

/*
 * In a child of fork(2): dispatching is the thread's own affair and not
 * inherited. Returns 0; -ENOSYS where calls do not cross; else -errno.
 */
int torn_gate_follow(struct torn_gate *gate);

struct torn_gate_run {
	const struct torn_fold_base *base;
	const struct torn_plan *plan;
	int (*operation)(const struct torn_run *run);
	const struct torn_run *run;
	bool kill_for_real; /* only in a disposable child: end it by SIGKILL where the plan says so */
};

/*
 * Run an operation under a plan, and write it down in the recorder. Returns
 * when it returned; where it ends the process, the process ends, and the
 * recorder says why (`running` is still true where nothing was said: a crash).
 * Returns 0, or -ENOMEM where the recorder has no room to begin.
 */
int torn_gate_run(struct torn_gate *gate, const struct torn_gate_run *what);

/*
 * The child that ran died without a word: log what it had stored into shared
 * mappings, which is on disk, and which nobody looked at since its last call.
 */
void torn_gate_collect_stores(struct torn_gate *gate);

/*
 * Collect what the run left behind in this process, and put it back: closes
 * descriptors, unmaps files, restores signal dispositions and mask. Returns how many leaks.
 */
uint32_t torn_gate_settle(struct torn_gate *gate, struct torn_leak leaks[TORN_LEAKS_MAX]);
/* The directories of the root that it keeps open. */
struct torn_directories *torn_gate_directories(struct torn_gate *gate);

/* Open the gate for good: a sanitizer is about to report, and its calls are not the target's. */
void torn_gate_disarm(void);

#endif
