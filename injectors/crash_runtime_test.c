/*
 * crash_runtime_test.c: what a power cut leaves of what the kernel keeps: nothing. Every state has what boot
 * loads of the files that are in that very state, whatever the run wrote below /proc, before or after them.
 */
#include "crash_for_tests.h"

#define SYSCTL "proc/sys/vm/swappiness"
#define DROP_IN "etc/sysctl.d/x.conf"

/* No two of them are alike: what was before the run, the kernel's default, what the file says, what is written. */
#define BEFORE "20\n"
#define DEFAULT "60\n"
#define BY_FILE "10\n"
#define WRITTEN "30\n"

static const char KERNEL[] = "old etc/sysctl.d dir\nold proc runtime\nold " SYSCTL " file \"20\\n\"\n";

/* ------------------------------------------------------------- operations */

static int set(const char *value)
{
	const int fd = open("/" SYSCTL, O_WRONLY);
	const size_t size = strlen(value);
	MUST(fd >= 0 && write(fd, value, size) == (ssize_t)size && close(fd) == 0);
	return 0;
}

static int keep(bool syncs)
{
	static const char line[] = "vm.swappiness = 10\n";
	const int fd = open("/" DROP_IN, O_WRONLY | O_CREAT | O_EXCL, 0644);
	MUST(fd >= 0 && write(fd, line, sizeof line - 1) == sizeof line - 1);
	MUST(!syncs || (fsync(fd) == 0 && torn_litmus_sync_directory("/etc/sysctl.d") == 0));
	return close(fd) == 0 ? 0 : __LINE__;
}

OPERATION(sets)
{
	return set(WRITTEN);
}

OPERATION(sets_and_keeps)
{
	MUST(set(WRITTEN) == 0);
	return keep(true);
}

OPERATION(keeps_and_sets)
{
	MUST(keep(true) == 0);
	return set(WRITTEN);
}

OPERATION(keeps_without_sync_and_sets)
{
	MUST(keep(false) == 0);
	return set(WRITTEN);
}

/* ----------------------------------------------------------------- states */

struct boots {
	uint32_t end;      /* moment: a cut after all is done */
	uint64_t all;
	uint64_t at_end;   /* states that it may leave */
	uint64_t by_file;  /* of these: the value is the file's */
	uint64_t agreeing; /* of all: it is the file's where the file is there, whole, and else the default */
};

static bool reads(const struct torn_node *root, const char *path, const char *content)
{
	char text[64];
	const struct torn_node *node = torn_tree_find(root, torn_bytes_of(path));
	const size_t size = node ? torn_node_read(node, 0, text, sizeof text) : 0;
	return torn_bytes_equal((struct torn_bytes){(const uint8_t *)text, size}, torn_bytes_of(content));
}

static bool count_boot(void *context, const struct torn_crash_state *state)
{
	struct boots *boots = context;
	const bool is_kept = reads(state->tree, DROP_IN, "vm.swappiness = 10\n");
	const bool is_by_file = reads(state->tree, SYSCTL, BY_FILE);
	boots->all++;
	boots->agreeing += is_kept ? is_by_file : reads(state->tree, SYSCTL, DEFAULT);
	boots->at_end += state->end > boots->end;
	boots->by_file += state->end > boots->end && is_by_file;
	return true;
}

static struct boots boots_under(enum torn_preset preset, struct torn_crash_count *ret_count)
{
	struct torn_effects effects;
	struct torn_persistence order;
	const struct torn_log *log = test->trial.log;
	struct boots boots = {.end = 2 * log->count};
	assert_int_equal(torn_effects_of(&test->arena, &test->setup.base, log, torn_preset_splits(preset), &effects),
			 0);
	assert_int_equal(torn_preset_order(&test->arena, preset, &effects, log, &order), 0);
	assert_int_equal(torn_crash_states(&test->arena, &test->setup.base, log, &effects, &order, &usual,
					   count_boot, &boots, ret_count), 0);
	assert_true(ret_count->all);
	return boots;
}

static void begin_run(int (*operation)(const struct torn_run *run))
{
	begin_with(KERNEL);
	assert_holds(operation);
	assert_true(reads(test->setup.old_tree, SYSCTL, BEFORE));
	assert_true(reads(test->trial.now, SYSCTL, WRITTEN)); /* or nothing was to be lost */
}

/* ------------------------------------------------------------------ tests */

static void test_a_value_that_is_in_no_file_is_never_kept(void **state)
{
	(void)state;
	begin_run(sets);
	for (enum torn_preset preset = 0; preset < TORN_PRESET_COUNT; preset++) {
		struct torn_crash_count count;
		const struct boots boots = boots_under(preset, &count);
		/* It is no effect that a cut may or may not leave: there is one state, and boot made it. */
		assert_int_equal(count.legal, 1);
		assert_int_equal(boots.all, 1);
		assert_int_equal(boots.agreeing, 1);
		assert_int_equal(boots.by_file, 0);
	}
}

static void expect_boot_by_file(int (*operation)(const struct torn_run *run))
{
	begin_run(operation);
	for (enum torn_preset preset = 0; preset < TORN_PRESET_COUNT; preset++) {
		struct torn_crash_count count;
		const struct boots boots = boots_under(preset, &count);
		assert_true(boots.at_end > 0 && boots.all > boots.at_end);
		assert_int_equal(boots.by_file, boots.at_end);
		assert_int_equal(boots.agreeing, boots.all);
	}
}

static void test_a_file_that_is_synced_is_what_every_state_boots_by(void **state)
{
	(void)state;
	expect_boot_by_file(sets_and_keeps);
	expect_boot_by_file(keeps_and_sets);
}

static void test_each_state_boots_by_its_own_files(void **state)
{
	(void)state;
	begin_run(keeps_without_sync_and_sets);
	for (enum torn_preset preset = 0; preset < TORN_PRESET_COUNT; preset++) {
		struct torn_crash_count count;
		const struct boots boots = boots_under(preset, &count);
		assert_int_equal(boots.agreeing, boots.all);
		assert_true(boots.by_file > 0);
		if (preset != TORN_PRESET_SYNC)
			assert_true(boots.by_file < boots.at_end);
	}
}

/* What a case's cut asks for by name, with everything kept and with everything lost. */
static void test_the_state_of_a_case_is_booted_too(void **state)
{
	struct torn_effects effects;
	struct torn_persistence order;
	const struct torn_node *tree;
	bool lost[64] = {false};
	uint32_t number;

	(void)state;
	begin_run(keeps_without_sync_and_sets);
	const struct torn_log *log = test->trial.log;
	assert_int_equal(torn_effects_of(&test->arena, &test->setup.base, log, torn_preset_splits(TORN_PRESET_EXT4),
					 &effects), 0);
	assert_int_equal(torn_preset_order(&test->arena, TORN_PRESET_EXT4, &effects, log, &order), 0);
	assert_in_range(order.count, 1, sizeof lost / sizeof *lost);
	for (int is_lost = 0; is_lost <= 1; is_lost++) {
		memset(lost, is_lost, sizeof lost);
		assert_int_equal(torn_crash_tree(&test->arena, &test->setup.base, log, &effects, &order, lost,
						 2 * log->count, &tree, &number), 0);
		assert_true(reads(tree, SYSCTL, is_lost ? DEFAULT : BY_FILE));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		gate_test(test_a_value_that_is_in_no_file_is_never_kept),
		gate_test(test_a_file_that_is_synced_is_what_every_state_boots_by),
		gate_test(test_each_state_boots_by_its_own_files),
		gate_test(test_the_state_of_a_case_is_booted_too),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
