/* difference.h: what a path of a tree is, and where two files part, in words. */
#ifndef TORN_DIFFERENCE_H
#define TORN_DIFFERENCE_H

#include "../fuzz/torn.h"
#include "phrase.h"

/* Add "absent", "file of 71 bytes, mode 0644", "symlink to "x", mode 0777", ... */
void torn_difference_add_node(struct torn_phrase *phrase, const struct torn_node *node);

/*
 * Find the first byte at which two files differ; the end of the shorter one is
 * a difference. Returns false where they are equal.
 */
bool torn_difference_find(const struct torn_node *a, const struct torn_node *b,
			  uint64_t *ret_offset);

/*
 * Print where the file `now` parts from `other`, and at most four lines of 16
 * bytes around that place from each. Prints nothing where either is no file
 * or their bytes are equal.
 */
void torn_difference_print(FILE *out, const struct torn_node *now, const struct torn_node *other,
			   const char *other_name);

#endif
