/*
 * trace.h: the gate around another process: ptrace(2) with a seccomp(2) filter.
 * Any program in any language, with its children and threads.
 *
 * The kernel performs what the program calls, below a directory that stands
 * where the program believes it to be; the tracer sees each call that names or
 * holds something below it, asks the plan, and writes the log: the same decoder,
 * the same faults, the same log as in process.
 *
 * One thread of one process goes on at a time. It is changed for another one,
 * drawn by the plan's seed, before a numbered op and where it waits. Clocks and
 * randomness are the run's own; where all wait, time passes to the first that
 * waits for it.
 *
 * Not seen: loads from memory, a run's values of rdrand, times of
 * CPU, the number of processors; sockets bound below the directory.
 */
#ifndef TORN_TRACE_H
#define TORN_TRACE_H

#include <sys/types.h>

#include "recorder.h"
#include "stack.h"

struct torn_tracer;

/* So many threads and processes at once. */
#define TORN_TRACEES_MAX 256

/*
 * One of its processes may have so much in memory. It is looked at while it runs: limits of resources count
 * addresses, of which Go, node and AddressSanitizer reserve more than there is memory.
 */
#define TORN_TRACEE_BYTES_MAX (UINT64_C(4) << 30)

/* Where the tree is all that the program sees as "/", by chroot(2): what in it is no part of the tree. */
struct torn_trace_whole {
	const char *const *others; /* names in the root where something else is mounted; ends with NULL */
	const char *proc;          /* where its /proc is: "/torn/proc" */
};

struct torn_tracing {
	struct torn_recorder *recorder; /* where runs are written */
	const char *root_path;          /* absolute and canonical: where the directory is, for program and tracer alike */
	/*
	 * NULL: the root is a directory of a larger world. Else it is "/" for the program: owners are those of the
	 * log's tree, what the tree has below /proc is there, and the rest of /proc/self is the kernel's own.
	 */
	const struct torn_trace_whole *whole;
	unsigned timeout_s;             /* of a run, of CPU time; twice as long without using any */
	int last_pid_fd;                /* ns_last_pid of the pid namespace; -1: pids differ from run to run */
	/* Called in the child that is about to be the program, on a stack of a few pages, in the
	 * tracer's memory: raw system calls only. Returns 0 or -errno. NULL: nothing to do. */
	int (*confine)(const void *context);
	const void *context;
	uid_t uid;  /* the program's own, as it sees itself */
	gid_t gid;
	bool stays_anywhere; /* not bound to one processor: slower */
};

/*
 * Make a tracer: one a process, which has to have one thread. Returns 0; -EPERM where
 * ptrace or seccomp is not allowed; else -errno, with one sentence in `ret_message`.
 */
int torn_tracer_open(const struct torn_tracing *tracing, struct torn_tracer **ret_tracer,
		     char *ret_message, size_t size);
void torn_tracer_close(struct torn_tracer *tracer);
/* Write runs into another recorder from now on. */
void torn_tracer_use(struct torn_tracer *tracer, struct torn_recorder *recorder);

struct torn_trace_run {
	const struct torn_fold_base *base;
	const struct torn_plan *plan;
	const char *program;  /* path of the file to execute */
	char *const *argv;
	char *const *envp;
	const char *cwd;      /* absolute and canonical: its working directory */
	int64_t clock_ns;     /* when it begins; 0: TORN_CLOCK_START_NS */
	bool kill_for_real;   /* where the plan says so, all its processes are ended by SIGKILL */
	bool unwatched;       /* no op is numbered and nothing is logged but output: it only looks */
	uint32_t stack_op;    /* take the call stack at this op; 0: nowhere */
};

/*
 * Run a program under a plan, and write it down in the recorder. Returns when
 * nothing of it is left. The recorder says how it ended: TORN_RETURNED with the
 * exit status; TORN_CRASHED by a signal; TORN_HUNG. Returns 0; -ENOMEM where
 * the recorder has no room to begin; -errno where the program cannot be started
 * (execve(2)), and why that is in the tracer's hands: -ECHILD where it ended before that.
 */
int torn_tracer_run(struct torn_tracer *tracer, const struct torn_trace_run *run);

/* What a program did, that is no op and should be told. Of the last run. */
enum torn_trace_note {
	TORN_NOTE_URING = 1 << 0,     /* it asked for io_uring and was refused: ENOSYS */
	TORN_NOTE_TERMINAL = 1 << 1,  /* it looked for a terminal */
	TORN_NOTE_ESCAPE = 1 << 2,    /* it tried a call that leads out, see note_text */
	TORN_NOTE_OUTSIDE = 1 << 3,   /* it tried to change a file outside, see note_text */
	TORN_NOTE_PROCESSES = 1 << 4, /* it wanted more than TORN_TRACEES_MAX */
	TORN_NOTE_32BIT = 1 << 5,     /* 32-bit calls: refused with ENOSYS */
	TORN_NOTE_FULL = 1 << 6,      /* the disk was full without a fault that says so */
	TORN_NOTE_PREEMPTED = 1 << 7, /* it ran so long that another one was let go on: by the clock */
	TORN_NOTE_MEMORY = 1 << 9,    /* it took more than TORN_TRACEE_BYTES_MAX: ended by SIGKILL */
	TORN_NOTE_LEFT = 1 << 8,      /* it ended, and left processes behind that wait for ever: killed */
};

unsigned torn_tracer_notes(const struct torn_tracer *tracer);
/* The first call or path that a note is about; "" where there is none. */
const char *torn_tracer_note_text(const struct torn_tracer *tracer, enum torn_trace_note note);

/* Files below the root that the last run executed, as paths from there: number 0 on; NULL behind the last. */
const char *torn_tracer_executed(const struct torn_tracer *tracer, size_t number);

/* Did the last run map this inode so that stores into it are no calls? For torn_disk_settle(). */
bool torn_tracer_mapped(const struct torn_tracer *tracer, torn_object object);

/*
 * Did the last run say that its operation returned (torn_points_return())? Else it called exit(3), or executed
 * something in its place. Gives how many leaks were found then; they are valid until the next run.
 */
bool torn_tracer_returned(const struct torn_tracer *tracer, const struct torn_leak **ret_leaks, uint32_t *ret_count);

/* The call stack that was asked for: in the recorder's arena. */
const struct torn_stack *torn_tracer_stack(const struct torn_tracer *tracer);

#endif
