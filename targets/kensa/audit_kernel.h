/* audit_kernel.h: the rules of an audit_rule_set step in the kernel. `rules` is text, a rule a line. */
#ifndef KENSA_AUDIT_KERNEL_H
#define KENSA_AUDIT_KERNEL_H

#include "audit_client.h"

/* Are all lines rules that are known? */
bool audit_kernel_understands(struct torn_bytes rules);
/*
 * Which are not loaded: a line each, in `ret_missing`, malloc'ed. `ret_conflicts` (may be NULL): is one loaded
 * under another key, so that the kernel would have it twice? Returns 0 or -errno.
 */
int audit_kernel_missing(struct audit_client *client, struct torn_bytes rules, char **ret_missing,
			 bool *ret_conflicts);
/*
 * Load them one by one, and stop at the first that is refused. `tolerates`: one that is loaded already is none
 * such. Returns 0 or -errno.
 */
int audit_kernel_load(struct audit_client *client, struct torn_bytes rules, bool tolerates);
/*
 * Unload them one by one, and stop at the first that is refused; one that is not loaded is no error. Returns 0
 * or -errno.
 */
int audit_kernel_unload(struct audit_client *client, struct torn_bytes rules);
/*
 * Ours, of FIXED: each is tried, the last first: what is loaded on the way is what was on the way there. Returns
 * the first error.
 */
int audit_kernel_unload_all(struct audit_client *client, struct torn_bytes rules);

#endif
