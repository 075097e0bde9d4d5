/*
 * standin_auditctl.c: auditctl(8), as far as a handler asks it: `-s`, `-l`, and one rule to be loaded or unloaded.
 * The lines of -l are those of injectors/audit_rule.h. Left out: of -s all but `enabled`, and all other options; what a
 * rule may say is what audit_rule.h knows: -C and names of users are refused, by both paths alike.
 */
#include "standins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../injectors/audit_rule.h"
#include "audit_client.h"

#define LINE_BYTES ((size_t)64 << 10)
#define FAILED 255 /* as audit 3.0.9 exits, where the kernel refuses */

static int print_status(struct audit_client *client)
{
	uint32_t enabled = 0;

	int result = audit_client_enabled(client, &enabled);
	if (result == 0)
		fprintf(standin_output(), "enabled %u\n", enabled);
	return result;
}

static int print_rule(struct torn_arena *arena, const struct audit_rule *rule)
{
	const size_t mark = torn_arena_mark(arena);
	struct torn_audit_rule taken;
	struct torn_bytes line;
	struct torn_text text;

	int result = torn_audit_rule_take((struct torn_bytes){(const uint8_t *)&rule->data, rule->size}, &taken);
	if (result < 0)
		return result;
	torn_text_begin(&text, arena);
	torn_audit_rule_print(&text, &taken);
	result = torn_text_end(&text, &line);
	if (result == 0)
		fprintf(standin_output(), "%.*s\n", (int)line.size, (const char *)line.data);
	torn_arena_return(arena, mark);
	return result;
}

static int print_rules(struct audit_client *client)
{
	struct audit_rule *rules = NULL;
	struct torn_arena arena;
	size_t count = 0;

	int result = audit_client_list(client, &rules, &count);
	if (result < 0)
		return result;
	if (count == 0)
		fputs("No rules\n", standin_output());
	else
		result = torn_arena_open(&arena, LINE_BYTES);
	for (size_t i = 0; i < count && result == 0; i++)
		result = print_rule(&arena, &rules[i]);
	if (count > 0)
		torn_arena_close(&arena);
	free(rules);
	return result;
}

/* The words of a rule as one line; -W and -d are as -w and -a are. The caller frees. */
static char *line_of(int argc, char **argv, bool *ret_unloads)
{
	char *line = NULL;
	size_t size = 0;

	FILE *to = open_memstream(&line, &size);
	if (!to)
		return NULL;
	*ret_unloads = strcmp(argv[1], "-W") == 0 || strcmp(argv[1], "-d") == 0;
	fputs(!*ret_unloads ? argv[1] : argv[1][1] == 'W' ? "-w" : "-a", to);
	for (int i = 2; i < argc; i++)
		fprintf(to, " %s", argv[i]);
	if (fclose(to) == 0)
		return line;
	free(line);
	return NULL;
}

static int change(struct audit_client *client, int argc, char **argv)
{
	struct audit_rule rule;
	bool unloads;

	char *line = line_of(argc, argv, &unloads);
	if (!line)
		return -ENOMEM;
	int result = audit_rule_parse(torn_bytes_of(line), &rule);
	free(line);
	if (result < 0)
		return result;
	return unloads ? audit_client_delete(client, &rule) : audit_client_add(client, &rule);
}

static int act(struct audit_client *client, int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "-s") == 0)
		return print_status(client);
	if (argc == 2 && strcmp(argv[1], "-l") == 0)
		return print_rules(client);
	return change(client, argc, argv);
}

int standin_auditctl(int argc, char **argv)
{
	struct audit_client client;

	if (argc < 2) {
		fputs("usage: auditctl -s | -l | RULE\n", stderr);
		return 1;
	}
	int result = audit_client_open(&client);
	if (result == 0) {
		result = act(&client, argc, argv);
		audit_client_close(&client);
	}
	/* what was printed counts only where it was written */
	if (result == 0 && fflush(standin_output()) != 0)
		result = -EIO;
	if (result < 0)
		fprintf(stderr, "auditctl: %s\n", strerror(-result));
	return result < 0 ? FAILED : 0;
}
