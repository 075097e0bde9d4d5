/*
 * gate_process.c: calls that are not about files: identity, time, randomness
 * and processes; signals go on to gate_signals.c.
 *
 * A run sees the same answers everywhere and always: uid 0, one process id, a
 * clock that starts at a fixed moment and moves only when it is looked at or
 * slept on, and randomness that comes from the case's seed.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <time.h>

#include "gate_internal.h"
#include "gate_mapping.h"
#include "gate_uring.h"

#define VIRTUAL_PPID 4241
#define NS_PER_S INT64_C(1000000000)

static void *user(uint64_t address)
{
	return (void *)(uintptr_t)address; /* NOLINT: an address that the target passed */
}

/* ------------------------------------------------------------------- time */

static int64_t seed_ns(const struct torn_gate *gate)
{
	return (int64_t)((gate->recorder->armed.plan->seed - 1) * UINT64_C(0x9e3779b97f4a7c15) >> 40) * 8;
}

static long give_time(struct torn_gate *gate, const struct torn_request *request)
{
	const int64_t now = torn_recorder_now(gate->recorder);
	switch (request->call) {
	case TORN_CALL_time:
		if (request->arg[0])
			*(time_t *)user(request->arg[0]) = now / NS_PER_S;
		return (long)(now / NS_PER_S);
	case TORN_CALL_gettimeofday:
		if (request->arg[0])
			*(struct timeval *)user(request->arg[0]) =
				(struct timeval){now / NS_PER_S, now % NS_PER_S / 1000};
		if (request->arg[1])
			memset(user(request->arg[1]), 0, sizeof(struct timezone));
		return 0;
	case TORN_CALL_clock_getres:
		if (request->arg[1])
			*(struct timespec *)user(request->arg[1]) = (struct timespec){0, 1};
		return 0;
	default:
		*(struct timespec *)user(request->arg[1]) = (struct timespec){
			now / NS_PER_S,
			/* mkstemp's names come from here: another seed, other names. */
			(now + (request->arg[0] == CLOCK_REALTIME ? 0 : seed_ns(gate))) % NS_PER_S};
		return 0;
	}
}

/* Nobody waits: the clock goes on by what was asked. */
static long sleep_virtual(struct torn_gate *gate, const struct torn_request *request)
{
	const bool clock = request->call == TORN_CALL_clock_nanosleep;
	const struct timespec *asked = user(clock ? request->arg[2] : request->arg[0]);
	if (asked->tv_nsec < 0 || asked->tv_nsec >= NS_PER_S || asked->tv_sec < 0)
		return -EINVAL;
	const int64_t left = (INT64_MAX - gate->recorder->clock_ns) / NS_PER_S - 1;
	int64_t ns = (asked->tv_sec < left ? asked->tv_sec : left) * NS_PER_S + asked->tv_nsec;
	if (clock && (request->arg[1] & TIMER_ABSTIME))
		ns = ns > gate->recorder->clock_ns ? ns - gate->recorder->clock_ns : 0;
	gate->recorder->clock_ns += ns;
	return 0;
}

/* What is ready is ready now: nobody else is there to make it so later. */
static long poll_virtual(struct torn_gate *gate, const struct torn_request *request)
{
	const long ready = torn_raw(SYS_poll, request->arg[0], request->arg[1], 0);
	const struct pollfd *fds = user(request->arg[0]);
	for (uint64_t i = 0; ready >= 0 && i < request->arg[1]; i++)
		if (torn_uring_is_ring(gate, fds[i].fd))
			torn_recorder_trouble(gate->recorder, TORN_TROUBLE_INCOMPLETE,
					      "polls a ring of io_uring, which is not modelled");
	if (ready != 0)
		return ready;
	int64_t ns = (int64_t)(int)request->arg[2] * 1000000;
	if (request->call == TORN_CALL_ppoll) {
		const struct timespec *timeout = user(request->arg[2]);
		ns = timeout ? timeout->tv_sec * NS_PER_S + timeout->tv_nsec : -1;
	}
	if (ns < 0)
		torn_gate_die(gate, TORN_HUNG, 0);
	gate->recorder->clock_ns += ns;
	return 0;
}

/* --------------------------------------------------------------- identity */

static long give_identity(const struct torn_request *request)
{
	switch (request->call) {
	case TORN_CALL_getpid:
	case TORN_CALL_gettid:
	case TORN_CALL_getpgrp:
	case TORN_CALL_getpgid:
	case TORN_CALL_getsid:
		return TORN_VIRTUAL_PID;
	case TORN_CALL_getppid:
		return VIRTUAL_PPID;
	case TORN_CALL_getresuid:
	case TORN_CALL_getresgid:
		for (int i = 0; i < 3; i++)
			*(uint32_t *)user(request->arg[i]) = 0;
		return 0;
	case TORN_CALL_getcpu:
		for (int i = 0; i < 2; i++)
			if (request->arg[i])
				*(unsigned *)user(request->arg[i]) = 0;
		return 0;
	default: /* getuid and its like, getgroups */
		return 0;
	}
}

static long give_uname(struct utsname *to)
{
	*to = (struct utsname){.sysname = "Linux", .nodename = "torn", .release = "6.1.0",
			       .version = "#1 SMP", .machine = "x86_64", .domainname = "(none)"};
	return 0;
}

/* One processor: how many there are differs by machine. */
static long give_processors(const struct torn_request *request)
{
	if (request->arg[1] < sizeof(uint64_t))
		return -EINVAL;
	*(uint64_t *)user(request->arg[2]) = 1;
	return sizeof(uint64_t);
}

static long give_limit(uint64_t to)
{
	if (to)
		*(struct rlimit *)user(to) = (struct rlimit){TORN_FD_RESERVED, TORN_FD_RESERVED};
	return 0;
}

static long give_usage(const struct torn_request *request)
{
	switch (request->call) {
	case TORN_CALL_getrusage:
		memset(user(request->arg[1]), 0, sizeof(struct rusage));
		return 0;
	case TORN_CALL_sysinfo:
		*(struct sysinfo *)user(request->arg[0]) = (struct sysinfo){
			.totalram = UINT64_C(4) << 30, .freeram = UINT64_C(2) << 30, .mem_unit = 1};
		return 0;
	default: /* times */
		if (request->arg[0])
			memset(user(request->arg[0]), 0, sizeof(struct tms));
		return 1;
	}
}

/* -------------------------------------------------------------- processes */

static long process(struct torn_gate *gate, const struct torn_request *request)
{
	switch (request->call) {
	case TORN_CALL_exit:
	case TORN_CALL_exit_group:
		torn_gate_die(gate, TORN_EXITED, (int)request->arg[0] & 0xff);
	case TORN_CALL_wait4:
	case TORN_CALL_waitid:
		return -ECHILD;
	default:
		torn_recorder_trouble(gate->recorder, TORN_TROUBLE_PROCESS,
				      "starts a process or thread (%s): use the ptrace gate",
				      torn_call_name(request->call));
		return -EAGAIN;
	}
}

static long pass(const struct torn_request *request)
{
	return torn_raw6(torn_call_row(request->call)->number, (long)request->arg[0],
			 (long)request->arg[1], (long)request->arg[2], (long)request->arg[3],
			 (long)request->arg[4], (long)request->arg[5]);
}

/* Pipes, eventfds, memfds: files of no file system, but descriptors that can leak. */
static long pass_and_track(struct torn_gate *gate, const struct torn_request *request)
{
	struct torn_view *view = &gate->recorder->view;
	const struct torn_description description = {.class = TORN_FD_OTHER};
	const bool pipes = request->call == TORN_CALL_pipe || request->call == TORN_CALL_pipe2;
	const bool makes = pipes || request->call == TORN_CALL_eventfd2 ||
			   request->call == TORN_CALL_memfd_create;
	if (makes && view->fds->open + (pipes ? 2 : 1) > TORN_FD_RESERVED)
		return -EMFILE;
	long r = pass(request);
	if (r < 0)
		return r;
	switch (request->call) {
	case TORN_CALL_pipe:
	case TORN_CALL_pipe2:
		for (int i = 0; i < 2; i++)
			torn_view_open(view, ((const int *)user(request->arg[0]))[i], &description);
		break;
	case TORN_CALL_eventfd2:
	case TORN_CALL_memfd_create:
		torn_view_open(view, (int)r, &description);
		break;
	default:
		break;
	}
	return r;
}

static long set_process(const struct torn_request *request)
{
	switch ((int)request->arg[0]) {
	case PR_GET_DUMPABLE:
	case PR_SET_NAME:
	case PR_GET_NAME:
	case 0x53564d41: /* PR_SET_VMA: names of mappings (glibc 2.39) */
		return pass(request);
	default:
		return -EPERM;
	}
}

static long set_umask(struct torn_gate *gate, const struct torn_request *request)
{
	struct torn_view *view = &gate->recorder->view;
	const uint32_t before = view->umask;
	view->umask = request->mode & 0777;
	return (long)before;
}

long torn_gate_process(struct torn_gate *gate, struct torn_request *request, ucontext_t *context)
{
	switch (request->call) {
	case TORN_CALL_umask:
		return set_umask(gate, request);
	case TORN_CALL_uname:
		return give_uname(user(request->arg[0]));
	case TORN_CALL_sched_getaffinity:
		return give_processors(request);
	case TORN_CALL_getrlimit:
		return give_limit(request->arg[1]);
	case TORN_CALL_prlimit64:
		return request->arg[2] ? -EPERM : give_limit(request->arg[3]);
	case TORN_CALL_getrusage:
	case TORN_CALL_sysinfo:
	case TORN_CALL_times:
		return give_usage(request);
	case TORN_CALL_time:
	case TORN_CALL_gettimeofday:
	case TORN_CALL_clock_gettime:
	case TORN_CALL_clock_getres:
		return give_time(gate, request);
	case TORN_CALL_nanosleep:
	case TORN_CALL_clock_nanosleep:
		return sleep_virtual(gate, request);
	case TORN_CALL_pause:
		torn_gate_die(gate, TORN_HUNG, 0);
	case TORN_CALL_poll:
	case TORN_CALL_ppoll:
		return poll_virtual(gate, request);
	case TORN_CALL_getrandom:
		torn_recorder_random(gate->recorder, user(request->arg[0]), request->arg[1]);
		return (long)request->arg[1];
	case TORN_CALL_rt_sigaction:
		return torn_gate_set_action(gate, request);
	case TORN_CALL_rt_sigprocmask:
		return torn_gate_set_mask(gate, request, context);
	case TORN_CALL_rt_sigpending:
		return pass(request);
	case TORN_CALL_sigaltstack:
		return torn_gate_set_altstack(gate, request, context);
	case TORN_CALL_kill:
	case TORN_CALL_tkill:
	case TORN_CALL_tgkill:
		return torn_gate_send_signal(gate, request);
	case TORN_CALL_munmap:
	case TORN_CALL_mprotect:
	case TORN_CALL_mremap:
	case TORN_CALL_madvise:
		return torn_gate_memory(gate, request);
	case TORN_CALL_point:
		return torn_gate_point(gate, request);
	case TORN_CALL_prctl:
		return set_process(request);
	case TORN_CALL_io_uring_setup:
		return torn_uring_setup(gate, request);
	case TORN_CALL_io_uring_enter:
		return torn_uring_enter(gate, request);
	case TORN_CALL_io_uring_register:
		return torn_uring_register(gate, request);
	default:
		break;
	}
	switch ((enum torn_class)torn_call_row(request->call)->class) {
	case TORN_CLASS_PROCESS:
		return process(gate, request);
	case TORN_CLASS_PASS:
		return pass_and_track(gate, request);
	default:
		return give_identity(request);
	}
}
