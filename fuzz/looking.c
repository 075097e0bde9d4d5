/* looking.c: see looking.h. */
#include "looking.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../injectors/tree.h"
#include "hashes.h"

#define RECORDER_BYTES ((size_t)64 << 20)
#define SEEN_BYTES ((size_t)256 << 20)
#define OUTPUT_MAX ((size_t)1 << 20)

/* What one state looks like. */
struct seen {
	const struct torn_node *tree; /* with what --view prints */
	bool accepted;
	int exit_code;   /* of --check */
	char words[120]; /* its first line */
};

struct torn_looker {
	struct torn_recorder *recorder; /* of its own: the run at hand stays in the other one */
	struct torn_arena arena;
	struct torn_hashes known; /* beside each 1 + its index */
	struct seen *seen;
	size_t count, room;
};

static int open_looker(struct torn_lab *lab)
{
	if (lab->looker)
		return 0;
	struct torn_looker *looker = calloc(1, sizeof *looker);
	if (!looker || torn_recorder_open(RECORDER_BYTES, &looker->recorder) < 0 ||
	    torn_arena_open(&looker->arena, SEEN_BYTES) < 0)
		return torn_lab_fail(lab, -ENOTSUP, "no memory to look at states");
	lab->looker = looker;
	return 0;
}

/* ------------------------------------------------------------------ running */

struct look {
	struct torn_lab *lab;
	const struct torn_setup *setup;
	struct torn_fold_base base;
	const struct torn_node *tree; /* numbered, as it is put on disk */
	struct torn_recorder *run_at_hand;
};

/* Have everything of the lab be about a look, or about the run at hand again. */
static void use_recorder(struct torn_lab *lab, struct torn_recorder *recorder)
{
	lab->recorder = recorder;
	torn_tracer_use(lab->tracer, recorder);
}

/* All that it printed to stdout; its exit code, or 128 and the signal. */
static struct torn_bytes output_of(const struct torn_recorder *recorder, struct torn_arena *arena)
{
	size_t size = 0;
	for (uint32_t i = 0; i < recorder->log.count; i++)
		if ((recorder->log.ops[i].flags & TORN_OP_OUTPUT) && recorder->log.ops[i].fd == 1)
			size += recorder->log.ops[i].data.size;
	uint8_t *all = size <= OUTPUT_MAX ? torn_arena_take(arena, size + 1) : NULL;
	size_t at = 0;
	for (uint32_t i = 0; all && i < recorder->log.count; i++) {
		const struct torn_op *op = &recorder->log.ops[i];
		if (!(op->flags & TORN_OP_OUTPUT) || op->fd != 1)
			continue;
		memcpy(all + at, op->data.data, op->data.size);
		at += op->data.size;
	}
	return (struct torn_bytes){all, all ? size : 0};
}

static void first_line(const struct torn_recorder *recorder, char *ret_line, size_t size)
{
	size_t at = 0;
	for (uint32_t i = 0; i < recorder->log.count; i++) {
		const struct torn_op *op = &recorder->log.ops[i];
		for (size_t j = 0; (op->flags & TORN_OP_OUTPUT) && j < op->data.size; j++) {
			const uint8_t byte = op->data.data[j];
			if (byte == '\n' || at + 1 == size)
				goto out;
			ret_line[at++] = byte >= ' ' && byte < 127 ? (char)byte : '?';
		}
	}
out:
	ret_line[at] = '\0';
}

/*
 * Run a program on the state, and put the state back. Returns its exit code, or -errno. What it left there
 * is in `ret_left`, where that is not NULL.
 */
static int run_there(struct look *look, const char *path, char *const *argv, const struct torn_node **ret_left)
{
	static const struct torn_plan later = {.seed = TORN_SEED_AFTER(1)};
	struct torn_lab *lab = look->lab;
	const struct torn_trace_run run = {
		.base = &look->base,
		.plan = &later,
		.program = path,
		.argv = argv,
		.envp = look->setup->program->envp,
		.cwd = look->setup->program->cwd,
	};
	lab->shared->trials++; /* whoever watches sees that it goes on */
	int r = torn_tracer_run(lab->tracer, &run);
	const struct torn_recorder *recorder = lab->recorder;
	if (r < 0)
		return torn_lab_fail(lab, -EPROTO, "%s cannot be started: %s", path, strerror(-r));
	char difference[192];
	bool anew;
	r = torn_fold_settle(&lab->recorder->view.fold);
	if (r == 0)
		r = torn_disk_settle(&lab->disk, torn_fold_tree(&recorder->view.fold), look->tree, difference,
				     sizeof difference, &anew);
	torn_disk_forget(&lab->disk);
	if (r == 0 && ret_left)
		*ret_left = torn_tree_copy(&lab->looker->arena, torn_fold_tree(&recorder->view.fold));
	if (r < 0)
		return torn_lab_fail(lab, -EPROTO, "a state that was looked at cannot be put back: %s",
				     r == -EUCLEAN ? difference : strerror(-r));
	if (recorder->trouble != TORN_TROUBLE_NONE)
		return torn_lab_fail(lab, -ENOTSUP, "%s: %s", path, recorder->trouble_text);
	return recorder->end == TORN_RETURNED ? recorder->code
	       : recorder->end == TORN_CRASHED ? 128 + recorder->code
					       : 255;
}

static int run_command(struct look *look, const char *command, const char *path,
		       const struct torn_node **ret_left)
{
	char *argv[] = {"sh", "-c", (char *)command, "sh", (char *)path, NULL};
	return run_there(look, "/bin/sh", argv, ret_left);
}

/* ------------------------------------------------------------------- trees */

static const struct torn_node *put_at(struct torn_arena *arena, const struct torn_node *dir,
				      struct torn_bytes path, const struct torn_node *node, torn_object object)
{
	const uint8_t *slash = memchr(path.data, '/', path.size);
	if (!slash)
		return node ? torn_node_put(arena, dir, path, node, object) : torn_node_drop(arena, dir, path);
	const struct torn_bytes name = {path.data, (size_t)(slash - path.data)};
	const struct torn_bytes rest = {slash + 1, path.size - name.size - 1};
	const struct torn_entry *entry = torn_node_entry(dir, name);
	if (!entry)
		return dir; /* where there is no directory, there is no file to stand in for */
	const struct torn_node *below = put_at(arena, entry->node, rest, node, object);
	return below ? torn_node_put(arena, dir, name, below, entry->object) : NULL;
}

/* Have the watched paths of a tree be those of another one. */
static const struct torn_node *with_watched_of(struct torn_arena *arena, const struct torn_setup *setup,
					       const struct torn_node *tree, const struct torn_node *other)
{
	for (size_t i = 0; tree && i < setup->promised.watch_count; i++) {
		const struct torn_bytes at = setup->promised.watch[i];
		const struct torn_entry *entry = torn_tree_entry(other, at);
		tree = put_at(arena, tree, at, entry ? entry->node : NULL, entry ? entry->object : 0);
	}
	return tree;
}

/* The tree with a file's bytes replaced by what --view prints of it. */
static const struct torn_node *with_view(struct torn_arena *arena, const struct torn_node *tree,
					 struct torn_bytes at, struct torn_bytes text, int exit_code)
{
	const struct torn_entry *entry = torn_tree_entry(tree, at);
	char failed[48] = "";
	if (exit_code != 0)
		snprintf(failed, sizeof failed, "the view failed: exit %d\n", exit_code);
	const struct torn_bytes lead = torn_arena_copy(arena, failed, strlen(failed));
	const struct torn_node *node =
		torn_node_make(arena, TORN_FILE, torn_node_attributes(entry->node), (struct torn_bytes){NULL, 0});
	if (node && lead.size > 0)
		node = torn_node_write(arena, node, 0, lead);
	if (node && text.size > 0)
		node = torn_node_write(arena, node, lead.size, text);
	return node ? put_at(arena, tree, at, node, entry->object) : NULL;
}

/* ----------------------------------------------------------------- looking */

static int view_all(struct look *look, struct torn_arena *arena, struct seen *seen)
{
	const struct torn_setup *setup = look->setup;
	char command[4096];
	snprintf(command, sizeof command, "%s \"$@\"", setup->program->view);
	for (size_t i = 0; i < setup->promised.watch_count; i++) {
		const struct torn_bytes at = setup->promised.watch[i];
		const struct torn_node *node = torn_tree_find(look->tree, at);
		char path[8192];
		if (!node || node->type != TORN_FILE)
			continue;
		snprintf(path, sizeof path, "%s/%.*s", setup->program->dir, (int)at.size, (const char *)at.data);
		const int code = run_command(look, command, path, NULL);
		if (code < 0)
			return code;
		const struct torn_bytes text = output_of(look->lab->recorder, arena);
		seen->tree = text.data ? with_view(arena, seen->tree, at, text, code) : NULL;
		if (!seen->tree)
			return torn_lab_fail(look->lab, -ENOTSUP, "what --view prints is more than torn keeps");
	}
	return 0;
}

static int check_state(struct look *look, struct seen *seen)
{
	const struct torn_node *left = NULL;
	seen->exit_code = run_command(look, look->setup->program->check, NULL, &left);
	if (seen->exit_code < 0)
		return seen->exit_code;
	seen->accepted = seen->exit_code == 0;
	/* A database rolls back its journal as it is opened: what is acceptable is what is there then. */
	if (seen->accepted && left && !look->setup->program->view)
		seen->tree = left;
	first_line(look->lab->recorder, seen->words, sizeof seen->words);
	return 0;
}

static int put_on_disk(struct look *look)
{
	struct torn_lab *lab = look->lab;
	if (lab->on_disk != look->setup) {
		const int r = torn_lab_begin(lab, look->setup);
		if (r < 0)
			return r;
	}
	const int r = torn_disk_turn(&lab->disk, look->setup->begin_tree, look->tree, look->base.count + 1);
	lab->on_disk = NULL;
	return r < 0 ? torn_lab_fail(lab, -EPROTO, "a state cannot be made to be looked at: %s", torn_disk_error(r))
		     : 0;
}

static int take_off_disk(struct look *look)
{
	struct torn_lab *lab = look->lab;
	const int r = torn_disk_turn(&lab->disk, look->tree, look->setup->begin_tree,
				     look->setup->base.count + 1);
	if (r < 0)
		return torn_lab_fail(lab, -EPROTO, "the old state cannot be put back: %s", torn_disk_error(r));
	lab->on_disk = look->setup;
	return 0;
}

static int begin_look(struct torn_lab *lab, const struct torn_setup *setup, const struct torn_node *tree,
		      struct look *ret_look)
{
	struct torn_arena *arena = &lab->looker->arena;
	torn_object objects;
	*ret_look = (struct look){.lab = lab, .setup = setup, .run_at_hand = lab->recorder};
	ret_look->tree = torn_tree_copy_numbered(arena, tree, &objects);
	if (!ret_look->tree || torn_fold_base_make(arena, ret_look->tree, objects, &ret_look->base) < 0)
		return torn_lab_fail(lab, -ENOTSUP, "more states than there is room to look at");
	const int r = put_on_disk(ret_look);
	if (r == 0)
		use_recorder(lab, lab->looker->recorder);
	return r;
}

static int end_look(struct look *look)
{
	use_recorder(look->lab, look->run_at_hand);
	return take_off_disk(look);
}

static int look_anew(struct torn_lab *lab, const struct torn_setup *setup, const struct torn_node *tree,
		     struct seen *ret_seen)
{
	struct look look;
	struct seen seen = {.accepted = false};
	int r = begin_look(lab, setup, tree, &look);
	if (r < 0)
		return r;
	seen.tree = look.tree;
	if (setup->program->view)
		r = view_all(&look, &lab->looker->arena, &seen);
	if (r == 0 && setup->program->check)
		r = check_state(&look, &seen);
	const int restored = end_look(&look);
	*ret_seen = seen;
	return r < 0 ? r : restored;
}

/* ------------------------------------------------------------------ litter */

struct litter {
	const struct torn_node *new_tree;
	bool any;
};

static bool find_litter(void *context, struct torn_bytes path, const struct torn_node *now,
			const struct torn_node *old)
{
	struct litter *litter = context;
	litter->any |= now && !old && !torn_tree_find(litter->new_tree, path);
	return !litter->any;
}

int torn_look_at_litter(struct torn_lab *lab, struct torn_setup *setup, struct torn_trial *trial)
{
	const struct torn_program *program = setup->program;
	struct litter litter = {.new_tree = trial->new_tree};
	if (!torn_looks(setup) || trial->killed || trial->plan->faults_count == 0 || !trial->new_tree ||
	    !(setup->target->promises & TORN_PROMISES_RETRY))
		return 0;
	torn_tree_differences(trial->now, trial->old_tree, find_litter, &litter);
	if (!litter.any)
		return 0;
	int r = open_looker(lab);
	struct look look;
	struct torn_rerun *rerun = torn_arena_take(setup->arena, sizeof *rerun);
	if (r == 0)
		r = rerun ? begin_look(lab, setup, trial->now, &look)
			  : torn_lab_fail(lab, -ENOTSUP, "no room to run it again");
	if (r < 0)
		return r;
	*rerun = (struct torn_rerun){.end = TORN_RETURNED};
	rerun->code = run_there(&look, program->path, program->argv, &rerun->tree);
	r = end_look(&look);
	if (rerun->code < 0 || r < 0)
		return r < 0 ? r : rerun->code;
	trial->rerun = rerun->tree ? rerun : NULL;
	return 0;
}

static int look_once(struct torn_lab *lab, const struct torn_setup *setup, const struct torn_node *tree,
		     const struct seen **ret_seen)
{
	struct torn_looker *looker = lab->looker;
	uint32_t number;
	if (torn_hashes_find(&looker->known, tree->hash, &number)) {
		*ret_seen = &looker->seen[number - 1];
		return 0;
	}
	if (looker->count == looker->room) {
		const size_t room = looker->room ? looker->room * 2 : 64;
		struct seen *moved = realloc(looker->seen, room * sizeof *moved);
		if (!moved)
			return torn_lab_fail(lab, -ENOTSUP, "no memory for the states seen");
		looker->seen = moved;
		looker->room = room;
	}
	const int r = look_anew(lab, setup, tree, &looker->seen[looker->count]);
	if (r < 0)
		return r;
	*ret_seen = &looker->seen[looker->count++];
	torn_hashes_put(&looker->known, tree->hash, (uint32_t)looker->count);
	return 0;
}

/* A tree as it is judged. `is_new`: what is acceptable counts as new, else as old. */
static int see(struct torn_lab *lab, const struct torn_setup *setup, const struct torn_node *old,
	       const struct torn_node *new, bool is_new, const struct torn_node **tree,
	       struct torn_refusal *ret_refusal)
{
	const struct seen *seen = NULL;
	const int r = look_once(lab, setup, *tree, &seen);
	if (r < 0)
		return r;
	*tree = seen->tree;
	/* Also where its bytes are old: a database's update may stand in its log (seen: SQLite's WAL). */
	if (seen->accepted && new)
		*tree = with_watched_of(setup->arena, setup, *tree, is_new ? new : old);
	if (setup->program->check && !seen->accepted && ret_refusal) {
		ret_refusal->is_refused = true;
		ret_refusal->exit_code = seen->exit_code;
		snprintf(ret_refusal->words, sizeof ret_refusal->words, "%s", seen->words);
	}
	return *tree ? 0 : torn_lab_fail(lab, -ENOTSUP, "no room for a state as it is seen");
}

static int see_rerun(struct torn_lab *lab, const struct torn_setup *setup, const struct torn_node *old,
		     const struct torn_node *new, const struct torn_rerun **rerun)
{
	if (!*rerun)
		return 0;
	struct torn_rerun *seen = torn_arena_take(setup->arena, sizeof *seen);
	if (!seen)
		return torn_lab_fail(lab, -ENOTSUP, "no room for a state as it is seen");
	*seen = **rerun;
	*rerun = seen;
	return see(lab, setup, old, new, seen->end == TORN_RETURNED && seen->code == 0, &seen->tree, NULL);
}

bool torn_look_is_known(const struct torn_lab *lab, const struct torn_node *tree)
{
	return lab->looker && torn_hashes_find(&lab->looker->known, tree->hash, NULL);
}

bool torn_looks(const struct torn_setup *setup)
{
	return setup->program && (setup->program->view || setup->program->check);
}

int torn_look_at(struct torn_lab *lab, struct torn_setup *setup, struct torn_trial *trial)
{
	if (!torn_looks(setup) || !trial->new_tree)
		return 0;
	int r = open_looker(lab);
	if (r == 0)
		r = see(lab, setup, NULL, NULL, false, &trial->old_tree, NULL);
	if (r == 0)
		r = see(lab, setup, NULL, NULL, false, &trial->new_tree, NULL);
	const struct torn_node *old = trial->old_tree, *new = trial->new_tree;
	const bool reported = (trial->cut ? trial->acknowledged : !trial->killed) &&
			      trial->end == TORN_RETURNED && trial->code == 0;
	if (r == 0)
		r = see(lab, setup, old, new, reported, &trial->now, &trial->refusal);
	if (r == 0)
		r = see_rerun(lab, setup, old, new, &trial->rerun);
	if (r == 0)
		r = see_rerun(lab, setup, old, new, &trial->rerun_of_new);
	if (r == 0)
		r = see_rerun(lab, setup, old, new, &trial->recovered);
	if (r == 0)
		r = see_rerun(lab, setup, old, new, &trial->recovered_twice);
	return r;
}
