/*
 * mutate.h: a case made into another one: its faults, its arguments, its old
 * state. What comes out is a case of the same target that can be printed and,
 * but for a few, run; a seed decides all of it.
 */
#ifndef TORN_MUTATE_H
#define TORN_MUTATE_H

#include "../injectors/arena.h"
#include "../injectors/dice.h"
#include "torn.h"

struct torn_mutation {
	const struct torn_target *target;
	const struct torn_log *log; /* of the case's last run: where faults can be; NULL: unknown */
	struct torn_arena *arena;   /* of all that is new; the case's own is in it or outlives it */
	struct torn_dice dice;
};

/* Change a case in one to four ways. Returns 0, or -ENOMEM with the case as it was. */
int torn_mutate(struct torn_mutation *mutation, struct torn_case *c);
/* Put into a case the faults, the old state or arguments of another. As torn_mutate(). */
int torn_mutate_cross(struct torn_mutation *mutation, struct torn_case *c,
		      const struct torn_case *other);

/* The parts of it, each a file: one change, where one is possible. */
void torn_mutate_faults(struct torn_mutation *mutation, struct torn_case *c);
void torn_mutate_args(struct torn_mutation *mutation, struct torn_case *c);
void torn_mutate_olds(struct torn_mutation *mutation, struct torn_case *c);

/* After a change of arguments: other contents of files that are about them, and the sysctl that they name. */
void torn_mutate_olds_to_match(struct torn_mutation *mutation, struct torn_case *c);

/* A content for a file or an argument: 0 bytes to a few blocks. data NULL: no room. */
struct torn_bytes torn_mutate_content(struct torn_mutation *mutation);

#endif
