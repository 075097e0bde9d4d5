/* disk_clear.c: what is below a directory, listed and removed: disk_parts.h. */
#include "disk_parts.h"

#include <errno.h>

static int clear(int dirfd, unsigned depth, const char *const *others);

int torn_disk_remove(int dirfd, const char *name, unsigned depth)
{
	long r = torn_raw(SYS_unlinkat, dirfd, name, 0);
	if (r != -EISDIR && r != -EPERM)
		return (int)r;
	const int how = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	long fd = torn_raw(SYS_openat, dirfd, name, how);
	/* Its owner may have been left without rights to it: take them back. */
	if (fd == -EACCES && torn_raw(SYS_fchmodat, dirfd, name, 0700) == 0)
		fd = torn_raw(SYS_openat, dirfd, name, how);
	if (fd < 0)
		return (int)fd;
	torn_raw(SYS_fchmod, fd, 0700); /* also where it can be read and not written */
	r = depth > 200 ? -ELOOP : clear((int)fd, depth + 1, NULL);
	torn_raw(SYS_close, fd);
	return r < 0 ? (int)r : (int)torn_raw(SYS_unlinkat, dirfd, name, AT_REMOVEDIR);
}

static bool is_passed_over(const struct torn_disk_listing *listing, const char *name)
{
	for (const char *const *other = listing->others; other && *other; other++)
		if (strcmp(name, *other) == 0)
			return true;
	return false;
}

struct dirent64 *torn_disk_list_next(struct torn_disk_listing *listing, int dirfd)
{
	for (;;) {
		if (listing->at >= listing->size) {
			/*
			 * Room left does not tell that there is no more: a signal that is
			 * pending, as a tracer's ticks are, ends the call early (filldir64()
			 * of fs/readdir.c). Only nothing at all does.
			 */
			listing->size = torn_raw(SYS_getdents64, dirfd, listing->bytes,
						 sizeof listing->bytes);
			listing->at = 0;
			if (listing->size <= 0)
				return NULL;
		}
		struct dirent64 *entry = (void *)(listing->bytes + listing->at);
		listing->at += entry->d_reclen;
		const char *name = entry->d_name;
		const bool is_dots = name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
		if (!is_dots && !is_passed_over(listing, name))
			return entry;
	}
}

static int clear(int dirfd, unsigned depth, const char *const *others)
{
	/* Removing while listing may skip names: begin again until none is left. */
	for (bool any = true; any;) {
		struct torn_disk_listing listing = {.others = others};
		torn_raw(SYS_lseek, dirfd, 0, SEEK_SET);
		any = false;
		for (struct dirent64 *entry; (entry = torn_disk_list_next(&listing, dirfd));) {
			int r = torn_disk_remove(dirfd, entry->d_name, depth);
			if (r < 0)
				return r;
			any = true;
		}
		if (listing.size < 0)
			return (int)listing.size;
	}
	return 0;
}

int torn_disk_clear(int root_fd)
{
	return clear(root_fd, 0, NULL);
}

int torn_disk_clear_root(const struct torn_disk *disk)
{
	return clear(disk->root_fd, 0, disk->others);
}
