/* standin_file.h: how the stand-ins write a file that they make from others. */
#ifndef KENSA_STANDIN_FILE_H
#define KENSA_STANDIN_FILE_H

#include <sys/types.h>

#include "../../fuzz/torn.h"

/*
 * g_file_set_contents(3): temp "PATH.XXXXXX", fsync, rename; the directory is not synced. The temp is
 * removed where that fails. Returns 0, or -1 with errno.
 */
int standin_file_write(const char *path, mode_t mode, struct torn_bytes content);

#endif
