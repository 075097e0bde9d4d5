/*
 * registry.h: targets, invariants and reports, as they put themselves into
 * linker sections. The engine names none of them.
 */
#ifndef TORN_REGISTRY_H
#define TORN_REGISTRY_H

#include "torn.h"

/*
 * Sort and check the registries; abort when one is empty or holds a name
 * twice: a build that lost its plug-ins must not look like a clean one.
 * Everything below may be called only after it.
 */
void torn_registry_begin(void);

/* All of a kind, sorted by name. */
const struct torn_target *const *torn_targets(size_t *ret_count);
const struct torn_invariant *const *torn_invariants(size_t *ret_count);
const struct torn_report *const *torn_reports(size_t *ret_count);

/* Stand-ins for commands, in no order; there may be none. */
const struct torn_command *const *torn_commands(size_t *ret_count);

/* By name; NULL where there is none. */
const struct torn_target *torn_target_named(struct torn_bytes name);
const struct torn_variant *torn_variant_named(const struct torn_target *target,
					      struct torn_bytes name);
const struct torn_invariant *torn_invariant_named(struct torn_bytes name);
const struct torn_report *torn_report_named(const char *name);

#endif
