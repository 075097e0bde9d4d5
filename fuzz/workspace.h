/*
 * workspace.h: the folder on tmpfs in which trials have their root, and what
 * becomes of it: removed at the end, also after an interrupt, and by the next
 * start of torn where this one was killed.
 */
#ifndef TORN_WORKSPACE_H
#define TORN_WORKSPACE_H

#include <stddef.h>

struct torn_workspace {
	char path[256];
	int dir_fd;  /* of the folder, locked (flock(2)) while it is in use */
	int root_fd; /* of the trial's root in it */
};

/*
 * Make one, below /dev/shm or, where that is no tmpfs, XDG_RUNTIME_DIR or
 * TMPDIR; clear away those of this user that a dead torn left. The root belongs
 * to whom the sandbox becomes. Returns 0; -errno with one sentence in
 * `ret_message`.
 */
int torn_workspace_open(struct torn_workspace *workspace, char *ret_message, size_t size);
/* Remove it and all below. */
void torn_workspace_close(struct torn_workspace *workspace);

#endif
