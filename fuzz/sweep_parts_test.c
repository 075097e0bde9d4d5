/*
 * sweep_parts_test.c: what several parts of a sweep find together is what one
 * finds alone, to the last count; and the same sweep finds the same again.
 */
#include "sweep_for_tests.h"

#include <sys/mman.h>
#include <sys/mount.h>

#include "operations_for_tests.h"

static const struct torn_world three_worlds[] = {
	{"there", "old srv/f file old\n", false},
	{"absent", "old srv/f absent\nold srv dir\n", false},
	{"crowded", "old srv/f file older\nold srv/.t0 file x\nold srv/g file y\n", false},
	{NULL, NULL, false},
};

/* Whatever is tried after a failed link cannot be judged; what comes before it, and besides, can. */
static int mounts_after_a_failed_link(const struct torn_run *run)
{
	(void)run;
	if (link("/srv/f", "/srv/g") != 0) {
		if (errno != EACCES) /* the first that is tried: so it is not the first part that tells */
			(void)!mount("none", "/srv", "tmpfs", 0, NULL);
		return -1;
	}
	unlink("/srv/g");
	return panics_in_cleanup(run);
}

static const struct part_case {
	const char *name;
	struct what what;
} cases[] = {
	{"depth 1", {.operation = retries, .worlds = three_worlds, .depth = 1}},
	{"panics", {.operation = panics_in_cleanup, .worlds = three_worlds, .depth = 2}},
	{"retries", {.operation = retries, .worlds = three_worlds, .depth = 2}},
	{"falls back", {.operation = falls_back, .worlds = one_world, .depth = 2}},
	{"rolls back", {.operation = rolls_back, .worlds = one_world, .depth = 2}},
	{"folders", {.operation = makes_folders, .worlds = one_world, .depth = 2}},
	{"signals", {.operation = heeds_signals, .worlds = three_worlds, .depth = 2}},
	{"unjudged", {.operation = mounts_after_a_failed_link, .worlds = one_world, .depth = 2}},
	{"runs again", {.operation = leaves_a_lock, .worlds = three_worlds, .depth = 2,
			.promises = TORN_PROMISES_RETRY}},
	{"all errnos", {.operation = panics_in_cleanup, .worlds = one_world, .depth = 2,
			.all_errnos = true}},
	{"depth 3, retries", {.operation = retries, .worlds = one_world, .depth = 3}},
	{"depth 3", {.operation = panics_in_cleanup_of_cleanup, .worlds = one_world, .depth = 3}},
};
#define CASES_COUNT (sizeof cases / sizeof *cases)

static void test_parts_find_together_what_one_finds_alone(void **state)
{
	(void)state;
	static const unsigned parts[] = {2, 3, 7};
	for (size_t i = 0; i < CASES_COUNT; i++) {
		print_message("%s\n", cases[i].name);
		struct swept *whole = sweep(&cases[i].what, 1);
		assert_false(whole->all->failed);
		assert_true(whole->all->trials > 50);
		assert_true(whole->all->findings.count > 0);
		for (size_t j = 0; j < sizeof parts / sizeof *parts; j++) {
			struct swept *shared_out = sweep(&cases[i].what, parts[j]);
			assert_same_sweep(shared_out->all, whole->all);
			close_swept(shared_out);
		}
		close_swept(whole);
	}
}

/* Merging gives the same in whatever order the parts are done. */
static void test_the_order_of_parts_does_not_matter(void **state)
{
	(void)state;
	struct swept *swept = sweep(&cases[2].what, 5);
	struct torn_sweep *other;
	assert_int_equal(torn_sweep_open(&other), 0);
	torn_sweep_begin(other, &swept->target, swept->variants, &swept->parts[0]->how);
	static const unsigned order[] = {3, 1, 4, 0, 2};
	for (size_t i = 0; i < 5; i++)
		torn_sweep_merge(other, swept->parts[order[i]]);
	torn_findings_settle(&other->findings);
	assert_same_sweep(other, swept->all);
	torn_sweep_close(other);
	close_swept(swept);
}

/* No part does nothing, and none does all: else sharing out is no use. */
static void test_every_part_has_its_share(void **state)
{
	(void)state;
	struct swept *swept = sweep(&cases[1].what, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_true(swept->parts[i]->trials > swept->all->trials / 16);
		assert_true(swept->parts[i]->trials < swept->all->trials / 2);
	}
	close_swept(swept);
}

/* Shard S of N has the same share whether one worker does it or several: see check.c. */
static void test_a_part_of_parts_is_a_part(void **state)
{
	(void)state;
	struct swept *two = sweep(&cases[2].what, 2), *six = sweep(&cases[2].what, 6);
	struct torn_sweep *second;
	assert_int_equal(torn_sweep_open(&second), 0);
	torn_sweep_begin(second, &six->target, six->variants, &six->parts[0]->how);
	for (unsigned i = 1; i < 6; i += 2)
		torn_sweep_merge(second, six->parts[i]);
	torn_findings_settle(&second->findings);
	torn_findings_settle(&two->parts[1]->findings);
	assert_same_sweep(second, two->parts[1]);
	torn_sweep_close(second);
	close_swept(two);
	close_swept(six);
}

static void test_the_same_sweep_finds_the_same_again_and_isolated_too(void **state)
{
	(void)state;
	for (size_t i = 1; i < 8; i += 2) {
		struct what what = cases[i].what;
		struct swept *first = sweep(&what, 1), *again = sweep(&what, 1);
		assert_same_sweep(again->all, first->all);
		what.isolated = true;
		what.worlds = one_world;
		struct swept *isolated = sweep(&what, 1);
		what.isolated = false;
		struct swept *here = sweep(&what, 1);
		assert_same_sweep(isolated->all, here->all);
		close_swept(first);
		close_swept(again);
		close_swept(isolated);
		close_swept(here);
	}
}

static void test_more_findings_than_are_kept_are_told_when_parts_are_put_together(void **state)
{
	(void)state;
	struct swept *swept = sweep(&cases[0].what, 1);
	struct torn_sweep *full;
	assert_int_equal(torn_sweep_open(&full), 0);
	torn_sweep_begin(full, &swept->target, swept->variants, &swept->all->how);
	static char ids[TORN_FINDINGS_MAX][16];
	for (unsigned i = 0; i < TORN_FINDINGS_MAX; i++) {
		snprintf(ids[i], sizeof ids[i], "id-%u", i);
		const struct torn_finding finding = {
			.id = ids[i], .call = "", .role = "", .fault = "", .path = "",
			.summary = "", .times = 1};
		const struct torn_order order = {.faults = i};
		torn_findings_merge(&full->findings, &finding, &order);
	}
	assert_int_equal(full->findings.count, TORN_FINDINGS_MAX);
	assert_false(full->findings.overflowed);
	torn_sweep_merge(full, swept->parts[0]);
	assert_true(full->failed);
	assert_non_null(strstr(full->failure, "more findings than torn keeps"));
	torn_sweep_close(full);
	close_swept(swept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts_find_together_what_one_finds_alone),
		cmocka_unit_test(test_the_order_of_parts_does_not_matter),
		cmocka_unit_test(test_every_part_has_its_share),
		cmocka_unit_test(test_a_part_of_parts_is_a_part),
		cmocka_unit_test(test_the_same_sweep_finds_the_same_again_and_isolated_too),
		cmocka_unit_test(test_more_findings_than_are_kept_are_told_when_parts_are_put_together),
	};
	return cmocka_run_group_tests(tests, NULL, close_the_worker);
}
