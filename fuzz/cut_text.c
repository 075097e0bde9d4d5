/*
 * cut_text.c: see cut_text.h for the grammar.
 *
 * The list of what was lost may be long, and an arena cannot let an array grow: it
 * is walked twice, once to see that it is right and how long it is.
 */
#include "cut_text.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "../injectors/device_fs.h"
#include "../injectors/presets.h"
#include "fault_text.h"

static const char during[] = "during", preset_is[] = "preset=", lost_is[] = "lost=", disk_is[] = "disk=",
		  commit_is[] = "commit=", write_is[] = "write=", drop_is[] = "drop=", torn_is[] = "torn=";
static const char *const own_words[] = {during, preset_is, lost_is, disk_is, commit_is, write_is, drop_is, torn_is};

#define OWN_WORDS_COUNT (sizeof(own_words) / sizeof(own_words[0]))

static struct torn_bytes without(struct torn_bytes bytes, size_t prefix_size)
{
	return (struct torn_bytes){bytes.data + prefix_size, bytes.size - prefix_size};
}

/* ----------------------------------------------------------------- reading */

/* Say whether a word is "NAME=VALUE", and give the value; a quoted one begins with its quote. */
static bool is_option(const struct torn_word *word, const char *name, struct torn_bytes *ret_value)
{
	const size_t size = strlen(name);
	if (word->raw.size < size || memcmp(word->raw.data, name, size) != 0)
		return false;
	*ret_value = without(word->raw, size);
	return true;
}

/* Take bytes up to the next `separator` off a text; without one, all of it: then it has no data. */
static struct torn_bytes take_until(struct torn_bytes *text, uint8_t separator)
{
	const uint8_t *at = text->size ? memchr(text->data, separator, text->size) : NULL;
	const struct torn_bytes taken = {text->data,
					 at ? (size_t)(at - text->data) : text->size};
	*text = at ? without(*text, taken.size + 1) : (struct torn_bytes){NULL, 0};
	return taken;
}

static bool kind_named(struct torn_bytes name, uint32_t *ret_kind)
{
	for (uint32_t kind = 0; kind < TORN_EFFECT_KIND_COUNT; kind++) {
		if (!torn_bytes_equal(name, torn_bytes_of(torn_effect_kind_name(kind))))
			continue;
		*ret_kind = kind;
		return true;
	}
	return false;
}

static int refuse_kind(struct torn_words *words, struct torn_bytes found)
{
	char kinds[96];
	size_t used = 0;
	for (uint32_t kind = 0; kind < TORN_EFFECT_KIND_COUNT; kind++) {
		used += (size_t)snprintf(kinds + used, sizeof(kinds) - used, "%s%s",
					 kind ? ", " : "", torn_effect_kind_name(kind));
		assert(used < sizeof(kinds));
	}
	return torn_words_refuse_bytes(words, found, "one of %s", kinds);
}

/* Where the cut is. */
struct place {
	uint32_t op, runs_before;
};

/* [RUN:]OP.KIND[PART] */
static int parse_effect(struct torn_words *words, const struct place *place, struct torn_bytes text,
			struct torn_lost *ret_lost)
{
	struct torn_lost lost = {0};
	struct torn_bytes rest = text;
	uint32_t last = place->op;
	uint64_t run;
	if (memchr(text.data, ':', text.size)) {
		const struct torn_bytes number = take_until(&rest, ':');
		if (!torn_word_number(number, 1, place->runs_before, &run))
			return torn_words_refuse_bytes(words, number, "the number of a run before this one");
		lost.run = (uint32_t)run;
		last = TORN_WHEN_MAX;
	}
	const struct torn_bytes op = take_until(&rest, '.');
	uint64_t number;
	if (!rest.data)
		return torn_words_refuse_bytes(words, text, "an effect OP.KIND[PART]");
	if (!torn_word_number(op, 1, last, &number))
		return torn_words_refuse_bytes(words, op, "an op number from 1 to %" PRIu32, last);
	lost.op = (uint32_t)number;

	const struct torn_bytes kind = take_until(&rest, '[');
	if (!kind_named(kind, &lost.kind))
		return refuse_kind(words, kind);
	if (rest.data) {
		const struct torn_bytes part = take_until(&rest, ']');
		if (!rest.data || rest.size)
			return torn_words_refuse_bytes(words, text, "a part in brackets, [PART]");
		if (!torn_word_number(part, 0, UINT32_MAX, &number))
			return torn_words_refuse_bytes(words, part,
						       "the number of a part from 0 to %" PRIu32,
						       UINT32_MAX);
		lost.part = (uint32_t)number;
	} else if (lost.kind == TORN_EFFECT_DATA) {
		/* it would pass for all that the op wrote */
		return torn_words_refuse_bytes(words, text, "data with its part, [PART]");
	}
	*ret_lost = lost;
	return 0;
}

/* What a walk in program order has come by: of the op at hand the next part of each kind. */
struct order {
	uint32_t run, op;
	uint64_t parts[TORN_EFFECT_KIND_COUNT];
};

static int check_order(struct torn_words *words, struct order *order, const struct torn_lost *lost,
		       struct torn_bytes text)
{
	/* The run at hand is the last. */
	if (lost->run - 1u < order->run - 1u)
		return torn_words_refuse_bytes(words, text, "effects in program order (run by run)");
	if (lost->run != order->run)
		*order = (struct order){.run = lost->run};
	if (lost->op < order->op)
		return torn_words_refuse_bytes(words, text,
					       "effects in program order (op %" PRIu32
					       " stands before it)",
					       order->op);
	if (lost->op > order->op)
		*order = (struct order){.run = lost->run, .op = lost->op};
	uint64_t *next = &order->parts[lost->kind];
	if (lost->part + UINT64_C(1) == *next)
		return torn_words_refuse_bytes(words, text, "each effect once");
	if (lost->part < *next)
		return torn_words_refuse_bytes(words, text,
					       "effects in program order (part %" PRIu64
					       " stands before it)",
					       *next - 1);
	*next = lost->part + UINT64_C(1);
	return 0;
}

/* `ret_items` NULL: they are only counted. */
static int parse_effects(struct torn_words *words, const struct place *place, struct torn_bytes list,
			 struct torn_lost *ret_items, uint32_t *ret_count)
{
	struct order order = {.run = 1};
	uint32_t count = 0;
	do {
		const struct torn_bytes text = take_until(&list, ',');
		struct torn_lost lost;
		int error = parse_effect(words, place, text, &lost);
		if (!error)
			error = check_order(words, &order, &lost, text);
		if (error)
			return error;
		if (ret_items)
			ret_items[count] = lost;
		count++;
	} while (list.data);
	*ret_count = count;
	return 0;
}

static int parse_lost(struct torn_words *words, struct torn_arena *arena,
		      const struct torn_word *word, uint32_t runs_before, struct torn_cut *cut)
{
	const struct place place = {cut->op, runs_before};
	struct torn_bytes list;
	if (!is_option(word, lost_is, &list))
		return torn_words_refuse(words, word, "lost= or the end of the line");
	if (cut->op == 0 && runs_before == 0)
		return torn_words_refuse(words, word, "the end of the line (before the first op "
						      "nothing is lost)");
	int error = parse_effects(words, &place, list, NULL, &cut->lost_count);
	if (error)
		return error;
	struct torn_lost *lost = torn_arena_take_raw(arena, cut->lost_count * sizeof(*lost));
	if (!lost)
		return -ENOMEM;
	cut->lost = lost;
	return parse_effects(words, &place, list, lost, &cut->lost_count);
}

static int parse_moment(struct torn_words *words, struct torn_cut *cut, struct torn_word *ret_next)
{
	struct torn_word word;
	uint64_t op;
	int error = torn_words_next(words, &word);
	if (error)
		return error;
	if (!torn_word_number(word.raw, 0, TORN_WHEN_MAX, &op))
		return torn_words_refuse(words, &word, "an op number from 0 to %" PRIu32,
					 TORN_WHEN_MAX);
	cut->op = (uint32_t)op;
	error = torn_words_next(words, &word);
	if (!error && torn_word_is(&word, during)) {
		if (cut->op == 0)
			return torn_words_refuse(words, &word, "preset=NAME (there is no op 0)");
		cut->during = true;
		error = torn_words_next(words, &word);
	}
	if (!error)
		*ret_next = word;
	return error;
}

static int parse_preset(struct torn_words *words, const struct torn_word *word,
			struct torn_cut *cut)
{
	struct torn_bytes name;
	if (!is_option(word, preset_is, &name))
		return torn_words_refuse(words, word, "%spreset=NAME or disk=FS",
					 cut->op == 0 || cut->during ? "" : "during, ");
	const enum torn_preset preset = torn_preset_named(name);
	if (preset == TORN_PRESET_COUNT)
		return torn_words_refuse_bytes(words, name, "a preset (see torn list presets)");
	cut->preset = torn_preset_name(preset);
	return 0;
}

/* ---------------------------------------------------------- of a real disk */

static int parse_disk(struct torn_words *words, struct torn_arena *arena, struct torn_bytes text,
		      struct torn_cut *cut)
{
	struct torn_device_choice choice;
	char expected[128], name[160];
	if (torn_device_choose(text, &choice, expected, sizeof expected) < 0)
		return torn_words_refuse_bytes(words, text, "%s", expected);
	torn_device_choice_text(&choice, name, sizeof name);
	cut->preset = torn_preset_name(choice.preset);
	cut->disk = (const char *)torn_arena_copy(arena, name, strlen(name)).data;
	return cut->disk ? 0 : -ENOMEM;
}

/* Take NAME=NUMBER, where it stands next, and read on. */
static int parse_count(struct torn_words *words, struct torn_word *word, const char *name, uint32_t least,
		       uint32_t *ret_number)
{
	struct torn_bytes text;
	uint64_t number;
	if (!is_option(word, name, &text))
		return 0;
	if (!torn_word_number(text, least, TORN_WHEN_MAX, &number))
		return torn_words_refuse_bytes(words, text, "a number from %" PRIu32 " to %" PRIu32, least, TORN_WHEN_MAX);
	*ret_number = (uint32_t)number;
	return torn_words_next(words, word);
}

/* W or, of one that is torn, W:SECTORS. */
static int parse_write(struct torn_words *words, const struct torn_cut *cut, struct torn_bytes text, bool is_torn,
		       struct torn_dropped *ret_dropped)
{
	uint64_t write, sectors = 0;
	struct torn_bytes rest = text;
	const struct torn_bytes first = is_torn ? take_until(&rest, ':') : text;
	if (!torn_word_number(first, 1, cut->write, &write))
		return torn_words_refuse_bytes(words, first, "a write from 1 to %" PRIu32, cut->write);
	if (is_torn && (!rest.data || !torn_word_number(rest, 1, TORN_WHEN_MAX, &sectors)))
		return torn_words_refuse_bytes(words, text, "a write and its sectors, W:SECTORS");
	*ret_dropped = (struct torn_dropped){(uint32_t)write, (uint32_t)sectors};
	return 0;
}

static int parse_writes(struct torn_words *words, struct torn_cut *cut, struct torn_bytes list, bool is_torn,
			struct torn_dropped *dropped)
{
	uint32_t last = 0;
	do {
		const struct torn_bytes text = take_until(&list, ',');
		if (cut->dropped_count == TORN_DROPPED_MAX)
			return torn_words_refuse_bytes(words, text, "at most %u writes that are lost", TORN_DROPPED_MAX);
		struct torn_dropped *next = &dropped[cut->dropped_count];
		const int error = parse_write(words, cut, text, is_torn, next);
		if (error)
			return error;
		if (next->write <= last)
			return torn_words_refuse_bytes(words, text, "writes in their order, each once");
		last = next->write;
		cut->dropped_count++;
	} while (list.data);
	return 0;
}

static int by_write(const void *a, const void *b)
{
	const struct torn_dropped *one = a, *other = b;
	return one->write < other->write ? -1 : one->write > other->write;
}

/* The end of the line is where this is seen, and tells nobody which one it is. */
static int refuse_twice(struct torn_words *words, uint32_t write)
{
	char found[40];
	snprintf(found, sizeof found, "write %" PRIu32 " in both", write);
	return torn_words_refuse_bytes(words, torn_bytes_of(found), "each write once, in drop= or in torn=");
}

static int parse_dropped(struct torn_words *words, struct torn_arena *arena, struct torn_word *word,
			 struct torn_cut *cut)
{
	struct torn_bytes list;
	struct torn_dropped *dropped = torn_arena_take(arena, TORN_DROPPED_MAX * sizeof *dropped);
	int error = dropped ? 0 : -ENOMEM;
	for (int is_torn = 0; !error && is_torn < 2; is_torn++) {
		if (!is_option(word, is_torn ? torn_is : drop_is, &list))
			continue;
		if (cut->write == 0)
			return torn_words_refuse(words, word, "the end of the line (write=0: the disk was given no write that could be lost)");
		error = parse_writes(words, cut, list, is_torn, dropped);
		if (!error)
			error = torn_words_next(words, word);
	}
	if (error)
		return error;
	qsort(dropped, cut->dropped_count, sizeof *dropped, by_write);
	for (uint32_t i = 1; i < cut->dropped_count; i++)
		if (dropped[i].write == dropped[i - 1].write)
			return refuse_twice(words, dropped[i].write);
	cut->dropped = cut->dropped_count ? dropped : NULL;
	return word->kind == TORN_WORD_END ? 0
					   : torn_words_refuse(words, word, "drop=, torn= or the end of the line");
}

/* Behind disk=FS. */
static int parse_on_disk(struct torn_words *words, struct torn_arena *arena, struct torn_cut *cut)
{
	struct torn_word word;
	struct torn_bytes text;
	int error = torn_words_next(words, &word);
	if (!error)
		error = parse_count(words, &word, commit_is, 1, &cut->commit);
	if (!error && !is_option(&word, write_is, &text))
		return torn_words_refuse(words, &word, "write=W");
	if (!error) /* 0: not even the mount had written yet, as with XFS and btrfs at the end of a short run */
		error = parse_count(words, &word, write_is, 0, &cut->write);
	return error ? error : parse_dropped(words, arena, &word, cut);
}

int torn_cut_parse(struct torn_words *words, struct torn_arena *arena, uint32_t runs_before,
		   struct torn_cut *ret_cut)
{
	struct torn_cut cut = {0};
	struct torn_word word;
	struct torn_bytes disk;
	int error = parse_moment(words, &cut, &word);
	if (!error && is_option(&word, disk_is, &disk)) {
		error = parse_disk(words, arena, disk, &cut);
		if (!error)
			error = parse_on_disk(words, arena, &cut);
	} else if (!error) {
		error = parse_preset(words, &word, &cut);
		if (!error)
			error = torn_words_next(words, &word);
		if (!error && word.kind != TORN_WORD_END)
			error = parse_lost(words, arena, &word, runs_before, &cut);
	}
	if (!error)
		error = torn_words_finish(words);
	if (error)
		return error;
	*ret_cut = cut;
	return 0;
}

/* ---------------------------------------------------------------- printing */

static void print_dropped(const struct torn_cut *cut, const char *name, bool is_torn, FILE *out)
{
	const char *before = name;
	for (uint32_t i = 0; i < cut->dropped_count; i++) {
		const struct torn_dropped *dropped = &cut->dropped[i];
		if ((dropped->sectors > 0) != is_torn)
			continue;
		fprintf(out, "%s%s%" PRIu32, before == name ? " " : "", before, dropped->write);
		if (is_torn)
			fprintf(out, ":%" PRIu32, dropped->sectors);
		before = ",";
	}
}

static void print_on_disk(const struct torn_cut *cut, FILE *out)
{
	fprintf(out, "%s%s", disk_is, cut->disk);
	if (cut->commit)
		fprintf(out, " %s%" PRIu32, commit_is, cut->commit);
	fprintf(out, " %s%" PRIu32, write_is, cut->write);
	print_dropped(cut, drop_is, false, out);
	print_dropped(cut, torn_is, true, out);
}

void torn_cut_print(const struct torn_cut *cut, FILE *out)
{
	fprintf(out, "%" PRIu32 "%s%s ", cut->op, cut->during ? " " : "", cut->during ? during : "");
	if (cut->disk) {
		print_on_disk(cut, out);
		return;
	}
	fprintf(out, "%s%s", preset_is, cut->preset);
	for (uint32_t i = 0; i < cut->lost_count; i++) {
		const struct torn_lost *lost = &cut->lost[i];
		fprintf(out, "%s%s", i ? "," : " ", i ? "" : lost_is);
		if (lost->run)
			fprintf(out, "%" PRIu32 ":", lost->run);
		fprintf(out, "%" PRIu32 ".%s", lost->op, torn_effect_kind_name(lost->kind));
		if (lost->part || lost->kind == TORN_EFFECT_DATA)
			fprintf(out, "[%" PRIu32 "]", lost->part);
	}
}

/* ------------------------------------------------------------------- words */

const char *torn_cut_word(size_t number)
{
	if (number < OWN_WORDS_COUNT)
		return own_words[number];
	number -= OWN_WORDS_COUNT;
	if (number < TORN_PRESET_COUNT)
		return torn_preset_name((enum torn_preset)number);
	number -= TORN_PRESET_COUNT;
	return number < TORN_EFFECT_KIND_COUNT
		       ? torn_effect_kind_name((enum torn_effect_kind)number)
		       : NULL;
}
