/*
 * trace.c: see trace.h. A run, from the program's start until nobody is left: who goes on
 * next, and what each stop is about.
 *
 * Everybody but one is stopped, or asleep in the kernel. So what one does until its next
 * stop cannot race with anybody, and the same seed gives the same run.
 */
#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "points.h"
#include "trace_filter.h"
#include "trace_internal.h"

#define TICK_MS 50
/* ERESTART_RESTARTBLOCK and ERESTARTNOHAND, include/linux/errno.h of the kernel: EINTR where a handler runs. */
#define RESTART_BLOCK 516
#define RESTART_NO_HANDLER 514

static volatile sig_atomic_t ticks;

static void on_tick(int number)
{
	(void)number;
	ticks++;
}

/* ------------------------------------------------------------------- notes */

void torn_trace_note(struct torn_tracer *tracer, enum torn_trace_note note, const char *text)
{
	if (tracer->notes & note)
		return;
	tracer->notes |= note;
	char *to = tracer->note_texts[__builtin_ctz(note)];
	snprintf(to, sizeof tracer->note_texts[0], "%s", text);
}

unsigned torn_tracer_notes(const struct torn_tracer *tracer)
{
	return tracer->notes;
}

const char *torn_tracer_note_text(const struct torn_tracer *tracer, enum torn_trace_note note)
{
	return tracer->notes & note ? tracer->note_texts[__builtin_ctz(note)] : "";
}

const struct torn_stack *torn_tracer_stack(const struct torn_tracer *tracer)
{
	return &tracer->stack;
}

void torn_trace_end(struct torn_tracer *tracer, enum torn_end end, int code)
{
	if (tracer->is_over)
		return;
	tracer->is_over = true;
	tracer->recorder->end = end;
	tracer->recorder->code = code;
}

/* ----------------------------------------------------------------- tracees */

static struct torn_tracee *find(struct torn_tracer *tracer, pid_t tid)
{
	for (uint32_t i = 0; i < tracer->tracees_end; i++)
		if (tracer->tracees[i].state != TORN_TRACEE_NONE && tracer->tracees[i].tid == tid)
			return &tracer->tracees[i];
	return NULL;
}

/* NULL: there are too many. */
static struct torn_tracee *add(struct torn_tracer *tracer, pid_t tid)
{
	uint32_t i = 0;
	while (i < TORN_TRACEES_MAX && tracer->tracees[i].state != TORN_TRACEE_NONE)
		i++;
	if (i == TORN_TRACEES_MAX)
		return NULL;
	if (i >= tracer->tracees_end)
		tracer->tracees_end = i + 1;
	tracer->alive++;
	tracer->tracees[i] = (struct torn_tracee){
		.tid = tid,
		.tgid = tid,
		.state = TORN_TRACEE_GOING, /* until its first stop */
		.order = ++tracer->born,
		.deadline_ns = INT64_MAX,
	};
	return &tracer->tracees[i];
}

struct torn_shared_fds *torn_trace_new_fds(struct torn_tracer *tracer)
{
	for (uint32_t i = 0; i < TORN_TRACEES_MAX; i++)
		if (tracer->shared_fds[i].users == 0) {
			tracer->shared_fds[i].users = 1;
			return &tracer->shared_fds[i];
		}
	abort(); /* each has one user at least, and there are as many as users */
}

struct torn_shared_place *torn_trace_new_place(struct torn_tracer *tracer)
{
	for (uint32_t i = 0; i < TORN_TRACEES_MAX; i++)
		if (tracer->shared_places[i].users == 0) {
			tracer->shared_places[i].users = 1;
			return &tracer->shared_places[i];
		}
	abort(); /* as above */
}

static void copy_fds(struct torn_fds *to, const struct torn_fds *from)
{
	to->open = from->open;
	to->end = from->end;
	memcpy(to->number, from->number, (size_t)from->end * sizeof *from->number);
	memcpy(to->is_closed_by_exec, from->is_closed_by_exec,
	       (size_t)from->end * sizeof *from->is_closed_by_exec);
}

/* clone(2): what a new one shares with its maker, and what it has a copy of. */
static void give_birth(struct torn_tracer *tracer, struct torn_tracee *maker, struct torn_tracee *child)
{
	const uint64_t flags = maker->clone_flags;
	if (child->is_born)
		return;
	child->is_born = true;
	if (flags & CLONE_THREAD)
		child->tgid = maker->tgid;
	if (flags & CLONE_FILES) {
		child->fds = maker->fds;
		child->fds->users++;
	} else {
		child->fds = torn_trace_new_fds(tracer);
		copy_fds(&child->fds->fds, &maker->fds->fds);
	}
	if (flags & CLONE_FS) {
		child->place = maker->place;
		child->place->users++;
	} else {
		child->place = torn_trace_new_place(tracer);
		child->place->cwd = maker->place->cwd;
		child->place->umask = maker->place->umask;
	}
}

static void bury(struct torn_tracer *tracer, struct torn_tracee *tracee)
{
	if (tracee->fds)
		tracee->fds->users--;
	if (tracee->place)
		tracee->place->users--;
	if (tracer->last == tracee)
		tracer->last = NULL;
	*tracee = (struct torn_tracee){.state = TORN_TRACEE_NONE};
	tracer->alive--;
	tracer->may_have_woken = tracer->may_have_signalled = true;
}

const char *torn_tracer_executed(const struct torn_tracer *tracer, size_t number)
{
	return number < tracer->executed_count ? tracer->executed[number] : NULL;
}

static void note_executed(struct torn_tracer *tracer, pid_t tid)
{
	char name[48], path[TORN_PATH_MAX];
	snprintf(name, sizeof name, "/proc/%d/exe", tid);
	const ssize_t size = readlink(name, path, sizeof path - 1);
	const size_t root = tracer->root_path.size;
	if (size <= (ssize_t)root + 1 || tracer->executed_count == TORN_EXECUTED_MAX ||
	    memcmp(path, tracer->root_path.data, root) != 0 || path[root] != '/')
		return;
	path[size] = '\0';
	strcpy(tracer->executed[tracer->executed_count++], path + root + 1);
}

/* execve(2): the other threads are gone, descriptors are its own, some are closed. */
static void execute(struct torn_tracer *tracer, struct torn_tracee *tracee)
{
	if (tracee->fds->users > 1) {
		struct torn_shared_fds *own = torn_trace_new_fds(tracer);
		copy_fds(&own->fds, &tracee->fds->fds);
		tracee->fds->users--;
		tracee->fds = own;
	}
	tracer->may_have_woken = true; /* its maker, who called vfork(2) */
	torn_trace_enter_view(tracer, tracee);
	struct torn_fds *fds = &tracee->fds->fds;
	for (int fd = 0; fd < fds->end; fd++)
		if (fds->is_closed_by_exec[fd])
			torn_view_close(&tracer->recorder->view, fd);
	note_executed(tracer, tracee->tid);
	torn_trace_tame(tracer, tracee);
}

/* ------------------------------------------------------------------- stops */

static void main_has_ended(struct torn_tracer *tracer, int status)
{
	struct torn_recorder *recorder = tracer->recorder;
	tracer->main_ended = true;
	if (tracer->is_over)
		return;
	recorder->end = WIFEXITED(status) ? TORN_RETURNED : TORN_CRASHED;
	recorder->code = WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status);
}

/* A call returned. */
static void call_done(struct torn_tracer *tracer, struct torn_tracee *tracee)
{
	struct user_regs_struct registers;
	tracee->in_call = false;
	tracee->deadline_ns = INT64_MAX;
	if (!torn_tracee_get(tracee, &registers))
		return;
	const unsigned long long told = registers.rax;
	/* It is made again with its time-out, not as restart_syscall(2), which would wait for ever as we had it do. */
	if (tracee->changed && (long)told == -RESTART_BLOCK)
		registers.rax = (unsigned long long)-RESTART_NO_HANDLER;
	if (torn_call_row(tracee->request.call)->class == TORN_CLASS_FILE && !tracer->is_over)
		torn_trace_file_done(tracer, tracee, &registers);
	if (tracee->changed) {
		registers.rdi = tracee->registers.rdi;
		registers.rsi = tracee->registers.rsi;
		registers.rdx = tracee->registers.rdx;
		registers.r10 = tracee->registers.r10;
		registers.r8 = tracee->registers.r8;
		registers.r9 = tracee->registers.r9;
	}
	if (tracee->changed || registers.rax != told)
		torn_tracee_set(tracee, &registers);
	tracee->changed = tracee->may_wait = false;
	tracee->op = NULL;
}

static void new_child(struct torn_tracer *tracer, struct torn_tracee *maker)
{
	unsigned long message = 0;
	ptrace(PTRACE_GETEVENTMSG, maker->tid, NULL, &message);
	struct torn_tracee *child = find(tracer, (pid_t)message);
	if (!child)
		child = add(tracer, (pid_t)message);
	if (!child) {
		kill((pid_t)message, SIGKILL);
		return;
	}
	give_birth(tracer, maker, child);
	/* Its first stop comes by itself: nothing goes on before it is there. */
	while (child->state == TORN_TRACEE_GOING) {
		int status;
		const pid_t got = waitpid(child->tid, &status, __WALL);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			bury(tracer, child);
			return;
		}
		torn_trace_take_stop(tracer, got, status);
		child = find(tracer, (pid_t)message);
		if (!child)
			return;
	}
}

/*
 * ptrace(2), execve(2) under ptrace: a thread that is not the leader has the leader's id from here on,
 * and the leader is gone without a word.
 */
static struct torn_tracee *take_leaders_place(struct torn_tracer *tracer, struct torn_tracee *leader)
{
	unsigned long former = 0;
	ptrace(PTRACE_GETEVENTMSG, leader->tid, NULL, &former);
	struct torn_tracee *thread = find(tracer, (pid_t)former);
	if (!thread || thread == leader)
		return leader;
	thread->tid = thread->tgid = leader->tid;
	thread->state = TORN_TRACEE_READY;
	thread->may_wait = false;
	bury(tracer, leader);
	return thread;
}

void torn_trace_take_stop(struct torn_tracer *tracer, pid_t tid, int status)
{
	struct torn_tracee *tracee = find(tracer, tid);
	if (!WIFSTOPPED(status)) {
		if (tid == tracer->main_pid)
			main_has_ended(tracer, status);
		if (tracee)
			bury(tracer, tracee);
		return;
	}
	if (!tracee)
		tracee = add(tracer, tid); /* a child that stops before its maker says what it is */
	if (!tracee) {
		kill(tid, SIGKILL);
		return;
	}
	tracee->state = TORN_TRACEE_READY;
	const int number = WSTOPSIG(status), event = status >> 16;
	switch (event) {
	case 0:
		if (number == (SIGTRAP | 0x80)) {
			if (tracee->in_call)
				call_done(tracer, tracee);
		} else if (number != SIGSEGV || !torn_trace_count_ticks(tracer, tracee)) {
			tracee->signal = number;
		}
		return;
	case PTRACE_EVENT_SECCOMP:
		tracee->stop = TORN_STOP_CALL;
		return;
	case PTRACE_EVENT_CLONE:
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
		tracee->in_call = false;
		tracee->may_wait = event == PTRACE_EVENT_VFORK;
		new_child(tracer, tracee);
		return;
	case PTRACE_EVENT_EXEC:
		tracee = take_leaders_place(tracer, tracee);
		tracee->in_call = false;
		execute(tracer, tracee);
		return;
	default: /* EVENT_STOP, VFORK_DONE */
		return;
	}
}

/* ---------------------------------------------------------- before a call */

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
static enum torn_course look_at_call(struct torn_tracer *tracer, struct torn_tracee *tracee)
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
	case TORN_CALL_io_uring_setup:
	case TORN_CALL_io_uring_enter:
	case TORN_CALL_io_uring_register:
		torn_trace_note(tracer, TORN_NOTE_URING, torn_call_name(call));
		return absent(tracee);
	default:
		break;
	}
	const enum torn_class class = torn_call_row(call)->class;
	if (class == TORN_CLASS_FILE)
		return torn_trace_file(tracer, tracee);
	if (class == TORN_CLASS_VIRTUAL)
		return torn_trace_time(tracer, tracee);
	if (class == TORN_CLASS_REFUSED)
		return refuse(tracer, tracee, torn_call_name(call));
	return TORN_COURSE_PASS;
}

/* ----------------------------------------------------------------- going on */

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool is_too_late(const struct torn_tracer *tracer)
{
	return now_ms() - tracer->begun_ms > (int64_t)tracer->tracing.timeout_s * 2000;
}

static void let_go(struct torn_tracee *tracee, bool stops_at_end)
{
	const long signal_number = tracee->signal;
	tracee->signal = 0;
	tracee->state = TORN_TRACEE_GOING;
	tracee->stop = TORN_STOP_NONE;
	tracee->in_call = stops_at_end;
	if (ptrace(stops_at_end ? PTRACE_SYSCALL : PTRACE_CONT, tracee->tid, NULL, signal_number) != 0)
		return; /* killed meanwhile: its end is waited for */
}

/* Is it asleep, or will no stop of it come any more? */
static bool is_asleep(const struct torn_tracee *tracee)
{
	const char letter = torn_tracee_letter(tracee);
	if (letter == 'Z' || letter == 'X')
		return true;
	const bool is_vfork = letter == 'D' && tracee->may_wait && !tracee->in_call;
	return (letter == 'S' || is_vfork) && torn_tracee_is_inside(tracee);
}

#define SPINS_NS 40000000

/* How long it was on a processor: proc(5) has it not, Documentation/scheduler/sched-stats.rst does. */
static uint64_t time_on_processor(const struct torn_tracee *tracee)
{
	char name[48], text[128];
	snprintf(name, sizeof name, "/proc/%d/schedstat", tracee->tid);
	const int fd = open(name, O_RDONLY | O_CLOEXEC);
	const ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (fd >= 0)
		close(fd);
	text[size > 0 ? size : 0] = '\0';
	return strtoull(text, NULL, 10);
}

/*
 * Does it compute for so long that it may spin until another one does something? By its own time from the
 * first tick on: that a tick comes, or that the machine is busy, must not change who goes on.
 */
static bool spins(const struct torn_tracee *tracee, uint64_t *since_ns)
{
	const uint64_t now_ns = time_on_processor(tracee);
	if (*since_ns == 0)
		*since_ns = now_ns;
	return now_ns - *since_ns >= SPINS_NS;
}

/* Wait until the one that goes on stops, or sleeps. */
static void wait_for(struct torn_tracer *tracer, struct torn_tracee *tracee)
{
	const pid_t tid = tracee->tid;
	const bool may_sleep = tracee->may_wait;
	unsigned looks = 0;
	uint64_t since_ns = 0;
	sig_atomic_t before = ticks;
	while (tracee->tid == tid && tracee->state == TORN_TRACEE_GOING) {
		int status;
		const pid_t got = waitpid(-1, &status, __WALL | (may_sleep ? WNOHANG : 0));
		if (got > 0) {
			torn_trace_take_stop(tracer, got, status);
			continue;
		}
		if (got < 0 && errno == ECHILD)
			return;
		if (got == 0 && may_sleep && is_asleep(tracee)) {
			tracee->state = TORN_TRACEE_WAITING;
			return;
		}
		if (got == 0 && ++looks < 4096)
			sched_yield();
		if (before == ticks)
			continue;
		before = ticks;
		if (is_too_late(tracer)) {
			torn_trace_end(tracer, TORN_HUNG, TORN_HANG_TIME);
			return;
		}
		/* It sleeps in a call of which nobody thought so, or spins until another one does something. */
		if (!may_sleep && is_asleep(tracee)) {
			tracee->state = TORN_TRACEE_WAITING;
			return;
		}
		if (tracer->alive > 1 && spins(tracee, &since_ns) && ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0) {
			torn_trace_note(tracer, TORN_NOTE_PREEMPTED, "");
			tracer->last = NULL;
		}
	}
}

/* Who slept may have been woken by what was done meanwhile: then its stop comes. */
static void look_who_woke(struct torn_tracer *tracer)
{
	if (!tracer->may_have_woken)
		return;
	tracer->may_have_woken = false;
	for (uint32_t i = 0; i < tracer->tracees_end; i++) {
		struct torn_tracee *tracee = &tracer->tracees[i];
		if (tracee->state != TORN_TRACEE_WAITING || tracee->only_exits)
			continue;
		if (!is_asleep(tracee)) {
			tracee->state = TORN_TRACEE_GOING;
			wait_for(tracer, tracee);
		}
	}
}

/*
 * Who is stopped does not wake by a signal. SIGKILL ends it all the same, soon: its end is waited for
 * here, or it would come at another time in each run.
 */
static void look_who_was_signalled(struct torn_tracer *tracer)
{
	if (!tracer->may_have_signalled)
		return;
	tracer->may_have_signalled = false;
	for (uint32_t i = 0; i < tracer->tracees_end; i++) {
		struct torn_tracee *tracee = &tracer->tracees[i];
		if ((tracee->state == TORN_TRACEE_SLEEPING || tracee->state == TORN_TRACEE_READY) &&
		    torn_tracee_letter(tracee) != 't') {
			tracee->state = TORN_TRACEE_GOING;
			tracee->may_wait = false;
			wait_for(tracer, tracee);
		} else if (tracee->state == TORN_TRACEE_SLEEPING && torn_tracee_is_signalled(tracee)) {
			torn_trace_interrupt_sleep(tracer, tracee);
		}
	}
}

static uint64_t draw(struct torn_tracer *tracer, uint64_t below)
{
	uint64_t z = (tracer->draws += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31)) % below;
}

/* The one that went on last, as long as it can; before an op, and where it waits, any. */
static struct torn_tracee *choose(struct torn_tracer *tracer)
{
	struct torn_tracee *ready[TORN_TRACEES_MAX];
	size_t count = 0;
	if (tracer->last && tracer->last->state == TORN_TRACEE_READY && !tracer->yields)
		return tracer->last;
	for (uint32_t i = 0; i < tracer->tracees_end; i++)
		if (tracer->tracees[i].state == TORN_TRACEE_READY)
			ready[count++] = &tracer->tracees[i];
	if (count == 0)
		return NULL;
	/* Entries are used again: the order is that of birth. */
	for (size_t i = 1; i < count; i++)
		for (size_t j = i; j > 0 && ready[j]->order < ready[j - 1]->order; j--) {
			struct torn_tracee *other = ready[j];
			ready[j] = ready[j - 1];
			ready[j - 1] = other;
		}
	return ready[count == 1 ? 0 : draw(tracer, count)];
}

static bool others_are_ready(const struct torn_tracer *tracer, const struct torn_tracee *tracee)
{
	for (uint32_t i = 0; i < tracer->tracees_end; i++)
		if (&tracer->tracees[i] != tracee && tracer->tracees[i].state == TORN_TRACEE_READY)
			return true;
	return false;
}

/* Let one go on until its next stop. */
static void step(struct torn_tracer *tracer, struct torn_tracee *tracee)
{
	enum torn_course course = TORN_COURSE_PASS;
	const bool came_to_it = tracer->last == tracee;
	if (tracee->stop == TORN_STOP_CALL) {
		/* Before an op it is drawn who goes on; who was drawn does. */
		tracer->yields = came_to_it && !tracee->has_yielded && others_are_ready(tracer, tracee);
		course = look_at_call(tracer, tracee);
		if (course == TORN_COURSE_YIELD) {
			tracee->has_yielded = true;
			return;
		}
		tracee->has_yielded = false;
		tracee->may_wait = course == TORN_COURSE_WAIT;
	}
	tracer->yields = false;
	tracer->last = tracee;
	switch (course) {
	case TORN_COURSE_OVER:
		return;
	case TORN_COURSE_SLEEP:
		tracee->stop = TORN_STOP_NONE;
		tracee->state = TORN_TRACEE_SLEEPING;
		return;
	default:
		break;
	}
	if (tracer->is_over)
		return;
	/* Of one that was stopped inside a call by a signal or an event, the call goes on. */
	let_go(tracee, course == TORN_COURSE_EXIT || course == TORN_COURSE_WAIT);
	wait_for(tracer, tracee);
}

static bool any_lives_but_main_waits(const struct torn_tracer *tracer)
{
	return tracer->main_ended && tracer->alive > 0;
}

/* Nobody can go on, and no time is waited for. */
static void stuck(struct torn_tracer *tracer)
{
	int status;
	/* A leader whose threads have gone ends by itself. */
	pid_t got = waitpid(-1, &status, __WALL | WNOHANG);
	if (got > 0) {
		torn_trace_take_stop(tracer, got, status);
		return;
	}
	if (any_lives_but_main_waits(tracer)) {
		/* It ended, and left somebody who waits: a daemon. What it reported stands. */
		torn_trace_note(tracer, TORN_NOTE_LEFT, "");
		torn_trace_end(tracer, tracer->recorder->end, tracer->recorder->code);
		return;
	}
	if (!tracer->has_timers) {
		torn_trace_end(tracer, TORN_HUNG, TORN_HANG_WAITS);
		return;
	}
	/* The real clock may end it. */
	got = waitpid(-1, &status, __WALL);
	if (got > 0)
		torn_trace_take_stop(tracer, got, status);
	else if (is_too_late(tracer))
		torn_trace_end(tracer, TORN_HUNG, TORN_HANG_TIME);
}

static void kill_all(struct torn_tracer *tracer)
{
	for (uint32_t i = 0; i < tracer->tracees_end; i++)
		if (tracer->tracees[i].state != TORN_TRACEE_NONE)
			syscall(SYS_tgkill, tracer->tracees[i].tgid, tracer->tracees[i].tid, SIGKILL);
	/* Children that nobody knew yet are killed when they show up: PTRACE_O_TRACEFORK stops them. */
	for (;;) {
		int status;
		const pid_t got = waitpid(-1, &status, __WALL);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return;
		if (WIFSTOPPED(status))
			kill(got, SIGKILL);
	}
}

static void go_on_until_the_end(struct torn_tracer *tracer)
{
	while (tracer->alive > 0 && !tracer->is_over) {
		look_who_woke(tracer);
		look_who_was_signalled(tracer);
		struct torn_tracee *next = choose(tracer);
		if (next)
			step(tracer, next);
		else if (!torn_trace_pass_time(tracer) && tracer->alive > 0)
			stuck(tracer);
		if (ticks > 0 && is_too_late(tracer))
			torn_trace_end(tracer, TORN_HUNG, TORN_HANG_TIME);
	}
}

/* --------------------------------------------------------------------- runs */

static void forget_run(struct torn_tracer *tracer)
{
	memset(tracer->tracees, 0, tracer->tracees_end * sizeof *tracer->tracees);
	for (uint32_t i = 0; i < TORN_TRACEES_MAX; i++)
		tracer->shared_fds[i].users = tracer->shared_places[i].users = 0;
	tracer->tracees_end = tracer->alive = tracer->born = 0;
	tracer->last = NULL;
	tracer->main_ended = tracer->is_over = tracer->yields = tracer->has_timers = false;
	tracer->may_have_woken = tracer->may_have_signalled = false;
	tracer->notes = 0;
	tracer->executed_count = 0;
	tracer->mappings_count = 0;
	tracer->stack = (struct torn_stack){.count = 0};
}

static bool is_below(const char *path, const char *above)
{
	const size_t size = strlen(above);
	return strncmp(path, above, size) == 0 && (path[size] == '\0' || path[size] == '/');
}

static torn_object object_of_cwd(struct torn_tracer *tracer)
{
	const char *cwd = tracer->run->cwd, *root = tracer->tracing.root_path;
	struct torn_place place;
	if (!is_below(cwd, root))
		return 0;
	const char *rest = cwd + strlen(root);
	if (torn_view_resolve(&tracer->recorder->view, AT_FDCWD, torn_bytes_of(*rest ? rest : "/"),
			      TORN_RESOLVE_FOLLOW, &place) < 0)
		return 0;
	return place.object;
}

/*
 * Only while a program runs: a signal that waits has getdents64(2) return what it has so far (filldir64(),
 * fs/readdir.c), and who reads the directory afterwards would take that for all.
 */
static void tick_every(int milliseconds)
{
	const struct itimerval interval = {{0, milliseconds * 1000}, {0, milliseconds * 1000}};
	setitimer(ITIMER_REAL, &interval, NULL);
}

int torn_tracer_run(struct torn_tracer *tracer, const struct torn_trace_run *run)
{
	struct torn_recorder *recorder = tracer->recorder;
	int r = torn_recorder_begin(recorder, run->base, run->plan);
	if (r < 0)
		return r;
	forget_run(tracer);
	tracer->run = run;
	tracer->draws = run->plan->seed;
	recorder->log.handled = tracer->handled | TORN_HANDLED_ARE_ALL;
	recorder->view.root_path = tracer->root_path;
	if (run->clock_ns)
		recorder->clock_ns = run->clock_ns;
	tracer->begun_ms = now_ms();
	ticks = 0;
	const torn_object cwd = object_of_cwd(tracer);
	tracer->main_pid = torn_trace_spawn(tracer);
	if (tracer->main_pid < 0)
		return tracer->main_pid;
	struct torn_tracee *first = add(tracer, tracer->main_pid);
	first->is_born = true;
	first->state = TORN_TRACEE_READY;
	first->fds = torn_trace_new_fds(tracer);
	copy_fds(&first->fds->fds, &recorder->view.own_fds);
	first->place = torn_trace_new_place(tracer);
	first->place->cwd = cwd;
	first->place->umask = 022;
	note_executed(tracer, first->tid);
	torn_trace_tame(tracer, first);

	recorder->running = true;
	tick_every(TICK_MS);
	go_on_until_the_end(tracer);
	kill_all(tracer);
	tick_every(0);
	torn_trace_drain(tracer);
	recorder->view.fds = &recorder->view.own_fds;
	if (recorder->end != TORN_ENDED_BY_PLAN) {
		tracer->is_over = false; /* what was stored last is in the file */
		torn_trace_look_at_stores(tracer, true);
	}
	recorder->running = false;
	torn_trace_unmap_all(tracer);
	return 0;
}

static int open_pipes(struct torn_tracer *tracer)
{
	for (int i = 0; i < 2; i++)
		if (pipe2(tracer->output_fds[i], O_CLOEXEC) != 0)
			return -errno;
	return 0;
}

/* One processor for tracer and program: going from one to the other is cheaper, and nothing is at once. */
static void stay_on_one_processor(void)
{
	cpu_set_t one;
	const int here = sched_getcpu();
	CPU_ZERO(&one);
	if (here >= 0) {
		CPU_SET((size_t)here, &one);
		sched_setaffinity(0, sizeof one, &one);
	}
}

int torn_tracer_open(const struct torn_tracing *tracing, struct torn_tracer **ret_tracer,
		     char *ret_message, size_t size)
{
	struct torn_tracer *tracer = calloc(1, sizeof *tracer);
	if (!tracer)
		return -ENOMEM;
	tracer->tracing = *tracing;
	tracer->recorder = tracing->recorder;
	tracer->root_path = torn_bytes_of(tracing->root_path);
	int r = torn_trace_filter_make(&tracer->filter);
	if (r == 0)
		r = open_pipes(tracer);
	if (r == 0)
		r = torn_points_enable();
	if (r == 0 && sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_tick}, NULL) != 0)
		r = -errno;
	if (r < 0) {
		snprintf(ret_message, size, "the tracer cannot be set up: %s", strerror(-r));
		torn_tracer_close(tracer);
		return r;
	}
	if (!tracing->stays_anywhere)
		stay_on_one_processor();
	*ret_tracer = tracer;
	return 0;
}

void torn_tracer_use(struct torn_tracer *tracer, struct torn_recorder *recorder)
{
	tracer->recorder = recorder;
}

void torn_tracer_close(struct torn_tracer *tracer)
{
	for (int i = 0; i < 2; i++)
		for (int end = 0; end < 2; end++)
			if (tracer->output_fds[i][end] > 0)
				close(tracer->output_fds[i][end]);
	free(tracer->filter.filter);
	free(tracer);
}
