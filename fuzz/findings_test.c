/*
 * findings_test.c: what is told does not depend on who found it, and when. Sets
 * of findings are drawn by a seed (TORN_TEST_SEED), dealt out, shuffled and put
 * together; a plain list of all of them says what must come out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../injectors/arena_for_tests.h"
#include "../injectors/presets.h"
#include "findings.h"
#include "setup.h"

static uint64_t next(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t seed_of_tests(void)
{
	const char *text = getenv("TORN_TEST_SEED");
	return text ? strtoull(text, NULL, 0) : 1;
}

static struct torn_findings *new_findings(void)
{
	struct torn_findings *findings = torn_arena_take(&arena, sizeof *findings);
	assert_non_null(findings);
	memset(findings, 0, sizeof *findings);
	findings->arena = &arena;
	return findings;
}

/* ------------------------------------------------------------------ a setup */

static int nothing(const struct torn_run *run)
{
	(void)run;
	return 0;
}

static const struct torn_variant variants[] = {{"test", nothing}, {NULL, NULL}};
static const struct torn_world worlds[] = {
	{"zero", "old srv/f file 0\n", false},
	{"one", "old srv/f file 1\n", false},
	{"two", "old srv/f file 2\n", false},
	{NULL, NULL, false},
};
static const char *const watch[] = {"srv/f", NULL};
static const struct torn_target target = {
	.name = "test.found", .variants = variants, .worlds = worlds, .watch = watch};
static struct torn_setup setups[3];

static void make_setups(void)
{
	char message[256];
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(torn_setup_world(&arena, &target, variants, &worlds[i], &setups[i],
						  message, sizeof message), 0);
}

static const struct torn_invariant invariants[] = {{"promise-a", "", NULL}, {"promise-b", "", NULL}};

/* All that torn_findings_add() is told of one. */
struct found {
	struct torn_plan plan;
	struct torn_judgement judgement;
	struct torn_shown shown;
};

static void add_fault(struct torn_plan *plan, uint32_t number, enum torn_call call,
		      enum torn_fault_name name)
{
	plan->faults[plan->faults_count++] = (struct torn_fault){
		.when = {number, number, 0}, .call = call, .name = name,
		.value = name == TORN_FAULT_ERRNO ? 5 : 0};
}

static void make_found(struct found *found, unsigned world, const struct torn_invariant *invariant,
		       const char *label, const char *role)
{
	*found = (struct found){.plan = {.seed = 1}};
	found->judgement.verdict = label ? TORN_HELD : TORN_VIOLATED;
	found->judgement.is_label = label != NULL;
	found->judgement.label = label;
	found->judgement.has_case = label && strcmp(label, "promise-a") == 0;
	snprintf(found->judgement.role, sizeof found->judgement.role, "%s", role);
	found->shown = (struct torn_shown){.setup = &setups[world],
					   .plan = &found->plan,
					   .invariant = invariant,
					   .judgement = &found->judgement,
					   .order = {.world = world}};
}

/* Finish it: every text says which one it is. */
static void name_found(struct found *found)
{
	const struct torn_order *order = &found->shown.order;
	found->shown.order.faults = found->plan.faults_count;
	snprintf(found->judgement.path, sizeof found->judgement.path, "path-%u-%u-%u-%u", order->world,
		 order->plans[0], order->plans[1], order->kill);
	snprintf(found->judgement.summary, sizeof found->judgement.summary, "summary of %.300s",
		 found->judgement.path);
}

static void draw(uint64_t *state, struct found *found)
{
	static const enum torn_call calls[] = {TORN_CALL_write, TORN_CALL_fsync, TORN_CALL_unlink};
	static const char *const roles[] = {"watched", "litter"};
	static const char *const labels[] = {NULL, NULL, "committed", "promise-a"};
	make_found(found, next(state) % 3, &invariants[next(state) % 2], labels[next(state) % 4],
		   roles[next(state) % 2]);
	const unsigned faults = next(state) % 12 ? 1 + next(state) % 2 : 0;
	for (unsigned i = 0; i < faults; i++) {
		found->shown.order.plans[i] = 1 + (uint32_t)(next(state) % 40);
		/* What the order says is what was planned. */
		const uint32_t plan = found->shown.order.plans[i];
		add_fault(&found->plan, plan % 7 + 1 + 8 * i, calls[plan % 3],
			  plan % 2 ? TORN_FAULT_ERRNO : TORN_FAULT_STICKY);
	}
	if (found->plan.faults_count && next(state) % 3 == 0) {
		found->shown.order.kill = 1 + (uint32_t)(next(state) % 9);
		found->shown.killed = true;
		add_fault(&found->plan, 20, calls[next(state) % 3], TORN_FAULT_KILL);
	}
	name_found(found);
}

/* --------------------------------------------------------------- reference */

static int compare_orders(const struct torn_order *a, const struct torn_order *b)
{
	/* Field after field, each of 32 bits: as they stand in the structure. */
	const uint32_t *left = (const uint32_t *)a, *right = (const uint32_t *)b;
	for (size_t i = 0; i < sizeof *a / sizeof *left; i++)
		if (left[i] != right[i])
			return left[i] < right[i] ? -1 : 1;
	return 0;
}

static const char *id_of(const struct found *found)
{
	return found->judgement.is_label ? found->judgement.label : found->shown.invariant->id;
}

static const struct torn_fault *last_of(const struct found *found)
{
	return found->plan.faults_count ? &found->plan.faults[found->plan.faults_count - 1] : NULL;
}

static bool is_one(const struct found *a, const struct found *b)
{
	const struct torn_fault *left = last_of(a), *right = last_of(b);
	return a->judgement.is_label == b->judgement.is_label && strcmp(id_of(a), id_of(b)) == 0 &&
	       strcmp(a->judgement.role, b->judgement.role) == 0 && !left == !right &&
	       (!left || (left->call == right->call && left->name == right->name));
}

static const struct torn_finding *told_of(const struct torn_findings *findings, const struct found *found)
{
	const struct torn_fault *last = last_of(found);
	for (uint32_t i = 0; i < findings->count; i++) {
		const struct torn_finding *finding = &findings->items[i];
		if (finding->is_label == found->judgement.is_label &&
		    strcmp(finding->id, id_of(found)) == 0 &&
		    strcmp(finding->role, found->judgement.role) == 0 &&
		    strcmp(finding->call, last ? torn_call_name(last->call) : "") == 0 &&
		    strcmp(finding->fault, last ? torn_fault_name(last->name) : "") == 0)
			return finding;
	}
	return NULL;
}

static void assert_told(const struct torn_findings *findings, const struct found *all, size_t count)
{
	size_t distinct = 0;
	for (size_t i = 0; i < count; i++) {
		const struct found *smallest = &all[i];
		uint64_t times = 0;
		bool is_first = true;
		for (size_t j = 0; j < count; j++) {
			if (!is_one(&all[i], &all[j]))
				continue;
			is_first &= j >= i;
			times++;
			if (compare_orders(&all[j].shown.order, &smallest->shown.order) < 0)
				smallest = &all[j];
		}
		distinct += is_first;
		const struct torn_finding *told = told_of(findings, &all[i]);
		assert_non_null(told);
		assert_int_equal(told->times, times);
		assert_string_equal(told->path, smallest->judgement.path);
		assert_string_equal(told->summary, smallest->judgement.summary);
		assert_string_equal(told->world, smallest->shown.setup->world->name);
		assert_string_equal(told->target, "test.found");
		assert_string_equal(told->variant, "test");
		assert_int_equal(told->faults_count, smallest->plan.faults_count);
		assert_int_equal(told->presets_count > 0, smallest->shown.killed);
		const struct torn_fault *last = last_of(smallest);
		assert_int_equal(told->op, last ? last->when.first : 0);
		for (size_t j = 0; j < told->faults_count; j++) {
			char text[96];
			torn_fault_print(&smallest->plan.faults[j], text, sizeof text);
			assert_string_equal(told->faults[j], text);
			assert_non_null(strstr(told->case_text, text));
		}
		assert_int_equal(told->case_size, strlen(told->case_text));
		assert_int_equal(strstr(told->case_text, "expect violated") != NULL,
				 !smallest->judgement.is_label);
		assert_int_equal(told->has_case, !smallest->judgement.is_label || strcmp(told->id, "promise-a") == 0);
	}
	assert_int_equal(findings->count, distinct);
}

static void shuffle(uint64_t *state, size_t *order, size_t count)
{
	for (size_t i = 0; i < count; i++)
		order[i] = i;
	for (size_t i = count; i > 1; i--) {
		const size_t j = next(state) % i, swapped = order[i - 1];
		order[i - 1] = order[j];
		order[j] = swapped;
	}
}

static void assert_same_list(const struct torn_findings *a, const struct torn_findings *b)
{
	assert_int_equal(a->count, b->count);
	for (uint32_t i = 0; i < a->count; i++) {
		const struct torn_finding *left = &a->items[i], *right = &b->items[i];
		assert_string_equal(left->id, right->id);
		assert_int_equal(left->is_label, right->is_label);
		assert_int_equal(left->times, right->times);
		assert_string_equal(left->path, right->path);
		assert_string_equal(left->call, right->call);
		assert_string_equal(left->fault, right->fault);
		assert_string_equal(left->role, right->role);
		assert_string_equal(left->case_text, right->case_text);
	}
}

#define MANY 120
#define PARTS 5

static void test_dealt_out_and_put_together_in_any_order_is_the_same(void **state)
{
	(void)state;
	uint64_t random = seed_of_tests();
	make_setups();
	print_message("TORN_TEST_SEED=%lu\n", random);
	for (unsigned round = 0; round < 40; round++) {
		const size_t mark = torn_arena_mark(&arena);
		static struct found all[MANY];
		size_t order[MANY];
		struct torn_findings *alone = new_findings(), *together = new_findings();
		struct torn_findings *parts[PARTS];
		for (size_t i = 0; i < MANY; i++) {
			/* No two trials have one place. */
			bool again = true;
			while (again) {
				again = false;
				draw(&random, &all[i]);
				for (size_t j = 0; j < i; j++)
					again |= compare_orders(&all[i].shown.order,
								&all[j].shown.order) == 0;
			}
			torn_findings_add(alone, &all[i].shown);
		}
		assert_told(alone, all, MANY);
		for (size_t i = 0; i < PARTS; i++)
			parts[i] = new_findings();
		shuffle(&random, order, MANY);
		for (size_t i = 0; i < MANY; i++)
			torn_findings_add(parts[next(&random) % PARTS], &all[order[i]].shown);
		size_t order_of_parts[PARTS];
		shuffle(&random, order_of_parts, PARTS);
		for (size_t i = 0; i < PARTS; i++) {
			struct torn_findings *part = parts[order_of_parts[i]];
			for (uint32_t j = 0; j < part->count; j++)
				torn_findings_merge(together, &part->items[j], &part->orders[j]);
			/* Its texts were copied: they may go. */
			for (uint32_t j = 0; j < part->count; j++)
				memset((char *)part->items[j].path, '?', strlen(part->items[j].path));
		}
		assert_told(together, all, MANY);
		assert_false(together->overflowed);
		torn_findings_settle(alone);
		torn_findings_settle(together);
		assert_same_list(alone, together);
		torn_arena_return(&arena, mark);
	}
}

/* Each number of an order counts, the earlier ones more. */
static void test_the_smaller_order_is_told(void **state)
{
	(void)state;
	static const struct torn_order ascending[] = {
		{.faults = 1, .world = 2, .plans = {9, 9}, .kill = 9},
		{.faults = 2, .world = 0, .plans = {9, 9}, .kill = 9},
		{.faults = 2, .world = 1, .plans = {1, 9}, .kill = 9},
		{.faults = 2, .world = 1, .plans = {2, 1}, .kill = 9},
		{.faults = 2, .world = 1, .plans = {2, 2}, .kill = 0},
		{.faults = 2, .world = 1, .plans = {2, 2}, .kill = 3},
		{.faults = 2, .world = 1, .plans = {2, 2, [TORN_FAULTS_MAX - 1] = 1}, .kill = 0},
	};
	const size_t count = sizeof ascending / sizeof *ascending;
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < count; j++)
			assert_int_equal(torn_order_is_smaller(&ascending[i], &ascending[j]), i < j);
}

static void test_more_than_there_is_room_for_is_flagged_and_the_others_stay(void **state)
{
	(void)state;
	make_setups();
	struct torn_findings *findings = new_findings();
	static struct found found;
	char role[64];
	for (unsigned i = 0; i < TORN_FINDINGS_MAX; i++) {
		snprintf(role, sizeof role, "role %u", i);
		make_found(&found, 0, &invariants[0], NULL, role);
		found.shown.order.plans[0] = i;
		add_fault(&found.plan, 1, TORN_CALL_write, TORN_FAULT_ERRNO);
		name_found(&found);
		torn_findings_add(findings, &found.shown);
		assert_false(findings->overflowed);
	}
	assert_int_equal(findings->count, TORN_FINDINGS_MAX);
	torn_findings_add(findings, &found.shown); /* known: there is room */
	assert_false(findings->overflowed);
	assert_int_equal(findings->items[TORN_FINDINGS_MAX - 1].times, 2);
	struct torn_findings *merged = new_findings();
	for (uint32_t i = 0; i < findings->count; i++)
		torn_findings_merge(merged, &findings->items[i], &findings->orders[i]);
	assert_false(merged->overflowed);
	make_found(&found, 0, &invariants[1], NULL, "one more");
	name_found(&found);
	torn_findings_add(findings, &found.shown);
	assert_true(findings->overflowed);
	assert_int_equal(findings->count, TORN_FINDINGS_MAX);
	struct torn_findings *one = new_findings();
	torn_findings_add(one, &found.shown);
	torn_findings_merge(merged, &one->items[0], &one->orders[0]);
	assert_true(merged->overflowed);
	assert_int_equal(merged->count, TORN_FINDINGS_MAX);
	assert_string_equal(merged->items[0].role, "role 0");
}

/* One made of these, in this order; then settled. */
static struct torn_findings *settled(struct found *all, size_t count)
{
	struct torn_findings *findings = new_findings();
	for (size_t i = 0; i < count; i++)
		torn_findings_add(findings, &all[i].shown);
	torn_findings_settle(findings);
	return findings;
}

static void test_what_shows_without_a_fault_takes_in_what_shows_under_them(void **state)
{
	(void)state;
	make_setups();
	static struct found all[7];
	make_found(&all[0], 0, &invariants[0], NULL, "watched"); /* under a fault */
	add_fault(&all[0].plan, 3, TORN_CALL_write, TORN_FAULT_ERRNO);
	make_found(&all[1], 0, &invariants[0], NULL, "litter"); /* another role: stays */
	add_fault(&all[1].plan, 3, TORN_CALL_write, TORN_FAULT_ERRNO);
	make_found(&all[2], 0, &invariants[1], NULL, "watched"); /* another promise: stays */
	add_fault(&all[2].plan, 3, TORN_CALL_write, TORN_FAULT_ERRNO);
	make_found(&all[3], 0, &invariants[1], "promise-a", "watched"); /* a label: stays */
	add_fault(&all[3].plan, 3, TORN_CALL_write, TORN_FAULT_ERRNO);
	make_found(&all[4], 0, &invariants[0], NULL, "watched"); /* without a fault, */
	make_found(&all[5], 1, &invariants[0], NULL, "watched"); /* and in another old state */
	make_found(&all[6], 0, &invariants[0], NULL, "watched"); /* by a kill */
	add_fault(&all[6].plan, 2, TORN_CALL_open, TORN_FAULT_KILL);
	all[6].shown.killed = true;
	for (size_t i = 0; i < 7; i++) {
		all[i].shown.order.plans[0] = all[i].plan.faults_count ? 1 : 0;
		name_found(&all[i]);
	}
	struct torn_findings *findings = new_findings();
	torn_findings_add(findings, &all[0].shown); /* twice: all its times are taken in */
	for (size_t i = 0; i < 7; i++)
		torn_findings_add(findings, &all[i].shown);
	torn_findings_settle(findings);
	assert_int_equal(findings->count, 4);
	assert_null(told_of(findings, &all[0]));
	assert_null(told_of(findings, &all[6]));
	assert_int_equal(told_of(findings, &all[4])->times, 5);
	for (size_t i = 1; i <= 3; i++)
		assert_int_equal(told_of(findings, &all[i])->times, 1);
	assert_string_equal(told_of(findings, &all[4])->world, "zero");
}

static void test_settled_ones_stand_in_their_order(void **state)
{
	(void)state;
	make_setups();
	static struct found all[7];
	static const struct {
		unsigned invariant;
		const char *label;
		uint32_t op;
		enum torn_call call;
		enum torn_fault_name fault;
		const char *role;
	} in_order[] = {
		{0, NULL, 3, TORN_CALL_write, TORN_FAULT_ERRNO, "z"},
		{0, NULL, 10, TORN_CALL_fsync, TORN_FAULT_STICKY, "z"},
		{0, NULL, 10, TORN_CALL_write, TORN_FAULT_ERRNO, "b"},
		{0, NULL, 10, TORN_CALL_write, TORN_FAULT_ERRNO, "c"},
		{0, NULL, 10, TORN_CALL_write, TORN_FAULT_STICKY, "a"},
		{1, NULL, 1, TORN_CALL_write, TORN_FAULT_ERRNO, "a"},
		{0, "alike", 1, TORN_CALL_write, TORN_FAULT_ERRNO, "a"},
	};
	uint64_t random = seed_of_tests();
	for (unsigned round = 0; round < 20; round++) {
		size_t order[7];
		shuffle(&random, order, 7);
		for (size_t i = 0; i < 7; i++) {
			const size_t k = order[i];
			make_found(&all[i], 0, &invariants[in_order[k].invariant], in_order[k].label,
				   in_order[k].role);
			add_fault(&all[i].plan, in_order[k].op, in_order[k].call, in_order[k].fault);
			all[i].shown.order.plans[0] = (uint32_t)k;
			name_found(&all[i]);
		}
		struct torn_findings *findings = settled(all, 7);
		assert_int_equal(findings->count, 7);
		for (size_t i = 0; i < 7; i++) {
			char path[32];
			snprintf(path, sizeof path, "path-0-%zu-0-0", i);
			assert_string_equal(findings->items[i].path, path);
		}
	}
}

/* -------------------------------------------------------------- power cuts */

/* A cut under `preset`, behind `faults` fsyncs that failed; the smallest first by its first number. */
static void add_cut(struct torn_findings *findings, enum torn_preset preset, uint32_t faults)
{
	struct found found;
	make_found(&found, 0, &invariants[0], NULL, "watched");
	for (uint32_t i = 0; i < faults; i++)
		add_fault(&found.plan, 1 + i, TORN_CALL_fsync, TORN_FAULT_ERRNO);
	found.plan.cut = (struct torn_cut){.preset = torn_preset_name(preset), .op = 9};
	found.judgement.call = TORN_CALL_rename;
	found.shown.killed = true;
	found.shown.order.faults = torn_order_faults(&found.plan);
	torn_findings_add(findings, &found.shown);
}

static const struct torn_finding *headed_by(const struct torn_findings *findings, enum torn_preset preset)
{
	char cut[64];
	const struct torn_finding *found = NULL;
	snprintf(cut, sizeof cut, "cut 9 preset=%s\n", torn_preset_name(preset));
	for (uint32_t i = 0; i < findings->count; i++) {
		const struct torn_finding *finding = &findings->items[i];
		if (strcmp(finding->presets[0], torn_preset_name(preset)) != 0)
			continue;
		assert_null(found);
		found = finding;
		if (!strstr(finding->case_text, cut))
			fail_msg("headed by %s:\n%s", finding->presets[0], finding->case_text);
	}
	return found;
}

/* Whoever reads "btrfs" and takes the case has one that btrfs allows. */
static void test_the_preset_that_heads_a_finding_is_that_of_its_case(void **state)
{
	(void)state;
	struct torn_findings *findings = new_findings();
	make_setups();
	add_cut(findings, TORN_PRESET_POSIX, 0);
	add_cut(findings, TORN_PRESET_BTRFS, 0);
	add_cut(findings, TORN_PRESET_XFS, 0);
	torn_findings_settle(findings);
	assert_int_equal(findings->count, 1);
	const struct torn_finding *found = headed_by(findings, TORN_PRESET_XFS);
	assert_non_null(found);
	assert_int_equal(found->presets_count, 3);
}

static void test_what_takes_faults_too_is_told_where_its_preset_is_stronger(void **state)
{
	(void)state;
	struct torn_findings *findings = new_findings();
	make_setups();
	add_cut(findings, TORN_PRESET_POSIX, 1);
	add_cut(findings, TORN_PRESET_XFS, 0);
	add_cut(findings, TORN_PRESET_EXT4_NOAUTO, 1);
	torn_findings_settle(findings);
	assert_int_equal(findings->count, 1); /* the faults play no part */
	assert_int_equal(headed_by(findings, TORN_PRESET_XFS)->faults_count, 0);
	findings = new_findings();
	add_cut(findings, TORN_PRESET_EXT4, 2);
	add_cut(findings, TORN_PRESET_XFS, 0);
	add_cut(findings, TORN_PRESET_EXT4, 1);
	torn_findings_settle(findings);
	assert_int_equal(findings->count, 2);
	assert_int_equal(headed_by(findings, TORN_PRESET_XFS)->presets_count, 1);
	assert_int_equal(headed_by(findings, TORN_PRESET_EXT4)->faults_count, 1); /* the fewest */
	findings = new_findings();
	add_cut(findings, TORN_PRESET_XFS, 1);
	add_cut(findings, TORN_PRESET_EXT4, 2);
	torn_findings_settle(findings);
	assert_int_equal(headed_by(findings, TORN_PRESET_EXT4)->faults_count, 2);
}

/* ------------------------------------------------------------- other parts */

static void add_to(struct torn_findings *findings, uint32_t faults, bool is_elsewhere)
{
	struct found found;
	make_found(&found, 0, &invariants[0], NULL, "watched");
	for (uint32_t i = 0; i < faults; i++)
		add_fault(&found.plan, 1 + i, TORN_CALL_fsync, TORN_FAULT_ERRNO);
	name_found(&found);
	found.shown.is_elsewhere = is_elsewhere;
	torn_findings_add(findings, &found.shown);
}

static void test_what_another_part_tells_is_known_and_not_told(void **state)
{
	(void)state;
	struct torn_findings *part = new_findings(), *whole = new_findings();
	make_setups();
	add_to(part, 0, true);
	add_to(part, 1, false); /* the same, under a fault */
	add_to(whole, 0, false);
	for (uint32_t i = 0; i < part->count; i++)
		torn_findings_merge(whole, &part->items[i], &part->orders[i]);
	torn_findings_settle(part);
	assert_int_equal(part->count, 0);
	torn_findings_settle(whole);
	assert_int_equal(whole->count, 1);
	assert_int_equal(whole->items[0].faults_count, 0);
	assert_int_equal(whole->items[0].times, 2); /* the clean run, and the one with a fault */
}

/* What a step that was left out makes is one finding, whichever call failed before it. */
static void add_any(struct torn_findings *findings, enum torn_call call, enum torn_fault_name name, uint32_t plan)
{
	struct found found;
	make_found(&found, 0, invariants, NULL, "watched");
	found.judgement.is_any_fault = true;
	found.shown.order.plans[0] = plan;
	if (call)
		add_fault(&found.plan, plan, call, name);
	name_found(&found);
	torn_findings_add(findings, &found.shown);
}

static void test_whatever_fault_comes_first_it_is_one_finding(void **state)
{
	(void)state;
	struct torn_findings *under_faults = new_findings(), *without = new_findings();
	make_setups();
	add_any(under_faults, TORN_CALL_write, TORN_FAULT_ERRNO, 1);
	add_any(under_faults, TORN_CALL_fsync, TORN_FAULT_STICKY, 2);
	torn_findings_settle(under_faults);
	assert_int_equal(under_faults->count, 1);
	assert_true(under_faults->items[0].is_any_fault);
	assert_string_equal(under_faults->items[0].call, "");
	assert_string_equal(under_faults->items[0].fault, "");
	assert_int_equal(under_faults->items[0].faults_count, 1); /* of its case */
	assert_int_equal(under_faults->items[0].times, 2);
	/* Where it takes none it is not told as one that does. */
	add_any(without, TORN_CALL_NONE, TORN_FAULT_ERRNO, 0);
	torn_findings_settle(without);
	assert_int_equal(without->count, 1);
	assert_false(without->items[0].is_any_fault);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		arena_test(test_dealt_out_and_put_together_in_any_order_is_the_same),
		arena_test(test_the_smaller_order_is_told),
		arena_test(test_more_than_there_is_room_for_is_flagged_and_the_others_stay),
		arena_test(test_what_shows_without_a_fault_takes_in_what_shows_under_them),
		arena_test(test_settled_ones_stand_in_their_order),
		arena_test(test_the_preset_that_heads_a_finding_is_that_of_its_case),
		arena_test(test_what_takes_faults_too_is_told_where_its_preset_is_stronger),
		arena_test(test_what_another_part_tells_is_known_and_not_told),
		arena_test(test_whatever_fault_comes_first_it_is_one_finding),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
