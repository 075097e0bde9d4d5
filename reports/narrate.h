/* narrate.h: one op of a log in words. */
#ifndef TORN_NARRATE_H
#define TORN_NARRATE_H

#include "../fuzz/torn.h"
#include "phrase.h"

/* Add what the call was asked: path, descriptor, flags, sizes. */
void torn_narrate_request(struct torn_phrase *phrase, const struct torn_op *op);
/* Add what the target was told: "-> 0", "-> fd 5", "-> ENOSPC". */
void torn_narrate_answer(struct torn_phrase *phrase, const struct torn_op *op);
/* Add what a planned fault did to the op: "refused with ENOSPC (no space left on device)". */
void torn_narrate_fault(struct torn_phrase *phrase, const struct torn_op *op,
			const struct torn_fault *fault);
/* Add an errno with its meaning: "EIO (input/output error)". `number` is above 0. */
void torn_narrate_errno(struct torn_phrase *phrase, int64_t number);

#endif
