/*
 * replay_for_tests.h: replay a case that is written down in a test, and look at what came of
 * it. For tests only.
 *
 *   const struct torn_replayed *replayed = replay_case("test.chain@goes_on", "cut 3 ...\n");
 *   ... replayed->verdict, replayed->trial.now ...
 *   arena_test(test_...)
 *
 * The target has to be in the registry.
 */
#ifndef TORN_REPLAY_FOR_TESTS_H
#define TORN_REPLAY_FOR_TESTS_H

#include "../injectors/arena_for_tests.h"
#include "commands.h"
#include "sweep_for_tests.h"

/* Replay a plan (lines of a case, or "") of TARGET@VARIANT, begun with f of OLD_F. */
static inline struct torn_replayed *replay_case(const char *target, const char *plan)
{
	char text[1024];
	struct torn_replayed *replayed;
	assert_true(snprintf(text, sizeof text, "torn-case 1\ntarget %s\n" OLD_F "%s", target,
			     plan) < (int)sizeof text);
	assert_int_equal(torn_replay_text(the_worker(), text, &arena, &replayed), 0);
	return replayed;
}

/* A finding's case shows the violation again; `target`: the same code in the registry. */
static inline void assert_replays(const struct torn_finding *finding, const char *target)
{
	char text[4096];
	const char *rest = strchr(strchr(finding->case_text, '\n') + 1, '\n');
	const size_t mark = torn_arena_mark(&arena);
	struct torn_replayed *replayed;
	assert_true(snprintf(text, sizeof text, "torn-case 1\ntarget %s%s", target, rest) <
		    (int)sizeof text);
	assert_int_equal(torn_replay_text(the_worker(), text, &arena, &replayed), 0);
	if (replayed->failed || replayed->verdict != TORN_VIOLATED)
		fail_msg("%s\n%s", replayed->text, text);
	assert_string_equal(replayed->invariant->id, finding->id);
	torn_arena_return(&arena, mark);
}

#endif
