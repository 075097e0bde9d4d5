/*
 * trace_wait.c: clocks, randomness, and calls that wait: trace_internal.h.
 *
 * A wait that would end by itself is made to last for ever, and its end is kept as a
 * deadline on the run's clock. When everybody waits, the clock is put forward to the first
 * deadline, and whoever it belongs to is told that its time is over: so a program
 * that waits ten seconds for a lock costs nothing, and waits as long in each run.
 */
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "trace_filter.h"
#include "trace_internal.h"

#define NS_PER_S INT64_C(1000000000)

int64_t torn_trace_now(struct torn_tracer *tracer)
{
	return torn_recorder_now(tracer->recorder);
}

static enum torn_course told(struct torn_tracee *tracee, long answer)
{
	torn_tracee_skip(tracee, answer);
	return TORN_COURSE_TOLD;
}

static enum torn_course give(struct torn_tracee *tracee, uint64_t to, const void *from, size_t size)
{
	return told(tracee, !to || torn_tracee_write(tracee, to, from, size) ? 0 : -EFAULT);
}

static enum torn_course give_random(struct torn_tracer *tracer, struct torn_tracee *tracee)
{
	uint8_t bytes[4096];
	const uint64_t wanted = tracee->registers.rsi;
	const size_t size = wanted < sizeof bytes ? wanted : sizeof bytes;
	torn_recorder_random(tracer->recorder, bytes, size);
	return told(tracee, torn_tracee_write(tracee, tracee->registers.rdi, bytes, size) ? (long)size
											    : -EFAULT);
}

/* A relative time of the caller's in nanoseconds; -1: there is none, it waits for ever. */
static int64_t time_at(const struct torn_tracee *tracee, uint64_t address, int64_t unit)
{
	int64_t raw[2];
	if (!address || torn_tracee_read(tracee, address, raw, sizeof raw) != sizeof raw)
		return -1;
	if (raw[0] < 0 || raw[1] < 0 || raw[0] > INT64_MAX / NS_PER_S / 2)
		return -1;
	if (unit == 1 && raw[1] >= NS_PER_S)
		return -1; /* EINVAL: the kernel says so. Of microseconds select(2) takes any number. */
	return raw[0] * NS_PER_S + raw[1] * unit;
}

static enum torn_course sleep_until(struct torn_tracer *tracer, struct torn_tracee *tracee, int64_t ns,
				    bool is_absolute)
{
	const int64_t now = torn_trace_now(tracer);
	tracee->deadline_ns = is_absolute ? ns : now + ns;
	tracee->told_at_deadline = 0;
	return TORN_COURSE_SLEEP;
}

enum torn_course torn_trace_time(struct torn_tracer *tracer, struct torn_tracee *tracee)
{
	const struct user_regs_struct *r = &tracee->registers;
	switch (tracee->request.call) {
	case TORN_CALL_clock_gettime: {
		const int64_t now = torn_trace_now(tracer);
		return give(tracee, r->rsi, (int64_t[]){now / NS_PER_S, now % NS_PER_S}, 16);
	}
	case TORN_CALL_gettimeofday: {
		const int64_t now = torn_trace_now(tracer);
		return give(tracee, r->rdi, (int64_t[]){now / NS_PER_S, now % NS_PER_S / 1000}, 16);
	}
	case TORN_CALL_time: {
		const int64_t now = torn_trace_now(tracer) / NS_PER_S;
		if (r->rdi && !torn_tracee_write(tracee, r->rdi, &now, sizeof now))
			return told(tracee, -EFAULT);
		return told(tracee, now);
	}
	case TORN_CALL_getrandom:
		return give_random(tracer, tracee);
	case TORN_CALL_nanosleep: {
		const int64_t ns = time_at(tracee, r->rdi, 1);
		return ns < 0 ? TORN_COURSE_PASS : sleep_until(tracer, tracee, ns, false);
	}
	case TORN_CALL_clock_nanosleep: {
		const int64_t ns = time_at(tracee, r->rdx, 1);
		return ns < 0 ? TORN_COURSE_PASS : sleep_until(tracer, tracee, ns, r->rsi & TIMER_ABSTIME);
	}
	default:
		return TORN_COURSE_PASS;
	}
}

/*
 * Intel's manual, volume 2, RDTSC (0F 31) and RDTSCP (0F 01 F9): EDX:EAX, and in ECX the processor. Where
 * SIGSEGV was blocked or ignored, the kernel has set it back to its default: force_sig(), kernel/signal.c.
 */
bool torn_trace_count_ticks(struct torn_tracer *tracer, const struct torn_tracee *tracee)
{
	struct user_regs_struct registers;
	uint8_t code[3] = {0};
	if (!torn_tracee_get(tracee, &registers))
		return false;
	torn_tracee_read(tracee, registers.rip, code, sizeof code);
	const bool has_processor = memcmp(code, (const uint8_t[]){0x0f, 0x01, 0xf9}, 3) == 0;
	if (!has_processor && memcmp(code, (const uint8_t[]){0x0f, 0x31}, 2) != 0)
		return false;
	const uint64_t now = (uint64_t)torn_trace_now(tracer);
	registers.rax = now & UINT32_MAX;
	registers.rdx = now >> 32;
	if (has_processor)
		registers.rcx = 0;
	registers.rip += has_processor ? 3 : 2;
	return torn_tracee_set(tracee, &registers);
}

/* ------------------------------------------------------------------ waiting */

/* How a wait ends by itself, and how it is made to last. */
struct timed {
	int64_t ns;        /* -1: for ever */
	bool is_absolute;
	long told;
	unsigned long long *parameter; /* of the registers: where the time stands */
	unsigned long long forever;
};

static struct timed timing_of(const struct torn_tracee *tracee, struct user_regs_struct *r)
{
	struct timed timed = {.ns = -1};
	const long number = (long)r->orig_rax;
	int64_t milliseconds = -1;
	switch (number) {
	case SYS_futex: {
		const unsigned command = (unsigned)r->rsi & FUTEX_CMD_MASK;
		if (command != FUTEX_WAIT && command != FUTEX_WAIT_BITSET && command != FUTEX_LOCK_PI)
			return timed;
		timed = (struct timed){time_at(tracee, r->r10, 1), command != FUTEX_WAIT, -ETIMEDOUT, &r->r10, 0};
		return timed;
	}
	case SYS_poll:
		milliseconds = (int)r->rdx;
		timed = (struct timed){-1, false, 0, &r->rdx, (unsigned long long)-1};
		break;
	case SYS_epoll_wait:
	case SYS_epoll_pwait:
		milliseconds = (int)r->r10;
		timed = (struct timed){-1, false, 0, &r->r10, (unsigned long long)-1};
		break;
	case SYS_ppoll:
		return (struct timed){time_at(tracee, r->rdx, 1), false, 0, &r->rdx, 0};
	case SYS_select:
		return (struct timed){time_at(tracee, r->r8, 1000), false, 0, &r->r8, 0};
	case SYS_pselect6:
		return (struct timed){time_at(tracee, r->r8, 1), false, 0, &r->r8, 0};
	case SYS_semtimedop:
		return (struct timed){time_at(tracee, r->r10, 1), false, -EAGAIN, &r->r10, 0};
	case SYS_mq_timedsend:
	case SYS_mq_timedreceive:
		return (struct timed){time_at(tracee, r->r8, 1), true, -ETIMEDOUT, &r->r8, 0};
	case SYS_rt_sigtimedwait:
		return (struct timed){time_at(tracee, r->rdx, 1), false, -EAGAIN, &r->rdx, 0};
	default:
		return timed;
	}
	if (milliseconds >= 0)
		timed.ns = milliseconds * 1000000;
	return timed;
}

static bool ends_waits(const struct torn_tracee *tracee)
{
	if (tracee->request.call != TORN_CALL_futex)
		return true;
	const unsigned command = (unsigned)tracee->registers.rsi & FUTEX_CMD_MASK;
	return command != FUTEX_WAIT && command != FUTEX_WAIT_BITSET;
}

enum torn_course torn_trace_wait(struct torn_tracer *tracer, struct torn_tracee *tracee, long number)
{
	struct user_regs_struct registers = tracee->registers;
	const struct timed timed = timing_of(tracee, &registers);
	(void)number;
	tracer->may_have_woken |= ends_waits(tracee);
	if (timed.ns < 0 || (timed.ns == 0 && !timed.is_absolute))
		return TORN_COURSE_WAIT; /* for ever, or not at all */
	tracee->deadline_ns = timed.is_absolute ? timed.ns : torn_trace_now(tracer) + timed.ns;
	tracee->told_at_deadline = timed.told;
	*timed.parameter = timed.forever;
	tracee->changed = true;
	torn_tracee_set(tracee, &registers);
	return TORN_COURSE_WAIT;
}

/* The fd sets of select(2) and the events of poll(2): nobody is ready. */
static void clear_answers(const struct torn_tracee *tracee)
{
	const struct user_regs_struct *r = &tracee->registers;
	const long number = (long)r->orig_rax;
	static const uint8_t none[128];
	if (number == SYS_select || number == SYS_pselect6) {
		const size_t size = ((size_t)r->rdi + 63) / 64 * 8;
		const unsigned long long sets[] = {r->rsi, r->rdx, r->r10};
		for (size_t i = 0; i < 3 && size <= sizeof none; i++)
			if (sets[i])
				torn_tracee_write(tracee, sets[i], none, size);
		torn_tracee_write(tracee, r->r8, none, sizeof(struct timespec)); /* what is left of it: select(2) */
	} else if (number == SYS_poll || number == SYS_ppoll) {
		for (uint64_t i = 0; i < r->rsi; i++)
			torn_tracee_write(tracee, r->rdi + i * sizeof(struct pollfd) +
							  offsetof(struct pollfd, revents), none, 2);
	}
}

/* Pull a thread out of the call in which it sleeps: it is told that its time is over. */
static bool wake(struct torn_tracer *tracer, struct torn_tracee *tracee)
{
	int status;
	if (ptrace(PTRACE_INTERRUPT, tracee->tid, NULL, NULL) != 0 ||
	    waitpid(tracee->tid, &status, __WALL) != tracee->tid)
		return false;
	if (!WIFSTOPPED(status) || WSTOPSIG(status) != (SIGTRAP | 0x80)) {
		torn_trace_take_stop(tracer, tracee->tid, status); /* it had ended or got a signal meanwhile */
		return true;
	}
	struct user_regs_struct registers;
	if (!torn_tracee_get(tracee, &registers))
		return false;
	const long result = (long)registers.rax;
	const bool is_interrupted = result == -EINTR || (result <= -512 && result >= -516);
	const unsigned long long rip = registers.rip, rsp = registers.rsp;
	registers = tracee->registers;
	registers.rip = rip;
	registers.rsp = rsp;
	registers.orig_rax = (unsigned long long)-1; /* nothing is restarted */
	registers.rax = is_interrupted ? (unsigned long long)tracee->told_at_deadline
				       : (unsigned long long)result;
	if (is_interrupted)
		clear_answers(tracee);
	torn_tracee_set(tracee, &registers);
	tracee->in_call = tracee->changed = false;
	tracee->state = TORN_TRACEE_READY;
	return true;
}

void torn_trace_interrupt_sleep(struct torn_tracer *tracer, struct torn_tracee *tracee)
{
	const struct user_regs_struct *r = &tracee->registers;
	const bool is_clock = tracee->request.call == TORN_CALL_clock_nanosleep;
	const uint64_t to = is_clock ? r->r10 : r->rsi;
	const int64_t left = tracee->deadline_ns - tracer->recorder->clock_ns;
	if (to && left > 0 && !(is_clock && (r->rsi & TIMER_ABSTIME)))
		torn_tracee_write(tracee, to, (int64_t[]){left / NS_PER_S, left % NS_PER_S}, 16);
	torn_tracee_skip(tracee, -EINTR);
	tracee->deadline_ns = INT64_MAX;
	tracee->state = TORN_TRACEE_READY;
}

bool torn_trace_pass_time(struct torn_tracer *tracer)
{
	struct torn_tracee *first = NULL;
	for (uint32_t i = 0; i < tracer->tracees_end; i++) {
		struct torn_tracee *tracee = &tracer->tracees[i];
		if ((tracee->state == TORN_TRACEE_SLEEPING || tracee->state == TORN_TRACEE_WAITING) &&
		    tracee->deadline_ns != INT64_MAX &&
		    (!first || tracee->deadline_ns < first->deadline_ns ||
		     (tracee->deadline_ns == first->deadline_ns && tracee->order < first->order)))
			first = tracee;
	}
	if (!first)
		return false;
	if (tracer->recorder->clock_ns < first->deadline_ns)
		tracer->recorder->clock_ns = first->deadline_ns;
	first->deadline_ns = INT64_MAX;
	if (first->state == TORN_TRACEE_SLEEPING) {
		torn_tracee_skip(first, first->told_at_deadline);
		first->state = TORN_TRACEE_READY;
		return true;
	}
	return wake(tracer, first);
}
