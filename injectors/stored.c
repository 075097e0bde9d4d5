/* stored.c: see stored.h. */
#include "stored.h"

#include <string.h>

static const struct torn_block *block_of(const struct torn_node *file, uint64_t block)
{
	return block < file->blocks_count ? &file->blocks[block] : NULL;
}

static uint64_t stored_in(const struct torn_block *block)
{
	return block && block->data ? block->size : 0;
}

static uint8_t byte_of(const struct torn_block *block, uint64_t at)
{
	return at < stored_in(block) ? block->data[at] : 0;
}

static bool is_zero(const uint8_t *bytes, uint64_t size)
{
	return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

bool torn_stored_in_page(const struct torn_node *file, uint64_t number, const uint8_t *bytes,
			 uint64_t size, uint64_t *ret_begin, uint64_t *ret_end)
{
	const struct torn_block *block = block_of(file, number);
	const uint64_t stored = stored_in(block) < size ? stored_in(block) : size;
	if (memcmp(bytes, stored ? block->data : bytes, stored) == 0 &&
	    is_zero(bytes + stored, size - stored))
		return false;
	uint64_t begin = 0, end = size;
	while (bytes[begin] == byte_of(block, begin))
		begin++;
	while (bytes[end - 1] == byte_of(block, end - 1))
		end--;
	*ret_begin = begin;
	*ret_end = end;
	return true;
}
