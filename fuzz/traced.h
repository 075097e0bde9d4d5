/*
 * traced.h: a lab in which programs are traced, and not functions called: behind the
 * walls of isolation.h, on an exact disk that stands where the program's directory does.
 */
#ifndef TORN_TRACED_H
#define TORN_TRACED_H

#include "isolation.h"
#include "trial.h"

/*
 * Make this process, freshly forked, one that can run a program: behind walls, root given up. Fills the lab,
 * whose recorder is there. Returns 0 in pid 1 of the new namespaces; -errno with one sentence in
 * `ret_message`. `ret_landlock`: the version in force.
 */
int torn_traced_open(struct torn_lab *lab, const struct torn_program *program, int *ret_landlock,
		     char *ret_message, size_t size);

/*
 * The same for targets that start programs: the disk's root, `dir` (any path of the host), is "/" for them.
 */
int torn_traced_open_root(struct torn_lab *lab, const char *dir, int *ret_landlock, char *ret_message,
			  size_t size);

/*
 * Run a setup's program, its operation that starts programs, or the recovery of either, under a plan: for torn_trial_run(). Returns 0, or -EPROTO where it
 * cannot be started (lab->failure says why).
 */
int torn_traced_run(struct torn_lab *lab, const struct torn_setup *setup, const struct torn_plan *plan,
		    bool kill_for_real);

#endif
