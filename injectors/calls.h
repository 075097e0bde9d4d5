/*
 * calls.h: the table of calls, and the decoder that both gates share.
 */
#ifndef TORN_CALLS_H
#define TORN_CALLS_H

#include "../fuzz/torn.h"

enum torn_class {
	TORN_CLASS_UNKNOWN, /* not in calls.def */
	TORN_CLASS_FILE,
	TORN_CLASS_VIRTUAL,
	TORN_CLASS_PASS,
	TORN_CLASS_PROCESS,
	TORN_CLASS_RUNTIME,
	TORN_CLASS_REFUSED,
};

struct torn_call_row {
	const char *name, *signature;
	uint16_t number;
	uint8_t kind, class;
};

/* Return the row of a call; calls.def says what its members mean. */
const struct torn_call_row *torn_call_row(enum torn_call call);
/* Return the call of a system call number of x86-64; TORN_CALL_NONE for one that calls.def lacks. */
enum torn_call torn_call_numbered(long number);
/* libfiu's name of a kind's point. */
const char *torn_kind_point(enum torn_kind kind);

/*
 * A call as its registers say it, before anything was read from the caller's
 * memory: addresses are the caller's. What a call has not got is 0, -1 for
 * descriptors.
 */
struct torn_request {
	enum torn_call call;
	enum torn_kind kind;
	uint64_t arg[6];
	int dirfd, dirfd_to; /* AT_FDCWD where the call has none */
	int fd, fd_to;
	uint64_t path, path_to, text, xattr; /* addresses of strings, or 0 */
	bool has_path, has_path_to, has_offset;
	uint64_t buffer, size; /* address and bytes */
	uint64_t iov, iov_count;
	uint64_t offset, length;
	uint32_t how, mode, uid, gid;
};

/* Take a call apart by its signature. A struct open_how is left to the gate. */
void torn_request_decode(enum torn_call call, const uint64_t arg[6],
			 struct torn_request *ret_request);

/*
 * Refuse what Linux refuses by the arguments alone, before any lookup: unknown
 * flags, an attribute's name of no length. Drops the open flags that open(2)
 * drops. Returns 0 or -errno.
 */
int torn_request_check(struct torn_request *request, struct torn_bytes xattr);

/* ----------------------------------------------------------------- errnos */

/* When an errno can come: errnos.def. */
enum torn_errno_when {
	TORN_WHEN_ALWAYS,
	TORN_WHEN_CREATES,
	TORN_WHEN_WRITES,
	TORN_WHEN_TMPFILE,
	TORN_WHEN_EXTENDS,
	TORN_WHEN_FLAGGED,
	TORN_WHEN_CLONES,
	TORN_WHEN_LATE,
	TORN_WHEN_EINTR,
	TORN_WHEN_RUNTIME,
};

struct torn_errno_row {
	enum torn_call call;
	int number;
	enum torn_errno_when when;
	const char *source; /* man page section, paper or place in the kernel */
};

/* All rows, and how many: grouped by call. */
const struct torn_errno_row *torn_errno_rows(size_t *ret_count);
/* Can Linux return this errno for this op, refusing it (or late, or as EINTR)? */
bool torn_errno_applies(const struct torn_errno_row *row, const struct torn_op *op);

#endif
