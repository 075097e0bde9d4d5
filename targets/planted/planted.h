/*
 * planted.h: the steps of a correct replace of /srv/f, for targets that each
 * get one thing wrong. Composed in order, open, stage, rename, sync, with the
 * temp discarded after any failure, they keep every promise.
 */
#ifndef PLANTED_H
#define PLANTED_H

#include "../../fuzz/torn.h"

#define PLANTED_NAME "f"
#define PLANTED_TEMP_SIZE sizeof("." PLANTED_NAME ".0123456789abcdef")

/* Open the directory. Returns a descriptor or -1. */
int planted_open(void);
/* Make a temp with the content, synced and closed. Returns 0, or -1 with no temp left. */
int planted_stage(int dir, struct torn_bytes content, char temp[static PLANTED_TEMP_SIZE]);
/* Give the temp the file's name. Returns 0, or -1 with the temp still there. */
int planted_rename(int dir, const char *temp);
int planted_sync(int dir);
/* Cleanup after a failure: what it says is of no interest. */
void planted_discard(int dir, const char *temp);
void planted_close(int fd);

/* All of it, but for opening and closing the directory. */
int planted_replace(int dir, struct torn_bytes content);

extern const struct torn_world planted_worlds[];
extern const struct torn_default planted_args[];
extern const char *const planted_watch[];

#endif
