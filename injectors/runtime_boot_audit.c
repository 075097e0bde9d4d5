/*
 * runtime_boot_audit.c: audit rules after boot: augenrules(8) of /etc/audit/rules.d, then `auditctl -R`.
 *
 * augenrules puts -D first and the last -e behind all rules; files come in the order of `ls -v`, which is
 * that of their bytes as long as numbers have as many digits. auditctl stops at the first line that the
 * kernel refuses, unless -i or -c came before; what it does not know is such a line. Where rules.d has no
 * file nothing is loaded. Before that, audit is enabled and has no rule (auditd.service).
 */
#include <linux/netlink.h>

#include "audit_rule.h"
#include "runtime.h"
#include "runtime_boot.h"

#define BLANKS " \t\r"

/* auditctl's line, told to the kernel. Returns 0, -errno of the kernel, -ENOMEM. */
static int tell_kernel(struct torn_arena *arena, uint16_t type, struct torn_bytes line,
		       struct torn_runtime_audit *audit)
{
	struct torn_audit_rule rule;
	struct torn_text text;
	struct torn_bytes request;
	const int error = torn_audit_rule_read(arena, line, &rule);
	if (error)
		return error;
	const struct nlmsghdr header = {
		.nlmsg_type = type,
		.nlmsg_len = (uint32_t)(NLMSG_HDRLEN + sizeof rule.head + rule.strings.size)};
	torn_text_begin(&text, arena);
	torn_text_add(&text, (struct torn_bytes){(const uint8_t *)&header, sizeof header});
	torn_text_add(&text, (struct torn_bytes){(const uint8_t *)&rule.head, sizeof rule.head});
	torn_text_add(&text, rule.strings);
	if (torn_text_end(&text, &request) < 0)
		return -ENOMEM;
	return torn_runtime_audit(arena, request, audit);
}

/* What a line asks for. */
enum asks { ASKS_NOTHING, ASKS_RULE, ASKS_DELETE, ASKS_ENABLED, ASKS_GO_ON };

static enum asks asks_for(struct torn_bytes line)
{
	struct torn_bytes option;
	if (!torn_text_word(&line, BLANKS, &option) || torn_text_begins(option, "#"))
		return ASKS_NOTHING;
	if (torn_text_is(option, "-D"))
		return ASKS_DELETE;
	if (torn_text_is(option, "-e"))
		return ASKS_ENABLED;
	if (torn_text_is(option, "-i") || torn_text_is(option, "-c"))
		return ASKS_GO_ON;
	static const char *const settings[] = {"-b", "-f", "-r", "--backlog_wait_time", "--loginuid-immutable",
					       "--reset-lost"};
	for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
		if (torn_text_is(option, settings[i]))
			return ASKS_NOTHING;
	return ASKS_RULE;
}

/* All rules of the files. Returns 0, also where one was refused, or -ENOMEM. */
static int load_rules(struct torn_arena *arena, const struct torn_conf_files *files,
		      struct torn_runtime_audit *audit)
{
	bool goes_on = false;
	for (size_t i = 0; i < files->count; i++) {
		struct torn_bytes rest = files->contents[i], line;
		while (torn_text_line(&rest, &line)) {
			const enum asks asks = asks_for(line);
			goes_on |= asks == ASKS_GO_ON;
			const int error = asks == ASKS_RULE ? tell_kernel(arena, AUDIT_ADD_RULE, line, audit) : 0;
			if (error == -ENOMEM)
				return error;
			if (error && !goes_on)
				return 0;
		}
	}
	return 0;
}

int torn_boot_audit_rules(struct torn_arena *arena, const struct torn_node *root, struct torn_bytes now,
			  struct torn_bytes *ret_rules)
{
	static const char *const dirs[] = {"etc/audit/rules.d", NULL};
	struct torn_conf_files *files;
	struct torn_runtime_audit audit = {.rules = torn_bytes_of(""), .enabled = torn_bytes_of("1\n")};
	(void)now;
	int error = torn_conf_collect(arena, root, dirs, ".rules", &files);
	if (!error)
		error = load_rules(arena, files, &audit);
	if (!error)
		*ret_rules = audit.rules;
	return error;
}

int torn_boot_audit_enabled(struct torn_arena *arena, const struct torn_node *root, struct torn_bytes now,
			    struct torn_bytes *ret_enabled)
{
	static const char *const dirs[] = {"etc/audit/rules.d", NULL};
	struct torn_conf_files *files;
	struct torn_bytes last = torn_bytes_of("1");
	(void)now;
	const int error = torn_conf_collect(arena, root, dirs, ".rules", &files);
	for (size_t i = 0; !error && i < files->count; i++) {
		struct torn_bytes rest = files->contents[i], line, word;
		while (torn_text_line(&rest, &line))
			if (asks_for(line) == ASKS_ENABLED && torn_text_word(&line, BLANKS, &word) &&
			    torn_text_word(&line, BLANKS, &word))
				last = word;
	}
	if (!error)
		*ret_enabled = torn_bytes_of(torn_text_is(last, "0")   ? "0\n" :
					     torn_text_is(last, "2") ? "2\n" :
								       "1\n");
	return error;
}
