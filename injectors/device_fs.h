/*
 * device_fs.h: the file systems that a disk can have: how they are made and mounted, and which preset of the
 * crash model they are held against.
 */
#ifndef TORN_DEVICE_FS_H
#define TORN_DEVICE_FS_H

#include "presets.h"

struct torn_device_fs {
	const char *name; /* "ext4", as mount(2) has it */
	uint64_t size;    /* of its disk, in bytes */
	const char *package; /* where its mkfs is, for people */
	const char *const *mkfs; /* argv, without the file; ends with NULL */
	const char *mount_always; /* options that are no one's choice; NULL: none */
};

/* One, and the options that it is mounted with: "ext4:noauto_da_alloc". */
struct torn_device_choice {
	const struct torn_device_fs *fs;
	char options[128]; /* "" for none */
	enum torn_preset preset;
};

/*
 * Say whether this process may mount them: root may, and not in a user namespace (none of them has FS_USERNS_MOUNT).
 * Returns 0; -EPERM with one sentence in `ret_message`.
 */
int torn_device_fs_permitted(char *ret_message, size_t size);
/* The number-th file system; NULL behind the last. */
const struct torn_device_fs *torn_device_fs_number(size_t number);
/*
 * Read what --power and a case call a disk: NAME[:OPTION,...], each option once and one data= mode at most. Returns 0 or -EINVAL, with what was expected in
 * `ret_expected`.
 */
int torn_device_choose(struct torn_bytes text, struct torn_device_choice *ret_choice, char *ret_expected,
		       size_t size);
/* The same text again, in its one form; in `buffer`, which is returned. */
const char *torn_device_choice_text(const struct torn_device_choice *choice, char *buffer, size_t size);
/*
 * Make an empty one in a file, of its size. Returns 0; -ENOENT where its mkfs is not installed; -EIO where that
 * fails.
 */
int torn_device_fs_make(const struct torn_device_fs *fs, const char *file);
/*
 * Mount what is on a device at a directory, `flags` as mount(2) has them: 0 or MS_RDONLY; with MS_REMOUNT what is mounted
 * there. Returns 0 or -errno of mount(2).
 */
int torn_device_fs_mount(const struct torn_device_choice *choice, const char *device, const char *at,
			 unsigned long flags);
/* Unmount it; the kernel keeps nothing that it knew of the device. Returns 0 or -errno. */
int torn_device_fs_unmount(const struct torn_device_choice *choice, const char *device, const char *at);

#endif
