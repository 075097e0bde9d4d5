/*
 * gate_internal.h: what the files of the in-process gate share: gate_sud.c (the
 * crossing), gate_files.c (calls on files), gate_process.c (identity, time,
 * processes), gate_signals.c, gate_uring.c, gate_settle.c (afterwards).
 */
#ifndef TORN_GATE_INTERNAL_H
#define TORN_GATE_INTERNAL_H

#include <signal.h>
#include <ucontext.h>

#include "gate.h"
#include "raw.h"

/* What the kernel takes for sigaction (rt_sigaction(2), C library/kernel differences). */
struct torn_kernel_action {
	uintptr_t handler;
	unsigned long flags;
	uintptr_t restorer;
	uint64_t mask;
};

#define TORN_SIGNALS 65
#define TORN_VIRTUAL_PID 4242
#define TORN_RINGS_MAX 16

/* A ring of io_uring: memory that the gate and the target both have; gate_uring.c. */
struct torn_ring {
	uint8_t *base; /* NULL: there is none */
	uint64_t bytes, indices_at, requests_at;
	uint32_t sq_entries, cq_entries; /* as the gate knows them, whatever the memory says */
	uint32_t flags;                  /* IORING_SETUP_ */
};

struct torn_gate {
	struct torn_recorder *recorder;
	struct torn_directories *directories;
	int host_pid, host_tid;
	bool kill_for_real;
	/* signals of the target */
	uint64_t handled;          /* a handler is set: bit S */
	uint64_t ignored;
	uint64_t actions_touched;  /* changed by this run */
	struct torn_kernel_action actions_before[TORN_SIGNALS];
	struct torn_kernel_action sigsys; /* what the target believes of SIGSYS */
	bool by_jump;              /* the call did not come by a signal: none waits */
	int signal_pending;        /* to be sent when the gate is closed again */
	uint64_t mask_before, mask_after;
	uint64_t mask_now;         /* in force where the call being answered came from */
	uint64_t waiting;          /* planned, deadly, and blocked by the target: bit S */
	bool sigsys_blocked;       /* it believes so */
	bool mask_touched, altstack_touched;
	stack_t altstack_before;
	struct torn_ring rings[TORN_RINGS_MAX];
};

/* End the process here and now; the recorder knows why. Never returns. */
_Noreturn void torn_gate_die(struct torn_gate *gate, enum torn_end end, int code);

/* Be killed, with nothing done but what the log says. Never returns. */
_Noreturn void torn_gate_kill(struct torn_gate *gate);

/* Perform a call of class FILE (any object) and return what the target is told. */
long torn_gate_file(struct torn_gate *gate, struct torn_request *request);
/* The same of class RUNTIME. */
long torn_gate_runtime(struct torn_gate *gate, struct torn_request *request);
/* A point of failure of the code under test: points.h. */
long torn_gate_point(struct torn_gate *gate, const struct torn_request *request);
/* EPERM, and the trial cannot be judged: the call would act on this machine. */
long torn_gate_refuse(struct torn_gate *gate, enum torn_call call);
/* The same for VIRTUAL, PROCESS and PASS; `context` is the target's. */
long torn_gate_process(struct torn_gate *gate, struct torn_request *request, ucontext_t *context);

/* gate_signals.c: rt_sigaction, rt_sigprocmask, sigaltstack, kill and its like. */
long torn_gate_set_action(struct torn_gate *gate, const struct torn_request *request);
long torn_gate_set_mask(struct torn_gate *gate, const struct torn_request *request,
			ucontext_t *context);
long torn_gate_set_altstack(struct torn_gate *gate, const struct torn_request *request,
			    ucontext_t *context);
long torn_gate_send_signal(struct torn_gate *gate, const struct torn_request *request);

/* A signal planned at an op: deliver it when the target goes on. */
void torn_gate_signal(struct torn_gate *gate, struct torn_op *op, int number);

#endif
