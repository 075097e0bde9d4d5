/*
 * missing_feature_test.c: what torn says on a kernel that lacks something. A
 * seccomp filter answers for the kernel that this one is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LANDLOCK_CREATE_RULESET 444
#define SYSCALL_USER_DISPATCH 59

/* Let a call fail with an errno; for prctl, only with this option (-1: any first argument). */
static void refuse(unsigned number, int option, int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(option < 0 ? BPF_JMP | BPF_JGE | BPF_K : BPF_JMP | BPF_JEQ | BPF_K,
			 option < 0 ? 0 : (unsigned)option, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = {sizeof code / sizeof *code, code};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		_exit(99);
}

struct told {
	int exit_code;
	char text[4096]; /* stderr and stdout */
};

static struct told check_without(unsigned number, int option, int error)
{
	struct told told = {.exit_code = -1};
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	const pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		refuse(number, option, error);
		execl(getenv("TORN"), "torn", "check", "example.replace", (char *)NULL);
		_exit(98);
	}
	close(ends[1]);
	size_t size = 0;
	for (ssize_t got; size + 1 < sizeof told.text &&
			  (got = read(ends[0], told.text + size, sizeof told.text - 1 - size)) > 0;)
		size += (size_t)got;
	close(ends[0]);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	told.exit_code = WEXITSTATUS(status);
	return told;
}

static void test_without_syscall_user_dispatch_it_says_which_kernel_has_it_and_exits_3(void **state)
{
	(void)state;
	const struct told told = check_without(SYS_prctl, SYSCALL_USER_DISPATCH, EINVAL);
	assert_int_equal(told.exit_code, 3);
	assert_non_null(strstr(told.text, "no Syscall User Dispatch (Linux 5.11"));
	assert_non_null(strstr(told.text, "use a newer kernel"));
}

static void test_without_landlock_it_says_so_and_goes_on(void **state)
{
	(void)state;
	const struct told told = check_without(LANDLOCK_CREATE_RULESET, -1, ENOSYS);
	assert_int_equal(told.exit_code, 0);
	assert_non_null(strstr(told.text, "no Landlock (Linux 5.13"));
	assert_non_null(strstr(told.text, "example.replace@correct"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_syscall_user_dispatch_it_says_which_kernel_has_it_and_exits_3),
		cmocka_unit_test(test_without_landlock_it_says_so_and_goes_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
