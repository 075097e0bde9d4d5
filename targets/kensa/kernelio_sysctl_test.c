/* kernelio_sysctl_test.c: where a key leads: below /proc/sys, or nowhere. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kernelio_sysctl.h"

static void test_dots_are_slashes_and_empty_parts_are_none(void **state)
{
	(void)state;
	static const struct {
		const char *key, *path;
	} rows[] = {
		{"kernel.panic", "/proc/sys/kernel/panic"},
		{"net.ipv4.conf.all.log_martians", "/proc/sys/net/ipv4/conf/all/log_martians"},
		{"panic", "/proc/sys/panic"},
		{"net..ipv4.", "/proc/sys/net/ipv4"},
		{".kernel", "/proc/sys/kernel"},
		{"a-b_c d", "/proc/sys/a-b_c d"},
	};
	char path[PATH_MAX];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(kernelio_sysctl_path(torn_bytes_of(rows[i].key), path, sizeof(path)), 0);
		assert_string_equal(path, rows[i].path);
	}
}

static void test_a_key_that_leads_elsewhere_is_refused(void **state)
{
	(void)state;
	static const struct torn_bytes keys[] = {
		{(const uint8_t *)"", 0},	   {(const uint8_t *)"/", 1},
		{(const uint8_t *)".", 1},	   {(const uint8_t *)"...", 3},
		{(const uint8_t *)"net/ipv4", 8},  {(const uint8_t *)"../../etc/passwd", 16},
		{(const uint8_t *)"kernel\0panic", 12},
	};
	char path[PATH_MAX];
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		errno = 0;
		assert_int_equal(kernelio_sysctl_path(keys[i], path, sizeof(path)), -1);
		assert_int_equal(errno, EINVAL);
	}
}

static void test_a_path_that_does_not_fit_is_refused(void **state)
{
	(void)state;
	char path[sizeof("/proc/sys/abc")];

	assert_int_equal(kernelio_sysctl_path(torn_bytes_of("abc"), path, sizeof(path)), 0);
	assert_int_equal(kernelio_sysctl_path(torn_bytes_of("abcd"), path, sizeof(path)), -1);
	assert_int_equal(errno, ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dots_are_slashes_and_empty_parts_are_none),
		cmocka_unit_test(test_a_key_that_leads_elsewhere_is_refused),
		cmocka_unit_test(test_a_path_that_does_not_fit_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
