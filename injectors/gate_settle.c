/* gate_settle.c: what a run left behind in its process: told as leaks, and put back. */
#include "gate_internal.h"
#include "gate_leaks.h"
#include "gate_mapping.h"
#include "gate_uring.h"

static void settle_descriptors(struct torn_gate *gate, struct torn_leaks *leaks)
{
	struct torn_view *view = &gate->recorder->view;
	torn_leak_descriptors(leaks, view);
	for (int fd = 0; fd < view->fds->end; fd++)
		if (torn_view_fd(view, fd) && !torn_leak_is_standard(view, fd))
			torn_raw(SYS_close, fd);
	for (int fd = 0; fd <= 2; fd++)
		if (!torn_leak_is_standard(view, fd))
			torn_raw(SYS_dup2, TORN_FD_NULL, fd);
}

/* Stores into them would be into the next run's files. */
static void settle_mappings(struct torn_gate *gate, struct torn_leaks *leaks)
{
	const struct torn_view *view = &gate->recorder->view;
	for (uint32_t i = 0; i < view->mappings_count; i++) {
		const struct torn_mapping *mapping = &view->mappings[i];
		torn_leak(leaks, "mapping", mapping->op, "%lu bytes of /%.*s are still mapped", mapping->size,
			  (int)mapping->path.size, (const char *)mapping->path.data);
	}
	torn_gate_unmap_all(gate);
}

/* Ignoring a signal drops it where it waits: sigaction(2), POSIX. */
static void drop_pending(void)
{
	uint64_t pending = 0;
	torn_raw(SYS_rt_sigpending, &pending, sizeof pending);
	for (int number = 1; number < TORN_SIGNALS; number++) {
		if (!(pending & (UINT64_C(1) << (number - 1))))
			continue;
		const struct torn_kernel_action ignore = {.handler = (uintptr_t)SIG_IGN};
		struct torn_kernel_action before;
		torn_raw(SYS_rt_sigaction, number, &ignore, &before, sizeof before.mask);
		torn_raw(SYS_rt_sigaction, number, &before, NULL, sizeof before.mask);
	}
}

uint32_t torn_gate_settle(struct torn_gate *gate, struct torn_leak found[TORN_LEAKS_MAX])
{
	struct torn_leaks leaks = {.found = found};
	settle_descriptors(gate, &leaks);
	torn_uring_forget(gate);
	settle_mappings(gate, &leaks);
	torn_leak_place(&leaks, &gate->recorder->view);
	if (gate->mask_after != gate->mask_before) {
		torn_leak(&leaks, "signal mask", 0, "the mask of blocked signals is %#lx, it was %#lx",
			  gate->mask_after, gate->mask_before);
		drop_pending();
	}
	for (int number = 1; gate->actions_touched && number < TORN_SIGNALS; number++)
		if (gate->actions_touched & (UINT64_C(1) << (number - 1)))
			torn_raw(SYS_rt_sigaction, number, &gate->actions_before[number], NULL,
				 sizeof(uint64_t));
	gate->actions_touched = 0;
	/* After the actions: what waited would run a handler of the target's, ungated. */
	if (gate->mask_after != gate->mask_before)
		torn_raw(SYS_rt_sigprocmask, SIG_SETMASK, &gate->mask_before, NULL,
			 sizeof gate->mask_before);
	if (gate->altstack_touched)
		torn_raw(SYS_sigaltstack, &gate->altstack_before, NULL);
	gate->altstack_touched = false;
	return leaks.count > TORN_LEAKS_MAX ? TORN_LEAKS_MAX : leaks.count;
}
