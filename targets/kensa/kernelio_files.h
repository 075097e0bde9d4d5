/*
 * kernelio_files.h: what kensa's handlers read and make beside their drop-ins
 * (seeds/kensa.md, "kernelio primitives"). All return -1 with errno where they fail.
 */
#ifndef KENSA_KERNELIO_FILES_H
#define KENSA_KERNELIO_FILES_H

#include "kernelio.h"

/* More of a file is EFBIG. kensa has no limit. */
#define KERNELIO_BYTES_MAX ((size_t)64 << 10)

/* os.ReadFile, which follows symlinks. `ret_text` is malloc'ed, with a NUL behind its bytes. */
int kernelio_read_file(const char *path, char **ret_text, size_t *ret_size);
/* The same of an open file, from where it stands. */
int kernelio_read_open(int file, char **ret_text, size_t *ret_size);
/* As kernelio_read_file(); where there is none 0, with NULL in `ret_text`. */
int kernelio_read_file_if_exists(const char *path, char **ret_text, size_t *ret_size);
/*
 * The same of a regular file, and of FIXED only: what is something else is EINVAL, and is not waited for. The
 * published reader waits in open(2) until somebody writes into a FIFO.
 */
int kernelio_read_regular_if_exists(const char *path, char **ret_text, size_t *ret_size);
/* os.MkdirAll: it follows symlinks, and nothing is synced. */
int kernelio_mkdir_all(const char *path, mode_t mode);

#endif
