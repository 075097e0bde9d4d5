/* placing.c: see placing.h. */
#include "placing.h"

#include <errno.h>
#include <stdlib.h>

struct place {
	struct torn_placing *placing;
	const struct torn_plan *prefix;
	const struct torn_op *op;
	size_t first_of_op;
	struct torn_fault fault;
	enum torn_list list;
	bool power;
	unsigned classes_taken; /* bounded: bit of each errno class that the op has already */
};

/* ------------------------------------------------------------------ groups */

/* What the op is told first under a fault: where it is the same, all that follows may be. */
static int64_t told_first(const struct torn_fault *fault)
{
	switch (fault->name) {
	case TORN_FAULT_ERRNO:
	case TORN_FAULT_STICKY:
		return fault->value;
	case TORN_FAULT_FULL:
		return ENOSPC;
	case TORN_FAULT_EINTR:
		return EINTR;
	default: /* nothing else is like these, nor like one another */
		return ((int64_t)fault->name << 56) + fault->value;
	}
}

static const struct torn_fault *placed_fault(const struct torn_placed *placed)
{
	return &placed->plan.faults[placed->plan.faults_count - 1];
}

static uint32_t group_of(struct place *place)
{
	const struct torn_placing *placing = place->placing;
	for (size_t i = place->first_of_op; i < placing->count; i++)
		if (told_first(placed_fault(&placing->items[i])) == told_first(&place->fault))
			return placing->items[i].group;
	return place->placing->groups++;
}

/* ----------------------------------------------------------------- placing */

static bool is_there(const struct place *place)
{
	const struct torn_placing *placing = place->placing;
	for (size_t i = placing->count; i-- > place->first_of_op;) {
		const struct torn_fault *other = placed_fault(&placing->items[i]);
		if (other->name == place->fault.name && other->value == place->fault.value)
			return true; /* two conditions can give one errno */
	}
	return false;
}

static void append(struct place *place)
{
	struct torn_placing *placing = place->placing;
	if (is_there(place))
		return;
	if (placing->count == placing->room) {
		const size_t room = placing->room ? placing->room * 2 : 64;
		struct torn_placed *items = realloc(placing->items, room * sizeof *items);
		if (!items) {
			placing->lost = true;
			return;
		}
		placing->items = items;
		placing->room = room;
	}
	const uint32_t group = group_of(place);
	struct torn_placed *placed = &placing->items[placing->count++];
	*placed = (struct torn_placed){.plan = *place->prefix, .group = group};
	placed->plan.faults[placed->plan.faults_count++] = place->fault;
}

/* As long as the power stays on, data that is lost is like data that is pending. */
static bool shows(const struct place *place, int64_t value)
{
	return place->power || place->fault.name != TORN_FAULT_FSYNC ||
	       torn_fsync_manner(value) != TORN_FSYNC_LOST;
}

static void append_any(void *context, int64_t value)
{
	struct place *place = context;
	place->fault.value = value;
	if (shows(place, value))
		append(place);
}

/* The first errno of each class stands for the class; errnos.def has the common ones first. */
static void append_class(void *context, int64_t value)
{
	struct place *place = context;
	const unsigned bit = 1u << torn_errno_class((int)value);
	if (bit == 1u << TORN_ERRNO_OTHER || (place->classes_taken & bit))
		return;
	place->classes_taken |= bit;
	append_any(place, value);
}

static void append_first(void *context, int64_t value)
{
	struct place *place = context;
	if (place->classes_taken || !shows(place, value))
		return;
	place->classes_taken = 1;
	append_any(place, value);
}

/* Of 1, half and all but one: half, that is the second where there are two. */
static void remember(void *context, int64_t value)
{
	struct place *place = context;
	if (place->classes_taken++ < 2)
		place->fault.value = value;
}

static void place_bounded(struct place *place, const struct torn_fault_row *row, uint64_t handled)
{
	place->classes_taken = 0;
	switch (place->fault.name) {
	case TORN_FAULT_ERRNO:
		row->values(place->op, handled, append_class, place);
		if (!place->classes_taken) /* it fails in none of these ways: then in its own */
			row->values(place->op, handled, append_first, place);
		return;
	case TORN_FAULT_FULL:
	case TORN_FAULT_LATE:
	case TORN_FAULT_SIGNAL:
	case TORN_FAULT_FSYNC:
		row->values(place->op, handled, append_first, place);
		return;
	case TORN_FAULT_SHORT:
		row->values(place->op, handled, remember, place);
		if (place->classes_taken)
			append(place);
		return;
	default:
		return;
	}
}

static void place_at(struct place *place, uint64_t handled)
{
	const struct torn_op *op = place->op;
	place->first_of_op = place->placing->count;
	for (unsigned name = 0; name < TORN_FAULT_COUNT; name++) {
		const struct torn_fault_row *row = torn_fault_row(name);
		place->fault = (struct torn_fault){
			.when = {op->number, op->number, 0}, .call = op->call, .name = name};
		if (!row->values)
			continue;
		if (place->list == TORN_LIST_FULL)
			row->values(op, handled, append_any, place);
		else
			place_bounded(place, row, handled);
	}
}

int torn_place(const struct torn_plan *prefix, const struct torn_log *log, uint32_t after,
	       enum torn_list list, bool power, struct torn_placing *ret_placing)
{
	*ret_placing = (struct torn_placing){0};
	if (prefix->faults_count == TORN_FAULTS_MAX)
		return 0;
	struct place place = {.placing = ret_placing, .prefix = prefix, .list = list, .power = power};
	for (uint32_t i = 0; i < log->count; i++) {
		place.op = &log->ops[i];
		if (place.op->number > after && place.op->fault == 0)
			place_at(&place, log->handled);
	}
	return ret_placing->lost ? -ENOMEM : 0;
}

void torn_placing_close(struct torn_placing *placing)
{
	free(placing->items);
	*placing = (struct torn_placing){0};
}

void torn_placing_mark_alike(struct torn_placing *placing, size_t ran, const struct torn_log *log)
{
	const struct torn_placed *done = &placing->items[ran];
	const uint32_t number = placed_fault(done)->when.first;
	for (size_t i = ran + 1; i < placing->count; i++) {
		struct torn_placed *other = &placing->items[i];
		if (placed_fault(other)->when.first != number)
			break;
		if (other->group == done->group && !other->run_alike)
			other->run_alike = torn_plans_decide_alike(log, &done->plan, &other->plan);
	}
}
