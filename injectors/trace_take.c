/* trace_take.c: a call as it stands in the memory of who makes it: trace_internal.h. */
#include <errno.h>
#include <linux/openat2.h>
#include <sys/uio.h>

#include "trace_internal.h"

#define IOV_MAX_TAKEN UIO_MAXIOV

/* Of the call at hand: one at a time is looked at. */
static struct iovec taken[IOV_MAX_TAKEN];

void torn_trace_no_room(struct torn_tracer *tracer)
{
	torn_recorder_trouble(tracer->recorder, TORN_TROUBLE_INCOMPLETE,
			      "the run is larger than what torn keeps of one (%zu MiB)",
			      tracer->recorder->arena.size >> 20);
}


int torn_trace_take_vector(const struct torn_tracee *tracee, struct torn_request *request)
{
	if (!request->iov)
		return 0;
	if (request->iov_count > UIO_MAXIOV)
		return -EINVAL;
	const size_t size = request->iov_count * sizeof *taken;
	if (torn_tracee_read(tracee, request->iov, taken, size) != size)
		return -EFAULT;
	request->length = 0;
	for (uint64_t i = 0; i < request->iov_count; i++) {
		if (taken[i].iov_len > (uint64_t)INT64_MAX - request->length)
			return -EINVAL;
		request->length += taken[i].iov_len;
	}
	request->size = request->length;
	return 0;
}

/* The bytes of a write, which the log keeps. Returns 0; -EFAULT; -ENOMEM. */
int torn_trace_take_bytes(struct torn_tracer *tracer, const struct torn_tracee *tracee, uint64_t size,
		      struct torn_bytes *ret_bytes)
{
	const struct torn_request *request = &tracee->request;
	uint8_t *to = torn_arena_take(&tracer->recorder->arena, size + 1);
	if (!to) {
		torn_trace_no_room(tracer);
		return -ENOMEM;
	}
	size_t got = 0;
	if (!request->iov)
		got = size ? torn_tracee_read(tracee, request->buffer, to, size) : 0;
	for (uint64_t i = 0; request->iov && i < request->iov_count && got < size; i++) {
		const size_t part = taken[i].iov_len < size - got ? taken[i].iov_len : size - got;
		if (torn_tracee_read(tracee, (uint64_t)(uintptr_t)taken[i].iov_base, to + got, part) != part)
			break;
		got += part;
	}
	*ret_bytes = (struct torn_bytes){to, got};
	return got == size ? 0 : -EFAULT;
}

int torn_trace_take_open_how(const struct torn_tracee *tracee, struct torn_request *request)
{
	struct open_how how;
	if (request->call != TORN_CALL_openat2)
		return 0;
	if (torn_tracee_read(tracee, request->arg[2], &how, sizeof how) != sizeof how)
		return -EFAULT;
	request->how = (uint32_t)how.flags;
	request->mode = (uint32_t)how.mode;
	return 0;
}

static int take_string(struct torn_tracer *tracer, const struct torn_tracee *tracee, bool there,
		       uint64_t address, struct torn_bytes *ret_string)
{
	*ret_string = (struct torn_bytes){(const uint8_t *)"", 0};
	return there ? torn_tracee_string(tracee, address, &tracer->recorder->arena, ret_string) : 0;
}

int torn_trace_take_strings(struct torn_tracer *tracer, const struct torn_tracee *tracee,
			struct torn_strings *ret_strings)
{
	const struct torn_request *request = &tracee->request;
	const bool no_path = (request->call == TORN_CALL_utimensat ||
			      request->call == TORN_CALL_futimesat) && request->path == 0;
	const bool may_lack = request->kind == TORN_KIND_runtime; /* mount(2): what a remount does not need */
	int r = take_string(tracer, tracee, request->has_path && !no_path, request->path,
			    &ret_strings->path);
	if (r == 0)
		r = take_string(tracer, tracee, may_lack ? request->path_to != 0 : request->has_path_to, request->path_to,
				&ret_strings->path_to);
	if (r == 0)
		r = take_string(tracer, tracee, may_lack ? request->text != 0 : request->kind == TORN_KIND_symlink,
				request->text, &ret_strings->text);
	if (r == 0)
		r = take_string(tracer, tracee, request->xattr != 0, request->xattr, &ret_strings->xattr);
	return r;
}

/* Have the kernel move at most `limit` bytes. */
void torn_trace_limit_bytes(struct torn_tracee *tracee, uint64_t limit)
{
	struct user_regs_struct registers = tracee->registers;
	const struct torn_request *request = &tracee->request;
	if (request->iov) {
		const uint64_t at = torn_tracee_scratch(tracee, request->iov_count * sizeof *taken);
		uint64_t left = limit, count = 0;
		for (; count < request->iov_count && left > 0; count++) {
			if (taken[count].iov_len > left)
				taken[count].iov_len = left;
			left -= taken[count].iov_len;
		}
		if (!torn_tracee_write(tracee, at, taken, count * sizeof *taken))
			return;
		registers.rsi = at;
		registers.rdx = count;
	} else if (request->call == TORN_CALL_sendfile) {
		registers.r10 = limit;
	} else if (request->kind == TORN_KIND_copy) {
		registers.r8 = limit;
	} else {
		registers.rdx = limit;
	}
	tracee->changed = true;
	torn_tracee_set(tracee, &registers);
}
