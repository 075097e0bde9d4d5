/*
 * trace_filter.h: which system calls of a traced program stop it. A stop costs some
 * 5 us, so that the filter lets pass what changes no file, waits for nobody and
 * tells no time.
 */
#ifndef TORN_TRACE_FILTER_H
#define TORN_TRACE_FILTER_H

#include <linux/filter.h>

/* What the ptrace gate does with a call that calls.def has not: traced.def. */
enum torn_traced {
	TORN_TRACED_UNKNOWN,
	TORN_TRACED_PASS,
	TORN_TRACED_WAKES,
	TORN_TRACED_WAITS,
	TORN_TRACED_TIMER,
	TORN_TRACED_ABSENT,
	TORN_TRACED_REFUSED,
};

/* PTRACE_GETEVENTMSG's answer at a stop by a 32-bit or x32 call; 0 at others. */
#define TORN_FILTER_FOREIGN 1

enum torn_traced torn_traced_way(long number);

/*
 * Build the filter, once: the program is the caller's to free() (its `filter`). Returns 0; -ENOMEM or
 * -errno of libseccomp.
 */
int torn_trace_filter_make(struct sock_fprog *ret_program);

#endif
