/*
 * worker.c: see worker.h. The watching process kills nothing but its own
 * worker; the worker's children die with it (PR_SET_PDEATHSIG).
 */
#include "worker.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../injectors/points.h"
#include "registry.h"
#include "sandbox.h"
#include "traced.h"
#include "unprivileged.h"

#define RECORDER_BYTES (512u << 20)
#define LOOK_MS 200
#define HEED_MS 3000 /* a recording on a busy disk, and what is told behind it */

/* That a worker keeps of its own, beside those of a small disk. */
#define OWN_FDS 5

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
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* see end() */
	*worker = (struct torn_worker){
		.timeout_s = timeout_s, .landlock = -1, .folder_fd = -1};
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

int torn_worker_open_disk(struct torn_worker *worker, const char *disk, char *ret_message, size_t size)
{
	struct torn_device_choice choice;
	int r = torn_device_choose(torn_bytes_of(disk), &choice, ret_message, size);
	if (r == 0)
		r = torn_device_fs_permitted(ret_message, size);
	return r < 0 ? r : torn_device_server_start(&worker->disks, &choice, ret_message, size);
}

int torn_worker_open_asked(struct torn_worker *worker, unsigned timeout_s, const char *disk, char *ret_message,
			   size_t size)
{
	static const char skipped[] = "SKIPPED: ";
	const size_t used = sizeof skipped - 1;
	assert(size > used);
	snprintf(ret_message, size, "%s", skipped);
	/* First: without the right to a disk the rest of what is missing is no news. */
	int r = disk ? torn_device_fs_permitted(ret_message + used, size - used) : 0;
	if (r == 0)
		r = torn_worker_open(worker, timeout_s, ret_message, size);
	if (r < 0 || !disk)
		return r;
	snprintf(ret_message, size, "%s", skipped);
	r = torn_worker_open_disk(worker, disk, ret_message + used, size - used);
	if (r < 0)
		torn_worker_close(worker);
	return r;
}

/*
 * A worker that died while it asked for a disk's states leaves an answer half given: the next one would take the rest of
 * it for its own. Returns 0, or -errno with one sentence.
 */
static int renew_disks(struct torn_worker *worker, char *ret_message, size_t size)
{
	if (!worker->disks || !torn_device_server_is_amid(worker->disks))
		return 0;
	const struct torn_device_choice choice = *torn_device_server_choice(worker->disks);
	torn_device_server_stop(worker->disks);
	worker->disks = NULL;
	return torn_device_server_start(&worker->disks, &choice, ret_message, size);
}

int torn_worker_choose_small_disk(struct torn_worker *worker, enum torn_full_disk disk, char *ret_message, size_t size)
{
	/* Each process of this worker makes one of its own: said before the first, not by it. */
	const int r = disk == TORN_FULL_GATE || disk == worker->small_disk
			      ? 0
			      : torn_small_disk_try(disk, TORN_UNPRIVILEGED_ID, ret_message, size);
	if (r == 0)
		worker->small_disk = disk;
	return r;
}

void torn_worker_close(struct torn_worker *worker)
{
	torn_device_server_stop(worker->disks);
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

static struct beginning *this_one; /* in a worker */

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

static int directory_of(void *context, torn_object dir)
{
	const struct torn_lab *lab = context;
	return torn_directories_fd(lab->directories, dir);
}

static int name_points(void)
{
	size_t count;
	const struct torn_target *const *targets = torn_targets(&count);
	int r = 0;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = torn_points_name(targets[i]->points);
	return r;
}

/* Its descriptor is this process's own: another one asks another server. */
static int keep_disks(struct torn_device_server *disks)
{
	if (!disks)
		return TORN_FD_NULL;
	const int fd = fcntl(torn_device_server_fd(disks), F_DUPFD_CLOEXEC, TORN_FD_NULL + 1);
	torn_device_server_set_fd(disks, fd);
	return fd;
}

/* Before root is given up. Its descriptors are where the sandbox leaves them; `keep` has room for them. */
static int open_small_disk(const struct torn_worker *worker, struct torn_lab *lab, int *keep, struct beginning *beginning)
{
	static struct torn_small_disk disk;
	if (worker->small_disk == TORN_FULL_GATE)
		return 0;
	const int r = torn_small_disk_open(&disk, worker->small_disk, TORN_UNPRIVILEGED_ID, beginning->failure,
					   sizeof beginning->failure);
	if (r < 0)
		return r;
	for (size_t i = 0; i < TORN_SMALL_DISK_FDS; i++)
		keep[i] = disk.fds[i] = fcntl(disk.fds[i], F_DUPFD_CLOEXEC, TORN_FD_NULL + 1);
	lab->small_disk = &disk;
	return 0;
}

/* A lab whose functions are called, behind the sandbox's walls. */
static int open_called(const struct torn_worker *worker, struct torn_lab *lab, struct beginning *beginning)
{
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_max < TORN_FD_RESERVED + 8) {
		snprintf(beginning->failure, sizeof beginning->failure,
			 "torn needs descriptors above %d and may have %lu: raise the limit of open files "
			 "(ulimit -n, RLIMIT_NOFILE)", TORN_FD_RESERVED, (unsigned long)files.rlim_max);
		return -EMFILE;
	}
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	int keep[OWN_FDS + TORN_SMALL_DISK_FDS] = {
		TORN_FD_NULL,
		worker->folder_fd < 0 ? TORN_FD_NULL
				      : fcntl(worker->folder_fd, F_DUPFD_CLOEXEC, TORN_FD_NULL + 1),
		fcntl(worker->workspace.root_fd, F_DUPFD_CLOEXEC, TORN_FD_NULL + 1),
		fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, TORN_FD_NULL + 1),
		keep_disks(worker->disks),
	};
	if (__sanitizer_set_report_fd)
		__sanitizer_set_report_fd((void *)(intptr_t)keep[3]);
	const int folder_fd = worker->folder_fd < 0 ? -1 : keep[1];
	int r = open_small_disk(worker, lab, keep + OWN_FDS, beginning);
	if (r < 0)
		return r;
	const size_t keep_count = lab->small_disk ? sizeof keep / sizeof *keep : OWN_FDS;
	const int root_fd = lab->small_disk ? lab->small_disk->fds[TORN_SMALL_DISK_ROOT] : keep[2];
	const int below_fd = lab->small_disk ? lab->small_disk->fds[TORN_SMALL_DISK_TOP] : root_fd;
	r = torn_sandbox_enter(below_fd, folder_fd, keep, keep_count, &beginning->landlock, beginning->failure,
			       sizeof beginning->failure);
	if (r < 0)
		return r;
	lab->stderr_fd = keep[3];
	lab->folder_fd = folder_fd;
	r = torn_gate_open(worker->recorder, root_fd, &lab->gate);
	if (r < 0) {
		snprintf(beginning->failure, sizeof beginning->failure,
			 r == -ENOSYS ? "this kernel has no Syscall User Dispatch (Linux 5.11, x86-64): torn "
					"cannot see what targets call, and runs none; use a newer kernel"
				      : "the gate cannot be set up: %s",
			 strerror(-r));
		return r;
	}
	r = name_points();
	if (r < 0) {
		snprintf(beginning->failure, sizeof beginning->failure, "libfiu refuses the targets' points");
		return r;
	}
	lab->directories = torn_gate_directories(lab->gate);
	lab->disk = (struct torn_disk){
		.root_fd = root_fd,
		.dirfd = directory_of,
		.context = lab,
	};
	return 0;
}

static void work(const struct torn_worker *worker, const struct torn_job *job, bool isolated,
		 struct beginning *beginning)
{
	this_one = beginning;
	setsid(); /* an interrupt from the terminal is for the one that watches */
	is_worker = true;
	/* What is printed and not flushed would come out in a later run. */
	setvbuf(stdout, NULL, _IONBF, 0);
	reset_signals();
	struct torn_lab lab = {
		.recorder = worker->recorder,
		.shared = worker->lab_shared,
		.isolated = isolated,
		.timeout_s = worker->timeout_s,
		.stderr_fd = STDERR_FILENO,
		.folder_fd = worker->folder_fd,
		.disks = worker->disks,
		.touched = worker->touched,
	};
	const size_t size = sizeof beginning->failure;
	int r;
	if (worker->program)
		r = torn_traced_open(&lab, worker->program, &beginning->landlock, beginning->failure, size);
	else if (worker->starts_programs)
		r = torn_traced_open_root(&lab, worker->workspace.path, &beginning->landlock, beginning->failure,
					  size);
	else
		r = open_called(worker, &lab, beginning);
	if (r < 0)
		_exit(1);
	/* A program asks how many processors it has. */
	if (worker->disks && !worker->program && !worker->starts_programs)
		torn_device_server_stay_near(worker->disks);
	beginning->begun = true;
	job->job(job->context, &lab);
	torn_worker_finish();
}

void torn_worker_finish(void)
{
	this_one->finished = true;
	_exit(0);
}

/* -------------------------------------------------------------- watching it */

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

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

enum outcome { RUNNING, DONE, DIED, TOO_LONG, STOPPED };

/* A worker that has been started. */
struct started {
	struct torn_worker *worker;
	const struct torn_job *job;
	struct beginning *beginning; /* shared */
	bool isolated;
	pid_t pid;
	int pidfd; /* -1: Linux before 5.3, or no descriptor left */
	struct watch watch;
	enum outcome outcome;
};

static bool takes_too_long(struct started *started)
{
	const struct torn_worker *worker = started->worker;
	struct watch *watch = &started->watch;
	const uint64_t trial = worker->lab_shared->trials;
	if (trial != watch->trial) {
		*watch = (struct watch){.trial = trial, .cpu_at_start = cpu_seconds(started->pid)};
		return false;
	}
	watch->looks++;
	/* An isolated worker watches its children itself; this is for when even that fails. */
	const double limit = worker->timeout_s * (started->isolated ? 4.0 : 1.0);
	if (cpu_seconds(started->pid) - watch->cpu_at_start > limit)
		return true;
	return watch->looks * LOOK_MS > limit * 2 * 1000;
}

static int start(struct started *started, bool isolated)
{
	struct torn_worker *worker = started->worker;
	*started->beginning = (struct beginning){.landlock = -1};
	worker->recorder->running = false;
	worker->lab_shared->stopping = false;
	worker->recorder->log.crossings = 0; /* it may have died of too many */
	fflush(NULL);
	started->watch = (struct watch){.trial = worker->lab_shared->trials};
	started->isolated = isolated;
	started->outcome = DIED; /* until it is started */
	if (renew_disks(worker, started->beginning->failure, sizeof started->beginning->failure) < 0)
		return -EPROTO;
	if (worker->disks)
		torn_device_server_spread(worker->disks);
	started->pid = fork();
	if (started->pid < 0) {
		snprintf(started->beginning->failure, sizeof started->beginning->failure, "fork: %s",
			 strerror(errno));
		return -EPROTO;
	}
	started->outcome = RUNNING;
	if (started->pid == 0)
		work(worker, started->job, isolated, started->beginning);
	started->pidfd = (int)syscall(SYS_pidfd_open, started->pid, 0);
	if (started->pidfd >= 0)
		fcntl(started->pidfd, F_SETFD, FD_CLOEXEC);
	return 0;
}

static bool has_ended(const struct started *started)
{
	siginfo_t info = {.si_pid = 0};
	if (waitid(P_PID, (id_t)started->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
		return errno == ECHILD; /* whoever started torn has it ignore SIGCHLD */
	return info.si_pid == started->pid;
}

/* Reap it: it has ended, or is killed now. */
static void end(struct started *started, enum outcome outcome)
{
	if (started->outcome != RUNNING)
		return;
	int status = 0;
	if (outcome != DONE)
		kill(started->pid, SIGKILL);
	while (waitpid(started->pid, &status, 0) < 0 && errno == EINTR)
		;
	/*
	 * Its children die with it, a moment later, and are ours then: they are of its
	 * session and group. Until they are gone they may write to what the next one uses.
	 */
	while (waitpid(-started->pid, NULL, 0) > 0 || errno == EINTR)
		;
	if (started->pidfd >= 0)
		close(started->pidfd);
	/* A target that calls exit ends its worker with 0 too: only the worker knows that it is done. */
	started->outcome = outcome == DONE && !started->beginning->finished ? DIED : outcome;
	started->worker->landlock = started->beginning->landlock;
	started->worker->status = status;
}

/* Wait until one has ended, or LOOK_MS are over. */
static void wait_a_little(const struct started *all, size_t count)
{
	struct pollfd fds[TORN_WORKERS_MAX];
	nfds_t watched = 0;
	for (size_t i = 0; i < count; i++)
		if (all[i].outcome == RUNNING && all[i].pidfd >= 0)
			fds[watched++] = (struct pollfd){.fd = all[i].pidfd, .events = POLLIN};
	poll(fds, watched, LOOK_MS);
}

/*
 * When it is seen that one has died is up to the clock. Where the others go on,
 * that is not to be seen in what they do.
 */
static void begin_again_alone(struct started *one)
{
	if ((one->outcome != DIED && one->outcome != TOO_LONG) || !one->job->alone || one->isolated ||
	    !one->beginning->begun)
		return;
	one->job->again(one->job->context);
	start(one, true);
}

static void go_on(struct started *one)
{
	if (one->outcome == DONE && one->job->more && one->job->more(one->job->context))
		start(one, one->isolated);
}

/* Torn was interrupted: it ends now, or is told to come to an end by itself until `until_ms`. */
static void stop(struct started *one, int64_t until_ms)
{
	if (one->outcome != RUNNING)
		return;
	if (!one->job->heeds || !one->beginning->begun || now_ms() >= until_ms)
		end(one, STOPPED);
	else
		one->worker->lab_shared->stopping = true;
}

/* It has ended; where it was told to, that is no end of its work. */
static void take_end(struct started *one)
{
	end(one, DONE);
	if (one->worker->lab_shared->stopping)
		one->outcome = STOPPED;
}

/* One round: until all are done, or one is not. Returns how the worst ended. */
static enum outcome watch_all(struct started *all, size_t count)
{
	int64_t until_ms = 0; /* of those that heed an interrupt */
	for (;;) {
		enum outcome worst = DONE;
		size_t running = 0;
		for (size_t i = 0; i < count; i++) {
			struct started *one = &all[i];
			if (one->outcome == RUNNING && has_ended(one)) {
				take_end(one);
				go_on(one);
			}
			if (interrupted && until_ms == 0)
				until_ms = now_ms() + HEED_MS;
			if (interrupted)
				stop(one, until_ms);
			begin_again_alone(one);
			running += one->outcome == RUNNING;
			if (one->outcome > worst)
				worst = one->outcome;
		}
		const bool are_stopping = worst == STOPPED && until_ms > 0;
		if ((worst != DONE && !are_stopping) || running == 0)
			return worst;
		const int64_t before = now_ms();
		wait_a_little(all, count);
		if (now_ms() - before < LOOK_MS)
			continue;
		for (size_t i = 0; i < count; i++) {
			if (all[i].outcome == RUNNING && takes_too_long(&all[i]))
				end(&all[i], TOO_LONG);
			if (all[i].worker->progress)
				all[i].worker->progress(all[i].worker->progress_context);
		}
	}
}

static enum outcome round_of(struct started *all, size_t count, bool isolated)
{
	enum outcome outcome = DONE;
	for (size_t i = 0; i < count; i++)
		all[i].outcome = DIED; /* until it is started */
	for (size_t i = 0; i < count && outcome == DONE; i++)
		if (start(&all[i], isolated) < 0)
			outcome = DIED;
	if (outcome == DONE)
		outcome = watch_all(all, count);
	for (size_t i = 0; i < count; i++)
		end(&all[i], STOPPED);
	return outcome;
}

/* Those that ended by themselves: did they die at their work? */
static bool died_at_work(const struct started *all, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (all[i].outcome != DONE && all[i].outcome != STOPPED && !all[i].beginning->begun)
			return false;
	return true;
}

/* What went wrong where it was no interrupt. */
static void say_failure(const struct started *all, size_t count, enum outcome outcome,
			char *ret_message, size_t size)
{
	const char *message = outcome == TOO_LONG ? "the worker stopped making progress"
						  : "the worker died";
	for (size_t i = 0; i < count; i++)
		if (all[i].beginning->failure[0])
			message = all[i].beginning->failure;
	snprintf(ret_message, size, "%s", message);
}

int torn_workers_do(struct torn_worker *workers, const struct torn_job *jobs, size_t count,
		    char *ret_message, size_t size)
{
	assert(count > 0 && count <= TORN_WORKERS_MAX);
	struct started all[TORN_WORKERS_MAX];
	struct beginning *beginnings = mmap(NULL, count * sizeof *beginnings, PROT_READ | PROT_WRITE,
					    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (beginnings == MAP_FAILED) {
		snprintf(ret_message, size, "no memory: %s", strerror(errno));
		return -EPROTO;
	}
	for (size_t i = 0; i < count; i++)
		all[i] = (struct started){
			.worker = &workers[i], .job = &jobs[i], .beginning = &beginnings[i]};
	bool isolated = jobs[0].isolated;
	enum outcome outcome = round_of(all, count, isolated);
	if (outcome == DIED && jobs[0].once && died_at_work(all, count))
		outcome = DONE;
	if ((outcome == DIED || outcome == TOO_LONG) && !isolated && !jobs[0].alone &&
	    died_at_work(all, count)) {
		isolated = true;
		for (size_t i = 0; i < count; i++)
			jobs[i].again(jobs[i].context);
		outcome = round_of(all, count, isolated);
	}
	int r = 0;
	if (outcome == STOPPED) {
		for (size_t i = 0; i < count; i++)
			workers[i].interrupted = true;
		r = -EINTR;
	} else if (outcome != DONE) {
		say_failure(all, count, outcome, ret_message, size);
		r = -EPROTO;
	}
	munmap(beginnings, count * sizeof *beginnings);
	return r;
}

int torn_worker_do(struct torn_worker *worker, const struct torn_job *job, char *ret_message,
		   size_t size)
{
	return torn_workers_do(worker, job, 1, ret_message, size);
}
