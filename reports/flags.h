/* flags.h: the flags of a call in words. */
#ifndef TORN_FLAGS_H
#define TORN_FLAGS_H

#include "../fuzz/torn.h"
#include "phrase.h"

/*
 * Add the flags that an op was called with, as " O_WRONLY|O_CREAT": with a
 * space in front, nothing where there are none, bits without a name in hex.
 */
void torn_flags_add(struct torn_phrase *phrase, const struct torn_op *op);

#endif
