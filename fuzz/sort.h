/*
 * sort.h: put keyed things in order, in place and without malloc.
 *
 * qsort(3) of glibc allocates, and C libraries differ in how they order equal
 * keys; a parser under a fuzzer's memory limit wants neither.
 */
#ifndef TORN_SORT_H
#define TORN_SORT_H

#include <stddef.h>
#include <stdint.h>

/*
 * Sort `count` items of `item_size` bytes, the first member of each being its
 * key: a struct torn_bytes, in the order of torn_bytes_compare. `lines`, unless
 * NULL, has a number for each item, which moves along with it and puts equal keys
 * in order. Never worse than count * log(count).
 */
void torn_sort(void *items, size_t count, size_t item_size, uint32_t *lines);

#endif
