/*
 * trace_internal.h: what the files of the ptrace gate share.
 *
 *   trace.c           a run: who goes on next, until nobody is left
 *   trace_stop.c      who there is, and what a stop of theirs is about
 *   trace_course.c    a call, by what it is: what becomes of it
 *   trace_call.c      a call on a file: located, numbered, asked about
 *   trace_take.c      what of it stands in its maker's memory
 *   trace_emulate.c   what the kernel is not asked
 *   trace_done.c      what the kernel said
 *   trace_outside.c   calls on what is not below the root
 *   trace_wait.c      calls that wait, and time
 *   trace_reach.c     paths: below the root or outside
 *   trace_runtime.c   calls on what the simulated kernel keeps
 *   trace_whole.c     the same where the root is all there is
 *   trace_mapping.c   stores into shared mappings
 *   trace_spawn.c     the program's start
 *   tracee.c          registers and memory of a thread
 *   trace_filter.c    which calls stop
 */
#ifndef TORN_TRACE_INTERNAL_H
#define TORN_TRACE_INTERNAL_H

#include <linux/filter.h>
#include <signal.h>
#include <sys/user.h>

#include "trace.h"

/* Of clone(2): what threads and processes may share. */
struct torn_shared_fds {
	uint32_t users;
	struct torn_fds fds;
};

struct torn_shared_place {
	uint32_t users;
	torn_object cwd; /* 0: outside */
	uint32_t umask;
};

enum torn_tracee_state {
	TORN_TRACEE_NONE,    /* a free entry */
	TORN_TRACEE_READY,   /* stopped: it can go on */
	TORN_TRACEE_GOING,   /* it goes on: one at a time */
	TORN_TRACEE_WAITING, /* inside a call, asleep, until somebody else does something */
	TORN_TRACEE_SLEEPING, /* stopped before a call that only lets time pass */
};

enum torn_tracee_stop {
	TORN_STOP_NONE,
	TORN_STOP_CALL,   /* before a call, which has not been looked at yet */
};

struct torn_tracee {
	pid_t tid, tgid;
	enum torn_tracee_state state;
	enum torn_tracee_stop stop;
	uint32_t order;  /* of its birth: lists are gone through in this order */
	bool is_born;    /* its maker said what it is */
	int signal;      /* to be delivered when it goes on */
	struct torn_shared_fds *fds;
	struct torn_shared_place *place;
	/* the call that it is in */
	bool in_call;    /* it stops again when the call returns */
	bool may_wait;   /* the call may put it to sleep */
	bool changed;    /* registers are not as the program set them: put back at the end */
	bool only_exits; /* it called exit(2): no stop comes any more */
	bool has_yielded; /* somebody else was let go on before the call that it stands before */
	struct user_regs_struct registers; /* as they were before the call */
	struct torn_request request;
	struct torn_op *op; /* numbered; NULL: it is none */
	enum torn_where where;
	struct torn_action action;
	struct torn_bytes moved; /* where the kernel looks for the request's path; data NULL: where it says */
	uint64_t clone_flags;
	int64_t deadline_ns; /* virtual; INT64_MAX: it waits for ever */
	long told_at_deadline;
};

/* Pages of a file that some process can store into. It is followed to the end of the run. */
struct torn_watched_mapping {
	torn_object object;
	pid_t tgid;
	int fd;           /* of the file, ours: to read what it holds now */
	uint64_t address; /* in the process that mapped it */
	uint64_t offset, size;
	struct torn_bytes path;
};

#define TORN_WATCHED_MAPPINGS_MAX 64u
#define TORN_OUTSIDE_KNOWN 1024u
#define TORN_EXECUTED_MAX 16u

struct torn_tracer {
	struct torn_tracing tracing;
	struct torn_bytes root_path;
	struct sock_fprog filter;
	struct torn_recorder *recorder;
	const struct torn_trace_run *run;
	struct torn_tracee tracees[TORN_TRACEES_MAX];
	uint32_t tracees_end; /* no entry from here on is in use */
	uint32_t alive, born;
	struct torn_shared_fds shared_fds[TORN_TRACEES_MAX];
	struct torn_shared_place shared_places[TORN_TRACEES_MAX];
	struct torn_tracee *last; /* who went on last; NULL: nobody yet */
	pid_t main_pid;
	bool main_ended, is_over; /* over: everybody is to be killed */
	bool yields;      /* somebody else may go on before the op at hand */
	bool may_have_woken; /* what was done since may have ended somebody's wait */
	bool may_have_ended; /* nor does anything else than an end or a signal end wait4(2) */
	bool may_have_signalled; /* nor does a signal come by itself to who is stopped before a sleep */
	bool has_timers;  /* waits may end by the real clock */
	bool has_returned; /* it said so by TORN_POINT_RETURNED: what it left then is in `leaks` */
	struct torn_leak leaks[TORN_LEAKS_MAX];
	uint32_t leaks_count;
	uint64_t draws;   /* state of the schedule's PRNG */
	char executed[TORN_EXECUTED_MAX][TORN_PATH_MAX]; /* below the root, as paths from there */
	uint32_t executed_count;
	unsigned notes;
	char note_texts[16][160];
	int output_fds[2][2]; /* pipes of stdout and stderr: [which][0] is ours */
	struct torn_watched_mapping mappings[TORN_WATCHED_MAPPINGS_MAX];
	uint32_t mappings_count;
	uint32_t outside_known[TORN_OUTSIDE_KNOWN]; /* hashes of paths that do not lead below the root */
	uint64_t handled; /* signals that had handlers, in any run without faults */
	struct torn_stack stack;
	int64_t begun_ms;
};

/* ------------------------------------------------------------------ tracee.c */

/* Read memory of a tracee. Returns how many bytes could be read: fewer at the end of what is mapped. */
size_t torn_tracee_read(const struct torn_tracee *tracee, uint64_t address, void *to, size_t size);
bool torn_tracee_write(const struct torn_tracee *tracee, uint64_t address, const void *from, size_t size);
/*
 * Read a string into an arena: up to TORN_PATH_MAX bytes, with a NUL behind it. Returns
 * 0, -EFAULT, or -ENOMEM.
 */
int torn_tracee_string(const struct torn_tracee *tracee, uint64_t address, struct torn_arena *arena,
		       struct torn_bytes *ret_string);
/* The registers of a stopped tracee. Return false where it is gone: killed meanwhile. */
bool torn_tracee_get(const struct torn_tracee *tracee, struct user_regs_struct *ret_registers);
bool torn_tracee_set(const struct torn_tracee *tracee, const struct user_regs_struct *registers);
/* Before a call: let it not happen, and return `told` (a value or -errno). */
void torn_tracee_skip(struct torn_tracee *tracee, long told);
/* Read a small file of /proc/TID, with a NUL behind it; false, and "", where it cannot be read. */
bool torn_tracee_proc(const struct torn_tracee *tracee, const char *file, char *ret_text, size_t size);
/* The state letter of /proc/TID/stat: 'S' sleeps, 'R' runs; 0: it is gone. */
char torn_tracee_letter(const struct torn_tracee *tracee);
/*
 * Is it off its processor, inside a call? A thread that is about to sleep, or has found out that it need
 * not, has the letter of one that sleeps: do_wait(), kernel/exit.c. /proc/TID/syscall waits until that is over.
 */
bool torn_tracee_is_inside(const struct torn_tracee *tracee);
/* Has a signal come to it that ends it or has a handler, and that is not blocked? */
bool torn_tracee_is_signalled(const struct torn_tracee *tracee);
/* Memory that the program does not use, below its stack's red zone. */
uint64_t torn_tracee_scratch(const struct torn_tracee *tracee, size_t size);

/* --------------------------------------------------------------- trace_call.c */

/* What becomes of a call. */
enum torn_course {
	TORN_COURSE_PASS,  /* nobody has to know how it ends */
	TORN_COURSE_EXIT,  /* stop again when it returns */
	TORN_COURSE_WAIT,  /* the same, and it may put the thread to sleep */
	TORN_COURSE_TOLD,  /* answered: it is not performed */
	TORN_COURSE_YIELD, /* it has not begun: another one goes on first */
	TORN_COURSE_SLEEP, /* nothing but time passes */
	TORN_COURSE_OVER,  /* the run ends here */
};

enum torn_course torn_trace_file(struct torn_tracer *tracer, struct torn_tracee *tracee);
/* Number an op that is located. A result below 0 is what the kernel will say, or is told where the root is whole. */
enum torn_course torn_trace_number(struct torn_tracer *tracer, struct torn_tracee *tracee, struct torn_op *draft);
/* Use the tracee's descriptors, directory and umask in the view. */
void torn_trace_enter_view(struct torn_tracer *tracer, struct torn_tracee *tracee);
/* The tracee's op is done: result and told are set. Returns what the program is told. */
long torn_trace_finish(struct torn_tracer *tracer, struct torn_tracee *tracee);

static inline struct torn_view *torn_trace_view(struct torn_tracer *tracer)
{
	return &tracer->recorder->view;
}

/* The call is answered, and not performed. */
static inline enum torn_course torn_trace_tell(struct torn_tracee *tracee, long answer)
{
	torn_tracee_skip(tracee, answer);
	return TORN_COURSE_TOLD;
}

/* --------------------------------------------------------------- trace_take.c */

/* From the memory of who makes the call. Each returns 0; -EFAULT; -EINVAL as the kernel would; -ENOMEM. */
int torn_trace_take_vector(const struct torn_tracee *tracee, struct torn_request *request);
int torn_trace_take_open_how(const struct torn_tracee *tracee, struct torn_request *request);
int torn_trace_take_strings(struct torn_tracer *tracer, const struct torn_tracee *tracee,
			    struct torn_strings *ret_strings);
/* The first `size` bytes of what is written, which the log keeps. Its vector has been taken. */
int torn_trace_take_bytes(struct torn_tracer *tracer, const struct torn_tracee *tracee, uint64_t size,
			  struct torn_bytes *ret_bytes);
/* Have the kernel move at most `limit` bytes. */
void torn_trace_limit_bytes(struct torn_tracee *tracee, uint64_t limit);
/* Note that the run is larger than what torn keeps of one. */
void torn_trace_no_room(struct torn_tracer *tracer);

/* ------------------------------------------------------------ trace_emulate.c */

bool torn_trace_is_emulated(const struct torn_tracer *tracer, const struct torn_op *op);
/* Returns what the program is told. */
long torn_trace_emulate(struct torn_tracer *tracer, struct torn_tracee *tracee, struct torn_op *op);
/* utime(2) and its like: when the file says it was modified, in nanoseconds. */
int64_t torn_trace_modified(struct torn_tracer *tracer, const struct torn_tracee *tracee, torn_object object);
/* Write a file's content as torn's own doing; `whole`: it has no other bytes. Returns 0 or -errno. */
int torn_trace_write_into(const struct torn_tracee *tracee, int fd, struct torn_bytes bytes, bool whole);

/* --------------------------------------------------------------- trace_done.c */

/* The call returned, its registers are given; may change what it returns. */
void torn_trace_file_done(struct torn_tracer *tracer, struct torn_tracee *tracee,
			  struct user_regs_struct *registers);
/* A descriptor has another number; fcntl(2) returned. */
void torn_trace_duplicated(struct torn_tracer *tracer, const struct torn_tracee *tracee, int fd);
void torn_trace_controlled(struct torn_tracer *tracer, const struct torn_tracee *tracee, long result);
/* Ask the kernel for a descriptor's offset, where it was moved unseen. */
void torn_trace_follow_offset(struct torn_tracer *tracer, const struct torn_tracee *tracee, int fd);

/* ------------------------------------------------------------ trace_outside.c */

/* Nobody has to know how it ends, but for who else could go on meanwhile. */
static inline enum torn_course torn_trace_pass(const struct torn_tracer *tracer)
{
	return tracer->alive > 1 ? TORN_COURSE_WAIT : TORN_COURSE_PASS;
}

enum torn_course torn_trace_pass_path(struct torn_tracer *tracer, struct torn_tracee *tracee,
				      const struct torn_strings *strings);
enum torn_course torn_trace_pass_descriptor(struct torn_tracer *tracer, struct torn_tracee *tracee,
					    enum torn_fd_class class);
/* A call that is no op returned, and changed what descriptors or the working directory are. */
void torn_trace_take_passed(struct torn_tracer *tracer, struct torn_tracee *tracee, long result);
/* What came to a pipe of the program's output by no write of its own: splice, children of /dev/stdout. */
void torn_trace_drain(struct torn_tracer *tracer);

/* --------------------------------------------------------------- trace_wait.c */

/* Clocks, randomness, and calls that wait. */
enum torn_course torn_trace_time(struct torn_tracer *tracer, struct torn_tracee *tracee);
bool torn_trace_is_timed(const struct torn_request *request);
enum torn_course torn_trace_wait(struct torn_tracer *tracer, struct torn_tracee *tracee, long number);
/* A signal came to one that is stopped before a sleep: it is told so. */
void torn_trace_interrupt_sleep(struct torn_tracer *tracer, struct torn_tracee *tracee);
/*
 * A thread was stopped by SIGSEGV: where that was for the processor's time stamp counter (prctl(2),
 * PR_SET_TSC), let it have the run's own time. Returns whether it was. Go's first random numbers are its ticks.
 */
bool torn_trace_count_ticks(struct torn_tracer *tracer, const struct torn_tracee *tracee);
/* All wait: let time pass to the first deadline. Returns false where there is none. */
bool torn_trace_pass_time(struct torn_tracer *tracer);

/* -------------------------------------------------------------- trace_reach.c */

/* Where a path leads: rewritten, so that torn_view_resolve() finds it below the root. */
struct torn_reached {
	bool inside;
	int dirfd;              /* AT_FDCWD for a path from the root */
	struct torn_bytes path; /* of the view's world; has a NUL behind it */
	struct torn_bytes moved; /* where the kernel is to look in place of the path; data NULL: there */
};

int torn_trace_reach(struct torn_tracer *tracer, const struct torn_tracee *tracee, int dirfd,
		     struct torn_bytes path, bool follows, struct torn_reached *ret_reached);

/* --------------------------------------------------------------- trace_whole.c */

/* The same for a root that is all there is. */
int torn_trace_reach_whole(struct torn_tracer *tracer, const struct torn_tracee *tracee, int dirfd,
			   struct torn_bytes path, bool follows, struct torn_reached *ret_reached);
/* What the kernel would refuse if the tree's mounts were real, as gate_names.c has it: -errno; 0: nothing. */
long torn_trace_mounts_refuse(struct torn_tracer *tracer, const struct torn_op *op);
/* Have the kernel take another path for the request's first one. It has a NUL behind it. */
void torn_trace_move_path(struct torn_tracee *tracee, struct torn_bytes path);

/* ------------------------------------------------------------- trace_runtime.c */

/* A call of class RUNTIME. Returns whether it is about what the trial's own kernel keeps. */
bool torn_trace_runtime(struct torn_tracer *tracer, struct torn_tracee *tracee, enum torn_course *ret_course);
/* A point of failure of the code under test: points.h. */
enum torn_course torn_trace_point(struct torn_tracer *tracer, struct torn_tracee *tracee);
/* trace_settle.c: the operation returned: look at what it left behind. */
void torn_trace_settle(struct torn_tracer *tracer, struct torn_tracee *tracee);
/*
 * Answer an op on what the kernel keeps from the tree: its result is set. Returns false where the
 * kernel is to perform it, prepared to do no harm: open(2), socket(2).
 */
bool torn_trace_serve(struct torn_tracer *tracer, struct torn_tracee *tracee, struct torn_op *op);

/* ------------------------------------------------------------ trace_mapping.c */

void torn_trace_map(struct torn_tracer *tracer, struct torn_tracee *tracee, const struct torn_op *op,
		    uint64_t address);
/* Fill an op for an msync of a followed mapping; false where it is none. */
bool torn_trace_locate_msync(struct torn_tracer *tracer, const struct torn_tracee *tracee,
			     struct torn_op *ret_op);
void torn_trace_look_at_stores(struct torn_tracer *tracer, bool thorough);
void torn_trace_unmap_all(struct torn_tracer *tracer);

/* -------------------------------------------------------------- trace_spawn.c */

/* Start the program, stopped before its first instruction. Returns its pid, or -errno. */
pid_t torn_trace_spawn(struct torn_tracer *tracer);
/* It has executed a file: take away what would differ from run to run (the vDSO, AT_RANDOM). */
void torn_trace_tame(struct torn_tracer *tracer, struct torn_tracee *tracee);

/* --------------------------------------------------------------- trace_stop.c */

/* Whom that number is; NULL: nobody who is known. */
struct torn_tracee *torn_trace_find(struct torn_tracer *tracer, pid_t tid);
/* One more; NULL: there are too many. */
struct torn_tracee *torn_trace_add(struct torn_tracer *tracer, pid_t tid);
void torn_trace_copy_fds(struct torn_fds *to, const struct torn_fds *from);
/* It executes a file: keep its path, where it lies below the root. */
void torn_trace_note_executed(struct torn_tracer *tracer, pid_t tid);

/* ------------------------------------------------------------- trace_course.c */

/* What becomes of the call before which a tracee stands. */
enum torn_course torn_trace_look_at_call(struct torn_tracer *tracer, struct torn_tracee *tracee);

/* -------------------------------------------------------------------- trace.c */

void torn_trace_note(struct torn_tracer *tracer, enum torn_trace_note note, const char *text);
/* End the run: whatever is left is killed. */
void torn_trace_end(struct torn_tracer *tracer, enum torn_end end, int code);
int64_t torn_trace_now(struct torn_tracer *tracer);
/* Take in what waitpid(2) says of somebody. */
void torn_trace_take_stop(struct torn_tracer *tracer, pid_t tid, int status);
struct torn_shared_fds *torn_trace_new_fds(struct torn_tracer *tracer);
struct torn_shared_place *torn_trace_new_place(struct torn_tracer *tracer);

#endif
