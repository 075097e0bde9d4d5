/* trace_filter.c: see trace_filter.h. */
#include "trace_filter.h"

#include <errno.h>
#include <linux/netlink.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"

#define NUMBERS_MAX 512

enum torn_traced torn_traced_way(long number)
{
	static const uint8_t ways[NUMBERS_MAX] = {
#define TRACED(name, call_number, way) [call_number] = TORN_TRACED_##way,
#include "traced.def"
	};
	return number >= 0 && number < NUMBERS_MAX ? ways[number] : TORN_TRACED_UNKNOWN;
}

/* Calls that the gate answers in process, and that a process in namespaces of its own may make. */
static bool stops(enum torn_call call)
{
	switch ((enum torn_class)torn_call_row(call)->class) {
	case TORN_CLASS_FILE:
	case TORN_CLASS_RUNTIME:
	case TORN_CLASS_REFUSED:
		break;
	case TORN_CLASS_PASS:
		return call == TORN_CALL_futex;
	case TORN_CLASS_PROCESS:
		return call != TORN_CALL_exit_group && call != TORN_CALL_execve &&
		       call != TORN_CALL_execveat;
	case TORN_CLASS_VIRTUAL:
		switch (call) {
		case TORN_CALL_umask:
		case TORN_CALL_time:
		case TORN_CALL_gettimeofday:
		case TORN_CALL_clock_gettime:
		case TORN_CALL_nanosleep:
		case TORN_CALL_clock_nanosleep:
		case TORN_CALL_pause:
		case TORN_CALL_poll:
		case TORN_CALL_ppoll:
		case TORN_CALL_getrandom:
		case TORN_CALL_kill:
		case TORN_CALL_tkill:
		case TORN_CALL_tgkill:
		case TORN_CALL_io_uring_setup:
		case TORN_CALL_io_uring_enter:
		case TORN_CALL_io_uring_register:
		case TORN_CALL_point:
			return true;
		default:
			return false;
		}
	case TORN_CLASS_UNKNOWN:
		return false;
	}
	switch (call) {
	case TORN_CALL_socketpair:
	case TORN_CALL_fadvise64:
	case TORN_CALL_readahead:
	case TORN_CALL_getcwd: /* it says what it is: the copy is where the original was */
		return false;
	default:
		return true;
	}
}

/* Only a shared mapping of a file that can be stored into changes one. */
static int pass_most_mmaps(scmp_filter_ctx filter)
{
	int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				 SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_WRITE, 0));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				     SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_TYPE, MAP_PRIVATE));
	if (r == 0)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				     SCMP_A3(SCMP_CMP_MASKED_EQ, MAP_ANONYMOUS, MAP_ANONYMOUS));
	return r;
}

/* Calls that pass but for one argument: what is no local socket, what changes the tracer, what hides from it. */
static int pass_with_exceptions(scmp_filter_ctx filter)
{
	/* The network namespace has nobody in it. */
	static const int families[] = {AF_UNIX, AF_INET, AF_INET6};
	int r = 0;
	for (size_t i = 0; r == 0 && i < sizeof families / sizeof *families; i++)
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				     SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i]));
	if (r == 0) /* audit's is the machine's, or the trial's own */
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK),
				     SCMP_A2(SCMP_CMP_NE, NETLINK_AUDIT));
	if (r == 0) /* pid 1 is the tracer */
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A0(SCMP_CMP_NE, 1));
	if (r == 0) /* else its /proc belongs to root: PR_SET_DUMPABLE */
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
				     SCMP_A0(SCMP_CMP_NE, PR_SET_DUMPABLE));
	if (r == 0) /* SECCOMP_FILTER_FLAG_NEW_LISTENER: a filter of its own would come before the tracer's */
		r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(seccomp), 1,
				     SCMP_A1(SCMP_CMP_MASKED_EQ, 8, 0));
	return r;
}

static bool has_exceptions(long number)
{
	return number == SYS_socket || number == SYS_prlimit64 || number == SYS_prctl || number == SYS_seccomp;
}

static int add_rules(scmp_filter_ctx filter)
{
	int r = pass_most_mmaps(filter);
	if (r == 0)
		r = pass_with_exceptions(filter);
	for (int number = 0; r == 0 && number < NUMBERS_MAX; number++) {
		const enum torn_call call = torn_call_numbered(number);
		if (call == TORN_CALL_mmap || call == TORN_CALL_store || has_exceptions(number))
			continue;
		const bool passes = call != TORN_CALL_NONE ? !stops(call)
							   : torn_traced_way(number) == TORN_TRACED_PASS;
		if (passes)
			r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	}
	return r;
}

static int take_program(scmp_filter_ctx filter, struct sock_fprog *ret_program)
{
	const int fd = memfd_create("filter", MFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = seccomp_export_bpf(filter, fd);
	const off_t size = r < 0 ? 0 : lseek(fd, 0, SEEK_END);
	struct sock_filter *code = size > 0 ? malloc((size_t)size) : NULL;
	if (r == 0 && (!code || pread(fd, code, (size_t)size, 0) != size))
		r = -ENOMEM;
	close(fd);
	if (r < 0) {
		free(code);
		return r;
	}
	*ret_program = (struct sock_fprog){(unsigned short)((size_t)size / sizeof *code), code};
	return 0;
}

int torn_trace_filter_make(struct sock_fprog *ret_program)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRACE(0));
	if (!filter)
		return -ENOMEM;
	/* 32-bit calls and x32 stop, too: the tracer refuses them and says so. */
	int r = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_TRACE(TORN_FILTER_FOREIGN));
	if (r == 0)
		r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree, not a list */
	if (r == 0)
		r = add_rules(filter);
	if (r == 0)
		r = take_program(filter, ret_program);
	seccomp_release(filter);
	return r;
}
