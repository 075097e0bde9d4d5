/* gate_leaks.h: what a run has left in its process, as far as the view knows: in process, and of one that is traced. */
#ifndef TORN_GATE_LEAKS_H
#define TORN_GATE_LEAKS_H

#include "view.h"

/* What was found, the first TORN_LEAKS_MAX of it. */
struct torn_leaks {
	struct torn_leak *found;
	uint32_t count; /* of all */
};

/* "descriptor %d ...": detail is printf-like. */
void torn_leak(struct torn_leaks *leaks, const char *what, uint32_t op, const char *detail, ...)
	__attribute__((format(printf, 4, 5)));
/* Is it one of the three that a run begins with, and still what it was? */
bool torn_leak_is_standard(const struct torn_view *view, int fd);
void torn_leak_descriptors(struct torn_leaks *leaks, struct torn_view *view);
/* Working directory and umask. */
void torn_leak_place(struct torn_leaks *leaks, struct torn_view *view);

#endif
