/*
 * kernelio_fstab.h: lines of fstab(5), by their mount point: the second field, verbatim. A line
 * is looked at as Go's strings.Fields splits it; one that begins with '#' is a comment. Pure functions.
 */
#ifndef KENSA_KERNELIO_FSTAB_H
#define KENSA_KERNELIO_FSTAB_H

#include "../../fuzz/torn.h"

/* Find the first line of a mount point, without its newline; data NULL where there is none. */
struct torn_bytes kernelio_fstab_find_line(struct torn_bytes fstab, struct torn_bytes mount_point);
/* The next one behind `line`, which lies in `fstab`. */
struct torn_bytes kernelio_fstab_next_line(struct torn_bytes fstab, struct torn_bytes line,
					   struct torn_bytes mount_point);
/* Return a line's field, from 0; data NULL where it has fewer. */
struct torn_bytes kernelio_fstab_field(struct torn_bytes line, size_t index);
/* Has a list with commas that option, verbatim? */
bool kernelio_fstab_has_option(struct torn_bytes list, struct torn_bytes option);

/*
 * Append the options that are missing to the fourth field of EVERY line of the mount point; one
 * that has none is left. Such a line's fields then have one space between them, also where nothing was missing. `ret_fstab` is
 * malloc'ed. Returns 0; -ENOENT where the mount point has no line (ErrNoFstabEntry); -ENOMEM.
 */
int kernelio_fstab_add_options(struct torn_bytes fstab, struct torn_bytes mount_point,
			       struct torn_bytes options, char **ret_fstab, size_t *ret_size);
/* Put `line` in the place of EVERY line of the mount point. Returns as above. */
int kernelio_fstab_replace_line(struct torn_bytes fstab, struct torn_bytes mount_point,
				struct torn_bytes line, char **ret_fstab, size_t *ret_size);
/*
 * Ours, of FIXED: put each line of the mount point in `prior` in the place of the one that stands there
 * now, in order. Returns 0; -ENOENT where there are none, or more of them or fewer; -ENOMEM.
 */
int kernelio_fstab_put_back(struct torn_bytes fstab, struct torn_bytes mount_point,
			    struct torn_bytes prior, char **ret_fstab, size_t *ret_size);

#endif
