/* kills.c: see kills.h. Nobody is killed: the log is folded, op by op. */
#include "kills.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../injectors/tree.h"
#include "judgement.h"
#include "looking.h"
#include "registry.h"
#include "rerun.h"

/* What is told of one tree: `judged` from `first` on. */
struct torn_told_tree {
	uint32_t first, count;
};

struct torn_told {
	const struct torn_invariant *invariant;
	struct torn_judgement judgement;
};

/* A tree that has to be run again before it can be judged. */
struct torn_kill_waiting {
	struct torn_kill kill;
	const struct torn_node *tree; /* in the setup's arena */
};

struct torn_fault torn_kill_fault(const struct torn_kill *kill)
{
	return (struct torn_fault){.when = {kill->op, kill->op, 0},
				   .call = kill->call,
				   .name = TORN_FAULT_KILL,
				   .value = (int64_t)kill->bytes};
}

void torn_kills_open(struct torn_kills *kills, struct torn_lab *lab, struct torn_setup *setup)
{
	*kills = (struct torn_kills){.lab = lab, .setup = setup};
}

void torn_kills_close(struct torn_kills *kills)
{
	torn_hashes_close(&kills->trees);
	for (size_t i = 0; i <= TORN_FAULTS_MAX; i++)
		torn_hashes_close(&kills->told_at[i]);
	free(kills->told);
	free(kills->judged);
	free(kills->waiting);
	*kills = (struct torn_kills){0};
}

/* Make room for one more item. Returns false without memory. */
static bool reserve(void **items, size_t size, size_t count, size_t *room)
{
	if (count < *room)
		return true;
	const size_t more = *room ? *room * 2 : 32;
	void *moved = realloc(*items, more * size);
	if (!moved)
		return false;
	*items = moved;
	*room = more;
	return true;
}

static int no_memory(struct torn_kills *kills)
{
	snprintf(kills->lab->failure, sizeof kills->lab->failure, "no memory for the trees seen");
	return -EPROTO;
}

/* ---------------------------------------------------------------- judging */

static void tell_all(struct torn_kills *kills, const struct torn_kill *kill, uint32_t index)
{
	const struct torn_told_tree *tree = &kills->told[index - 1];
	for (uint32_t i = 0; i < tree->count; i++) {
		const struct torn_told *told = &kills->judged[tree->first + i];
		kills->tell(kills->context, kill, told->invariant, &told->judgement);
	}
}

bool torn_kills_is_violated(const struct torn_kills *kills, struct torn_hash tree)
{
	uint32_t index;
	if (!torn_hashes_find(&kills->trees, tree, &index) || index == 0)
		return false;
	const struct torn_told_tree *told = &kills->told[index - 1];
	for (uint32_t i = 0; i < told->count; i++)
		if (kills->judged[told->first + i].judgement.verdict == TORN_VIOLATED)
			return true;
	return false;
}

/* Ask every invariant once. Returns 0, or -EPROTO without memory. */
static int judge_tree(struct torn_kills *kills, const struct torn_trial *trial,
		      const struct torn_kill *kill, uint32_t depth)
{
	size_t count;
	const struct torn_invariant *const *invariants = torn_invariants(&count);
	const size_t first = kills->judged_count;
	struct torn_trial seen = *trial;
	const int looked = torn_look_at(kills->lab, kills->setup, &seen);
	if (looked < 0)
		return looked;
	for (size_t i = 0; i < count; i++) {
		if (!reserve((void **)&kills->judged, sizeof *kills->judged, kills->judged_count,
			     &kills->judged_room))
			return no_memory(kills);
		struct torn_told *told = &kills->judged[kills->judged_count];
		*told = (struct torn_told){.invariant = invariants[i]};
		torn_invariant_judge(invariants[i], &seen, &told->judgement);
		if (told->judgement.verdict == TORN_VIOLATED || told->judgement.is_label)
			kills->judged_count++;
	}
	if (kills->judged_count == first) {
		torn_hashes_put(&kills->trees, kill->hash, 0);
		return 0;
	}
	if (!reserve((void **)&kills->told, sizeof *kills->told, kills->told_count, &kills->told_room))
		return no_memory(kills);
	kills->told[kills->told_count++] = (struct torn_told_tree){
		(uint32_t)first, (uint32_t)(kills->judged_count - first)};
	torn_hashes_put(&kills->trees, kill->hash, (uint32_t)kills->told_count);
	torn_hashes_add(&kills->told_at[depth], kill->hash);
	tell_all(kills, kill, (uint32_t)kills->told_count);
	return 0;
}

static bool was_told(const struct torn_kills *kills, struct torn_hash hash, uint32_t depth)
{
	for (uint32_t i = 0; i <= depth; i++)
		if (torn_hashes_find(&kills->told_at[i], hash, NULL))
			return true;
	return false;
}

static int wait_for_rerun(struct torn_kills *kills, const struct torn_kill *kill,
			  const struct torn_node *tree)
{
	for (size_t i = 0; i < kills->waiting_count; i++) {
		const struct torn_hash other = kills->waiting[i].kill.hash;
		if (other.low == kill->hash.low && other.high == kill->hash.high)
			return 0;
	}
	/* A quarter is left for the reruns themselves. */
	const struct torn_arena *arena = kills->setup->arena;
	tree = arena->used > arena->size / 4 * 3 ? NULL : torn_tree_copy(kills->setup->arena, tree);
	if (!tree)
		return -ENOTSUP;
	if (!reserve((void **)&kills->waiting, sizeof *kills->waiting, kills->waiting_count,
			      &kills->waiting_room))
		return no_memory(kills);
	kills->waiting[kills->waiting_count++] = (struct torn_kill_waiting){*kill, tree};
	return 0;
}

static int look_at(struct torn_kills *kills, struct torn_trial *trial, const struct torn_kill *kill,
		   const struct torn_node *tree, uint32_t depth)
{
	uint32_t index;
	if (torn_hashes_find(&kills->trees, kill->hash, &index)) {
		if (index > 0 && !was_told(kills, kill->hash, depth)) {
			torn_hashes_add(&kills->told_at[depth], kill->hash);
			tell_all(kills, kill, index);
		}
		return 0;
	}
	if (kills->rerun_of_new || kills->setup->variant->recovery)
		return wait_for_rerun(kills, kill, tree);
	trial->now = tree;
	trial->kill_op = kill->op;
	trial->kill_bytes = kill->bytes;
	return judge_tree(kills, trial, kill, depth);
}

/* ---------------------------------------------------------------- folding */

struct folding {
	struct torn_kills *kills;
	struct torn_trial trial;
	struct torn_fold fold;
	const struct torn_node *last; /* tree of the kill before: most calls change nothing */
	uint32_t sequence, depth;
};

static int kill_here(struct folding *folding, const struct torn_op *op, uint64_t bytes)
{
	const struct torn_node *tree = torn_fold_tree(&folding->fold);
	struct torn_kills *kills = folding->kills;
	const struct torn_kill kill = {op->number, ++folding->sequence, bytes, op->call, tree->hash};
	kills->count++;
	if (kills->note)
		kills->note(kills->context, &kill);
	if (tree == folding->last)
		return 0;
	folding->last = tree;
	return look_at(kills, &folding->trial, &kill, tree, folding->depth);
}

/* 1, half, all but one, and every 4 KiB of the file: in that order, each once. */
static int kill_in_parts(struct folding *folding, const struct torn_op *op)
{
	const uint64_t whole = (uint64_t)op->result;
	const uint64_t fixed[] = {1, whole / 2, whole - 1};
	uint64_t boundary = TORN_BLOCK_SIZE - op->offset % TORN_BLOCK_SIZE;
	for (uint64_t done = 0;;) {
		uint64_t next = boundary > done ? boundary : boundary + TORN_BLOCK_SIZE;
		for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
			if (fixed[i] > done && fixed[i] < next)
				next = fixed[i];
		if (next >= whole)
			return 0;
		int r = torn_fold_step_part(&folding->fold, op, next);
		if (r == 0)
			r = kill_here(folding, op, next);
		if (r < 0)
			return r;
		if (next == boundary)
			boundary += TORN_BLOCK_SIZE;
		done = next;
	}
}

static int fold_kills(struct folding *folding, const struct torn_log *log, uint32_t first)
{
	int r = 0;
	for (uint32_t i = 0; r == 0 && i < log->count; i++) {
		const struct torn_op *op = &log->ops[i];
		if (op->number >= first && torn_op_is_divisible(op))
			r = kill_in_parts(folding, op);
		if (r == 0)
			r = torn_fold_step(&folding->fold, op);
		if (r == 0 && op->number >= first && op->number > 0)
			r = kill_here(folding, op, 0);
	}
	return r;
}

/* ----------------------------------------------------------------- reruns */

/* The log of the run is gone by now; no promise about a killed run asks for it. */
static int judge_waiting(struct torn_kills *kills, struct torn_trial *trial, uint32_t depth)
{
	static const struct torn_log no_log;
	trial->log = &no_log;
	int worst = 0;
	for (size_t i = 0; worst != -EPROTO && i < kills->waiting_count; i++) {
		const struct torn_kill_waiting *waiting = &kills->waiting[i];
		const size_t mark = torn_arena_mark(kills->setup->arena);
		struct torn_aftermath aftermath;
		trial->now = waiting->tree;
		int r = torn_aftermath(kills->lab, kills->setup, trial, kills->rerun_of_new, &aftermath);
		if (r < 0) {
			/* The others are judged all the same, or it would matter which was met first. */
			worst = r;
			torn_arena_return(kills->setup->arena, mark);
			continue;
		}
		kills->reruns++;
		trial->kill_op = waiting->kill.op;
		trial->kill_bytes = waiting->kill.bytes;
		r = judge_tree(kills, trial, &waiting->kill, depth);
		torn_arena_return(kills->setup->arena, mark);
		if (r < 0)
			worst = r;
	}
	return worst;
}

void torn_kills_forget(struct torn_kills *kills)
{
	torn_hashes_clear(&kills->trees);
	for (size_t i = 0; i <= TORN_FAULTS_MAX; i++)
		torn_hashes_clear(&kills->told_at[i]);
	kills->told_count = kills->judged_count = 0;
}

int torn_kills_judge(struct torn_kills *kills, const struct torn_trial *run, uint32_t first,
		     uint32_t depth)
{
	struct folding folding = {.kills = kills, .trial = *run, .depth = depth};
	folding.trial.killed = true;
	folding.trial.end = TORN_ENDED_BY_PLAN;
	torn_hashes_clear(&kills->told_at[depth]);
	kills->waiting_count = 0;
	const size_t mark = torn_arena_mark(kills->setup->arena);
	int r = torn_fold_begin(&folding.fold, &kills->lab->recorder->arena, &kills->setup->base);
	if (r == 0)
		r = fold_kills(&folding, run->log, first);
	const bool is_full = r == -ENOTSUP;
	if (is_full)
		r = 0;
	if (r < 0 && r != -EPROTO) {
		snprintf(kills->lab->failure, sizeof kills->lab->failure,
			 "the log does not fold: %s", strerror(-r));
		r = -EPROTO;
	}
	if (r == 0)
		r = judge_waiting(kills, &folding.trial, depth);
	if (r == 0 && is_full) {
		snprintf(kills->lab->failure, sizeof kills->lab->failure,
			 "its kills leave more trees than there is room to run again from");
		r = -ENOTSUP;
	}
	torn_arena_return(kills->setup->arena, mark);
	return r;
}
