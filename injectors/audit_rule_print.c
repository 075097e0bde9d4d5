/* audit_rule_print.c: a rule as a line: print_rule() of auditctl-listing.c (audit 3.0.9), held against it. */
#include <string.h>

#include "audit_rule.h"

#define KEY_SEPARATOR 1 /* AUDIT_KEY_SEPARATOR: several -k of one rule are one key */

static bool takes_syscalls(const struct torn_audit_rule *rule)
{
	const uint32_t list = torn_audit_rule_list(rule);
	return list == AUDIT_FILTER_EXIT || list == AUDIT_FILTER_URING_EXIT;
}

static bool has_all_syscalls(const struct torn_audit_rule *rule)
{
	for (size_t i = 0; i < AUDIT_BITMASK_SIZE - 1; i++)
		if (rule->head.mask[i] != UINT32_MAX)
			return false;
	return true;
}

/*
 * is_watch(): what -w can say: a path, permissions and perhaps a key. In another order auditctl prints
 * something that nobody can read ("-p wa-w /etc"): that is told as a rule of system calls here.
 */
static bool is_watch(const struct torn_audit_rule *rule)
{
	const struct torn_audit_head *head = &rule->head;
	if (head->field_count < 2 || head->field_count > 3 || head->action != AUDIT_ALWAYS ||
	    torn_audit_rule_list(rule) != AUDIT_FILTER_EXIT || !has_all_syscalls(rule))
		return false;
	for (uint32_t i = 0; i < head->field_count; i++)
		if (head->fieldflags[i] != AUDIT_EQUAL)
			return false;
	return (head->fields[0] == AUDIT_WATCH || head->fields[0] == AUDIT_DIR) && head->fields[1] == AUDIT_PERM &&
	       (head->field_count == 2 || head->fields[2] == AUDIT_FILTERKEY);
}

/* Whose names the system calls have: it stands before them only where it is the first field. */
static bool begins_with_machine(const struct torn_audit_rule *rule)
{
	return rule->head.field_count > 0 && rule->head.fields[0] == AUDIT_ARCH;
}

static uint32_t machine_of(const struct torn_audit_rule *rule)
{
	return begins_with_machine(rule) ? rule->head.values[0] : AUDIT_ARCH_X86_64;
}

static void print_signed(struct torn_text *text, uint32_t value)
{
	if (value > INT32_MAX)
		torn_text_put(text, "-");
	torn_text_number(text, value > INT32_MAX ? -value : value);
}

static void print_hex(struct torn_text *text, uint32_t value)
{
	torn_text_put(text, "0x");
	bool any = false;
	for (int shift = 28; shift >= 0; shift -= 4) {
		const uint8_t digit = (uint8_t)"0123456789ABCDEF"[value >> shift & 15];
		any |= digit != '0' || shift == 0;
		if (any)
			torn_text_add(text, (struct torn_bytes){&digit, 1});
	}
}

static void print_named(struct torn_text *text, const char *name, uint32_t value)
{
	if (name)
		torn_text_put(text, name);
	else
		torn_text_number(text, value);
}

static void print_permissions(struct torn_text *text, uint32_t value)
{
	if (value == 0 || value & ~UINT32_C(15)) { /* the kernel takes these too */
		print_hex(text, value);
		return;
	}
	for (size_t i = 0; torn_audit_permissions[i].name; i++)
		if (value & torn_audit_permissions[i].number)
			torn_text_put(text, torn_audit_permissions[i].name);
}

static void print_machine(struct torn_text *text, uint32_t value)
{
	if (value == AUDIT_ARCH_X86_64 || value == AUDIT_ARCH_I386)
		torn_text_put(text, value == AUDIT_ARCH_I386 ? "b32" : "b64");
	else
		print_hex(text, value);
}

static void print_value(struct torn_text *text, enum torn_audit_form form, uint32_t value)
{
	const char *name;
	switch (form) {
	case TORN_AUDIT_UNSIGNED:
		torn_text_number(text, value);
		return;
	case TORN_AUDIT_HEX:
		print_hex(text, value);
		return;
	case TORN_AUDIT_ARCH:
		print_machine(text, value);
		return;
	case TORN_AUDIT_PERM:
		print_permissions(text, value);
		return;
	case TORN_AUDIT_MSGTYPE:
		print_named(text, torn_audit_name(torn_audit_msgtypes, value), value);
		return;
	case TORN_AUDIT_EXIT:
		name = value > INT32_MAX ? torn_errno_name((int)-value) : NULL;
		if (name) {
			torn_text_put(text, "-");
			torn_text_put(text, name);
			return;
		}
		break;
	default:
		break;
	}
	print_signed(text, value);
}

/* What cannot stand in a word. */
#define ESCAPED                                                                                    \
	"\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20\21\22\23\24\25\26\27\30\31\32\33\34\35\36\37 \\\177"

static void print_string(struct torn_text *text, struct torn_bytes string)
{
	while (string.size) {
		const size_t size = torn_text_find(string, '\0');
		torn_text_escape(text, (struct torn_bytes){string.data, size}, ESCAPED);
		if (size < string.size)
			torn_text_put(text, "\\000");
		string = torn_text_behind(string, size < string.size ? size + 1 : size);
	}
}

/* Can it be told as several keys? Not where one of them would be empty. */
static bool is_list_of_keys(struct torn_bytes key)
{
	uint8_t before = KEY_SEPARATOR;
	for (size_t i = 0; i < key.size; i++) {
		if (key.data[i] == KEY_SEPARATOR && before == KEY_SEPARATOR)
			return false;
		before = key.data[i];
	}
	return before != KEY_SEPARATOR;
}

static void print_keys(struct torn_text *text, struct torn_bytes key, const char *option)
{
	while (key.size) {
		const size_t size = is_list_of_keys(key) ? torn_text_find(key, KEY_SEPARATOR) : key.size;
		torn_text_put(text, option);
		print_string(text, (struct torn_bytes){key.data, size});
		key = torn_text_behind(key, size < key.size ? size + 1 : size);
	}
}

static void print_syscalls(struct torn_text *text, const struct torn_audit_rule *rule)
{
	bool any = false;
	if (!takes_syscalls(rule))
		return;
	torn_text_put(text, " -S ");
	if (has_all_syscalls(rule)) {
		torn_text_put(text, "all");
		return;
	}
	for (uint32_t number = 0; number < AUDIT_BITMASK_SIZE * 32; number++) {
		if (!(rule->head.mask[AUDIT_WORD(number)] & AUDIT_BIT(number)))
			continue;
		torn_text_put(text, any ? "," : "");
		print_named(text, torn_audit_syscall_name(machine_of(rule), number), number);
		any = true;
	}
	if (!any)
		torn_text_put(text, "none");
}

/* A field of numbers, or one of strings but the key. */
static void print_field(struct torn_text *text, const struct torn_audit_rule *rule, uint32_t i,
			struct torn_bytes string)
{
	const struct torn_audit_field *field = torn_audit_field_numbered(rule->head.fields[i]);
	const char *operator = torn_audit_name(torn_audit_operators, rule->head.fieldflags[i]);
	torn_text_put(text, " -F ");
	torn_text_put(text, field->name);
	torn_text_put(text, operator);
	if (field->form == TORN_AUDIT_STRING)
		print_string(text, string);
	else
		print_value(text, field->form, rule->head.values[i]);
}

static void print_comparison(struct torn_text *text, const struct torn_audit_rule *rule, uint32_t i)
{
	for (size_t row = 0; torn_audit_comparisons[row].left; row++) {
		if (torn_audit_comparisons[row].number != rule->head.values[i])
			continue;
		torn_text_put(text, " -C ");
		torn_text_put(text, torn_audit_comparisons[row].left);
		torn_text_put(text, torn_audit_name(torn_audit_operators, rule->head.fieldflags[i]));
		torn_text_put(text, torn_audit_comparisons[row].right);
		return;
	}
	print_field(text, rule, i, torn_bytes_of(""));
}

static void print_watched(struct torn_text *text, uint32_t field, struct torn_bytes path)
{
	torn_text_put(text, " -w ");
	print_string(text, path);
	if (field == AUDIT_DIR && path.size > 1)
		torn_text_put(text, "/");
}

static void print_fields(struct torn_text *text, const struct torn_audit_rule *rule)
{
	const bool watches = is_watch(rule);
	struct torn_bytes left = rule->strings;
	for (uint32_t i = 0; i < rule->head.field_count; i++) {
		const uint32_t number = rule->head.fields[i];
		const struct torn_audit_field *field = torn_audit_field_numbered(number);
		struct torn_bytes string = {left.data, 0};
		if (field && field->form == TORN_AUDIT_STRING) {
			string.size = rule->head.values[i];
			left = torn_text_behind(left, string.size);
		}
		if (i == 0 && begins_with_machine(rule))
			continue; /* told before the system calls */
		if (number == AUDIT_FIELD_COMPARE) {
			print_comparison(text, rule, i);
		} else if (number == AUDIT_FILTERKEY && rule->head.fieldflags[i] == AUDIT_EQUAL) {
			print_keys(text, string, watches ? " -k " : " -F key=");
		} else if (watches && number == AUDIT_PERM) {
			torn_text_put(text, " -p ");
			print_permissions(text, rule->head.values[i]);
		} else if (watches) {
			print_watched(text, number, string);
		} else {
			print_field(text, rule, i, string);
		}
	}
}

void torn_audit_rule_print(struct torn_text *text, const struct torn_audit_rule *rule)
{
	struct torn_text line;
	struct torn_bytes printed;
	torn_text_begin(&line, text->arena);
	if (!is_watch(rule)) {
		torn_text_put(&line, " -a ");
		torn_text_put(&line, torn_audit_name(torn_audit_actions, rule->head.action));
		torn_text_put(&line, ",");
		torn_text_put(&line, torn_audit_name(torn_audit_lists, torn_audit_rule_list(rule)));
		if (begins_with_machine(rule))
			print_field(&line, rule, 0, torn_bytes_of(""));
		print_syscalls(&line, rule);
	}
	print_fields(&line, rule);
	if (torn_text_end(&line, &printed) < 0)
		text->is_full = true;
	else
		torn_text_add(text, torn_text_trim(printed, " "));
}
