/* disposable.c: see disposable.h. */
#include "disposable.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory.h"

/* Blocked for this long in real time, using none of the CPU, is a hang too. */
#define BLOCKED_FACTOR 2

/* What is to be run and how it went: in memory that both processes share. */
struct errand {
	struct torn_gate_run what; /* its pointers lead into this, or into arenas */
	struct torn_fold_base base;
	struct torn_plan plan;
	struct torn_run run;
	const struct torn_target *target;
	uint8_t state[TORN_DISPOSABLE_STATE_MAX];
	pid_t child; /* 0: none is running */
	int status;
	bool used_up; /* its CPU time */
	bool is_clean; /* the run returned, and what it left was put back */
	uint8_t counters[];
};

struct torn_disposable {
	struct errand *errand; /* shared */
	size_t errand_size;
	pid_t pid; /* 0: none */
	int fd;    /* a byte to it begins a run, a byte from it ends one */
	unsigned runs;
	unsigned arenas; /* those that it knows */
};

/* ------------------------------------------------- in the child of a child */

static void limit_child(const struct torn_lab *lab)
{
	const struct rlimit cpu = {lab->timeout_s, lab->timeout_s + 1};
	setrlimit(RLIMIT_CPU, &cpu);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

static _Noreturn void run_child(struct torn_lab *lab)
{
	struct errand *errand = lab->disposable->errand;
	limit_child(lab);
	lab->shared->leaks_count = 0;
	lab->shared->bytes_grown = 0;
	const bool follows = torn_gate_follow(lab->gate) == 0;
	const size_t before = torn_memory_in_use();
	if (!follows || torn_gate_run(lab->gate, &errand->what) < 0)
		torn_recorder_trouble(lab->recorder, TORN_TROUBLE_BROKEN, "the child cannot begin");
	const size_t after = torn_memory_in_use();
	lab->shared->bytes_grown = after > before ? after - before : 0;
	lab->shared->leaks_count = torn_gate_settle(lab->gate, lab->shared->leaks);
	errand->is_clean = true;
	_exit(0);
}

/*
 * As vfork(2), of which glibc has no version with CLONE_VM alone: the child runs
 * below this frame of the parent's stack, and the parent sleeps until it is
 * gone. Returns its process id or -errno.
 */
static __attribute__((noinline, no_sanitize("address", "undefined"))) long
clone_child(struct torn_lab *lab)
{
	long result;
	pid_t *child = &lab->disposable->errand->child; /* for whoever survives us */
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = 0;
	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"((long)SYS_clone), "D"((long)(CLONE_VM | CLONE_VFORK | CLONE_PARENT_SETTID | SIGCHLD)),
			   "S"(0L), "d"(child), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	if (result == 0)
		run_child(lab);
	return result;
}

/* ---------------------------------------------------- in the disposable one */

static bool serve_one(struct torn_lab *lab)
{
	struct errand *errand = lab->disposable->errand;
	const struct torn_target *target = errand->target;
	if (target && target->state)
		memcpy(target->state, errand->state, target->state_size);
	if (lab->counters_count > 0)
		memset(lab->counters, 0, lab->counters_count);
	errand->is_clean = false;
	const long child = clone_child(lab);
	torn_gate_disarm(); /* it may have died with the gate closed, which closed it for us */
	if (child < 0)
		return false;
	struct rusage usage = {0};
	while (wait4((pid_t)child, &errand->status, 0, &usage) < 0)
		if (errno != EINTR)
			return false;
	errand->child = 0;
	errand->used_up = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec >= (time_t)lab->timeout_s;
	if (lab->counters_count > 0)
		memcpy(errand->counters, lab->counters, lab->counters_count);
	/* Directories that the child opened were in descriptors of its own. */
	torn_directories_forget(lab->directories);
	return true;
}

static _Noreturn void serve(struct torn_lab *lab, int fd, pid_t parent)
{
	char byte;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	torn_directories_forget(lab->directories);
	while (read(fd, &byte, 1) == 1)
		if (!serve_one(lab) || write(fd, &byte, 1) != 1)
			_exit(1);
	_exit(0);
}

/* ------------------------------------------------------------- in the parent */

static int make(struct torn_lab *lab)
{
	struct torn_disposable *disposable = calloc(1, sizeof *disposable);
	if (!disposable)
		return -ENOMEM;
	disposable->errand_size = sizeof *disposable->errand + lab->counters_count;
	disposable->errand = mmap(NULL, disposable->errand_size, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (disposable->errand == MAP_FAILED) {
		free(disposable);
		return -ENOMEM;
	}
	/* A child whose parent is killed comes to us: we know when it is gone. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	lab->disposable = disposable;
	return 0;
}

/* A pair of connected descriptors that no target has. */
static int make_pair(int fds[2])
{
	int low[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, low) != 0)
		return -errno;
	for (int i = 0; i < 2; i++)
		fds[i] = fcntl(low[i], F_DUPFD_CLOEXEC, TORN_FD_RESERVED);
	close(low[0]);
	close(low[1]);
	if (fds[0] >= 0 && fds[1] >= 0)
		return 0;
	for (int i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return -EMFILE;
}

static int start(struct torn_lab *lab)
{
	struct torn_disposable *disposable = lab->disposable;
	int fds[2] = {-1, -1};
	int r = make_pair(fds);
	if (r < 0)
		return r;
	const pid_t self = (pid_t)syscall(SYS_getpid);
	const pid_t pid = fork();
	if (pid < 0) {
		r = -errno;
		close(fds[0]);
		close(fds[1]);
		return r;
	}
	if (pid == 0) {
		close(fds[0]);
		serve(lab, fds[1], self);
	}
	close(fds[1]);
	disposable->pid = pid;
	disposable->fd = fds[0];
	disposable->runs = 0;
	disposable->arenas = torn_arenas_opened();
	return 0;
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void stop(struct torn_lab *lab)
{
	struct torn_disposable *disposable = lab->disposable;
	if (disposable->pid == 0)
		return;
	kill(disposable->pid, SIGKILL);
	reap(disposable->pid);
	/* Its child dies with it and is ours then. Nothing writes to the recorder any more. */
	if (disposable->errand->child > 0)
		reap(disposable->errand->child);
	disposable->errand->child = 0;
	close(disposable->fd);
	disposable->pid = 0;
}

static void fill(struct torn_lab *lab, const struct torn_gate_run *what,
		 const struct torn_target *target)
{
	struct errand *errand = lab->disposable->errand;
	errand->base = *what->base;
	errand->plan = *what->plan;
	errand->run = *what->run;
	errand->what = *what;
	errand->what.base = &errand->base;
	errand->what.plan = &errand->plan;
	errand->what.run = &errand->run;
	errand->target = target;
	if (target && target->state)
		memcpy(errand->state, target->state, target->state_size);
}

/* The counters of this process are those that libFuzzer reads. */
static void bring_back(struct torn_lab *lab)
{
	const uint8_t *counters = lab->disposable->errand->counters;
	for (size_t i = 0; i < lab->counters_count; i++) {
		const unsigned sum = lab->counters[i] + counters[i];
		lab->counters[i] = sum > UINT8_MAX ? UINT8_MAX : (uint8_t)sum;
	}
}

/* Wait for its word. Returns false where none came in time, or none will come. */
static bool wait_for_word(struct torn_lab *lab, bool *ret_timed_out)
{
	struct pollfd fd = {.fd = lab->disposable->fd, .events = POLLIN};
	char byte;
	int r;
	while ((r = poll(&fd, 1, (int)lab->timeout_s * BLOCKED_FACTOR * 1000)) < 0 && errno == EINTR)
		;
	*ret_timed_out = r == 0;
	return r > 0 && read(fd.fd, &byte, 1) == 1;
}

int torn_disposable_run(struct torn_lab *lab, const struct torn_gate_run *what,
			const struct torn_target *target, struct torn_child_end *ret_end)
{
	int r = lab->disposable ? 0 : make(lab);
	if (r < 0)
		return r;
	struct torn_disposable *disposable = lab->disposable;
	if (disposable->arenas != torn_arenas_opened() || disposable->runs >= TORN_DISPOSABLE_RUNS)
		stop(lab);
	if (disposable->pid == 0)
		r = start(lab);
	if (r < 0)
		return r;
	struct errand *errand = disposable->errand;
	const char byte = 1;
	fill(lab, what, target);
	errand->status = 0;
	errand->used_up = errand->is_clean = false;
	disposable->runs++;
	*ret_end = (struct torn_child_end){0};
	const bool came = write(disposable->fd, &byte, 1) == 1 && wait_for_word(lab, &ret_end->timed_out);
	/* Where none came it is as if it had been killed: by us, or by its child's doing. */
	ret_end->status = came ? errand->status : SIGKILL;
	/* The kernel ends what outlives its limit, by SIGKILL where SIGXCPU is ignored or blocked. */
	ret_end->timed_out |= came && errand->used_up && WIFSIGNALED(errand->status);
	if (came)
		bring_back(lab);
	if (!came || !errand->is_clean || lab->recorder->end != TORN_RETURNED)
		stop(lab);
	return 0;
}

void torn_disposable_end(struct torn_lab *lab)
{
	struct torn_disposable *disposable = lab->disposable;
	if (!disposable)
		return;
	stop(lab);
	munmap(disposable->errand, disposable->errand_size);
	free(disposable);
	lab->disposable = NULL;
}

pid_t torn_disposable_pid(const struct torn_lab *lab)
{
	return lab->disposable ? lab->disposable->pid : 0;
}
