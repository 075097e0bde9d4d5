/* world.c: see world.h. */
#include "world.h"

#include <errno.h>
#include <string.h>

#include "../injectors/tree.h"

struct building {
	struct torn_arena *arena;
	const struct torn_node *root;
	torn_object objects; /* given so far */
};

static struct torn_bytes first_component(struct torn_bytes path)
{
	const uint8_t *slash = memchr(path.data, '/', path.size);
	return (struct torn_bytes){path.data, slash ? (size_t)(slash - path.data) : path.size};
}

/* Return `dir` with `node` at a path below it; missing directories are made. */
static const struct torn_node *put(struct building *building, const struct torn_node *dir,
				   struct torn_bytes path, const struct torn_node *node,
				   torn_object object)
{
	struct torn_bytes name = first_component(path);
	if (name.size == path.size)
		return torn_node_put(building->arena, dir, name, node,
				     object ? object : ++building->objects);
	const struct torn_entry *entry = torn_node_entry(dir, name);
	const struct torn_node *below = entry ? entry->node
					      : torn_node_make(building->arena, TORN_DIRECTORY,
							       (struct torn_attributes){.mode = 0755, .links = 1},
							       (struct torn_bytes){NULL, 0});
	torn_object below_object = entry ? entry->object : ++building->objects;
	if (!below)
		return NULL;
	struct torn_bytes rest = {path.data + name.size + 1, path.size - name.size - 1};
	below = put(building, below, rest, node, object);
	return below ? torn_node_put(building->arena, dir, name, below, below_object) : NULL;
}

static const struct torn_node *node_of(struct building *building, const struct torn_old *old)
{
	const struct torn_attributes attributes = {old->mode, old->uid, old->gid, 1, old->mount};
	const struct torn_node *node = torn_node_make(
		building->arena, old->type, attributes,
		old->type == TORN_SYMLINK ? old->text : (struct torn_bytes){NULL, 0});
	if (node && old->type == TORN_FILE)
		node = torn_node_write(building->arena, node, 0, old->text);
	for (uint32_t i = 0; node && i < old->xattrs_count; i++)
		node = torn_node_set_xattr(building->arena, node, old->xattrs[i].name,
					   &old->xattrs[i].value);
	return node;
}

static const struct torn_old *named(const struct torn_old *olds, size_t count, struct torn_bytes path)
{
	for (size_t i = 0; i < count; i++)
		if (torn_bytes_equal(olds[i].path, path))
			return &olds[i];
	return NULL;
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

/* Give every name of an inode the same object, and the inode its count of names. */
static int link_names(struct building *building, const struct torn_old *olds, size_t count,
		      char *ret_message, size_t size)
{
	for (size_t i = 0; i < count; i++) {
		if (!olds[i].is_link || olds[i].absent)
			continue;
		const struct torn_old *to = named(olds, count, olds[i].text);
		const struct torn_entry *entry =
			to ? torn_tree_entry(building->root, olds[i].text) : NULL;
		if (!entry || entry->node->type != TORN_FILE) {
			snprintf(ret_message, size, "expected a file of this case, found %.40s",
				 (const char *)olds[i].text.data);
			return -EINVAL;
		}
		if (!torn_bytes_equal(torn_world_filesystem(olds, count, olds[i].path),
				      torn_world_filesystem(olds, count, olds[i].text))) {
			snprintf(ret_message, size, "expected a file of the same file system, found %.40s",
				 (const char *)olds[i].text.data);
			return -EINVAL;
		}
		struct torn_attributes attributes = torn_node_attributes(entry->node);
		attributes.links++;
		const struct torn_node *node =
			torn_node_with(building->arena, entry->node, attributes);
		const torn_object object = entry->object;
		building->root = node ? put(building, building->root, olds[i].path, node, object) : NULL;
		/* All other names must show the new count too. */
		for (size_t j = 0; building->root && j < count; j++) {
			const struct torn_entry *other = torn_tree_entry(building->root, olds[j].path);
			if (other && other->object == object)
				building->root =
					put(building, building->root, olds[j].path, node, object);
		}
		if (!building->root)
			return -ENOMEM;
	}
	return 0;
}

int torn_world_build(struct torn_arena *arena, const struct torn_old *olds, size_t olds_count,
		     const struct torn_node **ret_tree, struct torn_fold_base *ret_base,
		     char *ret_message, size_t size)
{
	struct building building = {.arena = arena, .objects = TORN_FOLD_ROOT};
	building.root = torn_node_make(arena, TORN_DIRECTORY,
				       (struct torn_attributes){.mode = 0755, .links = 1},
				       (struct torn_bytes){NULL, 0});
	for (size_t i = 0; building.root && i < olds_count; i++) {
		if (olds[i].absent || olds[i].is_link)
			continue;
		const struct torn_node *node = node_of(&building, &olds[i]);
		building.root = node ? put(&building, building.root, olds[i].path, node, 0) : NULL;
	}
	if (!building.root)
		return -ENOMEM;
	int r = link_names(&building, olds, olds_count, ret_message, size);
	if (r == 0)
		r = torn_fold_base_make(arena, building.root, building.objects, ret_base);
	if (r == 0)
		*ret_tree = building.root;
	return r;
}
