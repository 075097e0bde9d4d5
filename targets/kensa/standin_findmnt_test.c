/*
 * standin_findmnt_test.c: the stand-in held against the findmnt(8) of this machine: what a tmpfs is mounted with, and
 * what remounts of it, and of this mount of it alone, make of that.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cmocka.h>

#include "standins.h"

static char point[] = "/tmp/torn-findmnt-XXXXXX";

static char *output_of_real(const char *command)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = popen(command, "r");
	assert_non_null(stream);
	if (getdelim(&text, &size, '\0', stream) < 0) {
		free(text);
		text = strdup("");
	}
	pclose(stream);
	return text;
}

static void expect_same(const char *column)
{
	char command[128], *of_stand_in = NULL;
	snprintf(command, sizeof command, "findmnt -n -o %s %s", column, point);
	char *of_real = output_of_real(command);
	assert_int_equal(standins_run(command, &of_stand_in), 0);
	of_real[strcspn(of_real, "\n")] = '\0';
	of_stand_in[strcspn(of_stand_in, "\n")] = '\0';
	assert_string_equal(of_stand_in, of_real);
	free(of_stand_in);
	free(of_real);
}

static void test_it_joins_options_as_the_real_one_does(void **state)
{
	(void)state;
	static const struct {
		unsigned long flags;
		const char *data;
	} steps[] = {
		{0, "size=1m"},
		{MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NODEV, NULL},
		{MS_REMOUNT | MS_BIND | MS_NOSUID, NULL},
		{MS_REMOUNT | MS_RDONLY | MS_NOEXEC, "size=2m"},
		{MS_REMOUNT | MS_BIND, NULL},
		{MS_REMOUNT, "size=2m"},
	};
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		assert_int_equal(mount("none", point, "tmpfs", steps[i].flags, steps[i].data), 0);
		expect_same("OPTIONS");
		expect_same("VFS-OPTIONS");
		expect_same("FS-OPTIONS");
		expect_same("SOURCE");
	}
	assert_int_equal(umount(point), 0);
}

/* Anybody may have mounts of its own, where user namespaces are allowed. */
static bool has_mounts_of_its_own(void)
{
	return unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_joins_options_as_the_real_one_does),
	};
	if (system("findmnt --version >/dev/null 2>&1") != 0) {
		puts("SKIPPED: no findmnt here");
		return 0;
	}
	if (!mkdtemp(point))
		return 1;
	int failed = 0;
	if (has_mounts_of_its_own())
		failed = cmocka_run_group_tests(tests, NULL, NULL);
	else
		printf("SKIPPED: no mounts of its own: %s\n", strerror(errno));
	rmdir(point);
	return failed;
}
