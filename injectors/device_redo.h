/*
 * device_redo.h: a run's log, done again on a real file system, call by call: the calls that changed something or
 * made it durable, with the same descriptors open, since some file systems write at close what was truncated
 * (ext4's auto_da_alloc, XFS). What a run was only told, or looked at, is left out.
 *
 * Inodes are found by the log's identities, as names may have changed hands. Owners are those that the target
 * had in mind.
 */
#ifndef TORN_DEVICE_REDO_H
#define TORN_DEVICE_REDO_H

#include "fold.h"

struct torn_device_redo;

/* A number of an inode that is larger is no run's. */
#define TORN_DEVICE_OBJECTS_MAX (8 * TORN_OPS_MAX)

/*
 * Begin in a directory that has the tree of `base`. Both are the caller's. Returns 0 or -ENOMEM;
 * torn_device_redo_end() closes all descriptors.
 */
int torn_device_redo_begin(struct torn_device_redo **ret_redo, int root_fd, const struct torn_fold_base *base);
/*
 * Do an op. Returns 0; -ENOTSUP with a sentence in `ret_message` where the file system answers otherwise than the
 * log says, or cannot do it at all: what follows would be another run. Of a sync that failed by a fault, too: only
 * a model knows what became of its data. -EBADMSG for what no run logs: a name that is a path, bytes that are not there.
 */
int torn_device_redo_op(struct torn_device_redo *redo, const struct torn_op *op, char *ret_message, size_t size);
void torn_device_redo_end(struct torn_device_redo *redo);

#endif
