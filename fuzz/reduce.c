/* reduce.c: see reduce.h. */
#include "reduce.h"

#include <errno.h>
#include <stdlib.h>

#include "findings.h"

const struct torn_op *torn_log_nearest(const struct torn_log *log, enum torn_call call,
				       uint32_t number, uint32_t after)
{
	const struct torn_op *best = NULL;
	for (uint32_t i = 0; i < log->count; i++) {
		const struct torn_op *op = &log->ops[i];
		if (op->number <= after || (call != TORN_CALL_NONE && op->call != call))
			continue;
		if (!best || abs((int)op->number - (int)number) < abs((int)best->number - (int)number))
			best = op;
	}
	return best;
}

/*
 * The plan without one fault. Without it the run is another one: the faults
 * behind it are placed anew, at the nearest op of their call. Returns 1; 0
 * where there is none; -EPROTO.
 */
static int without(struct torn_observer *observer, struct torn_observed_world *world,
		   const struct torn_plan *plan, uint32_t index, struct torn_plan *ret_less)
{
	struct torn_plan less = *plan;
	less.faults_count = index;
	for (uint32_t i = index + 1; i < plan->faults_count; i++) {
		struct torn_trial trial;
		struct torn_plan run = less;
		const int r = torn_observer_run(observer, world, &run, false, &trial);
		if (r != TORN_HELD)
			return r == -EPROTO ? r : 0;
		struct torn_fault fault = plan->faults[i];
		const uint32_t after = less.faults_count
					       ? less.faults[less.faults_count - 1].when.first : 0;
		const struct torn_op *op =
			torn_log_nearest(trial.log, fault.call, fault.when.first, after);
		if (!op)
			return 0;
		if (fault.when.last != UINT32_MAX)
			fault.when.last += op->number - fault.when.first;
		fault.when.first = op->number;
		less.faults[less.faults_count++] = fault;
	}
	*ret_less = less;
	return 1;
}

/* Once, and an error that comes once, is simpler than again and again. */
static struct torn_plan with_simpler(const struct torn_plan *plan, uint32_t index)
{
	struct torn_plan simpler = *plan;
	struct torn_fault *fault = &simpler.faults[index];
	fault->when = (struct torn_when){fault->when.first, fault->when.first, 0};
	if (fault->name == TORN_FAULT_STICKY)
		fault->name = TORN_FAULT_ERRNO;
	return simpler;
}

static bool is_simple(const struct torn_fault *fault)
{
	return fault->name != TORN_FAULT_STICKY && fault->when.first == fault->when.last;
}

int torn_reduce_to(struct torn_observer *observer, struct torn_observed_world *world,
		   const struct torn_plan *other, struct torn_plan *plan, struct torn_seen *seen)
{
	struct torn_plan run = *other;
	const int r = torn_observer_see(observer, world, &run, seen->ended.op ? &seen->ended : NULL);
	const struct torn_seen *still =
		r == TORN_HELD ? torn_sighting_find(&observer->sighting,
						    torn_judgement_id(seen->invariant, &seen->judgement),
						    seen->judgement.role)
			       : NULL;
	if (!still)
		return r == -EPROTO ? r : 0;
	*seen = *still;
	*plan = run;
	return 1;
}

/* What a run shows without a fault was told of that, but not what comes after one of its kills. */
static uint32_t fewest(const struct torn_seen *seen)
{
	return seen->ended.op ? 0 : 1;
}

int torn_reduce(struct torn_observer *observer, struct torn_observed_world *world,
		struct torn_plan *plan, struct torn_seen *seen)
{
	int r = 0;
	for (uint32_t i = 0; r >= 0 && plan->faults_count > fewest(seen) && i < plan->faults_count;) {
		struct torn_plan less;
		r = without(observer, world, plan, i, &less);
		if (r > 0)
			r = torn_reduce_to(observer, world, &less, plan, seen);
		i = r > 0 ? 0 : i + 1;
	}
	for (uint32_t i = 0; r >= 0 && i < plan->faults_count; i++) {
		if (is_simple(&plan->faults[i]))
			continue;
		const struct torn_plan simpler = with_simpler(plan, i);
		r = torn_reduce_to(observer, world, &simpler, plan, seen);
	}
	return r < 0 ? r : 0;
}
