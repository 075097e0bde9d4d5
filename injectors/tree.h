/*
 * tree.h: making trees. What can be asked of one is in torn.h.
 *
 * Every function makes a new node in `arena` and leaves the old one as it was;
 * it returns NULL where the arena is full. A new node shares with the old one
 * all that did not change.
 */
#ifndef TORN_TREE_H
#define TORN_TREE_H

#include "../fuzz/torn.h"
#include "arena.h"

struct torn_attributes {
	uint32_t mode, uid, gid, links;
	uint32_t mount; /* enum torn_mount */
};

/* Make an empty node. `link` is a symlink's text; it is not copied. */
const struct torn_node *torn_node_make(struct torn_arena *arena, enum torn_type type,
				       struct torn_attributes attributes, struct torn_bytes link);
const struct torn_node *torn_node_with(struct torn_arena *arena, const struct torn_node *node,
				       struct torn_attributes attributes);
struct torn_attributes torn_node_attributes(const struct torn_node *node);

/*
 * Write bytes into a file. Whole blocks may point into `bytes`, which must
 * live as long as the arena's nodes. -EFBIG is NULL too: see torn_file_size_max.
 */
const struct torn_node *torn_node_write(struct torn_arena *arena, const struct torn_node *file,
					uint64_t offset, struct torn_bytes bytes);
/* Cut a file, or extend it by a hole. */
const struct torn_node *torn_node_resize(struct torn_arena *arena, const struct torn_node *file,
					 uint64_t size);
/* Make a range of a file zero; its size stays. */
const struct torn_node *torn_node_zero(struct torn_arena *arena, const struct torn_node *file,
				       uint64_t offset, uint64_t size);

/* Set an attribute, or remove it where `value` is NULL. Nothing is copied. */
const struct torn_node *torn_node_set_xattr(struct torn_arena *arena, const struct torn_node *node,
					    struct torn_bytes name, const struct torn_bytes *value);
const struct torn_xattr *torn_node_xattr(const struct torn_node *node, struct torn_bytes name);

/* Put an entry into a directory, over one of the same name. `name` is not copied. */
const struct torn_node *torn_node_put(struct torn_arena *arena, const struct torn_node *dir,
				      struct torn_bytes name, const struct torn_node *node,
				      torn_object object);
/*
 * Put all its entries into an empty directory at once: what torn_node_put() makes of
 * them, without a copy for each. They must be in order, each name once, and live as
 * long as the arena's nodes; their terms are set here.
 */
const struct torn_node *torn_node_fill(struct torn_arena *arena, const struct torn_node *dir,
				       struct torn_entry *entries, uint32_t entries_count);
/* Take an entry out; without such an entry the directory itself is returned. */
const struct torn_node *torn_node_drop(struct torn_arena *arena, const struct torn_node *dir,
				       struct torn_bytes name);
const struct torn_entry *torn_node_entry(const struct torn_node *dir, struct torn_bytes name);

/*
 * Copy a tree into an arena that outlives the one it lies in. What of it lies in that
 * arena already is shared: a run changes a few files, and a tree may have thousands.
 */
const struct torn_node *torn_tree_copy(struct torn_arena *arena, const struct torn_node *tree);
/*
 * The same, with its inodes numbered anew from 2 on without gaps (the root is
 * 1), as torn_fold_base_make() wants them. Returns NULL where the arena is full.
 */
const struct torn_node *torn_tree_copy_numbered(struct torn_arena *arena,
						const struct torn_node *tree,
						torn_object *ret_objects);

#endif
