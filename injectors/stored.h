/* stored.h: what a store into a shared mapping changed, for any gate. */
#ifndef TORN_STORED_H
#define TORN_STORED_H

#include "../fuzz/torn.h"

/*
 * Find the bytes of a page of a file, as it is in memory now, that are not those of the tree: from the
 * first that differs to behind the last. `size` is how much of the page belongs to the file. Returns
 * false where there are none. Async-signal-safe.
 */
bool torn_stored_in_page(const struct torn_node *file, uint64_t number, const uint8_t *bytes,
			 uint64_t size, uint64_t *ret_begin, uint64_t *ret_end);

#endif
