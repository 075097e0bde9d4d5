/* disk.c: see disk.h. Runs between trials, after each of them: it is made to be quick. */
#include "disk_parts.h"

int torn_disk_settle(const struct torn_disk *disk, const struct torn_node *now,
		     const struct torn_node *old, char *ret_difference, size_t size, bool *ret_anew)
{
	*ret_anew = now != old && !torn_disk_is_simple_change(now, old);
	const int r = torn_disk_compare(disk, now, *ret_anew ? NULL : old, ret_difference, size);
	if (r < 0)
		return r;
	if (!*ret_anew)
		return torn_disk_change_root(disk, now, old, true);
	/* A directory came, went or moved: with descriptors kept on them, all are to be new. */
	if (disk->dirfd || torn_disk_has_links(now) || torn_disk_has_links(old))
		return torn_disk_make_anew(disk, old);
	*ret_anew = false;
	return torn_disk_turn_alike(disk, now, old);
}
