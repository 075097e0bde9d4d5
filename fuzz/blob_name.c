/* blob_name.c: see blob_name.h. */
#include "blob_name.h"

#include <inttypes.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

static const char prefix[] = "@" TORN_BLOBS_FOLDER "/";

void torn_blob_reference(struct torn_bytes content, char ret_reference[TORN_BLOB_REFERENCE_SIZE])
{
	const uint64_t hash = XXH3_64bits(content.data, content.size);
	snprintf(ret_reference, TORN_BLOB_REFERENCE_SIZE, "%s%016" PRIx64, prefix, hash);
}

bool torn_blob_is_referred(struct torn_bytes reference)
{
	const size_t size = strlen(prefix);
	return reference.size >= size && memcmp(reference.data, prefix, size) == 0;
}
