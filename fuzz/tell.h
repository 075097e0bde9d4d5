/* tell.h: what a command found: as cases, as reports, as text, as an exit code. */
#ifndef TORN_TELL_H
#define TORN_TELL_H

#include "options.h"
#include "torn.h"

/*
 * Write the cases of all findings, the reports that the options ask for, and the
 * text to stdout where no report goes there. Returns 0, or -errno of the first
 * that could not be written, told on stderr.
 */
int torn_tell(struct torn_result *results, size_t count, const struct torn_options *options);
/* The same of a litmus table, which has no cases. */
int torn_tell_litmus(const struct torn_litmus_table *table, const struct torn_options *options);
/* Does a report go to stdout? Then nothing else does. */
bool torn_tells_on_stdout(const struct torn_options *options);
/* Return the exit code. */
int torn_verdict(const struct torn_result *results, size_t count, bool interrupted,
		 const struct torn_options *options);

#endif
