/* journal_test.c: numbers of the journal's entries: of no transaction that is known they are used again. */
#include "journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../go/go_os.h"

static char store[sizeof("/tmp/torn-journal-XXXXXX")];

static int open_store(void **state)
{
	(void)state;
	strcpy(store, "/tmp/torn-journal-XXXXXX");
	return mkdtemp(store) ? 0 : -1;
}

static int remove_store(void **state)
{
	char path[sizeof(store) + 32];

	(void)state;
	for (unsigned number = 1; number <= 4; number++)
		for (int committed = 0; committed <= 1; committed++) {
			snprintf(path, sizeof(path), "%s/%010u.%s", store, number,
				 committed ? "committed" : "prepared");
			unlink(path);
		}
	return rmdir(store);
}

static uint32_t prepare(struct kensa_journal *journal)
{
	const struct kensa_entry entry = {.steps = {{.mechanism = "none"}}, .steps_count = 1};
	uint32_t number = 0;

	assert_int_equal(kensa_journal_prepare(journal, &entry, &number), 0);
	return number;
}

static void reopen(struct kensa_journal *journal)
{
	kensa_journal_close(journal);
	assert_int_equal(kensa_journal_open(journal, store, FSATOMIC_FIXED, KENSA_EXCLUSIVE), 0);
}

static void test_a_number_of_one_that_is_committed_is_not_used_again(void **state)
{
	struct kensa_journal journal;

	(void)state;
	assert_int_equal(kensa_journal_open(&journal, store, FSATOMIC_FIXED, KENSA_EXCLUSIVE), 0);
	assert_int_equal(prepare(&journal), 1);
	assert_int_equal(kensa_journal_rename(&journal, 1, true), 0);
	reopen(&journal);
	assert_int_equal(journal.open_count, 0);
	assert_int_equal(prepare(&journal), 2);
	reopen(&journal);
	assert_int_equal(journal.open_count, 1);
	assert_int_equal(journal.open[0], 2);
	assert_int_equal(journal.highest, 2);
	kensa_journal_close(&journal);
}

static void test_of_many_that_are_open_the_oldest_is_first(void **state)
{
	struct kensa_journal journal;

	(void)state;
	assert_int_equal(kensa_journal_open(&journal, store, FSATOMIC_FIXED, KENSA_EXCLUSIVE), 0);
	for (uint32_t number = 1; number <= 4; number++)
		assert_int_equal(prepare(&journal), number);
	assert_int_equal(kensa_journal_remove(&journal, 2, false), 0);
	reopen(&journal);
	assert_int_equal(journal.open_count, 3);
	assert_int_equal(journal.open[0], 1);
	assert_int_equal(journal.open[1], 3);
	assert_int_equal(journal.open[2], 4);
	kensa_journal_close(&journal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_number_of_one_that_is_committed_is_not_used_again,
						open_store, remove_store),
		cmocka_unit_test_setup_teardown(test_of_many_that_are_open_the_oldest_is_first, open_store,
						remove_store),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
