/* tree_for_tests.h: a tree from the lines of an old state. For tests only. */
#ifndef TORN_TREE_FOR_TESTS_H
#define TORN_TREE_FOR_TESTS_H

#include "../injectors/arena_for_tests.h"
#include "case.h"
#include "world.h"

/* It lies in `arena`; fails the test where the lines are wrong. */
static const struct torn_node *tree_of(const char *olds)
{
	struct torn_case said;
	struct torn_case_error error;
	const struct torn_node *made;
	struct torn_fold_base base;
	char message[200];
	if (torn_case_parse_world(torn_bytes_of(olds), &arena, &said, &error) < 0)
		fail_msg("%s", error.message);
	if (torn_world_build(&arena, said.olds, said.olds_count, &made, &base, message, sizeof message) < 0)
		fail_msg("%s", message);
	return made;
}

#endif
