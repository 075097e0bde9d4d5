/* runtime_mount_options.h: the options of a mount and of its superblock, as mountinfo prints them. */
#ifndef TORN_RUNTIME_MOUNT_OPTIONS_H
#define TORN_RUNTIME_MOUNT_OPTIONS_H

#include "runtime_text.h"

/*
 * The options of a mount, "rw,nosuid,relatime": `flags` are mount(2)'s (MS_*), and those that belong to
 * a superblock have no say. A remount leaves how access times are kept where the flags do not say.
 */
void torn_mount_options_print(struct torn_text *text, uint64_t flags, bool is_remount, struct torn_bytes old);

/*
 * The options of a superblock, "rw,size=1024k", after a mount (`old` is empty) or a remount with
 * mount(2)'s flags and data. Returns 0, -EINVAL for data that the file system does not take, -ENOMEM.
 */
int torn_super_options_make(struct torn_arena *arena, struct torn_bytes type, uint64_t flags,
			    struct torn_bytes data, struct torn_bytes old, struct torn_bytes *ret_options);

/* The words of fstab(5)'s fourth field, as mount(8) reads them. */
struct torn_mount_words {
	uint64_t flags;		/* for mount(2) */
	struct torn_bytes data; /* for mount(2): what is the file system's */
	bool is_noauto, is_bind;
};
/* Returns 0 or -ENOMEM. */
int torn_mount_words_read(struct torn_arena *arena, struct torn_bytes options, struct torn_mount_words *ret_words);

#endif
