/*
 * device_tape.h: what a block device was asked for, in order: the bytes of each write, and each flush,
 * discard and write of zeroes, marked with how far the run was that led to it.
 *
 * It lies in memory that is shared with the process that serves the device, so that one writes and
 * the other reads it. A request is on tape before it is answered, and the next one is taken after that:
 * what stands before a flush had been answered when the flush came, which is what a flush covers
 * (the kernel's Documentation/block/writeback_cache_control.rst).
 */
#ifndef TORN_DEVICE_TAPE_H
#define TORN_DEVICE_TAPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What a device writes as one: a write may be torn between two of them, never within one. */
#define TORN_DEVICE_SECTOR 512u
#define TORN_DEVICE_PAGE 4096u

enum torn_device_request_kind {
	TORN_DEVICE_WRITE,
	TORN_DEVICE_ZERO,
	TORN_DEVICE_DISCARD, /* the bytes are zeroes from then on, as tmpfs has it */
	TORN_DEVICE_FLUSH,
};

struct torn_device_request {
	enum torn_device_request_kind kind;
	uint32_t mark;       /* the tape's when it came */
	uint64_t offset;     /* bytes; 0 of a flush */
	uint32_t size;       /* bytes; 0 of a flush */
	const uint8_t *data; /* of a write; else NULL */
};

struct torn_device_tape {
	struct torn_device_request *requests;
	volatile uint32_t count;
	uint32_t room;
	uint8_t *bytes;
	size_t used, size;
	volatile uint32_t mark; /* set by whoever makes the run */
	volatile bool overflows; /* there was no room for a request: what is on tape is not all */
	volatile bool is_off;    /* nothing is put on tape */
};

/* Map a tape, shared with children. Returns it or NULL: errno of mmap(2). */
struct torn_device_tape *torn_device_tape_open(void);
void torn_device_tape_close(struct torn_device_tape *tape);
/* Forget all. */
void torn_device_tape_rewind(struct torn_device_tape *tape);
/* Put a request on tape; its bytes are copied. */
void torn_device_tape_put(struct torn_device_tape *tape, enum torn_device_request_kind kind, uint64_t offset,
			  uint32_t size, const void *data);

/* Is a page of a disk all zeroes? */
static inline bool torn_device_is_zero(const uint8_t *page)
{
	return page[0] == 0 && memcmp(page, page + 1, TORN_DEVICE_PAGE - 1) == 0;
}

/* Is it one that changes bytes? */
static inline bool torn_device_writes(const struct torn_device_request *request)
{
	return request->kind != TORN_DEVICE_FLUSH;
}

#endif
