/* kensa.audit_rule_test.c: lines of auditctl on the wire: the kernel's struct audit_rule_data, written out here. */
#include <errno.h>
#include <linux/audit.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "audit_rule.h"

static struct audit_rule_data *wire(size_t strings_size)
{
	struct audit_rule_data *data = calloc(1, sizeof(*data) + strings_size);
	assert_non_null(data);
	data->flags = AUDIT_FILTER_EXIT;
	data->action = AUDIT_ALWAYS;
	return data;
}

static void put(struct audit_rule_data *data, uint32_t field, uint32_t operator, uint32_t value)
{
	data->fields[data->field_count] = field;
	data->fieldflags[data->field_count] = operator;
	data->values[data->field_count++] = value;
}

static void put_text(struct audit_rule_data *data, uint32_t field, const char *text)
{
	put(data, field, AUDIT_EQUAL, (uint32_t)strlen(text));
	memcpy((char *)data + sizeof(*data) + data->buflen, text, strlen(text));
	data->buflen += (uint32_t)strlen(text);
}

static void expect_wire(const char *line, struct audit_rule_data *wanted)
{
	struct audit_rule rule;

	assert_int_equal(audit_rule_parse(torn_bytes_of(line), &rule), 0);
	assert_int_equal(rule.size, sizeof(*wanted) + wanted->buflen);
	assert_memory_equal(&rule.data, wanted, rule.size);
	free(wanted);
}

static void test_a_watch_is_all_calls_a_path_its_permissions_and_its_key(void **state)
{
	(void)state;
	struct audit_rule_data *data = wire(64);
	memset(data->mask, 0xff, (AUDIT_BITMASK_SIZE - 1) * sizeof(data->mask[0]));
	put_text(data, AUDIT_WATCH, "/nowhere/passwd");
	put(data, AUDIT_PERM, AUDIT_EQUAL, AUDIT_PERM_WRITE | AUDIT_PERM_ATTR);
	put_text(data, AUDIT_FILTERKEY, "identity");
	expect_wire("  -w /nowhere/passwd -p wa -k identity ", data);
}

static void test_a_watched_directory_is_one_whatever_slash_it_ends_with(void **state)
{
	(void)state;
	struct audit_rule_data *data = wire(64);
	memset(data->mask, 0xff, (AUDIT_BITMASK_SIZE - 1) * sizeof(data->mask[0]));
	put_text(data, AUDIT_DIR, "/proc");
	put(data, AUDIT_PERM, AUDIT_EQUAL,
	    AUDIT_PERM_READ | AUDIT_PERM_WRITE | AUDIT_PERM_EXEC | AUDIT_PERM_ATTR);
	expect_wire("-w /proc//", data);
}

static const char *resolved(const char *line)
{
	static char text[128];
	FILE *out = fmemopen(text, sizeof(text), "w");

	assert_non_null(out);
	assert_int_equal(audit_rule_resolve(torn_bytes_of(line), audit_rule_is_directory, NULL, out), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void test_a_resolved_watch_says_whether_it_is_of_a_directory(void **state)
{
	static const char *const lines[] = {"-w /proc -p r",	 "-w /proc/// -k a",
					    " -w\t/ -p wa",	 "-w /proc/version",
					    "-w /nowhere/ -p w", "-w /proc/version/x"};
	struct audit_rule rule, again;

	(void)state;
	assert_string_equal(resolved("-w /proc -p r  -k a"), "-w /proc/ -p r  -k a\n");
	assert_string_equal(resolved("-w /nowhere/ -p r"), "-w /nowhere -p r\n");
	assert_string_equal(resolved("-w proc -p r"), "-w proc -p r\n");
	assert_string_equal(resolved("-a always,exit -F dir=/proc"),
			    "-a always,exit -F dir=/proc\n");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(audit_rule_parse(torn_bytes_of(lines[i]), &rule), 0);
		assert_int_equal(
			audit_rule_parse_resolved(torn_bytes_of(resolved(lines[i])), &again), 0);
		if (!audit_rule_equal(&rule, &again))
			fail_msg("%s became %s", lines[i], resolved(lines[i]));
	}
	/* Of what is there now nothing is asked. */
	assert_int_equal(audit_rule_parse_resolved(torn_bytes_of("-w /proc -p r"), &again), 0);
	assert_int_equal(again.data.fields[0], AUDIT_WATCH);
}

static void test_calls_are_bits_and_fields_stand_in_their_order(void **state)
{
	(void)state;
	struct audit_rule_data *data = wire(64);
	data->mask[SYS_chmod / 32] |= 1u << SYS_chmod % 32;
	data->mask[SYS_fchmodat / 32] |= 1u << SYS_fchmodat % 32;
	data->mask[11 / 32] |= 1u << 11 % 32;
	put(data, AUDIT_ARCH, AUDIT_EQUAL, AUDIT_ARCH_X86_64);
	put(data, AUDIT_LOGINUID, AUDIT_GREATER_THAN_OR_EQUAL, 1000);
	put(data, AUDIT_LOGINUID, AUDIT_NOT_EQUAL, UINT32_MAX);
	put(data, AUDIT_EXIT, AUDIT_EQUAL, (uint32_t)-EACCES);
	put_text(data, AUDIT_FILTERKEY, "perm_mod");
	expect_wire("-a always,exit -F arch=b64 -S chmod,fchmodat -S 11 -F auid>=1000 -F auid!=unset"
		    " -F exit=-EACCES -k perm_mod",
		    data);
}

static void test_the_same_rule_in_other_words_is_equal_and_another_key_is_not(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"-a always,exit -F arch=b64 -S mount -F auid!=-1 -k m",
		"-a exit,always -F arch=x86_64 -S 165 -F auid!=4294967295 -F key=m",
		"-a always,exit -F arch=b64 -S mount -F auid!=-1 -k n",
	};
	struct audit_rule rules[3];
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(audit_rule_parse(torn_bytes_of(lines[i]), &rules[i]), 0);
	assert_true(audit_rule_equal(&rules[0], &rules[1]));
	assert_false(audit_rule_equal(&rules[0], &rules[2]));
}

static void test_what_is_no_rule_is_refused(void **state)
{
	(void)state;
	static const char *const lines[] = {
		"", "-w", "-w etc/passwd", "-w /etc/passwd -p", "-w /etc/passwd -p rwz", "-w /etc/passwd -p ''",
		"-p wa -w /etc/passwd", "-a always", "-a always,exit,", "-a exit,sometimes -S mount",
		"-a always,exit -S no_such_call", "-a always,exit -S 99999", "-a always,exit -F auid",
		"-a always,exit -F auid>=a", "-a always,exit -F nothing=1", "-a always,exit -F arch=b65",
		"-a always,exit -S mount -k", "-w /etc/passwd extra", "-w /a -w /b -p", "-D", "-e 2",
		"--watch /etc/passwd", "-w /etc/passwd -C auid!=uid",
	};
	struct audit_rule rule;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (audit_rule_parse(torn_bytes_of(lines[i]), &rule) != -EINVAL)
			fail_msg("taken: %s", lines[i]);
}

static void test_what_does_not_fit_is_refused(void **state)
{
	(void)state;
	char line[8192];
	struct audit_rule rule;

	memset(line, 'k', sizeof(line));
	memcpy(line, "-w /a -k ", 9);
	assert_int_equal(audit_rule_parse((struct torn_bytes){(const uint8_t *)line, 3000}, &rule), -E2BIG);
	assert_int_equal(audit_rule_parse((struct torn_bytes){(const uint8_t *)line, sizeof(line)}, &rule),
			 -E2BIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_watch_is_all_calls_a_path_its_permissions_and_its_key),
		cmocka_unit_test(test_a_watched_directory_is_one_whatever_slash_it_ends_with),
		cmocka_unit_test(test_a_resolved_watch_says_whether_it_is_of_a_directory),
		cmocka_unit_test(test_calls_are_bits_and_fields_stand_in_their_order),
		cmocka_unit_test(test_the_same_rule_in_other_words_is_equal_and_another_key_is_not),
		cmocka_unit_test(test_what_is_no_rule_is_refused),
		cmocka_unit_test(test_what_does_not_fit_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
