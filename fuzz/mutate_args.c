/* mutate_args.c: another value for one of a target's arguments. */
#include <string.h>

#include "mutate.h"
#include "mutate_formats.h"
#include "words.h"

static struct torn_bytes copy(struct torn_mutation *mutation, const char *text)
{
	return torn_arena_copy(mutation->arena, text, strlen(text));
}

/* The value that a case has, or the target's own. */
static struct torn_bytes value_now(struct torn_mutation *mutation, const struct torn_case *c,
				   const struct torn_default *arg)
{
	for (size_t i = 0; i < c->args_count; i++)
		if (torn_bytes_equal(c->args[i].name, torn_bytes_of(arg->name)))
			return c->args[i].value;
	return torn_word_value(arg->value, mutation->arena);
}

static bool is_number(struct torn_bytes value)
{
	for (size_t i = 0; i < value.size; i++)
		if (value.data[i] < '0' || value.data[i] > '9')
			return false;
	return value.size > 0;
}

static struct torn_bytes another_number(struct torn_mutation *mutation)
{
	static const char *const numbers[] = {"0",    "1",     "2",	    "0600", "0644", "0755",
					      "0000", "07777", "4294967295", "-1",   "",     "08"};
	return copy(mutation, numbers[torn_dice_below(&mutation->dice, sizeof numbers / sizeof *numbers)]);
}

/* As long a name as there can be, or one more. */
static struct torn_bytes long_name(struct torn_mutation *mutation, struct torn_bytes folder)
{
	const size_t name = 250 + torn_dice_below(&mutation->dice, 7);
	uint8_t *text = torn_arena_take(mutation->arena, folder.size + name + 1);
	if (!text)
		return (struct torn_bytes){NULL, 0};
	memcpy(text, folder.data, folder.size);
	memset(text + folder.size, 'n', name);
	return (struct torn_bytes){text, folder.size + name};
}

/* Another path, mostly in the same folder: names that scripts and parsers get wrong. */
static struct torn_bytes another_path(struct torn_mutation *mutation, struct torn_bytes path)
{
	static const char *const names[] = {"-n",  "--",     "a b",   "line\nbreak", ".",	 "..",
					    "",	   "x/",     ".hidden", "*",	   "$HOME",	 "\xff\xfe",
					    "'q\"", "name.tmp", "name~", "../up",   "deep/er/x", "%s%n"};
	const uint8_t *slash = memrchr(path.data, '/', path.size);
	const struct torn_bytes folder = {path.data, slash ? (size_t)(slash - path.data) + 1 : 0};
	struct torn_dice *dice = &mutation->dice;
	if (torn_dice_chance(dice, 1, 6))
		return long_name(mutation, folder);
	const char *name = names[torn_dice_below(dice, sizeof names / sizeof *names)];
	char *text = torn_arena_take(mutation->arena, path.size + strlen(name) + 4);
	if (!text)
		return (struct torn_bytes){NULL, 0};
	size_t size = folder.size;
	memcpy(text, folder.data, size);
	if (torn_dice_chance(dice, 1, 5)) { /* an odd way to the same place */
		memcpy(text + size, "./", 2);
		size += 2;
		memcpy(text + size, path.data + folder.size, path.size - folder.size);
		size += path.size - folder.size;
	} else {
		memcpy(text + size, name, strlen(name));
		size += strlen(name);
	}
	return (struct torn_bytes){(uint8_t *)text, size};
}

static void set(struct torn_mutation *mutation, struct torn_case *c, const char *name,
		struct torn_bytes value)
{
	struct torn_case_arg *args =
		torn_arena_take(mutation->arena, (c->args_count + 1) * sizeof *args);
	if (!args || !value.data)
		return;
	size_t count = 0;
	for (size_t i = 0; i < c->args_count; i++)
		if (!torn_bytes_equal(c->args[i].name, torn_bytes_of(name)))
			args[count++] = c->args[i];
	args[count++] = (struct torn_case_arg){torn_bytes_of(name), value};
	c->args = args;
	c->args_count = count;
}

void torn_mutate_args(struct torn_mutation *mutation, struct torn_case *c)
{
	const struct torn_default *args = mutation->target->args;
	struct torn_dice *dice = &mutation->dice;
	size_t count = 0;
	while (args && args[count].name)
		count++;
	if (count == 0)
		return;
	const struct torn_default *arg = &args[torn_dice_below(dice, count)];
	const struct torn_bytes now = value_now(mutation, c, arg);
	struct torn_bytes value = {NULL, 0};
	if (!now.data)
		return;
	if (torn_mutate_knows_formats(mutation, c) && torn_dice_chance(dice, 4, 5))
		value = torn_mutate_formatted_arg(mutation, c, arg->name, now);
	const bool is_formatted = value.data;
	if (is_formatted)
		; /* it is what a parser is asked about */
	else if (torn_dice_chance(dice, 1, 6)) /* back to what it is meant to be */
		value = torn_word_value(arg->value, mutation->arena);
	else if (is_number(now))
		value = another_number(mutation);
	else if (now.size > 0 && now.data[0] == '/')
		value = another_path(mutation, now);
	else
		value = torn_mutate_content(mutation);
	set(mutation, c, arg->name, value);
	if (is_formatted && torn_dice_chance(dice, 3, 4))
		torn_mutate_olds_to_match(mutation, c);
}
