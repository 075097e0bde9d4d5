/*
 * trace_stop.c: who there is of a program, how they are born and buried, and what a stop of theirs is about:
 * trace_internal.h.
 */
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "trace_internal.h"

/* ERESTART_RESTARTBLOCK and ERESTARTNOHAND, include/linux/errno.h of the kernel: EINTR where a handler runs. */
#define RESTART_BLOCK 516
#define RESTART_NO_HANDLER 514

struct torn_tracee *torn_trace_find(struct torn_tracer *tracer, pid_t tid)
{
	for (uint32_t i = 0; i < tracer->tracees_end; i++)
		if (tracer->tracees[i].state != TORN_TRACEE_NONE && tracer->tracees[i].tid == tid)
			return &tracer->tracees[i];
	return NULL;
}

/* NULL: there are too many. */
struct torn_tracee *torn_trace_add(struct torn_tracer *tracer, pid_t tid)
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

void torn_trace_copy_fds(struct torn_fds *to, const struct torn_fds *from)
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
		torn_trace_copy_fds(&child->fds->fds, &maker->fds->fds);
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
	tracer->may_have_woken = tracer->may_have_ended = tracer->may_have_signalled = true;
}

const char *torn_tracer_executed(const struct torn_tracer *tracer, size_t number)
{
	return number < tracer->executed_count ? tracer->executed[number] : NULL;
}

void torn_trace_note_executed(struct torn_tracer *tracer, pid_t tid)
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
		torn_trace_copy_fds(&own->fds, &tracee->fds->fds);
		tracee->fds->users--;
		tracee->fds = own;
	}
	tracer->may_have_woken = true; /* its maker, who called vfork(2) */
	torn_trace_enter_view(tracer, tracee);
	struct torn_fds *fds = &tracee->fds->fds;
	for (int fd = 0; fd < fds->end; fd++)
		if (fds->is_closed_by_exec[fd])
			torn_view_close(&tracer->recorder->view, fd);
	torn_trace_note_executed(tracer, tracee->tid);
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
	const bool is_file = torn_call_row(tracee->request.call)->class == TORN_CLASS_FILE;
	if ((is_file || tracee->op) && !tracer->is_over)
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
	struct torn_tracee *child = torn_trace_find(tracer, (pid_t)message);
	if (!child)
		child = torn_trace_add(tracer, (pid_t)message);
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
		child = torn_trace_find(tracer, (pid_t)message);
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
	struct torn_tracee *thread = torn_trace_find(tracer, (pid_t)former);
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
	struct torn_tracee *tracee = torn_trace_find(tracer, tid);
	if (!WIFSTOPPED(status)) {
		if (tid == tracer->main_pid)
			main_has_ended(tracer, status);
		if (tracee)
			bury(tracer, tracee);
		return;
	}
	if (!tracee)
		tracee = torn_trace_add(tracer, tid); /* a child that stops before its maker says what it is */
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
