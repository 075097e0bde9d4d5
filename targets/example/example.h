/*
 * example.h: what the examples of a correct replace have in common.
 *
 * Each replaces /srv/app/state.json, or makes it, and keeps the mode that it
 * had; owner and extended attributes are not carried over. A failure leaves
 * errno, no temp and no descriptor. Only when the last step fails, the sync of
 * the directory, is a failure reported with the new file in place.
 */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <sys/types.h>

#include "../../fuzz/torn.h"

#define EXAMPLE_NAME "state.json"
#define EXAMPLE_TEMP_SIZE sizeof("." EXAMPLE_NAME ".0123456789abcdef")

/*
 * Put a file in the place of EXAMPLE_NAME: `there` says whether there is one,
 * `mode` what the new one's shall be. Returns 0, or -1 with nothing changed.
 */
typedef int example_put(int dir, bool there, mode_t mode, struct torn_bytes content);

/* Open the directory, look at the old file, put the new one, sync the directory. */
int example_replace(const struct torn_run *run, example_put *put);

/* Return whether the old file is there, and the mode to keep; -1 for what is no regular file. */
int example_look(int dir, mode_t *ret_mode);
/* Choose a name for a temp that nobody guesses. Returns 0 or -1. */
int example_name_temp(char temp[static EXAMPLE_TEMP_SIZE]);
/* Make a temp that only its owner may open, and name it. Returns a descriptor or -1. */
int example_create_temp(int dir, char temp[static EXAMPLE_TEMP_SIZE]);
/* Write all of the content where the file stands. Returns 0, or -1 with a part written. */
int example_write_whole(int file, struct torn_bytes content);
/* Read all of a regular file. Returns 0 with bytes that the caller frees, or -1. */
int example_read_whole(int file, uint8_t **ret_bytes, size_t *ret_size);
/* Give a file its bytes and its mode, and bring both to the disk. */
int example_fill(int file, mode_t mode, struct torn_bytes content);
/* Make a temp, filled and closed. Returns 0, or -1 with no temp left. */
int example_stage(int dir, mode_t mode, struct torn_bytes content,
		  char temp[static EXAMPLE_TEMP_SIZE]);
/* Call fsync until no signal interrupts it. */
int example_sync(int fd);

/* Close, or remove a temp, where an error is already known or none can matter; errno stays. */
void example_close(int fd);
void example_discard(int dir, const char *temp);

extern const struct torn_world example_worlds[];
extern const struct torn_default example_args[];
extern const char *const example_watch[];

#endif
