/*
 * device_asking_test.c: a disk that is asked for some of a run's cuts has them drawn from all, by a seed; asked for one alone it
 * says the same of that; each has what the kernel keeps, which is on no disk; whoever dies amid an answer leaves the next
 * worker one of its own; and nothing is done as root by a log that no run has. Needs root, FUSE and loop devices.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../fuzz/run_for_tests.h"
#include "device_for_tests.h"
#include "device_server.h"
#include "log.h"

#define CUTS_MAX 256u

/* What was seen of a run; lies in memory that is shared. */
struct seen {
	struct torn_device_cut cuts[CUTS_MAX];
	struct torn_hash trees[CUTS_MAX];
	uint32_t firsts[CUTS_MAX], ends[CUTS_MAX]; /* moments */
	struct torn_device_count count;
	uint32_t visits, die_at; /* 0: it lives */
	uint32_t died;
	uint32_t with_runtime; /* states that have what the kernel keeps */
	int result;
};

static struct torn_test *test;
static struct seen *seen;
static struct torn_log the_log;

static int writes_and_renames(const struct torn_run *run)
{
	static char bytes[9000];
	(void)run;
	const int fd = open("/srv/.t", O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (fd < 0)
		return -1;
	const bool is_written = write(fd, bytes, sizeof bytes) == sizeof bytes && fsync(fd) == 0;
	close(fd);
	return is_written && rename("/srv/.t", "/srv/f") == 0 ? 0 : -1;
}

static const struct torn_node *below(const struct torn_node *dir, const char *name)
{
	const struct torn_entry *entry = dir ? torn_node_entry(dir, torn_bytes_of(name)) : NULL;
	return entry ? entry->node : NULL;
}

/* It is on no disk: whoever keeps that has it from the old tree, and boots. */
static bool has_runtime(const struct torn_node *tree)
{
	uint8_t bytes[8] = "";
	const struct torn_node *file = below(below(below(below(tree, "proc"), "sys"), "kernel"), "hostname");
	return file && torn_node_read(file, 0, bytes, sizeof bytes) == 7 && memcmp(bytes, "(none)\n", 7) == 0;
}

static bool note(void *context, const struct torn_device_state *state)
{
	struct seen *to = context;
	assert(to->visits < CUTS_MAX);
	to->trees[to->visits] = state->tree ? state->tree->hash : (struct torn_hash){0};
	to->firsts[to->visits] = state->first;
	to->ends[to->visits] = state->end;
	to->cuts[to->visits++] = *state->cut;
	to->with_runtime += state->tree && has_runtime(state->tree);
	if (to->visits == to->die_at) {
		to->died++;
		raise(SIGKILL);
	}
	return true;
}

static void ask(struct torn_device_server *disks, struct seen *to, uint32_t cuts_max, uint64_t seed)
{
	const struct torn_device_run run = {
		.base = &test->setup.base, .log = &the_log, .commit = TORN_DEVICE_NO_COMMIT};
	const struct torn_device_how how = {.pairs_max = TORN_DEVICE_PAIRS_MAX, .cuts_max = cuts_max, .seed = seed};
	char message[256];
	to->visits = to->with_runtime = 0;
	to->count = (struct torn_device_count){.all = true};
	to->result = torn_device_ask_states(disks, &run, &how, note, to, &to->count, message, sizeof message);
}

static bool is_same(const struct torn_device_cut *a, const struct torn_device_cut *b)
{
	if (a->given != b->given || a->losses_count != b->losses_count)
		return false;
	for (uint32_t i = 0; i < a->losses_count; i++)
		if (a->losses[i].request != b->losses[i].request || a->losses[i].sectors != b->losses[i].sectors)
			return false;
	return true;
}

/* In their order: so that none comes twice. */
static bool is_drawn_from(const struct seen *some, const struct seen *all)
{
	uint32_t at = 0;
	for (uint32_t i = 0; i < some->visits; i++, at++) {
		while (at < all->visits && !is_same(&some->cuts[i], &all->cuts[at]))
			at++;
		if (at == all->visits)
			return false;
	}
	return true;
}

static bool are_same(const struct seen *a, const struct seen *b)
{
	return a->visits == b->visits && is_drawn_from(a, b);
}

static void test_some_of_all_cuts_are_drawn_by_a_seed(void **state)
{
	(void)state;
	static struct seen all, some, again;
	struct torn_device_server *disks = test->worker.disks;
	ask(disks, &all, 0, 1);
	assert_int_equal(all.result, 0);
	assert_true(all.visits > 8);
	assert_int_equal(all.count.cuts, all.visits);
	assert_int_equal(all.count.there, all.visits);
	bool others = false;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		ask(disks, &some, 5, seed);
		ask(disks, &again, 5, seed);
		assert_int_equal(some.visits, 5);
		assert_int_equal(some.count.cuts, 5);
		assert_int_equal(some.count.there, all.visits);
		assert_false(some.count.all);
		assert_true(is_drawn_from(&some, &all));
		assert_true(are_same(&some, &again));
		ask(disks, &again, 5, seed + 1);
		others |= !are_same(&some, &again);
	}
	assert_true(others);
}

static void test_where_there_are_no_more_all_are_drawn(void **state)
{
	(void)state;
	static struct seen all, some;
	struct torn_device_server *disks = test->worker.disks;
	ask(disks, &all, 0, 1);
	ask(disks, &some, all.visits, 1);
	assert_true(are_same(&some, &all));
	assert_int_equal(some.count.all, all.count.all);
	ask(disks, &some, UINT32_MAX, 1);
	assert_true(are_same(&some, &all));
}

static void test_one_alone_is_the_same(void **state)
{
	(void)state;
	static struct seen all;
	const struct torn_device_run run = {
		.base = &test->setup.base, .log = &the_log, .commit = TORN_DEVICE_NO_COMMIT};
	uint32_t differing_ends = 0;
	ask(test->worker.disks, &all, 0, 1);
	for (uint32_t i = 0; i < all.visits; i++) {
		struct torn_device_state one;
		char message[256];
		const size_t mark = torn_arena_mark(&test->arena);
		assert_int_equal(torn_device_ask(test->worker.disks, &run, &all.cuts[i], &test->arena, &one, message,
						 sizeof message), 0);
		assert_non_null(one.tree);
		assert_memory_equal(&one.tree->hash, &all.trees[i], sizeof all.trees[i]);
		assert_int_equal(one.first, all.firsts[i]);
		assert_int_equal(one.end, all.ends[i]);
		torn_arena_return(&test->arena, mark);
		differing_ends += i > 0 && all.ends[i] != all.ends[i - 1];
	}
	assert_true(differing_ends > 0);
}

static void test_each_state_has_what_the_kernel_keeps(void **state)
{
	(void)state;
	static struct seen all;
	ask(test->worker.disks, &all, 0, 1);
	assert_int_equal(all.with_runtime, all.visits);
}

/* Of the log with one op in another's place: what it is answered. */
static int answer_to(uint32_t index, const struct torn_op *op)
{
	struct torn_log log = the_log;
	const struct torn_device_run run = {.base = &test->setup.base, .log = &log, .commit = TORN_DEVICE_NO_COMMIT};
	const struct torn_device_cut none = {.given = 1};
	struct torn_device_state state;
	char message[256];
	const size_t mark = torn_arena_mark(&test->arena);
	assert_int_equal(torn_log_copy(&test->arena, &the_log, &log), 0);
	log.ops[index] = *op;
	const int r = torn_device_ask(test->worker.disks, &run, &none, &test->arena, &state, message, sizeof message);
	torn_arena_return(&test->arena, mark);
	return r;
}

/* The index of the first op of a kind that was done. */
static uint32_t first_of(enum torn_kind kind)
{
	uint32_t i = 0;
	while (i < the_log.count && !(the_log.ops[i].kind == kind && torn_op_changes(&the_log.ops[i])))
		i++;
	assert_true(i < the_log.count);
	return i;
}

static void test_as_root_nothing_is_done_by_a_log_that_no_run_has(void **state)
{
	(void)state;
	static const char *const names[] = {"../../../../../../../../../var/tmp/", "/var/tmp/", "x/", "..", "."};
	const uint32_t creates = first_of(TORN_KIND_open), writes = first_of(TORN_KIND_write), renames = first_of(TORN_KIND_rename);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char name[128], own[32];
		snprintf(own, sizeof own, "torn-leads-out.%d", (int)getpid());
		snprintf(name, sizeof name, "%s%s", names[i], strchr(names[i], '/') ? own : "");
		struct torn_op op = the_log.ops[creates];
		op.name = torn_bytes_of(name);
		assert_int_equal(answer_to(creates, &op), -EPROTO);
		op = the_log.ops[renames];
		op.name_to = torn_bytes_of(name);
		assert_int_equal(answer_to(renames, &op), -EPROTO);
	}
	char out[64];
	snprintf(out, sizeof out, "/var/tmp/torn-leads-out.%d", (int)getpid());
	assert_int_not_equal(access(out, F_OK), 0);
	struct torn_op longer = the_log.ops[writes];
	longer.result = (int64_t)longer.data.size + 1;
	assert_int_equal(answer_to(writes, &longer), -EPROTO);
	struct torn_op other = the_log.ops[writes];
	other.object = UINT32_MAX / 2;
	assert_int_equal(answer_to(writes, &other), -EPROTO);
	assert_int_equal(answer_to(writes, &the_log.ops[writes]), 0);
}

/* The processes that this one has started: servers. */
static size_t children(pid_t *pids, size_t room)
{
	char path[64];
	size_t count = 0;
	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	FILE *list = fopen(path, "re");
	assert_non_null(list);
	while (count < room && fscanf(list, "%d", &pids[count]) == 1)
		count++;
	fclose(list);
	return count;
}

/* Nor would such a path lead to a file of the machine. */
static void test_it_has_a_root_of_its_own(void **state)
{
	(void)state;
	char path[64], root[64] = "";
	pid_t pids[2];
	assert_int_equal(children(pids, 2), 1);
	snprintf(path, sizeof path, "/proc/%d/root", (int)pids[0]);
	assert_true(readlink(path, root, sizeof root - 1) > 1);
	assert_string_equal(root, "/tmp");
}

/* One is left to the scheduler; several keep apart. */
static void test_several_keep_to_processors_of_their_own(void **state)
{
	(void)state;
	const struct torn_device_choice choice = *torn_device_server_choice(test->worker.disks);
	struct torn_device_server *second;
	cpu_set_t allowed, of[2], both;
	pid_t pids[3];
	char message[256];
	sched_getaffinity(0, sizeof allowed, &allowed);
	torn_device_server_spread(test->worker.disks);
	assert_int_equal(children(pids, 3), 1);
	assert_int_equal(sched_getaffinity(pids[0], sizeof of[0], &of[0]), 0);
	assert_true(CPU_EQUAL(&of[0], &allowed));
	assert_int_equal(torn_device_server_start(&second, &choice, message, sizeof message), 0);
	torn_device_server_spread(test->worker.disks);
	torn_device_server_spread(second);
	assert_int_equal(children(pids, 3), 2);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(sched_getaffinity(pids[i], sizeof of[i], &of[i]), 0);
		assert_int_equal(CPU_COUNT(&of[i]), 1);
	}
	CPU_AND(&both, &of[0], &of[1]);
	assert_int_equal(CPU_COUNT(&both), CPU_COUNT(&allowed) > 1 ? 0 : 1);
	torn_device_server_stop(second);
}

static void ask_in_worker(void *context, struct torn_lab *lab)
{
	struct seen *to = context;
	to->die_at = lab->isolated ? 0 : to->die_at;
	ask(lab->disks, to, 0, 1);
}

static void ask_again(void *context)
{
	((struct seen *)context)->result = -1;
}

static void test_whoever_comes_after_one_that_died_is_answered(void **state)
{
	(void)state;
	static struct seen all;
	ask(test->worker.disks, &all, 0, 1);
	assert_false(torn_device_server_is_amid(test->worker.disks));
	const struct torn_job job = {.job = ask_in_worker, .again = ask_again, .context = seen};
	char message[256];
	for (uint32_t i = 1; i <= 3; i++) {
		*seen = (struct seen){.die_at = i};
		assert_int_equal(torn_worker_do(&test->worker, &job, message, sizeof message), 0);
		assert_int_equal(seen->died, 1);
		assert_int_equal(seen->result, 0);
		assert_true(are_same(seen, &all));
	}
	assert_string_equal(torn_device_server_name(test->worker.disks), "ext4");
}

static int open_test(void **state)
{
	char message[256];
	(void)state;
	test = torn_test_open("old srv/f file old\n"
			      "old proc runtime\n"
			      "old proc/sys/kernel/hostname file \"one\\n\"\n");
	seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED || torn_worker_open_disk(&test->worker, "ext4", message, sizeof message) < 0)
		return -1;
	torn_test_run(test, writes_and_renames, "");
	return test->result == TORN_HELD ? torn_log_copy(&test->arena, test->trial.log, &the_log) : -1;
}

static int close_test(void **state)
{
	(void)state;
	munmap(seen, sizeof *seen);
	torn_test_close(test);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_some_of_all_cuts_are_drawn_by_a_seed),
		cmocka_unit_test(test_where_there_are_no_more_all_are_drawn),
		cmocka_unit_test(test_one_alone_is_the_same),
		cmocka_unit_test(test_each_state_has_what_the_kernel_keeps),
		cmocka_unit_test(test_as_root_nothing_is_done_by_a_log_that_no_run_has),
		cmocka_unit_test(test_it_has_a_root_of_its_own),
		cmocka_unit_test(test_several_keep_to_processors_of_their_own),
		cmocka_unit_test(test_whoever_comes_after_one_that_died_is_answered),
	};
	if (!has_disks())
		return 0;
	return cmocka_run_group_tests(tests, open_test, close_test);
}
