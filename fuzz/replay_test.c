/* replay_test.c: a case is only replayed where a real SIGKILL leaves what the log says. */
#include <sys/mman.h>

#include "operations_for_tests.h"
#include "registry.h"
#include "replay_for_tests.h"

/* Runs so far, in whichever process: nothing that a target is meant to know. */
static volatile int *runs;

/* Op 3 is the write of `text`, behind the open of f and a sync that has nothing to do. */
static int write_f(const char *text)
{
	const int fd = open("/srv/f", O_WRONLY | O_TRUNC);
	if (fd < 0 || fsync(fd) != 0)
		return -1;
	const int r = write_all(fd, text, 3);
	return close(fd) == 0 ? r : -1;
}

/* Two clean runs, one to fold the kill, one that is really killed, one to tell: the fourth is another one. */
static int changes_when_it_is_killed(const struct torn_run *run)
{
	(void)run;
	return write_f(++*runs == 4 ? "odd" : "new");
}

static int is_always_the_same(const struct torn_run *run)
{
	(void)run;
	return write_f("new");
}

static const struct torn_variant variants[] = {
	{"same", is_always_the_same, NULL}, {"changes", changes_when_it_is_killed, NULL}, {NULL, NULL, NULL}};
static const struct torn_target target = {.name = "test.replayed",
					  .summary = "writes a file in place",
					  .variants = variants,
					  .worlds = one_world,
					  .watch = only_f};
TORN_TARGET(target);

static void test_a_kill_is_confirmed_by_a_real_one(void **state)
{
	(void)state;
	*runs = 0;
	const struct torn_replayed *replayed = replay_case("test.replayed@same", "fault 3 write kill=after\n");
	assert_false(replayed->failed);
	assert_int_equal(replayed->verdict, TORN_HELD);
	replayed = replay_case("test.replayed@changes", "fault 3 write kill=after\n");
	assert_true(replayed->failed);
	if (!strstr(replayed->text, "a real SIGKILL"))
		fail_msg("%s", replayed->text);
	assert_true(*runs >= 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		arena_test(test_a_kill_is_confirmed_by_a_real_one),
	};
	runs = mmap(NULL, sizeof *runs, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (runs == MAP_FAILED)
		return 1;
	return cmocka_run_group_tests(tests, NULL, close_the_worker);
}
