/*
 * worker.c: see worker.h. The watching process kills nothing but its own
 * worker; the worker's children die with it (PR_SET_PDEATHSIG).
 */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox.h"

#define RECORDER_BYTES (512u << 20)
#define LOOK_MS 200

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

void torn_worker_catch_interrupts(void)
{
	/* Without SA_RESTART: a wait ends. What was ignored (nohup) stays so. */
	const struct sigaction action = {.sa_handler = on_interrupt};
	static const int interrupts[] = {SIGINT, SIGTERM, SIGHUP};
	for (size_t i = 0; i < sizeof interrupts / sizeof *interrupts; i++) {
		struct sigaction before;
		if (sigaction(interrupts[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(interrupts[i], &action, NULL);
	}
}

int torn_worker_open(struct torn_worker *worker, unsigned timeout_s, char *ret_message, size_t size)
{
	*worker = (struct torn_worker){.timeout_s = timeout_s, .landlock = -1};
	int r = torn_recorder_open(RECORDER_BYTES, &worker->recorder);
	if (r < 0) {
		snprintf(ret_message, size, "no memory for the log: %s", strerror(-r));
		return r;
	}
	worker->lab_shared = mmap(NULL, sizeof *worker->lab_shared, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (worker->lab_shared == MAP_FAILED) {
		r = -errno;
		snprintf(ret_message, size, "no memory: %s", strerror(errno));
		torn_recorder_close(worker->recorder);
		return r;
	}
	r = torn_workspace_open(&worker->workspace, ret_message, size);
	if (r < 0) {
		munmap(worker->lab_shared, sizeof *worker->lab_shared);
		torn_recorder_close(worker->recorder);
	}
	return r;
}

void torn_worker_close(struct torn_worker *worker)
{
	torn_workspace_close(&worker->workspace);
	munmap(worker->lab_shared, sizeof *worker->lab_shared);
	torn_recorder_close(worker->recorder);
}

/* -------------------------------------------------------------- the worker */

/* Reports of sanitizers still reach the terminal, and are not the target's calls. */
void __sanitizer_set_report_fd(void *fd) __attribute__((weak));

/* What a worker says when it cannot begin; shared. */
struct beginning {
	int landlock;
	bool begun, finished;
	char failure[256];
};

static void reset_signals(void)
{
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/*
 * The leak check at exit starts a thread-like process, which the gate refuses:
 * a target's exit(3) is not the end of a program that should be checked.
 */
int __lsan_is_turned_off(void);
static bool is_worker;
int __lsan_is_turned_off(void)
{
	return is_worker;
}

static void work(const struct torn_worker *worker, const struct torn_job *job, bool isolated,
		 struct beginning *beginning)
{
	setsid(); /* an interrupt from the terminal is for the one that watches */
	is_worker = true;
	/* What is printed and not flushed would come out in a later run. */
	setvbuf(stdout, NULL, _IONBF, 0);
	reset_signals();
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_max < TORN_FD_RESERVED + 8) {
		snprintf(beginning->failure, sizeof beginning->failure,
			 "torn needs descriptors above %d and may have %lu: raise the limit of open files "
			 "(ulimit -n, RLIMIT_NOFILE)", TORN_FD_RESERVED, (unsigned long)files.rlim_max);
		_exit(1);
	}
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	const int keep[] = {
		TORN_FD_NULL,
		fcntl(worker->workspace.root_fd, F_DUPFD_CLOEXEC, TORN_FD_NULL + 1),
		fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, TORN_FD_NULL + 1),
	};
	if (__sanitizer_set_report_fd)
		__sanitizer_set_report_fd((void *)(intptr_t)keep[2]);
	const int root_fd = keep[1];
	int r = torn_sandbox_enter(root_fd, keep, sizeof keep / sizeof *keep, &beginning->landlock,
				   beginning->failure, sizeof beginning->failure);
	if (r < 0)
		_exit(1);
	struct torn_lab lab = {
		.recorder = worker->recorder,
		.shared = worker->lab_shared,
		.isolated = isolated,
		.timeout_s = worker->timeout_s,
	};
	r = torn_gate_open(worker->recorder, root_fd, &lab.gate);
	if (r < 0) {
		snprintf(beginning->failure, sizeof beginning->failure,
			 r == -ENOSYS ? "this kernel has no Syscall User Dispatch (Linux 5.11, x86-64): torn "
					"cannot see what targets call, and runs none; use a newer kernel"
				      : "the gate cannot be set up: %s",
			 strerror(-r));
		_exit(1);
	}
	lab.disk = (struct torn_disk){
		.root_fd = root_fd,
		.dirfd = (int (*)(void *, torn_object))torn_gate_dirfd,
		.context = lab.gate,
		.seen = lab.seen,
	};
	beginning->begun = true;
	job->job(job->context, &lab);
	beginning->finished = true;
	_exit(0);
}

/* -------------------------------------------------------------- watching it */

static double cpu_seconds(pid_t pid)
{
	clockid_t clock;
	struct timespec time;
	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0)
		return 0;
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* A trial has used up its time: CPU time, or twice that without using any. */
struct watch {
	uint64_t trial;
	double cpu_at_start;
	int looks;
};

static bool takes_too_long(const struct torn_worker *worker, pid_t pid, bool isolated,
			   struct watch *watch)
{
	const uint64_t trial = worker->lab_shared->trials;
	if (trial != watch->trial) {
		*watch = (struct watch){.trial = trial, .cpu_at_start = cpu_seconds(pid)};
		return false;
	}
	watch->looks++;
	/* An isolated worker watches its children itself; this is for when even that fails. */
	const double limit = worker->timeout_s * (isolated ? 4.0 : 1.0);
	if (cpu_seconds(pid) - watch->cpu_at_start > limit)
		return true;
	return watch->looks * LOOK_MS > limit * 2 * 1000;
}

enum outcome { DONE, DIED, TOO_LONG, STOPPED };

static enum outcome watch_worker(struct torn_worker *worker, pid_t pid, bool isolated,
				 const struct beginning *beginning)
{
	const int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct watch watch = {.trial = worker->lab_shared->trials};
	enum outcome outcome = DONE;
	int status;
	for (;;) {
		struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
		int r = poll(&poll_fd, pidfd < 0 ? 0 : 1, LOOK_MS);
		if (pidfd < 0) { /* Linux before 5.3, or no descriptor left: look now and then */
			siginfo_t info = {.si_pid = 0};
			r = waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
			    info.si_pid == pid;
		}
		if (interrupted)
			outcome = STOPPED;
		else if (r == 0 && takes_too_long(worker, pid, isolated, &watch))
			outcome = TOO_LONG;
		if (r > 0 || outcome != DONE)
			break;
		if (worker->progress)
			worker->progress(worker->progress_context);
	}
	if (pidfd >= 0)
		close(pidfd);
	if (outcome != DONE)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	/* A target that calls exit ends its worker with 0 too: only the worker knows that it is done. */
	return outcome == DONE && !beginning->finished ? DIED : outcome;
}

static int start(struct torn_worker *worker, const struct torn_job *job, bool isolated,
		 struct beginning *beginning, enum outcome *ret_outcome)
{
	*beginning = (struct beginning){.landlock = -1};
	worker->recorder->running = false;
	worker->recorder->log.crossings = 0; /* it may have died of too many */
	fflush(NULL);
	const pid_t pid = fork();
	if (pid < 0) {
		snprintf(beginning->failure, sizeof beginning->failure, "fork: %s", strerror(errno));
		return -EPROTO;
	}
	if (pid == 0)
		work(worker, job, isolated, beginning);
	*ret_outcome = watch_worker(worker, pid, isolated, beginning);
	worker->landlock = beginning->landlock;
	return 0;
}

int torn_worker_do(struct torn_worker *worker, const struct torn_job *job, char *ret_message,
		   size_t size)
{
	struct beginning *beginning = mmap(NULL, sizeof *beginning, PROT_READ | PROT_WRITE,
					   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (beginning == MAP_FAILED) {
		snprintf(ret_message, size, "no memory: %s", strerror(errno));
		return -EPROTO;
	}
	bool isolated = job->isolated;
	enum outcome outcome = DIED;
	int r = start(worker, job, isolated, beginning, &outcome);
	if (r == 0 && beginning->begun && (outcome == DIED || outcome == TOO_LONG) && !isolated) {
		isolated = true;
		job->again(job->context);
		r = start(worker, job, isolated, beginning, &outcome);
	}
	if (r == 0 && outcome == STOPPED) {
		worker->interrupted = true;
		r = -EINTR;
	} else if (r < 0 || outcome != DONE || !beginning->begun) {
		snprintf(ret_message, size, "%s",
			 beginning->failure[0] ? beginning->failure
			 : outcome == TOO_LONG ? "the worker stopped making progress"
					       : "the worker died");
		r = -EPROTO;
	}
	munmap(beginning, sizeof *beginning);
	return r;
}
