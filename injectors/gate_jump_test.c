/*
 * gate_jump_test.c: the short way to the gate leaves everything as a system
 * call does, and the long way stays open.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../fuzz/run_for_tests.h"
#include "gate_jump.h"

#define VIRTUAL_PID 4242
#define VIRTUAL_PPID 4241

/* A place as the C library has it; the second entry comes to its syscall from elsewhere. */
__asm__(".text\n"
	".balign 16\n"
	"torn_test_getpid:\n"
	"	movl $39, %eax\n"
	"torn_test_getpid_syscall:\n"
	"	syscall\n"
	"	ret\n"
	".balign 16\n"
	"torn_test_getppid:\n"
	"	movl $55, %eax\n"
	"	addl $55, %eax\n"
	"	jmp torn_test_getpid_syscall\n"
	/* long torn_test_registers(const uint8_t *in, uint8_t *out): 8 vector registers around a call */
	".balign 16\n"
	"torn_test_registers:\n"
	"	movdqu (%rdi), %xmm0\n"
	"	movdqu 16(%rdi), %xmm1\n"
	"	movdqu 32(%rdi), %xmm7\n"
	"	movdqu 48(%rdi), %xmm15\n"
	"	movq $0x1111, -8(%rsp)\n" /* the red zone is the caller's */
	"	movq $0x2222, -128(%rsp)\n"
	"	movq $0x7777, -16(%rsp)\n"
	"	movq $0x8888, -64(%rsp)\n"
	"	movq $0x3333, %rdx\n"
	"	movq $0x4444, %r8\n"
	"	movq $0x5555, %r9\n"
	"	movq $0x6666, %r10\n"
	"	movl $39, %eax\n"
	"	syscall\n"
	"	movdqu %xmm0, (%rsi)\n"
	"	movdqu %xmm1, 16(%rsi)\n"
	"	movdqu %xmm7, 32(%rsi)\n"
	"	movdqu %xmm15, 48(%rsi)\n"
	"	addq -8(%rsp), %rdx\n"
	"	addq -128(%rsp), %rdx\n"
	"	addq -16(%rsp), %rdx\n"
	"	addq -64(%rsp), %rdx\n"
	"	addq %r8, %rdx\n"
	"	addq %r9, %rdx\n"
	"	addq %r10, %rdx\n"
	"	movq %rdx, %rax\n"
	"	ret\n");
long torn_test_getpid(void);
long torn_test_getppid(void);
long torn_test_registers(const uint8_t *in, uint8_t *out);

#define REGISTERS_SUM (0x1111 + 0x2222 + 0x3333 + 0x4444 + 0x5555 + 0x6666 + 0x7777 + 0x8888)

static bool jumps(long (*place)(void))
{
	uint8_t first;
	memcpy(&first, (const void *)(uintptr_t)place, 1);
	return first == 0xe9;
}

static int run(int (*operation)(const struct torn_run *run_of))
{
	struct torn_test *test = torn_test_open("old srv/f file old\n");
	assert_int_equal(torn_test_run(test, operation, ""), 0);
	assert_int_equal(test->result, TORN_HELD);
	assert_int_equal(test->trial.end, TORN_RETURNED);
	const int code = test->trial.code;
	torn_test_close(test);
	return code;
}

static int crosses_twice(const struct torn_run *run_of)
{
	(void)run_of;
	if (jumps(torn_test_getpid) || torn_test_getpid() != VIRTUAL_PID)
		return 1;
	if (!jumps(torn_test_getpid))
		return 2;
	return torn_test_getpid() == VIRTUAL_PID ? 0 : 3;
}

static void test_a_place_jumps_from_its_second_crossing_on_and_is_answered_the_same(void **state)
{
	(void)state;
	assert_int_equal(run(crosses_twice), 0);
}

static int comes_from_elsewhere(const struct torn_run *run_of)
{
	(void)run_of;
	for (int i = 0; i < 3; i++)
		if (torn_test_getpid() != VIRTUAL_PID || torn_test_getppid() != VIRTUAL_PPID)
			return i + 1;
	return jumps(torn_test_getpid) ? 0 : 4;
}

static void test_code_that_goes_straight_to_the_syscall_instruction_still_crosses(void **state)
{
	(void)state;
	assert_int_equal(run(comes_from_elsewhere), 0);
}

static int keeps_registers(const struct torn_run *run_of)
{
	(void)run_of;
	uint8_t in[64], out[64];
	for (size_t i = 0; i < sizeof in; i++)
		in[i] = (uint8_t)(i * 7 + 3);
	for (int i = 0; i < 3; i++) {
		memset(out, 0, sizeof out);
		if (torn_test_registers(in, out) != REGISTERS_SUM)
			return 1 + 2 * i;
		if (memcmp(in, out, sizeof in) != 0)
			return 2 + 2 * i;
	}
	return 0;
}

/* Remedy: torn_gate_entry's xsavec and the room it leaves below rsp. */
static void test_registers_and_the_red_zone_are_as_before_whichever_way_it_went(void **state)
{
	(void)state;
	assert_int_equal(run(keeps_registers), 0);
}

static int opens_and_writes(const struct torn_run *run_of)
{
	(void)run_of;
	for (int i = 0; i < 3; i++) {
		int fd = open("/srv/f", O_RDWR);
		char byte = (char)('a' + i);
		if (fd < 0 || pwrite(fd, &byte, 1, i) != 1 || fsync(fd) != 0 || close(fd) != 0)
			return -errno;
	}
	return 0;
}

static void test_a_fault_finds_its_op_when_the_calls_come_by_jumps(void **state)
{
	(void)state;
	struct torn_test *test = torn_test_open("old srv/f file old\n");
	test->clean_first = true; /* all places jump after it */
	assert_int_equal(torn_test_run(test, opens_and_writes, "fault 7 fsync errno=EIO\n"), 0);
	assert_int_equal(test->result, TORN_HELD);
	assert_int_equal(test->trial.code, -EIO);
	assert_int_equal(torn_log_op(test->trial.log, 7)->told, -EIO);
	torn_test_close(test);
}

static volatile int handled;

static void handle(int number)
{
	(void)number;
	handled++;
	int fd = open("/srv/from-handler", O_WRONLY | O_CREAT, 0600);
	close(fd);
}

static int is_signalled(const struct torn_run *run_of)
{
	(void)run_of;
	handled = 0;
	const struct sigaction action = {.sa_handler = handle};
	sigaction(SIGTERM, &action, NULL);
	for (int i = 0; i < 4; i++) {
		int fd = open("/srv/f", O_RDONLY);
		close(fd);
	}
	return handled;
}

static void test_a_planned_signal_arrives_once_and_its_handler_crosses_by_jumps_too(void **state)
{
	(void)state;
	struct torn_test *test = torn_test_open("old srv/f file old\n");
	test->clean_first = true;
	assert_int_equal(torn_test_run(test, is_signalled, "fault 3 openat signal=TERM\n"), 0);
	assert_int_equal(test->result, TORN_HELD);
	assert_int_equal(test->trial.code, 1);
	const struct torn_op *next = torn_log_op(test->trial.log, 4);
	assert_int_equal(next->path.size, strlen("srv/from-handler"));
	assert_memory_equal(next->path.data, "srv/from-handler", next->path.size);
	torn_test_close(test);
}

/* ------------------------------------------------ handlers from before the gate */

static volatile int ticks;

static void tick(int number)
{
	(void)number;
	ticks++;
	(void)!syscall(SYS_getppid); /* not the target's call */
}

static int spins_until_ticked(const struct torn_run *run_of)
{
	(void)run_of;
	while (ticks == 0)
		;
	return 0;
}

static void wrapped_in_worker(void *context, struct torn_lab *lab)
{
	struct torn_test *test = context;
	/* As a fuzzer that sets its alarm before the gate is made: here it is made again. */
	const struct sigaction action = {.sa_handler = tick};
	sigaction(SIGVTALRM, &action, NULL);
	if (torn_gate_open(lab->recorder, lab->disk.root_fd, &lab->gate) != 0)
		return;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGVTALRM};
	timer_t timer;
	const struct itimerspec soon = {.it_value = {0, 1000000}, .it_interval = {0, 1000000}};
	if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 ||
	    timer_settime(timer, 0, &soon, NULL) != 0)
		return;
	test->result = torn_trial_run(lab, &test->setup, &test->plan, TORN_TRIAL_PLAIN, &test->trial);
}

/* Remedy: wrap_handlers() in gate_sud.c. */
static void test_a_handler_set_before_the_gate_runs_with_it_open(void **state)
{
	(void)state;
	struct torn_test *test = torn_test_open("old srv/f file old\n");
	ticks = 1; /* so that the run that sets things up ends */
	assert_int_equal(torn_test_run(test, spins_until_ticked, ""), 0);
	ticks = 0;
	test->result = -1;
	const struct torn_job job = {
		.job = wrapped_in_worker, .again = torn_test_again, .context = test};
	char message[256];
	assert_int_equal(torn_worker_do(&test->worker, &job, message, sizeof message), 0);
	assert_int_equal(test->result, TORN_HELD);
	assert_int_equal(test->trial.log->crossings, 0);
	torn_test_close(test);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_place_jumps_from_its_second_crossing_on_and_is_answered_the_same),
		cmocka_unit_test(test_code_that_goes_straight_to_the_syscall_instruction_still_crosses),
		cmocka_unit_test(test_registers_and_the_red_zone_are_as_before_whichever_way_it_went),
		cmocka_unit_test(test_a_fault_finds_its_op_when_the_calls_come_by_jumps),
		cmocka_unit_test(test_a_planned_signal_arrives_once_and_its_handler_crosses_by_jumps_too),
		cmocka_unit_test(test_a_handler_set_before_the_gate_runs_with_it_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
