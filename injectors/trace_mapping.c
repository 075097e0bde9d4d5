/*
 * trace_mapping.c: files that a traced program stores into without a call: what
 * the file holds is held against the log's tree before each op (gate_mapping.h has
 * the rules).
 *
 * A mapping is followed to the end of the run, whether it is unmapped or not: what
 * it does not change costs a look.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gate_mapping.h"
#include "points.h"
#include "stored.h"
#include "trace_internal.h"

#define PAGE TORN_BLOCK_SIZE

void torn_trace_map(struct torn_tracer *tracer, struct torn_tracee *tracee, const struct torn_op *op,
		    uint64_t address)
{
	const struct torn_view *view = &tracer->recorder->view;
	const struct torn_request *request = &tracee->request;
	const struct torn_node *node = torn_view_node(view, op->object);
	if (!node || node->type != TORN_FILE)
		return;
	if (tracer->mappings_count == TORN_WATCHED_MAPPINGS_MAX) {
		torn_recorder_trouble(tracer->recorder, TORN_TROUBLE_INCOMPLETE,
				      "more than %u files are mapped shared and writable",
				      TORN_WATCHED_MAPPINGS_MAX);
		return;
	}
	char name[64];
	snprintf(name, sizeof name, "/proc/%d/fd/%d", tracee->tid, request->fd);
	const int fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	tracer->mappings[tracer->mappings_count++] = (struct torn_watched_mapping){
		.object = op->object,
		.tgid = tracee->tgid,
		.fd = fd,
		.address = address,
		.offset = request->arg[5],
		.size = (request->arg[1] + PAGE - 1) / PAGE * PAGE,
		.path = op->path,
	};
}

static void log_store(struct torn_tracer *tracer, const struct torn_watched_mapping *mapping, uint64_t offset,
		      struct torn_bytes bytes, bool late)
{
	struct torn_recorder *recorder = tracer->recorder;
	const struct torn_bytes path = torn_view_object_path(&recorder->view, mapping->object);
	const struct torn_op draft = {
		.call = TORN_CALL_store,
		.kind = TORN_KIND_store,
		.flags = TORN_OP_PERFORMED,
		.fd = -1,
		.how = late,
		.object = mapping->object,
		.path = path.size ? path : mapping->path,
		.offset = offset,
		.length = bytes.size,
		.data = torn_arena_copy(&recorder->arena, bytes.data, bytes.size),
		.result = (int64_t)bytes.size,
		.told = (int64_t)bytes.size,
	};
	struct torn_op *op = draft.data.data ? torn_recorder_number(recorder, &draft) : NULL;
	if (!op) {
		torn_trace_end(tracer, TORN_HUNG, TORN_HANG_OPS);
		return;
	}
	const struct torn_action action = torn_points_ask(&recorder->armed, op);
	op->fault = (uint16_t)action.fault;
	torn_recorder_done(recorder, op);
}

static uint64_t mapped_bytes(const struct torn_tracer *tracer)
{
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < tracer->mappings_count; i++)
		bytes += tracer->mappings[i].size;
	return bytes;
}

static void look_at(struct torn_tracer *tracer, const struct torn_watched_mapping *mapping, bool late)
{
	static uint8_t bytes[PAGE];
	struct torn_view *view = &tracer->recorder->view;
	for (uint64_t at = mapping->offset; at < mapping->offset + mapping->size && !tracer->is_over; at += PAGE) {
		const struct torn_node *file = torn_view_node(view, mapping->object);
		uint64_t begin, end;
		if (at >= file->size)
			return; /* beyond the end of a file nothing is stored: mmap(2), SIGBUS */
		const uint64_t size = file->size - at < PAGE ? file->size - at : PAGE;
		memset(bytes, 0, sizeof bytes);
		if (pread(mapping->fd, bytes, size, (off_t)at) >= 0 &&
		    torn_stored_in_page(file, at / PAGE, bytes, size, &begin, &end))
			log_store(tracer, mapping, at + begin,
				  (struct torn_bytes){bytes + begin, end - begin}, late);
	}
}

void torn_trace_look_at_stores(struct torn_tracer *tracer, bool thorough)
{
	if (tracer->mappings_count == 0 || tracer->is_over)
		return;
	const bool late = mapped_bytes(tracer) > TORN_MAPPED_MAX;
	for (uint32_t i = 0; i < tracer->mappings_count && (thorough || !late); i++)
		look_at(tracer, &tracer->mappings[i], late);
}

bool torn_trace_locate_msync(struct torn_tracer *tracer, const struct torn_tracee *tracee,
			     struct torn_op *ret_op)
{
	const uint64_t address = tracee->request.arg[0], length = tracee->request.arg[1];
	for (uint32_t i = 0; i < tracer->mappings_count; i++) {
		const struct torn_watched_mapping *mapping = &tracer->mappings[i];
		if (mapping->tgid != tracee->tgid || address < mapping->address ||
		    address >= mapping->address + mapping->size)
			continue;
		*ret_op = (struct torn_op){
			.call = TORN_CALL_msync,
			.kind = TORN_KIND_sync,
			.fd = -1,
			.how = (uint32_t)tracee->request.arg[2],
			.object = mapping->object,
			.path = mapping->path,
			.offset = mapping->offset + (address - mapping->address),
			.length = length,
		};
		return true;
	}
	return false;
}

void torn_trace_unmap_all(struct torn_tracer *tracer)
{
	for (uint32_t i = 0; i < tracer->mappings_count; i++)
		close(tracer->mappings[i].fd);
}

bool torn_tracer_mapped(const struct torn_tracer *tracer, torn_object object)
{
	for (uint32_t i = 0; i < tracer->mappings_count; i++)
		if (tracer->mappings[i].object == object)
			return true;
	return false;
}
