/*
 * fuzzing.c: see fuzzing.h. One seed gives one run of all this: no clock is
 * looked at but to tell how long a finding took.
 */
#include "fuzzing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "case.h"
#include "mirror.h"
#include "mutate.h"
#include "observer.h"
#include "reduce.h"
#include "setup.h"
#include "telling.h"
#include "worlds.h"

#define INPUT_BYTES ((size_t)16 << 20)

struct torn_fuzzing {
	struct torn_fuzzed *fuzzed;
	struct torn_arena input;  /* of the case at hand */
	struct torn_arena others; /* of the case that is mutated or crossed */
	struct torn_arena home_arena;
	struct torn_bytes home; /* the target's first old state, as a case, in home_arena */
	struct torn_observer observer;
	struct torn_telling telling;
	struct torn_worlds worlds;
	struct torn_sighting found; /* what is told now of the case at hand */
};

/* ------------------------------------------------------------------- texts */

/* The kill that ends the first run of a plan, where another one comes after it; op 0: none. */
static struct torn_kill kill_gone_on_from(const struct torn_plan *plan)
{
	const struct torn_plan *first = plan;
	while (first->before)
		first = first->before;
	for (uint32_t i = 0; plan->before && i < first->faults_count; i++) {
		const struct torn_fault *fault = &first->faults[i];
		if (fault->name != TORN_FAULT_KILL)
			continue;
		if (fault->value == TORN_KILL_BEFORE)
			return (struct torn_kill){.op = fault->when.first - 1};
		return (struct torn_kill){.op = fault->when.first,
					  .bytes = (uint64_t)fault->value,
					  .call = fault->call};
	}
	return (struct torn_kill){.op = 0};
}

/*
 * Every run gives all its kills: one that a case asks for says nothing more, unless it is
 * where another run begins. What that is follows from the first.
 */
static void drop_ends(struct torn_plan *plan)
{
	while (plan->before)
		*plan = *plan->before;
	plan->cut = (struct torn_cut){.preset = NULL};
	uint32_t kept = 0;
	for (uint32_t i = 0; i < plan->faults_count; i++)
		if (plan->faults[i].name != TORN_FAULT_KILL)
			plan->faults[kept++] = plan->faults[i];
	plan->faults_count = kept;
}

/*
 * Read one into an arena, which is emptied first, and the kill behind which it says that there
 * is another run (op 0: it says of none). Returns 0 or -EINVAL.
 */
static int read_runs(const struct torn_fuzzing *fuzzing, struct torn_bytes text,
		     struct torn_arena *arena, struct torn_case *ret_case, struct torn_kill *ret_kill)
{
	struct torn_case_error error;
	torn_arena_return(arena, 0);
	if (torn_case_parse(NULL, text, arena, ret_case, &error) < 0 ||
	    !torn_bytes_equal(ret_case->target, torn_bytes_of(fuzzing->fuzzed->target->name)))
		return -EINVAL;
	/* What is of use for one variant may be so for another. */
	ret_case->variant = torn_bytes_of(fuzzing->fuzzed->variant->name);
	*ret_kill = kill_gone_on_from(&ret_case->plan);
	drop_ends(&ret_case->plan);
	return 0;
}

/* Its first run alone. */
static int read_case(const struct torn_fuzzing *fuzzing, struct torn_bytes text,
		     struct torn_arena *arena, struct torn_case *ret_case)
{
	struct torn_kill kill;
	return read_runs(fuzzing, text, arena, ret_case, &kill);
}

/*
 * The world of a case, whose text without faults goes into an arena. Makes room first,
 * so that no world from before may be used any more. As torn_worlds_of().
 */
static struct torn_observed_world *world_of(struct torn_fuzzing *fuzzing, const struct torn_case *c,
					    struct torn_arena *arena, int *ret_r)
{
	struct torn_case bare = *c;
	bare.plan.faults_count = 0;
	bare.expect = TORN_EXPECT_NOTHING;
	torn_worlds_make_room(&fuzzing->worlds);
	const struct torn_bytes text = torn_case_text(&bare, arena);
	*ret_r = -EINVAL;
	return text.data ? torn_worlds_of(&fuzzing->worlds, text, ret_r) : NULL;
}

/* ----------------------------------------------------------------- running */

/* Tell what the case showed, each as small as it is found to be. */
static int tell_found(struct torn_fuzzing *fuzzing, struct torn_observed_world *world,
		      const struct torn_plan *plan)
{
	struct torn_observer *observer = &fuzzing->observer;
	int r = 0;
	fuzzing->found = observer->sighting;
	for (size_t i = 0; r >= 0 && i < fuzzing->found.count; i++) {
		struct torn_seen seen = fuzzing->found.items[i];
		if (torn_telling_was_told(&fuzzing->telling, world, plan, &seen))
			continue;
		struct torn_plan smallest = *plan;
		r = torn_reduce(observer, world, &smallest, &seen);
		if (r < 0)
			break;
		struct torn_observed_world *where = world;
		struct torn_observed_world *home =
			torn_worlds_of(&fuzzing->worlds, fuzzing->home, &r);
		/* What hung there was told of there. */
		if (home && home != world && home->usable &&
		    !torn_hangs_know(&observer->hangs, home->key, &smallest)) {
			const struct torn_plan same = smallest;
			r = torn_reduce_to(observer, home, &same, &smallest, &seen);
			where = r > 0 ? home : world;
		}
		if (r >= 0)
			torn_telling_tell(&fuzzing->telling, where, &smallest, &seen);
	}
	return r < 0 ? r : 0;
}

static int run_case(struct torn_fuzzing *fuzzing, struct torn_bytes text)
{
	struct torn_observer *observer = &fuzzing->observer;
	struct torn_case c;
	struct torn_kill wanted;
	if (read_runs(fuzzing, text, &fuzzing->input, &c, &wanted) < 0)
		return -EINVAL;
	for (uint32_t i = 0; i < c.plan.faults_count; i++)
		if (torn_fault_objection(&c.plan.faults[i]))
			return -EINVAL;
	int r;
	struct torn_observed_world *world = world_of(fuzzing, &c, &fuzzing->input, &r);
	const bool goes_on = wanted.op > 0 && fuzzing->fuzzed->presets;
	if (!world || !world->usable || (c.plan.faults_count == 0 && !goes_on))
		return r;
	if (torn_hangs_expected(&observer->hangs, world->key, &c.plan))
		return -EINVAL;
	r = torn_observer_see(observer, world, &c.plan, goes_on ? &wanted : &torn_later_any);
	if (r == TORN_INVALID)
		return -EINVAL;
	if (r == -ENOTSUP) {
		torn_observer_note_unjudged(observer, false);
		return 0;
	}
	if (r == TORN_HELD) {
		torn_observer_name_log(observer, torn_worlds_key(text));
		r = tell_found(fuzzing, world, &c.plan);
	}
	return r == -EPROTO && !fuzzing->fuzzed->failed ? torn_observer_fail(observer) : r;
}

static bool put_at_hand(struct torn_fuzzing *fuzzing, struct torn_bytes text)
{
	struct torn_fuzzed *fuzzed = fuzzing->fuzzed;
	if (text.size >= TORN_FUZZED_CASE_MAX)
		return false;
	memcpy(fuzzed->case_at_hand, text.data, text.size);
	fuzzed->case_at_hand[text.size] = '\0';
	return true;
}

int torn_fuzzing_run(struct torn_fuzzing *fuzzing, struct torn_bytes text)
{
	struct torn_fuzzed *fuzzed = fuzzing->fuzzed;
	if (!put_at_hand(fuzzing, text))
		return -EINVAL;
	fuzzed->cases++;
	const int r = run_case(fuzzing, text);
	fuzzed->refused += r == -EINVAL;
	return r;
}

/* ---------------------------------------------------------------- mutating */

/* The log of a case's run: the last one's, or one that is made now. NULL: there is none. */
static const struct torn_log *log_of(struct torn_fuzzing *fuzzing, struct torn_bytes text,
				     const struct torn_case *c)
{
	struct torn_observer *observer = &fuzzing->observer;
	const uint64_t key = torn_worlds_key(text);
	if (torn_observer_log_of(observer, key))
		return torn_observer_log_of(observer, key);
	int r;
	struct torn_observed_world *world = world_of(fuzzing, c, &fuzzing->others, &r);
	if (!world || !world->usable)
		return NULL;
	struct torn_trial trial;
	struct torn_plan plan = c->plan;
	if (torn_hangs_expected(&observer->hangs, world->key, &plan))
		return NULL;
	put_at_hand(fuzzing, text); /* should the process end of it */
	if (torn_observer_run(observer, world, &plan, false, &trial) != TORN_HELD)
		return NULL;
	torn_observer_name_log(observer, key);
	return torn_observer_log_of(observer, key);
}

/* The seed of a mutation decides all of it. */
static struct torn_bytes mutated(struct torn_fuzzing *fuzzing, struct torn_bytes before,
				 struct torn_case *c, uint64_t seed)
{
	struct torn_mutation mutation = {.target = fuzzing->fuzzed->target,
					 .log = log_of(fuzzing, before, c),
					 .arena = &fuzzing->others,
					 .dice = {seed}};
	if (torn_mutate(&mutation, c) < 0)
		return fuzzing->home;
	return torn_case_text(c, &fuzzing->others);
}

static size_t give(struct torn_bytes text, uint8_t *out, size_t max)
{
	if (!text.data || text.size > max)
		return 0;
	memcpy(out, text.data, text.size);
	return text.size;
}

size_t torn_fuzzing_mutate(struct torn_fuzzing *fuzzing, uint8_t *text, size_t size, size_t max,
			   uint64_t seed)
{
	struct torn_case c;
	const struct torn_bytes before = {text, size};
	if (read_case(fuzzing, before, &fuzzing->others, &c) < 0)
		return give(fuzzing->home, text, max);
	return give(mutated(fuzzing, before, &c, seed), text, max);
}

size_t torn_fuzzing_cross(struct torn_fuzzing *fuzzing, struct torn_bytes a, struct torn_bytes b,
			  uint8_t *out, size_t max, uint64_t seed)
{
	struct torn_case left, right;
	struct torn_mutation mutation = {
		.target = fuzzing->fuzzed->target, .arena = &fuzzing->others, .dice = {seed}};
	if (read_case(fuzzing, a, &fuzzing->others, &left) < 0)
		return give(b, out, max);
	if (read_case(fuzzing, b, &fuzzing->input, &right) < 0 ||
	    torn_mutate_cross(&mutation, &left, &right) < 0)
		return give(a, out, max);
	return give(torn_case_text(&left, &fuzzing->others), out, max);
}

/* ----------------------------------------------------------------- opening */

/* One of the target's old states, with its default arguments, as the text of a case. */
static struct torn_bytes case_of_world(const struct torn_target *target,
				       const struct torn_variant *variant,
				       const struct torn_world *world, struct torn_arena *arena)
{
	static const struct torn_plan nothing = {.seed = 1};
	struct torn_setup setup;
	struct torn_case c;
	char message[256];
	if (torn_setup_world(arena, target, variant, world, &setup, message, sizeof message) < 0)
		return (struct torn_bytes){NULL, 0};
	torn_setup_to_case(&setup, &nothing, NULL, arena, &c);
	return torn_case_text(&c, arena);
}

int torn_fuzzing_seed(const struct torn_target *target, const struct torn_variant *variant,
		      int folder_fd)
{
	struct torn_arena arena;
	int r = torn_arena_open(&arena, INPUT_BYTES);
	if (r < 0)
		return r;
	unsigned number = 1;
	for (const struct torn_world *world = target->worlds; r == 0 && world->name; world++) {
		char name[32];
		snprintf(name, sizeof name, "old-state-%u.case", number++);
		torn_arena_return(&arena, 0);
		const struct torn_bytes text = case_of_world(target, variant, world, &arena);
		r = text.data ? torn_mirror_write(folder_fd, name, text) : -ENOMEM;
	}
	torn_arena_close(&arena);
	return r;
}

int torn_fuzzing_open(struct torn_fuzzed *fuzzed, struct torn_lab *lab, uint8_t *novelty,
		      size_t novelty_size, struct torn_fuzzing **ret_fuzzing)
{
	struct torn_fuzzing *fuzzing = calloc(1, sizeof *fuzzing);
	if (!fuzzing)
		return -ENOMEM;
	fuzzing->fuzzed = fuzzed;
	int r = torn_arena_open(&fuzzing->input, INPUT_BYTES);
	if (r == 0)
		r = torn_arena_open(&fuzzing->others, INPUT_BYTES);
	if (r == 0)
		r = torn_arena_open(&fuzzing->home_arena, INPUT_BYTES);
	if (r == 0)
		r = torn_observer_open(&fuzzing->observer, fuzzed, lab, novelty, novelty_size);
	if (r == 0)
		r = torn_telling_open(&fuzzing->telling, fuzzed);
	if (r == 0)
		r = torn_worlds_open(&fuzzing->worlds, &fuzzing->observer, &fuzzing->telling);
	if (r == 0)
		fuzzing->home = case_of_world(fuzzed->target, fuzzed->variant,
					      &fuzzed->target->worlds[0], &fuzzing->home_arena);
	if (r == 0 && !fuzzing->home.data)
		r = -ENOMEM;
	if (r < 0)
		torn_fuzzing_close(fuzzing);
	else
		*ret_fuzzing = fuzzing;
	return r;
}

void torn_fuzzing_close(struct torn_fuzzing *fuzzing)
{
	struct torn_arena *const arenas[] = {&fuzzing->input, &fuzzing->others,
					     &fuzzing->home_arena};
	torn_worlds_close(&fuzzing->worlds);
	torn_telling_close(&fuzzing->telling);
	torn_observer_close(&fuzzing->observer);
	for (size_t i = 0; i < sizeof arenas / sizeof *arenas; i++)
		if (arenas[i]->base)
			torn_arena_close(arenas[i]);
	free(fuzzing);
}

const struct torn_fuzzed *torn_fuzzing_fuzzed(const struct torn_fuzzing *fuzzing)
{
	return fuzzing->fuzzed;
}

bool torn_fuzzing_confirm(struct torn_fuzzing *fuzzing, const struct torn_finding *finding)
{
	struct torn_findings *findings = &fuzzing->fuzzed->findings;
	const struct torn_finding wanted = *finding; /* its texts stay in the arena */
	torn_worlds_forget(&fuzzing->worlds);
	torn_telling_forget(&fuzzing->telling);
	torn_later_forget(&fuzzing->observer.later);
	memset(&fuzzing->observer.hangs, 0, sizeof fuzzing->observer.hangs);
	findings->count = 0;
	torn_fuzzing_run(fuzzing, torn_bytes_of(wanted.case_text));
	for (uint32_t i = 0; i < findings->count; i++)
		if (strcmp(findings->items[i].id, wanted.id) == 0 &&
		    strcmp(findings->items[i].role, wanted.role) == 0)
			return true;
	return false;
}

