/*
 * case.h: the text that replays a trial, read and written.
 *
 *   torn-case 1
 *   target NAME[@VARIANT]
 *   seed N                         1 unless said
 *   command WORD...                program_text.h: of the target `exec`, and of no other
 *   arg NAME VALUE
 *   watch PATH                     the same; once for each path
 *   old PATH TYPE ...              old_text.h; contents in files of their own: case_blobs.h
 *   fault WHEN CALL SPEC           fault_text.h
 *   cut N [during] preset=NAME ... cut_text.h
 *   then run | recover             what follows is of another run, behind what stands above
 *   expect held | violated INVARIANT
 *
 * One item a line, the first line first and the others in any order, but for those of a
 * run (fault, cut), which stand behind the `then` that it begins with; words.h
 * says what words and comments are.
 *
 * What a case says twice is refused, not resolved: that is how a merge of two
 * cases, or a typing error, would pass for a trial that nobody meant. Whether
 * targets, arguments and invariants of these names exist is not known here.
 */
#ifndef TORN_CASE_H
#define TORN_CASE_H

#include <stdint.h>
#include <stdio.h>

#include "../injectors/arena.h"
#include "torn.h"
#include "words.h"

/* Where things stand in the text, for those who find out later that they do not exist. */
struct torn_case_lines {
	uint32_t target;
	uint32_t invariant;	     /* 0: the case expects nothing */
	uint32_t command;	     /* 0: the target is no program */
	const uint32_t *args, *olds, *watches; /* as the case's; in the arena */
	uint32_t faults[TORN_FAULTS_MAX]; /* of all runs, one behind the other */
	uint32_t cut;      /* of the last run; 0: the power stays on */
	uint32_t recovers; /* the first that says `then recover`; 0: none does */
};

/* What there is to say about a text: where it is wrong or, if it is not, where things stand. */
struct torn_case_error {
	const char *file;		 /* as the caller named it, not copied; NULL: unnamed */
	uint32_t line;			 /* from 1; 0: the file as a whole */
	char message[TORN_MESSAGE_SIZE]; /* "expected X, found Y"; "" after success */
	struct torn_case_lines lines;	 /* all 0 after an error */
};

/*
 * Read a case. Everything in `ret_case` lies in the arena, every value with a
 * NUL behind it. Returns 0; -EINVAL with the first thing that is wrong in
 * `ret_error`; -ENOMEM when the arena is full. After an error ret_case is
 * untouched and the arena as it was. References to files are refused: there is no
 * folder that they could be relative to.
 */
int torn_case_parse(const char *file_name, struct torn_bytes text, struct torn_arena *arena,
		    struct torn_case *ret_case, struct torn_case_error *ret_error);
/*
 * The same, with the contents of @FILE read from below a folder: regular files
 * of up to TORN_CONTENT_SIZE_MAX, no symlink on the way, none "..". -1: no folder.
 * Blobs must be what their names say, blob_name.h.
 */
int torn_case_parse_at(int folder_fd, const char *file_name, struct torn_bytes text,
		       struct torn_arena *arena, struct torn_case *ret_case,
		       struct torn_case_error *ret_error);
/*
 * Read a case from a regular file, its references from the folder that the file
 * is in. As torn_case_parse; -errno of open(2) or read(2), also told in
 * ret_error, when the file cannot be read. `path` has to outlive ret_error.
 */
int torn_case_load(const char *path, struct torn_arena *arena, struct torn_case *ret_case,
		   struct torn_case_error *ret_error);
/*
 * Read a text of `old` and `arg` lines only: a target's old state. As
 * torn_case_parse; all else of ret_world is empty.
 */
int torn_case_parse_world(struct torn_bytes text, struct torn_arena *arena,
			  struct torn_case *ret_world, struct torn_case_error *ret_error);

/*
 * Room for a case from a file with all that it refers to, and for what is made of it: an upper
 * bound, since only what is taken of it costs memory. Contents beyond it are -ENOMEM.
 */
#define TORN_CASE_ARENA_SIZE ((size_t)512 << 20)

/* Put arguments, watches, olds and faults in canonical order, as a parsed case has them. */
void torn_case_sort(struct torn_case *c);
/*
 * Write a case that is in canonical order as its canonical text: two such cases
 * are equal where their texts are. Returns 0, -EINVAL for an attribute
 * whose name has a colon (it has no text), -EIO when `out` failed.
 */
int torn_case_print(const struct torn_case *c, FILE *out);
/* Return the same text in an arena; data NULL where it has none, or there is no memory. */
struct torn_bytes torn_case_text(const struct torn_case *c, struct torn_arena *arena);

/*
 * Return a case's own words by number, from 0: its first line, what begins the
 * others, what it expects; NULL behind the last.
 */
const char *torn_case_word(size_t number);

#endif
