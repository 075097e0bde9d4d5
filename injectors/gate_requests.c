/*
 * gate_requests.c: one request of io_uring, as the system call that does the
 * same: it crosses the gate where that call does, so that it is resolved,
 * numbered, faulted and folded as that call is.
 *
 * Which failures cut a chain off was measured on Linux 6.18 (by its sources it is
 * so since 6.0) and is held against the kernel by gate_uring_kernel_test.c: io_uring_enter(2) says that any
 * failure does. But fsync, rename, unlink, link, symlink, mkdir, fallocate,
 * ftruncate and statx only set their result (io_req_set_res() in io_uring/sync.c,
 * fs.c, truncate.c, statx.c) and do not mark the request as failed, so that what
 * is linked behind them runs all the same. A rename linked behind an fsync runs
 * where that fsync failed.
 *
 * Not modelled: fsync of a part of a file, direct descriptors, registered
 * buffers and files.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>

#include "gate_files.h"
#include "gate_uring.h"

#define OP_FTRUNCATE 55 /* IORING_OP_FTRUNCATE, Linux 6.9: newer than Debian 12's header */

enum trait {
	DONE = 1 << 0,
	ON_FILE = 1 << 1,  /* of a descriptor: a closed one is EBADF, and that fails */
	BYTES = 1 << 2,    /* less than asked for fails */
	FAILS = 1 << 3,    /* an error fails */
	PATH = 1 << 4,     /* addr is a path */
	PATH_TO = 1 << 5,  /* addr2 is one */
};

static unsigned traits_of(unsigned opcode)
{
	switch (opcode) {
	case IORING_OP_NOP:
		return DONE;
	case IORING_OP_READ:
	case IORING_OP_WRITE:
	case IORING_OP_READV:
	case IORING_OP_WRITEV:
		return DONE | ON_FILE | BYTES;
	case IORING_OP_FSYNC:
	case IORING_OP_SYNC_FILE_RANGE:
	case IORING_OP_FALLOCATE:
	case OP_FTRUNCATE:
		return DONE | ON_FILE;
	case IORING_OP_FADVISE:
		return DONE | ON_FILE | FAILS;
	case IORING_OP_CLOSE:
		return DONE | FAILS;
	case IORING_OP_OPENAT:
	case IORING_OP_OPENAT2:
		return DONE | FAILS | PATH;
	case IORING_OP_STATX:
	case IORING_OP_UNLINKAT:
	case IORING_OP_MKDIRAT:
		return DONE | PATH;
	case IORING_OP_RENAMEAT:
	case IORING_OP_LINKAT:
	case IORING_OP_SYMLINKAT:
		return DONE | PATH | PATH_TO;
	default:
		return 0;
	}
}

bool torn_uring_does(unsigned opcode)
{
	return traits_of(opcode) & DONE;
}

static bool moves_bytes(const struct io_uring_sqe *sqe)
{
	return traits_of(sqe->opcode) & BYTES;
}

static int not_done(struct torn_gate *gate, const char *what, unsigned number)
{
	torn_recorder_trouble(gate->recorder, TORN_TROUBLE_INCOMPLETE,
			      "io_uring request with %s %u, which this gate does not do", what, number);
	return -EINVAL;
}

int torn_uring_check(struct torn_gate *gate, const struct io_uring_sqe *sqe)
{
	const unsigned traits = traits_of(sqe->opcode);
	if (!(traits & DONE))
		return not_done(gate, "opcode", sqe->opcode);
	if (sqe->flags & IOSQE_BUFFER_SELECT)
		return not_done(gate, "flags", sqe->flags);
	if (sqe->flags & ~(unsigned)(IOSQE_FIXED_FILE | IOSQE_IO_DRAIN | IOSQE_IO_LINK |
				     IOSQE_IO_HARDLINK | IOSQE_ASYNC | IOSQE_CQE_SKIP_SUCCESS))
		return -EINVAL;
	if (sqe->personality) /* none is registered */
		return -EINVAL;
	if ((sqe->opcode == IORING_OP_OPENAT || sqe->opcode == IORING_OP_OPENAT2 ||
	     sqe->opcode == IORING_OP_CLOSE) && sqe->file_index)
		return not_done(gate, "direct descriptor", sqe->file_index);
	if (!(traits & BYTES) && sqe->opcode != IORING_OP_NOP &&
	    (sqe->ioprio || sqe->buf_index || sqe->file_index))
		return -EINVAL;
	if (sqe->opcode == IORING_OP_FSYNC && sqe->fsync_flags & ~IORING_FSYNC_DATASYNC)
		return -EINVAL;
	if ((sqe->flags & IOSQE_FIXED_FILE) && !(traits & ON_FILE) && sqe->opcode != IORING_OP_NOP)
		return -EBADF;
	/* Names are taken in before anything is done: getname(). */
	if (((traits & PATH) && torn_is_wild(sqe->addr)) ||
	    ((traits & PATH_TO) && torn_is_wild(sqe->addr2)))
		return -EFAULT;
	return 0;
}

/* ----------------------------------------------------------- as a system call */

/* A pipe, a terminal: bytes have no offset there, and the request's is not looked at. */
static bool is_stream(struct torn_gate *gate, int fd)
{
	const struct torn_description *description = torn_view_fd(&gate->recorder->view, fd);
	if (description && description->class == TORN_FD_OTHER)
		return torn_raw(SYS_lseek, fd, 0, SEEK_CUR) == -ESPIPE;
	return description && description->class != TORN_FD_ROOT;
}

/* Six arguments, in the order of the call. */
#define ARGUMENTS(a, b, c, d, e, f)                                                                \
	arg[0] = (uint64_t)(a), arg[1] = (uint64_t)(b), arg[2] = (uint64_t)(c),                    \
	arg[3] = (uint64_t)(d), arg[4] = (uint64_t)(e), arg[5] = (uint64_t)(f)

/*
 * The plainest call that moves these bytes so. `one` is where a vector of one
 * piece may lie, for as long as the call takes.
 */
static enum torn_call bytes_call(struct torn_gate *gate, const struct io_uring_sqe *sqe,
				 struct iovec *one, uint64_t arg[6])
{
	const bool writes = sqe->opcode == IORING_OP_WRITE || sqe->opcode == IORING_OP_WRITEV;
	const bool vector = sqe->opcode == IORING_OP_READV || sqe->opcode == IORING_OP_WRITEV;
	const bool stream = is_stream(gate, sqe->fd);
	const bool own = stream || sqe->off == UINT64_MAX;
	if (sqe->rw_flags) {
		*one = (struct iovec){torn_user(sqe->addr), sqe->len};
		ARGUMENTS(sqe->fd, vector ? sqe->addr : (uint64_t)(uintptr_t)one,
			  vector ? sqe->len : 1, own ? UINT64_MAX : sqe->off, 0, sqe->rw_flags);
		return writes ? TORN_CALL_pwritev2 : TORN_CALL_preadv2;
	}
	ARGUMENTS(sqe->fd, sqe->addr, sqe->len, own ? 0 : sqe->off, 0, 0);
	if (vector && own)
		return writes ? TORN_CALL_writev : TORN_CALL_readv;
	if (vector)
		return writes ? TORN_CALL_pwritev : TORN_CALL_preadv;
	if (own)
		return writes ? TORN_CALL_write : TORN_CALL_read;
	return writes ? TORN_CALL_pwrite64 : TORN_CALL_pread64;
}

/* Where each member of a request goes: the prep functions of io_uring/, io_uring_enter(2). */
static enum torn_call as_call(struct torn_gate *gate, const struct io_uring_sqe *sqe,
			      struct iovec *one, uint64_t arg[6])
{
	switch (sqe->opcode) {
	case IORING_OP_READ:
	case IORING_OP_WRITE:
	case IORING_OP_READV:
	case IORING_OP_WRITEV:
		return bytes_call(gate, sqe, one, arg);
	case IORING_OP_OPENAT:
		ARGUMENTS(sqe->fd, sqe->addr, sqe->open_flags, sqe->len, 0, 0);
		return TORN_CALL_openat;
	case IORING_OP_OPENAT2:
		ARGUMENTS(sqe->fd, sqe->addr, sqe->addr2, sqe->len, 0, 0);
		return TORN_CALL_openat2;
	case IORING_OP_CLOSE:
		ARGUMENTS(sqe->fd, 0, 0, 0, 0, 0);
		return TORN_CALL_close;
	case IORING_OP_FSYNC:
		ARGUMENTS(sqe->fd, 0, 0, 0, 0, 0);
		return sqe->fsync_flags & IORING_FSYNC_DATASYNC ? TORN_CALL_fdatasync : TORN_CALL_fsync;
	case IORING_OP_SYNC_FILE_RANGE:
		ARGUMENTS(sqe->fd, sqe->off, sqe->len, sqe->sync_range_flags, 0, 0);
		return TORN_CALL_sync_file_range;
	case IORING_OP_FALLOCATE:
		ARGUMENTS(sqe->fd, sqe->len, sqe->off, sqe->addr, 0, 0);
		return TORN_CALL_fallocate;
	case OP_FTRUNCATE:
		ARGUMENTS(sqe->fd, sqe->off, 0, 0, 0, 0);
		return TORN_CALL_ftruncate;
	case IORING_OP_FADVISE:
		ARGUMENTS(sqe->fd, sqe->off, sqe->len, sqe->fadvise_advice, 0, 0);
		return TORN_CALL_fadvise64;
	case IORING_OP_STATX:
		ARGUMENTS(sqe->fd, sqe->addr, sqe->statx_flags, sqe->len, sqe->addr2, 0);
		return TORN_CALL_statx;
	case IORING_OP_UNLINKAT:
		ARGUMENTS(sqe->fd, sqe->addr, sqe->unlink_flags, 0, 0, 0);
		return TORN_CALL_unlinkat;
	case IORING_OP_MKDIRAT:
		ARGUMENTS(sqe->fd, sqe->addr, sqe->len, 0, 0, 0);
		return TORN_CALL_mkdirat;
	case IORING_OP_RENAMEAT:
		ARGUMENTS(sqe->fd, sqe->addr, (int)sqe->len, sqe->addr2, sqe->rename_flags, 0);
		return TORN_CALL_renameat2;
	case IORING_OP_LINKAT:
		ARGUMENTS(sqe->fd, sqe->addr, (int)sqe->len, sqe->addr2, sqe->hardlink_flags, 0);
		return TORN_CALL_linkat;
	case IORING_OP_SYMLINKAT:
		ARGUMENTS(sqe->addr, sqe->fd, sqe->addr2, 0, 0, 0);
		return TORN_CALL_symlinkat;
	default:
		return TORN_CALL_NONE;
	}
}

/* What all of it would have been: of a vector that cannot be read nothing comes to the sum. */
static uint64_t bytes_asked(const struct io_uring_sqe *sqe)
{
	if (sqe->opcode == IORING_OP_READ || sqe->opcode == IORING_OP_WRITE)
		return sqe->len;
	uint64_t sum = 0;
	const struct iovec *iov = torn_user(sqe->addr);
	for (uint32_t i = 0; !torn_is_wild(sqe->addr) && i < sqe->len && i < UIO_MAXIOV; i++)
		sum += iov[i].iov_len;
	return sum;
}

long torn_uring_perform(struct torn_gate *gate, const struct io_uring_sqe *sqe, bool *ret_failed)
{
	const unsigned traits = traits_of(sqe->opcode);
	*ret_failed = false;
	if (sqe->opcode == IORING_OP_NOP)
		return 0;
	if (((traits & ON_FILE) && ((sqe->flags & IOSQE_FIXED_FILE) ||
				    !torn_view_fd(&gate->recorder->view, sqe->fd))) ||
	    (sqe->opcode == IORING_OP_CLOSE && torn_uring_is_ring(gate, sqe->fd))) {
		*ret_failed = true; /* io_assign_file(); io_close() */
		return -EBADF;
	}
	if (sqe->opcode == IORING_OP_FSYNC && (sqe->off || sqe->len))
		torn_recorder_trouble(gate->recorder, TORN_TROUBLE_INCOMPLETE,
				      "io_uring fsync of a part of a file, which is not modelled");
	/* Before it is done: it may write over the vector that says how much. */
	const uint64_t asked = moves_bytes(sqe) ? bytes_asked(sqe) : 0;
	struct iovec one;
	uint64_t arg[6];
	struct torn_request request;
	torn_request_decode(as_call(gate, sqe, &one, arg), arg, &request);
	const long told = torn_gate_file(gate, &request);
	*ret_failed = moves_bytes(sqe) ? told < 0 || (uint64_t)told != asked
				       : told < 0 && (traits & FAILS);
	return told;
}
