/* hangs.c: see hangs.h. */
#include "hangs.h"

#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "../injectors/faults.h"

/* After so many hangs it is tried as seldom as it ever is. */
#define SELDOM_BITS 16u

/* Programs tell classes of errors apart, and of what has no class each. */
static uint32_t kind_of_value(const struct torn_fault *fault)
{
	const int number = (int)fault->value;
	switch (fault->name) {
	case TORN_FAULT_ERRNO:
	case TORN_FAULT_STICKY:
	case TORN_FAULT_LATE:
		return torn_errno_class(number) == TORN_ERRNO_OTHER
			       ? TORN_ERRNO_CLASS_COUNT + (uint32_t)number
			       : torn_errno_class(number);
	default:
		return (uint32_t)number;
	}
}

/* Where the first `count` faults stand, and what they are. */
static uint64_t hash_of_faults(const struct torn_plan *plan, uint32_t count, uint64_t world)
{
	uint32_t places[TORN_FAULTS_MAX][5];
	for (uint32_t i = 0; i < count; i++) {
		const struct torn_fault *fault = &plan->faults[i];
		const uint32_t place[5] = {fault->when.first, fault->when.last, fault->when.step,
					   (uint32_t)fault->call << 8 | fault->name,
					   kind_of_value(fault)};
		memcpy(places[i], place, sizeof place);
	}
	const uint64_t hash = XXH3_64bits_withSeed(places, count * sizeof *places, world);
	return hash ? hash : 1;
}

static uint64_t hash_of_kind(const struct torn_fault *fault)
{
	const uint32_t kind[3] = {fault->call, fault->name, kind_of_value(fault)};
	const uint64_t hash = XXH3_64bits(kind, sizeof kind);
	return hash ? hash : 1;
}

void torn_hangs_note(struct torn_hangs *hangs, uint64_t world, const struct torn_plan *plan,
		     uint32_t ops)
{
	const uint64_t here = hash_of_faults(plan, plan->faults_count, world);
	const uint64_t kind = hash_of_kind(&plan->faults[plan->faults_count - 1]);
	const size_t at = here % TORN_HANGS_SLOTS, kind_at = kind % TORN_HANGS_SLOTS;
	hangs->here[at].hash = here;
	hangs->here[at].ops = ops;
	if (hangs->anywhere[kind_at].hash != kind)
		hangs->anywhere[kind_at].times = 0;
	hangs->anywhere[kind_at].hash = kind;
	hangs->anywhere[kind_at].times++;
}

bool torn_hangs_know(const struct torn_hangs *hangs, uint64_t world, const struct torn_plan *plan)
{
	for (uint32_t count = 1; count <= plan->faults_count; count++) {
		const uint64_t hash = hash_of_faults(plan, count, world);
		const size_t at = hash % TORN_HANGS_SLOTS;
		if (hangs->here[at].hash == hash &&
		    (count == plan->faults_count ||
		     plan->faults[count].when.first > hangs->here[at].ops))
			return true;
	}
	return false;
}

static uint32_t times_of(const struct torn_hangs *hangs, const struct torn_fault *fault)
{
	const uint64_t kind = hash_of_kind(fault);
	const size_t at = kind % TORN_HANGS_SLOTS;
	return hangs->anywhere[at].hash == kind ? hangs->anywhere[at].times : 0;
}

bool torn_hangs_expected(const struct torn_hangs *hangs, uint64_t world,
			 const struct torn_plan *plan)
{
	uint32_t times = 0;
	if (torn_hangs_know(hangs, world, plan))
		return true;
	for (uint32_t i = 0; i < plan->faults_count; i++)
		if (times_of(hangs, &plan->faults[i]) > times)
			times = times_of(hangs, &plan->faults[i]);
	const uint32_t bits = times < SELDOM_BITS ? times : SELDOM_BITS;
	/* The plan itself rolls the dice: nothing depends on what else was tried. */
	const uint64_t roll = hash_of_faults(plan, plan->faults_count, world);
	return (roll >> 32 & ((UINT64_C(1) << bits) - 1)) != 0;
}
