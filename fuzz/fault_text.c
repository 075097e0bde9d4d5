/*
 * fault_text.c: see fault_text.h for the grammar.
 *
 * Whether a fault can act (an errno that the call never returns, half a write
 * of something that is no write) is not a matter of grammar: the plan knows.
 */
#include "fault_text.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum value_kind {
	VALUE_NONE,
	VALUE_ERRNO,
	VALUE_SIGNAL,
	VALUE_NUMBER,
	VALUE_KILL,
	VALUE_FSYNC
};

/* In the order of enum torn_fault_name. */
static const struct spec {
	const char *name;
	enum value_kind kind;
	bool needs_value;
	int64_t number_min, number_max; /* of a VALUE_NUMBER, VALUE_KILL */
	const char *expected;
} specs[TORN_FAULT_COUNT] = {
	[TORN_FAULT_ERRNO] = {"errno", VALUE_ERRNO, true, 0, 0, "the name of an errno"},
	[TORN_FAULT_STICKY] = {"sticky", VALUE_ERRNO, true, 0, 0, "the name of an errno"},
	[TORN_FAULT_FULL] = {"full", VALUE_NONE, false, 0, 0, "full without a value"},
	[TORN_FAULT_SHORT] = {"short", VALUE_NUMBER, false, 1, INT64_MAX,
			      "a number of bytes from 1"},
	[TORN_FAULT_LATE] = {"late", VALUE_ERRNO, true, 0, 0, "the name of an errno"},
	[TORN_FAULT_EINTR] = {"eintr", VALUE_NUMBER, false, 1, UINT32_MAX,
			      "a number of times from 1"},
	[TORN_FAULT_KILL] = {"kill", VALUE_KILL, true, 1, INT64_MAX,
			     "before, after or a number of bytes from 1"},
	[TORN_FAULT_SIGNAL] = {"signal", VALUE_SIGNAL, true, 0, 0,
			       "the name of a signal without SIG"},
	[TORN_FAULT_FSYNC] = {"fsync", VALUE_FSYNC, true, 0, 0,
			      "lost, reverted or kept (with :E or without), readonly or shutdown"},
};

static const char disk_is[] = "disk=";
static const char *const full_disks[TORN_FULL_DISK_COUNT] = {
	[TORN_FULL_TMPFS] = "tmpfs",
	[TORN_FULL_EXT4] = "ext4",
};
static const char *const full_units[TORN_FULL_UNIT_COUNT] = {
	[TORN_FULL_BLOCKS] = "blocks",
	[TORN_FULL_INODES] = "inodes",
};

static const char kill_before[] = "before", kill_after[] = "after";
static const char *const manners[TORN_FSYNC_COUNT] = {
	[TORN_FSYNC_LOST] = "lost",         [TORN_FSYNC_REVERTED] = "reverted",
	[TORN_FSYNC_KEPT] = "kept",         [TORN_FSYNC_READONLY] = "readonly",
	[TORN_FSYNC_SHUTDOWN] = "shutdown",
};

const char *torn_fault_name(enum torn_fault_name name)
{
	assert((unsigned)name < TORN_FAULT_COUNT);
	return specs[name].name;
}

static bool is_text(struct torn_bytes bytes, const char *text)
{
	return bytes.size == strlen(text) && memcmp(bytes.data, text, bytes.size) == 0;
}

const char *torn_full_disk_name(enum torn_full_disk disk)
{
	return (unsigned)disk < TORN_FULL_DISK_COUNT ? full_disks[disk] : NULL;
}

const char *torn_full_unit_name(enum torn_full_unit unit)
{
	assert((unsigned)unit < TORN_FULL_UNIT_COUNT);
	return full_units[unit];
}

enum torn_full_disk torn_full_disk_named(struct torn_bytes name)
{
	for (unsigned disk = TORN_FULL_GATE + 1; disk < TORN_FULL_DISK_COUNT; disk++)
		if (is_text(name, full_disks[disk]))
			return (enum torn_full_disk)disk;
	return TORN_FULL_GATE;
}

/* Return what stands before the first `separator` and what behind it. */
static bool split(struct torn_bytes bytes, const char *separator, struct torn_bytes *ret_before,
		  struct torn_bytes *ret_after)
{
	size_t size = strlen(separator);
	const uint8_t *at = memmem(bytes.data, bytes.size, separator, size);
	if (!at)
		return false;
	size_t before = (size_t)(at - bytes.data);
	*ret_before = (struct torn_bytes){bytes.data, before};
	*ret_after = (struct torn_bytes){at + size, bytes.size - before - size};
	return true;
}

/* ----------------------------------------------------------------- reading */

static int parse_ordinal(struct torn_words *words, struct torn_bytes digits, const char *what,
			 uint32_t min, uint32_t *ret_number)
{
	uint64_t number;
	if (!torn_word_number(digits, min, TORN_WHEN_MAX, &number))
		return torn_words_refuse_bytes(words, digits, "%s from %" PRIu32 " to %" PRIu32,
					       what, min, TORN_WHEN_MAX);
	*ret_number = (uint32_t)number;
	return 0;
}

static int parse_when(struct torn_words *words, struct torn_when *ret_when)
{
	struct torn_word word;
	int error = torn_words_next(words, &word);
	if (error)
		return error;
	if (word.kind != TORN_WORD_BARE || word.raw.data[0] < '0' || word.raw.data[0] > '9')
		return torn_words_refuse(words, &word, "op numbers (F, F..L or F+S)");

	struct torn_bytes first = word.raw, rest;
	struct torn_when when = {0};
	if (split(word.raw, "..", &first, &rest)) {
		error = parse_ordinal(words, first, "an op number", 1, &when.first);
		if (!error)
			error = parse_ordinal(words, rest, "a last op number", when.first,
					      &when.last);
		when.step = when.last == when.first ? 0 : 1;
	} else if (split(word.raw, "+", &first, &rest)) {
		error = parse_ordinal(words, first, "an op number", 1, &when.first);
		if (!error)
			error = parse_ordinal(words, rest, "a step", 1, &when.step);
		when.last = UINT32_MAX;
	} else {
		error = parse_ordinal(words, word.raw, "an op number", 1, &when.first);
		when.last = when.first;
	}
	if (error)
		return error;
	*ret_when = when;
	return 0;
}

static bool parse_fsync(struct torn_bytes text, int64_t *ret_value)
{
	struct torn_bytes word = text, name = torn_bytes_of("EIO");
	split(text, ":", &word, &name);
	const int number = torn_errno_named(name);
	for (unsigned manner = TORN_FSYNC_NONE + 1; manner < TORN_FSYNC_COUNT; manner++)
		if (number > 0 && is_text(word, manners[manner])) {
			*ret_value = TORN_FSYNC_VALUE(manner, number);
			return true;
		}
	return false;
}

static bool parse_value(const struct spec *spec, struct torn_bytes text, int64_t *ret_value)
{
	uint64_t number;
	switch (spec->kind) {
	case VALUE_NONE:
		return false;
	case VALUE_ERRNO:
		*ret_value = torn_errno_named(text);
		return *ret_value > 0;
	case VALUE_SIGNAL:
		*ret_value = torn_signal_named(text);
		return *ret_value > 0;
	case VALUE_KILL:
		if (is_text(text, kill_before) || is_text(text, kill_after)) {
			*ret_value = is_text(text, kill_after) ? TORN_KILL_AFTER : TORN_KILL_BEFORE;
			return true;
		}
		break;
	case VALUE_FSYNC:
		return parse_fsync(text, ret_value);
	case VALUE_NUMBER:
		break;
	}
	if (!torn_word_number(text, (uint64_t)spec->number_min, (uint64_t)spec->number_max,
			      &number))
		return false;
	*ret_value = (int64_t)number;
	return true;
}

static int parse_spec(struct torn_words *words, struct torn_fault *fault)
{
	struct torn_word word;
	int error = torn_words_next(words, &word);
	if (error)
		return error;

	struct torn_bytes name = word.raw, text = {NULL, 0};
	bool has_value = word.kind == TORN_WORD_BARE && split(word.raw, "=", &name, &text);
	const struct spec *spec = NULL;
	if (word.kind == TORN_WORD_BARE)
		for (size_t i = 0; i < TORN_FAULT_COUNT && !spec; i++)
			if (is_text(name, specs[i].name))
				spec = &specs[i];
	if (!spec)
		return torn_words_refuse(words, &word,
					 "one of errno=E, sticky=E, full, short, late=E, eintr, "
					 "kill=WHEN, signal=S, fsync=WHAT");
	fault->name = (enum torn_fault_name)(spec - specs);
	if (!has_value && spec->needs_value)
		return torn_words_refuse(words, &word, "%s= and %s", spec->name, spec->expected);
	int64_t value = 0;
	if (has_value && !parse_value(spec, text, &value)) {
		if (spec->kind == VALUE_NONE)
			return torn_words_refuse(words, &word, "%s", spec->expected);
		return torn_words_refuse_bytes(words, text, "%s", spec->expected);
	}
	fault->value = fault->name == TORN_FAULT_EINTR && value == 1 ? 0 : value;
	return 0;
}

static int parse_left(struct torn_words *words, enum torn_full_unit *ret_unit, uint64_t *ret_left)
{
	struct torn_word word;
	struct torn_bytes name, digits;
	int error = torn_words_next(words, &word);
	if (error)
		return error;
	if (word.kind == TORN_WORD_BARE && split(word.raw, "=", &name, &digits)) {
		for (unsigned unit = 0; unit < TORN_FULL_UNIT_COUNT; unit++) {
			if (!is_text(name, full_units[unit]))
				continue;
			*ret_unit = (enum torn_full_unit)unit;
			return torn_word_number(digits, 0, TORN_FULL_LEFT_MAX, ret_left)
				       ? 0
				       : torn_words_refuse_bytes(words, digits, "a number from 0 to %u",
								 TORN_FULL_LEFT_MAX);
		}
	}
	return torn_words_refuse(words, &word, "blocks=N or inodes=N");
}

/* Behind `full`: which real disk it is, where it is one. */
static int parse_full(struct torn_words *words, struct torn_fault *fault)
{
	const struct torn_words before = *words;
	struct torn_word word;
	struct torn_bytes name;
	enum torn_full_unit unit = TORN_FULL_BLOCKS;
	uint64_t left = 0;
	int error = torn_words_next(words, &word);
	if (error)
		return error;
	const size_t prefix = strlen(disk_is);
	if (word.kind != TORN_WORD_BARE || word.raw.size < prefix || memcmp(word.raw.data, disk_is, prefix) != 0) {
		*words = before;
		return 0;
	}
	name = (struct torn_bytes){word.raw.data + prefix, word.raw.size - prefix};
	const enum torn_full_disk disk = torn_full_disk_named(name);
	if (disk == TORN_FULL_GATE)
		return torn_words_refuse_bytes(words, name, "a small disk: tmpfs or ext4");
	if (fault->when.first != fault->when.last)
		return torn_words_refuse(words, &word, "one op, which a small disk refuses first");
	error = parse_left(words, &unit, &left);
	if (!error)
		fault->value = TORN_FULL_VALUE(disk, unit, left);
	return error;
}

int torn_fault_parse(struct torn_words *words, struct torn_fault *ret_fault)
{
	struct torn_fault fault = {0};
	int error = parse_when(words, &fault.when);
	if (error)
		return error;

	struct torn_word word;
	error = torn_words_next(words, &word);
	if (error)
		return error;
	fault.call = word.kind == TORN_WORD_BARE ? torn_call_named(word.raw) : TORN_CALL_NONE;
	if (fault.call == TORN_CALL_NONE)
		return torn_words_refuse(words, &word, "the name of a call");

	error = parse_spec(words, &fault);
	if (!error && fault.name == TORN_FAULT_FULL)
		error = parse_full(words, &fault);
	if (error)
		return error;
	error = torn_words_finish(words);
	if (error)
		return error;
	*ret_fault = fault;
	return 0;
}

/* ---------------------------------------------------------------- printing */

static void print_when(struct torn_when when, char *buffer, size_t size)
{
	if (when.first == when.last)
		snprintf(buffer, size, "%" PRIu32, when.first);
	else if (when.last == UINT32_MAX)
		snprintf(buffer, size, "%" PRIu32 "+%" PRIu32, when.first, when.step);
	else
		snprintf(buffer, size, "%" PRIu32 "..%" PRIu32, when.first, when.last);
}

static void print_fsync(int64_t value, char *buffer, size_t size)
{
	const enum torn_fsync manner = torn_fsync_manner(value);
	const int number = torn_fsync_errno(value);
	const char *word = manner < TORN_FSYNC_COUNT ? manners[manner] : NULL, *name = torn_errno_name(number);
	if (!word || !name)
		snprintf(buffer, size, "=%" PRId64, value);
	else if (number == EIO)
		snprintf(buffer, size, "=%s", word);
	else
		snprintf(buffer, size, "=%s:%s", word, name);
}

static void print_full(int64_t value, char *buffer, size_t size)
{
	const char *disk = torn_full_disk_name(torn_full_disk(value));
	const enum torn_full_unit unit = torn_full_unit(value);
	if (disk && unit < TORN_FULL_UNIT_COUNT)
		snprintf(buffer, size, " %s%s %s=%" PRIu32, disk_is, disk, full_units[unit], torn_full_left(value));
}

static void print_value(const struct torn_fault *fault, char *buffer, size_t size)
{
	const char *text = NULL;
	switch (specs[fault->name].kind) {
	case VALUE_NONE:
		if (fault->name == TORN_FAULT_FULL)
			print_full(fault->value, buffer, size);
		return;
	case VALUE_ERRNO:
		text = torn_errno_name((int)fault->value);
		break;
	case VALUE_SIGNAL:
		text = torn_signal_name((int)fault->value);
		break;
	case VALUE_NUMBER:
		if (fault->value == 0 || (fault->name == TORN_FAULT_EINTR && fault->value == 1))
			return;
		break;
	case VALUE_KILL:
		if (fault->value == TORN_KILL_AFTER)
			text = kill_after;
		else if (fault->value == TORN_KILL_BEFORE)
			text = kill_before;
		break;
	case VALUE_FSYNC:
		print_fsync(fault->value, buffer, size);
		return;
	}
	/* a number without a name does not read back, but a report still has to say it */
	if (text)
		snprintf(buffer, size, "=%s", text);
	else
		snprintf(buffer, size, "=%" PRId64, fault->value);
}

int torn_fault_print(const struct torn_fault *fault, char *buffer, size_t size)
{
	char when[32], value[48] = "";
	print_when(fault->when, when, sizeof(when));
	print_value(fault, value, sizeof(value));
	return snprintf(buffer, size, "%s %s %s%s", when, torn_call_name(fault->call),
			torn_fault_name(fault->name), value);
}

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

int torn_fault_compare(const struct torn_fault *a, const struct torn_fault *b)
{
	/* by name: rows move in calls.def, and a case's hash must not move with them */
	int order = COMPARE(a->when.first, b->when.first);
	if (!order)
		order = strcmp(torn_call_name(a->call), torn_call_name(b->call));
	if (!order)
		order = strcmp(torn_fault_name(a->name), torn_fault_name(b->name));
	if (!order)
		order = COMPARE(a->value, b->value);
	if (!order)
		order = COMPARE(a->when.last, b->when.last);
	if (!order)
		order = COMPARE(a->when.step, b->when.step);
	return order;
}

const char *torn_fault_value_word(size_t number)
{
	if (number < 2)
		return number == 0 ? kill_before : kill_after;
	number -= 2;
	if (number + 1 < TORN_FSYNC_COUNT)
		return manners[number + 1];
	number -= TORN_FSYNC_COUNT - 1;
	static const char *const of_full[] = {disk_is, "tmpfs", "ext4", "blocks=", "inodes="}; /* as above, with their = */
	return number < sizeof of_full / sizeof *of_full ? of_full[number] : NULL;
}

bool torn_fault_takes_value(enum torn_fault_name name, bool *ret_always)
{
	*ret_always = specs[name].needs_value;
	return specs[name].kind != VALUE_NONE;
}
