/*
 * sweep.c: see sweep.h. The same sweep gives the same findings, wherever and
 * whenever it runs: nothing here looks at a clock, an address or a pid.
 */
#include "sweep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../injectors/tree.h"
#include "hashes.h"
#include "memory.h"
#include "registry.h"
#include "setup.h"

int torn_sweep_open(struct torn_sweep **ret_sweep)
{
	struct torn_arena arena;
	int r = torn_arena_open(&arena, 64u << 20);
	if (r < 0)
		return r;
	struct torn_sweep *sweep = torn_arena_take(&arena, sizeof *sweep);
	if (!sweep)
		return -ENOMEM;
	sweep->arena = arena;
	*ret_sweep = sweep;
	return 0;
}

void torn_sweep_close(struct torn_sweep *sweep)
{
	struct torn_arena arena = sweep->arena;
	torn_arena_close(&arena);
}

void torn_sweep_begin(struct torn_sweep *sweep, const struct torn_target *target,
		      const struct torn_variant *variant, uint64_t seed)
{
	struct torn_arena arena = sweep->arena;
	torn_arena_return(&arena, (sizeof *sweep + 15) & ~(size_t)15);
	memset(sweep, 0, sizeof *sweep);
	sweep->arena = arena;
	sweep->target = target;
	sweep->variant = variant;
	sweep->seed = seed;
}

static void sweep_fail(struct torn_sweep *sweep, const struct torn_setup *setup, const char *why)
{
	sweep->failed = true;
	snprintf(sweep->failure, sizeof sweep->failure, "%s%s%s%s", why, setup ? " (old state " : "",
		 setup ? setup->world->name : "", setup ? ")" : "");
}

/* A trial that cannot be judged makes the check incomplete; the others are run all the same. */
static void note_unjudged(struct torn_sweep *sweep, const struct torn_setup *setup,
			  const struct torn_plan *plan, const char *why)
{
	if (sweep->unjudged++ > 0)
		return;
	char fault[96] = "";
	if (plan->faults_count > 0)
		torn_fault_print(&plan->faults[0], fault, sizeof fault);
	snprintf(sweep->failure, sizeof sweep->failure, "%s (old state %s%s%s)", why,
		 setup->world->name, fault[0] ? ", fault " : "", fault);
}

/* --------------------------------------------------------------- findings */

static const char *keep(struct torn_sweep *sweep, const char *text)
{
	const uint8_t *kept = torn_arena_copy(&sweep->arena, text, strlen(text)).data;
	return kept ? (const char *)kept : "";
}

static const struct torn_fault *last_fault(const struct torn_plan *plan)
{
	return plan->faults_count ? &plan->faults[plan->faults_count - 1] : NULL;
}

/* A plan with the kill that a trial is at. */
static struct torn_plan plan_of(const struct torn_trial *trial)
{
	struct torn_plan plan = *trial->plan;
	const struct torn_fault *last = last_fault(&plan);
	const bool already = last && (last->name == TORN_FAULT_KILL || last->name == TORN_FAULT_SIGNAL);
	if (!trial->killed || already || plan.faults_count == TORN_FAULTS_MAX)
		return plan;
	const uint32_t number = trial->kill_op ? trial->kill_op : 1;
	plan.faults[plan.faults_count++] = (struct torn_fault){
		.when = {number, number, 0},
		.call = torn_log_op(trial->log, number)->call,
		.name = TORN_FAULT_KILL,
		.value = trial->kill_op == 0 ? TORN_KILL_BEFORE : (int64_t)trial->kill_bytes,
	};
	return plan;
}

/*
 * Findings that share invariant, call, role and kind of fault are one; one that
 * shows without any fault is one with all that show it under faults.
 */
static struct torn_finding *same_finding(struct torn_sweep *sweep, const char *id, const char *call,
					 const char *role, const char *fault)
{
	for (uint32_t i = 0; i < sweep->findings_count; i++) {
		struct torn_finding *finding = &sweep->findings[i];
		if (strcmp(finding->id, id) != 0 || strcmp(finding->role, role) != 0)
			continue;
		if (finding->faults_count == 0 ||
		    (strcmp(finding->call, call) == 0 && strcmp(finding->fault, fault) == 0))
			return finding;
	}
	return NULL;
}

static void write_case(struct torn_sweep *sweep, const struct torn_setup *setup,
		       const struct torn_plan *plan, const char *invariant,
		       struct torn_finding *finding)
{
	struct torn_case c;
	torn_setup_to_case(setup, plan, invariant, setup->arena, &c);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return;
	torn_case_print(&c, out);
	fclose(out);
	finding->case_text = keep(sweep, text);
	finding->case_size = size;
	free(text);
}

static void add(struct torn_sweep *sweep, const struct torn_setup *setup,
		const struct torn_trial *trial, const struct torn_invariant *invariant,
		const struct torn_judgement *judgement)
{
	const char *id = judgement->is_label ? judgement->label : invariant->id;
	const struct torn_plan plan = plan_of(trial);
	const struct torn_fault *last = last_fault(&plan);
	const char *call = last ? torn_call_name(last->call) : "";
	const char *fault = last ? torn_fault_name(last->name) : "";
	struct torn_finding *finding = same_finding(sweep, id, call, judgement->role, fault);
	if (finding) {
		finding->times++;
		return;
	}
	if (sweep->findings_count == TORN_FINDINGS_MAX) {
		sweep_fail(sweep, setup, "more findings than torn keeps of one variant");
		return;
	}
	finding = &sweep->findings[sweep->findings_count];
	*finding = (struct torn_finding){
		.id = keep(sweep, id),
		.is_label = judgement->is_label,
		.target = sweep->target->name,
		.variant = sweep->variant->name,
		.world = setup->world->name,
		.op = last ? last->when.first : judgement->op,
		.call = call,
		.path = keep(sweep, judgement->path),
		.role = keep(sweep, judgement->role),
		.fault = fault,
		.faults_count = plan.faults_count,
		.preset = trial->killed ? "kill" : NULL,
		.summary = keep(sweep, judgement->summary),
		.times = 1,
	};
	const char **faults =
		torn_arena_take(&sweep->arena, (plan.faults_count + 1) * sizeof *faults);
	for (uint32_t i = 0; faults && i < plan.faults_count; i++) {
		char text[96];
		torn_fault_print(&plan.faults[i], text, sizeof text);
		faults[i] = keep(sweep, text);
	}
	finding->faults = faults;
	write_case(sweep, setup, &plan, judgement->is_label ? NULL : invariant->id, finding);
	sweep->findings_count++;
}

void torn_sweep_judge(struct torn_sweep *sweep, const struct torn_setup *setup,
		      const struct torn_trial *trial)
{
	size_t count;
	const struct torn_invariant *const *invariants = torn_invariants(&count);
	for (size_t i = 0; i < count; i++) {
		struct torn_judgement judgement = {.verdict = TORN_SKIPPED};
		invariants[i]->judge(trial, &judgement);
		if (judgement.verdict == TORN_VIOLATED || judgement.is_label)
			add(sweep, setup, trial, invariants[i], &judgement);
	}
}

/* -------------------------------------------------------------- clean runs */

static uint64_t bytes_hash(uint64_t hash, struct torn_bytes bytes)
{
	for (size_t i = 0; i < bytes.size; i++)
		hash = (hash ^ bytes.data[i]) * UINT64_C(0x100000001b3);
	return (hash ^ bytes.size) * UINT64_C(0x100000001b3);
}

/* What must be the same in two clean runs: FNV-1a over the numbered ops. */
static uint64_t log_hash(const struct torn_log *log)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	for (uint32_t i = 0; i < log->count; i++) {
		const struct torn_op *op = &log->ops[i];
		const uint64_t parts[] = {op->call, op->number, op->how, (uint64_t)op->told,
					  op->offset, op->length};
		hash = bytes_hash(hash, (struct torn_bytes){(const uint8_t *)parts, sizeof parts});
		hash = bytes_hash(hash, op->path);
		hash = bytes_hash(hash, op->path_to);
		hash = bytes_hash(hash, op->data);
	}
	return hash;
}

int torn_clean_run(struct torn_lab *lab, struct torn_setup *setup, struct torn_trial *ret_trial)
{
	static const struct torn_plan nothing = {.seed = 1};
	uint64_t hashes[2] = {0, 0};
	setup->new_tree = NULL;
	for (int i = 0; i < 2; i++) {
		int r = torn_trial_run(lab, setup, &nothing, TORN_TRIAL_PLAIN, ret_trial);
		if (r != TORN_HELD)
			return r;
		hashes[i] = log_hash(ret_trial->log);
	}
	if (hashes[0] != hashes[1]) {
		snprintf(lab->failure, sizeof lab->failure,
			 "two clean runs differ: the target is not deterministic");
		return -EPROTO;
	}
	/* The trees of a run die with the next one. */
	setup->new_tree = torn_tree_copy(setup->arena, ret_trial->now);
	if (!setup->new_tree) {
		snprintf(lab->failure, sizeof lab->failure, "no room for the new tree");
		return -EPROTO;
	}
	return TORN_HELD;
}

/* ------------------------------------------------------------------- kills */

struct kill_point {
	uint32_t op;
	uint64_t bytes;
	struct torn_hash hash;
};

struct torn_sweeping {
	struct torn_sweep *sweep;
	struct torn_lab *lab;
	struct torn_setup *setup;
	struct torn_hashes trees; /* judged as what a kill leaves */
	struct kill_point *points; /* of the clean run, to be confirmed */
	size_t points_count, points_room;
	bool noting_points;
	const struct torn_node *last_tree; /* of the kill before: most calls change nothing */
};

int torn_sweeping_open(struct torn_sweep *sweep, struct torn_lab *lab, struct torn_setup *setup,
		       struct torn_sweeping **ret_sweeping)
{
	struct torn_sweeping *sweeping = calloc(1, sizeof *sweeping);
	if (!sweeping)
		return -ENOMEM;
	*sweeping = (struct torn_sweeping){.sweep = sweep, .lab = lab, .setup = setup};
	if (torn_hashes_open(&sweeping->trees) < 0) {
		free(sweeping);
		return -ENOMEM;
	}
	*ret_sweeping = sweeping;
	return 0;
}

void torn_sweeping_close(struct torn_sweeping *sweeping)
{
	torn_hashes_close(&sweeping->trees);
	free(sweeping->points);
	free(sweeping);
}

static void note_point(struct torn_sweeping *sweeping, const struct kill_point *point)
{
	if (sweeping->points_count == sweeping->points_room) {
		size_t room = sweeping->points_room ? sweeping->points_room * 2 : 64;
		struct kill_point *points =
			realloc(sweeping->points, room * sizeof *sweeping->points);
		if (!points)
			return;
		sweeping->points = points;
		sweeping->points_room = room;
	}
	sweeping->points[sweeping->points_count++] = *point;
}

static void judge_kill(struct torn_sweeping *sweeping, struct torn_trial *trial,
		       const struct torn_fold *fold, uint32_t op, uint64_t bytes)
{
	const struct torn_node *tree = torn_fold_tree(fold);
	sweeping->sweep->kills++;
	if (sweeping->noting_points) {
		const struct kill_point point = {op, bytes, tree->hash};
		note_point(sweeping, &point);
	}
	if (tree == sweeping->last_tree)
		return;
	sweeping->last_tree = tree;
	if (!torn_hashes_add(&sweeping->trees, tree->hash))
		return;
	trial->now = tree;
	trial->kill_op = op;
	trial->kill_bytes = bytes;
	torn_sweep_judge(sweeping->sweep, sweeping->setup, trial);
}

/* 1, half, all but one, and every 4 KiB of the file: in that order, each once. */
static int judge_parts(struct torn_sweeping *sweeping, struct torn_trial *trial, struct torn_fold *fold,
		       const struct torn_op *op)
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
		int r = torn_fold_step_part(fold, op, next);
		if (r < 0)
			return r;
		judge_kill(sweeping, trial, fold, op->number, next);
		if (next == boundary)
			boundary += TORN_BLOCK_SIZE;
		done = next;
	}
}

/* Every kill of a run from `first` on, by folding its log. */
static int judge_kills(struct torn_sweeping *sweeping, const struct torn_trial *run, uint32_t first)
{
	struct torn_trial trial = *run;
	trial.killed = true;
	trial.end = TORN_ENDED_BY_PLAN;
	sweeping->last_tree = NULL;
	struct torn_fold fold;
	int r = torn_fold_begin(&fold, &sweeping->lab->recorder->arena, &sweeping->setup->base);
	for (uint32_t i = 0; r == 0 && i < run->log->count; i++) {
		const struct torn_op *op = &run->log->ops[i];
		if (op->number >= first && torn_op_is_divisible(op))
			r = judge_parts(sweeping, &trial, &fold, op);
		if (r == 0)
			r = torn_fold_step(&fold, op);
		if (r == 0 && op->number >= first && op->number > 0)
			judge_kill(sweeping, &trial, &fold, op->number, 0);
	}
	return r;
}

int64_t torn_sweeping_kills(struct torn_sweeping *sweeping, const struct torn_trial *run)
{
	const uint64_t before = sweeping->sweep->kills;
	torn_hashes_clear(&sweeping->trees);
	const int r = judge_kills(sweeping, run, 1);
	return r < 0 ? r : (int64_t)(sweeping->sweep->kills - before);
}

/* A sample of the folded kills, held against a child that a SIGKILL really ends. */
static int confirm_kills(struct torn_sweeping *sweeping)
{
	struct torn_sweep *sweep = sweeping->sweep;
	for (unsigned i = 0; i < TORN_KILLS_CONFIRMED && sweeping->points_count > 0; i++) {
		const size_t spread = sweeping->points_count * (2 * i + 1) / (2 * TORN_KILLS_CONFIRMED);
		const struct kill_point *point =
			&sweeping->points[(spread + sweep->seed) % sweeping->points_count];
		struct torn_plan plan = {.seed = 1, .faults_count = 1};
		plan.faults[0] = (struct torn_fault){
			.when = {point->op, point->op, 0},
			.call = torn_log_op(&sweeping->lab->recorder->log, point->op)->call,
			.name = TORN_FAULT_KILL,
			.value = (int64_t)point->bytes,
		};
		struct torn_trial trial;
		int r = torn_trial_run(sweeping->lab, sweeping->setup, &plan,
				       TORN_TRIAL_KILL_FOR_REAL, &trial);
		if (r != TORN_HELD || trial.now->hash.low != point->hash.low ||
		    trial.now->hash.high != point->hash.high) {
			if (r >= 0)
				snprintf(sweeping->lab->failure, sizeof sweeping->lab->failure,
					 "a real SIGKILL after op %u leaves another tree than the log says",
					 point->op);
			return -EPROTO;
		}
		sweep->kills_confirmed++;
		/* The log of a killed run is cut short: have a whole one for the next. */
		static const struct torn_plan nothing = {.seed = 1};
		r = torn_trial_run(sweeping->lab, sweeping->setup, &nothing, TORN_TRIAL_PLAIN, &trial);
		if (r != TORN_HELD)
			return r < 0 ? r : -EPROTO;
	}
	return 0;
}

/* ------------------------------------------------------------------- plans */

int torn_sweeping_plan(struct torn_sweeping *sweeping, const struct torn_plan *plan)
{
	struct torn_sweep *sweep = sweeping->sweep;
	struct torn_trial trial;
	int r = torn_memory_run(sweeping->lab, sweeping->setup, plan, &trial);
	if (r == TORN_INVALID) {
		char text[96];
		torn_fault_print(&plan->faults[0], text, sizeof text);
		snprintf(sweeping->lab->failure, sizeof sweeping->lab->failure,
			 "the fault \"%s\" did not fire: the target is not deterministic", text);
		return -EPROTO;
	}
	if (r < 0)
		return r;
	sweep->trials++;
	sweep->ops += trial.log->numbered;
	torn_sweep_judge(sweep, sweeping->setup, &trial);
	if (trial.killed)
		return 0;
	r = judge_kills(sweeping, &trial, plan->faults_count ? plan->faults[0].when.first : 1);
	if (r < 0)
		snprintf(sweeping->lab->failure, sizeof sweeping->lab->failure,
			 "the log does not fold: %s", strerror(-r));
	return r < 0 ? -EPROTO : 0;
}

struct placing {
	struct torn_plan *plans;
	size_t count, room;
	struct torn_fault fault;
	bool lost;
};

static void place(void *context, int64_t value)
{
	struct placing *placing = context;
	for (size_t i = placing->count; i-- > 0;) {
		const struct torn_fault *other = &placing->plans[i].faults[0];
		if (other->when.first != placing->fault.when.first || other->name != placing->fault.name)
			break;
		if (other->value == value)
			return; /* two conditions can give one errno */
	}
	if (placing->count == placing->room) {
		size_t room = placing->room ? placing->room * 2 : 256;
		struct torn_plan *plans = realloc(placing->plans, room * sizeof *plans);
		if (!plans) {
			placing->lost = true;
			return;
		}
		placing->plans = plans;
		placing->room = room;
	}
	struct torn_plan *plan = &placing->plans[placing->count++];
	*plan = (struct torn_plan){.seed = 1, .faults_count = 1};
	plan->faults[0] = placing->fault;
	plan->faults[0].value = value;
}

/* Every fault at every op of a clean run. */
static struct placing place_all(const struct torn_log *log)
{
	struct placing placing = {0};
	for (uint32_t i = 0; i < log->count; i++) {
		const struct torn_op *op = &log->ops[i];
		if (op->number == 0)
			continue;
		for (unsigned name = 0; name < TORN_FAULT_COUNT; name++) {
			const struct torn_fault_row *row = torn_fault_row(name);
			placing.fault = (struct torn_fault){
				.when = {op->number, op->number, 0}, .call = op->call, .name = name};
			if (row->values)
				row->values(op, log->handled, place, &placing);
		}
	}
	return placing;
}

static int sweep_faults(struct torn_sweeping *sweeping, const struct torn_log *log)
{
	struct placing placing = place_all(log);
	int r = placing.lost ? -ENOMEM : 0;
	sweeping->sweep->trials_planned = sweeping->sweep->trials + placing.count;
	for (size_t i = 0; r == 0 && i < placing.count; i++) {
		r = torn_sweeping_plan(sweeping, &placing.plans[i]);
		if (r != -ENOTSUP)
			continue;
		note_unjudged(sweeping->sweep, sweeping->setup, &placing.plans[i],
			      sweeping->lab->failure);
		r = 0;
	}
	free(placing.plans);
	return r;
}

/* ------------------------------------------------------------------ worlds */

/* Else what it leaves is not new, and nothing else can be said of this old state. */
static bool ended_as_meant(const struct torn_trial *clean)
{
	if (clean->end != TORN_RETURNED || (clean->code != 0) != clean->world->refuses)
		return false;
	return !clean->world->refuses || torn_tree_equal(clean->now, clean->old_tree);
}

static int sweep_world(struct torn_sweeping *sweeping)
{
	struct torn_sweep *sweep = sweeping->sweep;
	struct torn_lab *lab = sweeping->lab;
	struct torn_setup *setup = sweeping->setup;
	struct torn_trial trial;
	int r = torn_clean_run(lab, setup, &trial);
	if (r == TORN_INVALID)
		return -EPROTO;
	if (r < 0)
		return r;
	sweep->trials += 2;
	/* The clean run makes the new tree; judged against it, it cannot fail for what it made. */
	torn_sweep_judge(sweep, setup, &trial);
	if (!ended_as_meant(&trial))
		return 0;

	static const struct torn_plan nothing = {.seed = 1};
	sweeping->noting_points = true;
	r = torn_sweeping_plan(sweeping, &nothing);
	sweeping->noting_points = false;
	if (r == 0)
		r = confirm_kills(sweeping);
	if (r < 0)
		return r;
	/* The log of the last clean run is still there. */
	return sweep_faults(sweeping, &lab->recorder->log);
}

void torn_sweep_run(struct torn_sweep *sweep, struct torn_lab *lab)
{
	struct torn_arena arena;
	if (torn_arena_open(&arena, 256u << 20) < 0) {
		sweep_fail(sweep, NULL, "no memory for the old states");
		return;
	}
	for (const struct torn_world *world = sweep->target->worlds; world->name && !sweep->failed;
	     world++) {
		struct torn_setup setup;
		char message[300] = "no room for the old state";
		if (torn_setup_world(&arena, sweep->target, sweep->variant, world, &setup, message,
				     sizeof message) < 0) {
			sweep_fail(sweep, NULL, message);
			break;
		}
		struct torn_sweeping *sweeping;
		if (torn_sweeping_open(sweep, lab, &setup, &sweeping) < 0) {
			sweep_fail(sweep, &setup, "no memory for the trees seen");
			break;
		}
		lab->on_disk = NULL;
		static const struct torn_plan nothing = {.seed = 1};
		const int r = sweep_world(sweeping);
		if (r == -ENOTSUP)
			note_unjudged(sweep, &setup, &nothing, lab->failure);
		else if (r < 0)
			sweep_fail(sweep, &setup, lab->failure);
		sweep->trees += sweeping->trees.count;
		torn_sweeping_close(sweeping);
	}
	torn_arena_close(&arena);
	sweep->done = true;
}
