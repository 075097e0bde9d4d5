/*
 * case_blobs.h: contents that are too large for a case, or no text, in files beside it.
 *
 * A case is made to be read: what is no text, or longer than anybody reads, is in blobs/ (see
 * blob_name.h). Cases of one folder share them. Whoever writes a case calls the three in order:
 *
 *   torn_case_blobs_refer()   once it is decided what the case says
 *   torn_case_blobs_write()   before the case's own file: a crash leaves none without its blobs
 *   torn_case_print()
 */
#ifndef TORN_CASE_BLOBS_H
#define TORN_CASE_BLOBS_H

#include <stdbool.h>

#include "../injectors/arena.h"
#include "torn.h"

/* A text of up to so many bytes stands in its line. */
#define TORN_CASE_INLINE_MAX 4096u

/* Say whether a content goes into a blob: it is too long, or printed with \xHH (words.h). */
bool torn_case_blobs_wants(struct torn_bytes content);
/*
 * Set the references (torn_old.file) of a case that is to be written: to their blobs where files
 * want one, to nothing elsewhere, also where a content was read from some other file: it will not
 * be there. The olds are replaced by a copy in the arena. No file is touched. Returns 0, or
 * -ENOMEM with the case as it was.
 */
int torn_case_blobs_refer(struct torn_case *c, struct torn_arena *arena);
/*
 * Store the content of each old file that refers to a blob in blobs/ below a folder, durably. One
 * that is there is left alone; one that is not what its name says is replaced. Returns 0; -EFBIG
 * for a content above TORN_CONTENT_SIZE_MAX, which could not be read again; -ENOTDIR where blobs/
 * is no directory (nor may it be a symlink); -errno. After an error some may be stored.
 */
int torn_case_blobs_write(const struct torn_case *c, int folder_fd);

#endif
