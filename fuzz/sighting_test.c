/* sighting_test.c: what one run showed, each thing once, told by what needs the least. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "../injectors/presets.h"
#include "sighting.h"

static const struct torn_invariant first = {.id = "first"}, second = {.id = "second"};
static struct torn_known nothing;

static int begin(void **state)
{
	static struct torn_sighting sighting;
	nothing.count = 0;
	torn_sighting_begin(&sighting, &nothing);
	*state = &sighting;
	return 0;
}

static struct torn_judgement judgement_of(const char *role, enum torn_call call)
{
	struct torn_judgement judgement = {.verdict = TORN_VIOLATED, .call = call};
	snprintf(judgement.role, sizeof judgement.role, "%s", role);
	return judgement;
}

static void add_kill(struct torn_sighting *sighting, const struct torn_invariant *invariant,
		     const char *role, enum torn_call call)
{
	const struct torn_kill kill = {.op = 3, .sequence = 3, .call = call};
	const struct torn_judgement judgement = judgement_of(role, call);
	torn_sighting_add_kill(sighting, &kill, invariant, &judgement);
}

/* Of one effect, which another op than the cut's did. */
static void add_cut(struct torn_sighting *sighting, const struct torn_invariant *invariant,
		    const char *role, enum torn_call call, enum torn_preset preset)
{
	const struct torn_lost lost = {.op = 1 + (uint32_t)preset};
	const struct torn_plan plan = {
		.cut = {.preset = torn_preset_name(preset), .op = 9, .lost = &lost, .lost_count = 1}};
	const struct torn_judgement judgement = judgement_of(role, call);
	torn_sighting_add_cut(sighting, &plan, invariant, &judgement);
}

static void add_until_full(struct torn_sighting *sighting)
{
	while (sighting->count < TORN_SIGHTING_MAX) {
		char role[32];
		snprintf(role, sizeof role, "role %zu", sighting->count);
		const size_t before = sighting->count;
		add_cut(sighting, &first, role, TORN_CALL_write, TORN_PRESET_POSIX);
		assert_int_equal(sighting->count, before + 1);
	}
}

static void test_what_shows_at_a_kill_takes_no_power_cut(void **state)
{
	struct torn_sighting *sighting = *state;
	add_kill(sighting, &first, "watched", TORN_CALL_write);
	/* Whatever is to blame for it. */
	add_cut(sighting, &first, "watched", TORN_CALL_write, TORN_PRESET_EXT4);
	add_cut(sighting, &first, "watched", TORN_CALL_rename, TORN_PRESET_EXT4);
	assert_int_equal(sighting->count, 1);
	assert_null(sighting->items[0].cut.preset);
	add_cut(sighting, &first, "litter", TORN_CALL_write, TORN_PRESET_EXT4);
	add_cut(sighting, &second, "watched", TORN_CALL_write, TORN_PRESET_EXT4);
	assert_int_equal(sighting->count, 3);
}

static void test_the_strongest_preset_is_told(void **state)
{
	struct torn_sighting *sighting = *state;
	add_cut(sighting, &first, "watched", TORN_CALL_write, TORN_PRESET_POSIX);
	add_cut(sighting, &first, "watched", TORN_CALL_write, TORN_PRESET_EXT4);
	add_cut(sighting, &first, "watched", TORN_CALL_write, TORN_PRESET_POSIX);
	assert_int_equal(sighting->count, 1);
	assert_string_equal(sighting->items[0].cut.preset, torn_preset_name(TORN_PRESET_EXT4));
	assert_int_equal(sighting->items[0].lost[0].op, 1 + TORN_PRESET_EXT4);
	/* And all that show it are known. */
	add_cut(sighting, &first, "watched", TORN_CALL_write, TORN_PRESET_XFS);
	assert_int_equal(sighting->items[0].presets, TORN_PRESET_BIT(TORN_PRESET_POSIX) |
							     TORN_PRESET_BIT(TORN_PRESET_EXT4) |
							     TORN_PRESET_BIT(TORN_PRESET_XFS));
	assert_string_equal(sighting->items[0].cut.preset, torn_preset_name(TORN_PRESET_EXT4));
	/* Another call is to blame: it is another finding. */
	add_cut(sighting, &first, "watched", TORN_CALL_rename, TORN_PRESET_POSIX);
	assert_int_equal(sighting->count, 2);
}

static void test_a_full_one_takes_a_stronger_preset_and_nothing_new(void **state)
{
	struct torn_sighting *sighting = *state;
	add_until_full(sighting);
	add_cut(sighting, &first, "role 5", TORN_CALL_write, TORN_PRESET_EXT4);
	assert_string_equal(sighting->items[5].cut.preset, torn_preset_name(TORN_PRESET_EXT4));
	assert_string_equal(sighting->items[4].cut.preset, torn_preset_name(TORN_PRESET_POSIX));
	add_cut(sighting, &second, "role 5", TORN_CALL_write, TORN_PRESET_EXT4);
	add_kill(sighting, &second, "role 5", TORN_CALL_write);
	assert_int_equal(sighting->count, TORN_SIGHTING_MAX);
	assert_null(torn_sighting_find(sighting, "second", "role 5"));
}

static void test_what_is_known_is_not_seen(void **state)
{
	struct torn_sighting *sighting = *state;
	add_kill(sighting, &first, "watched", TORN_CALL_write);
	sighting->items[0].kill.op = 0; /* at its end */
	add_kill(sighting, &first, "litter", TORN_CALL_write);
	torn_known_add(&nothing, sighting);
	/* What only a crash shows is not known from then on. */
	assert_int_equal(nothing.count, 1);
	torn_sighting_begin(sighting, &nothing);
	add_kill(sighting, &first, "watched", TORN_CALL_write);
	add_cut(sighting, &first, "watched", TORN_CALL_write, TORN_PRESET_EXT4);
	assert_int_equal(sighting->count, 0);
	add_kill(sighting, &first, "litter", TORN_CALL_write);
	assert_int_equal(sighting->count, 1);
}

/* ------------------------------------------------------------ of a later run */

static void test_what_the_run_before_showed_is_not_seen_again(void **state)
{
	static struct torn_sighting later;
	struct torn_sighting *sighting = *state;
	const struct torn_kill ended = {.op = 7, .call = TORN_CALL_rename};
	add_kill(sighting, &first, "watched", TORN_CALL_write);
	torn_sighting_begin_after(&later, sighting);
	add_kill(&later, &first, "watched", TORN_CALL_rename);
	add_cut(&later, &first, "watched", TORN_CALL_rename, TORN_PRESET_EXT4);
	assert_int_equal(later.count, 0);
	add_cut(&later, &second, "watched", TORN_CALL_rename, TORN_PRESET_EXT4);
	torn_sighting_add_later(sighting, &later, &ended);
	assert_int_equal(sighting->count, 2);
	assert_int_equal(sighting->items[0].ended.op, 0);
	assert_int_equal(sighting->items[1].ended.op, 7);
	assert_ptr_equal(sighting->items[1].invariant, &second);
	assert_string_equal(sighting->items[1].cut.preset, torn_preset_name(TORN_PRESET_EXT4));
	/* It takes a crash: that of the first run. */
	sighting->items[1].cut.preset = NULL;
	torn_known_add(&nothing, sighting);
	assert_int_equal(nothing.count, 0);
	add_until_full(sighting);
	torn_sighting_add_later(sighting, &later, &ended);
	assert_int_equal(sighting->count, TORN_SIGHTING_MAX);
	/* And a run that comes after none has nothing before it. */
	torn_sighting_begin(&later, &nothing);
	add_kill(&later, &first, "watched", TORN_CALL_rename);
	assert_int_equal(later.count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_what_shows_at_a_kill_takes_no_power_cut, begin),
		cmocka_unit_test_setup(test_the_strongest_preset_is_told, begin),
		cmocka_unit_test_setup(test_a_full_one_takes_a_stronger_preset_and_nothing_new, begin),
		cmocka_unit_test_setup(test_what_is_known_is_not_seen, begin),
		cmocka_unit_test_setup(test_what_the_run_before_showed_is_not_seen_again, begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
