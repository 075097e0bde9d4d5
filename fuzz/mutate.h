#ifndef TORN_MUTATE_H
#define TORN_MUTATE_H
#include "../injectors/arena.h"
#include "torn.h"
int torn_mutate(struct torn_case *c, const struct torn_target *target, const struct torn_log *log, size_t max, struct torn_arena *arena, uint64_t *seed);
int torn_mutate_cross(struct torn_case *c, const struct torn_case *other, size_t max, struct torn_arena *arena, uint64_t *seed);
#endif
