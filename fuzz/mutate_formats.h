/*
 * mutate_formats.h: which grammar a file has by where it stands, and an argument by what it is called;
 * and texts by these.
 */
#ifndef TORN_MUTATE_FORMATS_H
#define TORN_MUTATE_FORMATS_H

#include "mutate.h"

/* Is any file of the old state, or any argument, of a known format? */
bool torn_mutate_knows_formats(const struct torn_mutation *mutation, const struct torn_case *c);

/* Is the path the directory that the kernel's own state is below, or below it? */
bool torn_mutate_is_runtime(const struct torn_old *olds, size_t count, struct torn_bytes path);
bool torn_mutate_has_format(const struct torn_old *olds, size_t count, struct torn_bytes path);

/*
 * A content for a file of a known format: anew, or `now` with a few of its lines and bytes changed. Of
 * the kernel's own files what a kernel can print; of a sysctl that is what it says after a write. data
 * NULL: the format is not known, the kernel keeps what it has, or there is no room.
 */
struct torn_bytes torn_mutate_formatted_file(struct torn_mutation *mutation, const struct torn_case *c,
					     struct torn_bytes path, struct torn_bytes now);
/* A value for an argument; data NULL: as above. */
struct torn_bytes torn_mutate_formatted_arg(struct torn_mutation *mutation, const struct torn_case *c,
					    const char *name, struct torn_bytes now);

/*
 * Where the sysctl stands that the case's arguments name, and what it has after boot; data NULL: they name
 * none that torn knows, or there is no runtime directory.
 */
struct torn_bytes torn_mutate_sysctl_of(struct torn_mutation *mutation, const struct torn_case *c,
					struct torn_bytes *ret_content);

/* Change a few lines and bytes of a text as editors, copying and typing do. data NULL: no room. */
struct torn_bytes torn_mutate_lines(struct torn_mutation *mutation, struct torn_bytes text);

#endif
