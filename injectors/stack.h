#ifndef TORN_STACK_H
#define TORN_STACK_H
#include <sys/types.h>
#include "../fuzz/torn.h"
#include "arena.h"
static inline int torn_stack_take(pid_t a, pid_t b, struct torn_arena *c, struct torn_bytes **d, size_t *e){(void)a;(void)b;(void)c;(void)d;(void)e;return 0;}
#endif
