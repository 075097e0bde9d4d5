/*
 * trace_wait_test.c: time and waiting under the ptrace gate. Where all wait, time passes by itself, and
 * costs none; what would wait for ever is a hang at once. And randomness, which is the run's own too.
 */
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/auxv.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>

#include "trace_for_tests.h"

#define NS_PER_S INT64_C(1000000000)

static int64_t clock_now(clockid_t clock)
{
	struct timespec now;
	CHECK(clock_gettime(clock, &now) == 0);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static int64_t now(void)
{
	return clock_now(CLOCK_REALTIME);
}

/* Of the test's own: what really went by. */
static int64_t real_ms(void)
{
	struct timespec at;
	clock_gettime(CLOCK_MONOTONIC, &at);
	return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

/* So much virtual time went by since `before`, and a few looks at the clock. */
#define CHECK_PASSED(before, seconds)                                                              \
	do {                                                                                       \
		const int64_t passed = now() - (before);                                           \
		if (passed < (int64_t)((seconds) * 1e9) ||                                         \
		    passed > (int64_t)((seconds) * 1e9) + NS_PER_S / 100)                          \
			dprintf(2, "passed: %lld ns ", (long long)passed);                         \
		CHECK(passed >= (int64_t)((seconds) * 1e9));                                       \
		CHECK(passed <= (int64_t)((seconds) * 1e9) + NS_PER_S / 100);                      \
	} while (0)

/* -------------------------------------------------------------------- clocks */

static void looks_at_clocks(void)
{
	const int64_t first = now();
	CHECK(first >= TORN_CLOCK_START_NS && first < TORN_CLOCK_START_NS + NS_PER_S);
	int64_t last = first;
	static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME,
					   CLOCK_REALTIME_COARSE, CLOCK_PROCESS_CPUTIME_ID};
	for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++) {
		const int64_t at = clock_now(clocks[i]);
		CHECK(at > last);
		last = at;
	}
	struct timeval day;
	CHECK(gettimeofday(&day, NULL) == 0 && day.tv_sec * NS_PER_S + day.tv_usec * 1000 + 999 > last);
	time_t seconds;
	CHECK(time(&seconds) == seconds && seconds == day.tv_sec);
	CHECK(syscall(SYS_time, NULL) == seconds);
	CHECK_FAILS(syscall(SYS_clock_gettime, CLOCK_REALTIME, 8), EFAULT);
	dprintf(1, "%lld %lld", (long long)last, (long long)day.tv_usec);
}

static void test_clocks_go_on_by_the_runs_own_and_alike_in_each_run(void **state)
{
	(void)state;
	char first[128];
	run("looks_at_clocks", "old f file old\n", "");
	strcpy(first, output_of(1));
	for (int i = 0; i < 3; i++) {
		run("looks_at_clocks", "old f file old\n", "");
		assert_string_equal(output_of(1), first);
	}
}

static void sleeps(void)
{
	int64_t before = now();
	CHECK(sleep(3600) == 0);
	CHECK_PASSED(before, 3600);
	before = now();
	const struct timespec ten = {10, 500000000}, wrong = {0, NS_PER_S}, negative = {-1, 0};
	CHECK(nanosleep(&ten, NULL) == 0);
	CHECK_PASSED(before, 10.5);
	before = now();
	const struct timespec then = {before / NS_PER_S + 7, 0};
	CHECK(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &then, NULL) == 0);
	CHECK(now() >= then.tv_sec * NS_PER_S && now() < then.tv_sec * NS_PER_S + NS_PER_S / 100);
	CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &then, NULL) == 0); /* it is over */
	CHECK_FAILS(nanosleep(&wrong, NULL), EINVAL);
	CHECK_FAILS(nanosleep(&negative, NULL), EINVAL);
	CHECK_FAILS(syscall(SYS_nanosleep, 8, NULL), EFAULT);
	CHECK(usleep(1500) == 0);
}

static void test_sleep_returns_at_once_and_the_clock_shows_it(void **state)
{
	(void)state;
	const int64_t before = real_ms();
	run("sleeps", "old f file old\n", "");
	assert_true(real_ms() - before < 5000);
}

/* ------------------------------------------------------------ calls that wait */

static void waits_for_what_does_not_come(void)
{
	int ends[2];
	CHECK(pipe(ends) == 0);
	struct pollfd polled[2] = {{ends[0], POLLIN, 77}, {ends[0], POLLIN, 77}};
	int64_t before = now();
	CHECK(poll(polled, 2, 5000) == 0);
	CHECK_PASSED(before, 5);
	CHECK(polled[0].revents == 0 && polled[1].revents == 0 && polled[0].events == POLLIN);
	const struct timespec two = {2, 0};
	struct timespec told = two;
	before = now();
	CHECK(ppoll(polled, 2, &told, NULL) == 0);
	CHECK_PASSED(before, 2);
	fd_set read_set, write_set;
	FD_ZERO(&read_set);
	FD_ZERO(&write_set);
	FD_SET(ends[0], &read_set);
	FD_SET(ends[0], &write_set);
	struct timeval three = {3, 250000};
	before = now();
	CHECK(select(ends[0] + 1, &read_set, &write_set, NULL, &three) == 0);
	CHECK_PASSED(before, 3.25);
	CHECK(!FD_ISSET(ends[0], &read_set) && !FD_ISSET(ends[0], &write_set));
	CHECK(three.tv_sec == 0 && three.tv_usec == 0); /* Linux says what is left: select(2) */
	FD_SET(ends[0], &read_set);
	before = now();
	CHECK(pselect(ends[0] + 1, &read_set, NULL, NULL, &two, NULL) == 0);
	CHECK_PASSED(before, 2);
	CHECK(!FD_ISSET(ends[0], &read_set));
	before = now();
	CHECK(select(0, NULL, NULL, NULL, &(struct timeval){4, 0}) == 0);
	CHECK_PASSED(before, 4);
	const int epoll = epoll_create1(0);
	struct epoll_event event = {.events = EPOLLIN};
	CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &event) == 0);
	before = now();
	CHECK(epoll_wait(epoll, &event, 1, 6000) == 0);
	CHECK_PASSED(before, 6);
	before = now();
	CHECK(epoll_wait(epoll, &event, 1, 0) == 0 && poll(polled, 1, 0) == 0);
	CHECK_PASSED(before, 0);
	CHECK(write(ends[1], "x", 1) == 1);
	before = now();
	CHECK(epoll_wait(epoll, &event, 1, 6000) == 1 && poll(polled, 2, 6000) == 2);
	CHECK(polled[0].revents == POLLIN);
	CHECK_PASSED(before, 0);
}

static void test_waiting_for_a_descriptor_ends_in_virtual_time_with_nobody_ready(void **state)
{
	(void)state;
	const int64_t before = real_ms();
	run("waits_for_what_does_not_come", "old f file old\n", "");
	assert_true(real_ms() - before < 5000);
}

static void waits_for_others(void)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
	sem_t semaphore;
	CHECK(sem_init(&semaphore, 0, 0) == 0);
	int64_t before = now();
	struct timespec until = {before / NS_PER_S + 30, before % NS_PER_S};
	CHECK(pthread_mutex_lock(&mutex) == 0);
	CHECK(pthread_cond_timedwait(&condition, &mutex, &until) == ETIMEDOUT);
	CHECK_PASSED(before, 30);
	before = now();
	until.tv_sec += 60;
	CHECK_FAILS(sem_timedwait(&semaphore, &until), ETIMEDOUT);
	CHECK(now() >= until.tv_sec * NS_PER_S + until.tv_nsec);
	until.tv_sec += 60;
	CHECK(pthread_mutex_timedlock(&mutex, &until) == ETIMEDOUT); /* its own */
	CHECK(now() >= until.tv_sec * NS_PER_S + until.tv_nsec);
	int word = 1;
	before = now();
	CHECK_FAILS(syscall(SYS_futex, &word, FUTEX_WAIT, 1, &(struct timespec){8, 0}, NULL, 0), ETIMEDOUT);
	CHECK_PASSED(before, 8);
	CHECK_FAILS(syscall(SYS_futex, &word, FUTEX_WAIT, 2, &(struct timespec){8, 0}, NULL, 0), EAGAIN);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	before = now();
	CHECK_FAILS(sigtimedwait(&set, NULL, &(struct timespec){9, 0}), EAGAIN);
	CHECK_PASSED(before, 9);
	const int semaphores = semget(IPC_PRIVATE, 1, 0600);
	CHECK(semaphores >= 0);
	before = now();
	const long r = semtimedop(semaphores, &(struct sembuf){0, -1, 0}, 1, &(struct timespec){11, 0});
	const int error = errno;
	CHECK(semctl(semaphores, 0, IPC_RMID) == 0);
	CHECK(r == -1 && error == EAGAIN);
	CHECK_PASSED(before, 11);
	const mqd_t queue = mq_open("/torn-trace-test", O_RDWR | O_CREAT | O_EXCL, 0600,
				    &(struct mq_attr){.mq_maxmsg = 1, .mq_msgsize = 8});
	if (queue == (mqd_t)-1) {
		CHECK(errno == EEXIST || errno == EACCES || errno == EMFILE || errno == ENOSYS);
		return;
	}
	CHECK(mq_unlink("/torn-trace-test") == 0);
	before = now();
	until = (struct timespec){before / NS_PER_S + 13, before % NS_PER_S};
	char message[8];
	CHECK_FAILS(mq_timedreceive(queue, message, 8, NULL, &until), ETIMEDOUT);
	CHECK_PASSED(before, 13);
}

static void test_locks_and_signals_are_waited_for_in_virtual_time(void **state)
{
	(void)state;
	const int64_t before = real_ms();
	run("waits_for_others", "old f file old\n", "");
	assert_true(real_ms() - before < 5000);
}

static void waits_with_registers(void)
{
	int ends[2];
	CHECK(pipe(ends) == 0);
	struct pollfd polled = {ends[0], POLLIN, 0};
	struct timespec time = {1, 0};
	/* poll, futex, and nanosleep: all that a system call keeps, and the flags' direction. */
	const struct {
		long number, a, b, c, d, result;
	} calls[] = {
		{SYS_poll, (long)&polled, 1, 1000, 4, 0},
		{SYS_futex, (long)&(int){1}, FUTEX_WAIT, 1, (long)&time, -ETIMEDOUT},
		{SYS_nanosleep, (long)&time, 0, 3, 4, 0},
		{SYS_getrandom, (long)(char[8]){""}, 8, 0, 4, 8},
		{SYS_clock_gettime, CLOCK_REALTIME, (long)&(struct timespec){0}, 3, 4, 0},
		{SYS_openat, AT_FDCWD, (long)"f", O_RDONLY, 0, ends[1] + 1},
		{SYS_write, 1, (long)"written", 7, 4, 7},
	};
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		long result = calls[i].number, a = calls[i].a, b = calls[i].b, c = calls[i].c;
		register long d __asm__("r10") = calls[i].d;
		register long e __asm__("r8") = 0x58;
		register long f __asm__("r9") = 0x59;
		register long twelve __asm__("r12") = 0x512;
		register long fifteen __asm__("r15") = 0x515;
		__asm__ volatile("syscall"
				 : "+a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(d), "+r"(e), "+r"(f),
				   "+r"(twelve), "+r"(fifteen)
				 :
				 : "rcx", "r11", "memory");
		const bool kept = a == calls[i].a && b == calls[i].b && c == calls[i].c && d == calls[i].d &&
				  e == 0x58 && f == 0x59 && twelve == 0x512 && fifteen == 0x515;
		if (result != calls[i].result || !kept)
			dprintf(2, "call %ld: %ld ", calls[i].number, result);
		CHECK(result == calls[i].result && kept);
	}
}

static void test_registers_are_as_before_whatever_became_of_the_call(void **state)
{
	(void)state;
	run("waits_with_registers", "old f file old\n", "");
	run("waits_with_registers", "old f file old\n", "");
	assert_string_equal(output_of(1), "written");
}

/* ---------------------------------------------------------- signals and time */

static volatile sig_atomic_t arrived;

static void on_signal(int number)
{
	arrived = number;
}

static void polls_while_a_child_ends(void)
{
	int ends[2];
	CHECK(pipe(ends) == 0);
	const pid_t child = fork();
	if (child == 0)
		_exit(0);
	/* SIGCHLD is ignored, and interrupts nothing: signal(7). */
	struct pollfd polled = {ends[0], POLLIN, 0};
	const int64_t before = now();
	CHECK(poll(&polled, 1, 5000) == 0);
	CHECK_PASSED(before, 5);
	child_ends(child);
}

static void test_an_ignored_signal_does_not_take_a_time_out_away(void **state)
{
	(void)state;
	run("polls_while_a_child_ends", "old f file old\n", "");
}

static void kills_a_sleeper(void)
{
	const struct sigaction action = {.sa_handler = on_signal};
	const pid_t child = fork();
	if (child == 0) {
		CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
		const int64_t before = now();
		struct timespec left = {0, 0};
		CHECK_FAILS(nanosleep(&(struct timespec){3600, 0}, &left), EINTR);
		CHECK(arrived == SIGUSR1);
		CHECK_PASSED(before - left.tv_sec * NS_PER_S - left.tv_nsec, 3600);
		CHECK(left.tv_sec / 10 == 354 || left.tv_sec / 10 == 353);
		_exit(0);
	}
	const int64_t before = now();
	CHECK(sleep(60) == 0);
	CHECK(kill(child, SIGUSR1) == 0);
	child_ends(child);
	CHECK_PASSED(before, 60);
	const pid_t other = fork();
	if (other == 0) {
		sleep(3600);
		_exit(1);
	}
	CHECK(sleep(1) == 0 && kill(other, SIGTERM) == 0);
	int status;
	CHECK(waitpid(other, &status, 0) == other && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	CHECK_PASSED(before, 61);
}

static void test_a_signal_ends_a_sleep_before_its_time(void **state)
{
	(void)state;
	run("kills_a_sleeper", "old f file old\n", "");
}

static void sets_timers(void)
{
	const struct sigaction action = {.sa_handler = on_signal};
	CHECK(sigaction(SIGALRM, &action, NULL) == 0);
	CHECK(alarm(1) == 0);
	CHECK_FAILS(pause(), EINTR);
	CHECK(arrived == SIGALRM);
	arrived = 0;
	CHECK(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 100000}}, NULL) == 0);
	for (;;)
		if (arrived)
			break;
	const int timer = timerfd_create(CLOCK_MONOTONIC, 0);
	CHECK(timerfd_settime(timer, 0, &(struct itimerspec){{0, 0}, {0, 100000000}}, NULL) == 0);
	uint64_t times;
	CHECK(read(timer, &times, sizeof times) == sizeof times && times == 1);
}

static void test_timers_really_arrive(void **state)
{
	(void)state;
	run("sets_timers", "old f file old\n", "");
}

/* ------------------------------------------------------------------- hangs */

static void locks_itself(void)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&mutex);
	pthread_mutex_lock(&mutex);
}

static void reads_its_own_pipe(void)
{
	int ends[2];
	char byte;
	CHECK(pipe(ends) == 0);
	CHECK(read(ends[0], &byte, 1) == 0);
}

static void waits_for_a_child_that_waits(void)
{
	const pid_t child = fork();
	if (child == 0) {
		pause();
		_exit(1);
	}
	waitpid(child, NULL, 0);
}

static void locks_a_file_twice(void)
{
	const int one = open("f", O_RDWR), two = open("f", O_RDWR);
	CHECK(flock(one, LOCK_EX) == 0);
	flock(two, LOCK_EX);
}

static void opens_a_fifo(void)
{
	open("fifo", O_RDONLY);
}

static pthread_mutex_t mutexes[2] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static pthread_barrier_t barrier;

static void *locks_both(void *first)
{
	pthread_mutex_t *one = first, *two = one == mutexes ? mutexes + 1 : mutexes;
	pthread_mutex_lock(one);
	pthread_barrier_wait(&barrier);
	pthread_mutex_lock(two);
	return NULL;
}

static void locks_crosswise(void)
{
	pthread_t threads[2];
	pthread_barrier_init(&barrier, NULL, 2);
	for (int i = 0; i < 2; i++)
		CHECK(pthread_create(&threads[i], NULL, locks_both, &mutexes[i]) == 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
}

static void test_what_waits_for_ever_has_hung_at_once(void **state)
{
	(void)state;
	static const char *const hangs[] = {
		"locks_itself", "reads_its_own_pipe", "waits_for_a_child_that_waits",
		"locks_a_file_twice", "opens_a_fifo", "locks_crosswise",
	};
	for (size_t i = 0; i < sizeof hangs / sizeof *hangs; i++) {
		const int64_t before = real_ms();
		run_anyhow(hangs[i], "old f file old\nold fifo fifo\n", "");
		assert_ended(hangs[i], TORN_HUNG, TORN_HANG_WAITS);
		assert_true(real_ms() - before < 5000);
	}
}

static void loops(void)
{
	write_file("f", "before");
	for (volatile bool on = true; on;)
		;
}

static void forks_and_loops(void)
{
	if (fork() == 0)
		loops();
	wait(NULL);
}

static void test_a_loop_without_calls_has_hung_when_its_time_is_over(void **state)
{
	(void)state;
	traced.tracer->tracing.timeout_s = 1;
	run_anyhow("loops", "old f file old\n", "");
	assert_ended("loops", TORN_HUNG, TORN_HANG_TIME);
	assert_on_disk("f", "before");
	run_anyhow("forks_and_loops", "old f file old\n", "");
	assert_ended("forks_and_loops", TORN_HUNG, TORN_HANG_TIME);
}

static void writes_for_ever(void)
{
	const int fd = open("f", O_WRONLY);
	while (pwrite(fd, "x", 1, 0) == 1)
		;
}

static void test_too_many_ops_have_hung(void **state)
{
	(void)state;
	run_anyhow("writes_for_ever", "old f file old\n", "");
	assert_ended("writes_for_ever", TORN_HUNG, TORN_HANG_OPS);
}

/* -------------------------------------------------------------- randomness */

static void draws(void)
{
	unsigned char bytes[64];
	CHECK(getrandom(bytes, 8, 0) == 8);
	const int fd = open("/dev/urandom", O_RDONLY);
	CHECK(read(fd, bytes + 8, 8) == 8);
	const int other = open("/dev/random", O_RDONLY);
	CHECK(read(other, bytes + 16, 8) == 8);
	memcpy(bytes + 24, (const void *)getauxval(AT_RANDOM), 16); /* NOLINT: an address */
	char name[] = "temporary-XXXXXX";
	const int temporary = mkstemp(name);
	CHECK(temporary >= 0 && unlink(name) == 0);
	for (int i = 0; i < 40; i++)
		dprintf(1, "%02x", bytes[i]);
	dprintf(1, " %s %p", name, (void *)&name);
}

static void test_one_seed_draws_the_same_and_another_one_others(void **state)
{
	(void)state;
	char first[256];
	run("draws", "old f file old\n", "");
	strcpy(first, output_of(1));
	for (int i = 0; i < 3; i++) {
		run("draws", "old f file old\n", "");
		assert_string_equal(output_of(1), first);
	}
	traced.seed = 2;
	run("draws", "old f file old\n", "");
	/* Each of the four differs: getrandom, both devices, AT_RANDOM. mkstemp(3) takes the clock. */
	static const struct {
		size_t at, size;
	} parts[] = {{0, 16}, {16, 16}, {32, 16}, {48, 32}};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		assert_memory_not_equal(output_of(1) + parts[i].at, first + parts[i].at, parts[i].size);
}

int main(int argc, char **argv)
{
	static const struct scenario scenarios[] = {
		SCENARIO(looks_at_clocks),
		SCENARIO(sleeps),
		SCENARIO(waits_for_what_does_not_come),
		SCENARIO(waits_for_others),
		SCENARIO(waits_with_registers),
		SCENARIO(polls_while_a_child_ends),
		SCENARIO(kills_a_sleeper),
		SCENARIO(sets_timers),
		SCENARIO(locks_itself),
		SCENARIO(reads_its_own_pipe),
		SCENARIO(waits_for_a_child_that_waits),
		SCENARIO(locks_a_file_twice),
		SCENARIO(opens_a_fifo),
		SCENARIO(locks_crosswise),
		SCENARIO(loops),
		SCENARIO(forks_and_loops),
		SCENARIO(writes_for_ever),
		SCENARIO(draws),
	};
	if (argc > 1)
		return trace_test_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
	const struct CMUnitTest tests[] = {
		trace_test(test_clocks_go_on_by_the_runs_own_and_alike_in_each_run),
		trace_test(test_sleep_returns_at_once_and_the_clock_shows_it),
		trace_test(test_waiting_for_a_descriptor_ends_in_virtual_time_with_nobody_ready),
		trace_test(test_locks_and_signals_are_waited_for_in_virtual_time),
		trace_test(test_registers_are_as_before_whatever_became_of_the_call),
		trace_test(test_an_ignored_signal_does_not_take_a_time_out_away),
		trace_test(test_a_signal_ends_a_sleep_before_its_time),
		trace_test(test_timers_really_arrive),
		trace_test(test_what_waits_for_ever_has_hung_at_once),
		trace_test(test_a_loop_without_calls_has_hung_when_its_time_is_over),
		trace_test(test_too_many_ops_have_hung),
		trace_test(test_one_seed_draws_the_same_and_another_one_others),
	};
	return cmocka_run_group_tests(tests, open_tracer, close_tracer);
}
