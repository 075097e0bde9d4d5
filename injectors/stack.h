/*
 * stack.h: the call stack of a thread that is stopped at a system call: who made it.
 */
#ifndef TORN_STACK_H
#define TORN_STACK_H

#include <stddef.h>
#include <sys/types.h>

#include "../fuzz/torn.h"

struct torn_arena;

#define TORN_STACK_FRAMES_MAX 64u

/*
 * Frames as text, innermost first:
 *
 *   save_state+0x41 (app.c:42) in /usr/bin/app    a symbol; a source line where there is DWARF
 *   store, inlined (app.c:17) in /usr/bin/app     it is part of the next frame's function
 *   0x1f3a0 in /usr/sbin/ldconfig                 no symbol: the address that addr2line(1) takes
 *   unknown code                                  in no file: made while the program ran
 *
 * Names of C++ and Go are as the linker knows them. Symbols and paths are the program's own
 * bytes: whoever prints them escapes them. Nothing depends on where the kernel put the program,
 * nor on a pid, so two runs that do the same give the same text on one machine; which names and
 * lines there are depends on the debug files that are installed.
 */
struct torn_stack {
	const struct torn_bytes *frames;
	size_t count;
	size_t own; /* index of the first frame in the program's executable itself; count: none is */
	struct torn_bytes ended; /* why there are no more frames; empty: the outermost is there */
};

/*
 * The process whose stacks are taken: begin with {.process = PID}. What was read of its files is
 * kept, as that is nearly all of the cost (60 ms the first time where there is DWARF, then 2 ms).
 * After an exec it is another program: close, and begin again.
 */
struct torn_stacks {
	pid_t process;
	void *session; /* libdw's; NULL: nothing was read yet */
};

/*
 * Take the stack of `thread`, one of the threads of the process (or its first: the same number).
 * The calling thread has it in a ptrace stop, and it is in that stop afterwards: this neither
 * attaches, detaches nor resumes. It reads the program's files by the paths in /proc/PID/maps,
 * as the caller sees them, debug files below /usr/lib/debug by their build ID, and never asks a
 * debuginfod server, whatever DEBUGINFOD_URLS says.
 *
 * Text and frames lie in `arena`. There is no error to handle, as no run is to fail for want of
 * a stack: what cannot be had is a shorter stack (or none) and the reason in `ended`.
 */
void torn_stack_take(struct torn_stacks *stacks, pid_t thread, struct torn_arena *arena,
		     struct torn_stack *ret_stack);

/* Give back what was kept; stacks that were taken stay. The process need not be there any more. */
void torn_stacks_close(struct torn_stacks *stacks);

#endif
