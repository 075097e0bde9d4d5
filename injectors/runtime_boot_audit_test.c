/* runtime_boot_audit_test.c: what boot loads of rules.d where a line of it is refused, and what it locks. */
#include <string.h>

#include "arena_for_tests.h"
#include "runtime_boot.h"
#include "tree.h"

#define FIRST "-w /etc/passwd -p wa -k a\n"
#define REFUSED "-w relative -p r\n"
#define LAST "-w /etc/group -p wa -k b\n"

static const struct torn_node *put(const struct torn_node *dir, const char *name, const struct torn_node *node)
{
	static torn_object last = 1;
	const struct torn_node *made = torn_node_put(&arena, dir, torn_bytes_of(name), node, ++last);
	assert_non_null(made);
	return made;
}

static const struct torn_node *folder_with(const char *name, const struct torn_node *node)
{
	const struct torn_attributes attributes = {.mode = 0755, .links = 1};
	return put(torn_node_make(&arena, TORN_DIRECTORY, attributes, torn_bytes_of("")), name, node);
}

/* A root with one file of rules. */
static const struct torn_node *root_with(const char *rules)
{
	const struct torn_attributes attributes = {.mode = 0640, .links = 1};
	const struct torn_node *file = torn_node_make(&arena, TORN_FILE, attributes, torn_bytes_of(""));
	file = torn_node_write(&arena, file, 0, torn_bytes_of(rules));
	return folder_with("etc", folder_with("audit", folder_with("rules.d", folder_with("a.rules", file))));
}

static const struct {
	const char *rules, *loaded, *enabled;
} rows[] = {
	{"", "", "1\n"},
	{FIRST LAST, FIRST LAST, "1\n"},
	{"# " REFUSED FIRST, FIRST, "1\n"},
	/* auditctl -R stops at what is refused, unless it is told to go on. */
	{FIRST REFUSED LAST, FIRST, "1\n"},
	{"-i\n" FIRST REFUSED LAST, FIRST LAST, "1\n"},
	{"-c\n" FIRST REFUSED LAST, FIRST LAST, "1\n"},
	{FIRST REFUSED "-c\n" LAST, FIRST, "1\n"},
	/* The same again is EEXIST. */
	{FIRST FIRST LAST, FIRST, "1\n"},
	{"-b 8192\n-f 1\n-D\n" FIRST "-e 2\n", FIRST, "2\n"},
	{"-e 0\n", "", "0\n"},
};

static void test_rules_load_up_to_what_is_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct torn_node *root = root_with(rows[i].rules);
		struct torn_bytes rules, enabled;
		assert_int_equal(torn_boot_audit_rules(&arena, root, torn_bytes_of("-a always,exit\n"), &rules), 0);
		assert_int_equal(torn_boot_audit_enabled(&arena, root, torn_bytes_of("2\n"), &enabled), 0);
		if (!torn_bytes_equal(rules, torn_bytes_of(rows[i].loaded)) ||
		    !torn_bytes_equal(enabled, torn_bytes_of(rows[i].enabled)))
			fail_msg("row %zu: '%.*s', enabled %.*s", i, (int)rules.size, (const char *)rules.data,
				 (int)enabled.size, (const char *)enabled.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		arena_test(test_rules_load_up_to_what_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
