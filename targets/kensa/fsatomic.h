/*
 * fsatomic.h: kensa's three atomic file primitives (seeds/kensa.md, "fsatomic").
 *
 * All three walk an absolute path without following a symlink, change one
 * name in its directory, and sync that directory. None creates a directory,
 * none keeps a backup, and the mode is the caller's argument: of the old file
 * nothing is carried over.
 */
#ifndef KENSA_FSATOMIC_H
#define KENSA_FSATOMIC_H

#include <stdlib.h>
#include <sys/types.h>

#include "../../fuzz/torn.h"

/* kensa as it is, or with the repairs that fsatomic.c lists. */
enum fsatomic_variant { FSATOMIC_PUBLISHED, FSATOMIC_FIXED };

/* kensa's typed errors; FSATOMIC_OTHER is any untyped one, and errno says more. */
enum fsatomic_error {
	FSATOMIC_OK,
	FSATOMIC_ALREADY_EXISTS,
	FSATOMIC_NOT_EXIST,
	FSATOMIC_SYMLINK_IN_PATH,
	FSATOMIC_PARENT_DIR_MISSING,
	FSATOMIC_OTHER,
};

/* kensa has no limit; beyond this one a file system is probed each time. */
#define FSATOMIC_DEVICES_MAX 16

/* What kensa keeps for its process's life. All zero is a process that has just started. */
struct fsatomic_state {
	struct {
		dev_t device;
		bool exchanges;
	} probed[FSATOMIC_DEVICES_MAX]; /* forever: no entry is ever looked at again */
	size_t probed_count;
	bool warned; /* one warning a process, however many file systems */
};
extern struct fsatomic_state fsatomic_state;

/*
 * Publish a new file `name` in `dir`. Fails with FSATOMIC_ALREADY_EXISTS where
 * the name is taken, whatever it names. An error after the file is linked
 * (sync of the directory) leaves it there.
 */
enum fsatomic_error fsatomic_write(enum fsatomic_variant variant, const char *dir, const char *name,
				   mode_t mode, struct torn_bytes content);
/*
 * Replace an existing regular file. Fails with FSATOMIC_NOT_EXIST where there
 * is none. An error after the names are exchanged (unlink of the old bytes,
 * sync of the directory) leaves the new bytes in place.
 */
enum fsatomic_error fsatomic_replace(enum fsatomic_variant variant, const char *path, mode_t mode,
				     struct torn_bytes content);
/*
 * Remove what is no directory and no symlink: a FIFO, socket or device too.
 * An error after that (sync of the directory) leaves it removed.
 */
enum fsatomic_error fsatomic_remove(enum fsatomic_variant variant, const char *path);

/* Return the argument `mode` of a run, written in octal. */
static inline mode_t fsatomic_mode_arg(const struct torn_run *run)
{
	return (mode_t)strtoul(torn_run_text(run, "mode"), NULL, 8);
}

/*
 * Text of a case for a file of 9000 bytes, that is of more than two blocks.
 * ISO C promises 4095 for a string: say __extension__ before it.
 */
#define FSATOMIC_TEN(text) text text text text text text text text text text
#define FSATOMIC_LARGE                                                                             \
	"\"" FSATOMIC_TEN(FSATOMIC_TEN("# 90 bytes of a drop-in that somebody filled with remarks" \
				       " about why it was once needed...\\n")) "\""

#endif
