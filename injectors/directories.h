/*
 * directories.h: descriptors of the directories of a run's tree, opened when they are
 * first asked for and kept from run to run: a path costs a lookup for each component.
 * Async-signal-safe.
 */
#ifndef TORN_DIRECTORIES_H
#define TORN_DIRECTORIES_H

#include "view.h"

#define TORN_DIRECTORIES_MAX (TORN_OPS_MAX + 4096)

struct torn_directories {
	int root_fd;
	const struct torn_view *view;  /* of the run at hand: where a directory stands */
	int fds[TORN_DIRECTORIES_MAX]; /* by object; 0: not open */
	uint32_t open[256];            /* which of them are: to forget them without a search */
	uint32_t count;
	bool overflow;
};

/* Return a descriptor of a directory of the run's tree, kept here; or -errno. */
int torn_directories_fd(struct torn_directories *directories, torn_object dir);
/* Forget them: they may not be the same ones any more. */
void torn_directories_forget(struct torn_directories *directories);

#endif
