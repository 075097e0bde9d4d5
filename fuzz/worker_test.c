/*
 * worker_test.c: several workers at once: what happens where one dies, hangs or
 * cannot begin, and whatever started torn does with SIGCHLD.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker.h"

#define WORKERS 3

/* What a worker does, and what it did; shared. */
struct work {
	enum { WORKS, DIES, EXITS, SPINS, WAITS } first, isolated;
	uint32_t begun, begun_isolated, done, again;
};
static struct work *works;
static struct torn_worker workers[WORKERS];
static struct torn_job jobs[WORKERS];
static char message[256];

static void work(void *context, struct torn_lab *lab)
{
	struct work *of = context;
	*(lab->isolated ? &of->begun_isolated : &of->begun) += 1;
	switch (lab->isolated ? of->isolated : of->first) {
	case DIES:
		raise(SIGKILL);
		break;
	case EXITS: /* as a target may: 0, and nothing is done */
		_exit(0);
	case SPINS:
		for (;;)
			__asm__ volatile("");
	case WAITS: /* for the first one */
		while (*(volatile uint32_t *)&works->done == 0)
			lab->shared->trials++; /* it makes progress */
		break;
	default:
		break;
	}
	of->done++;
}

static void work_again(void *context)
{
	((struct work *)context)->again++;
}

static int open_workers(void **state)
{
	(void)state;
	works = mmap(NULL, WORKERS * sizeof *works, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	if (works == MAP_FAILED)
		return -1;
	message[0] = '\0';
	for (size_t i = 0; i < WORKERS; i++) {
		if (torn_worker_open(&workers[i], 1, message, sizeof message) < 0)
			return -1;
		jobs[i] = (struct torn_job){.job = work, .again = work_again, .context = &works[i]};
	}
	return 0;
}

static int close_workers(void **state)
{
	(void)state;
	signal(SIGCHLD, SIG_DFL);
	for (size_t i = 0; i < WORKERS; i++)
		torn_worker_close(&workers[i]);
	/* None is left behind, neither running nor dead. */
	const int r = waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : -1;
	munmap(works, WORKERS * sizeof *works);
	return r;
}

static int work_all(void)
{
	return torn_workers_do(workers, jobs, WORKERS, message, sizeof message);
}

static void assert_done_at_once(void)
{
	for (size_t i = 0; i < WORKERS; i++) {
		assert_int_equal(works[i].begun, 1);
		assert_int_equal(works[i].begun_isolated, 0);
		assert_int_equal(works[i].done, 1);
		assert_int_equal(works[i].again, 0);
	}
}

static void assert_all_began_again(void)
{
	for (size_t i = 0; i < WORKERS; i++) {
		assert_true(works[i].begun <= 1); /* it may have been stopped before it was at work */
		assert_int_equal(works[i].again, 1);
		assert_int_equal(works[i].begun_isolated, 1);
		assert_true(works[i].done >= 1);
	}
}

static void test_all_work_once(void **state)
{
	(void)state;
	assert_int_equal(work_all(), 0);
	assert_done_at_once();
}

static void test_where_one_dies_all_begin_again_isolated(void **state)
{
	(void)state;
	for (size_t i = 0; i < WORKERS; i++) {
		memset(works, 0, WORKERS * sizeof *works);
		works[i].first = DIES;
		assert_int_equal(work_all(), 0);
		assert_all_began_again();
		assert_int_equal(works[i].begun, 1);
		assert_int_equal(works[i].done, 1);
	}
}

static void begin_again_alone(void)
{
	for (size_t i = 0; i < WORKERS; i++) {
		jobs[i].alone = true;
		works[i].first = WAITS; /* it is at work while the first one dies */
	}
}

static void assert_others_worked_once(void)
{
	for (size_t i = 1; i < WORKERS; i++) {
		assert_int_equal(works[i].begun, 1);
		assert_int_equal(works[i].begun_isolated, 0);
		assert_int_equal(works[i].done, 1);
		assert_int_equal(works[i].again, 0);
	}
}

static void test_one_that_begins_again_alone_leaves_the_others_at_work(void **state)
{
	(void)state;
	for (unsigned how = DIES; how <= SPINS; how++) {
		memset(works, 0, WORKERS * sizeof *works);
		begin_again_alone();
		works[0].first = how;
		assert_int_equal(work_all(), 0);
		assert_int_equal(works[0].begun, 1);
		assert_int_equal(works[0].again, 1);
		assert_int_equal(works[0].begun_isolated, 1);
		assert_int_equal(works[0].done, 1);
		assert_others_worked_once();
	}
}

static void test_each_that_dies_begins_again_alone(void **state)
{
	(void)state;
	begin_again_alone();
	for (size_t i = 0; i < WORKERS; i++)
		works[i].first = DIES;
	assert_int_equal(work_all(), 0);
	for (size_t i = 0; i < WORKERS; i++) {
		assert_int_equal(works[i].begun, 1);
		assert_int_equal(works[i].again, 1);
		assert_int_equal(works[i].begun_isolated, 1);
		assert_int_equal(works[i].done, 1);
	}
}

static void test_one_that_dies_alone_and_isolated_is_a_failure(void **state)
{
	(void)state;
	begin_again_alone();
	works[0].first = works[0].isolated = DIES;
	assert_int_equal(work_all(), -EPROTO);
	assert_string_equal(message, "the worker died");
	assert_int_equal(works[0].again, 1);
	assert_int_equal(works[0].begun_isolated, 1);
	for (size_t i = 1; i < WORKERS; i++)
		assert_int_equal(works[i].again, 0);
}

static void test_one_that_cannot_begin_alone_is_not_tried_again(void **state)
{
	(void)state;
	begin_again_alone();
	const int root = workers[0].workspace.root_fd;
	workers[0].workspace.root_fd = open("/dev/null", O_RDONLY | O_CLOEXEC); /* no folder */
	assert_int_equal(work_all(), -EPROTO);
	close(workers[0].workspace.root_fd);
	workers[0].workspace.root_fd = root;
	assert_string_not_equal(message, "the worker died");
	for (size_t i = 0; i < WORKERS; i++)
		assert_int_equal(works[i].again, 0);
}

static void test_one_that_exits_is_not_done(void **state)
{
	(void)state;
	works[1].first = EXITS;
	assert_int_equal(work_all(), 0);
	assert_all_began_again();
}

static void test_where_one_makes_no_progress_all_begin_again(void **state)
{
	(void)state;
	works[2].first = SPINS;
	assert_int_equal(work_all(), 0);
	assert_all_began_again();
}

static void test_one_that_dies_isolated_too_is_a_failure(void **state)
{
	(void)state;
	works[1].first = works[1].isolated = DIES;
	assert_int_equal(work_all(), -EPROTO);
	assert_string_equal(message, "the worker died");
	assert_int_equal(works[1].begun_isolated, 1);
	assert_int_equal(works[1].again, 1);
	assert_false(workers[0].interrupted);
}

static void test_isolated_from_the_start_none_begins_again(void **state)
{
	(void)state;
	for (size_t i = 0; i < WORKERS; i++)
		jobs[i].isolated = true;
	works[0].isolated = DIES;
	assert_int_equal(work_all(), -EPROTO);
	assert_int_equal(works[0].begun, 0);
	assert_int_equal(works[0].begun_isolated, 1);
	for (size_t i = 0; i < WORKERS; i++)
		assert_int_equal(works[i].again, 0);
}

static void test_where_one_cannot_begin_it_is_said_and_nothing_is_tried_again(void **state)
{
	(void)state;
	const int root = workers[1].workspace.root_fd;
	workers[1].workspace.root_fd = open("/dev/null", O_RDONLY | O_CLOEXEC); /* no folder */
	assert_int_equal(work_all(), -EPROTO);
	close(workers[1].workspace.root_fd);
	workers[1].workspace.root_fd = root;
	assert_true(strlen(message) > 0);
	assert_string_not_equal(message, "the worker died");
	assert_int_equal(works[1].begun, 0);
	for (size_t i = 0; i < WORKERS; i++) {
		assert_int_equal(works[i].again, 0);
		assert_int_equal(works[i].begun_isolated, 0);
	}
	/* And the same workers can go to work afterwards. */
	memset(works, 0, WORKERS * sizeof *works);
	assert_int_equal(work_all(), 0);
	assert_done_at_once();
}

static void test_whoever_ignores_sigchld_is_served_too(void **state)
{
	(void)state;
	signal(SIGCHLD, SIG_IGN);
	assert_int_equal(work_all(), 0);
	assert_done_at_once();
	memset(works, 0, WORKERS * sizeof *works);
	works[0].first = DIES;
	assert_int_equal(work_all(), 0);
	assert_all_began_again();
}

static void test_an_interrupt_stops_them_all(void **state)
{
	(void)state;
	struct sigaction before;
	sigaction(SIGTERM, NULL, &before);
	const pid_t child = fork();
	if (child == 0) { /* the flag is the process's own, and stays */
		torn_worker_catch_interrupts();
		for (size_t i = 0; i < WORKERS; i++)
			works[i].first = SPINS;
		raise(SIGTERM);
		const bool is_stopped = work_all() == -EINTR && workers[0].interrupted &&
					workers[WORKERS - 1].interrupted && works[0].again == 0;
		_exit(is_stopped && waitpid(-1, NULL, WNOHANG) == -1 ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void count_progress(void *context)
{
	++*(unsigned *)context;
}

static void test_progress_is_told_while_one_still_works(void **state)
{
	(void)state;
	unsigned looks = 0;
	workers[0].progress = count_progress; /* its own work is over at once */
	workers[0].progress_context = &looks;
	works[1].first = SPINS;
	assert_int_equal(work_all(), 0);
	assert_true(looks > 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_workers, close_workers)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_all_work_once),
		TEST(test_where_one_dies_all_begin_again_isolated),
		TEST(test_one_that_begins_again_alone_leaves_the_others_at_work),
		TEST(test_each_that_dies_begins_again_alone),
		TEST(test_one_that_dies_alone_and_isolated_is_a_failure),
		TEST(test_one_that_cannot_begin_alone_is_not_tried_again),
		TEST(test_one_that_exits_is_not_done),
		TEST(test_where_one_makes_no_progress_all_begin_again),
		TEST(test_one_that_dies_isolated_too_is_a_failure),
		TEST(test_isolated_from_the_start_none_begins_again),
		TEST(test_where_one_cannot_begin_it_is_said_and_nothing_is_tried_again),
		TEST(test_whoever_ignores_sigchld_is_served_too),
		TEST(test_an_interrupt_stops_them_all),
		TEST(test_progress_is_told_while_one_still_works),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
