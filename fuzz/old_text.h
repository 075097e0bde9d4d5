/*
 * old_text.h: what one `old` line says, read and written in one place.
 *
 *   PATH absent
 *   PATH file [mode=0644] [owner=0:0] [xattr=NAME:VALUE]... TEXT | @FILE
 *   PATH dir [mode=0755] [owner=0:0]
 *   PATH mount [mode=0755] [owner=0:0] [lacks=exchange,tmpfile,link,clone]
 *   PATH symlink TEXT
 *   PATH fifo | socket [mode=0644] [owner=0:0]
 *   PATH link OTHER
 *
 * A path is relative to the root; one leading slash is dropped. A file's TEXT is
 * the last word of its line: bare text that looks like an option or a reference
 * has to stand in quotes. An option may be quoted as a whole:
 * "xattr=user.note:two words". An attribute's name ends at the first colon.
 *
 * A mount is a directory at which another file system begins; what that one
 * cannot do is said in the order above (enum torn_mount).
 */
#ifndef TORN_OLD_TEXT_H
#define TORN_OLD_TEXT_H

#include <stdio.h>

#include "../injectors/arena.h"
#include "torn.h"
#include "words.h"

#define TORN_PATH_SIZE_MAX 4095u   /* PATH_MAX without its NUL, linux/limits.h */
#define TORN_NAME_SIZE_MAX 255u	   /* NAME_MAX and XATTR_NAME_MAX */
#define TORN_XATTR_SIZE_MAX 65536u /* XATTR_SIZE_MAX */

/*
 * Read what follows the word `old`, to the end of the line. @FILE is read from
 * below `folder_fd`, -1: there is none. What is taken from the arena is not
 * given back after an error. Returns 0; -EINVAL with words->message set;
 * -ENOMEM when the arena is full.
 */
int torn_old_parse(struct torn_words *words, int folder_fd, struct torn_arena *arena,
		   struct torn_old *ret_old);
/*
 * Write a line's words, "PATH file TEXT", without `old` and newline. Returns 0, or
 * -EINVAL for an attribute whose name has a colon: it has no text.
 */
int torn_old_print(const struct torn_old *old, FILE *out);
/*
 * Read the next word as a path below the root; `what` is what was expected. Returns as
 * torn_old_parse().
 */
int torn_old_parse_path(struct torn_words *words, const char *what, struct torn_arena *arena,
			struct torn_bytes *ret_path);
/* Return the word for what an old state is: "absent", "file", "dir", ... */
const char *torn_old_name(const struct torn_old *old);
/*
 * Return a line's own words by number, from 0: types, then "mode=" and its like;
 * NULL behind the last.
 */
const char *torn_old_word(size_t number);

#endif
