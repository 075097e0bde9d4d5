/* crash.c: see crash.h. */
#include "crash.h"

#include <errno.h>
#include <string.h>

/* A set on the way: the effects up to some number are decided. */
struct frame {
	uint32_t next;  /* to be decided */
	uint32_t first; /* no cut before this moment may leave it */
	uint32_t end;   /* nor one from here on, by what it has not got of those decided */
	uint32_t changes;
	size_t mark;
	uint32_t added; /* by which the set differs from the frame below; TORN_NEVER: none */
};

struct search {
	struct torn_arena *arena;
	const struct torn_log *log;
	const struct torn_effects *effects;
	const struct torn_persistence *order;
	struct torn_fold fold;
	bool *kept;
	uint32_t *end_without; /* by number: earliest moment at which one from there on is durable */
	struct frame *frames;
	uint32_t depth;
	torn_crash_visit *visit;
	void *context;
	struct torn_crash_count count;
	bool stopped;
};

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static void look(struct search *search, uint32_t first, uint32_t end)
{
	if (first >= end)
		return;
	const struct torn_crash_state state = {
		.tree = torn_fold_tree(&search->fold), .kept = search->kept, .first = first, .end = end};
	search->count.looked++;
	search->stopped = !search->visit(search->context, &state);
}

/* From which moment on is all there that it follows? What is gone by then is passed over. */
static uint32_t moment_of_follows(const struct search *search, uint32_t number)
{
	const struct torn_persistence *order = search->order;
	uint32_t moment = 0, before = order->follows[number];
	while (before != TORN_NEVER && !search->kept[before] && moment != TORN_NEVER) {
		moment = larger(moment, order->gone[before]);
		before = order->follows[before];
	}
	return moment;
}

/* May an effect be added to what is kept? `first` becomes the moment from which it may. */
static bool is_legal(const struct search *search, uint32_t number, uint32_t *first)
{
	const struct torn_persistence *order = search->order;
	for (uint32_t i = order->implies_begin[number]; i < order->implies_begin[number + 1]; i++)
		if (!search->kept[order->implies[i]])
			*first = larger(*first, order->gone[order->implies[i]]);
	*first = larger(*first, 2 * search->effects->items[number].at);
	const uint32_t follows = moment_of_follows(search, number);
	*first = larger(*first, smaller(follows, order->durable[number]));
	return *first < order->gone[number];
}

/* Add an effect. Returns 0, -ENOMEM, or -ELOOP where no such state exists: nothing was added. */
static int add(struct search *search, uint32_t number, uint32_t first, uint32_t end)
{
	struct frame frame = {.next = number + 1,
			      .first = first,
			      .end = end,
			      .changes = search->fold.changes_count,
			      .mark = torn_arena_mark(search->arena),
			      .added = number};
	const int r = torn_effect_apply(&search->fold, search->log, &search->effects->items[number]);
	if (r < 0) {
		torn_fold_take_back(&search->fold, frame.changes);
		torn_arena_return(search->arena, frame.mark);
		return r;
	}
	search->kept[number] = true;
	search->frames[search->depth++] = frame;
	return 0;
}

static void take_back(struct search *search)
{
	const struct frame *frame = &search->frames[--search->depth];
	if (frame->added == TORN_NEVER)
		return;
	search->kept[frame->added] = false;
	torn_fold_take_back(&search->fold, frame->changes);
	torn_arena_return(search->arena, frame->mark);
}

/* Go on from the set on top to one with an effect more. Returns 1, 0 where there is none, -errno. */
static int advance(struct search *search)
{
	struct frame *frame = &search->frames[search->depth - 1];
	const struct torn_persistence *order = search->order;
	while (frame->next < order->count) {
		const uint32_t number = frame->next;
		if (2 * search->effects->items[number].at >= frame->end)
			return 0; /* what was left out is durable by then */
		uint32_t first = frame->first;
		const uint32_t end = frame->end;
		const uint32_t until = smaller(end, order->gone[number]); /* of those with it */
		frame->next++;
		if (order->dropped[number])
			continue;
		frame->end = smaller(end, order->durable[number]); /* of those without it */
		if (!is_legal(search, number, &first) || first >= until)
			continue;
		const int r = add(search, number, first, until);
		if (r == -ELOOP)
			continue;
		return r < 0 ? r : 1;
	}
	return 0;
}

static int go_through(struct search *search, uint64_t sets_max)
{
	search->depth = 1;
	search->frames[0] = (struct frame){.end = TORN_NEVER, .added = TORN_NEVER};
	look(search, 0, search->end_without[0]);
	while (search->depth > 0 && !search->stopped) {
		const int r = advance(search);
		if (r < 0)
			return r;
		if (r == 0) {
			take_back(search);
			continue;
		}
		if (search->count.looked >= sets_max)
			break;
		const struct frame *top = &search->frames[search->depth - 1];
		look(search, top->first, smaller(top->end, search->end_without[top->next]));
	}
	search->count.all = search->depth == 0;
	while (search->depth > 0)
		take_back(search);
	return 0;
}

/* ------------------------------------------------- where they are too many */

/*
 * The largest legal set within those that are wanted: an effect that implies one
 * that is not there is left out.
 */
static int look_at_wanted(struct search *search, const bool *wanted)
{
	uint32_t first = 0, end = TORN_NEVER;
	int r = 0;
	search->depth = 0;
	for (uint32_t i = 0; r == 0 && i < search->order->count; i++) {
		uint32_t from = first;
		if (search->order->dropped[i])
			continue;
		const uint32_t until = smaller(end, search->order->gone[i]);
		r = wanted[i] && is_legal(search, i, &from) && from < until ? add(search, i, from, until)
									     : -ELOOP;
		if (r == 0) {
			first = from;
			end = until;
		} else if (r == -ELOOP) {
			end = smaller(end, search->order->durable[i]);
		}
		r = r == -ELOOP ? 0 : r;
	}
	if (r == 0)
		look(search, first, end);
	while (search->depth > 0)
		take_back(search);
	return r;
}

static uint64_t roll(uint64_t *state)
{
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15)); /* splitmix64, Steele et al. 2014 */
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* Prefixes, prefixes without one effect, and a sample: at most `sets_max` more. */
static int sample(struct search *search, uint64_t sets_max, uint64_t seed)
{
	const uint32_t count = search->order->count;
	const uint64_t last = search->count.looked + sets_max;
	bool *wanted = torn_arena_take(search->arena, count * sizeof *wanted);
	int r = wanted ? 0 : -ENOMEM;
	for (uint32_t i = 0; r == 0 && i < count && !search->stopped && search->count.looked < last; i++) {
		wanted[i] = true;
		r = look_at_wanted(search, wanted);
	}
	for (uint32_t i = count; r == 0 && i > 0 && !search->stopped && search->count.looked < last; i--) {
		wanted[i - 1] = false;
		r = look_at_wanted(search, wanted);
		wanted[i - 1] = true;
	}
	/* Each tries another share of what there is; sets that were looked at may come again. */
	for (uint64_t tries = 0; r == 0 && tries < sets_max && !search->stopped && search->count.looked < last;
	     tries++) {
		const uint64_t share = roll(&seed) >> 56, prefix = roll(&seed) % count;
		for (uint32_t i = 0; i < count; i++)
			wanted[i] = i <= prefix && roll(&seed) >> 56 <= share;
		r = look_at_wanted(search, wanted);
	}
	return r;
}

int torn_crash_states(struct torn_arena *arena, const struct torn_fold_base *base,
		      const struct torn_log *log, const struct torn_effects *effects,
		      const struct torn_persistence *order, uint64_t sets_max, uint64_t seed,
		      torn_crash_visit *visit, void *context, struct torn_crash_count *ret_count)
{
	const size_t mark = torn_arena_mark(arena);
	struct search search = {.arena = arena,
				.log = log,
				.effects = effects,
				.order = order,
				.visit = visit,
				.context = context};
	int r = torn_fold_begin_with(&search.fold, arena, base, effects->objects);
	search.kept = torn_arena_take(arena, (order->count + 1) * sizeof *search.kept);
	search.end_without = torn_arena_take(arena, (order->count + 1) * sizeof *search.end_without);
	search.frames = torn_arena_take_raw(arena, (order->count + 1) * sizeof *search.frames);
	if (r == 0 && search.kept && search.end_without && search.frames)
		r = torn_fold_note_changes(&search.fold);
	else
		r = -ENOMEM;
	if (r == 0) {
		search.end_without[order->count] = TORN_NEVER;
		for (uint32_t i = order->count; i > 0; i--)
			search.end_without[i - 1] =
				order->dropped[i - 1]
					? search.end_without[i]
					: smaller(search.end_without[i], order->durable[i - 1]);
		r = go_through(&search, sets_max);
		if (r == 0 && !search.count.all && !search.stopped)
			r = sample(&search, sets_max, seed);
		torn_fold_forget_changes(&search.fold);
	}
	torn_arena_return(arena, mark);
	*ret_count = search.count;
	return r;
}

/* ------------------------------------------------------------------- one */

int torn_crash_tree(struct torn_arena *arena, const struct torn_fold_base *base,
		    const struct torn_log *log, const struct torn_effects *effects,
		    const struct torn_persistence *order, const bool *lost, uint32_t moment,
		    const struct torn_node **ret_tree, uint32_t *ret_number)
{
	struct search search = {
		.arena = arena, .log = log, .effects = effects, .order = order};
	int r = torn_fold_begin_with(&search.fold, arena, base, effects->objects);
	search.kept = torn_arena_take(arena, (order->count + 1) * sizeof *search.kept);
	if (!search.kept)
		r = -ENOMEM;
	for (uint32_t i = 0; r == 0 && i < order->count && 2 * effects->items[i].at <= moment; i++) {
		uint32_t first = 0;
		*ret_number = i;
		if (lost[i] || order->dropped[i]) {
			r = !order->dropped[i] && order->durable[i] <= moment ? -EPERM : 0;
			continue;
		}
		if (!is_legal(&search, i, &first) || first > moment || order->gone[i] <= moment)
			r = -EPERM;
		else
			r = torn_effect_apply(&search.fold, log, &effects->items[i]);
		search.kept[i] = true;
	}
	if (r == 0)
		*ret_tree = torn_fold_tree(&search.fold);
	return r;
}
