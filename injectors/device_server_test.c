/*
 * device_server_test.c: a server of disks that is asked for more than ten thousand states in a row takes no more of this
 * machine at the end than after the first thousand: descriptors, loop devices, mounts, processes and memory. Needs root.
 */
#include <dirent.h>
#include <time.h>

#include "device_for_tests.h"
#include "device_server.h"
#include "crash_for_tests.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

/* The sanitizer keeps what was freed, for a time: of memory it says nothing, and of the rest it is slow to say it. */
#define STATES (IS_SANITIZED ? 2000u : 10000u)
#define WARM 1000u
#define MEMORY_SLACK ((uint64_t)1 << 20) /* arenas and the kernel's batches of counted pages */

/* Of the server and of who serves its disk. */
struct use {
	uint64_t descriptors, devices, mounts, processes, memory;
};

static uint64_t count_names(const char *path)
{
	uint64_t count = 0;
	DIR *directory = opendir(path);
	assert_non_null(directory);
	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static char *read_text(const char *path)
{
	char *text = NULL;
	size_t size = 0;
	FILE *stream = fopen(path, "re");
	if (!stream)
		return strdup("");
	if (getdelim(&text, &size, '\0', stream) < 0)
		text[0] = '\0';
	fclose(stream);
	return text;
}

static uint64_t count_lines(const char *path)
{
	uint64_t count = 0;
	char *text = read_text(path);
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		count++;
	free(text);
	return count;
}

static uint64_t count_devices(void)
{
	char mine[64], path[300];
	uint64_t count = 0;
	DIR *blocks = opendir("/sys/block");
	assert_non_null(blocks);
	snprintf(mine, sizeof mine, "torn-disk.%d", (int)getpid());
	for (const struct dirent *block; (block = readdir(blocks));) {
		snprintf(path, sizeof path, "/sys/block/%.200s/loop/backing_file", block->d_name);
		char *file = read_text(path);
		count += strstr(file, mine) != NULL;
		free(file);
	}
	closedir(blocks);
	return count;
}

/* Resident, in bytes: the second number of /proc/PID/statm, proc_pid_statm(5). */
static uint64_t resident(int pid)
{
	char path[64];
	unsigned long pages = 0;
	snprintf(path, sizeof path, "/proc/%d/statm", pid);
	char *text = read_text(path);
	assert_int_equal(sscanf(text, "%*u %lu", &pages), 1);
	free(text);
	return (uint64_t)pages * 4096;
}

static void add_process(struct use *use, int pid)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/fd", pid);
	use->descriptors += count_names(path);
	snprintf(path, sizeof path, "/proc/%d/mountinfo", pid);
	use->mounts += count_lines(path);
	use->memory += resident(pid);
	use->processes++;
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
	char *children = read_text(path), *rest = NULL;
	for (char *child = strtok_r(children, " \n", &rest); child; child = strtok_r(NULL, " \n", &rest))
		add_process(use, atoi(child));
	free(children);
}

static struct use look_at_children(void)
{
	struct use use = {.devices = count_devices()};
	add_process(&use, getpid());
	return use;
}

/* The kernel ends a ring, which has the device open, behind the back of the process that ended. */
static bool devices_go(void)
{
	const time_t end = time(NULL) + 30;
	while (count_devices() > 0 && time(NULL) < end)
		usleep(1000); /* between two looks; the condition decides */
	return count_devices() == 0;
}

struct asking {
	uint64_t states;
	struct use warm;
};

static bool count_state(void *context, const struct torn_device_state *state)
{
	struct asking *asking = context;
	assert_non_null(state->tree);
	if (++asking->states == WARM)
		asking->warm = look_at_children();
	return asking->states < STATES;
}

static void ask_for_all(struct torn_device_server *server, struct asking *asking)
{
	static const struct torn_device_how how = {.pairs_max = TORN_DEVICE_PAIRS_MAX, .seed = 1};
	const struct torn_log *log = test->trial.log;
	char message[256];
	for (uint32_t commit = 0; asking->states < STATES; commit = (commit + 1) % log->count) {
		const struct torn_device_run run = {.base = &test->setup.base, .log = log, .commit = commit};
		struct torn_device_count count = {.all = true};
		assert_int_equal(torn_device_ask_states(server, &run, &how, count_state, asking, &count, message,
							sizeof message),
				 0);
	}
}

static void test_ten_thousand_states_in_a_row_leave_nothing(void **state)
{
	(void)state;
	struct torn_device_choice choice;
	struct torn_device_server *server;
	struct asking asking = {.states = 0};
	char message[256];
	assert_int_equal(torn_device_choose(torn_bytes_of("ext4:noauto_da_alloc"), &choice, message, sizeof message), 0);
	begin_with(torn_litmus_olds());
	assert_holds(torn_litmus_named("replace")->operation);
	const struct use before = look_at_children();
	assert_int_equal(torn_device_server_start(&server, &choice, message, sizeof message), 0);
	ask_for_all(server, &asking);
	const struct use after = look_at_children();
	assert_true(asking.warm.devices >= 2 && asking.warm.processes >= 3); /* there was something to leave */
	assert_int_equal(after.descriptors, asking.warm.descriptors);
	assert_int_equal(after.devices, asking.warm.devices);
	assert_int_equal(after.mounts, asking.warm.mounts);
	assert_int_equal(after.processes, asking.warm.processes);
	print_message("resident: %lu KiB after %u states, %lu KiB after %lu\n", asking.warm.memory >> 10, WARM,
		      after.memory >> 10, asking.states);
	assert_true(IS_SANITIZED || after.memory <= asking.warm.memory + MEMORY_SLACK);
	torn_device_server_stop(server);
	const struct use stopped = look_at_children();
	assert_int_equal(stopped.descriptors, before.descriptors);
	assert_int_equal(stopped.processes, 1);
	assert_true(devices_go());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		gate_test(test_ten_thousand_states_in_a_row_leave_nothing),
	};
	if (!has_disks())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
