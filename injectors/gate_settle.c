/* gate_settle.c: what a run left behind in its process: told as leaks, and put back. */
#include <string.h>

#include "gate_internal.h"
#include "gate_mapping.h"
#include "gate_uring.h"

static void leak(struct torn_leak *leaks, uint32_t *count, struct torn_leak found)
{
	if (*count < TORN_LEAKS_MAX)
		leaks[*count] = found;
	++*count;
}

static void settle_descriptors(struct torn_gate *gate, struct torn_leak *leaks, uint32_t *count)
{
	struct torn_view *view = &gate->recorder->view;
	for (int fd = 0; fd < view->fds->end; fd++) {
		const struct torn_description *description = torn_view_fd(view, fd);
		if (!description)
			continue;
		bool standard = fd <= 2 && view->fds->number[fd] == fd + 1;
		if (standard)
			continue;
		struct torn_leak found = {.what = "descriptor", .op = description->op};
		snprintf(found.detail, sizeof found.detail, "descriptor %d on %s%.*s is still open", fd,
			 description->class == TORN_FD_ROOT    ? "/"
			 : description->class == TORN_FD_URING ? "a ring of io_uring"
							       : "a pipe or device",
			 (int)description->path.size, (const char *)description->path.data);
		leak(leaks, count, found);
		torn_raw(SYS_close, fd);
	}
	for (int fd = 0; fd <= 2; fd++) {
		if (view->fds->number[fd] == fd + 1)
			continue;
		struct torn_leak found = {.what = "descriptor"};
		snprintf(found.detail, sizeof found.detail, "descriptor %d is not what it was", fd);
		leak(leaks, count, found);
		torn_raw(SYS_dup2, TORN_FD_NULL, fd);
	}
}

/* Stores into them would be into the next run's files. */
static void settle_mappings(struct torn_gate *gate, struct torn_leak *leaks, uint32_t *count)
{
	const struct torn_view *view = &gate->recorder->view;
	for (uint32_t i = 0; i < view->mappings_count; i++) {
		const struct torn_mapping *mapping = &view->mappings[i];
		struct torn_leak found = {.what = "mapping", .op = mapping->op};
		snprintf(found.detail, sizeof found.detail, "%lu bytes of /%.*s are still mapped",
			 mapping->size, (int)mapping->path.size, (const char *)mapping->path.data);
		leak(leaks, count, found);
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

uint32_t torn_gate_settle(struct torn_gate *gate, struct torn_leak leaks[TORN_LEAKS_MAX])
{
	struct torn_view *view = &gate->recorder->view;
	uint32_t count = 0;
	settle_descriptors(gate, leaks, &count);
	torn_uring_forget(gate);
	settle_mappings(gate, leaks, &count);
	if (view->cwd != TORN_FOLD_ROOT) {
		struct torn_leak found = {.what = "working directory"};
		struct torn_bytes path = torn_view_object_path(view, view->cwd);
		snprintf(found.detail, sizeof found.detail, "the working directory is /%.*s, it was /",
			 (int)path.size, (const char *)path.data);
		leak(leaks, &count, found);
	}
	if (view->umask != 022) {
		struct torn_leak found = {.what = "umask"};
		snprintf(found.detail, sizeof found.detail, "the umask is %04o, it was 0022", view->umask);
		leak(leaks, &count, found);
	}
	if (gate->mask_after != gate->mask_before) {
		struct torn_leak found = {.what = "signal mask"};
		snprintf(found.detail, sizeof found.detail,
			 "the mask of blocked signals is %#lx, it was %#lx", gate->mask_after,
			 gate->mask_before);
		leak(leaks, &count, found);
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
	return count > TORN_LEAKS_MAX ? TORN_LEAKS_MAX : count;
}
