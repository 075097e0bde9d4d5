/*
 * fates.c: see fates.h. Blocks of one write that share a fate are told as one: "7.data[0..3]".
 */
#include "fates.h"

#include <inttypes.h>
#include <string.h>

#define ROWS_MAX 20
#define LINE_COLUMNS 100

static const char *const fate_names[TORN_FATE_COUNT] = {
	[TORN_FATE_DURABLE] = "durable",
	[TORN_FATE_KEPT] = "pending, kept",
	[TORN_FATE_LOST] = "LOST",
};

static bool is_kind(const struct torn_lost *what, const char *name)
{
	return strcmp(torn_effect_kind_name(what->kind), name) == 0;
}

/* ------------------------------------------------------------------- names */

/* How many effects from the first of `fated` on are told as one. */
static uint32_t count_alike(const struct torn_fated *fated, uint32_t count)
{
	uint32_t alike = 1;
	while (alike < count && fated[alike].fate == fated->fate &&
	       fated[alike].what.run == fated->what.run && fated[alike].what.op == fated->what.op &&
	       fated[alike].what.kind == fated->what.kind &&
	       fated[alike].what.part == fated->what.part + alike)
		alike++;
	return alike;
}

/* "data[0..3]": without its op. */
static void add_kind(struct torn_phrase *phrase, const struct torn_lost *what, uint32_t alike)
{
	torn_phrase_add(phrase, "%s", torn_effect_kind_name(what->kind));
	if (alike > 1)
		torn_phrase_add(phrase, "[%" PRIu32 "..%" PRIu32 "]", what->part, what->part + alike - 1);
	else if (what->part > 0 || is_kind(what, "data"))
		torn_phrase_add(phrase, "[%" PRIu32 "]", what->part);
}

static void add_name(struct torn_phrase *phrase, const struct torn_lost *what, uint32_t alike)
{
	if (what->run > 0)
		torn_phrase_add(phrase, "%" PRIu32 ":", what->run);
	torn_phrase_add(phrase, "%" PRIu32 ".", what->op);
	add_kind(phrase, what, alike);
}

void torn_fates_print_lost(FILE *out, const struct torn_cut *cut)
{
	for (uint32_t i = 0; i < cut->lost_count; i++) {
		struct torn_phrase phrase;
		torn_phrase_begin(&phrase);
		add_name(&phrase, &cut->lost[i], 1);
		fprintf(out, "%s%s", i ? ", " : "", phrase.text);
	}
	if (cut->lost_count == 0)
		fprintf(out, "nothing");
}

/* ------------------------------------------------------------------ at an op */

static bool is_of(const struct torn_fated *fated, uint32_t number)
{
	return fated->what.run == 0 && fated->what.op == number;
}

/* Add those of an op that share a fate. */
static void add_fate(struct torn_phrase *phrase, const struct torn_trial *trial, uint32_t number,
		     enum torn_fate fate)
{
	bool any = false;
	for (uint32_t i = 0, alike; i < trial->fates_count; i += alike) {
		const struct torn_fated *fated = &trial->fates[i];
		alike = count_alike(fated, trial->fates_count - i);
		if (!is_of(fated, number) || fated->fate != fate)
			continue;
		torn_phrase_add(phrase, any ? ", " : "%s%s: ", phrase->size ? "; " : "", fate_names[fate]);
		add_kind(phrase, &fated->what, alike);
		any = true;
	}
}

void torn_fates_add(struct torn_phrase *phrase, const struct torn_trial *trial, uint32_t number)
{
	uint32_t counts[TORN_FATE_COUNT] = {0}, count = 0;
	for (uint32_t i = 0; number > 0 && i < trial->fates_count; i++) {
		if (!is_of(&trial->fates[i], number))
			continue;
		counts[trial->fates[i].fate]++;
		count++;
	}
	for (enum torn_fate fate = TORN_FATE_COUNT; count > 0 && fate-- > 0;) {
		if (counts[fate] == count)
			torn_phrase_add(phrase, "%s%s", phrase->size ? ", " : "", fate_names[fate]);
		else if (counts[fate] > 0)
			add_fate(phrase, trial, number, fate);
	}
}

/* --------------------------------------------------------------- what it was */

static const struct torn_op *op_of(const struct torn_trial *trial, const struct torn_lost *what)
{
	while (trial && what->run > 0 && torn_plan_runs_before(trial->plan) + 1 != what->run)
		trial = trial->before;
	return trial ? torn_log_op(trial->log, what->op) : NULL;
}

static void add_path(struct torn_phrase *phrase, const struct torn_op *op)
{
	if (op->path.size > 0 || op->fd < 0)
		torn_phrase_add_path(phrase, op->path);
	else
		torn_phrase_add(phrase, "fd %" PRId32, op->fd);
}

static void add_entry(struct torn_phrase *phrase, const struct torn_op *op)
{
	const bool is_exchange = op->kind == TORN_KIND_rename && (op->how & 2);
	const char *what = is_exchange			  ? "the exchange of "
			   : op->kind == TORN_KIND_rename ? "the rename of "
			   : op->kind == TORN_KIND_unlink ? "the removal of "
							  : "the name ";
	torn_phrase_add(phrase, "%s", what);
	if (op->kind == TORN_KIND_link) {
		torn_phrase_add_path(phrase, op->path_to);
		torn_phrase_add(phrase, " for ");
	}
	add_path(phrase, op);
	if (op->kind == TORN_KIND_rename) {
		torn_phrase_add(phrase, is_exchange ? " and " : " to ");
		torn_phrase_add_path(phrase, op->path_to);
	}
}

static void add_bytes(struct torn_phrase *phrase, const struct torn_op *op, const struct torn_fated *fated,
		      uint32_t alike)
{
	uint64_t bytes = 0;
	for (uint32_t i = 0; i < alike; i++)
		bytes += fated[i].length;
	torn_phrase_add(phrase, "%" PRIu64 " byte%s of ", bytes, bytes == 1 ? "" : "s");
	add_path(phrase, op);
	if (fated->offset > 0)
		torn_phrase_add(phrase, " at %" PRIu64, fated->offset);
}

static void add_what(struct torn_phrase *phrase, const struct torn_op *op, const struct torn_fated *fated,
		     uint32_t alike)
{
	const struct torn_lost *what = &fated->what;
	if (is_kind(what, "data")) {
		add_bytes(phrase, op, fated, alike);
		return;
	}
	if (is_kind(what, "entry")) {
		add_entry(phrase, op);
		return;
	}
	const bool is_tail = is_kind(what, "tail"), is_size = is_tail || is_kind(what, "size");
	torn_phrase_add(phrase, "%s", is_size		       ? "the size of "
				      : is_kind(what, "inode") ? "what was made as "
							       : "mode, owner or attributes of ");
	add_path(phrase, op);
	if (is_size)
		torn_phrase_add(phrase, ", %" PRIu64 "%s", fated->length, is_tail ? ", before its bytes" : "");
}

/* ------------------------------------------------------------------- table */

/* Of the longest name that gets a row. */
static int name_columns(const struct torn_trial *trial)
{
	int columns = 0;
	for (uint32_t i = 0, alike; i < trial->fates_count; i += alike) {
		struct torn_phrase name;
		torn_phrase_begin(&name);
		alike = count_alike(&trial->fates[i], trial->fates_count - i);
		add_name(&name, &trial->fates[i].what, alike);
		if (trial->fates[i].fate != TORN_FATE_DURABLE && torn_phrase_columns(&name) > columns)
			columns = torn_phrase_columns(&name);
	}
	return columns;
}

static void print_row(FILE *out, const struct torn_trial *trial, const struct torn_fated *fated,
		      uint32_t alike, int columns)
{
	struct torn_phrase name, what;
	torn_phrase_begin(&name);
	torn_phrase_begin(&what);
	add_name(&name, &fated->what, alike);
	const struct torn_op *op = op_of(trial, &fated->what);
	if (op)
		add_what(&what, op, fated, alike);
	fprintf(out, "  %-13s  %-*s  %s\n", fate_names[fated->fate], columns, name.text, what.text);
}

static void print_rows(FILE *out, const struct torn_trial *trial, enum torn_fate fate)
{
	const int columns = name_columns(trial);
	uint32_t rows = 0;
	for (uint32_t i = 0, alike; i < trial->fates_count; i += alike) {
		alike = count_alike(&trial->fates[i], trial->fates_count - i);
		if (trial->fates[i].fate == fate && rows++ < ROWS_MAX)
			print_row(out, trial, &trial->fates[i], alike, columns);
	}
	if (rows > ROWS_MAX)
		fprintf(out, "  ... and %" PRIu32 " more\n", rows - ROWS_MAX);
	if (rows == 0 && fate == TORN_FATE_LOST)
		fprintf(out, "  LOST           nothing\n");
}

/* One line of names: where all is well nobody wants to know more. */
static void print_names(FILE *out, const struct torn_trial *trial, enum torn_fate fate)
{
	struct torn_phrase line, name;
	uint32_t left_out = 0;
	torn_phrase_begin(&line);
	for (uint32_t i = 0, alike; i < trial->fates_count; i += alike) {
		alike = count_alike(&trial->fates[i], trial->fates_count - i);
		if (trial->fates[i].fate != fate)
			continue;
		torn_phrase_begin(&name);
		add_name(&name, &trial->fates[i].what, alike);
		if (line.size + name.size + 2 > LINE_COLUMNS - 30)
			left_out += alike;
		else
			torn_phrase_add(&line, "%s%s", line.size ? ", " : "", name.text);
	}
	if (line.size == 0)
		return;
	fprintf(out, "  %-13s  %s", fate_names[fate], line.text);
	if (left_out > 0)
		fprintf(out, " and %" PRIu32 " more", left_out);
	fputc('\n', out);
}

void torn_fates_print_disk(FILE *out, const struct torn_cut *cut)
{
	fprintf(out, " (a real %s", cut->disk);
	if (cut->commit > 0)
		fprintf(out, ", with a commit forced behind op %" PRIu32, cut->commit);
	fprintf(out, "; its disk had been given %" PRIu32 " request%s", cut->write, cut->write == 1 ? "" : "s");
	for (uint32_t i = 0; i < cut->dropped_count; i++) {
		const struct torn_dropped *dropped = &cut->dropped[i];
		fprintf(out, dropped->sectors > 0 ? "%s %" PRIu32 ", of which %" PRIu32 " sectors are there"
						  : "%s %" PRIu32,
			i ? "," : " and lost", dropped->write, dropped->sectors);
	}
	fputc(')', out);
}

void torn_fates_print(FILE *out, const struct torn_trial *trial)
{
	if (!trial->cut || !trial->fates || trial->cut->disk)
		return;
	fprintf(out, "\nwhen the power went (%s):\n", trial->cut->preset);
	print_rows(out, trial, TORN_FATE_LOST);
	print_rows(out, trial, TORN_FATE_KEPT);
	print_names(out, trial, TORN_FATE_DURABLE);
}
