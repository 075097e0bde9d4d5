/*
 * litmus.h: small operations in whose states after a power cut file systems are known to differ, or to agree where a
 * model might not: a row each of the litmus table.
 */
#ifndef TORN_LITMUS_H
#define TORN_LITMUS_H

#include "torn.h"

struct torn_litmus {
	const char *name;
	int (*operation)(const struct torn_run *run);
	const char *path;  /* what may it be after a cut? */
	bool is_telling;   /* where little time is to be taken, this row has to be there */
};

/* The number-th row; NULL behind the last. */
const struct torn_litmus *torn_litmus_number(size_t number);
/* Return the row of that name, or NULL. */
const struct torn_litmus *torn_litmus_named(const char *name);

/* Old and new bytes of a file, unless its row says otherwise: two whole blocks and a part of one. */
#define TORN_LITMUS_SIZE 9000

/* The tree that all of them begin with: `old` lines, static. */
const char *torn_litmus_olds(void);

/*
 * Return what a file is, in a letter: a absent, d no file, 0 empty, o old, n new, z all zeroes, x anything else. O and N
 * have another mode than 0644. torn_litmus_word() says it in words.
 */
char torn_litmus_letter(const struct torn_node *node);
/* Add a letter where it is not in `letters`, which has room for TORN_LITMUS_LETTERS. */
void torn_litmus_note(char *letters, char letter);

/* --------------------------------------------------------- for operations */

/* TORN_LITMUS_SIZE times a letter; they last until the next call. */
char *torn_litmus_bytes(char letter);
/* Open with O_WRONLY and these flags, and write so many of a letter. Returns a descriptor, or -1. */
int torn_litmus_write(const char *path, int flags, char letter, size_t size);
/* fsync(2) a directory. Returns 0 or -1. */
int torn_litmus_sync_directory(const char *path);
/* Write new bytes to srv/t, whose blocks are reserved before, and which is synced. Returns 0 or -1. */
int torn_litmus_stage(bool reserves, bool syncs);

#endif
