/*
 * gate_process.c: calls that are not about files: identity, time, randomness,
 * signals, and starting or ending processes.
 *
 * A run sees the same answers everywhere and always: uid 0, one process id, a
 * clock that starts at a fixed moment and moves only when it is looked at or
 * slept on, and randomness that comes from the case's seed.
 */
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/utsname.h>
#include <time.h>

#include "gate_internal.h"

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

/* ---------------------------------------------------------------- signals */

static bool can_be_handled(int number)
{
	return number >= 1 && number < TORN_SIGNALS && number != SIGKILL && number != SIGSTOP;
}

static void note_disposition(struct torn_gate *gate, int number, uintptr_t handler)
{
	const uint64_t bit = number < 64 ? UINT64_C(1) << number : 0;
	gate->handled &= ~bit;
	gate->ignored &= ~bit;
	if (handler == (uintptr_t)SIG_IGN)
		gate->ignored |= bit;
	else if (handler != (uintptr_t)SIG_DFL)
		gate->handled |= bit;
	gate->recorder->log.handled |= gate->handled;
}

static long set_action(struct torn_gate *gate, const struct torn_request *request)
{
	const int number = (int)request->arg[0];
	const struct torn_kernel_action *action = user(request->arg[1]);
	struct torn_kernel_action *old = user(request->arg[2]);
	if (number == SIGSYS) { /* it only believes so: without SIGSYS it would die at its next call */
		struct torn_kernel_action before = gate->sigsys;
		if (action)
			gate->sigsys = *action;
		if (old)
			*old = before;
		return 0;
	}
	/* A handler that blocks SIGSYS while it runs would die at its first call. */
	struct torn_kernel_action installed = action ? *action : (struct torn_kernel_action){0};
	installed.mask &= ~(UINT64_C(1) << (SIGSYS - 1));
	struct torn_kernel_action before;
	long r = torn_raw(SYS_rt_sigaction, number, action ? &installed : NULL, &before,
			  request->arg[3]);
	if (r < 0)
		return r;
	if (old)
		*old = before;
	if (action && can_be_handled(number)) {
		const uint64_t bit = UINT64_C(1) << (number - 1);
		if (!(gate->actions_touched & bit))
			gate->actions_before[number] = before;
		gate->actions_touched |= bit;
		note_disposition(gate, number, action->handler);
	}
	return 0;
}

/* A planned signal that was blocked arrives at last: the run ends after the op before. */
static void die_of_waiting(struct torn_gate *gate, int number)
{
	struct torn_recorder *recorder = gate->recorder;
	struct torn_armed *armed = &recorder->armed;
	gate->waiting &= ~(UINT64_C(1) << number);
	for (uint32_t i = 0; i < armed->plan->faults_count; i++)
		if (armed->plan->faults[i].name == TORN_FAULT_SIGNAL && armed->acted[i] &&
		    armed->plan->faults[i].value == number)
			armed->last_op[i] = recorder->log.numbered;
	for (uint32_t i = recorder->log.count; i-- > 0;)
		if (recorder->log.ops[i].number == recorder->log.numbered) {
			recorder->log.ops[i].flags |= TORN_OP_FATAL;
			break;
		}
}

/* The kernel's mask in the saved context is what will be in force when we return. */
static long set_mask(struct torn_gate *gate, const struct torn_request *request,
		     ucontext_t *context)
{
	const uint64_t sigsys = UINT64_C(1) << (SIGSYS - 1);
	uint64_t *mask = (uint64_t *)(void *)&context->uc_sigmask;
	const uint64_t *set = user(request->arg[1]);
	uint64_t *old = user(request->arg[2]);
	if (request->arg[3] != sizeof *mask)
		return -EINVAL;
	const uint64_t before = *mask | (gate->sigsys_blocked ? sigsys : 0);
	if (set) {
		gate->mask_touched = true;
		uint64_t after;
		switch ((int)request->arg[0]) {
		case SIG_BLOCK:
			after = before | *set;
			break;
		case SIG_UNBLOCK:
			after = before & ~*set;
			break;
		case SIG_SETMASK:
			after = *set;
			break;
		default:
			return -EINVAL;
		}
		after &= ~((UINT64_C(1) << (SIGKILL - 1)) | (UINT64_C(1) << (SIGSTOP - 1)));
		for (int number = 1; gate->waiting & ~(after << 1) && number < 64; number++)
			if ((gate->waiting & ~(after << 1)) & (UINT64_C(1) << number))
				die_of_waiting(gate, number);
		gate->sigsys_blocked = after & sigsys;
		*mask = after & ~sigsys;
		gate->mask_after = after;
	}
	if (old)
		*old = before;
	return 0;
}

static long set_altstack(struct torn_gate *gate, const struct torn_request *request,
			 ucontext_t *context)
{
	gate->altstack_touched = true;
	stack_t *old = user(request->arg[1]);
	stack_t before = context->uc_stack;
	if (before.ss_size == 0) /* the kernel saves 0 where none was ever set (__save_altstack) */
		before.ss_flags = SS_DISABLE;
	if (request->arg[0])
		context->uc_stack = *(const stack_t *)user(request->arg[0]);
	if (old)
		*old = before;
	return 0;
}

/* Only itself can be reached: whatever else a number means, it is not ours to signal. */
static long send_signal(struct torn_gate *gate, const struct torn_request *request)
{
	const bool tgkill = request->call == TORN_CALL_tgkill;
	const int whom = (int)request->arg[tgkill ? 1 : 0];
	const int number = (int)request->arg[tgkill ? 2 : 1];
	if (whom != TORN_VIRTUAL_PID && !(request->call == TORN_CALL_kill && (whom == 0 || whom == -TORN_VIRTUAL_PID)))
		return -ESRCH;
	if (number == SIGSYS || number == 0)
		return number == 0 ? 0 : -EPERM;
	return torn_raw(SYS_tgkill, gate->host_pid, gate->host_tid, number);
}

void torn_gate_signal(struct torn_gate *gate, struct torn_op *op, int number)
{
	/* As it is now: SA_RESETHAND takes a handler away without a call. */
	struct torn_kernel_action action = {0};
	torn_raw(SYS_rt_sigaction, number, NULL, &action, sizeof action.mask);
	const bool is_default = action.handler == (uintptr_t)SIG_DFL;
	uint64_t blocked = gate->mask_now;
	if (gate->by_jump)
		torn_raw(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &blocked, sizeof blocked);
	if (!is_default && action.handler != (uintptr_t)SIG_IGN && gate->by_jump)
		gate->signal_pending = number;
	else if (!is_default && action.handler != (uintptr_t)SIG_IGN)
		/* All signals wait while we answer: it arrives when the target goes on. */
		torn_raw(SYS_tgkill, gate->host_pid, gate->host_tid, number);
	else if (!is_default || number == SIGCHLD || number == SIGURG || number == SIGWINCH ||
		 number == SIGCONT)
		return; /* signal(7): ignored */
	else if (blocked & (UINT64_C(1) << (number - 1)))
		gate->waiting |= UINT64_C(1) << number;
	else
		op->flags |= TORN_OP_FATAL;
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
	if (makes && view->fds_open + (pipes ? 2 : 1) > TORN_FD_RESERVED)
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
		return set_action(gate, request);
	case TORN_CALL_rt_sigprocmask:
		return set_mask(gate, request, context);
	case TORN_CALL_rt_sigpending:
		return pass(request);
	case TORN_CALL_sigaltstack:
		return set_altstack(gate, request, context);
	case TORN_CALL_kill:
	case TORN_CALL_tkill:
	case TORN_CALL_tgkill:
		return send_signal(gate, request);
	case TORN_CALL_prctl:
		return set_process(request);
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

/* ------------------------------------------------------------- afterwards */

static void leak(struct torn_leak *leaks, uint32_t *count, struct torn_leak found)
{
	if (*count < TORN_LEAKS_MAX)
		leaks[*count] = found;
	++*count;
}

static void settle_descriptors(struct torn_gate *gate, struct torn_leak *leaks, uint32_t *count)
{
	struct torn_view *view = &gate->recorder->view;
	for (int fd = 0; fd < view->fds_end; fd++) {
		const struct torn_description *description = torn_view_fd(view, fd);
		if (!description)
			continue;
		bool standard = fd <= 2 && view->fds[fd] == fd + 1;
		if (standard)
			continue;
		struct torn_leak found = {.what = "descriptor", .op = description->op};
		snprintf(found.detail, sizeof found.detail, "descriptor %d on %s%.*s is still open", fd,
			 description->class == TORN_FD_ROOT ? "/" : "a pipe or device",
			 (int)description->path.size, (const char *)description->path.data);
		leak(leaks, count, found);
		torn_raw(SYS_close, fd);
	}
	for (int fd = 0; fd <= 2; fd++) {
		if (view->fds[fd] == fd + 1)
			continue;
		struct torn_leak found = {.what = "descriptor"};
		snprintf(found.detail, sizeof found.detail, "descriptor %d is not what it was", fd);
		leak(leaks, count, found);
		torn_raw(SYS_dup2, TORN_FD_NULL, fd);
	}
}

/* Ignoring a signal drops it where it waits: sigaction(2), POSIX. */
static void drop_pending(void)
{
	uint64_t pending = 0;
	torn_raw(SYS_rt_sigpending, &pending, sizeof pending);
	for (int number = 1; number < TORN_SIGNALS; number++) {
		if (!(pending & (UINT64_C(1) << (number - 1))))
			continue;
		const struct torn_kernel_action ignore = {.handler = (uintptr_t)SIG_IGN};
		struct torn_kernel_action before;
		torn_raw(SYS_rt_sigaction, number, &ignore, &before, sizeof before.mask);
		torn_raw(SYS_rt_sigaction, number, &before, NULL, sizeof before.mask);
	}
}

uint32_t torn_gate_settle(struct torn_gate *gate, struct torn_leak leaks[TORN_LEAKS_MAX])
{
	struct torn_view *view = &gate->recorder->view;
	uint32_t count = 0;
	settle_descriptors(gate, leaks, &count);
	if (view->cwd != TORN_FOLD_ROOT) {
		struct torn_leak found = {.what = "working directory"};
		struct torn_bytes path = torn_view_object_path(view, view->cwd);
		snprintf(found.detail, sizeof found.detail, "the working directory is /%.*s, it was /",
			 (int)path.size, (const char *)path.data);
		leak(leaks, &count, found);
	}
	if (view->umask != 022) {
		struct torn_leak found = {.what = "umask"};
		snprintf(found.detail, sizeof found.detail, "the umask is %04o, it was 0022", view->umask);
		leak(leaks, &count, found);
	}
	if (gate->mask_after != gate->mask_before) {
		struct torn_leak found = {.what = "signal mask"};
		snprintf(found.detail, sizeof found.detail,
			 "the mask of blocked signals is %#lx, it was %#lx", gate->mask_after,
			 gate->mask_before);
		leak(leaks, &count, found);
		drop_pending();
	}
	for (int number = 1; gate->actions_touched && number < TORN_SIGNALS; number++)
		if (gate->actions_touched & (UINT64_C(1) << (number - 1)))
			torn_raw(SYS_rt_sigaction, number, &gate->actions_before[number], NULL,
				 sizeof(uint64_t));
	gate->actions_touched = 0;
	/* After the actions: what waited would run a handler of the target's, ungated. */
	if (gate->mask_after != gate->mask_before)
		torn_raw(SYS_rt_sigprocmask, SIG_SETMASK, &gate->mask_before, NULL,
			 sizeof gate->mask_before);
	if (gate->altstack_touched)
		torn_raw(SYS_sigaltstack, &gate->altstack_before, NULL);
	gate->altstack_touched = false;
	return count > TORN_LEAKS_MAX ? TORN_LEAKS_MAX : count;
}
