/* device_tape.c: see device_tape.h. */
#include "device_tape.h"

#include <string.h>
#include <sys/mman.h>

#define REQUESTS_MAX 65536u
#define BYTES_MAX ((size_t)512 << 20)

static size_t tape_size(void)
{
	return sizeof(struct torn_device_tape) + REQUESTS_MAX * sizeof(struct torn_device_request) + BYTES_MAX;
}

struct torn_device_tape *torn_device_tape_open(void)
{
	struct torn_device_tape *tape = mmap(NULL, tape_size(), PROT_READ | PROT_WRITE,
					     MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (tape == MAP_FAILED)
		return NULL;
	tape->requests = (struct torn_device_request *)(tape + 1);
	tape->room = REQUESTS_MAX;
	tape->bytes = (uint8_t *)(tape->requests + REQUESTS_MAX);
	tape->size = BYTES_MAX;
	return tape;
}

void torn_device_tape_close(struct torn_device_tape *tape)
{
	if (tape)
		munmap(tape, tape_size());
}

void torn_device_tape_rewind(struct torn_device_tape *tape)
{
	tape->count = 0;
	tape->used = 0;
	tape->mark = 0;
	tape->overflows = false;
}

void torn_device_tape_put(struct torn_device_tape *tape, enum torn_device_request_kind kind, uint64_t offset,
			  uint32_t size, const void *data)
{
	if (tape->is_off)
		return;
	const size_t stored = data ? size : 0;
	if (tape->count == tape->room || stored > tape->size - tape->used) {
		tape->overflows = true;
		return;
	}
	struct torn_device_request *request = &tape->requests[tape->count];
	*request = (struct torn_device_request){.kind = kind, .mark = tape->mark, .offset = offset, .size = size};
	if (data) {
		memcpy(tape->bytes + tape->used, data, size);
		request->data = tape->bytes + tape->used;
		tape->used += size;
	}
	__atomic_store_n(&tape->count, tape->count + 1, __ATOMIC_RELEASE);
}
