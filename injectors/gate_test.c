/* gate_test.c: the traps of the in-process gate, one test each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "../fuzz/run_for_tests.h"

static int writes_a_file(const struct torn_run *run)
{
	(void)run;
	int fd = open("/srv/f", O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0)
		return -errno;
	ssize_t r = write(fd, "new", 3);
	close(fd);
	return r == 3 ? 0 : -1;
}

static void test_a_write_is_logged_and_folds_to_what_is_on_disk(void **state)
{
	(void)state;
	struct torn_test *test = torn_test_open("old srv/f file old\n");
	assert_int_equal(torn_test_run(test, writes_a_file, ""), 0);
	assert_int_equal(test->result, TORN_HELD);
	assert_int_equal(test->trial.log->numbered, 3);
	assert_int_equal(test->trial.log->ops[1].call, TORN_CALL_write);
	char bytes[4] = "";
	assert_int_equal(torn_node_read(torn_tree_find(test->trial.now, torn_bytes_of("srv/f")), 0, bytes, 4), 3);
	assert_string_equal(bytes, "new");
	torn_test_close(test);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_write_is_logged_and_folds_to_what_is_on_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
