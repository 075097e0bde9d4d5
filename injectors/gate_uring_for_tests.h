/*
 * gate_uring_for_tests.h: requests for a ring of io_uring, a line each. For tests only.
 *
 *   PUT(1, LINK, io_uring_prep_fsync(sqe, fd, 0));
 *   NOP(2, 0);
 *   ... io_uring_submit_and_wait(ring, 2), the completions carry 1 and 2 ...
 */
#ifndef TORN_GATE_URING_FOR_TESTS_H
#define TORN_GATE_URING_FOR_TESTS_H

#include "gate_for_tests.h"

#include <liburing.h>
#include <stdlib.h>

#define OP_FTRUNCATE 55 /* Linux 6.9 */

/* One request at a time: its completion carries `id`, the flags are IOSQE_. */
static inline struct io_uring_sqe *put(struct io_uring *ring, int id, unsigned flags)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(ring);
	if (!sqe)
		abort(); /* the test's own ring is too small */
	memset(sqe, 0, sizeof *sqe);
	sqe->user_data = (uint64_t)id;
	sqe->flags = (uint8_t)flags;
	return sqe;
}

#define PUT(id, how, prepare)                                                                      \
	do {                                                                                       \
		struct io_uring_sqe *sqe = put(ring, id, 0);                                       \
		prepare;                                                                           \
		sqe->user_data = id;                                                               \
		sqe->flags = how;                                                                  \
	} while (0)
#define LINK IOSQE_IO_LINK
#define HARD IOSQE_IO_HARDLINK
#define SKIP IOSQE_CQE_SKIP_SUCCESS
#define NOP(id, how) PUT(id, how, io_uring_prep_nop(sqe))

#endif
