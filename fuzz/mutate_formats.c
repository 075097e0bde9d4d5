/* mutate_formats.c: see mutate_formats.h. */
#include "mutate_formats.h"

#include <fnmatch.h>
#include <string.h>

#include "../injectors/runtime.h"
#include "../injectors/runtime_sysctl.h"
#include "../injectors/runtime_text.h"
#include "grammar.h"
#include "old_text.h"

/* The directory whose files are sysctls, below the kernel's own. */
#define SYSCTLS "sys/"

/* ------------------------------------------------------------- the tables */

/* Where files of a format stand: fnmatch(3), '*' being no '/'. The first row that fits counts. */
static const struct file_format {
	const char *pattern, *rule;
} file_formats[] = {
	{"etc/sysctl.conf", "sysctl_conf"},
	{"etc/sysctl.d/*.conf", "sysctl_conf"},
	{"etc/modprobe.conf", "modprobe_conf"},
	{"etc/modprobe.d/*.conf", "modprobe_conf"},
	{"etc/modules", "modules_load"},
	{"etc/modules-load.d/*.conf", "modules_load"},
	{"etc/audit/*.rules", "audit_rules"},
	{"etc/audit/rules.d/*.rules", "audit_rules"},
	{"etc/dconf/profile/*", "dconf_profile"},
	{"etc/dconf/db/*.d/locks/*", "dconf_locks"},
	{"etc/dconf/db/*.d/*", "dconf_keyfile"},
	{"etc/fstab", "fstab"},
};

/* The same below the runtime directory; sysctls are asked for. */
static const struct file_format runtime_formats[] = {
	{"modules", "proc_modules"},
	{"audit/rules", "proc_audit_rules"},
	{"audit/enabled", "proc_audit_enabled"},
	{"self/mountinfo", "proc_mountinfo"},
};

/*
 * What arguments of a name are, of a target that has the argument `beside`, too, or that
 * watches a path which begins so; NULL: of all.
 */
static const struct arg_format {
	const char *name, *beside, *rule;
} arg_formats[] = {
	{"schema", NULL, "dconf_schema"},
	{"key", "schema", "dconf_key"},
	{"value", "schema", "dconf_value"},
	{"value_type", "schema", "dconf_type"},
	{"db", "schema", "dconf_name"},
	{"file", "schema", "dconf_name"},
	{"lock", "schema", "boolean"},
	{"key", "proc/sys/", "sysctl_key"},
	{"value", "proc/sys/", "sysctl_value"},
	{"name", "proc/modules", "module_name"},
	{"rule", "proc/audit/", "audit_rule"},
	{"mount_point", NULL, "mount_point"},
	{"options", "mount_point", "mount_options"},
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

static const char *rule_of(const struct file_format *formats, size_t count, struct torn_bytes path)
{
	char text[TORN_PATH_SIZE_MAX + 1];
	if (path.size > TORN_PATH_SIZE_MAX)
		return NULL;
	memcpy(text, path.data, path.size);
	text[path.size] = '\0';
	for (size_t i = 0; i < count; i++)
		if (fnmatch(formats[i].pattern, text, FNM_PATHNAME) == 0)
			return formats[i].rule;
	return NULL;
}

static bool has_beside(const struct torn_target *target, const char *beside)
{
	if (!beside)
		return true;
	for (const struct torn_default *arg = target->args; arg && arg->name; arg++)
		if (strcmp(arg->name, beside) == 0)
			return true;
	for (const char *const *path = target->watch; path && *path; path++)
		if (strncmp(*path, beside, strlen(beside)) == 0)
			return true;
	return false;
}

static const char *rule_of_arg(const struct torn_target *target, const char *name)
{
	for (size_t i = 0; i < COUNT(arg_formats); i++)
		if (strcmp(arg_formats[i].name, name) == 0 && has_beside(target, arg_formats[i].beside))
			return arg_formats[i].rule;
	return NULL;
}

/* -------------------------------------------------------------- the runtime */

/* What is behind the runtime directory, "sys/kernel/panic"; data NULL: it is not below one. */
static struct torn_bytes below_runtime(const struct torn_old *olds, size_t count, struct torn_bytes path)
{
	for (size_t i = 0; i < count; i++) {
		const struct torn_bytes folder = olds[i].path;
		if ((olds[i].mount & TORN_RUNTIME) && path.size > folder.size + 1 &&
		    path.data[folder.size] == '/' && memcmp(path.data, folder.data, folder.size) == 0)
			return torn_text_behind(path, folder.size + 1);
	}
	return (struct torn_bytes){NULL, 0};
}

bool torn_mutate_is_runtime(const struct torn_old *olds, size_t count, struct torn_bytes path)
{
	for (size_t i = 0; i < count; i++)
		if ((olds[i].mount & TORN_RUNTIME) && torn_bytes_equal(olds[i].path, path))
			return true;
	return below_runtime(olds, count, path).data;
}

static bool is_sysctl(struct torn_bytes below)
{
	return below.size > strlen(SYSCTLS) && memcmp(below.data, SYSCTLS, strlen(SYSCTLS)) == 0;
}

bool torn_mutate_has_format(const struct torn_old *olds, size_t count, struct torn_bytes path)
{
	const struct torn_bytes below = below_runtime(olds, count, path);
	if (below.data)
		return is_sysctl(below) || rule_of(runtime_formats, COUNT(runtime_formats), below);
	return rule_of(file_formats, COUNT(file_formats), path);
}

/* "1\n", and not three numbers or a name. */
static bool is_one_number(struct torn_bytes content)
{
	uint64_t number;
	return torn_text_decimal(torn_text_trim(content, "\n"), &number);
}

/* A value that the kernel takes; of what torn knows no sysctl a small number, where it is one. */
static struct torn_bytes sysctl_content(struct torn_mutation *mutation, const struct torn_case *c,
					struct torn_bytes key, struct torn_bytes now)
{
	struct torn_bytes content = {NULL, 0}, value = torn_grammar_make(mutation, c, "proc_sysctl_small");
	if (!torn_runtime_sysctl_find(key))
		return !now.data || is_one_number(now) ? value : content;
	if (torn_dice_chance(&mutation->dice, 1, 2))
		value = torn_grammar_make(mutation, c, "sysctl_value");
	if (!value.data || !now.data || torn_runtime_sysctl(mutation->arena, key, now, value, &content) < 0 ||
	    content.size == 0)
		return (struct torn_bytes){NULL, 0};
	return torn_arena_copy(mutation->arena, content.data, content.size);
}

/* A kernel has each module once. */
static struct torn_bytes without_doubles(struct torn_mutation *mutation, struct torn_bytes modules)
{
	struct torn_text text;
	struct torn_bytes rest = modules, line, other, name, other_name;
	torn_text_begin(&text, mutation->arena);
	while (torn_text_line(&rest, &line)) {
		struct torn_bytes before = {modules.data, (size_t)(line.data - modules.data)}, words = line;
		bool is_double = !torn_text_word(&words, " ", &name);
		while (!is_double && torn_text_line(&before, &other))
			is_double = torn_text_word(&other, " ", &other_name) && torn_bytes_equal(name, other_name);
		if (is_double)
			continue;
		torn_text_add(&text, line);
		torn_text_put(&text, "\n");
	}
	if (torn_text_end(&text, &line) < 0)
		return (struct torn_bytes){NULL, 0};
	return torn_arena_copy(mutation->arena, line.data, line.size);
}

static struct torn_bytes runtime_content(struct torn_mutation *mutation, const struct torn_case *c,
					 struct torn_bytes below, struct torn_bytes now)
{
	if (is_sysctl(below))
		return sysctl_content(mutation, c, torn_text_behind(below, strlen(SYSCTLS)), now);
	const char *rule = rule_of(runtime_formats, COUNT(runtime_formats), below);
	if (!rule)
		return (struct torn_bytes){NULL, 0};
	const struct torn_bytes made = torn_grammar_make(mutation, c, rule);
	return made.data && strcmp(rule, "proc_modules") == 0 ? without_doubles(mutation, made) : made;
}

/* -------------------------------------------------------------------- texts */

bool torn_mutate_knows_formats(const struct torn_mutation *mutation, const struct torn_case *c)
{
	for (const struct torn_default *arg = mutation->target->args; arg && arg->name; arg++)
		if (rule_of_arg(mutation->target, arg->name))
			return true;
	for (size_t i = 0; i < c->olds_count; i++)
		if (torn_mutate_has_format(c->olds, c->olds_count, c->olds[i].path))
			return true;
	return false;
}

struct torn_bytes torn_mutate_formatted_file(struct torn_mutation *mutation, const struct torn_case *c,
					     struct torn_bytes path, struct torn_bytes now)
{
	const struct torn_bytes below = below_runtime(c->olds, c->olds_count, path);
	if (below.data)
		return runtime_content(mutation, c, below, now);
	const char *rule = rule_of(file_formats, COUNT(file_formats), path);
	if (!rule)
		return (struct torn_bytes){NULL, 0};
	if (now.size > 0 && torn_dice_chance(&mutation->dice, 2, 5))
		return torn_mutate_lines(mutation, now);
	const struct torn_bytes made = torn_grammar_make(mutation, c, rule);
	return made.data && torn_dice_chance(&mutation->dice, 1, 3) ? torn_mutate_lines(mutation, made) : made;
}

struct torn_bytes torn_mutate_formatted_arg(struct torn_mutation *mutation, const struct torn_case *c,
					    const char *name, struct torn_bytes now)
{
	const char *rule = rule_of_arg(mutation->target, name);
	if (!rule)
		return (struct torn_bytes){NULL, 0};
	if (now.size > 0 && torn_dice_chance(&mutation->dice, 1, 5))
		return torn_mutate_lines(mutation, now);
	return torn_grammar_make(mutation, c, rule);
}

static const struct torn_old *runtime_of(const struct torn_case *c)
{
	for (size_t i = 0; i < c->olds_count; i++)
		if (c->olds[i].mount & TORN_RUNTIME)
			return &c->olds[i];
	return NULL;
}

/* "kernel.panic" is kernel/panic: sysctl(8). */
static const struct torn_sysctl *sysctl_of_key(struct torn_mutation *mutation, struct torn_bytes key,
					       struct torn_bytes *ret_path)
{
	const struct torn_bytes copy = torn_arena_copy(mutation->arena, key.data, key.size);
	uint8_t *path = (uint8_t *)copy.data;
	for (size_t i = 0; path && i < key.size; i++)
		if (path[i] == '.')
			path[i] = '/';
	*ret_path = copy;
	return path ? torn_runtime_sysctl_find(copy) : NULL;
}

struct torn_bytes torn_mutate_sysctl_of(struct torn_mutation *mutation, const struct torn_case *c,
					struct torn_bytes *ret_content)
{
	const char *rule = rule_of_arg(mutation->target, "key");
	const struct torn_bytes key = torn_grammar_argument(mutation, c, "key"), nothing = {NULL, 0};
	const struct torn_old *runtime = runtime_of(c);
	struct torn_bytes path, whole;
	struct torn_text text;
	if (!runtime || !rule || strcmp(rule, "sysctl_key") != 0 || !key.data)
		return nothing;
	const struct torn_sysctl *sysctl = sysctl_of_key(mutation, key, &path);
	if (!sysctl)
		return nothing;
	torn_text_begin(&text, mutation->arena);
	torn_text_add(&text, runtime->path);
	torn_text_put(&text, "/" SYSCTLS);
	torn_text_add(&text, path);
	if (torn_text_end(&text, &whole) < 0)
		return nothing;
	torn_text_begin(&text, mutation->arena);
	torn_text_put(&text, sysctl->value);
	torn_text_put(&text, "\n");
	return torn_text_end(&text, ret_content) < 0 ? nothing : whole;
}
