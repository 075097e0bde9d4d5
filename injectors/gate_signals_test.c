/*
 * gate_signals_test.c: handlers of the target's own, its masks, its alternate
 * stack, and what it does to SIGSYS, by which the gate lives.
 */
#include "gate_for_tests.h"

static volatile sig_atomic_t handled, nested_at;

static int write_in_handler(const char *bytes)
{
	int fd = open("/srv/f", O_WRONLY | O_APPEND);
	if (fd < 0)
		return -1;
	ssize_t size = write(fd, bytes, strlen(bytes));
	return close(fd) == 0 && size == (ssize_t)strlen(bytes) ? 0 : -1;
}

static void appends(int number)
{
	if (number == SIGUSR1 && write_in_handler("1") == 0)
		handled++;
}

static int handles_by_sigaction(const struct torn_run *torn_run)
{
	(void)torn_run;
	const struct sigaction action = {.sa_handler = appends};
	MUST(sigaction(SIGUSR1, &action, NULL) == 0);
	handled = 0;
	MUST(raise(SIGUSR1) == 0);
	MUST(handled == 1);
	MUST(raise(SIGUSR1) == 0);
	MUST(handled == 2);
	return write_in_handler(".");
}

static int handles_by_signal(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST(signal(SIGUSR1, appends) == SIG_DFL);
	handled = 0;
	MUST(kill(getpid(), SIGUSR1) == 0);
	MUST(handled == 1);
	MUST(signal(SIGUSR1, SIG_DFL) == appends);
	return write_in_handler(".");
}

/*
 * Remedy: on_sigsys() sends a handler's return to a stub that is never
 * dispatched; answered like any call, the return would come back into libc's
 * restorer and crash.
 */
static void test_a_handler_of_the_target_makes_numbered_calls_and_returns(void **state)
{
	(void)state;
	assert_holds(handles_by_sigaction);
	assert_int_equal(test->trial.log->numbered, 9);
	assert_op(2, "write", 1, 1);
	assert_op(5, "write", 1, 1);
	assert_op(8, "write", 1, 1);
	assert_string_equal(now("srv/f"), "old11.");
	assert_holds(handles_by_signal);
	assert_int_equal(test->trial.log->numbered, 6);
	assert_string_equal(now("srv/f"), "old1.");
}

static void raises_another(int number)
{
	(void)number;
	nested_at = 1;
	raise(SIGUSR1);
	nested_at = handled == 1 ? 2 : -1;
	write_in_handler("2");
}

static int handles_nested(const struct torn_run *torn_run)
{
	(void)torn_run;
	const struct sigaction inner = {.sa_handler = appends}, outer = {.sa_handler = raises_another};
	MUST(sigaction(SIGUSR1, &inner, NULL) == 0);
	MUST(sigaction(SIGUSR2, &outer, NULL) == 0);
	handled = 0;
	MUST(raise(SIGUSR2) == 0);
	MUST(handled == 1 && nested_at == 2);
	return write_in_handler(".");
}

static void test_a_handler_within_a_handler_returns_too(void **state)
{
	(void)state;
	assert_holds(handles_nested);
	assert_string_equal(now("srv/f"), "old12.");
	assert_int_equal(test->trial.log->numbered, 9);
}

static void takes_information(int number, siginfo_t *info, void *context)
{
	const ucontext_t *interrupted = context;
	if (number == SIGUSR1 && info->si_signo == SIGUSR1 && info->si_code == SI_TKILL &&
	    interrupted->uc_mcontext.gregs[REG_RIP] != 0 && write_in_handler("i") == 0)
		handled++;
}

static int handles_with_information(const struct torn_run *torn_run)
{
	(void)torn_run;
	const struct sigaction action = {.sa_sigaction = takes_information, .sa_flags = SA_SIGINFO};
	struct sigaction set;
	MUST(sigaction(SIGUSR1, &action, NULL) == 0);
	MUST(sigaction(SIGUSR1, NULL, &set) == 0);
	MUST(set.sa_sigaction == takes_information && (set.sa_flags & SA_SIGINFO));
	handled = 0;
	MUST(raise(SIGUSR1) == 0);
	MUST(handled == 1);
	return 0;
}

static void test_a_handler_with_siginfo_is_given_it(void **state)
{
	(void)state;
	assert_holds(handles_with_information);
	assert_string_equal(now("srv/f"), "oldi");
}

static sigjmp_buf out_of_it;

static void jumps(int number)
{
	write_in_handler("j");
	siglongjmp(out_of_it, number);
}

static bool is_blocked(int number)
{
	sigset_t set;
	return sigprocmask(SIG_SETMASK, NULL, &set) == 0 && sigismember(&set, number);
}

static int jumps_out_of_a_handler(const struct torn_run *torn_run)
{
	(void)torn_run;
	const struct sigaction action = {.sa_handler = jumps};
	MUST(sigaction(SIGUSR1, &action, NULL) == 0);
	for (volatile int i = 0; i < 3; i = i + 1) {
		int number = sigsetjmp(out_of_it, 1);
		if (number == 0) {
			raise(SIGUSR1);
			return __LINE__;
		}
		MUST(number == SIGUSR1);
		MUST(!is_blocked(SIGUSR1));
	}
	return write_in_handler(".");
}

static void test_siglongjmp_out_of_a_handler_goes_on_gated(void **state)
{
	(void)state;
	assert_holds(jumps_out_of_a_handler);
	assert_string_equal(now("srv/f"), "oldjjj.");
	assert_int_equal(test->trial.log->numbered, 12);
	assert_int_equal(test->trial.leaks_count, 0);
}

/* -------------------------------------------------------------- the mask */

static void counts(int number)
{
	(void)number;
	handled++;
}

static int blocks_and_unblocks(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST(signal(SIGUSR1, counts) == SIG_DFL);
	handled = 0;
	sigset_t set, old, pending;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	MUST(sigprocmask(SIG_BLOCK, &set, &old) == 0 && !sigismember(&old, SIGUSR1));
	MUST(is_blocked(SIGUSR1) && !is_blocked(SIGUSR2));
	MUST(raise(SIGUSR1) == 0);
	MUST(write_in_handler("b") == 0);
	MUST(handled == 0);
	MUST(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1));
	MUST(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
	MUST(handled == 1);
	MUST(!is_blocked(SIGUSR1));
	MUST_FAIL(sigprocmask(99, &set, NULL), EINVAL);
	return 0;
}

/* Remedy: set_mask() edits uc_sigmask; a mask set in the handler is undone by its sigreturn. */
static void test_a_mask_persists_after_its_call_and_reads_back(void **state)
{
	(void)state;
	assert_holds(blocks_and_unblocks);
	assert_int_equal(test->trial.leaks_count, 0);
}

static void blocks_for_itself(int number)
{
	(void)number;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	if (sigprocmask(SIG_BLOCK, &set, NULL) == 0 && is_blocked(SIGUSR2))
		handled++;
}

static int blocks_within_a_handler(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST(signal(SIGUSR1, blocks_for_itself) == SIG_DFL);
	handled = 0;
	MUST(raise(SIGUSR1) == 0);
	MUST(handled == 1);
	MUST(!is_blocked(SIGUSR2));
	return 0;
}

/* A handler's return restores the mask (sigreturn(2)), so that nothing is left over. */
static void test_a_mask_that_a_handler_sets_ends_with_it_and_is_no_leak(void **state)
{
	(void)state;
	assert_holds(blocks_within_a_handler);
	assert_int_equal(test->trial.leaks_count, 0);
}

static jmp_buf out_without_mask;

static void jumps_without_mask(int number)
{
	(void)number;
	_longjmp(out_without_mask, 1);
}

static int leaves_a_handler_with_its_mask(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST(signal(SIGUSR1, jumps_without_mask) == SIG_DFL);
	if (_setjmp(out_without_mask) == 0) {
		raise(SIGUSR1);
		return __LINE__;
	}
	MUST(is_blocked(SIGUSR1));
	return 0;
}

static int finds_nothing_blocked(const struct torn_run *torn_run)
{
	(void)torn_run;
	for (int number = 1; number < NSIG; number++)
		MUST(!is_blocked(number));
	return handles_by_sigaction(torn_run);
}

static void test_a_mask_kept_by_longjmp_is_a_leak_and_does_not_reach_the_next_run(void **state)
{
	(void)state;
	const struct pair *both = run_two(leaves_a_handler_with_its_mask, finds_nothing_blocked);
	assert_int_equal(both->trials[0].code, 0);
	assert_int_equal(both->trials[1].code, 0);
	assert_int_equal(both->trials[0].leaks_count, 1);
	assert_string_equal(both->trials[0].leaks[0].what, "signal mask");
}

static void counts_and_tells(int number)
{
	(void)number;
	shared->count++;
	shared->numbers[0] = syscall(SYS_getppid);
}

static int returns_with_a_signal_waiting(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST(signal(SIGUSR1, counts_and_tells) == SIG_DFL);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	MUST(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	MUST(raise(SIGUSR1) == 0);
	return 0;
}

/* Were it delivered when the mask is put back, the handler would run ungated on the host. */
static void test_a_signal_that_waits_at_the_end_is_dropped_and_its_handler_never_runs(void **state)
{
	(void)state;
	const struct pair *both = run_two(returns_with_a_signal_waiting, finds_nothing_blocked);
	assert_int_equal(both->trials[0].leaks_count, 1);
	assert_int_equal(both->trials[1].code, 0);
	assert_int_equal(shared->count, 0);
}

static int returns_with_a_deadly_signal_waiting(const struct torn_run *torn_run)
{
	(void)torn_run;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	MUST(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	MUST(raise(SIGTERM) == 0);
	return 0;
}

static void test_a_deadly_signal_that_waits_at_the_end_does_not_kill_the_worker(void **state)
{
	(void)state;
	const struct pair *both =
		run_two(returns_with_a_deadly_signal_waiting, finds_nothing_blocked);
	assert_int_equal(both->trials[0].end, TORN_RETURNED);
	assert_int_equal(both->trials[1].code, 0);
}

/* --------------------------------------------------- the alternate stack */

#define STACK_BYTES (64u << 10)

static char *alternate_stack;

static void runs_on_the_alternate_stack(int number)
{
	(void)number;
	const char *at = __builtin_frame_address(0);
	if (at >= alternate_stack && at < alternate_stack + STACK_BYTES && write_in_handler("a") == 0)
		handled++;
}

static int uses_an_alternate_stack(const struct torn_run *torn_run)
{
	(void)torn_run;
	static char stack_bytes[STACK_BYTES];
	alternate_stack = stack_bytes;
	const stack_t stack = {.ss_sp = stack_bytes, .ss_size = sizeof stack_bytes};
	stack_t before, set;
	MUST(sigaltstack(&stack, &before) == 0);
	getppid();
	MUST(sigaltstack(NULL, &set) == 0);
	MUST(set.ss_sp == stack_bytes && set.ss_size == sizeof stack_bytes && set.ss_flags == 0);
	const struct sigaction action = {.sa_handler = runs_on_the_alternate_stack,
					 .sa_flags = SA_ONSTACK};
	MUST(sigaction(SIGUSR1, &action, NULL) == 0);
	handled = 0;
	MUST(raise(SIGUSR1) == 0);
	MUST(handled == 1);
	const stack_t none = {.ss_flags = SS_DISABLE};
	MUST(sigaltstack(&none, NULL) == 0);
	MUST(sigaltstack(NULL, &set) == 0 && set.ss_flags == SS_DISABLE);
	MUST(sigaltstack(&before, NULL) == 0);
	return 0;
}

/* Remedy: set_altstack() edits uc_stack, which our own sigreturn puts in force. */
static void test_an_alternate_stack_persists_is_used_and_reads_back(void **state)
{
	(void)state;
	assert_holds(uses_an_alternate_stack);
	assert_string_equal(now("srv/f"), "olda");
}

static int keeps_its_alternate_stack(const struct torn_run *torn_run)
{
	(void)torn_run;
	static char stack_bytes[STACK_BYTES];
	const stack_t stack = {.ss_sp = stack_bytes, .ss_size = sizeof stack_bytes};
	stack_t before;
	MUST(sigaltstack(&stack, &before) == 0);
	shared->numbers[0] = (int64_t)(uintptr_t)before.ss_sp;
	shared->numbers[1] = (int64_t)before.ss_size;
	shared->numbers[2] = before.ss_flags;
	return 0;
}

static int finds_the_alternate_stack_of_before(const struct torn_run *torn_run)
{
	(void)torn_run;
	stack_t set;
	MUST(sigaltstack(NULL, &set) == 0);
	MUST((int64_t)(uintptr_t)set.ss_sp == shared->numbers[0]);
	MUST((int64_t)set.ss_size == shared->numbers[1]);
	MUST(set.ss_flags == shared->numbers[2]);
	MUST(set.ss_flags == (set.ss_size ? 0 : SS_DISABLE)); /* sigaltstack(2) */
	return 0;
}

static void test_an_alternate_stack_does_not_reach_the_next_run(void **state)
{
	(void)state;
	assert_both_hold(keeps_its_alternate_stack, finds_the_alternate_stack_of_before);
}

/* SIGSTKSZ of this machine: a crossing's own frame has to fit beside the handler's. */
static int makes_calls_on_a_small_alternate_stack(const struct torn_run *torn_run)
{
	(void)torn_run;
	const size_t page = (size_t)sysconf(_SC_PAGESIZE), guard = 64u << 10;
	const size_t size = ((size_t)sysconf(_SC_SIGSTKSZ) + page - 1) / page * page;
	char *room = mmap(NULL, guard + size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(room != MAP_FAILED);
	MUST(mprotect(room + guard, size, PROT_READ | PROT_WRITE) == 0);
	alternate_stack = room + guard;
	const stack_t stack = {.ss_sp = alternate_stack, .ss_size = size};
	stack_t before;
	MUST(sigaltstack(&stack, &before) == 0);
	const struct sigaction action = {.sa_handler = appends, .sa_flags = SA_ONSTACK};
	MUST(sigaction(SIGUSR1, &action, NULL) == 0);
	handled = 0;
	MUST(raise(SIGUSR1) == 0);
	MUST(handled == 1);
	MUST(sigaltstack(&before, NULL) == 0);
	MUST(munmap(room, guard + size) == 0);
	return 0;
}

static void test_calls_in_a_handler_fit_on_an_alternate_stack_of_sigstksz(void **state)
{
	(void)state;
	assert_holds(makes_calls_on_a_small_alternate_stack);
	assert_string_equal(now("srv/f"), "old1");
}

/* ----------------------------------------------------------------- SIGSYS */

static void never_called(int number)
{
	(void)number;
	shared->count++;
}

static int blocks_sigsys(const struct torn_run *torn_run)
{
	sigset_t set, old;
	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	MUST(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	MUST(is_blocked(SIGSYS)); /* it believes so */
	MUST(sigprocmask(SIG_UNBLOCK, &set, &old) == 0 && sigismember(&old, SIGSYS));
	MUST(!is_blocked(SIGSYS));
	MUST(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	return writes_new(torn_run);
}

static int blocks_everything(const struct torn_run *torn_run)
{
	sigset_t set;
	sigfillset(&set);
	MUST(sigprocmask(SIG_SETMASK, &set, NULL) == 0);
	return writes_new(torn_run);
}

static int ignores_sigsys(const struct torn_run *torn_run)
{
	MUST(signal(SIGSYS, SIG_IGN) == SIG_DFL);
	MUST(signal(SIGSYS, SIG_IGN) == SIG_IGN);
	return writes_new(torn_run);
}

static int handles_sigsys(const struct torn_run *torn_run)
{
	const struct sigaction action = {.sa_handler = never_called};
	struct sigaction set;
	MUST(sigaction(SIGSYS, &action, NULL) == 0);
	MUST(sigaction(SIGSYS, NULL, &set) == 0 && set.sa_handler == never_called);
	return writes_new(torn_run);
}

static int defaults_sigsys(const struct torn_run *torn_run)
{
	MUST(signal(SIGSYS, SIG_DFL) == SIG_DFL);
	return writes_new(torn_run);
}

static void writes_with_all_blocked(int number)
{
	(void)number;
	if (write_in_handler("m") == 0)
		handled++;
}

static int blocks_all_in_another_handler(const struct torn_run *torn_run)
{
	(void)torn_run;
	struct sigaction action = {.sa_handler = writes_with_all_blocked};
	sigfillset(&action.sa_mask);
	MUST(sigaction(SIGUSR1, &action, NULL) == 0);
	handled = 0;
	MUST(raise(SIGUSR1) == 0);
	MUST(handled == 1);
	return writes_new(torn_run);
}

/*
 * Remedy: set_mask() and set_action() let the target only believe what it did
 * to SIGSYS, and take it out of other handlers' masks; else the next call is
 * fatal (force_sig of a blocked or ignored signal) or goes to the target.
 */
static void test_whatever_is_done_to_sigsys_calls_are_still_logged(void **state)
{
	(void)state;
	static int (*const all[])(const struct torn_run *run) = {
		blocks_sigsys,   blocks_everything, ignores_sigsys,
		handles_sigsys,  defaults_sigsys,   blocks_all_in_another_handler,
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		assert_holds(all[i]);
		const uint32_t before = all[i] == blocks_all_in_another_handler ? 3 : 0;
		assert_int_equal(test->trial.log->numbered, before + 3);
		assert_op(before + 2, "write", 3, 3);
		assert_string_equal(now("srv/f"), "new");
		assert_int_equal(shared->count, 0);
	}
}

static void fills_the_mask_it_returns_to(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)info;
	sigfillset(&((ucontext_t *)context)->uc_sigmask);
	handled++;
}

static int returns_to_a_full_mask(const struct torn_run *torn_run)
{
	const struct sigaction action = {.sa_sigaction = fills_the_mask_it_returns_to,
					 .sa_flags = SA_SIGINFO};
	MUST(sigaction(SIGUSR1, &action, NULL) == 0);
	handled = 0;
	MUST(raise(SIGUSR1) == 0);
	MUST(handled == 1);
	return writes_new(torn_run);
}

static void test_sigsys_blocked_through_a_handlers_own_context_is_still_logged(void **state)
{
	(void)state;
	assert_holds(returns_to_a_full_mask);
	assert_int_equal(test->trial.log->numbered, 3);
}

static int sends_itself_sigsys(const struct torn_run *torn_run)
{
	raise(SIGSYS);
	return writes_new(torn_run);
}

static void test_sigsys_sent_by_the_target_does_not_confuse_the_gate(void **state)
{
	(void)state;
	assert_holds(sends_itself_sigsys);
	assert_int_equal(test->trial.log->numbered, 3);
}

static int leaves_dispositions(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST(signal(SIGTERM, SIG_IGN) == SIG_DFL);
	MUST(signal(SIGUSR1, appends) == SIG_DFL);
	MUST(signal(SIGSYS, SIG_IGN) == SIG_DFL);
	return 0;
}

static int finds_default_dispositions(const struct torn_run *torn_run)
{
	(void)torn_run;
	for (int number = 1; number <= SIGSYS; number++) {
		struct sigaction set;
		MUST(sigaction(number, NULL, &set) == 0);
		MUST(set.sa_handler == SIG_DFL);
	}
	return 0;
}

static void test_dispositions_do_not_reach_the_next_run(void **state)
{
	(void)state;
	assert_both_hold(leaves_dispositions, finds_default_dispositions);
}

/* -------------------------------------------------------------- to whom */

static int signals_others(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST_FAIL(kill(1, SIGTERM), ESRCH);
	MUST_FAIL(kill(-1, SIGTERM), ESRCH);
	MUST_FAIL(kill((pid_t)shared->numbers[0], SIGTERM), ESRCH);
	MUST_FAIL((int)syscall(SYS_tgkill, shared->numbers[0], shared->numbers[0], SIGTERM), ESRCH);
	MUST_FAIL((int)syscall(SYS_tkill, shared->numbers[0], SIGTERM), ESRCH);
	MUST(kill(getpid(), 0) == 0);
	MUST(signal(SIGTERM, SIG_IGN) == SIG_DFL);
	MUST(kill(0, SIGTERM) == 0);
	return 0;
}

/* Remedy: send_signal() reaches the target's own virtual pid only. */
static void test_a_target_can_signal_nobody_but_itself(void **state)
{
	(void)state;
	shared->numbers[0] = getpid(); /* the one that watches */
	assert_holds(signals_others);
}

/* ------------------------------------------------- signals out of a call */

static void tells_whether_it_is_gated(int number)
{
	shared->count++;
	if (number == SIGPIPE && syscall(SYS_getppid) == 4241 && write_in_handler("p") == 0)
		handled++;
}

static int writes_to_a_broken_pipe(const struct torn_run *torn_run)
{
	(void)torn_run;
	int ends[2];
	MUST(signal(SIGPIPE, tells_whether_it_is_gated) == SIG_DFL);
	MUST(pipe(ends) == 0 && close(ends[0]) == 0);
	handled = 0;
	for (int i = 1; i <= 3; i++) { /* the first by a signal, the others by a jump */
		MUST_FAIL((int)write(ends[1], "x", 1), EPIPE);
		MUST(handled == i);
	}
	MUST(close(ends[1]) == 0);
	return 0;
}

/* The kernel raises SIGPIPE within the call: its handler must not run while the gate is open. */
static void test_a_signal_out_of_a_call_finds_its_handler_gated(void **state)
{
	(void)state;
	assert_holds(writes_to_a_broken_pipe);
	assert_int_equal(shared->count, 3);
	assert_string_equal(now("srv/f"), "oldppp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		gate_test(test_a_handler_of_the_target_makes_numbered_calls_and_returns),
		gate_test(test_a_handler_within_a_handler_returns_too),
		gate_test(test_a_handler_with_siginfo_is_given_it),
		gate_test(test_siglongjmp_out_of_a_handler_goes_on_gated),
		gate_test(test_a_mask_persists_after_its_call_and_reads_back),
		gate_test(test_a_mask_that_a_handler_sets_ends_with_it_and_is_no_leak),
		gate_test(test_a_mask_kept_by_longjmp_is_a_leak_and_does_not_reach_the_next_run),
		gate_test(test_a_signal_that_waits_at_the_end_is_dropped_and_its_handler_never_runs),
		gate_test(test_a_deadly_signal_that_waits_at_the_end_does_not_kill_the_worker),
		gate_test(test_an_alternate_stack_persists_is_used_and_reads_back),
		gate_test(test_an_alternate_stack_does_not_reach_the_next_run),
		gate_test(test_calls_in_a_handler_fit_on_an_alternate_stack_of_sigstksz),
		gate_test(test_whatever_is_done_to_sigsys_calls_are_still_logged),
		gate_test(test_sigsys_blocked_through_a_handlers_own_context_is_still_logged),
		gate_test(test_sigsys_sent_by_the_target_does_not_confuse_the_gate),
		gate_test(test_dispositions_do_not_reach_the_next_run),
		gate_test(test_a_target_can_signal_nobody_but_itself),
		gate_test(test_a_signal_out_of_a_call_finds_its_handler_gated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
