/*
 * banger.h: how banger replaces and copies files (its package internal/system),
 * as published and as repaired. The steps are those of Go's os package: see
 * ../go/go_os.h.
 *
 * Each returns 0, or -1 after one line on stderr. Paths are absolute.
 */
#ifndef BANGER_H
#define BANGER_H

#include "../../fuzz/torn.h"

/* ---------------------------------------------------- atomic_replace.c */

/*
 * Move `source` to `dst` (a rename: both are on one file system) and keep what
 * was there as `dst` with the suffix. An empty suffix is refused.
 */
int banger_atomic_replace(const char *source, const char *dst, const char *suffix);
/*
 * Put the backup back in the place of `dst`; without one there is nothing to
 * do, which is success. Meant to be called whatever became of the replace.
 */
int banger_atomic_replace_rollback(const char *dst, const char *suffix);

/* What a replace did, for a rollback to take back. */
enum banger_replaced {
	BANGER_UNKNOWN,   /* by a process that is gone: what the backup says */
	BANGER_UNCHANGED, /* it failed, and dst is what it was */
	BANGER_CREATED,   /* dst is new, and there was none */
	BANGER_REPLACED,  /* dst is new, and the old one is its backup */
};

/*
 * Ours of both. *ret_replaced is set on success and on failure. A directory is
 * refused as source, as dst, and by the rollback as backup; where a replace puts
 * its backup an empty one is removed, and one that is not is refused. The backup
 * is a hard link until dst is replaced: on a file system without these all is
 * refused. What is reported is on the disk; the bytes of the source are taken to be
 * there already.
 */
int banger_atomic_replace_fixed(const char *source, const char *dst, const char *suffix,
				enum banger_replaced *ret_replaced);
int banger_atomic_replace_rollback_fixed(const char *dst, const char *suffix,
					 enum banger_replaced replaced);

/* ---------------------------------------------------------- copy_file.c */

/*
 * Copy `source` to `dst`, which must not exist: by a clone where the file
 * system can, else byte by byte. The copy gets the nine permission bits of the
 * source; set-ID bits, owner, times and attributes stay behind.
 */
int banger_copy_file_prefer_clone(const char *source, const char *dst);
/* Ours. */
int banger_copy_file_prefer_clone_fixed(const char *source, const char *dst);

/* ------------------------------------------- what the targets share */

#define BANGER_ARGS                                                                                \
	{"source", "/var/cache/banger/banger.new"}, {"dst", "/usr/local/bin/banger"},              \
		{"suffix", ".previous"}

/* The next version, the one in use, and the one before: lines of an old state. */
#define BANGER_OLD_SOURCE "old var/cache/banger/banger.new file mode=0755 \"banger 2\\n\"\n"
#define BANGER_OLD_DST "old usr/local/bin/banger file mode=0755 \"banger 1\\n\"\n"
#define BANGER_OLD_BACKUP "old usr/local/bin/banger.previous file mode=0755 \"banger 0\\n\"\n"
/* In the backup's place: by mistake, or a version of old in a folder with what belongs to it. */
#define BANGER_OLD_BACKUP_EMPTY "old usr/local/bin/banger.previous dir\n"
#define BANGER_OLD_BACKUP_FULL                                                                     \
	"old usr/local/bin/banger.previous/banger file mode=0755 \"banger 0\\n\"\n"

#endif
