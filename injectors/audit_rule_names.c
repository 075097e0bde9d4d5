/* audit_rule_names.c: the names of audit_rule.h, from audit_rule.def and audit_syscalls.def. */
#include "audit_rule.h"

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct torn_audit_field fields[] = {
#define FIELD(name, number, form, operators) {name, number, TORN_AUDIT_##form, TORN_AUDIT_##operators},
#include "audit_rule.def"
};

const struct torn_audit_name torn_audit_msgtypes[] = {
#define MSGTYPE(name) {#name, AUDIT_##name},
#include "audit_rule.def"
	{NULL, 0},
};

const struct torn_audit_comparison torn_audit_comparisons[] = {
#define COMPARE(left, right, number) {left, right, number},
#include "audit_rule.def"
	{NULL, NULL, 0},
};

/* Longest first where one begins another. */
const struct torn_audit_name torn_audit_operators[] = {
	{"!=", AUDIT_NOT_EQUAL},
	{">=", AUDIT_GREATER_THAN_OR_EQUAL},
	{"<=", AUDIT_LESS_THAN_OR_EQUAL},
	{"&=", AUDIT_BIT_TEST},
	{"=", AUDIT_EQUAL},
	{">", AUDIT_GREATER_THAN},
	{"<", AUDIT_LESS_THAN},
	{"&", AUDIT_BIT_MASK},
	{NULL, 0},
};

const struct torn_audit_name torn_audit_lists[] = {
	{"user", AUDIT_FILTER_USER},   {"task", AUDIT_FILTER_TASK},	{"exit", AUDIT_FILTER_EXIT},
	{"exclude", AUDIT_FILTER_EXCLUDE}, {"filesystem", AUDIT_FILTER_FS}, {"io_uring", AUDIT_FILTER_URING_EXIT},
	{NULL, 0},
};

/* POSSIBLE is deprecated, and refused: audit_to_entry_common(). */
const struct torn_audit_name torn_audit_actions[] = {
	{"never", AUDIT_NEVER},
	{"always", AUDIT_ALWAYS},
	{NULL, 0},
};

const struct torn_audit_name torn_audit_permissions[] = {
	{"r", AUDIT_PERM_READ},
	{"w", AUDIT_PERM_WRITE},
	{"x", AUDIT_PERM_EXEC},
	{"a", AUDIT_PERM_ATTR},
	{NULL, 0},
};

static const struct {
	const char *name;
	int of_x86_64, of_i386;
} syscalls[] = {
#define SYSCALL(name, of_x86_64, of_i386) {#name, of_x86_64, of_i386},
#include "audit_syscalls.def"
};

const struct torn_audit_field *torn_audit_field_numbered(uint32_t number)
{
	for (size_t i = 0; i < ARRAY_COUNT(fields); i++)
		if (fields[i].number == number)
			return &fields[i];
	return NULL;
}

const struct torn_audit_field *torn_audit_field_named(struct torn_bytes name)
{
	for (size_t i = 0; i < ARRAY_COUNT(fields); i++)
		if (torn_text_is(name, fields[i].name))
			return &fields[i];
	return NULL;
}

bool torn_audit_number(const struct torn_audit_name *table, struct torn_bytes name, uint32_t *ret_number)
{
	for (; table->name; table++) {
		if (!torn_text_is(name, table->name))
			continue;
		*ret_number = table->number;
		return true;
	}
	return false;
}

const char *torn_audit_name(const struct torn_audit_name *table, uint32_t number)
{
	while (table->name && table->number != number)
		table++;
	return table->name;
}

const char *torn_audit_syscall_name(uint32_t machine, uint32_t number)
{
	for (size_t i = 0; i < ARRAY_COUNT(syscalls); i++)
		if ((machine == AUDIT_ARCH_I386 ? syscalls[i].of_i386 : syscalls[i].of_x86_64) == (int)number)
			return syscalls[i].name;
	return NULL;
}

int torn_audit_syscall_number(uint32_t machine, struct torn_bytes name)
{
	for (size_t i = 0; i < ARRAY_COUNT(syscalls); i++)
		if (torn_text_is(name, syscalls[i].name))
			return machine == AUDIT_ARCH_I386 ? syscalls[i].of_i386 : syscalls[i].of_x86_64;
	return -1;
}
