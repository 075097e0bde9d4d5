/*
 * gate_test.c: the crossing of the in-process gate: what it sees, what it
 * refuses, and that it cannot be switched off. The other traps of gate_sud.c
 * have files of their own: gate_process_test.c, gate_signals_test.c,
 * gate_descriptors_test.c, gate_virtual_test.c, gate_faults_test.c.
 */
#include <linux/fs.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "gate_for_tests.h"

static void test_a_write_is_logged_and_folds_to_what_is_on_disk(void **state)
{
	(void)state;
	assert_holds(writes_new);
	assert_int_equal(test->trial.log->numbered, 3);
	assert_op(2, "write", 3, 3);
	assert_string_equal(now("srv/f"), "new");
	assert_int_equal(test->trial.leaks_count, 0);
}

/* Direct syscall(2) and stdio are seen as libc's wrappers are: no wrapper is relied on. */
static int writes_by_several_ways(const struct torn_run *torn_run)
{
	(void)torn_run;
	int fd = (int)syscall(SYS_open, "/srv/f", O_WRONLY | O_APPEND, 0);
	MUST(fd >= 0);
	MUST(syscall(SYS_write, fd, "1", 1) == 1);
	const struct iovec iov[] = {{"2", 1}, {"3", 1}};
	MUST(writev(fd, iov, 2) == 2);
	MUST(close(fd) == 0);
	FILE *file = fopen("/srv/f", "a");
	MUST(file);
	MUST(fputs("4", file) >= 0);
	MUST(fclose(file) == 0);
	return 0;
}

static void test_direct_calls_vectors_and_stdio_are_all_seen(void **state)
{
	(void)state;
	assert_holds(writes_by_several_ways);
	assert_string_equal(now("srv/f"), "old1234");
	assert_op(2, "write", 1, 1);
	assert_op(3, "writev", 2, 2);
}

/* Remedy: the handler answers by raw calls and never touches the target's errno or registers. */
static int keeps_errno_and_registers(const struct torn_run *torn_run)
{
	(void)torn_run;
	int fd = open("/srv/f", O_RDONLY);
	MUST(fd >= 0);
	errno = 77;
	char byte;
	MUST(read(fd, &byte, 1) == 1);
	MUST(errno == 77);
	register long kept __asm__("r12") = 0x5eed;
	double inexact = 1.0 / (double)(shared->count + 3);
	long size;
	__asm__ volatile("syscall"
			 : "=a"(size), "+r"(kept)
			 : "a"((long)SYS_lseek), "D"((long)fd), "S"(0L), "d"(2L /* SEEK_END */)
			 : "rcx", "r11", "memory");
	MUST(size == 3 && kept == 0x5eed);
	MUST(inexact == 1.0 / (double)(shared->count + 3));
	MUST(close(fd) == 0);
	return 0;
}

static void test_errno_and_registers_are_as_a_call_leaves_them(void **state)
{
	(void)state;
	assert_holds(keeps_errno_and_registers);
}

/* Remedy: TORN_CLASS_UNKNOWN is trouble, not a guess. */
static int calls_an_unknown_number(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST_FAIL(syscall(1999), ENOSYS);
	return 0;
}

static void test_an_unknown_call_makes_the_trial_incomplete_and_is_named(void **state)
{
	(void)state;
	assert_not_judged(calls_an_unknown_number,
			  "INCOMPLETE: system call number 1999 is not in calls.def");
}

/* ---------------------------------------------------------- 32-bit calls */

static long call_32(long number, long argument)
{
	long result;
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(number), "b"(argument)
			 : "memory", "r8", "r9", "r10", "r11");
	return result;
}

/* A kernel without CONFIG_IA32_EMULATION answers int $0x80 by SIGSEGV. */
static bool kernel_has_32_bit_calls(void)
{
	const pid_t child = fork();
	if (child == 0) {
		signal(SIGSEGV, SIG_DFL);
		_exit(call_32(20 /* getpid */, 0) > 0 ? 0 : 1);
	}
	int status;
	return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static int calls_chmod_in_32_bits(const struct torn_run *torn_run)
{
	(void)torn_run;
	shared->numbers[0] = call_32(15, 0);
	return 0;
}

static int calls_getpid_in_32_bits(const struct torn_run *torn_run)
{
	(void)torn_run;
	shared->numbers[0] = call_32(20, 0);
	return 0;
}

/* Remedy: cross() compares si_arch; 20 of the 64-bit table is writev. */
static void test_a_32_bit_call_is_refused_and_named(void **state)
{
	(void)state;
	if (!kernel_has_32_bit_calls())
		skip();
	assert_not_judged(calls_getpid_in_32_bits, "INCOMPLETE: 32-bit system call 20: refused");
	assert_int_equal(shared->numbers[0], -ENOSYS);
	/* 15 is chmod there and rt_sigreturn here, which the handler looks for first */
	assert_not_judged(calls_chmod_in_32_bits, "INCOMPLETE: 32-bit system call 15: refused");
	assert_int_equal(shared->numbers[0], -ENOSYS);
}

/* ------------------------------------------------------- what is refused */

static int would_change_the_machine(const struct torn_run *torn_run)
{
	(void)torn_run;
	shared->numbers[0] = syscall(SYS_sethostname, "torn-test", 9);
	shared->numbers[1] = errno;
	return 0;
}

static int mounts(const struct torn_run *torn_run)
{
	(void)torn_run;
	shared->numbers[0] = syscall(SYS_mount, "none", "/srv", "tmpfs", 0, NULL);
	shared->numbers[1] = errno;
	return 0;
}

static int makes_a_socket(const struct torn_run *torn_run)
{
	(void)torn_run;
	shared->numbers[0] = socket(AF_UNIX, SOCK_STREAM, 0);
	shared->numbers[1] = errno;
	return 0;
}

/* Remedy: TORN_CLASS_REFUSED is answered by EPERM and never performed. */
static void test_calls_that_change_the_machine_are_refused_and_named(void **state)
{
	(void)state;
	assert_not_judged(would_change_the_machine, "INCOMPLETE: calls sethostname");
	assert_int_equal(shared->numbers[0], -1);
	assert_int_equal(shared->numbers[1], EPERM);
	assert_not_judged(mounts, "INCOMPLETE: calls mount");
	assert_int_equal(shared->numbers[1], EPERM);
	assert_not_judged(makes_a_socket, "INCOMPLETE: calls socket");
	assert_int_equal(shared->numbers[1], EPERM);
}

static int switches_the_dispatcher_off(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST_FAIL(prctl(59 /* PR_SET_SYSCALL_USER_DISPATCH */, 0, 0, 0, 0), EPERM);
	return writes_new(torn_run);
}

/* Remedy: set_process() lets three harmless prctls through and no other. */
static void test_the_dispatcher_cannot_be_switched_off(void **state)
{
	(void)state;
	assert_holds(switches_the_dispatcher_off);
	assert_int_equal(test->trial.log->numbered, 3);
}

/* ---------------------------------------------------------- bad pointers */

static int passes_bad_addresses(const struct torn_run *torn_run)
{
	(void)torn_run;
	MUST_FAIL(syscall(SYS_openat, AT_FDCWD, 8L, O_RDONLY, 0), EFAULT);
	int fd = open("/srv/f", O_RDWR);
	MUST(fd >= 0);
	MUST_FAIL(syscall(SYS_write, fd, 8L, 3L), EFAULT);
	MUST_FAIL(syscall(SYS_read, fd, 8L, 3L), EFAULT);
	MUST_FAIL(syscall(SYS_fstat, fd, 8L), EFAULT);
	MUST(close(fd) == 0);
	return 0;
}

/* Remedy: is_wild(): the handler itself must not die of the target's mistake. */
static void test_bad_addresses_are_answered_by_efault(void **state)
{
	(void)state;
	assert_holds(passes_bad_addresses);
	assert_string_equal(now("srv/f"), "old");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		gate_test(test_a_write_is_logged_and_folds_to_what_is_on_disk),
		gate_test(test_direct_calls_vectors_and_stdio_are_all_seen),
		gate_test(test_errno_and_registers_are_as_a_call_leaves_them),
		gate_test(test_an_unknown_call_makes_the_trial_incomplete_and_is_named),
		gate_test(test_a_32_bit_call_is_refused_and_named),
		gate_test(test_calls_that_change_the_machine_are_refused_and_named),
		gate_test(test_the_dispatcher_cannot_be_switched_off),
		gate_test(test_bad_addresses_are_answered_by_efault),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
