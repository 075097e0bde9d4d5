/*
 * audit_commands.h: ours, of FIXED: the rules of an audit_rule_set step in the kernel by auditctl(8): one by one, as
 * audit_kernel.h does it by netlink. `augenrules --load` begins with -D: what somebody loaded by hand is gone, and
 * what a file of somebody else's says is loaded with ours.
 */
#ifndef KENSA_AUDIT_COMMANDS_H
#define KENSA_AUDIT_COMMANDS_H

#include "shell_handlers.h"

/*
 * Look what there is before anything is changed: the facts "resolved_rules", and "added_rules", those that are not
 * loaded, or "immutable_staged" where nothing may be loaded until the next boot. Returns KENSA_SUCCESS or
 * KENSA_CAPTURE_INCOMPLETE: it cannot be told, or one is loaded under another key.
 */
enum kensa_outcome audit_commands_look(const struct kensa_context *context, struct torn_bytes rules,
				       struct kensa_prestate *state);
/* Load what is to be added, and see that all is there. Returns KENSA_SUCCESS or KENSA_FAILED. */
enum kensa_outcome audit_commands_load(const struct kensa_context *context, const struct kensa_prestate *state);
/* Unload what was to be added, and see that nothing of it is left. Returns KENSA_SUCCESS or KENSA_PARTIAL_RESTORE. */
enum kensa_outcome audit_commands_unload(const struct kensa_context *context, const struct kensa_prestate *state);

#endif
