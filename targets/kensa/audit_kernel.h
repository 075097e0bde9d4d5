/*
 * audit_kernel.h: the rules of an audit_rule_set step in the kernel. `rules` is text, a rule a line. FIXED: of
 * resolved lines (audit_rule.h), so that what is unloaded is what was loaded.
 */
#ifndef KENSA_AUDIT_KERNEL_H
#define KENSA_AUDIT_KERNEL_H

#include "audit_client.h"

struct audit_text {
	struct torn_bytes lines;
	bool is_resolved;
};

/* Ours, of FIXED: resolve each line, into `ret_rules`, malloc'ed. Returns 0 or -errno. */
int audit_kernel_resolve(struct torn_bytes rules, audit_rule_look *look, const struct kensa_context *context,
			 char **ret_rules);
/*
 * Which are not loaded: a line each, in `ret_missing`, malloc'ed. `ret_conflicts` (may be NULL): is one loaded
 * under another key, so that the kernel would have it twice? Returns 0 or -errno.
 */
int audit_kernel_missing(struct audit_client *client, struct audit_text rules, char **ret_missing,
			 bool *ret_conflicts);
/* The same, of a list. Returns 0 or -errno. */
int audit_kernel_missing_of(struct audit_text rules, const struct audit_rule *loaded, size_t count,
			    char **ret_missing, bool *conflicts);
/*
 * Load them one by one, and stop at the first that is refused. `tolerates`: one that is loaded already is none
 * such. Returns 0 or -errno.
 */
int audit_kernel_load(struct audit_client *client, struct audit_text rules, bool tolerates);
/*
 * Unload them one by one, and stop at the first that is refused; one that is not loaded is no error. Returns 0
 * or -errno.
 */
int audit_kernel_unload(struct audit_client *client, struct audit_text rules);
/*
 * Ours, of FIXED: each is tried, the last first: what is loaded on the way is what was on the way there. Returns
 * the first error.
 */
int audit_kernel_unload_all(struct audit_client *client, struct audit_text rules);

#endif
