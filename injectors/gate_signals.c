/*
 * gate_signals.c: a target's signals. Its dispositions are the kernel's (but for
 * SIGSYS, which it only believes to change), its mask is edited in the context
 * that our own handler returns to, and it can reach nobody but itself.
 */
#include <errno.h>
#include <string.h>

#include "gate_internal.h"

static void *user(uint64_t address)
{
	return (void *)(uintptr_t)address; /* NOLINT: an address that the target passed */
}

static bool can_be_handled(int number)
{
	return number >= 1 && number < TORN_SIGNALS && number != SIGKILL && number != SIGSTOP;
}

static void note_disposition(struct torn_gate *gate, int number, uintptr_t handler)
{
	const uint64_t bit = number < 64 ? UINT64_C(1) << number : 0;
	gate->handled &= ~bit;
	gate->ignored &= ~bit;
	if (handler == (uintptr_t)SIG_IGN)
		gate->ignored |= bit;
	else if (handler != (uintptr_t)SIG_DFL)
		gate->handled |= bit;
	gate->recorder->log.handled |= gate->handled;
}

long torn_gate_set_action(struct torn_gate *gate, const struct torn_request *request)
{
	const int number = (int)request->arg[0];
	const struct torn_kernel_action *action = user(request->arg[1]);
	struct torn_kernel_action *old = user(request->arg[2]);
	if (number == SIGSYS) { /* it only believes so: without SIGSYS it would die at its next call */
		struct torn_kernel_action before = gate->sigsys;
		if (action)
			gate->sigsys = *action;
		if (old)
			*old = before;
		return 0;
	}
	/* A handler that blocks SIGSYS while it runs would die at its first call. */
	struct torn_kernel_action installed = action ? *action : (struct torn_kernel_action){0};
	installed.mask &= ~(UINT64_C(1) << (SIGSYS - 1));
	struct torn_kernel_action before;
	long r = torn_raw(SYS_rt_sigaction, number, action ? &installed : NULL, &before,
			  request->arg[3]);
	if (r < 0)
		return r;
	if (old)
		*old = before;
	if (action && can_be_handled(number)) {
		const uint64_t bit = UINT64_C(1) << (number - 1);
		if (!(gate->actions_touched & bit))
			gate->actions_before[number] = before;
		gate->actions_touched |= bit;
		note_disposition(gate, number, action->handler);
	}
	return 0;
}

/* A planned signal that was blocked arrives at last: the run ends after the op before. */
static void die_of_waiting(struct torn_gate *gate, int number)
{
	struct torn_recorder *recorder = gate->recorder;
	struct torn_armed *armed = &recorder->armed;
	gate->waiting &= ~(UINT64_C(1) << number);
	for (uint32_t i = 0; i < armed->plan->faults_count; i++)
		if (armed->plan->faults[i].name == TORN_FAULT_SIGNAL && armed->acted[i] &&
		    armed->plan->faults[i].value == number)
			armed->last_op[i] = recorder->log.numbered;
	for (uint32_t i = recorder->log.count; i-- > 0;)
		if (recorder->log.ops[i].number == recorder->log.numbered) {
			recorder->log.ops[i].flags |= TORN_OP_FATAL;
			break;
		}
}

/* The kernel's mask in the saved context is what will be in force when we return. */
long torn_gate_set_mask(struct torn_gate *gate, const struct torn_request *request,
		     ucontext_t *context)
{
	const uint64_t sigsys = UINT64_C(1) << (SIGSYS - 1);
	uint64_t *mask = (uint64_t *)(void *)&context->uc_sigmask;
	const uint64_t *set = user(request->arg[1]);
	uint64_t *old = user(request->arg[2]);
	if (request->arg[3] != sizeof *mask)
		return -EINVAL;
	const uint64_t before = *mask | (gate->sigsys_blocked ? sigsys : 0);
	if (set) {
		gate->mask_touched = true;
		uint64_t after;
		switch ((int)request->arg[0]) {
		case SIG_BLOCK:
			after = before | *set;
			break;
		case SIG_UNBLOCK:
			after = before & ~*set;
			break;
		case SIG_SETMASK:
			after = *set;
			break;
		default:
			return -EINVAL;
		}
		after &= ~((UINT64_C(1) << (SIGKILL - 1)) | (UINT64_C(1) << (SIGSTOP - 1)));
		for (int number = 1; gate->waiting & ~(after << 1) && number < 64; number++)
			if ((gate->waiting & ~(after << 1)) & (UINT64_C(1) << number))
				die_of_waiting(gate, number);
		gate->sigsys_blocked = after & sigsys;
		*mask = after & ~sigsys;
		gate->mask_after = after;
	}
	if (old)
		*old = before;
	return 0;
}

long torn_gate_set_altstack(struct torn_gate *gate, const struct torn_request *request,
			 ucontext_t *context)
{
	gate->altstack_touched = true;
	stack_t *old = user(request->arg[1]);
	stack_t before = context->uc_stack;
	if (before.ss_size == 0) /* the kernel saves 0 where none was ever set (__save_altstack) */
		before.ss_flags = SS_DISABLE;
	if (request->arg[0])
		context->uc_stack = *(const stack_t *)user(request->arg[0]);
	if (old)
		*old = before;
	return 0;
}

/* Only itself can be reached: whatever else a number means, it is not ours to signal. */
long torn_gate_send_signal(struct torn_gate *gate, const struct torn_request *request)
{
	const bool tgkill = request->call == TORN_CALL_tgkill;
	const int whom = (int)request->arg[tgkill ? 1 : 0];
	const int number = (int)request->arg[tgkill ? 2 : 1];
	const bool is_group = request->call == TORN_CALL_kill &&
			      (whom == 0 || whom == -TORN_VIRTUAL_PID);
	if (whom != TORN_VIRTUAL_PID && !is_group)
		return -ESRCH;
	if (number == SIGSYS || number == 0)
		return number == 0 ? 0 : -EPERM;
	return torn_raw(SYS_tgkill, gate->host_pid, gate->host_tid, number);
}

void torn_gate_signal(struct torn_gate *gate, struct torn_op *op, int number)
{
	/* As it is now: SA_RESETHAND takes a handler away without a call. */
	struct torn_kernel_action action = {0};
	torn_raw(SYS_rt_sigaction, number, NULL, &action, sizeof action.mask);
	const bool is_default = action.handler == (uintptr_t)SIG_DFL;
	uint64_t blocked = gate->mask_now;
	if (gate->by_jump)
		torn_raw(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &blocked, sizeof blocked);
	if (!is_default && action.handler != (uintptr_t)SIG_IGN && gate->by_jump)
		gate->signal_pending = number;
	else if (!is_default && action.handler != (uintptr_t)SIG_IGN)
		/* All signals wait while we answer: it arrives when the target goes on. */
		torn_raw(SYS_tgkill, gate->host_pid, gate->host_tid, number);
	else if (!is_default || number == SIGCHLD || number == SIGURG || number == SIGWINCH ||
		 number == SIGCONT)
		return; /* signal(7): ignored */
	else if (blocked & (UINT64_C(1) << (number - 1)))
		gate->waiting |= UINT64_C(1) << number;
	else
		op->flags |= TORN_OP_FATAL;
}
