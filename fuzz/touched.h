/* touched.h: which of its old files a program's run has anything to do with. */
#ifndef TORN_TOUCHED_H
#define TORN_TOUCHED_H

#include "trial.h"

/*
 * Mark in lab->touched what the run at hand named, opened, listed or executed, and the directories that lead
 * there: without the others it would have run the same. Does nothing where nobody asks.
 */
void torn_touched_mark(struct torn_lab *lab, const struct torn_setup *setup);

#endif
