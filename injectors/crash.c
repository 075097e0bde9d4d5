/* crash.c: see crash.h. */
#include "crash.h"

#include <errno.h>
#include <string.h>

#include "crash_count.h"
#include "runtime.h"

/* A set on the way: the effects up to some number are decided. */
struct frame {
	uint32_t next;  /* to be decided */
	uint32_t first; /* no cut before this moment may leave it */
	uint32_t end;   /* nor one from here on, by what it has not got of those decided */
	uint32_t end_at_first; /* the same, when nothing behind it was decided */
	uint32_t omitted; /* so many of those decided could be there and are not */
	uint32_t changes;
	size_t mark;
	uint32_t added; /* by which the set differs from the frame below; TORN_NEVER: none */
};

struct search {
	struct torn_arena *arena;
	const struct torn_log *log;
	const struct torn_effects *effects;
	const struct torn_persistence *order;
	const struct torn_crash_how *how;
	struct torn_fold fold;
	bool is_dry; /* sets are counted, and no trees made */
	bool *kept;
	uint64_t name; /* of what is kept: equal sets have equal names */
	uint64_t *names, names_room; /* of the sets that were looked at; NULL: none comes twice */
	uint32_t *end_without; /* by number: earliest moment at which one from there on is durable */
	struct frame *frames;
	uint32_t depth;
	/* Sets that lack exactly so many, each of them a multiple of `stride` but for an offset. */
	uint32_t lacking, stride, offset;
	uint64_t looks_max; /* at so many sets it ends */
	torn_crash_visit *visit;
	void *context;
	struct torn_crash_count count;
	bool stopped;
	int error; /* -ENOMEM */
};

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* splitmix64, Steele et al. 2014 */
static uint64_t scramble(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static uint64_t roll(uint64_t *state)
{
	return scramble(*state += UINT64_C(0x9e3779b97f4a7c15));
}

static uint64_t name_of(uint32_t number)
{
	return scramble((number + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15));
}

/* Was this set not looked at before? Then it is now. */
static bool is_first_look(struct search *search)
{
	const uint64_t name = search->name | 1; /* 0: free */
	uint64_t at = (name >> 1) & (search->names_room - 1);
	while (search->names[at] && search->names[at] != name)
		at = (at + 1) & (search->names_room - 1);
	const bool is_first = search->names[at] == 0;
	search->names[at] = name;
	return is_first;
}

/* What the kernel keeps comes from the files at boot; nothing happens where the root has none of it. */
static const struct torn_node *booted(struct search *search)
{
	const struct torn_node *tree = torn_fold_tree(&search->fold);
	if (search->error == 0)
		search->error = torn_runtime_boot(search->arena, tree, &tree);
	return tree;
}

static void look(struct search *search, uint32_t first, uint32_t end)
{
	if (first >= end || end <= search->how->from)
		return;
	if (search->names && !is_first_look(search))
		return;
	search->count.looked++;
	if (search->is_dry)
		return;
	const struct torn_crash_state state = {
		.tree = booted(search), .kept = search->kept, .first = first, .end = end};
	search->stopped = search->error < 0 || !search->visit(search->context, &state);
}

static void look_at_top(struct search *search)
{
	const struct frame *top = &search->frames[search->depth - 1];
	look(search, top->first, smaller(top->end, search->end_without[top->next]));
}

static bool is_done(const struct search *search)
{
	return search->stopped || search->count.looked >= search->looks_max;
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
	*first = larger(*first, smaller(follows, torn_persistence_alone(order, number)));
	return *first < order->gone[number];
}

/* Add an effect. Returns 0, -ENOMEM, or -ELOOP where no such state exists: nothing was added. */
static int add(struct search *search, uint32_t number, uint32_t first, uint32_t end)
{
	struct frame frame = {.next = number + 1,
			      .first = first,
			      .end = end,
			      .end_at_first = end,
			      .omitted = search->frames[search->depth - 1].omitted,
			      .changes = search->fold.changes_count,
			      .mark = torn_arena_mark(search->arena),
			      .added = number};
	const int r = search->is_dry ? 0
				     : torn_effect_apply(&search->fold, search->log,
							 &search->effects->items[number]);
	if (r < 0) {
		torn_fold_take_back(&search->fold, frame.changes);
		torn_arena_return(search->arena, frame.mark);
		return r;
	}
	search->kept[number] = true;
	search->name ^= name_of(number);
	search->frames[search->depth++] = frame;
	return 0;
}

static void take_back(struct search *search)
{
	const struct frame *frame = &search->frames[--search->depth];
	if (frame->added == TORN_NEVER)
		return;
	search->kept[frame->added] = false;
	search->name ^= name_of(frame->added);
	torn_fold_take_back(&search->fold, frame->changes);
	torn_arena_return(search->arena, frame->mark);
}

static void begin_with_nothing(struct search *search)
{
	search->depth = 1;
	search->frames[0] =
		(struct frame){.end = TORN_NEVER, .end_at_first = TORN_NEVER, .added = TORN_NEVER};
}

/* May a set lack this one, that it could have? */
static bool may_omit(const struct search *search, const struct frame *frame, uint32_t number)
{
	return frame->omitted < search->lacking && (number + search->offset) % search->stride == 0;
}

/*
 * Decide on the next effect of the set on top. Returns 1 where one was added, 0
 * where there is nothing to decide, -EAGAIN where it was left out, -ENOMEM.
 */
static int decide(struct search *search, bool is_wanted)
{
	struct frame *frame = &search->frames[search->depth - 1];
	const struct torn_persistence *order = search->order;
	const uint32_t number = frame->next;
	/* What was left out is durable by then, or what comes is of no interest. */
	if (number >= order->count || 2 * search->effects->items[number].at >= frame->end ||
	    frame->end <= search->how->from)
		return 0;
	uint32_t first = frame->first;
	const uint32_t end = frame->end;
	const uint32_t until = smaller(end, order->gone[number]); /* of those with it */
	frame->next++;
	if (order->dropped[number])
		return -EAGAIN;
	frame->end = smaller(end, order->durable[number]); /* of those without it */
	if (!is_wanted || !is_legal(search, number, &first) || first >= until)
		return -EAGAIN;
	const int r = add(search, number, first, until);
	if (r < 0)
		return r == -ELOOP ? -EAGAIN : r;
	if (may_omit(search, frame, number))
		frame->omitted++;
	else
		frame->next = order->count; /* nothing but what has it */
	return 1;
}

static int advance(struct search *search)
{
	int r;
	do
		r = decide(search, true);
	while (r == -EAGAIN);
	return r;
}

/* Go through the sets that lack so many, or up to so many, until enough were looked at. */
static int go_through(struct search *search, bool exactly)
{
	begin_with_nothing(search);
	if (!exactly || search->lacking == 0)
		look_at_top(search);
	int r = 0;
	while (r >= 0 && search->depth > 0 && !is_done(search)) {
		r = advance(search);
		if (r == 0)
			take_back(search);
		else if (r > 0 && (!exactly || search->frames[search->depth - 1].omitted == search->lacking))
			look_at_top(search);
	}
	search->count.all = r >= 0 && search->depth == 0 && !search->stopped;
	while (search->depth > 0)
		take_back(search);
	return r < 0 ? r : 0;
}

static int go_through_all(struct search *search, uint64_t sets_max)
{
	search->lacking = TORN_NEVER;
	search->stride = 1;
	search->offset = 0;
	search->count.looked = 0;
	search->looks_max = sets_max;
	return go_through(search, false);
}

/* ------------------------------------------------- where they are too many */

/* Sets that lack so many effects are about count^(lacking + 1) / (lacking + 1)!. */
static uint32_t stride_for(uint64_t count, uint32_t lacking, uint64_t looks)
{
	uint32_t stride = 1;
	while (lacking == 1 ? count * count / 2 / stride > looks
			    : lacking == 2 && count * count / 6 * count / stride / stride > looks)
		stride++;
	return stride;
}

/* Those that lack so many: at most a share of what may still be looked at. */
static int look_at_lacking(struct search *search, uint32_t lacking, uint64_t looks)
{
	search->lacking = lacking;
	search->stride = stride_for(search->order->count, lacking, looks);
	search->offset = (uint32_t)(search->how->seed % search->stride);
	search->looks_max = search->count.looked + looks;
	if (search->looks_max > search->how->sets_max)
		search->looks_max = search->how->sets_max;
	return is_done(search) ? 0 : go_through(search, true);
}

/* Go back to some set on the way to the one on top; most often to one that is near. */
static void go_back(struct search *search, uint64_t *seed)
{
	const uint32_t span = search->depth >> (roll(seed) % 8);
	const uint32_t depth = search->depth - (uint32_t)(roll(seed) % (span + 1));
	while (search->depth > (depth > 1 ? depth : 1))
		take_back(search);
	struct frame *frame = &search->frames[search->depth - 1];
	frame->next = frame->added == TORN_NEVER ? 0 : frame->added + 1;
	frame->end = frame->end_at_first;
}

/* From some set that was made go on otherwise, time and again, and look at all on the way. */
static int wander(struct search *search)
{
	uint64_t seed = search->how->seed;
	const uint64_t steps_max = 8 * search->how->sets_max + 1024; /* some come again */
	int r = 0;
	search->lacking = TORN_NEVER;
	search->stride = 1;
	search->looks_max = search->how->sets_max;
	begin_with_nothing(search);
	for (uint64_t steps = 0; (r >= 0 || r == -EAGAIN) && steps < steps_max && !is_done(search); steps++) {
		const uint64_t share = roll(&seed) >> 56;
		go_back(search, &seed);
		do {
			r = decide(search, roll(&seed) >> 56 <= share);
			steps += r > 0;
			if (r > 0)
				look_at_top(search);
		} while ((r > 0 || r == -EAGAIN) && !is_done(search));
	}
	while (search->depth > 0)
		take_back(search);
	return r < 0 && r != -EAGAIN ? r : 0;
}

static int sample(struct search *search)
{
	const uint64_t sets_max = search->how->sets_max;
	search->names_room = 2;
	while (search->names_room < 2 * sets_max)
		search->names_room *= 2;
	search->names = torn_arena_take(search->arena, search->names_room * sizeof *search->names);
	int r = search->names ? 0 : -ENOMEM;
	search->count.looked = 0;
	if (r == 0)
		r = look_at_lacking(search, 0, sets_max);
	if (r == 0)
		r = look_at_lacking(search, 1, sets_max / 4);
	if (r == 0)
		r = look_at_lacking(search, 2, sets_max / 4);
	if (r == 0)
		r = wander(search);
	search->count.all = false;
	return r;
}

/* --------------------------------------------------------------------- all */

static bool is_directory(const struct search *search, const struct torn_fold_base *base, torn_object object)
{
	if (object <= base->count)
		return base->objects[object].node->type == TORN_DIRECTORY;
	for (uint32_t i = 0; i < search->effects->count; i++) {
		const struct torn_effect *effect = &search->effects->items[i];
		if (effect->kind == TORN_EFFECT_INODE && effect->object == object)
			return torn_op_type_made(&search->log->ops[effect->at]) == TORN_DIRECTORY;
	}
	return false;
}

/* Only a directory that is renamed may come to be below itself, or to have two names. */
static bool may_loop(const struct search *search, const struct torn_fold_base *base)
{
	for (uint32_t i = 0; i < search->effects->count; i++) {
		const struct torn_effect *effect = &search->effects->items[i];
		if (effect->kind != TORN_EFFECT_ENTRIES ||
		    search->log->ops[effect->at].kind != TORN_KIND_rename)
			continue;
		for (uint32_t j = 0; j < effect->entries_count; j++)
			if (effect->entries[j].object && is_directory(search, base, effect->entries[j].object))
				return true;
	}
	return false;
}

static bool go_on(void *context, const struct torn_crash_state *state)
{
	(void)context;
	(void)state;
	return true;
}

/* Count one by one, up to TORN_CRASH_COUNT_MAX. Where directories may loop trees are made for that. */
static int count_by_walking(struct search *search, bool may_loop, uint64_t *ret_legal, bool *ret_exact)
{
	torn_crash_visit *visit = search->visit;
	search->is_dry = !may_loop;
	search->visit = go_on;
	int r = go_through_all(search, TORN_CRASH_COUNT_MAX);
	search->visit = visit;
	search->is_dry = false;
	*ret_legal = search->count.looked;
	*ret_exact = search->count.all;
	return r;
}

static int count_legal(struct search *search, const struct torn_fold_base *base, uint64_t *ret_legal,
		       bool *ret_exact)
{
	const bool loops = may_loop(search, base);
	int r = torn_crash_count_legal(search->arena, search->effects, search->order, search->how->from,
				       ret_legal);
	*ret_exact = r == 0 && *ret_legal < TORN_CRASH_MANY;
	if (r == -E2BIG || (r == 0 && loops))
		r = count_by_walking(search, loops, ret_legal, ret_exact);
	return r;
}

static int look_at_all_or_some(struct search *search, const struct torn_fold_base *base)
{
	uint64_t legal = 0;
	bool is_exact = false;
	int r = count_legal(search, base, &legal, &is_exact);
	if (r == 0 && is_exact && legal <= search->how->sets_max)
		r = go_through_all(search, UINT64_MAX);
	else if (r == 0)
		r = sample(search);
	search->count.legal = legal;
	search->count.is_exact = is_exact;
	return r;
}

static void find_ends(struct search *search)
{
	const struct torn_persistence *order = search->order;
	search->end_without[order->count] = TORN_NEVER;
	for (uint32_t i = order->count; i > 0; i--)
		search->end_without[i - 1] =
			order->dropped[i - 1] ? search->end_without[i]
					      : smaller(search->end_without[i], order->durable[i - 1]);
}

int torn_crash_states(struct torn_arena *arena, const struct torn_fold_base *base,
		      const struct torn_log *log, const struct torn_effects *effects,
		      const struct torn_persistence *order, const struct torn_crash_how *how,
		      torn_crash_visit *visit, void *context, struct torn_crash_count *ret_count)
{
	const size_t mark = torn_arena_mark(arena);
	struct search search = {.arena = arena,
				.log = log,
				.effects = effects,
				.order = order,
				.how = how,
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
		find_ends(&search);
		r = look_at_all_or_some(&search, base);
		torn_fold_forget_changes(&search.fold);
	}
	torn_arena_return(arena, mark);
	*ret_count = search.count;
	return r == 0 ? search.error : r;
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
		*ret_tree = booted(&search);
	return r == 0 ? search.error : r;
}
