/* difference.c: see difference.h. */
#include "difference.h"

#include <inttypes.h>
#include <string.h>

#define LINE_BYTES 16u
#define LINES_MAX 4u

static const char *plural(uint64_t count)
{
	return count == 1 ? "" : "s";
}

void torn_difference_add_node(struct torn_phrase *phrase, const struct torn_node *node)
{
	if (!node) {
		torn_phrase_add(phrase, "absent");
		return;
	}
	switch (node->type) {
	case TORN_FILE:
		torn_phrase_add(phrase, "file of %" PRIu64 " byte%s", node->size,
				plural(node->size));
		break;
	case TORN_DIRECTORY:
		torn_phrase_add(phrase, "directory of %" PRIu32 " entr%s", node->entries_count,
				node->entries_count == 1 ? "y" : "ies");
		break;
	case TORN_SYMLINK:
		torn_phrase_add(phrase, "symlink to ");
		torn_phrase_add_quoted(phrase, node->link, 255);
		return; /* its mode is always 0777 */
	case TORN_FIFO:
		torn_phrase_add(phrase, "fifo");
		break;
	case TORN_SOCKET:
		torn_phrase_add(phrase, "socket");
		break;
	default:
		break;
	}
	torn_phrase_add(phrase, ", mode %04" PRIo32, node->mode);
	if (node->uid != 0 || node->gid != 0)
		torn_phrase_add(phrase, ", owner %" PRIu32 ":%" PRIu32, node->uid, node->gid);
	if (node->type == TORN_FILE && node->links > 1)
		torn_phrase_add(phrase, ", %" PRIu32 " names", node->links);
	if (node->xattrs_count > 0)
		torn_phrase_add(phrase, ", %" PRIu32 " xattr%s", node->xattrs_count,
				plural(node->xattrs_count));
}

/* Blocks that trees share are equal without a look at their bytes. */
static bool is_shared_block(const struct torn_node *a, const struct torn_node *b, uint64_t i)
{
	return i < a->blocks_count && i < b->blocks_count &&
	       a->blocks[i].data == b->blocks[i].data && a->blocks[i].size == b->blocks[i].size;
}

bool torn_difference_find(const struct torn_node *a, const struct torn_node *b,
			  uint64_t *ret_offset)
{
	uint64_t common = a->size < b->size ? a->size : b->size;
	for (uint64_t i = 0; i * TORN_BLOCK_SIZE < common; i++) {
		uint8_t left[TORN_BLOCK_SIZE], right[TORN_BLOCK_SIZE];
		uint64_t offset = i * TORN_BLOCK_SIZE;
		size_t size = common - offset < TORN_BLOCK_SIZE ? common - offset : TORN_BLOCK_SIZE;
		if (is_shared_block(a, b, i))
			continue;
		torn_node_read(a, offset, left, size);
		torn_node_read(b, offset, right, size);
		for (size_t at = 0; at < size; at++) {
			if (left[at] != right[at]) {
				*ret_offset = offset + at;
				return true;
			}
		}
	}
	if (a->size == b->size)
		return false;
	*ret_offset = common;
	return true;
}

static void print_line(FILE *out, const char *name, uint64_t offset, const uint8_t *bytes,
		       size_t size)
{
	fprintf(out, "    %s  %08" PRIx64 " ", name, offset);
	for (size_t i = 0; i < LINE_BYTES; i++) {
		if (i < size)
			fprintf(out, "%s%02x", i == LINE_BYTES / 2 ? "  " : " ", bytes[i]);
		else
			fprintf(out, "%s", i == LINE_BYTES / 2 ? "    " : "   ");
	}
	fprintf(out, "  |");
	for (size_t i = 0; i < size; i++)
		fputc(bytes[i] >= 0x20 && bytes[i] < 0x7f ? bytes[i] : '.', out);
	fprintf(out, "|\n");
}

/* The line before the place, the one that it is in, and two more. */
static void print_around(FILE *out, const char *name, const struct torn_node *file, uint64_t place)
{
	uint64_t offset = place / LINE_BYTES * LINE_BYTES;
	offset -= offset >= LINE_BYTES ? LINE_BYTES : 0;
	for (unsigned line = 0; line < LINES_MAX && offset < file->size; line++) {
		uint8_t bytes[LINE_BYTES];
		uint64_t left = file->size - offset;
		size_t size =
			torn_node_read(file, offset, bytes, left < LINE_BYTES ? left : LINE_BYTES);
		print_line(out, name, offset, bytes, size);
		offset += LINE_BYTES;
	}
	if (offset >= file->size)
		fprintf(out, "    %s  %08" PRIx64 "  (end)\n", name, file->size);
}

void torn_difference_print(FILE *out, const struct torn_node *now, const struct torn_node *other,
			   const char *other_name)
{
	uint64_t place = 0;
	if (!now || !other || now->type != TORN_FILE || other->type != TORN_FILE ||
	    !torn_difference_find(now, other, &place))
		return;
	fprintf(out, "  first difference from %s at byte %" PRIu64 "%s\n", other_name, place,
		place == now->size     ? ", where now ends"
		: place == other->size ? ", after its end"
				       : "");
	print_around(out, "now", now, place);
	print_around(out, other_name, other, place);
}
