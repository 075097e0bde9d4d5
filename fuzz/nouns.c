/* nouns.c: the few functions that the nouns of torn.h need for themselves. */
#include "torn.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct torn_bytes torn_bytes_of(const char *text)
{
	return (struct torn_bytes){(const uint8_t *)text, strlen(text)};
}

bool torn_bytes_equal(struct torn_bytes a, struct torn_bytes b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int torn_bytes_compare(struct torn_bytes a, struct torn_bytes b)
{
	const size_t shorter = a.size < b.size ? a.size : b.size;
	const int order = shorter ? memcmp(a.data, b.data, shorter) : 0;
	if (order != 0)
		return order;
	return (a.size > b.size) - (a.size < b.size);
}

const struct torn_op *torn_log_op(const struct torn_log *log, uint32_t number)
{
	for (uint32_t i = number > 0 ? number - 1 : log->count; i < log->count; i++)
		if (log->ops[i].number == number)
			return &log->ops[i];
	return NULL;
}

uint32_t torn_plan_runs_before(const struct torn_plan *plan)
{
	uint32_t count = 0;
	while ((plan = plan->before))
		count++;
	return count;
}

uint32_t torn_plan_faults(const struct torn_plan *plan)
{
	uint32_t count = 0;
	for (; plan; plan = plan->before)
		for (uint32_t i = 0; i < plan->faults_count; i++)
			count += plan->faults[i].name != TORN_FAULT_KILL;
	return count;
}

const struct torn_fault *torn_plan_small_disk(const struct torn_plan *plan)
{
	for (uint32_t i = 0; i < plan->faults_count; i++)
		if (plan->faults[i].name == TORN_FAULT_FULL && plan->faults[i].value)
			return &plan->faults[i];
	return NULL;
}

const char *torn_plan_disk(const struct torn_plan *plan)
{
	for (; plan; plan = plan->before)
		if (plan->cut.disk)
			return plan->cut.disk;
	return NULL;
}

const char *torn_verdict_name(enum torn_verdict verdict)
{
	static const char *const names[TORN_VERDICT_COUNT] = {
		[TORN_HELD] = "HELD",
		[TORN_VIOLATED] = "VIOLATED",
		[TORN_SKIPPED] = "SKIPPED",
		[TORN_INVALID] = "INVALID",
	};
	assert(verdict < TORN_VERDICT_COUNT);
	return names[verdict];
}

struct torn_bytes torn_run_arg(const struct torn_run *run, const char *name)
{
	for (size_t i = 0; i < run->args_count; i++)
		if (strcmp(run->args[i].name, name) == 0)
			return run->args[i].value;
	assert(!"a target asked for an argument that it does not declare");
	abort();
}

const char *torn_run_text(const struct torn_run *run, const char *name)
{
	/* Values lie in an arena, with a NUL behind them. */
	return (const char *)torn_run_arg(run, name).data;
}
