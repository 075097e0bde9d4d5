/*
 * mutate_faults.c: one fault more, less, elsewhere or another. Where the log of
 * the last run is known each is legal for the call that it stands at.
 */
#include <string.h>

#include "../injectors/faults.h"
#include "mutate.h"

/* Few: what a plan of many faults shows is mostly what one of them shows. */
#define FAULTS_WANTED 3u

/* One of what a fault can be at an op, each as likely: reservoir sampling. */
struct draw {
	struct torn_dice *dice;
	uint32_t seen;
	int64_t value;
};

static void draw_value(void *context, int64_t value)
{
	struct draw *draw = context;
	if (torn_dice_below(draw->dice, ++draw->seen) == 0)
		draw->value = value;
}

/* Choose what goes wrong at an op: a kind of fault first, then its value. */
static bool choose_fault(struct torn_mutation *mutation, const struct torn_op *op,
			 struct torn_fault *ret_fault)
{
	struct torn_dice *dice = &mutation->dice;
	for (unsigned attempts = 0; attempts < 12; attempts++) {
		const enum torn_fault_name name = torn_dice_below(dice, TORN_FAULT_COUNT);
		const struct torn_fault_row *row = torn_fault_row(name);
		struct draw draw = {.dice = dice};
		if (name == TORN_FAULT_KILL || !row->values)
			continue;
		row->values(op, mutation->log->handled, draw_value, &draw);
		if (draw.seen == 0)
			continue;
		*ret_fault = (struct torn_fault){
			.when = {op->number, op->number, 0},
			.call = op->call,
			.name = name,
			.value = draw.value,
		};
		return true;
	}
	return false;
}

/* Two would be at one op: only the first of them could act. */
static bool is_taken(const struct torn_plan *plan, uint32_t number)
{
	for (uint32_t i = 0; i < plan->faults_count; i++)
		if (plan->faults[i].when.first == number)
			return true;
	return false;
}

/* An op that no fault stands at, two times in three behind the last fault. NULL: none was found. */
static const struct torn_op *choose_op(struct torn_mutation *mutation, const struct torn_plan *plan)
{
	const struct torn_log *log = mutation->log;
	struct torn_dice *dice = &mutation->dice;
	uint32_t after = 0;
	if (plan->faults_count > 0 && torn_dice_chance(dice, 2, 3))
		after = plan->faults[plan->faults_count - 1].when.first;
	for (unsigned attempts = 0; attempts < 8 && log->numbered > after; attempts++) {
		const uint32_t number = after + 1 + torn_dice_below(dice, log->numbered - after);
		const struct torn_op *op = torn_log_op(log, number);
		if (op && op->fault == 0 && !is_taken(plan, number))
			return op;
	}
	return NULL;
}

static void sort(struct torn_plan *plan)
{
	for (uint32_t i = 1; i < plan->faults_count; i++) {
		const struct torn_fault fault = plan->faults[i];
		uint32_t to = i;
		for (; to > 0 && plan->faults[to - 1].when.first > fault.when.first; to--)
			plan->faults[to] = plan->faults[to - 1];
		plan->faults[to] = fault;
	}
}

static bool add(struct torn_mutation *mutation, struct torn_plan *plan)
{
	const struct torn_op *op = choose_op(mutation, plan);
	struct torn_fault fault;
	if (!op || !choose_fault(mutation, op, &fault))
		return false;
	plan->faults[plan->faults_count++] = fault;
	sort(plan);
	return true;
}

static void drop(struct torn_plan *plan, uint32_t index)
{
	plan->faults_count--;
	for (uint32_t i = index; i < plan->faults_count; i++)
		plan->faults[i] = plan->faults[i + 1];
}

/* The same call's next one, or another kind or value at the same op. */
static void replace(struct torn_mutation *mutation, struct torn_plan *plan, uint32_t index)
{
	struct torn_fault *fault = &plan->faults[index];
	const struct torn_op *op = torn_log_op(mutation->log, fault->when.first);
	struct torn_fault other;
	if (op && op->call == fault->call && choose_fault(mutation, op, &other))
		*fault = other;
}

static void move(struct torn_mutation *mutation, struct torn_plan *plan, uint32_t index)
{
	struct torn_fault moved = plan->faults[index];
	drop(plan, index);
	const struct torn_op *op = choose_op(mutation, plan);
	if (!op || op->call != moved.call) {
		if (op && choose_fault(mutation, op, &moved))
			plan->faults[plan->faults_count++] = moved;
	} else {
		moved.when = (struct torn_when){op->number, op->number, 0};
		plan->faults[plan->faults_count++] = moved;
	}
	sort(plan);
}

/* Again and again: a device that is away for a while, every second write. */
static void stretch(struct torn_mutation *mutation, struct torn_fault *fault)
{
	struct torn_when *when = &fault->when;
	if (fault->name != TORN_FAULT_ERRNO && fault->name != TORN_FAULT_SHORT)
		return;
	if (torn_dice_chance(&mutation->dice, 1, 2))
		*when = (struct torn_when){when->first,
					   when->first + 1 + torn_dice_below(&mutation->dice, 4), 1};
	else
		*when = (struct torn_when){when->first, UINT32_MAX,
					   1 + torn_dice_below(&mutation->dice, 3)};
}

void torn_mutate_faults(struct torn_mutation *mutation, struct torn_case *c)
{
	struct torn_plan *plan = &c->plan;
	struct torn_dice *dice = &mutation->dice;
	const uint32_t most = torn_dice_chance(dice, 1, 16) ? FAULTS_WANTED + 1 : FAULTS_WANTED;
	if (!mutation->log) {
		if (plan->faults_count > 0) /* it may be that none can be where these are */
			drop(plan, torn_dice_below(dice, plan->faults_count));
		return;
	}
	const uint32_t roll = torn_dice_below(dice, 100);
	if (plan->faults_count == 0 || (plan->faults_count < most && roll < 45)) {
		add(mutation, plan);
		return;
	}
	const uint32_t index = torn_dice_below(dice, plan->faults_count);
	if (plan->faults_count > most || roll < 62)
		drop(plan, index);
	else if (roll < 80)
		replace(mutation, plan, index);
	else if (roll < 95)
		move(mutation, plan, index);
	else
		stretch(mutation, &plan->faults[index]);
}
