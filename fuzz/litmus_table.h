/* litmus_table.h: all rows of the litmus table on the file systems of this host, shared out among workers. */
#ifndef TORN_LITMUS_TABLE_H
#define TORN_LITMUS_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "../injectors/arena.h"
#include "torn.h"

struct torn_litmus_how {
	unsigned jobs; /* disks at once, of one file system */
	unsigned timeout_s;
	uint64_t seed;
	bool is_brief; /* but for ext4 only the rows that tell file systems apart: the others take ten times as long */
	/* Called now and then, in this process; `done` rows of that column are finished. May be NULL. */
	void (*progress)(const struct torn_litmus_column *column, size_t done);
};

/*
 * Make a table of these file systems (of the usual ones, where there are no names), each with its preset. All lies in
 * `arena`, whose memory workers share. Returns 0; -ENOMEM; -EINVAL with the number of the wrong name in `ret_wrong` and
 * what was expected in `ret_message`.
 */
int torn_litmus_table_make(struct torn_arena *arena, char *const *names, size_t count,
			   struct torn_litmus_table *ret_table, size_t *ret_wrong, char *ret_message, size_t size);
/*
 * Hold one column: needs root, FUSE and loop devices. Returns 0; -EINTR; -EPROTO where torn failed, and -EPERM, -ENOENT
 * or another -errno where something is missing here: with one sentence in `ret_message`.
 */
int torn_litmus_table_hold(struct torn_litmus_column *column, const struct torn_litmus_how *how, char *ret_message,
			   size_t size);
/* How many cells have a state that their preset forbids. */
size_t torn_litmus_table_lacks(const struct torn_litmus_table *table);

#endif
