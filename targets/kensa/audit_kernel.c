/* audit_kernel.c: see audit_kernel.h. */
#include "audit_kernel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit_lines.h"

static int parse(const struct audit_text *rules, struct torn_bytes line,
		 struct audit_rule *ret_rule)
{
	return rules->is_resolved ? audit_rule_parse_resolved(line, ret_rule)
				  : audit_rule_parse(line, ret_rule);
}

static int print_resolved(FILE *out, struct torn_bytes rules, audit_rule_look *look,
			  const struct kensa_context *context)
{
	struct torn_bytes line;

	while (audit_lines_next_rule(&rules, &line)) {
		int result = audit_rule_resolve(line, look, context, out);
		if (result < 0)
			return result;
	}
	return 0;
}

int audit_kernel_resolve(struct torn_bytes rules, audit_rule_look *look, const struct kensa_context *context,
			 char **ret_rules)
{
	char *text = NULL;
	size_t size = 0;

	FILE *out = open_memstream(&text, &size);
	if (!out)
		return -ENOMEM;
	int result = print_resolved(out, rules, look, context);
	if (fclose(out) != 0 && result == 0)
		result = -ENOMEM;
	if (result < 0)
		free(text);
	else
		*ret_rules = text;
	return result;
}

static bool is_loaded(const struct audit_rule *loaded, size_t count, const struct audit_rule *rule)
{
	for (size_t i = 0; i < count; i++)
		if (audit_rule_equal(&loaded[i], rule))
			return true;
	return false;
}

static bool conflicts_with(const struct audit_rule *loaded, size_t count, const struct audit_rule *rule)
{
	const struct audit_rule bare = audit_rule_without_key(rule);

	for (size_t i = 0; i < count; i++) {
		const struct audit_rule other = audit_rule_without_key(&loaded[i]);
		if (audit_rule_equal(&other, &bare) && !audit_rule_equal(&loaded[i], rule))
			return true;
	}
	return false;
}

/* Returns 0 or -errno. */
static int print_missing(FILE *missing, struct audit_text rules, const struct audit_rule *loaded,
			 size_t count, bool *conflicts)
{
	struct torn_bytes line;
	struct audit_rule rule;

	while (audit_lines_next_rule(&rules.lines, &line)) {
		int result = parse(&rules, line, &rule);
		if (result < 0)
			return result;
		*conflicts |= conflicts_with(loaded, count, &rule);
		if (!is_loaded(loaded, count, &rule))
			fprintf(missing, "%.*s\n", (int)line.size, (const char *)line.data);
	}
	return 0;
}

int audit_kernel_missing_of(struct audit_text rules, const struct audit_rule *loaded, size_t count,
			    char **ret_missing, bool *conflicts)
{
	char *text = NULL;
	size_t size = 0;

	FILE *missing = open_memstream(&text, &size);
	if (!missing)
		return -ENOMEM;
	int result = print_missing(missing, rules, loaded, count, conflicts);
	if (fclose(missing) != 0 && result == 0)
		result = -ENOMEM;
	if (result < 0)
		free(text);
	else
		*ret_missing = text;
	return result;
}

int audit_kernel_missing(struct audit_client *client, struct audit_text rules, char **ret_missing,
			 bool *ret_conflicts)
{
	struct audit_rule *loaded = NULL;
	size_t count = 0;
	bool conflicts = false;

	int result = audit_client_list(client, &loaded, &count);
	if (result < 0)
		return result;
	result = audit_kernel_missing_of(rules, loaded, count, ret_missing, &conflicts);
	free(loaded);
	if (result == 0 && ret_conflicts)
		*ret_conflicts = conflicts;
	return result;
}

int audit_kernel_load(struct audit_client *client, struct audit_text rules, bool tolerates)
{
	struct torn_bytes line;
	struct audit_rule rule;

	while (audit_lines_next_rule(&rules.lines, &line)) {
		int result = parse(&rules, line, &rule);
		if (result == 0)
			result = audit_client_add(client, &rule);
		if (result < 0 && !(tolerates && result == -EEXIST))
			return result;
	}
	return 0;
}

/* Returns 0 or -errno. What could not be loaded, or is not, needs no unloading. */
static int unload(struct audit_client *client, const struct audit_text *rules,
		  struct torn_bytes line)
{
	struct audit_rule rule;

	if (parse(rules, line, &rule) < 0)
		return 0;
	int result = audit_client_delete(client, &rule);
	return result == -ENOENT ? 0 : result;
}

int audit_kernel_unload(struct audit_client *client, struct audit_text rules)
{
	struct torn_bytes line;

	while (audit_lines_next_rule(&rules.lines, &line)) {
		int result = unload(client, &rules, line);
		if (result < 0)
			return result;
	}
	return 0;
}

/* The line of that index; there is one. */
static struct torn_bytes rule_at(struct torn_bytes rules, size_t index)
{
	struct torn_bytes line = {NULL, 0};

	for (size_t i = 0; i <= index; i++)
		(void)audit_lines_next_rule(&rules, &line);
	return line;
}

int audit_kernel_unload_all(struct audit_client *client, struct audit_text rules)
{
	struct torn_bytes rest = rules.lines, line;
	size_t count = 0;
	int first = 0;

	while (audit_lines_next_rule(&rest, &line))
		count++;
	while (count-- > 0) {
		int result = unload(client, &rules, rule_at(rules.lines, count));
		if (result == -EINVAL) /* the kernel refuses it, and has not got it */
			continue;
		if (first == 0)
			first = result;
	}
	return first;
}
