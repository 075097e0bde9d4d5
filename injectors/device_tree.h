/*
 * device_tree.h: trees on a real file system: made as they are, owners and all attributes too, and read back.
 * Whoever does that is root. What the kernel keeps (TORN_RUNTIME) is on no disk.
 */
#ifndef TORN_DEVICE_TREE_H
#define TORN_DEVICE_TREE_H

#include "arena.h"
#include "tree.h"

/*
 * Can a disk have this tree, whose inodes have numbers up to `objects`? Returns NULL, or why not: a file system that is mounted
 * in it, or what is no tree: a name that is a path, a number beyond.
 */
const char *torn_device_tree_lacks(const struct torn_node *tree, torn_object objects);
/* Make a tree in an empty directory. Returns 0 or -errno. */
int torn_device_tree_make(int root_fd, const struct torn_node *tree);
/*
 * Read a directory as a tree. What is read of the runtime is `runtime_of`'s, a tree that was made there. Returns 0;
 * -ENOMEM; -EUCLEAN for what a file system shows and cannot be read (an I/O error, an inode that is gone).
 */
int torn_device_tree_read(struct torn_arena *arena, int root_fd, const struct torn_node *runtime_of,
			  const struct torn_node **ret_tree);

#endif
