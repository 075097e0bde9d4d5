/*
 * confirm.h: findings of a program, run once more before anybody hears of them, by a process that knows
 * nothing of the sweep: what does not show again is not told. And their cases made short: of the program's
 * directory only what the replay touched.
 */
#ifndef TORN_CONFIRM_H
#define TORN_CONFIRM_H

#include "worker.h"

/*
 * Replay the findings of a result, which all are of this case's program; blobs of their cases are stored below
 * `folder_fd`. Cases that show the same with fewer old files take the place of longer ones; their texts lie in
 * `arena`. Findings that do not show again are taken out of the result: `ret_unconfirmed` says how many.
 * Labels are left alone. Returns 0; -EINTR; -EPROTO where no worker can be had; -ENOMEM.
 */
int torn_confirm(struct torn_worker *worker, const struct torn_case *c, int folder_fd,
		 struct torn_result *result, struct torn_arena *arena, size_t *ret_unconfirmed);

#endif
