/* trace_course.c: a call before it is performed, by what it is: what becomes of it: trace_internal.h. */
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include "trace_filter.h"
#include "trace_internal.h"

static enum torn_course refuse(struct torn_tracer *tracer, struct torn_tracee *tracee, const char *name)
{
	torn_trace_note(tracer, TORN_NOTE_ESCAPE, name);
	torn_tracee_skip(tracee, -EPERM);
	return TORN_COURSE_TOLD;
}

static enum torn_course absent(struct torn_tracee *tracee)
{
	torn_tracee_skip(tracee, -ENOSYS);
	return TORN_COURSE_TOLD;
}

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |         \
		    CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME)

static enum torn_course start_another(struct torn_tracer *tracer, struct torn_tracee *tracee)
{
	const struct user_regs_struct *r = &tracee->registers;
	struct clone_args args = {0};
	switch (tracee->request.call) {
	case TORN_CALL_clone:
		args.flags = r->rdi;
		break;
	case TORN_CALL_clone3:
		torn_tracee_read(tracee, r->rdi, &args, r->rsi < sizeof args ? r->rsi : sizeof args);
		break;
	case TORN_CALL_vfork:
		args.flags = CLONE_VFORK | CLONE_VM;
		break;
	default:
		break;
	}
	/* CLONE_NEWTIME lies among the bits of clone(2)'s signal. */
	const uint64_t namespaces = tracee->request.call == TORN_CALL_clone3 ? NAMESPACES
									     : NAMESPACES & ~(uint64_t)CLONE_NEWTIME;
	if (args.flags & (namespaces | CLONE_UNTRACED))
		return refuse(tracer, tracee, "clone with new namespaces");
	if (tracer->alive >= TORN_TRACEES_MAX - 1) {
		torn_trace_note(tracer, TORN_NOTE_PROCESSES, torn_call_name(tracee->request.call));
		torn_tracee_skip(tracee, -EAGAIN);
		return TORN_COURSE_TOLD;
	}
	tracee->clone_flags = args.flags;
	return TORN_COURSE_PASS;
}

static enum torn_course leave_alone(struct torn_tracer *tracer, struct torn_tracee *tracee, long number)
{
	if (number == SYS_seccomp)
		return refuse(tracer, tracee, "a seccomp listener of its own");
	switch (torn_traced_way(number)) {
	case TORN_TRACED_WAITS:
		return torn_trace_wait(tracer, tracee, number);
	case TORN_TRACED_TIMER:
		tracer->has_timers = true;
		return TORN_COURSE_PASS;
	case TORN_TRACED_WAKES:
		tracer->may_have_woken = tracer->may_have_signalled = true;
		return TORN_COURSE_PASS;
	case TORN_TRACED_ABSENT:
		return absent(tracee);
	case TORN_TRACED_REFUSED: {
		char text[48];
		snprintf(text, sizeof text, "system call %ld", number);
		return refuse(tracer, tracee, text);
	}
	case TORN_TRACED_PASS:
		return TORN_COURSE_PASS;
	case TORN_TRACED_UNKNOWN:
		break;
	}
	if (tracer->recorder->trouble == TORN_TROUBLE_NONE)
		tracer->recorder->trouble_number = number;
	torn_recorder_trouble(tracer->recorder, TORN_TROUBLE_INCOMPLETE,
			      "system call number %ld is not known to torn", number);
	return absent(tracee);
}

/* What becomes of the call before which a tracee stands. */
enum torn_course torn_trace_look_at_call(struct torn_tracer *tracer, struct torn_tracee *tracee)
{
	struct torn_recorder *recorder = tracer->recorder;
	struct user_regs_struct *r = &tracee->registers;
	if (!torn_tracee_get(tracee, r))
		return TORN_COURSE_PASS;
	const long number = (long)r->orig_rax;
	tracee->op = NULL;
	tracee->where = TORN_WHERE_PASS;
	if (++recorder->log.crossings > TORN_CROSSINGS_MAX) {
		torn_trace_end(tracer, TORN_HUNG, TORN_HANG_CROSSINGS);
		return TORN_COURSE_OVER;
	}
	/* Of int $0x80, which 64-bit code can make too, only the filter knows: it numbers calls anew. */
	unsigned long message = 0;
	ptrace(PTRACE_GETEVENTMSG, tracee->tid, NULL, &message);
	if (message == TORN_FILTER_FOREIGN) {
		torn_trace_note(tracer, TORN_NOTE_32BIT, "32-bit system calls");
		return absent(tracee);
	}
	const enum torn_call call = torn_call_numbered(number);
	const uint64_t arg[6] = {r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9};
	torn_request_decode(call, arg, &tracee->request);
	switch (call) {
	case TORN_CALL_NONE:
		return leave_alone(tracer, tracee, number);
	case TORN_CALL_umask:
		tracee->place->umask = (uint32_t)r->rdi & 0777;
		return TORN_COURSE_PASS;
	case TORN_CALL_clone:
	case TORN_CALL_clone3:
	case TORN_CALL_fork:
	case TORN_CALL_vfork:
		return start_another(tracer, tracee);
	case TORN_CALL_exit:
		tracee->only_exits = true;
		return TORN_COURSE_WAIT;
	case TORN_CALL_futex:
	case TORN_CALL_poll:
	case TORN_CALL_ppoll:
	case TORN_CALL_pause:
	case TORN_CALL_wait4:
	case TORN_CALL_waitid:
		return torn_trace_wait(tracer, tracee, number);
	case TORN_CALL_kill:
	case TORN_CALL_tkill:
	case TORN_CALL_tgkill:
		tracer->may_have_woken = tracer->may_have_signalled = true;
		return TORN_COURSE_PASS;
	case TORN_CALL_prctl: /* not to be looked at: it believes so */
		return torn_trace_tell(tracee, 0);
	case TORN_CALL_prlimit64:
		return refuse(tracer, tracee, "prlimit64 of another process");
	case TORN_CALL_point:
		return torn_trace_point(tracer, tracee);
	case TORN_CALL_io_uring_setup:
	case TORN_CALL_io_uring_enter:
	case TORN_CALL_io_uring_register:
		torn_trace_note(tracer, TORN_NOTE_URING, torn_call_name(call));
		return absent(tracee);
	default:
		break;
	}
	const enum torn_class class = torn_call_row(call)->class;
	enum torn_course course;
	if (class == TORN_CLASS_FILE)
		return torn_trace_file(tracer, tracee);
	if (class == TORN_CLASS_VIRTUAL)
		return torn_trace_time(tracer, tracee);
	if (class == TORN_CLASS_RUNTIME && torn_trace_runtime(tracer, tracee, &course))
		return course;
	if (call == TORN_CALL_socket)
		return refuse(tracer, tracee, "a socket that is not local");
	if (class == TORN_CLASS_RUNTIME && torn_traced_way(number) != TORN_TRACED_UNKNOWN)
		return leave_alone(tracer, tracee, number);
	if (class == TORN_CLASS_RUNTIME || class == TORN_CLASS_REFUSED)
		return refuse(tracer, tracee, torn_call_name(call));
	return TORN_COURSE_PASS;
}
