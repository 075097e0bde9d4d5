/*
 * look.h: what a program sees of an inode or a directory: answered from the tree, for
 * any gate.
 */
#ifndef TORN_LOOK_H
#define TORN_LOOK_H

#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "view.h"

/* Fill in what stat(2), statx(2) and statfs(2) tell of an inode that is there. */
void torn_look_stat(const struct torn_view *view, torn_object number, struct stat *to);
void torn_look_statx(const struct torn_view *view, torn_object number, struct statx *to);
void torn_look_statfs(struct statfs *to);

/*
 * Give the entries of an open directory from its cursor on, as getdents64(2) does. Returns
 * the bytes used, 0 at the end, -EINVAL where not one fits. The tree has to be settled as far
 * as that directory's own entries go: a lazy fold's is.
 */
long torn_look_list(const struct torn_view *view, struct torn_description *description, uint8_t *start,
		    size_t size);

#endif
