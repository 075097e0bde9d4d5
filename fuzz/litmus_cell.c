/* litmus_cell.c: see litmus_cell.h. */
#include "litmus_cell.h"

#include <errno.h>
#include <string.h>

#include "setup.h"

/* Two writes lost together show little that one lost does not: what a row costs goes into commits. */
#define PAIRS_MAX 4

static char letter_at(const struct torn_litmus_cell *cell, const struct torn_node *tree)
{
	return torn_litmus_letter(torn_tree_find(tree, torn_bytes_of(cell->path)));
}

static bool see_allowed(void *context, const struct torn_crash_state *state)
{
	const struct torn_litmus_filling *filling = context;
	if (state->end > filling->last)
		torn_litmus_note(filling->cell->allowed, letter_at(filling->cell, state->tree));
	return true;
}

int torn_litmus_begin(struct torn_litmus_filling *filling, struct torn_litmus_cell *cell, struct torn_arena *arena,
		      enum torn_preset preset, const struct torn_fold_base *base, const struct torn_log *log)
{
	static const struct torn_crash_how how = {.sets_max = TORN_CRASH_SETS_MAX, .seed = 1};
	*filling = (struct torn_litmus_filling){.cell = cell, .last = torn_device_last_moment(log->count)};
	const int r = torn_modelled_find(&filling->modelled, arena, preset, base, log, &how, see_allowed, filling);
	return r < 0 ? r : filling->modelled.is_all ? 0 : -E2BIG;
}

static void describe(const struct torn_litmus_filling *filling, const struct torn_device_state *state, const char *is)
{
	struct torn_litmus_cell *cell = filling->cell;
	char commit[48] = "";
	if (filling->commit > 0)
		snprintf(commit, sizeof commit, "commit behind op %u, ", filling->commit);
	if (!cell->first[0])
		snprintf(cell->first, sizeof cell->first, "%s%u writes given, %u of them lost: %s %s", commit,
			 state->cut->given, state->cut->losses_count, cell->path, is);
}

bool torn_litmus_see(void *context, const struct torn_device_state *state)
{
	struct torn_litmus_filling *filling = context;
	struct torn_litmus_cell *cell = filling->cell;
	cell->cuts++;
	if (!state->tree) {
		cell->unmountable++;
		describe(filling, state, "is lost: the file system cannot be mounted");
		return true;
	}
	const char letter = letter_at(cell, state->tree);
	if (state->end >= filling->last)
		torn_litmus_note(cell->left, letter);
	cell->trees += torn_hashes_add(&filling->trees, state->tree->hash);
	if (torn_modelled_allows(&filling->modelled, state))
		return true;
	char is[48];
	snprintf(is, sizeof is, "is %s", torn_litmus_word(letter));
	torn_litmus_note(cell->forbidden, letter);
	cell->lacking += torn_hashes_add(&filling->lacking, state->tree->hash);
	describe(filling, state, is);
	return true;
}

void torn_litmus_end(struct torn_litmus_filling *filling)
{
	torn_modelled_counted(&filling->modelled, &filling->cell->modelled, &filling->cell->shown);
	torn_modelled_close(&filling->modelled);
	torn_hashes_close(&filling->trees);
	torn_hashes_close(&filling->lacking);
}

/* ------------------------------------------------------------------ a disk */

/* A mount takes its time: whoever watches sees that it moves. */
struct looking {
	struct torn_litmus_filling filling;
	struct torn_lab *lab;
	uint64_t seed;
};

static bool look(void *context, const struct torn_device_state *state)
{
	struct looking *looking = context;
	looking->lab->shared->trials++;
	return torn_litmus_see(&looking->filling, state);
}

static int cut_one(struct looking *looking, const struct torn_fold_base *base, const struct torn_log *log,
		   uint32_t commit)
{
	struct torn_litmus_cell *cell = looking->filling.cell;
	const struct torn_device_run run = {.base = base, .log = log, .commit = commit};
	const struct torn_device_how how = {.pairs_max = PAIRS_MAX, .seed = looking->seed};
	struct torn_device_count count = {.all = true};
	char message[192];
	looking->filling.commit = commit == TORN_DEVICE_NO_COMMIT ? 0 : log->ops[commit].number;
	const int r = torn_device_ask_states(looking->lab->disks, &run, &how, look, looking, &count, message,
					     sizeof message);
	if (r == -ENOTSUP)
		snprintf(cell->left_out, sizeof cell->left_out, "%s", message);
	return r < 0 && r != -ENOTSUP ? torn_lab_fail(looking->lab, -EPROTO, "%s: %s", cell->row, message) : 0;
}

static int cut_all(struct looking *looking, const struct torn_fold_base *base, const struct torn_log *log)
{
	const struct torn_litmus_cell *cell = looking->filling.cell;
	int r = cut_one(looking, base, log, TORN_DEVICE_NO_COMMIT);
	for (uint32_t i = 0; r == 0 && !cell->left_out[0] && i < log->count; i++)
		if (torn_device_commit_matters(log, i))
			r = cut_one(looking, base, log, i);
	return r;
}

/* Run the row as any target, so that its log is that of a real run. */
static int run_row(struct torn_lab *lab, struct torn_arena *arena, const struct torn_litmus *row,
		   struct torn_setup **ret_setup, struct torn_trial *ret_trial)
{
	struct parts {
		struct torn_setup setup;
		struct torn_target target;
		struct torn_variant variants[2];
		struct torn_world worlds[2];
		const char *watch[2];
	} *parts = torn_arena_take(arena, sizeof *parts);
	static const struct torn_plan none = {.seed = 1};
	char message[192];
	if (!parts)
		return torn_lab_fail(lab, -EPROTO, "no room for %s", row->name);
	parts->variants[0] = (struct torn_variant){"litmus", row->operation};
	parts->worlds[0] = (struct torn_world){"litmus", torn_litmus_olds(), false};
	parts->watch[0] = row->path;
	parts->target = (struct torn_target){.name = "litmus",
					     .variants = parts->variants,
					     .worlds = parts->worlds,
					     .watch = parts->watch};
	int r = torn_setup_world(arena, &parts->target, parts->variants, parts->worlds, &parts->setup, message,
				 sizeof message);
	if (r < 0)
		return torn_lab_fail(lab, -EPROTO, "%s: %s", row->name, r == -EINVAL ? message : strerror(-r));
	r = torn_trial_run(lab, &parts->setup, &none, TORN_TRIAL_PLAIN, ret_trial);
	if (r < 0)
		return -EPROTO;
	if (r != TORN_HELD || ret_trial->end != TORN_RETURNED || ret_trial->code != 0)
		return torn_lab_fail(lab, -EPROTO, "%s did not succeed on tmpfs", row->name);
	*ret_setup = &parts->setup;
	return 0;
}

int torn_litmus_fill(struct torn_litmus_cell *cell, struct torn_lab *lab, struct torn_arena *arena,
		     const struct torn_litmus *row, enum torn_preset preset, uint64_t seed)
{
	struct looking looking = {.lab = lab, .seed = seed};
	struct torn_setup *setup = NULL;
	struct torn_trial trial;
	*cell = (struct torn_litmus_cell){.row = row->name, .path = row->path};
	int r = run_row(lab, arena, row, &setup, &trial);
	if (r < 0)
		return r;
	const size_t mark = torn_arena_mark(arena);
	r = torn_litmus_begin(&looking.filling, cell, arena, preset, &setup->base, trial.log);
	if (r < 0)
		r = torn_lab_fail(lab, -EPROTO, "%s: %s", row->name, strerror(-r));
	else
		r = cut_all(&looking, &setup->base, trial.log);
	torn_litmus_end(&looking.filling);
	torn_arena_return(arena, mark);
	return r;
}
