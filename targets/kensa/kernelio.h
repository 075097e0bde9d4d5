/*
 * kernelio.h: what kensa's handlers call to write and to remove a drop-in
 * (seeds/kensa.md, "kernelio primitives"), in each of its versions.
 */
#ifndef KENSA_KERNELIO_H
#define KENSA_KERNELIO_H

#include "fsatomic.h"

/*
 * PRE115: the handlers call AtomicReplace and AtomicRemove themselves, also
 * where there is no file yet. PR115: WriteFile and RemoveFile. FIXED: the same
 * upon fsatomic as it should be.
 */
enum kernelio_version { KERNELIO_PRE115, KERNELIO_PR115, KERNELIO_FIXED };

/*
 * Write a file whether it is there or not; `path` is absolute. An error is the
 * primitive's that failed. Between the two primitives a third party may remove
 * or make the file: there is no loop.
 */
enum fsatomic_error kernelio_write_file(enum kernelio_version version, const char *path, mode_t mode,
					struct torn_bytes content);
/* Remove a file; that there is none is no error. A missing directory is one. */
enum fsatomic_error kernelio_remove_file(enum kernelio_version version, const char *path);

#endif
