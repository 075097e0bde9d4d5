/*
 * runtime_sysctl.h: what one write(2) makes of a sysctl, to the byte.
 *
 * A handler of the kernel may take less than it was given, take nothing at an offset but say that it
 * did, leave the file's offset where it was, or fail when a part is set already: see runtime.def.
 */
#ifndef TORN_RUNTIME_SYSCTL_H
#define TORN_RUNTIME_SYSCTL_H

#include "../fuzz/torn.h"
#include "arena.h"

enum torn_sysctl_kind { TORN_SYSCTL_INTS, TORN_SYSCTL_BYTE, TORN_SYSCTL_ULONG, TORN_SYSCTL_STRING };

struct torn_sysctl {
	const char *key;   /* below /proc/sys; "*" is one component */
	const char *value; /* after boot, without the newline */
	enum torn_sysctl_kind kind;
	uint32_t count; /* numbers in it; of a string: the size of the kernel's buffer in bytes */
	uint64_t min, max; /* of ints: int64_t */
	int lock_errno;    /* 0: it can always be changed; else what another value gets */
	int32_t locked_at;
};

/* Return the row of a key, or NULL where torn does not know it. */
const struct torn_sysctl *torn_runtime_sysctl_find(struct torn_bytes key);
/* Return the rows, one after the other, and how many there are. */
const struct torn_sysctl *torn_runtime_sysctl_rows(size_t *ret_count);

/* What one write(2) came to. */
struct torn_sysctl_write {
	struct torn_bytes content; /* what is read now, also where the call failed: some numbers may be set */
	uint64_t taken; /* what write(2) returns; 0 where it failed */
	bool moves; /* the file's offset moves on by `taken`; else it stays where it was */
};

/*
 * Write at `offset` to a sysctl with content `old`. Of a key that is not in runtime.def any 4 KiB are
 * kept, with one newline behind. Returns 0; the kernel's -EINVAL or -EPERM; -ENOMEM.
 */
int torn_runtime_sysctl_write(struct torn_arena *arena, struct torn_bytes key, struct torn_bytes old,
			      struct torn_bytes written, uint64_t offset,
			      struct torn_sysctl_write *ret_write);

#endif
