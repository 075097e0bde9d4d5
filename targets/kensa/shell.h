/*
 * shell.h: what the handlers' shell paths have in common: commands for kensa's local transport (`sh -c`, output
 * without trailing newlines), and a drop-in that is read and written by them.
 */
#ifndef KENSA_SHELL_H
#define KENSA_SHELL_H

#include "handling.h"

/*
 * Run a command. In `format` %s is a word as it is, and %q the next argument, a struct torn_bytes, as one word
 * in single quotes; %% is a percent sign. `ret_output` may be NULL; nothing is printed. Returns the exit status; -1 where it
 * could not be run.
 */
int shell_run(const struct kensa_context *context, char **ret_output, const char *format, ...);

/* Print a word in single quotes. */
void shell_quote(FILE *to, struct torn_bytes word);

/*
 * FIXED: is a word, quoted, one that fits into a command beside another one? The command is one argument of `sh -c`, and
 * the kernel takes 128 KiB of one (execve(2), MAX_ARG_STRLEN).
 */
#define SHELL_WORD_MAX ((size_t)48 << 10)
bool shell_takes(struct torn_bytes word);

/* Such a command, for a part of another one. The caller frees; NULL: no memory. */
char *shell_compose(const char *format, ...);

/*
 * FIXED: run a command that writes a file beside `path`, at "$T", a name that nothing has, and renames it to `path`. Where
 * it fails nothing is left there. Returns as shell_run().
 */
int shell_run_beside(const struct kensa_context *context, const char *path, const char *format, ...);

/* FIXED: is a name in its directory? Returns 0: it is, 1: it is not; all else: that cannot be told. */
int shell_look_for(const struct kensa_context *context, const char *path);
/* The same, of a regular file: what is something else is what apply would refuse later, and cannot be told. */
int shell_look_for_file(const struct kensa_context *context, const char *path);

/*
 * Add a file's bytes as the fact `name`, or that there is none. As the transport cuts trailing newlines off,
 * a captured file is taken to end with one; FIXED asks for its last byte, mode and owner, too. Returns
 * KENSA_SUCCESS or KENSA_CAPTURE_INCOMPLETE.
 */
enum kensa_outcome shell_file_capture(const struct kensa_context *context, struct kensa_prestate *state,
				      const char *name, const char *path);
/*
 * FIXED: commands, each with " &&" behind it, that give "$T" the extended attributes of a captured file. The caller frees;
 * NULL: no memory.
 */
char *shell_set_attributes(const struct kensa_prestate *state, const char *name);
/* `printf '%s' BODY > FILE`; FIXED beside it, synced, and then renamed. Returns KENSA_SUCCESS or KENSA_FAILED. */
enum kensa_outcome shell_file_write(const struct kensa_context *context, const char *path, const char *mode,
				    struct torn_bytes content);
/* The same of what was captured, or `rm -f`. */
enum kensa_outcome shell_file_restore(const struct kensa_context *context, const struct kensa_prestate *state,
				      const char *name, const char *path, const char *mode);

#endif
