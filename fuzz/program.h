/*
 * program.h: a program that `torn exec` runs: what its command line and its case say.
 */
#ifndef TORN_PROGRAM_H
#define TORN_PROGRAM_H

#include "case.h"

/* All strings outlive every run. */
struct torn_program {
	char *const *argv; /* ends with NULL */
	char *const *envp;
	const char *path;  /* of the file that is executed, absolute */
	const char *dir;   /* the directory that is copied: absolute and canonical */
	const char *cwd;   /* likewise: where it is started */
	/* Commands for /bin/sh; NULL: not given. */
	const char *view;    /* what to compare in place of bytes; the path of a watched file is its $1 */
	const char *check;   /* exit 0: this state is acceptable */
	const char *recover; /* is run after a crash, before anybody looks */
	unsigned timeout_s;  /* of a run */
	uint64_t bytes_max;  /* that the copy of the directory may grow to */
	const char *const *shown; /* files that the command line names: they are there wherever they lie */
};

/* The copy of a directory has so many files at most, and it is given room for so many bytes at least. */
#define TORN_PROGRAM_FILES_MAX 100000u
#define TORN_PROGRAM_BYTES_MIN (UINT64_C(64) << 20)

/* The arguments of a case of `torn exec`, each optional but dir. */
extern const struct torn_default torn_program_args[];

/*
 * Make a program of a case's command and arguments; all lies in the arena, or is the case's. Returns 0;
 * -ENOMEM; -EINVAL with a sentence in `ret_message`: no such command, a directory that is none.
 */
int torn_program_of_case(const struct torn_case *c, struct torn_arena *arena,
			 const struct torn_program **ret_program, char *ret_message, size_t size);

/*
 * Find the file that a command's name means, as execvp(3) does. Returns it in the arena; NULL where
 * there is none that can be executed, with a sentence in `ret_message`.
 */
const char *torn_program_find(const char *name, const char *cwd, struct torn_arena *arena,
			      char *ret_message, size_t size);

/* The command as one would type it, for people. */
const char *torn_program_text(const struct torn_program *program, struct torn_arena *arena);

#endif
