/*
 * gate_uring.h: io_uring at the gate. No kernel ring is ever made: a kernel that
 * performed a request of the target would do so beside the gate, outside the
 * root. The rings are memory of the gate's own, and at io_uring_enter(2) the
 * gate performs the requests itself.
 */
#ifndef TORN_GATE_URING_H
#define TORN_GATE_URING_H

#include <linux/io_uring.h>

#include "gate_internal.h"

/*
 * Answer io_uring_setup, io_uring_enter and io_uring_register. What is refused
 * that a target could need makes the trial INCOMPLETE, and says what it was.
 * Return what the target is told.
 */
long torn_uring_setup(struct torn_gate *gate, const struct torn_request *request);
long torn_uring_enter(struct torn_gate *gate, const struct torn_request *request);
long torn_uring_register(struct torn_gate *gate, const struct torn_request *request);

/*
 * Answer another call on a ring's descriptor: mmap(2) of the rings, read(2) and
 * its like, which a ring refuses. Returns false where `fd` is no ring, or the
 * call is one that a ring takes as any descriptor does (close, dup, fcntl).
 */
bool torn_uring_file(struct torn_gate *gate, const struct torn_request *request, long *ret_told);

/* Is this descriptor a ring? */
bool torn_uring_is_ring(struct torn_gate *gate, int fd);

/* Give back the memory of all rings: the run that made them is over. */
void torn_uring_forget(struct torn_gate *gate);

/* ----------------------------------------------- gate_requests.c: one request */

/* Does the gate perform requests of this opcode? */
bool torn_uring_does(unsigned opcode);

/*
 * Refuse what Linux refuses before it begins any request of the chain: an
 * opcode, flags, a path's address. Returns 0 or -errno. An opcode that the gate
 * does not do makes the trial INCOMPLETE.
 */
int torn_uring_check(struct torn_gate *gate, const struct io_uring_sqe *sqe);

/*
 * Perform a request as the system call that does the same, by torn_gate_file().
 * Returns the result for its completion; `ret_failed` says whether Linux takes
 * it for a failure that cancels what is linked behind it.
 */
long torn_uring_perform(struct torn_gate *gate, const struct io_uring_sqe *sqe, bool *ret_failed);

#endif
