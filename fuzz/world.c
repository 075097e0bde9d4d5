/*
 * world.c: see world.h.
 *
 * Each name has a place in a list, which a hash of its path leads to. Directories
 * are made last, from the end of the list (what is in one comes after it) and each
 * of them once: a directory that is put into name by name is copied for each name,
 * which at 2000 names is 95 MB.
 */
#include "world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../injectors/tree.h"
#include "sort.h"

#define ROOT 0u /* the place that all others are below */

struct place {
	struct torn_bytes path;
	const struct torn_node *node; /* of a directory: without entries, until it is made */
	torn_object object;
	uint32_t above; /* the place of the directory that it is in */
	uint32_t inode; /* the place of its inode's first name: mostly itself */
	uint32_t links; /* names of the inode, at the first of them */
	/* of a directory */
	struct torn_entry *entries;
	uint32_t entries_count, entries_left; /* left: those that are not filled in */
};

struct building {
	struct torn_arena *arena;
	const struct torn_node *implied; /* a directory that no line is about */
	struct place *places;            /* malloc'ed, as are the slots */
	uint32_t places_count;
	uint32_t *slots; /* open addressing; 0: free (nobody looks for the root) */
	size_t slots_room;
	torn_object objects; /* given so far */
	char *message;
	size_t size;
};

_Static_assert(offsetof(struct torn_entry, name) == 0, "torn_sort wants the key first");

/* ----------------------------------------------------------------- places */

static int refuse(const struct building *building, const char *expected, struct torn_bytes path)
{
	snprintf(building->message, building->size, "expected %s, found %.*s", expected,
		 path.size < 40 ? (int)path.size : 40, (const char *)path.data);
	return -EINVAL;
}

/* FNV-1a */
#define HASH_FIRST UINT64_C(0xcbf29ce484222325)

static uint64_t hash_byte(uint64_t hash, uint8_t byte)
{
	return (hash ^ byte) * UINT64_C(0x100000001b3);
}

static uint32_t *slot_of(const struct building *building, struct torn_bytes path, uint64_t hash)
{
	const size_t mask = building->slots_room - 1;
	size_t at = (size_t)(hash ^ hash >> 32) & mask;
	while (building->slots[at] != 0 &&
	       !torn_bytes_equal(building->places[building->slots[at]].path, path))
		at = (at + 1) & mask;
	return &building->slots[at];
}

static uint32_t place_add(struct building *building, struct torn_bytes path, uint32_t above)
{
	const uint32_t made = building->places_count++;
	building->places[made] = (struct place){
		.path = path, .node = building->implied, .above = above, .inode = made, .links = 1};
	building->places[above].entries_count++;
	return made;
}

/*
 * Make the place of a path, and those of directories above it that are missing.
 * Returns 0, or -EINVAL where it is there already, or below what is no directory.
 */
static int place_make(struct building *building, struct torn_bytes path, struct place **ret_place)
{
	uint64_t hash = HASH_FIRST;
	uint32_t above = ROOT;
	for (size_t at = 0; at <= path.size; at++) {
		if (at == path.size || path.data[at] == '/') {
			const struct torn_bytes part = {path.data, at};
			uint32_t *slot = slot_of(building, part, hash);
			if (building->places[above].node->type != TORN_DIRECTORY ||
			    (*slot && at == path.size))
				return refuse(building, "each path once and below directories", path);
			if (!*slot) {
				*slot = place_add(building, part, above);
				if (at < path.size)
					building->places[*slot].object = ++building->objects;
			}
			above = *slot;
		}
		if (at < path.size)
			hash = hash_byte(hash, path.data[at]);
	}
	*ret_place = &building->places[above];
	return 0;
}

static struct place *place_find(const struct building *building, struct torn_bytes path)
{
	uint64_t hash = HASH_FIRST;
	for (size_t at = 0; at < path.size; at++)
		hash = hash_byte(hash, path.data[at]);
	const uint32_t found = *slot_of(building, path, hash);
	return found ? &building->places[found] : NULL;
}

/* Return the directory where the file system of a place is mounted. */
static const struct place *filesystem_of(const struct building *building, const struct place *place)
{
	const struct place *at = &building->places[place->above];
	while (at != &building->places[ROOT] && at->node->mount == 0)
		at = &building->places[at->above];
	return at;
}

/* What the kernel keeps is looked for in one directory of the root, and is files there: runtime.h. */
static int check_runtime(struct building *building, const struct place *place, bool is_link)
{
	const struct torn_node *node = place->node;
	if (node->mount & TORN_RUNTIME) {
		for (uint32_t i = 1; i < building->places_count; i++)
			if (&building->places[i] != place && building->places[i].node->mount & TORN_RUNTIME)
				return refuse(building, "one runtime directory", place->path);
		return place->above == ROOT ? 0 : refuse(building, "a runtime directory in the root", place->path);
	}
	const bool is_plain = !is_link && node->type <= TORN_SYMLINK;
	if (!is_plain && filesystem_of(building, place)->node->mount & TORN_RUNTIME)
		return refuse(building, "only files, directories and symlinks of what the kernel keeps", place->path);
	return 0;
}

/* ------------------------------------------------------------------ lines */

static const struct torn_node *node_of(struct torn_arena *arena, const struct torn_old *old)
{
	const struct torn_attributes attributes = {old->mode, old->uid, old->gid, 1, old->mount};
	const struct torn_node *node = torn_node_make(
		arena, old->type, attributes,
		old->type == TORN_SYMLINK ? old->text : (struct torn_bytes){NULL, 0});
	if (node && old->type == TORN_FILE)
		node = torn_node_write(arena, node, 0, old->text);
	for (uint32_t i = 0; node && i < old->xattrs_count; i++)
		node = torn_node_set_xattr(arena, node, old->xattrs[i].name, &old->xattrs[i].value);
	return node;
}


static int take_inode(struct building *building, const struct torn_old *old)
{
	struct place *place;
	const int r = place_make(building, old->path, &place);
	if (r < 0)
		return r;
	place->object = ++building->objects;
	place->node = node_of(building->arena, old);
	return place->node ? check_runtime(building, place, false) : -ENOMEM;
}

/* Another name of an inode that is there by now, under whichever of its names. */
static int take_link(struct building *building, const struct torn_old *old)
{
	const struct place *to = place_find(building, old->text);
	if (!to || to->node->type != TORN_FILE)
		return refuse(building, "a file of this case", old->text);
	struct place *place;
	const int r = place_make(building, old->path, &place);
	if (r < 0)
		return r;
	place->object = to->object;
	place->node = to->node;
	place->inode = to->inode;
	building->places[to->inode].links++;
	const int refused = check_runtime(building, place, true);
	if (refused < 0)
		return refused;
	return filesystem_of(building, place) == filesystem_of(building, to)
		       ? 0 : refuse(building, "a file of the same file system", old->text);
}

static int take_lines(struct building *building, const struct torn_old *olds, size_t count, bool links)
{
	for (size_t i = 0; i < count; i++) {
		if (olds[i].absent || olds[i].is_link != links)
			continue;
		const int r = links ? take_link(building, &olds[i]) : take_inode(building, &olds[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ------------------------------------------------------------ directories */

/* Every name of an inode shows the same node, which has the count of them. */
static int count_links(struct building *building)
{
	for (uint32_t i = 1; i < building->places_count; i++) {
		struct place *place = &building->places[i];
		if (place->links > 1) {
			struct torn_attributes attributes = torn_node_attributes(place->node);
			attributes.links = place->links;
			place->node = torn_node_with(building->arena, place->node, attributes);
			if (!place->node)
				return -ENOMEM;
		}
		place->node = building->places[place->inode].node;
	}
	return 0;
}

/* All that is in it is made. */
static int make_directory(struct building *building, struct place *place)
{
	if (place->entries_count == 0)
		return 0;
	/* Lines are in order of whole paths, in which "a-b" is before "a/c", and so before "a". */
	torn_sort(place->entries, place->entries_count, sizeof *place->entries, NULL);
	place->node = torn_node_fill(building->arena, place->node, place->entries,
				     place->entries_count);
	return place->node ? 0 : -ENOMEM;
}

/* From the last one on: the entries come to stand as their places do. */
static int enter(struct building *building, const struct place *place)
{
	struct place *above = &building->places[place->above];
	if (!above->entries) {
		above->entries_left = above->entries_count;
		above->entries = torn_arena_take_raw(building->arena,
						     above->entries_count * sizeof *above->entries);
		if (!above->entries)
			return -ENOMEM;
	}
	const size_t skipped = place->above == ROOT ? 0 : above->path.size + 1;
	above->entries[--above->entries_left] = (struct torn_entry){
		.name = {place->path.data + skipped, place->path.size - skipped},
		.node = place->node,
		.object = place->object};
	return 0;
}

static int make_directories(struct building *building)
{
	int r = count_links(building);
	for (uint32_t i = building->places_count; r == 0 && i-- > 0;) {
		r = make_directory(building, &building->places[i]);
		if (r == 0 && i != ROOT)
			r = enter(building, &building->places[i]);
	}
	return r;
}

/* --------------------------------------------------------------- building */

/* Make room for as many places as the lines can have. */
static int open_places(struct building *building, const struct torn_old *olds, size_t count)
{
	size_t room = 1;
	for (size_t i = 0; i < count; i++) {
		room++;
		for (size_t at = 0; at < olds[i].path.size; at++)
			room += olds[i].path.data[at] == '/';
	}
	building->slots_room = 16;
	while (building->slots_room < 2 * room)
		building->slots_room *= 2;
	building->slots = calloc(building->slots_room, sizeof *building->slots);
	building->places = malloc(room * sizeof *building->places);
	building->implied = torn_node_make(building->arena, TORN_DIRECTORY,
					   (struct torn_attributes){.mode = 0755, .links = 1},
					   (struct torn_bytes){NULL, 0});
	if (!building->slots || !building->places || !building->implied)
		return -ENOMEM;
	building->places[ROOT] = (struct place){.node = building->implied, .links = 1};
	building->places_count = 1;
	return 0;
}

struct torn_bytes torn_world_filesystem(const struct torn_old *olds, size_t olds_count,
					struct torn_bytes path)
{
	struct torn_bytes found = {(const uint8_t *)"", 0};
	for (size_t i = 0; i < olds_count; i++) {
		const struct torn_bytes at = olds[i].path;
		if (!olds[i].absent && olds[i].mount && at.size > found.size && path.size > at.size &&
		    path.data[at.size] == '/' && memcmp(path.data, at.data, at.size) == 0)
			found = at;
	}
	return found;
}

int torn_world_build(struct torn_arena *arena, const struct torn_old *olds, size_t olds_count,
		     const struct torn_node **ret_tree, struct torn_fold_base *ret_base,
		     char *ret_message, size_t size)
{
	struct building building = {
		.arena = arena, .objects = TORN_FOLD_ROOT, .message = ret_message, .size = size};
	int r = open_places(&building, olds, olds_count);
	if (r == 0)
		r = take_lines(&building, olds, olds_count, false);
	if (r == 0)
		r = take_lines(&building, olds, olds_count, true);
	if (r == 0)
		r = make_directories(&building);
	const struct torn_node *tree = r == 0 ? building.places[ROOT].node : NULL;
	free(building.slots);
	free(building.places);
	if (r == 0)
		r = torn_fold_base_make(arena, tree, building.objects, ret_base);
	if (r == 0)
		*ret_tree = tree;
	return r;
}
