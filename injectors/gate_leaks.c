/* gate_leaks.c: see gate_leaks.h. */
#include "gate_leaks.h"

#include <stdarg.h>

void torn_leak(struct torn_leaks *leaks, const char *what, uint32_t op, const char *detail, ...)
{
	va_list args;
	if (leaks->count++ >= TORN_LEAKS_MAX)
		return;
	struct torn_leak *leak = &leaks->found[leaks->count - 1];
	*leak = (struct torn_leak){.what = what, .op = op};
	va_start(args, detail);
	vsnprintf(leak->detail, sizeof leak->detail, detail, args);
	va_end(args);
}

bool torn_leak_is_standard(const struct torn_view *view, int fd)
{
	return fd <= 2 && view->fds->number[fd] == (uint32_t)fd + 1;
}

void torn_leak_descriptors(struct torn_leaks *leaks, struct torn_view *view)
{
	for (int fd = 0; fd < view->fds->end; fd++) {
		const struct torn_description *description = torn_view_fd(view, fd);
		if (!description || torn_leak_is_standard(view, fd))
			continue;
		torn_leak(leaks, "descriptor", description->op, "descriptor %d on %s%.*s is still open", fd,
			  description->class == TORN_FD_ROOT    ? "/"
			  : description->class == TORN_FD_URING ? "a ring of io_uring"
								: "a pipe or device",
			  (int)description->path.size, (const char *)description->path.data);
	}
	for (int fd = 0; fd <= 2; fd++)
		if (!torn_leak_is_standard(view, fd))
			torn_leak(leaks, "descriptor", 0, "descriptor %d is not what it was", fd);
}

void torn_leak_place(struct torn_leaks *leaks, struct torn_view *view)
{
	if (view->cwd == 0)
		torn_leak(leaks, "working directory", 0, "the working directory is outside, it was /");
	else if (view->cwd != TORN_FOLD_ROOT) {
		const struct torn_bytes path = torn_view_object_path(view, view->cwd);
		torn_leak(leaks, "working directory", 0, "the working directory is /%.*s, it was /", (int)path.size,
			  (const char *)path.data);
	}
	if (view->umask != 022)
		torn_leak(leaks, "umask", 0, "the umask is %04o, it was 0022", view->umask);
}
