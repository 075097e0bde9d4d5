/* audit_rule_read.c: a line of `auditctl -l`, or of a rules file, as a rule. See audit_rule.h. */
#include <errno.h>
#include <string.h>

#include "audit_rule.h"

#define BLANKS " \t\r"
#define PERMISSIONS_ALL (AUDIT_PERM_READ | AUDIT_PERM_WRITE | AUDIT_PERM_EXEC | AUDIT_PERM_ATTR)
#define KEY_SEPARATOR "\1"

/* A rule that is being read. */
struct reading {
	struct torn_audit_head *head;
	struct torn_text strings, key; /* what -k says comes last, and several are one */
	bool is_watch, has_permissions, has_syscalls;
};

/* ----------------------------------------------------------------- values */

/* Decimal with a sign, or 0x and hexadecimal digits. */
static bool read_number(struct torn_bytes digits, uint32_t *ret_value)
{
	const bool is_negative = torn_text_begins(digits, "-");
	uint64_t value = 0;
	if (is_negative)
		digits = torn_text_behind(digits, 1);
	if (torn_text_begins(digits, "0x") && digits.size > 2) {
		for (size_t i = 2; i < digits.size; i++) {
			const uint8_t byte = digits.data[i], lower = byte | 0x20;
			const bool is_digit = byte >= '0' && byte <= '9';
			if ((!is_digit && (lower < 'a' || lower > 'f')) || value > UINT32_MAX >> 4)
				return false;
			value = value << 4 | (uint64_t)(is_digit ? byte - '0' : lower - 'a' + 10);
		}
	} else if (!torn_text_decimal(digits, &value) || value > UINT32_MAX) {
		return false;
	}
	*ret_value = is_negative ? -(uint32_t)value : (uint32_t)value;
	return true;
}

static bool read_permissions(struct torn_bytes letters, uint32_t *ret_value)
{
	uint32_t value = 0, one;
	if (torn_text_begins(letters, "0x"))
		return read_number(letters, ret_value);
	for (size_t i = 0; i < letters.size; i++) {
		if (!torn_audit_number(torn_audit_permissions, (struct torn_bytes){&letters.data[i], 1}, &one))
			return false;
		value |= one;
	}
	*ret_value = value;
	return true;
}

static bool read_exit(struct torn_bytes text, uint32_t *ret_value)
{
	const bool is_negative = torn_text_begins(text, "-");
	const int number = torn_errno_named(is_negative ? torn_text_behind(text, 1) : text);
	if (number == 0)
		return read_number(text, ret_value);
	*ret_value = (uint32_t)(is_negative ? -number : number);
	return true;
}

static bool read_machine(struct torn_bytes text, uint32_t *ret_value)
{
	if (torn_text_is(text, "b64") || torn_text_is(text, "x86_64"))
		*ret_value = AUDIT_ARCH_X86_64;
	else if (torn_text_is(text, "b32") || torn_text_is(text, "i386"))
		*ret_value = AUDIT_ARCH_I386;
	else
		return read_number(text, ret_value);
	return true;
}

static bool read_id(struct torn_bytes text, uint32_t *ret_value)
{
	if (torn_text_is(text, "unset"))
		*ret_value = UINT32_MAX;
	else if (torn_text_is(text, "root"))
		*ret_value = 0;
	else
		return read_number(text, ret_value);
	return true;
}

static bool read_value(enum torn_audit_form form, struct torn_bytes text, uint32_t *ret_value)
{
	switch (form) {
	case TORN_AUDIT_ID:
		return read_id(text, ret_value);
	case TORN_AUDIT_ARCH:
		return read_machine(text, ret_value);
	case TORN_AUDIT_EXIT:
		return read_exit(text, ret_value);
	case TORN_AUDIT_PERM:
		return read_permissions(text, ret_value);
	case TORN_AUDIT_MSGTYPE:
		return torn_audit_number(torn_audit_msgtypes, text, ret_value) || read_number(text, ret_value);
	default:
		return read_number(text, ret_value);
	}
}

/* ----------------------------------------------------------------- fields */

static int add_field(struct reading *reading, uint32_t field, uint32_t operator, uint32_t value)
{
	struct torn_audit_head *head = reading->head;
	if (head->field_count == AUDIT_MAX_FIELDS)
		return -EINVAL;
	head->fields[head->field_count] = field;
	head->fieldflags[head->field_count] = operator;
	head->values[head->field_count++] = value;
	return 0;
}

static bool is_octal(struct torn_bytes text, size_t at)
{
	for (size_t i = at; i < at + 3; i++)
		if (i >= text.size || text.data[i] < '0' || text.data[i] > '7')
			return false;
	return true;
}

/* Undo \ooo. */
static void put_unescaped(struct torn_text *text, struct torn_bytes string)
{
	for (size_t i = 0; i < string.size; i++) {
		uint8_t byte = string.data[i];
		if (byte == '\\' && is_octal(string, i + 1)) {
			const uint8_t *digits = &string.data[i + 1];
			byte = (uint8_t)((digits[0] - '0') << 6 | (digits[1] - '0') << 3 | (digits[2] - '0'));
			i += 3;
		}
		torn_text_add(text, (struct torn_bytes){&byte, 1});
	}
}

static int add_string(struct reading *reading, uint32_t field, uint32_t operator, struct torn_bytes string)
{
	const size_t before = reading->strings.size;
	put_unescaped(&reading->strings, string);
	return add_field(reading, field, operator, (uint32_t)(reading->strings.size - before));
}

/* -F key=: where it stands, and one with those that stand before it. An empty one is none, as with auditctl. */
static int add_key(struct reading *reading, uint32_t operator, struct torn_bytes key)
{
	struct torn_audit_head *head = reading->head;
	const uint32_t last = head->field_count - 1;
	if (key.size == 0)
		return 0;
	if (head->field_count == 0 || head->fields[last] != AUDIT_FILTERKEY || head->fieldflags[last] != operator)
		return add_string(reading, AUDIT_FILTERKEY, operator, key);
	const size_t before = reading->strings.size;
	torn_text_put(&reading->strings, KEY_SEPARATOR);
	put_unescaped(&reading->strings, key);
	head->values[last] += (uint32_t)(reading->strings.size - before);
	return 0;
}

/* -k */
static void add_last_key(struct reading *reading, struct torn_bytes key)
{
	if (reading->key.size)
		torn_text_put(&reading->key, KEY_SEPARATOR);
	put_unescaped(&reading->key, key);
}

/* The operator and what stands on both sides. */
static bool split(struct torn_bytes word, struct torn_bytes *ret_left, uint32_t *ret_operator,
		  struct torn_bytes *ret_right)
{
	size_t at = 0;
	while (at < word.size && !memchr("=!<>&", word.data[at], 5))
		at++;
	const struct torn_bytes rest = torn_text_behind(word, at);
	for (size_t i = 0; torn_audit_operators[i].name; i++) {
		if (!torn_text_begins(rest, torn_audit_operators[i].name))
			continue;
		*ret_left = (struct torn_bytes){word.data, at};
		*ret_operator = torn_audit_operators[i].number;
		*ret_right = torn_text_behind(rest, strlen(torn_audit_operators[i].name));
		return true;
	}
	return false;
}

static int add_comparison(struct reading *reading, struct torn_bytes word)
{
	struct torn_bytes left, right;
	uint32_t operator;
	if (!split(word, &left, &operator, &right))
		return -EINVAL;
	for (size_t i = 0; torn_audit_comparisons[i].left; i++) {
		const struct torn_audit_comparison *row = &torn_audit_comparisons[i];
		if ((torn_text_is(left, row->left) && torn_text_is(right, row->right)) ||
		    (torn_text_is(left, row->right) && torn_text_is(right, row->left)))
			return add_field(reading, AUDIT_FIELD_COMPARE, operator, row->number);
	}
	return -EINVAL;
}

static int add_expression(struct reading *reading, struct torn_bytes word)
{
	struct torn_bytes name, text;
	uint32_t operator, value;
	if (!split(word, &name, &operator, &text))
		return -EINVAL;
	const struct torn_audit_field *field = torn_audit_field_named(name);
	if (!field)
		return -EINVAL;
	if (field->number == AUDIT_FILTERKEY)
		return add_key(reading, operator, text);
	if (field->form == TORN_AUDIT_STRING)
		return add_string(reading, field->number, operator, text);
	return read_value(field->form, text, &value) ? add_field(reading, field->number, operator, value) : -EINVAL;
}

/* ---------------------------------------------------------------- options */

/* audit_add_watch_dir(): all system calls, and a slash behind says that it is a directory. */
static int set_watch(struct reading *reading, struct torn_bytes path)
{
	const bool is_dir = torn_text_ends(path, "/");
	while (path.size > 1 && path.data[path.size - 1] == '/')
		path.size--;
	reading->is_watch = true;
	return add_string(reading, is_dir ? AUDIT_DIR : AUDIT_WATCH, AUDIT_EQUAL, path);
}

/* "always,exit", in either order. */
static int set_list(struct reading *reading, struct torn_bytes word, uint32_t flags)
{
	bool has_list = false, has_action = false;
	struct torn_bytes name;
	uint32_t number;
	while (torn_text_word(&word, ",", &name)) {
		if (torn_audit_number(torn_audit_lists, name, &number)) {
			reading->head->flags = number | flags;
			has_list = true;
		} else if (torn_audit_number(torn_audit_actions, name, &number)) {
			reading->head->action = number;
			has_action = true;
		} else {
			return -EINVAL;
		}
	}
	return has_list && has_action ? 0 : -EINVAL;
}

static void add_all_syscalls(struct torn_audit_head *head)
{
	memset(head->mask, 0xff, sizeof head->mask - sizeof head->mask[0]);
}

static uint32_t machine_of(const struct torn_audit_head *head)
{
	for (uint32_t i = 0; i < head->field_count; i++)
		if (head->fields[i] == AUDIT_ARCH)
			return head->values[i];
	return AUDIT_ARCH_X86_64;
}

static int add_syscalls(struct reading *reading, struct torn_bytes names)
{
	struct torn_bytes name;
	reading->has_syscalls = true;
	while (torn_text_word(&names, ",", &name)) {
		if (torn_text_is(name, "none"))
			continue;
		if (torn_text_is(name, "all")) {
			add_all_syscalls(reading->head);
			continue;
		}
		int number = torn_audit_syscall_number(machine_of(reading->head), name);
		uint32_t value;
		if (number < 0 && read_number(name, &value) && value < AUDIT_BITMASK_SIZE * 32)
			number = (int)value;
		if (number < 0)
			return -EINVAL;
		reading->head->mask[AUDIT_WORD((uint32_t)number)] |= AUDIT_BIT((uint32_t)number);
	}
	return 0;
}

static int set_permissions(struct reading *reading, struct torn_bytes letters)
{
	uint32_t value;
	reading->has_permissions = true;
	reading->is_watch = true; /* -p belongs to -w only */
	return read_permissions(letters, &value) ? add_field(reading, AUDIT_PERM, AUDIT_EQUAL, value) : -EINVAL;
}

static int take_option(struct reading *reading, uint8_t option, struct torn_bytes word)
{
	switch (option) {
	case 'w':
		return set_watch(reading, word);
	case 'a':
		return set_list(reading, word, 0);
	case 'A':
		return set_list(reading, word, AUDIT_FILTER_PREPEND);
	case 'p':
		return set_permissions(reading, word);
	case 'k':
		add_last_key(reading, word);
		return 0;
	case 'F':
		return add_expression(reading, word);
	case 'C':
		return add_comparison(reading, word);
	case 'S':
		return add_syscalls(reading, word);
	default:
		return -EINVAL;
	}
}

/* What was not said. */
static int complete(struct reading *reading)
{
	int error = 0;
	if (reading->is_watch) {
		reading->head->flags = AUDIT_FILTER_EXIT;
		reading->head->action = AUDIT_ALWAYS;
		if (!reading->has_permissions)
			error = add_field(reading, AUDIT_PERM, AUDIT_EQUAL, PERMISSIONS_ALL);
	}
	if (reading->is_watch || !reading->has_syscalls)
		add_all_syscalls(reading->head);
	if (!error && reading->key.size)
		error = add_field(reading, AUDIT_FILTERKEY, AUDIT_EQUAL, (uint32_t)reading->key.size);
	torn_text_add(&reading->strings, (struct torn_bytes){reading->key.data, reading->key.size});
	return error;
}

/* As the kernel takes it: a line that it would refuse is none. */
static int take_in(struct torn_arena *arena, const struct torn_audit_head *head, struct torn_bytes strings,
		   struct torn_audit_rule *ret_rule)
{
	struct torn_text wire;
	struct torn_bytes data;
	torn_text_begin(&wire, arena);
	torn_text_add(&wire, (struct torn_bytes){(const uint8_t *)head, sizeof *head});
	torn_text_add(&wire, strings);
	const int error = torn_text_end(&wire, &data);
	return error ? error : torn_audit_rule_take(data, ret_rule);
}

int torn_audit_rule_read(struct torn_arena *arena, struct torn_bytes line, struct torn_audit_rule *ret_rule)
{
	struct torn_audit_head head = {.flags = UINT32_MAX};
	struct reading reading = {.head = &head};
	struct torn_bytes option, word, strings;
	torn_text_begin(&reading.strings, arena);
	torn_text_begin(&reading.key, arena);
	while (torn_text_word(&line, BLANKS, &option)) {
		if (option.size != 2 || option.data[0] != '-' || !torn_text_word(&line, BLANKS, &word))
			return -EINVAL;
		const int error = take_option(&reading, option.data[1], word);
		if (error)
			return error;
	}
	int error = complete(&reading);
	if (reading.key.is_full)
		return -ENOMEM;
	if (!error)
		error = torn_text_end(&reading.strings, &strings);
	return error ? error : take_in(arena, &head, strings, ret_rule);
}
