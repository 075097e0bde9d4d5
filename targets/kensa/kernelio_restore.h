/*
 * kernelio_restore.h: ours, of FIXED only: a file as it was, with all that belongs to it.
 *
 * kensa's rollback writes the captured bytes as a new file of its own mode (fsatomic.h: "none keeps
 * a backup, and the mode is the caller's argument"), so that owner, mode and labels of what was
 * there before are lost. Not modelled: names that were hard links of each other come apart.
 */
#ifndef KENSA_KERNELIO_RESTORE_H
#define KENSA_KERNELIO_RESTORE_H

#include "fsatomic.h"

/*
 * Read mode, owner and extended attributes of a regular file: "0644 0 0", and on a line each
 * "user.name=0123" in hexadecimal; malloc'ed. Where there is no file: NULL. What fsatomic
 * would not write to is an error: a symlink, another type. Returns 0; 1 with NULL where the directory is
 * missing, too; -1 with errno.
 */
int kernelio_attributes_read(const char *path, char **ret_text, size_t *ret_size);

/*
 * Make a file what it was: of those attributes and those bytes; data NULL: no file. Where it is
 * that already nothing is changed. In any case it is durable then.
 */
enum fsatomic_error kernelio_restore_file(const char *path, struct torn_bytes attributes,
					  struct torn_bytes content);

#endif
