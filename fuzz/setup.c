/* setup.c: see setup.h. */
#include "setup.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "../injectors/faults.h"
#include "registry.h"
#include "world.h"

static int take_args(struct torn_setup *setup, const struct torn_case *c)
{
	const struct torn_default *defaults = setup->target->args;
	size_t count = 0;
	while (defaults && defaults[count].name)
		count++;
	struct torn_arg *args = torn_arena_take(setup->arena, count * sizeof *args);
	if (!args)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		args[i].name = defaults[i].name;
		args[i].value = torn_word_value(defaults[i].value, setup->arena);
		for (size_t j = 0; c && j < c->args_count; j++)
			if (torn_bytes_equal(c->args[j].name, torn_bytes_of(args[i].name)))
				args[i].value = c->args[j].value;
		if (!args[i].value.data)
			return -EINVAL;
	}
	setup->run = (struct torn_run){args, count};
	return 0;
}

static int build(struct torn_setup *setup, char *message, size_t size)
{
	return torn_world_build(setup->arena, setup->olds, setup->olds_count, &setup->old_tree,
				&setup->base, message, size);
}

int torn_setup_world(struct torn_arena *arena, const struct torn_target *target,
		     const struct torn_variant *variant, const struct torn_world *world,
		     struct torn_setup *ret_setup, char *ret_message, size_t size)
{
	struct torn_setup setup = {
		.target = target, .variant = variant, .world = world, .arena = arena};
	struct torn_old *olds;
	struct torn_case_error error;
	int r = torn_case_parse_olds(torn_bytes_of(world->old), arena, &olds, &setup.olds_count,
				     &error);
	if (r == -EINVAL)
		snprintf(ret_message, size, "%s, old state \"%s\", line %u: %s", target->name,
			 world->name, error.line, error.message);
	if (r < 0)
		return r;
	setup.olds = olds;
	r = take_args(&setup, NULL);
	if (r == -EINVAL)
		snprintf(ret_message, size, "%s: a default argument is no word", target->name);
	if (r == 0)
		r = build(&setup, ret_message, size);
	if (r == 0)
		*ret_setup = setup;
	return r;
}

/* ------------------------------------------------------------------- cases */

static int refuse(struct torn_case_error *error, uint32_t line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int refuse(struct torn_case_error *error, uint32_t line, const char *format, ...)
{
	error->line = line;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(error->message, sizeof error->message, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

static bool declares(const struct torn_target *target, struct torn_bytes name)
{
	for (const struct torn_default *arg = target->args; arg && arg->name; arg++)
		if (torn_bytes_equal(torn_bytes_of(arg->name), name))
			return true;
	return false;
}

static int check_names(const struct torn_case *c, const struct torn_case_lines *lines,
		       struct torn_setup *setup, struct torn_case_error *error)
{
	setup->target = torn_target_named(c->target);
	if (!setup->target)
		return refuse(error, lines->target, "expected a target (see torn list targets), found %.60s",
			      (const char *)c->target.data);
	setup->variant = c->variant.size ? torn_variant_named(setup->target, c->variant)
					 : &setup->target->variants[0];
	if (!setup->variant)
		return refuse(error, lines->target, "expected a variant of %s, found %.60s",
			      setup->target->name, (const char *)c->variant.data);
	for (size_t i = 0; i < c->args_count; i++)
		if (!declares(setup->target, c->args[i].name))
			return refuse(error, lines->args[i], "expected an argument of %s, found %.60s",
				      setup->target->name, (const char *)c->args[i].name.data);
	if (c->expect != TORN_EXPECT_NOTHING && !torn_invariant_named(c->invariant))
		return refuse(error, lines->invariant,
			      "expected an invariant (see torn list invariants), found %.60s",
			      (const char *)c->invariant.data);
	for (uint32_t i = 0; i < c->plan.faults_count; i++) {
		const char *objection = torn_fault_objection(&c->plan.faults[i]);
		if (objection)
			return refuse(error, lines->faults[i],
				      "expected a possible fault: %.190s",
				      objection);
	}
	return 0;
}

static bool same_tree(struct torn_arena *arena, const struct torn_setup *setup,
		      const struct torn_world *world)
{
	char message[200];
	struct torn_setup other;
	return torn_setup_world(arena, setup->target, setup->variant, world, &other, message,
				sizeof message) == 0 &&
	       torn_tree_equal(other.old_tree, setup->old_tree);
}

int torn_setup_case(struct torn_arena *arena, const struct torn_case *c,
		    const struct torn_case_lines *lines, struct torn_setup *ret_setup,
		    struct torn_case_error *ret_error)
{
	struct torn_setup setup = {.arena = arena, .olds = c->olds, .olds_count = c->olds_count};
	int r = check_names(c, lines, &setup, ret_error);
	if (r == 0)
		r = take_args(&setup, c);
	if (r < 0)
		return r;
	r = build(&setup, ret_error->message, sizeof ret_error->message);
	if (r == -EINVAL)
		ret_error->line = lines->olds && c->olds_count ? lines->olds[0] : 0;
	if (r < 0)
		return r;
	for (const struct torn_world *world = setup.target->worlds; world->name; world++)
		if (!setup.world && same_tree(arena, &setup, world))
			setup.world = world;
	*ret_setup = setup;
	return 0;
}

void torn_setup_to_case(const struct torn_setup *setup, const struct torn_plan *plan,
			const char *invariant, struct torn_arena *arena, struct torn_case *ret_case)
{
	struct torn_case c = {
		.target = torn_bytes_of(setup->target->name),
		.variant = torn_bytes_of(setup->variant->name),
		.olds = (struct torn_old *)setup->olds,
		.olds_count = setup->olds_count,
		.plan = *plan,
		.expect = invariant ? TORN_EXPECT_VIOLATED : TORN_EXPECT_NOTHING,
		.invariant = torn_bytes_of(invariant ? invariant : ""),
		.args_count = setup->run.args_count,
	};
	c.args = torn_arena_take(arena, (c.args_count + 1) * sizeof *c.args);
	for (size_t i = 0; c.args && i < c.args_count; i++)
		c.args[i] = (struct torn_case_arg){torn_bytes_of(setup->run.args[i].name),
						   setup->run.args[i].value};
	if (!c.args)
		c.args_count = 0;
	torn_case_sort(&c);
	*ret_case = c;
}
