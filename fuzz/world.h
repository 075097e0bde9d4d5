/* world.h: from `old` lines to the tree that a run begins with. */
#ifndef TORN_WORLD_H
#define TORN_WORLD_H

#include "../injectors/fold.h"

/*
 * Build the tree that `old` lines describe: missing parents are directories of
 * mode 0755, the root is object 1, inodes are numbered in the order of their
 * paths. Takes time and room in proportion to the lines, in whatever directories
 * they are. Returns 0; -ENOMEM; -EINVAL with a sentence in `ret_message` (a link
 * to what is no file, or from one file system to another: link(2), EXDEV; a path
 * that is there twice, or below what is no directory: no parsed case has such).
 */
int torn_world_build(struct torn_arena *arena, const struct torn_old *olds, size_t olds_count,
		     const struct torn_node **ret_tree, struct torn_fold_base *ret_base,
		     char *ret_message, size_t size);

/*
 * The way back: `old` lines that describe a tree, sorted by path, a line for each name. Hard links are
 * lines `link` to the first of their paths. All lies in the arena. Returns 0 or -ENOMEM.
 */
int torn_world_olds(struct torn_arena *arena, const struct torn_node *tree, struct torn_old **ret_olds,
		    size_t *ret_count);

/*
 * Return the directory at which the file system of a path is mounted: the path
 * of one of the lines, "" for the root's.
 */
struct torn_bytes torn_world_filesystem(const struct torn_old *olds, size_t olds_count,
					struct torn_bytes path);

#endif
