/* mutate.c: see mutate.h. */
#include "mutate.h"

#include <errno.h>
#include <string.h>

#include "case.h"
#include "mutate_formats.h"

#define CHANGES_MAX 4u
#define ATTEMPTS_MAX 8u
#define BLOCK 4096u

struct torn_bytes torn_mutate_content(struct torn_mutation *mutation)
{
	/* Around the ends of what the page cache and file systems handle at once. */
	static const uint32_t sizes[] = {0,	    1,	       2,	  17,	     511,
					 BLOCK - 1, BLOCK,     BLOCK + 1, 2 * BLOCK, 2 * BLOCK + 5,
					 3 * BLOCK};
	struct torn_dice *dice = &mutation->dice;
	uint32_t size = torn_dice_chance(dice, 2, 3)
				? sizes[torn_dice_below(dice, 5)]
				: sizes[torn_dice_below(dice, sizeof sizes / sizeof *sizes)];
	uint8_t *bytes = torn_arena_take_raw(mutation->arena, size + 1);
	if (!bytes)
		return (struct torn_bytes){NULL, 0};
	const uint8_t first = (uint8_t)('a' + torn_dice_below(dice, 26));
	for (uint32_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i % 64 == 63 ? '\n' : first + i / BLOCK);
	if (size > 0 && torn_dice_chance(dice, 1, 8)) /* no text: a NUL, a byte that is no UTF-8 */
		bytes[torn_dice_below(dice, size)] = torn_dice_chance(dice, 1, 2) ? 0 : 0xff;
	bytes[size] = '\0';
	return (struct torn_bytes){bytes, size};
}

static bool same_faults(const struct torn_plan *a, const struct torn_plan *b)
{
	for (uint32_t i = 0; i < a->faults_count && i < b->faults_count; i++) {
		const struct torn_fault *one = &a->faults[i], *other = &b->faults[i];
		if (one->when.first != other->when.first || one->when.last != other->when.last ||
		    one->when.step != other->when.step || one->call != other->call ||
		    one->name != other->name || one->value != other->value)
			return false;
	}
	return a->faults_count == b->faults_count;
}

/* Not every op can be had, nor every fault at it. False: the plan is as it was. */
static bool change_faults(struct torn_mutation *mutation, struct torn_case *c)
{
	const struct torn_plan before = c->plan;
	for (unsigned attempts = 0; attempts < ATTEMPTS_MAX; attempts++) {
		torn_mutate_faults(mutation, c);
		if (!same_faults(&before, &c->plan))
			return true;
	}
	return false;
}

/*
 * Faults most often. From another old state the run is another one, in which the
 * faults are mostly at calls that they are not for: the search for them begins
 * anew.
 */
static void change(struct torn_mutation *mutation, struct torn_case *c)
{
	const uint32_t roll = torn_dice_below(&mutation->dice, 100);
	/* What parses has more to be asked. */
	const uint32_t of_faults = torn_mutate_knows_formats(mutation, c) ? 60 : 82;
	if (roll < of_faults && mutation->log && change_faults(mutation, c))
		return;
	if (roll < of_faults + (100 - of_faults) * 5 / 9 || !mutation->target->args)
		torn_mutate_olds(mutation, c);
	else
		torn_mutate_args(mutation, c);
	mutation->log = NULL; /* it is of another run */
	if (torn_dice_chance(&mutation->dice, 5, 6))
		c->plan.faults_count = 0;
}

static struct torn_case begin(const struct torn_case *c)
{
	struct torn_case changed = *c;
	changed.expect = TORN_EXPECT_NOTHING;
	changed.invariant = (struct torn_bytes){NULL, 0};
	return changed;
}

static int end(struct torn_mutation *mutation, struct torn_case *changed, struct torn_case *c)
{
	if (mutation->arena->failed)
		return -ENOMEM;
	torn_case_sort(changed);
	*c = *changed;
	return 0;
}

int torn_mutate(struct torn_mutation *mutation, struct torn_case *c)
{
	struct torn_case changed = begin(c);
	const struct torn_log *log = mutation->log;
	unsigned changes = 1;
	while (changes < CHANGES_MAX && torn_dice_chance(&mutation->dice, 1, 4))
		changes++;
	for (unsigned i = 0; i < changes; i++)
		change(mutation, &changed);
	mutation->log = log;
	return end(mutation, &changed, c);
}

int torn_mutate_cross(struct torn_mutation *mutation, struct torn_case *c,
		      const struct torn_case *other)
{
	struct torn_case changed = begin(c);
	struct torn_plan *plan = &changed.plan;
	switch (torn_dice_below(&mutation->dice, 16)) {
	case 0:
		changed.olds = other->olds;
		changed.olds_count = other->olds_count;
		break;
	case 1:
		changed.args = other->args;
		changed.args_count = other->args_count;
		break;
	case 2:
	case 3:
	case 4:
	case 5:
		*plan = other->plan;
		break;
	default: /* the other's faults behind its own */
		for (uint32_t i = 0; i < other->plan.faults_count && plan->faults_count < 3; i++)
			if (plan->faults_count == 0 ||
			    other->plan.faults[i].when.first >
				    plan->faults[plan->faults_count - 1].when.first)
				plan->faults[plan->faults_count++] = other->plan.faults[i];
	}
	return end(mutation, &changed, c);
}
