/* sort.c: heapsort. See sort.h. */
#include "sort.h"

#include <assert.h>
#include <string.h>

#include "torn.h"

#define ITEM_SIZE_MAX 256

struct heap {
	uint8_t *items;
	size_t item_size;
	uint32_t *lines;
};

static int order(const struct heap *heap, size_t i, size_t j)
{
	struct torn_bytes a, b;
	memcpy(&a, heap->items + i * heap->item_size, sizeof(a));
	memcpy(&b, heap->items + j * heap->item_size, sizeof(b));
	int result = torn_bytes_compare(a, b);
	if (result || !heap->lines)
		return result;
	return (heap->lines[i] > heap->lines[j]) - (heap->lines[i] < heap->lines[j]);
}

static void swap(const struct heap *heap, size_t i, size_t j)
{
	uint8_t kept[ITEM_SIZE_MAX];
	uint8_t *a = heap->items + i * heap->item_size, *b = heap->items + j * heap->item_size;
	memcpy(kept, a, heap->item_size);
	memcpy(a, b, heap->item_size);
	memcpy(b, kept, heap->item_size);
	if (heap->lines) {
		uint32_t line = heap->lines[i];
		heap->lines[i] = heap->lines[j];
		heap->lines[j] = line;
	}
}

static void sift_down(const struct heap *heap, size_t root, size_t count)
{
	for (size_t child; (child = 2 * root + 1) < count; root = child) {
		if (child + 1 < count && order(heap, child, child + 1) < 0)
			child++;
		if (order(heap, root, child) >= 0)
			return;
		swap(heap, root, child);
	}
}

void torn_sort(void *items, size_t count, size_t item_size, uint32_t *lines)
{
	assert(item_size >= sizeof(struct torn_bytes) && item_size <= ITEM_SIZE_MAX);
	struct heap heap = {items, item_size, lines};
	size_t sorted = 1;
	while (sorted < count && order(&heap, sorted - 1, sorted) <= 0)
		sorted++;
	if (sorted >= count)
		return; /* canonical texts are */
	for (size_t i = count / 2; i-- > 0;)
		sift_down(&heap, i, count);
	for (size_t i = count; i-- > 1;) {
		swap(&heap, 0, i);
		sift_down(&heap, 0, i);
	}
}
