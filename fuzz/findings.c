/* findings.c: see findings.h. */
#include "findings.h"

#include <stdlib.h>
#include <string.h>

#include "case_blobs.h"
#include "cuts.h"
#include "setup.h"

const char *torn_judgement_id(const struct torn_invariant *invariant,
			      const struct torn_judgement *judgement)
{
	return judgement->is_label ? judgement->label : invariant->id;
}

static const char *keep(struct torn_findings *findings, const char *text)
{
	const uint8_t *kept = torn_arena_copy(findings->arena, text, strlen(text)).data;
	return kept ? (const char *)kept : "";
}

uint32_t torn_order_faults(const struct torn_plan *plan)
{
	const uint32_t weakness = torn_plan_weakness(plan);
	const uint32_t faults = torn_plan_runs_before(plan) << 8 | torn_plan_faults(plan);
	return plan->cut.preset ? weakness << 16 | faults : faults << 8 | weakness;
}

bool torn_order_is_smaller(const struct torn_order *a, const struct torn_order *b)
{
	if (a->faults != b->faults)
		return a->faults < b->faults;
	if (a->world != b->world)
		return a->world < b->world;
	for (size_t i = 0; i < TORN_FAULTS_MAX; i++)
		if (a->plans[i] != b->plans[i])
			return a->plans[i] < b->plans[i];
	return a->kill < b->kill;
}

static bool is_same(const struct torn_finding *a, const struct torn_finding *b)
{
	return a->is_label == b->is_label && strcmp(a->id, b->id) == 0 &&
	       strcmp(a->role, b->role) == 0 && strcmp(a->call, b->call) == 0 &&
	       strcmp(a->fault, b->fault) == 0 && a->takes_faults == b->takes_faults;
}

/* Returns its index; a new one is empty. TORN_FINDINGS_MAX: no room. */
static uint32_t place_of(struct torn_findings *findings, const struct torn_finding *finding)
{
	for (uint32_t i = 0; i < findings->count; i++)
		if (is_same(&findings->items[i], finding))
			return i;
	if (findings->count == TORN_FINDINGS_MAX) {
		findings->overflowed = true;
		return TORN_FINDINGS_MAX;
	}
	findings->items[findings->count] = (struct torn_finding){.times = 0};
	return findings->count;
}

/* A kill needs no rules; weaker ones come behind stronger ones. */
static int rank_of(const char *preset)
{
	return strcmp(preset, "kill") == 0 ? -1 : (int)torn_preset_named(torn_bytes_of(preset));
}

static void add_preset(struct torn_finding *finding, const char *preset)
{
	size_t at = 0;
	while (at < finding->presets_count && rank_of(finding->presets[at]) < rank_of(preset))
		at++;
	const bool is_there = at < finding->presets_count && strcmp(finding->presets[at], preset) == 0;
	if (is_there || finding->presets_count == TORN_PRESETS_MAX)
		return;
	memmove(&finding->presets[at + 1], &finding->presets[at],
		(finding->presets_count - at) * sizeof *finding->presets);
	finding->presets[at] = preset;
	finding->presets_count++;
}

/* What shows without a crash needs none, whatever else shows it too. */
static void join_presets(struct torn_finding *finding, const char *const *presets, size_t count)
{
	if (finding->presets_count == 0 || count == 0)
		finding->presets_count = 0;
	for (size_t i = 0; finding->presets_count > 0 && i < count; i++)
		add_preset(finding, presets[i]);
}

/* Those of all runs, with what comes after in between. Returns how many. */
static size_t print_run(struct torn_findings *findings, const struct torn_plan *plan, const char **texts)
{
	size_t count = 0;
	if (plan->before) {
		char text[64];
		const struct torn_cut *cut = &plan->before->cut;
		count = print_run(findings, plan->before, texts);
		snprintf(text, sizeof text, "cut %u %spreset=%s", cut->op, cut->during ? "during " : "",
			 cut->preset ? cut->preset : "");
		if (cut->preset)
			texts[count++] = keep(findings, text);
		texts[count++] = plan->recovers ? "then recover" : "then run";
	}
	for (uint32_t i = 0; i < plan->faults_count; i++) {
		char text[96];
		torn_fault_print(&plan->faults[i], text, sizeof text);
		texts[count++] = keep(findings, text);
	}
	return count;
}

static void print_faults(struct torn_findings *findings, const struct torn_plan *plan,
			 struct torn_finding *finding)
{
	size_t most = 0;
	for (const struct torn_plan *run = plan; run; run = run->before)
		most += run->faults_count + 2;
	const char **texts = torn_arena_take(findings->arena, most * sizeof *texts);
	finding->faults = texts;
	finding->faults_count = texts ? print_run(findings, plan, texts) : 0;
}

/* What it takes beside faults: the weakest preset of all its cuts, or a kill; NULL: nothing. */
static const char *crash_of(const struct torn_shown *shown)
{
	const char *crash = shown->killed || shown->plan->before ? "kill" : NULL;
	int weakest = -1;
	for (const struct torn_plan *run = shown->plan; run; run = run->before) {
		const int preset =
			run->cut.preset ? (int)torn_preset_named(torn_bytes_of(run->cut.preset)) : -1;
		if (preset <= weakest)
			continue;
		weakest = preset;
		crash = run->cut.preset;
	}
	return crash;
}

static void write_case(struct torn_findings *findings, const struct torn_shown *shown,
		       struct torn_finding *finding)
{
	struct torn_case c;
	struct torn_arena *arena = shown->setup->arena;
	const size_t mark = torn_arena_mark(arena);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		return;
	torn_setup_to_case(shown->setup, shown->plan,
			   shown->judgement->is_label ? NULL : shown->invariant->id, arena, &c);
	if (!shown->setup->program || torn_case_blobs_refer(&c, arena) == 0)
		torn_case_print(&c, out);
	fclose(out);
	torn_arena_return(arena, mark);
	finding->case_text = keep(findings, text);
	finding->case_size = size;
	free(text);
}

static void tell(struct torn_findings *findings, const struct torn_shown *shown,
		 const struct torn_finding *key, struct torn_finding *to)
{
	const struct torn_judgement *judgement = shown->judgement;
	const struct torn_plan *plan = shown->plan;
	const uint64_t times = to->times;
	const double seconds = to->id ? to->seconds : shown->seconds;
	const struct torn_world *world = shown->setup->world;
	*to = *key;
	to->id = keep(findings, key->id);
	/* A program's are made in its worker, and end with it. */
	to->target = keep(findings, shown->setup->target->name);
	to->variant = keep(findings, shown->setup->variant->name);
	to->world = world ? world->name : "of its own";
	to->op = plan->faults_count && !plan->cut.preset ? plan->faults[plan->faults_count - 1].when.first
							: judgement->op;
	to->path = keep(findings, judgement->path);
	to->role = keep(findings, judgement->role);
	print_faults(findings, plan, to);
	to->is_any_fault = judgement->is_any_fault && !plan->cut.preset && to->faults_count > 0;
	to->presets_count = 0;
	if (crash_of(shown))
		add_preset(to, crash_of(shown));
	to->summary = keep(findings, judgement->summary);
	to->times = times;
	to->seconds = seconds;
	write_case(findings, shown, to);
}

void torn_findings_add(struct torn_findings *findings, const struct torn_shown *shown)
{
	const struct torn_plan *plan = shown->plan;
	const struct torn_fault *last =
		plan->faults_count ? &plan->faults[plan->faults_count - 1] : NULL;
	const bool is_cut = plan->cut.preset != NULL;
	const bool is_any = shown->judgement->is_any_fault && !is_cut;
	const struct torn_finding key = {
		.id = torn_judgement_id(shown->invariant, shown->judgement),
		.is_label = shown->judgement->is_label,
		.has_case = !shown->judgement->is_label || shown->judgement->has_case,
		.role = shown->judgement->role,
		.call = is_any			      ? ""
			: last && !is_cut	      ? torn_call_name(last->call)
			: shown->judgement->call ? torn_call_name(shown->judgement->call)
						 : "",
		.fault = is_cut ? "cut" : last && !is_any ? torn_fault_name(last->name) : "",
		.takes_faults = is_cut && (last || plan->before),
	};
	const uint32_t i = place_of(findings, &key);
	if (i == TORN_FINDINGS_MAX)
		return;
	struct torn_finding *finding = &findings->items[i];
	const bool is_elsewhere = shown->is_elsewhere && (!finding->id || finding->is_elsewhere);
	if (!finding->id || torn_order_is_smaller(&shown->order, &findings->orders[i])) {
		const struct torn_finding before = *finding;
		tell(findings, shown, &key, finding);
		findings->orders[i] = shown->order;
		if (before.id)
			join_presets(finding, before.presets, before.presets_count);
	} else {
		const char *crash = crash_of(shown);
		join_presets(finding, &crash, crash != NULL);
	}
	for (enum torn_preset preset = 0; preset < TORN_PRESET_COUNT; preset++) {
		const char *name = torn_preset_name(preset);
		if (shown->presets & TORN_PRESET_BIT(preset))
			join_presets(finding, &name, 1);
	}
	finding->is_elsewhere = is_elsewhere;
	finding->times += !shown->is_later && !shown->is_elsewhere;
	if (i == findings->count)
		findings->count = i + 1; /* last: whoever watches sees whole ones only */
}

static void copy_texts(struct torn_findings *findings, struct torn_finding *finding)
{
	finding->id = keep(findings, finding->id);
	if (finding->target && finding->variant) {
		finding->target = keep(findings, finding->target);
		finding->variant = keep(findings, finding->variant);
	}
	finding->path = keep(findings, finding->path);
	finding->role = keep(findings, finding->role);
	finding->summary = keep(findings, finding->summary);
	if (finding->case_text)
		finding->case_text = (const char *)torn_arena_copy(
			findings->arena, finding->case_text, finding->case_size).data;
	const char **faults =
		torn_arena_take(findings->arena, (finding->faults_count + 1) * sizeof *faults);
	for (size_t i = 0; faults && i < finding->faults_count; i++)
		faults[i] = keep(findings, finding->faults[i]);
	finding->faults = faults;
}

void torn_findings_merge(struct torn_findings *findings, const struct torn_finding *finding,
			 const struct torn_order *order)
{
	const uint32_t i = place_of(findings, finding);
	if (i == TORN_FINDINGS_MAX)
		return;
	struct torn_finding *to = &findings->items[i];
	const uint64_t times = to->times + finding->times;
	const bool was_later = !to->id || finding->seconds < to->seconds;
	const double seconds = was_later ? finding->seconds : to->seconds;
	const bool is_elsewhere = finding->is_elsewhere && (!to->id || to->is_elsewhere);
	if (!to->id || torn_order_is_smaller(order, &findings->orders[i])) {
		const struct torn_finding before = *to;
		*to = *finding;
		copy_texts(findings, to);
		findings->orders[i] = *order;
		if (before.id)
			join_presets(to, before.presets, before.presets_count);
	} else {
		join_presets(to, finding->presets, finding->presets_count);
	}
	to->times = times;
	to->seconds = seconds;
	to->is_elsewhere = is_elsewhere;
	if (i == findings->count)
		findings->count = i + 1;
}

/* ---------------------------------------------------------------- settling */

static int by_place(const void *a, const void *b)
{
	const struct torn_finding *left = a, *right = b;
	if (left->is_label != right->is_label)
		return left->is_label - right->is_label;
	int order = strcmp(left->id, right->id);
	if (order == 0)
		order = (left->op > right->op) - (left->op < right->op);
	if (order == 0)
		order = strcmp(left->call, right->call);
	if (order == 0)
		order = strcmp(left->fault, right->fault);
	if (order == 0)
		order = strcmp(left->role, right->role);
	if (order == 0)
		order = left->takes_faults - right->takes_faults;
	return order ? order : strcmp(left->world, right->world);
}

static struct torn_finding *without_fault(struct torn_findings *findings,
					  const struct torn_finding *like)
{
	for (uint32_t i = 0; i < findings->count; i++) {
		struct torn_finding *finding = &findings->items[i];
		if (finding != like && finding->faults_count == 0 && finding->presets_count == 0 &&
		    finding->is_label == like->is_label && strcmp(finding->id, like->id) == 0 &&
		    strcmp(finding->role, like->role) == 0)
			return finding;
	}
	return NULL;
}

/* A power cut alone shows it, under a preset that is as strong. */
static bool shows_without(const struct torn_findings *findings, const struct torn_finding *like)
{
	for (uint32_t i = 0; like->takes_faults && i < findings->count; i++) {
		struct torn_finding alone = *like;
		alone.takes_faults = false;
		if (is_same(&findings->items[i], &alone) &&
		    rank_of(findings->items[i].presets[0]) <= rank_of(like->presets[0]))
			return true;
	}
	return false;
}

void torn_findings_sort(struct torn_findings *findings)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < findings->count; i++)
		findings->items[i].is_elsewhere |= shows_without(findings, &findings->items[i]);
	for (uint32_t i = 0; i < findings->count; i++)
		if (!findings->items[i].is_elsewhere)
			findings->items[kept++] = findings->items[i];
	findings->count = kept;
	qsort(findings->items, findings->count, sizeof *findings->items, by_place);
}

void torn_findings_settle(struct torn_findings *findings)
{
	for (uint32_t i = 0; i < findings->count; i++) {
		struct torn_finding *finding = &findings->items[i];
		struct torn_finding *cause =
			finding->faults_count > 0 ? without_fault(findings, finding) : NULL;
		if (cause)
			cause->times += finding->times;
		finding->is_elsewhere |= cause != NULL; /* it is told of the one without */
	}
	torn_findings_sort(findings);
}
