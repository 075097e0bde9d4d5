/*
 * gate_mapping.h: files that the target has mapped, shared and to be written.
 *
 * A store into such a page is no call. It is found by holding the pages against
 * the tree: before each op, and before whatever else ends what a store may do
 * (munmap, msync, the end of the run). What
 * differs becomes an op `store` of the log, one for each page, with the bytes from
 * the first that differs to the last. So two stores into one page between two ops are
 * one, and one that changes nothing is none.
 */
#ifndef TORN_GATE_MAPPING_H
#define TORN_GATE_MAPPING_H

#include "gate_files.h"

/* Beyond so much, pages are looked at only where it is decided what is durable or durable bytes
 * are read by torn itself: syncs, copies, truncation, munmap, the end. 18 us for each look. */
#define TORN_MAPPED_MAX (UINT64_C(1) << 20)

/* Log what was stored. `thorough`: however much is mapped. */
void torn_gate_look_at_stores(struct torn_gate *gate, bool thorough);
/* Does what an op does or tells depend on stores, however much is mapped? */
bool torn_kind_wants_stores(enum torn_kind kind);

/* munmap, mprotect, mremap, madvise. */
long torn_gate_memory(struct torn_gate *gate, const struct torn_request *request);
/* An anonymous mapping, or one of no file of the root: it may take the place of one that is followed. */
long torn_gate_map_other(struct torn_gate *gate, const struct torn_request *request);
/*
 * Fill an op for an msync of a followed mapping. Returns false where the range is
 * none, or more than one: the kernel is asked.
 */
bool torn_gate_locate_msync(struct torn_gate *gate, const struct torn_request *request,
			    struct torn_op *ret_op);
/* Take back what was stored and is not in the log: the process was killed before. */
void torn_gate_take_back_stores(struct torn_gate *gate);

/* Unmap what the run left mapped. */
void torn_gate_unmap_all(struct torn_gate *gate);

#endif
