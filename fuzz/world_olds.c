/* world_olds.c: from a tree to the lines that describe it: world.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../injectors/tree.h"
#include "world.h"

struct listing {
	struct torn_arena *arena;
	struct torn_old *olds;
	torn_object *objects; /* beside each */
	size_t count, room;
	int error;
};

static size_t names_below(const struct torn_node *dir)
{
	size_t names = 0;
	for (uint32_t i = 0; i < dir->entries_count; i++) {
		const struct torn_node *node = dir->entries[i].node;
		names += 1 + (node->type == TORN_DIRECTORY ? names_below(node) : 0);
	}
	return names;
}

static int take_bytes(struct listing *listing, const struct torn_node *file, struct torn_bytes *ret_bytes)
{
	uint8_t *bytes = torn_arena_take(listing->arena, file->size + 1);
	if (!bytes)
		return -ENOMEM;
	*ret_bytes = (struct torn_bytes){bytes, torn_node_read(file, 0, bytes, file->size)};
	bytes[ret_bytes->size] = '\0';
	return 0;
}

/* The first of its names, where it has one already. */
static const struct torn_old *named_before(const struct listing *listing, torn_object object)
{
	for (size_t i = 0; i < listing->count; i++)
		if (listing->objects[i] == object)
			return &listing->olds[i];
	return NULL;
}

static int add(struct listing *listing, struct torn_bytes path, const struct torn_node *node, torn_object object)
{
	struct torn_old *old = &listing->olds[listing->count];
	const struct torn_old *first = node->links > 1 ? named_before(listing, object) : NULL;
	*old = (struct torn_old){
		.path = path,
		.type = node->type,
		.mode = node->mode,
		.uid = node->uid,
		.gid = node->gid,
		.mount = node->mount,
		.xattrs = node->xattrs,
		.xattrs_count = node->xattrs_count,
	};
	listing->objects[listing->count] = object;
	listing->count++;
	if (first) {
		*old = (struct torn_old){.path = path, .is_link = true, .text = first->path};
		return 0;
	}
	if (node->type == TORN_SYMLINK)
		old->text = node->link;
	return node->type == TORN_FILE ? take_bytes(listing, node, &old->text) : 0;
}

static int list(struct listing *listing, struct torn_bytes above, const struct torn_node *dir)
{
	int r = 0;
	for (uint32_t i = 0; r == 0 && i < dir->entries_count; i++) {
		const struct torn_entry *entry = &dir->entries[i];
		uint8_t *path = torn_arena_take(listing->arena, above.size + entry->name.size + 2);
		if (!path)
			return -ENOMEM;
		size_t size = above.size;
		if (size > 0) {
			memcpy(path, above.data, size);
			path[size++] = '/';
		}
		memcpy(path + size, entry->name.data, entry->name.size);
		size += entry->name.size;
		path[size] = '\0';
		const struct torn_bytes at = {path, size};
		r = add(listing, at, entry->node, entry->object);
		if (r == 0 && entry->node->type == TORN_DIRECTORY)
			r = list(listing, at, entry->node);
	}
	return r;
}

static int by_path(const void *a, const void *b)
{
	return torn_bytes_compare(((const struct torn_old *)a)->path, ((const struct torn_old *)b)->path);
}

int torn_world_olds(struct torn_arena *arena, const struct torn_node *tree, struct torn_old **ret_olds,
		    size_t *ret_count)
{
	const size_t names = names_below(tree);
	struct listing listing = {.arena = arena};
	listing.olds = torn_arena_take(arena, (names + 1) * sizeof *listing.olds);
	listing.objects = malloc((names + 1) * sizeof *listing.objects);
	int r = listing.olds && listing.objects ? list(&listing, (struct torn_bytes){NULL, 0}, tree) : -ENOMEM;
	free(listing.objects);
	if (r < 0)
		return r;
	qsort(listing.olds, listing.count, sizeof *listing.olds, by_path);
	*ret_olds = listing.olds;
	*ret_count = listing.count;
	return 0;
}
