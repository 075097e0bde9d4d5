/* device_cuts.c: see device_cuts.h. */
#include "device_cuts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "log.h"
#include "lot.h"

#define WRITES_MAX 4096u /* between two flushes */
#define SECTORS_A_PAGE (TORN_DEVICE_PAGE / TORN_DEVICE_SECTOR)

/* The writes between two flushes, by their numbers on the tape. */
struct epoch {
	uint32_t given;  /* requests before it: all of them, the flush too, are there */
	uint32_t end;    /* of the flush that ends it, or where the tape ends */
	uint32_t writes[WRITES_MAX];
	uint32_t count;
	bool is_cut_off; /* it has more */
};

struct search {
	struct torn_device *device;
	struct torn_arena *arena;
	const struct torn_device_how *how;
	torn_device_visit *visit;
	void *context;
	struct torn_device_count *count;
	uint32_t last_moment;
	struct epoch epoch;
	uint32_t pairs; /* looked at so far */
	uint64_t random;
	bool only_counts; /* what there is, to draw from it */
	uint64_t there;
	struct torn_lot lot;
	bool is_over;
	char *message;
	size_t message_size;
};

static bool is_lost(const struct torn_device_cut *cut, uint32_t request)
{
	for (uint32_t i = 0; i < cut->losses_count; i++)
		if (cut->losses[i].request == request && cut->losses[i].sectors == 0)
			return true;
	return false;
}

/* When the last request that is there came. */
static uint32_t first_moment(const struct search *search, const struct torn_device_cut *cut)
{
	for (uint32_t i = cut->given; i-- > 0;)
		if (!is_lost(cut, i))
			return torn_device_request(search->device, i)->mark;
	return 0;
}

/* The flush that ends the epoch makes durable what is lost here. */
static uint32_t end_moment(const struct search *search)
{
	const uint32_t end = search->epoch.end;
	return end < torn_device_requests_count(search->device) ? torn_device_request(search->device, end)->mark
								 : search->last_moment;
}

/* Is this one looked at? Counts it. */
static bool is_wanted(struct search *search)
{
	search->there++;
	return !search->only_counts && (search->how->cuts_max == 0 || torn_lot_draws(&search->lot));
}

static int look(struct search *search, const struct torn_device_cut *cut)
{
	char why[160];
	struct torn_device_state state = {
		.cut = cut, .why = why, .first = first_moment(search, cut), .end = end_moment(search)};
	if (search->is_over || state.end < search->how->from || !is_wanted(search))
		return 0;
	if (state.first < search->how->from)
		state.first = search->how->from;
	const size_t mark = torn_arena_mark(search->arena);
	int r = torn_device_look(search->device, cut, search->arena, &state.tree, why, sizeof why);
	if (r == 0) {
		search->count->cuts++;
		search->count->unmountable += !state.tree;
		search->is_over = !search->visit(search->context, &state);
	} else {
		snprintf(search->message, search->message_size, "%s", why[0] ? why : strerror(-r));
	}
	torn_arena_return(search->arena, mark);
	return r;
}

static uint32_t pages_of(const struct search *search, uint32_t request)
{
	return torn_device_request(search->device, request)->size / TORN_DEVICE_PAGE;
}

/* All that came first, and no more. */
static int look_at_prefixes(struct search *search)
{
	const struct epoch *epoch = &search->epoch;
	struct torn_device_cut cut = {.given = epoch->given};
	int r = look(search, &cut);
	for (uint32_t i = 0; r == 0 && i < epoch->count; i++) {
		cut.given = epoch->writes[i] + 1;
		r = look(search, &cut);
	}
	return r;
}

/*
 * The last one that the device was given is torn; then one that others came behind of. Between pages, as the model
 * has data by blocks: what file systems write of their own is a page or has a checksum.
 */
static int look_at_torn(struct search *search)
{
	const struct epoch *epoch = &search->epoch;
	int r = 0;
	for (uint32_t i = 0; r == 0 && i < epoch->count; i++) {
		const uint32_t pages = pages_of(search, epoch->writes[i]);
		if (pages < 2)
			continue;
		struct torn_device_cut cut = {.given = epoch->writes[i] + 1, .losses_count = 1};
		cut.losses[0] = (struct torn_device_loss){epoch->writes[i], SECTORS_A_PAGE};
		r = look(search, &cut);
		cut.losses[0].sectors = pages / 2 * SECTORS_A_PAGE;
		if (r == 0 && pages > 3)
			r = look(search, &cut);
		cut.given = epoch->writes[epoch->count - 1] + 1;
		if (r == 0 && i + 1 < epoch->count)
			r = look(search, &cut);
	}
	return r;
}

/* One is lost, all others are there: the last one's is a prefix. */
static int look_without_one(struct search *search)
{
	const struct epoch *epoch = &search->epoch;
	int r = 0;
	for (uint32_t i = 0; r == 0 && i + 1 < epoch->count; i++) {
		struct torn_device_cut cut = {.given = epoch->writes[epoch->count - 1] + 1, .losses_count = 1};
		cut.losses[0] = (struct torn_device_loss){epoch->writes[i], 0};
		r = look(search, &cut);
	}
	return r;
}

/* One is there, all others are lost: the first one's is a prefix, the second one's lacks one. */
static int look_at_one(struct search *search)
{
	const struct epoch *epoch = &search->epoch;
	int r = 0;
	for (uint32_t i = 1; r == 0 && i < epoch->count && i <= TORN_DEVICE_LOSSES_MAX; i++) {
		struct torn_device_cut cut = {.given = epoch->writes[i] + 1, .losses_count = i};
		if (epoch->count == 2)
			break;
		for (uint32_t j = 0; j < i; j++)
			cut.losses[j] = (struct torn_device_loss){epoch->writes[j], 0};
		r = look(search, &cut);
	}
	return r;
}

static uint64_t draw(struct search *search)
{
	search->random ^= search->random << 13;
	search->random ^= search->random >> 7;
	search->random ^= search->random << 17;
	return search->random;
}

/* Two are lost. Where there are too many of them for what is left: by lot. */
static int look_without_two(struct search *search)
{
	const struct epoch *epoch = &search->epoch;
	const uint64_t all = epoch->count < 3 ? 0 : (uint64_t)epoch->count * (epoch->count - 1) / 2;
	const uint32_t left = search->how->pairs_max > search->pairs ? search->how->pairs_max - search->pairs : 0;
	int r = 0;
	if (all > left)
		search->count->all = false;
	for (uint32_t i = 0; r == 0 && all > 0 && i < epoch->count; i++) {
		for (uint32_t j = i + 1; r == 0 && j < epoch->count; j++) {
			if (all > left && (left == 0 || draw(search) % all >= left))
				continue;
			struct torn_device_cut cut = {.given = epoch->writes[epoch->count - 1] + 1, .losses_count = 2};
			cut.losses[0] = (struct torn_device_loss){epoch->writes[i], 0};
			cut.losses[1] = (struct torn_device_loss){epoch->writes[j], 0};
			search->pairs++;
			r = look(search, &cut);
		}
	}
	return r;
}

static void read_epoch(struct search *search, uint32_t given)
{
	struct epoch *epoch = &search->epoch;
	const uint32_t count = torn_device_requests_count(search->device);
	epoch->given = given;
	epoch->count = 0;
	epoch->is_cut_off = false;
	for (epoch->end = given; epoch->end < count; epoch->end++) {
		if (!torn_device_writes(torn_device_request(search->device, epoch->end)))
			return;
		if (epoch->count == WRITES_MAX)
			epoch->is_cut_off = true;
		else
			epoch->writes[epoch->count++] = epoch->end;
	}
}

/* Go through all cuts of the tape, of which some are looked at. */
static int walk(struct search *search)
{
	static int (*const kinds[])(struct search *) = {look_at_prefixes, look_at_torn, look_without_one, look_at_one,
							look_without_two};
	const uint32_t all = torn_device_requests_count(search->device);
	int r = 0;
	search->random = search->how->seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
	search->pairs = 0;
	search->there = 0;
	for (uint32_t given = 0; r == 0 && given <= all; given = search->epoch.end + 1) {
		read_epoch(search, given);
		search->count->all &= !search->epoch.is_cut_off;
		/* what the mount alone asked for was durable before the run */
		if (search->epoch.end < torn_device_requests_begin(search->device))
			continue;
		for (size_t i = 0; r == 0 && i < sizeof kinds / sizeof *kinds; i++)
			r = kinds[i](search);
	}
	return r;
}

/* Count them all, which takes no time beside a single mount, and draw from so many. */
static void begin_lot(struct search *search)
{
	const struct torn_device_how *how = search->how;
	search->only_counts = true;
	walk(search);
	search->only_counts = false;
	search->lot = (struct torn_lot){.dice = {how->seed}, .there = search->there, .wanted = how->cuts_max};
	search->count->all &= search->there <= how->cuts_max;
}

int torn_device_states(struct torn_device *device, struct torn_arena *arena, uint32_t ops,
		       const struct torn_device_how *how, torn_device_visit *visit, void *context,
		       struct torn_device_count *count, char *ret_message, size_t size)
{
	struct search search = {.device = device,
				.arena = arena,
				.how = how,
				.visit = visit,
				.context = context,
				.count = count,
				.last_moment = torn_device_last_moment(ops),
				.message = ret_message,
				.message_size = size};
	if (how->cuts_max > 0)
		begin_lot(&search);
	const int r = walk(&search);
	count->there += search.there;
	return r;
}

int torn_device_state_of(struct torn_device *device, struct torn_arena *arena, uint32_t ops,
			 const struct torn_device_cut *cut, struct torn_device_state *ret_state, char *ret_why, size_t size)
{
	struct search search = {.device = device, .last_moment = torn_device_last_moment(ops)};
	*ret_state = (struct torn_device_state){.cut = cut, .why = ret_why};
	const int r = torn_device_look(device, cut, arena, &ret_state->tree, ret_why, size);
	if (r < 0)
		return r;
	for (uint32_t given = 0; given <= cut->given; given = search.epoch.end + 1)
		read_epoch(&search, given);
	ret_state->first = first_moment(&search, cut);
	ret_state->end = end_moment(&search);
	return 0;
}

/* ----------------------------------------------------------------- commits */

static bool cuts_off(const struct torn_op *op)
{
	return op->kind == TORN_KIND_truncate || (op->kind == TORN_KIND_open && op->how & O_TRUNC);
}

static bool was_cut_off(const struct torn_log *log, uint32_t end, torn_object object)
{
	for (uint32_t i = 0; i < end; i++)
		if (cuts_off(&log->ops[i]) && log->ops[i].object == object)
			return true;
	return false;
}

bool torn_device_commit_matters(const struct torn_log *log, uint32_t index)
{
	const struct torn_op *op = &log->ops[index];
	if (op->number == 0)
		return false;
	switch (op->kind) {
	case TORN_KIND_sync:
		return op->call == TORN_CALL_sync_file_range;
	case TORN_KIND_close:
		return was_cut_off(log, index, op->object);
	case TORN_KIND_runtime:
		return false; /* of no disk */
	default:
		return torn_op_changes(op);
	}
}
