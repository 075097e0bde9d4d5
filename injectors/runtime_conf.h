/*
 * runtime_conf.h: configuration that boot reads, out of a tree: drop-in directories and their lines.
 */
#ifndef TORN_RUNTIME_CONF_H
#define TORN_RUNTIME_CONF_H

#include "runtime_text.h"
#include "tree.h"

#define TORN_CONF_FILES_MAX 256u

struct torn_conf_files {
	struct torn_bytes names[TORN_CONF_FILES_MAX]; /* sorted as bytes */
	struct torn_bytes contents[TORN_CONF_FILES_MAX];
	size_t count;
};

/* All bytes of a file, in the arena. Symlinks are followed; what is no file is empty. Returns 0, -ENOMEM. */
int torn_conf_read(struct torn_arena *arena, const struct torn_node *root, struct torn_bytes path,
		   struct torn_bytes *ret_content);
/*
 * Read the files of DIRECTORY.d that end in `suffix`, from /etc, /usr/local/lib and /usr/lib: the first
 * of these has a name for itself; one that starts with "." is none (sysctl.d(5), modprobe.d(5)).
 * `dirs` are paths without a leading slash, the last one NULL. Files beyond TORN_CONF_FILES_MAX are left
 * out. Returns 0 or -ENOMEM.
 */
int torn_conf_collect(struct torn_arena *arena, const struct torn_node *root, const char *const *dirs,
		      const char *suffix, struct torn_conf_files **ret_files);

#endif
