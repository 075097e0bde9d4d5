/*
 * arena.h: memory that is given back all at once.
 *
 * The gate allocates in a signal handler and a trial's log outlives a dead
 * child, so storage is mapped up front, shared with children, and never
 * touched by malloc.
 */
#ifndef TORN_ARENA_H
#define TORN_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct torn_bytes;

/* Memory that an arena keeps beyond what is used, at least, and at most twice. */
#define TORN_ARENA_KEPT ((size_t)512 << 10)

struct torn_arena {
	uint8_t *base;
	size_t used, size;
	size_t touched; /* so far from the start there may be memory behind it */
	size_t failed; /* bytes of the first allocation that found no room; 0: none did */
};

/*
 * Map `size` bytes, shared with children, paged in as they are used.
 * Returns 0 or -errno of mmap(2).
 */
int torn_arena_open(struct torn_arena *arena, size_t size);
/* How many this process has opened so far: a child knows only those that were there before it. */
unsigned torn_arenas_opened(void);
/* Unmap; pointers into it die. */
void torn_arena_close(struct torn_arena *arena);

/*
 * Return zeroed storage for `size` bytes, aligned to 16. Async-signal-safe.
 * Returns NULL when the arena is full, and notes that in `failed`.
 */
void *torn_arena_take(struct torn_arena *arena, size_t size);
/* The same without the zeroes, for storage that the caller fills at once. */
void *torn_arena_take_raw(struct torn_arena *arena, size_t size);
/* Copy bytes into the arena, with a NUL behind them that does not count. */
struct torn_bytes torn_arena_copy(struct torn_arena *arena, const void *data, size_t size);

/* Give back the end of what was taken last; where something was taken after it, nothing. */
void torn_arena_shorten(struct torn_arena *arena, const void *taken, size_t size, size_t kept);

/* Everything taken after a mark is given back by returning to it; a lot of it to the kernel. */
static inline size_t torn_arena_mark(const struct torn_arena *arena)
{
	return arena->used;
}
void torn_arena_return(struct torn_arena *arena, size_t mark);

#endif
