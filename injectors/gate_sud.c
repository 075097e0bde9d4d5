/*
 * gate_sud.c: the crossing. A call of the target raises SIGSYS, is taken apart,
 * and is answered; then the target goes on as after any system call.
 *
 * Traps of this mechanism, measured, and where each is closed:
 *   - the kernel's return from our own handler (rt_sigreturn) would cross too:
 *     our restorer lies in the range that is never dispatched;
 *   - a handler of the target returns through libc's restorer, which crosses:
 *     it is sent to our sigreturn stub instead (below);
 *   - rt_sigprocmask and sigaltstack are undone by our own sigreturn: the saved
 *     context is edited (gate_process.c);
 *   - SIGSYS blocked, ignored or handled by the target ends the process at its
 *     next call: the target only believes that it did so (gate_process.c);
 *   - handlers that a sanitizer or a fuzzer set before run with the gate closed:
 *     they are wrapped, and open it while they run;
 *   - the vDSO never crosses: vdso.c.
 *
 * Assumes one armed thread. Compiled without sanitizers: the handler runs on
 * the target's stack in the middle of anything.
 */
#include <errno.h>
#include <linux/audit.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "gate_internal.h"
#include "gate_jump.h"
#include "gate_mapping.h"
#include "points.h"
#include "vdso.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_ON 1
#endif
#define SELECTOR_ALLOW 0
#define SELECTOR_BLOCK 1

static volatile char selector = SELECTOR_ALLOW;
static struct torn_gate the_gate;

/*
 * The range that is never dispatched: the way back from a signal handler, and
 * the signal that a plan sends while the gate is closed.
 */
__asm__(".text\n"
	".balign 16\n"
	".globl torn_gate_restorer\n"
	".hidden torn_gate_restorer\n"
	"torn_gate_restorer:\n"
	"	movl $15, %eax\n" /* rt_sigreturn */
	"	syscall\n"
	"	nop\n"
	".balign 16\n"
	".globl torn_gate_tgkill\n"
	".hidden torn_gate_tgkill\n"
	"torn_gate_tgkill:\n"
	"	movl $234, %eax\n"
	"	syscall\n"
	"	ret\n"
	".balign 16\n"
	".globl torn_gate_restorer_end\n"
	".hidden torn_gate_restorer_end\n"
	"torn_gate_restorer_end:\n");
extern const char torn_gate_restorer[], torn_gate_restorer_end[];
long torn_gate_tgkill(long process, long thread, long number);

void torn_gate_disarm(void)
{
	selector = SELECTOR_ALLOW;
}

/* A sanitizer is about to report: what it writes is not the target's. */
void __asan_on_error(void);
void __asan_on_error(void)
{
	torn_gate_disarm();
}

void __ubsan_on_report(void);
void __ubsan_on_report(void)
{
	torn_gate_disarm();
}

long torn_gate_refuse(struct torn_gate *gate, enum torn_call call)
{
	torn_recorder_trouble(gate->recorder, TORN_TROUBLE_INCOMPLETE,
			      "calls %s, which would act on this machine: refused",
			      torn_call_name(call));
	return -EPERM;
}

static long cross(struct torn_gate *gate, long number, unsigned arch, const uint64_t arg[6],
		  ucontext_t *context)
{
	struct torn_recorder *recorder = gate->recorder;
	if (++recorder->log.crossings > TORN_CROSSINGS_MAX)
		torn_gate_die(gate, TORN_HUNG, TORN_HANG_CROSSINGS);
	if (arch != AUDIT_ARCH_X86_64) {
		torn_recorder_trouble(recorder, TORN_TROUBLE_INCOMPLETE,
				      "32-bit system call %ld: refused", number);
		return -ENOSYS;
	}
	if (context)
		memcpy(&gate->mask_now, &context->uc_sigmask, sizeof gate->mask_now);
	enum torn_call call = torn_call_numbered(number);
	struct torn_request request;
	torn_request_decode(call, arg, &request);
	switch ((enum torn_class)torn_call_row(call)->class) {
	case TORN_CLASS_FILE:
		return torn_gate_file(gate, &request);
	case TORN_CLASS_VIRTUAL:
	case TORN_CLASS_PROCESS:
	case TORN_CLASS_PASS:
		return torn_gate_process(gate, &request, context);
	case TORN_CLASS_RUNTIME:
		return torn_gate_runtime(gate, &request);
	case TORN_CLASS_REFUSED:
		return torn_gate_refuse(gate, call);
	case TORN_CLASS_UNKNOWN:
		break;
	}
	if (recorder->trouble == TORN_TROUBLE_NONE)
		recorder->trouble_number = number;
	torn_recorder_trouble(recorder, TORN_TROUBLE_INCOMPLETE,
			      "system call number %ld is not in calls.def", number);
	return -ENOSYS;
}

/* Calls that need the target's saved context, or that a signal may answer, come by signal only. */
static bool can_jump(long number)
{
	const enum torn_call call = torn_call_numbered(number);
	const struct torn_call_row *row = torn_call_row(call);
	if (row->class == TORN_CLASS_FILE)
		return true;
	switch (call) {
	case TORN_CALL_getrandom:
	case TORN_CALL_clock_gettime:
	case TORN_CALL_gettimeofday:
	case TORN_CALL_time:
	case TORN_CALL_getpid:
	case TORN_CALL_umask:
	case TORN_CALL_futex:
	case TORN_CALL_brk:
		return true;
	default:
		return false;
	}
}

/* Call a function with another stack pointer. */
static __attribute__((noinline)) void call_on(uintptr_t top, void (*function)(void *entry),
					      void *entry)
{
	__asm__ volatile("movq %%rsp, %%rbx\n"
			 "	movq %[top], %%rsp\n"
			 "	callq *%[function]\n"
			 "	movq %%rbx, %%rsp"
			 : "+D"(entry)
			 : [top] "r"(top), [function] "r"(function)
			 : "rax", "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "memory", "cc",
			   "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
			   "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

/*
 * The target's stack may be a small alternate one: calls are answered on a
 * stack of the gate's own. Never entered twice: signals wait meanwhile.
 */
static _Alignas(64) uint8_t gate_stack[128 << 10];

struct crossing {
	long number;
	unsigned arch;
	const uint64_t *arg;
	ucontext_t *context;
	long result;
};

static void cross_there(void *data)
{
	struct crossing *crossing = data;
	crossing->result = cross(&the_gate, crossing->number, crossing->arch, crossing->arg,
				 crossing->context);
}

static long cross_on_own_stack(long number, unsigned arch, const uint64_t arg[6], ucontext_t *context)
{
	struct crossing crossing = {number, arch, arg, context, 0};
	call_on((uintptr_t)gate_stack + sizeof gate_stack, cross_there, &crossing);
	return crossing.result;
}

/* From gate_jump.c: the same without a signal. */
long torn_gate_by_jump(long number, const uint64_t arg[6]) __attribute__((used));

long torn_gate_by_jump(long number, const uint64_t arg[6])
{
	selector = SELECTOR_ALLOW;
	the_gate.signal_pending = 0;
	the_gate.by_jump = true;
	const long result = cross_on_own_stack(number, AUDIT_ARCH_X86_64, arg, NULL);
	the_gate.by_jump = false;
	const int pending = the_gate.signal_pending;
	selector = SELECTOR_BLOCK;
	if (pending)
		torn_gate_tgkill(the_gate.host_pid, the_gate.host_tid, pending);
	return result;
}

static void on_sigsys(int signal_number, siginfo_t *info, void *data)
{
	(void)signal_number;
	ucontext_t *context = data;
	selector = SELECTOR_ALLOW;
	greg_t *registers = context->uc_mcontext.gregs;
	if (info->si_syscall == SYS_rt_sigreturn && info->si_arch == AUDIT_ARCH_X86_64) {
		/* A handler of the target returns: the frame at its stack pointer is the kernel's. */
		registers[REG_RIP] = (greg_t)(uintptr_t)torn_gate_restorer;
		/* Its handler may have written to that frame: SIGSYS is never blocked. */
		ucontext_t *frame = (ucontext_t *)(uintptr_t)registers[REG_RSP];
		sigdelset(&frame->uc_sigmask, SIGSYS);
		selector = SELECTOR_BLOCK;
		return;
	}
	const uint64_t arg[6] = {
		(uint64_t)registers[REG_RDI], (uint64_t)registers[REG_RSI],
		(uint64_t)registers[REG_RDX], (uint64_t)registers[REG_R10],
		(uint64_t)registers[REG_R8],  (uint64_t)registers[REG_R9],
	};
	registers[REG_RAX] = cross_on_own_stack(info->si_syscall, info->si_arch, arg, context);
	if (info->si_arch == AUDIT_ARCH_X86_64 && can_jump(info->si_syscall))
		torn_jump_change((uint64_t)registers[REG_RIP], info->si_syscall, &selector);
	selector = SELECTOR_BLOCK;
}

static int install_handler(void)
{
	/* All signals wait while a call is answered: a planned one arrives after it. */
	const struct torn_kernel_action action = {
		.handler = (uintptr_t)on_sigsys,
		.flags = SA_SIGINFO | SA_NODEFER | 0x04000000 /* SA_RESTORER */,
		.restorer = (uintptr_t)torn_gate_restorer,
		.mask = ~(UINT64_C(1) << (SIGSYS - 1)),
	};
	return (int)torn_raw(SYS_rt_sigaction, SIGSYS, &action, NULL, sizeof action.mask);
}

/* ------------------------------------------- handlers that were there before */

static struct torn_kernel_action wrapped[TORN_SIGNALS];

/*
 * A sanitizer's or a fuzzer's own handler (an alarm, a crash) may run while the
 * gate is closed: its calls are not the target's.
 */
static void run_open(int number, siginfo_t *info, void *context)
{
	const char before = selector;
	selector = SELECTOR_ALLOW;
	((void (*)(int, siginfo_t *, void *))wrapped[number].handler)(number, info, context);
	selector = before;
}

static int wrap_handlers(void)
{
	for (int number = 1; number < TORN_SIGNALS; number++) {
		struct torn_kernel_action *action = &wrapped[number];
		if (number == SIGSYS || number == SIGKILL || number == SIGSTOP ||
		    torn_raw(SYS_rt_sigaction, number, NULL, action, sizeof action->mask) < 0 ||
		    action->handler == (uintptr_t)SIG_DFL || action->handler == (uintptr_t)SIG_IGN ||
		    action->handler == (uintptr_t)run_open)
			continue;
		const struct torn_kernel_action wrapper = {
			.handler = (uintptr_t)run_open,
			.flags = action->flags | SA_SIGINFO | 0x04000000 /* SA_RESTORER */,
			.restorer = (uintptr_t)torn_gate_restorer,
			.mask = action->mask,
		};
		const long r = torn_raw(SYS_rt_sigaction, number, &wrapper, NULL, sizeof wrapper.mask);
		if (r < 0)
			return (int)r;
	}
	return 0;
}

/* A thread's own affair: a child of fork(2) begins without it. */
static int dispatch_this_thread(void)
{
	const long r = torn_raw(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON,
				torn_gate_restorer, torn_gate_restorer_end - torn_gate_restorer,
				&selector);
	return r == -EINVAL ? -ENOSYS : (int)r;
}

/*
 * Operations run on a stack of their own at a fixed address: mkstemp takes its
 * first name from the address of a local variable and the clock (tempname.c of
 * glibc 2.36, random_bits), so that names would change with every process.
 */
#define STACK_ADDRESS UINT64_C(0x6ffff0000000)
#define STACK_BYTES (8u << 20)

void __sanitizer_start_switch_fiber(void **save, const void *bottom, size_t size) __attribute__((weak));
void __sanitizer_finish_switch_fiber(void *save, const void **bottom, size_t *size) __attribute__((weak));

static int make_stack(void)
{
	static bool made;
	if (made)
		return 0;
	const long r = torn_raw(SYS_mmap, STACK_ADDRESS, STACK_BYTES, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	made = r >= 0;
	return r < 0 ? (int)r : 0;
}

struct entry {
	int (*operation)(const struct torn_run *run);
	const struct torn_run *run;
	int code;
};

static void enter(void *data)
{
	struct entry *entry = data;
	const void *bottom = NULL;
	size_t size = 0;
	if (__sanitizer_finish_switch_fiber)
		__sanitizer_finish_switch_fiber(NULL, &bottom, &size);
	selector = SELECTOR_BLOCK;
	entry->code = entry->operation(entry->run);
	selector = SELECTOR_ALLOW;
	if (__sanitizer_start_switch_fiber)
		__sanitizer_start_switch_fiber(NULL, bottom, size);
}

static int on_the_stack(int (*operation)(const struct torn_run *run), const struct torn_run *run)
{
	struct entry entry = {operation, run, 0};
	void *save = NULL;
	if (__sanitizer_start_switch_fiber)
		__sanitizer_start_switch_fiber(&save, (void *)STACK_ADDRESS, STACK_BYTES);
	call_on(STACK_ADDRESS + STACK_BYTES, enter, &entry);
	if (__sanitizer_finish_switch_fiber)
		__sanitizer_finish_switch_fiber(save, NULL, NULL);
	return entry.code;
}

/* A target must never run beside a gate that does not see it: see that a call crosses. */
static int probe(void)
{
	selector = SELECTOR_BLOCK;
	const long pid = torn_raw(SYS_getpid);
	selector = SELECTOR_ALLOW;
	return pid == TORN_VIRTUAL_PID ? 0 : -ENOSYS;
}

int torn_gate_follow(struct torn_gate *gate)
{
	gate->host_pid = (int)torn_raw(SYS_getpid);
	gate->host_tid = (int)torn_raw(SYS_gettid);
	const int r = dispatch_this_thread();
	return r < 0 ? r : probe();
}

int torn_gate_open(struct torn_recorder *recorder, int root_fd, struct torn_gate **ret_gate)
{
	struct torn_gate *gate = &the_gate;
	static struct torn_directories directories;
	directories = (struct torn_directories){.root_fd = root_fd, .view = &recorder->view};
	*gate = (struct torn_gate){.recorder = recorder, .directories = &directories};
	torn_raw(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &gate->mask_before, sizeof gate->mask_before);
	torn_raw(SYS_sigaltstack, NULL, &gate->altstack_before);
	int r = wrap_handlers();
	if (r == 0)
		r = install_handler();
	if (r == 0)
		r = torn_gate_follow(gate);
	if (r == 0)
		r = make_stack();
	if (r == 0)
		r = torn_vdso_patch();
	if (r == 0)
		r = torn_points_enable();
	if (r < 0)
		return r;
	*ret_gate = gate;
	return 0;
}

struct torn_directories *torn_gate_directories(struct torn_gate *gate)
{
	return gate->directories;
}

int torn_gate_run(struct torn_gate *gate, const struct torn_gate_run *what)
{
	struct torn_recorder *recorder = gate->recorder;
	int r = torn_recorder_begin(recorder, what->base, what->plan);
	if (r < 0)
		return r;
	gate->kill_for_real = what->kill_for_real;
	gate->handled = gate->ignored = gate->actions_touched = gate->waiting = 0;
	gate->sigsys = (struct torn_kernel_action){0};
	gate->sigsys_blocked = gate->mask_touched = false;
	gate->mask_after = gate->mask_before;

	recorder->running = true;
	int code = on_the_stack(what->operation, what->run);
	selector = SELECTOR_ALLOW;
	torn_gate_look_at_stores(gate, true);
	/* As it is, not as calls left it: a handler that was left by longjmp keeps its mask. */
	if (gate->actions_touched || gate->mask_touched)
		torn_raw(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &gate->mask_after,
			 sizeof gate->mask_after);
	if (gate->sigsys_blocked)
		gate->mask_after |= UINT64_C(1) << (SIGSYS - 1);
	recorder->running = false;
	recorder->end = TORN_RETURNED;
	recorder->code = code;
	return 0;
}

_Noreturn void torn_gate_kill(struct torn_gate *gate)
{
	torn_gate_take_back_stores(gate);
	gate->recorder->end = TORN_ENDED_BY_PLAN;
	gate->recorder->running = false;
	for (;;)
		torn_raw(SYS_kill, gate->host_pid, SIGKILL);
}

_Noreturn void torn_gate_die(struct torn_gate *gate, enum torn_end end, int code)
{
	torn_gate_look_at_stores(gate, true);
	gate->recorder->end = end;
	gate->recorder->code = code;
	gate->recorder->running = false;
	for (;;)
		torn_raw(SYS_exit_group, 0);
}
