/*
 * journal.h: what the transaction engine writes down: the pre-states of a transaction, and
 * how it ended (seeds/kensa.md, "Transaction engine").
 *
 * The original keeps rows in an SQLite database, synced in full. Here a transaction is a file,
 * and its state is in the name, so that a commit is one rename:
 *
 *   NUMBER.prepared    no terminal row: recovery rolls back what it says
 *   NUMBER.committed   what a later, manual rollback goes by
 *
 * A transaction that was rolled back has none. Numbers grow, as created_at does. Who runs two
 * transactions gives the second one's (engine.h, number_min): a row of a database has no name that
 * tells whether an earlier one was removed. Until HEAD nobody reads a row without a terminal row,
 * and none is kept here: where a commit cannot write it (errors of the store are discarded) the
 * file goes. Why no SQLite: a commit of one small row is 40 system calls there (rollback journal,
 * synchronous=FULL; counted with strace), twice a transaction, and `torn check --depth 2` squares
 * them; that SQLite keeps what it promises is asked elsewhere (fuzz/exec_databases_test.sh).
 *
 * The text of an entry is steps, with their parameters and what was seen of them, and a line
 * "end"; behind that, once it is committed, the same as commit left it. Bytes follow a line
 * with their size. What is behind "end" of a prepared entry means nothing: it may be torn.
 */
#ifndef KENSA_JOURNAL_H
#define KENSA_JOURNAL_H

#include "handler.h"

#define KENSA_STEPS_MAX 4
/* Entries that are open at once; of more the oldest are left for the next recovery. */
#define KENSA_OPEN_MAX 16

/* A transaction's steps, and what was captured of each. */
struct kensa_entry {
	struct kensa_step steps[KENSA_STEPS_MAX];
	struct kensa_prestate before[KENSA_STEPS_MAX];
	struct kensa_prestate after[KENSA_STEPS_MAX]; /* of a committed one, where it says it */
	size_t steps_count;
	char *text; /* that the steps of a loaded entry point into; NULL: they are somebody else's */
};
void kensa_entry_free(struct kensa_entry *entry);

struct kensa_journal {
	const char *path; /* a directory: "/var/lib/kensa" */
	int dir;
	enum fsatomic_variant primitives;
	uint32_t open[KENSA_OPEN_MAX]; /* entries that are prepared, by number, ascending */
	size_t open_count;
	uint32_t highest; /* number of any entry; 0: there is none */
};

enum kensa_lock { KENSA_UNLOCKED, KENSA_SHARED, KENSA_EXCLUSIVE };

/*
 * Open the store, lock it until it is closed, and see which entries there are. Returns 0 or -errno;
 * then nothing is open.
 */
int kensa_journal_open(struct kensa_journal *journal, const char *path,
		       enum fsatomic_variant primitives, enum kensa_lock lock);
void kensa_journal_close(struct kensa_journal *journal);

/*
 * Write a new entry, durable before this returns. Returns 0 with its number, or -errno; then it may be
 * there all the same (a sync that failed).
 */
int kensa_journal_prepare(struct kensa_journal *journal, const struct kensa_entry *entry,
			  uint32_t *ret_number);
/* Read an entry. Returns 0, or -errno: -EBADMSG where it is none. The caller frees it. */
int kensa_journal_load(const struct kensa_journal *journal, uint32_t number, bool committed,
		       struct kensa_entry *ret_entry);
/* Write down what the steps left (entry->after), synced. Returns 0 or -errno; it is prepared either way. */
int kensa_journal_add_after(const struct kensa_journal *journal, uint32_t number,
			    const struct kensa_entry *entry);
/* Between prepared and committed. Returns 0 or -errno: then nothing happened. Not yet durable. */
int kensa_journal_rename(const struct kensa_journal *journal, uint32_t number, bool to_committed);
/* Remove an entry; not yet durable. Returns 0 or -errno. */
int kensa_journal_remove(const struct kensa_journal *journal, uint32_t number, bool committed);
/* Make what was renamed and removed durable. Returns 0 or -errno. */
int kensa_journal_sync(const struct kensa_journal *journal);

/* The same, as bytes: `ret_text` is malloc'ed. Returns 0 or -errno. */
int kensa_entry_print(const struct kensa_entry *entry, char **ret_text, size_t *ret_size);
/* What a commit adds to it. */
int kensa_entry_print_after(const struct kensa_entry *entry, char **ret_text, size_t *ret_size);
/* Take `text`, malloc'ed with a NUL behind it, to pieces; it is the entry's, also after an error: -EBADMSG, -ENOMEM. */
int kensa_entry_parse(char *text, size_t size, bool committed, struct kensa_entry *ret_entry);

#endif
