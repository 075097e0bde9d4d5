/*
 * audit_rule.h: an audit rule as the kernel is told it (struct audit_rule_data, linux/audit.h) and as a line
 * of text, the way `auditctl -l` prints it. Async-signal-safe.
 *
 * The line says all that the rule says, so that it can be read back. Where auditctl leaves something open:
 *   a directory that is watched ends in a slash ("-w /etc/"), a file never does;
 *   in a path or a key a blank, a control character and a backslash are \ooo;
 *   fields stand in their order, also arch and those of a watch ("-p wa-w /etc" is auditctl's);
 *   a rule for no system call at all has "-S none"; blanks stand between all options.
 */
#ifndef TORN_AUDIT_RULE_H
#define TORN_AUDIT_RULE_H

#include <linux/audit.h>

#include "runtime_text.h"

/* struct audit_rule_data without its strings. */
struct torn_audit_head {
	uint32_t flags; /* a list: AUDIT_FILTER_*, and AUDIT_FILTER_PREPEND */
	uint32_t action, field_count;
	uint32_t mask[AUDIT_BITMASK_SIZE];
	uint32_t fields[AUDIT_MAX_FIELDS], values[AUDIT_MAX_FIELDS], fieldflags[AUDIT_MAX_FIELDS];
	uint32_t buflen; /* of the strings, in bytes */
};
_Static_assert(sizeof(struct torn_audit_head) == sizeof(struct audit_rule_data), "the kernel's layout");

struct torn_audit_rule {
	struct torn_audit_head head;
	struct torn_bytes strings; /* one after the other, as the fields come; a value is a string's size */
};

/*
 * Take a rule in, as audit_data_to_entry() does: `data` is what follows the netlink header. Returns 0;
 * -EINVAL; -ENAMETOOLONG for a path. Whether a path exists (ENOENT) is not known here.
 */
int torn_audit_rule_take(struct torn_bytes data, struct torn_audit_rule *ret_rule);
/* The same rule to the kernel? One that is to be prepended is the same as none that is there. */
bool torn_audit_rule_same(const struct torn_audit_rule *a, const struct torn_audit_rule *b);
/* The list that it belongs to. */
static inline uint32_t torn_audit_rule_list(const struct torn_audit_rule *rule)
{
	return rule->head.flags & ~(uint32_t)AUDIT_FILTER_PREPEND;
}

/* Print it as a line, without the newline. */
void torn_audit_rule_print(struct torn_text *text, const struct torn_audit_rule *rule);
/*
 * Read a line: -w or -a or -A, and -p, -k, -F, -C, -S. Strings lie in `arena`. Names of users and groups
 * other than root are not known. Returns 0, -EINVAL, -ENOMEM.
 */
int torn_audit_rule_read(struct torn_arena *arena, struct torn_bytes line, struct torn_audit_rule *ret_rule);

/* ------------------------------------------------------------------ names */

enum torn_audit_form {
	TORN_AUDIT_DECIMAL,
	TORN_AUDIT_UNSIGNED,
	TORN_AUDIT_HEX,
	TORN_AUDIT_ID,
	TORN_AUDIT_ARCH,
	TORN_AUDIT_EXIT,
	TORN_AUDIT_PERM,
	TORN_AUDIT_MSGTYPE,
	TORN_AUDIT_STRING,
};

enum torn_audit_operators { TORN_AUDIT_ANY, TORN_AUDIT_ORDER, TORN_AUDIT_EQUAL, TORN_AUDIT_IS };

struct torn_audit_field {
	const char *name;
	uint32_t number;
	enum torn_audit_form form;
	enum torn_audit_operators operators;
};

struct torn_audit_name {
	const char *name;
	uint32_t number;
};

struct torn_audit_comparison {
	const char *left, *right;
	uint32_t number;
};

/* The row of a field, or NULL. */
const struct torn_audit_field *torn_audit_field_numbered(uint32_t number);
const struct torn_audit_field *torn_audit_field_named(struct torn_bytes name);
/* Tables end with a name that is NULL. */
extern const struct torn_audit_name torn_audit_operators[];
extern const struct torn_audit_name torn_audit_lists[];
extern const struct torn_audit_name torn_audit_actions[];
extern const struct torn_audit_name torn_audit_permissions[];
extern const struct torn_audit_name torn_audit_msgtypes[];
extern const struct torn_audit_comparison torn_audit_comparisons[];
/* A name's number in a table. */
bool torn_audit_number(const struct torn_audit_name *table, struct torn_bytes name, uint32_t *ret_number);
/* A number's name, or NULL. */
const char *torn_audit_name(const struct torn_audit_name *table, uint32_t number);

/* A system call of a machine (AUDIT_ARCH_*): its name or NULL; its number or -1. */
const char *torn_audit_syscall_name(uint32_t machine, uint32_t number);
int torn_audit_syscall_number(uint32_t machine, struct torn_bytes name);

#endif
