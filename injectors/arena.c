/* arena.c: see arena.h. A full arena is an answer (NULL), never a crash. */
#include "arena.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "../fuzz/torn.h"

static unsigned opened;

unsigned torn_arenas_opened(void)
{
	return opened;
}

int torn_arena_open(struct torn_arena *arena, size_t size)
{
	void *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return -errno;
	*arena = (struct torn_arena){.base = base, .size = size};
	opened++;
	return 0;
}

void torn_arena_close(struct torn_arena *arena)
{
	if (arena->base)
		munmap(arena->base, arena->size);
	*arena = (struct torn_arena){0};
}

static size_t rounded_up(size_t size)
{
	return (size + 15) & ~(size_t)15;
}

void *torn_arena_take_raw(struct torn_arena *arena, size_t size)
{
	const size_t rounded = rounded_up(size);
	if (rounded < size || rounded > arena->size - arena->used) {
		if (arena->failed == 0)
			arena->failed = size ? size : 1;
		return NULL;
	}
	void *taken = arena->base + arena->used;
	arena->used += rounded;
	return taken;
}

void *torn_arena_take(struct torn_arena *arena, size_t size)
{
	void *taken = torn_arena_take_raw(arena, size);
	return taken ? memset(taken, 0, size) : NULL;
}

struct torn_bytes torn_arena_copy(struct torn_arena *arena, const void *data, size_t size)
{
	uint8_t *copy = torn_arena_take_raw(arena, size + 1);
	if (!copy)
		return (struct torn_bytes){NULL, 0};
	if (size > 0) /* memcpy's second argument must not be NULL even then */
		memcpy(copy, data, size);
	copy[size] = 0;
	return (struct torn_bytes){copy, size};
}

/* One large run must not keep its memory for ever: far above what is used, pages go. */
static void give_back(struct torn_arena *arena)
{
	const size_t kept = ((arena->used + TORN_ARENA_KEPT) | 4095) + 1;
	if (arena->touched < kept + TORN_ARENA_KEPT || kept >= arena->size)
		return;
	const size_t end = (arena->touched | 4095) + 1;
	madvise(arena->base + kept, (end < arena->size ? end : arena->size) - kept, MADV_REMOVE);
	arena->touched = kept;
}

void torn_arena_return(struct torn_arena *arena, size_t mark)
{
	assert(mark <= arena->used);
	if (arena->used > arena->touched)
		arena->touched = arena->used;
	arena->used = mark;
	give_back(arena);
	arena->failed = 0;
}

void torn_arena_shorten(struct torn_arena *arena, const void *taken, size_t size, size_t kept)
{
	const size_t at = (size_t)((const uint8_t *)taken - arena->base);
	if (at + rounded_up(size) == arena->used && kept <= size)
		arena->used = at + rounded_up(kept);
}
