/*
 * audit_rule_test.c: rules as lines. What is expected was printed by auditctl -l of audit 3.0.9, but for
 * the slash behind a directory that is watched.
 */
#include <errno.h>
#include <string.h>

#include "arena_for_tests.h"
#include "audit_rule.h"

#define COUNT(table) (sizeof(table) / sizeof *(table))

static const struct {
	const char *line, *printed; /* NULL: refused */
} lines[] = {
	{"-w /etc/passwd -p wa -k identity", "-w /etc/passwd -p wa -k identity"},
	{"-w /etc/ -p wa -k identity", "-w /etc/ -p wa -k identity"},
	{"-w /etc/passwd", "-w /etc/passwd -p rwxa"},
	{"-w /etc/passwd -k b -p aw -k c", "-w /etc/passwd -p wa -k b -k c"},
	{"-w / -p wa", "-w / -p wa"},
	{"-a always,exit -F arch=b64 -S open,openat -F exit=-EACCES -F auid>=1000 -F auid!=unset -k access",
	 "-a always,exit -F arch=b64 -S open,openat -F exit=-EACCES -F auid>=1000 -F auid!=-1 -F key=access"},
	{"-a always,exit -F arch=b32 -S open -S creat -F exit=-EPERM -F auid>=1000 -F auid!=4294967295 -F key=access",
	 "-a always,exit -F arch=b32 -S open,creat -F exit=-EPERM -F auid>=1000 -F auid!=-1 -F key=access"},
	{"-a exit,always -F path=/usr/bin/sudo -F perm=x -F auid>=1000",
	 "-a always,exit -S all -F path=/usr/bin/sudo -F perm=x -F auid>=1000"},
	{"-a always,exit -F dir=/etc -F perm=wa -k a -k b", "-w /etc/ -p wa -k a -k b"},
	{"-a never,user -F uid=root", "-a never,user -F uid=0"},
	{"-a never,exclude -F msgtype=CWD", "-a never,exclude -F msgtype=CWD"},
	{"-a always,task -F pid=1", "-a always,task -F pid=1"},
	{"-a always,exit -F arch=b64 -S all -F success=0", "-a always,exit -F arch=b64 -S all -F success=0"},
	{"-a always,exit -S 2 -S 3", "-a always,exit -S open,close"},
	{"-a always,exit -F arch=b64 -S open -F a0=5 -F a1&3 -F euid=0 -F gid=5 -F inode=4294967295 -F ppid=3",
	 "-a always,exit -F arch=b64 -S open -F a0=0x5 -F a1&0x3 -F euid=0 -F gid=5 -F inode=4294967295 -F ppid=3"},
	{"-a always,exit -F arch=b64 -S mount -F success=1 -F exit=5 -F exit=100000 -F sessionid=4",
	 "-a always,exit -F arch=b64 -S mount -F success=1 -F exit=5 -F exit=100000 -F sessionid=4"},
	{"-a always,exit -F arch=b64 -C auid!=obj_uid -S open", "-a always,exit -F arch=b64 -S open -C auid!=obj_uid"},
	{"-a always,exit -F filetype=32768 -F path=/etc/x", "-a always,exit -S all -F filetype=32768 -F path=/etc/x"},
	{"-a always,exit -F exe=/bin/ls", "-a always,exit -S all -F exe=/bin/ls"},
	{"-a always,exit -F path=/etc/passwd -F perm=wa -F key=", "-w /etc/passwd -p wa"},
	{"-a always,exit -F arch!=b32 -S open", "-a always,exit -F arch!=b32 -S open"},
	{"-a always,exit -F arch=b64 -S 400,450,470", "-a always,exit -F arch=b64 -S 400,set_mempolicy_home_node,470"},
	{"-a always,exit", "-a always,exit -S all"},
	{"-a always,exit -S none", "-a always,exit -S none"},
	{"-a always,exit -F perm=wa -F path=/etc/x", "-a always,exit -S all -F perm=wa -F path=/etc/x"},
	{"-a always,exit -F key=x -F perm=wa", "-a always,exit -S all -F key=x -F perm=wa"},
	{"-w /a\\040b/c\\134 -p r -k x\\012y", "-w /a\\040b/c\\134 -p r -k x\\012y"},
	{"-a always,exit -F path=/etc/passwd -F path=/etc/x", NULL},
	{"-a always,exit -F auid=-1 -F uid=-1", NULL},
	{"-a always,exit -F path!=/etc/passwd", NULL},
	{"-a always,exit -F path=/etc/", NULL},
	{"-a always,user -F path=/etc/passwd", NULL},
	{"-a possible,exit -S open", NULL},
	{"-a always,entry -S open", NULL},
	{"-a always -S open", NULL},
	{"-w relative -p r", NULL},
	{"-w /etc/passwd -p z", NULL},
	{"-w /etc/passwd -p", NULL},
	{"-a always,exit -S nosuchcall", NULL},
	{"-a always,exit -F nosuch=1", NULL},
	{"-a always,exit -F uid", NULL},
	{"-a always,exit -F pid&1", NULL},
	{"-a always,exit -F msgtype=CWD", NULL},
	{"-D", NULL},
	{"", NULL},
	{"# a comment", NULL},
};

static void test_a_line_is_printed_as_auditctl_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		struct torn_audit_rule rule, again;
		struct torn_text text;
		struct torn_bytes printed;
		const int error = torn_audit_rule_read(&arena, torn_bytes_of(lines[i].line), &rule);
		if (!lines[i].printed || error) {
			if (lines[i].printed || error != -EINVAL)
				fail_msg("'%s': %d", lines[i].line, error);
			continue;
		}
		torn_text_begin(&text, &arena);
		torn_audit_rule_print(&text, &rule);
		assert_int_equal(torn_text_end(&text, &printed), 0);
		printed = torn_arena_copy(&arena, printed.data, printed.size);
		assert_string_equal((const char *)printed.data, lines[i].printed);
		assert_int_equal(torn_audit_rule_read(&arena, printed, &again), 0);
		assert_true(torn_audit_rule_same(&rule, &again));
	}
}

static void test_a_key_may_have_256_bytes(void **state)
{
	(void)state;
	char line[400] = "-w /x -p r -k ";
	struct torn_audit_rule rule;
	memset(line + 14, 'k', AUDIT_MAX_KEY_LEN);
	assert_int_equal(torn_audit_rule_read(&arena, torn_bytes_of(line), &rule), 0);
	line[14 + AUDIT_MAX_KEY_LEN] = 'k';
	assert_int_equal(torn_audit_rule_read(&arena, torn_bytes_of(line), &rule), -EINVAL);
}

/* Bits behind the last call are classes of calls: audit_data_to_entry() takes them out of the mask. */
static void test_classes_of_calls_make_no_other_rule(void **state)
{
	static const char line[] = "-a always,exit -F arch=b64 -S open -F auid>=1000";
	struct torn_audit_rule rule, again;
	struct torn_bytes data;
	struct torn_text text;
	(void)state;
	assert_int_equal(torn_audit_rule_read(&arena, torn_bytes_of(line), &rule), 0);
	struct torn_audit_head head = rule.head;
	head.mask[AUDIT_BITMASK_SIZE - 1] |= UINT32_C(0xffff0000);
	torn_text_begin(&text, &arena);
	torn_text_add(&text, (struct torn_bytes){(const uint8_t *)&head, sizeof head});
	assert_int_equal(torn_text_end(&text, &data), 0);
	assert_int_equal(torn_audit_rule_take(data, &again), 0);
	assert_true(torn_audit_rule_same(&rule, &again));
	head.mask[AUDIT_BITMASK_SIZE - 1] |= 1; /* a call that has no name is one all the same */
	torn_text_begin(&text, &arena);
	torn_text_add(&text, (struct torn_bytes){(const uint8_t *)&head, sizeof head});
	assert_int_equal(torn_text_end(&text, &data), 0);
	assert_int_equal(torn_audit_rule_take(data, &again), 0);
	assert_false(torn_audit_rule_same(&rule, &again));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		arena_test(test_a_line_is_printed_as_auditctl_does),
		arena_test(test_a_key_may_have_256_bytes),
		arena_test(test_classes_of_calls_make_no_other_rule),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
