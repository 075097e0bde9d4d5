/*
 * cuts_disk_test.c: what a power cut leaves on a real disk and a preset forbids has the label model-lacks, and a disk that is
 * lost the label unmountable, each with a case that says so again; a disk that is what it is held for has neither. Needs root,
 * FUSE and loop devices.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#include "../injectors/device_for_tests.h"
#include "../injectors/device_server.h"
#include "cuts.h"
#include "operations_for_tests.h"
#include "registry.h"
#include "run_for_tests.h"

#define TOLD_MAX 64

struct told {
	char label[32]; /* "" for a finding */
	bool has_case;
	char disk[64], preset[64];
};

/* Shared with the worker. */
struct seen {
	struct told told[TOLD_MAX];
	uint32_t count;
	int result;
};

static struct torn_test *test;
static struct seen *seen;

static void note_told(void *context, const struct torn_plan *plan, const struct torn_invariant *invariant,
		      const struct torn_judgement *judgement)
{
	(void)context;
	(void)invariant;
	if (seen->count == TOLD_MAX)
		return;
	struct told *told = &seen->told[seen->count++];
	*told = (struct told){.has_case = judgement->has_case};
	snprintf(told->label, sizeof told->label, "%s", judgement->is_label ? judgement->label : "");
	snprintf(told->disk, sizeof told->disk, "%s", plan->cut.disk);
	snprintf(told->preset, sizeof told->preset, "%s", plan->cut.preset);
}

static int judge_cuts(struct torn_lab *lab, const struct torn_trial *trial)
{
	struct torn_cuts cuts;
	int r = torn_cuts_open(&cuts, lab, &test->setup);
	cuts.presets = TORN_PRESET_BIT(torn_device_server_choice(lab->disks)->preset);
	cuts.tell = note_told;
	if (r == 0)
		r = torn_cuts_judge(&cuts, trial);
	torn_cuts_close(&cuts);
	return r;
}

static void judge_in_worker(void *context, struct torn_lab *lab)
{
	torn_test_in_worker(context, lab);
	*seen = (struct seen){.result = test->result};
	if (test->result == TORN_HELD)
		seen->result = judge_cuts(lab, &test->trial);
}

/* Judge all power cuts of a run on such a disk. */
static void judge_run(const struct torn_device_choice *choice, int (*operation)(const struct torn_run *run))
{
	const struct torn_job job = {.job = judge_in_worker, .again = torn_test_again, .context = test};
	char message[256];
	if (torn_device_server_start(&test->worker.disks, choice, message, sizeof message) < 0)
		fail_msg("%s", message);
	assert_int_equal(torn_test_run(test, operation, ""), 0); /* sets it up */
	assert_int_equal(torn_worker_do(&test->worker, &job, message, sizeof message), 0);
	assert_int_equal(seen->result, 0);
}

static struct torn_device_choice choice_of(const char *text)
{
	struct torn_device_choice choice;
	char expected[256];
	assert_int_equal(torn_device_choose(torn_bytes_of(text), &choice, expected, sizeof expected), 0);
	return choice;
}

/* "" for a finding; returns NULL where nothing with that label was told. */
static const struct told *told_of(const char *label)
{
	for (uint32_t i = 0; i < seen->count; i++)
		if (strcmp(seen->told[i].label, label) == 0)
			return &seen->told[i];
	return NULL;
}

static bool is_any_label_told(void)
{
	for (uint32_t i = 0; i < seen->count; i++)
		if (seen->told[i].label[0] || seen->told[i].has_case)
			return true;
	return false;
}

/* Without a sync: its data may come later than its name. */
static int replaces_unsynced(const struct torn_run *run)
{
	(void)run;
	const int fd = open("/srv/.t", O_WRONLY | O_CREAT | O_EXCL, 0644);
	if (fd < 0)
		return -1;
	const bool is_written = write_all(fd, "new!", 4) == 0;
	close(fd);
	return is_written && rename("/srv/.t", "/srv/f") == 0 ? 0 : -1;
}

static void test_what_the_preset_forbids_has_a_label_and_a_case(void **state)
{
	(void)state;
	struct torn_device_choice choice = choice_of("ext4:noauto_da_alloc");
	choice.preset = TORN_PRESET_EXT4_JOURNAL;
	judge_run(&choice, replaces_unsynced);
	const struct told *told = told_of("model-lacks");
	assert_non_null(told);
	assert_true(told->has_case);
	assert_string_equal(told->disk, "ext4:noauto_da_alloc");
	assert_string_equal(told->preset, "ext4-journal");
	assert_null(told_of("unmountable"));
}

static void test_what_the_preset_allows_has_none(void **state)
{
	(void)state;
	const struct torn_device_choice choice = choice_of("ext4:noauto_da_alloc");
	judge_run(&choice, replaces_unsynced);
	assert_non_null(told_of("")); /* the file is empty, which is the target's doing */
	assert_false(is_any_label_told());
}

/* Nothing orders what it writes: a name may be there before its inode is. */
static const char *const mkfs_without_journal[] = {"mkfs.ext4", "-q", "-F", "-b", "4096", "-O",
						    "^has_journal,^fast_commit,metadata_csum", "-E",
						    "lazy_itable_init=0,nodiscard", NULL};

static void test_a_disk_that_is_lost_has_a_label_and_a_case(void **state)
{
	(void)state;
	struct torn_device_choice choice = choice_of("ext4");
	struct torn_device_fs without_journal = *choice.fs;
	without_journal.mkfs = mkfs_without_journal;
	choice.fs = &without_journal;
	judge_run(&choice, replaces_unsynced);
	const struct told *told = told_of("unmountable");
	assert_non_null(told);
	assert_true(told->has_case);
	assert_string_equal(told->disk, "ext4");
}

static int open_test(void **state)
{
	(void)state;
	torn_registry_begin();
	test = torn_test_open("old srv/f file old\n");
	test->clean_first = true;
	seen = torn_arena_take(&test->arena, sizeof *seen);
	return seen ? 0 : -1;
}

static int close_test(void **state)
{
	(void)state;
	torn_test_close(test);
	return 0;
}

#define disk_test(name) cmocka_unit_test_setup_teardown(name, open_test, close_test)

int main(void)
{
	const struct CMUnitTest tests[] = {
		disk_test(test_what_the_preset_forbids_has_a_label_and_a_case),
		disk_test(test_what_the_preset_allows_has_none),
		disk_test(test_a_disk_that_is_lost_has_a_label_and_a_case),
	};
	if (!has_disks())
		return 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
