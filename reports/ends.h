/* ends.h: how a run ended, in words. */
#ifndef TORN_ENDS_H
#define TORN_ENDS_H

#include "../fuzz/torn.h"

/* Print "success, returned 0", "failure, exit 3", "nothing: crashed by SIGSEGV", ... */
void torn_end_print(FILE *out, enum torn_end end, int code);

/*
 * Print a line for each run before the one at hand, the first one first: what it was, what went
 * wrong in it, and how it ended. Nothing where there was none.
 */
void torn_ends_print_before(FILE *out, const struct torn_trial *trial);

/* Print what is planned, as a case says it: "7 fsync errno=EIO, 9 close late=EIO"; but for a kill
 * where `kills` is false. Returns whether there was anything. */
bool torn_ends_print_faults(FILE *out, const struct torn_plan *plan, bool kills);

#endif
