/*
 * trace_settle.c: what an operation left behind that returned, in the process that called it: as gate_settle.c
 * looks in process. Nothing is put back: the process ends, and the tracer ends all others.
 *
 * Not seen: a child that has ended and that nobody waited for; memory; the signal mask.
 */
#include "gate_leaks.h"
#include "trace_internal.h"

/* Processes and threads of its making go on by themselves, and act when nobody reckons with it. */
static void leak_processes(struct torn_tracer *tracer, struct torn_leaks *leaks)
{
	if (tracer->alive > 1)
		torn_leak(leaks, "process", 0, "%u %s that it started still run%s", tracer->alive - 1,
			  tracer->alive == 2 ? "process or thread" : "processes or threads",
			  tracer->alive == 2 ? "s" : "");
}

void torn_trace_settle(struct torn_tracer *tracer, struct torn_tracee *tracee)
{
	struct torn_leaks leaks = {.found = tracer->leaks};
	if (tracee->tid != tracer->main_pid)
		return;
	tracer->has_returned = true;
	torn_trace_enter_view(tracer, tracee);
	torn_leak_descriptors(&leaks, torn_trace_view(tracer));
	leak_processes(tracer, &leaks);
	torn_leak_place(&leaks, torn_trace_view(tracer));
	tracer->leaks_count = leaks.count > TORN_LEAKS_MAX ? TORN_LEAKS_MAX : leaks.count;
}

bool torn_tracer_returned(const struct torn_tracer *tracer, const struct torn_leak **ret_leaks, uint32_t *ret_count)
{
	*ret_leaks = tracer->leaks;
	*ret_count = tracer->leaks_count;
	return tracer->has_returned;
}
