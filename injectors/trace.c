/*
 * trace.c: see trace.h. A run, from the program's start until nobody is left: who goes on
 * next.
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
	char text[128];
	return torn_tracee_proc(tracee, "schedstat", text, sizeof text) ? strtoull(text, NULL, 10) : 0;
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

/* proc_pid_statm(5): the second number is of pages that are in memory. */
static bool takes_too_much(const struct torn_tracee *tracee)
{
	char text[128];
	unsigned long long size, resident;
	return torn_tracee_proc(tracee, "statm", text, sizeof text) &&
	       sscanf(text, "%llu %llu", &size, &resident) == 2 &&
	       resident * TORN_BLOCK_SIZE > TORN_TRACEE_BYTES_MAX;
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
		if (takes_too_much(tracee)) {
			torn_trace_note(tracer, TORN_NOTE_MEMORY, "");
			torn_trace_end(tracer, TORN_CRASHED, SIGKILL);
			return;
		}
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
	const bool may_have_ended = tracer->may_have_ended || tracer->may_have_signalled;
	tracer->may_have_woken = tracer->may_have_ended = false;
	for (uint32_t i = 0; i < tracer->tracees_end; i++) {
		struct torn_tracee *tracee = &tracer->tracees[i];
		const enum torn_call call = tracee->request.call;
		if (tracee->state != TORN_TRACEE_WAITING || tracee->only_exits)
			continue;
		if (tracee->in_call && (call == TORN_CALL_wait4 || call == TORN_CALL_waitid) && !may_have_ended)
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
		course = torn_trace_look_at_call(tracer, tracee);
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
	tracer->has_returned = false;
	tracer->leaks_count = 0;
	tracer->main_ended = tracer->is_over = tracer->yields = tracer->has_timers = false;
	tracer->may_have_woken = tracer->may_have_ended = tracer->may_have_signalled = false;
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
	const char *cwd = tracer->run->cwd, *root = tracer->tracing.whole ? "" : tracer->tracing.root_path;
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
	if (tracer->tracing.whole)
		recorder->view.others = tracer->tracing.whole->others;
	else
		recorder->view.root_path = tracer->root_path;
	if (run->clock_ns)
		recorder->clock_ns = run->clock_ns;
	tracer->begun_ms = now_ms();
	ticks = 0;
	const torn_object cwd = object_of_cwd(tracer);
	tracer->main_pid = torn_trace_spawn(tracer);
	if (tracer->main_pid < 0)
		return tracer->main_pid;
	struct torn_tracee *first = torn_trace_add(tracer, tracer->main_pid);
	first->is_born = true;
	first->state = TORN_TRACEE_READY;
	first->fds = torn_trace_new_fds(tracer);
	torn_trace_copy_fds(&first->fds->fds, &recorder->view.own_fds);
	first->place = torn_trace_new_place(tracer);
	first->place->cwd = cwd;
	first->place->umask = 022;
	torn_trace_note_executed(tracer, first->tid);
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
