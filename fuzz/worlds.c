/* worlds.c: see worlds.h. */
#include "worlds.h"

#include <errno.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "clean_run.h"
#include "coverage.h"
#include "setup.h"

#define ARENA_BYTES ((size_t)24 << 20)
#define WORLD_BYTES_SPARE ((size_t)8 << 20)

int torn_worlds_open(struct torn_worlds *worlds, struct torn_observer *observer,
		     struct torn_telling *telling)
{
	worlds->observer = observer;
	worlds->telling = telling;
	return torn_arena_open(&worlds->arena, ARENA_BYTES);
}

void torn_worlds_forget(struct torn_worlds *worlds)
{
	for (size_t i = 0; i < TORN_WORLDS_SLOTS; i++)
		if (worlds->items[i].key)
			torn_kills_close(&worlds->items[i].kills);
	memset(worlds->items, 0, sizeof worlds->items);
	worlds->count = 0;
	worlds->observer->lab->on_disk = NULL;
	torn_arena_return(&worlds->arena, 0);
}

void torn_worlds_close(struct torn_worlds *worlds)
{
	if (!worlds->arena.base)
		return;
	torn_worlds_forget(worlds);
	torn_arena_close(&worlds->arena);
}

void torn_worlds_make_room(struct torn_worlds *worlds)
{
	if (worlds->count + 2 > TORN_WORLDS_SLOTS / 2 ||
	    worlds->arena.used + WORLD_BYTES_SPARE > worlds->arena.size)
		torn_worlds_forget(worlds);
}

/* --------------------------------------------------------------- beginning */

/* What the clean run shows needs no fault: it is told, and no plan shows it again. */
static void tell_clean(struct torn_worlds *worlds, const struct torn_observed_world *world)
{
	static const struct torn_plan nothing = {.seed = 1};
	const struct torn_sighting *sighting = &worlds->observer->sighting;
	for (size_t i = 0; i < sighting->count; i++)
		torn_telling_tell(worlds->telling, world, &nothing, &sighting->items[i]);
}

/* The clean runs, and the kills of one. Returns as torn_trial_run does. */
static int begin(struct torn_worlds *worlds, struct torn_observed_world *world)
{
	struct torn_observer *observer = worlds->observer;
	struct torn_plan nothing = {.seed = 1};
	struct torn_trial trial;
	torn_kills_open(&world->kills, observer->lab, &world->setup);
	world->kills.tell = torn_sighting_add_kill;
	world->kills.context = &observer->sighting;
	int r = torn_clean_run(observer->lab, &world->setup, &trial);
	torn_coverage_take(observer->fuzzed->edges_seen);
	if (r != TORN_HELD)
		return r == TORN_INVALID ? -EPROTO : r;
	observer->fuzzed->trials += 2;
	torn_sighting_begin(&observer->sighting, &world->known);
	torn_sighting_add_end(&observer->sighting, &trial);
	tell_clean(worlds, world);
	torn_known_add(&world->known, &observer->sighting);
	if (!torn_clean_run_ended_as_meant(&trial))
		return 0;
	world->usable = true;
	r = torn_clean_run_of_new(observer->lab, &world->setup, &world->kills.rerun_of_new);
	if (r == TORN_HELD)
		r = torn_observer_see(observer, world, &nothing, &torn_later_any);
	if (r == TORN_HELD)
		tell_clean(worlds, world);
	torn_known_add(&world->known, &observer->sighting);
	return r;
}

uint64_t torn_worlds_key(struct torn_bytes text)
{
	const uint64_t hash = XXH3_64bits(text.data, text.size);
	return hash ? hash : 1;
}

struct torn_observed_world *torn_worlds_of(struct torn_worlds *worlds, struct torn_bytes text,
					   int *ret_r)
{
	const uint64_t key = torn_worlds_key(text);
	size_t at = key % TORN_WORLDS_SLOTS;
	while (worlds->items[at].key && worlds->items[at].key != key)
		at = (at + 1) % TORN_WORLDS_SLOTS;
	struct torn_observed_world *world = &worlds->items[at];
	*ret_r = 0;
	if (world->key)
		return world;
	struct torn_case c;
	struct torn_case_error error;
	const size_t mark = torn_arena_mark(&worlds->arena);
	*ret_r = -EINVAL;
	if (torn_case_parse(NULL, text, &worlds->arena, &c, &error) < 0 ||
	    torn_setup_case(&worlds->arena, &c, &error.lines, &world->setup, &error) < 0) {
		torn_arena_return(&worlds->arena, mark);
		return NULL;
	}
	world->key = key;
	world->usable = false;
	world->known.count = 0;
	worlds->count++;
	const int r = begin(worlds, world);
	if (r == -ENOTSUP) {
		torn_observer_note_unjudged(worlds->observer, world->setup.world != NULL);
		world->usable = false;
	}
	*ret_r = r == -EPROTO ? torn_observer_fail(worlds->observer) : 0;
	return *ret_r < 0 ? NULL : world;
}
