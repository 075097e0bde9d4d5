/* runtime_sysctl_lock_test.c: a sysctl that is locked stays so until boot: no namespace lets the kernel be asked. */
#include <errno.h>

#include "arena_for_tests.h"
#include "runtime.h"

#define BPF "kernel/unprivileged_bpf_disabled" /* locked at 1: EPERM */
#define PTRACE "kernel/yama/ptrace_scope"      /* locked at 3: EINVAL */

static const struct {
	const char *key, *old, *written, *content;
	int result;
} rows[] = {
	{BPF, "2\n", "0\n", "0\n", 0},
	{BPF, "0\n", "2\n", "2\n", 0},
	{BPF, "2\n", "1\n", "1\n", 0},
	{BPF, "1\n", "1\n", "1\n", 0},
	{BPF, "1\n", "0\n", "1\n", -EPERM},
	{BPF, "1\n", "2\n", "1\n", -EPERM},
	{PTRACE, "1\n", "3\n", "3\n", 0},
	{PTRACE, "3\n", "3\n", "3\n", 0},
	{PTRACE, "3\n", "1\n", "3\n", -EINVAL},
	{PTRACE, "2\n", "1\n", "1\n", 0},
};

static void test_nothing_but_the_lock_is_written_to_what_is_locked(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct torn_bytes content;
		const int result =
			torn_runtime_sysctl(&arena, torn_bytes_of(rows[i].key), torn_bytes_of(rows[i].old),
					    torn_bytes_of(rows[i].written), &content);
		if (result != rows[i].result || !torn_bytes_equal(content, torn_bytes_of(rows[i].content)))
			fail_msg("row %zu: %d, '%.*s'", i, result, (int)content.size, (const char *)content.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		arena_test(test_nothing_but_the_lock_is_written_to_what_is_locked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
