/*
 * audit_rule.c: what the kernel takes for a rule: kernel/auditfilter.c, held against 6.18.
 *
 * Not modelled: whether paths exist, classes of system calls (the last half word of the mask, which is
 * dropped), security labels' own check (an LSM's).
 */
#include "audit_rule.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define CLASSES_MASK UINT32_C(0xffff0000) /* AUDIT_SYSCALL_CLASSES bits at the mask's end */

static bool takes_syscalls(uint32_t list)
{
	return list == AUDIT_FILTER_EXIT || list == AUDIT_FILTER_URING_EXIT;
}

static bool is_string(const struct torn_audit_rule *rule, uint32_t number)
{
	const struct torn_audit_field *field = torn_audit_field_numbered(rule->head.fields[number]);
	return field && field->form == TORN_AUDIT_STRING;
}

/* audit_to_op() and the operators of audit_field_valid() */
static bool is_operator_of(enum torn_audit_operators operators, uint32_t operator)
{
	if (!torn_audit_name(torn_audit_operators, operator))
		return false;
	switch (operators) {
	case TORN_AUDIT_ANY:
		return true;
	case TORN_AUDIT_ORDER:
		return operator != AUDIT_BIT_MASK && operator != AUDIT_BIT_TEST;
	case TORN_AUDIT_EQUAL:
		return operator == AUDIT_EQUAL || operator == AUDIT_NOT_EQUAL;
	case TORN_AUDIT_IS:
		return operator == AUDIT_EQUAL;
	}
	return false;
}

/* Which fields a list takes: audit_field_valid(). */
static bool is_field_of(uint32_t list, uint32_t field)
{
	if (list == AUDIT_FILTER_FS)
		return field == AUDIT_FSTYPE || field == AUDIT_FILTERKEY;
	switch (field) {
	case AUDIT_FSTYPE:
		return false;
	case AUDIT_MSGTYPE:
		return list == AUDIT_FILTER_EXCLUDE || list == AUDIT_FILTER_USER;
	case AUDIT_WATCH:
	case AUDIT_DIR:
	case AUDIT_INODE:
		return takes_syscalls(list);
	case AUDIT_PERM:
		return list != AUDIT_FILTER_URING_EXIT;
	default:
		return true;
	}
}

/*
 * No user and no group is -1; a login that is unset is "was it ever set" (AUDIT_LOGINUID_LEGACY). Other
 * values go by: audit_field_valid() looks at one that is not filled in yet.
 */
static bool is_value_of(const struct torn_audit_field *field, uint32_t value)
{
	return field->form != TORN_AUDIT_ID || value != UINT32_MAX || field->number == AUDIT_LOGINUID;
}

static enum torn_audit_operators operators_of(const struct torn_audit_field *field, uint32_t value)
{
	return field->number == AUDIT_LOGINUID && value == UINT32_MAX ? TORN_AUDIT_EQUAL : field->operators;
}

/* A path that is watched, that begins a tree or that is run. Returns 0, -EINVAL or -ENAMETOOLONG. */
static int check_path(uint32_t field, struct torn_bytes path)
{
	if (path.size > PATH_MAX)
		return -ENAMETOOLONG; /* audit_unpack_string() */
	if (path.data[0] != '/' || (field != AUDIT_DIR && path.data[path.size - 1] == '/'))
		return -EINVAL;
	return 0;
}

/* What a rule has at most once. */
struct only {
	bool has_place, has_key, has_exe;
};

static bool take_only(struct only *only, uint32_t field)
{
	bool *const has = field == AUDIT_WATCH || field == AUDIT_DIR || field == AUDIT_INODE ? &only->has_place :
			  field == AUDIT_FILTERKEY ? &only->has_key :
			  field == AUDIT_EXE	   ? &only->has_exe :
						     NULL;
	if (has && *has)
		return false;
	if (has)
		*has = true;
	return true;
}

static int check_string(uint32_t field, struct torn_bytes string, struct torn_bytes left)
{
	if (string.size == 0 || string.size > left.size)
		return -EINVAL;
	if (field == AUDIT_FILTERKEY)
		return string.size > AUDIT_MAX_KEY_LEN ? -EINVAL : 0;
	if (field == AUDIT_WATCH || field == AUDIT_DIR || field == AUDIT_EXE)
		return check_path(field, string);
	return string.size > PATH_MAX ? -ENAMETOOLONG : 0;
}

static int check_field(const struct torn_audit_head *head, uint32_t i, struct only *only, struct torn_bytes *left)
{
	const uint32_t number = head->fields[i], value = head->values[i];
	const struct torn_audit_field *field = torn_audit_field_numbered(number);
	if (!field || !is_operator_of(operators_of(field, value), head->fieldflags[i]) ||
	    !is_field_of(head->flags & ~(uint32_t)AUDIT_FILTER_PREPEND, number) ||
	    !is_value_of(field, value) || !take_only(only, number))
		return -EINVAL;
	if (field->form != TORN_AUDIT_STRING)
		return 0;
	const int error = check_string(number, (struct torn_bytes){left->data, value}, *left);
	if (error == 0)
		*left = torn_text_behind(*left, value);
	return error;
}

/* No two rules of such a list differ by their mask, and text does not tell it. */
static void set_mask(struct torn_audit_head *head)
{
	head->mask[AUDIT_BITMASK_SIZE - 1] &= ~CLASSES_MASK;
	if (!takes_syscalls(head->flags & ~(uint32_t)AUDIT_FILTER_PREPEND))
		memset(head->mask, 0, sizeof head->mask);
	for (size_t i = 0; i < AUDIT_BITMASK_SIZE - 1; i++)
		if (head->mask[i] != UINT32_MAX)
			return;
	head->mask[AUDIT_BITMASK_SIZE - 1] = 0; /* all: nobody prints the rest */
}

int torn_audit_rule_take(struct torn_bytes data, struct torn_audit_rule *ret_rule)
{
	struct torn_audit_head *head = &ret_rule->head;
	struct only only = {false, false, false};
	if (data.size < sizeof *head)
		return -EINVAL;
	memcpy(head, data.data, sizeof *head);
	const uint32_t list = torn_audit_rule_list(ret_rule);
	if (!torn_audit_name(torn_audit_lists, list) || !torn_audit_name(torn_audit_actions, head->action) ||
	    head->field_count > AUDIT_MAX_FIELDS)
		return -EINVAL;
	const struct torn_bytes strings = torn_text_behind(data, sizeof *head);
	struct torn_bytes left = strings;
	for (uint32_t i = 0; i < head->field_count; i++) {
		const int error = check_field(head, i, &only, &left);
		if (error)
			return error;
	}
	ret_rule->strings = (struct torn_bytes){strings.data, strings.size - left.size};
	head->buflen = (uint32_t)ret_rule->strings.size;
	set_mask(head);
	return 0;
}

bool torn_audit_rule_same(const struct torn_audit_rule *a, const struct torn_audit_rule *b)
{
	const struct torn_audit_head *one = &a->head, *other = &b->head;
	if (one->flags != other->flags || one->action != other->action ||
	    one->field_count != other->field_count || memcmp(one->mask, other->mask, sizeof one->mask) != 0)
		return false;
	for (uint32_t i = 0; i < one->field_count; i++)
		if (one->fields[i] != other->fields[i] || one->fieldflags[i] != other->fieldflags[i] ||
		    (one->values[i] != other->values[i]) || is_string(a, i) != is_string(b, i))
			return false;
	return torn_bytes_equal(a->strings, b->strings);
}
