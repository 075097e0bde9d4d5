/* calls.c: calls.def and errnos.def as tables, and the decoder over them. */
#include "calls.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

static const struct torn_call_row rows[TORN_CALL_COUNT] = {
	[TORN_CALL_NONE] = {.name = "none", .signature = ""},
#define CALL(call_name, call_number, call_kind, call_signature, call_class)                        \
	[TORN_CALL_##call_name] = {                                                                \
		.name = #call_name,                                                                \
		.signature = call_signature,                                                       \
		.number = call_number,                                                             \
		.kind = TORN_KIND_##call_kind,                                                     \
		.class = TORN_CLASS_##call_class,                                                  \
	},
#include "calls.def"
};

#define NUMBERS_MAX 512

static const uint16_t by_number[NUMBERS_MAX] = {
#define CALL(call_name, call_number, ...) [call_number] = TORN_CALL_##call_name,
#include "calls.def"
};

static const struct {
	const char *name, *point;
} kinds[TORN_KIND_COUNT] = {
#define KIND(kind_name, kind_point) [TORN_KIND_##kind_name] = {#kind_name, kind_point},
#include "calls.def"
};

static bool is_text(struct torn_bytes bytes, const char *text)
{
	return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

const struct torn_call_row *torn_call_row(enum torn_call call)
{
	return &rows[call];
}

const char *torn_call_name(enum torn_call call)
{
	return rows[call].name;
}

enum torn_kind torn_call_kind(enum torn_call call)
{
	return rows[call].kind;
}

enum torn_call torn_call_named(struct torn_bytes name)
{
	for (unsigned call = TORN_CALL_NONE + 1; call < TORN_CALL_COUNT; call++)
		if (is_text(name, rows[call].name))
			return (enum torn_call)call;
	return TORN_CALL_NONE;
}

enum torn_call torn_call_numbered(long number)
{
	return number >= 0 && number < NUMBERS_MAX ? by_number[number] : TORN_CALL_NONE;
}

const char *torn_kind_name(enum torn_kind kind)
{
	return kinds[kind].name;
}

const char *torn_kind_point(enum torn_kind kind)
{
	return kinds[kind].point;
}

/* ------------------------------------------------------ errnos and signals */

struct numbered_name {
	int number;
	const char *name;
};

static const struct numbered_name errno_names[] = {
#define NUMBER(name) {name, #name},
#define SIGNAL(name)
#include "errnos_numbers.def"
};

static const struct numbered_name signal_names[] = {
#define NUMBER(name)
#define SIGNAL(name) {SIG##name, #name},
#include "errnos_numbers.def"
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

static const char *name_in(const struct numbered_name *table, size_t count, int number)
{
	for (size_t i = 0; i < count; i++)
		if (table[i].number == number)
			return table[i].name;
	return NULL;
}

static int number_in(const struct numbered_name *table, size_t count, struct torn_bytes name)
{
	for (size_t i = 0; i < count; i++)
		if (is_text(name, table[i].name))
			return table[i].number;
	return 0;
}

const char *torn_errno_name(int number)
{
	return name_in(errno_names, COUNT(errno_names), number);
}

int torn_errno_named(struct torn_bytes name)
{
	return number_in(errno_names, COUNT(errno_names), name);
}

const char *torn_signal_name(int number)
{
	return name_in(signal_names, COUNT(signal_names), number);
}

int torn_signal_named(struct torn_bytes name)
{
	return number_in(signal_names, COUNT(signal_names), name);
}

static const struct torn_errno_row errno_rows[] = {
#define ERRNO(call_name, errno_number, errno_when, errno_source)                                   \
	{TORN_CALL_##call_name, errno_number, TORN_WHEN_##errno_when, errno_source},
#include "errnos.def"
};

const struct torn_errno_row *torn_errno_rows(size_t *ret_count)
{
	*ret_count = COUNT(errno_rows);
	return errno_rows;
}

/* A name that leads nowhere: the lookup can fail in other ways, what comes after it cannot. */
static bool comes_before_absence(int number)
{
	return number == EACCES || number == EIO || number == ENOMEM || number == EMFILE ||
	       number == ENFILE || number == EINTR;
}

static bool can_be_of_runtime(const struct torn_errno_row *row, const struct torn_op *op)
{
	if (op->kind == TORN_KIND_runtime)
		return (row->when == TORN_WHEN_RUNTIME || row->when == TORN_WHEN_EINTR) &&
		       (op->result >= 0 || comes_before_absence(row->number));
	return row->number == EACCES || row->number == ENOMEM || row->number == EMFILE ||
	       row->number == ENFILE || (row->number == EROFS && op->kind == TORN_KIND_open);
}

bool torn_errno_applies(const struct torn_errno_row *row, const struct torn_op *op)
{
	if (row->call != op->call)
		return false;
	/* What is no disk's fails for reasons of its own. */
	if ((op->flags & TORN_OP_RUNTIME) && !can_be_of_runtime(row, op))
		return false;
	if (op->call == TORN_CALL_msync && !(op->how & MS_SYNC))
		return false; /* it only looks at the range: msync(2) */
	if (op->kind == TORN_KIND_stat && op->fd >= 0 && op->call != TORN_CALL_fstatfs)
		return false; /* what is open is in memory: errnos.def */
	if (op->object == 0 && !(op->flags & TORN_OP_CREATES) && op->path.size > 0 &&
	    op->kind != TORN_KIND_point && !comes_before_absence(row->number))
		return false;
	switch (row->when) {
	case TORN_WHEN_ALWAYS:
	case TORN_WHEN_EINTR:
		return true;
	case TORN_WHEN_RUNTIME:
		return op->kind == TORN_KIND_runtime;
	case TORN_WHEN_LATE:
		/* close reports what writing back met: nothing was written through this one. */
		return row->number == EINTR || (op->how & O_ACCMODE) != O_RDONLY;
	case TORN_WHEN_CREATES:
		return op->flags & TORN_OP_CREATES;
	case TORN_WHEN_WRITES:
		if (row->number == ETXTBSY && (op->flags & TORN_OP_CREATES))
			return false; /* nobody executes what is not there yet */
		return (op->how & O_ACCMODE) != O_RDONLY || (op->how & O_TRUNC);
	case TORN_WHEN_TMPFILE:
		return (op->how & O_TMPFILE) == O_TMPFILE;
	case TORN_WHEN_EXTENDS:
		return op->flags & TORN_OP_EXTENDS;
	case TORN_WHEN_FLAGGED:
		return op->how != 0;
	case TORN_WHEN_CLONES:
		return op->kind == TORN_KIND_clone;
	}
	return false;
}

/* ---------------------------------------------------------------- decoder */

void torn_request_decode(enum torn_call call, const uint64_t arg[6],
			 struct torn_request *ret_request)
{
	struct torn_request request = {
		.call = call,
		.kind = rows[call].kind,
		.dirfd = AT_FDCWD,
		.dirfd_to = AT_FDCWD,
		.fd = -1,
		.fd_to = -1,
	};
	memcpy(request.arg, arg, sizeof request.arg);
	const char *signature = rows[call].signature;
	for (size_t i = 0; signature[i] != '\0'; i++) {
		const uint64_t value = arg[i];
		switch (signature[i]) {
		case 'd': request.dirfd = (int)value; break;
		case 'D': request.dirfd_to = (int)value; break;
		case 'p': request.path = value; request.has_path = true; break;
		case 'P': request.path_to = value; request.has_path_to = true; break;
		case 't': request.text = value; break;
		case 'x': request.xattr = value; break;
		case 'f': request.fd = (int)value; break;
		case 'g': request.fd_to = (int)value; break;
		case 'b': request.buffer = value; break;
		case 'n': request.size = value; break;
		case 'v': request.iov = value; break;
		case 'c': request.iov_count = value; break;
		case 'o': request.offset = value; request.has_offset = true; break;
		case 'z': request.length = value; break;
		case 'F': request.how = (uint32_t)value; break;
		case 'm': request.mode = (uint32_t)value; break;
		case 'u': request.uid = (uint32_t)value; break;
		case 'i': request.gid = (uint32_t)value; break;
		default: break;
		}
	}
	*ret_request = request;
}
