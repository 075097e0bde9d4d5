/*
 * explain.c: one trial told to a person: torn_explain() of torn.h.
 *
 * The verdict comes first, then the log with the op where it went wrong marked
 * by ">", then what the target reported, then each watched path as it was, as
 * it should be and as it is, then what lies around, and at last, after a crash,
 * how the next run fared, and the target's recovery. Nothing in it depends on the clock, the terminal or
 * the locale.
 */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "difference.h"
#include "ends.h"
#include "escape.h"
#include "fates.h"
#include "narrate.h"
#include "phrase.h"

#define REQUEST_COLUMNS_MAX 60
#define ANSWER_COLUMNS 10
#define LITTER_SHOWN_MAX 20

static void print_text(FILE *out, const char *text)
{
	struct torn_phrase phrase;
	torn_phrase_begin(&phrase);
	torn_phrase_add_text(&phrase, text);
	fprintf(out, "%s", phrase.text);
}

/* --------------------------------------------------------------- headline */

static void print_headline(FILE *out, const struct torn_trial *trial,
			   const struct torn_invariant *invariant,
			   const struct torn_judgement *judgement)
{
	fprintf(out, "%s@%s: ", trial->target->name, trial->variant->name);
	if (judgement->is_label) {
		fprintf(out, "label %s", judgement->label);
	} else if (!invariant) { /* the case names none, and none is violated */
		fprintf(out, "every invariant HELD");
	} else {
		fprintf(out, "%s ", invariant->id);
		for (const char *c = torn_verdict_name(judgement->verdict); *c; c++)
			fputc(toupper((unsigned char)*c), out);
	}
	if (judgement->summary[0]) {
		fprintf(out, ": ");
		print_text(out, judgement->summary);
	}
	fputc('\n', out);
}

static void print_plan(FILE *out, const struct torn_trial *trial)
{
	torn_ends_print_before(out, trial);
	fprintf(out, "plan: %s", trial->plan->recovers ? "recovery, " : trial->before ? "run again, " : "");
	const bool any = torn_ends_print_faults(out, trial->plan, true);
	if (trial->cut)
		fprintf(out, any ? ", then a power cut" : "a power cut");
	else if (!any)
		fprintf(out, "no fault");
	fputc('\n', out);
	if (trial->world)
		fprintf(out, "old state: %s\n", trial->world->name);
}

/* -------------------------------------------------------------------- log */

struct telling {
	FILE *out;
	const struct torn_trial *trial;
	uint32_t marked; /* op where it went wrong, 0: none */
	int columns;	 /* of the requests */
};

static bool is_killed_half_way(const struct torn_trial *trial, const struct torn_op *op)
{
	return trial->killed && trial->kill_bytes > 0 && op->number == trial->kill_op;
}

static void add_note(struct torn_phrase *phrase, const struct torn_trial *trial,
		     const struct torn_op *op)
{
	const struct torn_fault *fault = op->fault > 0 ? &trial->plan->faults[op->fault - 1] : NULL;
	/* That it was killed is told from the trial, whether by a plan or by a fold. */
	if (fault && !(trial->killed && fault->name == TORN_FAULT_KILL))
		torn_narrate_fault(phrase, op, fault);
	if (op->flags & TORN_OP_FATAL)
		torn_phrase_add(phrase, "%sthe signal ends it", phrase->size ? ", " : "");
	torn_fates_add(phrase, trial, op->number);
	if (!trial->killed || trial->kill_op != op->number || op->number == 0)
		return;
	const char *comma = phrase->size ? ", " : "";
	if (trial->cut)
		torn_phrase_add(phrase, "%sthe power goes%s", phrase->size ? "; " : "", trial->cut->during ? " meanwhile" : "");
	else if (trial->kill_bytes > 0)
		torn_phrase_add(phrase, "%s%" PRIu64 " of %" PRIu64 " byte%s, then killed", comma,
				trial->kill_bytes, op->length, op->length == 1 ? "" : "s");
	else
		torn_phrase_add(phrase, "%sthen killed", comma);
}

static void print_padded(FILE *out, const struct torn_phrase *phrase, int columns)
{
	fprintf(out, "%s%*s", phrase->text,
		columns > torn_phrase_columns(phrase) ? columns - torn_phrase_columns(phrase) : 0,
		"");
}

static void print_op(const struct telling *telling, const struct torn_op *op, bool happened)
{
	struct torn_phrase request, answer, note;
	char number[16] = "-";
	torn_phrase_begin(&request);
	torn_phrase_begin(&answer);
	torn_phrase_begin(&note);
	torn_narrate_request(&request, op);
	if (!happened)
		torn_phrase_add(&answer, "(never happened)");
	else if (!is_killed_half_way(telling->trial, op))
		torn_narrate_answer(&answer, op);
	if (happened)
		add_note(&note, telling->trial, op);
	if (op->number > 0)
		snprintf(number, sizeof number, "%" PRIu32, op->number);
	fprintf(telling->out, "%c %3s  %-10s  ",
		op->number > 0 && op->number == telling->marked ? '>' : ' ', number,
		torn_call_name((enum torn_call)op->call));
	if (answer.size + note.size == 0) {
		fprintf(telling->out, "%s\n", request.text);
		return;
	}
	print_padded(telling->out, &request, telling->columns);
	fprintf(telling->out, "  ");
	print_padded(telling->out, &answer, note.size > 0 ? ANSWER_COLUMNS : 0);
	fprintf(telling->out, "%s%s\n", note.size > 0 ? "  " : "", note.text);
}

static int request_columns(const struct torn_log *log)
{
	int columns = 0;
	for (uint32_t i = 0; i < log->count; i++) {
		struct torn_phrase phrase;
		torn_phrase_begin(&phrase);
		torn_narrate_request(&phrase, &log->ops[i]);
		int own = torn_phrase_columns(&phrase);
		if (own > columns && own <= REQUEST_COLUMNS_MAX)
			columns = own;
	}
	return columns;
}

static void print_skipped(FILE *out, uint32_t *skipped)
{
	if (*skipped > 0)
		fprintf(out, "  ... %" PRIu32 " more call%s never happened\n", *skipped,
			*skipped == 1 ? "" : "s");
	*skipped = 0;
}

/* Of a long log its middle, but what a fault did and the op that is marked. */
#define LOG_BEGIN_SHOWN 100
#define LOG_END_SHOWN 50

static bool is_left_out(const struct telling *telling, uint32_t i)
{
	const struct torn_log *log = telling->trial->log;
	const struct torn_op *op = &log->ops[i];
	return i >= LOG_BEGIN_SHOWN && i + LOG_END_SHOWN < log->count && op->fault == 0 &&
	       (op->number == 0 || op->number != telling->marked) &&
	       !(telling->trial->killed && op->number == telling->trial->kill_op);
}

static void print_log(const struct telling *telling)
{
	const struct torn_trial *trial = telling->trial;
	uint32_t skipped = 0, left_out = 0;
	bool dead = trial->killed && trial->kill_op == 0;
	if (dead)
		fprintf(telling->out, "       %s before its first call\n",
			trial->cut ? "the power goes" : "killed");
	for (uint32_t i = 0; i < trial->log->count; i++) {
		const struct torn_op *op = &trial->log->ops[i];
		if (!dead && is_left_out(telling, i)) {
			left_out++;
			continue;
		}
		if (left_out > 0)
			fprintf(telling->out, "  ... %" PRIu32 " more calls\n", left_out);
		left_out = 0;
		if (!dead) {
			print_op(telling, op, true);
			dead = trial->killed && op->number == trial->kill_op;
		} else if (op->number > 0 && op->number == telling->marked) {
			print_skipped(telling->out, &skipped);
			print_op(telling, op, false);
		} else if (op->number > 0) {
			skipped++;
		}
	}
	print_skipped(telling->out, &skipped);
	if (trial->log->count == 0)
		fprintf(telling->out, "       no calls\n");
}

/* --------------------------------------------------------------- reported */

static void print_kill(FILE *out, const struct torn_trial *trial)
{
	if (trial->kill_op == 0)
		fprintf(out, "nothing: killed before op 1");
	else if (trial->kill_bytes > 0)
		fprintf(out, "nothing: killed in op %" PRIu32 ", %" PRIu64 " byte%s into it",
			trial->kill_op, trial->kill_bytes, trial->kill_bytes == 1 ? "" : "s");
	else
		fprintf(out, "nothing: killed after op %" PRIu32, trial->kill_op);
}

static void print_cut(FILE *out, const struct torn_trial *trial)
{
	if (trial->acknowledged) {
		torn_end_print(out, trial->end, trial->code);
		fprintf(out, "; then the power goes");
	} else {
		fprintf(out, "nothing: the power goes %s op %" PRIu32,
			trial->cut->during ? "during" : "after", trial->cut->op);
	}
	if (trial->cut->disk)
		torn_fates_print_disk(out, trial->cut);
	else
		fprintf(out, " (%s)", trial->cut->preset);
}

static void print_reported(FILE *out, const struct torn_trial *trial)
{
	fprintf(out, "\nreported: ");
	if (trial->cut)
		print_cut(out, trial);
	else if (trial->killed)
		print_kill(out, trial);
	else
		torn_end_print(out, trial->end, trial->code);
	fputc('\n', out);
	for (uint32_t i = 0; i < trial->leaks_count; i++) {
		fprintf(out, "left in the process: %s", trial->leaks[i].what);
		if (trial->leaks[i].detail[0]) {
			fprintf(out, ", ");
			print_text(out, trial->leaks[i].detail);
		}
		if (trial->leaks[i].op > 0)
			fprintf(out, " (from op %" PRIu32 ")", trial->leaks[i].op);
		fputc('\n', out);
	}
}

/* ------------------------------------------------------------------ paths */

/* Watched paths may be written with a leading slash; trees know none. */
static struct torn_bytes tree_path(const char *path)
{
	while (*path == '/')
		path++;
	return (struct torn_bytes){(const uint8_t *)path, strlen(path)};
}

static void print_node(FILE *out, const char *name, const struct torn_node *node,
		       const char *remark)
{
	struct torn_phrase phrase;
	torn_phrase_begin(&phrase);
	torn_difference_add_node(&phrase, node);
	fprintf(out, "  %s  %s%s\n", name, phrase.text, remark);
}

static void print_path(FILE *out, struct torn_bytes path, const struct torn_node *node,
		       const char *remark)
{
	struct torn_phrase phrase;
	torn_phrase_begin(&phrase);
	torn_phrase_add_path(&phrase, path);
	torn_phrase_add(&phrase, "  ");
	torn_difference_add_node(&phrase, node);
	fprintf(out, "  %s%s\n", phrase.text, remark);
}

/* Bytes that differ are worth showing where nothing whole is there, or where the promise broke. */
static bool is_worth_a_dump(const struct torn_trial *trial, const struct torn_judgement *judgement,
			    struct torn_bytes path)
{
	const struct torn_node *now = torn_tree_find(trial->now, path);
	if (judgement->path[0] && torn_bytes_equal(tree_path(judgement->path), path))
		return true;
	return !torn_tree_same_content(torn_tree_find(trial->old_tree, path), now) &&
	       !(trial->new_tree &&
		 torn_tree_same_content(torn_tree_find(trial->new_tree, path), now));
}

static const char *compare(const struct torn_trial *trial, const struct torn_node *before,
			   const struct torn_node *after, const struct torn_node *now)
{
	bool is_old = torn_tree_same_content(before, now);
	if (!trial->new_tree)
		return is_old ? ": as before" : ": changed";
	bool is_new = torn_tree_same_content(after, now);
	return is_old && is_new ? ": old and new"
	       : is_old		? ": old"
	       : is_new		? ": new"
				: ": NEITHER OLD NOR NEW";
}

static void print_watched(FILE *out, const struct torn_trial *trial,
			  const struct torn_judgement *judgement, struct torn_bytes path)
{
	const struct torn_node *before = torn_tree_find(trial->old_tree, path);
	const struct torn_node *after =
		trial->new_tree ? torn_tree_find(trial->new_tree, path) : NULL;
	const struct torn_node *now = torn_tree_find(trial->now, path);
	struct torn_phrase phrase;
	torn_phrase_begin(&phrase);
	torn_phrase_add_path(&phrase, path);
	fprintf(out, "\n%s\n", phrase.text);
	print_node(out, "old", before, "");
	if (trial->new_tree)
		print_node(out, "new", after, "");
	else
		fprintf(out, "  new  not known: this is the clean run\n");
	print_node(out, "now", now, compare(trial, before, after, now));
	if (!is_worth_a_dump(trial, judgement, path))
		return;
	torn_difference_print(out, now, after, "new");
	torn_difference_print(out, now, before, "old");
}

/* ----------------------------------------------------------------- litter */

struct litter {
	FILE *out;
	const struct torn_trial *trial;
	uint32_t count;
};

static bool is_watched(const struct torn_promised *promised, struct torn_bytes path)
{
	for (size_t i = 0; i < promised->watch_count; i++) {
		if (torn_bytes_equal(promised->watch[i], path))
			return true;
	}
	return false;
}

static bool visit_litter(void *context, struct torn_bytes path, const struct torn_node *before,
			 const struct torn_node *now)
{
	struct litter *litter = context;
	const struct torn_trial *trial = litter->trial;
	if (before || !now || torn_tree_find(trial->new_tree, path) ||
	    is_watched(trial->promised, path))
		return true;
	if (litter->count++ == 0)
		fprintf(litter->out, "\nleft over, neither in old nor in new:\n");
	if (litter->count <= LITTER_SHOWN_MAX)
		print_path(litter->out, path, now, "");
	return true;
}

static void print_litter(FILE *out, const struct torn_trial *trial)
{
	struct litter litter = {out, trial, 0};
	if (!trial->new_tree)
		return; /* in the clean run nothing says yet what belongs there */
	torn_tree_differences(trial->old_tree, trial->now, visit_litter, &litter);
	if (litter.count > LITTER_SHOWN_MAX)
		fprintf(out, "  ... and %" PRIu32 " more\n", litter.count - LITTER_SHOWN_MAX);
}

/* ------------------------------------------------------------------ rerun */

/* What the kill left, and the next run left again. */
static bool visit_left_again(void *context, struct torn_bytes path, const struct torn_node *before,
			     const struct torn_node *after)
{
	struct litter *litter = context;
	const struct torn_trial *trial = litter->trial;
	if (before || !after || !torn_tree_find(trial->now, path) ||
	    torn_tree_find(trial->new_tree, path))
		return true;
	if (litter->count++ < LITTER_SHOWN_MAX)
		print_path(litter->out, path, after, ": still left over");
	return true;
}

/* How a run ended that found what the crash had left, and what it made of the watched paths. */
static void print_outcome(FILE *out, const struct torn_trial *trial, const struct torn_rerun *run)
{
	torn_end_print(out, run->end, run->code);
	fputc('\n', out);
	for (size_t i = 0; i < trial->promised->watch_count; i++) {
		const struct torn_bytes path = trial->promised->watch[i];
		const struct torn_node *after = torn_tree_find(run->tree, path);
		print_path(out, path, after,
			   compare(trial, torn_tree_find(trial->old_tree, path),
				   torn_tree_find(trial->new_tree, path), after));
	}
}

static void print_rerun(FILE *out, const struct torn_trial *trial)
{
	const struct torn_rerun *rerun = trial->rerun;
	if (!rerun)
		return;
	fprintf(out, "\nrun again: ");
	print_outcome(out, trial, rerun);
	struct litter litter = {out, trial, 0};
	torn_tree_differences(trial->old_tree, rerun->tree, visit_left_again, &litter);
	if (litter.count > LITTER_SHOWN_MAX)
		fprintf(out, "  ... and %" PRIu32 " more\n", litter.count - LITTER_SHOWN_MAX);
}

/* --------------------------------------------------------------- recovery */

static bool visit_other(void *context, struct torn_bytes path, const struct torn_node *first,
			const struct torn_node *second)
{
	struct litter *litter = context;
	(void)first;
	if (litter->count++ < LITTER_SHOWN_MAX)
		print_path(litter->out, path, second, "");
	return true;
}

/* What a second one made of what the first one left. */
static void print_recovered_twice(FILE *out, const struct torn_trial *trial)
{
	const struct torn_rerun *twice = trial->recovered_twice;
	const bool is_same = torn_tree_equal(trial->recovered->tree, twice->tree);
	fprintf(out, "recovery again: ");
	torn_end_print(out, twice->end, twice->code);
	fprintf(out, is_same ? ", and all is the same\n" : ", and this is another:\n");
	struct litter litter = {out, trial, 0};
	torn_tree_differences(trial->recovered->tree, twice->tree, visit_other, &litter);
	if (litter.count > LITTER_SHOWN_MAX)
		fprintf(out, "  ... and %" PRIu32 " more\n", litter.count - LITTER_SHOWN_MAX);
}

static void print_recovery(FILE *out, const struct torn_trial *trial)
{
	if (!trial->recovered)
		return;
	fprintf(out, "\nrecovery: ");
	print_outcome(out, trial, trial->recovered);
	if (trial->recovered_twice)
		print_recovered_twice(out, trial);
}

/* The op to mark: the invariant's own or, where it has none, where the plan acted last. */
static uint32_t where_it_went_wrong(const struct torn_trial *trial,
				    const struct torn_judgement *judgement)
{
	if (judgement->op > 0)
		return judgement->op;
	if (trial->killed)
		return trial->kill_op; /* 0: before the first, and none is to blame */
	const struct torn_plan *plan = trial->plan;
	return plan->faults_count > 0 ? plan->faults[plan->faults_count - 1].when.first : 0;
}

/* As one would type it, in its directory. */
static void print_command(FILE *out, const struct torn_trial *trial)
{
	struct torn_phrase phrase;
	if (!trial->target->is_program)
		return;
	torn_phrase_begin(&phrase);
	torn_phrase_add_text(&phrase, trial->target->summary);
	fprintf(out, "command: %s\n", phrase.text);
}

/* The innermost function of the program itself is marked. */
static void print_stack(FILE *out, const struct torn_trial *trial)
{
	if (trial->stack_count == 0)
		return;
	fprintf(out, "\nop %" PRIu32 " is called from\n", trial->stack_op);
	for (size_t i = 0; i < trial->stack_count; i++) {
		struct torn_phrase phrase;
		torn_phrase_begin(&phrase);
		torn_phrase_add_text(&phrase, (const char *)trial->stack[i].data);
		fprintf(out, "%c   %s\n", i == trial->stack_own ? '>' : ' ', phrase.text);
	}
}

void torn_explain(FILE *out, const struct torn_trial *trial, const struct torn_invariant *invariant,
		  const struct torn_judgement *judgement)
{
	torn_phrase_tell_of(trial->target);
	print_headline(out, trial, invariant, judgement);
	print_command(out, trial);
	print_plan(out, trial);
	fputc('\n', out);
	print_log(&(struct telling){out, trial, where_it_went_wrong(trial, judgement),
				    request_columns(trial->log)});
	print_stack(out, trial);
	print_reported(out, trial);
	torn_fates_print(out, trial);
	for (size_t i = 0; i < trial->promised->watch_count; i++)
		print_watched(out, trial, judgement, trial->promised->watch[i]);
	print_litter(out, trial);
	print_rerun(out, trial);
	print_recovery(out, trial);
}
