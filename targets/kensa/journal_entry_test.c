/* journal_entry_test.c: an entry of the journal as text, and what is no entry. */
#include "journal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define LEAD "kensa-journal 1\n"
#define STEP "step sysctl_set\n"

static int parse(const char *text, bool committed, struct kensa_entry *ret_entry)
{
	return kensa_entry_parse(strdup(text), strlen(text), committed, ret_entry);
}

/* Bytes that would end a line or a string are kept. */
static void test_what_is_printed_is_what_is_parsed(void **state)
{
	static const uint8_t value[] = "a\nb\0c\n";
	struct kensa_entry entry = {
		.steps = {{.mechanism = "sysctl_set", .params = {{"value", {value, 6}}}, .params_count = 1},
			  {.mechanism = "none"}},
		.steps_count = 2,
	};
	struct kensa_entry parsed;
	char *text;
	size_t size;

	(void)state;
	assert_int_equal(kensa_prestate_add(&entry.before[0], "content", (const char *)value, 6), 0);
	assert_int_equal(kensa_prestate_add(&entry.before[0], "absent", NULL, 0), 0);
	assert_int_equal(kensa_prestate_add(&entry.before[0], "empty", "", 0), 0);
	assert_int_equal(kensa_entry_print(&entry, &text, &size), 0);
	assert_int_equal(kensa_entry_parse(text, size, false, &parsed), 0);
	assert_int_equal(parsed.steps_count, 2);
	assert_string_equal(parsed.steps[0].mechanism, "sysctl_set");
	const struct torn_bytes param = kensa_param(&parsed.steps[0], "value");
	assert_int_equal(param.size, 6);
	assert_memory_equal(param.data, value, 7); /* with a NUL behind it */
	assert_int_equal(kensa_prestate_fact(&parsed.before[0], "content")->size, 6);
	assert_memory_equal(kensa_prestate_fact(&parsed.before[0], "content")->text, value, 6);
	assert_null(kensa_prestate_fact(&parsed.before[0], "absent")->text);
	assert_string_equal(kensa_prestate_fact(&parsed.before[0], "empty")->text, "");
	assert_int_equal(parsed.steps[1].params_count, 0);
	kensa_entry_free(&parsed);
	kensa_entry_free(&entry);
}

static void test_what_is_no_entry_is_refused(void **state)
{
	static const char *const texts[] = {
		"",
		"kensa-journal 2\nend\n",
		LEAD,
		LEAD STEP,
		LEAD STEP "en",
		LEAD STEP "end",
		LEAD "step sysctl_set",
		LEAD STEP "param value\nend\n",
		LEAD STEP "param value 3\n1\nend\n",
		LEAD STEP "param value 1\n12\nend\n",
		LEAD STEP "param value 1\n1xend\n",
		LEAD STEP "param value -1\n1\nend\n",
		LEAD STEP "param value  1\n1\nend\n",
		LEAD STEP "param value 1x\n1\nend\n",
		LEAD STEP "param value 99999999999999999999999\n1\nend\n",
		LEAD STEP "fact value 1\n",
		LEAD STEP "fact value 1\n1\n",
		LEAD STEP "fact value 1\n1\nparam key 1\nk\nend\n",
		LEAD STEP STEP STEP STEP STEP "end\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct kensa_entry entry;
		if (parse(texts[i], false, &entry) != -EBADMSG)
			fail_msg("row %zu is taken for an entry", i);
		kensa_entry_free(&entry);
	}
}

static void test_behind_a_prepared_one_anything_may_be_torn(void **state)
{
	struct kensa_entry entry;

	(void)state;
	assert_int_equal(parse(LEAD STEP "end\nstep sys", false, &entry), 0);
	kensa_entry_free(&entry);
	assert_int_equal(parse(LEAD STEP "end\nstep sys", true, &entry), -EBADMSG);
	kensa_entry_free(&entry);
	assert_int_equal(parse(LEAD STEP "end\n" STEP "fact v 1\n2\nend\n", true, &entry), 0);
	assert_string_equal(kensa_prestate_fact(&entry.after[0], "v")->text, "2");
	assert_int_equal(entry.before[0].facts_count, 0);
	kensa_entry_free(&entry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_printed_is_what_is_parsed),
		cmocka_unit_test(test_what_is_no_entry_is_refused),
		cmocka_unit_test(test_behind_a_prepared_one_anything_may_be_torn),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
