/*
 * audit_rule.h: a line as auditctl(8) has it, as the kernel's struct audit_rule_data.
 *
 * Known: `-w PATH [-p rwxa] [-k KEY]`, and `-a LIST,ACTION` (or -A) with -F, -S and -k. Words end at
 * white space: auditctl knows no quotes. Not known, and refused: -C, -W, -d, names of users and
 * groups but root, system calls that audit_rule.def has not and that are no numbers.
 */
#ifndef KENSA_AUDIT_RULE_H
#define KENSA_AUDIT_RULE_H

#include <linux/audit.h>
#include <stdio.h>

#include "handler.h"

/* Of the strings of one rule: paths and its key. */
#define AUDIT_RULE_STRINGS_MAX 2048u

/* struct audit_rule_data without its flexible end, which ISO C puts into no other struct. */
struct audit_rule_head {
	uint32_t flags, action, field_count;
	uint32_t mask[AUDIT_BITMASK_SIZE];
	uint32_t fields[AUDIT_MAX_FIELDS];
	uint32_t values[AUDIT_MAX_FIELDS];
	uint32_t fieldflags[AUDIT_MAX_FIELDS];
	uint32_t buflen; /* of the strings */
};
_Static_assert(sizeof(struct audit_rule_head) == sizeof(struct audit_rule_data), "the kernel's layout");

/* A rule on the wire: `size` bytes from `data` on. */
struct audit_rule {
	size_t size;
	struct audit_rule_head data;
	char strings[AUDIT_RULE_STRINGS_MAX];
};

/* Is there a rule in the line: is it neither blank nor a comment? */
bool audit_rule_is_there(struct torn_bytes line);
/*
 * Make the rule of a line; whether a watched path is a directory is looked up. Returns 0; -EINVAL where it
 * is none that is known; -E2BIG where it does not fit.
 */
int audit_rule_parse(struct torn_bytes line, struct audit_rule *ret_rule);
/* Whether a path is a directory: 1 for one, 0 for all else, also for nothing; -errno where it is not known. */
typedef int audit_rule_look(const struct kensa_context *context, const char *path);
/* By stat(2). */
audit_rule_look audit_rule_is_directory;
/*
 * Ours, of FIXED: print the line with what was looked up in it: a watched path ends with a slash where it is a
 * directory. Returns 0; -errno of the look; -E2BIG.
 */
int audit_rule_resolve(struct torn_bytes line, audit_rule_look *look, const struct kensa_context *context,
		       FILE *out);
/* Make the rule of such a line: nothing is looked up. Returns as audit_rule_parse(). */
int audit_rule_parse_resolved(struct torn_bytes line, struct audit_rule *ret_rule);
/* The same but for its key, which is its last field. */
struct audit_rule audit_rule_without_key(const struct audit_rule *rule);
/* Say the same to the kernel? */
bool audit_rule_equal(const struct audit_rule *a, const struct audit_rule *b);

#endif
