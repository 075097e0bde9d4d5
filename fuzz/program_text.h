/*
 * program_text.h: what the `command` and `watch` lines of a case say, read and written.
 *
 *   command WORD...   the argv of the program that is run, its name first
 *   watch PATH        a path that must be old or new; below the root, as in old_text.h
 *
 * They are of cases whose target is TORN_PROGRAM_TARGET, and of no others: case.c looks.
 */
#ifndef TORN_PROGRAM_TEXT_H
#define TORN_PROGRAM_TEXT_H

#include <stdio.h>

#include "../injectors/arena.h"
#include "torn.h"
#include "words.h"

/* The target that stands for any program. */
#define TORN_PROGRAM_TARGET "exec"

/*
 * All words of a command, a NUL behind each. execve(2): one word may have as much, and all, with
 * their pointers and the environment, a quarter of RLIMIT_STACK: 2 MiB of the usual 8. So many
 * words of nothing take half of that: what a case says can be run.
 */
#define TORN_COMMAND_SIZE_MAX 131072u

/*
 * Read what follows the word `command`, to the end of the line. What is taken from the arena is
 * not given back after an error. Returns 0; -EINVAL with words->message set; -ENOMEM when the
 * arena is full.
 */
int torn_command_parse(struct torn_words *words, struct torn_arena *arena,
		       struct torn_bytes **ret_command, size_t *ret_count);
/* Write a command's words, a blank between each two. */
void torn_command_print(const struct torn_bytes *command, size_t count, FILE *out);
/* The same for `watch`: one path. As torn_command_parse(). */
int torn_watch_parse(struct torn_words *words, struct torn_arena *arena,
		     struct torn_bytes *ret_path);

#endif
