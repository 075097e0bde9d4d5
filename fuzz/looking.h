/*
 * looking.h: what people make of a state, where that is not its bytes: `--view`, whose output is
 * compared in their place, and `--check`, which says that a state is acceptable.
 *
 * Both run on the state, on disk where the program's directory is, behind the same walls; what they
 * change there is taken back. Each state is looked at once.
 */
#ifndef TORN_LOOKING_H
#define TORN_LOOKING_H

#include "trial.h"

/* Is there anything but bytes to look at? Then each state costs a process. */
bool torn_looks(const struct torn_setup *setup);

/* Was this tree looked at before? Then it costs nothing to judge it. */
bool torn_look_is_known(const struct torn_lab *lab, const struct torn_node *tree);

/*
 * Let a trial be judged by what is seen: in its trees the watched files have what --view prints in the
 * place of their bytes; where --check accepts what is left, they have new's (after success was
 * reported) or old's. Does nothing where the program has neither. What it makes lies in the setup's
 * arena. Returns 0; -ENOTSUP where there is no room, -EPROTO where torn failed (lab->failure).
 */
int torn_look_at(struct torn_lab *lab, struct torn_setup *setup, struct torn_trial *trial);

/*
 * Where a run failed and left something behind, and people look at its files by --view or --check, run it
 * once more from there: the trial gets that as its rerun, since what the next run clears is no litter
 * (a database's journal). Returns as the above.
 */
int torn_look_at_litter(struct torn_lab *lab, struct torn_setup *setup, struct torn_trial *trial);

#endif
