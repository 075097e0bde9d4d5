/*
 * audit_lines.h: lines of a file of audit rules, which several rules may share. Pure functions; lines are
 * compared without the white space around them. What is returned is malloc'ed, with a NUL behind it.
 */
#ifndef KENSA_AUDIT_LINES_H
#define KENSA_AUDIT_LINES_H

#include "../../fuzz/torn.h"

/* Take the next line off the front of a text, trimmed. False where there is none. */
bool audit_lines_next(struct torn_bytes *text, struct torn_bytes *ret_line);
/* The same, of lines that are rules: neither blank nor a comment. */
bool audit_lines_next_rule(struct torn_bytes *text, struct torn_bytes *ret_line);

/*
 * Append those rules of `rules` that `file` has not; a file that is empty or blank gets kensa's header
 * first. `ret_added` (may be NULL) are the rules that were appended, a line each. Returns 0 or -ENOMEM.
 */
int audit_lines_merge(struct torn_bytes file, struct torn_bytes rules, char **ret_merged,
		      size_t *ret_size, char **ret_added);
/*
 * Take the lines of `rules` out of `file`. `ret_remains`: is a rule left in it? Without rules to take out
 * the file is as it was; else it ends with one newline. Returns 0 or -ENOMEM.
 */
int audit_lines_remove(struct torn_bytes file, struct torn_bytes rules, char **ret_reduced,
		       size_t *ret_size, bool *ret_remains);

#endif
