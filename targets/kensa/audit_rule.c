/* audit_rule.c: see audit_rule.h. What auditctl makes of a line: lib/libaudit.c of the audit user space. */
#include "audit_rule.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define WORDS_MAX 128
#define BLANKS " \t\r\n"
#define LINE_MAX_BYTES 4096u
#define PERMISSIONS_ALL (AUDIT_PERM_READ | AUDIT_PERM_WRITE | AUDIT_PERM_EXEC | AUDIT_PERM_ATTR)
/* The last word of the mask holds classes of system calls, not numbers: linux/audit.h */
#define MASK_WORDS (AUDIT_BITMASK_SIZE - 1)

enum kind { NUMBER, IDENTITY, MACHINE, RESULT, STRING, PERMISSIONS };

static const struct field {
	const char *name;
	uint32_t number;
	enum kind kind;
} fields[] = {
#define FIELD(name, number, kind) {name, number, kind},
#include "audit_rule.def"
};

static const struct named {
	const char *name;
	int number;
} syscalls[] = {
#define SYSCALL(name) {#name, SYS_##name},
#include "audit_rule.def"
}, errors[] = {
#define ERROR(name) {#name, name},
#include "audit_rule.def"
};

/* Longest first where one begins another. */
static const struct {
	const char *text;
	uint32_t value;
} operators[] = {
	{"!=", AUDIT_NOT_EQUAL},
	{">=", AUDIT_GREATER_THAN_OR_EQUAL},
	{"<=", AUDIT_LESS_THAN_OR_EQUAL},
	{"&=", AUDIT_BIT_TEST},
	{"=", AUDIT_EQUAL},
	{">", AUDIT_GREATER_THAN},
	{"<", AUDIT_LESS_THAN},
	{"&", AUDIT_BIT_MASK},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool audit_rule_is_there(struct torn_bytes line)
{
	size_t i = 0;

	while (i < line.size && strchr(" \t\r\n", line.data[i]) && line.data[i])
		i++;
	return i < line.size && line.data[i] != '#';
}

/* ----------------------------------------------------------------- values */

static int number_of(const char *text, uint32_t *ret_value)
{
	char *end = NULL;

	errno = 0;
	long long value = strtoll(text, &end, 0);
	if (end == text || *end || errno || value < INT_MIN || value > UINT_MAX)
		return -EINVAL;
	*ret_value = (uint32_t)value;
	return 0;
}

static int identity_of(const char *text, uint32_t *ret_value)
{
	if (strcmp(text, "unset") == 0)
		*ret_value = UINT32_MAX;
	else if (strcmp(text, "root") == 0)
		*ret_value = 0;
	else
		return number_of(text, ret_value);
	return 0;
}

static int machine_of(const char *text, uint32_t *ret_value)
{
	if (strcmp(text, "b64") == 0 || strcmp(text, "x86_64") == 0)
		*ret_value = AUDIT_ARCH_X86_64;
	else if (strcmp(text, "b32") == 0 || strcmp(text, "i386") == 0)
		*ret_value = AUDIT_ARCH_I386;
	else
		return -EINVAL;
	return 0;
}

/* "-EACCES", or a number. */
static int result_of(const char *text, uint32_t *ret_value)
{
	const bool is_negative = *text == '-';

	for (size_t i = 0; i < COUNT(errors); i++)
		if (strcmp(text + is_negative, errors[i].name) == 0) {
			*ret_value = (uint32_t)(is_negative ? -errors[i].number : errors[i].number);
			return 0;
		}
	return number_of(text, ret_value);
}

static int permissions_of(const char *text, uint32_t *ret_value)
{
	uint32_t value = 0;

	for (; *text; text++) {
		switch (*text) {
		case 'r':
			value |= AUDIT_PERM_READ;
			break;
		case 'w':
			value |= AUDIT_PERM_WRITE;
			break;
		case 'x':
			value |= AUDIT_PERM_EXEC;
			break;
		case 'a':
			value |= AUDIT_PERM_ATTR;
			break;
		default:
			return -EINVAL;
		}
	}
	if (value == 0)
		return -EINVAL;
	*ret_value = value;
	return 0;
}

/* ----------------------------------------------------------------- fields */

static int add_field(struct audit_rule *rule, uint32_t field, uint32_t operator, uint32_t value)
{
	struct audit_rule_head *data = &rule->data;

	if (data->field_count == AUDIT_MAX_FIELDS)
		return -E2BIG;
	data->fields[data->field_count] = field;
	data->fieldflags[data->field_count] = operator;
	data->values[data->field_count] = value;
	data->field_count++;
	return 0;
}

/* Strings stand behind the rule, without NUL; the value is their size. */
static int add_string(struct audit_rule *rule, uint32_t field, uint32_t operator, const char *text)
{
	const size_t size = strlen(text);

	if (size == 0)
		return -EINVAL;
	if (rule->data.buflen + size > AUDIT_RULE_STRINGS_MAX)
		return -E2BIG;
	int result = add_field(rule, field, operator, (uint32_t)size);
	if (result < 0)
		return result;
	memcpy(rule->strings + rule->data.buflen, text, size);
	rule->data.buflen += (uint32_t)size;
	return 0;
}

static int add_value(struct audit_rule *rule, const struct field *field, uint32_t operator,
		     const char *text)
{
	uint32_t value = 0;
	int result = 0;

	switch (field->kind) {
	case NUMBER:
		result = number_of(text, &value);
		break;
	case IDENTITY:
		result = identity_of(text, &value);
		break;
	case MACHINE:
		result = machine_of(text, &value);
		break;
	case RESULT:
		result = result_of(text, &value);
		break;
	case PERMISSIONS:
		result = permissions_of(text, &value);
		break;
	case STRING:
		return add_string(rule, field->number, operator, text);
	}
	return result < 0 ? result : add_field(rule, field->number, operator, value);
}

/* "auid>=1000"; the word is cut apart. */
static int add_comparison(struct audit_rule *rule, char *word)
{
	const size_t length = strcspn(word, "=!<>&");

	for (size_t o = 0; o < COUNT(operators); o++) {
		const size_t size = strlen(operators[o].text);
		if (strncmp(word + length, operators[o].text, size) != 0)
			continue;
		word[length] = '\0';
		for (size_t i = 0; i < COUNT(fields); i++)
			if (strcmp(fields[i].name, word) == 0)
				return add_value(rule, &fields[i], operators[o].value,
						 word + length + size);
		return -EINVAL;
	}
	return -EINVAL;
}

/* ------------------------------------------------------------------ calls */

static void add_all_calls(struct audit_rule *rule)
{
	for (size_t i = 0; i < MASK_WORDS; i++)
		rule->data.mask[i] = UINT32_MAX;
}

static int add_call(struct audit_rule *rule, const char *name)
{
	uint32_t number = 0;

	if (strcmp(name, "all") == 0) {
		add_all_calls(rule);
		return 0;
	}
	int result = number_of(name, &number);
	for (size_t i = 0; result < 0 && i < COUNT(syscalls); i++)
		if (strcmp(syscalls[i].name, name) == 0) {
			number = (uint32_t)syscalls[i].number;
			result = 0;
		}
	if (result < 0 || AUDIT_WORD(number) >= MASK_WORDS)
		return -EINVAL;
	rule->data.mask[AUDIT_WORD(number)] |= AUDIT_BIT(number);
	return 0;
}

static int add_calls(struct audit_rule *rule, char *names)
{
	for (char *name; (name = strsep(&names, ","));) {
		int result = add_call(rule, name);
		if (result < 0)
			return result;
	}
	return 0;
}

static bool has_calls(const struct audit_rule *rule)
{
	for (size_t i = 0; i < MASK_WORDS; i++)
		if (rule->data.mask[i])
			return true;
	return false;
}

/* ------------------------------------------------------------------ lines */

/* "always,exit" in either order. */
static int set_list(struct audit_rule *rule, char *word)
{
	bool has_list = false, has_action = false;

	for (char *name; (name = strsep(&word, ","));) {
		if (strcmp(name, "exit") == 0) {
			rule->data.flags = AUDIT_FILTER_EXIT;
			has_list = true;
		} else if (strcmp(name, "always") == 0 || strcmp(name, "never") == 0) {
			rule->data.action = *name == 'a' ? AUDIT_ALWAYS : AUDIT_NEVER;
			has_action = true;
		} else {
			return -EINVAL;
		}
	}
	return has_list && has_action ? 0 : -EINVAL;
}

/* Returns whether there was one. */
static bool cut_slashes(char *path)
{
	const size_t whole = strlen(path);
	size_t length = whole;

	while (length > 1 && path[length - 1] == '/')
		path[--length] = '\0';
	return length < whole || whole == 1;
}

/* audit_add_watch_dir(3): all system calls, the path, and who may be told of. */
static int set_watch(struct audit_rule *rule, char *path, bool is_resolved)
{
	struct stat status;

	if (path[0] != '/')
		return -EINVAL;
	bool is_directory = cut_slashes(path);
	if (!is_resolved)
		is_directory = stat(path, &status) == 0 && S_ISDIR(status.st_mode);
	rule->data.flags = AUDIT_FILTER_EXIT;
	rule->data.action = AUDIT_ALWAYS;
	add_all_calls(rule);
	int result = add_string(rule, is_directory ? AUDIT_DIR : AUDIT_WATCH, AUDIT_EQUAL, path);
	return result < 0 ? result : add_field(rule, AUDIT_PERM, AUDIT_EQUAL, PERMISSIONS_ALL);
}

static int add_option(struct audit_rule *rule, char option, char *word, bool is_resolved)
{
	const bool is_watch = rule->data.field_count > 1 && rule->data.fields[1] == AUDIT_PERM &&
			      (rule->data.fields[0] == AUDIT_WATCH || rule->data.fields[0] == AUDIT_DIR);

	switch (option) {
	case 'a':
	case 'A':
		return set_list(rule, word);
	case 'w':
		return set_watch(rule, word, is_resolved);
	case 'p':
		return is_watch ? permissions_of(word, &rule->data.values[1]) : -EINVAL;
	case 'F':
		return add_comparison(rule, word);
	case 'S':
		return add_calls(rule, word);
	case 'k':
		return add_string(rule, AUDIT_FILTERKEY, AUDIT_EQUAL, word);
	default:
		return -EINVAL;
	}
}

/* Options and their words, one after the other: the first says what kind of rule it is. */
static int add_options(struct audit_rule *rule, char *text, bool is_resolved)
{
	for (bool is_first = true;; is_first = false) {
		char *option = strtok_r(is_first ? text : NULL, BLANKS, &text);
		if (!option)
			return is_first ? -EINVAL : 0;
		char *word = strtok_r(NULL, BLANKS, &text);
		if (!word || option[0] != '-' || option[1] == '\0' || option[2] != '\0' ||
		    is_first != (strchr("aAw", option[1]) != NULL))
			return -EINVAL;
		int result = add_option(rule, option[1], word, is_resolved);
		if (result < 0)
			return result;
	}
}

static int parse(struct torn_bytes line, bool is_resolved, struct audit_rule *ret_rule)
{
	char text[LINE_MAX_BYTES];

	if (line.size >= sizeof(text))
		return -E2BIG;
	if (memchr(line.data, '\0', line.size))
		return -EINVAL;
	memcpy(text, line.data, line.size);
	text[line.size] = '\0';
	memset(ret_rule, 0, sizeof(*ret_rule));
	int result = add_options(ret_rule, text, is_resolved);
	if (result < 0)
		return result;
	if (!has_calls(ret_rule))
		add_all_calls(ret_rule); /* auditctl: none named are all */
	ret_rule->size = sizeof(ret_rule->data) + ret_rule->data.buflen;
	return 0;
}

int audit_rule_parse(struct torn_bytes line, struct audit_rule *ret_rule)
{
	return parse(line, false, ret_rule);
}

int audit_rule_parse_resolved(struct torn_bytes line, struct audit_rule *ret_rule)
{
	return parse(line, true, ret_rule);
}

int audit_rule_is_directory(const struct kensa_context *context, const char *path)
{
	struct stat status;

	(void)context;
	if (stat(path, &status) == 0)
		return S_ISDIR(status.st_mode);
	return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? 0 : -errno;
}

int audit_rule_resolve(struct torn_bytes line, audit_rule_look *look, const struct kensa_context *context,
		       FILE *out)
{
	char text[LINE_MAX_BYTES], *rest = NULL;

	if (line.size >= sizeof(text))
		return -E2BIG;
	memcpy(text, line.data, line.size);
	text[line.size] = '\0';
	const char *option = strtok_r(text, BLANKS, &rest);
	char *path = option && strcmp(option, "-w") == 0 ? strtok_r(NULL, BLANKS, &rest) : NULL;
	if (!path || path[0] != '/' || strlen(rest) != line.size - (size_t)(rest - text)) {
		/* no watch, or none that is parsed */
		fprintf(out, "%.*s\n", (int)line.size, (const char *)line.data);
		return 0;
	}
	(void)cut_slashes(path);
	int result = look(context, path);
	if (result < 0)
		return result;
	fprintf(out, "-w %s%s %s\n", path, result && path[1] ? "/" : "", rest);
	return 0;
}

struct audit_rule audit_rule_without_key(const struct audit_rule *rule)
{
	struct audit_rule bare = *rule;
	struct audit_rule_head *data = &bare.data;

	while (data->field_count > 0 && data->fields[data->field_count - 1] == AUDIT_FILTERKEY) {
		data->field_count--;
		data->buflen -= data->values[data->field_count];
	}
	return bare;
}

bool audit_rule_equal(const struct audit_rule *a, const struct audit_rule *b)
{
	const struct audit_rule_head *left = &a->data, *right = &b->data;
	const size_t fields_size = left->field_count * sizeof(left->fields[0]);

	return left->flags == right->flags && left->action == right->action &&
	       left->field_count == right->field_count && left->buflen == right->buflen &&
	       memcmp(left->mask, right->mask, sizeof(left->mask)) == 0 &&
	       memcmp(left->fields, right->fields, fields_size) == 0 &&
	       memcmp(left->values, right->values, fields_size) == 0 &&
	       memcmp(left->fieldflags, right->fieldflags, fields_size) == 0 &&
	       memcmp(a->strings, b->strings, left->buflen) == 0;
}
