/* full.c: see full.h. */
#include "full.h"

#include <errno.h>
#include <stdio.h>

#include "setup.h"

#define ARENA_BYTES ((size_t)256 << 20)

/*
 * What the kernel keeps is files of the trial's disk here (DECISIONS.md, "The runtime"): a sysctl that is refused
 * because that is full would be a lie.
 */
static bool has_runtime(const struct torn_setup *setup)
{
	for (size_t i = 0; i < setup->olds_count; i++)
		if (setup->olds[i].mount & TORN_RUNTIME)
			return true;
	return false;
}

/* Returns NULL where nothing is lacking; a world that is wrong in itself is the sweep's to tell. */
static const char *lacks(const struct torn_checked *item, struct torn_arena *arena)
{
	if (item->target->starts_programs)
		return "it starts programs, whose root is no small disk";
	for (const struct torn_world *world = item->target->worlds; world->name; world++) {
		struct torn_setup setup;
		char message[300];
		torn_arena_return(arena, 0);
		if (torn_setup_world(arena, item->target, item->variant, world, &setup, message, sizeof message) == 0 &&
		    has_runtime(&setup))
			return "what the kernel keeps is on no disk";
	}
	return NULL;
}

int torn_full_choose(struct torn_check *check)
{
	struct torn_arena arena;
	if (torn_arena_open(&arena, ARENA_BYTES) < 0) {
		fprintf(stderr, "torn: no memory for the old states\n");
		return -ENOMEM;
	}
	size_t kept = 0;
	for (size_t i = 0; i < check->count; i++) {
		const struct torn_checked *item = &check->items[i];
		const char *why = lacks(item, &arena);
		if (why)
			fprintf(stderr, "%s@%s: SKIPPED: %s\n", item->target->name, item->variant->name, why);
		else
			check->items[kept++] = *item;
	}
	torn_arena_close(&arena);
	check->count = kept;
	return kept > 0 ? 0 : -ENOENT;
}
