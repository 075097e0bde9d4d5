/* full.h: which targets can be checked on a small real disk: torn check --full. */
#ifndef TORN_FULL_H
#define TORN_FULL_H

#include "commands.h"

/*
 * Leave out those that cannot, each said in one line on stderr. Returns 0; -ENOENT where none is left, -ENOMEM after
 * saying so.
 */
int torn_full_choose(struct torn_check *check);

#endif
