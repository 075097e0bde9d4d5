/* setup.h: from a target's declarations, or a case, to what a trial runs. */
#ifndef TORN_SETUP_H
#define TORN_SETUP_H

#include "case.h"
#include "trial.h"

/*
 * Set up a variant in one of its worlds, with its default arguments. All lies
 * in `arena`. Returns 0; -ENOMEM; -EINVAL with a sentence in `ret_message`
 * where the target's own declarations are wrong.
 */
int torn_setup_world(struct torn_arena *arena, const struct torn_target *target,
		     const struct torn_variant *variant, const struct torn_world *world,
		     struct torn_setup *ret_setup, char *ret_message, size_t size);

/*
 * Set up what a case names. Arguments that it does not give have their
 * defaults; one that the target does not declare is refused, and so is a name
 * that does not exist or a fault that can never act: -EINVAL, with the line and
 * the sentence in `ret_error`. A case whose old state is one of the target's
 * worlds is of that world.
 */
int torn_setup_case(struct torn_arena *arena, const struct torn_case *c,
		    const struct torn_case_lines *lines, struct torn_setup *ret_setup,
		    struct torn_case_error *ret_error);

/* The case that replays a plan on this setup; `invariant` NULL: it expects nothing. */
void torn_setup_to_case(const struct torn_setup *setup, const struct torn_plan *plan,
			const char *invariant, struct torn_arena *arena, struct torn_case *ret_case);

#endif
