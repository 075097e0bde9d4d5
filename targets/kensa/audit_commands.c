/* audit_commands.c: see audit_commands.h. */
#include "audit_commands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "audit_kernel.h"
#include "audit_lines.h"

/* ---------------------------------------------------------------- looking */

/* stat(1) says by words alone whether there is nothing, or something that it cannot look at. */
static int is_directory(const struct kensa_context *context, const char *path)
{
	char *kind = NULL;

	int status = shell_run(context, &kind,
			       "k=$(LC_ALL=C stat -L -c %%F %q 2>&1) || case $k in"
			       " *'No such file'* | *'Not a directory'* | *'Too many levels'*) k=none;; *) exit 1;; esac;"
			       " printf %%s \"$k\"",
			       torn_bytes_of(path));
	if (status < 0)
		return -ENOMEM;
	int result = status != 0 ? -EIO : strcmp(kind, "directory") == 0;
	free(kind);
	return result;
}

/* What `auditctl -l` prints, as rules: malloc'ed. */
struct listed {
	struct audit_rule *rules;
	size_t count;
};

static bool parse_list(struct torn_bytes text, struct listed *ret_listed)
{
	struct torn_bytes rest = text, line;
	size_t count = 0;

	while (audit_lines_next_rule(&rest, &line))
		count++;
	*ret_listed = (struct listed){calloc(count + 1, sizeof(struct audit_rule)), 0};
	while (ret_listed->rules && audit_lines_next_rule(&text, &line))
		if (audit_rule_parse_resolved(line, &ret_listed->rules[ret_listed->count++]) < 0) {
			free(ret_listed->rules);
			return false; /* what is not understood cannot be told from ours */
		}
	return ret_listed->rules != NULL;
}

static bool list(const struct kensa_context *context, struct listed *ret_listed)
{
	char *output = NULL;

	int status = shell_run(context, &output, "auditctl -l");
	if (status < 0)
		return false;
	struct torn_bytes text = torn_bytes_of(output);
	if (strcmp(output, "No rules") == 0)
		text.size = 0;
	else if (text.size == 0) /* it always says something */
		status = 1;
	bool is_known = status == 0 && parse_list(text, ret_listed);
	free(output);
	return is_known;
}

static bool is_in(const struct listed *listed, const struct audit_rule *rule)
{
	for (size_t i = 0; i < listed->count; i++)
		if (audit_rule_equal(&listed->rules[i], rule))
			return true;
	return false;
}

/* As text, a rule a line, and into the list: one that the step has twice is one rule. */
static bool print_added(FILE *to, struct listed *listed, struct torn_bytes rules)
{
	struct audit_rule rule;
	struct torn_bytes line;

	while (audit_lines_next_rule(&rules, &line)) {
		if (audit_rule_parse_resolved(line, &rule) < 0)
			return false;
		if (is_in(listed, &rule))
			continue;
		struct audit_rule *more = realloc(listed->rules, (listed->count + 1) * sizeof(*more));
		if (!more)
			return false;
		more[listed->count++] = rule;
		listed->rules = more;
		fprintf(to, "%.*s\n", (int)line.size, (const char *)line.data);
	}
	return true;
}

/* The kernel would have it twice, and the next boot's load stops at it. */
static bool has_conflict(const struct listed *listed, struct torn_bytes rules)
{
	char *missing = NULL;
	bool conflicts = false;

	if (audit_kernel_missing_of((struct audit_text){rules, true}, listed->rules, listed->count, &missing,
				    &conflicts) < 0)
		return true;
	free(missing);
	return conflicts;
}

static bool add_added(struct listed *listed, struct torn_bytes rules, struct kensa_prestate *state)
{
	char *added = NULL;
	size_t size = 0;

	FILE *to = open_memstream(&added, &size);
	if (!to)
		return false;
	bool is_known = print_added(to, listed, rules);
	is_known = fclose(to) == 0 && is_known && kensa_prestate_add(state, "added_rules", added, size) == 0;
	free(added);
	return is_known;
}

/* Returns what `auditctl -s` says; UINT32_MAX where that is nothing. */
static uint32_t enabled(const struct kensa_context *context)
{
	char *output = NULL;
	unsigned number = 0;

	int status = shell_run(context, &output, "auditctl -s");
	if (status < 0)
		return UINT32_MAX;
	bool is_told = status == 0 && sscanf(output, "enabled %u", &number) == 1;
	free(output);
	return is_told ? number : UINT32_MAX;
}

static bool look(const struct kensa_context *context, struct torn_bytes rules, struct kensa_prestate *state)
{
	struct listed listed;

	const uint32_t is_enabled = enabled(context);
	if (is_enabled == UINT32_MAX || !list(context, &listed))
		return false;
	bool is_known = !has_conflict(&listed, rules) &&
			(is_enabled == 2 ? kensa_prestate_add(state, "immutable_staged", "true", strlen("true")) == 0
					 : add_added(&listed, rules, state));
	free(listed.rules);
	return is_known;
}

enum kensa_outcome audit_commands_look(const struct kensa_context *context, struct torn_bytes rules,
				       struct kensa_prestate *state)
{
	char *resolved = NULL;

	if (memchr(rules.data, '\0', rules.size) ||
	    audit_kernel_resolve(rules, is_directory, context, &resolved) < 0)
		return KENSA_CAPTURE_INCOMPLETE;
	bool is_known = kensa_prestate_add(state, "resolved_rules", resolved, strlen(resolved)) == 0 &&
			look(context, torn_bytes_of(resolved), state);
	free(resolved);
	return is_known ? KENSA_SUCCESS : KENSA_CAPTURE_INCOMPLETE;
}

/* --------------------------------------------------------------- changing */

#define BLANKS " \t\r"

static bool next_word(struct torn_bytes *line, struct torn_bytes *ret_word)
{
	size_t size = 0;

	while (line->size > 0 && strchr(BLANKS, line->data[0])) {
		line->data++;
		line->size--;
	}
	while (size < line->size && !strchr(BLANKS, line->data[size]))
		size++;
	*ret_word = (struct torn_bytes){line->data, size};
	line->data += size;
	line->size -= size;
	return size > 0;
}

static bool is_word(struct torn_bytes word, const char *text)
{
	return torn_bytes_equal(word, torn_bytes_of(text));
}

/* The permissions of a watch: auditctl takes its last -p, and where there is none all. */
static struct torn_bytes permissions_of(struct torn_bytes line)
{
	struct torn_bytes permissions = torn_bytes_of("rwxa"), word;

	while (next_word(&line, &word))
		if (is_word(word, "-p"))
			(void)next_word(&line, &permissions);
	return permissions;
}

/* What `-w` stands for, with what was looked up: of a path auditctl would look again whether it is a directory. */
static void print_watch(FILE *to, struct torn_bytes line)
{
	struct torn_bytes path, word;

	(void)next_word(&line, &path);
	bool is_below = path.data[path.size - 1] == '/';
	if (is_below && path.size > 1)
		path.size--;
	fprintf(to, " always,exit -F %s=", is_below ? "dir" : "path");
	shell_quote(to, path);
	fputs(" -F perm=", to);
	shell_quote(to, permissions_of(line));
	while (next_word(&line, &word)) {
		if (is_word(word, "-p")) {
			(void)next_word(&line, &word);
			continue;
		}
		fputc(' ', to);
		shell_quote(to, word);
	}
}

/* The words for a resolved rule, which was parsed before. The caller frees. */
static char *words_of(struct torn_bytes line, bool unloads)
{
	struct torn_bytes word;
	char *words = NULL;
	size_t size = 0;

	FILE *to = open_memstream(&words, &size);
	if (!to)
		return NULL;
	(void)next_word(&line, &word);
	fputs(unloads ? "-d" : is_word(word, "-A") ? "-A" : "-a", to);
	if (is_word(word, "-w"))
		print_watch(to, line);
	else
		while (next_word(&line, &word)) {
			fputc(' ', to);
			shell_quote(to, word);
		}
	if (fclose(to) == 0)
		return words;
	free(words);
	return NULL;
}

static bool tell(const struct kensa_context *context, struct torn_bytes line, bool unloads)
{
	char *words = words_of(line, unloads);

	bool is_done = words && shell_run(context, NULL, "auditctl %s", words) == 0;
	free(words);
	return is_done;
}

/* Is each of the rules loaded, or none of them? False where that is not known. */
static bool are_all(const struct kensa_context *context, struct torn_bytes rules, bool is_loaded)
{
	struct listed listed;
	struct audit_rule rule;
	struct torn_bytes line;
	bool are = true;

	if (!list(context, &listed))
		return false;
	while (are && audit_lines_next_rule(&rules, &line))
		are = audit_rule_parse_resolved(line, &rule) == 0 && is_in(&listed, &rule) == is_loaded;
	free(listed.rules);
	return are;
}

enum kensa_outcome audit_commands_load(const struct kensa_context *context, const struct kensa_prestate *state)
{
	const struct torn_bytes added = kensa_fact_bytes(state, "added_rules");
	struct torn_bytes line;

	for (struct torn_bytes rest = added; audit_lines_next_rule(&rest, &line);)
		if (!tell(context, line, false))
			return KENSA_FAILED;
	return added.size == 0 || are_all(context, added, true) ? KENSA_SUCCESS : KENSA_FAILED;
}

/* The last first: what is loaded on the way is what was on the way there. */
static void unload(const struct kensa_context *context, const struct listed *listed, struct torn_bytes rules)
{
	struct audit_rule rule;
	struct torn_bytes line;

	if (!audit_lines_next_rule(&rules, &line))
		return;
	unload(context, listed, rules);
	if (audit_rule_parse_resolved(line, &rule) == 0 && is_in(listed, &rule))
		(void)tell(context, line, true);
}

enum kensa_outcome audit_commands_unload(const struct kensa_context *context, const struct kensa_prestate *state)
{
	const struct torn_bytes added = kensa_fact_bytes(state, "added_rules");
	struct listed listed;

	if (added.size == 0)
		return KENSA_SUCCESS;
	if (!list(context, &listed))
		return KENSA_PARTIAL_RESTORE;
	unload(context, &listed, added);
	free(listed.rules);
	return are_all(context, added, false) ? KENSA_SUCCESS : KENSA_PARTIAL_RESTORE;
}
