/*
 * trace_spawn.c: the program's start: trace_internal.h. The child shares the tracer's
 * memory until it executes the program (clone(2), CLONE_VM): no page tables are copied,
 * 20 us in place of 150. So it makes raw system calls only.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw.h"
#include "trace_internal.h"

struct beginning {
	struct torn_tracer *tracer;
	volatile int may_go;
	volatile int error;
};

static void limit_descriptors(void)
{
	const struct rlimit files = {TORN_FD_RESERVED, TORN_FD_RESERVED}, none = {0, 0};
	torn_raw(SYS_prlimit64, 0, RLIMIT_NOFILE, &files, NULL);
	torn_raw(SYS_prlimit64, 0, RLIMIT_CORE, &none, NULL);
}

static long set_up(const struct torn_tracer *tracer)
{
	const uint64_t nothing = 0;
	torn_raw(SYS_setsid);
	torn_raw(SYS_rt_sigprocmask, SIG_SETMASK, &nothing, NULL, sizeof nothing);
	torn_raw(SYS_umask, 022);
	long r = torn_raw(SYS_openat, AT_FDCWD, "/dev/null", O_RDONLY);
	if (r >= 0)
		r = torn_raw(SYS_dup2, r, 0);
	for (int i = 0; i < 2 && r >= 0; i++)
		r = torn_raw(SYS_dup2, tracer->output_fds[i][1], i + 1);
	if (r >= 0 && tracer->tracing.whole)
		r = torn_raw(SYS_chroot, tracer->tracing.root_path);
	if (r >= 0)
		r = torn_raw(SYS_chdir, tracer->run->cwd);
	if (r < 0)
		return r;
	limit_descriptors();
	torn_raw(SYS_personality, ADDR_NO_RANDOMIZE);
	torn_raw(SYS_prctl, PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0); /* inherited by threads, children and what they execute */
	r = tracer->tracing.confine ? tracer->tracing.confine(tracer->tracing.context) : 0;
	torn_raw(SYS_close_range, 3, ~0u, 0);
	if (r >= 0)
		r = torn_raw(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (r >= 0)
		r = torn_raw(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &tracer->filter);
	return r;
}

static int begin(void *data)
{
	struct beginning *beginning = data;
	const struct torn_trace_run *run = beginning->tracer->run;
	while (!beginning->may_go)
		torn_raw(SYS_futex, &beginning->may_go, FUTEX_WAIT, 0, NULL, NULL, 0);
	long r = set_up(beginning->tracer);
	if (r >= 0)
		r = torn_raw(SYS_execve, run->program, run->argv, run->envp);
	beginning->error = (int)r;
	torn_raw(SYS_exit, 127);
	return 0;
}

static int wait_for_exec(pid_t pid, const struct beginning *beginning)
{
	int status;
	for (;;) {
		if (waitpid(pid, &status, __WALL) != pid) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (!WIFSTOPPED(status))
			return beginning->error ? beginning->error : -ECHILD;
		if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXEC << 8))
			return 0;
		ptrace(PTRACE_CONT, pid, NULL, NULL);
	}
}

pid_t torn_trace_spawn(struct torn_tracer *tracer)
{
	static _Alignas(64) uint8_t stack[64 << 10];
	struct beginning beginning = {.tracer = tracer};
	if (tracer->tracing.last_pid_fd >= 0 && pwrite(tracer->tracing.last_pid_fd, "99", 2, 0) < 0)
		return -errno;
	const pid_t pid = clone(begin, stack + sizeof stack, CLONE_VM | SIGCHLD, &beginning);
	if (pid < 0)
		return -errno;
	const long options = PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL | PTRACE_O_TRACECLONE |
			     PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACEVFORKDONE |
			     PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD;
	const int r = ptrace(PTRACE_SEIZE, pid, NULL, options) == 0 ? 0 : -errno;
	if (r < 0)
		kill(pid, SIGKILL);
	beginning.may_go = 1;
	torn_raw(SYS_futex, &beginning.may_go, FUTEX_WAKE, 1, NULL, NULL, 0);
	const int executed = wait_for_exec(pid, &beginning);
	return r < 0 ? r : executed < 0 ? executed : pid;
}

/* Past argc, arguments and environment: execve(2), and the x86-64 ABI 3.4.1. */
static uint64_t find_auxv(const struct torn_tracee *tracee, uint64_t rsp)
{
	uint64_t at = rsp + 8;
	for (int lists = 0; lists < 2;) {
		uint64_t words[512];
		const size_t got = torn_tracee_read(tracee, at, words, sizeof words) / 8;
		if (got == 0)
			return 0;
		size_t i = 0;
		while (i < got && lists < 2)
			lists += words[i++] == 0;
		at += i * 8;
	}
	return at;
}

void torn_trace_tame(struct torn_tracer *tracer, struct torn_tracee *tracee)
{
	struct user_regs_struct registers;
	uint64_t auxv[128];
	if (!torn_tracee_get(tracee, &registers))
		return;
	const uint64_t at = find_auxv(tracee, registers.rsp);
	const size_t got = at ? torn_tracee_read(tracee, at, auxv, sizeof auxv) / 16 : 0;
	for (size_t i = 0; i < got && auxv[i * 2] != AT_NULL; i++) {
		if (auxv[i * 2] == AT_SYSINFO_EHDR) {
			/* Without a vDSO clocks are system calls: vdso(7). */
			const uint64_t ignore = AT_IGNORE;
			torn_tracee_write(tracee, at + i * 16, &ignore, sizeof ignore);
		} else if (auxv[i * 2] == AT_RANDOM) {
			uint8_t bytes[16];
			torn_recorder_random(tracer->recorder, bytes, sizeof bytes);
			torn_tracee_write(tracee, auxv[i * 2 + 1], bytes, sizeof bytes);
		}
	}
}
