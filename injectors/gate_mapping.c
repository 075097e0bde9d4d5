/*
 * gate_mapping.c: see gate_mapping.h. The tree that the log has folded to is what
 * pages are held against: no copy of them is kept.
 *
 * Not modelled: two stores into one page between two ops as two; what a store into
 * a hole does on a full disk (SIGBUS); remapping (refused, and said).
 */
#include "gate_mapping.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "points.h"
#include "stored.h"

#define PAGE TORN_BLOCK_SIZE

/* ----------------------------------------------------------------- looking */

struct page {
	const struct torn_mapping *mapping;
	uint8_t *bytes; /* as they are now */
	uint64_t block; /* of the file */
	uint64_t size;  /* of it that belongs to the file */
};

static bool take_page(struct torn_view *view, const struct torn_mapping *mapping, uint64_t number,
		      struct page *ret_page)
{
	const struct torn_node *file = torn_view_node(view, mapping->object);
	const uint64_t at = mapping->offset + number * PAGE;
	if (number * PAGE >= mapping->size || at >= file->size)
		return false; /* beyond the end of a file nothing is stored: mmap(2), SIGBUS */
	*ret_page = (struct page){
		.mapping = mapping,
		.bytes = (uint8_t *)torn_user(mapping->address) + number * PAGE,
		.block = at / PAGE,
		.size = file->size - at < PAGE ? file->size - at : PAGE,
	};
	return true;
}

static bool stores_into(const struct torn_view *view, const struct page *page, uint64_t *ret_begin,
			uint64_t *ret_end)
{
	const struct torn_node *file = torn_view_node(view, page->mapping->object);
	return torn_stored_in_page(file, page->block, page->bytes, page->size, ret_begin, ret_end);
}

static uint64_t mapped(const struct torn_view *view)
{
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < view->mappings_count; i++)
		if (view->mappings[i].writable)
			bytes += view->mappings[i].size;
	return bytes;
}

/* ----------------------------------------------------------------- logging */

static void log_store(struct torn_gate *gate, const struct page *page, uint64_t begin, uint64_t end,
		      bool late)
{
	struct torn_recorder *recorder = gate->recorder;
	const struct torn_bytes path = torn_view_object_path(&recorder->view, page->mapping->object);
	const struct torn_op draft = {
		.call = TORN_CALL_store,
		.kind = TORN_KIND_store,
		.flags = TORN_OP_PERFORMED,
		.fd = -1,
		.how = late,
		.object = page->mapping->object,
		.path = path.size ? path : page->mapping->path,
		.offset = page->block * PAGE + begin,
		.length = end - begin,
		.data = torn_arena_copy(&recorder->arena, page->bytes + begin, end - begin),
		.result = (int64_t)(end - begin),
		.told = (int64_t)(end - begin),
	};
	struct torn_op *op = torn_recorder_number(recorder, &draft);
	if (!op) {
		recorder->view.mappings_count = 0; /* there is nothing more to be said */
		torn_gate_die(gate, TORN_HUNG, TORN_HANG_OPS);
	}
	if (!op->data.data) {
		torn_recorder_trouble(recorder, TORN_TROUBLE_INCOMPLETE,
				      "the run is larger than what torn keeps of one (%zu MiB)",
				      recorder->arena.size >> 20);
		op->result = op->told = -ENOMEM;
		return;
	}
	const struct torn_action action = torn_points_ask(&recorder->armed, op);
	op->fault = (uint16_t)action.fault;
	const bool killed = gate->kill_for_real && action.ending != TORN_ENDING_NONE;
	if (killed && action.ending == TORN_ENDING_KILL_BEFORE)
		op->flags &= ~(unsigned)TORN_OP_PERFORMED;
	if (killed && action.ending == TORN_ENDING_KILL_PART)
		op->result = op->told = (int64_t)action.ending_bytes;
	torn_recorder_done(recorder, op);
	if (killed)
		torn_gate_kill(gate);
}

bool torn_kind_wants_stores(enum torn_kind kind)
{
	return kind == TORN_KIND_sync || kind == TORN_KIND_copy || kind == TORN_KIND_clone ||
	       kind == TORN_KIND_truncate || kind == TORN_KIND_allocate;
}

void torn_gate_look_at_stores(struct torn_gate *gate, bool thorough)
{
	struct torn_view *view = &gate->recorder->view;
	if (view->mappings_count == 0)
		return;
	const bool late = mapped(view) > TORN_MAPPED_MAX;
	struct page page;
	uint64_t begin, end;
	if (late && !thorough)
		return;
	for (uint32_t i = 0; i < view->mappings_count; i++) {
		if (!view->mappings[i].writable)
			continue;
		for (uint64_t number = 0; take_page(view, &view->mappings[i], number, &page); number++)
			if (stores_into(view, &page, &begin, &end))
				log_store(gate, &page, begin, end, late);
	}
}

void torn_gate_take_back_stores(struct torn_gate *gate)
{
	struct torn_view *view = &gate->recorder->view;
	struct page page;
	uint64_t begin, end;
	for (uint32_t i = 0; i < view->mappings_count; i++) {
		if (!view->mappings[i].writable)
			continue;
		for (uint64_t number = 0; take_page(view, &view->mappings[i], number, &page); number++)
			if (stores_into(view, &page, &begin, &end))
				torn_node_read(torn_view_node(view, page.mapping->object),
					       page.block * PAGE, page.bytes, page.size);
	}
}

/* --------------------------------------------------------------- following */

static uint64_t end_of(const struct torn_mapping *mapping)
{
	return mapping->address + mapping->size;
}

static bool overlaps(const struct torn_mapping *mapping, uint64_t begin, uint64_t end)
{
	return mapping->address < end && begin < end_of(mapping);
}

static bool any_overlaps(const struct torn_view *view, uint64_t begin, uint64_t end)
{
	for (uint32_t i = 0; i < view->mappings_count; i++)
		if (overlaps(&view->mappings[i], begin, end))
			return true;
	return false;
}

static void follow(struct torn_gate *gate, const struct torn_mapping *mapping)
{
	struct torn_view *view = &gate->recorder->view;
	if (view->mappings_count == TORN_MAPPINGS_MAX)
		torn_recorder_trouble(gate->recorder, TORN_TROUBLE_INCOMPLETE,
				      "more than %u files are mapped shared and writable",
				      TORN_MAPPINGS_MAX);
	else
		view->mappings[view->mappings_count++] = *mapping;
}

/* The part of a mapping from one address to another. */
static struct torn_mapping part_of(const struct torn_mapping *mapping, uint64_t begin, uint64_t end)
{
	struct torn_mapping part = *mapping;
	part.offset += begin - mapping->address;
	part.address = begin;
	part.size = end - begin;
	return part;
}

/* Cut a range out of all mappings; `ret_parts`, where it is not NULL, gets what was cut out. */
static uint32_t cut_out(struct torn_gate *gate, uint64_t begin, uint64_t end,
			struct torn_mapping *ret_parts)
{
	struct torn_view *view = &gate->recorder->view;
	const uint32_t count = view->mappings_count;
	uint32_t parts = 0;
	static struct torn_mapping before[TORN_MAPPINGS_MAX]; /* a handler's stack is small */
	memcpy(before, view->mappings, count * sizeof *before);
	view->mappings_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		const struct torn_mapping *mapping = &before[i];
		if (!overlaps(mapping, begin, end)) {
			follow(gate, mapping);
			continue;
		}
		const uint64_t first = mapping->address > begin ? mapping->address : begin;
		const uint64_t last = end_of(mapping) < end ? end_of(mapping) : end;
		struct torn_mapping part;
		if (mapping->address < first) {
			part = part_of(mapping, mapping->address, first);
			follow(gate, &part);
		}
		if (last < end_of(mapping)) {
			part = part_of(mapping, last, end_of(mapping));
			follow(gate, &part);
		}
		if (ret_parts)
			ret_parts[parts++] = part_of(mapping, first, last);
	}
	return parts;
}

static uint64_t whole_pages(uint64_t size)
{
	return (size + PAGE - 1) / PAGE * PAGE;
}

static long pass(const struct torn_request *request)
{
	const uint64_t *arg = request->arg;
	return torn_raw(torn_call_row(request->call)->number, arg[0], arg[1], arg[2], arg[3],
			(int)arg[4], arg[5]);
}

/* mmap(2) with MAP_FIXED: what was there is unmapped. */
static long map_over(struct torn_gate *gate, const struct torn_request *request)
{
	const uint64_t begin = request->arg[0], end = begin + whole_pages(request->arg[1]);
	const bool replaces = (request->arg[3] & MAP_FIXED) &&
			      any_overlaps(&gate->recorder->view, begin, end);
	if (replaces)
		torn_gate_look_at_stores(gate, true);
	const long r = pass(request);
	if (replaces && (r >= 0 || r < -4095))
		cut_out(gate, begin, end, NULL);
	return r;
}

long torn_gate_map_other(struct torn_gate *gate, const struct torn_request *request)
{
	return map_over(gate, request);
}

/* Only what is shared and open for writing can be stored into, now or after an mprotect. */
long torn_do_map(const struct torn_doing *doing)
{
	const struct torn_request *request = doing->request;
	const struct torn_description *description = torn_view_fd(torn_doing_view(doing), request->fd);
	const struct torn_node *node = torn_view_node(torn_doing_view(doing), doing->op->object);
	const long r = map_over(doing->gate, request);
	if ((request->arg[3] & MAP_TYPE) == MAP_PRIVATE || (description->how & O_ACCMODE) != O_RDWR ||
	    (r < 0 && r >= -4095) || node->type != TORN_FILE)
		return r;
	const struct torn_mapping mapping = {
		.address = (uint64_t)r,
		.size = whole_pages(request->arg[1]),
		.object = doing->op->object,
		.offset = request->arg[5],
		.op = doing->op->number,
		.writable = request->arg[2] & PROT_WRITE,
		.path = description->path,
	};
	follow(doing->gate, &mapping);
	return r;
}

static long protect(struct torn_gate *gate, const struct torn_request *request)
{
	static struct torn_mapping parts[TORN_MAPPINGS_MAX];
	const uint64_t begin = request->arg[0], end = begin + whole_pages(request->arg[1]);
	const long r = pass(request);
	if (r < 0)
		return r;
	const uint32_t count = cut_out(gate, begin, end, parts);
	for (uint32_t i = 0; i < count; i++) {
		parts[i].writable = request->arg[2] & PROT_WRITE;
		follow(gate, &parts[i]);
	}
	return r;
}

static long refuse(struct torn_gate *gate, const char *what)
{
	torn_recorder_trouble(gate->recorder, TORN_TROUBLE_INCOMPLETE,
			      "%s of a file that is mapped shared, which is not modelled", what);
	return -EPERM;
}

long torn_gate_memory(struct torn_gate *gate, const struct torn_request *request)
{
	const uint64_t begin = request->arg[0], end = begin + whole_pages(request->arg[1]);
	if (!any_overlaps(&gate->recorder->view, begin, end))
		return pass(request);
	torn_gate_look_at_stores(gate, true);
	switch (request->call) {
	case TORN_CALL_munmap: {
		const long r = pass(request);
		if (r == 0)
			cut_out(gate, begin, end, NULL);
		return r;
	}
	case TORN_CALL_mprotect:
		return protect(gate, request);
	case TORN_CALL_mremap:
		return refuse(gate, "mremap");
	default:
		if (request->arg[2] == MADV_REMOVE)
			return refuse(gate, "madvise with MADV_REMOVE");
		return pass(request);
	}
}

bool torn_gate_locate_msync(struct torn_gate *gate, const struct torn_request *request,
			    struct torn_op *ret_op)
{
	struct torn_view *view = &gate->recorder->view;
	const uint64_t begin = request->arg[0], end = begin + whole_pages(request->arg[1]);
	const struct torn_mapping *found = NULL;
	for (uint32_t i = 0; i < view->mappings_count; i++) {
		if (!overlaps(&view->mappings[i], begin, end))
			continue;
		if (found && found->object != view->mappings[i].object)
			torn_recorder_trouble(gate->recorder, TORN_TROUBLE_INCOMPLETE,
					      "msync over several files, which is not modelled");
		found = found ? found : &view->mappings[i];
	}
	if (!found)
		return false;
	*ret_op = (struct torn_op){
		.call = TORN_CALL_msync,
		.kind = TORN_KIND_sync,
		.fd = -1,
		.how = (uint32_t)request->arg[2],
		.object = found->object,
		.path = found->path,
		.offset = found->offset + (begin > found->address ? begin - found->address : 0),
		.length = request->arg[1],
	};
	return true;
}

void torn_gate_unmap_all(struct torn_gate *gate)
{
	struct torn_view *view = &gate->recorder->view;
	for (uint32_t i = 0; i < view->mappings_count; i++)
		torn_raw(SYS_munmap, view->mappings[i].address, view->mappings[i].size);
	view->mappings_count = 0;
}

/* ------------------------------------------------------ from another process */

/* What is in a file on disk and not in the log; the process that stored it is dead. */
static void collect(struct torn_gate *gate, const struct torn_mapping *mapping)
{
	static uint8_t bytes[PAGE];
	struct torn_view *view = &gate->recorder->view;
	const struct torn_fold_link *link = torn_fold_object(&view->fold, mapping->object)->links;
	const bool late = mapped(view) > TORN_MAPPED_MAX;
	char name[256];
	if (!link || link->name.size >= sizeof name)
		return; /* it is in no tree */
	memcpy(name, link->name.data, link->name.size);
	name[link->name.size] = '\0';
	const long fd = torn_raw(SYS_openat, torn_directories_fd(gate->directories, link->dir), name,
				 O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct page page;
	uint64_t begin, end;
	for (uint64_t number = 0; fd >= 0 && take_page(view, mapping, number, &page); number++) {
		page.bytes = bytes;
		memset(bytes, 0, sizeof bytes);
		torn_raw(SYS_pread64, fd, bytes, page.size, page.block * PAGE);
		if (stores_into(view, &page, &begin, &end))
			log_store(gate, &page, begin, end, late);
	}
	if (fd >= 0)
		torn_raw(SYS_close, fd);
}

void torn_gate_collect_stores(struct torn_gate *gate)
{
	struct torn_view *view = &gate->recorder->view;
	for (uint32_t i = 0; i < view->mappings_count; i++)
		if (view->mappings[i].writable)
			collect(gate, &view->mappings[i]);
	view->mappings_count = 0;
}
