/*
 * gate_jump.h: the short way to the gate.
 *
 * A crossing by Syscall User Dispatch costs a signal: 1.6 us. A place that
 * crossed once is therefore changed, in this process only, to jump to the gate
 * from then on. Nothing depends on it: what is not changed goes on crossing by
 * signal, and two clean runs, the first by signals and the second by jumps,
 * must write equal logs.
 */
#ifndef TORN_GATE_JUMP_H
#define TORN_GATE_JUMP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Change the place that made a call: `after` is the address behind its syscall
 * instruction, `number` the call. Returns whether it is changed now; it is not
 * where the number is not set right before the instruction, where memory cannot
 * be mapped near it, or where code pages cannot be written. Async-signal-safe.
 */
bool torn_jump_change(uint64_t after, long number, const volatile char *selector);

#endif
