/* grammar.c: see grammar.h. */
#include "grammar.h"

#include <assert.h>
#include <string.h>

#include "../injectors/runtime_text.h"
#include "words.h"

/* A text of this size takes no more: a case is 64 KiB, and a byte may be four of it. */
#define TEXT_BYTES_MAX 8000u
#define REPEATS_MAX 6u
#define LONG_BYTES_MAX 5000u
#define NAME_BYTES_MAX 40u
#define DEPTH_MAX 12u

static const struct rule {
	const char *name;
	const char *alternatives[40];
} rules[] = {
#define RULE(name, ...) {#name, {__VA_ARGS__}},
#include "grammars.def"
};

struct making {
	struct torn_mutation *mutation;
	const struct torn_case *c;
	struct torn_text text;
	unsigned depth;
};

struct torn_bytes torn_grammar_argument(struct torn_mutation *mutation, const struct torn_case *c,
					const char *name)
{
	for (size_t i = 0; i < c->args_count; i++)
		if (torn_bytes_equal(c->args[i].name, torn_bytes_of(name)))
			return c->args[i].value;
	for (const struct torn_default *arg = mutation->target->args; arg && arg->name; arg++)
		if (strcmp(arg->name, name) == 0)
			return torn_word_value(arg->value, mutation->arena);
	return (struct torn_bytes){NULL, 0};
}

static const struct rule *rule_named(const char *name, size_t size)
{
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (strlen(rules[i].name) == size && memcmp(rules[i].name, name, size) == 0)
			return &rules[i];
	assert(!"a rule that grammars.def does not have");
	return NULL;
}

static void put_long(struct making *making)
{
	const uint32_t size = 200 + torn_dice_below(&making->mutation->dice, LONG_BYTES_MAX - 200);
	for (uint32_t i = 0; i < size; i++)
		torn_text_put(&making->text, "n");
}

/* Of an argument as much as leaves room for the rest. */
static void put_argument(struct making *making, const char *name, size_t size)
{
	char wanted[NAME_BYTES_MAX];
	assert(size < sizeof wanted);
	memcpy(wanted, name, size);
	wanted[size] = '\0';
	struct torn_bytes value = torn_grammar_argument(making->mutation, making->c, wanted);
	if (!value.data)
		return;
	if (value.size > TEXT_BYTES_MAX / 4)
		value.size = TEXT_BYTES_MAX / 4;
	torn_text_add(&making->text, value);
}

/* A module as the kernel calls it, where the argument `name` can be one: '-' is '_' there. */
static void put_module(struct making *making)
{
	const struct torn_bytes name = torn_grammar_argument(making->mutation, making->c, "name");
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
	uint8_t kept[56]; /* MODULE_NAME_LEN, linux/module.h */
	bool is_module = name.data && name.size > 0 && name.size < sizeof kept;
	for (size_t i = 0; is_module && i < name.size; i++) {
		kept[i] = name.data[i] == '-' ? '_' : name.data[i];
		is_module = name.data[i] && strchr(plain, name.data[i]);
	}
	if (is_module)
		torn_text_add(&making->text, (struct torn_bytes){kept, name.size});
	else
		torn_text_put(&making->text, "usb_storage");
}

/* A mount point as mountinfo has it, where the argument `mount_point` can be one. */
static void put_mounted(struct making *making)
{
	const struct torn_bytes at = torn_grammar_argument(making->mutation, making->c, "mount_point");
	const bool is_mounted = at.data && at.size > 1 && at.size < 1000 && at.data[0] == '/' &&
				at.data[at.size - 1] != '/' && !memchr(at.data, 0, at.size) &&
				!memmem(at.data, at.size, "//", 2) && !memmem(at.data, at.size, "/.", 2);
	if (is_mounted)
		torn_text_escape(&making->text, at, " \t\n\\");
	else
		torn_text_put(&making->text, "/tmp");
}

static void put_rule(struct making *making, const struct rule *rule);

/* What stands between two backticks: see grammars.def. */
static void put_word(struct making *making, const char *word, size_t size)
{
	struct torn_dice *dice = &making->mutation->dice;
	if (word[0] == '=') {
		put_argument(making, word + 1, size - 1);
	} else if (word[0] == '*' || word[0] == '+') {
		const struct rule *rule = rule_named(word + 1, size - 1);
		const uint32_t count = (word[0] == '+') + torn_dice_below(dice, REPEATS_MAX);
		for (uint32_t i = 0; i < count; i++)
			put_rule(making, rule);
	} else if (word[0] == '?') {
		const struct rule *rule = rule_named(word + 1, size - 1);
		if (torn_dice_chance(dice, 1, 2))
			put_rule(making, rule);
	} else if (size == 5 && memcmp(word, "!long", 5) == 0) {
		put_long(making);
	} else if (size == 4 && memcmp(word, "!nul", 4) == 0) {
		torn_text_add(&making->text, (struct torn_bytes){(const uint8_t *)"", 1});
	} else if (size == 7 && memcmp(word, "!module", 7) == 0) {
		put_module(making);
	} else if (size == 8 && memcmp(word, "!mounted", 8) == 0) {
		put_mounted(making);
	} else {
		put_rule(making, rule_named(word, size));
	}
}

static void put_rule(struct making *making, const struct rule *rule)
{
	size_t count = 0;
	while (rule->alternatives[count])
		count++;
	const char *rest = rule->alternatives[torn_dice_below(&making->mutation->dice, count)];
	assert(making->depth < DEPTH_MAX);
	making->depth++;
	while (*rest && making->text.size < TEXT_BYTES_MAX) {
		const size_t plain = strcspn(rest, "`");
		torn_text_add(&making->text, (struct torn_bytes){(const uint8_t *)rest, plain});
		rest += plain;
		if (!*rest)
			break;
		const size_t size = strcspn(rest + 1, "`");
		assert(size > 0 && rest[1 + size] == '`');
		put_word(making, rest + 1, size);
		rest += size + 2;
	}
	making->depth--;
}

struct torn_bytes torn_grammar_make(struct torn_mutation *mutation, const struct torn_case *c, const char *rule)
{
	struct making making = {.mutation = mutation, .c = c};
	struct torn_bytes made;
	torn_text_begin(&making.text, mutation->arena);
	put_rule(&making, rule_named(rule, strlen(rule)));
	if (torn_text_end(&making.text, &made) < 0)
		return (struct torn_bytes){NULL, 0};
	return torn_arena_copy(mutation->arena, made.data ? made.data : (const uint8_t *)"", made.size);
}
